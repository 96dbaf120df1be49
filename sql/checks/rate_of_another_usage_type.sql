-- severity: warning
-- category: rate
-- moves: its SKU is of another usage type; the price of its own is due.
-- needs: foreign_skus
-- question: Is a charge billed by the SKU, and at the rate, of another usage type?
-- A SKU decides the price where the price list gives it to the usage type of the charge. Where it gives
-- it to another one, bill and list contradict each other: the usage type says what was metered and the
-- SKU how it was priced, so the price of the usage type is expected. That is a warning, since the usage
-- type may be what is wrong. Only where the price list, a card or the contract decides that price.
-- Of FOCUS usage the part is expected that discounts leave of its public cost (steps/focus_kept).
WITH costs AS (
    SELECT
        l.line,
        p.rate_id,
        s.sku,
        s.sku_usage_type,
        l.line_item_unblended_cost AS billed,
        CAST(
            CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(22, 10))
                * coalesce(f.kept, CAST(1 AS DECIMAL(15, 10)))
            AS DECIMAL(36, 20)
        ) AS expected,
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
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    JOIN compared AS c
        ON c.line = l.line
        AND c.component IN ('agrees', 'rounding')
    LEFT JOIN focus_kept AS f
        ON f.line = l.line
    WHERE k.kind = 'usage'
        AND k.is_ai
        AND abs(l.line_item_usage_amount * p.price) < 100000000000
        AND (
            k.price_basis = 'unblended'
            OR l.line_item_unblended_cost = l.pricing_public_on_demand_cost
            OR f.kept IS NOT NULL
        )
)

SELECT
    line,
    rate_id,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    'Billed by the SKU ' || sku || ' at the price of ' || sku_usage_type
        || ', which is not that of the usage type that the bill names.' AS reason
FROM costs
WHERE abs(billed - expected) > tolerance
ORDER BY line
