-- severity: info
-- category: waste
-- resource: yes
-- needs: evidence
-- question: Would the tokens that a provisioned model really served have cost less on demand?
-- Only complete evidence of its input and output tokens tells, over the whole billing period, and
-- only at the on-demand rates of the same model in the same region.
WITH served AS (
    SELECT
        e.resource,
        d.delivery_id,
        e.dimension AS token_type,
        sum(e.quantity) AS tokens
    FROM evidence AS e
    JOIN run_deliveries AS d
        ON e.starts >= d.starts
        AND e.ends <= d.ends
    WHERE e.dimension IN ('input', 'output')
        AND e.unit = 'token'
        AND e.resource IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING bool_and(e.completeness = 'complete')
        AND min(e.starts) = min(d.starts)
        AND max(e.ends) = max(d.ends)
),

billed_models AS (
    SELECT
        l.delivery_id,
        l.line_item_resource_id AS resource,
        k.provider,
        k.model,
        k.region,
        k.line_item_currency_code AS currency,
        sum(l.line_item_unblended_cost) AS billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'provisioned_throughput'
        AND k.customized IS NULL
        AND l.line_item_resource_id IN (SELECT resource FROM served)
    GROUP BY 1, 2, 3, 4, 5, 6
),

on_demand AS (
    SELECT
        b.delivery_id,
        b.resource,
        b.billed,
        count(DISTINCT s.token_type) AS token_types,
        sum(s.tokens * 0.001 * r.price) AS cost
    FROM billed_models AS b
    JOIN served AS s
        ON s.delivery_id = b.delivery_id
        AND s.resource = b.resource
    JOIN run_deliveries AS d
        ON d.delivery_id = b.delivery_id
    JOIN on_demand_rates AS r
        ON r.provider = b.provider
        AND r.model = b.model
        AND r.region = b.region
        AND r.currency = b.currency
        AND r.token_type = s.token_type
        AND r.starts <= CAST(d.starts AS DATE)
        AND r.ends >= CAST(d.ends AS DATE)
    GROUP BY 1, 2, 3
)

SELECT
    l.line,
    'The tokens that it served in the period would have cost ' || CAST(CAST(round(o.cost, 2)
        AS DECIMAL(20, 2)) AS STRING) || ' on demand; its model units cost '
        || CAST(CAST(round(o.billed, 2) AS DECIMAL(20, 2)) AS STRING) || '.' AS reason
FROM on_demand AS o
JOIN lines AS l
    ON l.delivery_id = o.delivery_id
    AND l.line_item_resource_id = o.resource
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE o.token_types = 2
    AND o.cost < o.billed
    AND k.kind = 'usage'
    AND k.capability = 'provisioned_throughput'
ORDER BY l.line
