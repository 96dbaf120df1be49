"""The life of findings: new -> open -> acknowledged | disputed -> resolved, and reopened.

Audits note what they find and no longer find; people decide. Both are events that stay in the
ledger, and the state of a finding follows from them, from its dollars and from the day that is
asked about, so an acknowledgement expires without anybody doing anything.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from curecon import ledger
from curecon.engine import text
from curecon.errors import OptionInvalid
from curecon.models import FindingEvent, FindingState, State
from curecon.money import plain
from curecon.report.figures import EXACT, money
from curecon.report.text import visible

PREFIX_MIN = 6
"""Characters from which on the beginning of an id may stand for the id."""

CENT = Decimal("0.01")
"""Credits are whole cents and differences are not, so less than a cent is nothing left."""

_NEAR_MAX = 3


@dataclass(frozen=True)
class Known:
    """A finding as it was last seen."""

    id: str
    series_id: str
    check: str
    period: str
    payer_account: str
    currency: str | None
    difference: Decimal
    service: str | None
    usage_account: str | None


@dataclass(frozen=True)
class _Event:
    """A row of finding_events."""

    event_id: int
    at: datetime
    event: str
    series_id: str
    finding_id: str | None
    who: str
    why: str
    difference: Decimal | None
    until: date | None
    max_amount: Decimal | None
    run_id: str | None
    source: str | None


def today() -> date:
    """Return the day, UTC, that is asked about where nobody names another."""
    return datetime.now(UTC).date()


def moment() -> datetime:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


# --- what an audit notes ---


def record(
    con: duckdb.DuckDBPyConnection,
    catalog: str,
    checks: Iterable[str],
    run_id: str,
    started: datetime,
) -> None:
    """Note which findings of this run are new, which came back and which are gone.

    A finding is gone when its period was audited by its check and it was not found. The same
    delivery audited again notes nothing.
    """
    main = f"{catalog}.main"
    found = (
        f"SELECT * FROM {main}.findings "
        "WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)"
    )
    last = (
        f"SELECT finding_id, arg_max(event, event_id) AS event FROM {main}.finding_events "
        "WHERE event IN ('found', 'resolved', 'returned') GROUP BY 1"
    )
    names = ", ".join(text(name) for name in checks) or "''"
    news = (
        f"SELECT 'found' AS event, 'It was found.' AS why, f.* FROM ({found}) AS f "
        f"WHERE f.id NOT IN (SELECT id FROM {main}.known_findings) "
        f"UNION ALL SELECT 'returned', 'It was found again.', f.* FROM ({found}) AS f "
        f"JOIN ({last}) AS l ON l.finding_id = f.id WHERE l.event = 'resolved' "
        "UNION ALL SELECT 'resolved', 'It was not found any more.', k.* "
        f"FROM {main}.known_findings AS k JOIN ({last}) AS l ON l.finding_id = k.id "
        f"WHERE l.event <> 'resolved' AND k.\"check\" IN ({names}) "
        f"AND k.id NOT IN (SELECT id FROM {main}.findings) AND ((k.period, k.payer_account) IN "
        "(SELECT (period_text, payer_account) FROM run_deliveries) "
        "OR (k.\"check\" = 'missing_delivery' "
        "AND k.payer_account IN (SELECT payer_account FROM run_deliveries)))"
    )
    con.execute(
        f"INSERT INTO {main}.finding_events BY NAME SELECT (SELECT coalesce(max(event_id), 0) "
        f"FROM {main}.finding_events) + row_number() OVER (ORDER BY event, id) AS event_id, "
        "CAST(? AS TIMESTAMP) AS \"at\", event, series_id, id AS finding_id, 'audit' AS who, why, "
        f"difference, CAST(? AS VARCHAR) AS run_id FROM ({news})",
        [started, run_id],
    )
    con.execute(f"DELETE FROM {main}.known_findings WHERE id IN (SELECT id FROM ({found}))")
    con.execute(f"INSERT INTO {main}.known_findings {found}")


# --- what a person decides ---


@contextmanager
def changing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a ledger that there is for a decision; publish it unless the decision is refused.

    Raises:
        LedgerLocked, LedgerUnreadable: somebody else writes it, or it is missing or no ledger.
    """
    with ledger.reading(path):
        pass
    with ledger.staged(path) as stage:
        yield stage.con
        stage.publish()


def acknowledge(
    finding_id: str,
    *,
    reason: str,
    owner: str,
    until: date | None = None,
    max_amount: Decimal | None = None,
    ledger_path: Path = Path("curecon.duckdb"),
    as_of: date | None = None,
) -> list[FindingState]:
    """Acknowledge a finding, in this and every other period: it no longer fails an audit.

    Args:
        finding_id: the id of the finding or of its series, or the beginning of one.
        reason: why it is accepted.
        owner: who answers for that.
        until: the last day on which it holds, UTC; without it, it has no end.
        max_amount: dollars up to which it holds; without it, those of the finding today. Beyond,
            the finding is reopened.
        ledger_path: the ledger that an audit wrote.
        as_of: the day on which this is decided; today without it.

    Returns:
        The state of each finding of the series.

    Raises:
        OptionInvalid: no finding is meant, the day is past, nothing is said, or the finding is
            larger than the limit.
        LedgerLocked, LedgerUnreadable: the ledger cannot be written; it is as it was.
    """
    day = as_of or today()
    _said("--reason", reason)
    _said("--owner", owner)
    if until is not None and until < day:
        raise OptionInvalid(f"--until {until} is past; today is {day}")
    with changing(ledger_path) as con:
        series = series_named(con, finding_id)
        dollars = largest(con, series)
        amount = dollars if max_amount is None else max_amount
        if amount < dollars:
            raise OptionInvalid(
                f"--max-amount {plain(amount)} is less than the {plain(dollars)} that the finding "
                "has today, so it would hold for nothing; give that or more"
            )
        append(con, "acknowledged", series, owner, reason, until=until, max_amount=amount)
        return [one for one in states(con, day) if one.series_id == series]


def reopen(
    finding_id: str,
    *,
    reason: str,
    owner: str,
    ledger_path: Path = Path("curecon.duckdb"),
    as_of: date | None = None,
) -> list[FindingState]:
    """Take back an acknowledgement of a series, or the dispute of a finding.

    Returns:
        The state of each finding of the series.

    Raises:
        OptionInvalid: no finding is meant, or it is neither acknowledged nor disputed.
        LedgerLocked, LedgerUnreadable: the ledger cannot be written; it is as it was.
    """
    _said("--reason", reason)
    _said("--owner", owner)
    day = as_of or today()
    with changing(ledger_path) as con:
        series = series_named(con, finding_id)
        own = finding_named(con, finding_id, latest=True)
        before = {one.finding_id: one for one in states(con, day) if one.series_id == series}
        if not any(one.state in ("acknowledged", "disputed") for one in before.values()):
            raise OptionInvalid(
                f"the finding {own.id} is {before[own.id].state}: only what is acknowledged or "
                "disputed can be reopened"
            )
        append(con, "reopened", series, owner, reason, finding=own)
        return [one for one in states(con, day) if one.series_id == series]


def append(
    con: duckdb.DuckDBPyConnection,
    event: str,
    series_id: str,
    who: str,
    why: str,
    *,
    finding: Known | None = None,
    until: date | None = None,
    max_amount: Decimal | None = None,
    source: str | None = None,
    at: datetime | None = None,
    difference: Decimal | None = None,
) -> None:
    """Add an event to the history in an open ledger."""
    dollars = finding.difference if difference is None and finding else difference
    con.execute(
        "INSERT INTO finding_events SELECT (SELECT coalesce(max(event_id), 0) + 1 "
        "FROM finding_events), ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?",
        [
            at or moment(), event, series_id, finding.id if finding else None, who, why, dollars,
            until, max_amount, source,
        ],
    )  # fmt: skip


def _said(option: str, words: str) -> None:
    if not words.strip():
        raise OptionInvalid(f"{option} says nothing; the history needs it")


def largest(con: duckdb.DuckDBPyConnection, series_id: str) -> Decimal:
    """Return the largest dollars that a series has today, in whatever direction."""
    rows = con.execute(
        "SELECT coalesce(max(abs(difference)), 0) FROM known_findings AS k WHERE series_id = ? "
        "AND (id IN (SELECT id FROM findings) OR NOT EXISTS (SELECT 1 FROM findings AS f "
        "WHERE f.series_id = k.series_id))",
        [series_id],
    ).fetchall()
    amount: Decimal = rows[0][0]
    return amount


# --- which finding is meant ---


def known(con: duckdb.DuckDBPyConnection) -> list[Known]:
    """Read every finding that was ever found, as it was last seen."""
    rows = con.execute(
        'SELECT id, series_id, "check", period, payer_account, currency, difference, '
        "service, usage_account FROM known_findings ORDER BY period, id"
    ).fetchall()
    return [Known(*row) for row in rows]


def series_named(con: duckdb.DuckDBPyConnection, wanted: str) -> str:
    """Return the series of the finding, or the series, that an id or its beginning means.

    Raises:
        OptionInvalid: none, or more than one, is meant; near ids are named.
    """
    return _meant(known(con), wanted)[0].series_id


def finding_named(con: duckdb.DuckDBPyConnection, wanted: str, *, latest: bool = False) -> Known:
    """Return the finding that an id or its beginning means; of a series, the latest if asked.

    Raises:
        OptionInvalid: none, or more than one, is meant; near ids are named.
    """
    meant = _meant(known(con), wanted)
    if len(meant) > 1 and not latest:
        raise OptionInvalid(
            f"{visible(wanted)} is a series; name the finding of one period: "
            + ", ".join(f"{one.id} ({one.period})" for one in meant[-_NEAR_MAX:])
        )
    return meant[-1]


def _meant(every: Sequence[Known], wanted: str) -> list[Known]:
    """Return the finding with an id, or all those of a series, in the order of their periods."""
    for matches in (str.__eq__, str.startswith):
        if matches is str.startswith and len(wanted) < PREFIX_MIN:
            break
        own = [one for one in every if matches(one.id, wanted)]
        series = [one for one in every if matches(one.series_id, wanted)]
        names = {one.id for one in own} | {one.series_id for one in series}
        if len(names) > 1:
            raise OptionInvalid(
                f"{len(names):,} findings begin with {visible(wanted)}; give more of the id"
            )
        if names:
            return own or series
    raise OptionInvalid(
        f"no finding has the id {visible(wanted)}; {near(wanted, (one.id for one in every))}"
    )


_ALL = (
    "`curecon findings list` names them all, and "
    f"{PREFIX_MIN} characters of an id are enough where they are clear"
)


def near(wanted: str, ids: Iterable[str], otherwise: str = _ALL) -> str:
    """Name the ids that look like one that there is not, or say where to find them."""
    close = difflib.get_close_matches(wanted, list(ids), n=_NEAR_MAX, cutoff=0.5)
    return f"near it are {', '.join(map(visible, close))}" if close else otherwise


# --- in which state it is ---


def history(con: duckdb.DuckDBPyConnection, finding: Known) -> list[FindingEvent]:
    """Tell what happened to a finding and to its series, the oldest first."""
    return [
        FindingEvent(**{name: getattr(one, name) for name in FindingEvent.model_fields})
        for one in _events(con)
        if one.series_id == finding.series_id and one.finding_id in (None, finding.id)
    ]


def states(con: duckdb.DuckDBPyConnection, as_of: date) -> list[FindingState]:
    """Say in which state every finding is that was ever found, on a day."""
    by_series: dict[str, list[_Event]] = {}
    for event in _events(con):
        by_series.setdefault(event.series_id, []).append(event)
    recovered: dict[str, Decimal] = dict(
        con.execute("SELECT finding_id, sum(amount) FROM settlements GROUP BY 1").fetchall()
    )
    newest: dict[tuple[str, str], str] = {
        (row[0], row[1]): row[2]
        for row in con.execute(
            "SELECT strftime(d.period, '%Y-%m'), d.payer_account, arg_max(r.run_id, r.place) FROM "
            "(SELECT run_id, rowid AS place, unnest(deliveries) AS delivery_id FROM runs) AS r "
            "JOIN deliveries AS d ON d.delivery_id = r.delivery_id GROUP BY 1, 2"
        ).fetchall()
    }
    return [
        _state(
            one,
            by_series.get(one.series_id, []),
            recovered.get(one.id, Decimal(0)),
            newest.get((one.period, one.payer_account)),
            as_of,
        )
        for one in known(con)
    ]


def _state(
    finding: Known,
    events: Sequence[_Event],
    recovered: Decimal,
    newest_run: str | None,
    as_of: date,
) -> FindingState:
    own = [one for one in events if one.finding_id == finding.id]
    seen = [one for one in own if one.event in ("found", "returned", "resolved")][-1]
    dollars = finding.difference.copy_abs()
    remaining = max(EXACT.subtract(dollars, recovered), Decimal(0))
    remaining = Decimal(0) if recovered and remaining < CENT else remaining
    state, event, why = _judged(finding, events, seen, newest_run, as_of)
    settled = [one for one in own if one.event == "settled"]
    if seen.event != "resolved" and recovered:
        if not remaining:
            state, event, why = "resolved", settled[-1], settled[-1].why
        elif EXACT.subtract((settled[-1].difference or dollars).copy_abs(), recovered) < CENT:
            grown = f"It grew by {money(remaining)} since it was settled."
            state, event, why = "reopened", settled[-1], grown
    bounds = event if state == "acknowledged" else replace(event, until=None, max_amount=None)
    return FindingState(
        finding_id=finding.id,
        series_id=finding.series_id,
        state=state,
        since=event.at,
        who=event.who,
        why=why,
        until=bounds.until,
        max_amount=bounds.max_amount,
        recovered=recovered,
        remaining=remaining,
    )


def _judged(
    finding: Known,
    events: Sequence[_Event],
    seen: _Event,
    newest_run: str | None,
    as_of: date,
) -> tuple[State, _Event, str]:
    """Return the state that follows from what was seen and decided, settlements left aside."""
    if seen.event == "resolved":
        return "resolved", seen, seen.why
    decided = _decision(finding, events)
    if decided is None:
        return _undecided(finding, events, seen, newest_run)
    broken = _broken(decided, finding.difference.copy_abs(), as_of)
    if decided.event == "disputed" and not broken:
        return "disputed", decided, decided.why
    if decided.event == "acknowledged" and not broken:
        return "acknowledged", decided, decided.why
    return "reopened", decided, broken or decided.why


def _broken(decided: _Event, dollars: Decimal, as_of: date) -> str | None:
    """Say why a decision does not hold any more; None where it does."""
    if decided.event == "disputed":
        disputed = (decided.difference or Decimal(0)).copy_abs()
        if EXACT.subtract(dollars, disputed) >= CENT:
            return f"It grew from {money(disputed)} to {money(dollars)} since it was disputed."
    elif decided.event == "acknowledged":
        if decided.until is not None and as_of > decided.until:
            return f"The acknowledgement expired after {decided.until}."
        if decided.max_amount is not None and dollars > decided.max_amount:
            return f"Its {money(dollars)} outgrew the {money(decided.max_amount)} acknowledged."
    return None


def _decision(finding: Known, events: Sequence[_Event]) -> _Event | None:
    """Return the last event that decides about a finding.

    An acknowledgement holds for the series, and so does taking it back. A dispute is about the
    dollars of one period, and ends when the finding was gone and came back.
    """
    decided: _Event | None = None
    for one in events:
        mine = one.finding_id == finding.id
        acknowledged = decided is not None and decided.event == "acknowledged"
        if (
            one.event == "acknowledged"
            or (one.event == "disputed" and mine)
            or (one.event == "reopened" and (mine or acknowledged))
            or (one.event == "returned" and mine and not acknowledged)
        ):
            decided = one
    return decided


def _undecided(
    finding: Known, events: Sequence[_Event], seen: _Event, newest_run: str | None
) -> tuple[State, _Event, str]:
    """Tell what is new from what was there before, in this period or in another."""
    last: dict[str, str] = {}
    for one in events:
        if one.event_id >= seen.event_id or one.run_id == seen.run_id:
            break
        if one.finding_id not in (None, finding.id) and one.event in ("found", "returned"):
            last[str(one.finding_id)] = "there"
        elif one.event in ("resolved", "settled"):
            last[str(one.finding_id)] = "gone"
    if last and set(last.values()) == {"gone"}:
        return "reopened", seen, "It was resolved in another period, and it is back."
    if last or seen.run_id != newest_run:
        return "open", seen, seen.why
    return "new", seen, seen.why


def _events(con: duckdb.DuckDBPyConnection) -> list[_Event]:
    rows = con.execute(
        'SELECT event_id, "at", event, series_id, finding_id, who, why, difference, until, '
        "max_amount, run_id, source FROM finding_events ORDER BY event_id"
    ).fetchall()
    return [_Event(*row) for row in rows]
