-- Whether a line is in scope: DESIGN, "In scope". The words are looked for in any case, so that
-- the next product code AWS invents is in; billed_by_aws keeps other providers' rows out. Of a
-- resource only its ARN counts: a bucket may have any name.
billed_by_aws AND (
    regexp_matches(line_item_product_code, 'bedrock|sagemaker|^MachineLearningSavingsPlans$', 'i')
    OR regexp_matches(product_servicecode, 'bedrock|sagemaker', 'i')
    OR regexp_matches(product_name, 'bedrock|sagemaker', 'i')
    OR (
        starts_with(line_item_resource_id, 'arn:')
        AND regexp_matches(line_item_resource_id, 'bedrock|sagemaker', 'i')
    )
)
