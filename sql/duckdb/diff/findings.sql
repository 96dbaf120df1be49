-- Findings that only one of two deliveries has, or that both have with other dollars or another
-- severity: a bill that becomes final turns warnings into errors.
WITH every AS (
    SELECT * FROM findings
    UNION ALL
    SELECT * FROM past_findings
),

summed AS (
    SELECT
        f.id,
        any_value(f."check") AS "check",
        arg_max(f.severity, is_b) AS severity,
        any_value(f.severity) FILTER (NOT is_b) AS severity_a,
        any_value(f.severity) FILTER (is_b) AS severity_b,
        any_value(f.usage_type) AS usage_type,
        any_value(f.usage_account) AS usage_account,
        any_value(f.currency) AS currency,
        coalesce(sum(f.difference) FILTER (NOT is_b), 0) AS difference_a,
        coalesce(sum(f.difference) FILTER (is_b), 0) AS difference_b,
        arg_max(f.reason, is_b) AS reason,
        count_if(NOT is_b) AS in_a,
        count_if(is_b) AS in_b
    FROM every AS f
    JOIN sides USING (delivery_id)
    GROUP BY f.id
)

SELECT
    CASE WHEN in_a = 0 THEN 'added' WHEN in_b = 0 THEN 'removed' ELSE 'changed' END AS what,
    * EXCLUDE (in_a, in_b),
    difference_b - difference_a AS change
FROM summed
WHERE in_a <> in_b
    OR difference_a <> difference_b
    OR severity_a <> severity_b
ORDER BY list_position(['error', 'warning', 'info'], severity), abs(change) DESC, id
