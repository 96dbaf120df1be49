-- severity: warning
-- category: data
-- question: Does any usage end before it begins?
-- Whether it was used at all, and at which price, cannot be told from such a line.
SELECT
    l.line,
    'The usage ends before it begins.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE l.line_item_usage_end_date < l.line_item_usage_start_date
    AND k.is_ai
    AND k.kind IN ('usage', 'covered_usage', 'negation', 'reserved_usage')
ORDER BY l.line
