"""Mistakes in savings plans, after they have covered what they can."""

from decimal import Decimal

from .bill import Bill
from .lines import CENT, Line, rounded, token
from .plans import is_eligible

COVERED, NEGATED = "SavingsPlanCoveredUsage", "SavingsPlanNegation"


def _of(bill: Bill, kind: str) -> list[Line]:
    return [line for line in bill.lines if line.type == kind]


def _draw(bill: Bill, lines: list[Line]) -> Line:
    """Draw a line in whose grain nothing is planted yet."""
    free = [line for line in lines if line.grain not in bill.used]
    if not free:
        raise LookupError
    line = bill.rng.choice(sorted(free, key=lambda line: line.id))
    bill.used.add(line.grain)
    return line


def _hour(bill: Bill, line: Line, kind: str) -> list[Line]:
    return [one for one in _of(bill, kind) if (one.grain, one.start) == (line.grain, line.start)]


def _short(bill: Bill) -> None:
    line = _draw(bill, _of(bill, NEGATED))
    off = rounded(-line.cost * Decimal("0.3"))
    line.cost += off
    bill.plant("negation too small", ("commitment",), [line], off, _hour(bill, line, COVERED))


def _missing(bill: Bill) -> None:
    line = _draw(bill, _of(bill, NEGATED))
    bill.drop([line])
    covered = _hour(bill, line, COVERED)
    bill.plant("negation missing", ("commitment",), covered, -line.cost, after_discounts=False)


def _twice(bill: Bill) -> None:
    line = _draw(bill, _of(bill, NEGATED))
    copy = line.copy(id=token(bill.rng))
    bill.lines.append(copy)
    allowed = [*_hour(bill, line, COVERED), line]
    bill.plant("negation twice", ("commitment", "duplicate"), [copy], copy.cost, allowed)


def _no_product(bill: Bill) -> None:
    line = _draw(bill, [one for one in _of(bill, COVERED) if one.cost > CENT * 5])
    off = Decimal("1.37")
    line.cost += off
    allowed = _hour(bill, line, NEGATED)
    bill.plant("covered cost of no product", ("arithmetic", "commitment"), [line], off, allowed)


def _fee(bill: Bill) -> None:
    line = bill.rng.choice(_of(bill, "SavingsPlanRecurringFee"))
    if bill.seed % 2:
        off = Decimal("2.5")
        line.cost += off
        bill.plant("fee above the commitment", ("commitment",), [line], off)
        return
    copy = line.copy(id=token(bill.rng))
    bill.lines.append(copy)
    bill.plant("fee twice", ("commitment", "duplicate"), [copy], copy.cost, [line])


def _unknown_plan(bill: Bill) -> None:
    line = bill.rng.choice(_of(bill, "SavingsPlanRecurringFee"))
    name = "-".join(token(bill.rng, length) for length in (8, 4, 12))
    cost = Decimal("3.25")
    other = line.copy(
        id=token(bill.rng), account=bill.accounts[1], cost=cost, plan_total=cost,
        plan_used=Decimal(0), plan=f"arn:aws:savingsplans::{bill.payer}:savingsplan/{name}",
    )  # fmt: skip
    bill.lines.append(other)
    bill.plant("fee of an unknown plan", ("commitment",), [other], cost)


def _above_on_demand(bill: Bill) -> None:
    drawn = _draw(bill, _of(bill, COVERED))
    lines = [
        one
        for one in _of(bill, COVERED)
        if (one.grain, one.resource) == (drawn.grain, drawn.resource)
    ]
    for line in lines[:4]:
        line.plan_rate = rounded((line.rate or Decimal(0)) * Decimal("1.3"))
        line.plan_cost = rounded((line.quantity or Decimal(0)) * line.plan_rate)
    bill.plant("plan's rate above on demand", ("commitment", "rate"), lines[:4], None)


def _effective(bill: Bill) -> None:
    line = _draw(bill, _of(bill, COVERED))
    line.plan_cost = rounded((line.plan_cost or Decimal(0)) * Decimal("1.5"))
    bill.plant("effective cost of no product", ("commitment", "arithmetic"), [line], None)


def _listed_dearer(bill: Bill) -> None:
    """List covered usage above the rate on demand; its negation cancels it all the same."""
    line = _draw(bill, [one for one in _of(bill, COVERED) if one.cost > CENT])
    covered, (negation,) = _hour(bill, line, COVERED), _hour(bill, line, NEGATED)
    for one in covered:
        negation.cost -= one.bill_at((one.rate or Decimal(0)) * Decimal("1.5"))
        one.public_rate = one.rate
    bill.plant("covered usage listed too dear", ("rate",), covered, Decimal(0), [negation])


def _upfront(bill: Bill) -> None:
    lines = _of(bill, "SavingsPlanUpfrontFee")
    if not lines:
        raise LookupError
    copy = lines[0].copy(id=token(bill.rng))
    bill.lines.append(copy)
    kinds = ("commitment", "duplicate")
    bill.plant("upfront fee twice", kinds, [copy], copy.cost, lines)


def _left_out(bill: Bill) -> None:
    """Leave an hour on demand that the plan covers before and after, and has room for."""
    fees = {line.start: line for line in _of(bill, "SavingsPlanRecurringFee")}
    covered = _of(bill, COVERED)
    # What the plan had no room for would take the place of what is left out.
    waiting = {line.start for line in bill.lines if is_eligible(line)}
    spans: dict[tuple[str, str, str], list[Line]] = {}
    for line in covered:
        spans.setdefault(line.grain, []).append(line)
    inside = [
        line
        for line in covered
        if line.start not in waiting
        and len(_hour(bill, line, COVERED)) == 1
        and min(one.start for one in spans[line.grain]) < line.start
        and line.start < max(one.start for one in spans[line.grain])
        and line.cost > CENT
    ]
    line = _draw(bill, inside)
    bill.drop(_hour(bill, line, NEGATED))
    fee = fees[line.start]
    fee.plan_used = (fee.plan_used or Decimal(0)) - (line.plan_cost or Decimal(0))
    line.type, line.plan, line.plan_rate, line.plan_cost = "Usage", "", None, None
    bill.plant("plan not applied", ("commitment",), [line], line.cost)


def plant_in_plans(bill: Bill) -> None:
    """Break what a savings plan left on the bill."""
    faults = (
        _short, _missing, _twice, _no_product, _fee, _unknown_plan, _above_on_demand, _effective,
        _listed_dearer, _upfront, _left_out,
    )  # fmt: skip
    for fault in faults:
        try:
            fault(bill)
        except LookupError:
            continue
