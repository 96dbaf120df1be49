-- severity: warning
-- category: duplicate
-- owns: duplicate
-- resource: yes
-- needs: components WHERE component = 'duplicate'
-- question: Are the same tokens billed under two product codes, by AWS and by the Marketplace?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    'The same number of tokens of the same model in the same hour is billed under another product code too.'
        AS reason
FROM comparison AS c
WHERE c.component = 'duplicate'
    AND c.reason = 'other_product'
ORDER BY c.line_item_id, c.time_interval
