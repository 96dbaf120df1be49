-- severity: warning
-- category: discount
-- owns: discount
-- needs: components WHERE component = 'discount'
-- question: Have the credits that the contract promises for Bedrock or SageMaker come in their time?
-- On an invoice it is an error; before there is one, and until a credit ends, it may still come.
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    CASE
        WHEN l.bill_invoice_id IS NULL OR c.reason = 'credit_outstanding' THEN 'warning'
        ELSE 'error'
    END AS severity,
    CASE c.reason
        WHEN 'credit_missing'
        THEN 'The credit that the contract promises has not arrived, though charges it is for did.'
        WHEN 'credit_too_small'
        THEN 'Less credit than the contract promises has arrived.'
        ELSE 'Not all of the promised credit has arrived; until it ends, it may still come.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'discount'
    AND c.reason IN ('credit_missing', 'credit_too_small', 'credit_outstanding')
ORDER BY c.line_item_id, c.time_interval
