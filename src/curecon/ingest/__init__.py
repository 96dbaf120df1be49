"""Brings a bill into the ledger: bill -> line_items, and totals of every other line.

Each delivery (one billing period of one payer) replaces the older one as a whole. Lines in scope
are kept one by one; what they leave of the totals read from the files is `other_totals`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from curecon.engine import execute, step
from curecon.errors import BillUnreadable
from curecon.hashed import Hashes
from curecon.ingest.kept import KEY_COLUMNS, replace_lines
from curecon.ingest.mapped import define
from curecon.ingest.totals import read_totals, refuse_copies, refuse_gaps
from curecon.ledger import NO_ROOM
from curecon.misread import blame, first_gap, refuse_endless_lines
from curecon.opened import OpenBill, OpenFile
from curecon.reader import Reader
from curecon.source import Bill

__all__ = ["KEY_COLUMNS", "Ingested", "ingest"]

# Failures that are not the bill's: no room, or an interrupted query.
_OURS = (*NO_ROOM, duckdb.InterruptException, duckdb.InternalException)


@dataclass
class Ingested:
    """What one run brought in: the deliveries, their files' hashes, and what was noticed."""

    delivery_ids: list[str] = field(default_factory=list)
    new_ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ingest(
    con: duckdb.DuckDBPyConnection,
    bill: Bill,
    hashes: Hashes,
    *,
    services: str,
    periods: Sequence[str] = (),
    go_on: Callable[[], object] = lambda: None,
) -> Ingested:
    """Read the bill's files into the staged ledger.

    Args:
        con: the staged ledger, open for writing.
        bill: the files to read.
        hashes: those of its files.
        services: "ai" keeps lines in scope (DESIGN.md, section 1), "all" keeps every line.
        periods: billing periods (YYYY-MM) to keep of what is read; none keeps all.
        go_on: is called before the lines are read, which takes the longest, and may raise.

    Raises:
        BillUnreadable: a file is damaged or a cell does not parse; file, row and column are named.
        FormatUnknown, FormatsMixed: the columns are of no known, or of several, report types.
    """
    temporary = Path(con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
    temporary.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bill-", dir=temporary) as workspace:
        reader = Reader(con, Path(workspace), hashes)
        try:
            opened = reader.open(bill.files)
            opened.filtered = bool(periods)
            result = _load_or_blame(con, opened, services, periods, go_on)
        finally:
            reader.close()
    result.notes.extend(bill.notes)
    return result


def _load_or_blame(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    services: str,
    periods: Sequence[str],
    go_on: Callable[[], object],
) -> Ingested:
    """Load the bill; where the bill is at fault, say where."""
    try:
        result = _load(con, opened, services, periods, go_on)
    except duckdb.Error as error:
        if "Maximum line size" in str(error) and not opened.long_lines:
            opened.long_lines = True
            return _load_or_blame(con, opened, services, periods, go_on)
        refuse_endless_lines(opened)
        theirs = any(str(file.link) in str(error) for file in opened.files)
        if isinstance(error, _OURS) and not theirs:
            raise
        if isinstance(error, duckdb.ConstraintException):
            times = [one.name for one in opened.format.columns if one.role == "filled"]
            if gap := first_gap(con, opened, times):
                raise gap from error
        raise blame(con, opened, error) from error
    refuse_endless_lines(opened)
    return result


def _load(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    services: str,
    periods: Sequence[str],
    go_on: Callable[[], object],
) -> Ingested:
    with step("reading totals"):
        con.execute(
            "CREATE OR REPLACE TABLE run_deliveries "
            "(delivery_id VARCHAR, period DATE, payer_account VARCHAR, sequence BIGINT)"
        )
        define(con, opened, "mapped", periods)
        read_totals(con, opened, services, periods)
    refuse_gaps(con, opened)
    go_on()
    result = Ingested()
    pairs = execute(con, "SELECT DISTINCT period, payer_account FROM run_totals ORDER BY ALL")
    for period, payer in pairs:
        delivery_id = _delivery_id(con, opened, period, payer)
        result.delivery_ids.append(delivery_id)
        con.execute(
            "INSERT INTO run_deliveries "
            "SELECT ?, ?, ?, coalesce(max(sequence), 0) + 1 FROM deliveries",
            [delivery_id, period, payer],
        )
    refuse_copies(con, opened)
    known = "SELECT delivery_id FROM deliveries WHERE is_current AND services = ?"
    new = f"SELECT delivery_id FROM run_deliveries WHERE delivery_id NOT IN ({known})"
    result.new_ids = sorted(row[0] for row in execute(con, new, [services]))
    if result.new_ids:
        with step("reading line items"):
            replace_lines(con, opened, services, periods)
    else:
        result.notes.append("this delivery is in the ledger already; it is audited again")
    return result


def _delivery_id(con: duckdb.DuckDBPyConnection, opened: OpenBill, period: date, payer: str) -> str:
    """Name a delivery by its content: the same files give the same id, whatever they are called.

    Only files that hold lines of it count, so it keeps its name when it is read with others.
    """
    holding = execute(
        con,
        "SELECT DISTINCT file FROM run_totals WHERE period = ? AND payer_account = ?",
        [period, payer],
    )
    numbers = {row[0] for row in holding}
    hashes: dict[str, OpenFile] = {}
    for file in opened.files:
        if file.number in numbers:
            other = hashes.setdefault(file.sha256, file)
            if other.file.path != file.file.path:
                raise BillUnreadable(
                    f"{other.file.path} and {file.file.path} hold the same bytes, so their lines "
                    "would count twice; name or keep one of them"
                )
    return hashlib.sha256("\n".join([str(period), payer, *sorted(hashes)]).encode()).hexdigest()[
        :16
    ]
