-- All lines of two deliveries, beside each other, by currency.
SELECT
    coalesce(t.line_item_currency_code, 'XXX') AS currency,
    coalesce(sum(t.lines) FILTER (NOT is_b), 0) AS lines_a,
    coalesce(sum(t.lines) FILTER (is_b), 0) AS lines_b,
    coalesce(sum(t.billed) FILTER (NOT is_b), 0) AS billed_a,
    coalesce(sum(t.billed) FILTER (is_b), 0) AS billed_b,
    coalesce(sum(t.in_scope_lines) FILTER (NOT is_b), 0) AS in_scope_lines_a,
    coalesce(sum(t.in_scope_lines) FILTER (is_b), 0) AS in_scope_lines_b,
    coalesce(sum(t.in_scope_billed) FILTER (NOT is_b), 0) AS in_scope_billed_a,
    coalesce(sum(t.in_scope_billed) FILTER (is_b), 0) AS in_scope_billed_b,
    billed_b - billed_a AS change
FROM read_totals AS t
JOIN sides USING (delivery_id)
GROUP BY 1
ORDER BY 1
