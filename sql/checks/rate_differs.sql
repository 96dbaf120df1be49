-- severity: error
-- category: rate
-- owns: rate
-- needs: components WHERE component = 'rate'
-- question: Is every charge billed at the rate in force when it was used?
-- A bill below its own public rate, or one that states none, may be privately priced, which proves
-- nothing; below what a contract agrees, or below the list where the bill claims the list, does.
-- What FOCUS bills is less than its price by discounts that it does not tell apart.
WITH differing AS (
    SELECT
        c.line,
        c.line_item_id,
        c.time_interval,
        c.difference,
        c.rate_id,
        c.provable,
        l.line_item_unblended_cost,
        l.line_item_unblended_rate,
        l.pricing_public_on_demand_rate,
        k.price_basis,
        r.source_kind,
        -- The two prices in the unit of the bill, where each is one number: a line may fall into
        -- several tiers.
        CASE
            WHEN k.price_basis = 'unblended' AND l.line_item_unblended_rate <> 0 AND p.price <> 0
            THEN ': '
                || trim(
                    TRAILING '.'
                    FROM trim(TRAILING '0' FROM CAST(l.line_item_unblended_rate AS STRING))
                )
                || ' in place of '
                || trim(TRAILING '.' FROM trim(TRAILING '0' FROM CAST(p.price AS STRING)))
                || coalesce(' per ' || k.pricing_unit, '')
        END AS prices
    FROM comparison AS c
    JOIN lines AS l
        ON l.line = c.line
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN rates AS r
        ON r.rate_id = c.rate_id
    LEFT JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND p.rate_id = c.rate_id
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    WHERE c.component = 'rate'
        -- What has a reason is a check's own (checks.move).
        AND c.reason IS NULL
)

SELECT
    line,
    line_item_unblended_cost AS billed,
    CAST(line_item_unblended_cost - difference AS DECIMAL(36, 20)) AS expected,
    difference,
    rate_id,
    CASE
        WHEN NOT provable THEN 'warning'
        WHEN difference > 0 THEN 'error'
        WHEN price_basis = 'list' THEN 'warning'
        WHEN source_kind = 'contract' THEN 'error'
        WHEN pricing_public_on_demand_rate = line_item_unblended_rate THEN 'error'
        ELSE 'warning'
    END AS severity,
    CASE
        WHEN difference > 0 THEN 'Billed above the rate in force' || coalesce(prices, '') || '.'
        WHEN source_kind <> 'contract'
            AND pricing_public_on_demand_rate > line_item_unblended_rate
            -- No agreement has a price below nothing.
            AND line_item_unblended_rate >= 0
        THEN 'Billed below the public rate; a private rate would explain it, state it in the contract.'
        ELSE 'Billed below the rate in force' || coalesce(prices, '') || '.'
    END AS reason
FROM differing
ORDER BY line_item_id, time_interval
