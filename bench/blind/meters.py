"""The meters of the invented bills: usage types and units in AWS's words, prices near its own."""

from collections.abc import Mapping
from decimal import Decimal

from .lines import Meter

BEDROCK = "AmazonBedrock"
SERVICE = "AmazonBedrockService"
MODELS = "AmazonBedrockFoundationModels"
SAGEMAKER = "AmazonSageMaker"
THOUSAND, MILLION = "1K tokens", "1M tokens"
NOVA_2 = "amazon.nova-2-lite-v1:0"


def _bedrock(
    name: str, unit: str, price: str, model_id: str = "", offer: str = BEDROCK, **said: str
) -> Meter:
    product = "Amazon Bedrock Service" if offer == SERVICE else "Amazon Bedrock"
    return Meter(offer, name, unit, Decimal(price), product, said, model_id=model_id)


def _tiers(model: str, stem: str, model_id: str, prices: Mapping[str, str]) -> list[Meter]:
    """Return tokens in their tiers: flex and batch at half, priority at seven quarters."""
    found = []
    for kind, price in prices.items():
        words = f"{kind.capitalize()} tokens"
        for suffix, share in (("", 1), ("-flex", "0.5"), ("-priority", "1.75"), ("-batch", "0.5")):
            tier = suffix.removeprefix("-")
            said = {
                "model": model,
                "feature": "Batch Inference" if tier == "batch" else "On-demand Inference",
                "inferenceType": f"{words} {tier}" if tier in ("flex", "priority") else words,
            }
            tiered = f"{Decimal(price) * Decimal(share):f}"
            found.append(
                _bedrock(f"{stem}-{kind}-tokens{suffix}", THOUSAND, tiered, model_id, **said)
            )
    return found


def _nova() -> list[Meter]:
    """Return Nova and Titan: global routing a tenth below the region's price."""
    found = _tiers(
        "Nova 2.0 Lite", "Nova2.0Lite", NOVA_2, {"input": "0.00033", "output": "0.00275"}
    )
    for kind, price in (("input", "0.0003"), ("output", "0.0025")):
        words, half = f"{kind.capitalize()} tokens", f"{Decimal(price) / 2:f}"
        stem, said = f"Nova2.0Lite-{kind}-tokens", {"model": "Nova 2.0 Lite"}
        demand = {**said, "inferenceType": words, "feature": "On-demand Inference"}
        flex = {**demand, "inferenceType": f"{words} flex"}
        batch = {**demand, "feature": "Batch Inference"}
        tuned = {**demand, "feature": "Model Customization"}
        found += [
            _bedrock(f"{stem}-cross-region-global", THOUSAND, price, NOVA_2, **demand),
            _bedrock(f"{stem}-cross-region-global-batch", THOUSAND, half, NOVA_2, **batch),
            _bedrock(f"{stem}-flex-cross-region-global", THOUSAND, half, NOVA_2, **flex),
            _bedrock(f"{stem}-custom-model", THOUSAND, price, NOVA_2, **tuned),
        ]
    plain = (
        ("Nova2.0Pro-text-input-tokens", "0.001375", "amazon.nova-2-pro-v1:0"),
        ("Nova2.0Pro-text-input-tokens-cross-region-global", "0.00125", "amazon.nova-2-pro-v1:0"),
        ("NovaPro-input-tokens", "0.0008", "amazon.nova-pro-v1:0"),
        ("NovaPro-output-tokens", "0.0032", "amazon.nova-pro-v1:0"),
        ("NovaPro-cache-read-input-token-count", "0.0002", "amazon.nova-pro-v1:0"),
        ("NovaLite-input-tokens", "0.00006", "amazon.nova-lite-v1:0"),
        ("NovaLite-output-tokens", "0.00024", "amazon.nova-lite-v1:0"),
        ("TitanEmbeddingV2-Text-input-tokens", "0.00002", "amazon.titan-embed-text-v2:0"),
        ("Llama3-1-70B-input-tokens", "0.00072", "meta.llama3-1-70b-instruct-v1:0"),
        ("Llama3-1-70B-output-tokens", "0.00072", "meta.llama3-1-70b-instruct-v1:0"),
    )
    found += [_bedrock(name, THOUSAND, price, model) for name, price, model in plain]
    return found


def _open_weights() -> list[Meter]:
    """Return models that have two names for the same tokens, by the endpoint they come through."""
    prices = {"input": "0.00015", "output": "0.0006"}
    found = _tiers("Qwen3 32B", "Qwen3-32B", "qwen.qwen3-32b-v1:0", prices)
    for kind, price in prices.items():
        for tier, share in (
            ("standard", 1),
            ("flex", "0.5"),
            ("priority", "1.75"),
            ("batch", "0.5"),
        ):
            name = f"qwen.qwen3-32b-mantle-{kind}-tokens-{tier}"
            tiered = f"{Decimal(price) * Decimal(share):f}"
            found.append(_bedrock(name, THOUSAND, tiered, "qwen.qwen3-32b", service_tier=tier))
    for kind, price in (("input", "1.25"), ("output", "2.5")):
        name = f"xai.grok-4.3-mantle-{kind}-tokens-standard"
        found.append(
            _bedrock(name, MILLION, price, "xai.grok-4.3", tokenType=f"{kind}_tokens_mantle")
        )
    return found


def _resold() -> list[Meter]:
    """Return Claude as AWS itself sells it, under a product code of its own."""
    found = []
    for words, price, world in (
        ("input-tokens", "0.0033", "0.003"),
        ("output-tokens", "0.0165", "0.015"),
        ("cache-read-input-token-count", "0.00033", "0.0003"),
        ("cache-write-input-token-count", "0.004125", "0.00375"),
    ):
        model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
        said = {"model": "Claude Sonnet 4.5", "provider": "Anthropic"}
        name = f"Claude4.5Sonnet-{words}"
        found.append(_bedrock(name, THOUSAND, price, model, SERVICE, **said))
        wide = f"{name}-cross-region-global"
        found.append(_bedrock(wide, THOUSAND, world, model, SERVICE, **said))
    return found


def _rest_of_bedrock() -> list[Meter]:
    """Return what is no token: model units, customisation, guardrails, images, searches."""
    unit, text = "hour", "TextUnit"
    custom = {"feature": "Provisioned Throughput Inference - Custom - no commit"}
    lite, llama = {"model": "Nova 2.0 Lite"}, {"model": "Llama 3.1 70B"}
    return [
        _bedrock("Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", unit, "60.50", **lite),
        _bedrock("Nova2.0Lite-ProvisionedThroughput-1month-ModelUnits", unit, "55.00", **lite),
        _bedrock("Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits", unit, "24.00", **llama),
        _bedrock(
            "TitanText-Premier-ProvisionedThroughput-Custom-NoCommit-ModelUnits",
            unit, "39.60", **custom,
        ),
        _bedrock("Nova2.0Lite-Customization-Training", THOUSAND, "0.00378", **lite),
        _bedrock("Nova2.0Lite-Customization-Storage", "Model/month", "1.95", **lite),
        _bedrock("Llama-CustomModelImport-Inference-v1:0", "Custom Model Unit per Min", "0.05718"),
        _bedrock("Llama-CustomModelImport-Storage-v1:0", "Model/month", "1.95"),
        _bedrock("Guardrail-ContentPolicyUnitsConsumed", text, "0.00015"),
        _bedrock("Guardrail-TopicPolicyUnitsConsumed", text, "0.00015"),
        _bedrock("Guardrail-ContextualGroundingPolicyUnitsConsumed", text, "0.0001"),
        _bedrock("Guardrail-WordPolicyUnitsConsumed", text, "0"),
        _bedrock("Guardrail-SensitiveInformationPolicyPaidUnitsConsumed", text, "0.0001"),
        _bedrock("NovaCanvas-T2I-1024-Standard", "image", "0.04", "amazon.nova-canvas-v1:0"),
        _bedrock("NovaReel-T2V", "seconds", "0.08", "amazon.nova-reel-v1:0"),
        _bedrock("Bedrock-Websearch-Queries", "Queries", "0.012"),
        _bedrock("DataAutomation-Standard-ImagesProcessed", "Images processed", "0.003"),
    ]  # fmt: skip


def _sold(
    model: str, code: str, model_id: str, rows: list[tuple[str, str]], unit: str
) -> list[Meter]:
    """Return a model of the Marketplace: its usage types name everything but the model."""
    product = f"{model} (Amazon Bedrock Edition)"
    return [
        Meter(MODELS, name, unit, Decimal(price), product, code=code, model_id=model_id)
        for name, price in rows
    ]


def _first_generation(price: str, output: str) -> list[tuple[str, str]]:
    rows = []
    tokens_in, tokens_out = Decimal(price), Decimal(output)
    for suffix, share in (("", Decimal("1.1")), ("_Global", Decimal(1))):
        for name, each in (
            ("InputTokenCount", tokens_in),
            ("OutputTokenCount", tokens_out),
            ("CacheReadInputTokenCount", tokens_in / 10),
            ("CacheWriteInputTokenCount", tokens_in * Decimal("1.25")),
            ("CacheWrite1hInputTokenCount", tokens_in * 2),
            ("InputTokenCount_Batch", tokens_in / 2),
            ("OutputTokenCount_Batch", tokens_out / 2),
        ):
            stem, _, batch = name.partition("_")
            rows.append((stem + suffix + (f"_{batch}" if batch else ""), f"{each * share:f}"))
    return rows


def _second_generation(price: str, output: str) -> list[tuple[str, str]]:
    rows = []
    tokens_in, tokens_out = Decimal(price), Decimal(output)
    for routing, share in (("", Decimal("1.1")), ("global_", Decimal(1))):
        for name, each in (
            ("input_tokens_{}standard", tokens_in),
            ("output_tokens_{}standard", tokens_out),
            ("cache_read_tokens_{}standard", tokens_in / 10),
            ("cache_write_tokens_{}standard", tokens_in * Decimal("1.25")),
            ("cache_write_tokens_1h_{}standard", tokens_in * 2),
            ("input_tokens_{}batch", tokens_in / 2),
        ):
            rows.append((name.format(routing), f"{each * share:f}"))
    return rows


def _marketplace() -> list[Meter]:
    gpt = [
        ("input_tokens_standard", "11"),
        ("output_tokens_standard", "55"),
        ("cache_read_tokens_standard", "1.1"),
        ("cache_write_tokens_30m_standard", "13.75"),
        ("input_tokens_global_standard", "10"),
        ("output_tokens_global_standard", "50"),
        ("input_tokens_long_ctx_standard", "22"),
        ("output_tokens_long_ctx_standard", "82.5"),
    ]
    of = "anthropic.claude-"
    return [
        *_sold("Claude Sonnet 4.6", "7zgyu5r4uonlsrnaq20qq63eo", f"{of}sonnet-4-6",
               _first_generation("3", "15"), MILLION),
        *_sold("Claude Haiku 4.5", "5t2vq8r1m3xk7hfw0p9cnsadj", f"{of}haiku-4-5-20251001-v1:0",
               _first_generation("1", "5"), MILLION),
        *_sold("Claude Opus 5.5", "3qx9n1vd8m2k5rjt7wf0hbczs", f"{of}opus-5-5",
               _second_generation("4", "20"), MILLION),
        *_sold("Claude Sonnet 5.5", "8c1mv6t4z0pqk2nsy9drhw3xf", f"{of}sonnet-5-5",
               _second_generation("2", "10"), MILLION),
        *_sold("OpenAI GPT-6 Astra", "6w4kd2yr0bz8v5ntq1mhx7sgc", "openai.gpt-6-astra", gpt,
               MILLION),
        *_sold("Cohere Rerank 3.5", "9pd3s7kx1w5v0mznq4tfy8hcr", "cohere.rerank-v3-5:0",
               [("search_units", "0.002")], "Search Units"),
    ]  # fmt: skip


_INSTANCES = {
    "ml.t3.medium": "0.05", "ml.m5.large": "0.115", "ml.m5.xlarge": "0.23",
    "ml.m5.2xlarge": "0.461", "ml.m5.4xlarge": "0.922", "ml.c5.xlarge": "0.204",
    "ml.g4dn.xlarge": "0.7364", "ml.g5.xlarge": "1.408", "ml.g5.2xlarge": "1.515",
    "ml.g6.xlarge": "1.1267", "ml.p4d.24xlarge": "25.251",
}  # fmt: skip

# How a usage type names the part of SageMaker, and how the price list does.
_COMPONENTS = {
    "Notebk": "Notebook", "Studio:JupyterLab": "Studio-JupyterLab",
    "Studio:KernelGateway": "Studio-Notebook", "Studio:CodeEditor": "studio-codeeditor",
    "Processing": "Processing", "Train": "Training", "Host": "Hosting", "AsyncInf": "AsyncInf",
    "Tsform": "BatchTransform", "TrSpt": "SpotTraining", "Cluster": "Cluster",
    "Studio_DW:KernelGateway": "Processing_DW",
}  # fmt: skip


def instance_name(component: str, instance: str) -> str:
    """Return the usage type of an instance, without prefix."""
    return f"{component}-{instance}" if ":" in component else f"{component}:{instance}"


def _machines() -> list[Meter]:
    found = []
    for component, listed in _COMPONENTS.items():
        for instance, price in _INSTANCES.items():
            # A spot price that is above the usual one would hide a mistake.
            each = Decimal(price) * Decimal("1.12") if component == "TrSpt" else Decimal(price)
            said = {"instanceName": instance, "platoinstancetype": listed}
            found.append(
                Meter(
                    SAGEMAKER, instance_name(component, instance), "Hrs",
                    each.quantize(Decimal("0.0001")), "Amazon SageMaker", said,
                    operation="RunInstance", regional=True,
                )
            )  # fmt: skip
    return found


def _rest_of_sagemaker() -> list[Meter]:
    rows = (
        ("Notebk:VolumeUsage.gp2", "GB-Mo", "0.14", "CreateVolume-Gp2"),
        ("Studio:VolumeUsage.gp3", "GB-Mo", "0.112", "CreateVolume-Gp3"),
        ("Host:VolumeUsage.gp2", "GB-Mo", "0.14", "CreateVolume-Gp2"),
        ("Hst:Data-Bytes-In", "GB", "0.016", "Invoke-Endpoint"),
        ("Hst:Data-Bytes-Out", "GB", "0.016", "Invoke-Endpoint"),
        ("ServerlessInf:Mem-2GB", "seconds", "0.00004", "Invoke-Endpoint"),
        ("ServerlessInf:Mem-3GB", "seconds", "0.00006", "Invoke-Endpoint"),
        ("FeatureStore:WriteRequestUnits", "WriteRequestUnits", "0.00000125", "PutRecord"),
        ("FeatureStore:ReadRequestUnits", "ReadRequestUnits", "0.00000025", "GetRecord"),
        ("Canvas:Session-Hrs", "Hrs", "1.9", ""),
        ("MLflow:TrackingServerCompute-Small", "Hrs", "0.60", ""),
    )
    return [
        Meter(
            SAGEMAKER, name, unit, Decimal(price), "Amazon SageMaker", operation=operation,
            regional=not name.startswith("Canvas"),
        )
        for name, unit, price, operation in rows
    ]  # fmt: skip


METERS = [
    *_nova(), *_open_weights(), *_resold(), *_rest_of_bedrock(), *_marketplace(), *_machines(),
    *_rest_of_sagemaker(),
]  # fmt: skip

HUMAN_TASK = Meter(
    SAGEMAKER, "HumanEvaluation-Tasks", "Tasks", Decimal("0.21"), "Amazon SageMaker",
    operation="HumanEvaluationTask", listed=False,
)  # fmt: skip

# What the rest of a bill has: kept as totals unless every service is audited.
OTHERS = tuple(
    Meter(code, name, unit, Decimal(price), product, operation=operation, listed=False)
    for code, name, operation, unit, price, product in (
        ("AmazonEC2", "BoxUsage:m5.large", "RunInstances", "Hrs", "0.096",
         "Amazon Elastic Compute Cloud"),
        ("AmazonEC2", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "0.08",
         "Amazon Elastic Compute Cloud"),
        ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "0.023",
         "Amazon Simple Storage Service"),
        ("AmazonS3", "Requests-Tier1", "PutObject", "Requests", "0.000005",
         "Amazon Simple Storage Service"),
        ("AWSLambda", "Lambda-GB-Second", "Invoke", "Lambda-GB-Second", "0.0000166667",
         "AWS Lambda"),
        ("AmazonCloudWatch", "DataProcessing-Bytes", "PutLogEvents", "GB", "0.5",
         "AmazonCloudWatch"),
    )
)  # fmt: skip
OTHER_CODES = frozenset(meter.offer for meter in OTHERS)


def meter(name: str, product: str = "") -> Meter:
    """Find a meter by its usage type without prefix, and the beginning of its product name."""
    return next(one for one in METERS if one.name == name and one.product.startswith(product))
