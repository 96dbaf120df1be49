-- severity: warning
-- category: lifecycle
-- needs: closed_sums
-- question: Has usage changed after AWS made its invoice final?
-- A delivery is held against the first one in which its invoicing entity was final. Lines get other
-- ids in each delivery, so sums are compared. What AWS adds later (credits, refunds, fees, tax) is
-- normal and no finding.
WITH summed AS (
    SELECT
        s.delivery_id,
        s.usage_account,
        s.region,
        s.service,
        s.usage_type,
        s.operation,
        s.unit,
        s.currency,
        s.is_later,
        sum(s.lines) AS lines,
        sum(s.billed) AS billed,
        sum(s.quantity) AS quantity,
        min(s.first_usage) AS first_usage,
        max(s.last_usage) AS last_usage
    FROM closed_sums AS s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),

paired AS (
    SELECT
        delivery_id,
        usage_account,
        region,
        service,
        usage_type,
        operation,
        unit,
        currency,
        CAST(sum(CASE WHEN is_later THEN lines ELSE 0 END) AS BIGINT) AS lines,
        sum(CASE WHEN is_later THEN billed ELSE 0 END) AS billed,
        sum(CASE WHEN is_later THEN 0 ELSE billed END) AS billed_before,
        sum(CASE WHEN is_later THEN quantity ELSE 0 END) AS quantity,
        sum(CASE WHEN is_later THEN 0 ELSE quantity END) AS quantity_before,
        min(first_usage) AS first_usage,
        max(last_usage) AS last_usage
    FROM summed
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)

SELECT
    delivery_id,
    usage_account,
    region,
    service,
    usage_type,
    operation,
    unit,
    currency,
    lines,
    CAST(billed AS DECIMAL(36, 20)) AS billed,
    CAST(billed_before AS DECIMAL(36, 20)) AS expected,
    CAST(billed - billed_before AS DECIMAL(36, 20)) AS difference,
    CAST(quantity AS DECIMAL(38, 10)) AS quantity,
    first_usage,
    last_usage,
    'The usage was final on an invoice, and a later delivery bills another amount or quantity.'
        AS reason
FROM paired
WHERE billed <> billed_before
    OR quantity <> quantity_before
ORDER BY usage_account, region, usage_type, operation, unit, currency
