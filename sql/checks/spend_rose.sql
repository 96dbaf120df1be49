-- severity: info
-- category: anomaly
-- needs: anomalies
-- question: Did a service, an account, a capability, a model or a usage type suddenly cost far more?
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
    expected,
    difference,
    first_usage,
    last_usage,
    reason
FROM anomalies
WHERE measure = 'cost'
    AND direction = 'rose'
ORDER BY delivery_id, what, name
