-- severity: warning
-- category: quantity
-- owns: quantity
-- watches: human_task
-- needs: components WHERE component = 'quantity'
-- question: Is a part of a human task billed?
-- A task is one worker's assessment of one prompt, so it is whole (Bedrock pricing page).
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'A fraction of a human task is billed; tasks are whole.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason = 'fraction'
ORDER BY c.line_item_id, c.time_interval
