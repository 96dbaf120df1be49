-- severity: info
-- category: waste
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- needs: charge_keys WHERE kind = 'plan_fee'
-- question: Is SageMaker usage paid on demand while the commitment of a savings plan goes unused?
-- The fee line of an hour says how much of the commitment was used. Usage of the account that owns
-- the plan is covered first; usage of others counts where the bill shows the plan covering them.
-- Rule: SageMaker pricing page, "Savings Plans": Studio, notebooks, processing, Data Wrangler,
-- training, real-time inference and batch transform are eligible, in any region and size. The
-- difference is what of the unused commitment the usage could have taken.
WITH unused AS (
    SELECT
        l.delivery_id,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_account_id AS account,
        l.line_item_usage_start_date AS starts,
        l.line_item_usage_end_date AS ends,
        l.savings_plan_total_commitment_to_date - l.savings_plan_used_commitment AS unused
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'plan_fee'
        AND k.price_basis = 'unblended'
        -- A day's sum does not say that both fell into one hour.
        AND l.hours = 1
        -- Less than a cent is the rounding of what was used.
        AND l.savings_plan_total_commitment_to_date >= l.savings_plan_used_commitment + 0.01
),

shared AS (
    SELECT
        l.delivery_id,
        l.savings_plan_savings_plan_a_r_n AS plan,
        l.line_item_usage_account_id AS account
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'covered_usage'
    GROUP BY 1, 2, 3
    UNION
    SELECT delivery_id, plan, account FROM unused
),

uncovered AS (
    SELECT
        l.line,
        l.line_item_unblended_cost AS billed,
        u.unused,
        sum(l.line_item_unblended_cost) OVER (
            PARTITION BY u.delivery_id, u.plan, u.starts
            ORDER BY l.line_item_unblended_cost DESC, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - l.line_item_unblended_cost AS before,
        row_number() OVER (PARTITION BY l.line ORDER BY u.unused DESC, u.plan) AS place
    FROM unused AS u
    JOIN shared AS s
        ON s.delivery_id = u.delivery_id
        AND s.plan = u.plan
    JOIN lines AS l
        ON l.delivery_id = u.delivery_id
        AND l.line_item_usage_account_id = s.account
        AND l.line_item_usage_start_date >= u.starts
        AND l.line_item_usage_end_date <= u.ends
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.price_basis = 'unblended'
        AND k.service = 'sagemaker'
        AND k.component = 'instance'
        AND k.capability IN (
            'studio_jupyterlab', 'studio_codeeditor', 'studio_classic', 'notebook', 'processing',
            'data_wrangler', 'training', 'hosting', 'batch_transform'
        )
        AND l.line_item_unblended_cost > 0
)

SELECT
    line,
    billed,
    CAST(billed - least(billed, unused - before) AS DECIMAL(36, 20)) AS expected,
    CAST(least(billed, unused - before) AS DECIMAL(36, 20)) AS difference,
    'Paid on demand while the commitment of a savings plan was left unused.' AS reason
FROM uncovered
WHERE place = 1
    AND before < unused
ORDER BY line
