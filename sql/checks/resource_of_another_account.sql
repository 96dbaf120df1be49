-- severity: info
-- category: attribution
-- resource: yes
-- needs: charge_keys WHERE resource_type IS NOT NULL
-- question: Is a resource that is billed to its own account now and then billed to another one?
-- The ARN names the account that a job, an endpoint, a notebook or a provisioned model lies in, and
-- each is billed there. Where other lines of the resource are, this one may be in the wrong account:
-- the payer pays the same, and another team does. Of a resource whose lines are all billed elsewhere
-- the bill proves nothing; usage billed to both accounts at once is billed_to_another_account's.
WITH elsewhere AS (
    SELECT
        l.delivery_id,
        l.line,
        l.line_item_resource_id AS resource,
        l.line_item_usage_account_id AS account,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_usage_end_date AS usage_end,
        k.line_item_usage_type AS usage_type
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('usage', 'covered_usage')
        AND k.resource_type IN (
            'provisioned-model', 'imported-model', 'endpoint', 'notebook-instance', 'app', 'space',
            'training-job', 'processing-job', 'transform-job', 'cluster', 'mlflow-tracking-server'
        )
        AND l.line_item_resource_id NOT LIKE '%:' || l.line_item_usage_account_id || ':%'
),

at_home AS (
    SELECT
        e.line,
        max(CASE WHEN t.line_item_usage_type = e.usage_type
            AND o.line_item_usage_start_date < e.usage_end
            AND o.line_item_usage_end_date > e.usage_start THEN 1 ELSE 0 END) AS at_once
    FROM elsewhere AS e
    JOIN lines AS o
        ON o.delivery_id = e.delivery_id
        AND o.line_item_resource_id = e.resource
        AND o.line_item_resource_id LIKE '%:' || o.line_item_usage_account_id || ':%'
    JOIN charge_keys AS t
        ON t.charge_key_id = o.charge_key_id
        AND t.kind IN ('usage', 'covered_usage')
    GROUP BY e.line
)

SELECT
    e.line,
    'Billed to the account ' || e.account
        || ', and the resource lies in another, to which its other lines are billed.' AS reason
FROM elsewhere AS e
JOIN at_home AS h
    ON h.line = e.line
WHERE h.at_once = 0
ORDER BY e.line
