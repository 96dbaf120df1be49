-- severity: warning
-- category: quantity
-- question: Is usage of another month billed in this period?
SELECT
    l.line,
    'The usage began outside the billing period it is billed in.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN run_deliveries AS d
    ON d.delivery_id = l.delivery_id
WHERE k.kind IN ('usage', 'covered_usage', 'reserved_usage')
    AND (l.line_item_usage_start_date < d.starts OR l.line_item_usage_start_date >= d.ends)
ORDER BY l.line
