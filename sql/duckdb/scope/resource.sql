-- Whether a resource's ARN puts a line in scope. A bare name does not: a bucket may have any name.
-- Both words have a k, and to look for one letter first is several times quicker.
starts_with(line_item_resource_id, 'arn:')
    AND CASE
        WHEN contains(line_item_resource_id, 'k') OR contains(line_item_resource_id, 'K')
        THEN line_item_resource_id ILIKE '%bedrock%' OR line_item_resource_id ILIKE '%sagemaker%'
        ELSE FALSE
    END
