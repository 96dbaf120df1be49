-- Usage whose price depends on the volume of the month, priced over the tiers that it falls in.
-- grain: one row a line that has tiered rates
-- Rule: DESIGN, section 2, "Tiers": volume accumulates by payer, region, usage type and month, in
-- the order of use; a line whose rate code names its tier uses volume up, but keeps its own price.
-- A bill does not say what came first within an hour. There, the lines that state the price of a
-- lower tier come first, as they must have where the bill is right.
-- Usage without a usage type is metered by its charge key.
WITH tiered_keys AS (
    SELECT DISTINCT charge_key_id
    FROM key_rates
    WHERE coalesce(tier_from, 0) > 0
        OR tier_to IS NOT NULL
),

meters AS (
    SELECT DISTINCT
        k.region,
        coalesce(k.line_item_usage_type, CAST(k.charge_key_id AS STRING)) AS meter
    FROM charge_keys AS k
    JOIN tiered_keys AS t
        ON t.charge_key_id = k.charge_key_id
),

tier_prices AS (
    SELECT
        charge_key_id,
        starts,
        ends,
        price,
        min(coalesce(tier_from, 0)) AS tier_from
    FROM key_rates
    WHERE charge_key_id IN (SELECT charge_key_id FROM tiered_keys)
    GROUP BY 1, 2, 3, 4
),

used AS (
    SELECT
        l.line,
        l.charge_key_id,
        l.usage_day,
        l.line_item_usage_amount AS quantity,
        CAST(sum(l.line_item_usage_amount) OVER (
            PARTITION BY d.payer_account, d.period, k.region, m.meter
            ORDER BY
                l.line_item_usage_start_date,
                t.tier_from NULLS LAST,
                l.line_item_usage_account_id NULLS LAST,
                l.identity_line_item_id NULLS LAST,
                l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - l.line_item_usage_amount AS DECIMAL(22, 10)) AS used_before
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN deliveries AS d
        ON d.delivery_id = l.delivery_id
    JOIN meters AS m
        ON m.meter = coalesce(k.line_item_usage_type, CAST(k.charge_key_id AS STRING))
        AND coalesce(m.region, '') = coalesce(k.region, '')
    LEFT JOIN tier_prices AS t
        ON t.charge_key_id = l.charge_key_id
        AND l.usage_day >= t.starts
        AND l.usage_day < t.ends
        AND t.price = coalesce(l.pricing_public_on_demand_rate, l.line_item_unblended_rate)
    WHERE k.kind = 'usage'
        AND l.line_item_usage_amount > 0
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

pieces AS (
    SELECT
        u.line,
        p.rate_id,
        p.source_kind,
        p.price,
        CAST(
            least(u.used_before + u.quantity, coalesce(p.tier_to, u.used_before + u.quantity))
            - greatest(u.used_before, coalesce(p.tier_from, 0))
            AS DECIMAL(22, 10)
        ) AS quantity
    FROM used AS u
    JOIN tiered_keys AS t
        ON t.charge_key_id = u.charge_key_id
    JOIN key_rates AS p
        ON p.charge_key_id = u.charge_key_id
        AND u.usage_day >= p.starts
        AND u.usage_day < p.ends
        AND u.used_before + u.quantity > coalesce(p.tier_from, 0)
        AND u.used_before < coalesce(p.tier_to, u.used_before + 1)
)

SELECT
    line,
    min(rate_id) AS rate_id,
    min(source_kind) AS source_kind,
    max(price) AS price,
    CAST(round(sum(quantity * price), 10) AS DECIMAL(36, 20)) AS expected
FROM pieces
GROUP BY 1
