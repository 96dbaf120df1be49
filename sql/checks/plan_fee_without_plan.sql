-- severity: warning
-- category: commitment
-- watches: savings_plan
-- needs: charge_keys WHERE kind IN ('plan_fee', 'plan_upfront_fee')
-- question: Is there a savings-plan fee that no known savings plan explains?
-- Only where the delivery names the plan of other fees, or the contract lists the plans; a fee that
-- the contract does not list may belong to a plan that another account has bought, which is normal.
SELECT
    l.line,
    l.savings_plan_savings_plan_a_r_n AS resource,
    CASE WHEN l.savings_plan_savings_plan_a_r_n IS NULL THEN 'warning' ELSE 'info' END AS severity,
    CASE
        WHEN l.savings_plan_savings_plan_a_r_n IS NULL
        THEN 'A savings-plan fee names no savings plan, although other fees do.'
        ELSE 'A fee of a savings plan that the contract does not list.'
    END AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.kind IN ('plan_fee', 'plan_upfront_fee')
    AND k.price_basis = 'unblended'
    AND CASE
        WHEN l.savings_plan_savings_plan_a_r_n IS NULL
        THEN l.delivery_id IN (
            SELECT o.delivery_id
            FROM lines AS o
            JOIN charge_keys AS q
                ON q.charge_key_id = o.charge_key_id
            WHERE q.kind IN ('plan_fee', 'plan_upfront_fee')
                AND o.savings_plan_savings_plan_a_r_n IS NOT NULL
        )
        ELSE EXISTS (SELECT 1 FROM contract_plans)
            AND regexp_replace(l.savings_plan_savings_plan_a_r_n, '^.*/', '')
                NOT IN (SELECT plan FROM contract_plans)
    END
ORDER BY l.identity_line_item_id, l.identity_time_interval
