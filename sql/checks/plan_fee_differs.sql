-- severity: error
-- category: commitment
-- owns: commitment
-- watches: savings_plan
-- needs: components WHERE component = 'commitment'
-- question: Is each savings plan's fee billed once, in its term, and as the contract states it?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    CASE WHEN c.reason = 'plan_fee_unusual' THEN 'warning' ELSE 'error' END AS severity,
    CASE c.reason
        WHEN 'plan_fee_twice' THEN 'The recurring fee of a savings plan is billed twice in one hour.'
        WHEN 'plan_upfront_fee_twice' THEN 'The upfront fee of a savings plan is billed twice.'
        WHEN 'plan_not_in_force' THEN 'A fee of a savings plan is billed on a day outside its term.'
        WHEN 'plan_upfront_fee' THEN 'The upfront fee of a savings plan is not what was agreed.'
        WHEN 'plan_fee_above_commitment'
        THEN 'The recurring fee of a savings plan is above the commitment that the line states.'
        WHEN 'plan_fee_unusual'
        THEN 'The recurring fee of a savings plan is not its fee of the other hours.'
        ELSE 'The recurring fee of a savings plan is not its hourly commitment.'
    END AS reason
FROM comparison AS c
WHERE c.component = 'commitment'
    AND c.kind IN ('plan_fee', 'plan_upfront_fee')
ORDER BY c.line_item_id, c.time_interval
