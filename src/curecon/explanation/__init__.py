"""Explains a line of the bill, or a finding: as billed, decoded, compared, by which rate and how.

The ledger says what the audit made of a line; nothing is judged anew.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from curecon import agreed, ledger, life, matching, price_list, settlement
from curecon import contract as agreement
from curecon import rates as cards
from curecon.arithmetic import Facts, Piece, is_later_price, work_out
from curecon.asked import Asked, ask, beside, records, refuse_unknown, remembered
from curecon.candidates import Charge, Pool
from curecon.engine import read, text
from curecon.errors import OptionInvalid
from curecon.explanation.model import (
    BilledLine,
    Component,
    DecodedCharge,
    Explanation,
    FindingExplained,
    FindingOfLine,
    Findings,
    LineOfFinding,
    RateTaken,
)
from curecon.models import (
    Finding,
    RateUsed,
    Record,
    State,
)
from curecon.packaged import folder
from curecon.report import story
from curecon.report.text import visible
from curecon.vocabulary import vocabulary

LINES_MAX = 20
"""Lines explained of one id, and lines listed of one finding; the ledger has the others."""

DEAREST_MAX = 3
"""Lines of a finding that are explained: those with the largest differences."""

PREFIX_MIN = 6
"""Characters from which on the beginning of an id may stand for the id."""

_NAMED_MAX = 3
_UNITS_ONLY = r"[0-9]{1,18}"


def explain(
    line_item_id: str,
    ledger_path: Path = Path("curecon.duckdb"),
    time_interval: str | None = None,
    *,
    rates: Sequence[Path] = (),
    price_lists: Sequence[Path] = (),
    contract: Path | None = None,
) -> list[Explanation]:
    """Explain the lines of an id, at most `LINES_MAX`: one a time interval, and every copy.

    Args:
        line_item_id: the id, the beginning of it where that is clear, or the number of the line in
            the ledger.
        ledger_path: the ledger that an audit wrote.
        time_interval: only the line of this interval.
        rates: folders of rate cards, whose rates are candidates besides the packaged ones and
            those that the ledger remembers.
        price_lists: files or folders of AWS's price lists, likewise.
        contract: what was agreed with AWS, likewise.

    Raises:
        OptionInvalid: no line, or more than one id, is meant.
        CureconError: the ledger, the rates or the contract cannot be used.
    """
    known = known_rates(rates, price_lists, contract)
    with ledger.reading(ledger_path) as con:
        lines = _lines_named(con, line_item_id, time_interval)
        return explain_lines(con, lines[:LINES_MAX], known)


def known_rates(
    rates: Sequence[Path] = (), price_lists: Sequence[Path] = (), contract: Path | None = None
) -> pl.DataFrame:
    """Read every rate at hand: the packaged cards and what is named besides."""
    frames = [
        cards.read_cards([folder("rates"), *rates]),
        price_list.read_price_lists(list(price_lists)),
        agreed.private_rates(agreement.read(contract)),
    ]
    return pl.concat(frames, how="diagonal_relaxed")


def explain_lines(
    con: duckdb.DuckDBPyConnection, lines: Sequence[int], known: pl.DataFrame
) -> list[Explanation]:
    """Explain lines by their numbers in a ledger that `ledger.reading` has opened."""
    asked = ask(con, lines)
    pool = Pool(known, remembered(con, known))
    return [_explained(asked, pool, line) for line in lines]


def findings(
    ledger_path: Path = Path("curecon.duckdb"),
    period: str | None = None,
    severity: str | None = None,
    check: str | None = None,
) -> list[Finding]:
    """List the findings of a ledger, of all its periods or of those that are asked for.

    Raises:
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
    """
    return listed(ledger_path, period, severity, check).findings


def listed(
    ledger_path: Path = Path("curecon.duckdb"),
    period: str | None = None,
    severity: str | None = None,
    check: str | None = None,
    *,
    states: Sequence[State] = (),
    as_of: date | None = None,
) -> Findings:
    """List the findings of a ledger with the states of their lives.

    Findings that were found once and are gone are listed where `states` asks for "resolved".

    Args:
        ledger_path: the ledger that an audit wrote.
        period: only those of this period, YYYY-MM.
        severity: only those of this severity.
        check: only those of this check.
        states: only those in one of these states.
        as_of: the day on which an acknowledgement must hold; today, UTC, without it.

    Raises:
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
        OptionInvalid: nobody knows such a period or check, so that none of it means nothing.
    """
    with ledger.reading(ledger_path) as con:
        refuse_unknown(con, period, check)
        known = {one.finding_id: one for one in life.states(con, as_of or life.today())}
        asked_for = [
            one
            for one in findings_of(con, "known_findings" if "resolved" in states else "findings")
            if period in (None, one.period)
            and severity in (None, one.severity)
            and check in (None, one.check)
            and (not states or known[one.id].state in states)
        ]
    found = story.ordered(asked_for)
    return Findings(findings=found, states=[known[one.id] for one in found])


def explain_finding(
    finding_id: str, ledger_path: Path = Path("curecon.duckdb"), as_of: date | None = None
) -> FindingExplained:
    """Explain a finding by its lines.

    Args:
        finding_id: the id, or its beginning where that is clear; of a series, the latest period.
        ledger_path: the ledger that an audit wrote.
        as_of: the day on which an acknowledgement must hold; today, UTC, without it.

    Raises:
        OptionInvalid: no finding, or more than one, is meant.
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
    """
    with ledger.reading(ledger_path) as con:
        meant = life.finding_named(con, finding_id, latest=True)
        (finding,) = [one for one in findings_of(con, "known_findings") if one.id == meant.id]
        # Explaining lines narrows `lines` to these, so the credits are looked for before.
        fitting = settlement.proposed(con, finding.id, as_of or life.today())
        lines = lines_of(con, finding.id)
        shown = lines[:LINES_MAX]
        # Of what never came, the lines are charges that it was promised for; none of them is wrong.
        dearest = [one.line for one in lines[:DEAREST_MAX]] if finding.lines else []
        return FindingExplained(
            finding=finding,
            explanations=explain_lines(con, dearest, known_rates()) if dearest else [],
            lines=shown,
            lines_left_out=len(lines) - len(shown),
            query=f"SELECT * FROM finding_lines WHERE finding_id = {text(finding.id)}",
            state=next(
                one
                for one in life.states(con, as_of or life.today())
                if one.finding_id == finding.id
            ),
            history=life.history(con, meant),
            credits=fitting,
        )


def overview(found: list[Finding]) -> pl.DataFrame:
    """Return of findings what a table has room for."""
    names = (
        "id", "severity", "check", "period", "usage_account", "region", "usage_type",
        "difference", "currency", "reason",
    )  # fmt: skip
    written = [one.model_dump(mode="json", include=set(names)) for one in found]
    return pl.DataFrame(written, schema=dict.fromkeys(names, pl.String))


def to_json(record: Record) -> str:
    """Write a record as JSON: decimals as text, what is not ASCII as escapes."""
    return json.dumps(record.model_dump(mode="json"), indent=2) + "\n"


# --- which line, which finding ---


def _lines_named(
    con: duckdb.DuckDBPyConnection, wanted: str, time_interval: str | None
) -> list[int]:
    """Return the numbers of the lines that are meant, in the order of their usage."""
    where, value = "identity_line_item_id = ?", wanted
    rows = _lines_where(con, where, value)
    if not rows and re.fullmatch(_UNITS_ONLY, wanted):
        rows = _lines_where(con, "line = CAST(? AS BIGINT)", wanted)
    if not rows and len(wanted) >= PREFIX_MIN:
        rows = _lines_where(con, "starts_with(identity_line_item_id, ?)", wanted)
        ids = list(dict.fromkeys(row["identity_line_item_id"] for row in rows))
        if len(ids) > 1:
            raise OptionInvalid(
                f"{len(ids):,} line items begin with {visible(wanted)}; give more of the id"
            )
    if not rows:
        raise OptionInvalid(
            f"no line item of the ledger has the id {visible(wanted)}; `curecon findings list` "
            "names the findings, and `curecon findings show ID` names the lines of one"
        )
    if time_interval is None:
        return [row["line"] for row in rows]
    lines = [row["line"] for row in rows if row["identity_time_interval"] == time_interval]
    if not lines:
        there = [visible(str(row["identity_time_interval"])) for row in rows[:_NAMED_MAX]]
        more = f" and {len(rows) - _NAMED_MAX:,} more" if len(rows) > _NAMED_MAX else ""
        raise OptionInvalid(
            f"the line item {visible(wanted)} has no interval {visible(time_interval)}; "
            f"it has {', '.join(there)}{more}"
        )
    return lines


def _lines_where(con: duckdb.DuckDBPyConnection, where: str, value: str) -> list[dict[str, Any]]:
    return records(
        con,
        "SELECT line, identity_line_item_id, identity_time_interval FROM lines "
        f"WHERE {where} ORDER BY line_item_usage_start_date, identity_time_interval, line",
        [value],
    )


def findings_of(con: duckdb.DuckDBPyConnection, table: str = "findings") -> list[Finding]:
    """Read the findings of every delivery, in the order of a report."""
    con.execute("CREATE OR REPLACE TEMP VIEW run_deliveries AS SELECT delivery_id FROM deliveries")
    query = read("duckdb", "results", "findings.sql").replace("FROM findings", f"FROM {table}")
    found = []
    for row in records(con, query):
        rate = {name: row.pop(f"rate_{name}") for name in RateUsed.model_fields}
        used = RateUsed(**rate) if rate["price"] is not None else None
        found.append(Finding(**row, rate=used))
    return found


def lines_of(con: duckdb.DuckDBPyConnection, finding_id: str) -> list[LineOfFinding]:
    """List the lines of a finding, the largest difference first."""
    found = records(
        con,
        "SELECT f.line, f.line_item_id, f.time_interval, "
        "l.line_item_usage_account_id AS usage_account, f.billed, f.expected, "
        "CAST(f.billed - f.expected AS DECIMAL(36, 20)) AS difference "
        "FROM finding_lines AS f JOIN lines AS l ON l.line = f.line WHERE f.finding_id = ? "
        "ORDER BY abs(f.billed - f.expected) DESC, abs(f.billed) DESC, "
        "l.line_item_usage_start_date, f.line_item_id NULLS LAST, f.line",
        [finding_id],
    )
    return [LineOfFinding(**row) for row in found]


# --- the chain of one line ---


def _explained(asked: Asked, pool: Pool, number_of_line: int) -> Explanation:
    row = asked.lines[number_of_line]
    key = asked.keys[row["charge_key_id"]]
    day: date = row["line_item_usage_start_date"].date()
    facts = Facts(
        line=row,
        key=key.row(0, named=True),
        components=asked.components.get(number_of_line, []),
        priced=asked.priced[number_of_line],
        pieces=_pieces(asked, number_of_line),
        unpriced=asked.unpriced.get(number_of_line),
        beside=beside(asked, number_of_line),
    )
    taken = tuple(dict.fromkeys(piece.rate_id for piece in facts.pieces))
    if not taken:
        named = facts.components[0] if is_later_price(facts.components) else facts.priced
        taken = tuple(filter(None, [named["rate_id"]]))
    audited = asked.matched.get(row["charge_key_id"], frozenset())
    candidates, left_out = pool.candidates(Charge(key, day, taken, audited))
    return Explanation(
        line=_billed(row),
        charge=_decoded(facts.key),
        components=[
            Component(**{name: one[name] for name in Component.model_fields})
            for one in facts.components
        ],
        unpriced=facts.unpriced,
        rates=[_rate_taken(asked.rates[rate_id], facts, day) for rate_id in taken],
        arithmetic=work_out(facts),
        candidates=candidates,
        candidates_left_out=left_out,
        findings=[
            FindingOfLine(**{name: one[name] for name in FindingOfLine.model_fields})
            for one in asked.findings.get(number_of_line, [])
        ],
        lines_of_id=asked.namesakes.get(row["identity_line_item_id"], 1),
    )


def _billed(row: Mapping[str, Any]) -> BilledLine:
    return BilledLine(
        line=row["line"],
        line_item_id=row["identity_line_item_id"],
        time_interval=row["identity_time_interval"],
        period=row["period"],
        payer_account=row["bill_payer_account_id"],
        usage_account=row["line_item_usage_account_id"],
        kind=row["kind"],
        line_type=row["line_item_line_item_type"],
        product_code=row["line_item_product_code"],
        product_name=row["product_name"],
        usage_type=row["line_item_usage_type"],
        operation=row["line_item_operation"],
        resource=row["line_item_resource_id"],
        description=row["line_item_line_item_description"],
        sku=row["product_sku"],
        rate_code=row["pricing_rate_code"],
        quantity=row["line_item_usage_amount"],
        unit=row["pricing_unit"],
        currency=row["line_item_currency_code"],
        billed_rate=row["line_item_unblended_rate"],
        billed=row["line_item_unblended_cost"],
        public_rate=row["pricing_public_on_demand_rate"],
        public_cost=row["pricing_public_on_demand_cost"],
        usage_start=row["line_item_usage_start_date"],
        usage_end=row["line_item_usage_end_date"],
        hours=row["hours"],
        invoice=row["bill_invoice_id"],
        delivery_id=row["delivery_id"],
        format=row["format"],
        files=row["files"] or [],
    )


def _decoded(key: Mapping[str, Any]) -> DecodedCharge:
    return DecodedCharge(
        charge_key_id=str(key["charge_key_id"]),
        attributes={name: key[name] for name in vocabulary() if key[name] is not None},
        region=key["region"],
        unit=key["unit"],
        grade=key["grade"],
        undecoded_reason=key["undecoded_reason"],
    )


def _pieces(asked: Asked, line: int) -> list[Piece]:
    """Return the line's quantity at its rate, or in the tiers that it falls in."""
    priced = asked.priced[line]
    rows = asked.pieces.get(line)
    if is_later_price(asked.components.get(line, [])):
        rows = []  # `priced` has the price of the day on which the line starts
    elif rows is None:
        rows = [priced] if None not in (priced["price"], priced["quantity"]) else []
    key = asked.keys[asked.lines[line]["charge_key_id"]].row(0, named=True)
    pieces = []
    for row in rows:
        rate = asked.rates[row["rate_id"]]
        factor, _ = matching.conversion(key["pricing_unit"], key["unit"], rate["unit"])
        pieces.append(
            Piece(
                quantity=row["quantity"],
                factor=None if factor is None else Decimal(factor),
                rate_id=row["rate_id"],
                rate_price=rate["price"],
                rate_unit=rate["unit"],
                price=row["price"],
            )
        )
    return pieces


def _rate_taken(rate: Mapping[str, Any], facts: Facts, day: date) -> RateTaken:
    days = {
        name: None if rate[name] is None else rate[name].isoformat()
        for name in ("starts", "ends", "checked")
    }
    provable = any(one["provable"] for one in facts.components)
    because = _certain(rate) if provable else _uncertain(rate, facts.key["grade"], day)
    return RateTaken.model_validate(
        {
            **{name: rate[name] for name in RateTaken.model_fields if name in rate},
            **days,
            "reference": rate["reference"] or "",
            "provable": provable,
            "because": because,
        }
    )


def _certain(rate: Mapping[str, Any]) -> str:
    """Say why a difference from the rate may prove something."""
    said = {
        "contract": "It is agreed.",
        "price_list": "AWS published it at or before the usage.",
    }
    return said.get(rate["source_kind"], f"Its source is as of {rate['checked']}, near the usage.")


def _uncertain(rate: Mapping[str, Any], grade: str | None, day: date) -> str:
    """Say what the rate lacks for proving something; the rule is that of the view comparison."""
    if rate["later"]:
        return "AWS published it after the usage, so the price may have been another."
    if rate["unconfirmed"]:
        return "Its source is neither AWS nor a contract, or names no region."
    if grade == "unconfirmed":
        return "How AWS writes this usage type is published nowhere, so it is only taken for it."
    if rate["source_kind"] == "card" and rate["checked"] is not None:
        apart = abs((day - rate["checked"]).days)
        return f"Its source is as of {rate['checked']}, {apart:,} days from the usage."
    return "The line was not compared by it."
