-- severity: info
-- category: waste
-- resource: yes
-- needs: evidence
-- question: Is a provisioned model paid for that nobody invoked?
-- Only complete evidence of its invocations tells, over all of the time that the bill has of it.
WITH invoked AS (
    SELECT
        resource,
        starts,
        ends,
        quantity
    FROM evidence
    WHERE dimension = 'invocations'
        AND completeness = 'complete'
        AND resource IS NOT NULL
),

billed_models AS (
    SELECT
        l.line,
        l.delivery_id,
        l.line_item_resource_id AS resource,
        l.line_item_usage_start_date AS starts,
        coalesce(l.line_item_usage_end_date, l.line_item_usage_start_date) AS ends
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    WHERE k.kind = 'usage'
        AND k.capability = 'provisioned_throughput'
        AND l.line_item_resource_id IN (SELECT resource FROM invoked)
),

watched AS (
    SELECT
        b.line,
        b.delivery_id,
        b.resource,
        max(CASE WHEN i.starts <= b.starts AND i.ends >= b.ends THEN 1 ELSE 0 END) AS is_covered,
        sum(CASE WHEN i.starts < b.ends AND i.ends > b.starts THEN i.quantity ELSE 0 END) AS seen
    FROM billed_models AS b
    JOIN invoked AS i
        ON i.resource = b.resource
    GROUP BY 1, 2, 3
),

idle AS (
    SELECT
        delivery_id,
        resource
    FROM watched
    GROUP BY 1, 2
    HAVING min(is_covered) = 1
        AND sum(seen) = 0
)

SELECT
    w.line,
    'Nobody invoked this provisioned model in all the time that is billed of it.' AS reason
FROM watched AS w
JOIN idle AS i
    ON i.delivery_id = w.delivery_id
    AND i.resource = w.resource
ORDER BY w.line
