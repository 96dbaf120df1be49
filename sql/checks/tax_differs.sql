-- severity: error
-- category: data
-- needs: contract_tax
-- question: Is the tax the contract's rate of the contract's base?
-- Tax is compared by product, usage account, seller and currency; by product over all accounts where
-- one account bears the tax of others. Credits and refunds may lower the base or not, and what is
-- billed wrong or twice may be taxed as billed or as it should be, so that tax is right either way:
-- the wrong charge has its own finding. Tax may be on charges whose product or line type is unknown,
-- too: as much as is taxed nowhere else in the account. Each tax line is rounded to the cent. Tax is not re-priced,
-- so these dollars stand beside the bridge. Each product and seller is a finding by itself, for what is
-- too much of one makes nothing good that is too little of another.
WITH wrongly_billed AS (
    SELECT
        line,
        sum(difference) AS difference
    FROM compared
    WHERE component NOT IN ('agrees', 'unpriced', 'not_repriced', 'duplicate')
        AND difference <> 0
        AND EXISTS (SELECT 1 FROM contract_tax)
    GROUP BY 1
),

amounts AS (
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
        k.kind = 'unknown' AS is_unknown,
        CASE
            WHEN k.kind IN ('usage', 'covered_usage', 'negation', 'reserved_usage', 'discount')
            THEN l.line_item_unblended_cost
            WHEN k.kind IN ('plan_fee', 'plan_upfront_fee', 'fee') AND t.with_fees
            THEN l.line_item_unblended_cost
            ELSE 0
        END AS base,
        CASE WHEN k.kind IN ('credit', 'refund', 'correction')
            THEN l.line_item_unblended_cost ELSE 0 END AS given_back,
        CASE WHEN k.kind = 'tax' THEN 0 ELSE coalesce(w.difference, 0) END AS wrong,
        CASE WHEN r.line IS NULL THEN 1 ELSE 0 END AS is_first,
        t.rate
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    CROSS JOIN contract_tax AS t
    LEFT JOIN wrongly_billed AS w
        ON w.line = l.line
    LEFT JOIN repeated AS r
        ON r.line = l.line
        AND r.how <> 'similar_usage'
    WHERE k.is_ai
        AND (r.line IS NULL OR k.kind <> 'tax')
),

by_account AS (
    SELECT
        delivery_id,
        product_code,
        entity,
        currency,
        account,
        sum(base * is_first) AS base,
        sum(CASE WHEN is_tax THEN 1 ELSE 0 END) AS tax_lines
    FROM amounts
    GROUP BY 1, 2, 3, 4, 5
),

-- Charges of a line type that nobody knows, and of products that are taxed nowhere.
untaxed AS (
    SELECT
        a.delivery_id,
        a.account,
        sum(CASE WHEN a.is_unknown THEN a.billed ELSE a.base END) AS base
    FROM amounts AS a
    LEFT JOIN (
        SELECT DISTINCT delivery_id, product_code, entity, currency FROM amounts WHERE is_tax
    ) AS t
        ON t.delivery_id = a.delivery_id
        AND t.product_code = a.product_code
        AND t.entity = a.entity
        AND t.currency = a.currency
    WHERE a.is_unknown
        OR t.delivery_id IS NULL
    GROUP BY 1, 2
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
        CAST(max(rate) AS DECIMAL(15, 10)) AS rate,
        CAST(sum(base * is_first) AS DECIMAL(22, 10)) AS base,
        CAST(sum(base) AS DECIMAL(22, 10)) AS with_copies,
        CAST(sum((base - wrong) * is_first) AS DECIMAL(22, 10)) AS as_it_should_be,
        CAST(sum(given_back * is_first) AS DECIMAL(22, 10)) AS given_back,
        CAST(sum(given_back) AS DECIMAL(22, 10)) AS given_with_copies
    FROM grouped
    GROUP BY 1, 2, 3, 4, 5
),

bases AS (
    SELECT *, 1 AS rule, base AS taxed FROM sums
    UNION ALL
    SELECT *, 2 AS rule, base + given_back AS taxed FROM sums
    UNION ALL
    SELECT *, 3 AS rule, with_copies AS taxed FROM sums
    UNION ALL
    SELECT *, 4 AS rule, with_copies + given_back AS taxed FROM sums
    UNION ALL
    SELECT *, 5 AS rule, as_it_should_be AS taxed FROM sums
    UNION ALL
    SELECT *, 6 AS rule, as_it_should_be + given_back AS taxed FROM sums
    UNION ALL
    SELECT *, 7 AS rule, base + given_with_copies AS taxed FROM sums
    UNION ALL
    SELECT *, 8 AS rule, with_copies + given_with_copies AS taxed FROM sums
    UNION ALL
    SELECT *, 9 AS rule, as_it_should_be + given_with_copies AS taxed FROM sums
),

differences AS (
    SELECT
        *,
        tax - CAST(round(CAST(taxed AS DECIMAL(22, 10)) * rate, 2) AS DECIMAL(36, 20))
            AS difference
    FROM bases
    WHERE tax_lines > 0
        AND base <> 0
),

nearest AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY delivery_id, product_code, entity, currency, bearer
            ORDER BY abs(difference), difference
        ) AS place
    FROM differences
),

-- What is wrong by every base is so by the one that most other taxes of the delivery follow; where none
-- follows any, by the nearest.
followed AS (
    SELECT
        delivery_id,
        rule,
        row_number() OVER (PARTITION BY delivery_id ORDER BY count(*) DESC, rule) AS place
    FROM differences
    WHERE abs(difference) <= 0.005 * (tax_lines + 1)
    GROUP BY 1, 2
),

wrong AS (
    SELECT
        n.delivery_id,
        n.product_code,
        n.entity,
        n.currency,
        n.bearer,
        coalesce(d.difference, n.difference) AS difference
    FROM nearest AS n
    LEFT JOIN followed AS f
        ON f.delivery_id = n.delivery_id
        AND f.place = 1
    LEFT JOIN differences AS d
        ON d.delivery_id = n.delivery_id
        AND d.product_code = n.product_code
        AND d.entity = n.entity
        AND d.currency = n.currency
        AND d.bearer = n.bearer
        AND d.rule = f.rule
    LEFT JOIN untaxed AS u
        ON u.delivery_id = n.delivery_id
        AND u.account = n.bearer
    WHERE n.place = 1
        AND abs(n.difference) > 0.005 * (n.tax_lines + 1)
        AND NOT coalesce(
            n.difference > 0 AND n.difference <= u.base * n.rate + 0.005 * (n.tax_lines + 1), FALSE
        )
),

ranked AS (
    SELECT
        g.line,
        g.billed,
        nullif(concat_ws(' of ', nullif(g.product_code, ''), nullif(g.entity, 'AWS')), '')
            AS product,
        w.difference,
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
    product AS resource,
    billed,
    CAST(billed - difference AS DECIMAL(36, 20)) AS expected,
    CAST(difference AS DECIMAL(36, 20)) AS difference,
    CASE WHEN difference > 0 THEN 'error' ELSE 'warning' END AS severity,
    'The tax is not the rate of the contract on the charges of the product.' AS reason
FROM ranked
WHERE place = 1
ORDER BY line
