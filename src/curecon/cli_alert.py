"""The command `alert`."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, validators

from curecon.cli_options import FAILED, FINE, AsOf, Dollars, LedgerFile, Many, day

if TYPE_CHECKING:
    from curecon.alerts import Told

NOT_KEPT = (
    "no ledger could keep it, so it will not be sent again; mend --ledger and the channel, and "
    "give --failed once more"
)


def alert(
    *,
    to: Annotated[list[str], Many] = [],  # noqa: B006  # cyclopts copies it
    ledger: LedgerFile = Path("curecon.duckdb"),
    min_difference: Dollars = Decimal(0),
    severity: Literal["error", "warning", "info"] = "warning",
    worse_by: Dollars = Decimal(10),
    max_age: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 30,
    failed: str | None = None,
    expect_run_within: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    quiet_hours: str | None = None,
    time_zone: str = "UTC",
    report: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    as_of: AsOf = None,
) -> int:
    """Send what is new, back, worse or overdue since a channel was told last, once.

    A channel is [NAME=]ADDRESS: one of apprise (slack://..., mailto://...,
    json://host/path, and a hundred more), or the ARN of an SNS topic or an
    EventBridge bus. It is a secret: write ${VARIABLE}, or @FILE for a file with a
    channel on each line. The name stays when the address changes.

      curecon alert --to 'finance=${SLACK_URL}' --min-difference 10

    Findings acknowledged, settled or gone are not told; what was disputed before a
    channel heard of it is told so. After a failure (status 2) the next run sends.

    Args:
        to: a channel; may be given several times.
        min_difference: only findings of at least this many dollars.
        severity: only findings from this severity on; spend that rose counts as a warning.
        worse_by: a finding is told again when its dollars grew by more than this many per cent.
        max_age: a finding that is still not settled so many days after it was told is told again,
            once, as overdue.
        failed: tell that a run failed, and how; it works without a ledger too.
        expect_run_within: tell when no audit was written to the ledger for so many hours.
        quiet_hours: hours in which nothing is sent, e.g. 22:00-07:00; it is sent after them.
        time_zone: the zone of the quiet hours, e.g. Europe/Berlin.
        report: the address or the path of the report, to be named in the message.
        dry_run: print what would be sent, and send and note nothing.
    """
    from curecon.alerts import Alert
    from curecon.alerts import alert as alerting
    from curecon.alerts.channels import in_the_clear
    from curecon.alerts.due import Thresholds

    date = day(as_of)
    clock = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    options = Alert(
        ledger=ledger,
        thresholds=Thresholds(min_difference, severity, worse_by, max_age),
        failed=failed,
        expect_run_within=expect_run_within,
        quiet_hours=quiet_hours,
        time_zone=time_zone,
        report=report,
        dry_run=dry_run,
        now=datetime.combine(date, clock.time()) if date else clock,
    )
    told = alerting(to, options)
    for name in in_the_clear(to):
        sys.stderr.write(
            f"curecon: warning: --to {name}: the address is a secret and is written out where "
            "others may read it: a list of processes, the history of a shell, a file in git. "
            "Write '${VARIABLE}' and put the address into the environment, or @FILE\n"
        )
    for one in told:
        _say(one)
    return FAILED if any(one.outcome == "failed" for one in told) else FINE


def _say(one: "Told") -> None:
    """Say what became of a channel; a rehearsed message goes to standard output."""
    if one.outcome == "dry run":
        sys.stdout.write(f"--- {one.channel}\n{one.title}\n\n{one.text}\n")
        return
    words = {
        "sent": f"sent: {one.title}",
        "nothing": "nothing to tell",
        "quiet": "quiet hours: it will be sent after them",
        "failed": f"not sent: {one.error}; "
        + ("it will be sent next time" if one.kept else NOT_KEPT),
    }[one.outcome]
    sys.stderr.write(f"curecon: channel {one.channel}: {words}\n")
