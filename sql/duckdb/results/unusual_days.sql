-- The days of each anomaly of the deliveries of this run, with what is told of it.
SELECT DISTINCT
    r.period_text AS period,
    r.payer_account,
    u.currency,
    u.used AS day,
    u.what,
    u.name,
    u.measure,
    u.direction,
    CASE WHEN u.measure = 'cost' THEN u.spent ELSE u.quantity END AS billed,
    u.usual AS expected
FROM unusual AS u
JOIN anomalies AS a
    ON a.currency = u.currency
    AND a.what = u.what
    AND a.name = u.name
    AND a.measure = u.measure
    AND a.direction = u.direction
    AND a.first_day <= u.used
    AND a.last_day >= u.used
JOIN run_deliveries AS r
    ON r.delivery_id = a.delivery_id
    AND r.payer_account = u.payer_account
ORDER BY ALL
