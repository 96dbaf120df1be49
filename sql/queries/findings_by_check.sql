-- question: What is wrong with the bill, in one table?
-- about: Findings by check and severity: how many, on how many lines, and the dollars that each owns.
-- param: period month, every period in the ledger
SELECT
    f.severity,
    f."check",
    f.category,
    count(*) AS findings,
    sum(f.lines) AS lines,
    sum(CASE WHEN f.owns_difference THEN f.difference ELSE 0 END) AS difference,
    f.currency
FROM findings AS f
WHERE $period IS NULL OR f.period = $period
GROUP BY f.severity, f."check", f.category, f.currency
ORDER BY
    CASE f.severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END,
    difference DESC, f."check"
