-- severity: warning
-- category: data
-- needs: expected_periods
-- question: Is a billing period that is expected missing, or its delivery too old?
-- Expected are the periods from --expect-since to --as-of; too old is a delivery that is not final
-- and whose last usage lies more than --max-age days before --as-of or the end of its period.
SELECT
    e.delivery_id,
    e.period,
    CASE
        WHEN e.last_usage IS NULL
        THEN 'No delivery of ' || e.period || ' is in the ledger, although it is expected.'
        ELSE 'The delivery of ' || e.period || ' ends on '
            || substr(CAST(e.last_usage AS STRING), 1, 10)
            || ', and a newer one is overdue.'
    END AS reason,
    0 AS lines,
    e.last_usage
FROM expected_periods AS e
WHERE e.is_missing
    OR e.is_late
ORDER BY e.payer_account, e.period
