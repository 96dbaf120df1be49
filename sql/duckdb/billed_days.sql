-- What was billed on each day of the months that the ledger holds of payers whose month still runs.
-- What AWS bills once (credits, refunds, fees, tax) and what spans more than a day is of no day.
SELECT
    d.payer_account,
    coalesce(k.line_item_currency_code, 'XXX') AS currency,
    l.usage_day AS day,
    sum(l.line_item_unblended_cost) AS billed
FROM every_line AS l
JOIN every_delivery AS d
    ON d.delivery_id = l.delivery_id
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE d.payer_account IN (SELECT payer_account FROM running)
    AND k.is_ai
    AND k.kind NOT IN ('credit', 'refund', 'fee', 'plan_upfront_fee', 'tax', 'correction')
    AND l.hours <= 24
    AND l.line_item_usage_start_date >= d.period
    AND l.line_item_usage_start_date < d.period + INTERVAL 1 MONTH
GROUP BY ALL
ORDER BY ALL
