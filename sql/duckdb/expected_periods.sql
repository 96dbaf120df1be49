-- The periods that are expected of each payer of this run, and what the ledger has of them. A finding
-- about them stands with the payer's last delivery of the run.
CREATE OR REPLACE TABLE expected_periods AS
WITH asked AS (
    SELECT
        CAST($since AS DATE) AS since,
        CAST($as_of AS TIMESTAMP) AS as_of,
        CAST($days AS INTEGER) * INTERVAL 1 DAY AS patience
),

months AS (
    SELECT
        CAST(unnest(generate_series(since, CAST(as_of AS DATE), INTERVAL 1 MONTH)) AS DATE)
            AS period
    FROM asked
    WHERE since IS NOT NULL
),

payers AS (
    SELECT payer_account, arg_max(delivery_id, period) AS delivery_id
    FROM run_deliveries
    GROUP BY ALL
),

held AS (
    SELECT
        d.payer_account,
        d.period,
        d.delivery_id,
        max(s.last_usage) FILTER (k.kind IN ('usage', 'covered_usage', 'reserved_usage'))
            AS last_usage,
        (SELECT bool_and(f.is_final) FROM {ledger}.finality AS f
            WHERE f.delivery_id = d.delivery_id) AS is_final
    FROM {ledger}.deliveries AS d
    LEFT JOIN {ledger}.delivery_sums AS s
        ON s.delivery_id = d.delivery_id
    LEFT JOIN {ledger}.charge_keys AS k
        ON k.charge_key_id = s.charge_key_id
    WHERE d.is_current
    GROUP BY ALL
)

SELECT
    p.delivery_id,
    p.payer_account,
    strftime(m.period, '%Y-%m') AS period,
    h.last_usage,
    h.delivery_id IS NULL AND m.period + a.patience < a.as_of AS is_missing,
    coalesce(
        NOT coalesce(h.is_final, FALSE)
        AND h.last_usage < least(a.as_of, m.period + INTERVAL 1 MONTH) - a.patience,
        FALSE
    ) AS is_late
FROM asked AS a
CROSS JOIN months AS m
CROSS JOIN payers AS p
LEFT JOIN held AS h
    ON h.payer_account = p.payer_account
    AND h.period = m.period
