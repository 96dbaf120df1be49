-- question: What does each invoice add up to, in and out of scope?
-- about: Lines and dollars by invoice, to hold against the invoice itself; an invoice that is null is not final yet.
-- param: period month, every period in the ledger
SELECT
    strftime(d.period, '%Y-%m') AS period,
    d.payer_account,
    t.bill_invoice_id AS invoice,
    sum(t.lines) AS lines,
    sum(t.billed) AS billed,
    sum(t.in_scope_lines) AS in_scope_lines,
    sum(t.in_scope_billed) AS in_scope_billed,
    t.line_item_currency_code AS currency
FROM read_totals AS t
JOIN deliveries AS d
    ON d.delivery_id = t.delivery_id
WHERE d.is_current
    AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
GROUP BY ALL
ORDER BY ALL
