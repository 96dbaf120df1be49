-- What usage was billed by day and model: the dearest seven models of a statement, and all others.
-- A line counts on the day its usage begins. Tax, credits, refunds and fees are no usage of a day.
WITH summed AS (
    SELECT delivery_id, charge_key_id, usage_day AS day,
        sum(line_item_unblended_cost) AS billed
    FROM lines
    GROUP BY ALL
),

named AS (
    SELECT
        r.period_text AS period,
        r.payer_account,
        coalesce(k.line_item_currency_code, 'XXX') AS currency,
        s.day,
        coalesce(k.model, k.instance_type, k.product_name, k.line_item_product_code,
            '(no product)') AS label,
        s.billed
    FROM summed AS s
    JOIN charge_keys AS k
        ON k.charge_key_id = s.charge_key_id
    JOIN run_deliveries AS r
        ON r.delivery_id = s.delivery_id
    WHERE k.is_ai
        AND k.kind IN ('usage', 'covered_usage', 'reserved_usage', 'negation', 'unknown')
),

ranked AS (
    SELECT period, payer_account, currency, label,
        row_number() OVER (
            PARTITION BY period, payer_account, currency ORDER BY abs(sum(billed)) DESC, label
        ) AS place
    FROM named
    GROUP BY period, payer_account, currency, label
)

SELECT n.period, n.payer_account, n.currency, n.day,
    CASE WHEN r.place <= 7 THEN n.label END AS label,
    sum(n.billed) AS billed
FROM named AS n
JOIN ranked AS r
    ON r.period = n.period
    AND r.payer_account = n.payer_account
    AND r.currency = n.currency
    AND r.label = n.label
GROUP BY ALL
HAVING sum(n.billed) <> 0
ORDER BY n.period, n.payer_account, n.currency, n.day, label NULLS LAST
