"""Clean bills, usual and odd: nothing on them is wrong, and nothing may be told as wrong."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from . import agreed, agreement, plans, throughput, traffic
from .bill import Bill
from .lines import Meter, hours, token
from .meters import BEDROCK, meter

Prices = dict[tuple[Meter, str], Decimal]
Recipe = Callable[[Bill], None]

ODD_TAGS = (
    "=1+1", "a,b;c", 'say "hi"', "línea\nnueva", "<script>alert(1)</script>", "日本語",
    "' OR 1=1 --", "{'x': 1}", "|pipe|", "   ", "x" * 256,
)  # fmt: skip


def plain(bill: Bill) -> None:
    """Use a bit of everything, taxed, with support."""
    traffic.typical(bill)
    traffic.others(bill)
    traffic.taxed(bill, "8.25")
    traffic.supported(bill, "129.40")


def discounted(bill: Bill) -> None:
    """Grant the discount that the contract promises, and tax what is left."""
    traffic.typical(bill)
    traffic.discounted(bill, "10")
    traffic.taxed(bill, "7")
    bill.contract["discounts"] = [agreement.discount("10")]
    bill.contract["tax"] = 7


def discounted_unknown(bill: Bill) -> None:
    """Grant a discount, and have no contract."""
    traffic.typical(bill)
    traffic.discounted(bill, "6")


def discounted_marketplace(bill: Bill) -> None:
    """Grant a discount on the Marketplace too."""
    traffic.typical(bill)
    traffic.discounted(bill, "10", marketplace=True)
    bill.contract["discounts"] = [agreement.discount("10", marketplace=True)]


def net_columns(bill: Bill) -> None:
    """Show the discount in the net columns alone."""
    traffic.typical(bill)
    bill.net = Decimal("0.12")
    bill.contract["discounts"] = [agreement.discount("12")]


def planned(bill: Bill) -> None:
    """Cover SageMaker by a savings plan of the contract."""
    traffic.sagemaker(bill)
    plan = plans.covered(bill, "7.5")
    bill.contract["plans"] = [plan]


def planned_unknown(bill: Bill) -> None:
    """Cover SageMaker by a savings plan with an upfront fee, and have no contract."""
    traffic.typical(bill)
    plans.covered(bill, "9.1", upfront="4000")


def free_tier(bill: Bill) -> None:
    """Use up the free tier of training at a rate of nothing."""
    traffic.bedrock(bill)
    traffic.jobs(bill)
    agreed.free_tier(bill, 50)


def credited(bill: Bill) -> None:
    """Give back promotional credits and a refund, some for usage of the month before."""
    traffic.typical(bill)
    for number in range(3):
        traffic.credited(bill, f"{5 + number}.25", f"AWS promotional credit {number}", code=BEDROCK)
    refund = "Refund for SageMaker training, case 1234567"
    traffic.credited(bill, "41.87", refund, usage_type="USE1-Train:ml.g5.2xlarge", kind="Refund")
    early = timedelta(days=-12)
    traffic.credited(bill, "3.10", "Service credit of last month", start=early)
    traffic.credited(bill, "7.77", "Refund of last month", kind="Refund", start=early)
    traffic.taxed(bill, "8.25")


def as_agreed(bill: Bill) -> None:
    """Keep provisioned throughput as the contract has it, with a discount."""
    traffic.typical(bill)
    throughput.as_agreed(bill)
    traffic.discounted(bill, "10")
    bill.contract["discounts"] = [agreement.discount("10")]


def private(bill: Bill) -> None:
    """Bill a private price."""
    traffic.typical(bill)
    of, region, price = (
        meter("input_tokens_standard", "Claude Opus"),
        bill.regions[0],
        Decimal("3.75"),
    )
    bill.tokens(of, region)
    bill.contract["private"] = [agreement.private(of, region, price, starts=bill.start)]
    for line in bill.lines:
        if line.meter is of and line.region == region:
            line.bill_at(price)


def another_percentage(bill: Bill) -> None:
    """Change the percentage of the discount on the tenth day."""
    traffic.typical(bill)
    traffic.discounted(bill, "8")
    half = bill.start + timedelta(days=9)
    for line in bill.lines:
        if line.type == "EdpDiscount" and line.start < half:
            line.cost = (line.cost / 2).quantize(Decimal("0.0000000001"))
    bill.contract["discounts"] = [
        agreement.discount("4", ends=half),
        agreement.discount("8", starts=half),
    ]


def focus_discounted(bill: Bill) -> None:
    """Grant a discount as FOCUS shows it, and have no contract."""
    traffic.typical(bill)
    traffic.discounted_in_cost(bill, "9")


def focus_agreed(bill: Bill) -> None:
    """Grant a discount as FOCUS shows it, and as the contract promises."""
    traffic.typical(bill)
    traffic.discounted_in_cost(bill, "12.5")
    bill.contract["discounts"] = [agreement.discount("12.5")]


def focus_planned(bill: Bill) -> None:
    """Cover SageMaker by a savings plan, and have no contract."""
    traffic.typical(bill)
    plans.covered(bill, "8")


def corrected(bill: Bill) -> None:
    """Take usage back in full and bill it anew, in the same month."""
    traffic.typical(bill)
    for line in [line for line in bill.lines if line.cost > 1][:6]:
        back, anew = line.copy(id=token(bill.rng)), line.copy(id=token(bill.rng))
        back.count(-(line.quantity or Decimal(0)))
        anew.count((line.quantity or Decimal(0)) / 2)
        for one in (back, anew):
            one.correction, one.description = True, f"Correction: {line.description}"
        bill.lines += [back, anew]


def odd_tags(bill: Bill) -> None:
    """Tag resources with whatever people write into tags."""
    traffic.typical(bill)
    for line in bill.lines:
        if line.type == "Usage" and line.resource:
            line.tags = {"CostCenter": bill.rng.choice(ODD_TAGS), "owner": line.account[-2:]}


def edges(bill: Bill) -> None:
    """Use the first and the last hour of the month, both midnights, and seconds of an hour."""
    traffic.typical(bill)
    of = meter("Processing:ml.m5.4xlarge")
    account, region = bill.place()
    arn = f"arn:aws:sagemaker:{region}:{account}:processing-job/{token(bill.rng, 8)}"
    base = bill.base(of, account, region, arn)
    for hour in (0, 24, 47 if not bill.daily else 48, bill.hours - 1):
        start = bill.start + hours(hour if not bill.daily else hour // 24 * 24)
        bill.put(base, start, bill.span, Decimal(1) / 3600)


def joining(bill: Bill) -> None:
    """Let an account come from another payer in the middle of the month."""
    traffic.typical(bill)
    joins, middle = bill.accounts[1], bill.start + timedelta(days=14)
    bill.drop([line for line in bill.lines if line.account == joins and line.start < middle])


def nothing(bill: Bill) -> None:
    """Have lines of no quantity and of no cost beside the others."""
    traffic.typical(bill)
    for line in [line for line in bill.lines if line.rate][:40:4]:
        none = line.copy(id=token(bill.rng))
        none.count(Decimal(0))
        bill.lines.append(none)


def noisy(bill: Bill) -> None:
    """Write costs as binary floating point does."""
    traffic.typical(bill)
    for line in bill.lines:
        if bill.rng.random() < 0.3:
            line.cost = Decimal(str(float(line.cost) * (1 + 3e-16)))


def all_services(bill: Bill) -> None:
    """Keep every line of the bill."""
    plain(bill)
    bill.options["--services"] = "all"


def cheaper_in_the_middle(bill: Bill) -> Prices:
    """Cut a price on the fifteenth day, and bill so; return what the later price list says."""
    traffic.typical(bill)
    of = meter("input_tokens_standard", "Claude Opus")
    middle, prices = bill.start + timedelta(days=14), {}
    for region in bill.regions:
        bill.tokens(of, region)
        prices[of, region] = (of.price * Decimal("0.8")).quantize(Decimal("0.0001"))
        for line in bill.lines:
            if line.meter is of and line.region == region and line.start >= middle:
                line.bill_at(prices[of, region])
    return prices


ANY_FORMAT: tuple[Recipe, ...] = (
    plain, credited, private, corrected, odd_tags, edges, joining, nothing, noisy, all_services,
)  # fmt: skip
CUR_ONLY: tuple[Recipe, ...] = (
    discounted, discounted_unknown, discounted_marketplace, net_columns, planned, planned_unknown,
    free_tier, as_agreed, another_percentage,
)  # fmt: skip
FOCUS_ONLY: tuple[Recipe, ...] = (focus_discounted, focus_agreed, focus_planned)
