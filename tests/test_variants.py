"""Variants of the pages' worked examples: other regions, models, terms and quantities.

Every figure is worked out by hand from the two pricing pages: the page's price times the quantity.
"""

import tomllib
from decimal import Decimal

import curecon

NONE = None

# usage -> what the pages make of it; NONE where they have no price for it
VARIANTS = """
[[usage]]  # expected: 8
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.1"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: 8
date = 2024-05-01
region = "us-west-2"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.1"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: 8
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.1"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: 8
date = 2024-05-01
region = "eu-central-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.1"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "us-west-2"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "ap-south-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "ap-southeast-2"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "eu-west-3"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 1.25
date = 2024-05-01
region = "eu-central-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Haiku"
capability = "on_demand"
token_type = "output"
tokens = 1000000

[[usage]]  # expected: 15
date = 2024-05-01
region = "us-west-2"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Opus"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: none
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Opus"
capability = "on_demand"
token_type = "input"
tokens = 1000000

[[usage]]  # expected: none
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 3 Sonnet"
capability = "on_demand"
token_type = "input"
tokens = 1000

[[usage]]  # expected: 127968
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.0"
capability = "provisioned_throughput"
commitment = "1 month"
model_units = 2
hours = 744

[[usage]]  # expected: 65472
date = 2024-05-01
region = "eu-central-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.1"
capability = "provisioned_throughput"
commitment = "6 months"
model_units = 2
hours = 744

[[usage]]  # expected: none
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.0"
capability = "provisioned_throughput"
commitment = "none"
model_units = 1
hours = 1

[[usage]]  # expected: 7.5
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Cohere"
model = "Command R+"
capability = "on_demand"
token_type = "output"
tokens = 500000

[[usage]]  # expected: 0.05
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Cohere"
model = "Embed Multilingual"
capability = "on_demand"
token_type = "input"
tokens = 500000

[[usage]]  # expected: 4769.04
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Cohere"
model = "Embed English"
capability = "provisioned_throughput"
commitment = "6 months"
model_units = 1
hours = 744

[[usage]]  # expected: 7.99
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Meta"
model = "Llama 2 Pretrained 70B"
capability = "customization_training"
token_type = "training_token"
tokens = 1000000

[[usage]]  # expected: 5.85
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Meta"
model = "Llama 2 Pretrained 13B"
capability = "customization_storage"
quantity = 3
unit = "Model/month"

[[usage]]  # expected: 0.72
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Stability AI"
model = "SDXL 0.8"
capability = "on_demand"
token_type = "image"
variant = "512x512 premium"
quantity = 20
unit = "image"

[[usage]]  # expected: 1.6
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Stability AI"
model = "SDXL 1.0"
capability = "on_demand"
token_type = "image"
variant = "1024x1024 premium"
quantity = 20
unit = "image"

[[usage]]  # expected: 34357.92
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
provider = "Stability AI"
model = "SDXL 1.0"
capability = "provisioned_throughput"
commitment = "6 months"
model_units = 1
hours = 744

[[usage]]  # expected: 0.1
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
capability = "guardrail"
feature = "sensitive_information"
quantity = 1000
unit = "text unit"

[[usage]]  # expected: 0
date = 2024-05-01
region = "us-east-1"
service = "bedrock"
capability = "guardrail"
feature = "word_filter"
quantity = 1000
unit = "text unit"

[[usage]]  # expected: 21
date = 2024-05-01
region = "eu-west-3"
service = "sagemaker"
capability = "human_task"
quantity = 100
unit = "human task"

[[usage]]  # expected: none
date = 2024-05-01
region = "us-east-1"
service = "sagemaker"
capability = "human_task"
quantity = 0.5
unit = "GB"

[[usage]]  # expected: 8
date = 2024-05-01
region = "us-east-1"
usage_type = "USE1-Claude2.0-input-tokens"
quantity = 1000
unit = "1K tokens"

[[usage]]  # expected: 8
date = 2024-05-01
region = "us-east-1"
usage_type = "USE1-Claude2.0-input-tokens"
quantity = 1
unit = "1M tokens"

[[usage]]  # expected: 8
date = 2024-05-01
region = "us-east-1"
usage_type = "USE1-Claude2.0-input-tokens"
quantity = 1000000
unit = "tokens"

[[usage]]  # expected: 0.922
date = 2024-10-01
region = "us-east-1"
usage_type = "USE1-Processing:ml.m5.4xlarge"
quantity = 1
unit = "Hrs"

[[usage]]  # expected: none
date = 2024-05-01
region = "us-east-1"
usage_type = "USE1-Nonsense"
quantity = 1
unit = "Hrs"
"""


def expected():
    """Read the figures beside the usages."""
    said = [line.partition("expected: ")[2] for line in VARIANTS.splitlines() if "[[" in line]
    return [NONE if one == "none" else Decimal(one) for one in said]


def test_the_pages_price_every_variant(tmp_path):
    path = tmp_path / "usage.toml"
    path.write_text(VARIANTS, "utf-8")
    usages = tomllib.loads(VARIANTS)["usage"]
    found = curecon.price(path).lines
    assert len(usages) >= 30
    for usage, line, figure in zip(usages, found, expected(), strict=True):
        assert line.expected == figure, usage
        assert (line.expected is None) == bool(line.reason), usage
