-- severity: warning
-- category: rate
-- needs: swapped
-- question: Is a charge billed by the SKU, and at the rate, of another usage type?
-- Whether usage type or SKU is wrong, the bill does not say, and by its SKU the charge agrees: so these
-- dollars stand beside the bridge.
SELECT
    w.line,
    w.rate_id,
    w.billed,
    w.expected,
    CAST(w.billed - w.expected AS DECIMAL(36, 20)) AS difference,
    'Billed by the SKU ' || s.sku || ' at the price of ' || s.sku_usage_type
        || ', which is not that of the usage type that the bill names.' AS reason
FROM swapped AS w
JOIN lines AS l
    ON l.line = w.line
JOIN foreign_skus AS s
    ON s.charge_key_id = l.charge_key_id
ORDER BY w.line
