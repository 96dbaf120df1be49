-- severity: info
-- category: data
-- question: Are some lines invoiced and others not yet, so that the bill is not final?
-- An invoice is of one invoicing entity, billing entity and bill type; within one of these all lines
-- get their invoice at once.
WITH partly AS (
    SELECT delivery_id
    FROM read_totals
    WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
    GROUP BY 1
    HAVING count(bill_invoice_id) > 0
        AND count(bill_invoice_id) < count(*)
),

grouped_lines AS (
    SELECT
        l.delivery_id,
        l.bill_invoicing_entity,
        k.bill_billing_entity,
        l.bill_bill_type,
        k.line_item_currency_code AS currency,
        sum(CASE WHEN l.bill_invoice_id IS NULL THEN 1 ELSE 0 END) AS lines,
        CAST(sum(CASE WHEN l.bill_invoice_id IS NULL THEN l.line_item_unblended_cost ELSE 0 END)
            AS DECIMAL(38, 20)) AS billed,
        count(l.bill_invoice_id) AS invoiced
    FROM lines AS l
    JOIN partly AS p
        ON p.delivery_id = l.delivery_id
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    GROUP BY 1, 2, 3, 4, 5
)

SELECT
    delivery_id,
    concat_ws(' / ', bill_invoicing_entity, bill_billing_entity, bill_bill_type) AS resource,
    currency,
    lines,
    billed,
    'Lines without an invoice stand beside invoiced ones: the bill is not final.' AS reason
FROM grouped_lines
WHERE invoiced > 0
    AND lines > 0
ORDER BY 1, 2, 3
