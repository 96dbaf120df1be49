"""The charges that a benchmark bill is made of: usage types and rates in AWS's own spelling.

The rates are those that were published in 2026, which makes sizes and widths real. They are
examples: what curecon is tested with is the price list that is written beside the bill.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

REGIONS = {
    "us-east-1": ("USE1", "US East (N. Virginia)"),
    "us-east-2": ("USE2", "US East (Ohio)"),
    "us-west-2": ("USW2", "US West (Oregon)"),
    "eu-west-1": ("EU", "EU (Ireland)"),
    "ap-northeast-1": ("APN1", "Asia Pacific (Tokyo)"),
}

TEN_DIGITS = 10**10
SECONDS_OF_AN_HOUR = 3600
TOKENS_OF_AN_HOUR = 20_000_000


@dataclass(frozen=True)
class Charge:
    """Everything about a line except who, which resource, when and how much."""

    in_scope: bool
    product_code: str
    product_name: str
    service_code: str
    family: str
    region: str
    usage_type: str
    operation: str
    unit: str
    rate: Decimal
    description: str
    resource: str  # a pattern of the resource id: {region}, {account} and {id} are filled in
    steps: int  # how many of the smallest steps make up one unit
    most: int  # the most steps that an hour can have
    line_type: str = "Usage"
    entity: str = "AWS"
    listed_unit: str = ""  # what the price list calls the unit, where that differs
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def sku(self) -> str:
        """Sixteen characters that look like AWS's and depend on the charge alone."""
        name = f"{self.product_code} {self.product_name} {self.usage_type} {self.operation}"
        return hashlib.sha256(name.encode()).hexdigest()[:16].upper()

    @property
    def on_marketplace(self) -> bool:
        """Whether a Marketplace seller bills it: such lines carry no SKU and no public rate."""
        return self.entity == "AWS Marketplace"

    @property
    def rate_code(self) -> str:
        """SKU, on-demand term and price dimension."""
        return f"{self.sku}.JRTCKXETXF.6YS6EN2CT7"


@dataclass(frozen=True)
class Model:
    """A model with its rates, one for each token dimension, in USD."""

    name: str
    provider: str
    code: str  # how usage types or, on Marketplace, product codes spell the model
    model_id: str
    rates: dict[str, str]


# Billed by AWS in 1K tokens: the dimension is the end of the usage type.
AWS_MODELS = [
    Model(
        "Nova Micro",
        "Amazon",
        "NovaMicro",
        "amazon.nova-micro-v1:0",
        {
            "input-tokens": "0.000035",
            "output-tokens": "0.00014",
            "input-tokens-batch": "0.0000175",
            "output-tokens-batch": "0.00007",
        },
    ),
    Model(
        "Nova Lite",
        "Amazon",
        "NovaLite",
        "amazon.nova-lite-v1:0",
        {
            "input-tokens": "0.00006",
            "output-tokens": "0.00024",
            "input-tokens-batch": "0.00003",
            "output-tokens-batch": "0.00012",
            "cache-read-input-token-count": "0.000015",
        },
    ),
    Model(
        "Nova Pro",
        "Amazon",
        "NovaPro",
        "amazon.nova-pro-v1:0",
        {
            "input-tokens": "0.0008",
            "output-tokens": "0.0032",
            "cache-read-input-token-count": "0.0002",
        },
    ),
    Model(
        "Nova 2 Lite",
        "Amazon",
        "Nova2.0Lite",
        "amazon.nova-2-lite-v1:0",
        {
            "input-tokens": "0.00033",
            "output-tokens": "0.00275",
            "input-tokens-flex": "0.000165",
            "output-tokens-flex": "0.001375",
            "input-tokens-cross-region-global": "0.0003",
            "output-tokens-cross-region-global": "0.0025",
        },
    ),
    Model(
        "Titan Text Embeddings V2",
        "Amazon",
        "TitanEmbeddingV2-Text",
        "amazon.titan-embed-text-v2:0",
        {"input-tokens": "0.00002"},
    ),
    Model(
        "Qwen3 32B",
        "Qwen",
        "Qwen3-32B",
        "qwen.qwen3-32b-v1:0",
        {
            "input-tokens": "0.00015",
            "output-tokens": "0.0006",
            "input-tokens-flex": "0.000075",
            "output-tokens-flex": "0.0003",
        },
    ),
]
SERVICE_MODELS = [
    Model(
        "Claude Sonnet 4",
        "Anthropic",
        "Claude4Sonnet",
        "anthropic.claude-sonnet-4-v1:0",
        {
            "input-tokens": "0.003",
            "output-tokens": "0.015",
            "cache-read-input-token-count": "0.0003",
            "cache-write-input-token-count": "0.00375",
        },
    ),
    Model(
        "Claude Haiku 4.5",
        "Anthropic",
        "Claude4.5Haiku",
        "anthropic.claude-haiku-4-5-v1:0",
        {
            "input-tokens": "0.0011",
            "output-tokens": "0.0055",
            "cache-read-input-token-count": "0.00011",
            "cache-write-input-token-count": "0.001375",
            "input-tokens-cross-region-global": "0.001",
            "output-tokens-cross-region-global": "0.005",
        },
    ),
]
# Billed through AWS Marketplace in `Units`, which are millions of tokens.
MARKETPLACE_MODELS = [
    Model(
        "Claude Sonnet 4.6",
        "Anthropic",
        "7zgyu5r4uonlsrnaq20qq63eo",
        "anthropic.claude-sonnet-4-6",
        {
            "InputTokenCount": "3.30",
            "OutputTokenCount": "16.50",
            "InputTokenCount_Global": "3.00",
            "OutputTokenCount_Global": "15.00",
            "CacheReadInputTokenCount": "0.33",
            "CacheWriteInputTokenCount": "4.125",
            "CacheReadInputTokenCount_Global": "0.30",
            "CacheWriteInputTokenCount_Global": "3.75",
            "InputTokenCount_Batch": "1.65",
            "OutputTokenCount_Batch": "8.25",
        },
    ),
    Model(
        "Claude Opus 4.1",
        "Anthropic",
        "1k8qd2yz7w5jx0v3nb6mt9cfa",
        "anthropic.claude-opus-4-1-v1:0",
        {"InputTokenCount": "15", "OutputTokenCount": "75"},
    ),
    Model(
        "Claude Opus 5.5",
        "Anthropic",
        "6w3hq0rm8ts1zp5xk7by2ndje",
        "anthropic.claude-opus-5-5",
        {
            "input_tokens_standard": "4.40",
            "output_tokens_standard": "22",
            "input_tokens_global_standard": "4.00",
            "output_tokens_global_standard": "20",
        },
    ),
    Model(
        "Claude Sonnet 5.5",
        "Anthropic",
        "2m9vx4cb6ke8tr1ny7qp0wlzs",
        "anthropic.claude-sonnet-5-5",
        {
            "input_tokens_standard": "2.20",
            "output_tokens_standard": "11",
            "input_tokens_global_standard": "2.00",
            "output_tokens_global_standard": "10",
            "cache_read_tokens_standard": "0.22",
            "cache_write_tokens_standard": "2.75",
        },
    ),
    Model(
        "GPT-6 Astra",
        "OpenAI",
        "8p5zt1gj3uh6wd0ra4sx9qcmk",
        "openai.gpt-6-astra",
        {
            "input_tokens_standard": "11",
            "output_tokens_standard": "55",
            "input_tokens_global_standard": "10",
            "output_tokens_global_standard": "50",
        },
    ),
]
# SageMaker in hours of an instance: component, usage-type prefix, instance type, USD.
INSTANCES = [
    ("Hosting", "Host", "ml.m5.large", "0.115"),
    ("Hosting", "Host", "ml.m5.xlarge", "0.23"),
    ("Hosting", "Host", "ml.g5.2xlarge", "1.515"),
    ("Hosting", "Host", "ml.g6.xlarge", "1.1267"),
    ("Hosting", "Host", "ml.c5.xlarge", "0.204"),
    ("Training", "Train", "ml.m5.large", "0.115"),
    ("Training", "Train", "ml.m5.xlarge", "0.23"),
    ("Training", "Train", "ml.g5.2xlarge", "1.515"),
    ("Training", "Train", "ml.p4d.24xlarge", "25.251"),
    ("Processing", "Processing", "ml.t3.medium", "0.05"),
    ("Processing", "Processing", "ml.m5.xlarge", "0.23"),
    ("Processing", "Processing", "ml.m5.4xlarge", "0.922"),
    ("Notebook", "Notebk", "ml.t3.medium", "0.05"),
    ("Notebook", "Notebk", "ml.m5.xlarge", "0.23"),
    ("BatchTransform", "Tsform", "ml.g4dn.xlarge", "0.7364"),
    ("AsyncInf", "AsyncInf", "ml.g6.xlarge", "1.1267"),
    ("studio-jupyterlab", "Studio:JupyterLab", "ml.m5.4xlarge", "0.922"),
    ("studio-jupyterlab", "Studio:JupyterLab", "ml.g4dn.xlarge", "0.7364"),
]
# Everything else on the bill: code, name, family, usage type, operation, unit, USD, resource.
OTHERS = [
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute Instance", "BoxUsage:m5.large",
     "RunInstances", "Hrs", "0.096", "i-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute Instance", "BoxUsage:c6i.2xlarge",
     "RunInstances", "Hrs", "0.34", "i-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute Instance", "BoxUsage:r6g.xlarge",
     "RunInstances:0002", "Hrs", "0.2016", "i-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Storage", "EBS:VolumeUsage.gp3",
     "CreateVolume-Gp3", "GB-Mo", "0.08", "vol-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "NAT Gateway", "NatGateway-Bytes",
     "NatGateway", "GB", "0.045", "arn:aws:ec2:{region}:{account}:natgateway/nat-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Data Transfer", "DataTransfer-Regional-Bytes",
     "InterZone-In", "GB", "0.01", "i-{id}"),
    ("AmazonS3", "Amazon Simple Storage Service", "API Request", "Requests-Tier1",
     "PutObject", "Requests", "0.000005", "data-lake-{id}"),
    ("AmazonS3", "Amazon Simple Storage Service", "API Request", "Requests-Tier2",
     "GetObject", "Requests", "0.0000004", "data-lake-{id}"),
    ("AmazonS3", "Amazon Simple Storage Service", "Storage", "TimedStorage-ByteHrs",
     "StandardStorage", "GB-Mo", "0.023", "data-lake-{id}"),
    ("AWSLambda", "AWS Lambda", "Serverless", "Lambda-GB-Second", "Invoke", "Lambda-GB-Second",
     "0.0000166667", "arn:aws:lambda:{region}:{account}:function:worker-{id}"),
    ("AWSLambda", "AWS Lambda", "Serverless", "Request", "Invoke", "Requests", "0.0000002",
     "arn:aws:lambda:{region}:{account}:function:worker-{id}"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "Data Payload", "DataProcessing-Bytes",
     "PutLogEvents", "GB", "0.5", "arn:aws:logs:{region}:{account}:log-group:/app/{id}"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "Metric", "CW:MetricMonitorUsage",
     "MetricStorage", "Metrics", "0.3", ""),
    ("AmazonRDS", "Amazon Relational Database Service", "Database Instance",
     "InstanceUsage:db.r6g.large", "CreateDBInstance:0021", "Hrs", "0.225",
     "arn:aws:rds:{region}:{account}:db:orders-{id}"),
    ("AmazonDynamoDB", "Amazon DynamoDB", "Amazon DynamoDB PayPerRequest Throughput",
     "ReadRequestUnits", "PayPerRequestThroughput", "ReadRequestUnits", "0.000000125",
     "arn:aws:dynamodb:{region}:{account}:table/table-{id}"),
    ("AmazonVPC", "Amazon Virtual Private Cloud", "VpcEndpoint", "VpcEndpoint-Hours",
     "VpcEndpoint", "Hrs", "0.01", "arn:aws:ec2:{region}:{account}:vpc-endpoint/vpce-{id}"),
    ("awskms", "AWS Key Management Service", "API Request", "KMS-Requests", "Decrypt",
     "Requests", "0.000003", "arn:aws:kms:{region}:{account}:key/{id}"),
    ("AmazonECR", "Amazon EC2 Container Registry (ECR)", "EC2 Container Registry",
     "TimedStorage-ByteHrs", "EcrPrivateStorage", "GB-Mo", "0.1",
     "arn:aws:ecr:{region}:{account}:repository/app-{id}"),
]  # fmt: skip


def in_scope_charges() -> list[Charge]:
    return [
        charge
        for region in REGIONS
        for charge in (
            *_aws_tokens("AmazonBedrock", "Amazon Bedrock", AWS_MODELS, region),
            *_aws_tokens("AmazonBedrockService", "Amazon Bedrock Service", SERVICE_MODELS, region),
            *_marketplace_tokens(region),
            *_sagemaker(region),
        )
    ]


def other_charges() -> list[Charge]:
    return [charge for region in REGIONS for charge in _others(region)]


def _aws_tokens(code: str, name: str, models: list[Model], region: str) -> Iterator[Charge]:
    prefix, _ = REGIONS[region]
    for model in models:
        for dimension, rate in model.rates.items():
            yield Charge(
                in_scope=True,
                product_code=code,
                product_name=name,
                service_code=code,
                family="Amazon Bedrock",
                region=region,
                usage_type=f"{prefix}-{model.code}-{dimension}",
                operation="InvokeModelInference",
                unit="1K tokens",
                rate=Decimal(rate),
                description=f"${rate} per 1K tokens for {model.code}-{dimension}",
                resource="arn:aws:bedrock:{region}:{account}:application-inference-profile/{id}",
                steps=1000,
                most=TOKENS_OF_AN_HOUR,
                attributes=_model_attributes(model, dimension),
            )


def _marketplace_tokens(region: str) -> Iterator[Charge]:
    prefix, _ = REGIONS[region]
    for model in MARKETPLACE_MODELS:
        for dimension, rate in model.rates.items():
            kind = "Output" if "output" in dimension.lower() else "Input"
            yield Charge(
                in_scope=True,
                product_code=model.code,
                product_name=f"{model.name} (Amazon Bedrock Edition)",
                service_code="",
                family="Amazon Bedrock",
                region=region,
                usage_type=f"{prefix}-MP:{prefix}_{dimension}-Units",
                operation="InvokeModelStreamingInference",
                unit="Units",
                rate=Decimal(rate),
                description=f"AWS Marketplace software usage|{region}|Million {kind} Tokens",
                resource=f"arn:aws:bedrock:{{region}}::foundation-model/{model.model_id}",
                steps=1_000_000,
                most=TOKENS_OF_AN_HOUR,
                entity="AWS Marketplace",
                listed_unit="1M tokens",
                attributes=_model_attributes(model, dimension),
            )


def _model_attributes(model: Model, dimension: str) -> dict[str, str]:
    kind = "Output tokens" if "output" in dimension.lower() else "Input tokens"
    kind = "Cache read input tokens" if "read" in dimension.lower() else kind
    kind = "Cache write input tokens" if "write" in dimension.lower() else kind
    feature = "Batch Inference" if dimension.lower().endswith("batch") else "On-demand Inference"
    return {
        "provider": model.provider,
        "model": model.name,
        "inference_type": kind,
        "feature": feature,
    }


def _sagemaker(region: str) -> Iterator[Charge]:
    prefix, location = REGIONS[region]
    for component, kind, instance, rate in INSTANCES:
        separator = "-" if ":" in kind else ":"
        yield Charge(
            in_scope=True,
            product_code="AmazonSageMaker",
            product_name="Amazon SageMaker",
            service_code="AmazonSageMaker",
            family="ML Instance",
            region=region,
            usage_type=f"{prefix}-{kind}{separator}{instance}",
            operation="RunInstance",
            unit="Hrs",
            rate=Decimal(rate),
            description=f"${rate} per {component} {instance} hour in {location}",
            resource=f"arn:aws:sagemaker:{{region}}:{{account}}:{component.lower()}/job-{{id}}",
            steps=SECONDS_OF_AN_HOUR,
            most=SECONDS_OF_AN_HOUR,
            attributes={"component": component, "instance_name": instance},
        )


def _others(region: str) -> Iterator[Charge]:
    prefix, _ = REGIONS[region]
    for code, name, family, usage_type, operation, unit, rate, resource in OTHERS:
        hours = unit == "Hrs"
        charge = Charge(
            in_scope=False,
            product_code=code,
            product_name=name,
            service_code=code,
            family=family,
            region=region,
            # Outside AI, us-east-1 has no prefix.
            usage_type=usage_type if prefix == "USE1" else f"{prefix}-{usage_type}",
            operation=operation,
            unit=unit,
            rate=Decimal(rate),
            description=f"${rate} per {unit} of {usage_type}",
            resource=resource,
            steps=SECONDS_OF_AN_HOUR if hours else 1000,
            most=SECONDS_OF_AN_HOUR if hours else 1_000_000,
        )
        yield charge
        if usage_type.startswith("BoxUsage"):
            reserved = {"line_type": "DiscountedUsage", "rate": Decimal(0)}
            yield Charge(**{**vars(charge), **reserved})
