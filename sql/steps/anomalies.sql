-- Unusual days of a period, each told once and from the narrowest view that explains it.
-- grain: one row a delivery, currency, view, name, measure and direction
-- A view is explained by a narrower one inside it that, within three days, has six tenths of its
-- dollars; what has less than that belongs to the broader view, which then names its largest part.
-- `reason` says it to a person. Quantities are judged in the narrowest view alone.
WITH explained AS (
    SELECT DISTINCT
        r.payer_account,
        r.currency,
        r.what,
        r.name,
        r.measure,
        r.used
    FROM unusual AS r
    JOIN unusual AS s
        ON s.payer_account = r.payer_account
        AND s.currency = r.currency
        AND s.measure = r.measure
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
        AND e.measure = u.measure
        AND e.used = u.used
    WHERE e.used IS NULL
),

parts AS (
    SELECT DISTINCT
        s.payer_account,
        s.currency,
        s.what,
        s.name,
        s.measure,
        s.used
    FROM open_days AS s
    JOIN open_days AS r
        ON r.payer_account = s.payer_account
        AND r.currency = s.currency
        AND r.measure = s.measure
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
            PARTITION BY r.delivery_id, o.currency, o.what, o.name, o.measure, o.direction
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
        AND p.measure = o.measure
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
        min(s.model) AS model,
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
),

found AS (
    SELECT
        t.delivery_id,
        t.currency,
        t.what,
        t.name,
        t.measure,
        t.direction,
        min(t.breadth) AS breadth,
        min(t.service) AS service,
        min(t.capability) AS capability,
        min(t.model) AS model,
        min(t.account) AS account,
        min(t.usage_type) AS usage_type,
        count(*) AS days,
        min(t.used) AS first_day,
        max(t.used) AS last_day,
        max(CASE WHEN t.place = 1 THEN t.used END) AS worst_day,
        sum(t.quantity) AS quantity,
        sum(t.lines) AS lines,
        sum(t.spent) AS spent,
        sum(t.measured) AS measured,
        sum(t.usual) AS usual,
        min(m.account) AS largest_account,
        min(m.usage_type) AS largest_usage_type,
        min(m.model) AS largest_model
    FROM told AS t
    LEFT JOIN moved AS m
        ON m.delivery_id = t.delivery_id
        AND m.currency = t.currency
        AND m.what = t.what
        AND m.name = t.name
        AND m.direction = t.direction
        AND m.place = 1
    GROUP BY 1, 2, 3, 4, 5, 6
)

SELECT
    delivery_id,
    currency,
    what,
    name,
    measure,
    direction,
    service AS of_service,
    capability AS of_capability,
    model AS of_model,
    account AS of_account,
    usage_type AS of_usage_type,
    first_day,
    last_day,
    worst_day,
    -- A model of one account may be of two when the month is delivered again; the id must stay.
    CASE WHEN what IN ('account', 'usage type') THEN account END AS usage_account,
    CASE WHEN service <> '' THEN service END AS service,
    CASE WHEN breadth = 5 THEN usage_type END AS usage_type,
    CASE WHEN breadth < 5 THEN what || ' ' || name END AS resource,
    CASE WHEN breadth = 5 THEN quantity END AS quantity,
    lines,
    CAST(spent AS DECIMAL(38, 20)) AS billed,
    CASE WHEN measure = 'cost' THEN CAST(usual AS DECIMAL(38, 20)) END AS expected,
    CASE WHEN measure = 'cost' THEN CAST(spent - usual AS DECIMAL(38, 20)) END AS difference,
    CAST(first_day AS TIMESTAMP) AS first_usage,
    CAST(last_day + INTERVAL '1' DAY AS TIMESTAMP) AS last_usage,
    CASE WHEN days = 1 THEN 'On ' || CAST(first_day AS STRING)
        ELSE 'On ' || CAST(days AS STRING) || ' days from ' || CAST(first_day AS STRING) || ' to '
            || CAST(last_day AS STRING)
    END || CASE WHEN breadth = 5 THEN ' this usage type' ELSE ' the ' || what || ' ' || name END
        || CASE WHEN breadth = 5 AND model <> '' THEN ' (' || model || ')' ELSE '' END
        || CASE WHEN measure = 'cost' THEN ' cost ' ELSE ' had a quantity of ' END
        || CAST(CAST(measured AS DECIMAL(20, 2)) AS STRING)
        || CASE WHEN measure = 'cost' THEN ' ' || currency ELSE '' END
        || ', and on the same weekdays before about '
        || CAST(CAST(usual AS DECIMAL(20, 2)) AS STRING)
        || CASE WHEN measure = 'cost' THEN '.'
            ELSE ', although its cost moved by less than a fifth.' END
        || CASE WHEN days >= 5 AND last_day <= CAST(first_day + INTERVAL '9' DAY AS DATE)
            THEN ' That is a new level rather than a single day.' ELSE '' END
        || CASE WHEN largest_usage_type IS NULL THEN ''
            ELSE ' Most of it is ' || largest_usage_type
                || CASE WHEN largest_model <> '' AND model = '' THEN ' (' || largest_model || ')'
                    ELSE '' END
                || ' of account ' || largest_account || '.'
        END AS reason
FROM found
