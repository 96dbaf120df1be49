"""Savings plans: AWS covers the largest saving first, until the hour's commitment is used."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from .bill import Bill
from .lines import TEN, Line, hours, rounded, sku, token
from .meters import SAGEMAKER

PLANS = "MachineLearningSavingsPlans"
_ELIGIBLE = tuple(
    f"-{part}"
    for part in (
        "Studio:",
        "Notebk:ml",
        "Processing:",
        "Train:",
        "Host:ml",
        "Tsform:",
        "Studio_DW:",
    )
)


@dataclass
class Plan:
    """A plan of the bill, and what it charges for each usage type."""

    arn: str
    commitment: Decimal
    upfront: str | None
    starts: datetime
    ends: datetime
    rates: dict[str, Decimal] = field(default_factory=dict)


def covered(bill: Bill, commitment: str, upfront: str | None = None) -> Plan:
    """Let a savings plan cover what it can of SageMaker's instances."""
    name = "-".join(token(bill.rng, length) for length in (8, 4, 12))
    arn = f"arn:aws:savingsplans::{bill.payer}:savingsplan/{name}"
    starts, ends = bill.start - timedelta(days=90), bill.end + timedelta(days=90)
    plan = Plan(arn, Decimal(commitment), upfront, starts, ends)
    by_hour: dict[object, list[Line]] = {}
    for line in bill.lines:
        if is_eligible(line):
            by_hour.setdefault(line.start, []).append(line)
            if line.usage_type not in plan.rates:
                share = Decimal(bill.rng.randint(580, 640)) / 1000
                rate = (line.rate or Decimal(0)) * share
                plan.rates[line.usage_type] = rate.quantize(Decimal("0.00001"))
    for hour in range(bill.hours):
        start = bill.start + hours(hour)
        used = _cover_hour(bill, plan, by_hour.get(start, []))
        fee = _fee(bill, plan)
        fee.start, fee.end, fee.plan_used = start, start + hours(1), used
        bill.lines.append(fee)
    if upfront:
        fee = _fee(bill, plan)
        fee.type, fee.bill_type, fee.unit = "SavingsPlanUpfrontFee", "Purchase", "Quantity"
        fee.cost, fee.plan_total, fee.plan_used = Decimal(upfront), None, None
        bill.lines.append(fee)
    bill.drop([line for line in bill.lines if line.type == "Usage" and line.quantity == 0])
    return plan


def is_eligible(line: Line) -> bool:
    """Say whether a plan could still cover a line."""
    if line.code != SAGEMAKER or line.type != "Usage" or line.unit != "Hrs":
        return False
    return any(part in line.usage_type for part in _ELIGIBLE)


def _cover_hour(bill: Bill, plan: Plan, lines: list[Line]) -> Decimal:
    """Cover an hour's usage, and negate what is covered; return what of the commitment is used."""
    left = plan.commitment
    negated: dict[tuple[str, ...], list[Line]] = {}

    def saving(line: Line) -> tuple[Decimal, str, str]:
        return plan.rates[line.usage_type] / (line.rate or 1), line.usage_type, line.resource

    for line in sorted(lines, key=saving):
        rate, wanted = plan.rates[line.usage_type], line.quantity or Decimal(0)
        quantity = min(wanted, rounded(left / rate))
        if rounded(quantity * rate) > left:
            quantity -= TEN
        if quantity <= 0:
            break
        cost = rounded(quantity * rate)
        left -= cost
        part = line.copy(
            id=token(bill.rng), type="SavingsPlanCoveredUsage", plan=plan.arn, plan_rate=rate,
            plan_cost=cost,
        )  # fmt: skip
        part.count(quantity)
        bill.lines.append(part)
        negated.setdefault((*line.grain, line.operation), []).append(part)
        line.count(wanted - quantity)
    for parts in negated.values():
        cost = sum((part.cost for part in parts), Decimal(0))
        quantity = sum((part.quantity or Decimal(0) for part in parts), Decimal(0))
        first = parts[0]
        what = f"SavingsPlanNegation used by AccountId : {first.account} and UsageSku : {first.sku}"
        bill.lines.append(
            first.copy(
                id=token(bill.rng), type="SavingsPlanNegation", resource="", quantity=quantity,
                cost=-cost, plan_cost=Decimal(0), plan_rate=Decimal(0), description=what,
            )
        )  # fmt: skip
    return plan.commitment - left


def _fee(bill: Bill, plan: Plan) -> Line:
    payment = "Partial" if plan.upfront else "No"
    return Line(
        token(bill.rng), bill.start, bill.end, bill.payer, "SavingsPlanRecurringFee", PLANS,
        f"SageMakerSP:1yr{payment}Upfront", "", "us-east-1", quantity=Decimal(1), unit="Hrs",
        cost=rounded(plan.commitment),
        description=f"1 year {payment} Upfront SageMaker Savings Plan",
        product="Savings Plans for AWS Machine Learning", family="SageMakerSavingsPlans",
        service=PLANS, sku=sku("plan"), plan=plan.arn, plan_rate=Decimal(0), plan_cost=Decimal(0),
        plan_total=plan.commitment, plan_used=Decimal(0),
    )  # fmt: skip
