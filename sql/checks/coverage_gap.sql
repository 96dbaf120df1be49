-- severity: warning
-- category: data
-- question: Does a payer, an account or a service that billed every day stop before the rest does?
-- A bill cannot say whether usage ended or lines are missing, so only an abrupt end of a steady
-- record counts: billed on each of at least 14 days up to the last one, on that day on at least
-- half the lines of an average one, and then nothing for at least 3 days while the delivery goes on.
-- One account that stops one service is a team that stopped. A payer as a whole is judged once all
-- is final, by the end of the period. Lines of more than a day have no day.
WITH days AS (
    SELECT
        l.delivery_id,
        l.line_item_usage_account_id AS account,
        k.service,
        l.usage_day AS used,
        count(*) AS day_lines
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('usage', 'covered_usage', 'reserved_usage')
        AND k.is_ai
        AND l.hours <= 24
    GROUP BY 1, 2, 3, 4
),

inside AS (
    SELECT
        d.*
    FROM days AS d
    JOIN run_deliveries AS r
        ON r.delivery_id = d.delivery_id
    WHERE d.used >= CAST(r.starts AS DATE)
        AND d.used < CAST(r.ends AS DATE)
),

whole AS (
    SELECT
        i.delivery_id,
        max(i.used) AS last_day
    FROM inside AS i
    GROUP BY 1
),

final_deliveries AS (
    SELECT
        f.delivery_id,
        min(CASE WHEN f.is_final THEN 1 ELSE 0 END) AS is_final
    FROM finality AS f
    GROUP BY 1
),

ends AS (
    SELECT
        w.delivery_id,
        w.last_day,
        CAST(r.ends - INTERVAL '1' DAY AS DATE) AS period_day,
        coalesce(f.is_final, 0) = 1 AS is_final
    FROM whole AS w
    JOIN run_deliveries AS r
        ON r.delivery_id = w.delivery_id
    LEFT JOIN final_deliveries AS f
        ON f.delivery_id = w.delivery_id
),

streams AS (
    SELECT delivery_id, 'account' AS what, account AS name, used, sum(day_lines) AS day_lines,
        CAST(1 AS BIGINT) AS accounts
    FROM inside
    WHERE account IS NOT NULL
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT delivery_id, 'service' AS what, service AS name, used, sum(day_lines) AS day_lines,
        count(DISTINCT account) AS accounts
    FROM inside
    WHERE service IS NOT NULL
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT delivery_id, 'payer' AS what, '' AS name, used, sum(day_lines) AS day_lines,
        count(DISTINCT account) AS accounts
    FROM inside
    GROUP BY 1, 2, 3, 4
),

records AS (
    SELECT
        s.delivery_id,
        s.what,
        s.name,
        min(s.used) AS first_day,
        max(s.used) AS last_day,
        count(*) AS days,
        sum(s.day_lines) AS day_lines
    FROM streams AS s
    GROUP BY 1, 2, 3
),

stopped AS (
    SELECT
        r.delivery_id,
        r.what,
        r.name,
        r.last_day,
        r.days,
        CASE WHEN r.what = 'payer' THEN e.period_day ELSE e.last_day END AS goes_on_to
    FROM records AS r
    JOIN ends AS e
        ON e.delivery_id = r.delivery_id
    JOIN streams AS l
        ON l.delivery_id = r.delivery_id
        AND l.what = r.what
        AND l.name = r.name
        AND l.used = r.last_day
    WHERE r.days >= 14
        AND r.first_day + CAST(r.days - 1 AS INTEGER) = r.last_day
        AND 2 * l.day_lines * r.days >= r.day_lines
        AND (r.what = 'account' OR l.accounts >= 2)
        AND (r.what <> 'payer' OR e.is_final)
)

SELECT
    s.delivery_id,
    CASE WHEN s.what = 'account' THEN s.name END AS usage_account,
    CASE WHEN s.what = 'service' THEN s.name END AS service,
    CASE WHEN s.what = 'service' THEN s.name END AS resource,
    0 AS lines,
    CASE
        WHEN s.what = 'account' THEN 'This account was billed every day up to '
        WHEN s.what = 'service' THEN 'This service was billed every day, to several accounts, up to '
        ELSE 'Every account was billed up to '
    END || CAST(s.last_day AS STRING) || ' and not after, while the '
        || CASE WHEN s.what = 'payer' THEN 'final period' ELSE 'delivery' END || ' goes on to '
        || CAST(s.goes_on_to AS STRING) || ': the use ended, or lines are missing.' AS reason,
    CAST(s.last_day AS TIMESTAMP) AS last_usage
FROM stopped AS s
WHERE s.goes_on_to >= s.last_day + INTERVAL '3' DAY
ORDER BY s.what, s.name
