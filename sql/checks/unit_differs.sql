-- severity: error
-- category: unit
-- owns: unit
-- needs: components WHERE component = 'unit'
-- question: Is any charge a thousand times too dear or too cheap, because one unit was taken for another?
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    CASE WHEN c.provable THEN 'error' ELSE 'warning' END AS severity,
    'The cost is off by a factor of a thousand or a million: the unit of the rate is not the unit of the quantity.'
        AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'unit'
ORDER BY c.line_item_id, c.time_interval
