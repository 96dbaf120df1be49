-- severity: info
-- category: rate
-- question: Did the rate of a charge change within the period, although no published price did?
-- Where a price is known, rate_differs owns the dollars and this says since when. Where none is,
-- the bill alone shows the change, once each rate stands on three lines and the one follows the
-- other. What is sold in tiers has several rates by right, so several rate codes are no change.
WITH suspects AS (
    SELECT
        l.delivery_id,
        l.charge_key_id,
        FALSE AS is_unpriced
    FROM compared AS c
    JOIN lines AS l
        ON l.line = c.line
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE c.component = 'rate'
        AND k.kind = 'usage'
        AND k.price_basis = 'unblended'
    GROUP BY 1, 2
    UNION ALL
    SELECT
        d.delivery_id,
        k.charge_key_id,
        TRUE AS is_unpriced
    FROM charge_keys AS k
    CROSS JOIN run_deliveries AS d
    WHERE k.unpriced_reason = 'no_rate'
        AND k.kind = 'usage'
        AND k.is_ai
        AND k.price_basis = 'unblended'
        AND coalesce(k.capability, '') NOT IN ('ground_truth', 'a2i', 'autopilot')
),

used AS (
    SELECT
        l.delivery_id,
        l.charge_key_id,
        coalesce(l.line_item_usage_account_id, '') AS account,
        l.line_item_unblended_rate AS rate,
        s.is_unpriced,
        count(*) AS lines,
        min(l.line_item_usage_start_date) AS first_start,
        max(l.line_item_usage_start_date) AS last_start
    FROM lines AS l
    JOIN suspects AS s
        ON s.delivery_id = l.delivery_id
        AND s.charge_key_id = l.charge_key_id
    WHERE l.line_item_unblended_rate > 0
        AND l.line_item_usage_amount > 0
        AND l.split_line_item_parent_resource_id IS NULL
    GROUP BY 1, 2, 3, 4, 5
),

steps AS (
    SELECT
        delivery_id,
        charge_key_id,
        account,
        is_unpriced,
        min(lines) AS lines_min,
        min(first_start) AS began,
        max(first_start) AS changed,
        min(last_start) AS ended
    FROM used
    GROUP BY 1, 2, 3, 4
    HAVING count(*) = 2
)

SELECT
    l.line,
    CASE WHEN s.is_unpriced THEN 'warning' ELSE 'info' END AS severity,
    CASE
        WHEN s.is_unpriced
        THEN 'The rate changed on ' || CAST(CAST(s.changed AS DATE) AS STRING)
            || ', and no price is known that would tell whether that was published.'
        ELSE 'The rate changed on ' || CAST(CAST(s.changed AS DATE) AS STRING)
            || ', and no published price did.'
    END AS reason
FROM steps AS s
JOIN lines AS l
    ON l.delivery_id = s.delivery_id
    AND l.charge_key_id = s.charge_key_id
    AND coalesce(l.line_item_usage_account_id, '') = s.account
LEFT JOIN compared AS c
    ON c.line = l.line
    AND c.component = 'rate'
WHERE CAST(s.ended AS DATE) < CAST(s.changed AS DATE)
    AND NOT EXISTS (
        SELECT 1
        FROM key_rates AS r
        WHERE r.charge_key_id = s.charge_key_id
            AND r.starts > CAST(s.began AS DATE)
            AND r.starts <= CAST(s.changed AS DATE)
    )
    AND ((s.is_unpriced AND s.lines_min >= 3 AND l.line_item_usage_start_date >= s.changed)
        OR (NOT s.is_unpriced AND c.line IS NOT NULL))
ORDER BY l.line
