-- severity: warning
-- category: data
-- needs: charge_keys WHERE kind = 'usage' AND line_item_product_code LIKE 'Amazon%'
-- question: Does a usage type of SageMaker stand under a product code of Bedrock, or the other way?
-- The usage type names what was metered, and the product code who bills it; the two belong together
-- (bills and price lists of both services). Human tasks are billed by SageMaker for both.
SELECT
    l.line,
    'A usage type of ' || CASE WHEN k.service = 'sagemaker' THEN 'SageMaker' ELSE 'Bedrock' END
        || ' is billed under the product code of '
        || CASE WHEN k.service = 'sagemaker' THEN 'Bedrock' ELSE 'SageMaker' END || '.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.kind IN ('usage', 'covered_usage')
    AND k.capability <> 'human_task'
    AND (
        (k.service = 'sagemaker' AND k.line_item_product_code LIKE 'AmazonBedrock%')
        OR (k.service = 'bedrock' AND k.line_item_product_code = 'AmazonSageMaker')
    )
ORDER BY l.line
