INSERT INTO {ledger}.found_lines
SELECT
    delivery_id,
    id,
    line,
    CAST(sum(billed) AS DECIMAL(36, 20)),
    CAST(sum(expected) AS DECIMAL(36, 20))
FROM grouped
WHERE line IS NOT NULL
GROUP BY delivery_id, id, line;

-- A discount that no line grants has no line that is wrong; what it was promised for is named.
INSERT INTO {ledger}.found_lines
SELECT
    g.delivery_id,
    g.id,
    l.line,
    0 AS billed,
    CAST(-sum(CASE WHEN l.line = d.line THEN d.difference ELSE 0 END) AS DECIMAL(36, 20))
        AS expected
FROM discount_gaps AS d
JOIN lines AS c
    ON c.line = d.line
JOIN charge_keys AS k
    ON k.charge_key_id = c.charge_key_id
JOIN (
    SELECT DISTINCT
        delivery_id, id, usage_account, usage_type, region, resource, first_usage, currency
    FROM grouped
    WHERE "check" = 'discount_differs'
        AND line IS NULL
) AS g
    ON g.delivery_id = d.delivery_id
    AND g.usage_account IS NOT DISTINCT FROM d.account
    AND g.usage_type IS NOT DISTINCT FROM k.line_item_usage_type
    AND g.region IS NOT DISTINCT FROM k.region
    AND g.currency IS NOT DISTINCT FROM k.line_item_currency_code
    AND g.resource = d.about
    AND g.first_usage = d.first_usage
JOIN lines AS l
    ON l.delivery_id = d.delivery_id
    AND l.line_item_usage_account_id IS NOT DISTINCT FROM c.line_item_usage_account_id
    AND l.line_item_usage_start_date BETWEEN d.first_usage AND d.last_usage
JOIN charge_keys AS o
    ON o.charge_key_id = l.charge_key_id
    AND o.kind = k.kind
    AND o.line_item_usage_type IS NOT DISTINCT FROM k.line_item_usage_type
    AND o.region IS NOT DISTINCT FROM k.region
GROUP BY g.delivery_id, g.id, l.line
