-- question: What did prompt caching save?
-- about: Tokens read from the cache, what they cost, and what they would have cost at the price that input tokens of the same model, region, tier and routing had on the first of the month; null where this ledger knows no such price.
-- param: period month, every period in the ledger
WITH cached AS (
    SELECT
        d.period,
        k.provider,
        k.model,
        k.region,
        k.tier,
        k.routing,
        k.line_item_currency_code AS currency,
        CAST(sum(CASE WHEN k.unit = '1M tokens' THEN 1000 ELSE 1 END * s.quantity)
            AS DECIMAL(22, 10)) AS thousand_tokens,
        sum(s.billed) AS billed
    FROM delivery_sums AS s
    JOIN deliveries AS d
        ON d.delivery_id = s.delivery_id
    JOIN charge_keys AS k
        ON k.charge_key_id = s.charge_key_id
    WHERE d.is_current
        AND k.kind = 'usage'
        AND k.unit IN ('1K tokens', '1M tokens')
        AND k.token_type = 'cache_read'
        AND ($period IS NULL OR strftime(d.period, '%Y-%m') = $period)
    GROUP BY ALL
),

input_prices AS (
    SELECT
        k.model,
        k.region,
        k.tier,
        k.routing,
        r.currency,
        p.starts,
        p.ends,
        max(CAST(CASE WHEN r.unit = '1M tokens' THEN r.price * 0.001 ELSE r.price END
            AS DECIMAL(15, 10))) AS per_thousand
    FROM charge_keys AS k
    JOIN key_rates AS p
        ON p.charge_key_id = k.charge_key_id
    JOIN rates AS r
        ON r.rate_id = p.rate_id
    WHERE k.token_type = 'input'
        AND r.unit IN ('1K tokens', '1M tokens')
    GROUP BY ALL
)

SELECT
    strftime(c.period, '%Y-%m') AS period,
    c.provider,
    c.model,
    c.region,
    c.thousand_tokens AS thousand_tokens_read,
    c.billed,
    c.thousand_tokens * max(i.per_thousand) AS uncached,
    c.thousand_tokens * max(i.per_thousand) - c.billed AS saved,
    c.currency
FROM cached AS c
LEFT JOIN input_prices AS i
    ON i.model = c.model
    AND i.region = c.region
    AND i.currency = c.currency
    AND i.tier IS NOT DISTINCT FROM c.tier
    AND i.routing IS NOT DISTINCT FROM c.routing
    AND c.period >= i.starts
    AND c.period < i.ends
GROUP BY c.period, c.provider, c.model, c.region, c.tier, c.routing, c.thousand_tokens, c.billed,
    c.currency
ORDER BY saved DESC NULLS LAST, period, c.model, c.region
