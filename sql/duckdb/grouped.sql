-- The rows of all checks, completed from their lines, with the id of the finding each belongs to.
CREATE OR REPLACE TABLE grouped AS
WITH completed AS (
    SELECT
        f."check",
        f.category,
        f.owns,
        f.line,
        f.severity,
        f.reason,
        f.rate_id,
        coalesce(f.delivery_id, l.delivery_id) AS delivery_id,
        f.period AS stated_period,
        coalesce(f.usage_account, l.line_item_usage_account_id) AS usage_account,
        coalesce(f.region, k.region) AS region,
        coalesce(f.service, k.service) AS service,
        coalesce(f.usage_type, k.line_item_usage_type) AS usage_type,
        coalesce(f.operation, k.line_item_operation) AS operation,
        coalesce(f.unit, k.pricing_unit) AS unit,
        CASE WHEN f.by_resource OR f.resource IS NOT NULL
            THEN coalesce(f.resource, l.line_item_resource_id) END AS resource,
        l.line_item_unblended_rate AS billed_rate,
        coalesce(f.quantity, l.line_item_usage_amount) AS quantity,
        coalesce(f.currency, k.line_item_currency_code) AS currency,
        coalesce(f.lines, 1) AS lines,
        coalesce(f.first_usage, l.line_item_usage_start_date) AS first_usage,
        coalesce(f.last_usage, l.line_item_usage_end_date, l.line_item_usage_start_date)
            AS last_usage,
        coalesce(f.billed, l.line_item_unblended_cost, 0) AS billed,
        coalesce(f.expected, f.billed, l.line_item_unblended_cost, 0) AS expected,
        coalesce(f.difference, 0) AS difference
    FROM found AS f
    LEFT JOIN lines AS l
        ON l.line = f.line
    LEFT JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
)

SELECT
    c.*,
    coalesce(c.stated_period, d.period_text) AS period_text,
    d.payer_account,
    -- The id hashes the grain and nothing else, so that it outlives deliveries and versions.
    left(sha256(concat_ws(chr(31), coalesce(c.stated_period, d.period_text), grain)), 16) AS id,
    left(sha256(grain), 16) AS series_id
FROM (
    SELECT
        *,
        concat_ws(
            chr(31), "check", d.payer_account, coalesce(usage_account, ''), coalesce(region, ''),
            coalesce(usage_type, ''), coalesce(operation, ''), coalesce(unit, ''),
            coalesce(CAST(billed_rate AS VARCHAR), ''), coalesce(resource, ''),
            -- Amounts of two currencies are never added up.
            coalesce(currency, '')
        ) AS grain
    FROM completed
    JOIN (SELECT delivery_id AS of_delivery, payer_account FROM run_deliveries) AS d
        ON d.of_delivery = completed.delivery_id
) AS c
JOIN run_deliveries AS d
    ON d.delivery_id = c.delivery_id
