-- question: By which price was each usage type judged, and where does the price come from?
-- about: Every rate that an audit used, with its source, validity, and the lines and dollars it judged.
-- param: usage_type text, every usage type
SELECT
    l.line_item_usage_type AS usage_type,
    l.region,
    r.price,
    r.unit,
    r.source_kind,
    r.source,
    r.reference,
    r.starts,
    r.ends,
    r.unconfirmed,
    count(*) AS lines,
    sum(c.billed) AS billed
FROM comparison AS c
JOIN line_items AS l
    ON l.line = c.line
JOIN rates AS r
    ON r.rate_id = c.rate_id
WHERE $usage_type IS NULL OR l.line_item_usage_type = $usage_type
GROUP BY ALL
ORDER BY ALL
