-- What each account used of each charge on each day, and what that should have cost.
-- grain: one row a payer, account, charge key and day, over all months that the ledger holds
-- Dollars that another finding owns (a wrong unit, a line twice) are left out: they are told there,
-- and would be no news about the use. What was promised and has no line of its own (a credit, a
-- discount, a free hour) is carried by a line with no billed dollars of its own: its day cost what
-- was billed. Lines of more than a day have no day, so monthly fees are out.
WITH errors AS (
    SELECT
        line,
        sum(difference) AS difference
    FROM every_compared
    WHERE difference <> 0
        AND component NOT IN ('unpriced', 'not_repriced')
        AND (
            component NOT IN ('discount', 'free_tier')
            OR billed_part IS NULL
            OR billed_part <> 0
        )
    GROUP BY 1
),

payers AS (
    SELECT
        payer_account,
        min(starts) - INTERVAL '35' DAY AS since,
        max(ends) AS until
    FROM run_deliveries
    GROUP BY 1
)

SELECT
    d.payer_account,
    coalesce(l.line_item_usage_account_id, '') AS account,
    l.charge_key_id,
    l.usage_day AS used,
    sum(l.line_item_usage_amount) AS quantity,
    sum(l.line_item_unblended_cost - coalesce(e.difference, 0)) AS spent,
    count(*) AS lines
FROM every_line AS l
JOIN every_delivery AS d
    ON d.delivery_id = l.delivery_id
JOIN payers AS p
    ON p.payer_account = d.payer_account
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
LEFT JOIN errors AS e
    ON e.line = l.line
WHERE k.kind IN ('usage', 'covered_usage')
    AND k.is_ai
    AND l.hours <= 24
    AND l.line_item_usage_start_date >= p.since
    AND l.line_item_usage_start_date < p.until
GROUP BY 1, 2, 3, 4
