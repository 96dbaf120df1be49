-- Hashes that several lines of this run share, in which repeated.sql looks for repetitions.
-- grain: one row a hash of a kind
-- what: `identity`, of the id and its interval; `usage`, of the charge, account, resource, hour and
-- quantity. All lines pass here, so it is narrow, and waits for no price.
SELECT
    'identity' AS what,
    hash(delivery_id, identity_line_item_id, identity_time_interval) AS shared
FROM lines
WHERE identity_line_item_id IS NOT NULL
GROUP BY 2
HAVING count(*) > 1
UNION ALL
SELECT
    'usage' AS what,
    hash(
        delivery_id,
        charge_key_id,
        line_item_usage_account_id,
        line_item_resource_id,
        line_item_usage_start_date,
        line_item_usage_amount
    ) AS shared
FROM lines
WHERE line_item_unblended_cost <> 0
GROUP BY 2
HAVING count(*) > 1
