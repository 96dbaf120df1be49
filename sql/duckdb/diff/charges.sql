-- Charges of which two deliveries have other lines, quantities or dollars.
WITH summed AS (
    SELECT
        s.line_item_usage_account_id AS usage_account,
        s.bill_invoicing_entity AS invoicing_entity,
        k.line_item_line_item_type AS line_type,
        k.kind,
        k.line_item_product_code AS product_code,
        k.line_item_usage_type AS usage_type,
        k.line_item_operation AS operation,
        k.region,
        coalesce(k.line_item_currency_code, 'XXX') AS currency,
        coalesce(sum(s.lines) FILTER (NOT is_b), 0) AS lines_a,
        coalesce(sum(s.lines) FILTER (is_b), 0) AS lines_b,
        sum(s.quantity) FILTER (NOT is_b) AS quantity_a,
        sum(s.quantity) FILTER (is_b) AS quantity_b,
        coalesce(sum(s.billed) FILTER (NOT is_b), 0) AS billed_a,
        coalesce(sum(s.billed) FILTER (is_b), 0) AS billed_b
    FROM delivery_sums AS s
    JOIN sides USING (delivery_id)
    JOIN charge_keys AS k USING (charge_key_id)
    GROUP BY ALL
),

closed AS (
    SELECT bill_invoicing_entity AS invoicing_entity, currency, is_final
    FROM finality
    WHERE delivery_id = (SELECT delivery_id FROM sides WHERE NOT is_b)
)

SELECT
    CASE WHEN lines_a = 0 THEN 'added' WHEN lines_b = 0 THEN 'removed' ELSE 'changed' END AS what,
    CASE
        WHEN coalesce(c.is_final, FALSE) AND s.kind NOT IN ('credit', 'refund', 'fee', 'tax')
        THEN 'warning'
        ELSE 'info'
    END AS severity,
    s.*,
    billed_b - billed_a AS change
FROM summed AS s
LEFT JOIN closed AS c
    ON c.invoicing_entity IS NOT DISTINCT FROM s.invoicing_entity
    AND c.currency = s.currency
WHERE lines_a <> lines_b
    OR billed_a <> billed_b
    OR quantity_a IS DISTINCT FROM quantity_b
ORDER BY abs(change) DESC, s.*
