-- What each usage of an estimate should cost, by which rate; or why no rate is known. Where a private
-- rate prices it, what it would cost by the public sources stands beside it.
-- grain: one row a usage
SELECT
    p.line,
    p.right_quantity,
    p.expected,
    p.is_tiered,
    r.rate_id,
    r.source_kind,
    r.source,
    r.reference,
    r.region AS rate_region,
    r.price AS rate_price,
    r.unit AS rate_unit,
    r.starts,
    r.ends,
    r.checked,
    r.unconfirmed,
    p.unpriced_because,
    u.reason,
    k.known_until,
    k.known_again,
    c.service,
    CASE
        WHEN r.source_kind IS DISTINCT FROM 'contract' THEN p.expected
        ELSE CAST(round(l.line_item_usage_amount * g.price, 10) AS DECIMAL(36, 20))
    END AS at_list
FROM priced AS p
JOIN lines AS l
    ON l.line = p.line
JOIN charge_keys AS c
    ON c.charge_key_id = l.charge_key_id
LEFT JOIN listed_rates AS g
    ON g.charge_key_id = l.charge_key_id
    AND l.usage_day >= g.starts
    AND l.usage_day < g.ends
LEFT JOIN rates AS r
    ON r.rate_id = p.rate_id
LEFT JOIN (
    SELECT
        d.line,
        max(CASE WHEN r.ends <= CAST(d.line_item_usage_start_date AS DATE) THEN r.ends END)
            AS known_until,
        min(CASE WHEN r.starts > CAST(d.line_item_usage_start_date AS DATE) THEN r.starts END)
            AS known_again
    FROM lines AS d
    JOIN key_rates AS r
        ON r.charge_key_id = d.charge_key_id
    GROUP BY 1
) AS k
    ON k.line = p.line
LEFT JOIN unpriced_charge AS u
    ON u.line = p.line
ORDER BY p.line
