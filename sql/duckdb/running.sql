-- Deliveries of this run whose month still runs: usage ends before the month does, no invoice is
-- complete, and the payer has no later month. `through` is the last day that has usage.
SELECT
    r.delivery_id,
    r.period_text AS period,
    r.payer_account,
    u.through,
    CAST(r.ends AS DATE) AS ends
FROM run_deliveries AS r
JOIN (
    SELECT
        l.delivery_id,
        CAST(max(l.line_item_usage_start_date) AS DATE) AS through
    FROM lines AS l
    JOIN run_deliveries AS d
        ON d.delivery_id = l.delivery_id
    WHERE l.hours <= 24
        AND l.line_item_usage_start_date < d.ends
    GROUP BY ALL
) AS u
    ON u.delivery_id = r.delivery_id
WHERE u.through >= r.starts
    AND u.through < CAST(r.ends - INTERVAL 1 DAY AS DATE)
    AND NOT EXISTS (
        SELECT 1
        FROM every_delivery AS d
        WHERE d.payer_account = r.payer_account
            AND d.period > r.period
    )
    AND EXISTS (
        SELECT 1
        FROM finality AS f
        WHERE f.delivery_id = r.delivery_id
            AND NOT f.is_final
    )
ORDER BY r.period_text, r.payer_account
