-- question: How much runs as batch, flex or priority, and where does it run?
-- about: Thousand tokens and dollars by month, model, tier and routing, with the tier's share of the model's dollars in percent.
-- ratio: percent_of_model = 100 billed / billed_of_model, 1
-- param: period month, every period in the ledger
WITH sums AS (
    SELECT
        strftime(d.period, '%Y-%m') AS period,
        k.provider,
        k.model,
        coalesce(k.tier, 'standard') AS tier,
        coalesce(k.routing, 'region') AS routing,
        k.line_item_currency_code AS currency,
        sum(CASE WHEN k.unit = '1M tokens' THEN 1000 ELSE 1 END * s.quantity) AS thousand_tokens,
        sum(s.billed) AS billed
    FROM delivery_sums AS s
    JOIN deliveries AS d
        ON d.delivery_id = s.delivery_id
    JOIN charge_keys AS k
        ON k.charge_key_id = s.charge_key_id
    WHERE d.is_current
        AND k.kind = 'usage'
        AND k.unit IN ('1K tokens', '1M tokens')
        AND k.model IS NOT NULL
        AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
    GROUP BY ALL
)

SELECT
    period,
    provider,
    model,
    tier,
    routing,
    thousand_tokens,
    billed,
    sum(billed) OVER (PARTITION BY period, model, currency) AS billed_of_model,
    currency
FROM sums
ORDER BY period, model, billed DESC, tier, routing
