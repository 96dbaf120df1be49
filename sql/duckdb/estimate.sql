-- What each usage of an estimate should cost, by which rate; or why no rate is known.
-- grain: one row a usage
SELECT
    p.line,
    p.right_quantity,
    p.expected,
    p.is_tiered,
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
    k.known_from
FROM priced AS p
JOIN lines AS l
    ON l.line = p.line
LEFT JOIN rates AS r
    ON r.rate_id = p.rate_id
LEFT JOIN (SELECT charge_key_id, min(starts) AS known_from FROM key_rates GROUP BY 1) AS k
    ON k.charge_key_id = l.charge_key_id
LEFT JOIN unpriced_charge AS u
    ON u.line = p.line
ORDER BY p.line
