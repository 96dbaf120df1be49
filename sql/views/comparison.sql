-- Billed beside expected: where each line's dollars sit in the bridge, and why.
-- grain: one row a line and component; mostly one a line
-- `difference` is billed - expected. `provable` says whether the rate was in force for certain:
-- a contract, the price list published at or before the usage, or a confirmed card that was
-- checked within 90 days of the usage (DESIGN, section 2, "When a finding may be an error").
SELECT
    c.delivery_id,
    c.line,
    l.identity_line_item_id AS line_item_id,
    l.identity_time_interval AS time_interval,
    l.charge_key_id,
    k.kind,
    coalesce(c.billed_part, l.line_item_unblended_cost) AS billed,
    CAST(coalesce(c.billed_part, l.line_item_unblended_cost) - c.difference AS DECIMAL(36, 20))
        AS expected,
    c.difference,
    c.component,
    c.reason,
    c.rate_id,
    coalesce(
        CASE
            WHEN r.source_kind = 'contract' THEN TRUE
            WHEN r.source_kind = 'price_list' THEN NOT r.later
            WHEN r.unconfirmed OR k.grade = 'unconfirmed' THEN FALSE
            ELSE CAST(l.line_item_usage_start_date AS DATE) <= r.checked + INTERVAL '90' DAY
                AND CAST(l.line_item_usage_start_date AS DATE) >= r.checked - INTERVAL '90' DAY
        END,
        FALSE
    ) AS provable
FROM compared AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
LEFT JOIN rates AS r
    ON r.rate_id = c.rate_id
