-- severity: info
-- category: anomaly
-- question: Is a model, a region, an account or a usage type billed for the first time?
-- There must be a month of bills before it, and a dollar of it. What is new with something new
-- is told once: a usage type of a new model or region, and all of a new account, are not repeated.
-- A model that one account uses today may be used by two tomorrow, so only what is new itself is a
-- part of the finding's identity; by whom and where else is in the words.
WITH charges AS (
    SELECT
        d.payer_account,
        d.delivery_id,
        d.period,
        k.line_item_currency_code AS currency,
        s.line_item_usage_account_id AS account,
        k.region,
        k.model,
        k.line_item_usage_type AS usage_type,
        s.first_usage,
        s.last_usage,
        s.quantity,
        s.billed,
        s.lines
    FROM every_delivery AS d
    JOIN every_sum AS s
        ON s.delivery_id = d.delivery_id
    JOIN charge_keys AS k
        ON k.charge_key_id = s.charge_key_id
    JOIN (SELECT DISTINCT payer_account FROM run_deliveries) AS r
        ON r.payer_account = d.payer_account
    WHERE k.kind IN ('usage', 'covered_usage')
        AND k.is_ai
),

begins AS (
    SELECT payer_account, min(first_usage) AS first_usage FROM charges GROUP BY 1
),

views AS (
    SELECT 1 AS place, 'account' AS what, account AS name, c.* FROM charges AS c
    UNION ALL
    SELECT 2 AS place, 'region' AS what, region AS name, c.* FROM charges AS c
    UNION ALL
    SELECT 3 AS place, 'model' AS what, model AS name, c.* FROM charges AS c
    UNION ALL
    SELECT 4 AS place, 'usage type' AS what, usage_type AS name, c.* FROM charges AS c
),

firsts AS (
    SELECT
        payer_account,
        what,
        name,
        min(first_usage) AS first_usage
    FROM views
    WHERE name IS NOT NULL
        AND name <> ''
    GROUP BY 1, 2, 3
),

-- New in a period of this run.
fresh AS (
    SELECT
        f.*,
        r.delivery_id
    FROM firsts AS f
    JOIN begins AS b
        ON b.payer_account = f.payer_account
    JOIN run_deliveries AS r
        ON r.payer_account = f.payer_account
        AND f.first_usage >= r.starts
        AND f.first_usage < r.ends
    WHERE f.first_usage >= b.first_usage + INTERVAL '31' DAY
),

billed AS (
    SELECT
        v.delivery_id,
        v.currency,
        v.place,
        v.what,
        v.name,
        min(f.first_usage) AS first_usage,
        max(v.last_usage) AS last_usage,
        sum(v.billed) AS billed,
        sum(v.lines) AS lines,
        min(v.account) AS first_account,
        max(v.account) AS last_account,
        min(v.region) AS first_region,
        max(v.region) AS last_region,
        min(v.model) AS first_model,
        max(v.model) AS last_model
    FROM views AS v
    JOIN fresh AS f
        ON f.delivery_id = v.delivery_id
        AND f.what = v.what
        AND f.name = v.name
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(v.billed) >= 1
)

SELECT
    b.delivery_id,
    CASE WHEN b.what = 'account' THEN b.name END AS usage_account,
    CASE WHEN b.what = 'region' THEN b.name END AS region,
    CASE WHEN b.what = 'usage type' THEN b.name END AS usage_type,
    b.what || ' ' || b.name AS resource,
    b.currency,
    b.lines,
    CAST(b.billed AS DECIMAL(38, 20)) AS billed,
    b.first_usage,
    b.last_usage,
    'The ' || b.what || ' ' || b.name || ' is billed for the first time: '
        || CAST(CAST(b.billed AS DECIMAL(20, 2)) AS STRING) || ' '
        || coalesce(b.currency, 'without a currency') || ' since '
        || CAST(CAST(b.first_usage AS DATE) AS STRING)
        || CASE WHEN b.what <> 'account' AND b.first_account = b.last_account
            THEN ', by account ' || b.first_account ELSE '' END
        || CASE WHEN b.what <> 'region' AND b.first_region = b.last_region
            THEN ', in ' || b.first_region ELSE '' END
        || '.' AS reason
FROM billed AS b
LEFT JOIN billed AS wider
    ON wider.delivery_id = b.delivery_id
    AND wider.currency = b.currency
    AND wider.place < b.place
    AND b.first_account IS NOT NULL
    AND (
        (wider.what = 'account' AND b.first_account = b.last_account
            AND wider.name = b.first_account)
        OR (wider.what = 'region' AND b.first_region = b.last_region
            AND wider.name = b.first_region)
        OR (wider.what = 'model' AND b.first_model = b.last_model AND wider.name = b.first_model)
    )
WHERE wider.name IS NULL
ORDER BY b.delivery_id, b.what, b.name
