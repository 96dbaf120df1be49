-- severity: info
-- category: rate
-- needs: components WHERE component = 'rate'
-- question: Is a charge billed at the rate that another region has?
-- It explains what rate_differs owns, and moves no dollars of its own.
WITH near AS (
    SELECT
        l.line,
        n.how,
        n.neighbour
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
        AND n.price = CASE
            WHEN k.price_basis = 'list' THEN l.pricing_public_on_demand_rate
            ELSE l.line_item_unblended_rate
        END
)

SELECT
    line,
    CASE
        WHEN count(DISTINCT neighbour) = 1 THEN 'Billed at the rate of ' || min(neighbour) || '.'
        ELSE 'Billed at the rate of other regions, such as ' || min(neighbour) || '.'
    END AS reason
FROM near
GROUP BY 1
HAVING bool_and(how = 'region')
ORDER BY 1
