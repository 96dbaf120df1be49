-- Recurring fees of savings plans that the contract states, with what each should be.
-- grain: one row a fee line of a plan whose hourly fee follows from its commitment
SELECT
    l.line,
    CAST(l.line_item_unblended_cost - p.recurring * l.hours AS DECIMAL(36, 20)) AS difference
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN contract_plans AS p
    ON p.plan = regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '')
    AND CAST(l.line_item_usage_start_date AS DATE) >= p.starts
    AND CAST(l.line_item_usage_start_date AS DATE) < p.ends
WHERE k.kind = 'plan_fee'
    AND k.price_basis = 'unblended'
    AND p.recurring IS NOT NULL
