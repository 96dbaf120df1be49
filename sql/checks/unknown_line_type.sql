-- severity: warning
-- category: data
-- needs: charge_keys WHERE kind = 'unknown'
-- question: Does the bill have line types that nobody has described?
SELECT
    l.line,
    'The line type ' || coalesce(k.line_item_line_item_type, '(empty)') || ' is not known.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.kind = 'unknown'
ORDER BY l.line
