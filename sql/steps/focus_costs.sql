-- Usage of FOCUS bills that is judged by what is billed: BilledCost is what contracts and discounts
-- leave of quantity times price, and here it is held against that.
-- grain: one row a line that a contract prices, or whose BilledCost is not what is left of its price,
-- where it is known what is left
-- Which part is left: where the contract has discounts, what they leave. Else what they leave of most
-- charges of the service on the same day, and then only of usage types that are discounted like the
-- rest. Nothing is said where neither tells: a lower cost may be a discount that nobody has stated.
-- ContractedUnitPrice may count these discounts in or not (FOCUS wants it, bills differ), so a cost
-- that follows from it either way is consistent; `rate` is the price that it follows from. Whether a
-- discount is taken of a private rate or of the public one no source says: where the contract gives
-- the private rate no order, either cost is right.
-- Usage that costs nothing has to have a reason: a commitment that paid for it, a price of nothing, a
-- free tier. Where it has a contracted price or cost, or others of its usage type are billed, the bill
-- has none, for credits stand in lines of their own.
-- Rule: FOCUS 1.0 and 1.2, BilledCost, ContractedUnitPrice, ListUnitPrice.
WITH usages AS (
    SELECT
        l.delivery_id,
        l.line,
        l.line_item_unblended_cost AS billed,
        l.pricing_public_on_demand_cost AS list_cost,
        l.contracted_cost,
        l.line_item_unblended_cost = 0
            AND l.line_item_usage_amount > 0
            AND coalesce(l.pricing_public_on_demand_rate, 1) <> 0
            AND coalesce(l.pricing_public_on_demand_cost, 1) <> 0
            AND l.savings_plan_savings_plan_a_r_n IS NULL
            AND coalesce(l.savings_plan_savings_plan_effective_cost, 0) = 0 AS is_nothing,
        l.usage_day,
        CAST(
            0.0000000002 * l.hours
            + CAST(abs(l.line_item_usage_amount) AS DECIMAL(22, 10)) * 0.0000000001
            + CASE WHEN l.quantity_rounded
                THEN 0.0000000001 * coalesce(p.price, l.line_item_unblended_rate, 1) ELSE 0 END
            AS DECIMAL(36, 20)
        ) AS tolerance,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        -- FOCUS names the seller as the publisher of what the Marketplace sells.
        coalesce(k.line_item_usage_type, '') LIKE '%-MP:%'
            OR coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
            OR NOT (
                upper(coalesce(k.bill_billing_entity, 'AWS')) LIKE 'AWS%'
                OR upper(k.bill_billing_entity) LIKE 'AMAZON%'
                OR upper(k.bill_billing_entity) = 'AISPL'
            ) AS marketplace,
        coalesce(k.service, '') AS service,
        CASE
            WHEN k.region IN (SELECT region FROM contract_shares) THEN k.region
            ELSE '*'
        END AS region,
        coalesce(p.source_kind, t.source_kind) AS source_kind,
        CASE WHEN p.source_kind = 'contract' THEN p.rate_id END AS private_rate_id,
        coalesce(
            t.expected,
            CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(36, 20))
        ) AS at_price,
        CASE WHEN abs(l.line_item_unblended_rate) < 100000
            THEN CASE
                WHEN abs(l.line_item_usage_amount * CAST(l.line_item_unblended_rate
                    AS DECIMAL(15, 10))) < 100000000000
                THEN CAST(l.line_item_unblended_rate AS DECIMAL(15, 10))
            END
        END AS contracted_price,
        CASE WHEN abs(l.pricing_public_on_demand_rate) < 100000
            THEN CASE
                WHEN abs(l.line_item_usage_amount * CAST(l.pricing_public_on_demand_rate
                    AS DECIMAL(15, 10))) < 100000000000
                THEN CAST(l.pricing_public_on_demand_rate AS DECIMAL(15, 10))
            END
        END AS list_price,
        p.price,
        l.line_item_usage_amount AS quantity,
        l.hours,
        coalesce(l.quantity_rounded, FALSE) AS quantity_rounded,
        coalesce(q.right_quantity <> l.line_item_usage_amount, FALSE) AS is_quantity_wrong
    FROM charge_keys AS k
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
    LEFT JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN tiered AS t
        ON t.line = l.line
    LEFT JOIN quantities AS q
        ON q.line = l.line
    WHERE k.price_basis = 'list'
        AND k.kind = 'usage'
        AND k.is_ai
        AND l.line_item_usage_amount IS NOT NULL
        AND l.split_line_item_parent_resource_id IS NULL
),

-- What a charge costs before discounts: by the price in force, or by the one that the line states.
grossed AS (
    SELECT
        *,
        CAST(coalesce(
            at_price,
            CAST(round(quantity * list_price, 10) AS DECIMAL(36, 20)),
            CAST(round(quantity * contracted_price, 10) AS DECIMAL(36, 20))
        ) AS DECIMAL(22, 10)) AS gross,
        CAST(round(quantity * contracted_price, 10) AS DECIMAL(22, 10)) AS at_contracted,
        CAST(round(quantity * list_price, 10) AS DECIMAL(22, 10)) AS at_list,
        CAST(coalesce(round(quantity * list_price, 10),
            CASE WHEN abs(list_cost) < 100000000000 THEN round(list_cost, 10) END)
            AS DECIMAL(22, 10)) AS public_cost
    FROM usages
    -- No line bills more, and a part of it could not be told exactly.
    WHERE coalesce(abs(at_price), 0) < 100000000000
        AND abs(billed) < 100000000000
),

-- Usage types that are billed as a rule.
billed_types AS (
    SELECT
        delivery_id,
        usage_type
    FROM usages
    GROUP BY 1, 2
    HAVING sum(CASE WHEN billed <> 0 THEN 1 ELSE 0 END) * 2 >= count(*)
),

unexplained AS (
    SELECT g.line
    FROM grossed AS g
    LEFT JOIN billed_types AS b
        ON b.delivery_id = g.delivery_id
        AND b.usage_type = g.usage_type
    WHERE g.is_nothing
        AND g.at_price > 0
        AND (
            g.contracted_price <> 0
            OR (g.contracted_price IS NULL AND g.contracted_cost <> 0)
            OR (
                g.contracted_price IS NULL
                AND g.contracted_cost IS NULL
                AND b.usage_type IS NOT NULL
                -- Only SageMaker has a free tier.
                AND g.service = 'bedrock'
            )
        )
        AND g.line NOT IN (
            SELECT l.line FROM lines AS l
            JOIN free_charges AS f
                ON f.charge_key_id = l.charge_key_id
        )
),

promised AS (
    SELECT
        g.line,
        CAST(1 - coalesce(sum(s.share), 0) AS DECIMAL(15, 10)) AS kept,
        CAST(1 - coalesce(sum(s.other_share), 0) AS DECIMAL(15, 10)) AS other_kept,
        CAST(sum(x.of_public) AS DECIMAL(15, 10)) AS of_public,
        CAST(sum(x.of_private) AS DECIMAL(15, 10)) AS of_private
    FROM grossed AS g
    LEFT JOIN contract_shares AS s
        ON s.service = g.service
        AND s.region = g.region
        AND s.marketplace = g.marketplace
        AND NOT s.is_fee
        AND g.usage_day >= s.starts
        AND g.usage_day < s.ends
    LEFT JOIN contract_private_shares AS x
        ON x.rate_id = g.private_rate_id
        AND x.line_type = s.line_type
        AND x.service = s.service
        AND x.region = s.region
        AND x.marketplace = s.marketplace
        AND x.starts = s.starts
    WHERE EXISTS (SELECT 1 FROM contract_shares)
    GROUP BY 1
),

-- The dearest lines of a day, which tell a discount in hundredths of a percent.
samples AS (
    SELECT *
    FROM (
        SELECT
            delivery_id,
            service,
            marketplace,
            usage_day,
            gross,
            billed,
            tolerance,
            row_number() OVER (
                PARTITION BY delivery_id, service, marketplace, usage_day
                ORDER BY gross DESC, line
            ) AS place
        FROM grossed
        WHERE gross > 0.01
            AND source_kind IS DISTINCT FROM 'contract'
            AND NOT EXISTS (SELECT 1 FROM contract_shares)
    )
    WHERE place <= 12
),

kept_shares AS (
    SELECT CAST(1 AS DECIMAL(15, 10)) AS kept
    UNION ALL
    SELECT CAST(model_units * 0.0001 AS DECIMAL(15, 10))
    FROM unit_numbers
),

voted AS (
    SELECT
        s.delivery_id,
        s.service,
        s.marketplace,
        s.usage_day,
        k.kept,
        row_number() OVER (
            PARTITION BY s.delivery_id, s.service, s.marketplace, s.usage_day
            ORDER BY count(*) DESC, k.kept DESC
        ) AS place,
        count(*) AS votes
    FROM samples AS s
    JOIN kept_shares AS k
        ON abs(s.billed - s.gross * k.kept) <= s.tolerance
    GROUP BY 1, 2, 3, 4, 5
),

followed AS (
    SELECT
        g.line,
        g.delivery_id,
        g.service,
        g.marketplace,
        g.usage_day,
        g.usage_type,
        v.kept,
        abs(g.billed - g.gross * v.kept) <= g.tolerance AS follows
    FROM grossed AS g
    JOIN voted AS v
        ON v.delivery_id = g.delivery_id
        AND v.service = g.service
        AND v.marketplace = g.marketplace
        AND v.usage_day = g.usage_day
    WHERE v.place = 1
        AND v.votes >= 4
),

usual AS (
    SELECT
        line,
        kept
    FROM (
        SELECT
            line,
            kept,
            sum(CASE WHEN follows THEN 1 ELSE 0 END) OVER same_day AS day_follows,
            count(*) OVER same_day AS day_lines,
            sum(CASE WHEN follows THEN 1 ELSE 0 END) OVER same_usage AS type_follows,
            count(*) OVER same_usage AS type_lines
        FROM followed
        WINDOW
            same_day AS (PARTITION BY delivery_id, service, marketplace, usage_day),
            same_usage AS (PARTITION BY delivery_id, service, marketplace, usage_type)
    )
    WHERE day_follows * 4 >= day_lines * 3
        AND type_follows * 2 >= type_lines
),

judged AS (
    SELECT
        g.*,
        s.kept IS NOT NULL AS is_promised,
        e.line IS NOT NULL AS is_unexplained,
        coalesce(s.kept, u.kept, 1) AS kept,
        CAST(
            CASE
                WHEN s.of_public IS NOT NULL AND g.public_cost IS NOT NULL
                THEN g.gross - g.public_cost * s.of_public - g.gross * s.of_private
                ELSE g.gross * coalesce(s.kept, u.kept, 1)
            END AS DECIMAL(36, 20)
        ) AS net,
        s.of_public IS NOT NULL AND g.public_cost IS NOT NULL AS is_ordered,
        -- What is left in the other order, where the contract does not say which one it is.
        CAST(
            CASE
                WHEN s.of_public IS NULL AND g.private_rate_id IS NOT NULL AND s.kept < 1
                    AND g.public_cost <> g.gross
                THEN g.gross - g.public_cost * (1 - s.kept)
                WHEN s.other_kept <> s.kept THEN g.gross * s.other_kept
            END AS DECIMAL(36, 20)
        ) AS other_net,
        s.of_public IS NULL AND g.private_rate_id IS NOT NULL AND s.kept < 1
            AND g.public_cost <> g.gross AS is_open,
        CAST(g.at_contracted * coalesce(s.kept, u.kept, 1) AS DECIMAL(36, 20)) AS contracted_net,
        CAST(g.at_list * coalesce(s.kept, u.kept, 1) AS DECIMAL(36, 20)) AS list_net
    FROM grossed AS g
    LEFT JOIN promised AS s
        ON s.line = g.line
    LEFT JOIN usual AS u
        ON u.line = g.line
    LEFT JOIN unexplained AS e
        ON e.line = g.line
    WHERE s.kept IS NOT NULL
        OR u.kept IS NOT NULL
        OR e.line IS NOT NULL
),

-- Whether the contracted prices of a bill count its discounts in, as most lines tell whose discount
-- is right.
conventions AS (
    SELECT
        delivery_id,
        sum(CASE WHEN abs(at_contracted - gross) <= tolerance THEN 1 ELSE 0 END)
            > sum(CASE WHEN abs(at_contracted - net) <= tolerance THEN 1 ELSE 0 END)
            AS leaves_discounts_out
    FROM judged
    WHERE abs(billed - net) <= tolerance
        AND gross - net > tolerance
    GROUP BY 1
),

conventional AS (
    SELECT
        j.*,
        coalesce(c.leaves_discounts_out, FALSE) AS leaves_discounts_out
    FROM judged AS j
    LEFT JOIN conventions AS c
        ON c.delivery_id = j.delivery_id
),

told AS (
    SELECT
        *,
        abs(billed - net) <= tolerance AS is_right,
        coalesce(abs(billed - other_net) <= tolerance, FALSE) AS is_other,
        coalesce(is_open, FALSE) AND abs(billed - gross) <= tolerance AS is_undiscounted,
        coalesce(abs(at_contracted - gross) <= tolerance, FALSE)
            OR (
                coalesce(abs(at_contracted - net) <= tolerance, FALSE)
                AND NOT leaves_discounts_out
            )
            OR (contracted_price IS NULL AND coalesce(abs(at_list - gross) <= tolerance, TRUE))
            AS is_priced_right,
        coalesce(abs(billed - contracted_net) <= tolerance, FALSE) AS follows_contracted,
        coalesce(abs(billed - at_contracted) <= tolerance, FALSE) AS is_contracted,
        coalesce(abs(billed - list_net) <= tolerance, FALSE) AS follows_list
    FROM conventional
    -- Nothing billed at no price is free, or bundled, and has no part left of it.
    WHERE billed <> 0
        OR contracted_price <> 0
        OR source_kind = 'contract'
        OR is_unexplained
),

-- A discount that nobody granted, or another one than was granted, is some round percentage, to the
-- last digit. Of a tenth of a cent some percentage comes to anything, but only no discount to all.
another_share AS (
    SELECT DISTINCT t.line
    FROM told AS t
    JOIN kept_shares AS k
        ON abs(t.billed - t.gross * k.kept) <= 0.0000000002 * t.hours
    WHERE NOT t.is_right
        AND t.is_priced_right
        AND NOT t.quantity_rounded
        AND NOT t.is_quantity_wrong
        AND t.at_price IS NOT NULL
        AND (t.gross > 0.001 OR k.kept = 1)
        AND k.kept * 1000 = floor(k.kept * 1000)
)

SELECT
    t.line,
    t.kept,
    CASE
        WHEN t.is_right THEN t.price
        WHEN t.at_price IS NULL THEN coalesce(t.contracted_price, t.list_price)
        WHEN a.line IS NOT NULL THEN NULL
        WHEN t.follows_contracted THEN t.contracted_price
        -- What follows from a price that counts the discounts in has no price before them.
        WHEN t.is_contracted AND t.contracted_price IS DISTINCT FROM t.list_price THEN NULL
        WHEN t.follows_list THEN t.list_price
        WHEN t.is_priced_right THEN t.price
        ELSE coalesce(t.contracted_price, t.list_price)
    END AS rate,
    CASE
        WHEN t.is_right AND NOT t.is_ordered THEN NULL
        WHEN t.is_right OR t.is_other THEN CAST(0 AS DECIMAL(36, 20))
        WHEN a.line IS NOT NULL OR t.is_undiscounted OR t.is_ordered
        THEN CAST(t.billed - t.net AS DECIMAL(36, 20))
    END AS difference,
    CASE
        WHEN t.is_right OR t.is_other THEN NULL
        WHEN t.is_undiscounted THEN 'discount_order_unknown'
        WHEN a.line IS NULL AND NOT t.is_ordered THEN NULL
        WHEN NOT t.is_promised THEN 'discount_unusual'
        WHEN t.kept = 1 THEN 'discount_excluded'
        WHEN abs(t.billed - t.gross) <= t.tolerance THEN 'discount_missing'
        ELSE 'discount_differs'
    END AS reason
FROM told AS t
LEFT JOIN another_share AS a
    ON a.line = t.line
-- Where no rate is known, what follows from any price that the line states does not contradict it.
WHERE t.source_kind = 'contract'
    OR (t.at_price IS NOT NULL AND (t.is_quantity_wrong OR t.list_cost IS NULL))
    OR (
        NOT t.is_right
        AND (
            t.at_price IS NOT NULL
            OR NOT (t.follows_contracted OR t.is_contracted OR t.follows_list)
        )
    )
