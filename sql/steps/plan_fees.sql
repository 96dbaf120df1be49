-- Fees of savings plans that are wrong or that a contract explains, with what each should be.
-- grain: one row a fee line that is judged
-- A plan has one upfront fee, and one recurring fee an hour: a second one of the same plan, account
-- and interval is billed twice, whatever was agreed. What a contract states of a plan decides the
-- rest: its hourly fee, its upfront fee, and the days between which it has any; where it says nothing
-- of how the plan is paid, the usage type of a fee may say that a part or all is upfront, and only the
-- days are judged by the contract. Where no contract
-- tells the hourly fee, it is no more than the commitment that the line states, and in a term it does
-- not change: one that is not the fee of most hours is not right (`plan_fee_unusual`). What a FOCUS bill
-- says of a plan's hours is no purchase and has no fee, and a fee below the agreed one is discounted.
-- Of two alike, the later in the delivery is the second. A plan is bought at any hour, so where a
-- line sums several, the first of a plan and its last may be of a part of them; on bills by the month
-- that is the whole month in which the plan begins or ends.
-- Rule: DESIGN, sections 2 and 5, savings plans; AWS bills the hourly commitment once an hour.
WITH fees AS (
    SELECT
        l.line,
        l.delivery_id,
        k.kind,
        k.price_basis,
        k.line_item_usage_type LIKE '%PartialUpfront' OR k.line_item_usage_type LIKE '%AllUpfront'
            AS says_upfront,
        regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '') AS plan,
        l.usage_day,
        greatest(
            l.usage_day, CAST(l.line_item_usage_end_date - INTERVAL '1' SECOND AS DATE)
        ) AS last_day,
        l.hours,
        l.line_item_unblended_cost AS billed,
        l.savings_plan_total_commitment_to_date AS committed,
        l.hours > 1
            AND (
                l.line_item_usage_start_date = min(l.line_item_usage_start_date) OVER (
                    PARTITION BY l.delivery_id, k.kind, l.savings_plan_savings_plan_a_r_n
                )
                OR l.line_item_usage_start_date = max(l.line_item_usage_start_date) OVER (
                    PARTITION BY l.delivery_id, k.kind, l.savings_plan_savings_plan_a_r_n
                )
            ) AS at_an_end,
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
        max(CASE WHEN p.starts <= f.last_day AND p.ends > f.usage_day THEN 1 ELSE 0 END) AS holds,
        bool_or(
            f.at_an_end
            AND (
                (p.starts >= f.usage_day AND p.starts <= f.last_day)
                OR (p.ends > f.usage_day AND p.ends - INTERVAL '1' DAY <= f.last_day)
            )
        ) AS begins_or_ends,
        max(
            CASE
                WHEN p.starts <= f.last_day
                    AND p.ends > f.usage_day
                    AND NOT (p.assumed AND coalesce(f.says_upfront, FALSE))
                THEN p.recurring
            END
        ) AS recurring,
        max(
            CASE
                WHEN p.starts <= f.last_day
                    AND p.ends > f.usage_day
                    AND NOT (p.assumed AND coalesce(f.says_upfront, FALSE))
                THEN p.upfront
            END
        ) AS upfront
    FROM fees AS f
    JOIN contract_plans AS p
        ON p.plan = f.plan
    GROUP BY 1
),

-- The fee of most lines of a plan: of four at least, and of three quarters.
fee_counts AS (
    SELECT
        delivery_id,
        plan,
        hours,
        billed,
        count(*) AS lines,
        sum(count(*)) OVER (PARTITION BY delivery_id, plan, hours) AS all_lines
    FROM fees
    WHERE kind = 'plan_fee'
        AND copy = 1
    GROUP BY 1, 2, 3, 4
),

usual AS (
    SELECT
        delivery_id,
        plan,
        hours,
        billed
    FROM fee_counts
    WHERE lines >= 4
        AND lines * 4 >= all_lines * 3
        AND billed > 0
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
            WHEN f.kind = 'plan_fee'
                AND a.recurring IS NOT NULL
                AND a.begins_or_ends
                AND f.billed < a.recurring * f.hours
            THEN NULL
            WHEN f.kind = 'plan_fee' AND a.recurring IS NOT NULL THEN 'plan_fee'
            WHEN f.kind = 'plan_upfront_fee' AND a.upfront IS NOT NULL THEN 'plan_upfront_fee'
            WHEN f.kind = 'plan_fee'
                AND f.committed > 0
                AND f.billed > f.committed + 0.0000000001 * f.hours
            THEN 'plan_fee_above_commitment'
            WHEN f.kind = 'plan_fee'
                AND f.billed > 0
                AND abs(f.billed - u.billed) > 0.0000000001 * f.hours
                AND NOT (f.at_an_end AND f.billed < u.billed)
            THEN 'plan_fee_unusual'
        END AS reason,
        CASE
            WHEN f.kind = 'plan_upfront_fee' THEN a.upfront
            WHEN a.recurring IS NOT NULL THEN a.recurring * f.hours
            -- The fee of most hours is no more than the commitment, and says more.
            WHEN u.billed IS NOT NULL THEN u.billed
            ELSE f.committed
        END AS agreed
    FROM fees AS f
    LEFT JOIN agreed AS a
        ON a.line = f.line
    LEFT JOIN usual AS u
        ON u.delivery_id = f.delivery_id
        AND u.plan = f.plan
        AND u.hours = f.hours
)

SELECT
    line,
    reason,
    CAST(
        CASE
            WHEN reason IN (
                'plan_fee', 'plan_upfront_fee', 'plan_fee_above_commitment', 'plan_fee_unusual'
            )
            THEN billed - agreed
            ELSE billed
        END
        AS DECIMAL(36, 20)
    ) AS difference
FROM judged
WHERE reason IS NOT NULL
    AND (
        price_basis = 'unblended'
        OR reason NOT IN ('plan_fee', 'plan_upfront_fee')
        OR billed >= agreed
    )
