INSERT INTO {ledger}.found_lines
SELECT
    delivery_id,
    id,
    line,
    CAST(sum(billed) AS DECIMAL(36, 20)),
    CAST(sum(expected) AS DECIMAL(36, 20))
FROM grouped
WHERE line IS NOT NULL
GROUP BY delivery_id, id, line
