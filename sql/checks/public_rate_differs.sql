-- severity: warning
-- category: rate
-- question: Is the public on-demand rate that the bill states the one that the price list publishes?
-- Only a price list that was published in time tells. What the bill charges is judged by
-- rate_differs; here the bill is wrong about what the public pays. Spot usage states the rate of
-- ordinary instances, and tiers have no one rate.
WITH stated AS (
    SELECT
        line,
        charge_key_id,
        usage_day,
        pricing_public_on_demand_rate AS public_rate
    FROM lines
    WHERE pricing_public_on_demand_rate <> line_item_unblended_rate
    UNION
    SELECT
        l.line,
        l.charge_key_id,
        l.usage_day,
        l.pricing_public_on_demand_rate AS public_rate
    FROM compared AS c
    JOIN lines AS l
        ON l.line = c.line
    WHERE c.component = 'rate'
)

SELECT
    s.line,
    'The public rate that the bill states is not the one of the price list.' AS reason
FROM stated AS s
JOIN charge_keys AS k
    ON k.charge_key_id = s.charge_key_id
JOIN flat_rates AS r
    ON r.charge_key_id = s.charge_key_id
    AND s.usage_day >= r.starts
    AND s.usage_day < r.ends
WHERE k.kind = 'usage'
    AND k.is_ai
    AND k.price_basis = 'unblended'
    AND coalesce(k.capability, '') NOT IN ('spot_training', 'training_plan')
    AND coalesce(k.pricing_term, '') <> 'Spot'
    AND r.source_kind = 'price_list'
    AND NOT r.later
    AND s.public_rate > 0
    AND abs(s.public_rate - r.price) > 0.0000000001
ORDER BY s.line
