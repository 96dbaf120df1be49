-- severity: warning
-- category: data
-- resource: yes
-- watches: provisioned_throughput
-- needs: charge_keys WHERE capability = 'provisioned_throughput'
-- question: Is a provisioned model billed with a gap, although it is billed until it is deleted?
WITH provisioned AS (
    SELECT
        l.line,
        l.delivery_id,
        l.line_item_resource_id,
        l.line_item_usage_start_date,
        max(l.line_item_usage_end_date) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id
            ORDER BY l.line_item_usage_start_date, l.line_item_usage_end_date NULLS LAST,
                l.charge_key_id, l.line_item_unblended_rate NULLS LAST,
                l.line_item_usage_amount NULLS LAST, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_end
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'provisioned_throughput'
        AND l.line_item_resource_id IS NOT NULL
)

SELECT
    line,
    'No hours are billed for a while before this line, between others of the same provisioned model.'
        AS reason
FROM provisioned
WHERE line_item_usage_start_date > previous_end
ORDER BY line
