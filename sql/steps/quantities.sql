-- Lines billed for more than the clock or the count allows, with the quantity that is right.
-- grain: one row a line
-- basis: `contract`, the agreed model units; `inferred`, the units that the provisioned model
-- usually bills; `clock`, more than its largest hour times the hours of the period; `fraction`, a
-- part of a human task.
-- Rule: Bedrock pricing page: model units are fixed when a provisioned model is made, and each is
-- billed by the hour until it is deleted.
WITH provisioned AS (
    SELECT
        l.delivery_id,
        l.line,
        l.line_item_resource_id AS resource,
        l.line_item_usage_account_id AS account,
        l.line_item_usage_start_date AS usage_start,
        CAST(l.line_item_usage_start_date AS DATE) AS usage_day,
        l.hours,
        l.line_item_usage_amount AS quantity,
        l.identity_line_item_id,
        k.model,
        k.region,
        k.commitment,
        d.period_hours
    FROM lines AS l
    JOIN run_deliveries AS d
        ON d.delivery_id = l.delivery_id
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'provisioned_throughput'
        AND k.unit = 'model unit hour'
        AND l.line_item_resource_id IS NOT NULL
        AND l.line_item_usage_amount > 0
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

quantity_counts AS (
    SELECT
        delivery_id,
        resource,
        quantity,
        hours,
        count(*) AS lines
    FROM provisioned
    GROUP BY 1, 2, 3, 4
),

-- How many lines of a provisioned model bill each whole number of units an hour.
unit_counts AS (
    SELECT
        q.delivery_id,
        q.resource,
        u.model_units,
        sum(q.lines) AS lines
    FROM quantity_counts AS q
    JOIN unit_numbers AS u
        ON q.quantity = u.model_units * q.hours
    GROUP BY 1, 2, 3
),

ranked AS (
    SELECT
        delivery_id,
        resource,
        model_units,
        lines,
        max(model_units) OVER (PARTITION BY delivery_id, resource) AS model_units_max,
        row_number() OVER (
            PARTITION BY delivery_id, resource ORDER BY lines DESC, model_units DESC
        ) AS place
    FROM unit_counts
),

totals AS (
    SELECT
        delivery_id,
        resource,
        count(*) AS lines
    FROM provisioned
    GROUP BY 1, 2
),

-- Usual means at least three lines and half of all.
usual AS (
    SELECT
        r.delivery_id,
        r.resource,
        r.model_units,
        r.model_units_max
    FROM ranked AS r
    JOIN totals AS t
        ON t.delivery_id = r.delivery_id
        AND t.resource = r.resource
    WHERE r.place = 1
        AND r.lines >= 3
        AND r.lines * 2 >= t.lines
),

-- Units agreed for a model rather than for an ARN tell only where one provisioned model is billed.
sole AS (
    SELECT
        delivery_id,
        model,
        region,
        commitment,
        min(resource) AS resource
    FROM provisioned
    GROUP BY 1, 2, 3, 4
    HAVING count(DISTINCT resource) = 1
),

agreed AS (
    SELECT
        c.resource,
        c.model_units,
        c.starts,
        c.ends
    FROM contract_units AS c
    WHERE c.resource IS NOT NULL
    UNION
    SELECT
        s.resource,
        c.model_units,
        c.starts,
        c.ends
    FROM contract_units AS c
    JOIN sole AS s
        ON s.model = c.model
        AND s.region = c.region
        AND s.commitment = c.commitment
    WHERE c.resource IS NULL
),

known AS (
    SELECT
        p.*,
        coalesce(c.model_units, u.model_units) AS model_units,
        u.model_units_max,
        CASE WHEN c.model_units IS NULL THEN 'inferred' ELSE 'contract' END AS basis
    FROM provisioned AS p
    LEFT JOIN usual AS u
        ON u.delivery_id = p.delivery_id
        AND u.resource = p.resource
    LEFT JOIN agreed AS c
        ON c.resource = p.resource
        AND p.usage_day >= c.starts
        AND p.usage_day < c.ends
    WHERE coalesce(c.model_units, u.model_units) IS NOT NULL
),

-- What the model has billed up to and with each line: in its interval, its day and the period.
summed AS (
    SELECT
        line,
        basis,
        quantity,
        hours,
        model_units,
        model_units_max,
        period_hours,
        sum(quantity) OVER (
            PARTITION BY delivery_id, resource, usage_start, hours
            ORDER BY quantity, identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS in_interval,
        sum(CASE WHEN hours <= 24 THEN quantity ELSE 0 END) OVER (
            PARTITION BY delivery_id, resource, usage_day
            ORDER BY usage_start, hours DESC, quantity, identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS in_day,
        sum(quantity) OVER (
            PARTITION BY delivery_id, resource
            ORDER BY usage_start, hours DESC, quantity, identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS in_period,
        sum(quantity) OVER (PARTITION BY delivery_id, resource) AS period_total
    FROM known
),

excess AS (
    SELECT
        line,
        quantity,
        CASE
            WHEN basis = 'inferred' AND period_total > model_units_max * period_hours THEN 'clock'
            ELSE basis
        END AS basis,
        greatest(
            in_interval - model_units * hours,
            CASE WHEN hours <= 24 THEN in_day - model_units * 24 ELSE 0 END,
            in_period - model_units * period_hours,
            0
        ) AS over
    FROM summed
),

tasks AS (
    SELECT
        l.line,
        l.line_item_usage_amount AS quantity
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'human_task'
        AND l.line_item_usage_amount <> floor(l.line_item_usage_amount)
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    line,
    CAST(quantity - least(over, quantity) AS DECIMAL(22, 10)) AS right_quantity,
    basis
FROM excess
WHERE over > 0
UNION ALL
SELECT
    line,
    CAST(floor(quantity) AS DECIMAL(22, 10)) AS right_quantity,
    'fraction' AS basis
FROM tasks
