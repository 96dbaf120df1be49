-- severity: error
-- category: commitment
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- question: Is usage that a savings plan covers counted at the rate that the plan agreed?
-- The plan's rate moves the effective cost, not the unblended cost that the bridge accounts for.
SELECT
    l.line,
    l.savings_plan_savings_plan_effective_cost AS billed,
    CAST(round(l.line_item_usage_amount * p.rate, 10) AS DECIMAL(36, 20)) AS expected,
    CAST(round(
        l.line_item_usage_amount
            * (CAST(l.savings_plan_savings_plan_rate AS DECIMAL(15, 10)) - p.rate),
        10
    ) AS DECIMAL(36, 20)) AS difference,
    'Usage that a savings plan covers is not counted at the rate of the plan.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN contract_plan_rates AS p
    ON p.plan = regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '')
    AND p.usage_type = k.line_item_usage_type
    AND CAST(l.line_item_usage_start_date AS DATE) >= p.starts
    AND CAST(l.line_item_usage_start_date AS DATE) < p.ends
WHERE k.kind = 'covered_usage'
    AND l.savings_plan_savings_plan_rate <> p.rate
ORDER BY l.line
