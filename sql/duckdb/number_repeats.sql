-- Gives identical rows of a report without line ids different ids: the hash of the row, which is
-- the same for all of them, and which of them it is.
WITH hashed AS (
    SELECT
        line,
        delivery_id,
        identity_line_item_id
    FROM lines
    WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
        AND regexp_full_match(identity_line_item_id, '[0-9a-f]{32}-1')
),

repeated AS (
    SELECT
        delivery_id,
        identity_line_item_id
    FROM hashed
    GROUP BY ALL
    HAVING count(*) > 1
),

numbered AS (
    SELECT
        line,
        row_number() OVER (PARTITION BY delivery_id, identity_line_item_id ORDER BY line) AS place
    FROM hashed
    JOIN repeated USING (delivery_id, identity_line_item_id)
)

UPDATE lines
SET identity_line_item_id = left(lines.identity_line_item_id, 33) || numbered.place
FROM numbered
WHERE lines.line = numbered.line
    AND numbered.place > 1
