-- severity: warning
-- category: commitment
-- moves: the contract has a commitment, and it is billed without one.
-- resource: yes
-- needs: contract_units
-- question: Is a provisioned model billed by the commitment that the contract states for its days?
-- Commitments renew themselves (Bedrock documentation), so a committed rate after the end of one is
-- asked about, without dollars; it ends in the hour in which it was bought, so not on that day. The
-- rate without commitment inside of one is wrong although the line agrees with its usage type: what
-- is agreed says which usage type is due, so the committed rate is what is expected. Of FOCUS usage
-- it is the part that discounts leave of its public cost.
WITH billed_models AS (
    SELECT
        l.line,
        l.delivery_id,
        l.charge_key_id,
        l.line_item_resource_id AS resource,
        l.usage_day,
        greatest(
            l.usage_day, CAST(l.line_item_usage_end_date - INTERVAL '1' SECOND AS DATE)
        ) AS last_day,
        l.line_item_usage_amount AS quantity,
        l.line_item_unblended_cost AS billed,
        k.price_basis = 'unblended'
            OR l.line_item_unblended_cost = l.pricing_public_on_demand_cost
            OR f.kept IS NOT NULL AS is_known,
        coalesce(f.kept, CAST(1 AS DECIMAL(15, 10))) AS kept,
        k.model,
        k.region,
        k.commitment
    FROM lines AS l
    JOIN charge_keys AS k
        ON k.charge_key_id = l.charge_key_id
    LEFT JOIN focus_kept AS f
        ON f.line = l.line
    WHERE k.kind = 'usage'
        AND k.capability = 'provisioned_throughput'
        AND k.commitment IS NOT NULL
        AND l.line_item_resource_id IS NOT NULL
        AND EXISTS (SELECT 1 FROM contract_units WHERE commitment <> 'none')
),

sole AS (
    SELECT
        delivery_id,
        model,
        region
    FROM billed_models
    GROUP BY 1, 2, 3
    HAVING count(DISTINCT resource) = 1
),

agreed AS (
    SELECT
        b.line,
        c.commitment,
        c.starts,
        c.ends
    FROM billed_models AS b
    LEFT JOIN sole AS s
        ON s.delivery_id = b.delivery_id
        AND s.model = b.model
        AND s.region = b.region
    JOIN contract_units AS c
        ON c.resource = b.resource
        OR (c.resource IS NULL AND c.model = s.model AND c.region = s.region)
),

judged AS (
    SELECT
        b.line,
        -- A line that is longer than the commitment may be of the days after it.
        max(CASE WHEN b.usage_day >= a.starts AND b.last_day < a.ends THEN a.commitment END)
            AS in_force,
        max(CASE WHEN b.usage_day > a.ends AND a.commitment = b.commitment THEN 1 ELSE 0 END)
            AS has_ended
    FROM billed_models AS b
    JOIN agreed AS a
        ON a.line = b.line
    GROUP BY 1
)

SELECT
    b.line,
    n.rate_id,
    CASE WHEN j.in_force IS NOT NULL THEN 'error' ELSE 'warning' END AS severity,
    b.billed,
    CASE
        WHEN j.in_force IS NOT NULL AND n.price IS NOT NULL AND b.is_known
        THEN CAST(CAST(round(b.quantity * n.price, 10) AS DECIMAL(22, 10)) * b.kept
            AS DECIMAL(36, 20))
        ELSE b.billed
    END AS expected,
    CASE
        WHEN j.in_force IS NOT NULL AND n.price IS NOT NULL AND b.is_known
        THEN CAST(b.billed - CAST(round(b.quantity * n.price, 10) AS DECIMAL(22, 10)) * b.kept
            AS DECIMAL(36, 20))
        ELSE CAST(0 AS DECIMAL(36, 20))
    END AS difference,
    CASE
        WHEN j.in_force IS NOT NULL
        THEN 'Billed without commitment, inside the commitment of ' || j.in_force
            || ' that the contract states.'
        ELSE 'Billed at a committed rate after the commitment that the contract states has ended; it may have renewed itself.'
    END AS reason
FROM judged AS j
JOIN billed_models AS b
    ON b.line = j.line
LEFT JOIN near_rates AS n
    ON n.charge_key_id = b.charge_key_id
    AND n.how = 'commitment'
    AND n.neighbour = j.in_force
    AND b.usage_day >= n.starts
    AND b.usage_day < n.ends
WHERE (b.commitment = 'none' AND j.in_force <> 'none')
    OR (b.commitment <> 'none' AND j.in_force IS NULL AND j.has_ended = 1)
ORDER BY b.line
