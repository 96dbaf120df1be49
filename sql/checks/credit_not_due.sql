-- severity: info
-- category: discount
-- needs: credits WHERE reason = 'credit_not_due'
-- question: Which promised credits are to come with the bill of a month that still runs?
-- A credit is taken off the bill of a month, so before there is one it is not missing, and no dollars
-- count. Once the month is over, what has not come is credit_differs.
-- Source: AWS Billing user guide, "AWS credits".
SELECT
    c.delivery_id,
    c.only_service AS service,
    c.about AS resource,
    c.currency,
    0 AS lines,
    d.starts AS first_usage,
    d.ends AS last_usage,
    0 AS billed,
    0 AS expected,
    0 AS difference,
    'A promised credit is due with the bill of the month, which still runs. ' || c.told AS reason
FROM credits AS c
JOIN run_deliveries AS d
    ON d.delivery_id = c.delivery_id
WHERE c.reason = 'credit_not_due'
ORDER BY c.delivery_id, c.about
