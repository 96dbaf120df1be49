-- Days on which something cost far more or far less than on the same weekday of the weeks before.
-- grain: one row a payer, currency, view, name and day
-- `expected` is the second smallest of the same weekday in the last four weeks (the middle of
-- three, the smaller of two; fewer say nothing). A day counts when it is off by at least 10 dollars
-- and half of that, when it is half as much again as any of these four weekdays (of three, twice;
-- of two, three times) or as little, and when it is off by six times what half of the last 28 days
-- differ from the week before them: so a week's shape, growth and ordinary unrest do not count.
-- The first of a month is held against the first of the month before. What was not used on each of
-- these weekdays is no steady use, and nothing is expected of it.
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
        AND max(s.spent) * max(w.days) * 50 >= max(w.spent)
),

panel AS (
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

shifted AS (
    SELECT
        p.*,
        CASE WHEN lag(used, 7) OVER ordered = CAST(used - INTERVAL '7' DAY AS DATE)
            THEN lag(spent, 7) OVER ordered END AS week1,
        CASE WHEN lag(used, 14) OVER ordered = CAST(used - INTERVAL '14' DAY AS DATE)
            THEN lag(spent, 14) OVER ordered END AS week2,
        CASE WHEN lag(used, 21) OVER ordered = CAST(used - INTERVAL '21' DAY AS DATE)
            THEN lag(spent, 21) OVER ordered END AS week3,
        CASE WHEN lag(used, 28) OVER ordered = CAST(used - INTERVAL '28' DAY AS DATE)
            THEN lag(spent, 28) OVER ordered END AS week4,
        max(CASE WHEN CAST(used AS STRING) LIKE '%-01' THEN spent END) OVER (
            PARTITION BY payer_account, currency, breadth, name
            ORDER BY used ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS first_day
    FROM panel AS p
    WINDOW ordered AS (PARTITION BY payer_account, currency, breadth, name ORDER BY used)
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
        END AS expected,
        CASE WHEN week3 IS NULL THEN 6 WHEN week4 IS NULL THEN 4 ELSE 3 END AS halves,
        CAST(used AS STRING) LIKE '%-01' AS is_first
    FROM shifted AS s
    WHERE week1 IS NOT NULL
        AND week2 IS NOT NULL
),

far AS (
    SELECT
        j.*,
        spent - expected AS off,
        CASE WHEN spent > expected THEN 'rose' ELSE 'fell' END AS direction
    FROM judged AS j
    WHERE abs(spent - expected) >= 10
        AND abs(spent - expected) * 2 >= expected
        AND (
            (fewest > 0 AND spent * 2 > most * halves
                AND (NOT is_first OR spent * 2 > first_day * halves))
            OR (spent * halves < fewest * 2 AND used <= CAST(last_day - INTERVAL '2' DAY AS DATE))
        )
),

sure AS (
    SELECT
        f.payer_account,
        f.currency,
        f.breadth,
        f.name,
        f.used
    FROM far AS f
    JOIN shifted AS j
        ON j.payer_account = f.payer_account
        AND j.currency = f.currency
        AND j.breadth = f.breadth
        AND j.name = f.name
        AND j.used < f.used
        AND j.used >= CAST(f.used - INTERVAL '28' DAY AS DATE)
    WHERE j.week1 IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
    HAVING 2 * count_if(6 * abs(j.spent - j.week1) <= abs(f.off)) >= count(*)
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
    f.used,
    f.direction,
    f.quantity,
    f.lines,
    f.spent,
    f.expected,
    f.off
FROM far AS f
JOIN sure AS s
    ON s.payer_account = f.payer_account
    AND s.currency = f.currency
    AND s.breadth = f.breadth
    AND s.name = f.name
    AND s.used = f.used
JOIN run_deliveries AS r
    ON r.payer_account = f.payer_account
    AND f.used >= CAST(r.starts AS DATE)
    AND f.used < CAST(r.ends AS DATE)
