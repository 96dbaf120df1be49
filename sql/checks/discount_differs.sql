-- severity: error
-- category: discount
-- owns: discount
-- needs: components WHERE component = 'discount'
-- question: Has every discount that the contract promises arrived, and no other?
-- A discount that no line grants is the account's, for all of its charges of a usage type: no one
-- line stands for it, and the discount is the resource.
SELECT
    c.line,
    c.difference,
    CASE
        WHEN c.difference > 0
            AND c.reason NOT IN ('discount_unusual', 'discount_order_unknown')
        THEN 'error'
        ELSE 'warning'
    END AS severity,
    CASE c.reason
        WHEN 'discount_missing' THEN 'The discount that the contract promises has not arrived.'
        WHEN 'discount_excluded' THEN 'A discount stands on charges that the contract excludes.'
        WHEN 'discount_unusual'
        THEN 'The discount is not the one that charges of the service had on the same day.'
        WHEN 'discount_order_unknown'
        THEN 'No discount was taken of a private rate; the contract does not say which comes first.'
        ELSE 'The discount is not the share that the contract promises.'
    END AS reason,
    c.billed,
    c.expected,
    c.delivery_id,
    CAST(NULL AS STRING) AS usage_account,
    CAST(NULL AS STRING) AS region,
    CAST(NULL AS STRING) AS service,
    CAST(NULL AS STRING) AS usage_type,
    CAST(NULL AS STRING) AS resource,
    CAST(NULL AS STRING) AS currency,
    CAST(NULL AS BIGINT) AS lines,
    CAST(NULL AS TIMESTAMP) AS first_usage,
    CAST(NULL AS TIMESTAMP) AS last_usage
FROM comparison AS c
WHERE c.component = 'discount'
    AND c.reason NOT IN ('credit_missing', 'credit_too_small', 'credit_outstanding')
    AND c.line NOT IN (SELECT line FROM discount_gaps)
UNION ALL
SELECT
    CAST(NULL AS BIGINT),
    g.difference,
    CASE
        WHEN g.difference > 0 AND g.reason <> 'discount_order_unknown' THEN 'error'
        ELSE 'warning'
    END,
    CASE g.reason
        WHEN 'discount_order_unknown'
        THEN 'No discount was taken of a private rate; the contract does not say which comes first. '
        ELSE 'A discount that the contract promises has not arrived. '
    END || g.told,
    CAST(0 AS DECIMAL(36, 20)),
    -g.difference,
    g.delivery_id,
    g.account,
    k.region,
    k.service,
    k.line_item_usage_type,
    g.about,
    k.line_item_currency_code,
    CAST(0 AS BIGINT),
    g.first_usage,
    g.last_usage
FROM discount_gaps AS g
JOIN lines AS l
    ON l.line = g.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
ORDER BY
    delivery_id,
    usage_account NULLS FIRST,
    usage_type NULLS FIRST,
    first_usage NULLS FIRST,
    line NULLS FIRST
