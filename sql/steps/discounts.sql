-- Discounts that the contract promises, beside the discount lines that the bill has.
-- grain: one row a discount line that the contract explains, and one usage line for each group of
-- charges whose promised discount has no line at all
-- Sums are compared by usage account, usage type and line type over the period, since a discount
-- line repeats the usage type of its charges without their quantity. Usage that a savings plan
-- covers, and its negation, are never discounted (DESIGN, section 2, "Savings plans").
WITH placed AS (
    SELECT
        l.delivery_id,
        l.line,
        l.line_item_unblended_cost AS billed,
        l.line_item_net_unblended_cost AS net,
        l.hours,
        l.identity_line_item_id,
        CAST(l.line_item_usage_start_date AS DATE) AS usage_day,
        coalesce(l.line_item_usage_account_id, '') AS account,
        coalesce(k.line_item_usage_type, k.product_sku, '') AS usage_type,
        coalesce(k.line_item_currency_code, '') AS currency,
        k.kind,
        k.line_item_line_item_type AS line_type,
        coalesce(k.bill_billing_entity, '') = 'AWS Marketplace' AS marketplace,
        CASE
            WHEN k.service IS NOT NULL THEN k.service
            WHEN lower(coalesce(k.line_item_product_code, '')) LIKE '%sagemaker%' THEN 'sagemaker'
            WHEN k.line_item_product_code = 'MachineLearningSavingsPlans' THEN 'sagemaker'
            ELSE 'bedrock'
        END AS service,
        CASE
            WHEN k.region IN (SELECT region FROM contract_shares) THEN k.region
            ELSE '*'
        END AS region
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.is_ai
        AND k.price_basis = 'unblended'
        AND k.kind IN ('usage', 'plan_fee', 'plan_upfront_fee', 'discount')
        AND EXISTS (SELECT 1 FROM contract_shares)
),

promised AS (
    SELECT
        p.delivery_id,
        p.line,
        p.account,
        p.usage_type,
        p.currency,
        s.line_type,
        p.hours,
        p.billed,
        p.identity_line_item_id,
        p.net,
        p.billed * s.share AS discount
    FROM placed AS p
    JOIN contract_shares AS s
        ON s.service = p.service
        AND s.region = p.region
        AND s.marketplace = p.marketplace
        AND s.is_fee = (p.kind <> 'usage')
        AND p.usage_day >= s.starts
        AND p.usage_day < s.ends
    WHERE p.kind <> 'discount'
),

granted AS (
    SELECT
        delivery_id,
        line,
        account,
        usage_type,
        currency,
        line_type,
        hours,
        billed,
        identity_line_item_id
    FROM placed
    WHERE kind = 'discount'
        AND line_type IN (SELECT line_type FROM contract_shares)
),

-- Bills without discount lines show discounts in the net columns alone.
shown_net AS (
    SELECT delivery_id
    FROM promised
    WHERE delivery_id NOT IN (SELECT delivery_id FROM granted)
    GROUP BY 1
    HAVING count(net) > 0
),

both_sides AS (
    SELECT
        delivery_id, line, account, usage_type, currency, line_type, hours, billed,
        identity_line_item_id, TRUE AS is_discount_line, billed AS against
    FROM granted
    UNION ALL
    SELECT
        delivery_id, line, account, usage_type, currency, line_type, hours, billed,
        identity_line_item_id, FALSE, discount
    FROM promised
    WHERE delivery_id NOT IN (SELECT delivery_id FROM shown_net)
),

summed AS (
    SELECT
        delivery_id,
        line,
        is_discount_line,
        sum(against) OVER same_charge AS difference,
        sum(hours) OVER same_charge AS hours,
        sum(CASE WHEN is_discount_line THEN 1 ELSE 0 END) OVER same_charge AS discount_lines,
        sum(CASE WHEN is_discount_line THEN 0 ELSE 1 END) OVER same_charge AS charge_lines,
        row_number() OVER (
            PARTITION BY delivery_id, account, usage_type, currency, line_type
            ORDER BY
                CASE WHEN is_discount_line THEN 0 ELSE 1 END,
                abs(billed) DESC,
                identity_line_item_id NULLS LAST,
                line
        ) AS place
    FROM both_sides
    WINDOW same_charge AS (
        PARTITION BY delivery_id, account, usage_type, currency, line_type
    )
)

SELECT
    delivery_id,
    line,
    is_discount_line,
    CASE
        WHEN charge_lines = 0 THEN 'discount_excluded'
        WHEN discount_lines = 0 THEN 'discount_missing'
        ELSE 'discount_differs'
    END AS reason,
    CAST(
        CASE
            WHEN place = 1 AND abs(difference) > 0.0000000001 * hours THEN difference
            ELSE 0
        END AS DECIMAL(36, 20)
    ) AS difference
FROM summed
WHERE is_discount_line
    OR (discount_lines = 0 AND place = 1 AND abs(difference) > 0.0000000001 * hours)
