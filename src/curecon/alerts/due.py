"""What a channel has not been told yet: read from the ledger, and noted there when it was told.

What was told is kept a channel and series: the dollars and the severity that its people know of.
Against these it is judged what is new, back, worse or overdue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from curecon import life, versions
from curecon.alerts.message import GRAVITY, Item, Kind, Notice
from curecon.models import FindingState
from curecon.report import story
from curecon.report.figures import EXACT

_LIVE = ("new", "open", "reopened", "disputed")
_HUNDRED = Decimal(100)
_FIELDS = (
    "series_id", "id", '"check"', "severity", "category", "period", "payer_account",
    "usage_account", "difference", "owns_difference", "currency", "reason", "primary_id", "lines",
)  # fmt: skip


@dataclass(frozen=True)
class Thresholds:
    """From where on a finding is told.

    What suddenly costs more (`spend_rose`) counts as a warning. `min_difference` is in the
    finding's currency; a finding about no line and no dollars, such as a delivery that is missing,
    has none to weigh. A finding is worse when its dollars outgrew those that were told by
    `worse_by` per cent, and overdue `max_age` days after it was told and still not settled.
    """

    min_difference: Decimal = Decimal(0)
    severity: str = "warning"
    worse_by: Decimal = Decimal(10)
    max_age: int = 30


@dataclass(frozen=True)
class _Told:
    kind: str
    severity: str
    dollars: Decimal
    at: datetime
    last_event: int


@dataclass(frozen=True)
class _Found:
    finding: dict[str, Any]
    state: FindingState

    @property
    def dollars(self) -> Decimal:
        size: Decimal = self.finding["difference"].copy_abs()
        return size

    @property
    def gravity(self) -> int:
        return GRAVITY[self.finding["severity"]]


def items(
    con: duckdb.DuckDBPyConnection, channel: str, limits: Thresholds, now: datetime
) -> list[Item]:
    """Return what is to be told to a channel, the gravest and dearest first."""
    told = _told(con, channel)
    moved = _last_events(con)
    due = []
    for series_id, found in _series(con, limits, now).items():
        before = told.get(series_id)
        kind = _kind(found, before, moved.get(series_id, 0), limits, now)
        if kind is not None:
            due.append(_item(kind, found, before))
    return sorted(
        due, key=lambda one: (GRAVITY[one.severity], -one.difference.copy_abs(), one.series_id)
    )


def finality(con: duckdb.DuckDBPyConnection, told: Sequence[Item]) -> list[str]:
    """Say of each bill that is told of how much of it AWS has made final."""
    about = sorted({(one.period, one.payer_account) for one in told})
    payers = {payer for _, payer in about}
    said = []
    for period, payer in about:
        rows = con.execute(
            "SELECT delivery_id FROM deliveries WHERE is_current "
            "AND strftime(period, '%Y-%m') = ? AND payer_account = ?",
            [period, payer],
        ).fetchall()
        whose = f" of payer {payer}" if len(payers) > 1 else ""
        said += [
            f"Invoices of {period}{whose}: {story.final(versions.finality(con, delivery_id))}."
            for (delivery_id,) in rows
        ]
    return said


def _series(
    con: duckdb.DuckDBPyConnection, limits: Thresholds, now: datetime
) -> dict[str, list[_Found]]:
    """Return the findings that count and that nobody has accepted or settled, by their series."""
    states = {one.finding_id: one for one in life.states(con, now.date())}
    columns = ", ".join(
        'coalesce(usage_type, resource, "check") AS what' if name == "what" else name
        for name in (*_FIELDS, "what")
    )
    rows = con.execute(f"SELECT {columns} FROM findings ORDER BY period, id").fetchall()
    fields = [name.strip('"') for name in (*_FIELDS, "what")]
    every = [dict(zip(fields, row, strict=True)) for row in rows]
    counted = {
        one["id"]: _Found(one, states[one["id"]])
        for one in every
        if states[one["id"]].state in _LIVE
        and _weight(one) <= GRAVITY[limits.severity]
        and (
            not (one["lines"] or one["difference"])
            or one["difference"].copy_abs() >= limits.min_difference
        )
    }
    series: dict[str, list[_Found]] = {}
    for one in counted.values():
        # The same dollars are told once: with the finding that owns them.
        if one.finding["primary_id"] not in counted:
            series.setdefault(one.finding["series_id"], []).append(one)
    return series


def _weight(finding: dict[str, Any]) -> int:
    """Say how grave a finding is to be told; what suddenly costs more is news, though no fault."""
    return GRAVITY["warning" if finding["check"] == "spend_rose" else finding["severity"]]


def _kind(
    found: Sequence[_Found], told: _Told | None, moved: int, limits: Thresholds, now: datetime
) -> Kind | None:
    """Say why a series is to be told; None where its people know all of it."""
    active = [one for one in found if one.state.state != "disputed"]
    old = timedelta(days=limits.max_age)
    if told is None:
        waiting = all(one.state.since + old <= now for one in found)
        # Who learns of a dispute first should not take it for news that waits for somebody.
        return "new" if active else "overdue" if waiting else "disputed"
    if moved > told.last_event and any(one.state.state == "reopened" for one in active):
        return "back"
    dollars = max((one.dollars for one in active), default=Decimal(0))
    gravity = min((one.gravity for one in active), default=GRAVITY["info"])
    bound = EXACT.multiply(told.dollars, 1 + EXACT.divide(limits.worse_by, _HUNDRED))
    grown = dollars > bound and EXACT.subtract(dollars, told.dollars) >= life.CENT
    if grown or gravity < GRAVITY[told.severity]:
        return "worse"
    return "overdue" if told.kind != "overdue" and told.at + old <= now else None


def _item(kind: Kind, found: Sequence[_Found], told: _Told | None) -> Item:
    """Tell a series by its dearest finding and with its gravest severity."""
    active = [one for one in found if one.state.state != "disputed"] or found
    dearest = max(active, key=lambda one: (one.dollars, one.finding["period"])).finding
    gravest = min(active, key=lambda one: one.gravity).finding
    kept = {
        name: dearest[name]
        for name in ("series_id", "category", "period", "payer_account", "usage_account", "what")
    }
    return Item(
        kind=kind,
        finding_id=dearest["id"],
        severity=gravest["severity"],
        difference=dearest["difference"],
        owns_difference=dearest["owns_difference"],
        currency=dearest["currency"],
        reason=dearest["reason"],
        before=told.dollars if told else None,
        **kept,
    )


def _told(con: duckdb.DuckDBPyConnection, channel: str) -> dict[str, _Told]:
    rows = con.execute(
        "SELECT series_id, arg_max(kind, alert_id), arg_max(severity, alert_id), "
        'arg_max(abs(difference), alert_id), max("at"), max(last_event) FROM alerts '
        "WHERE channel = ? AND series_id IS NOT NULL GROUP BY 1",
        [channel],
    ).fetchall()
    return {row[0]: _Told(*row[1:]) for row in rows}


def _last_events(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the last event of each series that can end or begin a decision."""
    rows = con.execute(
        "SELECT series_id, max(event_id) FROM finding_events WHERE event <> 'found' GROUP BY 1"
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def notices(con: duckdb.DuckDBPyConnection, channel: str) -> list[Notice]:
    """Return what befell runs and the channel was not told of, the oldest first."""
    rows = con.execute(
        'SELECT notice_id, kind, "at", message FROM alert_notices WHERE channel = ? '
        "AND notice_id NOT IN (SELECT notice_id FROM alerts "
        'WHERE channel = ? AND notice_id IS NOT NULL) ORDER BY "at", notice_id',
        [channel, channel],
    ).fetchall()
    return [Notice(*row) for row in rows]


def keep(con: duckdb.DuckDBPyConnection, channel: str, given: Sequence[Notice]) -> bool:
    """Keep notices for a channel until it was told; say whether one of them is new."""
    known = {
        row[0]
        for row in con.execute(
            "SELECT notice_id FROM alert_notices WHERE channel = ?", [channel]
        ).fetchall()
    }
    fresh = [one for one in given if one.notice_id not in known]
    for one in fresh:
        con.execute(
            "INSERT INTO alert_notices VALUES (?, ?, ?, ?, ?)",
            [one.notice_id, channel, one.kind, one.at, one.text],
        )
    return bool(fresh)


def note(
    con: duckdb.DuckDBPyConnection,
    channel: str,
    told: Sequence[Item],
    said: Sequence[Notice],
    now: datetime,
) -> None:
    """Note what a channel is told."""
    (number, event) = con.execute(
        "SELECT (SELECT coalesce(max(alert_id), 0) + 1 FROM alerts), "
        "(SELECT coalesce(max(event_id), 0) FROM finding_events)"
    ).fetchall()[0]
    for one in told:
        con.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            [
                number, now, channel, one.kind, one.series_id, one.finding_id, one.severity,
                one.difference, one.currency, event,
            ],
        )  # fmt: skip
    for notice in said:
        con.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, NULL, NULL, 'error', NULL, NULL, ?, ?)",
            [number, now, channel, notice.kind, notice.notice_id, event],
        )
