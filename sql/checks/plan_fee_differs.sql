-- severity: error
-- category: commitment
-- owns: commitment
-- watches: savings_plan
-- question: Is each hour's savings-plan fee the commitment that the contract states?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    'The recurring fee of a savings plan is not its hourly commitment.' AS reason
FROM comparison AS c
WHERE c.component = 'commitment'
    AND c.reason = 'plan_fee'
ORDER BY c.line_item_id, c.time_interval
