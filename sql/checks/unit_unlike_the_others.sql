-- severity: warning
-- category: unit
-- needs: components WHERE component = 'unpriced'
-- question: Is a charge without a known rate billed at a thousand times the rate of its others?
-- Where a rate is known, unit_differs owns the dollars. Where none is, the bill itself tells: the same
-- charge at one rate on most lines, three at least, and at a thousand or a million times more or less
-- on another. No tier and no discount is that large.
WITH unpriced AS (
    SELECT
        c.line,
        l.delivery_id,
        l.charge_key_id,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        CASE
            WHEN k.price_basis = 'list' THEN l.pricing_public_on_demand_rate
            ELSE l.line_item_unblended_rate
        END AS rate
    FROM comparison AS c
    JOIN lines AS l
        ON l.line = c.line
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE c.component = 'unpriced'
        AND k.kind = 'usage'
        AND l.line_item_usage_amount <> 0
),

used AS (
    SELECT
        delivery_id,
        charge_key_id,
        rate,
        count(*) AS lines
    FROM unpriced
    WHERE rate > 0
    GROUP BY 1, 2, 3
),

counted AS (
    SELECT
        u.*,
        sum(lines) OVER (PARTITION BY delivery_id, charge_key_id) AS lines_of_all
    FROM used AS u
)

SELECT
    u.line,
    u.billed,
    CAST(round(u.quantity * CAST(c.rate AS DECIMAL(15, 10)), 10)
        AS DECIMAL(36, 20)) AS expected,
    CAST(u.billed - round(u.quantity * CAST(c.rate AS DECIMAL(15, 10)), 10)
        AS DECIMAL(36, 20)) AS difference,
    'The rate is off by a factor of a thousand or a million from the one of the other lines of this charge.'
        AS reason
FROM unpriced AS u
JOIN counted AS c
    ON c.delivery_id = u.delivery_id
    AND c.charge_key_id = u.charge_key_id
WHERE c.lines >= 3
    AND c.lines * 2 > c.lines_of_all
    AND c.rate < 100000
    AND (
        u.rate = c.rate * 1000
        OR u.rate = c.rate * 1000000
        OR u.rate * 1000 = c.rate
        OR u.rate * 1000000 = c.rate
    )
ORDER BY u.line
