-- severity: warning
-- category: arithmetic
-- needs: charge_keys WHERE price_basis = 'list'
-- question: Is the list cost of FOCUS usage its list price times the quantity?
-- FOCUS 1.0 and 1.2, ListCost. Where what is billed follows from the list price, the list cost is wrong
-- and nobody pays it, so these dollars stand beside the bridge, which accounts for BilledCost.
-- A delivery in which it differs as a rule follows another rule.
WITH stated AS (
    SELECT
        l.line,
        l.delivery_id,
        l.hours,
        l.line_item_unblended_cost AS billed_cost,
        l.pricing_public_on_demand_cost AS billed,
        l.line_item_usage_amount AS quantity,
        CAST(l.pricing_public_on_demand_rate AS DECIMAL(15, 10)) AS price
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.price_basis = 'list'
        AND k.kind = 'usage'
        AND k.is_ai
        AND l.line_item_unblended_cost > 0
        AND l.pricing_public_on_demand_cost IS NOT NULL
        AND l.line_item_usage_amount IS NOT NULL
        AND abs(l.pricing_public_on_demand_rate) < 100000
),

costs AS (
    SELECT
        line,
        delivery_id,
        billed,
        billed_cost,
        CAST(round(quantity * price, 10) AS DECIMAL(36, 20)) AS expected,
        -- Cost and price are rounded to ten decimals each.
        CAST(
            0.0000000002 * hours + CAST(abs(quantity) AS DECIMAL(22, 10)) * 0.0000000001
            AS DECIMAL(36, 20)
        ) AS tolerance
    FROM stated
    WHERE abs(quantity * price) < 100000000000
),

told AS (
    SELECT
        *,
        abs(billed - expected) > tolerance AS differs
    FROM costs
),

rules AS (
    SELECT delivery_id
    FROM told
    GROUP BY 1
    HAVING sum(CASE WHEN differs THEN 1 ELSE 0 END) * 4 > count(*)
)

SELECT
    t.line,
    t.billed,
    t.expected,
    CAST(t.billed - t.expected AS DECIMAL(36, 20)) AS difference,
    'The list cost is not the list price times the quantity; what is billed is.' AS reason
FROM told AS t
LEFT JOIN rules AS r
    ON r.delivery_id = t.delivery_id
WHERE t.differs
    AND abs(t.billed_cost - t.expected) <= t.tolerance
    AND r.delivery_id IS NULL
ORDER BY t.line
