-- What is kept of each line in scope; everything else about it stands in its charge key.
-- `hours` is how many hours the line sums, at least one: AWS rounds once an hour.
-- `line` numbers a line of the ledger: delivery, file and row, so that it needs no counter.
SELECT
    (d.sequence * 16384 + s.file) * 4294967296 + s.row_number AS line,
    d.delivery_id,
    s.charge_key_id,
    CAST(
        CASE
            WHEN s.line_item_usage_end_date > s.line_item_usage_start_date
            THEN greatest(1, least(100000, ceil(
                epoch(s.line_item_usage_end_date - s.line_item_usage_start_date) / 3600)))
            ELSE 1
        END AS INTEGER
    ) AS hours,
    s.quantity_rounded,
    coalesce(s.identity_line_item_id, s.row_id) AS identity_line_item_id,
    coalesce(s.identity_time_interval, s.row_interval) AS identity_time_interval,
    s.bill_invoice_id,
    s.bill_invoicing_entity,
    s.bill_bill_type,
    s.line_item_usage_account_id,
    s.line_item_usage_start_date,
    s.line_item_usage_end_date,
    s.line_item_availability_zone,
    s.line_item_resource_id,
    s.line_item_iam_principal,
    s.line_item_usage_amount,
    s.line_item_unblended_rate,
    s.line_item_unblended_cost,
    s.line_item_net_unblended_cost,
    s.pricing_rate_id,
    s.pricing_public_on_demand_cost,
    s.pricing_public_on_demand_rate,
    s.contracted_cost,
    s.reservation_effective_cost,
    s.savings_plan_savings_plan_a_r_n,
    s.savings_plan_savings_plan_rate,
    s.savings_plan_savings_plan_effective_cost,
    s.savings_plan_total_commitment_to_date,
    s.savings_plan_used_commitment,
    s.split_line_item_parent_resource_id,
    s.tag_set_id
FROM in_scope AS s
JOIN run_deliveries AS d
    ON d.period = CAST(date_trunc('month', s.period_start) AS DATE)
    AND d.payer_account = s.bill_payer_account_id
