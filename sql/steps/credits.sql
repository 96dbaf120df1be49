-- Credits that the contract promises and that have not come, each at the dearest charge that it was
-- promised for.
-- grain: one row a delivery and credits that share charges, where they fall short
-- How much is missing is worked out in promised.py, which follows each credit over its term; the
-- charge carries the dollars in the bridge and is not what is wrong.
WITH ranked AS (
    SELECT
        l.delivery_id,
        l.line,
        g.reason,
        g.difference,
        g.about,
        g.told,
        g.only_service,
        k.currency,
        row_number() OVER (
            PARTITION BY l.delivery_id, g.pool
            ORDER BY l.line_item_unblended_cost DESC, l.identity_line_item_id NULLS LAST, l.line
        ) AS place
    FROM credit_gaps AS g
    JOIN credit_keys AS k
        ON k.service = g.service
        AND k.marketplace = g.marketplace
        AND NOT k.is_credit
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
        AND l.delivery_id = g.delivery_id
        AND l.usage_day >= g.starts
        AND l.usage_day < g.ends
    WHERE l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
        AND l.line NOT IN (SELECT line FROM free_tier)
)

SELECT
    delivery_id,
    line,
    reason,
    about,
    told,
    only_service,
    currency,
    CAST(difference AS DECIMAL(36, 20)) AS difference
FROM ranked
WHERE place = 1
