-- Lines that repeat another line of their delivery; the copy that is kept is not among them.
-- grain: one row a repeating line
-- how: `same_identity`, identity and interval twice; `identical_usage`, the same usage of the same
-- named resource under a new id; `similar_usage`, the same where no resource is named;
-- `other_period`, usage of another month that the bill of that month holds as well;
-- `other_product`, the same tokens of the same model under two product codes, which is how a model
-- sold by AWS and by the Marketplace may be billed twice.
-- Rule: DESIGN, section 2, "What a reader must accept". alike.sql only narrows the search.
-- An id alone is not unique (one id was seen with many intervals), so where the delivery leaves out
-- the interval, the hours of usage stand for it.
-- What a finding shows must not depend on the order of the lines in the files, so the copy that is
-- kept is chosen by all of that first. Of copies that differ in their id alone the later one in the
-- delivery is the repetition, since an id says nothing about what came first.
WITH identities AS (
    SELECT
        l.line,
        row_number() OVER (
            PARTITION BY
                l.delivery_id,
                l.identity_line_item_id,
                l.identity_time_interval,
                CASE WHEN l.identity_time_interval IS NULL
                    THEN l.line_item_usage_start_date END,
                CASE WHEN l.identity_time_interval IS NULL THEN l.line_item_usage_end_date END
            ORDER BY
                l.line_item_unblended_cost DESC,
                l.charge_key_id,
                l.line_item_usage_account_id NULLS LAST,
                l.line_item_resource_id NULLS LAST,
                l.line_item_unblended_rate NULLS LAST,
                l.line_item_usage_amount NULLS LAST,
                l.line_item_usage_start_date,
                l.line_item_usage_end_date NULLS LAST,
                l.line
        ) AS copy
    FROM lines AS l
    JOIN alike AS h
        ON h.what = 'identity'
        AND h.shared = hash(l.delivery_id, l.identity_line_item_id, l.identity_time_interval)
),

same_identity AS (
    SELECT line
    FROM identities
    WHERE copy > 1
),

usages AS (
    SELECT
        l.line,
        l.line_item_resource_id,
        row_number() OVER (
            PARTITION BY
                l.delivery_id,
                l.charge_key_id,
                l.line_item_usage_account_id,
                l.line_item_resource_id,
                l.line_item_availability_zone,
                l.line_item_iam_principal,
                l.pricing_rate_id,
                l.savings_plan_savings_plan_a_r_n,
                l.savings_plan_savings_plan_rate,
                l.identity_time_interval,
                l.line_item_usage_start_date,
                l.line_item_usage_end_date,
                l.line_item_usage_amount,
                l.line_item_unblended_rate,
                l.line_item_unblended_cost,
                l.bill_invoice_id,
                l.bill_invoicing_entity,
                l.bill_bill_type,
                CAST(t.resource_tags AS STRING),
                CAST(t.tags AS STRING),
                CAST(t.cost_category AS STRING)
            ORDER BY l.line
        ) AS copy
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN tag_sets AS t
        ON t.tag_set_id = l.tag_set_id
    JOIN alike AS h
        ON h.what = 'usage'
        AND h.shared = hash(
            l.delivery_id,
            l.charge_key_id,
            l.line_item_usage_account_id,
            l.line_item_resource_id,
            l.line_item_usage_start_date,
            l.line_item_usage_amount
        )
    WHERE k.kind IN ('usage', 'covered_usage')
        AND l.line_item_unblended_cost <> 0
        AND l.split_line_item_parent_resource_id IS NULL
        AND l.line NOT IN (SELECT line FROM same_identity)
),

-- Two months bill one usage: it began outside the period it is billed in, and the period in which
-- it began bills it too. Only a named resource tells usage from usage that looks alike. What one of
-- the months does not deliver tells nothing: columns come and go between months.
outside AS (
    SELECT
        l.*,
        d.payer_account
    FROM lines AS l
    JOIN run_deliveries AS d
        ON d.delivery_id = l.delivery_id
    WHERE (l.line_item_usage_start_date < d.starts OR l.line_item_usage_start_date >= d.ends)
        AND l.line_item_resource_id IS NOT NULL
        AND l.line_item_unblended_cost <> 0
        AND l.split_line_item_parent_resource_id IS NULL
),

-- The deliveries that bill the periods in which that usage began; mostly none.
elsewhere AS (
    SELECT DISTINCT d.delivery_id
    FROM outside AS o
    JOIN every_delivery AS d
        ON d.payer_account = o.payer_account
        AND d.delivery_id <> o.delivery_id
        AND o.line_item_usage_start_date >= CAST(d.period AS TIMESTAMP)
        AND o.line_item_usage_start_date < CAST(d.period + INTERVAL '1' MONTH AS TIMESTAMP)
),

lines_elsewhere AS (
    SELECT *
    FROM every_line
    WHERE delivery_id IN (SELECT delivery_id FROM elsewhere)
),

other_period AS (
    SELECT DISTINCT o.line
    FROM outside AS o
    JOIN charge_keys AS k
        ON k.charge_key_id = o.charge_key_id
    JOIN lines_elsewhere AS e
        ON e.delivery_id <> o.delivery_id
        AND e.line_item_resource_id = o.line_item_resource_id
        AND e.line_item_usage_start_date = o.line_item_usage_start_date
        AND e.line_item_usage_end_date = o.line_item_usage_end_date
        AND e.line_item_usage_account_id = o.line_item_usage_account_id
        AND e.line_item_usage_amount = o.line_item_usage_amount
        AND e.line_item_unblended_cost = o.line_item_unblended_cost
        AND coalesce(e.line_item_availability_zone, '')
            = coalesce(o.line_item_availability_zone, '')
        AND coalesce(e.line_item_iam_principal, '') = coalesce(o.line_item_iam_principal, '')
    JOIN charge_keys AS j
        ON j.charge_key_id = e.charge_key_id
        AND j.kind = k.kind
        AND j.price_basis = k.price_basis
        AND coalesce(j.line_item_product_code, '') = coalesce(k.line_item_product_code, '')
        AND coalesce(j.line_item_usage_type, '') = coalesce(k.line_item_usage_type, '')
        AND coalesce(j.line_item_operation, k.line_item_operation, '')
            = coalesce(k.line_item_operation, j.line_item_operation, '')
        AND coalesce(j.product_sku, k.product_sku, '')
            = coalesce(k.product_sku, j.product_sku, '')
        AND coalesce(j.pricing_rate_code, k.pricing_rate_code, '')
            = coalesce(k.pricing_rate_code, j.pricing_rate_code, '')
        AND coalesce(j.line_item_currency_code, k.line_item_currency_code, '')
            = coalesce(k.line_item_currency_code, j.line_item_currency_code, '')
    JOIN every_delivery AS d
        ON d.delivery_id = e.delivery_id
        AND d.payer_account = o.payer_account
        AND e.line_item_usage_start_date >= CAST(d.period AS TIMESTAMP)
        AND e.line_item_usage_start_date < CAST(d.period + INTERVAL '1' MONTH AS TIMESTAMP)
    WHERE k.kind = 'usage'
),

-- Charges that are one and the same but for the product code.
meters AS (
    SELECT
        charge_key_id,
        line_item_product_code AS product_code,
        CASE WHEN unit = '1M tokens' THEN 1000 ELSE 1 END AS thousands,
        CASE WHEN bill_billing_entity = 'AWS Marketplace' THEN 1 ELSE 0 END AS marketplace,
        concat_ws('|', provider, model, token_type, coalesce(tier, ''), coalesce(routing, ''),
            coalesce(context, ''), coalesce(endpoint, ''), coalesce(customized, ''), region)
            AS meter
    FROM charge_keys
    WHERE kind = 'usage'
        AND capability = 'on_demand'
        AND unit IN ('1K tokens', '1M tokens')
        AND model IS NOT NULL
        AND token_type IS NOT NULL
        AND region IS NOT NULL
        AND undecoded_reason IS NULL
),

shared_meters AS (
    SELECT meter
    FROM meters
    GROUP BY 1
    HAVING count(DISTINCT product_code) > 1
),

metered AS (
    SELECT
        l.line,
        l.delivery_id,
        l.line_item_usage_account_id,
        l.line_item_resource_id,
        l.line_item_usage_start_date,
        l.line_item_usage_end_date,
        m.meter,
        m.product_code,
        m.marketplace,
        CAST(l.line_item_usage_amount AS DECIMAL(22, 10)) * m.thousands AS tokens,
        count(*) OVER (PARTITION BY l.delivery_id, m.meter, m.product_code) AS code_lines
    FROM lines AS l
    JOIN meters AS m
        ON m.charge_key_id = l.charge_key_id
    JOIN shared_meters AS s
        ON s.meter = m.meter
    WHERE l.line_item_unblended_cost > 0
        AND l.line_item_usage_amount > 0
        AND l.split_line_item_parent_resource_id IS NULL
        AND l.line NOT IN (SELECT line FROM same_identity)
),

-- The product code that the delivery bills less often stands for the copy; of two alike, that of the
-- Marketplace. Without resources, a thousand tokens at least must agree to the last digit.
other_product AS (
    SELECT DISTINCT a.line
    FROM metered AS a
    JOIN metered AS b
        ON b.delivery_id = a.delivery_id
        AND b.meter = a.meter
        AND b.product_code <> a.product_code
        AND b.line_item_usage_account_id = a.line_item_usage_account_id
        AND coalesce(b.line_item_resource_id, '') = coalesce(a.line_item_resource_id, '')
        AND b.line_item_usage_start_date = a.line_item_usage_start_date
        AND b.line_item_usage_end_date = a.line_item_usage_end_date
        AND b.tokens = a.tokens
    WHERE (a.line_item_resource_id IS NOT NULL OR a.tokens >= 1)
        AND (
            a.code_lines < b.code_lines
            OR (a.code_lines = b.code_lines AND a.marketplace > b.marketplace)
            OR (a.code_lines = b.code_lines AND a.marketplace = b.marketplace
                AND a.product_code > b.product_code)
        )
),

-- A copy for each line that takes the usage back is no repetition: it was billed anew.
taken_back AS (
    SELECT
        u.line,
        count(*) AS lines
    FROM usages AS u
    JOIN lines AS l
        ON l.line = u.line
    JOIN lines AS b
        ON b.delivery_id = l.delivery_id
        AND b.charge_key_id = l.charge_key_id
        AND b.line_item_usage_start_date = l.line_item_usage_start_date
        AND b.line_item_usage_amount = -l.line_item_usage_amount
        AND b.line_item_unblended_cost = -l.line_item_unblended_cost
        AND coalesce(b.line_item_usage_account_id, '') = coalesce(l.line_item_usage_account_id, '')
        AND coalesce(b.line_item_resource_id, '') = coalesce(l.line_item_resource_id, '')
    WHERE u.copy > 1
        AND l.line_item_usage_amount > 0
        AND b.line_item_usage_amount < 0
    GROUP BY 1
),

first_repeats AS (
    SELECT
        u.line,
        CASE WHEN u.line_item_resource_id IS NULL THEN 'similar_usage' ELSE 'identical_usage' END
            AS how
    FROM usages AS u
    LEFT JOIN taken_back AS t
        ON t.line = u.line
    WHERE u.copy > 1 + coalesce(t.lines, 0)
)

SELECT
    line,
    'same_identity' AS how
FROM same_identity
UNION ALL
SELECT
    line,
    how
FROM first_repeats
UNION ALL
SELECT
    line,
    'other_period' AS how
FROM other_period
WHERE line NOT IN (SELECT line FROM same_identity)
    AND line NOT IN (SELECT line FROM first_repeats)
UNION ALL
SELECT
    line,
    'other_product' AS how
FROM other_product
WHERE line NOT IN (SELECT line FROM first_repeats)
    AND line NOT IN (SELECT line FROM other_period)
