-- severity: warning
-- category: quantity
-- owns: quantity
-- needs: components WHERE component = 'quantity'
-- question: Is usage taken back that was never billed, or for which no credit stands on the bill?
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'Negative usage without the usage that it takes back, and without a credit of that amount.'
        AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason = 'negative'
ORDER BY c.line_item_id, c.time_interval
