-- Credits that the contract promises for Bedrock and SageMaker, beside those that the bill has.
-- grain: one row a delivery and currency in which credits fall short, at its dearest charge
-- A credit is due in the month in which it starts, and is no larger than what it may be taken of.
-- One for any service may be used up elsewhere, so the bill does not settle it, and it is left alone.
-- Credits that belong to a free tier are none of these.
WITH due AS (
    SELECT
        d.delivery_id,
        min(c.starts) AS starts,
        sum(c.amount) AS amount,
        max(CASE WHEN c.marketplace THEN 1 ELSE 0 END) AS marketplace
    FROM (
        SELECT DISTINCT name, starts, amount, marketplace
        FROM contract_credits
        WHERE service <> '*'
    ) AS c
    JOIN run_deliveries AS d
        ON c.starts >= CAST(d.starts AS DATE)
        AND c.starts < CAST(d.ends AS DATE)
    GROUP BY 1
),

placed AS (
    SELECT
        l.delivery_id,
        l.line,
        l.identity_line_item_id,
        l.line_item_unblended_cost AS billed,
        coalesce(k.line_item_currency_code, '') AS currency,
        k.kind,
        d.amount
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN due AS d
        ON d.delivery_id = l.delivery_id
    WHERE k.is_ai
        AND k.kind IN ('usage', 'plan_fee', 'plan_upfront_fee', 'fee', 'discount', 'credit')
        AND (
            d.marketplace = 1
            OR NOT (
                coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
                OR coalesce(k.line_item_usage_type, '') LIKE '%-MP:%'
            )
        )
        AND CAST(l.line_item_usage_start_date AS DATE) >= CASE
            WHEN k.kind = 'credit' THEN CAST('0001-01-01' AS DATE) ELSE d.starts END
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
        AND l.line NOT IN (SELECT line FROM free_tier)
        AND EXISTS (
            SELECT 1
            FROM contract_credits AS c
            WHERE c.service = CASE
                WHEN k.service IS NOT NULL THEN k.service
                WHEN lower(coalesce(k.line_item_product_code, '')) LIKE '%sagemaker%'
                THEN 'sagemaker'
                WHEN k.line_item_product_code = 'MachineLearningSavingsPlans' THEN 'sagemaker'
                ELSE 'bedrock'
            END
        )
),

sums AS (
    SELECT
        delivery_id,
        currency,
        max(amount) AS amount,
        sum(CASE WHEN kind = 'credit' THEN 0 ELSE billed END) AS eligible,
        -sum(CASE WHEN kind = 'credit' THEN billed ELSE 0 END) AS granted
    FROM placed
    GROUP BY 1, 2
),

short AS (
    SELECT
        delivery_id,
        currency,
        granted,
        least(amount, eligible) - granted AS difference
    FROM sums
    -- Credits are granted in cents.
    WHERE least(amount, eligible) - granted >= 0.005
),

ranked AS (
    SELECT
        p.delivery_id,
        p.line,
        s.granted,
        s.difference,
        row_number() OVER (
            PARTITION BY p.delivery_id, p.currency
            ORDER BY p.billed DESC, p.identity_line_item_id NULLS LAST, p.line
        ) AS place
    FROM placed AS p
    JOIN short AS s
        ON s.delivery_id = p.delivery_id
        AND s.currency = p.currency
    WHERE p.kind <> 'credit'
)

SELECT
    delivery_id,
    line,
    CASE WHEN granted = 0 THEN 'credit_missing' ELSE 'credit_too_small' END AS reason,
    CAST(difference AS DECIMAL(36, 20)) AS difference
FROM ranked
WHERE place = 1
