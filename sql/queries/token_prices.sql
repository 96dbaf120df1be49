-- question: What do 1,000 tokens of each model cost, and how does that change?
-- about: Tokens in thousands, dollars as billed and their ratio, by month, model, kind of token, tier and routing. Free or wrongly billed tokens show as a ratio that is off the price.
-- ratio: per_thousand = billed / thousand_tokens, 8
-- param: model text, every model
SELECT
    strftime(d.period, '%Y-%m') AS period,
    k.provider,
    k.model,
    k.token_type,
    coalesce(k.tier, 'standard') AS tier,
    coalesce(k.routing, 'region') AS routing,
    sum(CASE WHEN k.unit = '1M tokens' THEN 1000 ELSE 1 END * s.quantity) AS thousand_tokens,
    sum(s.billed) AS billed,
    k.line_item_currency_code AS currency
FROM delivery_sums AS s
JOIN deliveries AS d
    ON d.delivery_id = s.delivery_id
JOIN charge_keys AS k
    ON k.charge_key_id = s.charge_key_id
WHERE d.is_current
    AND k.kind = 'usage'
    AND k.unit IN ('1K tokens', '1M tokens')
    AND k.model IS NOT NULL
    AND ($model IS NULL OR k.model = $model)
GROUP BY
    d.period, k.provider, k.model, k.token_type, k.tier, k.routing, k.line_item_currency_code
ORDER BY k.model, k.token_type, tier, routing, period
