-- severity: warning
-- category: discount
-- needs: charge_keys WHERE kind IN ('credit', 'refund', 'discount', 'correction')
-- question: Does a credit, a refund or a discount raise the bill that it should lower?
-- AWS takes a credit back by a line of the same amount, and a discount with the usage that it was
-- granted on, or when that is refunded: none of these is meant. A correction of FOCUS may go either way
-- unless it says `refund`. What the contract explains of discounts, discount_differs judges.
WITH given AS (
    SELECT
        l.line,
        l.delivery_id,
        l.line_item_usage_account_id AS account,
        k.kind,
        k.line_item_line_item_type AS line_type,
        k.line_item_product_code AS product_code,
        l.line_item_unblended_cost AS billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('credit', 'refund', 'discount', 'correction')
        AND (
            k.kind <> 'correction'
            OR k.line_item_line_item_type = 'Credit'
            OR lower(k.line_item_line_item_description) LIKE '%refund%'
        )
        AND k.is_ai
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
        AND l.line NOT IN (SELECT line FROM discounts WHERE is_discount_line)
),

taken_back AS (
    SELECT
        l.delivery_id,
        l.line_item_usage_account_id AS account,
        k.line_item_product_code AS product_code,
        k.kind = 'refund' AS is_refund,
        -sum(l.line_item_unblended_cost) AS amount
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind IN ('usage', 'plan_fee', 'plan_upfront_fee', 'fee', 'refund', 'correction')
        AND k.is_ai
        AND l.line_item_unblended_cost < 0
    GROUP BY 1, 2, 3, 4
)

SELECT
    g.line,
    g.billed,
    CAST(-g.billed AS DECIMAL(36, 20)) AS expected,
    CAST(g.billed + g.billed AS DECIMAL(36, 20)) AS difference,
    'A line of the type ' || coalesce(g.line_type, g.kind)
        || ' gives something back, and is billed as a charge.' AS reason
FROM given AS g
WHERE g.billed > 0
    AND NOT EXISTS (
        SELECT 1
        FROM given AS o
        WHERE o.delivery_id = g.delivery_id
            AND o.kind = g.kind
            AND coalesce(o.account, '') = coalesce(g.account, '')
            AND coalesce(o.product_code, '') = coalesce(g.product_code, '')
            AND o.billed = -g.billed
    )
    AND NOT (
        g.kind = 'discount'
        AND EXISTS (
            SELECT 1
            FROM taken_back AS t
            WHERE t.delivery_id = g.delivery_id
                AND coalesce(t.account, '') = coalesce(g.account, '')
                AND coalesce(t.product_code, '') = coalesce(g.product_code, '')
                -- A discount is a part of what is refunded.
                AND (NOT t.is_refund OR t.amount > g.billed)
        )
    )
ORDER BY g.line
