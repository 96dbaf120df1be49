-- severity: info
-- category: attribution
-- needs: charge_keys WHERE bill_billing_entity = 'AWS Marketplace'
-- question: Which charges of AWS Marketplace did Bedrock cause?
-- Models of Bedrock that others sell are billed by the Marketplace, under the seller's product and
-- beside what AWS bills as Bedrock. One finding a product, since every line of it says the same.
SELECT
    l.delivery_id,
    'bedrock' AS service,
    k.line_item_product_code AS resource,
    k.line_item_currency_code AS currency,
    CAST(sum(l.line_item_unblended_cost) AS DECIMAL(36, 20)) AS billed,
    count(*) AS lines,
    min(l.line_item_usage_start_date) AS first_usage,
    max(coalesce(l.line_item_usage_end_date, l.line_item_usage_start_date)) AS last_usage,
    'Billed by AWS Marketplace, and caused by Bedrock: '
        || coalesce(min(k.product_name), k.line_item_product_code, 'a product without a name')
        || '.' AS reason
FROM charge_keys AS k
JOIN lines AS l
    ON l.charge_key_id = k.charge_key_id
WHERE k.bill_billing_entity = 'AWS Marketplace'
    AND k.is_ai
    AND k.kind = 'usage'
    AND coalesce(k.service, 'bedrock') = 'bedrock'
GROUP BY l.delivery_id, k.line_item_product_code, k.line_item_currency_code
ORDER BY l.delivery_id, k.line_item_product_code NULLS LAST, k.line_item_currency_code NULLS LAST
