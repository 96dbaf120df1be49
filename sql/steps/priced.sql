-- Each line of this run beside the rate in force when it was used, and what it should have cost:
-- what comparing needs, and all that an estimate does.
-- grain: one row a line
SELECT
    *,
    -- AWS rounds each hourly line to ten decimals, and its rate too. A line that agrees needs no
    -- tolerance, and most do: a CASE stops at its answer.
    CASE
        WHEN judged = expected
            AND kind IN ('usage', 'covered_usage')
            AND quantity IS NOT NULL
            AND price IS NOT NULL
        THEN 0
        ELSE CAST(
            CASE WHEN kept IS NULL THEN 0.0000000001 ELSE 0.0000000002 END * hours
            + CAST(abs(quantity) AS DECIMAL(22, 10)) * 0.00000000005
            + CASE
                WHEN quantity_rounded
                THEN 0.0000000001 * coalesce(price, line_item_unblended_rate, 1)
                ELSE 0
            END
            AS DECIMAL(36, 20)
        )
    END AS tolerance
FROM (
    SELECT
        l.delivery_id,
        l.line,
        l.hours,
        k.kind,
        k.is_ai,
        k.line_item_line_item_type,
        k.price_basis,
        l.line_item_unblended_cost AS billed,
        -- FOCUS states public price and cost beside what is billed, and these two are judged, but not
        -- by a price that is agreed: that one says what is billed, and so do the discounts where they
        -- are known. Usage billed above its public cost is judged by what is billed, since discounts
        -- only take off. Where it is below the contracted price that the line states, further discounts
        -- took it there, and that price is judged; not where what is billed is what was agreed, or the
        -- public cost.
        CASE
            WHEN o.line IS NOT NULL THEN l.line_item_unblended_cost
            -- No discount makes what was used cost less than nothing.
            WHEN k.price_basis = 'list'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost < 0
                AND l.line_item_usage_amount > 0
            THEN l.line_item_unblended_cost
            WHEN k.price_basis = 'list'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost > l.pricing_public_on_demand_cost
                -- Usage that is taken back is less than nothing, and after discounts not as much less.
                AND l.line_item_usage_amount >= 0
            THEN greatest(l.line_item_unblended_cost, coalesce(l.contracted, 0))
            WHEN k.price_basis = 'list'
                AND coalesce(p.source_kind, t.source_kind) IS DISTINCT FROM 'contract'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost > 0
                AND l.line_item_unblended_cost < l.pricing_public_on_demand_cost
                AND l.contracted > l.pricing_public_on_demand_cost
            THEN l.contracted
            -- What is billed is quantity times the public price, and the public cost is not: nobody
            -- pays that one (checks/list_cost_differs.sql).
            WHEN k.price_basis = 'list'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost > 0
                AND l.line_item_unblended_cost < l.pricing_public_on_demand_cost
                AND CASE WHEN abs(l.pricing_public_on_demand_rate) < 100000
                    THEN abs(l.line_item_unblended_cost - l.line_item_usage_amount
                        * CAST(l.pricing_public_on_demand_rate AS DECIMAL(15, 10)))
                        <= 0.0000000002 * l.hours END
            THEN l.line_item_unblended_cost
            WHEN k.price_basis = 'list'
                AND coalesce(p.source_kind, t.source_kind) IS DISTINCT FROM 'contract'
            THEN coalesce(l.pricing_public_on_demand_cost, l.line_item_unblended_cost)
            WHEN k.price_basis = 'list'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost < l.contracted
                AND abs(l.line_item_unblended_cost - l.line_item_usage_amount * p.price) > 0.000001
            THEN l.contracted
            ELSE l.line_item_unblended_cost
        END AS judged,
        CASE
            WHEN l.split_line_item_parent_resource_id IS NOT NULL THEN NULL
            -- A line that crosses tiers has no one rate to be held against.
            WHEN t.line IS NOT NULL THEN NULL
            WHEN o.line IS NOT NULL THEN o.rate
            WHEN k.price_basis = 'list'
                AND (
                    coalesce(p.source_kind, t.source_kind) = 'contract'
                    OR l.pricing_public_on_demand_cost IS NULL
                )
            THEN NULL
            -- What is billed above the public cost, though no price that the line states is that high,
            -- is no rate: it is added wrong.
            WHEN k.price_basis = 'list'
                AND k.kind = 'usage'
                AND l.line_item_unblended_cost > 0
                AND (
                    (
                        l.line_item_unblended_cost > l.pricing_public_on_demand_cost
                        AND l.line_item_usage_amount >= 0
                    )
                    OR (
                        l.line_item_unblended_cost < l.pricing_public_on_demand_cost
                        AND l.contracted > l.pricing_public_on_demand_cost
                    )
                )
            THEN CASE
                WHEN abs(l.line_item_unblended_rate) < 100000
                    AND abs(l.pricing_public_on_demand_rate) < 100000
                THEN CAST(
                    greatest(l.line_item_unblended_rate, l.pricing_public_on_demand_rate)
                    AS DECIMAL(15, 10)
                )
            END
            WHEN k.price_basis = 'list' AND abs(l.pricing_public_on_demand_rate) < 100000
            THEN CAST(l.pricing_public_on_demand_rate AS DECIMAL(15, 10))
            WHEN k.price_basis = 'unblended' AND abs(l.line_item_unblended_rate) < 100000
            THEN CAST(l.line_item_unblended_rate AS DECIMAL(15, 10))
        END AS rate,
        l.line_item_usage_amount AS quantity,
        coalesce(q.right_quantity, l.line_item_usage_amount) AS right_quantity,
        q.basis,
        r.how,
        n.difference AS negation_difference,
        n.reason AS negation_reason,
        coalesce(g.difference, o.difference) AS discount_difference,
        coalesce(g.reason, o.reason) AS discount_reason,
        f.difference AS fee_difference,
        f.reason AS fee_reason,
        z.difference AS free_difference,
        z.reason AS free_reason,
        -- Why the line cannot be priced, should it turn out that it cannot.
        CASE
            WHEN k.kind = 'unknown' THEN 'line_type_unknown'
            WHEN k.kind = 'reserved_usage' THEN 'reservation'
            WHEN l.split_line_item_parent_resource_id IS NOT NULL AND l.line_item_unblended_cost = 0
            THEN 'split_line'
            WHEN coalesce(p.price, t.price) IS NOT NULL AND l.line_item_usage_amount IS NULL
            THEN 'quantity_missing'
            WHEN coalesce(p.price, t.price) IS NOT NULL THEN 'billed_at_zero'
            WHEN k.unpriced_reason IS NOT NULL THEN k.unpriced_reason
            WHEN l.line_item_usage_amount IS NULL THEN 'quantity_missing'
            ELSE 'no_rate_on_day'
        END AS unpriced_because,
        -- Usage at the public rate, whose private rate stands in a discount line.
        v.expected IS NOT NULL AS is_discounted,
        coalesce(v.rate_id, p.rate_id, t.rate_id) AS rate_id,
        coalesce(v.price, p.price, t.price) AS price,
        t.line IS NOT NULL AS is_tiered,
        -- What discounts leave of quantity times price: a part of it on FOCUS bills alone.
        o.kept,
        CASE
            WHEN o.kept IS NULL
            THEN coalesce(
                v.expected,
                t.expected,
                CAST(round(coalesce(q.right_quantity, l.line_item_usage_amount) * p.price, 10)
                    AS DECIMAL(36, 20))
            )
            ELSE CAST(
                CAST(coalesce(
                    t.expected,
                    round(coalesce(q.right_quantity, l.line_item_usage_amount) * p.price, 10)
                ) AS DECIMAL(22, 10)) * o.kept
                AS DECIMAL(36, 20)
            )
        END AS expected,
        l.quantity_rounded,
        l.line_item_unblended_rate
    FROM (
        SELECT
            s.*,
            -- What FOCUS says that the contract makes of the line.
            CASE
                WHEN j.price_basis = 'list' AND abs(s.line_item_unblended_rate) < 100000
                THEN CAST(
                    round(
                        s.line_item_usage_amount
                            * CAST(s.line_item_unblended_rate AS DECIMAL(15, 10)), 10
                    ) AS DECIMAL(36, 20)
                )
            END AS contracted
        FROM lines AS s
        JOIN (SELECT charge_key_id, price_basis FROM charge_keys) AS j
            ON j.charge_key_id = s.charge_key_id
    ) AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    LEFT JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN tiered AS t
        ON t.line = l.line
    LEFT JOIN repeated AS r
        ON r.line = l.line
        AND r.how <> 'similar_usage'
    LEFT JOIN quantities AS q
        ON q.line = l.line
    LEFT JOIN private_discounts AS v
        ON v.line = l.line
    LEFT JOIN negations AS n
        ON n.line = l.line
    LEFT JOIN discounts AS g
        ON g.line = l.line
        AND g.is_discount_line
    LEFT JOIN free_tier AS z
        ON z.line = l.line
        AND NOT z.is_extra
    LEFT JOIN plan_fees AS f
        ON f.line = l.line
    LEFT JOIN focus_costs AS o
        ON o.line = l.line
) AS beside
