-- severity: warning
-- category: commitment
-- resource: yes
-- needs: charge_keys WHERE customized = 'yes'
-- question: Does a custom model have more than one model unit without a commitment?
-- AWS sells one unit of a custom model without commitment, and more only with one (Bedrock pricing
-- page), so such a bill contradicts the terms.
SELECT
    l.line,
    'More than one model unit of a custom model is billed without a commitment, which AWS does not sell.'
        AS reason
FROM charge_keys AS k
JOIN lines AS l
    ON l.charge_key_id = k.charge_key_id
WHERE k.kind = 'usage'
    AND k.capability = 'provisioned_throughput'
    AND k.customized = 'yes'
    AND k.commitment = 'none'
    AND k.unit = 'model unit hour'
    AND l.line_item_resource_id IS NOT NULL
    AND l.line_item_usage_end_date > l.line_item_usage_start_date
    AND l.line_item_usage_amount > l.hours
ORDER BY l.line
