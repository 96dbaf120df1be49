-- What the lines of this run's deliveries add up to, by charge, account and invoicing entity.
SELECT
    delivery_id,
    charge_key_id,
    line_item_usage_account_id,
    bill_invoicing_entity,
    count(*) AS lines,
    count(bill_invoice_id) AS final_lines,
    sum(line_item_usage_amount) AS quantity,
    sum(line_item_unblended_cost) AS billed,
    coalesce(sum(line_item_unblended_cost) FILTER (bill_invoice_id IS NOT NULL), 0)
        AS final_billed,
    min(line_item_usage_start_date) AS first_usage,
    max(coalesce(line_item_usage_end_date, line_item_usage_start_date)) AS last_usage
FROM lines
WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
GROUP BY ALL
