-- Savings-plan negations that do not cancel the usage they cover, as one line a group that carries
-- the whole difference of the group.
-- grain: one row a group of plan, usage account, usage type and hour that does not cancel
-- Rule: DESIGN, section 2, "Savings plans": sums are compared, never line by line. A group is left
-- alone where its plan and account cancel over the whole period, since no money has moved then.
-- What covered usage costs too much by its own rate or quantity is told there, and is no part of what
-- the negation leaves: the same dollars are owned once.
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
        p.plan,
        p.account,
        p.usage_type,
        p.usage_start,
        p.billed,
        p.quantity,
        CAST(
            CASE WHEN abs(p.billed_rate) < 100000 THEN p.billed_rate END AS DECIMAL(15, 10)
        ) AS billed_rate,
        p.charge_key_id,
        p.hours AS line_hours,
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
),

-- The covered usage of what does not cancel, and by how much it is not quantity times rate.
told AS (
    SELECT
        c.delivery_id,
        c.plan,
        c.account,
        c.usage_type,
        c.usage_start,
        sum(c.too_much) AS too_much
    FROM (
        SELECT
            s.*,
            s.billed - CAST(
                round(s.quantity * coalesce(r.price, s.billed_rate), 10) AS DECIMAL(36, 20)
            ) AS too_much,
            CAST(
                0.0000000001 * s.line_hours + abs(s.quantity) * 0.00000000005 AS DECIMAL(36, 20)
            ) AS tolerance
        FROM summed AS s
        LEFT JOIN flat_rates AS r
            ON r.charge_key_id = s.charge_key_id
            AND CAST(s.usage_start AS DATE) >= r.starts
            AND CAST(s.usage_start AS DATE) < r.ends
        WHERE s.kind = 'covered_usage'
            AND s.place > 1
            AND abs(s.difference) > 0.0000000001 * s.hours
            AND abs(coalesce(r.price, s.billed_rate)) < 100000
    ) AS c
    WHERE abs(c.too_much) > c.tolerance
    GROUP BY 1, 2, 3, 4, 5
)

SELECT
    s.line,
    CAST(s.difference - coalesce(t.too_much, 0) AS DECIMAL(36, 20)) AS difference,
    CASE
        WHEN s.covered_lines = 0 THEN 'negation_without_usage'
        WHEN s.kind = 'covered_usage' THEN 'usage_without_negation'
        ELSE 'negation_differs'
    END AS reason
FROM summed AS s
LEFT JOIN told AS t
    ON t.delivery_id = s.delivery_id
    AND coalesce(t.plan, '') = coalesce(s.plan, '')
    AND coalesce(t.account, '') = coalesce(s.account, '')
    AND coalesce(t.usage_type, '') = coalesce(s.usage_type, '')
    AND t.usage_start = s.usage_start
WHERE s.place = 1
    AND abs(s.difference) > 0.0000000001 * s.hours
    AND abs(s.difference - coalesce(t.too_much, 0)) > 0.0000000001 * s.hours
