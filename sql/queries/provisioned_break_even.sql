-- question: Does provisioned throughput pay against on-demand?
-- about: What each provisioned model cost in a month, and how many thousand input tokens the same money buys at the on-demand price that this ledger knows for the model; what was really used stands in the evidence, where there is some.
-- ratio: break_even_thousand_tokens = billed / on_demand_per_thousand, 0
-- param: period month, every period in the ledger
WITH provisioned AS (
    SELECT
        strftime(l.bill_billing_period_start_date, '%Y-%m') AS period,
        l.line_item_resource_id AS resource,
        l.model,
        l.region,
        l.line_item_currency_code AS currency,
        sum(l.line_item_usage_amount) AS model_unit_hours,
        sum(l.line_item_unblended_cost) AS billed
    FROM line_items AS l
    WHERE l.capability = 'provisioned_throughput'
        AND l.kind = 'usage'
        AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
    GROUP BY ALL
),

prices AS (
    SELECT
        k.model,
        k.region,
        max(CASE WHEN r.unit = '1M tokens' THEN r.price * 0.001 ELSE r.price END) AS per_thousand
    FROM charge_keys AS k
    JOIN key_rates AS p
        ON p.charge_key_id = k.charge_key_id
    JOIN rates AS r
        ON r.rate_id = p.rate_id
    WHERE k.capability = 'on_demand'
        AND k.token_type = 'input'
        AND k.tier IS NULL
        AND k.routing IS NULL
        AND r.unit IN ('1K tokens', '1M tokens')
    GROUP BY 1, 2
),

used AS (
    SELECT resource, strftime(starts, '%Y-%m') AS period, sum(quantity) AS thousand_tokens
    FROM evidence
    WHERE unit = '1K tokens'
    GROUP BY ALL
)

SELECT
    p.period,
    p.model,
    p.region,
    p.resource,
    p.model_unit_hours,
    p.billed,
    CAST(o.per_thousand AS DECIMAL(22, 10)) AS on_demand_per_thousand,
    u.thousand_tokens AS used_thousand_tokens,
    p.currency
FROM provisioned AS p
LEFT JOIN prices AS o
    ON o.model = p.model
    AND o.region = p.region
LEFT JOIN used AS u
    ON u.resource = p.resource
    AND u.period = p.period
ORDER BY p.billed DESC, p.period, p.resource
