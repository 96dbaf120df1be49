-- severity: warning
-- category: arithmetic
-- needs: charge_keys WHERE price_basis = 'list'
-- question: Is the contracted cost of FOCUS usage its contracted price times the quantity?
-- FOCUS 1.0 and 1.2, ContractedCost: where ContractedUnitPrice is not null, the product must match it,
-- corrections apart. Where a price counts other discounts in than its cost, the cost is what is billed,
-- and that is judged by itself. A delivery in which it differs as a rule follows another one, and what
-- is wrong with the line in other ways has its own finding. Nobody pays the contracted cost, so these
-- dollars stand beside the bridge, which accounts for BilledCost.
WITH stated AS (
    SELECT
        l.line,
        l.delivery_id,
        k.kind,
        l.hours,
        l.line_item_usage_amount AS quantity,
        CAST(l.line_item_unblended_rate AS DECIMAL(15, 10)) AS price,
        coalesce(l.quantity_rounded, FALSE) AS quantity_rounded,
        l.contracted_cost AS billed,
        l.line_item_unblended_cost AS billed_cost
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.price_basis = 'list'
        AND k.kind IN ('usage', 'covered_usage')
        AND k.is_ai
        AND l.contracted_cost IS NOT NULL
        AND l.line_item_usage_amount IS NOT NULL
        AND abs(l.line_item_unblended_rate) < 100000
),

costs AS (
    SELECT
        line,
        delivery_id,
        kind,
        billed,
        billed_cost,
        CAST(round(quantity * price, 10) AS DECIMAL(36, 20)) AS expected,
        -- Cost and price are rounded to ten decimals each.
        CAST(
            0.0000000002 * hours
            + CAST(abs(quantity) AS DECIMAL(22, 10)) * 0.0000000001
            + CASE WHEN quantity_rounded THEN 0.0000000001 * price ELSE 0 END
            AS DECIMAL(36, 20)
        ) AS tolerance
    FROM stated
    WHERE abs(quantity * price) < 100000000000
),

told AS (
    SELECT
        *,
        abs(billed - expected) > tolerance AND abs(billed - billed_cost) > tolerance AS differs
    FROM costs
),

-- What is nothing at no price tells no rule.
rules AS (
    SELECT
        delivery_id,
        kind
    FROM told
    WHERE billed <> 0
        OR expected <> 0
    GROUP BY 1, 2
    HAVING sum(CASE WHEN differs THEN 1 ELSE 0 END) * 4 > count(*)
)

SELECT
    t.line,
    t.billed,
    t.expected,
    CAST(t.billed - t.expected AS DECIMAL(36, 20)) AS difference,
    'The contracted cost is not the contracted price times the quantity.' AS reason
FROM told AS t
LEFT JOIN rules AS r
    ON r.delivery_id = t.delivery_id
    AND r.kind = t.kind
WHERE t.differs
    AND r.delivery_id IS NULL
    AND t.line NOT IN (
        SELECT line FROM compared WHERE component NOT IN ('agrees', 'rounding', 'unpriced')
    )
ORDER BY t.line
