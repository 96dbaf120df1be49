-- severity: info
-- category: duplicate
-- resource: yes
-- watches: training_plan
-- needs: charge_keys WHERE capability = 'training_plan'
-- question: Is the upfront fee of one training plan billed again?
-- The fee of a training plan is paid once, when it is bought (`UpfrontFee` of DescribeTrainingPlan). A
-- plan may be extended, so only the same quantity at the same cost again is told. It may be extended by
-- as much too, which no bill says, so no dollars are claimed, and the reason says what to look at; in
-- one interval it is identical_usage.
WITH fees AS (
    SELECT
        l.line,
        row_number() OVER (
            PARTITION BY
                l.delivery_id, l.line_item_resource_id, l.charge_key_id, l.line_item_usage_amount,
                l.line_item_unblended_cost
            ORDER BY l.line_item_usage_start_date, l.identity_line_item_id NULLS LAST, l.line
        ) AS copy,
        min(l.line_item_unblended_cost) OVER (
            PARTITION BY l.delivery_id, l.line_item_resource_id
        ) AS least_billed
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'training_plan'
        AND k.component = 'upfront_fee'
        AND k.resource_type = 'training-plan'
        AND l.line NOT IN (SELECT line FROM repeated WHERE how <> 'similar_usage')
)

SELECT
    line,
    'The upfront fee of this training plan is billed again, which is right only if the plan was'
        || ' extended by as much.' AS reason
FROM fees
WHERE copy > 1
    -- Something was taken back, so one may stand for the other.
    AND least_billed > 0
ORDER BY line
