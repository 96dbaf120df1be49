-- severity: warning
-- category: commitment
-- resource: yes
-- watches: provisioned_throughput
-- needs: charge_keys WHERE capability = 'provisioned_throughput'
-- question: Is one provisioned model billed at committed and at uncommitted rates in one period?
-- Where the contract states the model's commitment, `commitment_not_honoured` says which is wrong.
SELECT
    l.line,
    'This provisioned model is billed under several commitment terms in one period.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN (
    SELECT
        p.delivery_id,
        p.line_item_resource_id
    FROM lines AS p
    JOIN charge_keys AS t
        ON t.charge_key_id = p.charge_key_id
    WHERE t.kind = 'usage'
        AND t.capability = 'provisioned_throughput'
        AND p.line_item_resource_id IS NOT NULL
    GROUP BY 1, 2
    HAVING count(DISTINCT t.commitment) > 1
) AS mixed
    ON mixed.delivery_id = l.delivery_id
    AND mixed.line_item_resource_id = l.line_item_resource_id
WHERE k.kind = 'usage'
    AND k.capability = 'provisioned_throughput'
    AND NOT EXISTS (
        SELECT 1
        FROM contract_units AS c
        WHERE c.commitment <> 'none'
            AND c.resource = l.line_item_resource_id
    )
ORDER BY l.line
