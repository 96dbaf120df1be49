-- severity: error
-- category: discount
-- owns: discount
-- needs: components WHERE component = 'discount'
-- question: Has every discount that the contract promises arrived, and no other?
SELECT
    c.line,
    c.difference,
    CASE
        WHEN c.difference > 0
            AND c.reason NOT IN ('discount_unusual', 'discount_order_unknown')
        THEN 'error'
        ELSE 'warning'
    END AS severity,
    CASE c.reason
        WHEN 'discount_missing' THEN 'The discount that the contract promises has not arrived.'
        WHEN 'discount_excluded' THEN 'A discount stands on charges that the contract excludes.'
        WHEN 'discount_unusual'
        THEN 'The discount is not the one that charges of the service had on the same day.'
        WHEN 'discount_order_unknown'
        THEN 'No discount was taken of a private rate; the contract does not say which comes first.'
        ELSE 'The discount is not the share that the contract promises.'
    END AS reason,
    c.billed,
    c.expected
FROM comparison AS c
WHERE c.component = 'discount'
    AND c.reason NOT IN ('credit_missing', 'credit_too_small', 'credit_outstanding')
ORDER BY c.line_item_id, c.time_interval
