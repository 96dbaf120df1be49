"""Mistakes in provisioned throughput; the contract names units and terms."""

from datetime import datetime, timedelta
from decimal import Decimal

from . import agreement
from .amounts import AMOUNTS, restated, twice, twice_of_resource
from .bill import Bill
from .lines import Line, hours, token
from .meters import meter
from .rates import Fault

_MONTH = meter("Nova2.0Lite-ProvisionedThroughput-1month-ModelUnits")
_NONE = meter("Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits")
_LLAMA = meter("Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits")
_CUSTOM = meter("TitanText-Premier-ProvisionedThroughput-Custom-NoCommit-ModelUnits")


def agreed(bill: Bill, lines: list[Line], count: int, **days: datetime) -> None:
    """Put a provisioned model into the contract, for a month."""
    said = {"starts": bill.start, "ends": bill.end, **days}
    one = agreement.units(_MONTH, lines[0].resource, lines[0].region, count, **said)
    bill.contract.setdefault("units", []).append(one)


def as_agreed(bill: Bill) -> None:
    """Keep two units for a month, as the contract says."""
    agreed(bill, bill.provisioned(_MONTH, 2, bill.free_place(_MONTH)), 2)


def _hour_twice(bill: Bill) -> bool:
    place = bill.free_place(_LLAMA)
    lines = bill.provisioned(_LLAMA, 1, place, 24, 24 * 8)
    chosen = bill.rng.sample(lines, 3)
    copies = [line.copy(id=token(bill.rng)) for line in chosen]
    bill.lines += copies
    dollars = sum((line.cost for line in copies), Decimal(0))
    kinds = ("duplicate", "quantity")
    return bill.plant("hours of a provisioned model twice", kinds, copies, dollars, chosen)


def _unit_too_many(bill: Bill) -> bool:
    lines = bill.provisioned(_MONTH, 1, bill.free_place(_MONTH))
    agreed(bill, lines, 1)
    first = len(lines) // 3
    wrong = lines[first : first + bill.rng.randint(1, 6)]
    for line in wrong:
        line.count((line.quantity or Decimal(0)) + bill.span)
    dollars = len(wrong) * bill.span * _MONTH.price
    return bill.plant("more units than agreed", ("quantity", "commitment"), wrong, dollars)


def _gap(bill: Bill) -> bool:
    if bill.daily:
        raise LookupError
    lines = bill.provisioned(_MONTH, 2, bill.free_place(_MONTH))
    agreed(bill, lines, 2)
    first = bill.rng.randint(100, 300)
    bill.drop(lines[first : first + 5])
    near, rest = [lines[first - 1]], lines[:first] + lines[first + 5 :]
    return bill.plant("hours missing", ("commitment", "quantity", "data"), near, None, rest)


def _after_the_end(bill: Bill) -> bool:
    stop = bill.start + timedelta(days=20)
    lines = bill.provisioned(_MONTH, 1, bill.free_place(_MONTH))
    agreed(bill, lines, 1, starts=stop - timedelta(days=30), ends=stop)
    # It ends in the hour in which it was bought, so the day of its end is still covered in part.
    wrong = [line for line in lines if line.start >= stop + timedelta(days=1)]
    return bill.plant("committed rate after the end", ("commitment",), wrong, None)


def _without_commitment(bill: Bill) -> bool:
    place = bill.free_place(_MONTH, _NONE)
    lines = bill.provisioned(_MONTH, 1, place)
    agreed(bill, lines, 1)
    base = bill.base(_NONE, *place, lines[0].resource)
    first = len(lines) // 3
    wrong = lines[first : first + (2 if bill.daily else 24)]
    dollars = Decimal(0)
    for line in wrong:
        dollars += line.bill_at(_NONE.price)
        line.public_rate, line.usage_type, line.meter = line.rate, base.usage_type, _NONE
        line.sku, line.rate_code = base.sku, base.rate_code
    return bill.plant("without commitment inside of one", ("commitment", "rate"), wrong, dollars)


def _part_of_unit(bill: Bill) -> bool:
    if bill.daily:
        raise LookupError
    lines = bill.provisioned(_LLAMA, 1, bill.free_place(_LLAMA), 24, 24 * 8)
    lines[50].count(Decimal("1.5"))
    return bill.plant("part of a model unit", ("quantity",), lines[50:51], _LLAMA.price / 2)


def _custom_units(bill: Bill) -> bool:
    lines = bill.provisioned(_CUSTOM, 2, bill.free_place(_CUSTOM), 48, 96)
    kinds = ("quantity", "commitment", "lifecycle")
    return bill.plant("custom model with two units", kinds, lines, None)


def _beyond_month(bill: Bill) -> bool:
    """Bill an hour after the last one of the month again, at its last hour."""
    if bill.daily:
        raise LookupError
    lines = bill.provisioned(_MONTH, 1, bill.free_place(_MONTH))
    agreed(bill, lines, 1)
    more = lines[-1].copy(id=token(bill.rng), start=bill.end - hours(1), end=bill.end)
    bill.lines.append(more)
    kinds = ("duplicate", "quantity")
    return bill.plant("an hour more than the month", kinds, [more], more.cost, lines[-1:])


THROUGHPUT: tuple[Fault, ...] = (
    _hour_twice, _unit_too_many, _gap, _after_the_end, _without_commitment, _part_of_unit,
    _custom_units, _beyond_month,
)  # fmt: skip
QUANTITIES: tuple[Fault, ...] = (*AMOUNTS, *THROUGHPUT)
# FOCUS has no ids: a line that is restated is just another, and so is one twice without a resource.
FOCUS_QUANTITIES = (
    *(one for one in QUANTITIES if one not in (restated, twice)),
    twice_of_resource,
)
