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
        p.rate_id AS private_rate_id,
        CASE WHEN p.rate_id IS NOT NULL
            THEN coalesce(
                CAST(round(l.line_item_usage_amount * g.price, 10) AS DECIMAL(36, 20)),
                l.pricing_public_on_demand_cost
            )
        END AS public_cost,
        l.usage_day,
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
    LEFT JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND p.source_kind = 'contract'
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN listed_rates AS g
        ON g.charge_key_id = l.charge_key_id
        AND l.usage_day >= g.starts
        AND l.usage_day < g.ends
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
        CAST(round(min(c.line_item_unblended_cost) - coalesce(sum(
            CASE
                WHEN x.of_public IS NULL OR c.public_cost IS NULL
                THEN c.line_item_unblended_cost * s.share
                ELSE CAST(c.public_cost * x.of_public
                    + c.line_item_unblended_cost * x.of_private AS DECIMAL(38, 20))
            END
        ), 0), 10) AS DECIMAL(36, 20)) AS expected,
        -- A discount of the public cost is as right, where the contract does not say which it is;
        -- of a private rate that follows a discount, nothing may be left to take it of.
        CAST(round(min(c.line_item_unblended_cost) - sum(
            CASE
                WHEN x.of_public IS NULL AND c.public_cost IS NOT NULL THEN c.public_cost * s.share
                ELSE c.line_item_unblended_cost * s.other_share
            END
        ), 10) AS DECIMAL(36, 20)) AS other,
        max(CASE WHEN x.of_public IS NULL AND c.public_cost <> c.line_item_unblended_cost
            THEN 1 ELSE 0 END)
            AS is_open,
        min(c.line_item_unblended_cost) AS full_cost
    FROM charges AS c
    LEFT JOIN contract_shares AS s
        ON s.service = c.service
        AND s.region = c.region
        AND s.marketplace = c.marketplace
        AND NOT s.is_fee
        AND c.usage_day >= s.starts
        AND c.usage_day < s.ends
    LEFT JOIN contract_private_shares AS x
        ON x.rate_id = c.private_rate_id
        AND x.line_type = s.line_type
        AND x.service = s.service
        AND x.region = s.region
        AND x.marketplace = s.marketplace
        AND x.starts = s.starts
    GROUP BY 1
)

SELECT
    line,
    billed,
    expected,
    CAST(billed - expected AS DECIMAL(36, 20)) AS difference,
    CASE
        WHEN billed > expected
            AND NOT (is_open = 1 AND abs(billed - full_cost) <= 0.0000000002 * hours)
        THEN 'error'
        ELSE 'warning'
    END AS severity,
    'The net cost is not the cost less the discount that the contract promises.' AS reason
FROM net
WHERE abs(billed - expected) > 0.0000000002 * hours
    AND (other IS NULL OR abs(billed - other) > 0.0000000002 * hours)
ORDER BY line
