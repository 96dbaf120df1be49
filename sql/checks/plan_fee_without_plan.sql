-- severity: warning
-- category: commitment
-- watches: savings_plan
-- needs: charge_keys WHERE kind IN ('plan_fee', 'plan_upfront_fee')
-- question: Is there a savings-plan fee that no known savings plan explains?
-- Only where the delivery names the plan of other fees, or the contract lists the plans; a fee that
-- the contract does not list may belong to a plan that another account has bought, which is normal;
-- one of a plan that covers nothing on the whole bill is asked about, with all its dollars, which stay
-- unproven and beside the bridge.
SELECT
    l.line,
    l.savings_plan_savings_plan_a_r_n AS resource,
    CASE WHEN c.plan IS NULL THEN 'warning' ELSE 'info' END AS severity,
    l.line_item_unblended_cost AS billed,
    CAST(
        CASE WHEN c.plan IS NULL THEN 0 ELSE l.line_item_unblended_cost END AS DECIMAL(36, 20)
    ) AS expected,
    CAST(
        CASE WHEN c.plan IS NULL THEN l.line_item_unblended_cost ELSE 0 END AS DECIMAL(36, 20)
    ) AS difference,
    CASE
        WHEN l.savings_plan_savings_plan_a_r_n IS NULL
        THEN 'A savings-plan fee names no savings plan, although other fees do.'
        WHEN c.plan IS NULL
        THEN 'A fee of a savings plan that the contract does not list, and that covers nothing here.'
        ELSE 'A fee of a savings plan that the contract does not list.'
    END AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
LEFT JOIN (
    SELECT DISTINCT
        u.delivery_id,
        u.savings_plan_savings_plan_a_r_n AS plan
    FROM lines AS u
    JOIN charge_keys AS t
        ON t.charge_key_id = u.charge_key_id
    WHERE t.kind = 'covered_usage'
) AS c
    ON c.delivery_id = l.delivery_id
    AND c.plan = l.savings_plan_savings_plan_a_r_n
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
