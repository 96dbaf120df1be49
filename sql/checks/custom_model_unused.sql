-- severity: info
-- category: waste
-- needs: charge_keys WHERE capability IN ('customization_storage', 'custom_model_import_storage')
-- question: Is the storage of a custom model paid for, and no use of custom models in the period?
-- Storage names no use, so the whole account and region must be without inference and training.
WITH used AS (
    SELECT DISTINCT
        l.delivery_id,
        coalesce(l.line_item_usage_account_id, '') AS account,
        k.region,
        CASE WHEN k.capability = 'custom_model_import' THEN 'import' ELSE 'custom' END AS made
    FROM charge_keys AS k
    JOIN lines AS l
        ON l.charge_key_id = k.charge_key_id
    WHERE k.kind IN ('usage', 'covered_usage')
        AND (
            k.customized = 'yes'
            OR k.capability IN (
                'customization_training', 'custom_model_import', 'provisioned_throughput'
            )
            OR k.resource_type IN ('custom-model', 'custom-model-deployment', 'imported-model')
        )
        AND k.capability NOT IN ('customization_storage', 'custom_model_import_storage')
)

SELECT
    l.line,
    'Storage of a custom model, and no use of custom models in this account and region in the period.'
        AS reason
FROM charge_keys AS k
JOIN lines AS l
    ON l.charge_key_id = k.charge_key_id
LEFT JOIN used AS u
    ON u.delivery_id = l.delivery_id
    AND u.account = coalesce(l.line_item_usage_account_id, '')
    AND u.region = k.region
    AND u.made = CASE WHEN k.capability = 'customization_storage' THEN 'custom' ELSE 'import' END
WHERE k.capability IN ('customization_storage', 'custom_model_import_storage')
    AND k.kind = 'usage'
    AND k.region IS NOT NULL
    AND l.line_item_unblended_cost > 0
    AND u.region IS NULL
ORDER BY l.line
