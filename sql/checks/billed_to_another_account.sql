-- severity: warning
-- category: duplicate
-- moves: the account that the resource lies in is billed for it too.
-- resource: yes
-- needs: charge_keys WHERE resource_type IS NOT NULL
-- question: Is the usage of a resource billed to the account it lies in, and to another one too?
-- The ARN names the account that a job, an endpoint, a notebook or a provisioned model lies in, and
-- each is billed there (CUR: the usage account is the one that used the service), so the line of the
-- other account is the one too many. What a plan covers has its negation, and costs nothing.
WITH elsewhere AS (
    SELECT
        l.delivery_id,
        l.line,
        k.line_item_usage_type AS usage_type,
        l.line_item_resource_id AS resource,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_usage_end_date AS usage_end,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        CAST(CASE WHEN k.kind = 'usage' THEN 0 ELSE l.line_item_unblended_cost END
            AS DECIMAL(36, 20)) AS expected
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('usage', 'covered_usage')
        AND k.resource_type IN (
            'provisioned-model', 'imported-model', 'endpoint', 'notebook-instance', 'app', 'space',
            'training-job', 'processing-job', 'transform-job', 'cluster', 'mlflow-tracking-server'
        )
        AND l.line_item_unblended_cost > 0
        AND l.line_item_resource_id NOT LIKE '%:' || l.line_item_usage_account_id || ':%'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    e.line,
    min(e.billed) AS billed,
    CASE WHEN count(x.line) > 0 THEN min(e.billed) ELSE min(e.expected) END AS expected,
    CAST(CASE WHEN count(x.line) > 0 THEN 0 ELSE min(e.billed - e.expected) END
        AS DECIMAL(36, 20)) AS difference,
    'The same usage of this resource is billed to the account it lies in too.' AS reason
FROM elsewhere AS e
JOIN lines AS o
    ON o.delivery_id = e.delivery_id
    AND o.line_item_resource_id = e.resource
    AND o.line_item_resource_id LIKE '%:' || o.line_item_usage_account_id || ':%'
    AND o.line_item_usage_start_date = e.usage_start
    AND o.line_item_usage_end_date = e.usage_end
    AND o.line_item_usage_amount = e.quantity
JOIN charge_keys AS t
    ON t.charge_key_id = o.charge_key_id
    AND t.line_item_usage_type = e.usage_type
-- Where the other line is found to be the one too many, it has the dollars.
LEFT JOIN (SELECT DISTINCT line FROM compared WHERE component IN ('duplicate', 'quantity')) AS x
    ON x.line = o.line
GROUP BY e.line
ORDER BY e.line
