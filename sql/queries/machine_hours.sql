-- question: Which SageMaker machines ran, for how long and at what price an hour?
-- about: Hours and dollars by machine, capability, account and region, with dollars an hour.
-- ratio: per_hour = billed / hours, 6
-- param: period month, every period in the ledger
SELECT
    strftime(d.period, '%Y-%m') AS period,
    s.line_item_usage_account_id AS usage_account,
    k.region,
    k.capability,
    k.instance_type,
    sum(s.quantity) AS hours,
    sum(s.billed) AS billed,
    k.line_item_currency_code AS currency
FROM delivery_sums AS s
JOIN deliveries AS d
    ON d.delivery_id = s.delivery_id
JOIN charge_keys AS k
    ON k.charge_key_id = s.charge_key_id
WHERE d.is_current
    AND k.kind IN ('usage', 'covered_usage')
    AND k.component = 'instance'
    AND k.unit = 'hour'
    AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
GROUP BY d.period, s.line_item_usage_account_id, k.region, k.capability, k.instance_type,
    k.line_item_currency_code
ORDER BY billed DESC, period, usage_account, k.region, k.capability, k.instance_type
