-- A line of this run whose quantity times a rate that it states is no amount of money that fits:
-- sixteen digits before the point. Whole numbers are multiplied, since decimals would not fit.
WITH stated AS (
    SELECT
        line,
        identity_line_item_id,
        line_item_usage_amount AS quantity,
        greatest(
            abs(line_item_unblended_rate),
            abs(pricing_public_on_demand_rate),
            abs(savings_plan_savings_plan_rate)
        ) AS rate
    FROM lines
    WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)
)

SELECT
    (line >> 32) & 16383 AS file,
    identity_line_item_id,
    quantity,
    rate
FROM stated
WHERE (abs(quantity) >= 100000000 OR rate >= 100000000)
    AND (CAST(trunc(abs(quantity)) AS HUGEINT) + 1) * (CAST(trunc(rate) AS HUGEINT) + 1)
        > 10000000000000000
ORDER BY line
LIMIT 1
