-- severity: warning
-- category: data
-- question: Is there a Bedrock or SageMaker charge under a product code that nobody has described?
-- Marketplace models bill under an opaque code of their own; billing entity and product name tell
-- them (Bedrock facts, section 1). Another service's charge on an AI resource is only noted.
SELECT
    l.line,
    CASE
        WHEN lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
            LIKE '%bedrock%' THEN 'warning'
        WHEN lower(concat_ws(' ', k.line_item_product_code, k.product_name, k.product_servicecode))
            LIKE '%sagemaker%' THEN 'warning'
        ELSE 'info'
    END AS severity,
    'The product code ' || coalesce(k.line_item_product_code, '(empty)')
        || ' is none of those that Bedrock or SageMaker are known to bill under.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.is_ai
    AND coalesce(k.line_item_product_code, '') NOT IN (
        'AmazonBedrock', 'AmazonBedrockService', 'AmazonBedrockFoundationModels',
        'AmazonBedrockAgentCore', 'AmazonSageMaker', 'MachineLearningSavingsPlans'
    )
    -- Where the delivery leaves the entity out, the edition in the name says who bills.
    AND NOT (
        k.bill_billing_entity IS NULL
        AND k.price_basis = 'unblended'
        AND lower(coalesce(k.product_name, '')) LIKE '%(amazon bedrock edition)%'
    )
    AND NOT (
        coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
        AND (
            lower(coalesce(k.product_name, '')) LIKE '%bedrock%'
            OR k.resource_type IN ('foundation-model', 'inference-profile', 'application-inference-profile')
        )
    )
    -- Tax and discounts are under the code of what they are taken of.
    AND NOT (
        k.kind IN ('tax', 'discount')
        AND k.line_item_product_code IN (
            SELECT o.line_item_product_code
            FROM charge_keys AS o
            WHERE o.charge_key_id IN (SELECT charge_key_id FROM run_keys)
                AND o.kind = 'usage'
                AND o.is_ai
        )
    )
    -- FOCUS without service codes has names only, and Marketplace codes mean nothing.
    AND (
        k.price_basis <> 'list'
        OR lower(coalesce(k.product_servicecode, '')) LIKE '%bedrock%'
        OR lower(coalesce(k.product_servicecode, '')) LIKE '%sagemaker%'
    )
ORDER BY l.line
