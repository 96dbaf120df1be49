-- question: What will the running month come to?
-- about: Dollars of Bedrock and SageMaker so far, and at the end of the month with an interval, as each delivery told; docs/forecast.md has the rule. Tax, credits and what else AWS bills once is in no day to come.
-- param: period month, every month that was forecast
SELECT
    f.period,
    f.payer_account,
    f.through,
    f.days_left,
    f.billed,
    f.low,
    f.expected,
    f.high,
    f.currency,
    f.tries,
    f.reason
FROM forecasts AS f
JOIN deliveries AS d
    ON d.delivery_id = f.delivery_id
WHERE $period IS NULL OR f.period = $period
ORDER BY f.period, f.payer_account, f.currency, d.sequence
