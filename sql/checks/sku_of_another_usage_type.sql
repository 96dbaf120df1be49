-- severity: warning
-- category: data
-- needs: foreign_skus
-- question: Does the price list give the SKU of a charge to the usage type that the bill names?
-- Which of the two is wrong, the bill does not say; here both have one price. Where the list does not
-- know the usage type either, it may be a new name of the same meter. Where the two have different
-- prices, rate_of_another_usage_type tells it with its dollars.
SELECT
    l.line,
    'The SKU ' || s.sku || ' is that of ' || s.sku_usage_type
        || ' in the price list, and the bill names another usage type.' AS reason
FROM foreign_skus AS s
JOIN lines AS l
    ON l.charge_key_id = s.charge_key_id
WHERE l.line NOT IN (
    SELECT line FROM compared WHERE reason = 'rate_of_another_usage_type'
)
ORDER BY l.line
