"""Mistakes in cost and quantity: wrong products, lines too many, more than there can be."""

from datetime import timedelta
from decimal import Decimal

from .bill import Bill
from .lines import CENT, Line, Meter, hours, rounded, token
from .meters import MODELS
from .rates import Fault, is_listed


def _total(lines: list[Line]) -> Decimal:
    return sum((line.cost for line in lines), Decimal(0))


def _dearest(lines: list[Line]) -> Line:
    return max(lines, key=lambda line: line.cost)


def _product(bill: Bill) -> bool:
    line = bill.rng.choice(bill.pick(lambda line: line.rate))
    off = Decimal(bill.rng.choice(["0.01", "0.37", "12.5", "-0.02", "1840.25", "4.4"]))
    line.cost += off
    return bill.plant("cost of no product", ("arithmetic",), [line], off)


def _cents(bill: Bill) -> bool:
    """Round every line of a meter up to a whole cent."""

    def fits(line: Line) -> bool:
        return bool(
            is_listed(line) and line.meter and line.meter.model_id and line.cost < CENT * 50
        )

    lines = [line for line in bill.pick(fits, 6) if line.cost % CENT]
    before = _total(lines)
    for line in lines:
        line.cost += CENT - line.cost % CENT
    return bill.plant("rounded up to cents", ("arithmetic",), lines, _total(lines) - before)


def _forgotten(bill: Bill) -> bool:
    line = _dearest(bill.pick(lambda line: is_listed(line) and line.entity == "AWS", 2))
    if line.cost < CENT:
        raise LookupError
    off, line.cost = -line.cost, Decimal(0)
    return bill.plant("cost forgotten", ("arithmetic",), [line], off)


def _sign(bill: Bill) -> bool:
    line = _dearest(bill.pick(lambda line: line.rate and line.cost > CENT * 5))
    off, line.cost = -2 * line.cost, -line.cost
    return bill.plant("cost of the wrong sign", ("arithmetic", "quantity"), [line], off)


def _copies(bill: Bill, lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """Return some lines that cost something, and copies of them that are on the bill."""
    chosen = [line for line in bill.some(lines) if line.cost > CENT / 2] or [_dearest(lines)]
    copies = [line.copy() for line in chosen]
    bill.lines += copies
    return chosen, copies


def twice(bill: Bill) -> bool:
    chosen, copies = _copies(bill, bill.pick(lambda line: line.cost > CENT))
    return bill.plant("line twice", ("duplicate",), copies, _total(copies), chosen)


def twice_of_resource(bill: Bill) -> bool:
    chosen, copies = _copies(bill, bill.pick(lambda line: line.cost > CENT and line.resource))
    return bill.plant("line twice", ("duplicate",), copies, _total(copies), chosen)


def _new_id(bill: Bill) -> bool:
    chosen, copies = _copies(bill, bill.pick(lambda line: line.cost > CENT and line.resource))
    for line in copies:
        line.id = token(bill.rng)
    return bill.plant("usage again under a new id", ("duplicate",), copies, _total(copies), chosen)


def restated(bill: Bill) -> bool:
    """Leave a line in when it is restated: the same id and interval, more hours or tokens."""
    line = _dearest(bill.pick(lambda line: line.cost > CENT * 5 and line.unit != "Hrs"))
    again = line.copy()
    again.count((line.quantity or Decimal(0)) + 10)
    bill.lines.append(again)
    both = [line, again]
    return bill.plant("restated and left in", ("duplicate",), both, None, both)


def _two_routes(bill: Bill) -> bool:
    """Bill the same tokens by AWS and by the Marketplace."""
    kinds = {
        "Claude4.5Sonnet-input-tokens": "InputTokenCount",
        "Claude4.5Sonnet-output-tokens": "OutputTokenCount",
    }
    lines = bill.pick(lambda line: line.meter and line.meter.name in kinds)
    first = lines[0]
    if first.meter is None:
        raise LookupError
    sold = Meter(
        MODELS, kinds[first.meter.name], "1M tokens", (first.rate or Decimal(0)) * 1000,
        "Claude Sonnet 4.5 (Amazon Bedrock Edition)", code="1x8mzq4v7c2k9t5wn0hrjsbdp",
        model_id=first.meter.model_id,
    )  # fmt: skip
    base = bill.base(sold, first.account, first.region, first.resource)
    base.operation = first.operation
    copies = []
    for line in lines:
        copy = base.copy(id=token(bill.rng), start=line.start, end=line.end)
        copy.count(rounded((line.quantity or Decimal(0)) / 1000))
        copies.append(copy)
    bill.lines += copies
    bill.extra.append((sold, first.region))
    bill.used.add(base.grain)
    return bill.plant(
        "billed on both routes", ("duplicate",), copies, _total(copies), lines,
        after_discounts=True,  # where the route of AWS is taken for the one too many
    )  # fmt: skip


def _two_accounts(bill: Bill) -> bool:
    owned = (":endpoint/", ":provisioned-model/", ":training-job/")
    lines = bill.pick(lambda line: any(one in line.resource for one in owned))
    first = lines[0]
    taken = {line.grain for line in bill.lines} | bill.used
    free = [one for one in bill.accounts if (one, first.region, first.usage_type) not in taken]
    if not free:
        raise LookupError
    chosen = sorted(lines, key=lambda line: -line.cost)[:4]
    copies = [line.copy(id=token(bill.rng), account=free[0]) for line in chosen]
    bill.lines += copies
    bill.used.add(copies[0].grain)
    kinds = ("duplicate", "quantity")
    return bill.plant("billed to two accounts", kinds, copies, _total(copies), chosen)


def _day_beside_hours(bill: Bill) -> bool:
    """Bill the sum of an endpoint's day beside its hours."""
    if bill.daily:
        raise LookupError
    lines = bill.pick(lambda line: ":endpoint/" in line.resource and line.unit == "Hrs", 48)
    day = lines[24].start.replace(hour=0)
    hourly = [line for line in lines if line.start.date() == day.date()
              and line.resource == lines[24].resource]  # fmt: skip
    whole = hourly[0].copy(id=token(bill.rng), start=day, end=day + hours(24))
    whole.count(sum((line.quantity or Decimal(0) for line in hourly), Decimal(0)))
    bill.lines.append(whole)
    return bill.plant(
        "a day beside its hours", ("duplicate", "quantity"), [whole], whole.cost, hourly
    )


def _beyond_clock(bill: Bill) -> bool:
    names = ("Notebk:ml", "Studio:", "MLflow:")
    lines = bill.pick(
        lambda line: line.meter and line.meter.name.startswith(names) and line.unit == "Hrs"
    )
    line, more = bill.rng.choice(lines), Decimal(bill.rng.choice(["0.5", "1", "0.25"]))
    line.count(bill.span + more)
    off = rounded(more * (line.rate or Decimal(0)))
    return bill.plant("hours beyond the clock", ("quantity",), [line], off)


def _in_seconds(bill: Bill) -> bool:
    """Bill the seconds of a notebook as hours."""
    lines = bill.pick(lambda line: line.meter and line.meter.name.startswith("Notebk:ml"))
    line = bill.rng.choice(lines)
    line.count((line.quantity or Decimal(0)) * 3600)
    right = rounded(bill.span * (line.rate or Decimal(0)))
    return bill.plant("seconds as hours", ("quantity",), [line], line.cost - right)


def _two_pieces(bill: Bill) -> bool:
    """Bill an app for two parts of an hour that together are more than one."""
    if bill.daily:
        raise LookupError
    lines = bill.pick(
        lambda line: line.meter and line.meter.name.startswith(("Studio:JupyterLab", "Notebk:ml"))
    )
    line = next((one for one in lines if one.quantity == 1), None)
    if line is None:
        raise LookupError
    piece = line.copy(id=token(bill.rng))
    piece.count(Decimal("0.4"))
    bill.lines.append(piece)
    return bill.plant("an hour in two pieces", ("quantity",), [piece], piece.cost, [line])


def _negative(bill: Bill) -> bool:
    line = _dearest(bill.pick(lambda line: line.cost > CENT * 2))
    back = line.copy(id=token(bill.rng))
    back.count(-rounded((line.quantity or Decimal(0)) * 3))
    bill.lines.append(back)
    return bill.plant("more taken back than billed", ("quantity",), [back], back.cost)


def _old_usage(bill: Bill) -> bool:
    line = _dearest(bill.pick(lambda line: line.cost > CENT * 2))
    back = timedelta(days=40)
    old = line.copy(id=token(bill.rng), start=line.start - back, end=line.end - back)
    bill.lines.append(old)
    return bill.plant("usage of another month", ("quantity", "data", "lifecycle"), [old], None)


def _thousandfold(bill: Bill) -> bool:
    """Charge the price of a million tokens for each thousand."""
    lines = bill.some(bill.pick(lambda line: line.unit == "1K tokens" and line.rate))
    off = Decimal(0)
    for line in lines:
        off += line.bill_at((line.rate or Decimal(0)) * 1000)
        line.public_rate = line.rate
    return bill.plant("price of a million for a thousand", ("unit",), lines, off)


def _thousandth(bill: Bill) -> bool:
    lines = bill.some(
        bill.pick(lambda line: line.entity == "AWS Marketplace" and "oken" in line.usage_type
                  and line.cost > 1)
    )  # fmt: skip
    off = sum((line.bill_at((line.rate or Decimal(0)) / 1000) for line in lines), Decimal(0))
    return bill.plant("price of a thousand for a million", ("unit",), lines, off)


def _part_of_task(bill: Bill) -> bool:
    lines = bill.human_tasks(90, 1)
    mine = {id(line) for line in lines}
    others = {line.grain for line in bill.lines if id(line) not in mine}
    if lines[0].grain in bill.used | others:
        bill.drop(lines)
        raise LookupError
    bill.used.add(lines[0].grain)
    lines[0].count((lines[0].quantity or Decimal(0)) + Decimal("0.5"))
    return bill.plant("part of a human task", ("quantity",), lines[:1], Decimal("0.105"))


def _part_of_text_unit(bill: Bill) -> bool:
    lines = bill.pick(lambda line: "Guardrail-" in line.usage_type and line.rate)
    line = bill.rng.choice(lines)
    line.count((line.quantity or Decimal(0)) + Decimal("400.5"))
    return bill.plant("part of a text unit", ("quantity",), [line], None)


def _stored_twice(bill: Bill) -> bool:
    (line,) = bill.pick(lambda line: line.usage_type.endswith("Customization-Storage"))
    later = timedelta(days=9)
    again = line.copy(id=token(bill.rng), start=line.start + later, end=line.end + later)
    bill.lines.append(again)
    kinds = ("quantity", "duplicate")
    return bill.plant("custom model stored twice", kinds, [again], again.cost, [line])


AMOUNTS: tuple[Fault, ...] = (
    _product, _cents, _forgotten, _sign, twice, _new_id, restated, _two_routes, _two_accounts,
    _day_beside_hours, _beyond_clock, _in_seconds, _two_pieces, _negative, _old_usage,
    _thousandfold, _thousandth, _part_of_task, _part_of_text_unit, _stored_twice,
)  # fmt: skip
ANY_SERVICE: tuple[Fault, ...] = (_product, twice, _new_id, _negative, _product, twice)
