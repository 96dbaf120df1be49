-- severity: warning
-- category: quantity
-- moves: the month of this custom model is billed already.
-- needs: charge_keys WHERE capability = 'customization_storage'
-- question: Is the storage of one custom model billed for more than the month has?
-- Storage is a price per custom model and month (Bedrock pricing page), so what one model is billed
-- for in a period adds up to a month at most. Each line agrees with its rate; those after the month is
-- full are expected to cost nothing.
WITH stored AS (
    SELECT
        l.line,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id
            ORDER BY l.line_item_usage_start_date, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS months_so_far,
        min(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id
        ) AS least_quantity
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    -- Storage of another month is told by usage_outside_period.
    JOIN run_deliveries AS d
        ON d.delivery_id = l.delivery_id
        AND l.line_item_usage_start_date >= d.starts
        AND l.line_item_usage_start_date < d.ends
    WHERE k.kind = 'usage'
        AND k.capability = 'customization_storage'
        AND k.resource_type = 'custom-model'
        AND k.unit = 'model-month'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    line,
    billed,
    CAST(0 AS DECIMAL(36, 20)) AS expected,
    billed AS difference,
    'This custom model is billed for more than a month of storage in one month.' AS reason
FROM stored
-- Parts of a month are rounded to ten decimals each, and a line that only overlaps is no second month.
WHERE months_so_far - quantity >= 0.999
    AND months_so_far > 1.001
    -- Something was taken back, so one may stand for the other.
    AND least_quantity > 0
ORDER BY line
