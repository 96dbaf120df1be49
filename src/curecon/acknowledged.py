"""Acknowledgements that a team keeps in git: `acknowledged.toml`, applied by every audit.

    [[acknowledged]]
    id = "b9d1f0c27a6e4f10"       # a finding or its series, in full; it holds for every period
    reason = "Agreed with AWS in ticket 4711"
    owner = "jane@example.com"
    until = 2026-12-31            # may be left out: it has no end
    max_amount = 120.00           # may be left out: the dollars when it is first applied

What the file says goes into the history once. An entry that is changed is a new decision; one that
is taken out is taken back, and so are all where the file itself is gone.
"""

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import duckdb
from pydantic import ConfigDict, StringConstraints

from curecon import by_hand, life
from curecon.errors import AcknowledgedInvalid
from curecon.models import Record
from curecon.report.text import visible

NAME = "acknowledged.toml"
_BYTES_MAX = 16 * 1024 * 1024
_PROBLEMS_SHOWN_MAX = 20
_PLAIN = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # a reason may have several lines

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Words = Annotated[
    str, StringConstraints(max_length=10_000, pattern=rf"^{_PLAIN}*[^\s\x00-\x1f\x7f]{_PLAIN}*$")
]


class Entry(Record):
    """One acknowledgement of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Id
    reason: Words
    owner: by_hand.Line
    until: date | None = None
    max_amount: by_hand.Amount | None = None

    @property
    def key(self) -> str:
        """Hash what the entry says, so that the history has it once."""
        said = (self.id, self.reason, self.owner, self.until, self.max_amount)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


# What the keys should look like, beyond what `by_hand` says of any.
_REMEDIES = {
    "id": "is no id of a finding or a series; copy all 16 characters of it",
    "reason": "must be text that says something, without control characters",
}


def find(given: Path | None, ledger_path: Path) -> Path | None:
    """Return the file that is given, or that lies beside the ledger or beside curecon.toml."""
    if given is not None:
        return given
    places = [ledger_path.resolve().parent / NAME]
    if Path("curecon.toml").is_file():
        places.append(Path(NAME))
    return next((place for place in places if place.is_file()), None)


def read(path: Path | None) -> list[Entry] | None:
    """Read the file; None without a path.

    Raises:
        AcknowledgedInvalid: the file is missing or breaks the rules; entry and key are named.
    """
    if path is None:
        return None
    try:
        found = by_hand.content(path, "file of acknowledgements", _BYTES_MAX)
        document = by_hand.table(path, found)
    except by_hand.Unreadable as error:
        raise AcknowledgedInvalid(str(error)) from error
    given = document.pop("acknowledged", [])
    problems = [
        f"{by_hand.shown(path)}: `{by_hand.short(key)}` is unknown; the file holds "
        "[[acknowledged]] tables only"
        for key in document
    ]
    if not isinstance(given, list):
        problems.append(
            f"{by_hand.shown(path)}: `acknowledged` is no list of tables; write [[acknowledged]]"
        )
        given = []
    entries = []
    for number, table in enumerate(given, start=1):
        place = f"{by_hand.shown(path)}: entry {number}"
        entry, wrong = by_hand.checked(Entry, table, place, _REMEDIES)
        entries += [entry] if entry else []
        problems += wrong
    if problems:
        raise AcknowledgedInvalid("\n".join(problems[:_PROBLEMS_SHOWN_MAX]))
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        if entry.id in seen:
            raise AcknowledgedInvalid(
                f"{path}: entries {seen[entry.id]} and {number} are both about {entry.id}; "
                "keep one of them"
            )
        seen[entry.id] = number
    return entries


def apply(con: duckdb.DuckDBPyConnection, entries: list[Entry] | None, at: datetime) -> list[str]:
    """Bring what the file says into the history of an open ledger; return what is to be noted.

    Without a file, what one said before is taken back, as if it were empty now.
    """
    last: dict[str, tuple[str, str]] = {
        series: (source, event)
        for series, source, event in con.execute(
            "SELECT series_id, arg_max(source, event_id), arg_max(event, event_id) "
            "FROM finding_events WHERE source IS NOT NULL GROUP BY 1"
        ).fetchall()
    }
    series_of = {name: one.series_id for one in life.known(con) for name in (one.id, one.series_id)}
    said: dict[str, Entry] = {}
    notes = []
    for entry in entries or []:
        series_id = series_of.get(entry.id)
        if series_id is None:
            notes.append(f"{NAME}: no finding of this ledger has the id {visible(entry.id)}")
            continue
        if series_id in said:
            notes.append(
                f"{NAME}: {said[series_id].id} and {entry.id} are of one series; the later counts"
            )
        said[series_id] = entry
    notes += _take_back(con, last, said, at, is_there=entries is not None)
    for series_id, entry in said.items():
        source, event = last.get(series_id, ("", ""))
        if (source, event) == (entry.key, "acknowledged"):
            continue
        why = f"{entry.reason} (changed in {NAME})" if event == "acknowledged" else entry.reason
        amount = life.largest(con, series_id) if entry.max_amount is None else entry.max_amount
        life.append(
            con, "acknowledged", series_id, entry.owner, why, until=entry.until,
            max_amount=amount, source=entry.key, at=at,
        )  # fmt: skip
    return notes


def _take_back(
    con: duckdb.DuckDBPyConnection,
    last: dict[str, tuple[str, str]],
    said: dict[str, Entry],
    at: datetime,
    *,
    is_there: bool,
) -> list[str]:
    """Reopen the series of which the file says nothing any more; note where it is gone itself."""
    why = f"It was taken out of {NAME}." if is_there else f"No {NAME} was there any more."
    gone = [
        (series_id, source)
        for series_id, (source, event) in sorted(last.items())
        if event == "acknowledged" and series_id not in said and _in_force(con, source, series_id)
    ]
    for series_id, source in gone:
        life.append(con, "reopened", series_id, "audit", why, source=source, at=at)
    if is_there or not gone:
        return []
    return [
        f"No {NAME} was named or found, so what one acknowledged before is taken back: "
        + ", ".join(series_id for series_id, _ in gone)
    ]


def _in_force(con: duckdb.DuckDBPyConnection, source: str, series_id: str) -> bool:
    """Say whether an entry is the last decision about its series."""
    rows = con.execute(
        "SELECT arg_max(source, event_id) FILTER (source IS NOT NULL), "
        "arg_max(coalesce(source, ''), event_id) FROM finding_events "
        "WHERE series_id = ? AND event IN ('acknowledged', 'reopened')",
        [series_id],
    ).fetchall()
    return bool(rows[0][0] == rows[0][1] == source)
