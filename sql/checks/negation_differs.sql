-- severity: error
-- category: commitment
-- owns: commitment
-- watches: studio_classic, studio_jupyterlab, studio_codeeditor, notebook, processing, data_wrangler, training, hosting, batch_transform, savings_plan
-- needs: components WHERE component = 'commitment'
-- question: Does each savings-plan negation cancel the usage that it covers?
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    CASE c.reason
        WHEN 'negation_without_usage' THEN 'A savings-plan negation stands without the usage it should cancel.'
        WHEN 'covered_usage_billed' THEN 'Usage that a commitment paid for is billed again.'
        WHEN 'usage_without_negation' THEN 'Usage covered by a savings plan is not cancelled by a negation.'
        ELSE 'A savings-plan negation does not cancel the usage that it covers.'
    END AS reason
FROM comparison AS c
WHERE c.component = 'commitment'
    AND c.kind IN ('negation', 'covered_usage')
ORDER BY c.line_item_id, c.time_interval
