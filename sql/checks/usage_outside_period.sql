-- severity: warning
-- category: quantity
-- question: Is usage, or a savings plan's hourly fee, of another month billed in this period?
SELECT
    l.line,
    CASE WHEN k.kind = 'plan_fee'
        THEN 'The recurring fee is for a time outside the billing period it is billed in.'
        ELSE 'The usage began outside the billing period it is billed in.'
    END AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN run_deliveries AS d
    ON d.delivery_id = l.delivery_id
WHERE k.kind IN ('usage', 'covered_usage', 'reserved_usage', 'plan_fee')
    AND (l.line_item_usage_start_date < d.starts OR l.line_item_usage_start_date >= d.ends)
ORDER BY l.line
