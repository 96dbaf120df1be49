-- Whether a resource's ARN puts a line in scope. A bare name does not: a bucket may have any name.
-- How nearly all begin is looked at first, and for the rest one letter that both words have: that
-- is several times quicker than to look for words in any case.
CASE
    WHEN NOT starts_with(line_item_resource_id, 'arn:') THEN FALSE
    WHEN starts_with(line_item_resource_id, 'arn:aws:bedrock') THEN TRUE
    WHEN starts_with(line_item_resource_id, 'arn:aws:sagemaker') THEN TRUE
    WHEN contains(line_item_resource_id, 'k') OR contains(line_item_resource_id, 'K')
    THEN line_item_resource_id ILIKE '%bedrock%' OR line_item_resource_id ILIKE '%sagemaker%'
    ELSE FALSE
END
