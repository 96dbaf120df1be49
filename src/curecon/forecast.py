"""What a month that still runs will come to, and how far such forecasts have been off.

A day to come is expected to cost what the same weekday did: the median of its last four, times the
level of the last seven days (the median of what each was of its own four weekdays before, between
half and twice). Thus one odd day moves nothing, and growth does. The first of a month, with its
monthly fees, is like no other day and left out.

The interval is measured, not assumed: the same forecast is made from each earlier day, for as many
days ahead as are known by now, and nine in ten of these were no further off, in dollars a day, than
the interval is wide. What AWS bills once (credits, refunds, fees, tax) is no part of the days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from statistics import median
from typing import Any

import duckdb

from curecon.engine import execute, make
from curecon.models import Forecast

DAYS_MIN = 14
"""Whole days that must be known: each weekday twice."""

TRIES_MIN = 7
"""Earlier forecasts that an interval is made of, at least."""

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_WEEKS = 4
_LEVELS = Decimal("0.5"), Decimal(2)
_CENT = Decimal("0.01")

Days = Mapping[date, Decimal]


@dataclass(frozen=True)
class Rest:
    """What the days to come will cost, in dollars; `off` is what it may be off by."""

    expected: Decimal
    off: Decimal | None
    tries: int


def rest(days: Days, begins: date, ends: date) -> Rest:
    """Forecast the days from `begins` to before `ends` out of all days before `begins`.

    `days` holds every day that is known, and 0 where nothing was billed.
    """
    with localcontext(prec=60):
        known = {day: billed for day, billed in days.items() if day < begins}
        tried = [
            off
            for origin in sorted(known)
            if (off := _off(known, origin, begins, (ends - begins).days)) is not None
        ]
        off = None
        if len(tried) >= TRIES_MIN:
            off = sorted(tried)[(len(tried) * 9 - 1) // 10] * (ends - begins).days
        return Rest(_sum(known, begins, _between(begins, ends)), off, len(tried))


def _off(days: Days, origin: date, until: date, ahead: int) -> Decimal | None:
    """Say by how much a day a forecast made at `origin` was off; None where it cannot be told.

    A week is looked ahead at least, since single days are off by more than months are.
    """
    span = min(ahead, (until - origin).days)
    if span < min(ahead, _WEEK.days) or len([day for day in days if day < origin]) < DAYS_MIN:
        return None
    ahead_of = [day for day in _between(origin, origin + span * _DAY) if day.day != 1]
    if not all(day in days for day in ahead_of):
        return None
    said = _sum({day: billed for day, billed in days.items() if day < origin}, origin, ahead_of)
    return abs(sum((days[day] for day in ahead_of), Decimal(0)) - said) / span


def _sum(days: Days, begins: date, to_come: Sequence[date]) -> Decimal:
    level = _level(days, begins)
    each = (_typical(days, begins, day) for day in to_come)
    return sum((level * billed for billed in each if billed is not None), Decimal(0))


def _level(days: Days, begins: date) -> Decimal:
    """Say what the last seven days were of what is typical of them, as a factor."""
    ratios = [
        days[day] / typical
        for day in _between(begins - _WEEK, begins)
        if day in days and (typical := _typical(days, day, day))
    ]
    return min(max(median(ratios), _LEVELS[0]), _LEVELS[1]) if ratios else Decimal(1)


def _typical(days: Days, before: date, day: date) -> Decimal | None:
    """Return the median of the last four same weekdays before `before`; None without any."""
    weeks = (day - before).days // 7 + 1
    same = [day - (weeks + back) * _WEEK for back in range(_WEEKS)]
    billed = [days[one] for one in same if one.day != 1 and one in days]
    return median(billed) if billed else None


def _between(begins: date, ends: date) -> list[date]:
    return [begins + number * _DAY for number in range((ends - begins).days)]


def forecast(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Forecast the months of this run that still run, and put them into the ledger.

    The last day that has usage is not over, so it is forecast as well, and comes to no less than
    what is billed already.
    """
    con.execute(
        f"DELETE FROM {catalog}.main.forecasts WHERE delivery_id IN "
        "(SELECT delivery_id FROM run_deliveries)"
    )
    make(con, "duckdb", "running.sql")
    running = execute(con, "SELECT * FROM running ORDER BY period, payer_account")
    if not running:
        return
    make(con, "duckdb", "billed_days.sql")
    for delivery_id, period, payer, through, ends in running:
        for currency, billed in execute(
            con,
            "SELECT coalesce(line_item_currency_code, 'XXX'), sum(in_scope_billed) "
            "FROM read_totals WHERE delivery_id = ? GROUP BY ALL "
            "HAVING sum(in_scope_lines) > 0 ORDER BY ALL",
            [delivery_id],
        ):
            days = _days(con, payer, currency)
            if not days:
                continue  # no usage of Bedrock or SageMaker, so none that could go on
            one = _forecast(days, billed, through, ends)
            row = Forecast(period=period, payer_account=payer, currency=currency, **one)
            names = ", ".join(Forecast.model_fields)
            con.execute(
                f"INSERT INTO {catalog}.main.forecasts (delivery_id, {names}) "
                f"VALUES (?{', ?' * len(Forecast.model_fields)})",
                [delivery_id, *row.model_dump().values()],
            )


def _days(con: duckdb.DuckDBPyConnection, payer: str, currency: str) -> dict[date, Decimal]:
    """Read the days of a payer: those of each delivered month up to its last that has usage."""
    rows: list[tuple[date, Decimal]] = execute(
        con,
        "SELECT day, billed FROM billed_days WHERE payer_account = ? AND currency = ? ORDER BY day",
        [payer, currency],
    )
    days = dict(rows)
    last: dict[tuple[int, int], date] = {}
    for day in days:
        last[day.year, day.month] = day
    for number, until in enumerate(last.values()):
        begins = min(days) if number == 0 else until.replace(day=1)
        for back in range((until - begins).days):
            days.setdefault(begins + back * _DAY, Decimal(0))
    return days


def _forecast(days: Days, billed: Decimal, through: date, ends: date) -> dict[str, Any]:
    """Add what is billed and what is to come; say why not, where too little is known."""
    whole = len([day for day in days if day < through])
    told: dict[str, Any] = {
        "through": through, "days_left": (ends - through).days, "days_known": whole,
        "billed": billed, "low": None, "expected": None, "high": None, "tries": 0, "reason": None,
    }  # fmt: skip
    if whole < DAYS_MIN:
        needed = f"{DAYS_MIN} whole days of bills are needed, and the ledger has {whole}"
        return {**told, "reason": needed}
    # Fees of the first of a month come at once; what else that day bills is forecast as over.
    to_come = rest(days, through + _DAY if through.day == 1 else through, ends)
    begun = billed if through.day == 1 else billed - days.get(through, Decimal(0))

    def total(dollars: Decimal) -> Decimal:
        with localcontext(prec=60):
            return max(begun + dollars, billed).quantize(_CENT)

    told |= {"expected": total(to_come.expected), "tries": to_come.tries}
    if to_come.off is None:
        tried = (
            "1 earlier forecast"
            if to_come.tries == 1
            else f"{to_come.tries or 'no'} earlier forecasts"
        )
        said = f"{tried} can be compared with what came"
        return {**told, "reason": f"{said}, and {TRIES_MIN} are needed"}
    return {
        **told,
        "low": total(to_come.expected - to_come.off),
        "high": total(to_come.expected + to_come.off),
    }
