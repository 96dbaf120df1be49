"""Bills with mistakes: what is on them is usual, but for what is planted and written down."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from . import agreed, agreement, plans, traffic
from .amounts import ANY_SERVICE
from .bill import Bill
from .clean import Prices
from .lines import CENT, token
from .meters import OTHER_CODES
from .planned import plant_in_plans
from .rates import RATES, Fault, left_blank, public_rate
from .throughput import FOCUS_QUANTITIES, QUANTITIES
from .unknown import UNKNOWN, in_focus

Recipe = Callable[[Bill], None]


def plant(bill: Bill, faults: Sequence[Fault], count: int | None = None) -> None:
    """Plant some of the mistakes, or all; where there is no place for one it is left out."""
    chosen = (
        list(faults) if count is None else bill.rng.sample(list(faults), min(count, len(faults)))
    )
    for fault in chosen:
        try:
            fault(bill)
        except LookupError:
            continue


def rates(bill: Bill) -> None:
    """Take one price for another."""
    traffic.typical(bill, rich=2)
    traffic.others(bill)
    plant(bill, RATES, 16)
    traffic.taxed(bill, "8.25")


def quantities(bill: Bill) -> None:
    """Count too much, or twice."""
    traffic.typical(bill, rich=2)
    traffic.others(bill)
    plant(bill, QUANTITIES, 17)


def discounts(bill: Bill) -> None:
    """Leave out, halve, double and turn round discounts and private prices."""
    traffic.typical(bill, rich=2)
    plant(bill, RATES, 4)
    plant(bill, QUANTITIES, 4)
    plant(bill, (agreed.private_ignored, agreed.private_expired))
    percent = bill.rng.choice(["10", "6.5", "14"])
    traffic.discounted(bill, percent)
    agreed.plant_in_discounts(bill)
    bill.contract["discounts"] = [agreement.discount(percent)]


def savings_plan(bill: Bill) -> None:
    """Break negations, fees and rates of a plan."""
    traffic.sagemaker(bill, rich=2)
    upfront = bill.rng.choice([None, "5000"])
    plan = plans.covered(bill, bill.rng.choice(["9", "6.2", "12"]), upfront)
    bill.contract["plans"] = [plan]
    plant_in_plans(bill)
    plant(bill, RATES[:1])


def unknown(bill: Bill) -> None:
    """Have what nobody has described, credits that raise, and charges for what is free."""
    traffic.typical(bill, rich=2)
    plant(bill, UNKNOWN)
    plant(bill, (agreed.credit_twice, agreed.credit_raises, agreed.refund_raises, public_rate))
    traffic.taxed(bill, "8.25")
    agreed.plant_in_taxes(bill, agreed=False)


def free_tier(bill: Bill) -> None:
    """Leave the free tier out, or grant it twice; tax at another rate than was agreed."""
    traffic.bedrock(bill)
    traffic.jobs(bill)
    agreed.free_tier(bill, bill.rng.choice([0, 100]))
    plant(bill, RATES, 4)
    bill.contract["tax"] = Decimal("8.25")
    traffic.taxed(bill, "8.25")
    agreed.plant_in_taxes(bill, agreed=True)


def all_services(bill: Bill) -> None:
    """Plant in lines of services that nobody prices here."""
    traffic.typical(bill)
    traffic.others(bill)
    bill.options["--services"] = "all"
    ours = {line.grain for line in bill.lines if line.service not in OTHER_CODES}
    bill.used |= ours
    plant(bill, ANY_SERVICE)
    bill.used -= ours
    plant(bill, RATES, 4)


def focus(bill: Bill) -> None:
    """Plant what a FOCUS export can show."""
    traffic.typical(bill, rich=2)
    plant(bill, [one for one in RATES if one is not left_blank], 9)
    plant(bill, FOCUS_QUANTITIES, 9)
    in_focus(bill)


def focus_quantities(bill: Bill) -> None:
    """Count too much, or twice, in a FOCUS export."""
    traffic.typical(bill, rich=2)
    plant(bill, FOCUS_QUANTITIES, 17)


def focus_discounts(bill: Bill) -> None:
    """Take wrong prices and count too much, with a discount that BilledCost has."""
    traffic.typical(bill, rich=2)
    plant(bill, [one for one in RATES if one is not left_blank], 7)
    plant(bill, FOCUS_QUANTITIES, 7)
    percent = bill.rng.choice(["10", "6.5"])
    traffic.discounted_in_cost(bill, percent)
    if bill.rng.random() < 0.5:
        bill.contract["discounts"] = [agreement.discount(percent)]


def focus_plan(bill: Bill) -> None:
    """Bill what a plan has paid for, in a FOCUS export."""
    traffic.sagemaker(bill, rich=2)
    plans.covered(bill, "8")
    in_focus(bill)


def cut_ignored(bill: Bill) -> Prices:
    """Cut a price on the fifteenth day, and let one usage keep the old one."""
    traffic.typical(bill, rich=2)
    names = ("Claude Opus 5.5", "Claude Haiku", "Claude Sonnet 5.5")
    middle = bill.start + timedelta(days=14)
    late = {line.grain for line in bill.lines if line.start >= middle and line.cost > CENT * 5}
    lines = bill.pick(lambda line: line.product.startswith(names) and line.grain in late)
    of, region, first = lines[0].meter, lines[0].region, lines[0]
    if of is None:
        raise LookupError
    price = (of.price_in(region) * Decimal("0.8")).quantize(Decimal("0.0001"))
    wrong, dollars = [], Decimal(0)
    for line in bill.lines:
        if line.meter is of and line.region == region and line.start >= middle:
            if (line.account, line.operation) == (first.account, first.operation):
                wrong.append(line)
                dollars += line.cost - (line.quantity or 0) * price
            else:
                line.bill_at(price)
                bill.used.add(line.grain)
    bill.plant("price cut left out", ("rate",), wrong, dollars)
    plant(bill, QUANTITIES, 5)
    return {(of, region): price}


def late(bill: Bill, earlier: Bill) -> None:
    """Bill the last usage of a month again in the next one."""
    for one in (earlier, bill):
        traffic.typical(one)
    lines = [
        line
        for line in earlier.lines
        if line.cost > CENT * 50 and line.start >= earlier.end - timedelta(days=4) and line.resource
    ]
    line = bill.rng.choice(lines)
    again = line.copy(id=token(bill.rng), period=bill.start)
    bill.lines.append(again)
    kinds = ("duplicate", "quantity", "data")
    bill.plant("usage in two months", kinds, [again], again.cost, [line])
    plant(bill, QUANTITIES, 3)
    for old in earlier.lines:
        old.period, old.stream = earlier.start, old.stream + 10**6
    bill.lines += earlier.lines


CUR: tuple[Recipe, ...] = (
    rates, quantities, discounts, savings_plan, unknown, free_tier, all_services,
)  # fmt: skip
FOCUS: tuple[Recipe, ...] = (focus, focus_plan, focus_quantities, focus_discounts)
