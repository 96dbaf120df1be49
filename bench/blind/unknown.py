"""What nobody has described: a finding has to show it, since no default is right."""

from decimal import Decimal

from .bill import Bill
from .lines import CENT, Line, Meter, token
from .rates import Fault

HONEST = ("data", "unpriced")


def _line_type(bill: Bill) -> bool:
    line = bill.pick(lambda line: line.cost > CENT)[0]
    line.type = "UsageAdjustmentV2"
    return bill.plant("unknown line type", HONEST, [line], None)


def _new(bill: Bill, kind: str, of: Meter, resource: str) -> bool:
    account, region = bill.place()
    service = "bedrock" if "Bedrock" in of.offer else "sagemaker"
    arn = f"arn:aws:{service}:{region}:{account}:{resource}/{token(bill.rng, 8)}"
    line = bill.put(bill.base(of, account, region, arn), bill.at(4), bill.span, Decimal(2))
    return bill.plant(kind, (*HONEST, "free_tier", "rate"), [line], None)


def _product_code(bill: Bill) -> bool:
    product = "Amazon Bedrock Quantum"
    of = Meter("AmazonBedrockQuantum", "Qubit-Hours", "Hrs", Decimal("3.5"), product)
    return _new(bill, "unknown product code", of, "qubit")


def _of_sagemaker(bill: Bill, kind: str, name: str, price: str, resource: str) -> bool:
    of = Meter("AmazonSageMaker", name, "Hrs", Decimal(price), "Amazon SageMaker")
    return _new(bill, kind, of, resource)


def _usage_type(bill: Bill) -> bool:
    return _of_sagemaker(bill, "unknown usage type", "Hologram:ml.z9.huge", "7.5", "hologram")


def _server(bill: Bill) -> bool:
    name = "RStudio:RServer-ml.t3.medium"
    return _of_sagemaker(bill, "free server", name, "0.05", "app/d-abcdefghijkl/x/RStudioServerPro")


def _rule(bill: Bill) -> bool:
    name = "Processing:ml.m5.large-DebuggerBuiltInRule"
    return _of_sagemaker(bill, "free rule", name, "0.115", "processing-job")


def _prefixes(bill: Bill) -> bool:
    """Name two regions in one usage type of the Marketplace."""
    lines = bill.pick(lambda line: "-MP:" in line.usage_type and line.cost > CENT)
    for line in lines:
        head, _, tail = line.usage_type.partition("-MP:")
        other = "APS9" if head != "APS9" else "USE1"
        line.usage_type = f"{head}-MP:{other}_{tail.split('_', 1)[1]}"
    return bill.plant("usage type of two regions", (*HONEST, "rate"), lines, None)


def _unit(bill: Bill) -> bool:
    lines = bill.pick(lambda line: line.unit == "1K tokens" and line.cost > CENT)
    for line in lines:
        line.unit = "Megatokens/2"
    return bill.plant("unknown unit", (*HONEST, "unit"), lines, None)


def _currency(bill: Bill) -> bool:
    line = bill.pick(lambda line: line.cost > CENT)[0]
    line.currency = "XQX"
    return bill.plant("unknown currency", HONEST, [line], None)


def other_service(bill: Bill) -> bool:
    """Put a meter of SageMaker under the product code of Bedrock."""
    lines = bill.pick(lambda line: line.code == "AmazonSageMaker" and line.unit == "Hrs")
    for line in lines:
        line.code = "AmazonBedrock"
    kinds = (*HONEST, "attribution")
    return bill.plant("usage under the other service", kinds, lines, None)


UNKNOWN: tuple[Fault, ...] = (
    _line_type, _product_code, _usage_type, _server, _rule, _prefixes, _unit, _currency,
    other_service,
)  # fmt: skip


def in_focus(bill: Bill) -> None:
    """Break columns of FOCUS that nobody pays, and bill what a commitment has paid."""

    def first(lines: list[Line]) -> Line:
        return max(lines, key=lambda line: line.cost)

    half = Decimal("1.5")
    for name in ("ContractedCost", "EffectiveCost"):
        line = first(bill.pick(lambda line: line.rate and line.cost > CENT * 5))
        line.focus[name] = line.cost * half
        bill.plant(f"{name} of no product", ("data", "arithmetic"), [line], None)
    line = first(bill.pick(lambda line: line.rate and line.public_rate and line.cost > CENT * 5))
    line.focus["ListCost"] = line.cost * half
    kinds = ("rate", "arithmetic", "data")
    bill.plant("ListCost of no product", kinds, [line], None)
    covered = [one for one in bill.lines if one.type == "SavingsPlanCoveredUsage"]
    if covered:
        line = first(covered)
        line.focus["BilledCost"] = line.cost
        bill.plant("covered usage billed", ("commitment",), [line], line.cost)
