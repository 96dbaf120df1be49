"""Mistakes against the contract: discounts, private rates, free tier, credits, tax."""

from datetime import datetime, timedelta
from decimal import Decimal

from . import agreement
from .bill import Bill
from .lines import CENT, Line, Meter, hours, rounded, token
from .meters import BEDROCK, SAGEMAKER, meter
from .traffic import credited

Grain = tuple[str, str, str]


def _total(lines: list[Line]) -> Decimal:
    return sum((line.cost for line in lines), Decimal(0))


def _discounts(bill: Bill) -> tuple[list[Line], list[Line]]:
    """Draw the discount lines of one grain in which nothing is planted, and its usage."""
    grains: dict[Grain, list[Line]] = {}
    for line in bill.lines:
        if line.type == "EdpDiscount" and line.grain not in bill.used:
            grains.setdefault(line.grain, []).append(line)
    chosen = [grain for grain, lines in sorted(grains.items()) if -_total(lines) > CENT * 5]
    if not chosen:
        raise LookupError
    grain = bill.rng.choice(chosen)
    bill.used.add(grain)
    usage = [line for line in bill.lines if line.type == "Usage" and line.grain == grain]
    return grains[grain], usage


def _missing(bill: Bill) -> None:
    lines, usage = _discounts(bill)
    bill.drop(lines)
    bill.plant("discount missing", ("discount",), usage, -_total(lines), after_discounts=False)


def _too_small(bill: Bill) -> None:
    lines, usage = _discounts(bill)
    before = _total(lines)
    for line in lines:
        line.cost = rounded(line.cost * Decimal("0.8"))
    off = _total(lines) - before
    bill.plant("discount too small", ("discount",), lines, off, usage, after_discounts=False)


def _raising(bill: Bill) -> None:
    lines, usage = _discounts(bill)
    line = min(lines, key=lambda line: line.cost)
    line.cost = -line.cost
    bill.plant("discount that raises", ("discount",), [line], 2 * line.cost, [*lines, *usage])


def _again(bill: Bill, *, renamed: bool) -> None:
    lines, usage = _discounts(bill)
    line = min(lines, key=lambda line: line.cost)
    copy = line.copy(id=token(bill.rng) if renamed else line.id)
    bill.lines.append(copy)
    kinds, allowed = ("duplicate", "discount"), [*lines, *usage]
    bill.plant("discount twice", kinds, [copy], copy.cost, allowed)


def _excluded(bill: Bill) -> None:
    """Discount a model of the Marketplace, which the contract excludes."""
    grains: dict[Grain, list[Line]] = {}
    for line in bill.lines:
        sold = line.type == "Usage" and line.entity == "AWS Marketplace"
        if sold and line.grain not in bill.used:
            grains.setdefault(line.grain, []).append(line)
    grain = bill.rng.choice([one for one, lines in sorted(grains.items()) if _total(lines) > 1])
    bill.used.add(grain)
    usage, found = grains[grain], []
    for day in sorted({line.start.replace(hour=0) for line in usage}):
        cost = _total([line for line in usage if line.start.replace(hour=0) == day])
        found.append(
            usage[0].copy(
                id=token(bill.rng), type="EdpDiscount", start=day, end=day + timedelta(days=1),
                resource="", quantity=None, unit="", rate=None, public_rate=None, term="",
                cost=-rounded(cost * bill.discount), product_map={"product_name": usage[0].product},
                description=f"Enterprise Discount Program Discount for {usage[0].code}",
            )
        )  # fmt: skip
    bill.lines += found
    bill.plant("discount on what is excluded", ("discount",), found, _total(found), usage)


def _old_percentage(bill: Bill) -> None:
    """Go on granting one usage the percentage of before the contract's tenth day."""
    lines, usage = _discounts(bill)
    half = bill.start + timedelta(days=9)
    later = [line for line in lines if line.start >= half]
    if -_total(later) < CENT * 5:
        raise LookupError
    before = _total(later)
    for line in later:
        line.cost = rounded(line.cost * Decimal("0.5"))
    off = _total(later) - before
    bill.plant("percentage of earlier", ("discount",), later, off, usage)


def plant_in_discounts(bill: Bill) -> None:
    """Break discount lines, after they have been granted."""
    faults = (
        _missing, _too_small, _raising, _excluded, _old_percentage,
        lambda one: _again(one, renamed=False), lambda one: _again(one, renamed=True),
    )  # fmt: skip
    for fault in faults:
        try:
            fault(bill)
        except LookupError:
            continue


def private_ignored(bill: Bill) -> bool:
    """Agree a private rate, and leave it out for one usage."""
    names = ("Claude Opus 5.5", "Claude Haiku")
    lines = bill.pick(lambda line: line.product.startswith(names) and line.cost > CENT * 5)
    of, region, price = _agreed_price(bill, lines, "0.8", starts=bill.start)
    wrong, dollars = [], Decimal(0)
    for line in bill.lines:
        if line.meter is of and line.region == region:
            if line.account == lines[0].account and line.operation == lines[0].operation:
                wrong.append(line)
                dollars += line.cost - rounded((line.quantity or Decimal(0)) * price)
            else:
                line.bill_at(price)
                bill.used.add(line.grain)
    return bill.plant("private rate left out", ("rate", "discount"), wrong, dollars)


def private_expired(bill: Bill) -> bool:
    """Agree a private rate until the twelfth day, and let one usage keep it."""
    names = ("Claude Sonnet 5.5", "Claude Sonnet 4.6")
    lines = bill.pick(lambda line: line.product.startswith(names) and line.cost > CENT * 5, 10)
    stop = bill.start + timedelta(days=12)
    of, region, price = _agreed_price(
        bill, lines, "0.75", starts=bill.start - timedelta(days=365), ends=stop
    )
    wrong, dollars = [], Decimal(0)
    for line in bill.lines:
        if line.meter is of and line.region == region:
            bill.used.add(line.grain)
            kept = (line.account, line.operation) == (lines[0].account, lines[0].operation)
            if line.start < stop:
                line.bill_at(price)
            elif kept:
                wrong.append(line)
                dollars += line.bill_at(price)
    if abs(dollars) < CENT:
        return False
    return bill.plant("private rate after its end", ("rate", "discount"), wrong, dollars)


def _agreed_price(
    bill: Bill, lines: list[Line], share: str, **days: datetime
) -> tuple[Meter, str, Decimal]:
    of, region = lines[0].meter, lines[0].region
    if of is None:
        raise LookupError
    price = ((lines[0].rate or Decimal(0)) * Decimal(share)).quantize(Decimal("0.0001"))
    agreed = agreement.private(of, region, price, **days)
    bill.contract.setdefault("private", []).append(agreed)
    return of, region, price


def free_tier(bill: Bill, free_hours: int) -> None:
    """Train 120 hours of ml.m5.xlarge, of which so many are free; 50 should be."""
    bill.contract["free_tier"] = bill.start
    of = meter("Train:ml.m5.xlarge")
    account, region = bill.account(), bill.regions[0]
    name = f"training-job/free-{token(bill.rng, 5)}"
    base = bill.base(of, account, region, f"arn:aws:sagemaker:{region}:{account}:{name}")
    bill.used.add(base.grain)
    lines = []
    for hour in range(120):
        line = bill.put(base, bill.start + timedelta(days=3) + hours(hour), 1, Decimal(1))
        lines.append(line)
        if hour < free_hours:
            line.bill_at(Decimal(0))
            line.id = token(bill.rng)
            line.description = "$0.00 per Training ml.m5.xlarge hour - first 50 hours free"
    if free_hours != 50:
        dollars = (50 - free_hours) * of.price_in(region)
        kind = "free tier left out" if free_hours == 0 else "free tier twice"
        bill.plant(kind, ("free_tier",), lines, dollars, lines)


def credit_twice(bill: Bill) -> bool:
    line = credited(bill, "33.40", "Promotional credit A", code=BEDROCK)
    copy = line.copy()
    bill.lines.append(copy)
    return bill.plant("credit twice", ("duplicate", "discount"), [copy], copy.cost, [line])


def credit_raises(bill: Bill) -> bool:
    line = credited(bill, "-21.15", "Service credit for an outage", code=SAGEMAKER)
    return bill.plant("credit that raises", ("discount", "data"), [line], None)


def refund_raises(bill: Bill) -> bool:
    line = credited(
        bill, "-9.80", "Refund of training, case 7654321", kind="Refund", code=SAGEMAKER, account=2
    )
    return bill.plant("refund that raises", ("discount", "data"), [line], None)


def plant_in_taxes(bill: Bill, *, agreed: bool) -> None:
    """Tax twice; where a rate is agreed, a fifth too much instead."""
    taxes = [line for line in bill.lines if line.type == "Tax"]
    products = ("Bedrock", "SageMaker")
    ours = [
        line for line in taxes if line.cost > 1 and any(one in line.product for one in products)
    ]
    line = bill.rng.choice(sorted(ours, key=lambda line: line.id))
    if agreed:
        off = (line.cost / 5).quantize(CENT)
        line.cost += off
        bill.plant("tax too high", ("data", "rate"), [line], off, taxes)
    else:
        copy = line.copy()
        bill.lines.append(copy)
        bill.plant("tax twice", ("duplicate", "data"), [copy], copy.cost, [line])
