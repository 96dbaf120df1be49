#!/bin/sh
# One run: audit the bill, keep the ledger, tell what is new. Every recipe of this folder runs it.
#
#   BILL       what to audit: s3://bucket/prefix, a folder or a file
#   LEDGER     the ledger; its folder is the work folder          (curecon.duckdb)
#   LEDGER_S3  where the ledger lies between runs, s3://bucket/key; without it, it stays where it is
#   PERIOD     a billing period, e.g. 2026-10                     (all that the bill has)
#   OUT        a folder for the report                            (none)
#   AUDIT      more options for the audit, e.g. --contract contract.toml; split at spaces
#
# Channels and thresholds are those of `curecon alert`, in curecon.toml or in CURECON_ALERT_TO and
# so on; without any, nothing is sent. The exit status is that of the audit, and 2 when a channel
# failed or the ledger could not be kept.
#
# The ledger is pushed before anything is told: a run that overlaps another one loses there, and
# tells nothing. It is pushed again after it, because it notes who was told what.
set -u
: "${BILL:?name a bill, e.g. BILL=s3://bucket/prefix}"
LEDGER=${LEDGER:-curecon.duckdb}

tell() {
    [ -n "${CURECON_ALERT_TO:-}" ] || grep -qs '^\[alert\]' curecon.toml || return 0
    curecon alert --ledger "$LEDGER" "$@"
}

keep() {
    [ -z "${LEDGER_S3:-}" ] || curecon ledger push "$LEDGER_S3" --ledger "$LEDGER"
}

fail() {
    echo "curecon job: $1" >&2
    tell --failed "$1"
    exit 2
}

if [ -n "${LEDGER_S3:-}" ]; then
    curecon ledger pull "$LEDGER_S3" --ledger "$LEDGER" || fail "the ledger could not be pulled"
fi

status=0
# AUDIT is split on purpose: it holds several options.
# shellcheck disable=SC2086
curecon audit "$BILL" --ledger "$LEDGER" ${PERIOD:+--period "$PERIOD"} ${OUT:+--out "$OUT"} \
    ${AUDIT:-} || status=$?
if [ "$status" -gt 1 ]; then
    echo "curecon job: the audit ended with exit status $status" >&2
    tell --failed "the audit of $BILL ended with exit status $status"
    keep
    exit 2
fi
keep || fail "the ledger could not be pushed; another run may have changed it"
tell || status=2
keep || status=2
exit "$status"
