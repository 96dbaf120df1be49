-- severity: error
-- category: arithmetic
-- owns: arithmetic
-- needs: components WHERE component = 'arithmetic'
-- question: Is every line billed at its quantity times the rate that the bill itself states?
-- Tolerance: AWS rounds each hourly line to ten decimals and each rate to ten (steps/priced.sql).
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'The billed cost is not the quantity times the rate that the bill states.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'arithmetic'
ORDER BY c.line_item_id, c.time_interval
