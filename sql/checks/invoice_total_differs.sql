-- severity: error
-- category: data
-- needs: invoice_totals
-- question: Do the lines of each invoice add up to the invoice that was paid?
-- How AWS rounds to the invoice cent is not published, so a difference of one cent is let pass. More
-- proves nothing either while each product, account and line type that has parts of cents may be
-- rounded by half a cent. An invoice may be of several periods; its finding stands with the first. One
-- that the bill does not name has no lines. The invoice is the resource, so that each has a finding of
-- its own.
WITH read_lines AS (
    SELECT
        t.bill_invoice_id,
        t.delivery_id,
        t.line_item_currency_code AS currency,
        t.lines,
        t.billed,
        first_value(t.delivery_id) OVER (
            PARTITION BY t.bill_invoice_id ORDER BY d.period, d.payer_account
        ) AS first_delivery
    FROM read_totals AS t
    JOIN run_deliveries AS d
        ON d.delivery_id = t.delivery_id
    WHERE t.bill_invoice_id IS NOT NULL
),

invoices AS (
    SELECT
        bill_invoice_id,
        min(first_delivery) AS delivery_id,
        min(currency) AS currency,
        sum(lines) AS lines,
        sum(CASE WHEN billed <> round(billed, 2) THEN 1 ELSE 0 END) AS parts,
        CAST(sum(billed) AS DECIMAL(36, 20)) AS billed
    FROM read_lines
    GROUP BY 1
),

first_deliveries AS (
    SELECT
        delivery_id,
        row_number() OVER (ORDER BY period, payer_account) AS place
    FROM run_deliveries
),

compared_invoices AS (
    SELECT
        coalesce(t.delivery_id, f.delivery_id) AS delivery_id,
        i.invoice,
        t.currency,
        coalesce(t.lines, 0) AS lines,
        coalesce(t.billed, 0) AS billed,
        i.amount,
        t.parts,
        t.bill_invoice_id IS NULL AS missing
    FROM invoice_totals AS i
    JOIN first_deliveries AS f
        ON f.place = 1
    LEFT JOIN invoices AS t
        ON t.bill_invoice_id = i.invoice
)

SELECT
    delivery_id,
    invoice AS resource,
    lines,
    currency,
    billed,
    amount AS expected,
    CAST(billed - amount AS DECIMAL(36, 20)) AS difference,
    CASE
        WHEN missing THEN 'error'
        WHEN abs(billed - amount) <= 0.005 * parts THEN 'warning'
        ELSE 'error'
    END AS severity,
    CASE
        WHEN missing THEN 'No line of the bill is of invoice ' || invoice || '.'
        ELSE 'The lines of invoice ' || invoice || ' add up to another amount than the invoice'
            || CASE WHEN abs(billed - amount) <= 0.005 * parts
                THEN ', which its rounding to cents may explain.' ELSE '.' END
    END AS reason
FROM compared_invoices
WHERE missing
    OR abs(billed - amount) > 0.01
ORDER BY invoice
