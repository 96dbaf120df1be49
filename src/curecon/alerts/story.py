"""The story of an alert: what each channel was not told yet is sent to it, and noted.

The order is this, a channel at a time: a staged copy of the ledger is made, what will be told is
written into it, the message is sent, and the copy is published. So two alerts never send the same
(the ledger has one writer), a channel that fails leaves no note and is told next time, and what
one channel took stays noted when the next one fails. Killed between sending and publishing, which
is one rename, the message is sent again: better twice than never.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import duckdb

from curecon import ledger
from curecon.alerts import channels, due
from curecon.alerts.channels import Channel, NotSent
from curecon.alerts.due import Thresholds
from curecon.alerts.message import Item, Message, Notice
from curecon.errors import CureconError, OptionInvalid
from curecon.models import Record

Outcome = Literal["sent", "nothing", "failed", "quiet", "dry run"]

_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Alert:
    """What an alert is asked to do; the names are those of the options.

    `now` is UTC, without a zone.
    """

    ledger: Path = Path("curecon.duckdb")
    thresholds: Thresholds = field(default_factory=Thresholds)
    failed: str | None = None
    expect_run_within: int | None = None
    quiet_hours: str | None = None
    time_zone: str = "UTC"
    report: str | None = None
    dry_run: bool = False
    now: datetime | None = None


class Told(Record):
    """What became of one channel; `error` says why it was not told, and no address.

    `kept` is false where a message failed that no ledger could keep, so nothing sends it again.
    """

    channel: str
    outcome: Outcome
    findings: int = 0
    notices: int = 0
    title: str | None = None
    text: str | None = None
    error: str | None = None
    kept: bool = True


def alert(to: Sequence[str], options: Alert | None = None) -> list[Told]:
    """Send every channel what is new, back, worse or overdue since it was told last.

    Args:
        to: the channels: [NAME=]ADDRESS, where ${VARIABLE} is filled in from the environment, or
            @FILE with one on each line.
        options: the ledger, thresholds, quiet hours and so on.

    Returns:
        What became of each channel. One that failed is told the next time, unless there is no
        ledger to keep that a run failed.

    Raises:
        OptionInvalid: a channel or an option cannot be understood; nothing was sent.
        LedgerLocked, LedgerUnreadable: the ledger cannot be used. A failed run is told without it.
    """
    options = options or Alert()
    now = options.now or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    quiet = is_quiet(now, options.quiet_hours, options.time_zone)
    told = channels.read(to)
    given = _failed(options.failed, now)
    with _without_ledger(given), ledger.reading(options.ledger) as con:
        given += _missed(con, options.expect_run_within, now)
    if options.dry_run:
        return [_rehearse(one, options, given, now) for one in told]
    outcomes = []
    for one in told:
        try:
            outcomes.append(_tell(one, options, given, now, quiet=quiet))
        except CureconError:
            if options.failed is None:
                raise
            sent = _send(one, Message([], given, options.report))
            outcomes.append(sent.model_copy(update={"kept": False}))
    return outcomes


def _tell(
    channel: Channel, options: Alert, given: Sequence[Notice], now: datetime, *, quiet: bool
) -> Told:
    """Tell one channel, and note that it was told."""
    if not given:
        with ledger.reading(options.ledger) as con:
            message = _message(con, channel, options, now)
        if message is None or quiet:
            return _outcome(channel, "quiet" if message else "nothing", message)
    with ledger.staged(options.ledger) as stage:
        con = stage.con
        kept = due.keep(con, channel.key, given)
        message = _message(con, channel, options, now)
        if message is None or quiet:
            if kept:
                stage.publish()
            return _outcome(channel, "quiet" if message else "nothing", message)
        con.execute("BEGIN")
        due.note(con, channel.key, message.items, message.notices, now)
        outcome = _send(channel, message)
        con.execute("COMMIT" if outcome.outcome == "sent" else "ROLLBACK")
        if kept or outcome.outcome == "sent":
            stage.publish()
    return outcome


def _message(
    con: duckdb.DuckDBPyConnection, channel: Channel, options: Alert, now: datetime
) -> Message | None:
    """Compose what a channel is to be told; None where there is nothing."""
    items = due.items(con, channel.key, options.thresholds, now)
    notices = due.notices(con, channel.key)
    if not items and not notices:
        return None
    return Message(items, notices, options.report, due.finality(con, items))


def _without_ledger(given: Sequence[Notice]) -> AbstractContextManager[None]:
    """Go on without a ledger where a run failed: it may well have failed by its ledger."""
    return suppress(CureconError) if given else nullcontext()


def _send(channel: Channel, message: Message) -> Told:
    try:
        channel.send(message)
    except NotSent as error:
        return _outcome(channel, "failed", message, str(error))
    return _outcome(channel, "sent", message)


def _outcome(
    channel: Channel, outcome: Outcome, message: Message | None, error: str | None = None
) -> Told:
    if message is None:
        return Told(channel=channel.label, outcome=outcome)
    return Told(
        channel=channel.label,
        outcome=outcome,
        findings=len(message.items),
        notices=len(message.notices),
        title=message.title,
        text=message.text,
        error=error,
    )


def _rehearse(channel: Channel, options: Alert, given: Sequence[Notice], now: datetime) -> Told:
    """Compose what would be sent, and send and note nothing."""
    items: list[Item] = []
    kept: list[Notice] = []
    final: list[str] = []
    with _without_ledger(given), ledger.reading(options.ledger) as con:
        items = due.items(con, channel.key, options.thresholds, now)
        kept = due.notices(con, channel.key)
        final = due.finality(con, items)
    known = {one.notice_id for one in kept}
    notices = kept + [one for one in given if one.notice_id not in known]
    if not items and not notices:
        return _outcome(channel, "nothing", None)
    return _outcome(channel, "dry run", Message(items, notices, options.report, final))


def _failed(text: str | None, now: datetime) -> list[Notice]:
    """Make a notice of a run that failed; each failure is told."""
    if text is None:
        return []
    said = text.strip() or "no reason was given"
    digest = hashlib.sha256(f"{now.isoformat()} {said}".encode()).hexdigest()[:16]
    return [Notice(digest, "failed", now, f"The audit failed: {said}")]


def _missed(con: duckdb.DuckDBPyConnection, hours: int | None, now: datetime) -> list[Notice]:
    """Make a notice where no audit was written for too long; it is told once a silence."""
    if hours is None:
        return []
    rows = con.execute("SELECT run_id, started FROM runs ORDER BY started DESC, run_id LIMIT 1")
    last = rows.fetchall()
    if not last:
        return [Notice("missed-first", "missed", now, "No audit was ever written to the ledger.")]
    run_id, started = last[0]
    if started + timedelta(hours=hours) >= now:
        return []
    text = (
        f"No audit was written to the ledger since {started:%Y-%m-%d %H:%M} UTC, and one is "
        f"expected every {hours} hours."
    )
    return [Notice(f"missed-{run_id}", "missed", now, text)]


def is_quiet(now: datetime, hours: str | None, zone: str) -> bool:
    """Say whether a moment, UTC, lies in the hours FROM-TO of a time zone; TO is not among them.

    Raises:
        OptionInvalid: the hours are not of the form 22:00-07:00, or the zone is not known.
    """
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise OptionInvalid(f"--time-zone {zone!r}: write it like Europe/Berlin") from error
    if hours is None:
        return False
    found = _QUIET.fullmatch(hours)
    if found is None or (found[1], found[2]) == (found[3], found[4]):
        raise OptionInvalid(f"--quiet-hours {hours!r}: write them like 22:00-07:00")
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    here = now.replace(tzinfo=UTC).astimezone(place).time()
    return begin <= here < end if begin < end else here >= begin or here < end
