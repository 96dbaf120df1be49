-- Lines and dollars that are not kept line by line, so that the whole bill still ties.
-- grain: one row a delivery, usage account, product code, line type, invoice and currency
SELECT
    t.delivery_id,
    d.period,
    d.payer_account,
    t.line_item_usage_account_id,
    t.line_item_product_code,
    t.line_item_line_item_type,
    t.bill_invoice_id,
    t.line_item_currency_code,
    t.lines - t.in_scope_lines AS lines,
    CAST(t.billed - t.in_scope_billed AS DECIMAL(38, 20)) AS billed
FROM read_totals AS t
JOIN deliveries AS d
    ON d.delivery_id = t.delivery_id
WHERE d.is_current
    AND t.lines > t.in_scope_lines
