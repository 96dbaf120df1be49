-- severity: info
-- category: attribution
-- needs: charge_keys WHERE capability = 'knowledge_base'
-- question: Does OpenSearch Serverless stand behind the knowledge bases of Bedrock?
-- Only --services all keeps the lines of OpenSearch. A knowledge base in the same account and region
-- makes it likely; the bill does not say which collection serves which.
WITH bases AS (
    SELECT DISTINCT
        l.delivery_id,
        l.line_item_usage_account_id AS account,
        k.region
    FROM charge_keys AS k
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
    WHERE k.capability = 'knowledge_base'
        AND k.kind = 'usage'
        AND k.region IS NOT NULL
)

SELECT
    l.line,
    'bedrock' AS service,
    'OpenSearch Serverless in an account and region with knowledge bases of Bedrock, which may have caused it.'
        AS reason
FROM charge_keys AS k
JOIN lines AS l
    ON l.charge_key_id = k.charge_key_id
JOIN bases AS b
    ON b.delivery_id = l.delivery_id
    AND b.account = l.line_item_usage_account_id
    AND b.region = k.region
WHERE k.line_item_product_code = 'AmazonES'
    AND lower(k.line_item_usage_type) LIKE '%ocu%'
    AND k.kind = 'usage'
ORDER BY l.line
