-- severity: warning
-- category: data
-- needs: charge_keys WHERE price_basis = 'list'
-- question: Is the effective cost of FOCUS usage that no commitment covers what is billed for it?
-- EffectiveCost spreads what was paid for a commitment over the usage it covers; other usage has
-- nothing to be spread. What is billed wrong has its own finding. A delivery in which it differs as a rule follows another one. These dollars
-- stand beside the bridge, which accounts for BilledCost.
WITH costs AS (
    SELECT
        l.line,
        l.delivery_id,
        l.savings_plan_savings_plan_effective_cost AS billed,
        l.line_item_unblended_cost AS expected,
        abs(l.savings_plan_savings_plan_effective_cost - l.line_item_unblended_cost)
            > 0.0000000002 * l.hours AS differs
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.price_basis = 'list'
        AND k.kind = 'usage'
        AND k.is_ai
        AND l.savings_plan_savings_plan_a_r_n IS NULL
        AND l.savings_plan_savings_plan_effective_cost IS NOT NULL
),

rules AS (
    SELECT delivery_id
    FROM costs
    GROUP BY 1
    HAVING sum(CASE WHEN differs THEN 1 ELSE 0 END) * 4 > count(*)
)

SELECT
    line,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    'The effective cost is not what is billed, although no commitment covers the usage.' AS reason
FROM costs
WHERE differs
    AND line NOT IN (
        SELECT line FROM compared WHERE component NOT IN ('agrees', 'rounding', 'unpriced')
    )
    AND delivery_id NOT IN (SELECT delivery_id FROM rules)
ORDER BY line
