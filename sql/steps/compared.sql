-- Each line's billed cost beside what it should be, by the component of the bridge it sits in.
-- grain: one row a line
-- Lines of the component `differs` are taken apart by causes.sql.
-- Rule: DESIGN, sections 2 and 3.
WITH states AS (
    SELECT
        *,
        CASE
            WHEN how IS NOT NULL THEN 'duplicate'
            WHEN discount_difference IS NOT NULL
            THEN CASE WHEN discount_difference = 0 THEN 'agrees' ELSE 'discount' END
            WHEN free_difference IS NOT NULL
            THEN CASE WHEN free_difference = 0 THEN 'agrees' ELSE 'free_tier' END
            WHEN fee_difference IS NOT NULL
            THEN CASE
                WHEN fee_difference = 0 THEN 'agrees'
                WHEN abs(fee_difference) <= 0.0000000001 * hours THEN 'rounding'
                ELSE 'commitment'
            END
            WHEN kind IN (
                'tax', 'credit', 'refund', 'fee', 'discount', 'plan_fee', 'plan_upfront_fee',
                'correction'
            ) THEN 'not_repriced'
            WHEN negation_difference IS NOT NULL THEN 'commitment'
            -- A negation that cancels, and FOCUS usage that a commitment paid for, are as they
            -- should be without a rate. What a commitment paid for is not billed again.
            WHEN is_ai AND kind = 'negation' THEN 'agrees'
            WHEN is_ai AND price_basis = 'list' AND kind = 'covered_usage'
            THEN CASE WHEN billed = 0 THEN 'agrees' ELSE 'commitment' END
            WHEN kind NOT IN ('usage', 'covered_usage') OR quantity IS NULL OR price IS NULL
            THEN CASE
                -- The bill against itself: is it quantity times the rate it states, and no quantity
                -- that cannot be?
                WHEN kind IN ('usage', 'covered_usage', 'reserved_usage')
                    AND abs(judged - CASE
                        WHEN kept IS NULL THEN CAST(round(quantity * rate, 10) AS DECIMAL(36, 20))
                        ELSE CAST(
                            CAST(round(quantity * rate, 10) AS DECIMAL(22, 10)) * kept
                            AS DECIMAL(36, 20)
                        )
                    END) > tolerance
                THEN 'differs'
                WHEN kind = 'usage' AND right_quantity <> quantity AND rate <> 0 THEN 'differs'
                WHEN is_ai THEN 'unpriced'
                ELSE 'not_repriced'
            END
            WHEN price > 0 AND quantity <> 0 AND judged = 0 AND coalesce(rate, 0) = 0
            THEN 'unpriced'
            WHEN judged = expected THEN 'agrees'
            WHEN abs(judged - expected) <= tolerance THEN 'rounding'
            ELSE 'differs'
        END AS component
    FROM priced
)

SELECT
    delivery_id,
    line,
    component,
    CASE
        WHEN component = 'duplicate' THEN how
        WHEN component = 'not_repriced'
            AND kind IN ('usage', 'covered_usage', 'reserved_usage', 'negation', 'unknown')
        THEN 'other_service'
        WHEN component = 'not_repriced' THEN coalesce(line_item_line_item_type, kind)
        WHEN component = 'discount' THEN discount_reason
        WHEN component = 'free_tier' THEN free_reason
        WHEN component = 'agrees' AND free_difference = 0 THEN 'free_tier'
        WHEN component = 'commitment'
        THEN coalesce(negation_reason, fee_reason, 'covered_usage_billed')
        WHEN component = 'agrees' AND is_discounted THEN 'private_rate_discount'
        WHEN component <> 'unpriced' THEN NULL
        ELSE unpriced_because
    END AS reason,
    rate_id,
    CAST(
        CASE
            WHEN component = 'agrees' THEN 0
            WHEN component = 'rounding' THEN coalesce(fee_difference, judged - expected)
            WHEN component = 'discount' THEN discount_difference
            WHEN component = 'free_tier' THEN free_difference
            WHEN component = 'commitment'
            THEN coalesce(negation_difference, fee_difference, billed)
            ELSE billed
        END AS DECIMAL(36, 20)
    ) AS difference,
    CAST(NULL AS DECIMAL(36, 20)) AS billed_part
FROM states
