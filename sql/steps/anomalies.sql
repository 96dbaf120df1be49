-- Unusual days of a period, each told once and from the narrowest view that explains it.
-- grain: one row a delivery, view, name and direction
-- A view is explained by a narrower one inside it that, within three days, has six tenths of its
-- dollars; what has less than that belongs to the broader view, which then names its largest part.
WITH explained AS (
    SELECT DISTINCT
        r.payer_account,
        r.currency,
        r.what,
        r.name,
        r.used
    FROM unusual AS r
    JOIN unusual AS s
        ON s.payer_account = r.payer_account
        AND s.currency = r.currency
        AND s.direction = r.direction
        AND s.breadth > r.breadth
        AND s.used >= CAST(r.used - INTERVAL '3' DAY AS DATE)
        AND s.used <= CAST(r.used + INTERVAL '3' DAY AS DATE)
        AND (r.service = '' OR s.service = r.service)
        AND (r.capability = '' OR s.capability = r.capability)
        AND (r.model = '' OR s.model = r.model)
        AND (r.account = '' OR s.account = r.account)
    WHERE abs(s.off) * 10 >= abs(r.off) * 6
),

open_days AS (
    SELECT
        u.*
    FROM unusual AS u
    LEFT JOIN explained AS e
        ON e.payer_account = u.payer_account
        AND e.currency = u.currency
        AND e.what = u.what
        AND e.name = u.name
        AND e.used = u.used
    WHERE e.used IS NULL
),

parts AS (
    SELECT DISTINCT
        s.payer_account,
        s.currency,
        s.what,
        s.name,
        s.used
    FROM open_days AS s
    JOIN open_days AS r
        ON r.payer_account = s.payer_account
        AND r.currency = s.currency
        AND r.direction = s.direction
        AND r.used = s.used
        AND r.breadth < s.breadth
        AND (r.service = '' OR s.service = r.service)
        AND (r.capability = '' OR s.capability = r.capability)
        AND (r.model = '' OR s.model = r.model)
        AND (r.account = '' OR s.account = r.account)
    WHERE abs(s.off) * 10 < abs(r.off) * 6
),

told AS (
    SELECT
        o.*,
        r.delivery_id,
        row_number() OVER (
            PARTITION BY r.delivery_id, o.currency, o.what, o.name, o.direction
            ORDER BY abs(o.off) DESC, o.used
        ) AS place
    FROM open_days AS o
    JOIN run_deliveries AS r
        ON r.payer_account = o.payer_account
        AND o.used >= CAST(r.starts AS DATE)
        AND o.used < CAST(r.ends AS DATE)
    LEFT JOIN parts AS p
        ON p.payer_account = o.payer_account
        AND p.currency = o.currency
        AND p.what = o.what
        AND p.name = o.name
        AND p.used = o.used
    WHERE p.used IS NULL
),

-- What moved most since the week before, on the day that is furthest off.
moved AS (
    SELECT
        t.delivery_id,
        t.currency,
        t.what,
        t.name,
        t.direction,
        s.account,
        s.usage_type,
        row_number() OVER (
            PARTITION BY t.delivery_id, t.currency, t.what, t.name, t.direction
            ORDER BY abs(sum(CASE WHEN s.used = t.used THEN s.spent ELSE -s.spent END)) DESC,
                s.account, s.usage_type
        ) AS place
    FROM told AS t
    JOIN streams AS s
        ON s.payer_account = t.payer_account
        AND s.currency = t.currency
        AND s.breadth = 5
        AND (s.used = t.used OR s.used = CAST(t.used - INTERVAL '7' DAY AS DATE))
        AND (t.service = '' OR s.service = t.service)
        AND (t.capability = '' OR s.capability = t.capability)
        AND (t.model = '' OR s.model = t.model)
        AND (t.account = '' OR s.account = t.account)
    WHERE t.place = 1
        AND t.breadth < 5
    GROUP BY t.delivery_id, t.currency, t.what, t.name, t.direction, s.account, s.usage_type
)

SELECT
    t.delivery_id,
    t.currency,
    t.what,
    t.name,
    t.direction,
    min(t.breadth) AS breadth,
    min(t.service) AS service,
    min(t.account) AS account,
    min(t.usage_type) AS usage_type,
    count(*) AS days,
    min(t.used) AS first_day,
    max(t.used) AS last_day,
    sum(t.quantity) AS quantity,
    sum(t.lines) AS lines,
    sum(t.spent) AS spent,
    sum(t.expected) AS expected,
    min(m.account) AS largest_account,
    min(m.usage_type) AS largest_usage_type
FROM told AS t
LEFT JOIN moved AS m
    ON m.delivery_id = t.delivery_id
    AND m.currency = t.currency
    AND m.what = t.what
    AND m.name = t.name
    AND m.direction = t.direction
    AND m.place = 1
GROUP BY 1, 2, 3, 4, 5
