-- Usage that a contract prices privately, in bills that realise private rates as discount lines: the
-- usage stands at the public rate, and a PrivateRateDiscount line takes off the rest.
-- grain: one row a line of such usage
-- A line that is billed at the private rate itself earns no discount (`discount` 0). Of the others
-- the pair should come to quantity times the private rate. What the usage line by itself should be
-- is what it is, where the pair closes; where it closes only at the public rate, the usage line is
-- wrong and is held against that (`price`).
-- Rule: contracts, DESIGN section 5; a discount line repeats usage type and SKU without a quantity.
WITH agreed AS (
    SELECT
        l.delivery_id,
        l.line,
        coalesce(l.line_item_usage_account_id, '') AS account,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        coalesce(k.line_item_currency_code, '') AS currency,
        l.hours,
        l.line_item_unblended_cost AS billed,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_rate AS rate,
        l.pricing_public_on_demand_rate AS public_rate,
        CAST(round(l.line_item_usage_amount * p.price, 10) AS DECIMAL(36, 20)) AS at_private_rate,
        g.price AS listed_price,
        g.rate_id AS listed_rate_id,
        CASE WHEN abs(l.line_item_unblended_rate) < 100000
            THEN CAST(l.line_item_unblended_rate AS DECIMAL(15, 10)) END AS own_rate
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN flat_rates AS p
        ON p.charge_key_id = l.charge_key_id
        AND p.source_kind = 'contract'
        AND l.usage_day >= p.starts
        AND l.usage_day < p.ends
    LEFT JOIN listed_rates AS g
        ON g.charge_key_id = l.charge_key_id
        AND l.usage_day >= g.starts
        AND l.usage_day < g.ends
    WHERE k.kind = 'usage'
        AND k.price_basis = 'unblended'
        AND l.line_item_usage_amount IS NOT NULL
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

discounted AS (
    SELECT
        l.delivery_id,
        coalesce(l.line_item_usage_account_id, '') AS account,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        coalesce(k.line_item_currency_code, '') AS currency,
        sum(l.line_item_unblended_cost) AS granted,
        sum(l.hours) AS hours
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.line_item_line_item_type = 'PrivateRateDiscount'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
    GROUP BY 1, 2, 3, 4
),

placed AS (
    SELECT
        a.*,
        coalesce(a.listed_price, a.own_rate) AS price,
        abs(a.billed - a.at_private_rate)
            <= 0.0000000001 * a.hours
                + CAST(abs(a.quantity) AS DECIMAL(22, 10)) * 0.00000000005 AS is_direct,
        d.granted,
        d.hours AS discount_hours
    FROM agreed AS a
    LEFT JOIN discounted AS d
        ON d.delivery_id = a.delivery_id
        AND d.account = a.account
        AND d.usage_type = a.usage_type
        AND d.currency = a.currency
    WHERE a.delivery_id IN (SELECT delivery_id FROM discounted)
        AND (
            d.granted IS NOT NULL
            OR a.rate = a.listed_price
            OR a.rate = a.public_rate
        )
),

gaps AS (
    SELECT
        *,
        CAST(round(quantity * price, 10) AS DECIMAL(36, 20)) AS at_price,
        sum(CASE WHEN is_direct THEN 0 ELSE billed - at_private_rate END) OVER same_charge
            + coalesce(granted, 0) AS own_gap,
        sum(CASE WHEN is_direct THEN 0
            ELSE CAST(round(quantity * price, 10) AS DECIMAL(36, 20)) - at_private_rate
            END) OVER same_charge
            + coalesce(granted, 0) AS listed_gap,
        0.0000000001 * (sum(hours) OVER same_charge + coalesce(discount_hours, 0)) AS tolerance
    FROM placed
    WINDOW same_charge AS (PARTITION BY delivery_id, account, usage_type, currency)
)

SELECT
    line,
    CASE WHEN NOT is_direct AND abs(own_gap) > tolerance AND abs(listed_gap) <= tolerance
        THEN price END AS price,
    CASE WHEN NOT is_direct AND abs(own_gap) > tolerance AND abs(listed_gap) <= tolerance
        THEN listed_rate_id END AS rate_id,
    CASE
        WHEN is_direct THEN NULL
        WHEN abs(own_gap) > tolerance AND abs(listed_gap) <= tolerance THEN at_price
        ELSE billed
    END AS expected,
    CAST(
        CASE
            WHEN is_direct THEN 0
            WHEN abs(own_gap) > tolerance AND abs(listed_gap) <= tolerance
            THEN at_price - at_private_rate
            ELSE billed - at_private_rate
        END AS DECIMAL(36, 20)
    ) AS discount,
    at_private_rate
FROM gaps
