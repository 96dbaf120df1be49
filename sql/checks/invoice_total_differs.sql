-- severity: error
-- category: data
-- question: Do the lines of each invoice add up to the invoice that was paid?
-- How AWS rounds to the invoice cent is not published, so a difference of one cent is let pass.
SELECT
    t.delivery_id,
    t.usage_account,
    t.lines,
    t.currency,
    t.billed,
    i.amount AS expected,
    CAST(0 AS DECIMAL(36, 20)) AS difference,
    'The lines of invoice ' || i.invoice || ' add up to another amount than the invoice.' AS reason
FROM invoice_totals AS i
JOIN (
    SELECT
        min(delivery_id) AS delivery_id,
        bill_invoice_id,
        CAST(NULL AS VARCHAR) AS usage_account,
        min(line_item_currency_code) AS currency,
        sum(lines) AS lines,
        CAST(sum(billed) AS DECIMAL(36, 20)) AS billed
    FROM read_totals
    WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
    GROUP BY 2
) AS t
    ON t.bill_invoice_id = i.invoice
WHERE abs(t.billed - i.amount) > 0.01
ORDER BY i.invoice
