"""What the report says, whatever it is written on: the order, the words, the headline numbers.

A statement is one period of one payer in one currency. Nothing is added across statements.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from curecon.models import (
    AuditResult,
    Breakdown,
    BridgeRow,
    DailySpend,
    Finality,
    Finding,
    FindingState,
    Forecast,
    ProvisionedDay,
    Severity,
    State,
    Total,
    UnusualDay,
)
from curecon.report.figures import EXACT, ZERO, add, count, money, percent
from curecon.report.text import CODE, visible, words

PART = 40
"""Characters shown of a period or an account in the name of a statement."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

LABELS = {
    "agrees": "Agrees",
    "duplicate": "Billed twice",
    "unit": "Other unit",
    "quantity": "Quantity",
    "rate": "Rate",
    "discount": "Discount",
    "commitment": "Commitment",
    "free_tier": "Free tier",
    "arithmetic": "Arithmetic",
    "rounding": "Rounding",
    "unpriced": "Could not be priced",
    "not_repriced": "Not repriced",
}
"""The components of the bridge in the order of causes, in words."""

REASONS = {
    "ambiguous": "Several published rates fit, at different prices",
    "tiered": "The price depends on the volume of the month",
    "unit_missing": "The bill states no unit",
    "unit_unknown": "The unit is not known",
    "unit_differs": "The known rate is for another unit",
    "currency": "No known rate is in the currency of the bill",
    "currency_missing": "The bill states no currency",
    "usage_type_missing": "Neither a usage type nor a SKU is stated",
    "undecoded": "The usage type is not known",
    "no_rate": "No rate is known",
    "no_rate_on_day": "No known rate was in force on the day",
    "billed_at_zero": "Billed at zero although the public rate is not",
    "split_line": "A share of another line, which carries the cost",
    "quantity_missing": "The line has no quantity",
    "reservation": "Covered by a reservation",
    "line_type_unknown": "The line type is not known",
    "other_service": "Usage of another service",
}
"""Why charges were not judged, in words; a line type stands for itself."""

SOURCES = {
    "contract": "contract",
    "price_list": "AWS price list",
    "card": "rate card",
    "none": "no rate needed: cancels out, or agreed by the contract",
}
"""Where rates come from, in words."""

UNJUDGED = ("unpriced", "not_repriced")
"""Components whose amount says nothing against AWS: no expectation was formed."""

BY_DAY = ("spend_rose", "spend_fell", "quantity_moved")
"""Checks whose days are marked one by one in the chart."""

_FIFTY = Decimal(50)

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Statement:
    """One period of one payer in one currency, with what stands beside its total."""

    total: Total
    bridge: list[BridgeRow]
    breakdowns: dict[str, list[Breakdown]]
    severities: Counter[Severity]
    proven: Decimal
    recovered: Decimal = ZERO
    """Dollars of this statement's findings that credits have won back."""
    days: list[DailySpend] = field(default_factory=list)
    provisioned: list[ProvisionedDay] = field(default_factory=list)
    forecast: Forecast | None = None
    """What the month will come to, while it still runs."""
    marks: dict[date, list[str]] = field(default_factory=dict)
    """What is marked on the days of the chart: the reasons of the findings that are anomalies."""
    awaits_credit: bool = False
    """A promised credit is to come with the bill of the month, which still runs."""

    @property
    def name(self) -> str:
        """Name the statement. Its parts come from the bill, so none may push out another."""
        total = self.total
        payer = visible(total.payer_account, PART)
        return f"{visible(total.period, PART)} · payer {payer} · {visible(total.currency, CODE)}"

    @property
    def subject(self) -> str:
        """What the billed dollars are for; `--services all` keeps the lines of every service."""
        return "all services" if self.keeps_all else "Bedrock and SageMaker"

    @property
    def aside(self) -> str:
        """What the dollars are for that are not re-priced."""
        return f"{'other services, ' if self.keeps_all else ''}tax, credits, refunds, fees"

    @property
    def dateless(self) -> str:
        """What of the billed dollars is usage of no day."""
        others = "other services, " if self.keeps_all else ""
        return f"{others}tax, credits, refunds, discounts and the fees of plans"

    @property
    def keeps_all(self) -> bool:
        """Say whether lines of other services were kept, as `--services all` does."""
        return bool(self._other_lines)

    @property
    def _other_lines(self) -> int:
        rows = self.breakdowns.get("not_repriced", [])
        return sum(row.lines for row in rows if row.label == "other_service")

    @property
    def about_ai(self) -> bool:
        """Say whether any line is of Bedrock or SageMaker."""
        return self.total.in_scope_lines > self._other_lines

    @property
    def compared(self) -> bool:
        """Say whether any charge was held against an expectation; else 0 says nothing."""
        return any(row.component not in UNJUDGED for row in self.bridge)

    @property
    def lacking(self) -> str:
        """Say beside the dollars that could not be priced why there are none, or any."""
        if self.total.unpriced:
            return "usage without a rate"
        return "every charge had a rate" if self.compared else "no charge was to be priced"

    @property
    def causes(self) -> list[BridgeRow]:
        """The components in which an expectation was formed and differs."""
        return [row for row in self.bridge if row.component not in (*UNJUDGED, "agrees")]

    @property
    def priced(self) -> Decimal:
        """Dollars billed on the charges that could be priced."""
        left = EXACT.subtract(self.total.in_scope_billed, self.total.unpriced)
        return EXACT.subtract(left, self.total.not_repriced)

    @property
    def difference(self) -> Decimal:
        """Billed minus expected, on the charges that could be priced."""
        return add(row.amount for row in self.causes)

    @property
    def share(self) -> str | None:
        """The dollars that were priced, as a share of those of all usage; None for no usage."""
        usage = EXACT.add(self.priced, self.total.unpriced)
        return percent(self.priced, usage)

    @property
    def final(self) -> str | None:
        """The dollars of the whole bill that carry an invoice, as a share; None where none."""
        return percent(self.total.final_billed, self.total.billed)


def statements(result: AuditResult) -> list[Statement]:
    """Split a result into its statements, ordered by period, payer and currency."""
    keys = {_key(total) for total in result.totals}
    strays = {*map(_key, result.bridge), *map(_key, result.breakdowns)} - keys
    assert not strays, f"rows of the bridge belong to no total: {sorted(strays)}"
    return [_statement(total, result) for total in sorted(result.totals, key=_key)]


def ordered(findings: list[Finding]) -> list[Finding]:
    """Order findings by severity and dollars; the owner of dollars before those who share them."""
    return sorted(
        findings,
        key=lambda finding: (
            SEVERITIES.index(finding.severity),
            finding.difference.copy_abs().copy_negate(),
            not finding.owns_difference,
            finding.id,
        ),
    )


def outcome(statement: Statement) -> str:
    """Say in a few words what the difference means."""
    if not statement.compared:
        return "nothing could be compared"
    if not statement.difference:
        return "billed as expected"
    return "billed too much" if statement.difference > 0 else "billed too little"


def label(component: str) -> str:
    """Name a component for people; one that we do not know keeps its own name."""
    return LABELS.get(component, component)


def reason(row: Breakdown) -> str:
    """Name the group of a breakdown for people; what we have no words for keeps its own."""
    if row.kind in UNJUDGED:
        return REASONS.get(row.label, row.label)
    if row.kind == "capability":
        return words(row.label)
    if row.kind == "source":
        kinds, colon, source = row.label.partition(": ")
        named = words(" or ".join(SOURCES.get(kind, kind) for kind in kinds.split(", ")))
        alone = colon or kinds == "none"
        return f"{named}{colon}{source}" if alone else f"{named}, several sources"
    return row.label


def judged(finding: Finding) -> bool:
    """Say whether the dollars of a finding are a difference from an expectation."""
    return finding.expected is not None and finding.category not in UNJUDGED


def remark(finding: Finding) -> str:
    """Say what the dollars of a finding are not, where they are no difference of their own."""
    if not judged(finding) and finding.difference:
        return "not judged"
    if finding.owns_difference:
        return ""
    if finding.primary_id is not None:
        return "counted in another"
    return "not in the bridge" if finding.difference else ""


def decided(state: FindingState | None) -> str:
    """Name the state of a finding that somebody decided about; empty for any other."""
    return state.state if state and state.state not in ("new", "open") else ""


def aside(finding: Finding, state: FindingState | None) -> str:
    """Say beside the dollars of a finding what they are not, and what was decided about them."""
    return " · ".join(filter(None, (remark(finding), decided(state))))


def decision(state: FindingState | None) -> str:
    """Say who decided what about a finding, when and why; empty where nobody did."""
    if state is None or not decided(state):
        return ""
    until = f", until {state.until}" if state.until else ""
    return f"{state.state} by {state.who} on {state.since:%Y-%m-%d}{until}: {state.why}"


def counted(severities: Counter[Severity]) -> str:
    """Count findings in words: `2 errors, 1 warning`."""
    plural = {"error": "errors", "warning": "warnings", "info": "info"}
    parts = [
        f"{count:,} {severity if count == 1 else plural[severity]}"
        for severity in SEVERITIES
        if (count := severities[severity])
    ]
    return ", ".join(parts) or "no findings"


def elsewhere(result: AuditResult) -> str | None:
    """Say which findings no statement counts; None where each is in one."""
    keys = {_key(total) for total in result.totals}
    billed = {key[:2] for key in keys}
    outside = [
        finding
        for finding in result.findings
        if (finding.period, finding.payer_account, finding.currency) not in keys
        and (finding.currency or (finding.period, finding.payer_account) not in billed)
    ]
    if not outside:
        return None
    said = counted(Counter(finding.severity for finding in outside))
    verb = "concerns" if len(outside) == 1 else "concern"
    return f"Of these, {said} {verb} a month that no statement is about."


def final(finality: Sequence[Finality]) -> str:
    """Say in words how much of a delivery AWS has made final, by invoicing entity."""
    alone = len(finality) == 1
    return "; ".join(_final(one, alone=alone) for one in finality) or "no lines in scope"


def _final(one: Finality, *, alone: bool) -> str:
    issuer = (one.invoicing_entity or "").strip() or ("" if alone else "issuer not stated")
    who = f"{issuer}: " if issuer else ""
    if not one.final_lines:
        return f"{who}not final, no line is invoiced yet"
    lines = percent(Decimal(one.final_lines), Decimal(one.lines))
    dollars = percent(one.final_billed, one.billed)
    of_dollars = f" and {dollars} of {visible(one.currency, CODE)}" if dollars else ""
    state = "final" if one.is_final else "not final"
    return f"{who}{state}, {lines} of {count(one.lines, 'line')}{of_dollars} invoiced"


def final_of(result: AuditResult, statement: Statement) -> str | None:
    """Say how much of the delivery of a statement is final; None where nothing tells."""
    said = [
        final(told)
        for one in result.run.deliveries
        if (one.period, one.payer_account) == _key(statement.total)[:2]
        and (told := [each for each in one.finality if each.currency == statement.total.currency])
    ]
    return "; ".join(said) or None


def month_end(one: Forecast) -> str:
    """Say what a running month will come to; the currency in it still needs escaping."""
    until = f"{one.through} is the last day with usage"
    if one.expected is None:
        return f"No forecast of the month yet: {until}; {one.reason}."
    currency = visible(one.currency, CODE)
    said = f"The month will come to about {money(one.expected)} {currency}"
    if one.low is None or one.high is None:
        return f"{said}: {until}. No interval: {one.reason}."
    return (
        f"{said}, between {money(one.low)} and {money(one.high)}: {until}. Without what AWS bills "
        "once, such as tax and credits."
    )


def lives(result: AuditResult) -> str | None:
    """Count findings by the states of their lives; None while nothing happened to any."""
    counts = Counter(one.state for one in result.run.states)
    if not set(counts) - {"new"}:
        return None
    order: tuple[State, ...] = ("new", "reopened", "open", "disputed", "acknowledged", "resolved")
    return ", ".join(f"{counts[state]:,} {state}" for state in order if counts[state])


def verdict(statement: Statement) -> str:
    """Say in a sentence or two what came out; the currency in it still needs escaping."""
    total, currency = statement.total, visible(statement.total.currency, CODE)
    if not statement.about_ai:
        return "The bill has no Bedrock or SageMaker charges: there was nothing to compare."
    if not statement.compared:
        said = "No charge could be compared with a price."
    elif statement.difference == 0:
        said = _agreement(statement)
    else:
        more = "more" if statement.difference > 0 else "less"
        size = money(statement.difference.copy_abs())
        if all(row.component == "rounding" for row in statement.causes):
            said = (
                f"Every charge that could be priced agrees with its rate, but for rounding: "
                f"{money(statement.priced)} {currency} in all, {size} {more} than expected."
            )
        else:
            said = (
                f"AWS billed {size} {currency} {more} than expected on "
                f"{money(statement.priced)} {currency} of priced charges."
            )
    if total.unpriced:
        said += f" {money(total.unpriced)} {currency} could not be priced."
    if statement.awaits_credit:
        said += " Promised credit that is due with the bill of the month is not counted yet."
    return said


def _agreement(statement: Statement) -> str:
    if any(row.amount for row in statement.causes):
        return "Charges differ from what was expected, and the differences cancel each other."
    return (
        f"Every charge that could be priced agrees with its rate: {money(statement.priced)} "
        f"{visible(statement.total.currency, CODE)} in all."
    )


def _statement(total: Total, result: AuditResult) -> Statement:
    key = _key(total)
    order = list(LABELS)
    bridge = [row for row in result.bridge if _key(row) == key and (row.lines or row.amount)]
    bridge.sort(key=lambda row: (_place(row.component, order), row.component))
    breakdowns: dict[str, list[Breakdown]] = {}
    for row in result.breakdowns:
        if _key(row) == key:
            breakdowns.setdefault(row.kind, []).append(row)
    for rows in breakdowns.values():
        rows.sort(
            key=lambda row: (row.billed.copy_abs().copy_negate(), row.service or "", row.label)
        )
    # A finding about data has no currency; it counts wherever its period and payer do.
    findings = [
        finding
        for finding in result.findings
        if (finding.period, finding.payer_account, finding.currency or total.currency) == key
    ]
    proven = add(
        finding.difference
        for finding in findings
        if finding.severity == "error" and finding.owns_difference and judged(finding)
    )
    ids = {finding.id for finding in findings}
    marks: dict[date, list[str]] = {}
    for day in result.unusual_days:
        if _key(day) == key:
            marks.setdefault(day.day, []).append(_unusual(day))
    marked = [one for one in findings if one.category == "anomaly" and one.check not in BY_DAY]
    for finding in marked:
        if finding.first_usage and not _slight(finding, total):
            marks.setdefault(finding.first_usage.date(), []).append(finding.reason)
    return Statement(
        total,
        bridge,
        breakdowns,
        severities=Counter(finding.severity for finding in findings),
        proven=proven,
        recovered=add(one.recovered for one in result.run.states if one.finding_id in ids),
        days=[row for row in result.days if _key(row) == key],
        provisioned=[row for row in result.provisioned if _key(row) == key],
        forecast=next((row for row in result.forecasts if _key(row) == key), None),
        marks=marks,
        awaits_credit=any(one.check == "credit_not_due" for one in findings),
    )


def _slight(finding: Finding, total: Total) -> bool:
    """Say whether what is new is so little of the month that a mark would hide the others."""
    dollars = EXACT.multiply(finding.billed.copy_abs(), _FIFTY)
    return finding.check == "new_in_bill" and dollars < total.in_scope_billed


def _unusual(day: UnusualDay) -> str:
    """Say in a few words what is unusual on a day."""
    usual = f"{money(day.billed)}, usually about {money(day.expected)}"
    quantity = ", in quantity" if day.measure == "quantity" else ""
    return f"{day.what} {day.name} {day.direction}{quantity}: {usual}"


def _place(component: str, order: list[str]) -> int:
    return order.index(component) if component in order else order.index("unpriced")


def _key(
    row: Total | BridgeRow | Breakdown | DailySpend | ProvisionedDay | Forecast | UnusualDay,
) -> Key:
    return row.period, row.payer_account, row.currency
