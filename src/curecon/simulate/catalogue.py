"""What there is to buy: AWS's own words, and prices that were published in 2026.

Usage types, units, operations, routes and prices are those of public material (the rate cards of
`rates/` name the sources). Two product codes of Marketplace models are AWS's; the other opaque ones
are invented in the same shape, since no source prints them. What regions outside the United States
cost more is invented too: the price list written beside a bill is what it was billed by.
"""

from typing import NamedTuple


class Region(NamedTuple):
    """A region, and how much dearer it is than N. Virginia, in percent."""

    code: str
    prefix: str
    location: str
    utc_offset: int
    bedrock_percent: int
    sagemaker_percent: int


class Model(NamedTuple):
    """A model with the price of each of its token dimensions, in USD."""

    offer: str
    name: str
    provider: str
    code: str
    model_id: str
    unit: str
    prices: dict[str, str]


REGIONS = [
    Region("us-east-1", "USE1", "US East (N. Virginia)", -5, 100, 100),
    Region("us-east-2", "USE2", "US East (Ohio)", -5, 100, 100),
    Region("us-west-2", "USW2", "US West (Oregon)", -8, 100, 100),
    Region("eu-west-1", "EU", "EU (Ireland)", 0, 115, 111),
    Region("ap-northeast-1", "APN1", "Asia Pacific (Tokyo)", 9, 120, 129),
]
NAMES = {
    "AmazonBedrock": "Amazon Bedrock",
    "AmazonBedrockService": "Amazon Bedrock Service",
    "AmazonBedrockAgentCore": "Amazon Bedrock AgentCore",
}
PROFILE = "arn:aws:bedrock:{region}:{account}:application-inference-profile/{id}"
_BEDROCK, _SERVICE, _MARKET = "AmazonBedrock", "AmazonBedrockService", ""

AWS_MODELS = [
    Model(_BEDROCK, "Nova Micro", "Amazon", "NovaMicro", "amazon.nova-micro-v1:0", "1K tokens", {
        "input-tokens": "0.000035", "output-tokens": "0.00014",
        "input-tokens-batch": "0.0000175", "output-tokens-batch": "0.00007",
    }),
    Model(_BEDROCK, "Nova Lite", "Amazon", "NovaLite", "amazon.nova-lite-v1:0", "1K tokens", {
        "input-tokens": "0.00006", "output-tokens": "0.00024",
        "cache-read-input-token-count": "0.000015",
        "input-tokens-batch": "0.00003", "output-tokens-batch": "0.00012",
    }),
    Model(_BEDROCK, "Nova Pro", "Amazon", "NovaPro", "amazon.nova-pro-v1:0", "1K tokens", {
        "input-tokens": "0.0008", "output-tokens": "0.0032",
        "cache-read-input-token-count": "0.0002",
    }),
    Model(_BEDROCK, "Nova 2 Lite", "Amazon", "Nova2.0Lite", "amazon.nova-2-lite-v1:0",
          "1K tokens", {
        "input-tokens": "0.00033", "output-tokens": "0.00275",
        "input-tokens-flex": "0.000165", "output-tokens-flex": "0.001375",
        "input-tokens-priority": "0.0005775", "output-tokens-priority": "0.0048125",
        "input-tokens-cross-region-global": "0.0003",
        "output-tokens-cross-region-global": "0.0025",
    }),
    Model(_BEDROCK, "Titan Text Embeddings V2", "Amazon", "TitanEmbeddingV2-Text",
          "amazon.titan-embed-text-v2:0", "1K tokens", {"input-tokens": "0.00002"}),
    Model(_BEDROCK, "Qwen3 32B", "Qwen", "Qwen3-32B", "qwen.qwen3-32b-v1:0", "1K tokens", {
        "input-tokens": "0.00015", "output-tokens": "0.0006",
        "input-tokens-flex": "0.000075", "output-tokens-flex": "0.0003",
        "input-tokens-batch": "0.000075", "output-tokens-batch": "0.0003",
    }),
    # The one family whose rows are per million within AWS's own offer.
    Model(_BEDROCK, "Grok 4.3", "xAI", "xai.grok-4.3-mantle", "xai.grok-4.3", "1M tokens", {
        "input-tokens-standard": "1.25", "output-tokens-standard": "2.5",
    }),
    Model(_SERVICE, "Claude Sonnet 4", "Anthropic", "Claude4Sonnet",
          "anthropic.claude-sonnet-4-v1:0", "1K tokens", {
        "input-tokens": "0.003", "output-tokens": "0.015",
        "cache-read-input-token-count": "0.0003", "cache-write-input-token-count": "0.00375",
    }),
    Model(_SERVICE, "Claude Haiku 4.5", "Anthropic", "Claude4.5Haiku",
          "anthropic.claude-haiku-4-5-v1:0", "1K tokens", {
        "input-tokens": "0.0011", "output-tokens": "0.0055",
        "cache-read-input-token-count": "0.00011", "cache-write-input-token-count": "0.001375",
        "input-tokens-cross-region-global": "0.001",
        "output-tokens-cross-region-global": "0.005",
    }),
]  # fmt: skip

# Quantities and prices are per million. Real codes: Sonnet 4.6 and 3.5.
MARKETPLACE_MODELS = [
    Model(_MARKET, "Claude Sonnet 4.6", "Anthropic", "7zgyu5r4uonlsrnaq20qq63eo",
          "anthropic.claude-sonnet-4-6", "Units", {
        "InputTokenCount": "3.30", "OutputTokenCount": "16.50",
        "CacheReadInputTokenCount": "0.33", "CacheWriteInputTokenCount": "4.125",
        "CacheWrite1hInputTokenCount": "6.60",
        "InputTokenCount_Global": "3.00", "OutputTokenCount_Global": "15.00",
        "CacheReadInputTokenCount_Global": "0.30", "CacheWriteInputTokenCount_Global": "3.75",
        "InputTokenCount_Batch": "1.65", "OutputTokenCount_Batch": "8.25",
    }),
    Model(_MARKET, "Claude 3.5 Sonnet", "Anthropic", "4a524th30q694o538qndh9ucht",
          "anthropic.claude-3-5-sonnet-20240620-v1:0", "Units",
          {"InputTokenCount": "6", "OutputTokenCount": "30"}),
    Model(_MARKET, "Claude Opus 4.1", "Anthropic", "1k8qd2yz7w5jx0v3nb6mt9cfa",
          "anthropic.claude-opus-4-1-v1:0", "Units",
          {"InputTokenCount": "15", "OutputTokenCount": "75"}),
    Model(_MARKET, "Claude Opus 5.5", "Anthropic", "6w3hq0rm8ts1zp5xk7by2ndje",
          "anthropic.claude-opus-5-5", "Units", {
        "input_tokens_standard": "4.40", "output_tokens_standard": "22",
        "input_tokens_global_standard": "4.00", "output_tokens_global_standard": "20",
    }),
    Model(_MARKET, "Claude Sonnet 5.5", "Anthropic", "2m9vx4cb6ke8tr1ny7qp0wlzs",
          "anthropic.claude-sonnet-5-5", "Units", {
        "input_tokens_standard": "2.20", "output_tokens_standard": "11",
        "cache_read_tokens_standard": "0.22", "cache_write_tokens_standard": "2.75",
    }),
    Model(_MARKET, "GPT-6 Astra", "OpenAI", "8p5zt1gj3uh6wd0ra4sx9qcmk",
          "openai.gpt-6-astra", "Units", {
        "input_tokens_standard": "11", "output_tokens_standard": "55",
        "input_tokens_global_standard": "10", "output_tokens_global_standard": "50",
    }),
]  # fmt: skip

_GUARDRAIL = "arn:aws:bedrock:{region}:{account}:guardrail/{id}"
_UNITS = "arn:aws:bedrock:{region}:{account}:provisioned-model/{id}"
# Product code, usage type, operation, unit, USD, pattern, size, resource.
BEDROCK_OTHERS = [
    (_BEDROCK, "Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", "", "hour", "60.50",
     "units", 1, _UNITS),
    (_BEDROCK, "Nova2.0Lite-ProvisionedThroughput-1month-ModelUnits", "", "hour", "55.00",
     "units", 2, _UNITS),
    (_BEDROCK, "Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits", "", "hour", "24.00",
     "units", 1, _UNITS),
    (_BEDROCK, "Nova2.0Lite-Customization-Training", "", "1K tokens", "0.00378", "once",
     40_000_000, "arn:aws:bedrock:{region}:{account}:custom-model/amazon.nova-2-lite-v1:0/{id}"),
    (_BEDROCK, "Nova2.0Lite-Customization-Storage", "", "Model/month", "1.95", "once", 1,
     "arn:aws:bedrock:{region}:{account}:custom-model/amazon.nova-2-lite-v1:0/{id}"),
    (_BEDROCK, "OSS-CustomModelImport-Inference-v1:0", "", "Custom Model Unit per Min", "0.05718",
     "minutes", 2, "arn:aws:bedrock:{region}:{account}:imported-model/{id}"),
    (_BEDROCK, "Guardrail-ContentPolicyUnitsConsumed", "ApplyGuardrail", "TextUnit", "0.00015",
     "count", 3000, _GUARDRAIL),
    (_BEDROCK, "Guardrail-TopicPolicyUnitsConsumed", "ApplyGuardrail", "TextUnit", "0.00015",
     "count", 3000, _GUARDRAIL),
    (_BEDROCK, "Guardrail-WordPolicyUnitsConsumed", "ApplyGuardrail", "TextUnit", "0",
     "count", 3000, _GUARDRAIL),
    (_BEDROCK, "NovaCanvas-T2I-1024-Standard", "InvokeModelInference", "image", "0.04", "count",
     40, PROFILE),
    (_BEDROCK, "DataAutomation-Custom-PagesProcessed", "", "Pages processed", "0.04", "count",
     60, "arn:aws:bedrock:{region}:{account}:data-automation-project/{id}"),
    (_BEDROCK, "Bedrock-Websearch-Queries", "", "Queries", "0.012", "count", 90, ""),
    ("AmazonBedrockAgentCore", "Runtime:Consumption-based:vCPU", "", "vCPU-hours", "0.0895",
     "fraction", 2000, "arn:aws:bedrock-agentcore:{region}:{account}:runtime/{id}"),
    ("AmazonBedrockAgentCore", "Runtime:Consumption-based:Memory", "", "GB-hours", "0.00945",
     "fraction", 4000, "arn:aws:bedrock-agentcore:{region}:{account}:runtime/{id}"),
]  # fmt: skip

# Component, usage-type prefix, instance, USD an hour, share of it under a savings plan.
INSTANCES = [
    ("Hosting", "Host", "ml.m5.large", "0.115", "0.64"),
    ("Hosting", "Host", "ml.m5.xlarge", "0.23", "0.64"),
    ("Hosting", "Host", "ml.g5.2xlarge", "1.515", "0.61"),
    ("Hosting", "Host", "ml.g6.xlarge", "1.1267", "0.63"),
    ("Training", "Train", "ml.m5.xlarge", "0.23", "0.64"),
    ("Training", "Train", "ml.g5.2xlarge", "1.515", "0.61"),
    ("Training", "Train", "ml.p4d.24xlarge", "25.251", "0.58"),
    ("Processing", "Processing", "ml.t3.medium", "0.05", "0.72"),
    ("Processing", "Processing", "ml.m5.xlarge", "0.23", "0.64"),
    ("Notebook", "Notebk", "ml.t3.medium", "0.05", "0.72"),
    ("Notebook", "Notebk", "ml.m5.xlarge", "0.23", "0.64"),
    ("BatchTransform", "Tsform", "ml.g4dn.xlarge", "0.7364", "0.63"),
    ("AsyncInf", "AsyncInf", "ml.g6.xlarge", "1.1267", ""),
    ("studio-jupyterlab", "Studio:JupyterLab", "ml.m5.4xlarge", "0.922", "0.64"),
    ("studio-jupyterlab", "Studio:JupyterLab", "ml.g4dn.xlarge", "0.7364", "0.63"),
    ("Cluster", "Cluster", "ml.g5.8xlarge", "3.06", ""),
]  # fmt: skip
PATTERNS = {
    "Hosting": "always", "AsyncInf": "always", "Cluster": "always", "Training": "job",
    "Processing": "job", "BatchTransform": "job", "Notebook": "office",
    "studio-jupyterlab": "office",
}  # fmt: skip
_OWN = "arn:aws:sagemaker:{region}:{account}:"
RESOURCES = {
    "Hosting": _OWN + "endpoint/{app}-{id}",
    "AsyncInf": _OWN + "endpoint/{app}-async-{id}",
    "Cluster": _OWN + "cluster/{id}",
    "Training": _OWN + "training-job/{app}-{id}",
    "Processing": _OWN + "processing-job/{app}-{id}",
    "BatchTransform": _OWN + "transform-job/{app}-{id}",
    "Notebook": _OWN + "notebook-instance/{app}-{id}",
    "studio-jupyterlab": _OWN + "app/d-{id}/{app}/jupyterlab/default",
}
# Usage type, operation, unit, USD, pattern, size, resource.
SAGEMAKER_OTHERS = [
    ("Notebk:VolumeUsage.gp2", "", "GB-Mo", "0.14", "storage", 50,
     RESOURCES["Notebook"]),
    ("Studio:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "0.112", "storage", 100,
     _OWN + "space/d-{id}/{app}"),
    ("Host:VolumeUsage.gp2", "", "GB-Mo", "0.14", "storage", 30, RESOURCES["Hosting"]),
    ("Hst:Data-Bytes-In", "Invoke-Endpoint", "GB", "0.016", "fraction", 9000,
     RESOURCES["Hosting"]),
    ("Hst:Data-Bytes-Out", "Invoke-Endpoint", "GB", "0.016", "fraction", 4000,
     RESOURCES["Hosting"]),
    ("ServerlessInf:Mem-3GB", "", "seconds", "0.00006", "count", 1800,
     _OWN + "endpoint/{app}-serverless-{id}"),
    ("Canvas:Session-Hrs", "", "Hrs", "1.9", "office", 1, _OWN + "user-profile/d-{id}/{app}"),
    # The price of a human task is AWS's; no source prints the words that its line has.
    ("HumanEvaluationTask", "", "Tasks", "0.21", "count", 30, ""),
    ("FeatureStore:WriteRequestUnits", "", "WriteRequestUnits", "0.00000125", "count", 40_000,
     _OWN + "feature-group/{app}-{id}"),
]  # fmt: skip

# What an organisation that is new to SageMaker has for nothing in each of its first two months
# (Amazon SageMaker pricing page, free tier): name, usage types, quantity in their unit.
FREE_MONTHS = 2
FREE_TIER = [
    ("notebooks", ("Notebk:ml.t3.medium",), 250),
    ("training", ("Train:ml.m5.xlarge",), 50),
    ("hosting", ("Host:ml.m5.xlarge",), 125),
    ("serverless", ("ServerlessInf:Mem-3GB",), 150_000),
    ("canvas", ("Canvas:Session-Hrs",), 160),
    ("features", ("FeatureStore:WriteRequestUnits",), 10_000_000),
]  # fmt: skip

# Code, name, family, usage type, operation, unit, USD, resource.
OTHERS = [
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute Instance", "BoxUsage:m5.large",
     "RunInstances", "Hrs", "0.096", "i-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Compute Instance", "BoxUsage:c6i.2xlarge",
     "RunInstances", "Hrs", "0.34", "i-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "Storage", "EBS:VolumeUsage.gp3",
     "CreateVolume-Gp3", "GB-Mo", "0.08", "vol-{id}"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "NAT Gateway", "NatGateway-Bytes",
     "NatGateway", "GB", "0.045", "arn:aws:ec2:{region}:{account}:natgateway/nat-{id}"),
    ("AmazonS3", "Amazon Simple Storage Service", "API Request", "Requests-Tier1",
     "PutObject", "Requests", "0.000005", "data-lake-{id}"),
    ("AmazonS3", "Amazon Simple Storage Service", "Storage", "TimedStorage-ByteHrs",
     "StandardStorage", "GB-Mo", "0.023", "data-lake-{id}"),
    ("AWSLambda", "AWS Lambda", "Serverless", "Lambda-GB-Second", "Invoke", "Lambda-GB-Second",
     "0.0000166667", "arn:aws:lambda:{region}:{account}:function:worker-{id}"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "Data Payload", "DataProcessing-Bytes",
     "PutLogEvents", "GB", "0.5", "arn:aws:logs:{region}:{account}:log-group:/app/{id}"),
    ("AmazonRDS", "Amazon Relational Database Service", "Database Instance",
     "InstanceUsage:db.r6g.large", "CreateDBInstance:0021", "Hrs", "0.225",
     "arn:aws:rds:{region}:{account}:db:orders-{id}"),
    ("awskms", "AWS Key Management Service", "API Request", "KMS-Requests", "Decrypt",
     "Requests", "0.000003", "arn:aws:kms:{region}:{account}:key/{id}"),
]  # fmt: skip
