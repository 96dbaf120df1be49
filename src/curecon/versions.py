"""The deliveries of a period as versions, and what changed between two of them.

The lines of an older delivery are gone; what they added up to, its totals, its findings and its
finality stay in the ledger (`delivery_sums`, `read_totals`, `past_findings`, `finality`).
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb

from curecon import ledger
from curecon.engine import execute, read
from curecon.errors import OptionInvalid
from curecon.models import Finality, Money, Record, Severity

PREFIX_MIN = 4
"""Characters from which on the beginning of a delivery's id may stand for the id."""

_ORDINAL_DIGITS = 3

What = Literal["added", "removed", "changed"]
Row = dict[str, Any]


class Version(Record):
    """One delivery of a period; `number` counts them from 1, the oldest that the ledger knows."""

    number: int
    id: str
    format: str
    services: str
    is_current: bool
    lines: int
    final_lines: int
    finality: list[Finality]


class TotalChange(Record):
    """All lines of a delivery beside those of another, in one currency; in scope and in all."""

    currency: str
    lines_a: int
    lines_b: int
    billed_a: Money
    billed_b: Money
    in_scope_lines_a: int
    in_scope_lines_b: int
    in_scope_billed_a: Money
    in_scope_billed_b: Money
    change: Money


class ChargeChange(Record):
    """A kind of charge that has other lines, another quantity or other dollars than before.

    `severity` is `warning` for usage that changed although its invoice was final in A. What AWS
    adds after that (credits, refunds, fees, tax) is `info`, as is everything before.
    """

    what: What
    severity: Severity
    usage_account: str | None
    invoicing_entity: str | None
    line_type: str | None
    kind: str
    product_code: str | None
    usage_type: str | None
    operation: str | None
    region: str | None
    currency: str
    lines_a: int
    lines_b: int
    quantity_a: Money | None
    quantity_b: Money | None
    billed_a: Money
    billed_b: Money
    change: Money


class OtherChange(Record):
    """A service that is not audited, of which other lines or dollars are billed than before."""

    what: What
    product_code: str | None
    line_type: str | None
    currency: str
    lines_a: int
    lines_b: int
    billed_a: Money
    billed_b: Money
    change: Money


class FindingChange(Record):
    """A finding that only one of the deliveries has, or that both have not alike.

    They differ in dollars or in severity, which is that of B where B has it.
    """

    what: What
    id: str
    check: str
    severity: Severity
    severity_a: Severity | None
    severity_b: Severity | None
    usage_type: str | None
    usage_account: str | None
    currency: str | None
    difference_a: Money
    difference_b: Money
    change: Money
    reason: str


class DeliveryDiff(Record):
    """What changed from delivery `a` to delivery `b` of one period of one payer."""

    schema_version: int = 1
    period: str
    payer_account: str
    a: Version
    b: Version
    totals: list[TotalChange]
    charges: list[ChargeChange]
    others: list[OtherChange]
    findings: list[FindingChange]
    notes: list[str]


def diff(
    period: str,
    a: str | None = None,
    b: str | None = None,
    ledger_path: Path = Path("curecon.duckdb"),
    payer: str | None = None,
) -> DeliveryDiff:
    """Say what changed between two deliveries of a period.

    Args:
        period: the billing period, YYYY-MM.
        a: the older delivery: its number in the order of reading, its id or the beginning of it;
            without it, the one before `b`.
        b: the newer one, likewise; without it, the newest.
        ledger_path: the ledger that has both.
        payer: the payer, where the ledger has the period of several.

    Raises:
        OptionInvalid: the ledger does not have two such deliveries; those it has are named.
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
    """
    with ledger.reading(ledger_path) as con:
        payer = _payer(con, period, payer)
        known = versions(con, period, payer)
        older, newer = _pair(known, period, a, b)
        con.execute("CREATE OR REPLACE TEMP TABLE sides (delivery_id VARCHAR, is_b BOOLEAN)")
        con.execute("INSERT INTO sides VALUES (?, FALSE), (?, TRUE)", [older.id, newer.id])
        parts = {
            name: _rows(con, read("duckdb", "diff", f"{name}.sql"))
            for name in ("totals", "charges", "others", "findings")
        }
        return DeliveryDiff(
            period=period,
            payer_account=payer,
            a=older,
            b=newer,
            totals=[TotalChange(**row) for row in parts["totals"]],
            charges=[ChargeChange(**row) for row in parts["charges"]],
            others=[OtherChange(**row) for row in parts["others"]],
            findings=[FindingChange(**row) for row in parts["findings"]],
            notes=_notes(con, older, newer),
        )


def prepare(
    con: duckdb.DuckDBPyConnection,
    catalog: str,
    expect_since: str | None,
    as_of: date | None,
    max_age: int,
) -> None:
    """Define what checks of deliveries read: `closed_sums` and `expected_periods`.

    What was found missing before is asked again, since it is about the ledger and no delivery.
    """
    main = f"{catalog}.main"
    execute(con, read("duckdb", "closed_sums.sql").replace("{ledger}", main))
    asked = {
        "since": None if expect_since is None else f"{expect_since}-01",
        "as_of": as_of,
        "days": max_age,
    }
    con.execute(read("duckdb", "expected_periods.sql").replace("{ledger}", main), asked)
    if expect_since is not None:
        con.execute(
            f"DELETE FROM {main}.findings WHERE \"check\" = 'missing_delivery' "
            "AND payer_account IN (SELECT payer_account FROM run_deliveries)"
        )


def versions(con: duckdb.DuckDBPyConnection, period: str, payer: str) -> list[Version]:
    """List the deliveries of a period of a payer, in the order in which they were read."""
    found = con.execute(
        "SELECT delivery_id, format, services, is_current, lines, final_lines FROM deliveries "
        "WHERE strftime(period, '%Y-%m') = ? AND payer_account = ? ORDER BY sequence, delivery_id",
        [period, payer],
    ).fetchall()
    return [
        Version(
            number=number,
            id=row[0],
            format=row[1],
            services=row[2],
            is_current=row[3],
            lines=row[4],
            final_lines=row[5],
            finality=finality(con, row[0]),
        )
        for number, row in enumerate(found, start=1)
    ]


def finality(con: duckdb.DuckDBPyConnection, delivery_id: str) -> list[Finality]:
    """Read how much of a delivery is final, by invoicing entity and currency."""
    found = con.execute(
        "SELECT bill_invoicing_entity, currency, lines, final_lines, billed, final_billed, "
        "is_final FROM finality WHERE delivery_id = ? ORDER BY 1 NULLS LAST, 2",
        [delivery_id],
    ).fetchall()
    return [Finality(**dict(zip(Finality.model_fields, row, strict=True))) for row in found]


def _payer(con: duckdb.DuckDBPyConnection, period: str, wanted: str | None) -> str:
    payers = [
        row[0]
        for row in con.execute(
            "SELECT DISTINCT payer_account FROM deliveries WHERE strftime(period, '%Y-%m') = ? "
            "ORDER BY 1",
            [period],
        ).fetchall()
    ]
    if not payers:
        periods = con.execute(
            "SELECT DISTINCT strftime(period, '%Y-%m') FROM deliveries ORDER BY 1"
        ).fetchall()
        there = ", ".join(row[0] for row in periods) or "no period"
        raise OptionInvalid(f"the ledger has no delivery of {period!r}; it has {there}")
    if wanted is None and len(payers) > 1:
        raise OptionInvalid(
            f"the ledger has {period} of several payers; name one of them with --payer: "
            f"{', '.join(payers)}"
        )
    if wanted is not None and wanted not in payers:
        raise OptionInvalid(
            f"the ledger has no {period} of the payer {wanted!r}; it has {', '.join(payers)}"
        )
    return wanted or payers[0]


def _pair(
    known: Sequence[Version], period: str, a: str | None, b: str | None
) -> tuple[Version, Version]:
    """Return the two deliveries that are meant."""
    if a is not None and b is None:
        older = _named(known, period, a)
        newer = known[-1]
    else:
        newer = known[-1] if b is None else _named(known, period, b)
        before = [one for one in known if one.number < newer.number]
        if a is None and not before:
            raise OptionInvalid(
                f"the ledger has no delivery of {period} before {newer.id}, so there is nothing "
                f"to compare it with; it has {_listed(known)}"
            )
        older = before[-1] if a is None else _named(known, period, a)
    if older.id == newer.id:
        raise OptionInvalid(f"{older.id} is one delivery; name two of {_listed(known)}")
    return older, newer


def _named(known: Sequence[Version], period: str, wanted: str) -> Version:
    """Find a delivery by its number, its id, or the beginning of its id."""
    meant = [one for one in known if one.id == wanted]
    if not meant and wanted.isdecimal() and len(wanted) <= _ORDINAL_DIGITS:
        meant = [one for one in known if one.number == int(wanted)]
    if not meant and len(wanted) >= PREFIX_MIN:
        meant = [one for one in known if one.id.startswith(wanted)]
    if len(meant) != 1:
        how = "several deliveries" if meant else "no delivery"
        raise OptionInvalid(
            f"{how} of {period} can be meant by {wanted!r}; it has {_listed(known)}"
        )
    return meant[0]


def _listed(known: Sequence[Version]) -> str:
    return ", ".join(f"{one.number} ({one.id})" for one in known)


def _notes(con: duckdb.DuckDBPyConnection, a: Version, b: Version) -> list[str]:
    """Say what makes the two hard to compare."""
    notes = []
    if a.format != b.format:
        notes.append(
            f"A is {a.format} and B is {b.format}: what the formats write differently looks changed"
        )
    if a.services != b.services:
        notes.append(
            f"A was read with --services {a.services} and B with --services {b.services}: "
            "lines that only one of them keeps look added or removed"
        )
    for side, one in (("A", a), ("B", b)):
        audited = con.execute(
            "SELECT 1 FROM runs WHERE list_contains(deliveries, ?) LIMIT 1", [one.id]
        ).fetchall()
        if not audited:
            notes.append(f"{side} was never audited, so it has no findings")
    return notes


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    found = con.execute(query)
    columns = [column[0] for column in found.description or []]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
