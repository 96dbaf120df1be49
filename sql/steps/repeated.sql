-- Lines that repeat another line of their delivery; the copy that is kept is not among them.
-- grain: one row a repeating line
-- how: `same_identity`, identity and interval twice; `identical_usage`, the same usage of the same
-- named resource under a new id; `similar_usage`, the same where no resource is named.
-- Rule: DESIGN, section 2, "What a reader must accept". hash() only narrows the search.
-- An id alone is not unique (one id was seen with many intervals), so where the delivery leaves out
-- the interval, the hours of usage stand for it.
-- Which copy is kept must not depend on the order of the lines in the files, so the order is by all
-- that a finding shows before it is by line.
WITH same_hash AS (
    SELECT
        delivery_id,
        hash(identity_line_item_id, identity_time_interval) AS identity_hash
    FROM lines
    WHERE identity_line_item_id IS NOT NULL
    GROUP BY 1, 2
    HAVING count(*) > 1
),

identities AS (
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
    JOIN same_hash AS h
        ON h.delivery_id = l.delivery_id
        AND h.identity_hash = hash(l.identity_line_item_id, l.identity_time_interval)
),

same_identity AS (
    SELECT line
    FROM identities
    WHERE copy > 1
),

-- Lines of one charge, account, resource, hour and quantity; narrow, since all lines pass here.
same_usage AS (
    SELECT
        l.delivery_id,
        hash(
            l.charge_key_id,
            l.line_item_usage_account_id,
            l.line_item_resource_id,
            l.line_item_usage_start_date,
            l.line_item_usage_amount
        ) AS usage_hash
    FROM lines AS l
    WHERE l.line_item_unblended_cost <> 0
    GROUP BY 1, 2
    HAVING count(*) > 1
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
            ORDER BY l.identity_line_item_id NULLS LAST, l.line
        ) AS copy
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    JOIN tag_sets AS t
        ON t.tag_set_id = l.tag_set_id
    JOIN same_usage AS h
        ON h.delivery_id = l.delivery_id
        AND h.usage_hash = hash(
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
)

SELECT
    line,
    'same_identity' AS how
FROM same_identity
UNION ALL
SELECT
    line,
    CASE WHEN line_item_resource_id IS NULL THEN 'similar_usage' ELSE 'identical_usage' END AS how
FROM usages
WHERE copy > 1
