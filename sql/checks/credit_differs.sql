-- severity: warning
-- category: discount
-- owns: discount
-- needs: credits WHERE reason <> 'credit_not_due'
-- question: Have the credits that the contract promises for Bedrock or SageMaker come in their time?
-- On an invoice it is an error; before there is one, and until a credit ends, it may still come.
-- While the month runs it is not due (credit_not_due).
-- A credit is the payer's, so no account, usage type or line stands for it. The charges that it is
-- for are the resource, so that the credits of each have a finding of their own.
SELECT
    c.delivery_id,
    c.only_service AS service,
    c.about AS resource,
    c.currency,
    0 AS lines,
    d.starts AS first_usage,
    d.ends AS last_usage,
    0 AS billed,
    -c.difference AS expected,
    c.difference,
    CASE
        WHEN l.bill_invoice_id IS NULL OR c.reason = 'credit_outstanding' THEN 'warning'
        ELSE 'error'
    END AS severity,
    CASE c.reason
        WHEN 'credit_missing'
        THEN 'A credit that the contract promises has not arrived. '
        WHEN 'credit_too_small'
        THEN 'Less credit than the contract promises has arrived. '
        ELSE 'Not all of the promised credit has arrived; until it ends, it may still come. '
    END || c.told AS reason
FROM credits AS c
JOIN lines AS l
    ON l.line = c.line
JOIN run_deliveries AS d
    ON d.delivery_id = c.delivery_id
WHERE c.reason <> 'credit_not_due'
ORDER BY c.delivery_id, c.about
