-- question: Which tags are there, and how much of the spend do they cover?
-- about: Every tag key of the charges in scope, with the dollars that carry it and their share in percent.
-- ratio: percent = 100 billed / billed_in_scope, 1
-- param: period month, every period in the ledger
WITH chosen AS (
    SELECT
        l.line_item_unblended_cost AS billed,
        l.line_item_currency_code AS currency,
        list_distinct(list_concat(
            coalesce(map_keys(l.resource_tags), []), coalesce(map_keys(l.tags), []),
            coalesce(map_keys(l.cost_category), [])
        )) AS keys
    FROM line_items AS l
    WHERE l.is_ai
        AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
),

totals AS (
    SELECT currency, sum(billed) AS billed
    FROM chosen
    GROUP BY 1
),

tagged AS (
    SELECT unnest(keys) AS tag, currency, billed
    FROM chosen
)

SELECT
    g.tag,
    count(*) AS lines,
    sum(g.billed) AS billed,
    t.billed AS billed_in_scope,
    g.currency
FROM tagged AS g
JOIN totals AS t
    ON t.currency IS NOT DISTINCT FROM g.currency
GROUP BY g.tag, g.currency, t.billed
ORDER BY billed DESC, g.tag
