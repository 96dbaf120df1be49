-- question: What was billed on each day?
-- about: Dollars of usage by day, service and capability, by the begin of the usage in UTC.
-- param: period month, every period in the ledger
-- param: service text, both services
SELECT
    CAST(l.line_item_usage_start_date AS DATE) AS day,
    l.service,
    l.capability,
    sum(l.line_item_unblended_cost) AS billed,
    l.line_item_currency_code AS currency
FROM line_items AS l
WHERE l.kind IN ('usage', 'covered_usage')
    AND l.is_ai
    AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
    AND ($service IS NULL OR l.service = $service)
GROUP BY ALL
ORDER BY ALL
