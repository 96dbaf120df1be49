-- The model-unit hours billed by provisioned model and day. A line that spans more than a day, as a
-- bill by the month has them, has no day.
SELECT
    r.period_text AS period,
    r.payer_account,
    coalesce(k.line_item_currency_code, 'XXX') AS currency,
    l.line_item_usage_account_id AS usage_account,
    l.line_item_resource_id AS resource,
    coalesce(k.model, k.product_name, k.line_item_usage_type, '(not known)') AS label,
    k.region,
    k.commitment,
    CASE
        WHEN coalesce(l.line_item_usage_end_date, l.line_item_usage_start_date)
            <= date_trunc('day', l.line_item_usage_start_date) + INTERVAL 1 DAY
        THEN l.usage_day
    END AS day,
    sum(l.line_item_usage_amount) AS hours,
    sum(l.line_item_unblended_cost) AS billed
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN run_deliveries AS r
    ON r.delivery_id = l.delivery_id
WHERE k.capability = 'provisioned_throughput'
    AND k.unit = 'model unit hour'
    AND k.kind = 'usage'
    AND l.line_item_usage_amount <> 0
GROUP BY ALL
ORDER BY ALL
