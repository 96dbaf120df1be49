"""Show on the terminal how a line came to its difference, and which lines a finding is about."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curecon.candidates import Candidate
from curecon.explanation.model import (
    BilledLine,
    Explanation,
    FindingExplained,
    LineOfFinding,
    RateTaken,
)
from curecon.models import Finding, FindingEvent, FindingState, RateUsed
from curecon.report import story
from curecon.report.console import STYLES, Pair, heading, joined, labelled, new_table, say, shown
from curecon.report.figures import count, money, number, signed
from curecon.report.text import CODE, SENTENCE, visible, words
from curecon.settlement import Credit, Recoveries

_UNIT = 40
_FILES_MAX = 3
_VERDICTS = {"taken": "bold green", "refused": "dim"}


def show_lines(explanations: Sequence[Explanation], console: Console) -> None:
    """Print the chain of each line; say how many lines of the id are not shown."""
    _each(explanations, console)
    if explanations and (more := explanations[0].lines_of_id - len(explanations)) > 0:
        console.print()
        say(
            console,
            f"{count(more, 'more line')} with this id; name one with --interval, or see "
            '`curecon sql "SELECT * FROM comparison WHERE line_item_id = ..."`.',
        )


def show_finding(found: FindingExplained, console: Console) -> None:
    """Print a finding, the chain of its dearest lines, and its lines."""
    finding = found.finding
    heading(console, f"{words(finding.check)} · {finding.severity} · {finding.id}")
    say(console, finding.reason)
    console.print()
    console.print(labelled(_of_finding(finding), console))
    if found.state is not None:
        heading(console, "Its life", style="bold")
        for event in found.history:
            say(console, _event(event))
        say(console, f"Now {state_of(found.state)}")
    if found.credits:
        heading(console, "Credits that may settle it", style="bold")
        say(console, "`curecon findings settle` takes the number of a line as --credit.")
        for credit in found.credits:
            say(console, _credit(credit))
    if finding.rate is not None:
        heading(console, "Its rate", style="bold")
        console.print(labelled(_of_rate_used(finding.rate, finding.currency), console))
    _each(found.explanations, console)
    if not found.lines:
        say(console, "It is about no single line.")
        return
    what = "Its lines" if finding.lines else "Charges that it was promised for"
    heading(console, f"{what}: {number(len(found.lines) + found.lines_left_out)}")
    console.print(_lines(found.lines, console))
    if found.lines_left_out:
        say(console, f'{found.lines_left_out:,} more: `curecon sql "{found.query}"`')


def state_of(state: FindingState) -> str:
    """Say in which state a finding is, why, and within which bounds."""
    bounds = f" until {state.until}" if state.until else ""
    if state.max_amount is not None:
        bounds += f", up to {money(state.max_amount)}"
    if state.recovered:
        bounds += f", {money(state.recovered)} won back, {money(state.remaining)} left"
    by = "" if state.who == "audit" else f" ({state.who}, {state.since:%Y-%m-%d})"
    return f"{state.state}{bounds}{by}: {state.why}"


def _credit(credit: Credit) -> str:
    left = "" if credit.left == credit.worth else f", {money(credit.left)} left"
    about = " · ".join(part for part in (credit.usage_account, credit.description) if part)
    return (
        f"line {credit.line}  {credit.line_item_id}  {money(credit.worth)} {credit.currency}"
        f"{left}, {credit.line_type} of {credit.period}, {about}"
    )


def show_recovered(found: Recoveries, console: Console) -> None:
    """Print what was won back, a finding a row, and the total of each currency."""
    if not found.recovered:
        say(console, "Nothing was won back yet.")
        return
    table = new_table(console)
    table.add_column("Finding", no_wrap=True)
    table.add_column("What and how", ratio=1, min_width=20, overflow="fold")
    for name in ("Difference", "Won back", "Left"):
        table.add_column(name, justify="right", overflow="fold")
    for one in found.recovered:
        what = [words(one.check), one.usage_type, one.period, one.how, one.who]
        table.add_row(
            one.finding_id,
            joined(what, console, ""),
            money(one.difference),
            money(one.recovered),
            money(one.remaining),
        )
    console.print(table)
    for currency, amount in found.total.items():
        say(console, f"Won back in all: {money(amount)} {currency}")


def _event(event: FindingEvent) -> str:
    bounds = f", until {event.until}" if event.until else ""
    if event.max_amount is not None:
        bounds += f", up to {money(event.max_amount)}"
    dollars = "" if event.difference is None else f" at {money(event.difference)}"
    moment = f"{event.at:%Y-%m-%d %H:%M}"
    return f"{moment}  {event.event}{dollars}{bounds} by {event.who}: {event.why}"


def show_findings(
    findings: Sequence[Finding], console: Console, states: Sequence[FindingState] = ()
) -> None:
    """Print findings as a table, with the states of their lives where they are known."""
    if not findings:
        say(console, "No findings.")
        return
    table = new_table(console, lines=True)
    table.add_column("Id", no_wrap=True)
    table.add_column("Severity", no_wrap=True)
    table.add_column("What, where and why", ratio=1, min_width=24, overflow="fold")
    table.add_column("Difference", justify="right", overflow="fold")
    told = {one.finding_id: one for one in states}
    for finding in findings:
        amount = (signed if story.judged(finding) else money)(finding.difference)
        what = [words(finding.check), finding.usage_type, finding.operation]
        where = [
            finding.period,
            finding.usage_account or finding.payer_account,
            finding.region,
            finding.resource,
        ]
        said = joined(what, console, "bold").append("\n")
        said.append_text(joined(where, console, "dim")).append("\n")
        state = told.get(finding.id)
        severity = Text(finding.severity, style=STYLES[finding.severity])
        if state is not None:
            severity.append(f"\n{state.state}", style="dim")
        table.add_row(
            finding.id,
            severity,
            said.append_text(shown(finding.reason, console, SENTENCE)),
            shown(f"{amount} {visible(finding.currency or '', CODE)}".rstrip(), console),
        )
    console.print(table)


# --- the parts of a line ---


def _each(explanations: Sequence[Explanation], console: Console) -> None:
    before = None
    for explanation in explanations:
        _line(explanation, before, console)
        before = explanation


def _line(explanation: Explanation, before: Explanation | None, console: Console) -> None:
    line = explanation.line
    heading(console, f"Line {visible(line.line_item_id or str(line.line))}")
    for title, pairs in (
        ("As billed", _of_line(line)),
        ("Decoded charge", _of_charge(explanation)),
        *(("Rate taken", _of_rate(rate)) for rate in explanation.rates),
    ):
        heading(console, title, style="bold")
        console.print(labelled(pairs, console))
    _candidates(explanation, before, console)
    heading(console, "Arithmetic", style="bold")
    _steps(explanation, console)
    if explanation.components:
        heading(console, "Difference", style="bold")
        console.print(_components(explanation, console))
    for finding in explanation.findings:
        said = f"{finding.severity}: {words(finding.check)} ({finding.id}). {finding.reason}"
        say(console, said)


def _of_line(line: BilledLine) -> list[Pair]:
    files = ", ".join(visible(name) for name in line.files[:_FILES_MAX])
    more = len(line.files) - _FILES_MAX
    currency = visible(line.currency or "(no currency)", CODE)
    public = line.public_cost if line.public_cost not in (None, 0, line.billed) else None
    return [
        ("Interval", line.time_interval or f"from {line.usage_start:%Y-%m-%dT%H:%M:%SZ}"),
        ("Period", f"{line.period} · payer {visible(line.payer_account)}"),
        ("Account", line.usage_account),
        ("Line type", line.line_type or line.kind),
        ("Product", _several(line.product_code, line.product_name)),
        ("Usage type", line.usage_type),
        ("Operation", line.operation),
        ("Resource", line.resource),
        ("Description", line.description),
        ("Rate code", line.rate_code or line.sku),
        ("Quantity", _quantity(line)),
        ("Rate", None if line.billed_rate is None else f"{number(line.billed_rate)} {currency}"),
        ("Cost", f"{number(line.billed)} {currency}"),
        ("Public cost", None if public is None else f"{number(public)} {currency}"),
        ("Delivery", f"{line.delivery_id}, {line.format}"),
        ("Files", f"{files} and {more:,} more" if more > 0 else files),
    ]


def _quantity(line: BilledLine) -> str | None:
    if line.quantity is None:
        return None
    unit = visible(line.unit, _UNIT) if line.unit else "(the bill states no unit)"
    return f"{number(line.quantity)} {unit}"


def _of_charge(explanation: Explanation) -> list[Pair]:
    charge = explanation.charge
    return [
        *((words(name), value) for name, value in charge.attributes.items()),
        ("Region", charge.region),
        ("Unit", charge.unit),
        ("Form known", charge.grade),
        ("Not decoded", charge.undecoded_reason),
        ("Not priced", None if charge.undecoded_reason else explanation.unpriced),
    ]


def _of_rate(rate: RateTaken) -> list[Pair]:
    proves = f"{'yes' if rate.provable else 'no, at most a warning'}: {rate.because}"
    return [
        ("Price", _price(rate)),
        ("In force", _days(rate.starts, rate.ends)),
        ("Source", rate.source),
        ("Reference", rate.reference),
        ("As of", rate.checked),
        ("Unconfirmed", "yes" if rate.unconfirmed else None),
        ("Proves", proves),
        ("Rate id", rate.rate_id),
    ]


def _price(rate: RateTaken | Candidate) -> str:
    unit = visible(rate.unit, _UNIT)
    return f"{number(rate.price)} {visible(rate.currency, CODE)} per {unit}"


def _days(starts: str | None, ends: str | None) -> str:
    begin = f"from {starts}" if starts else "from ever"
    return f"{begin}, until {ends} (exclusive)" if ends else f"{begin} on"


def _candidates(explanation: Explanation, before: Explanation | None, console: Console) -> None:
    heading(console, "Candidate rates", style="bold")
    if before and _verdicts(before) == _verdicts(explanation):
        say(console, "The same, for the same reasons, as those of the line above.")
        return
    if not explanation.candidates:
        say(console, "None: no known rate is for its model, instance type, usage type or SKU.")
        return
    table = new_table(console, header=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("rate", ratio=1, overflow="fold")
    for one in explanation.candidates:
        said = shown(_price(one), console)
        regions = ", ".join(one.regions[:_FILES_MAX])
        regions += f" and {len(one.regions) - _FILES_MAX} more" * (len(one.regions) > _FILES_MAX)
        where = joined([regions, _days(one.starts, one.ends)], console, "")
        said.append_text(shown(" · ", console)).append_text(where)
        said.append("\n").append_text(joined([one.source, one.reference], console, "dim"))
        said.append("\n").append_text(shown(one.why, console, SENTENCE))
        table.add_row(Text(one.verdict, style=_VERDICTS[one.verdict]), said)
    console.print(table)
    if explanation.candidates_left_out:
        say(console, f"{explanation.candidates_left_out:,} more differ in as much or more.")


def _verdicts(explanation: Explanation) -> tuple[object, ...]:
    candidates = explanation.candidates
    return explanation.charge, *((one.verdict, one.rate_id) for one in candidates)


def _steps(explanation: Explanation, console: Console) -> None:
    arithmetic = explanation.arithmetic
    steps = list(arithmetic.steps)
    if arithmetic.none_because:
        steps.append(f"No arithmetic: {arithmetic.none_because}")
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(ratio=1, overflow="fold")
    for place, step in enumerate(steps, start=1):
        table.add_row(f"{place}.", shown(step, console, SENTENCE))
    console.print(Padding(table, (0, 0, 0, 2)))


def _components(explanation: Explanation, console: Console) -> Table:
    table = new_table(console)
    table.add_column("Component", ratio=1, min_width=12, overflow="fold")
    for name in ("Billed", "Expected", "Difference"):
        table.add_column(name, justify="right", overflow="fold")
    for one in explanation.components:
        table.add_row(
            joined([story.label(one.component), _reason(one.reason)], console, ""),
            number(one.billed),
            number(one.expected),
            f"{'+' if one.difference > 0 else ''}{number(one.difference)}",
        )
    return table


def _reason(reason: str | None) -> str | None:
    return None if reason is None else reason.replace("_", " ")


# --- the parts of a finding ---


def _of_finding(finding: Finding) -> list[Pair]:
    currency = visible(finding.currency or "", CODE)
    unit = visible(finding.unit or "", _UNIT)
    usage = [f"{when:%Y-%m-%d %H:%M}" for when in (finding.first_usage, finding.last_usage) if when]
    expected = None if finding.expected is None else f"{number(finding.expected)} {currency}"
    quantity = None if finding.quantity is None else f"{number(finding.quantity)} {unit}".rstrip()
    sign = "+" if finding.difference > 0 else ""
    return [
        ("Period", f"{finding.period} · payer {visible(finding.payer_account)}"),
        ("Account", finding.usage_account),
        ("Region", finding.region),
        ("Service", finding.service),
        ("Usage type", finding.usage_type),
        ("Operation", finding.operation),
        ("Resource", finding.resource),
        ("Usage", " to ".join(usage)),
        ("Quantity", quantity),
        ("Lines", number(finding.lines)),
        ("Billed", f"{number(finding.billed)} {currency}"),
        ("Expected", expected),
        ("Difference", f"{sign}{number(finding.difference)} {currency}"),
        ("Category", finding.category),
        ("Counted", "here" if finding.owns_difference else f"in {finding.primary_id or 'none'}"),
        ("Series", finding.series_id),
    ]


def _of_rate_used(rate: RateUsed, currency: str | None) -> list[Pair]:
    per = f"{visible(currency or '', CODE)} per {visible(rate.unit, _UNIT)}"
    return [
        ("Price", f"{number(rate.price)} {per}"),
        ("In force", _days(rate.starts, rate.ends)),
        ("Source", rate.source),
        ("Reference", rate.reference),
    ]


def _lines(lines: Sequence[LineOfFinding], console: Console) -> Table:
    table = new_table(console)
    table.add_column("Line and interval", ratio=1, min_width=24, overflow="fold")
    for name in ("Billed", "Expected", "Difference"):
        table.add_column(name, justify="right", overflow="fold")
    for one in lines:
        said = shown(one.line_item_id or str(one.line), console)
        said.append("\n").append_text(
            joined([one.time_interval, one.usage_account], console, "dim")
        )
        table.add_row(
            said,
            money(one.billed),
            money(one.expected),
            signed(one.difference),
        )
    return table


def _several(*parts: str | None) -> str:
    return " · ".join(visible(part) for part in dict.fromkeys(parts) if part)
