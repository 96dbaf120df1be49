-- The cost-allocation tag that explains an anomaly: one that has at least six tenths of what moved
-- since the week before, on the day that is furthest off; of several the one with least before.
-- A tag is cut to what a sentence can hold.
WITH moved AS (
    SELECT
        a.delivery_id,
        a.currency,
        a.what,
        a.name,
        a.measure,
        a.direction,
        l.tag_set_id,
        sum(CASE WHEN l.usage_day = a.worst_day THEN
            CASE WHEN a.measure = 'cost' THEN l.line_item_unblended_cost
                ELSE l.line_item_usage_amount END
        ELSE 0 END) AS now,
        sum(CASE WHEN l.usage_day <> a.worst_day THEN
            CASE WHEN a.measure = 'cost' THEN l.line_item_unblended_cost
                ELSE l.line_item_usage_amount END
        ELSE 0 END) AS before
    FROM anomalies AS a
    JOIN run_deliveries AS r
        ON r.delivery_id = a.delivery_id
    JOIN every_delivery AS d
        ON d.payer_account = r.payer_account
    JOIN every_line AS l
        ON l.delivery_id = d.delivery_id
        AND l.hours <= 24
        AND (l.usage_day = a.worst_day
            OR l.usage_day = a.worst_day - 7)
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
        AND k.is_ai
        AND k.kind IN ('usage', 'covered_usage')
        AND k.line_item_currency_code = a.currency
        AND (a.of_service = '' OR a.of_service = k.service)
        AND (a.of_capability = '' OR a.of_capability = k.capability)
        AND (a.of_model = '' OR a.of_model = k.model)
        AND (a.of_usage_type = '' OR a.of_usage_type = k.line_item_usage_type)
    WHERE a.of_account = '' OR a.of_account = l.line_item_usage_account_id
    GROUP BY ALL
),

tags AS (
    SELECT
        m.* EXCLUDE (tag_set_id),
        unnest(map_entries(
            CASE WHEN cardinality(t.resource_tags) > 0 THEN t.resource_tags ELSE t.tags END
        )) AS tag
    FROM moved AS m
    JOIN tag_sets AS t
        ON t.tag_set_id = m.tag_set_id
),

sums AS (
    SELECT
        delivery_id,
        currency,
        what,
        name,
        measure,
        direction,
        left(tag.key, 60) AS key,
        left(tag.value, 60) AS value,
        sum(now - before) AS moved,
        sum(before) AS before
    FROM tags
    WHERE tag.value <> ''
    GROUP BY ALL
)

SELECT
    s.delivery_id,
    s.currency,
    s.what,
    s.name,
    s.measure,
    s.direction,
    ' Most of it is tagged ' || s.key || ' = ' || s.value || '.' AS told
FROM sums AS s
JOIN (
    SELECT delivery_id, currency, what, name, measure, direction, sum(now - before) AS moved
    FROM moved
    GROUP BY ALL
) AS m
    USING (delivery_id, currency, what, name, measure, direction)
WHERE s.moved * 10 * sign(m.moved) >= abs(m.moved) * 6
    AND m.moved <> 0
QUALIFY row_number() OVER (
    PARTITION BY delivery_id, currency, what, name, measure, direction
    ORDER BY s.before, abs(s.moved) DESC, s.key, s.value
) = 1
