-- severity: error
-- category: duplicate
-- moves: it is the sum of lines that are billed one by one too.
-- resource: yes
-- watches: hosting, async, training, processing, batch_transform, notebook, provisioned_throughput
-- needs: lines WHERE hours > 1
-- question: Is usage of a resource billed by the hour, and its sum billed once more?
-- A line covers the time of others of the same resource, account and charge, and counts exactly what they
-- count together: to ten decimals that is no chance, so the sum is the one too many.
WITH sums AS (
    SELECT
        l.line,
        l.delivery_id,
        l.charge_key_id,
        l.line_item_usage_account_id AS account,
        l.line_item_resource_id AS resource,
        l.line_item_usage_start_date AS starts,
        l.line_item_usage_end_date AS ends,
        l.hours,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE l.hours > 1
        AND k.kind = 'usage'
        AND l.line_item_resource_id IS NOT NULL
        AND l.line_item_usage_amount > 0
        AND l.line_item_unblended_cost > 0
        AND l.split_line_item_parent_resource_id IS NULL
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    s.line,
    min(s.billed) AS billed,
    CAST(0 AS DECIMAL(36, 20)) AS expected,
    min(s.billed) AS difference,
    'This is the sum of lines of the same resource that are billed one by one too.' AS reason
FROM sums AS s
JOIN lines AS p
    ON p.delivery_id = s.delivery_id
    AND p.charge_key_id = s.charge_key_id
    AND p.line_item_resource_id = s.resource
    AND coalesce(p.line_item_usage_account_id, '') = coalesce(s.account, '')
    AND p.line_item_usage_start_date >= s.starts
    AND p.line_item_usage_end_date <= s.ends
    AND p.hours < s.hours
LEFT JOIN (SELECT DISTINCT line FROM compared WHERE component IN ('duplicate', 'quantity')) AS x
    ON x.line = p.line
WHERE p.line_item_usage_amount <> 0
    AND p.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
GROUP BY s.line, s.quantity
HAVING count(*) > 1
    AND sum(p.line_item_usage_amount) = s.quantity
    -- Parts that are found to be too many have the dollars.
    AND count(x.line) = 0
ORDER BY s.line
