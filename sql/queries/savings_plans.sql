-- question: What did savings plans cover, and what was it worth?
-- about: Covered usage at the on-demand price, what it effectively cost under the plan, and the difference, by plan, account and machine.
-- param: period month, every period in the ledger
SELECT
    l.savings_plan_savings_plan_a_r_n AS plan,
    l.line_item_usage_account_id AS usage_account,
    k.instance_type,
    k.capability,
    sum(l.line_item_usage_amount) AS hours,
    sum(l.line_item_unblended_cost) AS on_demand,
    sum(l.savings_plan_savings_plan_effective_cost) AS effective,
    sum(l.line_item_unblended_cost) - sum(l.savings_plan_savings_plan_effective_cost) AS saved,
    l.line_item_currency_code AS currency
FROM line_items AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE l.kind = 'covered_usage'
    AND l.is_ai
    AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
GROUP BY ALL
ORDER BY saved DESC, plan, usage_account, k.instance_type, k.capability
