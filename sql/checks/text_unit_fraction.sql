-- severity: warning
-- category: quantity
-- owns: quantity
-- watches: guardrail
-- needs: components WHERE component = 'quantity'
-- question: Is a part of a text unit billed?
-- Each text is rounded up to whole units of 1,000 characters (Bedrock pricing page).
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'A fraction of a text unit is billed; text units are whole.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason = 'text_unit_fraction'
ORDER BY c.line_item_id, c.time_interval
