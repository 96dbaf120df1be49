-- The tables of a ledger. What is written once a line is narrow: everything about a charge except
-- who, when and how much stands once, in charge_keys. The relations for ad-hoc SQL are views.
CREATE TABLE ledger (schema_version INTEGER NOT NULL);

CREATE TABLE deliveries (
    delivery_id     VARCHAR NOT NULL,
    period          DATE NOT NULL,
    payer_account   VARCHAR NOT NULL,
    format          VARCHAR NOT NULL,
    services        VARCHAR NOT NULL,
    sequence        BIGINT NOT NULL,
    is_current      BOOLEAN NOT NULL,
    lines           BIGINT NOT NULL,
    final_lines     BIGINT NOT NULL,
    billed          DECIMAL(38, 20) NOT NULL,
    in_scope_lines  BIGINT NOT NULL,
    in_scope_billed DECIMAL(38, 20) NOT NULL
);

CREATE TABLE delivery_files (
    delivery_id VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    sha256      VARCHAR NOT NULL,
    bytes       BIGINT NOT NULL,
    lines       BIGINT NOT NULL,
    billed      DECIMAL(38, 20) NOT NULL
);

CREATE TABLE read_totals (
    delivery_id                VARCHAR NOT NULL,
    line_item_usage_account_id VARCHAR,
    line_item_product_code     VARCHAR,
    line_item_line_item_type   VARCHAR,
    bill_invoice_id            VARCHAR,
    line_item_currency_code    VARCHAR,
    lines                      BIGINT NOT NULL,
    billed                     DECIMAL(38, 20) NOT NULL,
    in_scope_lines             BIGINT NOT NULL,
    in_scope_billed            DECIMAL(38, 20) NOT NULL
);

CREATE TABLE lines (
    line                                     BIGINT NOT NULL,
    delivery_id                              VARCHAR NOT NULL,
    charge_key_id                            UBIGINT NOT NULL,
    hours                                    INTEGER NOT NULL,
    quantity_rounded                         BOOLEAN,
    identity_line_item_id                    VARCHAR,
    identity_time_interval                   VARCHAR,
    bill_invoice_id                          VARCHAR,
    bill_invoicing_entity                    VARCHAR,
    bill_bill_type                           VARCHAR,
    line_item_usage_account_id               VARCHAR,
    line_item_usage_start_date               TIMESTAMP NOT NULL,
    line_item_usage_end_date                 TIMESTAMP,
    line_item_availability_zone              VARCHAR,
    line_item_resource_id                    VARCHAR,
    line_item_iam_principal                  VARCHAR,
    line_item_usage_amount                   DECIMAL(22, 10),
    line_item_unblended_rate                 DECIMAL(22, 10),
    line_item_unblended_cost                 DECIMAL(36, 20) NOT NULL,
    line_item_net_unblended_cost             DECIMAL(36, 20),
    pricing_rate_id                          VARCHAR,
    pricing_public_on_demand_cost            DECIMAL(36, 20),
    pricing_public_on_demand_rate            DECIMAL(22, 10),
    reservation_effective_cost               DECIMAL(36, 20),
    savings_plan_savings_plan_a_r_n          VARCHAR,
    savings_plan_savings_plan_rate           DECIMAL(22, 10),
    savings_plan_savings_plan_effective_cost DECIMAL(36, 20),
    savings_plan_total_commitment_to_date    DECIMAL(36, 20),
    savings_plan_used_commitment             DECIMAL(36, 20),
    split_line_item_parent_resource_id       VARCHAR,
    resource_tags                            MAP(VARCHAR, VARCHAR),
    tags                                     MAP(VARCHAR, VARCHAR),
    cost_category                            MAP(VARCHAR, VARCHAR)
);

CREATE SEQUENCE line_numbers;
