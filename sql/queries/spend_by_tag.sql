-- question: Which team, product or environment pays for what?
-- about: Dollars and thousand tokens by the value of one tag, service and model; lines without the tag stand under (untagged). The tag is looked for in resource tags, in tags and in cost categories.
-- param: tag text required, the key of the tag, e.g. user_team
-- param: period month, every period in the ledger
SELECT
    coalesce(l.resource_tags[$tag], l.tags[$tag], l.cost_category[$tag], '(untagged)') AS tag_value,
    l.service,
    coalesce(l.model, l.capability, l.line_item_product_code) AS what,
    sum(CASE l.unit WHEN '1M tokens' THEN 1000 WHEN '1K tokens' THEN 1 END
        * l.line_item_usage_amount) AS thousand_tokens,
    sum(l.line_item_unblended_cost) AS billed,
    l.line_item_currency_code AS currency
FROM line_items AS l
WHERE l.is_ai
    AND ($period IS NULL OR strftime(l.bill_billing_period_start_date, '%Y-%m') = $period)
GROUP BY ALL
ORDER BY billed DESC, tag_value, l.service, what
