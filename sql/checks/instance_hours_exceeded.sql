-- severity: error
-- category: quantity
-- owns: quantity
-- resource: yes
-- watches: canvas, mlflow, notebook, studio_jupyterlab, studio_codeeditor, studio_classic
-- needs: components WHERE component = 'quantity'
-- question: Are more hours billed than the clock has, for a notebook, app or server that is one instance?
SELECT
    c.line,
    l.line_item_unblended_cost AS billed,
    CAST(l.line_item_unblended_cost - c.difference AS DECIMAL(36, 20)) AS expected,
    c.difference,
    c.rate_id,
    'More hours are billed than the clock has, and this resource is one instance.' AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
WHERE c.component = 'quantity'
    AND c.reason = 'instance'
ORDER BY c.line_item_id, c.time_interval
