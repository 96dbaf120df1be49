-- severity: warning
-- category: rate
-- moves: a global inference profile is billed at the global rate.
-- needs: near_rates
-- question: Is a request through a global inference profile billed at the rate of the region?
-- Only the ARN of a global profile settles that; its usage is billed at the global rate (Bedrock
-- facts, section 11.3). The line agrees with its usage type, and its ARN says that another one is due.
-- Of FOCUS usage the part is expected that discounts leave of its public cost (steps/focus_kept).
WITH costs AS (
    SELECT
        l.line,
        n.rate_id,
        l.line_item_unblended_cost AS billed,
        CAST(
            CAST(round(l.line_item_usage_amount * n.price, 10) AS DECIMAL(22, 10))
                * coalesce(f.kept, CAST(1 AS DECIMAL(15, 10)))
            AS DECIMAL(36, 20)
        ) AS expected
    FROM charge_keys AS k
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
    JOIN near_rates AS n
        ON n.charge_key_id = k.charge_key_id
        AND n.how = 'global'
        AND l.usage_day >= n.starts
        AND l.usage_day < n.ends
    LEFT JOIN focus_kept AS f
        ON f.line = l.line
    WHERE k.resource_type = 'inference-profile'
        AND k.kind = 'usage'
        AND k.capability = 'on_demand'
        AND k.routing IS NULL
        AND l.line_item_resource_id LIKE '%:inference-profile/global.%'
        AND abs(l.line_item_usage_amount * n.price) < 100000000000
        AND (
            k.price_basis = 'unblended'
            OR l.line_item_unblended_cost = l.pricing_public_on_demand_cost
            OR f.kept IS NOT NULL
        )
)

SELECT
    line,
    rate_id,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    'The resource is a global inference profile, and the usage is billed at the rate of the region.'
        AS reason
FROM costs
WHERE billed > expected + 0.0000000001
ORDER BY line
