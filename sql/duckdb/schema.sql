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

-- In which order deliveries first came; one that comes back keeps its place.
CREATE TABLE first_read (
    delivery_id VARCHAR NOT NULL,
    place       BIGINT NOT NULL
);

-- What the lines of a delivery add up to: kept when a newer delivery replaces the lines, so that
-- two deliveries can be compared.
CREATE TABLE delivery_sums (
    delivery_id                VARCHAR NOT NULL,
    charge_key_id              UBIGINT NOT NULL,
    line_item_usage_account_id VARCHAR,
    bill_invoicing_entity      VARCHAR,
    lines                      BIGINT NOT NULL,
    final_lines                BIGINT NOT NULL,
    quantity                   DECIMAL(38, 10),
    billed                     DECIMAL(38, 20) NOT NULL,
    final_billed               DECIMAL(38, 20) NOT NULL,
    first_usage                TIMESTAMP NOT NULL,
    last_usage                 TIMESTAMP NOT NULL
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
    contracted_cost                          DECIMAL(36, 20),
    reservation_effective_cost               DECIMAL(36, 20),
    savings_plan_savings_plan_a_r_n          VARCHAR,
    savings_plan_savings_plan_rate           DECIMAL(22, 10),
    savings_plan_savings_plan_effective_cost DECIMAL(36, 20),
    savings_plan_total_commitment_to_date    DECIMAL(36, 20),
    savings_plan_used_commitment             DECIMAL(36, 20),
    split_line_item_parent_resource_id       VARCHAR,
    tag_set_id                               UBIGINT NOT NULL
);

-- The tags and cost categories of lines: a few sets, shared by many lines.
CREATE TABLE tag_sets (
    tag_set_id    UBIGINT NOT NULL,
    resource_tags MAP(VARCHAR, VARCHAR),
    tags          MAP(VARCHAR, VARCHAR),
    cost_category MAP(VARCHAR, VARCHAR)
);

CREATE TABLE charge_keys (
    charge_key_id                   UBIGINT NOT NULL,
    kind                            VARCHAR NOT NULL,
    price_basis                     VARCHAR NOT NULL,
    is_ai                           BOOLEAN NOT NULL,
    bill_billing_entity             VARCHAR,
    line_item_line_item_type        VARCHAR,
    line_item_product_code          VARCHAR,
    line_item_usage_type            VARCHAR,
    line_item_operation             VARCHAR,
    line_item_line_item_description VARCHAR,
    line_item_tax_type              VARCHAR,
    line_item_currency_code         VARCHAR,
    line_item_legal_entity          VARCHAR,
    product_name                    VARCHAR,
    product_servicecode             VARCHAR,
    product_sku                     VARCHAR,
    product_region_code             VARCHAR,
    product_product_family          VARCHAR,
    product_instance_type           VARCHAR,
    product_model                   VARCHAR,
    product_provider                VARCHAR,
    product_feature                 VARCHAR,
    product_inference_type          VARCHAR,
    pricing_rate_code               VARCHAR,
    pricing_unit                    VARCHAR,
    pricing_term                    VARCHAR,
    resource_type                   VARCHAR,
    resource_model                  VARCHAR,
    region                          VARCHAR,
    unit                            VARCHAR,
    grade                           VARCHAR,
    undecoded_reason                VARCHAR,
    unpriced_reason                 VARCHAR,
    service                         VARCHAR,
    capability                      VARCHAR,
    provider                        VARCHAR,
    model                           VARCHAR,
    feature                         VARCHAR,
    token_type                      VARCHAR,
    tier                            VARCHAR,
    routing                         VARCHAR,
    context                         VARCHAR,
    endpoint                        VARCHAR,
    commitment                      VARCHAR,
    customized                      VARCHAR,
    variant                         VARCHAR,
    component                       VARCHAR,
    instance_type                   VARCHAR,
    volume_type                     VARCHAR,
    size                            VARCHAR
);

CREATE TABLE rates (
    rate_id     VARCHAR NOT NULL,
    source_kind VARCHAR NOT NULL,
    card        VARCHAR,
    source      VARCHAR NOT NULL,
    reference   VARCHAR,
    region      VARCHAR,
    price       DECIMAL(15, 10) NOT NULL,
    unit        VARCHAR NOT NULL,
    currency    VARCHAR NOT NULL,
    starts      DATE,
    ends        DATE,
    checked     DATE,
    unconfirmed BOOLEAN NOT NULL,
    later       BOOLEAN NOT NULL
);

CREATE TABLE key_rates (
    charge_key_id UBIGINT NOT NULL,
    rate_id       VARCHAR NOT NULL,
    source_kind   VARCHAR NOT NULL,
    starts        DATE NOT NULL,
    ends          DATE NOT NULL,
    tier_from     DECIMAL(22, 10),
    tier_to       DECIMAL(22, 10),
    price         DECIMAL(15, 10) NOT NULL,
    later         BOOLEAN NOT NULL,
    unit_stated   BOOLEAN NOT NULL
);

-- One row a line and component; a line mostly has one. `difference` is billed - expected, and
-- `billed_part` is left out where the row carries the whole cost of the line.
CREATE TABLE compared (
    delivery_id VARCHAR NOT NULL,
    line        BIGINT NOT NULL,
    component   VARCHAR NOT NULL,
    reason      VARCHAR,
    rate_id     VARCHAR,
    difference  DECIMAL(36, 20) NOT NULL,
    billed_part DECIMAL(36, 20)
);

CREATE TABLE findings (
    delivery_id     VARCHAR NOT NULL,
    id              VARCHAR NOT NULL,
    series_id       VARCHAR NOT NULL,
    "check"         VARCHAR NOT NULL,
    category        VARCHAR NOT NULL,
    severity        VARCHAR NOT NULL,
    owns_difference BOOLEAN NOT NULL,
    period          VARCHAR NOT NULL,
    payer_account   VARCHAR NOT NULL,
    usage_account   VARCHAR,
    region          VARCHAR,
    service         VARCHAR,
    usage_type      VARCHAR,
    operation       VARCHAR,
    unit            VARCHAR,
    resource        VARCHAR,
    quantity        DECIMAL(38, 10),
    billed          DECIMAL(38, 20) NOT NULL,
    expected        DECIMAL(38, 20),
    difference      DECIMAL(38, 20) NOT NULL,
    currency        VARCHAR,
    lines           BIGINT NOT NULL,
    first_usage     TIMESTAMP,
    last_usage      TIMESTAMP,
    reason          VARCHAR NOT NULL,
    primary_id      VARCHAR,
    rate_id         VARCHAR
);

CREATE TABLE found_lines (
    delivery_id VARCHAR NOT NULL,
    finding_id  VARCHAR NOT NULL,
    line        BIGINT NOT NULL,
    billed      DECIMAL(36, 20) NOT NULL,
    expected    DECIMAL(36, 20) NOT NULL
);

-- Findings of deliveries that a newer one has replaced.
CREATE TABLE past_findings AS SELECT * FROM findings LIMIT 0;

-- Every finding that was ever found, as it was last seen: what a life is told of.
CREATE TABLE known_findings AS SELECT * FROM findings LIMIT 0;

-- What happened to findings: noticed by an audit, or decided by a person. Only ever added to.
CREATE TABLE finding_events (
    event_id   BIGINT NOT NULL,
    "at"       TIMESTAMP NOT NULL,
    event      VARCHAR NOT NULL,
    series_id  VARCHAR NOT NULL,
    finding_id VARCHAR,
    who        VARCHAR NOT NULL,
    why        VARCHAR NOT NULL,
    difference DECIMAL(38, 20),
    until      DATE,
    max_amount DECIMAL(38, 20),
    run_id     VARCHAR,
    source     VARCHAR
);

-- Which credit settles how much of which finding. A line's id is another one in each delivery, so a
-- credit is known by what it says.
CREATE TABLE settlements (
    finding_id   VARCHAR NOT NULL,
    credit_key   VARCHAR NOT NULL,
    line_item_id VARCHAR,
    period       VARCHAR NOT NULL,
    amount       DECIMAL(38, 20) NOT NULL,
    currency     VARCHAR NOT NULL,
    "at"         TIMESTAMP NOT NULL,
    who          VARCHAR NOT NULL
);

CREATE TABLE bridge (
    delivery_id   VARCHAR NOT NULL,
    period        VARCHAR NOT NULL,
    payer_account VARCHAR NOT NULL,
    currency      VARCHAR NOT NULL,
    component     VARCHAR NOT NULL,
    billed        DECIMAL(38, 20) NOT NULL,
    expected      DECIMAL(38, 20) NOT NULL,
    amount        DECIMAL(38, 20) NOT NULL,
    lines         BIGINT NOT NULL
);

CREATE TABLE past_bridge AS SELECT * FROM bridge LIMIT 0;

-- What months that still run will come to, as forecast from each of their deliveries.
CREATE TABLE forecasts (
    delivery_id   VARCHAR NOT NULL,
    period        VARCHAR NOT NULL,
    payer_account VARCHAR NOT NULL,
    currency      VARCHAR NOT NULL,
    through       DATE NOT NULL,
    days_left     BIGINT NOT NULL,
    days_known    BIGINT NOT NULL,
    billed        DECIMAL(38, 20) NOT NULL,
    low           DECIMAL(38, 20),
    expected      DECIMAL(38, 20),
    high          DECIMAL(38, 20),
    tries         BIGINT NOT NULL,
    reason        VARCHAR
);

-- What the deliveries in force were judged by.
CREATE TABLE rate_sources (
    delivery_id VARCHAR NOT NULL,
    name        VARCHAR NOT NULL,
    source      VARCHAR NOT NULL,
    sha256      VARCHAR NOT NULL,
    rates       BIGINT NOT NULL
);

-- What which channel was told of which finding, or of a run that failed. Only ever added to.
CREATE TABLE alerts (
    alert_id   BIGINT NOT NULL,
    "at"       TIMESTAMP NOT NULL,
    channel    VARCHAR NOT NULL,
    kind       VARCHAR NOT NULL,
    series_id  VARCHAR,
    finding_id VARCHAR,
    severity   VARCHAR NOT NULL,
    difference DECIMAL(38, 20),
    currency   VARCHAR,
    notice_id  VARCHAR,
    last_event BIGINT NOT NULL
);

-- Runs that failed or were missed: kept for a channel until it was told.
CREATE TABLE alert_notices (
    notice_id VARCHAR NOT NULL,
    channel   VARCHAR NOT NULL,
    kind      VARCHAR NOT NULL,
    "at"      TIMESTAMP NOT NULL,
    message   VARCHAR NOT NULL
);

CREATE TABLE runs (
    run_id          VARCHAR NOT NULL,
    started         TIMESTAMP NOT NULL,
    curecon_version VARCHAR NOT NULL,
    deliveries      VARCHAR[] NOT NULL
);

-- What was really used, from logs, metrics and inventories; empty until something fills it.
CREATE TABLE evidence (
    source       VARCHAR NOT NULL,
    kind         VARCHAR NOT NULL,
    account      VARCHAR,
    region       VARCHAR,
    resource     VARCHAR,
    model        VARCHAR,
    dimension    VARCHAR NOT NULL,
    starts       TIMESTAMP NOT NULL,
    ends         TIMESTAMP NOT NULL,
    quantity     DECIMAL(22, 10) NOT NULL,
    unit         VARCHAR NOT NULL,
    completeness VARCHAR NOT NULL
);
