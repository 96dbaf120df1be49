-- Dollars by group: why unpriced, which line types are not repriced, who billed what and by which
-- rates it was judged, and the rest of the bill.
WITH key_sources AS (
    SELECT
        d.delivery_id,
        s.charge_key_id,
        string_agg(DISTINCT s.source_kind, ', ' ORDER BY s.source_kind) AS kinds,
        CASE WHEN count(DISTINCT r.source) <= 2
            THEN ': ' || string_agg(DISTINCT r.source, ' and ' ORDER BY r.source)
            ELSE ''
        END AS source
    FROM run_deliveries AS d
    JOIN key_rates AS s
        ON s.starts < d.ends
        AND s.ends > d.starts
    JOIN rates AS r
        ON r.rate_id = s.rate_id
    GROUP BY ALL
),

placed AS (
    SELECT
        r.period_text AS period,
        r.payer_account,
        coalesce(k.line_item_currency_code, 'XXX') AS currency,
        c.component,
        c.reason,
        c.line_item_usage_account_id AS account,
        k.service,
        CASE WHEN c.reason = 'other_service' THEN 'another service' ELSE k.service END AS who,
        CASE
            WHEN c.reason = 'other_service' THEN '(none: another service)'
            ELSE '(none: tax, credits, fees, or a usage type not known)'
        END AS nothing,
        k.model,
        k.capability,
        k.instance_type,
        k.line_item_product_code,
        k.product_name,
        s.kinds || s.source AS source,
        c.billed,
        c.difference,
        c.lines
    FROM components AS c
    JOIN charge_keys AS k
        ON k.charge_key_id = c.charge_key_id
    JOIN run_deliveries AS r
        ON r.delivery_id = c.delivery_id
    LEFT JOIN key_sources AS s
        ON s.charge_key_id = c.charge_key_id
        AND s.delivery_id = c.delivery_id
),

labelled AS (
    SELECT component AS kind, service, reason AS label, * EXCLUDE (service, who, nothing)
    FROM placed
    WHERE component IN ('unpriced', 'not_repriced')
    UNION ALL
    SELECT 'spend', who,
        coalesce(model, product_name, line_item_product_code, '(no product)')
            || coalesce(' · ' || replace(capability, '_', ' '), '')
            || coalesce(' · ' || instance_type, ''),
        * EXCLUDE (service, who, nothing)
    FROM placed
    UNION ALL
    SELECT 'model', who,
        coalesce(model, instance_type, product_name, line_item_product_code, '(no product)'),
        * EXCLUDE (service, who, nothing)
    FROM placed
    UNION ALL
    SELECT 'capability', service, coalesce(capability, nothing), * EXCLUDE (service, who, nothing)
    FROM placed
    UNION ALL
    SELECT 'account', NULL, coalesce(account, '(no account)'), * EXCLUDE (service, who, nothing)
    FROM placed
    UNION ALL
    SELECT 'source', NULL, coalesce(source, 'none'), * EXCLUDE (service, who, nothing)
    FROM placed
    WHERE component NOT IN ('unpriced', 'not_repriced')
),

grouped_dollars AS (
    SELECT kind, period, payer_account, currency, service, label, sum(billed) AS billed,
        sum(billed) - sum(difference) AS expected, sum(lines) AS lines
    FROM labelled
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
