-- Usage that a savings plan covers and that differs by itself, by rate or product, and that a negation
-- cancels as it stands: it costs nothing, whatever the line says.
-- grain: one row a line
-- Rule: DESIGN, section 2, "Savings plans": covered usage and negation are compared as sums, per plan,
-- account, usage type and hour, or over the whole period (steps/negations.sql).
WITH covered AS (
    SELECT
        l.delivery_id,
        l.line,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_account_id AS account,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        l.line_item_usage_start_date AS usage_start
    FROM compared AS c
    JOIN lines AS l
        ON l.line = c.line
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE c.component = 'differs'
        AND k.kind = 'covered_usage'
        AND k.price_basis = 'unblended'
),

sums AS (
    SELECT
        c.line,
        sum(l.line_item_unblended_cost) AS left_in_period,
        sum(l.hours) AS hours_in_period,
        sum(CASE WHEN coalesce(k.line_item_usage_type, k.product_sku, '') = c.usage_type
            AND l.line_item_usage_start_date = c.usage_start
            THEN l.line_item_unblended_cost ELSE 0 END) AS left_in_hour,
        sum(CASE WHEN coalesce(k.line_item_usage_type, k.product_sku, '') = c.usage_type
            AND l.line_item_usage_start_date = c.usage_start THEN l.hours ELSE 0 END)
            AS hours_in_hour
    FROM covered AS c
    JOIN lines AS l
        ON l.delivery_id = c.delivery_id
        AND coalesce(l.savings_plan_savings_plan_a_r_n, '') = coalesce(c.plan, '')
        AND coalesce(l.line_item_usage_account_id, '') = coalesce(c.account, '')
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('covered_usage', 'negation')
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
    GROUP BY 1
)

SELECT line
FROM sums
WHERE abs(left_in_period) <= 0.0000000001 * hours_in_period
    OR abs(left_in_hour) <= 0.0000000001 * hours_in_hour
