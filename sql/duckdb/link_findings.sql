-- A finding about dollars that another finding owns names the owner of most of its lines.
UPDATE {ledger}.findings AS f
SET primary_id = o.owner
FROM (
    SELECT
        finding,
        owner
    FROM (
        SELECT
            a.id AS finding,
            b.id AS owner,
            row_number() OVER (PARTITION BY a.id ORDER BY count(*) DESC, b.id) AS place
        FROM grouped AS a
        JOIN grouped AS b
            ON b.line = a.line
        WHERE NOT a.owns
            AND b.owns
        GROUP BY 1, 2
    )
    WHERE place = 1
) AS o
WHERE f.id = o.finding
    AND NOT f.owns_difference
    AND f.delivery_id IN (SELECT delivery_id FROM run_deliveries)
