-- severity: warning
-- category: free_tier
-- moves: the first 30 hours of model monitoring are free.
-- needs: evidence
-- question: Are the first 30 hours of model monitoring of the month billed, although they are free?
-- Monitoring is billed among other processing on ml.m5.xlarge (SageMaker pricing page), so only
-- complete evidence of monitoring hours tells, where neither a zero line nor a credit gave them back.
WITH monitored AS (
    SELECT
        e.account,
        e.region,
        d.delivery_id,
        sum(e.quantity) AS hours
    FROM evidence AS e
    JOIN run_deliveries AS d
        ON e.starts >= d.starts
        AND e.ends <= d.ends
    WHERE e.dimension = 'monitoring hours'
        AND e.unit = 'hour'
        AND e.account IS NOT NULL
        AND e.region IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING bool_and(e.completeness = 'complete')
),

given_back AS (
    SELECT DISTINCT
        l.delivery_id,
        l.line_item_usage_account_id AS account
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN monitored AS m
        ON m.delivery_id = l.delivery_id
        AND m.account = l.line_item_usage_account_id
    WHERE k.kind IN ('credit', 'refund', 'correction')
        OR (k.capability = 'processing' AND l.line_item_unblended_cost = 0)
),

processed AS (
    SELECT
        l.line,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        CAST(l.line_item_unblended_rate AS DECIMAL(15, 10)) AS rate,
        least(m.hours, 30) - (sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, m.account, m.region
            ORDER BY l.line_item_usage_start_date, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - l.line_item_usage_amount) AS free_left,
        sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, m.account, m.region
        ) - m.hours AS others
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN monitored AS m
        ON m.delivery_id = l.delivery_id
        AND m.account = l.line_item_usage_account_id
        AND m.region = k.region
    WHERE k.kind = 'usage'
        AND k.capability = 'processing'
        AND k.component = 'instance'
        AND k.instance_type = 'ml.m5.xlarge'
        AND l.line_item_usage_amount > 0
        AND l.line_item_unblended_rate > 0
        AND NOT EXISTS (
            SELECT 1
            FROM given_back AS g
            WHERE g.delivery_id = l.delivery_id
                AND g.account = l.line_item_usage_account_id
        )
)

SELECT
    line,
    billed,
    CAST(billed - round(least(free_left, quantity) * rate, 10) AS DECIMAL(36, 20)) AS expected,
    CAST(round(least(free_left, quantity) * rate, 10) AS DECIMAL(36, 20)) AS difference,
    'The first 30 hours of model monitoring of a month are free, and all are billed.' AS reason
FROM processed
WHERE free_left > 0
    -- All monitoring must be among what is billed.
    AND others >= 0
ORDER BY line
