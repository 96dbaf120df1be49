-- severity: error
-- category: duplicate
-- owns: duplicate
-- resource: yes
-- needs: components WHERE component = 'duplicate'
-- question: Is the same usage of the same resource billed again under a new line item id?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    'The same usage of the same resource in the same interval is billed again under another line item id.'
        AS reason
FROM comparison AS c
WHERE c.component = 'duplicate'
    AND c.reason = 'identical_usage'
ORDER BY c.line_item_id, c.time_interval
