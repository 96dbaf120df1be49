-- severity: info
-- category: data
-- resource: yes
-- needs: repeated
-- question: Do lines without a resource id look alike in everything the delivery carries?
-- Two such lines may be two resources that the delivery does not name, so this proves nothing.
SELECT
    r.line,
    'Lines that are alike in all that the delivery carries; without a resource id they may be two resources.'
        AS reason
FROM repeated AS r
WHERE r.how = 'similar_usage'
ORDER BY r.line
