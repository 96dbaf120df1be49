-- The differences of single lines, taken apart by cause.
-- grain: one row a line and cause; the first cause carries the whole cost of the line
-- Rule: DESIGN, section 2, "Order of causes": unit, quantity, rate, arithmetic, rounding. Each
-- dollar goes to the first that explains it, the rest to the next.
WITH differing AS (
    SELECT
        p.*,
        CASE
            WHEN p.is_tiered THEN p.expected
            WHEN p.kept IS NULL THEN p.quantity * p.price
            ELSE CAST(CAST(p.quantity * p.price AS DECIMAL(22, 10)) * p.kept AS DECIMAL(38, 20))
        END AS exact,
        CASE
            WHEN p.is_tiered THEN p.expected
            WHEN p.kept IS NULL
            THEN CAST(round(p.quantity * p.price, 10) AS DECIMAL(36, 20))
            ELSE CAST(
                CAST(round(p.quantity * p.price, 10) AS DECIMAL(22, 10)) * p.kept
                AS DECIMAL(36, 20)
            )
        END AS at_price,
        CASE
            WHEN p.kept IS NULL
            THEN CAST(round(p.quantity * p.rate, 10) AS DECIMAL(36, 20))
            ELSE CAST(
                CAST(round(p.quantity * p.rate, 10) AS DECIMAL(22, 10)) * p.kept
                AS DECIMAL(36, 20)
            )
        END AS at_rate
    FROM priced AS p
    JOIN compared AS c
        ON c.line = p.line
    WHERE c.component = 'differs'
),

-- A factor of a thousand, either way, once or twice, is a unit taken for another.
unit_tested AS (
    SELECT
        *,
        CASE
            WHEN exact = 0 OR judged = 0 OR abs(judged - at_price) <= tolerance THEN FALSE
            -- A million times more would not fit the type, and no line bills that much.
            WHEN abs(exact) >= 100000000000 OR abs(judged) >= 100000000000 THEN FALSE
            ELSE abs(judged - exact * 1000) <= tolerance
                OR abs(judged - exact * 1000000) <= tolerance
                OR abs(judged * 1000 - exact) <= tolerance * 1000
                OR abs(judged * 1000000 - exact) <= tolerance * 1000000
        END AS unit_off
    FROM differing
),

amounts AS (
    SELECT
        delivery_id,
        line,
        rate_id,
        basis,
        billed,
        CASE WHEN is_ai THEN 'unpriced' ELSE 'not_repriced' END AS unpriced_component,
        CASE WHEN is_ai THEN unpriced_because ELSE 'other_service' END AS unpriced_because,
        price IS NULL OR kind = 'reserved_usage' AS unpriced,
        judged - expected AS total,
        CASE WHEN abs(judged - at_rate) <= tolerance THEN 0 ELSE judged - at_rate END
            AS against_itself,
        CASE
            WHEN kind = 'usage' AND right_quantity <> quantity
            THEN at_rate - CAST(round(right_quantity * rate, 10) AS DECIMAL(36, 20))
            ELSE 0
        END AS quantity_itself,
        coalesce(at_price - expected, 0) AS by_quantity,
        CASE WHEN unit_off THEN judged - at_price ELSE 0 END AS by_unit,
        CASE
            WHEN unit_off THEN 0
            WHEN rate IS NULL THEN judged - at_price
            -- A rate that is off by its last digit only is rounding, whatever else is wrong.
            WHEN abs(at_rate - at_price) <= tolerance THEN 0
            WHEN abs(judged - at_rate) <= tolerance THEN judged - at_price
            ELSE at_rate - at_price
        END AS by_rate,
        CASE
            WHEN unit_off OR rate IS NULL OR abs(judged - at_rate) <= tolerance THEN 0
            ELSE judged - at_rate
        END AS by_arithmetic
    FROM unit_tested
),

parts AS (
    SELECT delivery_id, line, 1 AS place, 'unit' AS component, CAST(NULL AS STRING) AS reason,
        rate_id, by_unit AS difference, billed
    FROM amounts
    WHERE NOT unpriced AND by_unit <> 0
    UNION ALL
    SELECT delivery_id, line, 2, 'quantity', basis, rate_id, by_quantity, billed
    FROM amounts
    WHERE NOT unpriced AND by_quantity <> 0
    UNION ALL
    SELECT delivery_id, line, 3, 'rate', NULL, rate_id, by_rate, billed
    FROM amounts
    WHERE NOT unpriced AND by_rate <> 0
    UNION ALL
    SELECT delivery_id, line, 4, 'arithmetic', NULL, rate_id, by_arithmetic, billed
    FROM amounts
    WHERE NOT unpriced AND by_arithmetic <> 0
    UNION ALL
    SELECT delivery_id, line, 5, 'rounding', NULL, rate_id,
        total - by_unit - by_quantity - by_rate - by_arithmetic, billed
    FROM amounts
    WHERE NOT unpriced AND total <> by_unit + by_quantity + by_rate + by_arithmetic
    -- What no rate is known for may still contradict itself; the rest of it stays unpriced.
    UNION ALL
    SELECT delivery_id, line, 1, 'quantity', basis, NULL, quantity_itself, billed
    FROM amounts
    WHERE unpriced AND quantity_itself <> 0
    UNION ALL
    SELECT delivery_id, line, 2, 'arithmetic', NULL, NULL, against_itself, billed
    FROM amounts
    WHERE unpriced AND against_itself <> 0
    UNION ALL
    SELECT delivery_id, line, 3, unpriced_component, unpriced_because, NULL,
        billed - quantity_itself - against_itself, billed
    FROM amounts
    WHERE unpriced
),

placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY line ORDER BY place) AS part
    FROM parts
)

SELECT
    delivery_id,
    line,
    component,
    reason,
    rate_id,
    CAST(difference AS DECIMAL(36, 20)) AS difference,
    -- An unpriced part is billed as a whole; of other lines the first part carries the cost.
    CASE
        WHEN component IN ('unpriced', 'not_repriced') THEN CAST(difference AS DECIMAL(36, 20))
        WHEN component IN ('quantity', 'arithmetic') AND rate_id IS NULL
        THEN CAST(difference AS DECIMAL(36, 20))
        WHEN part > 1 THEN CAST(0 AS DECIMAL(36, 20))
    END AS billed_part
FROM placed
