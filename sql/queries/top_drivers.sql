-- question: What costs most?
-- about: Dollars as billed, by account, service, capability, model or machine and region; the dearest first.
-- param: period month, every period in the ledger
-- param: limit integer = 20, how many rows
SELECT
    strftime(d.period, '%Y-%m') AS period,
    s.line_item_usage_account_id AS usage_account,
    k.service,
    k.capability,
    coalesce(k.model, k.instance_type, k.product_name, k.line_item_product_code) AS what,
    coalesce(k.region, k.product_region_code) AS region,
    sum(s.lines) AS lines,
    sum(s.billed) AS billed,
    k.line_item_currency_code AS currency
FROM delivery_sums AS s
JOIN deliveries AS d
    ON d.delivery_id = s.delivery_id
JOIN charge_keys AS k
    ON k.charge_key_id = s.charge_key_id
WHERE d.is_current
    AND k.is_ai
    AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
GROUP BY ALL
ORDER BY billed DESC, period, usage_account, what, k.capability, region
LIMIT $limit
