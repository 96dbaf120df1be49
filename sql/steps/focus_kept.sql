-- Which part of its public cost discounts leave of FOCUS usage that a check may price by another rate.
-- grain: one row a line whose BilledCost is a part of its public cost, in hundredths of a percent
-- The dearest line of a charge and account tells the part, and the others have to follow it. Only what
-- bears another usage type's SKU, a rate without commitment, or a global profile is asked about.
WITH asked AS (
    SELECT
        l.delivery_id,
        l.line,
        l.charge_key_id,
        coalesce(l.line_item_usage_account_id, '') AS account,
        l.line_item_unblended_cost AS billed,
        CAST(l.pricing_public_on_demand_cost AS DECIMAL(22, 10)) AS public_cost,
        0.0000000002 * l.hours AS tolerance
    FROM charge_keys AS k
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
    WHERE k.price_basis = 'list'
        AND k.kind = 'usage'
        AND l.line_item_unblended_cost > 0
        AND l.line_item_unblended_cost < l.pricing_public_on_demand_cost
        AND l.pricing_public_on_demand_cost < 100000000000
        AND (
            k.charge_key_id IN (SELECT charge_key_id FROM foreign_skus)
            OR (
                k.capability = 'provisioned_throughput'
                AND k.commitment = 'none'
                AND EXISTS (SELECT 1 FROM contract_units)
            )
            OR (
                k.resource_type = 'inference-profile'
                AND k.routing IS NULL
                AND l.line_item_resource_id LIKE '%:inference-profile/global.%'
            )
        )
),

placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY delivery_id, charge_key_id, account ORDER BY public_cost DESC, line
        ) AS place
    FROM asked
),

parts AS (
    SELECT
        p.delivery_id,
        p.charge_key_id,
        p.account,
        max(CAST(u.model_units * 0.0001 AS DECIMAL(15, 10))) AS kept
    FROM placed AS p
    JOIN unit_numbers AS u
        ON abs(p.billed - p.public_cost * CAST(u.model_units * 0.0001 AS DECIMAL(15, 10)))
            <= p.tolerance
    WHERE p.place = 1
    GROUP BY 1, 2, 3
)

SELECT
    a.line,
    s.kept
FROM asked AS a
JOIN parts AS s
    ON s.delivery_id = a.delivery_id
    AND s.charge_key_id = a.charge_key_id
    AND s.account = a.account
WHERE abs(a.billed - a.public_cost * s.kept) <= a.tolerance
