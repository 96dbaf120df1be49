-- What promised credits may be taken of, and what has come, in every month that the ledger has since
-- the first of them starts.
-- grain: one row a delivery, service, marketplace or not, and day
-- Lines that are billed twice and credits that belong to a free tier are none of these; what is true
-- of months that are not audited in this run, their own audit has told.
SELECT
    d.delivery_id,
    d.period,
    d.payer_account,
    k.service,
    k.marketplace,
    l.usage_day,
    CAST(sum(CASE WHEN k.is_credit THEN 0 ELSE l.line_item_unblended_cost END)
        AS DECIMAL(38, 20)) AS eligible,
    CAST(-sum(CASE WHEN k.is_credit THEN l.line_item_unblended_cost ELSE 0 END)
        AS DECIMAL(38, 20)) AS granted,
    CAST(sum(CASE WHEN k.is_credit THEN 1 ELSE 0 END) AS BIGINT) AS credit_lines
FROM every_line AS l
JOIN credit_keys AS k
    ON k.charge_key_id = l.charge_key_id
JOIN every_delivery AS d
    ON d.delivery_id = l.delivery_id
WHERE d.payer_account IN (SELECT payer_account FROM run_deliveries)
    AND d.period >= (SELECT min(month) FROM contract_credits)
    AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
    AND l.line NOT IN (SELECT line FROM free_tier)
    AND l.line NOT IN (
        SELECT line FROM every_compared
        WHERE component IN ('duplicate', 'free_tier') OR reason = 'free_tier'
    )
GROUP BY 1, 2, 3, 4, 5, 6
