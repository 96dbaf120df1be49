-- severity: error
-- category: duplicate
-- owns: duplicate
-- resource: yes
-- needs: components WHERE component = 'duplicate'
-- question: Is any line in the delivery twice, by its identity and time interval?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    'The same line item, by its id and time interval, is billed more than once.' AS reason
FROM comparison AS c
WHERE c.component = 'duplicate'
    AND c.reason = 'same_identity'
ORDER BY c.line_item_id, c.time_interval
