-- question: What could not be judged, and why?
-- about: Dollars that have no expectation, by reason and usage type: what to add a rate or a price list for.
-- param: period month, every period in the ledger
SELECT
    c.reason,
    l.line_item_product_code AS product_code,
    l.line_item_usage_type AS usage_type,
    count(*) AS lines,
    sum(c.billed) AS billed,
    l.line_item_currency_code AS currency
FROM comparison AS c
JOIN line_items AS l
    ON l.line = c.line
WHERE c.component = 'unpriced'
    AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
GROUP BY ALL
ORDER BY billed DESC, c.reason, product_code, usage_type
