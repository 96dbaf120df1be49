-- Services that are not audited, of which two deliveries have other lines or dollars.
WITH summed AS (
    SELECT
        t.line_item_product_code AS product_code,
        t.line_item_line_item_type AS line_type,
        coalesce(t.line_item_currency_code, 'XXX') AS currency,
        coalesce(sum(t.lines - t.in_scope_lines) FILTER (NOT is_b), 0) AS lines_a,
        coalesce(sum(t.lines - t.in_scope_lines) FILTER (is_b), 0) AS lines_b,
        coalesce(sum(t.billed - t.in_scope_billed) FILTER (NOT is_b), 0) AS billed_a,
        coalesce(sum(t.billed - t.in_scope_billed) FILTER (is_b), 0) AS billed_b
    FROM read_totals AS t
    JOIN sides USING (delivery_id)
    GROUP BY ALL
)

SELECT
    CASE WHEN lines_a = 0 THEN 'added' WHEN lines_b = 0 THEN 'removed' ELSE 'changed' END AS what,
    s.*,
    billed_b - billed_a AS change
FROM summed AS s
WHERE lines_a <> lines_b
    OR billed_a <> billed_b
ORDER BY abs(change) DESC, s.*
