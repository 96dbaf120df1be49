"""Write `findings.xlsx`: a sheet a topic, for finance.

A spreadsheet keeps numbers as doubles, fifteen digits of them. So each column of dollars,
quantities or rates is a number, for sums and filters, and stands again at the right of its sheet
as a text with every digit. Days and times (UTC) are dates, but for those before 1900, which are
text. What else came from a bill is text, never a formula, a link or a number.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from curecon.models import AuditResult, Finding, FindingState
from curecon.money import plain
from curecon.report import story
from curecon.report.story import Statement
from curecon.report.text import visible, words
from curecon.report.usage import OTHERS

CELL = 32_000
"""Characters of a text in a cell; a spreadsheet refuses more than 32,767."""

ROWS = 1_000_000
"""Rows of a sheet; a spreadsheet refuses more than 1,048,576."""

_MONEY = "#,##0.00##"
_SMALL = "0.00##################"
_CENT = Decimal("0.01")
_EXACT = (
    "Columns named (exact) hold every digit, as text; the numbers beside them keep fifteen, "
    "which is what a spreadsheet can."
)
# A workbook states when it was made; a fixed time keeps the bytes equal for equal results.
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook knows no time zones

# A spreadsheet counts days from 1900, and holds that a leap year; March is right in every one.
_FIRST_DAY = date(1900, 3, 1)

Cell = str | int | Decimal | date | None


@dataclass(frozen=True)
class _Column:
    name: str
    money: bool = False
    width: int = 14


def render(result: AuditResult) -> bytes:
    """Return the bytes of `findings.xlsx`; equal results give equal bytes."""
    buffer = io.BytesIO()
    statements = story.statements(result)
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": "Bedrock and SageMaker bill audit", "created": _MADE})
        sheets = _Sheets(book)
        sheets.add("Summary", *_summary(statements))
        sheets.add("Bridge", *_bridge(statements))
        sheets.add("Findings", *_findings(result))
        sheets.add("Lines", *_lines(result))
        sheets.add("Spend", *_spend(statements))
        sheets.add("Days", *_days(result))
        sheets.add("Provisioned", *_provisioned(result))
        sheets.add("Not judged", *_unjudged(statements))
        sheets.add("Provenance", *_provenance(result))
    return buffer.getvalue()


class _Sheets:
    """Writes sheets of one workbook; text is always text, and only numbers are numbers."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._formats: dict[str, Format] = {}

    def add(self, name: str, columns: Sequence[_Column], rows: Iterable[Sequence[Cell]]) -> None:
        """Add a sheet: a frozen header with filters, and exact texts to the right of all."""
        sheet = self._book.add_worksheet(name)
        money = [place for place, column in enumerate(columns) if column.money]
        heads = [column.name for column in columns]
        heads += [f"{columns[place].name} (exact)" for place in money]
        for place, head in enumerate(heads):
            sheet.write_string(0, place, head, self._format("head", bold=True, bottom=1))
        widths = [column.width for column in columns] + [26] * len(money)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        last = 0
        for last, row in enumerate(rows, start=1):
            assert len(row) == len(columns), f"a row of {name} has another number of cells"
            if last > ROWS:
                break
            for place, cell in enumerate([*row, *(row[place] for place in money)]):
                self._write(sheet, last, place, cell, exact=place >= len(columns))
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, last, len(heads) - 1)
        sheet.set_landscape()
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)

    def _write(self, sheet: Worksheet, row: int, place: int, cell: Cell, *, exact: bool) -> None:
        if cell is None:
            return
        if isinstance(cell, Decimal) and exact:
            sheet.write_string(row, place, plain(cell), self._format("exact", align="right"))
        elif isinstance(cell, Decimal):
            # What would read 0.00 and is not zero shows its digits.
            small = 0 < cell.copy_abs() < _CENT
            named, code = ("small", _SMALL) if small else ("money", _MONEY)
            # Equal amounts are written alike, whatever zeros they end in.
            alike = Decimal(plain(cell))
            sheet.write_number(row, place, alike, self._format(named, num_format=code))
        elif isinstance(cell, datetime) and cell.date() >= _FIRST_DAY:
            code = "yyyy-mm-dd hh:mm:ss"
            time = self._format("time", num_format=code, align="left", valign="top")
            sheet.write_datetime(row, place, _utc(cell), time)
        elif isinstance(cell, datetime):
            sheet.write_string(row, place, _utc(cell).isoformat(" "))
        elif isinstance(cell, date) and cell >= _FIRST_DAY:
            day = self._format("day", num_format="yyyy-mm-dd", align="left")
            midnight = datetime.combine(cell, datetime.min.time())
            sheet.write_datetime(row, place, midnight, day)
        elif isinstance(cell, date):
            sheet.write_string(row, place, cell.isoformat())
        elif isinstance(cell, int):
            sheet.write_number(row, place, cell, self._format("count", num_format="#,##0"))
        else:
            # The prefix keeps the cell a text when a person edits it.
            text = self._format("text", quote_prefix=True, valign="top")
            sheet.write_string(row, place, visible(cell, CELL), text)

    def _format(self, name: str, **properties: object) -> Format:
        if name not in self._formats:
            self._formats[name] = self._book.add_format(properties)
        return self._formats[name]


Sheet = tuple[list[_Column], list[list[Cell]]]

_WHOSE = [_Column("Period", width=10), _Column("Payer account"), _Column("Currency", width=9)]


def _whose(statement: Statement) -> list[Cell]:
    total = statement.total
    return [total.period, total.payer_account, total.currency]


def _summary(statements: list[Statement]) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("Lines on the bill"),
        _Column("Billed on the bill", money=True),
        _Column("Lines in scope"),
        _Column("Billed, in scope", money=True, width=18),
        _Column("Not repriced", money=True),
        _Column("Could not be priced", money=True, width=20),
        _Column("Priced, as billed", money=True, width=18),
        _Column("Expected", money=True),
        _Column("Difference", money=True),
        _Column("Provably wrong", money=True, width=16),
        _Column("Recovered", money=True),
        _Column("Priced, share of usage", width=20),
        _Column("Final, share of the bill", width=20),
        _Column("Forecast of the month", money=True, width=22),
        _Column("Forecast, low", money=True, width=16),
        _Column("Forecast, high", money=True, width=16),
        _Column("Findings", width=32),
    ]
    rows: list[list[Cell]] = []
    for one in statements:
        total, to_come = one.total, one.forecast
        rows.append(
            [
                *_whose(one),
                total.lines,
                total.billed,
                total.in_scope_lines,
                total.in_scope_billed,
                total.not_repriced,
                total.unpriced,
                one.priced,
                total.expected if one.compared else None,
                one.difference if one.compared else None,
                one.proven,
                one.recovered,
                one.share,
                one.final,
                to_come.expected if to_come else None,
                to_come.low if to_come else None,
                to_come.high if to_come else None,
                story.counted(one.severities),
            ]
        )
    return columns, rows


def _bridge(statements: list[Statement]) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("Component", width=22),
        _Column("Billed", money=True),
        _Column("Expected", money=True),
        _Column("Amount", money=True),
        _Column("Lines"),
    ]
    return columns, [
        [*_whose(one), story.label(row.component), row.billed, row.expected, row.amount, row.lines]
        for one in statements
        for row in one.bridge
    ]


def _findings(result: AuditResult) -> Sheet:
    columns = [
        _Column("Severity", width=10),
        _Column("Finding", width=26),
        _Column("Why", width=60),
        _Column("Period", width=10),
        _Column("Payer account"),
        _Column("Usage account"),
        _Column("Region"),
        _Column("Service", width=12),
        _Column("Usage type", width=40),
        _Column("Operation", width=22),
        _Column("Resource", width=40),
        _Column("Category"),
        _Column("Currency", width=9),
        _Column("Billed", money=True),
        _Column("Expected", money=True),
        _Column("Difference", money=True),
        _Column("Owns its dollars", width=16),
        _Column("Dollars counted under", width=20),
        _Column("State", width=13),
        _Column("Recovered", money=True),
        _Column("Quantity", money=True),
        _Column("Unit"),
        _Column("Rate", money=True),
        _Column("Rate per"),
        _Column("Rate from", width=36),
        _Column("Rate reference", width=36),
        _Column("Lines"),
        _Column("First usage, UTC", width=20),
        _Column("Last usage, UTC", width=20),
        _Column("Check", width=26),
        _Column("Id", width=20),
        _Column("Series", width=20),
    ]
    states = {state.finding_id: state for state in result.run.states}
    return columns, [_finding(one, states.get(one.id)) for one in story.ordered(result.findings)]


def _finding(finding: Finding, state: FindingState | None) -> list[Cell]:
    rate = finding.rate
    return [
        finding.severity,
        words(finding.check),
        finding.reason,
        finding.period,
        finding.payer_account,
        finding.usage_account,
        finding.region,
        finding.service,
        finding.usage_type,
        finding.operation,
        finding.resource,
        story.label(finding.category),
        finding.currency,
        finding.billed,
        finding.expected,
        finding.difference,
        "yes" if finding.owns_difference else "no",
        finding.primary_id,
        state.state if state else None,
        state.recovered if state else None,
        finding.quantity,
        finding.unit,
        rate.price if rate else None,
        rate.unit if rate else None,
        rate.source if rate else None,
        rate.reference if rate else None,
        finding.lines,
        finding.first_usage,
        finding.last_usage,
        finding.check,
        finding.id,
        finding.series_id,
    ]


def _utc(time: datetime) -> datetime:
    """Return a time in UTC, without its zone and what is less than a second."""
    there = time.astimezone(UTC) if time.tzinfo else time
    return there.replace(tzinfo=None, microsecond=0)


def _lines(result: AuditResult) -> Sheet:
    columns = [
        _Column("Finding", width=26),
        _Column("Usage type", width=40),
        _Column("Usage account"),
        _Column("Line item", width=54),
        _Column("Usage begins, UTC", width=20),
        _Column("Usage ends, UTC", width=20),
        _Column("Quantity", money=True),
        _Column("Rate billed", money=True),
        _Column("Billed", money=True),
        _Column("Expected", money=True),
        _Column("Currency", width=9),
        _Column("Id of the finding", width=20),
    ]
    findings = {finding.id: finding for finding in result.findings}
    rows: list[list[Cell]] = []
    for line in result.finding_lines:
        finding = findings[line.finding_id]
        rows.append(
            [
                words(finding.check),
                finding.usage_type,
                finding.usage_account,
                line.line_item_id,
                line.usage_start,
                line.usage_end,
                line.quantity,
                line.billed_rate,
                line.billed,
                line.expected,
                finding.currency,
                line.finding_id,
            ]
        )
    return columns, rows


_GROUPS = {
    "model": "Model",
    "capability": "Capability",
    "account": "Account",
    "spend": "Model and use",
    "source": "Rate source",
}


def _spend(statements: list[Statement]) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("By", width=16),
        _Column("Service", width=12),
        _Column("Group", width=48),
        _Column("Billed", money=True),
        _Column("Expected", money=True),
        _Column("Lines"),
    ]
    return columns, [
        [*_whose(one), by, row.service, story.reason(row), row.billed, row.expected, row.lines]
        for one in statements
        for kind, by in _GROUPS.items()
        for row in one.breakdowns.get(kind, [])
    ]


def _days(result: AuditResult) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("Day", width=12),
        _Column("Model", width=40),
        _Column("Billed", money=True),
    ]
    return columns, [
        [
            row.period,
            row.payer_account,
            row.currency,
            row.day,
            OTHERS if row.label is None else row.label,
            row.billed,
        ]
        for row in result.days
    ]


def _provisioned(result: AuditResult) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("Usage account"),
        _Column("Resource", width=60),
        _Column("Model", width=30),
        _Column("Region"),
        _Column("Commitment"),
        _Column("Day", width=12),
        _Column("Model-unit hours", money=True, width=17),
        _Column("Billed", money=True),
    ]
    return columns, [
        [
            row.period,
            row.payer_account,
            row.currency,
            row.usage_account,
            row.resource,
            row.label,
            row.region,
            row.commitment,
            row.day or "several",
            row.hours,
            row.billed,
        ]
        for row in result.provisioned
    ]


def _unjudged(statements: list[Statement]) -> Sheet:
    columns = [
        *_WHOSE,
        _Column("What", width=22),
        _Column("Service", width=12),
        _Column("Why, or line type", width=48),
        _Column("Billed", money=True),
        _Column("Lines"),
    ]
    return columns, [
        [*_whose(one), story.label(kind), row.service, story.reason(row), row.billed, row.lines]
        for one in statements
        for kind in story.UNJUDGED
        for row in one.breakdowns.get(kind, [])
    ]


def _provenance(result: AuditResult) -> Sheet:
    columns = [
        _Column("What", width=12),
        _Column("Name", width=60),
        _Column("Of", width=48),
        _Column("Lines, rates or bytes"),
        _Column("SHA-256", width=70),
    ]
    run = result.run
    rows: list[list[Cell]] = [
        ["Audit", f"curecon {run.curecon_version}, run {run.id}", run.started, None, None]
    ]
    for one in run.deliveries:
        said = f"{one.period}, payer {one.payer_account}, {one.format}"
        rows.append(["Delivery", one.id, said, one.lines, None])
        rows += [["File", file.name, one.id, file.lines, file.sha256] for file in one.files]
    rows += [["Rates", one.name, one.source, one.rates, one.sha256] for one in run.rate_sources]
    rows += [["Note", None, note, None, None] for note in run.notes]
    rows.append(["Note", None, _EXACT, None, None])
    return columns, rows
