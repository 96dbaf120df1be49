INSERT INTO {ledger}.findings
SELECT
    g.delivery_id,
    g.id,
    min(g.series_id),
    min(g."check"),
    min(g.category),
    CASE min(CASE g.severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END)
        WHEN 1 THEN 'error' WHEN 2 THEN 'warning' ELSE 'info' END,
    bool_or(g.owns),
    min(g.period_text),
    min(g.payer_account),
    min(g.usage_account),
    min(g.region),
    min(g.service),
    min(g.usage_type),
    min(g.operation),
    min(g.unit),
    min(g.resource),
    sum(g.quantity),
    sum(g.billed),
    sum(g.expected),
    sum(g.difference),
    min(g.currency),
    sum(g.lines),
    min(g.first_usage),
    max(g.last_usage),
    min(g.reason),
    NULL,
    min(g.rate_id)
FROM grouped AS g
GROUP BY g.delivery_id, g.id
