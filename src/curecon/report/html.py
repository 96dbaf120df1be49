"""Write `report.html`: one file that a finance person and an engineer can both read.

The page asks for nothing outside itself, and its policy forbids it. It is complete without
scripts up to `ROWS` findings; further ones are packed into it and drawn on demand, as text nodes.
"""

import base64
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from curecon.models import AuditResult, Breakdown, Finding, FindingLine, FindingState
from curecon.report import story
from curecon.report.figures import EXACT, ZERO, add, count, money, number, percent, signed
from curecon.report.story import Statement
from curecon.report.text import CODE, SENTENCE, visible, words
from curecon.report.usage import by_day, calendar
from curecon.report.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 200
"""Findings written as HTML; as many are shown at once."""

LISTED = 200
"""Rows of a breakdown and files of a delivery that are listed."""

KINDS = ("spend", "model", "capability", "account", "source", "unpriced", "not_repriced", "other")
"""The breakdowns that the page shows."""

DETAILS = (
    ("state", "State"),
    ("arithmetic", "Arithmetic"),
    ("quantity", "Quantity"),
    ("rate", "Rate"),
    ("rate_source", "Rate from"),
    ("rate_validity", "Rate in force"),
    ("period", "Period"),
    ("payer", "Payer account"),
    ("account", "Usage account"),
    ("region", "Region"),
    ("service", "Service"),
    ("usage_type", "Usage type"),
    ("operation", "Operation"),
    ("resource", "Resource"),
    ("used", "Used"),
    ("lines", "Lines"),
    ("currency", "Currency"),
    ("category", "Category"),
    ("check", "Check"),
    ("id", "Finding"),
    ("series_id", "Same in other periods"),
    ("primary_id", "Dollars counted under"),
)
"""What a finding shows when it is opened: the field of its card, and the label."""

_AMOUNTS = ("billed", "expected", "difference")

Card = dict[str, str]


def render(result: AuditResult) -> str:
    """Return the text of `report.html`."""
    template = page()
    environment = template.environment
    statements = story.statements(result)
    style, script = (_asset(environment, name) for name in ("page.css", "page.js"))
    days = [(one, drawn) for one in statements if (drawn := by_day(one.days, one.marks))]
    library = ""
    if days:
        style += _asset(environment, "vendor/uPlot.min.css")
        script += _asset(environment, "days.js")
        library = _asset(environment, "vendor/uPlot.iife.min.js")
    findings = story.ordered(result.findings)
    states = {one.finding_id: one for one in result.run.states}
    cards = [_card(finding, states.get(finding.id)) for finding in findings]
    currency = _only_currency(statements)
    return (
        template.render(
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            library=Markup(library),  # noqa: S704 - see vendor/README.md
            script_hashes=[_hash(one) for one in (library, script) if one],
            run=result.run,
            statements=statements,
            currency=currency,
            whose=_only_payer(statements),
            page={"several": len(statements) > 1, "currency": currency, "listed": LISTED},
            charts=[waterfall(statement) for statement in statements],
            counts=story.counted(Counter(finding.severity for finding in findings)),
            lives=story.lives(result),
            elsewhere=story.elsewhere(result),
            details=DETAILS,
            rows=list(zip(cards[:ROWS], _orders(findings)[:ROWS], strict=True)),
            blank=_blank(),
            longest=max((len(card[name]) for card in cards for name in _AMOUNTS), default=0),
            total=len(findings),
            lines=_lines(result),
            packed=_pack(cards[ROWS:], _orders(findings)[ROWS:]),
            severities=story.SEVERITIES,
            breakdowns={kind: _breakdown(statements, kind) for kind in KINDS},
            days=[(one, drawn) for one in statements if (drawn := by_day(one.days, one.marks))],
            calendars=[(one, hours) for one in statements if (hours := calendar(one.provisioned))],
            forecasts=any(one.forecast for one in statements),
            finality=any(one.finality for one in result.run.deliveries),
            listed=LISTED,
        )
        + "\n"
    )


@cache
def page() -> Template:
    """Compile the page; that takes a moment, and may be done ahead."""
    environment = Environment(
        loader=PackageLoader("curecon.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "money": lambda amount: _minus(money(amount)),
        "signed": lambda amount: _minus(signed(amount)),
        "number": lambda amount: _minus(number(amount)),
        "count": count,
        "share": lambda part, whole: percent(Decimal(part), Decimal(whole)) or "",
        "visible": visible,
        "code": lambda text: visible(text, CODE),
        "component": story.label,
        "reason": story.reason,
        "verdict": story.verdict,
        "outcome": story.outcome,
        "month_end": story.month_end,
        "counted": story.counted,
        "words": words,
    }
    environment.filters.update(filters)
    environment.get_template("tables.html.j2")
    return environment.get_template("page.html.j2")


def _asset(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, name)
    return f"\n{source}"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _minus(written: str) -> str:
    """Use the minus of typography, as wide as the plus above it in a column."""
    return written.replace("-", "\u2212")


def _only_currency(statements: list[Statement]) -> str | None:
    """Return the currency that need not be repeated; None where there are several, or none."""
    currencies = {statement.total.currency for statement in statements}
    return currencies.pop() if len(currencies) == 1 else None


def _only_payer(statements: list[Statement]) -> tuple[str, str] | None:
    """Return payer and currency where all statements share them; they need no columns then."""
    pairs = {(one.total.payer_account, one.total.currency) for one in statements}
    return pairs.pop() if len(pairs) == 1 else None


def _card(finding: Finding, state: FindingState | None = None) -> Card:
    """Say everything about a finding as text, cut and made visible; an empty text is left out."""
    judged = story.judged(finding)
    expected = finding.expected if judged else None
    spoken = {
        "severity": finding.severity,
        "title": visible(words(finding.check)),
        "billed": _minus(money(finding.billed)),
        "expected": "—" if expected is None else _minus(money(expected)),
        "difference": _minus((signed if judged else money)(finding.difference)),
        "remark": story.aside(finding, state),
        "state": visible(story.decision(state), SENTENCE),
        "used": _span(finding),
        "lines": number(finding.lines),
        "quantity": _quantity(finding),
        "arithmetic": _arithmetic(finding),
    }
    given = {
        "usage_type": finding.usage_type,
        "where": finding.usage_account or finding.payer_account,
        "account": finding.usage_account,
        "payer": finding.payer_account,
        "period": finding.period,
        "region": finding.region,
        "service": finding.service,
        "operation": finding.operation,
        "resource": finding.resource,
        "category": story.label(finding.category),
        "check": finding.check,
        "id": finding.id,
        "series_id": finding.series_id,
        "primary_id": finding.primary_id,
        **_rate(finding),
    }
    shown = {name: visible(text or "") for name, text in given.items()}
    shown["currency"] = visible(finding.currency or "", CODE)
    shown["rate_source"] = visible(given["rate_source"] or "", SENTENCE)
    return {**spoken, **shown, "reason": visible(finding.reason, SENTENCE)}


def _lines(result: AuditResult) -> dict[str, list[FindingLine]]:
    """Gather the lines by the id of their finding, as its card shows it."""
    lines: dict[str, list[FindingLine]] = {}
    for line in result.finding_lines:
        lines.setdefault(visible(line.finding_id), []).append(line)
    return lines


def _blank() -> Card:
    """Return the card of no finding, for the row that the script fills."""
    names = (
        "severity title billed expected difference remark state used lines quantity arithmetic "
        "usage_type where account payer period region service operation resource currency "
        "category check id series_id primary_id rate rate_source rate_validity reason"
    )
    return dict.fromkeys(names.split(), "")


def _span(finding: Finding) -> str:
    ends = [time for time in (finding.first_usage, finding.last_usage) if time]
    return " to ".join(f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in dict.fromkeys(ends))


def _quantity(finding: Finding) -> str:
    if finding.quantity is None:
        return ""
    return f"{_minus(number(finding.quantity))} {visible(finding.unit or '')}".rstrip()


def _rate(finding: Finding) -> dict[str, str]:
    if finding.rate is None:
        return {"rate": "", "rate_source": "", "rate_validity": ""}
    rate = finding.rate
    currency = visible(finding.currency or "", CODE)
    began = f"from {rate.starts}" if rate.starts else "beginning not stated"
    return {
        "rate": " ".join(filter(None, (number(rate.price), currency, "per", rate.unit))),
        "rate_source": " · ".join(part for part in (rate.source, rate.reference) if part),
        "rate_validity": f"{began}, until {rate.ends}" if rate.ends else f"{began}, no end",
    }


def _arithmetic(finding: Finding) -> str:
    """Write the sum with all its digits, and each product that is exactly a side of it."""
    if finding.expected is None or not story.judged(finding):
        return f"billed {_minus(number(finding.billed))}; no expectation could be formed"
    expected = _minus(number(finding.expected))
    said = (
        f"{_minus(number(finding.billed))} billed \u2212 {expected} expected"
        f" = {_minus(number(finding.difference))}"
    )
    if finding.rate is None or finding.quantity is None:
        return said
    products = [
        f"{_minus(number(finding.quantity))} \u00d7 {number(finding.rate.price)}"
        f" = {_minus(number(side))} {name}; "
        for side, name in ((finding.billed, "billed"), (finding.expected, "expected"))
        if EXACT.multiply(finding.quantity, finding.rate.price) == side
    ]
    return "".join(products) + said


def _orders(findings: list[Finding]) -> list[str]:
    """Give each finding its place by every column."""
    columns: list[Callable[[Finding], Any]] = [
        lambda finding: story.SEVERITIES.index(finding.severity),
        lambda finding: (finding.check, finding.usage_type or ""),
        lambda finding: finding.period,
        lambda finding: finding.usage_account or finding.payer_account,
        lambda finding: finding.region or "",
        lambda finding: finding.billed,
        lambda finding: (finding.expected is not None, finding.expected or Decimal(0)),
        lambda finding: finding.difference,
    ]
    return _places([[column(finding) for finding in findings] for column in columns])


def _places(columns: Sequence[Sequence[Any]]) -> list[str]:
    """Write the place of each row by every column, so that the page sorts by whole numbers."""
    ranks = []
    for values in columns:
        places = {value: place for place, value in enumerate(sorted(set(values)))}
        ranks.append([places[value] for value in values])
    return [",".join(map(str, row)) for row in zip(*ranks, strict=True)]


def _pack(cards: list[Card], orders: list[str]) -> str:
    """Pack the findings beyond the first rows; ten thousand would else make the page 15 MB."""
    if not cards:
        return ""
    names = list(_blank())
    content = {
        "names": names,
        "cards": [[card[name] for name in names] for card in cards],
        "orders": orders,
    }
    text = json.dumps(content, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


@dataclass(frozen=True)
class _Sum:
    """A row of a breakdown; `width` is its bar in percent of the dearest row's."""

    row: Breakdown
    share: str | None
    width: Decimal
    order: str


def _breakdown(statements: list[Statement], kind: str) -> list[_Sum]:
    """List the rows of a kind, each with its share of the dollars of its own statement."""
    rows: list[tuple[Breakdown, str | None, Decimal]] = []
    for statement in statements:
        own = statement.breakdowns.get(kind, [])
        total = add(row.billed for row in own)
        if kind == "source":
            total = EXACT.add(total, statement.total.unpriced)
        dearest = max((row.billed.copy_abs() for row in own), default=ZERO)
        rows += [
            (row, percent(row.billed, total), _width(row.billed.copy_abs(), dearest)) for row in own
        ]
    has_expected = kind not in (*story.UNJUDGED, "other")
    columns: list[list[Any]] = [
        [(row.period, row.payer_account) for row, _, _ in rows],
        [story.reason(row) for row, _, _ in rows],
        [row.lines for row, _, _ in rows],
        [row.billed for row, _, _ in rows],
        *([[row.expected for row, _, _ in rows]] if has_expected else []),
        [width if row.billed > 0 else -width for row, _, width in rows],
    ]
    orders = _places(columns)
    return [_Sum(*row, order) for row, order in zip(rows, orders, strict=True)]


def _width(part: Decimal, whole: Decimal) -> Decimal:
    if whole == 0:
        return ZERO
    return EXACT.multiply(EXACT.divide(part, whole), Decimal(100)).quantize(Decimal("0.1"))
