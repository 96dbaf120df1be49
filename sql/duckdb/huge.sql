-- A line of this run whose quantity times a rate that it states is no amount of money that fits:
-- sixteen digits before the point. The product of both needs more digits than there are, so what is
-- far too large is seen by its whole numbers, and the rest by the two parts of the rate.
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
    AND CASE
        WHEN CAST(trunc(abs(quantity)) AS HUGEINT) * CAST(trunc(rate) AS HUGEINT)
            >= 100000000000000000
        THEN TRUE
        ELSE CAST(abs(quantity) * CAST(trunc(rate) AS DECIMAL(12, 0)) AS DECIMAL(38, 20))
            + CAST(abs(quantity) * CAST(rate - trunc(rate) AS DECIMAL(10, 10)) AS DECIMAL(38, 20))
            >= 10000000000000000
    END
ORDER BY line
LIMIT 1
