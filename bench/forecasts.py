"""How near the forecast of a month comes: errors and intervals on generated months.

    python bench/forecasts.py

writes docs/forecast.md. The same seed makes the same days.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import anomalies
from anomalies import percent
from curecon.forecast import rest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "forecast.md"
BILLS = 20
BEGINS = (8, 15, 22)
ENDS = date(2026, 11, 1)
KINDS = (
    "steady growth of up to a fifth a month",
    "with one spike to five times",
    "growth of a hundredth a day",
    "days at random between a third and two and a half times",
    "jobs that run for days, and stop",
)

INTRODUCTION = """\
# Forecast of a running month

An audit of a month that still runs says what Bedrock and SageMaker will come to, with an
interval: in the report, `summary.md`, `findings.json`, on the terminal, and as
`curecon sql forecast`, which also tells how it went from delivery to delivery.

- A day to come is expected to cost the median of its last four weekdays, times the level of
  the last seven days, which is held between half and twice. The first of a month, with its
  fees, is like no other day and left out. The last day that has usage is not over, so it is
  forecast as well.
- The interval is measured: the same forecast is made from every earlier day in the ledger,
  and nine in ten of these were no further off, in dollars a day.
- 14 whole days must be in the ledger for a forecast and 27 for an interval. With fewer the
  report says so, and gives none. A month is over, and not forecast, once it is final, once
  a later one is in the ledger, or when its last day has usage.
- What AWS bills once (tax, credits, refunds, fees) and what spans more than a day is in it
  as billed so far, and in no day to come. Nobody can forecast a change that is yet to come.

Generated are months like those of [anomalies.md](anomalies.md), with a month before them.
`python bench/forecasts.py` writes this page.

"""


def days(seed: int, kind: str) -> dict[date, Decimal]:
    """Make two months of days: those of bench/anomalies.py, or of jobs that come and go."""
    drawn = random.Random(f"{seed} {kind}")  # noqa: S311 - nothing secret is drawn
    sums: dict[date, int] = defaultdict(int)
    if kind == KINDS[4]:
        for _ in range(6):
            runs, level = drawn.random() < 0.5, drawn.randrange(4_000, 90_000)
            for number in range(anomalies.DAYS):
                runs ^= drawn.random() < 0.15
                cents = level * drawn.randrange(700, 1301) // 1000 if runs else 500
                sums[anomalies.FIRST + timedelta(days=number)] += cents
    else:
        spike = "spike to five times" if kind == KINDS[1] else None
        for _, _, day, spent, _ in anomalies.bill(seed, spike)[0]:
            sums[day] += int(spent * 100)
    grown = 10**6
    for day, cents in sums.items():
        if kind == KINDS[2]:
            grown = grown * 101 // 100
        factor = drawn.choice((30, 60, 100, 100, 150, 250)) if kind == KINDS[3] else 100
        sums[day] = cents * factor * grown // 10**8
    return {day: Decimal(cents) / 100 for day, cents in sums.items()}


def measured(bills: int = BILLS) -> Iterator[tuple[str, int, int, int, int]]:
    """Return kind, begin, bills, intervals that held, and the middle error in thousandths."""
    for kind in KINDS:
        for begin in BEGINS:
            begins, held, off = date(2026, 10, begin), 0, []
            for seed in range(bills):
                every = days(seed, kind)
                said = rest(every, begins, ENDS)
                month = sum(cents for day, cents in every.items() if day.month == begins.month)
                real = sum(cents for day, cents in every.items() if day >= begins)
                error = abs(said.expected - real)
                held += said.off is not None and error <= said.off
                off.append(int(error * 1000 / month))
            yield kind, begin, bills, held, sorted(off)[len(off) // 2]


def page(results: list[tuple[str, int, int, int, int]]) -> str:
    """Write the page."""
    held, bills = sum(row[3] for row in results), sum(row[2] for row in results)
    lines = [
        *INTRODUCTION.splitlines(),
        "| days | forecast on | half of the months are off by at most | the interval held |",
        "|---|---:|---:|---:|",
        *(
            f"| {kind} | day {begin} | {off // 10}.{off % 10} % | {percent(held, bills)} |"
            for kind, begin, bills, held, off in results
        ),
        "",
        f"In all, {percent(held, bills)} of the intervals held.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(list(measured())), "utf-8")
    print(PAGE.read_text("utf-8"))


if __name__ == "__main__":
    main()
