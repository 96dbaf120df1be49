-- severity: warning
-- category: data
-- needs: charge_keys WHERE unit IS NULL
-- question: Does a charge count in a unit that is not known?
-- A rate that states the same unit prices it all the same, and then this is only noted.
SELECT
    l.line,
    CASE WHEN k.unpriced_reason IS NULL THEN 'info' ELSE 'warning' END AS severity,
    'The unit ' || k.pricing_unit || ' is not in the registry of units.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.is_ai
    AND k.kind IN ('usage', 'covered_usage')
    AND k.unit IS NULL
    AND k.pricing_unit IS NOT NULL
    AND k.unpriced_reason IS DISTINCT FROM 'undecoded'
ORDER BY l.line
