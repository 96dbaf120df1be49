-- The bridge in the order of its components.
SELECT
    r.period_text AS period,
    b.payer_account,
    b.currency,
    b.component,
    b.billed,
    b.expected,
    b.amount,
    b.lines
FROM run_bridge AS b
JOIN run_deliveries AS r
    ON r.delivery_id = b.delivery_id
ORDER BY
    period,
    b.payer_account,
    b.currency,
    list_position(
        ['agrees', 'duplicate', 'unit', 'quantity', 'rate', 'discount', 'commitment', 'free_tier',
         'arithmetic', 'rounding', 'unpriced', 'not_repriced'],
        b.component
    )
