-- severity: warning
-- category: data
-- question: Does any usage end before it begins, or count time that has not passed?
-- Whether it was used at all, and at which price, cannot be told from such a line. AWS writes no usage
-- that ends when it begins: of 119,307 lines of October 2018 the shortest is an hour, and so it is of
-- the FOCUS sample. Where hours are counted, that contradicts itself; what is counted otherwise, such as
-- minutes of a video, may have happened at once. A delivery whose usage has no length as a rule has lost its times.
WITH intervals AS (
    SELECT
        l.line,
        l.delivery_id,
        l.line_item_usage_end_date < l.line_item_usage_start_date AS is_reversed,
        l.line_item_usage_end_date = l.line_item_usage_start_date AS is_empty,
        k.unit IN (
            'hour', 'model unit hour', 'custom model unit minute', 'GB-hour', 'vCPU-hour'
        )
            AND l.line_item_usage_amount > 0 AS counts_time
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE l.line_item_usage_end_date <= l.line_item_usage_start_date
        AND k.is_ai
        AND k.kind IN ('usage', 'covered_usage', 'negation', 'reserved_usage')
),

without_times AS (
    SELECT l.delivery_id
    FROM lines AS l
    JOIN (
        SELECT delivery_id, count(*) AS empty
        FROM intervals
        WHERE is_empty
        GROUP BY 1
    ) AS e
        ON e.delivery_id = l.delivery_id
    GROUP BY 1
    HAVING max(e.empty) * 4 > count(*)
)

SELECT
    line,
    CASE
        WHEN is_reversed THEN 'The usage ends before it begins.'
        ELSE 'The usage ends when it begins, and yet counts time.'
    END AS reason
FROM intervals
WHERE is_reversed
    OR (
        is_empty
        AND counts_time
        AND delivery_id NOT IN (SELECT delivery_id FROM without_times)
    )
ORDER BY line
