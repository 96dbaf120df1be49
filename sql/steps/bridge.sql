-- The way from billed to expected, by component.
-- grain: one row a delivery, currency and component
SELECT
    c.delivery_id,
    substr(CAST(d.period AS STRING), 1, 7) AS period,
    d.payer_account,
    coalesce(k.line_item_currency_code, 'XXX') AS currency,
    c.component,
    CAST(sum(c.billed) AS DECIMAL(38, 20)) AS billed,
    CAST(sum(c.billed) - sum(c.difference) AS DECIMAL(38, 20)) AS expected,
    CAST(sum(c.difference) AS DECIMAL(38, 20)) AS amount,
    CAST(sum(c.lines) AS BIGINT) AS lines
FROM components AS c
JOIN charge_keys AS k
    ON k.charge_key_id = c.charge_key_id
JOIN deliveries AS d
    ON d.delivery_id = c.delivery_id
GROUP BY 1, 2, 3, 4, 5
