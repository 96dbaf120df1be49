-- severity: warning
-- category: data
-- needs: charge_keys WHERE undecoded_reason IS NOT NULL
-- question: Which usage types of Bedrock and SageMaker are not understood?
-- A log group or a function that somebody named after them is billed by another service.
SELECT
    l.line,
    k.undecoded_reason AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.is_ai
    AND k.kind IN ('usage', 'covered_usage')
    AND k.undecoded_reason IS NOT NULL
    AND k.line_item_usage_type IS NOT NULL
    AND l.line NOT IN (SELECT line FROM other_services)
ORDER BY l.line
