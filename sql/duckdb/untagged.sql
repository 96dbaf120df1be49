-- The lines of named resources that lack a required tag. AWS writes a user's tag as user:KEY or
-- user_KEY, and newer exports as resourceTags/KEY; a tag counts once it has a value.
WITH lacking AS (
    SELECT
        t.tag_set_id,
        r.tag
    FROM required_tags AS r
    CROSS JOIN tag_sets AS t
    WHERE coalesce(
        nullif(t.resource_tags[r.tag], ''),
        nullif(t.resource_tags['user:' || r.tag], ''),
        nullif(t.resource_tags['user_' || r.tag], ''),
        nullif(t.tags['resourceTags/' || r.tag], ''),
        nullif(t.tags['userAttribute/' || r.tag], ''),
        nullif(t.tags['iamPrincipal/' || r.tag], ''),
        nullif(t.tags['accountTag/' || r.tag], '')
    ) IS NULL
)

SELECT
    l.line,
    n.tag
FROM lacking AS n
JOIN lines AS l
    ON l.tag_set_id = n.tag_set_id
JOIN charge_keys AS k
    ON k.charge_key_id = l.charge_key_id
WHERE k.kind IN ('usage', 'covered_usage')
    AND k.is_ai
    AND l.line_item_resource_id IS NOT NULL
