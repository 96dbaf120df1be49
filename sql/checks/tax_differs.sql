-- severity: error
-- category: data
-- needs: contract_tax
-- question: Is the tax the contract's rate of the contract's base?
-- Tax is compared by product, usage account, seller and currency; by product over all accounts where
-- one account bears the tax of others. Credits and refunds may lower the base or not, so that tax is
-- right either way. Each tax line is rounded to the cent. Tax is not re-priced, so these dollars
-- stand beside the bridge.
WITH amounts AS (
    SELECT
        l.delivery_id,
        l.line,
        l.identity_line_item_id,
        coalesce(k.line_item_product_code, '') AS product_code,
        coalesce(k.bill_billing_entity, '') AS entity,
        coalesce(k.line_item_currency_code, '') AS currency,
        coalesce(l.line_item_usage_account_id, '') AS account,
        l.line_item_unblended_cost AS billed,
        k.kind = 'tax' AS is_tax,
        CASE
            WHEN k.kind IN ('usage', 'covered_usage', 'negation', 'reserved_usage', 'discount')
            THEN l.line_item_unblended_cost
            WHEN k.kind IN ('plan_fee', 'plan_upfront_fee', 'fee') AND t.with_fees
            THEN l.line_item_unblended_cost
            ELSE 0
        END AS base,
        CASE WHEN k.kind IN ('credit', 'refund', 'correction')
            THEN l.line_item_unblended_cost ELSE 0 END AS given_back,
        t.rate
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    CROSS JOIN contract_tax AS t
    WHERE k.is_ai
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
),

by_account AS (
    SELECT
        delivery_id,
        product_code,
        entity,
        currency,
        account,
        sum(base) AS base,
        sum(CASE WHEN is_tax THEN 1 ELSE 0 END) AS tax_lines
    FROM amounts
    GROUP BY 1, 2, 3, 4, 5
),

levels AS (
    SELECT
        delivery_id,
        product_code,
        entity,
        currency,
        max(CASE WHEN base <> 0 AND tax_lines = 0 THEN 1
            WHEN base = 0 AND tax_lines > 0 THEN 1 ELSE 0 END) AS is_shared
    FROM by_account
    GROUP BY 1, 2, 3, 4
),

grouped AS (
    SELECT
        a.*,
        CASE WHEN v.is_shared = 0 THEN a.account ELSE '' END AS bearer
    FROM amounts AS a
    JOIN levels AS v
        ON v.delivery_id = a.delivery_id
        AND v.product_code = a.product_code
        AND v.entity = a.entity
        AND v.currency = a.currency
),

sums AS (
    SELECT
        delivery_id,
        product_code,
        entity,
        currency,
        bearer,
        sum(CASE WHEN is_tax THEN billed ELSE 0 END) AS tax,
        sum(CASE WHEN is_tax THEN 1 ELSE 0 END) AS tax_lines,
        CAST(round(sum(base) * max(rate), 2) AS DECIMAL(36, 20)) AS tax_of_base,
        CAST(round((sum(base) + sum(given_back)) * max(rate), 2) AS DECIMAL(36, 20))
            AS tax_of_rest,
        sum(base) AS base
    FROM grouped
    GROUP BY 1, 2, 3, 4, 5
),

wrong AS (
    SELECT
        *
    FROM sums
    WHERE tax_lines > 0
        AND base <> 0
        AND abs(tax - tax_of_base) > 0.005 * (tax_lines + 1)
        AND abs(tax - tax_of_rest) > 0.005 * (tax_lines + 1)
),

ranked AS (
    SELECT
        g.line,
        g.billed,
        w.tax - w.tax_of_rest AS difference,
        row_number() OVER (
            PARTITION BY g.delivery_id, g.product_code, g.entity, g.currency, g.bearer
            ORDER BY abs(g.billed) DESC, g.identity_line_item_id NULLS LAST, g.line
        ) AS place
    FROM grouped AS g
    JOIN wrong AS w
        ON w.delivery_id = g.delivery_id
        AND w.product_code = g.product_code
        AND w.entity = g.entity
        AND w.currency = g.currency
        AND w.bearer = g.bearer
    WHERE g.is_tax
)

SELECT
    line,
    billed,
    CAST(billed - difference AS DECIMAL(36, 20)) AS expected,
    CAST(difference AS DECIMAL(36, 20)) AS difference,
    CASE WHEN difference > 0 THEN 'error' ELSE 'warning' END AS severity,
    'The tax is not the rate of the contract on the charges of the product.' AS reason
FROM ranked
WHERE place = 1
ORDER BY line
