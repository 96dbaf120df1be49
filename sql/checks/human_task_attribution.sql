-- severity: info
-- category: attribution
-- watches: human_task
-- needs: charge_keys WHERE capability = 'human_task'
-- question: Which service caused the human tasks that SageMaker bills?
-- Bedrock's human evaluation is billed in the SageMaker section at the same price (both pricing
-- pages); only the text of the line can tell the two apart.
SELECT
    l.line,
    CASE
        WHEN lower(concat_ws(' ', k.line_item_usage_type, k.line_item_operation,
            k.line_item_line_item_description)) LIKE '%bedrock%'
        THEN 'Human tasks billed by SageMaker that Bedrock model evaluation caused.'
        WHEN lower(concat_ws(' ', k.line_item_usage_type, k.line_item_operation,
            k.line_item_line_item_description)) LIKE '%clarify%'
        THEN 'Human tasks billed by SageMaker that SageMaker Clarify caused.'
        ELSE 'Human tasks billed by SageMaker; Bedrock or SageMaker evaluation caused them, the bill does not say which.'
    END AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.capability = 'human_task'
    AND k.kind = 'usage'
ORDER BY l.line
