-- severity: warning
-- category: rate
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- needs: cancelled
-- question: Is usage that a savings plan covers listed at the rate on demand, although it costs nothing?
-- Its negation cancels what the line says, so no money is wrong and the finding has no dollars. Where the
-- negation does not cancel it, rate_differs and negation_differs tell it with theirs.
SELECT
    c.line,
    p.rate_id,
    'Usage that a savings plan covers is not listed at the rate in force; its negation cancels it.'
        AS reason
FROM cancelled AS c
JOIN priced AS p
    ON p.line = c.line
ORDER BY c.line
