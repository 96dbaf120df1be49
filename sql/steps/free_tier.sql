-- What the free tier of SageMaker's first months comes to: which usage is free, and whether it is.
-- grain: one row a line that the free tier explains or that should have been free
-- An allowance is shared by the charges of one account, or of the organisation, over a month. Free
-- usage shows at no cost, or at full cost with a Credit line beside it, and both are right. Which
-- hours AWS takes for free is not known, so those that are free already use up the allowance first,
-- then usage in the order of time.
-- `is_extra` rows stand beside what the line is by its own rate; the others say all about the line.
-- FOCUS bills usage less its discounts: what the contract's discounts leave of it is held against
-- BilledCost, and what is free as it should be is judged by its public cost like other usage.
-- Rule: SageMaker pricing page, free tier; start and scope are the contract's (DESIGN, section 5).
WITH kept_shares AS (
    SELECT
        region,
        starts,
        ends,
        CAST(1 - sum(share) AS DECIMAL(15, 10)) AS kept
    FROM contract_shares
    WHERE service = 'sagemaker'
        AND NOT marketplace
        AND NOT is_fee
    GROUP BY 1, 2, 3
),

priced_usage AS (
    SELECT
        l.delivery_id,
        l.line,
        f.allowance,
        f.allowed,
        f.factor,
        f.inverse,
        CASE WHEN f.by_account THEN coalesce(l.line_item_usage_account_id, '') ELSE '' END AS scope,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        l.line_item_usage_start_date AS usage_start,
        l.identity_line_item_id,
        l.hours,
        l.line_item_unblended_cost AS billed,
        l.line_item_usage_amount AS quantity,
        p.price,
        p.rate_id,
        k.price_basis = 'list' AS is_list,
        CASE WHEN k.price_basis = 'list' THEN s.kept END AS kept,
        CASE
            WHEN k.price_basis = 'list' AND s.kept IS NOT NULL
            THEN CAST(
                CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(22, 10)) * s.kept
                AS DECIMAL(36, 20)
            )
            ELSE CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(36, 20))
        END AS full_cost,
        CAST(
            CASE WHEN k.price_basis = 'list' THEN 0.0000000002 ELSE 0.0000000001 END * l.hours
            + CAST(abs(l.line_item_usage_amount) AS DECIMAL(22, 10)) * 0.00000000005
            AS DECIMAL(36, 20)
        ) AS tolerance
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN free_charges AS f
        ON f.charge_key_id = l.charge_key_id
        AND l.usage_day >= f.starts
        AND l.usage_day < f.ends
    JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN kept_shares AS s
        ON s.region = CASE
            WHEN k.region IN (SELECT region FROM contract_shares) THEN k.region ELSE '*' END
        AND l.usage_day >= s.starts
        AND l.usage_day < s.ends
    WHERE k.kind = 'usage'
        AND (k.price_basis = 'unblended' OR l.savings_plan_savings_plan_a_r_n IS NULL)
        AND l.line_item_usage_amount > 0
        AND p.price > 0
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

turns AS (
    SELECT
        *,
        CAST(quantity * factor AS DECIMAL(22, 10)) AS used,
        CASE
            WHEN abs(billed) <= tolerance THEN 1
            WHEN billed > 0 AND billed < full_cost - tolerance THEN 2
            ELSE 3
        END AS turn
    FROM priced_usage
),

running AS (
    SELECT
        *,
        allowed - (sum(used) OVER (
            PARTITION BY delivery_id, scope, allowance
            ORDER BY turn, usage_start, identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - used) AS left_over
    FROM turns
),

shares AS (
    SELECT
        *,
        CAST(CAST(greatest(0, least(used, left_over)) AS DECIMAL(22, 10)) * inverse
            AS DECIMAL(22, 10)) AS free_quantity
    FROM running
),

costs AS (
    SELECT
        *,
        CASE
            WHEN kept IS NULL
            THEN CAST(round((quantity - free_quantity) * price, 10) AS DECIMAL(36, 20))
            ELSE CAST(CAST(round((quantity - free_quantity) * price, 10) AS DECIMAL(22, 10)) * kept
                AS DECIMAL(36, 20))
        END AS owed,
        CASE
            WHEN is_list AND free_quantity = quantity THEN billed
            WHEN kept IS NULL THEN CAST(round(free_quantity * price, 10) AS DECIMAL(36, 20))
            ELSE CAST(CAST(round(free_quantity * price, 10) AS DECIMAL(22, 10)) * kept
                AS DECIMAL(36, 20))
        END AS free_cost
    FROM shares
),

-- A line that is billed in part is right where the rest of it is what is owed.
placed AS (
    SELECT
        *,
        turn = 1 OR (turn = 2 AND abs(billed - owed) <= tolerance) AS is_given
    FROM costs
),

due AS (
    SELECT
        delivery_id,
        scope,
        allowance,
        sum(CASE WHEN is_given THEN 0 ELSE free_cost END) AS missing,
        sum(billed) AS billed,
        0.0000000001 * sum(hours) AS tolerance
    FROM placed
    GROUP BY 1, 2, 3
),

charges AS (
    SELECT DISTINCT delivery_id, scope, allowance, usage_type FROM placed
),

credit_lines AS (
    SELECT
        l.delivery_id,
        l.line,
        c.scope,
        c.allowance,
        l.line_item_unblended_cost AS billed,
        l.line_item_usage_start_date AS usage_start,
        l.identity_line_item_id,
        lower(coalesce(k.line_item_line_item_description, '')) LIKE '%free t%' AS says_free
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN charges AS c
        ON c.delivery_id = l.delivery_id
        AND c.usage_type = coalesce(k.line_item_usage_type, k.product_sku)
        AND (c.scope = '' OR c.scope = l.line_item_usage_account_id)
    WHERE k.kind = 'credit'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

credited AS (
    SELECT
        delivery_id,
        scope,
        allowance,
        -sum(billed) AS credit,
        max(CASE WHEN says_free THEN 1 ELSE 0 END) AS says_free
    FROM credit_lines
    GROUP BY 1, 2, 3
),

-- Credits of SageMaker that name no usage type may be those of any allowance.
nameless AS (
    SELECT
        l.delivery_id,
        coalesce(l.line_item_usage_account_id, '') AS account,
        -sum(l.line_item_unblended_cost) AS credit
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'credit'
        AND k.line_item_usage_type IS NULL
        AND k.product_sku IS NULL
        AND lower(coalesce(k.line_item_product_code, '')) LIKE '%sagemaker%'
    GROUP BY 1, 2
),

any_credit AS (
    SELECT
        d.delivery_id,
        d.scope,
        d.allowance,
        sum(n.credit) AS credit
    FROM due AS d
    JOIN nameless AS n
        ON n.delivery_id = d.delivery_id
        AND (d.scope = '' OR d.scope = n.account)
    GROUP BY 1, 2, 3
),

-- A credit beyond the free tier may be of another kind, unless it says that it is none, or more
-- is given back than was billed.
decided AS (
    SELECT
        d.delivery_id,
        d.scope,
        d.allowance,
        CASE
            WHEN coalesce(c.credit, 0) + a.credit >= d.missing - d.tolerance THEN 'unknown'
            WHEN c.credit IS NULL THEN 'missing'
            WHEN abs(c.credit - d.missing) <= d.tolerance THEN 'right'
            WHEN c.credit < d.missing THEN 'too_small'
            WHEN c.says_free = 1 OR c.credit > d.billed + d.tolerance THEN 'too_large'
            ELSE 'unknown'
        END AS how,
        d.missing - coalesce(c.credit, 0) AS difference
    FROM due AS d
    LEFT JOIN credited AS c
        ON c.delivery_id = d.delivery_id
        AND c.scope = d.scope
        AND c.allowance = d.allowance
    LEFT JOIN any_credit AS a
        ON a.delivery_id = d.delivery_id
        AND a.scope = d.scope
        AND a.allowance = d.allowance
),

numbered_credits AS (
    SELECT
        c.delivery_id,
        c.line,
        c.billed,
        d.how,
        d.difference,
        row_number() OVER (
            PARTITION BY c.delivery_id, c.scope, c.allowance
            ORDER BY
                CASE WHEN d.how = 'too_large' AND c.billed = d.difference THEN 0 ELSE 1 END,
                c.usage_start DESC, c.identity_line_item_id DESC NULLS LAST, c.line DESC
        ) AS place
    FROM credit_lines AS c
    JOIN decided AS d
        ON d.delivery_id = c.delivery_id
        AND d.scope = c.scope
        AND d.allowance = c.allowance
    WHERE d.how IN ('right', 'too_small', 'too_large')
)

SELECT
    delivery_id,
    line,
    FALSE AS is_extra,
    'free_tier_exceeded' AS reason,
    rate_id,
    CAST(CASE WHEN abs(billed - owed) <= tolerance THEN 0 ELSE billed - owed END
        AS DECIMAL(36, 20)) AS difference
FROM placed
WHERE is_given
    AND (turn = 1 OR free_quantity > 0)
    AND (NOT is_list OR abs(billed - owed) > tolerance)
UNION ALL
SELECT
    p.delivery_id,
    p.line,
    TRUE,
    'free_tier_missing',
    p.rate_id,
    p.free_cost
FROM placed AS p
JOIN decided AS d
    ON d.delivery_id = p.delivery_id
    AND d.scope = p.scope
    AND d.allowance = p.allowance
WHERE NOT p.is_given
    AND p.free_cost > 0
    AND d.how = 'missing'
UNION ALL
SELECT
    delivery_id,
    line,
    FALSE,
    CASE WHEN how = 'too_large' THEN 'free_tier_twice' ELSE 'free_tier_too_small' END,
    NULL,
    CAST(CASE WHEN place = 1 AND how <> 'right' THEN difference ELSE 0 END AS DECIMAL(36, 20))
FROM numbered_credits
