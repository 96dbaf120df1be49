-- Lines longer than a day, as bills by the month have them, that agree with a price which began while
-- they ran: the bill says of neither usage on which of its days it was, only at which price.
-- grain: one row a line
-- Prices are judged by the day on which a line starts, so a line at the later of two prices differs
-- there, or has none.
SELECT
    l.line,
    min(r.rate_id) AS rate_id
FROM compared AS c
JOIN lines AS l
    ON l.line = c.line
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN flat_rates AS r
    ON r.charge_key_id = l.charge_key_id
    AND r.starts > l.usage_day
    AND CAST(r.starts AS TIMESTAMP) < l.line_item_usage_end_date
WHERE l.hours > 24
    AND k.price_basis = 'unblended'
    AND k.kind IN ('usage', 'covered_usage')
    AND (c.component = 'differs' OR (c.component = 'unpriced' AND c.reason = 'no_rate_on_day'))
    AND abs(l.line_item_usage_amount * r.price) < 100000000000
    AND l.line NOT IN (SELECT line FROM quantities)
    AND abs(
        l.line_item_unblended_cost
        - CAST(round(l.line_item_usage_amount * r.price, 10) AS DECIMAL(36, 20))
    ) <= CAST(
        0.0000000001 * l.hours
        + CAST(abs(l.line_item_usage_amount) AS DECIMAL(22, 10)) * 0.00000000005
        AS DECIMAL(36, 20)
    )
GROUP BY 1
