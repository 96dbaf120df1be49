-- The rates that hold whatever else the month uses, which is all but those with tiers.
-- grain: one row a charge key and the days from `starts` to before `ends`
SELECT
    charge_key_id,
    rate_id,
    source_kind,
    price,
    starts,
    ends,
    later
FROM key_rates
WHERE coalesce(tier_from, 0) = 0
    AND tier_to IS NULL
