-- Whether the product's name puts a line in scope: Marketplace models bill under opaque codes.
product_name ILIKE '%bedrock%' OR product_name ILIKE '%sagemaker%'
