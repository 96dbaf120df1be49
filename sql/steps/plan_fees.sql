-- Fees of savings plans that are wrong or that a contract explains, with what each should be.
-- grain: one row a fee line that is judged
-- A plan has one upfront fee, and one recurring fee an hour: a second one of the same plan, account
-- and interval is billed twice, whatever was agreed. What a contract states of a plan decides the
-- rest: its hourly fee, its upfront fee, and the days between which it has any. What a FOCUS bill
-- says of a plan's hours is no purchase and has no fee, and a fee below the agreed one is discounted.
-- Of two alike, the later in the delivery is the second.
-- Rule: DESIGN, sections 2 and 5, savings plans; AWS bills the hourly commitment once an hour.
WITH fees AS (
    SELECT
        l.line,
        l.delivery_id,
        k.kind,
        k.price_basis,
        regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '') AS plan,
        CAST(l.line_item_usage_start_date AS DATE) AS usage_day,
        l.hours,
        l.line_item_unblended_cost AS billed,
        row_number() OVER (
            PARTITION BY
                l.delivery_id,
                k.kind,
                l.savings_plan_savings_plan_a_r_n,
                l.line_item_usage_account_id,
                CASE WHEN k.kind = 'plan_fee' THEN l.line_item_usage_start_date END,
                CASE WHEN k.kind = 'plan_fee' THEN l.line_item_usage_end_date END,
                CASE WHEN k.kind = 'plan_fee' THEN l.line_item_unblended_cost END
            ORDER BY l.line_item_usage_start_date, l.line
        ) AS copy,
        min(l.line_item_unblended_cost) OVER (
            PARTITION BY l.delivery_id, k.kind, l.savings_plan_savings_plan_a_r_n
        ) AS least_billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('plan_fee', 'plan_upfront_fee')
        AND (k.price_basis = 'unblended' OR k.line_item_line_item_type = 'Purchase')
        AND l.savings_plan_savings_plan_a_r_n IS NOT NULL
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

agreed AS (
    SELECT
        f.line,
        max(CASE WHEN p.starts <= f.usage_day AND p.ends > f.usage_day THEN 1 ELSE 0 END) AS holds,
        max(CASE WHEN p.starts <= f.usage_day AND p.ends > f.usage_day THEN p.recurring END)
            AS recurring,
        max(CASE WHEN p.starts <= f.usage_day AND p.ends > f.usage_day THEN p.upfront END)
            AS upfront
    FROM fees AS f
    JOIN contract_plans AS p
        ON p.plan = f.plan
    GROUP BY 1
),

judged AS (
    SELECT
        f.line,
        f.price_basis,
        f.billed,
        CASE
            -- Something was taken back, so a second fee may stand for the first.
            WHEN f.copy > 1 AND f.billed > 0 AND f.least_billed >= 0 AND f.kind = 'plan_fee'
            THEN 'plan_fee_twice'
            WHEN f.copy > 1 AND f.billed > 0 AND f.least_billed >= 0 THEN 'plan_upfront_fee_twice'
            WHEN a.holds = 0 AND f.billed > 0 THEN 'plan_not_in_force'
            WHEN f.kind = 'plan_fee' AND a.recurring IS NOT NULL THEN 'plan_fee'
            WHEN f.kind = 'plan_upfront_fee' AND a.upfront IS NOT NULL THEN 'plan_upfront_fee'
        END AS reason,
        CASE WHEN f.kind = 'plan_fee' THEN a.recurring * f.hours ELSE a.upfront END AS agreed
    FROM fees AS f
    LEFT JOIN agreed AS a
        ON a.line = f.line
)

SELECT
    line,
    reason,
    CAST(
        CASE WHEN reason IN ('plan_fee', 'plan_upfront_fee') THEN billed - agreed ELSE billed END
        AS DECIMAL(36, 20)
    ) AS difference
FROM judged
WHERE reason IS NOT NULL
    AND (
        price_basis = 'unblended'
        OR reason NOT IN ('plan_fee', 'plan_upfront_fee')
        OR billed >= agreed
    )
