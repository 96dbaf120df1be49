"""Show on the terminal what changed between two deliveries of a period."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curecon.report import story
from curecon.report.console import STYLES, heading, joined, new_table, say, shown
from curecon.report.figures import EXACT, count, money, number, signed
from curecon.report.text import CODE, words
from curecon.versions import ChargeChange, DeliveryDiff, FindingChange, OtherChange, Version

LIMIT = 30
"""Changes shown of each kind; --json has all of them."""

_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}


def show_diff(diff: DeliveryDiff, console: Console) -> None:
    """Print a diff: the two deliveries, the totals, then what changed, the dearest first."""
    heading(console, f"{diff.period} · payer {diff.payer_account}")
    for side, version in (("A", diff.a), ("B", diff.b)):
        say(console, f"{side}  {_version(version)}")
    for note in diff.notes:
        say(console, f"Note: {note}.")
    console.print(_totals(diff, console))
    if not (diff.charges or diff.others or diff.findings):
        say(console, "Nothing changed.")
        return
    _charges(diff.charges, console)
    _others(diff.others, console)
    _findings(diff.findings, console)


def _version(version: Version) -> str:
    state = "in force" if version.is_current else "replaced"
    return (
        f"{version.number} ({version.id}), {version.format}, {count(version.lines, 'line')}, "
        f"{state}. {story.final(version.finality)}"
    )


def _totals(diff: DeliveryDiff, console: Console) -> Table:
    table = new_table(console)
    table.add_column("Totals", ratio=1, overflow="fold")
    for name in ("Lines A", "Lines B", "Billed A", "Billed B", "Change"):
        table.add_column(name, justify="right", overflow="fold")
    for one in diff.totals:
        scope = EXACT.subtract(one.in_scope_billed_b, one.in_scope_billed_a)
        table.add_row(
            joined([one.currency, "Bedrock and SageMaker"], console, ""),
            number(one.in_scope_lines_a), number(one.in_scope_lines_b),
            money(one.in_scope_billed_a), money(one.in_scope_billed_b), signed(scope),
        )  # fmt: skip
        table.add_row(
            joined([one.currency, "the whole bill"], console, ""),
            number(one.lines_a), number(one.lines_b),
            money(one.billed_a), money(one.billed_b), signed(one.change),
        )  # fmt: skip
    return table


def _charges(changes: Sequence[ChargeChange], console: Console) -> None:
    if not changes:
        return
    grave = sum(one.severity == "warning" for one in changes)
    after = f"; changed after the bill was final: {number(grave)}" if grave else ""
    heading(console, f"Charges: {number(len(changes))}{after}")
    table = new_table(console, lines=True)
    table.add_column("", no_wrap=True)
    table.add_column("What and where", ratio=1, min_width=24, overflow="fold")
    for name in ("Lines", "Billed A", "Billed B", "Change"):
        table.add_column(name, justify="right", overflow="fold")
    for one in changes[:LIMIT]:
        said = joined([one.usage_type or one.product_code, one.operation], console, "bold")
        said.append("\n").append_text(
            joined([one.line_type, one.usage_account, one.region], console, "dim")
        )
        if one.severity == "warning":
            said.append("\nchanged after it was final", style=STYLES["warning"])
        table.add_row(
            Text(one.what, style=_STYLES[one.what]),
            said,
            f"{number(one.lines_a)} to\n{number(one.lines_b)}",
            money(one.billed_a),
            money(one.billed_b),
            shown(f"{signed(one.change)} {one.currency[:CODE]}", console),
        )
    console.print(table)
    _more(len(changes), console)


def _others(changes: Sequence[OtherChange], console: Console) -> None:
    if not changes:
        return
    heading(console, f"Other services: {number(len(changes))}")
    table = new_table(console)
    table.add_column("", no_wrap=True)
    table.add_column("Product and line type", ratio=1, min_width=20, overflow="fold")
    for name in ("Lines A", "Lines B", "Change"):
        table.add_column(name, justify="right", overflow="fold")
    for one in changes[:LIMIT]:
        table.add_row(
            Text(one.what, style=_STYLES[one.what]),
            joined([one.product_code or "(no product code)", one.line_type], console, ""),
            number(one.lines_a),
            number(one.lines_b),
            shown(f"{signed(one.change)} {one.currency[:CODE]}", console),
        )
    console.print(table)
    _more(len(changes), console)


def _findings(changes: Sequence[FindingChange], console: Console) -> None:
    if not changes:
        return
    heading(console, f"Findings: {number(len(changes))}")
    table = new_table(console, lines=True)
    table.add_column("", no_wrap=True)
    table.add_column("Finding", ratio=1, min_width=24, overflow="fold")
    for name in ("Difference A", "Difference B"):
        table.add_column(name, justify="right", overflow="fold")
    for one in changes[:LIMIT]:
        said = Text()
        if one.what == "changed" and one.severity_a and one.severity_a != one.severity:
            said.append(f"{one.severity_a}, now ", style=STYLES[one.severity_a])
        said.append(one.severity, style=STYLES[one.severity])
        said.append(" ").append_text(joined([words(one.check), one.id], console, ""))
        said.append("\n").append_text(joined([one.usage_type, one.usage_account], console, "dim"))
        table.add_row(
            Text(one.what, style=_STYLES[one.what]),
            said,
            "" if one.what == "added" else signed(one.difference_a),
            "" if one.what == "removed" else signed(one.difference_b),
        )
    console.print(table)
    _more(len(changes), console)


def _more(there: int, console: Console) -> None:
    if there > LIMIT:
        say(console, f"{there - LIMIT:,} more: --json has them.")
