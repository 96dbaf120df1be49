-- severity: error
-- category: free_tier
-- owns: free_tier
-- watches: studio_jupyterlab, studio_classic, notebook, rstudio_session, data_wrangler, feature_store, training, tensorboard, hosting, serverless, canvas, hyperpod
-- needs: components WHERE component = 'free_tier'
-- question: Is SageMaker's free tier of the first two months applied, once and within its limits?
-- Only where the contract states when it began and for whom. The limits are of a page, which proves
-- an error only of usage near the day it was read.
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    c.rate_id,
    CASE
        WHEN c.difference > 0
            AND c.provable
            AND l.usage_day <= f.checked + INTERVAL '90' DAY
            AND l.usage_day >= f.checked - INTERVAL '90' DAY
        THEN 'error'
        ELSE 'warning'
    END AS severity,
    CASE c.reason
        WHEN 'free_tier_missing' THEN 'Usage within the free tier of the first two months is billed.'
        WHEN 'free_tier_exceeded' THEN 'Usage beyond the free tier of the first two months is free.'
        WHEN 'free_tier_twice' THEN 'More is given back than the free tier of the first two months.'
        ELSE 'Less is given back than the free tier of the first two months.'
    END AS reason
FROM comparison AS c
JOIN lines AS l
    ON l.line = c.line
CROSS JOIN free_tier_table AS f
WHERE c.component = 'free_tier'
    -- What the evidence tells is a check's own (checks.move).
    AND c.reason <> 'free_monitoring_hours_billed'
ORDER BY c.line_item_id, c.time_interval
