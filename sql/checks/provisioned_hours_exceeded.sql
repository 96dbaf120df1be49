-- severity: warning
-- category: quantity
-- owns: quantity
-- resource: yes
-- watches: provisioned_throughput
-- needs: components WHERE component = 'quantity'
-- question: Are more model-unit hours billed than the provisioned model has units and the clock has hours?
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    CASE WHEN c.reason IN ('contract', 'clock') THEN 'error' ELSE 'warning' END AS severity,
    CASE c.reason
        WHEN 'contract' THEN 'More model-unit hours are billed than the contract has units for.'
        WHEN 'clock' THEN 'More model-unit hours are billed than the period has for this provisioned model at its largest.'
        ELSE 'More model-unit hours are billed than this provisioned model usually bills.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason IN ('contract', 'clock', 'inferred')
ORDER BY c.line_item_id, c.time_interval
