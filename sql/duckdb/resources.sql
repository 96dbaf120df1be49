-- What a resource id tells about the charge rather than about who caused it: the type of the
-- resource, and the model where the id names one that AWS offers to everybody: a foundation model,
-- an inference profile of AWS (us.<id>, global.<id>), or the base of a custom model.
nullif(regexp_extract(
    line_item_resource_id, '^arn:[^:]*:[^:]*:[^:]*:[^:]*:([^:/]+)', 1), '') AS resource_type,
CASE
    WHEN contains(line_item_resource_id, ':foundation-model/')
    THEN substr(
        line_item_resource_id, strpos(line_item_resource_id, ':foundation-model/') + 18)
    WHEN contains(line_item_resource_id, ':inference-profile/')
    THEN substr(
        line_item_resource_id, strpos(line_item_resource_id, ':inference-profile/') + 19)
    WHEN contains(line_item_resource_id, ':custom-model/')
    THEN nullif(regexp_extract(line_item_resource_id, ':custom-model/([^/]+)/', 1), '')
END AS resource_model
