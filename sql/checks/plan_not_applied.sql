-- severity: warning
-- category: commitment
-- moves: its savings plan had room for it, and covers the same in other hours.
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- needs: charge_keys WHERE kind = 'plan_fee'
-- question: Is usage on demand that its savings plan covers before and after, and has room for?
-- A plan applies by itself to what it covers, hour by hour, until its commitment is used (SageMaker
-- pricing page, "Savings Plans"). Usage of the same kind and account is covered at one rate in hours
-- before and after, so it is eligible and the plan reaches the account; and what is left of the
-- hour's commitment is enough for it. Its difference is all it cost: the plan's fee is paid anyway, and
-- what a plan covers is cancelled, so that usage and negation together are expected to come to nothing.
WITH covered AS (
    SELECT
        l.delivery_id,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_account_id AS account,
        k.line_item_usage_type AS usage_type,
        k.line_item_operation AS operation,
        max(l.savings_plan_savings_plan_rate) AS plan_rate,
        min(l.line_item_usage_start_date) AS first_covered,
        max(l.line_item_usage_start_date) AS last_covered
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'covered_usage'
        AND l.savings_plan_savings_plan_a_r_n IS NOT NULL
        AND l.savings_plan_savings_plan_rate > 0
    GROUP BY 1, 2, 3, 4, 5
    HAVING min(l.savings_plan_savings_plan_rate) = max(l.savings_plan_savings_plan_rate)
),

unused AS (
    SELECT
        l.delivery_id,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_start_date AS starts,
        l.line_item_usage_end_date AS ends,
        min(l.savings_plan_total_commitment_to_date - l.savings_plan_used_commitment) AS unused
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'plan_fee'
        AND k.price_basis = 'unblended'
        -- A day's sum does not say that both fell into one hour.
        AND l.hours = 1
        AND l.savings_plan_total_commitment_to_date > l.savings_plan_used_commitment
    GROUP BY 1, 2, 3, 4
),

-- What the usage of an hour would take of the plan, the cheapest first, so that most of it fits.
wanted AS (
    SELECT
        l.line,
        u.unused,
        sum(l.line_item_usage_amount * c.plan_rate) OVER (
            PARTITION BY u.delivery_id, u.plan, u.starts
            ORDER BY l.line_item_usage_amount * c.plan_rate, l.identity_line_item_id NULLS LAST,
                l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS taken
    FROM unused AS u
    JOIN covered AS c
        ON c.delivery_id = u.delivery_id
        AND c.plan = u.plan
        AND c.first_covered < u.starts
        AND c.last_covered > u.starts
    JOIN charge_keys AS k
        ON k.line_item_usage_type = c.usage_type
        AND coalesce(k.line_item_operation, '') = coalesce(c.operation, '')
        AND k.kind = 'usage'
        AND k.price_basis = 'unblended'
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
        AND l.delivery_id = u.delivery_id
        AND l.line_item_usage_account_id = c.account
        AND l.line_item_usage_start_date = u.starts
        AND l.line_item_usage_end_date = u.ends
    WHERE l.line_item_unblended_cost > 0
        AND l.line_item_usage_amount > 0
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

-- Several plans may have had room for a line; it costs nothing once.
SELECT DISTINCT
    w.line,
    l.line_item_unblended_cost AS billed,
    CAST(0 AS DECIMAL(36, 20)) AS expected,
    l.line_item_unblended_cost AS difference,
    'Billed on demand, although the savings plan that covers it in other hours had room for it.'
        AS reason
FROM wanted AS w
JOIN lines AS l
    ON l.line = w.line
-- Each hour's use is rounded; ten decimals are AWS's.
WHERE w.taken <= w.unused + 0.0000000001
ORDER BY w.line
