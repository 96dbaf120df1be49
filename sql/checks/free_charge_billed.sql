-- severity: info
-- category: rate
-- needs: components WHERE component = 'rate'
-- question: Is money taken for what is free: built-in rules, word filters, small servers, previews?
-- It explains what rate_differs owns. Free means that the rate in force is zero.
SELECT
    c.line,
    'Billed, although it is free by ' || r.source || '.' AS reason
FROM comparison AS c
JOIN rates AS r
    ON r.rate_id = c.rate_id
WHERE c.component = 'rate'
    AND r.price = 0
    AND c.difference > 0
ORDER BY c.line
