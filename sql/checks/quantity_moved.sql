-- severity: info
-- category: anomaly
-- needs: anomalies
-- question: Was a usage type used far more or less, although what it cost stayed as it was?
-- sql/steps/unusual.sql says what counts; docs/anomalies.md, how often that is right.
SELECT
    a.delivery_id,
    a.usage_account,
    a.service,
    a.usage_type,
    a.resource,
    a.quantity,
    a.currency,
    a.lines,
    a.billed,
    a.first_usage,
    a.last_usage,
    a.reason
FROM anomalies AS a
WHERE a.measure = 'quantity'
    -- Usage that another finding says was counted wrong that day has moved for that reason.
    AND NOT EXISTS (
        SELECT 1
        FROM comparison AS c
        JOIN lines AS l
            ON l.line = c.line
        JOIN charge_keys AS k
            ON k.charge_key_id = l.charge_key_id
        WHERE c.component IN ('duplicate', 'quantity', 'unit')
            AND k.line_item_usage_type = a.usage_type
            AND l.usage_day >= CAST(a.first_usage AS DATE)
            AND l.line_item_usage_start_date < a.last_usage
    )
ORDER BY a.delivery_id, a.what, a.name, a.direction
