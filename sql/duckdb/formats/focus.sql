-- format: FOCUS
-- FOCUS 1.0 and 1.2 as AWS exports them, and dumps of several providers.
-- Column lists: FOCUS specification 1.0 and 1.2; AWS Data Exports, FOCUS_1_0_AWS, FOCUS_1_2_AWS.
--
-- column: BillingAccountId            text filled
-- column: BillingPeriodStart          time period
-- column: SubAccountId                text
-- column: BillingCurrency             text
-- column: BilledCost                  money filled
-- column: EffectiveCost               money
-- column: ListCost                    money
-- column: ListUnitPrice               rate
-- column: ContractedCost              money
-- column: ContractedUnitPrice         rate
-- column: PricingQuantity             quantity
-- column: PricingUnit                 text
-- column: PricingCategory             text
-- column: ConsumedQuantity            quantity
-- column: ChargeCategory              text required
-- column: ChargeClass                 text
-- column: ChargeDescription           text
-- column: ChargeFrequency             text
-- column: ChargePeriodStart           time filled
-- column: ChargePeriodEnd             time
-- column: CommitmentDiscountId        text
-- column: CommitmentDiscountStatus    text
-- column: AvailabilityZone            text
-- column: InvoiceId                   text
-- column: InvoiceIssuerName           text
-- column: ProviderName                text
-- column: PublisherName               text
-- column: RegionId                    text
-- column: ResourceId                  text
-- column: ServiceName                 text
-- column: SkuId                       text
-- column: SkuPriceId                  text
-- column: SkuMeter                    text
-- column: SkuPriceDetails             map
-- column: Tags                        tags
-- column: x_CostCategories            tags
-- column: x_Operation                 text
-- column: x_ServiceCode               text
-- column: x_UsageType                 text
SELECT
    file,
    row_number,
    -- Who bills: the provider says it, else an AWS service code, else the issuer of the invoice.
    -- A publisher alone may be any seller of the Marketplace, so only other clouds' names tell.
    CASE
        WHEN ProviderName IS NOT NULL THEN regexp_matches(ProviderName, '^(aws|amazon)', 'i')
        WHEN x_ServiceCode IS NOT NULL THEN TRUE
        WHEN InvoiceIssuerName IS NOT NULL
        THEN regexp_matches(InvoiceIssuerName, '^(aws|amazon)', 'i')
        ELSE NOT regexp_matches(
            coalesce(PublisherName, ''), '^(microsoft|google|oracle|alibaba|tencent|ibm)', 'i'
        )
    END AS billed_by_aws,
    -- A FOCUS line states its public price and its cost at that price; BilledCost is what is left
    -- of it after discounts and commitments. So price and arithmetic are judged on the list side.
    'list' AS price_basis,
    CASE
        WHEN ChargeClass = 'Correction' THEN 'correction'
        WHEN ChargeCategory = 'Usage' AND CommitmentDiscountStatus = 'Used' THEN 'covered_usage'
        WHEN ChargeCategory = 'Usage' AND CommitmentDiscountStatus = 'Unused' THEN 'plan_fee'
        WHEN ChargeCategory = 'Usage' THEN 'usage'
        WHEN ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL
            AND ChargeFrequency = 'One-Time' THEN 'plan_upfront_fee'
        WHEN ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL THEN 'plan_fee'
        WHEN ChargeCategory = 'Purchase' THEN 'fee'
        WHEN ChargeCategory = 'Tax' THEN 'tax'
        WHEN ChargeCategory = 'Credit' THEN 'credit'
        WHEN ChargeCategory = 'Adjustment' THEN 'correction'
        ELSE 'unknown'
    END AS kind,
    BillingAccountId AS bill_payer_account_id,
    BillingPeriodStart AS period_start,
    InvoiceId AS bill_invoice_id,
    InvoiceIssuerName AS bill_invoicing_entity,
    PublisherName AS bill_billing_entity,
    CAST(NULL AS VARCHAR) AS bill_bill_type,
    CAST(NULL AS VARCHAR) AS identity_line_item_id,
    CAST(NULL AS VARCHAR) AS identity_time_interval,
    SubAccountId AS line_item_usage_account_id,
    ChargeCategory AS line_item_line_item_type,
    ChargePeriodStart AS line_item_usage_start_date,
    ChargePeriodEnd AS line_item_usage_end_date,
    coalesce(
        x_ServiceCode,
        CASE ServiceName
            WHEN 'Amazon Bedrock' THEN 'AmazonBedrock'
            WHEN 'Amazon Bedrock Service' THEN 'AmazonBedrockService'
            WHEN 'Amazon SageMaker' THEN 'AmazonSageMaker'
            ELSE ServiceName
        END
    ) AS line_item_product_code,
    coalesce(x_UsageType, SkuMeter) AS line_item_usage_type,
    x_Operation AS line_item_operation,
    AvailabilityZone AS line_item_availability_zone,
    ResourceId AS line_item_resource_id,
    PricingQuantity AS line_item_usage_amount,
    PricingQuantity_rounded AS quantity_rounded,
    BillingCurrency AS line_item_currency_code,
    ContractedUnitPrice AS line_item_unblended_rate,
    BilledCost AS line_item_unblended_cost,
    CAST(NULL AS DECIMAL(36, 20)) AS line_item_net_unblended_cost,
    ChargeDescription AS line_item_line_item_description,
    CAST(NULL AS VARCHAR) AS line_item_tax_type,
    CAST(NULL AS VARCHAR) AS line_item_legal_entity,
    CAST(NULL AS VARCHAR) AS line_item_iam_principal,
    ServiceName AS product_name,
    x_ServiceCode AS product_servicecode,
    SkuId AS product_sku,
    RegionId AS product_region_code,
    CAST(NULL AS VARCHAR) AS product_product_family,
    SkuPriceDetails['InstanceType'] AS product_instance_type,
    CAST(NULL AS VARCHAR) AS product_model,
    CAST(NULL AS VARCHAR) AS product_provider,
    CAST(NULL AS VARCHAR) AS product_feature,
    CAST(NULL AS VARCHAR) AS product_inference_type,
    SkuPriceId AS pricing_rate_code,
    CAST(NULL AS VARCHAR) AS pricing_rate_id,
    PricingUnit AS pricing_unit,
    PricingCategory AS pricing_term,
    ListCost AS pricing_public_on_demand_cost,
    ListUnitPrice AS pricing_public_on_demand_rate,
    ContractedCost AS contracted_cost,
    CAST(NULL AS DECIMAL(36, 20)) AS reservation_effective_cost,
    CommitmentDiscountId AS savings_plan_savings_plan_a_r_n,
    CAST(NULL AS DECIMAL(22, 10)) AS savings_plan_savings_plan_rate,
    EffectiveCost AS savings_plan_savings_plan_effective_cost,
    CAST(NULL AS DECIMAL(36, 20)) AS savings_plan_total_commitment_to_date,
    CAST(NULL AS DECIMAL(36, 20)) AS savings_plan_used_commitment,
    CAST(NULL AS VARCHAR) AS split_line_item_parent_resource_id,
    hash(Tags_hash, x_CostCategories_hash) AS tag_set_id,
    Tags AS resource_tags,
    CAST(NULL AS MAP(VARCHAR, VARCHAR)) AS tags,
    x_CostCategories AS cost_category
FROM raw
