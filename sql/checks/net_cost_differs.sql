-- severity: error
-- category: discount
-- needs: contract_shares
-- question: Where discounts show in the net columns alone, is the net cost what the contract promises?
-- The bridge accounts for the unblended cost, so these dollars stand beside it.
WITH charges AS (
    SELECT
        l.line,
        l.delivery_id,
        l.hours,
        l.line_item_unblended_cost,
        l.line_item_net_unblended_cost,
        CAST(l.line_item_usage_start_date AS DATE) AS usage_day,
        coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
            OR coalesce(k.line_item_usage_type, '') LIKE '%-MP:%' AS marketplace,
        k.service,
        CASE
            WHEN k.region IN (SELECT region FROM contract_shares) THEN k.region
            ELSE '*'
        END AS region
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.is_ai
        AND k.service IS NOT NULL
        AND l.line_item_net_unblended_cost IS NOT NULL
        AND EXISTS (SELECT 1 FROM contract_shares)
        AND l.delivery_id NOT IN (
            SELECT d.delivery_id
            FROM lines AS d
            JOIN charge_keys AS t
                ON t.charge_key_id = d.charge_key_id
            WHERE t.kind = 'discount'
        )
),

net AS (
    SELECT
        c.line,
        min(c.hours) AS hours,
        min(c.line_item_net_unblended_cost) AS billed,
        CAST(round(
            min(c.line_item_unblended_cost)
            - min(c.line_item_unblended_cost) * coalesce(sum(s.share), 0), 10
        ) AS DECIMAL(36, 20)) AS expected
    FROM charges AS c
    LEFT JOIN contract_shares AS s
        ON s.service = c.service
        AND s.region = c.region
        AND s.marketplace = c.marketplace
        AND NOT s.is_fee
        AND c.usage_day >= s.starts
        AND c.usage_day < s.ends
    GROUP BY 1
)

SELECT
    line,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    CASE WHEN billed > expected THEN 'error' ELSE 'warning' END AS severity,
    'The net cost is not the cost less the discount that the contract promises.' AS reason
FROM net
WHERE abs(billed - expected) > 0.0000000002 * hours
ORDER BY line
