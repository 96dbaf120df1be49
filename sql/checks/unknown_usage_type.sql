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
    AND NOT (
        lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
            NOT LIKE '%bedrock%'
        AND lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
            NOT LIKE '%sagemaker%'
        AND coalesce(k.bill_billing_entity, '') <> 'AWS Marketplace'
        AND l.line_item_resource_id LIKE 'arn:%'
        AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:([^:]*)', 1) NOT LIKE 'bedrock%'
        AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:([^:]*)', 1) NOT LIKE 'sagemaker%'
    )
ORDER BY l.line
