-- severity: info
-- category: attribution
-- question: Does usage of a resource lack a cost-allocation tag that --required-tag names?
-- The tag is the resource, so that each has a finding of its own.
SELECT
    u.line,
    u.tag AS resource,
    'The required tag ' || u.tag || ' is missing.' AS reason
FROM untagged AS u
ORDER BY u.line, u.tag
