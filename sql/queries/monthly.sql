-- question: How do billed and expected develop from month to month?
-- about: The bridge of each period in one row: what was billed in scope, what it should have been, what differs and what could not be judged.
SELECT
    b.period,
    b.payer_account,
    sum(b.billed) AS billed,
    sum(b.expected) FILTER (b.component NOT IN ('unpriced', 'not_repriced')) AS expected,
    coalesce(sum(b.amount) FILTER (b.component NOT IN ('unpriced', 'not_repriced')), 0)
        AS difference,
    coalesce(sum(b.billed) FILTER (b.component = 'unpriced'), 0) AS unpriced,
    coalesce(sum(b.billed) FILTER (b.component = 'not_repriced'), 0) AS not_repriced,
    b.currency
FROM bridge AS b
JOIN deliveries AS d
    ON d.delivery_id = b.delivery_id
WHERE d.is_current
GROUP BY b.period, b.payer_account, b.currency
ORDER BY b.period, b.payer_account, b.currency
