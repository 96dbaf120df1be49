-- severity: warning
-- category: unpriced
-- owns: unpriced
-- needs: components WHERE component = 'unpriced'
-- question: Which charges could not be priced, and why?
-- A log group or a function that somebody named after Bedrock or SageMaker is billed by another
-- service, whose prices nobody expects here.
SELECT
    c.line,
    c.billed,
    c.expected,
    c.difference,
    CASE WHEN c.difference = 0 OR o.line IS NOT NULL THEN 'info' ELSE 'warning' END AS severity,
    CASE
        WHEN o.line IS NOT NULL THEN
            'A charge of ' || coalesce(k.line_item_product_code, 'another service')
                || ', in scope by the name of its resource; only Bedrock and SageMaker are priced.'
        ELSE CASE c.reason
            WHEN 'ambiguous' THEN 'Several published rates fit this charge, at different prices.'
            WHEN 'tiered' THEN 'The price depends on the volume of the month, and the line adds none.'
            WHEN 'unit_missing' THEN 'The bill states no unit for the quantity.'
            WHEN 'unit_unknown' THEN 'The unit of the quantity is not known.'
            WHEN 'unit_differs' THEN 'The known rate is for another unit, and the two do not convert exactly.'
            WHEN 'currency' THEN 'The bill is in a currency that no known rate is in.'
            WHEN 'currency_missing' THEN 'The bill states no currency.'
            WHEN 'usage_type_missing' THEN 'The line has neither a usage type nor a SKU.'
            WHEN 'undecoded' THEN k.undecoded_reason
            WHEN 'no_rate' THEN 'No rate is known for this charge; a price list or a rate card would tell.'
            WHEN 'no_rate_on_day' THEN 'No known rate was in force on the day of use.'
            WHEN 'billed_at_zero' THEN 'Billed at zero although the public rate is not: free tier, credit or bundle.'
            WHEN 'split_line' THEN 'A share of another line, which carries its cost.'
            WHEN 'quantity_missing' THEN 'The line has no quantity.'
            WHEN 'reservation' THEN 'Covered by a reservation, which is not re-priced.'
            WHEN 'line_type_unknown' THEN 'The line type is not known.'
            ELSE 'Not priced: ' || coalesce(c.reason, 'unknown reason') || '.'
        END
    END AS reason
FROM comparison AS c
JOIN charge_keys AS k
    ON k.charge_key_id = c.charge_key_id
LEFT JOIN other_services AS o
    ON o.line = c.line
    AND c.reason = 'undecoded'
WHERE c.component = 'unpriced'
ORDER BY c.line_item_id, c.time_interval
