-- What the lines add up to by component: what the bridge and the breakdowns of a report are made of.
-- grain: one row a delivery, charge key, usage account, component and reason
SELECT
    c.delivery_id,
    l.charge_key_id,
    l.line_item_usage_account_id,
    c.component,
    c.reason,
    CAST(sum(coalesce(c.billed_part, l.line_item_unblended_cost)) AS DECIMAL(38, 20)) AS billed,
    CAST(sum(c.difference) AS DECIMAL(38, 20)) AS difference,
    count(*) AS lines
FROM compared AS c
JOIN lines AS l
    ON l.line = c.line
GROUP BY 1, 2, 3, 4, 5
