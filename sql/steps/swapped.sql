-- Usage that agrees by its SKU, which the price list gives to another usage type, beside what the usage
-- type that the bill names would have cost.
-- grain: one row a line whose two prices differ
-- Only where the price list, a card or the contract decides that price. FOCUS usage is told where nothing
-- was taken off its public cost.
WITH costs AS (
    SELECT
        l.line,
        p.rate_id,
        l.line_item_unblended_cost AS billed,
        CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(36, 20)) AS expected,
        CAST(
            0.0000000001 * l.hours
            + CAST(abs(l.line_item_usage_amount) AS DECIMAL(22, 10)) * 0.00000000005
            AS DECIMAL(36, 20)
        ) AS tolerance
    FROM foreign_skus AS s
    JOIN lines AS l
        ON l.charge_key_id = s.charge_key_id
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN own_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND CAST(l.line_item_usage_start_date AS DATE) >= p.starts
        AND CAST(l.line_item_usage_start_date AS DATE) < p.ends
        AND coalesce(p.tier_from, 0) = 0
        AND p.tier_to IS NULL
    JOIN compared AS c
        ON c.line = l.line
        AND c.component IN ('agrees', 'rounding')
    WHERE k.kind = 'usage'
        AND k.is_ai
        AND (
            k.price_basis = 'unblended'
            OR l.line_item_unblended_cost = l.pricing_public_on_demand_cost
        )
)

SELECT
    line,
    rate_id,
    billed,
    expected
FROM costs
WHERE abs(billed - expected) > tolerance
