-- Usage of this run's deliveries beside that of the first delivery in which its invoicing entity
-- was final: what AWS had closed, and what it says of it now.
CREATE OR REPLACE TABLE closed_sums AS
WITH closed AS (
    SELECT
        r.delivery_id,
        f.bill_invoicing_entity,
        f.currency,
        arg_min(d.delivery_id, theirs.place) AS closed_id
    FROM run_deliveries AS r
    JOIN {ledger}.deliveries AS mine
        ON mine.delivery_id = r.delivery_id
    JOIN {ledger}.deliveries AS d
        ON d.period = mine.period
        AND d.payer_account = mine.payer_account
        AND d.format = mine.format
    JOIN {ledger}.first_read AS ours
        ON ours.delivery_id = mine.delivery_id
    JOIN {ledger}.first_read AS theirs
        ON theirs.delivery_id = d.delivery_id
        AND theirs.place < ours.place
    JOIN {ledger}.finality AS f
        ON f.delivery_id = d.delivery_id
        AND f.is_final
    GROUP BY ALL
),

sides AS (
    SELECT delivery_id, delivery_id AS side_id, TRUE AS is_later, bill_invoicing_entity, currency
    FROM closed
    UNION ALL
    SELECT delivery_id, closed_id, FALSE, bill_invoicing_entity, currency
    FROM closed
)

SELECT
    s.delivery_id,
    s.is_later,
    t.line_item_usage_account_id AS usage_account,
    k.region,
    k.service,
    k.line_item_usage_type AS usage_type,
    k.line_item_operation AS operation,
    k.pricing_unit AS unit,
    s.currency,
    t.lines,
    t.billed,
    coalesce(t.quantity, 0) AS quantity,
    t.first_usage,
    t.last_usage
FROM sides AS s
JOIN {ledger}.delivery_sums AS t
    ON t.delivery_id = s.side_id
    AND t.bill_invoicing_entity IS NOT DISTINCT FROM s.bill_invoicing_entity
JOIN {ledger}.charge_keys AS k
    ON k.charge_key_id = t.charge_key_id
    AND coalesce(k.line_item_currency_code, 'XXX') = s.currency
WHERE k.is_ai
    AND k.kind NOT IN ('credit', 'refund', 'fee', 'tax')
