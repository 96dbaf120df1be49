-- severity: warning
-- category: data
-- question: Is any line in a currency that AWS is not known to bill in?
-- A bill that names no currency at all, as an export of few columns does, is told by what it leaves
-- unpriced.
-- Source of the list: AWS Billing user guide, "Supported currencies", and CNY for the China regions.
SELECT
    l.line,
    'The currency ' || coalesce(k.line_item_currency_code, '(empty)') || ' is not known.' AS reason
FROM lines AS l
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE coalesce(k.line_item_currency_code, '') NOT IN (
    'USD', 'AED', 'AUD', 'BRL', 'CAD', 'CHF', 'CNY', 'DKK', 'EUR', 'GBP', 'HKD', 'IDR', 'ILS',
    'INR', 'JPY', 'KRW', 'MYR', 'NOK', 'NZD', 'SAR', 'SEK', 'SGD', 'TRY', 'TWD', 'ZAR'
)
    AND (
        k.line_item_currency_code IS NOT NULL
        OR l.delivery_id IN (
            SELECT o.delivery_id
            FROM lines AS o
            JOIN charge_keys AS c
                ON c.charge_key_id = o.charge_key_id
            WHERE c.line_item_currency_code IS NOT NULL
        )
    )
ORDER BY l.line
