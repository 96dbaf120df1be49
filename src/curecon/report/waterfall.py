"""The way from billed to expected as a chart: where each bar begins and ends, in percent.

Percents of the width need no measuring: the chart fits a phone and a printed page alike, and its
text keeps its size.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from curecon.report import story
from curecon.report.figures import EXACT, ZERO, money, signed
from curecon.report.story import Statement

PITCH = 40
"""Pixels from one bar to the next: a line of text, and the bar under it."""

_WIDTH = Decimal(100)
_THINNEST = Decimal("0.4")
_STEP = Decimal("0.01")
_ROOM = Decimal("0.15")

Kind = Literal["total", "over", "under", "aside"]


@dataclass(frozen=True)
class Bar:
    """One bar: `x` and `width` in percent of the chart, `y` its top in pixels."""

    label: str
    dollars: str
    kind: Kind
    x: Decimal
    width: Decimal
    y: int
    connector: Decimal | None
    """Where the total stands after this bar, which is where the next one begins."""


@dataclass(frozen=True)
class Waterfall:
    """The bars from top to bottom; `begins` is where a broken axis begins, in dollars."""

    bars: list[Bar]
    height: int
    begins: str | None


@dataclass(frozen=True)
class _Step:
    label: str
    kind: Kind
    before: Decimal
    after: Decimal

    @property
    def dollars(self) -> str:
        if self.kind == "total":
            return money(self.after)
        # The total falls by what AWS billed too much.
        change = EXACT.subtract(self.after, self.before)
        return signed(change)


def waterfall(statement: Statement) -> Waterfall | None:
    """Draw a statement; None where nothing was expected, or just what was billed."""
    steps = _steps(statement)
    if not statement.compared or all(step.kind == "total" for step in steps):
        return None
    low, high, broken = _axis(steps)
    bars = [
        _bar(step, place, low, high, last=place == len(steps) - 1)
        for place, step in enumerate(steps)
    ]
    return Waterfall(bars, len(bars) * PITCH, money(low) if broken else None)


def _steps(statement: Statement) -> list[_Step]:
    """List the steps; those of zero dollars are left out."""
    total = statement.total.in_scope_billed
    steps = [_Step(f"Billed, {statement.subject}", "total", ZERO, total)]
    amounts = {row.component: row.amount for row in statement.bridge if row.amount}
    for component in ("not_repriced", "unpriced"):
        if component in amounts:
            after = EXACT.subtract(total, amounts[component])
            steps.append(_Step(story.label(component), "aside", total, after))
            total = after
    causes = [row for row in statement.causes if row.amount]
    if len(steps) > 1 and causes:
        steps.append(_Step("Priced, as billed", "total", ZERO, total))
    for row in causes:
        after = EXACT.subtract(total, row.amount)
        kind: Kind = "over" if row.amount > 0 else "under"
        steps.append(_Step(story.label(row.component), kind, total, after))
        total = after
    return [*steps, _Step("Expected", "total", ZERO, total)]


def _axis(steps: list[_Step]) -> tuple[Decimal, Decimal, bool]:
    """Choose the dollars at both ends of the axis.

    Where the steps are small beside the totals, an axis from zero would hide them, so it begins
    shortly before the lowest; the chart says so.
    """
    points = [step.after for step in steps]
    low, high = min(points), max(points)
    if low > 0 and EXACT.subtract(high, low) * 2 < high:
        room = EXACT.multiply(EXACT.subtract(high, low), _ROOM)
        begins = EXACT.subtract(low, room)
        if begins > 0 and begins < high:
            return begins, high, True
    return min(low, ZERO), max(high, ZERO), False


def _bar(step: _Step, place: int, low: Decimal, high: Decimal, *, last: bool) -> Bar:
    before = _percent(max(step.before, low), low, high)
    after = _percent(step.after, low, high)
    x, width = min(before, after), abs(after - before)
    if width < _THINNEST:
        x, width = min(x, _WIDTH - _THINNEST), _THINNEST
    connector = None if last else after
    y = place * PITCH + 20
    return Bar(step.label, step.dollars, step.kind, x, width, y, connector)


def _percent(amount: Decimal, low: Decimal, high: Decimal) -> Decimal:
    if high == low:
        return ZERO
    share = EXACT.divide(EXACT.subtract(amount, low), EXACT.subtract(high, low))
    return EXACT.multiply(share, _WIDTH).quantize(_STEP, context=EXACT)
