-- Savings-plan negations that do not cancel the usage they cover, as one line a group that carries
-- the whole difference of the group.
-- grain: one row a group of plan, usage account, usage type and hour that does not cancel
-- Rule: DESIGN, section 2, "Savings plans": sums are compared, never line by line. A group is left
-- alone where its plan and account cancel over the whole period, since no money has moved then.
WITH plan_lines AS (
    SELECT
        l.delivery_id,
        l.line,
        k.kind,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_account_id AS account,
        coalesce(k.line_item_usage_type, k.product_sku) AS usage_type,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_unblended_cost AS billed,
        l.hours,
        l.charge_key_id,
        l.line_item_unblended_rate AS billed_rate,
        l.line_item_usage_amount AS quantity,
        l.line_item_usage_end_date AS usage_end
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('covered_usage', 'negation')
        AND k.price_basis = 'unblended'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

open_plans AS (
    SELECT
        delivery_id,
        plan,
        account
    FROM plan_lines
    GROUP BY 1, 2, 3
    HAVING abs(sum(billed)) > 0.0000000001 * sum(hours)
),

summed AS (
    SELECT
        p.delivery_id,
        p.line,
        p.kind,
        sum(p.billed) OVER same_hour AS difference,
        sum(p.hours) OVER same_hour AS hours,
        sum(CASE WHEN p.kind = 'covered_usage' THEN 1 ELSE 0 END) OVER same_hour AS covered_lines,
        row_number() OVER (
            PARTITION BY p.delivery_id, p.plan, p.account, p.usage_type, p.usage_start
            ORDER BY
                CASE WHEN p.kind = 'negation' THEN 0 ELSE 1 END,
                p.billed,
                p.charge_key_id,
                p.billed_rate NULLS LAST,
                p.quantity NULLS LAST,
                p.usage_end NULLS LAST,
                p.line DESC
        ) AS place
    FROM plan_lines AS p
    JOIN open_plans AS o
        ON o.delivery_id = p.delivery_id
        AND coalesce(o.plan, '') = coalesce(p.plan, '')
        AND coalesce(o.account, '') = coalesce(p.account, '')
    WINDOW same_hour AS (
        PARTITION BY p.delivery_id, p.plan, p.account, p.usage_type, p.usage_start
    )
)

SELECT
    line,
    CAST(difference AS DECIMAL(36, 20)) AS difference,
    CASE
        WHEN covered_lines = 0 THEN 'negation_without_usage'
        WHEN kind = 'covered_usage' THEN 'usage_without_negation'
        ELSE 'negation_differs'
    END AS reason
FROM summed
WHERE place = 1
    AND abs(difference) > 0.0000000001 * hours
