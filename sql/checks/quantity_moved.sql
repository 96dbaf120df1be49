-- severity: info
-- category: anomaly
-- needs: anomalies
-- question: Was a usage type used far more or less, although what it cost stayed as it was?
-- sql/steps/unusual.sql says what counts; docs/anomalies.md, how often that is right.
SELECT
    delivery_id,
    usage_account,
    service,
    usage_type,
    resource,
    quantity,
    currency,
    lines,
    billed,
    first_usage,
    last_usage,
    reason
FROM anomalies
WHERE measure = 'quantity'
ORDER BY delivery_id, what, name, direction
