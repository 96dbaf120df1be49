-- question: How much of each month has AWS made final?
-- about: Lines and dollars of Bedrock and SageMaker by the company that invoices, and how many of them carry an invoice; what does not, AWS may still restate.
-- param: period month, every period in the ledger
-- ratio: percent_of_lines = 100 final_lines / lines, 1
-- ratio: percent_of_billed = 100 final_billed / billed, 1
SELECT
    strftime(d.period, '%Y-%m') AS period,
    d.payer_account,
    f.bill_invoicing_entity AS invoiced_by,
    f.is_final,
    f.lines,
    f.final_lines,
    f.billed,
    f.final_billed,
    f.currency
FROM finality AS f
JOIN deliveries AS d
    ON d.delivery_id = f.delivery_id
WHERE d.is_current
    AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
ORDER BY d.period, d.payer_account, f.bill_invoicing_entity, f.currency
