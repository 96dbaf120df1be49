-- Charges of other services: in scope because a log group, a function or another thing of theirs was
-- named after Bedrock or SageMaker.
-- grain: one row a line that names neither service but in its resource, which is of another one
SELECT l.line
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.undecoded_reason IS NOT NULL
    AND lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
        NOT LIKE '%bedrock%'
    AND lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
        NOT LIKE '%sagemaker%'
    AND coalesce(k.bill_billing_entity, '') <> 'AWS Marketplace'
    AND l.line_item_resource_id LIKE 'arn:%'
    AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:([^:]*)', 1) NOT LIKE 'bedrock%'
    AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:([^:]*)', 1) NOT LIKE 'sagemaker%'
