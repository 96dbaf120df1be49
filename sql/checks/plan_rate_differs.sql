-- severity: error
-- category: commitment
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- needs: charge_keys WHERE kind = 'covered_usage'
-- question: Is usage that a savings plan covers counted at the rate that the plan agreed?
-- The plan's rate moves the effective cost, not the unblended cost that the bridge accounts for. The
-- contract says what was agreed; without it AWS's offer of the plan's kind does, which the fee line
-- names. A plan keeps the rates of the day it was bought, so a rate of any offer at hand will do,
-- and none of them proves more than a warning; neither does the rate of most of its hours. FOCUS
-- states no rate of the plan, so its effective cost is held against the contract alone, unless the
-- contract discounts the fees of plans as well.
WITH covered AS (
    SELECT
        l.line,
        l.identity_line_item_id,
        l.identity_time_interval,
        l.savings_plan_savings_plan_a_r_n AS plan,
        k.line_item_usage_type AS usage_type,
        k.line_item_operation AS operation,
        l.usage_day,
        l.line_item_usage_amount AS quantity,
        CAST(l.savings_plan_savings_plan_rate AS DECIMAL(15, 10)) AS rate,
        l.savings_plan_savings_plan_effective_cost AS effective,
        CAST(
            0.0000000001 * l.hours
            + CAST(abs(l.line_item_usage_amount) AS DECIMAL(22, 10)) * 0.00000000005
            AS DECIMAL(36, 20)
        ) AS tolerance
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'covered_usage'
        AND l.line_item_usage_amount > 0
        AND CASE
            WHEN k.price_basis = 'unblended' THEN abs(l.savings_plan_savings_plan_rate) < 100000
            ELSE l.savings_plan_savings_plan_effective_cost IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM contract_shares WHERE is_fee)
        END
),

plan_kinds AS (
    SELECT
        l.savings_plan_savings_plan_a_r_n AS plan,
        min(k.line_item_usage_type) AS plan_usage_type
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('plan_fee', 'plan_upfront_fee')
    GROUP BY 1
    HAVING count(DISTINCT k.line_item_usage_type) = 1
),

agreed AS (
    SELECT
        c.line,
        p.rate AS agreed_rate,
        CAST(NULL AS STRING) AS rate_id,
        'error' AS severity
    FROM covered AS c
    JOIN contract_plan_rates AS p
        ON p.plan = regexp_replace(c.plan, '^.*/', '')
        AND p.usage_type = c.usage_type
        AND c.usage_day >= p.starts
        AND c.usage_day < p.ends
),

offered AS (
    SELECT
        c.line,
        max(CASE WHEN coalesce(r.starts, c.usage_day) <= c.usage_day
            AND (r.ends IS NULL OR r.ends > c.usage_day) THEN r.rate END) AS agreed_rate,
        max(CASE WHEN coalesce(r.starts, c.usage_day) <= c.usage_day
            AND (r.ends IS NULL OR r.ends > c.usage_day) THEN r.rate_id END) AS rate_id,
        'warning' AS severity
    FROM covered AS c
    JOIN plan_kinds AS t
        ON t.plan = c.plan
    JOIN listed_plan_rates AS r
        ON r.plan_usage_type = t.plan_usage_type
        AND r.usage_type = c.usage_type
        AND (r.operation IS NULL OR r.operation = c.operation)
    WHERE c.rate IS NOT NULL
        AND c.line NOT IN (SELECT line FROM agreed)
    GROUP BY c.line
    HAVING max(CASE WHEN r.rate = c.rate THEN 1 ELSE 0 END) = 0
        AND count(DISTINCT CASE WHEN coalesce(r.starts, c.usage_day) <= c.usage_day
            AND (r.ends IS NULL OR r.ends > c.usage_day) THEN r.rate END) = 1
),

rate_counts AS (
    SELECT
        plan,
        usage_type,
        operation,
        rate,
        count(*) AS lines,
        sum(count(*)) OVER (PARTITION BY plan, usage_type, operation) AS all_lines
    FROM covered
    WHERE rate IS NOT NULL
    GROUP BY 1, 2, 3, 4
),

-- The rate of most lines: of four at least, and of three quarters.
usual AS (
    SELECT
        c.line,
        r.rate AS agreed_rate,
        CAST(NULL AS STRING) AS rate_id,
        'warning' AS severity
    FROM covered AS c
    JOIN rate_counts AS r
        ON r.plan = c.plan
        AND r.usage_type = c.usage_type
        AND coalesce(r.operation, '') = coalesce(c.operation, '')
    WHERE r.lines >= 4
        AND r.lines * 4 >= r.all_lines * 3
        AND r.rate <> c.rate
        AND c.line NOT IN (SELECT line FROM agreed)
        AND c.line NOT IN (SELECT line FROM offered)
),

-- What no source agrees is at least what the bill itself says.
judged AS (
    SELECT * FROM agreed
    UNION ALL
    SELECT * FROM offered
    UNION ALL
    SELECT * FROM usual
    UNION ALL
    SELECT c.line, c.rate, NULL, 'error'
    FROM covered AS c
    WHERE c.rate IS NOT NULL
        AND c.line NOT IN (SELECT line FROM agreed)
        AND c.line NOT IN (SELECT line FROM offered)
        AND c.line NOT IN (SELECT line FROM usual)
),

costs AS (
    SELECT
        c.line,
        c.identity_line_item_id,
        c.identity_time_interval,
        j.severity,
        j.rate_id,
        coalesce(c.rate = j.agreed_rate, FALSE) AS at_its_rate,
        c.tolerance,
        coalesce(c.effective, CAST(round(c.quantity * c.rate, 10) AS DECIMAL(36, 20))) AS billed,
        CAST(round(c.quantity * j.agreed_rate, 10) AS DECIMAL(36, 20)) AS expected
    FROM covered AS c
    JOIN judged AS j
        ON j.line = c.line
)

SELECT
    line,
    severity,
    rate_id,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    CASE
        WHEN at_its_rate
        THEN 'The effective cost is not the quantity at the rate of the savings plan.'
        ELSE 'Usage that a savings plan covers is not counted at the rate of the plan.'
    END AS reason
FROM costs
WHERE abs(billed - expected) > tolerance
ORDER BY identity_line_item_id, identity_time_interval, line
