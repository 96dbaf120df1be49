-- severity: info
-- category: data
-- resource: yes
-- question: Is usage billed in one region, of a resource that lies in another?
-- An instance, a job and a model of one's own run where they lie. Foundation models and inference
-- profiles do not: a request may be answered in another region than the one it is sent to.
SELECT
    l.line,
    'The usage is billed in ' || k.region || ', and its resource lies in '
        || regexp_extract(l.line_item_resource_id, '^arn:[^:]*:[^:]*:([^:]*)', 1) || '.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.kind IN ('usage', 'covered_usage')
    AND k.undecoded_reason IS NULL
    AND (
        k.service = 'sagemaker'
        OR k.resource_type IN ('provisioned-model', 'custom-model', 'imported-model')
    )
    AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:[^:]*:([^:]*)', 1) <> k.region
    AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:[^:]*:([^:]*)', 1) <> ''
    AND regexp_extract(l.line_item_resource_id, '^arn:[^:]*:([^:]*)', 1) = k.service
ORDER BY l.line
