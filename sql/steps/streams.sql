-- Daily spend from five points of view, the narrowest last.
-- grain: one row a payer, currency, view, name and day
-- `name` is what is looked at; service, capability, model, account and usage_type say what is known
-- of all of it, and are empty where it is of several.
WITH charges AS (
    SELECT
        d.payer_account,
        k.line_item_currency_code AS currency,
        coalesce(k.service, '') AS service,
        coalesce(k.capability, '') AS capability,
        coalesce(k.model, '') AS model,
        d.account,
        coalesce(k.line_item_usage_type, '') AS usage_type,
        d.used,
        sum(d.quantity) AS quantity,
        sum(d.spent) AS spent,
        sum(d.lines) AS lines
    FROM daily AS d
    JOIN charge_keys AS k
        ON k.charge_key_id = d.charge_key_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),

views AS (
    SELECT 1 AS breadth, 'service' AS what, service AS name, c.* FROM charges AS c
    UNION ALL
    SELECT 2 AS breadth, 'account' AS what, account AS name, c.* FROM charges AS c
    UNION ALL
    SELECT 3 AS breadth, 'capability' AS what, service || ' ' || capability AS name, c.*
    FROM charges AS c
    WHERE capability <> ''
    UNION ALL
    SELECT 4 AS breadth, 'model' AS what, model AS name, c.* FROM charges AS c WHERE model <> ''
    UNION ALL
    SELECT 5 AS breadth, 'usage type' AS what, account || ' ' || usage_type AS name, c.*
    FROM charges AS c
)

SELECT
    payer_account,
    currency,
    breadth,
    what,
    name,
    used,
    CASE WHEN min(service) = max(service) THEN min(service) ELSE '' END AS service,
    CASE WHEN min(capability) = max(capability) THEN min(capability) ELSE '' END AS capability,
    CASE WHEN min(model) = max(model) THEN min(model) ELSE '' END AS model,
    CASE WHEN min(account) = max(account) THEN min(account) ELSE '' END AS account,
    CASE WHEN min(usage_type) = max(usage_type) THEN min(usage_type) ELSE '' END AS usage_type,
    sum(quantity) AS quantity,
    sum(spent) AS spent,
    sum(lines) AS lines
FROM views
WHERE currency IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
