-- severity: warning
-- category: commitment
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform
-- needs: charge_keys WHERE kind = 'covered_usage'
-- question: Is usage that a savings plan covers counted above the rate on demand?
-- A savings plan takes its commitment for less than the rate on demand (SageMaker pricing page, "up
-- to 64 %"); the bill states both rates. But a plan keeps its rates, and AWS may have lowered the rate
-- on demand since it was bought, so this proves nothing. Rates that the contract agrees are held against
-- that. FOCUS states no rate of the plan: there the effective cost is above the list cost.
WITH covered AS (
    SELECT
        l.line,
        l.identity_line_item_id,
        l.identity_time_interval,
        regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '') AS plan,
        l.usage_day,
        k.line_item_usage_type AS usage_type,
        CASE
            WHEN k.price_basis = 'list' THEN l.savings_plan_savings_plan_effective_cost
            ELSE CAST(round(
                l.line_item_usage_amount
                    * CAST(l.savings_plan_savings_plan_rate AS DECIMAL(15, 10)), 10
            ) AS DECIMAL(36, 20))
        END AS billed,
        CASE
            WHEN k.price_basis = 'list' THEN l.pricing_public_on_demand_cost
            ELSE CAST(round(
                l.line_item_usage_amount * CAST(l.line_item_unblended_rate AS DECIMAL(15, 10)), 10
            ) AS DECIMAL(36, 20))
        END AS expected
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'covered_usage'
        AND l.line_item_usage_amount > 0
        AND CASE
            WHEN k.price_basis = 'list'
            THEN l.pricing_public_on_demand_rate > 0
                AND l.pricing_public_on_demand_cost > 0
                AND l.savings_plan_savings_plan_effective_cost
                    > l.pricing_public_on_demand_cost + 0.0000000001 * l.hours
            ELSE l.line_item_unblended_rate > 0
                AND l.savings_plan_savings_plan_rate > l.line_item_unblended_rate
                AND l.savings_plan_savings_plan_rate < 100000
        END
)

SELECT
    c.line,
    c.billed,
    c.expected,
    CAST(c.billed - c.expected AS DECIMAL(36, 20)) AS difference,
    'The rate of the savings plan is above the rate on demand.' AS reason
FROM covered AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM contract_plan_rates AS p
    WHERE p.plan = c.plan
        AND p.usage_type = c.usage_type
        AND c.usage_day >= p.starts
        AND c.usage_day < p.ends
)
ORDER BY c.identity_line_item_id, c.identity_time_interval
