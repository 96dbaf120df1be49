"""What a payer uses in a month, and what AWS adds at its end."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from .bill import Bill
from .lines import CENT, Line, rounded, token
from .meters import METERS, OTHERS, SAGEMAKER, meter

_FAMILIES = (
    "Nova2.0Lite", "Qwen3-32B", "qwen.qwen3", "NovaPro", "Llama3-1", "Claude4.5Sonnet",
    "Claude Sonnet 4.6", "Claude Haiku", "Claude Opus 5.5", "Claude Sonnet 5.5", "GPT-6", "grok",
)  # fmt: skip
_POLICIES = (
    "ContentPolicy", "TopicPolicy", "WordPolicy", "SensitiveInformationPolicyPaid",
    "ContextualGroundingPolicy",
)  # fmt: skip
TAXED = (
    "Usage", "EdpDiscount", "SavingsPlanCoveredUsage", "SavingsPlanNegation",
    "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee", "Fee", "Credit", "Refund",
)  # fmt: skip


def typical(bill: Bill, rich: int = 1) -> None:
    """Use a bit of everything; `rich` is how much of it."""
    bedrock(bill, rich)
    sagemaker(bill, rich)


def bedrock(bill: Bill, rich: int = 1) -> None:
    """Use models, guardrails, images, searches, a custom model and provisioned throughput."""
    for family in _FAMILIES:
        meters = [
            one
            for one in METERS
            if one.model_id and "tokens" in one.unit and family in one.product + one.name
        ]
        for one in bill.rng.sample(meters, min(len(meters), 4 * rich)):
            bill.tokens(one, scale=bill.rng.choice([0.05, 1, 1, 8]))
    for policy in _POLICIES:
        of = meter(f"Guardrail-{policy}UnitsConsumed")
        bill.counts(of, 90000, f"guardrail/{token(bill.rng, 12)}", fewest=10)
    for name, most in (
        ("NovaCanvas-T2I-1024-Standard", 60), ("Bedrock-Websearch-Queries", 300),
        ("search_units", 900), ("DataAutomation-Standard-ImagesProcessed", 900),
    ):  # fmt: skip
        bill.counts(meter(name), most)
    _custom_models(bill)
    units = meter("Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits")
    bill.provisioned(units, bill.rng.choice([1, 2]), first=24 * 3, last=24 * 6)


def _custom_models(bill: Bill) -> None:
    account, region = bill.place()
    arn = f"arn:aws:bedrock:{region}:{account}:"
    tuned = f"{arn}custom-model/amazon.nova-2-lite-v1:0/{token(bill.rng, 12)}"
    base = bill.base(meter("Nova2.0Lite-Customization-Training"), account, region, tuned)
    tokens = Decimal(bill.rng.randint(10**5, 10**6)) / 10
    bill.put(base, bill.at(2, 5), bill.span, tokens)
    base = bill.base(meter("Nova2.0Lite-Customization-Storage"), account, region, tuned)
    bill.put(base, bill.at(2), 24, Decimal(1))
    imported = f"{arn}imported-model/{token(bill.rng, 12)}"
    base = bill.base(meter("Llama-CustomModelImport-Inference-v1:0"), account, region, imported)
    for day in range(3, 12):
        minutes = Decimal(bill.rng.randint(1, 11) * 5)
        bill.put(base, bill.at(day, 9), bill.span, minutes)


def sagemaker(bill: Bill, rich: int = 1) -> None:
    """Use notebooks, apps, jobs, endpoints, volumes, serverless inference and the rest."""
    for component, instance in (
        ("Notebk", "ml.t3.medium"), ("Notebk", "ml.m5.xlarge"),
        ("Studio:JupyterLab", "ml.g4dn.xlarge"), ("Studio:KernelGateway", "ml.c5.xlarge"),
        ("Studio:CodeEditor", "ml.m5.large"), ("Studio_DW:KernelGateway", "ml.m5.4xlarge"),
    ):  # fmt: skip
        for _ in range(rich + 1):
            bill.interactive(component, instance)
    jobs(bill)
    bill.endpoint("ml.m5.xlarge", 2, 0, 24 * 7)
    bill.endpoint("ml.g5.xlarge", 3, 30, 80)
    bill.endpoint("ml.g6.xlarge", 1, 100, 150, component="AsyncInf")
    bill.volume("Studio:VolumeUsage.gp3", 50, "space")
    bill.volume("Notebk:VolumeUsage.gp2", 20, "notebook-instance")
    bill.volume("Host:VolumeUsage.gp2", 30, "endpoint")
    for name, scale in (
        ("Hst:Data-Bytes-In", 0.0005), ("Hst:Data-Bytes-Out", 0.0005),
        ("ServerlessInf:Mem-2GB", 0.05), ("ServerlessInf:Mem-3GB", 0.05),
    ):  # fmt: skip
        bill.tokens(meter(name), resource="", scale=scale)
    bill.counts(meter("FeatureStore:WriteRequestUnits"), 90000, fewest=1000)
    bill.counts(meter("Canvas:Session-Hrs"), 2)
    account, region = place = bill.place()
    server = f"arn:aws:sagemaker:{region}:{account}:mlflow-tracking-server/exp"
    bill.steady(meter("MLflow:TrackingServerCompute-Small"), place, server, 1, first=24, last=96)
    bill.human_tasks(80, 3)


def jobs(bill: Bill) -> None:
    """Run training, processing and transform jobs, none of which has a free tier."""
    for component, instance, kind in (
        ("Train", "ml.g5.2xlarge", "training-job"), ("Train", "ml.p4d.24xlarge", "training-job"),
        ("TrSpt", "ml.g5.xlarge", "training-job"),
        ("Processing", "ml.m5.2xlarge", "processing-job"),
        ("Processing", "ml.t3.medium", "processing-job"),
        ("Tsform", "ml.g4dn.xlarge", "transform-job"),
    ):  # fmt: skip
        bill.jobs(component, instance, kind)
    bill.endpoint("ml.g6.xlarge", 1, 24 * 5, 24 * 9)


def others(bill: Bill, each: int = 10) -> None:
    """Use what is neither Bedrock nor SageMaker."""
    for of in OTHERS:
        for _ in range(each):
            account, region = bill.place()
            arn = f"arn:aws:x:{region}:{account}:{token(bill.rng, 8)}"
            base = bill.base(of, account, region, arn)
            if region == "us-east-1":
                base.usage_type = of.name
            for day in bill.rng.sample(range(bill.days), 10):
                quantity = Decimal(bill.rng.randint(1, 10**6)) / 10**4
                bill.put(base, bill.at(day), bill.span, quantity)


def discounted(bill: Bill, percent: str, *, marketplace: bool = False) -> None:
    """Grant an enterprise discount: a line an account, usage type, operation and day."""
    bill.discount = Decimal(percent) / 100
    days: dict[tuple[object, ...], list[Line]] = {}
    for line in bill.lines:
        if line.type == "Usage" and (marketplace or line.entity == "AWS"):
            day = line.start.replace(hour=0)
            grain = (line.account, line.usage_type, line.operation, line.code, line.product, day)
            days.setdefault(grain, []).append(line)
    for lines in days.values():
        off = rounded(sum((line.cost for line in lines), Decimal(0)) * bill.discount)
        if off == 0:
            continue
        first = lines[0]
        day = first.start.replace(hour=0)
        bill.lines.append(
            first.copy(
                id=token(bill.rng), type="EdpDiscount", start=day, end=day + timedelta(days=1),
                resource="", quantity=None, unit="", rate=None, public_rate=None, cost=-off,
                tags={}, product_map={"product_name": first.product}, stream=-2, term="",
                description=f"Enterprise Discount Program Discount for {first.code}",
            )
        )  # fmt: skip


def discounted_in_cost(bill: Bill, percent: str) -> None:
    """Grant a discount as FOCUS shows it: less is billed, at prices that do not count it in."""
    bill.discount = Decimal(percent) / 100
    for line in bill.lines:
        if line.type == "Usage" and line.entity == "AWS":
            billed = rounded(line.cost * (1 - bill.discount))
            line.focus |= {"BilledCost": billed, "EffectiveCost": billed}


def supported(bill: Bill, fee: str) -> None:
    """Add the fee of AWS Support."""
    name = "AWS Support (Business)"
    bill.lines.append(
        Line(
            token(bill.rng), bill.start, bill.end, bill.payer, "Fee", "AWSSupportBusiness",
            "Dollar", "", "us-east-1", quantity=Decimal(1), unit="Dollar", cost=Decimal(fee),
            description=name, product=name, service="AWSSupportBusiness",
        )
    )  # fmt: skip


def taxed(bill: Bill, percent: str, types: Iterable[str] = TAXED) -> None:
    """Tax what there is: a line an account and product, in whole cents."""
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for line in bill.lines:
        if line.type in types:
            grain = (line.account, line.code, line.product, line.entity)
            sums[grain] = sums.get(grain, Decimal(0)) + line.cost
    for (account, code, product, entity), amount in sums.items():
        tax = (amount * Decimal(percent) / 100).quantize(CENT)
        if tax > 0:
            bill.lines.append(
                Line(
                    token(bill.rng), bill.start, bill.end, account, "Tax", code, "", "", "",
                    quantity=Decimal(1), cost=tax, product=product, entity=entity,
                    description=f"Tax for product code {code} usage type  operation ",
                    tax_type="USSalesTax",
                )
            )  # fmt: skip


def credited(
    bill: Bill, amount: str, what: str, *, usage_type: str = "", kind: str = "Credit",
    code: str = SAGEMAKER, start: timedelta = timedelta(days=1), account: int = 1,
) -> Line:  # fmt: skip
    """Give something back to an account; a negative amount is taken instead."""
    product = "Amazon SageMaker" if code == SAGEMAKER else "Amazon Bedrock"
    begin = bill.start + start
    line = Line(
        token(bill.rng), begin, begin + timedelta(hours=1), bill.accounts[account], kind, code,
        usage_type, "", "us-east-1", cost=-Decimal(amount), description=what, product=product,
        bill_type="Refund" if kind == "Refund" else "Anniversary", service=code,
        quantity=Decimal(0) if kind == "Credit" else None,
    )  # fmt: skip
    bill.lines.append(line)
    return line
