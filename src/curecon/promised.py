"""How much of the promised credits and discounts should have come with a month's bill, and has not.

AWS takes a credit off every bill by itself, as far as there are charges it is good for, until it is
used up or expires; of several, the one that expires first, then the one for fewest services, then
the oldest (AWS Billing user guide, "AWS credits"). So each credit is followed from the month in
which it starts. A dollar of it is missed once, in the first month that it should have paid for, and
not at all where a later month of the ledger brings it. It is due with the bill of a month, so while
the month runs nothing is missing. Where the ledger lacks a month, nobody knows what was left of a
credit, and nothing more is said of it.

What of a discount is missing, sql/steps/discounts.sql has worked out line by line; here it is told.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import polars as pl

from curecon import frames
from curecon.engine import make

_NEVER = date(9999, 12, 31)
_HALF_A_CENT, _CENT = Decimal("0.005"), Decimal("0.01")
_ZERO = Decimal(0)
_EXACT = pl.Decimal(38, 20)
_GAPS: dict[str, pl.DataType | type[pl.DataType]] = {
    "delivery_id": pl.String,
    "pool": pl.Int64,
    "service": pl.String,
    "marketplace": pl.Boolean,
    "starts": pl.Date,
    "ends": pl.Date,
    "reason": pl.String,
    "difference": _EXACT,
    "about": pl.String,
    "told": pl.String,
    "only_service": pl.String,
}

_MISSED: dict[str, pl.DataType | type[pl.DataType]] = {
    "delivery_id": pl.String,
    "line": pl.Int64,
    "reason": pl.String,
    "account": pl.String,
    "difference": pl.Decimal(36, 20),
    "first_usage": pl.Datetime,
    "last_usage": pl.Datetime,
    "about": pl.String,
    "told": pl.String,
}

Cell = tuple[str, bool]


@dataclass(frozen=True)
class Promise:
    """A credit: what it is worth, when, and for which charges: service, and marketplace or not."""

    name: str
    amount: Decimal
    starts: date
    ends: date
    cells: frozenset[Cell]


@dataclass
class Month:
    """A month of the ledger; `eligible` by charges and day, `granted` what credits took off.

    A month that `runs` is not billed yet: its usage goes on, and no invoice is complete.
    """

    delivery_id: str
    eligible: dict[tuple[Cell, date], Decimal] = field(default_factory=dict)
    granted: dict[Cell, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    credit_lines: int = 0
    runs: bool = False

    def charges(self, cell: Cell, promise: Promise | None = None) -> Decimal:
        """What is billed for these charges, on the days of a credit or on all."""
        return sum(
            (
                amount
                for (of, day), amount in self.eligible.items()
                if of == cell and (promise is None or promise.starts <= day < promise.ends)
            ),
            _ZERO,
        )


@dataclass
class Gap:
    """What of a credit should have come with a month's bill, and what of that has not come."""

    due: Decimal
    missing: Decimal


Gaps = dict[tuple[Promise, date], Gap]


def follow(con: duckdb.DuckDBPyConnection) -> None:
    """Make `credit_gaps`: where credits fall short, by delivery and the charges they are for.

    Reads `contract_credits` and every month that the ledger has. `pool` numbers the credits that
    share charges; `difference`, in the contract's currency, is theirs, and the same in each row, as
    are `about`, the services they are for, `told`, how much of each was promised, came and is
    missing, and `only_service`, where it is one. What a month that still runs has not brought has
    the reason `credit_not_due`.
    """
    promised = frames.of_query(con, "SELECT * FROM contract_credits")
    make(con, "steps", "credit_keys.sql")
    gaps: list[tuple[object, ...]] = []
    if not promised.is_empty():
        make(con, "steps", "credit_sums.sql")
        sums = frames.of_query(con, "SELECT * FROM credit_sums ORDER BY ALL")
        make(con, "duckdb", "running.sql")
        known = frames.of_query(
            con,
            "SELECT delivery_id, period, payer_account, delivery_id IN "
            "(SELECT delivery_id FROM running) AS runs FROM every_delivery",
        )
        for (payer,) in known.select("payer_account").unique().sort("payer_account").iter_rows():
            months = _months(
                known.filter(pl.col("payer_account") == payer),
                sums.filter(pl.col("payer_account") == payer),
            )
            for number, pool in enumerate(pools(promises(promised))):
                gaps += _rows(number, pool, months)
    frame = frames.of_rows(gaps, _GAPS)
    frames.register(con, "incoming", frame)
    con.execute("CREATE OR REPLACE TABLE credit_gaps AS SELECT * FROM incoming")
    con.unregister("incoming")


def promises(promised: pl.DataFrame) -> list[Promise]:
    """Read the credits of a contract; one for any service may be used up elsewhere: left out."""
    cells: dict[tuple[str, Decimal, date, date], set[Cell]] = defaultdict(set)
    for row in promised.filter(pl.col("service") != "*").iter_rows(named=True):
        key = (row["name"], row["amount"], row["starts"], row["ends"])
        cells[key] |= {(row["service"], sold) for sold in {False, row["marketplace"]}}
    return [Promise(*key, frozenset(of)) for key, of in cells.items()]


def pools(every: Sequence[Promise]) -> list[list[Promise]]:
    """Put credits together that share charges, each in the order in which AWS uses them."""
    found: list[list[Promise]] = []
    for one in every:
        shares = [pool for pool in found if any(one.cells & other.cells for other in pool)]
        found = [pool for pool in found if pool not in shares]
        found.append([one, *(other for pool in shares for other in pool)])
    return [
        sorted(pool, key=lambda one: (one.ends, len(one.cells), one.starts, one.name))
        for pool in found
    ]


def missing(pool: Sequence[Promise], months: Mapping[date, Month]) -> Gaps:
    """Say how much of each credit should have come with each month's bill and never came."""
    left = {one: one.amount for one in pool}
    lost: set[Promise] = set()
    gaps: Gaps = {}
    for month in _calendar(min(one.starts for one in pool), max(months, default=date.min)):
        begun = [one for one in pool if one.starts < _next(month) and one.ends > month]
        bill = months.get(month)
        if bill is None:
            lost |= {one for one in pool if one.starts < _next(month)}
            continue
        due = _due([one for one in begun if one not in lost], bill, left)
        came = sum((bill.granted[cell] for cell in {c for one in pool for c in one.cells}), _ZERO)
        for one, amount in due.items():
            left[one] -= amount
            gaps[one, month] = Gap(amount, amount)
        # What comes pays for what is due now, then for what was missed before.
        for key in [*((one, month) for one in due), *gaps]:
            paid = min(came, gaps[key].missing)
            gaps[key].missing -= paid
            came -= paid
        # What is more than that has used up a credit sooner than was thought.
        for one in begun:
            more = min(came, left[one])
            left[one] -= more
            came -= more
    return {key: gap for key, gap in gaps.items() if gap.missing > 0}


def _due(
    begun: Sequence[Promise], bill: Month, left: Mapping[Promise, Decimal]
) -> dict[Promise, Decimal]:
    """Share a month's charges among the credits in force."""
    free = {cell: bill.charges(cell) for one in begun for cell in one.cells}
    due = {}
    for one in begun:
        due[one] = _ZERO
        for cell in sorted(one.cells):
            charges = min(bill.charges(cell, one), free[cell])
            amount = max(_ZERO, min(charges, left[one] - due[one]))
            free[cell] -= amount
            due[one] += amount
    return due


def _rows(
    number: int, pool: Sequence[Promise], months: Mapping[date, Month]
) -> Iterator[tuple[object, ...]]:
    """Say where credits fall short by more than their rounding to cents."""
    found = missing(pool, months)
    until = _next(max(months)) if months else date.min
    for month in sorted({month for _, month in found}):
        short = {one: gap for (one, of), gap in found.items() if of == month}
        bill, amount = months[month], sum((gap.missing for gap in short.values()), _ZERO)
        if amount < _HALF_A_CENT * max(1, bill.credit_lines):
            continue
        cells = {cell for one in short for cell in one.cells}
        came = sum((bill.granted[cell] for cell in cells), _ZERO)
        if bill.runs:
            reason = "credit_not_due"
        elif any(until < one.ends < _NEVER for one in short):
            reason = "credit_outstanding"
        else:
            reason = "credit_too_small" if came else "credit_missing"
        starts, ends = min(one.starts for one in short), max(one.ends for one in short)
        # The services of all that share charges: the same whichever of them falls short.
        services = sorted({service for one in pool for service, _ in one.cells})
        about = f"credits for {' and '.join(services)}"
        told = " ".join(_told(one, gap, month, runs=bill.runs) for one, gap in short.items())
        only = services[0] if len(services) == 1 else None
        for service, sold in sorted(cells):
            yield (
                bill.delivery_id, number, service, sold, starts, ends, reason, amount, about, told,
                only,
            )  # fmt: skip


def _told(one: Promise, gap: Gap, month: date, *, runs: bool) -> str:
    """Say what of a credit was promised, came and is missing, or is to come; it adds up."""
    whole, lacks = gap.due == one.amount, _in_cents(gap.missing)
    due = gap.due if whole else _in_cents(gap.due)
    part = "" if whole else f"{_dollars(due)} of it due in {month:%Y-%m}, "
    return (
        f"{one.name}: {_dollars(one.amount)} promised, {part}{_dollars(due - lacks)} arrived, "
        f"{_dollars(lacks)} {'to come' if runs else 'missing'}."
    )


def tell_discounts(con: duckdb.DuckDBPyConnection) -> None:
    """Make `discount_gaps`: discounts that no line of the bill grants, as a person asks for them.

    Reads `discounts`. One row for each of its rows without a discount line: `line`, a charge that
    carries the dollars in the bridge and is not what is wrong; `account`, `first_usage`,
    `last_usage` and `difference`; `about`, the discount, and `told`, how much of it was promised,
    came and is missing in all rows of the same charge and discount.
    """
    missed = frames.of_query(
        con,
        "SELECT d.*, sum(charged) OVER same AS all_charged, sum(difference) OVER same AS missing "
        "FROM discounts AS d JOIN lines AS l USING (line) "
        "JOIN charge_keys AS k USING (charge_key_id) WHERE NOT is_discount_line "
        "WINDOW same AS (PARTITION BY d.delivery_id, account, usage_type, k.region, "
        "k.line_item_currency_code, line_type, named) ORDER BY ALL",
    )
    given = [name for name in _MISSED if name not in ("about", "told")]
    rows = [
        (*(one[name] for name in given), _about(one["named"]), _told_of(one))
        for one in missed.iter_rows(named=True)
    ]
    frames.register(con, "incoming", frames.of_rows(rows, _MISSED))
    con.execute("CREATE OR REPLACE TABLE discount_gaps AS SELECT * FROM incoming")
    con.unregister("incoming")


def _about(named: str) -> str:
    return named if named == "private rate" else f"discount {named}"


def _told_of(one: Mapping[str, Decimal]) -> str:
    """Say what of a discount was promised, came and is missing."""
    charged, missing = (_dollars(_in_cents(one[name])) for name in ("all_charged", "missing"))
    elsewhere = (
        f"; {_dollars(_in_cents(-one['granted']))} arrived for other charges of the usage type"
        if one["granted"]
        else ""
    )
    return (
        f"{one['named']}: {missing} promised on charges of {charged}, 0.00 arrived, {missing} "
        f"missing{elsewhere}."
    )


def _in_cents(amount: Decimal) -> Decimal:
    """Round a sum of shares to cents; what would be none of them keeps its digits."""
    return amount if abs(amount) < _CENT else amount.quantize(_CENT, ROUND_HALF_UP)


def _dollars(amount: Decimal) -> str:
    """Write all digits, and at least the cents: it is what a dispute quotes."""
    whole, _, part = f"{amount:,f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"


def _months(known: pl.DataFrame, sums: pl.DataFrame) -> dict[date, Month]:
    months = {
        row["period"]: Month(row["delivery_id"], runs=row["runs"])
        for row in known.iter_rows(named=True)
    }
    for row in sums.iter_rows(named=True):
        month, cell = months[row["period"]], (row["service"], row["marketplace"])
        month.eligible[cell, row["usage_day"]] = row["eligible"]
        month.granted[cell] += row["granted"]
        month.credit_lines += row["credit_lines"]
    return months


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _calendar(first: date, last: date) -> Iterator[date]:
    """Name every month from that of one day to that of another."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = _next(month)
