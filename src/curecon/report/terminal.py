"""Show a result on the terminal, or in a log: the headline, the bridge, the worst findings."""

from collections import Counter
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curecon.models import (
    AuditResult,
    Breakdown,
    Estimate,
    EstimatedLine,
    Finding,
    FindingState,
)
from curecon.report import story
from curecon.report.figures import cents, count, money, number, signed
from curecon.report.story import Statement
from curecon.report.text import CODE, FIELD, SENTENCE, visible, words

LIMIT = 20
"""Findings shown; the rest is in the files."""

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def show(result: AuditResult, console: Console) -> None:
    """Print a result. Text of the bill is printed as it is, whatever markup it resembles."""
    statements = story.statements(result)
    if not result.findings:
        compared = any(statement.compared for statement in statements)
        _say(console, "No findings.", style="bold green" if compared else "bold")
    if not statements:
        _say(console, "No bill was audited.")
    for statement in statements:
        _heading(console, statement.name)
        _say(console, story.verdict(statement))
        if final := story.final_of(result, statement):
            _say(console, f"Invoices: {final}.")
        if statement.forecast:
            _say(console, story.month_end(statement.forecast))
        console.print()
        console.print(_headline(statement, console))
        if statement.bridge:
            console.print(_bridge(statement, console))
    _findings(result, console)
    _unpriced(statements, console)
    if result.run.notes:
        _heading(console, "Notes")
        for note in result.run.notes:
            _say(console, f"- {note}")


def show_estimate(estimate: Estimate, console: Console) -> None:
    """Print an estimate: what each usage costs, the total, and by which rate and arithmetic."""
    table = _table(console)
    table.add_column("", justify="right")
    table.add_column("Usage", ratio=1, min_width=16, overflow="fold")
    table.add_column("Quantity", justify="right", overflow="fold")
    table.add_column("Rate", justify="right", overflow="fold")
    table.add_column("Expected", justify="right", overflow="fold")
    for place, line in enumerate(estimate.lines, start=1):
        what = _text(line.name, console)
        what.append(f"\n{line.region}, {line.date}", style="dim")
        table.add_row(
            str(place),
            what,
            _counted(number(line.quantity), line.unit, console),
            _counted(number(line.rate.price), f"per {line.rate.unit}", console)
            if line.rate
            else "",
            "unpriced" if line.expected is None else _beside_list(line, console),
        )
    console.print(table)
    console.print()
    _say(console, f"Expected in all: {cents(estimate.total)} {estimate.currency}", style="bold")
    if estimate.before_discounts != estimate.total:
        said = f"Before discounts, which are lines of their own: {cents(estimate.before_discounts)}"
        _say(console, f"{said} {estimate.currency}")
    if estimate.at_list not in (None, estimate.total):
        _say(console, f"At public prices: {cents(estimate.at_list)} {estimate.currency}")
    if estimate.unpriced:
        which = f"{count(estimate.unpriced, 'usage')} could not be priced"
        _say(console, f"{which}; the total leaves that out.", style="yellow")
    _heading(console, "Arithmetic and sources")
    basis = _table(console, header=False)
    basis.add_column("", justify="right")
    basis.add_column("", ratio=1, overflow="fold")
    for place, line in enumerate(estimate.lines, start=1):
        basis.add_row(str(place), _basis(line, console))
    console.print(basis)
    for note in estimate.notes:
        _say(console, f"Note: {note}")


def _beside_list(line: EstimatedLine, console: Console) -> Text:
    """Set the expected price above the public one, where a contract makes it another."""
    assert line.expected is not None, "it is priced"
    said = _text(cents(line.expected), console)
    if line.at_list is None or line.at_list == line.expected:
        return said
    return said.append("\n").append(_text(f"list {cents(line.at_list)}", console).plain, "dim")


def _counted(amount: str, unit: str, console: Console) -> Text:
    """Set a number above its unit, which may be long."""
    return _text(amount, console).append("\n").append_text(_text(unit, console))


def _basis(line: EstimatedLine, console: Console) -> Text:
    """Say by what a usage was priced, or why it was not."""
    if line.rate is None:
        said = _text(line.reason or "", console, SENTENCE)
        said.stylize("yellow")
        return said
    rate = line.rate
    until = f" until {rate.ends}" if rate.ends else ""
    since = f"from {rate.starts}{until}" if rate.starts else f"in force{until}"
    checked = f", checked {rate.checked}" if rate.checked else ""
    unsure = ", unconfirmed" if rate.unconfirmed else ""
    source = ": ".join(part for part in (rate.source, rate.reference) if part)
    said = _text(line.arithmetic or "", console, SENTENCE)
    told = _text(f"{source}; {since}{checked}{unsure}", console, SENTENCE)
    told.stylize("dim")
    return said.append("\n").append_text(told)


def _headline(statement: Statement, console: Console) -> Padding:
    total = statement.total
    table = _table(console, header=False)
    table.add_column("what")
    table.add_column("amount", justify="right", overflow="fold")
    table.add_column("remark", style="dim", ratio=1, overflow="fold")
    rows = [
        (
            f"Billed, {statement.subject}",
            money(total.in_scope_billed),
            count(total.in_scope_lines, "line"),
        ),
        ("Not repriced", money(total.not_repriced), statement.aside),
        ("Could not be priced", money(total.unpriced), "reasons below"),
        ("Priced, as billed", money(statement.priced), _share(statement)),
        ("Expected", money(total.expected) if statement.compared else "—", ""),
        (
            "Difference",
            signed(statement.difference) if statement.compared else "—",
            _direction(statement),
        ),
        ("Recovered", money(statement.recovered), "won back by credits"),
    ]
    for what, amount, remark in rows:
        if what in {"Not repriced", "Could not be priced", "Recovered"} and amount == "0.00":
            continue
        style = "bold" if what == "Difference" else ""
        table.add_row(*(_text(part, console) for part in (what, amount, remark)), style=style)
    return Padding(table, (0, 0, 1, 0))


def _share(statement: Statement) -> str:
    return f"{statement.share} of usage dollars" if statement.share else ""


def _direction(statement: Statement) -> str:
    said = story.outcome(statement)
    if statement.proven:
        return f"{said}; {signed(statement.proven)} is provably wrong"
    return said


def _bridge(statement: Statement, console: Console) -> Table:
    table = _table(console)
    table.add_column("Component", ratio=1, min_width=12, overflow="fold")
    for name in ("Billed", "Expected", "Amount"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("Lines", justify="right", overflow="fold")
    for row in statement.bridge:
        table.add_row(
            _text(story.label(row.component), console),
            money(row.billed),
            money(row.expected),
            signed(row.amount),
            number(row.lines),
        )
    return table


def _findings(result: AuditResult, console: Console) -> None:
    if not result.findings:
        return
    findings = story.ordered(result.findings)
    _heading(console, f"Findings: {_count(findings)}")
    table = _table(console, lines=True)
    table.add_column("Severity", no_wrap=True)
    table.add_column("What, where and why", ratio=1, min_width=30, overflow="fold")
    table.add_column("Difference", justify="right", overflow="fold")
    states = {one.finding_id: one for one in result.run.states}
    for finding in findings[:LIMIT]:
        table.add_row(
            Text(finding.severity, style=_STYLES[finding.severity]),
            _finding(finding, console),
            _dollars(finding, states.get(finding.id), console),
        )
    console.print(table)
    if (more := len(findings) - LIMIT) > 0:
        _say(
            console,
            f"{more:,} more are in findings.csv and report.html (written with --out), and in "
            "`curecon findings list`.",
        )
    if elsewhere := story.elsewhere(result):
        _say(console, elsewhere)
    if lives := story.lives(result):
        _say(console, f"By state: {lives}.")


def _count(findings: list[Finding]) -> str:
    return story.counted(Counter(finding.severity for finding in findings))


def _finding(finding: Finding, console: Console) -> Text:
    what = [words(finding.check), finding.usage_type, finding.operation]
    where = [
        finding.period,
        finding.usage_account or finding.payer_account,
        finding.region,
        finding.resource,
    ]
    said = Text(no_wrap=False)
    said.append_text(_joined(what, console, "bold"))
    said.append("\n")
    said.append_text(_joined(where, console, "dim"))
    said.append("\n")
    return said.append_text(_text(finding.reason, console, SENTENCE))


def _joined(parts: Iterable[str | None], console: Console, style: str) -> Text:
    """Join what is there; each part is cut by itself, so that no part can push out another."""
    shown = [visible(part) for part in parts if part]
    return Text(_encodable(" · ".join(shown), console), style=style)


def _dollars(finding: Finding, state: FindingState | None, console: Console) -> Text:
    amount = signed(finding.difference) if story.judged(finding) else money(finding.difference)
    said = _text(f"{amount} {visible(finding.currency or '', CODE)}".rstrip(), console)
    if remark := story.aside(finding, state):
        said.append(f"\n{remark}", style="dim")
    return said


def _unpriced(statements: list[Statement], console: Console) -> None:
    rows = [
        (statement, row)
        for statement in statements
        for row in statement.breakdowns.get("unpriced", [])
    ]
    if not rows:
        return
    _heading(console, "What could not be judged, and why")
    table = _table(console)
    table.add_column("Reason", ratio=1, min_width=30, overflow="fold")
    table.add_column("Lines", justify="right", overflow="fold")
    table.add_column("Billed", justify="right", overflow="fold")
    for statement, row in rows[:LIMIT]:
        where = statement.name if len(statements) > 1 else ""
        table.add_row(
            _joined([_reason(row), where], console, ""),
            number(row.lines),
            _text(f"{money(row.billed)} {visible(row.currency, CODE)}", console),
        )
    console.print(table)
    if len(rows) > LIMIT:
        _say(console, f"{len(rows) - LIMIT:,} more reasons are in report.html (with --out).")


def _reason(row: Breakdown) -> str:
    named = story.reason(row)
    return f"{row.service}: {named}" if row.service else named


def _table(console: Console, *, header: bool = True, lines: bool = False) -> Table:
    """Start a table; a pipe gets the same one, so that a log reads as the terminal does."""
    style = box.ASCII if console.options.ascii_only else box.SIMPLE
    return Table(
        box=style if header else None,
        show_header=header,
        show_lines=lines,
        pad_edge=False,
        expand=header,
        header_style="bold",
    )


def _heading(console: Console, text: str) -> None:
    console.print()
    _say(console, text, style="bold underline")


def _say(console: Console, text: str, style: str = "") -> None:
    said = _text(text, console, SENTENCE)
    said.stylize(style)
    console.print(said, highlight=False)


def _text(text: str, console: Console, limit: int = FIELD) -> Text:
    return Text(_encodable(visible(text, limit), console))


def _encodable(text: str, console: Console) -> str:
    """Spell out what the output cannot encode, since an audit must not end at a name."""
    return text.encode(console.encoding, "backslashreplace").decode(console.encoding)
