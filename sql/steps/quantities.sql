-- Lines billed for more than the clock or the count allows, with the quantity that is right.
-- grain: one row a line
-- basis: `contract`, the agreed model units; `inferred`, the units that the provisioned model
-- usually bills; `clock`, more than its largest hour times the hours of the period; `fraction`, a
-- part of a human task; `text_unit_fraction`, a part of a text unit; `unit_fraction`, a part of a
-- model unit in an hour with hours on both sides;
-- `instance`, more hours than the clock has for a resource that is one instance; `negative`, usage
-- taken back that nothing was billed for, as far as the ledger has the month in which it was used.
-- Rule: Bedrock pricing page: model units are fixed when a provisioned model is made, and each is
-- billed by the hour until it is deleted.
-- Hours are capped by the interval first, then by the day, then by the period, each on what the one
-- before has left, so that no hour is taken off twice. Where lines tie, the order is by all that a
-- finding shows before it is by line, so that the order of the files does not matter.
WITH provisioned AS (
    SELECT
        l.delivery_id,
        l.line,
        l.charge_key_id,
        l.line_item_resource_id AS resource,
        l.line_item_usage_account_id AS account,
        l.line_item_usage_start_date AS usage_start,
        l.usage_day,
        l.hours,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_rate AS billed_rate,
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
        AND l.line_item_usage_amount <> 0
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
    WHERE quantity > 0
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

-- The fewest units that the largest line of a provisioned model can be of.
largest AS (
    SELECT
        q.delivery_id,
        q.resource,
        max(u.model_units) AS model_units_max
    FROM quantity_counts AS q
    JOIN unit_numbers AS u
        ON q.quantity <= u.model_units * q.hours
        AND q.quantity > (u.model_units - 1) * q.hours
    GROUP BY 1, 2
),

ranked AS (
    SELECT
        delivery_id,
        resource,
        model_units,
        lines,
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
    WHERE quantity > 0
    GROUP BY 1, 2
),

-- Usual means at least three lines and half of all.
usual AS (
    SELECT
        r.delivery_id,
        r.resource,
        r.model_units,
        m.model_units_max
    FROM ranked AS r
    JOIN totals AS t
        ON t.delivery_id = r.delivery_id
        AND t.resource = r.resource
    LEFT JOIN largest AS m
        ON m.delivery_id = r.delivery_id
        AND m.resource = r.resource
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
        d.delivery_id,
        c.resource,
        c.model_units,
        c.starts,
        c.ends,
        1 AS by_arn
    FROM contract_units AS c
    CROSS JOIN run_deliveries AS d
    WHERE c.resource IS NOT NULL
    UNION ALL
    SELECT
        s.delivery_id,
        s.resource,
        c.model_units,
        c.starts,
        c.ends,
        0 AS by_arn
    FROM contract_units AS c
    JOIN sole AS s
        ON s.model = c.model
        AND s.region = c.region
        AND s.commitment = c.commitment
    WHERE c.resource IS NULL
),

-- What was agreed for the ARN goes before what was agreed for the model. What was bought of a model
-- in several parts may be billed as one provisioned model.
agreed_lines AS (
    SELECT
        p.line,
        CAST(
            coalesce(max(CASE WHEN a.by_arn = 1 THEN a.model_units END), sum(a.model_units))
            AS INTEGER
        ) AS model_units
    FROM provisioned AS p
    JOIN agreed AS a
        ON a.delivery_id = p.delivery_id
        AND a.resource = p.resource
        AND p.usage_day >= a.starts
        AND p.usage_day < a.ends
    GROUP BY 1
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
    LEFT JOIN agreed_lines AS c
        ON c.line = p.line
    WHERE coalesce(c.model_units, u.model_units) IS NOT NULL
),

interval_sums AS (
    SELECT
        *,
        sum(quantity) OVER (
            PARTITION BY delivery_id, resource, usage_start, hours
            -- What is billed to another account than the one it lies in is too much first.
            ORDER BY CASE WHEN resource LIKE '%:' || account || ':%' THEN 0 ELSE 1 END, quantity,
                charge_key_id, account NULLS LAST, billed_rate NULLS LAST,
                identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - model_units * hours AS over_interval
    FROM known
),

within_interval AS (
    SELECT
        *,
        CAST(CASE WHEN over_interval > 0 AND quantity > 0
            THEN quantity - least(over_interval, quantity)
            ELSE quantity END AS DECIMAL(22, 10)) AS interval_quantity
    FROM interval_sums
),

day_sums AS (
    SELECT
        *,
        CASE WHEN hours <= 24 THEN
            sum(CASE WHEN hours <= 24 THEN interval_quantity ELSE 0 END) OVER (
                PARTITION BY delivery_id, resource, usage_day
                ORDER BY usage_start, hours DESC, quantity, charge_key_id, account NULLS LAST,
                    billed_rate NULLS LAST, identity_line_item_id NULLS LAST, line
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) - model_units * 24
        ELSE 0 END AS over_day
    FROM within_interval
),

within_day AS (
    SELECT
        *,
        CAST(CASE WHEN over_day > 0 AND interval_quantity > 0
            THEN interval_quantity - least(over_day, interval_quantity)
            ELSE interval_quantity END AS DECIMAL(22, 10)) AS day_quantity
    FROM day_sums
),

-- Agreed units may change within the period; the most there are is what the period can hold.
period_sums AS (
    SELECT
        *,
        sum(day_quantity) OVER (
            PARTITION BY delivery_id, resource
            ORDER BY usage_start, hours DESC, quantity, charge_key_id, account NULLS LAST,
                billed_rate NULLS LAST, identity_line_item_id NULLS LAST, line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - max(model_units) OVER (PARTITION BY delivery_id, resource) * period_hours
            AS over_period,
        sum(quantity) OVER (PARTITION BY delivery_id, resource) AS period_total
    FROM within_day
),

excess AS (
    SELECT
        line,
        quantity,
        CASE
            WHEN basis = 'inferred' AND period_total > model_units_max * period_hours THEN 'clock'
            ELSE basis
        END AS basis,
        CAST(CASE WHEN over_period > 0 AND day_quantity > 0
            THEN day_quantity - least(over_period, day_quantity)
            ELSE day_quantity END AS DECIMAL(22, 10)) AS right_quantity
    FROM period_sums
),

counted AS (
    SELECT
        l.line,
        l.line_item_usage_amount AS quantity,
        CASE WHEN k.capability = 'human_task' THEN 'fraction' ELSE 'text_unit_fraction' END AS basis
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND (
            k.capability = 'human_task'
            OR (k.capability = 'guardrail' AND k.unit = 'text unit')
        )
        AND l.line_item_usage_amount <> floor(l.line_item_usage_amount)
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

-- Units are whole in any hour that has hours of the same provisioned model on both sides; the first
-- and the last may be parts of an hour. Of longer lines one alone may be a part of a day. Where the
-- units of a model are known, a part of them is short of these.
neighbours AS (
    SELECT
        p.line,
        p.delivery_id,
        p.resource,
        p.quantity,
        p.hours,
        lag(l.line_item_usage_end_date) OVER in_time AS end_before,
        lead(l.line_item_usage_start_date) OVER in_time AS start_after,
        l.line_item_usage_start_date AS starts,
        l.line_item_usage_end_date AS ends
    FROM provisioned AS p
    JOIN lines AS l
        ON l.line = p.line
    WINDOW in_time AS (
        PARTITION BY p.delivery_id, p.resource
        ORDER BY l.line_item_usage_start_date, l.line_item_usage_end_date NULLS LAST, p.line
    )
),

unit_fractions AS (
    SELECT
        n.line,
        max(n.quantity) AS quantity,
        CAST(max(u.model_units * n.hours) AS DECIMAL(22, 10)) AS right_quantity
    FROM neighbours AS n
    JOIN quantity_counts AS q
        ON q.delivery_id = n.delivery_id
        AND q.resource = n.resource
        AND q.quantity = n.quantity
        AND q.hours = n.hours
    JOIN unit_numbers AS u
        ON n.quantity >= u.model_units * n.hours
    WHERE n.end_before = n.starts
        AND n.start_after = n.ends
        AND (n.hours = 1 OR q.lines >= 3)
        AND n.line NOT IN (SELECT line FROM known)
    GROUP BY 1
),

unit_shortfalls AS (
    SELECT
        n.line,
        n.quantity,
        CAST(k.model_units AS DECIMAL(22, 10)) AS right_quantity
    FROM neighbours AS n
    JOIN known AS k
        ON k.line = n.line
    WHERE n.end_before = n.starts
        AND n.start_after = n.ends
        AND n.hours = 1
        AND n.quantity > 0
        AND n.quantity < k.model_units
        AND n.quantity <> floor(n.quantity)
        AND n.line NOT IN (SELECT line FROM excess WHERE right_quantity <> quantity)
),

-- A notebook, an app, a private space and a tracking server are one instance each, and so is the
-- session of a Canvas app; endpoints and jobs are many. Each line may be rounded up to a minute. Hours
-- that are taken back leave room for others.
instance_hours AS (
    SELECT
        l.line,
        k.kind,
        l.line_item_usage_amount AS quantity,
        sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id, l.line_item_usage_start_date,
                l.line_item_usage_end_date
        ) - l.hours AS over_all,
        sum(l.line_item_usage_amount) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id, l.line_item_usage_start_date,
                l.line_item_usage_end_date
            ORDER BY k.kind,
                CASE WHEN l.line_item_resource_id LIKE '%:' || l.line_item_usage_account_id || ':%'
                    THEN 0 ELSE 1 END,
                l.line_item_usage_amount NULLS LAST, l.charge_key_id,
                l.line_item_unblended_rate NULLS LAST, l.identity_line_item_id NULLS LAST, l.line
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - l.hours AS over_so_far,
        count(*) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id, l.line_item_usage_start_date,
                l.line_item_usage_end_date
        ) AS lines
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('usage', 'covered_usage')
        AND k.component IN ('instance', 'session')
        AND k.unit = 'hour'
        AND (
            (k.capability = 'notebook' AND k.resource_type = 'notebook-instance')
            OR (k.capability IN ('studio_jupyterlab', 'studio_codeeditor', 'studio_classic', 'canvas')
                AND k.resource_type = 'app')
            OR (k.capability IN ('studio_jupyterlab', 'studio_codeeditor')
                AND k.resource_type = 'space')
            OR (k.capability = 'mlflow' AND k.resource_type = 'mlflow-tracking-server')
        )
        AND l.line_item_resource_id IS NOT NULL
        AND l.line_item_usage_amount <> 0
        AND l.line_item_usage_end_date > l.line_item_usage_start_date
        AND l.split_line_item_parent_resource_id IS NULL
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

-- Usage that is taken back, and what was billed of the same in the same hour.
taken_back AS (
    SELECT
        l.line,
        l.delivery_id,
        l.charge_key_id,
        k.line_item_usage_type AS usage_type,
        l.line_item_usage_account_id AS account,
        l.line_item_resource_id AS resource,
        l.line_item_usage_start_date AS usage_start,
        l.line_item_usage_end_date AS usage_end,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE l.line_item_usage_amount < 0
        AND l.line_item_unblended_cost < 0
        AND k.kind = 'usage'
        AND l.split_line_item_parent_resource_id IS NULL
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

-- Usage that stands in the place of usage, between usage of the same on both sides: its sign is wrong,
-- for what is taken back stands beside what was billed.
turned AS (
    SELECT t.line
    FROM taken_back AS t
    JOIN lines AS l
        ON l.delivery_id = t.delivery_id
        AND l.charge_key_id = t.charge_key_id
        AND coalesce(l.line_item_usage_account_id, '') = coalesce(t.account, '')
        AND coalesce(l.line_item_resource_id, '') = coalesce(t.resource, '')
    WHERE l.line_item_usage_amount > 0
        AND l.line_item_usage_start_date <= t.usage_end
        AND l.line_item_usage_end_date >= t.usage_start
    GROUP BY 1
    HAVING bool_or(l.line_item_usage_end_date = t.usage_start)
        AND bool_or(l.line_item_usage_start_date = t.usage_end)
        AND NOT bool_or(l.line_item_usage_start_date = t.usage_start)
),

given AS (
    SELECT t.line
    FROM taken_back AS t
    JOIN lines AS l
        ON l.delivery_id = t.delivery_id
        AND l.charge_key_id = t.charge_key_id
        AND coalesce(l.line_item_usage_account_id, '') = coalesce(t.account, '')
        AND coalesce(l.line_item_resource_id, '') = coalesce(t.resource, '')
    WHERE l.line_item_usage_amount > 0
        AND (l.line_item_usage_start_date = t.usage_start
            OR l.line_item_usage_amount = -t.quantity)
        AND t.line NOT IN (SELECT line FROM turned)
    GROUP BY 1
    HAVING sum(CASE WHEN l.line_item_usage_start_date = t.usage_start
            THEN l.line_item_usage_amount ELSE 0 END) >= -min(t.quantity)
        OR bool_or(l.line_item_usage_amount = -t.quantity)
    UNION ALL
    SELECT t.line
    FROM taken_back AS t
    JOIN lines AS l
        ON l.delivery_id = t.delivery_id
        AND coalesce(l.line_item_usage_account_id, '') = coalesce(t.account, '')
        AND abs(l.line_item_unblended_cost) = -t.billed
        AND l.line <> t.line
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE (
            k.kind IN ('credit', 'refund', 'correction')
            OR (l.line_item_unblended_cost > 0 AND t.line NOT IN (SELECT line FROM turned))
        )
        -- What one job or model used is not given back to another.
        AND (
            l.line_item_resource_id IS NULL
            OR t.resource IS NULL
            OR l.line_item_resource_id = t.resource
            OR (k.kind = 'usage' AND l.line_item_usage_start_date = t.usage_start)
        )
),

-- Usage of another month that is taken back: the bill of that month tells whether it was billed.
of_other_months AS (
    SELECT
        t.*,
        d.payer_account
    FROM taken_back AS t
    JOIN run_deliveries AS d
        ON d.delivery_id = t.delivery_id
    WHERE t.usage_start < d.starts
        OR t.usage_start >= d.ends
),

not_billed_then AS (
    SELECT o.line
    FROM of_other_months AS o
    JOIN every_delivery AS e
        ON e.payer_account = o.payer_account
        AND o.usage_start >= CAST(e.period AS TIMESTAMP)
        AND o.usage_start < CAST(e.period + INTERVAL '1' MONTH AS TIMESTAMP)
    LEFT JOIN every_line AS l
        ON l.delivery_id = e.delivery_id
        AND l.line_item_usage_start_date = o.usage_start
        AND l.line_item_usage_amount >= -o.quantity
        AND coalesce(l.line_item_usage_account_id, '') = coalesce(o.account, '')
        AND coalesce(l.line_item_resource_id, '') = coalesce(o.resource, '')
    LEFT JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
        AND coalesce(k.line_item_usage_type, '') = coalesce(o.usage_type, '')
    GROUP BY 1
    HAVING count(k.charge_key_id) = 0
)

SELECT
    line,
    right_quantity,
    basis
FROM excess
WHERE right_quantity <> quantity
UNION ALL
SELECT
    line,
    CAST(floor(quantity) AS DECIMAL(22, 10)) AS right_quantity,
    basis
FROM counted
UNION ALL
SELECT
    line,
    right_quantity,
    'unit_fraction' AS basis
FROM unit_fractions
WHERE right_quantity <> quantity
UNION ALL
SELECT
    line,
    right_quantity,
    'unit_fraction' AS basis
FROM unit_shortfalls
UNION ALL
SELECT
    line,
    CAST(quantity - least(over_so_far, quantity) AS DECIMAL(22, 10)) AS right_quantity,
    'instance' AS basis
FROM instance_hours
WHERE kind = 'usage'
    AND quantity > 0
    AND over_so_far > 0
    AND over_all > 0.0166666667 * lines
UNION ALL
SELECT
    line,
    CAST(0 AS DECIMAL(22, 10)) AS right_quantity,
    'negative' AS basis
FROM taken_back
WHERE line NOT IN (SELECT line FROM given)
    AND (
        line NOT IN (SELECT line FROM of_other_months)
        OR line IN (SELECT line FROM not_billed_then)
    )
