-- format: CUR
-- Legacy Cost and Usage Reports and CUR 2.0: the same line items under two spellings.
-- Column lists: AWS CUR user guide, data dictionary; AWS Data Exports, table COST_AND_USAGE_REPORT.
--
-- A column that CUR 2.0 delivers as a key of the map `product` names the key.
-- Columns as AWS's Athena rule spells them. Types: text, money, quantity, rate, time, map,
-- and tags, which are maps that the ledger keeps once a set.
-- column: bill_payer_account_id                    text filled
-- column: bill_billing_period_start_date           time period
-- column: bill_invoice_id                          text
-- column: bill_invoicing_entity                    text
-- column: bill_billing_entity                      text
-- column: bill_bill_type                           text
-- column: identity_line_item_id                    text
-- column: identity_time_interval                   text
-- column: line_item_usage_account_id               text required
-- column: line_item_line_item_type                 text required
-- column: line_item_usage_start_date               time filled
-- column: line_item_usage_end_date                 time
-- column: line_item_product_code                   text required
-- column: line_item_usage_type                     text required
-- column: line_item_operation                      text
-- column: line_item_availability_zone              text
-- column: line_item_resource_id                    text
-- column: line_item_usage_amount                   quantity
-- column: line_item_currency_code                  text
-- column: line_item_unblended_rate                 rate
-- column: line_item_unblended_cost                 money filled
-- column: line_item_net_unblended_cost             money
-- column: line_item_line_item_description          text
-- column: line_item_tax_type                       text
-- column: line_item_legal_entity                   text
-- column: line_item_iam_principal                  text
-- column: product_product_name                     text key product_name
-- column: product_servicecode                      text key servicecode
-- column: product_sku                              text key sku
-- column: product_region_code                      text alias product_region key region
-- column: product_product_family                   text key product_family
-- column: product_instance_type                    text key instance_type
-- column: product_pricing_unit                     text
-- column: product_model                            text key model
-- column: product_provider                         text key provider
-- column: product_feature                          text key feature
-- column: product_inference_type                   text key inference_type
-- column: pricing_rate_code                        text
-- column: pricing_rate_id                          text
-- column: pricing_unit                             text
-- column: pricing_term                             text
-- column: pricing_public_on_demand_cost            money
-- column: pricing_public_on_demand_rate            rate
-- column: reservation_effective_cost               money
-- column: savings_plan_savings_plan_a_r_n          text alias savings_plan_savings_plan_arn
-- column: savings_plan_savings_plan_rate           rate
-- column: savings_plan_savings_plan_effective_cost money
-- column: savings_plan_total_commitment_to_date    money
-- column: savings_plan_used_commitment             money
-- column: split_line_item_parent_resource_id       text
-- column: resource_tags                            tags  prefix resource_tags_
-- column: tags                                     tags
-- column: cost_category                            tags  prefix cost_category_
SELECT
    file,
    row_number,
    TRUE AS billed_by_aws,
    'unblended' AS price_basis,
    -- The kind of charge. A line type that is not listed stays unknown and becomes a finding.
    CASE
        WHEN line_item_line_item_type = 'Usage' THEN 'usage'
        WHEN line_item_line_item_type = 'DiscountedUsage' THEN 'reserved_usage'
        WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN 'covered_usage'
        WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 'negation'
        WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN 'plan_fee'
        WHEN line_item_line_item_type = 'SavingsPlanUpfrontFee' THEN 'plan_upfront_fee'
        WHEN line_item_line_item_type IN ('Fee', 'RIFee') THEN 'fee'
        WHEN line_item_line_item_type = 'Tax' THEN 'tax'
        WHEN line_item_line_item_type = 'Credit' THEN 'credit'
        WHEN line_item_line_item_type = 'Refund' THEN 'refund'
        WHEN line_item_line_item_type IN (
            'EdpDiscount', 'BundledDiscount', 'PrivateRateDiscount', 'Discount',
            -- Those of resellers and of reserved instances: public code that reads real reports.
            'SppDiscount', 'RiVolumeDiscount'
        ) THEN 'discount'
        ELSE 'unknown'
    END AS kind,
    bill_payer_account_id,
    bill_billing_period_start_date AS period_start,
    bill_invoice_id,
    bill_invoicing_entity,
    bill_billing_entity,
    bill_bill_type,
    identity_line_item_id,
    identity_time_interval,
    line_item_usage_account_id,
    line_item_line_item_type,
    line_item_usage_start_date,
    line_item_usage_end_date,
    line_item_product_code,
    line_item_usage_type,
    line_item_operation,
    line_item_availability_zone,
    line_item_resource_id,
    line_item_usage_amount,
    line_item_usage_amount_rounded AS quantity_rounded,
    line_item_currency_code,
    line_item_unblended_rate,
    line_item_unblended_cost,
    line_item_net_unblended_cost,
    line_item_line_item_description,
    line_item_tax_type,
    line_item_legal_entity,
    line_item_iam_principal,
    product_product_name AS product_name,
    product_servicecode,
    product_sku,
    product_region_code,
    product_product_family,
    product_instance_type,
    product_model,
    product_provider,
    product_feature,
    product_inference_type,
    pricing_rate_code,
    pricing_rate_id,
    coalesce(pricing_unit, product_pricing_unit) AS pricing_unit,
    pricing_term,
    pricing_public_on_demand_cost,
    pricing_public_on_demand_rate,
    CAST(NULL AS DECIMAL(36, 20)) AS contracted_cost,
    reservation_effective_cost,
    savings_plan_savings_plan_a_r_n,
    savings_plan_savings_plan_rate,
    savings_plan_savings_plan_effective_cost,
    savings_plan_total_commitment_to_date,
    savings_plan_used_commitment,
    split_line_item_parent_resource_id,
    hash(resource_tags_hash, tags_hash, cost_category_hash) AS tag_set_id,
    resource_tags,
    tags,
    cost_category
FROM raw
