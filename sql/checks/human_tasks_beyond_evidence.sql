-- severity: warning
-- category: quantity
-- moves: no more tasks were completed.
-- needs: evidence
-- question: Are more human tasks billed than were completed?
-- No AWS service counts tasks, so only complete evidence of them tells: the line agrees with its own
-- quantity, and its quantity is too high. Of a line that is longer than what was counted, some of
-- the tasks may lie outside of it. Where several counts tell, the highest excess is told.
WITH done AS (
    SELECT
        account,
        region,
        starts,
        ends,
        sum(quantity) AS tasks
    FROM evidence
    WHERE dimension = 'human tasks'
        AND unit = 'task'
        AND account IS NOT NULL
    GROUP BY 1, 2, 3, 4
    HAVING bool_and(completeness = 'complete')
),

billed_tasks AS (
    SELECT
        l.line,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        l.line_item_unblended_rate AS rate,
        sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, e.account, e.region, e.starts, e.ends
            ORDER BY l.line_item_usage_start_date, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - e.tasks AS beyond
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN done AS e
        ON e.account = l.line_item_usage_account_id
        AND (e.region IS NULL OR e.region = k.region)
        AND l.line_item_usage_start_date >= e.starts
        AND l.line_item_usage_start_date < e.ends
        AND coalesce(l.line_item_usage_end_date, l.line_item_usage_start_date) <= e.ends
    WHERE k.kind = 'usage'
        AND k.capability = 'human_task'
        AND l.line_item_usage_amount > 0
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    line,
    billed,
    CAST(billed - round(beyond * rate, 10) AS DECIMAL(36, 20)) AS expected,
    CAST(round(beyond * rate, 10) AS DECIMAL(36, 20)) AS difference,
    'More human tasks are billed than the evidence has completed ones.' AS reason
FROM (
    SELECT
        line,
        min(billed) AS billed,
        CAST(min(rate) AS DECIMAL(15, 10)) AS rate,
        CAST(max(least(beyond, quantity)) AS DECIMAL(22, 10)) AS beyond
    FROM billed_tasks
    WHERE beyond > 0
        AND rate > 0
    GROUP BY 1
) AS b
ORDER BY line
