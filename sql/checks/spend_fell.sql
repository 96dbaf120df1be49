-- severity: info
-- category: anomaly
-- needs: anomalies
-- question: Did a service, an account, a capability, a model or a usage type suddenly cost far less?
-- sql/steps/unusual.sql says what counts; docs/anomalies.md, how often that is right.
SELECT
    delivery_id,
    CASE WHEN account <> '' THEN account END AS usage_account,
    CASE WHEN service <> '' THEN service END AS service,
    CASE WHEN breadth = 5 THEN usage_type END AS usage_type,
    CASE WHEN breadth < 5 THEN what || ' ' || name END AS resource,
    CASE WHEN breadth = 5 THEN quantity END AS quantity,
    currency,
    lines,
    CAST(spent AS DECIMAL(38, 20)) AS billed,
    CAST(expected AS DECIMAL(38, 20)) AS expected,
    CAST(spent - expected AS DECIMAL(38, 20)) AS difference,
    CAST(first_day AS TIMESTAMP) AS first_usage,
    CAST(last_day + INTERVAL '1' DAY AS TIMESTAMP) AS last_usage,
    CASE WHEN days = 1 THEN 'On ' || CAST(first_day AS STRING)
        ELSE 'On ' || CAST(days AS STRING) || ' days from ' || CAST(first_day AS STRING) || ' to '
            || CAST(last_day AS STRING)
    END || CASE WHEN breadth = 5 THEN ' this usage type' ELSE ' the ' || what || ' ' || name END
        || ' cost ' || CAST(CAST(spent AS DECIMAL(20, 2)) AS STRING) || ' ' || currency
        || ', and on the same weekdays before about '
        || CAST(CAST(expected AS DECIMAL(20, 2)) AS STRING) || '.'
        || CASE WHEN largest_usage_type IS NULL THEN ''
            ELSE ' Most of it is ' || largest_usage_type || ' of account ' || largest_account || '.'
        END AS reason
FROM anomalies
WHERE direction = 'fell'
ORDER BY delivery_id, what, name
