-- What was read and what was priced, by period, payer and currency.
SELECT
    r.period_text AS period,
    r.payer_account,
    coalesce(t.line_item_currency_code, 'XXX') AS currency,
    sum(t.lines) AS lines,
    sum(t.billed) AS billed,
    sum(t.in_scope_lines) AS in_scope_lines,
    sum(t.in_scope_billed) AS in_scope_billed,
    coalesce(max(b.expected), 0) AS expected,
    coalesce(max(b.unpriced), 0) AS unpriced,
    coalesce(max(b.not_repriced), 0) AS not_repriced,
    coalesce(sum(t.lines) FILTER (t.bill_invoice_id IS NOT NULL), 0) AS final_lines,
    coalesce(sum(t.billed) FILTER (t.bill_invoice_id IS NOT NULL), 0) AS final_billed
FROM run_deliveries AS r
JOIN read_totals AS t
    ON t.delivery_id = r.delivery_id
LEFT JOIN (
    SELECT
        delivery_id,
        currency,
        sum(expected) AS expected,
        sum(billed) FILTER (component = 'unpriced') AS unpriced,
        sum(billed) FILTER (component = 'not_repriced') AS not_repriced
    FROM run_bridge
    GROUP BY ALL
) AS b
    ON b.delivery_id = r.delivery_id
    AND b.currency = coalesce(t.line_item_currency_code, 'XXX')
GROUP BY ALL
ORDER BY period, payer_account, currency
