"""Spend by day, and the hours of provisioned models, as tables and as the numbers of a chart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from curecon.models import DailySpend, ProvisionedDay
from curecon.money import plain
from curecon.report.figures import ZERO, add, money, number
from curecon.report.text import FIELD, visible

OTHERS = "All others"
"""The name of what is not among the dearest models."""

SHOWN = 60
"""Provisioned models whose calendar is drawn."""

_LONGEST = 100
"""Days in a row that are filled up; a stray line of another year must not draw thousands."""


@dataclass(frozen=True)
class Days:
    """What usage was billed by day: a column a model, the dearest first, and a row a day."""

    labels: list[str]
    rows: list[tuple[date, list[Decimal], Decimal]]
    marks: dict[date, list[str]]
    """What is marked on a day: the titles of the findings of category `anomaly`."""

    @property
    def total(self) -> Decimal:
        """Add all days."""
        return add(total for _, _, total in self.rows)

    @property
    def said(self) -> str:
        """Say in a sentence what the chart shows, for who does not see it."""
        highest = max(self.rows, key=lambda row: (row[2], row[0]))
        return (
            f"Spend by day from {self.rows[0][0]} to {self.rows[-1][0]}, highest on "
            f"{highest[0]} with {money(highest[2])}"
        )

    @property
    def drawn(self) -> dict[str, object]:
        """Give the chart its numbers, as exact text, and the texts that it shows."""
        return {
            "days": [day.isoformat() for day, _, _ in self.rows],
            "labels": [visible(label, FIELD) for label in self.labels],
            "values": [
                [plain(cells[place]) for _, cells, _ in self.rows]
                for place in range(len(self.labels))
            ],
            "shown": [
                [money(total), *(money(cell) for cell in cells)] for _, cells, total in self.rows
            ],
            "marks": {
                day.isoformat(): [visible(text, FIELD) for text in texts]
                for day, texts in sorted(self.marks.items())
            },
        }


def by_day(spent: Sequence[DailySpend], marks: dict[date, list[str]]) -> Days | None:
    """Arrange the spend of one statement; None where it has none."""
    if not spent:
        return None
    sums: dict[str | None, Decimal] = {}
    cells: dict[tuple[date, str | None], Decimal] = {}
    for one in spent:
        sums[one.label] = add((sums.get(one.label, ZERO), one.billed.copy_abs()))
        place = one.day, one.label
        cells[place] = add((cells.get(place, ZERO), one.billed))
    order = sorted(sums, key=lambda label: (label is None, -sums[label], label or ""))
    rows = []
    for day in _filled({one.day for one in spent}):
        row = [cells.get((day, label), ZERO) for label in order]
        rows.append((day, row, add(row)))
    return Days([OTHERS if label is None else label for label in order], rows, marks)


def _filled(days: set[date]) -> list[date]:
    first, last = min(days), max(days)
    if (last - first).days > _LONGEST:
        return sorted(days)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _whole(days: set[date]) -> list[date]:
    """Fill the days up to whole months, of which a calendar has a few; the latest ones stay."""
    first = min(days).replace(day=1)
    last = max(days)
    after = (last.replace(day=1) + timedelta(days=31)).replace(day=1)
    if (after - first).days > _LONGEST:
        return sorted(days)[-_LONGEST:]
    return [first + timedelta(days=number) for number in range((after - first).days)]


Level = Literal["none", "less", "usual", "more"]


@dataclass(frozen=True)
class Row:
    """The hours of one provisioned model: a cell a day of the period."""

    name: str
    what: str
    cells: list[tuple[date, str, Level]]
    usual: str
    """The hours of its most frequent day, empty where no line is of one day."""
    undated: str
    """The hours of lines that span several days."""
    hours: str
    billed: Decimal


@dataclass(frozen=True)
class Calendar:
    """The model-unit hours billed by provisioned model and day, the dearest model first."""

    days: list[date]
    rows: list[Row]
    left_out: int


def calendar(hours: Sequence[ProvisionedDay]) -> Calendar | None:
    """Arrange the hours of one statement; None where nothing provisioned was billed."""
    groups: dict[tuple[str | None, ...], list[ProvisionedDay]] = {}
    for one in hours:
        key = (one.usage_account, one.resource, one.label, one.region, one.commitment)
        groups.setdefault(key, []).append(one)
    if not groups:
        return None
    dated = {one.day for one in hours if one.day}
    days = _whole(dated) if dated else []
    rows = [_row(group, days) for group in groups.values()]
    rows.sort(key=lambda row: (-row.billed, row.name, row.what))
    return Calendar(days, rows[:SHOWN], max(0, len(rows) - SHOWN))


def _row(group: list[ProvisionedDay], days: Iterable[date]) -> Row:
    first = group[0]
    by_day: dict[date, Decimal] = {}
    for one in group:
        if one.day:
            by_day[one.day] = add((by_day.get(one.day, ZERO), one.hours))
    usual = _usual(by_day)
    term = "no commitment" if first.commitment == "none" else first.commitment
    what = [first.label, term, first.region, first.usage_account]
    return Row(
        name=(first.resource or "not named on the bill").rpartition("/")[2],
        what=" · ".join(visible(part) for part in what if part),
        cells=[
            (day, number(by_day.get(day, ZERO)), _level(by_day.get(day, ZERO), usual))
            for day in days
        ],
        usual=number(usual) if usual else "",
        undated=number(add(one.hours for one in group if not one.day)),
        hours=number(add(one.hours for one in group)),
        billed=add(one.billed for one in group),
    )


def _usual(by_day: dict[date, Decimal]) -> Decimal:
    """Find the hours of the most frequent day; of several the most."""
    counted = Counter(by_day.values())
    return max(counted, key=lambda hours: (counted[hours], hours), default=ZERO)


def _level(hours: Decimal, usual: Decimal) -> Level:
    if hours == 0:
        return "none"
    if hours == usual:
        return "usual"
    return "more" if hours > usual else "less"
