-- Discounts that the contract promises, beside the discount lines that the bill has.
-- grain: one row a discount line that the contract explains, and one usage line for each group of
-- charges whose promised discount has no line
-- Sums are compared by usage account, usage type and line type, since a discount line repeats the
-- usage type of its charges without their quantity. What a private rate takes off a public one is
-- such a discount too, on bills that have PrivateRateDiscount lines. What one charge lacks and another
-- of the account has too much has arrived under another name, and no money is missed. Usage that a
-- savings plan covers, and its negation, are never discounted (DESIGN, section 2, "Savings plans").
-- Whether AWS takes a discount of a private rate or of the public one, no source says. Where the
-- contract gives the private rate an order, that holds; where it does not, both are right: a discount
-- of what the private rate leaves, which is expected, or one of the public cost (`reordered`). So are
-- both sequences of two discounts of the same order.
WITH placed AS (
    SELECT
        l.delivery_id,
        l.line,
        l.line_item_unblended_cost AS billed,
        -- A discount is taken of what a private rate leaves.
        coalesce(v.at_private_rate, l.line_item_unblended_cost) AS full_cost,
        coalesce(
            v.at_private_rate,
            t2.expected,
            CAST(round(
                CAST(coalesce(q.right_quantity, l.line_item_usage_amount) AS DECIMAL(22, 10))
                * p.price, 10
            ) AS DECIMAL(36, 20)),
            l.line_item_unblended_cost
        ) AS right_cost,
        v.discount AS private_discount,
        CASE WHEN p.source_kind = 'contract' THEN p.rate_id END AS private_rate_id,
        CASE WHEN p.source_kind = 'contract'
            THEN coalesce(
                v.expected,
                CAST(round(l.line_item_usage_amount * g.price, 10) AS DECIMAL(36, 20)),
                l.pricing_public_on_demand_cost
            )
        END AS public_cost,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_net_unblended_cost AS net,
        l.hours,
        -- A line of a type that nobody knows may earn the discount or not, as one that repeats may;
        -- and of what is refunded the discount may be taken back or not.
        t.line IS NOT NULL OR k.kind IN ('unknown', 'refund') AS is_repeated,
        l.usage_day,
        coalesce(l.line_item_usage_account_id, '') AS account,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        coalesce(k.line_item_currency_code, '') AS currency,
        k.kind,
        k.line_item_line_item_type AS line_type,
        coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
            OR coalesce(k.line_item_usage_type, '') LIKE '%-MP:%' AS marketplace,
        CASE
            WHEN k.service IS NOT NULL THEN k.service
            WHEN lower(coalesce(k.line_item_product_code, '')) LIKE '%sagemaker%' THEN 'sagemaker'
            WHEN k.line_item_product_code = 'MachineLearningSavingsPlans' THEN 'sagemaker'
            ELSE 'bedrock'
        END AS service,
        CASE
            WHEN k.region IN (SELECT region FROM contract_shares) THEN k.region
            ELSE '*'
        END AS region
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    LEFT JOIN private_discounts AS v
        ON v.line = l.line
    LEFT JOIN repeated AS t
        ON t.line = l.line
        AND t.how <> 'similar_usage'
    LEFT JOIN quantities AS q
        ON q.line = l.line
    LEFT JOIN tiered AS t2
        ON t2.line = l.line
    LEFT JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN listed_rates AS g
        ON g.charge_key_id = l.charge_key_id
        AND l.usage_day >= g.starts
        AND l.usage_day < g.ends
    WHERE k.is_ai
        AND k.price_basis = 'unblended'
        AND k.kind IN ('usage', 'plan_fee', 'plan_upfront_fee', 'discount', 'refund', 'unknown')
        AND (k.kind <> 'discount' OR t.line IS NULL)
        AND EXISTS (
            SELECT 1 FROM contract_shares
            UNION ALL
            SELECT 1 FROM private_discounts
        )
),

promised AS (
    SELECT
        p.delivery_id,
        p.line,
        p.account,
        p.usage_type,
        p.currency,
        s.line_type,
        s.named,
        p.hours,
        p.billed,
        p.usage_start,
        p.net,
        p.is_repeated,
        CASE
            WHEN x.of_public IS NULL OR p.public_cost IS NULL THEN p.full_cost * s.share
            ELSE CAST(p.public_cost * x.of_public + p.full_cost * x.of_private AS DECIMAL(38, 20))
        END AS discount,
        CASE
            WHEN x.of_public IS NULL OR p.public_cost IS NULL THEN p.right_cost * s.share
            ELSE CAST(p.public_cost * x.of_public + p.right_cost * x.of_private AS DECIMAL(38, 20))
        END AS right_discount,
        -- The discount of the public cost, where the contract leaves that open, or the discount
        -- after another one of the same order.
        CASE
            WHEN x.of_public IS NULL AND p.public_cost <> p.full_cost THEN p.public_cost * s.share
            WHEN s.other_share <> s.share THEN p.full_cost * s.other_share
        END AS other,
        CAST(NULL AS DECIMAL(38, 20)) AS third,
        coalesce(x.of_public IS NULL AND p.public_cost <> p.full_cost, FALSE) AS is_open
    FROM placed AS p
    JOIN contract_shares AS s
        ON s.service = p.service
        AND s.region = p.region
        AND s.marketplace = p.marketplace
        AND s.is_fee = (p.kind IN ('plan_fee', 'plan_upfront_fee'))
        AND p.usage_day >= s.starts
        AND p.usage_day < s.ends
    LEFT JOIN contract_private_shares AS x
        ON x.rate_id = p.private_rate_id
        AND x.line_type = s.line_type
        AND x.service = s.service
        AND x.region = s.region
        AND x.marketplace = s.marketplace
        AND x.starts = s.starts
    WHERE p.kind <> 'discount'
    UNION ALL
    SELECT
        p.delivery_id,
        p.line,
        p.account,
        p.usage_type,
        p.currency,
        'PrivateRateDiscount',
        'private rate',
        p.hours,
        p.billed,
        p.usage_start,
        NULL,
        p.is_repeated,
        p.private_discount,
        p.private_discount,
        -- A private rate after a discount comes to a part of what it takes off, or to the rate itself.
        CASE WHEN x.rate_id IS NULL THEN p.private_discount - p.private_discount * t.share END,
        CASE WHEN x.rate_id IS NULL THEN p.private_discount - p.public_cost * t.share END,
        FALSE
    FROM placed AS p
    LEFT JOIN (
        SELECT service, region, marketplace, starts, ends, sum(share) AS share
        FROM contract_shares
        WHERE NOT is_fee
        GROUP BY 1, 2, 3, 4, 5
    ) AS t
        ON t.service = p.service
        AND t.region = p.region
        AND t.marketplace = p.marketplace
        AND p.usage_day >= t.starts
        AND p.usage_day < t.ends
    LEFT JOIN (SELECT DISTINCT rate_id FROM contract_private_shares) AS x
        ON x.rate_id = p.private_rate_id
    WHERE p.private_discount IS NOT NULL
),

granted AS (
    SELECT
        p.delivery_id,
        p.line,
        p.account,
        p.usage_type,
        p.currency,
        p.line_type,
        p.hours,
        p.billed,
        p.usage_start
    FROM placed AS p
    WHERE p.kind = 'discount'
        AND (
            p.line_type IN (SELECT line_type FROM contract_shares)
            OR EXISTS (
                SELECT 1
                FROM promised AS q
                WHERE q.line_type = p.line_type
                    AND q.delivery_id = p.delivery_id
                    AND q.account = p.account
                    AND q.usage_type = p.usage_type
                    AND q.currency = p.currency
            )
        )
),

-- Charges whose discounts close only where they are taken of the public cost.
orders AS (
    SELECT
        p.*,
        g.came
    FROM (
        SELECT
            delivery_id,
            account,
            usage_type,
            currency,
            line_type,
            sum(discount) AS discount,
            sum(coalesce(other, discount)) AS other,
            sum(coalesce(third, other, discount)) AS third,
            0.0000000002 * sum(hours) AS tolerance
        FROM promised
        WHERE NOT is_repeated
        GROUP BY 1, 2, 3, 4, 5
        HAVING count(other) > 0
    ) AS p
    JOIN (
        SELECT delivery_id, account, usage_type, currency, line_type, sum(billed) AS came
        FROM granted
        GROUP BY 1, 2, 3, 4, 5
    ) AS g
        ON g.delivery_id = p.delivery_id
        AND g.account = p.account
        AND g.usage_type = p.usage_type
        AND g.currency = p.currency
        AND g.line_type = p.line_type
),

reordered AS (
    SELECT
        o.delivery_id,
        o.account,
        o.usage_type,
        o.currency,
        o.line_type,
        abs(o.came + o.other) <= o.tolerance AS is_other
    FROM orders AS o
    WHERE abs(o.came + o.discount) > o.tolerance
        AND (
            abs(o.came + o.other) <= o.tolerance
            OR abs(o.came + o.third) <= o.tolerance
        )
        AND (
            o.line_type <> 'PrivateRateDiscount'
            OR EXISTS (
                SELECT 1
                FROM orders AS e
                WHERE e.delivery_id = o.delivery_id
                    AND e.account = o.account
                    AND e.usage_type = o.usage_type
                    AND e.currency = o.currency
                    AND e.line_type <> o.line_type
                    AND abs(e.came + e.other) <= e.tolerance
            )
        )
),

-- Bills without discount lines show discounts in the net columns alone.
shown_net AS (
    SELECT delivery_id
    FROM promised
    WHERE delivery_id NOT IN (SELECT delivery_id FROM granted)
    GROUP BY 1
    HAVING count(net) > 0
),

both_sides AS (
    SELECT
        delivery_id, line, account, usage_type, currency, line_type, CAST(NULL AS STRING) AS named,
        hours, billed, usage_start, TRUE AS is_discount_line, FALSE AS is_repeated,
        billed AS against_billed, billed AS against_right
    FROM granted
    UNION ALL
    SELECT
        p.delivery_id, p.line, p.account, p.usage_type, p.currency, p.line_type, p.named, p.hours,
        p.billed, p.usage_start, FALSE, p.is_repeated,
        CASE
            WHEN r.is_other THEN coalesce(p.other, p.discount)
            WHEN NOT r.is_other THEN coalesce(p.third, p.other, p.discount)
            ELSE p.discount
        END,
        CASE
            WHEN r.is_other THEN coalesce(p.other, p.discount)
            WHEN NOT r.is_other THEN coalesce(p.third, p.other, p.discount)
            ELSE p.right_discount
        END
    FROM promised AS p
    LEFT JOIN reordered AS r
        ON r.delivery_id = p.delivery_id
        AND r.account = p.account
        AND r.usage_type = p.usage_type
        AND r.currency = p.currency
        AND r.line_type = p.line_type
    WHERE p.delivery_id NOT IN (SELECT delivery_id FROM shown_net)
),

-- AWS may have granted the discount on a line that it billed twice, too: right for what it billed.
discounted_twice AS (
    SELECT
        delivery_id,
        account,
        usage_type,
        currency,
        line_type
    FROM both_sides
    GROUP BY 1, 2, 3, 4, 5
    HAVING max(CASE WHEN is_repeated THEN 1 ELSE 0 END) = 1
        AND abs(sum(against_billed)) <= 0.0000000001 * sum(hours)
),

counted AS (
    SELECT b.*
    FROM both_sides AS b
    LEFT JOIN discounted_twice AS w
        ON w.delivery_id = b.delivery_id
        AND w.account = b.account
        AND w.usage_type = b.usage_type
        AND w.currency = b.currency
        AND w.line_type = b.line_type
    WHERE NOT b.is_repeated
        OR w.delivery_id IS NOT NULL
),

-- What is billed wrong may be discounted by what was billed or by what was right: neither takes
-- more from anybody than the wrong charge itself, which has its own finding. An hour that should have
-- cost nothing says nothing by itself where the discount lines are longer than it.
held AS (
    SELECT
        *,
        CASE
            WHEN (
                abs(sum(against_right) OVER same_start)
                    <= 0.0000000001 * sum(hours) OVER same_start
                AND (
                    max(CASE WHEN is_discount_line THEN 1 ELSE 0 END) OVER same_start = 1
                    OR max(CASE WHEN is_discount_line THEN hours ELSE 0 END) OVER same_charge
                        <= hours
                )
            )
                OR abs(sum(against_right) OVER same_day)
                    <= 0.0000000001 * sum(hours) OVER same_day
                OR abs(sum(against_right) OVER same_charge)
                    <= 0.0000000001 * sum(hours) OVER same_charge
            THEN against_right
            ELSE against_billed
        END AS against
    FROM counted
    WINDOW
        same_start AS (
            PARTITION BY delivery_id, account, usage_type, currency, line_type, usage_start
        ),
        same_day AS (
            PARTITION BY
                delivery_id, account, usage_type, currency, line_type, CAST(usage_start AS DATE)
        ),
        same_charge AS (PARTITION BY delivery_id, account, usage_type, currency, line_type)
),

by_time AS (
    SELECT
        *,
        sum(against) OVER same_start AS start_difference,
        0.0000000001 * sum(hours) OVER same_start AS start_tolerance,
        sum(against) OVER same_day AS day_difference,
        0.0000000001 * sum(hours) OVER same_day AS day_tolerance
    FROM held
    WINDOW
        same_start AS (
            PARTITION BY delivery_id, account, usage_type, currency, line_type, usage_start
        ),
        same_day AS (
            PARTITION BY
                delivery_id, account, usage_type, currency, line_type, CAST(usage_start AS DATE)
        )
),

-- A discount that fails in some hours, or on some days, is missed there, where the others close by
-- themselves. Lines that discount a month of usage close neither way, and are taken as a whole.
levelled AS (
    SELECT
        *,
        CASE
            WHEN max(CASE WHEN start_difference < -start_tolerance THEN 1 ELSE 0 END)
                    OVER same_charge
                + max(CASE WHEN start_difference > start_tolerance THEN 1 ELSE 0 END)
                    OVER same_charge <= 1
            THEN usage_start
            WHEN max(CASE WHEN day_difference < -day_tolerance THEN 1 ELSE 0 END)
                    OVER same_charge
                + max(CASE WHEN day_difference > day_tolerance THEN 1 ELSE 0 END)
                    OVER same_charge <= 1
            THEN CAST(CAST(usage_start AS DATE) AS TIMESTAMP)
        END AS place_in_time
    FROM by_time
    WINDOW same_charge AS (
        PARTITION BY delivery_id, account, usage_type, currency, line_type
    )
),

summed AS (
    SELECT
        delivery_id,
        line,
        account,
        usage_type,
        currency,
        line_type,
        place_in_time,
        is_discount_line,
        max(named) OVER same_place AS named,
        sum(against) OVER same_place AS difference,
        sum(least(against_billed, against_right)) OVER same_place AS least_difference,
        sum(CASE WHEN is_discount_line THEN 0 ELSE billed END) OVER same_place AS charged,
        sum(CASE WHEN is_discount_line THEN against ELSE 0 END) OVER same_charge AS granted,
        min(usage_start) OVER same_place AS first_usage,
        max(usage_start) OVER same_place AS last_usage,
        sum(hours) OVER same_place AS hours,
        sum(CASE WHEN is_discount_line THEN 1 ELSE 0 END) OVER same_place AS discount_lines,
        sum(CASE WHEN is_discount_line THEN 0 ELSE 1 END) OVER same_charge AS charge_lines,
        row_number() OVER (
            PARTITION BY delivery_id, account, usage_type, currency, line_type, place_in_time
            ORDER BY
                CASE WHEN is_discount_line THEN 0 ELSE 1 END,
                abs(billed) DESC,
                line DESC
        ) AS place
    FROM levelled
    WINDOW
        same_charge AS (PARTITION BY delivery_id, account, usage_type, currency, line_type),
        same_place AS (
            PARTITION BY delivery_id, account, usage_type, currency, line_type, place_in_time
        )
),

differing AS (
    SELECT
        *,
        sum(difference) OVER (PARTITION BY delivery_id, account, line_type) AS in_all,
        sum(hours) OVER (PARTITION BY delivery_id, account, line_type) AS hours_in_all
    FROM summed
    WHERE place = 1
        AND abs(difference) > 0.0000000001 * hours
),

under_another_name AS (
    SELECT line
    FROM differing
    WHERE abs(in_all) <= 0.0000000001 * hours_in_all
    UNION
    SELECT a.line
    FROM differing AS a
    JOIN differing AS b
        ON b.delivery_id = a.delivery_id
        AND b.account = a.account
        AND b.line_type = a.line_type
        AND b.place_in_time IS NOT DISTINCT FROM a.place_in_time
        AND b.line <> a.line
        AND abs(a.difference + b.difference) <= 0.0000000001 * (a.hours + b.hours)
),

open_order AS (
    SELECT delivery_id, account, usage_type, currency, line_type
    FROM promised
    WHERE NOT is_repeated
    GROUP BY 1, 2, 3, 4, 5
    HAVING bool_and(is_open)
)

SELECT
    s.delivery_id,
    s.line,
    s.is_discount_line,
    s.account,
    s.usage_type,
    s.line_type,
    s.named,
    s.charged,
    s.granted,
    s.first_usage,
    s.last_usage,
    CASE
        WHEN charge_lines = 0 THEN 'discount_excluded'
        -- Of a private rate that follows a discount, nothing is left to take it of.
        WHEN discount_lines = 0 AND o.delivery_id IS NOT NULL THEN 'discount_order_unknown'
        WHEN discount_lines = 0 THEN 'discount_missing'
        ELSE 'discount_differs'
    END AS reason,
    CAST(
        CASE
            WHEN NOT is_discount_line THEN least_difference
            WHEN n.line IS NULL AND place = 1 AND abs(difference) > 0.0000000001 * hours
            THEN difference
            ELSE 0
        END AS DECIMAL(36, 20)
    ) AS difference
FROM summed AS s
LEFT JOIN under_another_name AS n
    ON n.line = s.line
LEFT JOIN open_order AS o
    ON o.delivery_id = s.delivery_id
    AND o.account = s.account
    AND o.usage_type = s.usage_type
    AND o.currency = s.currency
    AND o.line_type = s.line_type
WHERE is_discount_line
    OR (
        n.line IS NULL
        AND discount_lines = 0
        AND place = 1
        AND abs(difference) > 0.0000000001 * hours
        -- What is billed above its price has its own finding, and nobody is owed a share of that.
        AND abs(least_difference) > 0.0000000001 * hours
    )
