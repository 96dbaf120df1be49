-- The findings of this run, the gravest and dearest first.
SELECT
    f.id,
    f.series_id,
    f."check",
    f.category,
    f.severity,
    f.owns_difference,
    f.period,
    f.payer_account,
    f.usage_account,
    f.region,
    f.service,
    f.usage_type,
    f.operation,
    f.unit,
    f.resource,
    f.quantity,
    f.billed,
    f.expected,
    f.difference,
    f.currency,
    f.lines,
    f.first_usage,
    f.last_usage,
    f.reason,
    f.primary_id,
    r.source AS rate_source,
    coalesce(r.reference, '') AS rate_reference,
    r.price AS rate_price,
    r.unit AS rate_unit,
    CAST(r.starts AS VARCHAR) AS rate_starts,
    CAST(r.ends AS VARCHAR) AS rate_ends
FROM findings AS f
LEFT JOIN rates AS r
    ON r.rate_id = f.rate_id
WHERE f.delivery_id IN (SELECT delivery_id FROM run_deliveries)
ORDER BY
    list_position(['error', 'warning', 'info'], f.severity),
    abs(f.difference) DESC,
    f.id
