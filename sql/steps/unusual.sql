-- Days on which something cost, or was used, far more or far less than on its weekdays before.
-- grain: one row a payer, currency, view, name, measure and day
-- `measured` is dollars, or the quantity of a usage type, to four decimals: quantity is told where
-- dollars, which are known to be paid, did not move with it. `usual` is the second smallest of the
-- same weekday in the last four weeks (the middle of three, the smaller of two; fewer say nothing).
-- A day counts when it is off by at least 10 dollars, and by a third of what is usual; when it is
-- above each of these weekdays by a quarter (of three, twice; of two, three times) or below two
-- thirds of each (half, a third) and half of what is usual; and when, as a share of the larger of
-- the two, it is off by more than any of the 28 days before was from its week before, the last week
-- aside, of which it may be a part, and by more than half of them were: by five times as much if it
-- rose, or by 2.5 if it is above each weekday by three quarters and off by six times their dollars,
-- and by 3.5 times as much if it fell. So a week's shape, growth and ordinary unrest do not count.
-- The first of a month is held against the first of the month before. What was not used on each of
-- these weekdays is no steady use, and has no usual amount.
-- What is less than a fiftieth of an average day of the payer is never looked at.
WITH calendar AS (
    SELECT
        payer_account,
        currency,
        used,
        sum(spent) AS spent
    FROM streams
    WHERE breadth = 1
    GROUP BY 1, 2, 3
),

wholes AS (
    SELECT
        payer_account,
        currency,
        sum(spent) AS spent,
        count(*) AS days,
        max(used) AS last_day
    FROM calendar
    GROUP BY 1, 2
),

names AS (
    SELECT
        s.payer_account,
        s.currency,
        s.breadth,
        s.what,
        s.name,
        CASE WHEN min(s.service) = max(s.service) THEN min(s.service) ELSE '' END AS service,
        CASE WHEN min(s.capability) = max(s.capability) THEN min(s.capability) ELSE '' END
            AS capability,
        CASE WHEN min(s.model) = max(s.model) THEN min(s.model) ELSE '' END AS model,
        CASE WHEN min(s.account) = max(s.account) THEN min(s.account) ELSE '' END AS account,
        CASE WHEN min(s.usage_type) = max(s.usage_type) THEN min(s.usage_type) ELSE '' END
            AS usage_type,
        min(w.last_day) AS last_day
    FROM streams AS s
    JOIN wholes AS w
        ON w.payer_account = s.payer_account
        AND w.currency = s.currency
    WHERE w.days >= 15
    GROUP BY 1, 2, 3, 4, 5
    HAVING max(s.spent) >= 10
        AND CAST(max(s.spent) AS DECIMAL(38, 4)) * max(w.days) * 50
            >= CAST(max(w.spent) AS DECIMAL(38, 4))
),

days AS (
    SELECT
        n.*,
        c.used,
        coalesce(s.spent, 0) AS spent,
        coalesce(s.quantity, 0) AS quantity,
        coalesce(s.lines, 0) AS lines
    FROM names AS n
    JOIN calendar AS c
        ON c.payer_account = n.payer_account
        AND c.currency = n.currency
    LEFT JOIN streams AS s
        ON s.payer_account = n.payer_account
        AND s.currency = n.currency
        AND s.breadth = n.breadth
        AND s.name = n.name
        AND s.used = c.used
),

panel AS (
    SELECT
        d.*,
        'cost' AS measure,
        CAST(spent AS DECIMAL(38, 4)) AS measured
    FROM days AS d
    UNION ALL
    SELECT
        d.*,
        'quantity' AS measure,
        CAST(quantity AS DECIMAL(38, 4)) AS measured
    FROM days AS d
    WHERE breadth = 5
),

shifted AS (
    SELECT
        p.*,
        CASE WHEN lag(used, 7) OVER ordered = CAST(used - INTERVAL '7' DAY AS DATE)
            THEN lag(measured, 7) OVER ordered END AS week1,
        CASE WHEN lag(used, 14) OVER ordered = CAST(used - INTERVAL '14' DAY AS DATE)
            THEN lag(measured, 14) OVER ordered END AS week2,
        CASE WHEN lag(used, 21) OVER ordered = CAST(used - INTERVAL '21' DAY AS DATE)
            THEN lag(measured, 21) OVER ordered END AS week3,
        CASE WHEN lag(used, 28) OVER ordered = CAST(used - INTERVAL '28' DAY AS DATE)
            THEN lag(measured, 28) OVER ordered END AS week4,
        lag(spent, 7) OVER ordered AS spent1,
        max(CASE WHEN CAST(used AS STRING) LIKE '%-01' THEN measured END) OVER (
            PARTITION BY payer_account, currency, breadth, name, measure
            ORDER BY used ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS first_day
    FROM panel AS p
    WINDOW ordered AS (
        PARTITION BY payer_account, currency, breadth, name, measure ORDER BY used
    )
),

-- Changes are compared as shares by multiplying crosswise; beyond a billion they are all alike, and
-- the product of two of 19 digits is one of 38 in every engine.
moves AS (
    SELECT
        payer_account,
        currency,
        breadth,
        name,
        measure,
        used,
        CAST(least(abs(measured - week1), 1000000000) AS DECIMAL(19, 4)) AS change,
        CAST(least(greatest(measured, week1), 1000000000) AS DECIMAL(19, 4)) AS larger
    FROM shifted
    WHERE week1 IS NOT NULL
),

judged AS (
    SELECT
        s.*,
        greatest(week1, week2, coalesce(week3, 0), coalesce(week4, 0)) AS most,
        least(week1, week2, coalesce(week3, week2), coalesce(week4, week2)) AS fewest,
        CASE
            WHEN week3 IS NULL THEN least(week1, week2)
            WHEN week4 IS NULL THEN least(
                greatest(week1, week2), greatest(week1, week3), greatest(week2, week3)
            )
            ELSE least(
                greatest(week1, week2), greatest(week1, week3), greatest(week1, week4),
                greatest(week2, week3), greatest(week2, week4), greatest(week3, week4)
            )
        END AS usual,
        CASE WHEN week3 IS NULL THEN 12 WHEN week4 IS NULL THEN 8 ELSE 5 END AS rise,
        CASE WHEN week3 IS NULL THEN 12 WHEN week4 IS NULL THEN 8 ELSE 7 END AS steep_rise,
        CASE WHEN week3 IS NULL THEN 12 WHEN week4 IS NULL THEN 8 ELSE 6 END AS fall,
        CAST(used AS STRING) LIKE '%-01' AS is_first
    FROM shifted AS s
    WHERE week1 IS NOT NULL
        AND week2 IS NOT NULL
),

far AS (
    SELECT
        j.*,
        measured - usual AS off,
        CAST(least(abs(measured - usual), 1000000000) AS DECIMAL(19, 4)) AS gap,
        CAST(least(greatest(measured, usual), 1000000000) AS DECIMAL(19, 4)) AS height,
        CASE WHEN measured > usual THEN 'rose' ELSE 'fell' END AS direction,
        measured * 4 > most * steep_rise AS is_steep
    FROM judged AS j
    WHERE abs(measured - usual) * 3 >= usual
        AND (
            (measure = 'cost' AND abs(measured - usual) >= 10)
            OR (measure = 'quantity' AND spent1 >= 20
                AND CAST(abs(spent - spent1) AS DECIMAL(38, 4)) * 5
                    <= CAST(spent1 AS DECIMAL(38, 4)))
        )
        AND (
            (fewest > 0 AND measured * 4 > most * rise
                AND (NOT is_first OR measured * 4 > greatest(most, first_day) * fall))
            OR (measured * fall < fewest * 4 AND measured * 2 <= usual
                AND used <= CAST(last_day - INTERVAL '2' DAY AS DATE))
        )
),

sure AS (
    SELECT
        f.payer_account,
        f.currency,
        f.breadth,
        f.name,
        f.measure,
        f.used
    FROM far AS f
    JOIN moves AS j
        ON j.payer_account = f.payer_account
        AND j.currency = f.currency
        AND j.breadth = f.breadth
        AND j.name = f.name
        AND j.measure = f.measure
        AND j.used < f.used
        AND j.used >= CAST(f.used - INTERVAL '28' DAY AS DATE)
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING count_if(
            j.used <= CAST(f.used - INTERVAL '7' DAY AS DATE)
            AND j.change * f.height > f.gap * j.larger
        ) = 0
        AND 2 * count_if(
            j.change * f.height * CASE
                WHEN f.direction = 'fell' THEN 35
                WHEN f.is_steep AND 6 * j.change <= f.gap THEN 25
                ELSE 50
            END <= f.gap * j.larger * 10
        ) >= count(*)
)

SELECT
    f.payer_account,
    f.currency,
    f.breadth,
    f.what,
    f.name,
    f.service,
    f.capability,
    f.model,
    f.account,
    f.usage_type,
    f.measure,
    f.used,
    f.direction,
    f.quantity,
    f.lines,
    f.spent,
    f.measured,
    f.usual,
    f.off
FROM far AS f
JOIN sure AS s
    ON s.payer_account = f.payer_account
    AND s.currency = f.currency
    AND s.breadth = f.breadth
    AND s.name = f.name
    AND s.measure = f.measure
    AND s.used = f.used
JOIN run_deliveries AS r
    ON r.payer_account = f.payer_account
    AND f.used >= CAST(r.starts AS DATE)
    AND f.used < CAST(r.ends AS DATE)
