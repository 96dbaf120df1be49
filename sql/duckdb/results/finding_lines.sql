-- The lines of the findings that matter most, those that differ most first; twenty of each.
WITH chosen AS (
    SELECT id
    FROM findings
    WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
        AND owns_difference
    ORDER BY list_position(['error', 'warning', 'info'], severity), abs(difference) DESC, id
    LIMIT 25
),

placed AS (
    SELECT
        f.finding_id,
        l.identity_line_item_id AS line_item_id,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_usage_end_date AS usage_end,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_rate AS billed_rate,
        f.billed,
        f.expected,
        row_number() OVER (
            PARTITION BY f.finding_id
            ORDER BY abs(f.billed - f.expected) DESC, l.line_item_usage_start_date,
                l.identity_line_item_id NULLS LAST, l.line_item_usage_amount NULLS LAST, l.line
        ) AS place
    FROM found_lines AS f
    JOIN chosen AS c
        ON c.id = f.finding_id
    JOIN lines AS l
        ON l.line = f.line
)

SELECT * EXCLUDE (place)
FROM placed
WHERE place <= 20
ORDER BY finding_id, place
