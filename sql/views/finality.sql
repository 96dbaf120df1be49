-- How much of each delivery AWS has made final, by the company that invoices: a line is final once
-- it carries an invoice. Lines in scope only.
-- grain: one row a delivery, invoicing entity and currency
-- What AWS adds later (credits, refunds, fees, tax) does not open an invoice again.
SELECT
    s.delivery_id,
    s.bill_invoicing_entity,
    coalesce(k.line_item_currency_code, 'XXX') AS currency,
    CAST(sum(s.lines) AS BIGINT) AS lines,
    CAST(sum(s.final_lines) AS BIGINT) AS final_lines,
    CAST(sum(s.billed) AS DECIMAL(36, 20)) AS billed,
    CAST(sum(s.final_billed) AS DECIMAL(36, 20)) AS final_billed,
    sum(s.final_lines) > 0 AND sum(
        CASE
            WHEN k.kind IN ('credit', 'refund', 'fee', 'tax') THEN 0
            ELSE s.lines - s.final_lines
        END
    ) = 0 AS is_final
FROM delivery_sums AS s
JOIN charge_keys AS k
    ON k.charge_key_id = s.charge_key_id
GROUP BY
    s.delivery_id,
    s.bill_invoicing_entity,
    coalesce(k.line_item_currency_code, 'XXX')
