-- severity: info
-- category: rate
-- needs: components WHERE component = 'rate'
-- question: Are batch, flex, cached or globally routed tokens billed at the standard rate?
-- It explains what rate_differs owns, and moves no dollars of its own.
SELECT
    l.line,
    min(
        CASE n.how
            WHEN 'standard_tier' THEN 'Tokens of the ' || k.tier || ' tier are billed at the standard rate.'
            WHEN 'uncached' THEN 'Tokens read from the cache are billed at the rate of input tokens.'
            ELSE 'Globally routed tokens are billed at the rate of the region.'
        END
    ) AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN near_rates AS n
    ON n.charge_key_id = l.charge_key_id
    AND l.usage_day >= n.starts
    AND l.usage_day < n.ends
WHERE c.component = 'rate'
    AND n.how IN ('standard_tier', 'uncached', 'regional')
    AND n.price = CASE
        WHEN k.price_basis = 'list' THEN l.pricing_public_on_demand_rate
        ELSE l.line_item_unblended_rate
    END
GROUP BY 1
ORDER BY 1
