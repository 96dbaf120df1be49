-- severity: error
-- category: rate
-- owns: rate
-- needs: components WHERE component = 'rate'
-- question: Is every charge billed at the rate in force when it was used?
-- A bill below its own public rate, or one that states none, may be privately priced, which proves
-- nothing; below what a contract agrees, or below the list where the bill claims the list, does.
-- What FOCUS bills is less than its price by discounts that it does not tell apart.
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    CASE
        WHEN NOT c.provable THEN 'warning'
        WHEN c.difference > 0 THEN 'error'
        WHEN k.price_basis = 'list' THEN 'warning'
        WHEN r.source_kind = 'contract' THEN 'error'
        WHEN l.pricing_public_on_demand_rate = l.line_item_unblended_rate THEN 'error'
        ELSE 'warning'
    END AS severity,
    CASE
        WHEN c.difference > 0 THEN 'Billed above the rate in force.'
        WHEN r.source_kind <> 'contract'
            AND l.pricing_public_on_demand_rate > l.line_item_unblended_rate
        THEN 'Billed below the public rate; a private rate would explain it, state it in the contract.'
        ELSE 'Billed below the rate in force.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN rates AS r
    ON r.rate_id = c.rate_id
WHERE c.component = 'rate'
    -- What has a reason is a check's own (checks.move).
    AND c.reason IS NULL
ORDER BY c.line_item_id, c.time_interval
