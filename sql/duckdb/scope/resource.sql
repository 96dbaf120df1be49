-- Whether a resource's ARN puts a line in scope. A bare name does not: a bucket may have any name.
starts_with(line_item_resource_id, 'arn:')
    AND (line_item_resource_id ILIKE '%bedrock%' OR line_item_resource_id ILIKE '%sagemaker%')
