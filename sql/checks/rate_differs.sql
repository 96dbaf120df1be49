-- severity: error
-- category: rate
-- owns: rate
-- question: Is every charge billed at the rate in force when it was used?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    c.rate_id,
    CASE WHEN c.provable AND c.difference > 0 THEN 'error' ELSE 'warning' END AS severity,
    CASE
        WHEN c.difference > 0 THEN 'Billed above the rate in force.'
        WHEN l.pricing_public_on_demand_rate > l.line_item_unblended_rate
        THEN 'Billed below the public rate; a private rate would explain it, state it in the contract.'
        ELSE 'Billed below the rate in force.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'rate'
ORDER BY c.line_item_id, c.time_interval
