"""What a meter is: everything about a charge except who, which resource, when and how much."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from curecon.simulate import catalogue

TERM, DIMENSION = "JRTCKXETXF", "6YS6EN2CT7"


@dataclass(frozen=True)
class Meter:
    """One meter of one region, in AWS's words.

    `pattern` says how its quantity moves, `steps` how many smallest steps make one unit, `size` how
    much a usual resource uses: steps an hour at the peak, instances, or GB.
    """

    code: str
    name: str
    offer: str
    region: str
    usage_type: str
    unit: str
    price: Decimal
    pattern: str
    size: int
    resource: str
    what: str
    steps: int = 1
    family: str = "Amazon Bedrock"
    operation: str = ""
    listed_operation: str = ""
    listed_unit: str = ""
    entity: str = "AWS"
    attributes: dict[str, str] = field(default_factory=dict)
    plan_share: Decimal | None = None  # of the on-demand price, where a savings plan covers it
    capability: str = ""

    @property
    def is_ai(self) -> bool:
        """Whether it is of Bedrock or SageMaker."""
        return self.offer != ""

    @property
    def marketplace(self) -> bool:
        """Whether a seller on AWS Marketplace bills it: such rows carry no SKU."""
        return self.entity == "AWS Marketplace"

    @property
    def sku(self) -> str:
        """Sixteen characters as AWS's are, which depend on the meter alone."""
        name = f"{self.offer} {self.name} {self.usage_type} {self.listed_operation}"
        digest = hashlib.sha256(name.encode()).digest()
        return "".join("ABCDEFGHJKMNPQRSTUVWXYZ23456789"[byte % 31] for byte in digest[:16])

    @property
    def rate_code(self) -> str:
        """SKU, on-demand term and price dimension."""
        return f"{self.sku}.{TERM}.{DIMENSION}"

    @property
    def plan_rate(self) -> Decimal | None:
        """What an hour costs under the savings plan, in ten decimals."""
        if self.plan_share is None:
            return None
        return (self.price * self.plan_share).quantize(Decimal("0.0000000001"))


def ai_meters() -> list[Meter]:
    """Every Bedrock and SageMaker meter, in a fixed order."""
    return [
        meter
        for region in catalogue.REGIONS
        for meter in (
            *_aws_tokens(region),
            *_marketplace_tokens(region),
            *_bedrock_others(region),
            *_instances(region),
            *_sagemaker_others(region),
        )
    ]


def other_meters() -> list[Meter]:
    """Meters of other services, which a bill is mostly made of."""
    return [
        Meter(
            code=code, name=name, offer="", region=region.code,
            # Outside AI, us-east-1 has no prefix.
            usage_type=usage_type if region.prefix == "USE1" else f"{region.prefix}-{usage_type}",
            operation=operation, unit=unit, price=Decimal(price), pattern="count",
            steps=1 if unit == "Requests" else 1000, size=2000, family=family, resource=resource,
            what=usage_type,
        )
        for region in catalogue.REGIONS
        for code, name, family, usage_type, operation, unit, price, resource in catalogue.OTHERS
    ]  # fmt: skip


def _local(price: str | Decimal, percent: int) -> Decimal:
    """A price where a region is dearer by so many percent, in ten decimals."""
    return (Decimal(price) * percent / 100).quantize(Decimal("0.0000000001"))


def _aws_tokens(region: catalogue.Region) -> Iterator[Meter]:
    for model in catalogue.AWS_MODELS:
        for dimension, price in model.prices.items():
            yield Meter(
                code=model.offer,
                name=catalogue.NAMES[model.offer],
                offer=model.offer,
                region=region.code,
                usage_type=f"{region.prefix}-{model.code}-{dimension}",
                operation="InvokeModelInference",
                unit=model.unit,
                price=_local(price, region.bedrock_percent),
                pattern="tokens",
                steps=1_000_000 if model.unit == "1M tokens" else 1000,
                size=_tokens_of(dimension),
                resource=catalogue.PROFILE,
                what=f"{model.code}-{dimension}",
                attributes=_model_attributes(model, dimension),
                capability=_workload(dimension),
            )


def _marketplace_tokens(region: catalogue.Region) -> Iterator[Meter]:
    for model in catalogue.MARKETPLACE_MODELS:
        for dimension, price in model.prices.items():
            kind = "Output" if "output" in dimension.lower() else "Input"
            words = f"Million {kind} Tokens" + (" Global" if "global" in dimension.lower() else "")
            yield Meter(
                code=model.code,
                name=f"{model.name} (Amazon Bedrock Edition)",
                offer="AmazonBedrockFoundationModels",
                region=region.code,
                usage_type=f"{region.prefix}-MP:{region.prefix}_{dimension}-Units",
                operation="InvokeModelStreamingInference",
                unit="Units",
                listed_unit="1M tokens",
                price=Decimal(price),
                pattern="tokens",
                steps=1_000_000,
                size=_tokens_of(dimension),
                resource=f"arn:aws:bedrock:{{region}}::foundation-model/{model.model_id}",
                what=words,
                entity="AWS Marketplace",
                attributes=_model_attributes(model, dimension),
                capability=_workload(dimension),
            )


def _tokens_of(dimension: str) -> int:
    """Tokens at the peak hour: answers are shorter than questions, caches are read often."""
    low = dimension.lower()
    if "read" in low:
        return 6_000_000
    if "write" in low:
        return 900_000
    return 700_000 if "output" in low else 4_000_000


def _workload(dimension: str) -> str:
    low = dimension.lower()
    tier = next((t for t in ("batch", "flex", "priority") if t in low), "chat")
    return f"{tier} global" if "global" in low else tier


def _model_attributes(model: catalogue.Model, dimension: str) -> dict[str, str]:
    low = dimension.lower()
    kind = "Output tokens" if "output" in low else "Input tokens"
    kind = "Cache read input tokens" if "read" in low else kind
    kind = "Cache write input tokens" if "write" in low else kind
    return {
        "provider": model.provider,
        "model": model.name,
        "inference_type": kind,
        "feature": "Batch Inference" if low.endswith("batch") else "On-demand Inference",
    }


def _bedrock_others(region: catalogue.Region) -> Iterator[Meter]:
    for (
        code,
        usage_type,
        operation,
        unit,
        price,
        pattern,
        size,
        resource,
    ) in catalogue.BEDROCK_OTHERS:
        yield Meter(
            code=code, name=catalogue.NAMES[code], offer=code, region=region.code,
            usage_type=f"{region.prefix}-{usage_type}", operation=operation, unit=unit,
            price=_local(price, region.bedrock_percent), pattern=pattern,
            steps=_steps(pattern, unit), size=size, resource=resource, what=usage_type,
            capability=pattern,
        )  # fmt: skip


def _steps(pattern: str, unit: str) -> int:
    """How many of the smallest steps make one unit: tokens, seconds, or the thing itself."""
    if pattern == "fraction" or unit == "1K tokens":
        return 1000
    return 3600 if unit == "Hrs" else 1


def _instances(region: catalogue.Region) -> Iterator[Meter]:
    for component, kind, instance, price, share in catalogue.INSTANCES:
        yield Meter(
            code="AmazonSageMaker",
            name="Amazon SageMaker",
            offer="AmazonSageMaker",
            region=region.code,
            usage_type=f"{region.prefix}-{kind}{'-' if ':' in kind else ':'}{instance}",
            operation="RunInstance",
            listed_operation="RunInstance",
            unit="Hrs",
            price=_local(price, region.sagemaker_percent),
            pattern=catalogue.PATTERNS[component],
            steps=3600,
            size=1,
            family="ML Instance",
            resource=catalogue.RESOURCES[component],
            what=f"{component} {instance}",
            attributes={"component": component, "instance_name": instance},
            plan_share=Decimal(share) if share else None,
            capability=component,
        )


def _sagemaker_others(region: catalogue.Region) -> Iterator[Meter]:
    for usage_type, operation, unit, price, pattern, size, resource in catalogue.SAGEMAKER_OTHERS:
        yield Meter(
            code="AmazonSageMaker", name="Amazon SageMaker", offer="AmazonSageMaker",
            region=region.code, usage_type=f"{region.prefix}-{usage_type}", operation=operation,
            listed_operation=operation, unit=unit,
            price=_local(price, region.sagemaker_percent), pattern=pattern,
            steps=_steps(pattern, unit), size=size, family="ML Serverless", resource=resource,
            what=usage_type, capability=pattern,
        )  # fmt: skip
