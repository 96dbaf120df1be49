-- What a check explains of lines that agree with their rate, or have none, goes to its category.
-- A line that has another cause already keeps it: of such a line the finding owns nothing.
UPDATE found AS f
SET owns = FALSE, expected = coalesce(f.billed, f.expected), difference = 0
WHERE f."check" = {check}
    AND (
        coalesce(f.difference, 0) = 0
        OR f.line IS NULL
        OR f.line NOT IN (
            SELECT line
            FROM {ledger}.compared
            WHERE component IN ('agrees', 'rounding', 'unpriced')
                AND billed_part IS NULL
        )
    );

CREATE OR REPLACE TABLE moved AS
SELECT
    f.line,
    min(f.category) AS component,
    min(f.rate_id) AS rate_id,
    CAST(sum(f.difference) AS DECIMAL(36, 20)) AS difference,
    min(l.delivery_id) AS delivery_id,
    min(l.line_item_unblended_cost) AS billed
FROM found AS f
JOIN lines AS l
    ON l.line = f.line
WHERE f."check" = {check}
    AND f.owns
GROUP BY f.line;

-- What has a price is explained as a whole.
UPDATE {ledger}.compared AS c
SET
    component = m.component,
    reason = {check},
    rate_id = coalesce(m.rate_id, c.rate_id),
    difference = m.difference
FROM moved AS m
WHERE m.line = c.line
    AND c.component IN ('agrees', 'rounding')
    AND c.billed_part IS NULL;

-- What has none stays unpriced, but for the part that is explained.
INSERT INTO {ledger}.compared BY NAME
SELECT
    m.delivery_id,
    m.line,
    m.component,
    {check} AS reason,
    m.rate_id,
    m.difference,
    m.difference AS billed_part
FROM moved AS m
JOIN {ledger}.compared AS c
    ON c.line = m.line
    AND c.component = 'unpriced'
    AND c.billed_part IS NULL;

DELETE FROM {ledger}.compared
WHERE component = 'unpriced'
    AND billed_part IS NULL
    AND line IN (SELECT line FROM moved WHERE difference = billed);

UPDATE {ledger}.compared AS c
SET difference = m.billed - m.difference, billed_part = m.billed - m.difference
FROM moved AS m
WHERE m.line = c.line
    AND c.component = 'unpriced'
    AND c.billed_part IS NULL
