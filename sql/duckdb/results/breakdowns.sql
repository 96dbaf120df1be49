-- Dollars by group: why unpriced, which line types are not repriced, what billed, and the rest.
WITH placed AS (
    SELECT
        r.period_text AS period,
        r.payer_account,
        coalesce(k.line_item_currency_code, 'XXX') AS currency,
        c.component,
        c.reason,
        k.service,
        k.model,
        k.capability,
        k.instance_type,
        k.line_item_product_code,
        k.product_name,
        c.billed,
        c.difference,
        c.lines
    FROM components AS c
    JOIN charge_keys AS k
        ON k.charge_key_id = c.charge_key_id
    JOIN run_deliveries AS r
        ON r.delivery_id = c.delivery_id
),

grouped_dollars AS (
    SELECT component AS kind, period, payer_account, currency, service, reason AS label,
        sum(billed) AS billed, sum(billed) - sum(difference) AS expected, sum(lines) AS lines
    FROM placed
    WHERE component IN ('unpriced', 'not_repriced')
    GROUP BY ALL
    UNION ALL
    SELECT 'spend', period, payer_account, currency, service,
        coalesce(model, product_name, line_item_product_code, '(no product)')
            || coalesce(' · ' || replace(capability, '_', ' '), '')
            || coalesce(' · ' || instance_type, ''),
        sum(billed), sum(billed) - sum(difference), sum(lines)
    FROM placed
    GROUP BY ALL
    UNION ALL
    SELECT 'other', r.period_text, r.payer_account, coalesce(o.line_item_currency_code, 'XXX'),
        NULL, coalesce(o.line_item_product_code, '(no product code)'), sum(o.billed), 0,
        sum(o.lines)
    FROM other_totals AS o
    JOIN run_deliveries AS r
        ON r.delivery_id = o.delivery_id
    GROUP BY ALL
)

SELECT *
FROM grouped_dollars
ORDER BY kind, period, payer_account, currency, billed DESC, service, label
