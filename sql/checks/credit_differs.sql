-- severity: warning
-- category: discount
-- owns: discount
-- needs: components WHERE component = 'discount'
-- question: Has every credit that the contract promises for Bedrock or SageMaker arrived in its month?
-- On an invoice it is an error; before there is one, the credit may still come.
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    CASE WHEN l.bill_invoice_id IS NULL THEN 'warning' ELSE 'error' END AS severity,
    CASE c.reason
        WHEN 'credit_missing'
        THEN 'The credit that the contract promises has not arrived in the month in which it starts.'
        ELSE 'Less credit than the contract promises has arrived in the month in which it starts.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'discount'
    AND c.reason IN ('credit_missing', 'credit_too_small')
ORDER BY c.line_item_id, c.time_interval
