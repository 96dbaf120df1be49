-- severity: warning
-- category: quantity
-- owns: quantity
-- resource: yes
-- watches: provisioned_throughput
-- needs: components WHERE component = 'quantity'
-- question: Is a part of a model unit billed in the middle of a provisioned model's time?
-- Model units are whole (Bedrock pricing page); only the first and the last hour may be parts.
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'A part of a model unit is billed, between hours of the same provisioned model.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason = 'unit_fraction'
ORDER BY c.line_item_id, c.time_interval
