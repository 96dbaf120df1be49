-- The lines that each finding is about, with what each was billed and should have been.
-- grain: one row a finding and line
SELECT
    f.finding_id,
    l.identity_line_item_id AS line_item_id,
    l.identity_time_interval AS time_interval,
    f.billed,
    f.expected,
    f.delivery_id,
    f.line
FROM found_lines AS f
JOIN lines AS l
    ON l.line = f.line
