-- The way from billed to expected, by component.
-- grain: one row a delivery, currency and component
SELECT
    c.delivery_id,
    substr(CAST(d.period AS STRING), 1, 7) AS period,
    d.payer_account,
    coalesce(k.line_item_currency_code, 'XXX') AS currency,
    c.component,
    CAST(sum(coalesce(c.billed_part, l.line_item_unblended_cost)) AS DECIMAL(38, 20)) AS billed,
    CAST(sum(coalesce(c.billed_part, l.line_item_unblended_cost)) - sum(c.difference)
        AS DECIMAL(38, 20)) AS expected,
    CAST(sum(c.difference) AS DECIMAL(38, 20)) AS amount,
    count(*) AS lines
FROM compared AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN deliveries AS d
    ON d.delivery_id = c.delivery_id
GROUP BY 1, 2, 3, 4, 5
