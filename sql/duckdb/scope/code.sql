-- Whether product code or service code put a line in scope: DESIGN, "In scope". The words are
-- looked for in any case, so that the next product code AWS invents is in.
regexp_matches(line_item_product_code, 'bedrock|sagemaker|^MachineLearningSavingsPlans$', 'i')
    OR regexp_matches(product_servicecode, 'bedrock|sagemaker', 'i')
