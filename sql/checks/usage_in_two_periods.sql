-- severity: error
-- category: duplicate
-- owns: duplicate
-- resource: yes
-- needs: components WHERE component = 'duplicate'
-- question: Is usage of another month billed here that the bill of that month holds as well?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    'The same usage of the same resource is billed in the period in which it was used as well.'
        AS reason
FROM comparison AS c
WHERE c.component = 'duplicate'
    AND c.reason = 'other_period'
ORDER BY c.line_item_id, c.time_interval
