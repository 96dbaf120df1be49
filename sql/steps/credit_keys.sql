-- Charges that a promised credit may be taken of, and the credits themselves.
-- grain: one row a charge key
-- Upfront fees are no charge that credits pay for. A credit that is for no one service is one of
-- Bedrock unless its product says otherwise.
-- Source: AWS Billing, "AWS credits", eligible services; AWS Marketplace only where the contract says.
SELECT
    k.charge_key_id,
    k.kind = 'credit' AS is_credit,
    k.line_item_currency_code AS currency,
    CASE
        WHEN k.service IS NOT NULL THEN k.service
        WHEN lower(coalesce(k.line_item_product_code, '')) LIKE '%sagemaker%' THEN 'sagemaker'
        WHEN k.line_item_product_code = 'MachineLearningSavingsPlans' THEN 'sagemaker'
        ELSE 'bedrock'
    END AS service,
    coalesce(k.bill_billing_entity, '') = 'AWS Marketplace'
        OR coalesce(k.line_item_usage_type, '') LIKE '%-MP:%' AS marketplace
FROM charge_keys AS k
WHERE k.is_ai
    AND k.kind IN ('usage', 'plan_fee', 'fee', 'discount', 'credit')
    AND coalesce(k.line_item_currency_code, 'USD') IN (SELECT currency FROM contract_credits)
