-- severity: error
-- category: arithmetic
-- owns: arithmetic
-- needs: components WHERE component = 'arithmetic'
-- question: Is every line billed at its quantity times the rate that the bill itself states?
-- What FOCUS bills below its price may be less a discount that nobody has stated.
-- Tolerance: AWS rounds each hourly line to ten decimals and each rate to ten (steps/priced.sql).
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    CASE
        WHEN k.price_basis = 'list' AND k.kind = 'usage' AND c.difference < 0 THEN 'warning'
        ELSE 'error'
    END AS severity,
    'The billed cost is not the quantity times the rate that the bill states.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE c.component = 'arithmetic'
ORDER BY c.line_item_id, c.time_interval
