"""Usage types and product columns become attributes, or stay undecoded with a reason."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curecon import grammar, matching, packaged
from curecon.decode import decode, decode_one
from curecon.errors import RatesInvalid
from curecon.vocabulary import vocabulary

FIXTURE = Path(__file__).parent / "fixtures" / "decoded_usage_types.psv"
SHARED = Path(__file__).parents[2] / "shared" / "data"
ATTRIBUTES = list(vocabulary())
EXAMPLES = [(form, text) for form in grammar.grammar().forms for text in form.examples]


def decoded(**columns: str | None) -> dict[str, str | None]:
    """Decode one key; short names stand for the columns of a charge key."""
    short = {
        "usage_type": "line_item_usage_type",
        "operation": "line_item_operation",
        "description": "line_item_line_item_description",
        "code": "line_item_product_code",
        "region": "product_region_code",
        "model": "product_model",
        "provider": "product_provider",
        "feature": "product_feature",
        "inference_type": "product_inference_type",
        "instance": "product_instance_type",
        "name": "product_name",
        "unit": "pricing_unit",
        "arn_model": "resource_model",
    }
    row = {short.get(name, name): [text] for name, text in columns.items()}
    return decode(pl.DataFrame({"charge_key_id": [1], **row})).row(0, named=True)


def attributes(row: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name in ATTRIBUTES if (text := row[name]) is not None}


def table() -> list[dict[str, str | None]]:
    lines = [line for line in FIXTURE.read_text().splitlines() if line and line[0] != "#"]
    head, *rows = ([cell.strip() or None for cell in line.split("|")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


def rows_of(usage_types: Iterable[str | None]) -> list[dict[str, str | None]]:
    """Decode usage types alone, all at once."""
    keys = pl.DataFrame({"line_item_usage_type": list(usage_types)}).with_row_index("charge_key_id")
    return decode(keys).rows(named=True)


def stems_of(usage_types: Iterable[str | None]) -> pl.Series:
    return pl.Series([row["usage_type_stem"] for row in rows_of(usage_types)])


# --- what public sources print ---


def test_every_quoted_usage_type_means_what_was_worked_out_by_hand() -> None:
    rows = table()
    keys = pl.DataFrame(
        {
            "charge_key_id": range(len(rows)),
            "line_item_usage_type": [row["usage_type"] for row in rows],
            "product_name": [row["product"] for row in rows],
        }
    )
    for row, got in zip(rows, decode(keys).iter_rows(named=True), strict=True):
        expected = {
            name: row[name]
            for name in ("service", "capability", "provider", "model")
            if row[name] is not None
        }
        pairs = (row["other attributes"] or "").split(", ")
        expected |= dict(pair.split("=", 1) for pair in pairs if pair)
        assert attributes(got) == expected, row["usage_type"]
        assert got["region"] == row["region"], row["usage_type"]
        assert got["undecoded_reason"] is None, row["usage_type"]


def test_every_form_has_an_example_in_the_hand_worked_table() -> None:
    """Or else a form could say anything."""
    usage_types = [row["usage_type"] for row in table()]
    stems = stems_of(usage_types)
    for form in grammar.grammar().forms:
        assert form.partial or stems.str.contains(form.whole).any(), form.name


@pytest.mark.parametrize(
    ("usage_type", "grade"),
    [
        ("Studio:JupyterLab-ml.t3.medium", "real"),
        ("Studio:KernelGateway-ml.t3.medium", "real"),
        ("Studio:CodeEditor-ml.t3.medium", "third-party"),
        ("Studio:VolumeUsage.gp3", "real"),
        ("UnifiedStudio:VolumeUsage.gp3", "third-party"),
        ("UnifiedStudio:Notebook-ml.t3.medium", "unconfirmed"),
        ("SageMakerSP:1yrPartialUpfront", "real"),
        ("SageMakerSP:1yrNoUpfront", "third-party"),
        ("SageMakerSP:1yrAllUpfront", "third-party"),
        ("SageMakerSP:3yrPartialUpfront", "third-party"),
    ],
)
def test_a_usage_type_has_the_grade_of_its_own_source(usage_type: str, grade: str) -> None:
    """facts: what AWS printed is real; what others' code alone shows is not."""
    (row,) = rows_of([usage_type])
    assert row["grade"] == grade


def test_an_example_is_decoded_by_its_own_form() -> None:
    for (form, text), row in zip(EXAMPLES, rows_of(text for _, text in EXAMPLES), strict=True):
        assert row["grade"] == form.grade, text
        assert form.fixed.items() <= attributes(row).items(), text
        if "model" in form.groups or not form.wants_model:
            assert row["undecoded_reason"] is None, text
        else:
            assert row["undecoded_reason"] == f"Nothing names the model of {text}."


def test_no_example_is_read_by_two_forms() -> None:
    stems = stems_of(text for _, text in EXAMPLES)
    for form in grammar.grammar().forms:
        if form.partial:
            continue
        reads = stems.str.contains(form.whole)
        for word in form.unless:
            reads &= ~stems.str.contains(word, literal=True)
        for stem, hit, (owner, _) in zip(stems, reads, EXAMPLES, strict=True):
            assert hit == (owner is form), f"{stem} is read by {form.name}"


def test_two_readings_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = """
[[form]]
name = "one"
grade = "unconfirmed"
source = "test"
pattern = 'Thing-[a-z]+'
set = { service = "bedrock", capability = "flow" }

[[form]]
name = "other"
grade = "unconfirmed"
source = "test"
pattern = 'Thing-x.*'
set = { service = "bedrock", capability = "agents" }
"""
    (tmp_path / "double.toml").write_text(text, encoding="utf-8")
    read = grammar.read_grammar(tmp_path)
    monkeypatch.setattr("curecon.decode.usage_types.grammar", lambda: read)
    assert decode_one("USE1-Thing-a")["capability"] == "flow"
    both = decode_one("USE1-Thing-xa")
    assert both["undecoded_reason"] == "The usage type USE1-Thing-xa has two readings."
    assert attributes(both) == {}


# --- near misses ---


@pytest.mark.parametrize(
    "usage_type",
    [
        "USE1-Claude4.6Sonnet-input-tokens-xyz",
        "USE1-Claude4.6Sonnet-input-tokens-batch-flex",
        "USE1-Claude4.6Sonnet-input-tokens-cross-region-global-cross-region-global",
        "USE1-Claude4.6Sonnet",
        "USE1--input-tokens",
        "USE1-xai.grok-4.3-mantle-input-tokens",
        "USE1-Train:m5.large",
        "USE1-Train:ml.m5.large-Training",
        "USE1-TrainX:ml.m5.large",
        "Host:ml.m.xlarge-HostingParent",
        "Canvas:Session-Hrs-Parent",
        "FreeMonitorParent",
        "USE1-Hst:Data-Bytes-Out-Extra",
        "USE1-ServerlessInf:Mem-GB",
        "SageMakerSP:5yrNoUpfront",
        "USW2-MP:USW2_InputTokenCount_Geo_Global-Units",
        "USW2-MP:USW2_input_tokens-Units",
        "USE1-DataTransfer-In-Bytes",
        "USE1-Guardrails-Text-Units",
        # look-alikes, truncated strings, other cases and extra segments, family by family
        "USE1-Guardrail-ContentPolicyUnits",
        "USE1-Guardrail-ContentPolicyUnitsConsumed-Extra",
        "USE1-GuardrailChecks-TopicCheckUnitsConsumed",
        "USE1-NovaLite-INPUT-TOKENS",
        "USE1-NovaLite-input-tokens-batch-batch",
        "USE1-NovaLite-input-tokens-long-context-long-context",
        "USE1-Nova2.0Lite-ProvisionedThroughput-3months-ModelUnits",
        "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit",
        "USE1-Nova2.0Lite-Customization-Evaluation",
        "USE1-OSS-CustomModelImport-Inference",
        "USE1-NovaCanvas-T2I-4096-Standard",
        "USE1-DataAutomation-Video-MinutesProcessed",
        "EU-Claude4.5Sonnet-reserved-2-month-input-tokens-per-minute",
        "USW2-MP:USW2_CacheWrite2hInputTokenCount-Units",
        "USW2-MP:USW2_ProvisionedThroughput_3MonthsCommit_ModelUnits_Usage-Units",
        "USW2-MP:USW2_input_tokens_turbo-Units",
        "USE1-Runtime:Consumption-based:GPU",
        "USE1-Knowledge-Base:Consumption-based:Writes",
        "USE1-Studio:JupyterServer-ml.t3.medium",
        "USE1-Studio:ml.t3.medium",
        "USE1-studio:JupyterLab-ml.t3.medium",
        "USE1-Notebk:ml.t3",
        "USE1-Cluster:ml.g5.8xlarge-Spot",
        "USE1-ProvisionedConcurrency:Duration-2GB",
        "USE1-FeatureStore:InMemoryStorage",
        "USE1-Canvas:Session",
        "USE1-MLflow:TrackingServerCompute-XLarge",
        "USE1-MLflow:TrackingServerStorage",
        "USE1-A2ICustom",
        "SageMakerSP:1yrNoUpfront-Extra",
        "",
    ],
)
def test_a_near_miss_is_not_decoded(usage_type: str) -> None:
    row = decoded(usage_type=usage_type, kind="usage")
    assert row["undecoded_reason"] is not None
    assert attributes(row) == {}
    assert row["grade"] is None


@pytest.mark.parametrize("key", ["xai.grok-4", "xai.grok-4.65", "Claude4.6", "NovaLite2", "Claude"])
def test_an_unknown_model_is_not_the_nearest_known_one(key: str) -> None:
    row = decode_one(f"USE1-{key}-input-tokens")
    assert row["undecoded_reason"] == f"The model {key} is not known."
    assert row["model"] is None
    assert row["provider"] is None
    assert (row["capability"], row["token_type"]) == ("on_demand", "input")


def test_an_unknown_family_of_imported_models_is_not_decoded() -> None:
    row = decode_one("USE1-Falcon-CustomModelImport-Inference-v1:0")
    assert row["undecoded_reason"] == (
        "The part Falcon of the usage type USE1-Falcon-CustomModelImport-Inference-v1:0 "
        "is not known."
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Studio:JupyterLab-ml.t3.medium", "Studio_DW:KernelGateway-ml.t3.medium"),
        ("Studio:KernelGateway-ml.t3.medium", "RStudio:RSessionGateway-ml.t3.medium"),
        ("Train:ml.p4d.24xlarge", "TrainingPlanUpfrontFee:ml.p4d.24xlarge"),
        ("Train:ml.p4d.24xlarge", "TrainWarmPool:ml.p4d.24xlarge"),
        ("Train:ml.p4d.24xlarge", "TrSpt:ml.p4d.24xlarge"),
        ("Host:ml.m5.large", "Host:VolumeUsage.gp2"),
        ("Cluster:ml.g5.8xlarge", "Cluster:ml.g5.8xlarge-Reserved"),
    ],
)
def test_names_that_contain_each_other_are_apart(one: str, other: str) -> None:
    assert attributes(decode_one(one)) != attributes(decode_one(other))


# --- substrings of the dashboards ---


@pytest.mark.parametrize(
    ("usage_type", "capability"),
    [
        ("USE1-InvokeFlow-Something", "flow"),
        ("USE1-BedrockFlows-NodeTransitions", "flow"),
        ("USE1-apo-OptimizePrompt-input", "prompt_optimization"),
        ("USE1-Prompt-Routing-Requests", "prompt_routing"),
        ("USE1-Nova2.0Lite-nova-grounding", "web_search"),
        ("USE1-GenerateSQL-Requests", "knowledge_base"),
        ("USE1-Evaluations-Something", "evaluation"),
        ("USE1-MP:USE1_customization_storage_x-Units", "customization_storage"),
        ("USE1-MP:USE1_CustomizationTokenCount-Units", "customization_training"),
        ("USE1-Thing-rft-training", "customization_training"),
        ("USE1-TrainWarmPool:ml.m5.large", "warm_pool"),
        ("USE1-PartnerApp:comet", "partner_app"),
        ("USE1-TxtClass-Objects", "ground_truth"),
        ("USE1-RStudio:RSession-ml.t3.medium", "rstudio_session"),
        ("USE1-RStudio:RServer-ml.c5.4xlarge", "rstudio_server"),
        ("USE1-TensorBoard:ml.r5.large", "tensorboard"),
    ],
)
def test_a_known_part_gives_the_capability_but_no_price(usage_type: str, capability: str) -> None:
    row = decoded(usage_type=usage_type, kind="usage")
    assert row["capability"] == capability
    assert row["grade"] == "unconfirmed"
    assert row["undecoded_reason"] == f"Only a part of usage types like {usage_type} is known."


# --- regions ---


@pytest.mark.parametrize(
    ("usage_type", "column", "region", "reason"),
    [
        ("USE1-Train:ml.m5.large", None, "us-east-1", None),
        ("EU-Train:ml.m5.large", "eu-west-1", "eu-west-1", None),
        ("APS3-Train:ml.m5.large", None, "ap-south-1", None),
        ("Train:ml.m5.large", None, None, None),
        ("Train:ml.m5.large", "us-east-1", "us-east-1", None),
        ("Train:ml.m5.large", "Any", None, None),
        ("USE1-Train:ml.m5.large", "any", "us-east-1", None),
        (
            "USE1-Train:ml.m5.large",
            "us-west-2",
            None,
            (
                "The usage type USE1-Train:ml.m5.large is of us-east-1, "
                "the region column says us-west-2."
            ),
        ),
        (
            "EUW1-Train:ml.m5.large",
            None,
            None,
            "No region has the prefix EUW1 of the usage type EUW1-Train:ml.m5.large.",
        ),
        (
            "USE1-MP:USW2_InputTokenCount-Units",
            None,
            None,
            "The usage type USE1-MP:USW2_InputTokenCount-Units names two regions.",
        ),
        (
            "USE1-MP:EUW1_InputTokenCount-Units",
            None,
            None,
            "No region has the prefix EUW1 of the usage type USE1-MP:EUW1_InputTokenCount-Units.",
        ),
    ],
)
def test_the_region_is_the_columns_and_the_prefixes(
    usage_type: str, column: str | None, region: str | None, reason: str | None
) -> None:
    row = decoded(usage_type=usage_type, region=column, kind="usage")
    assert (row["region"], row["undecoded_reason"]) == (region, reason)


def test_every_prefix_is_of_one_region() -> None:
    known = grammar.regions()
    keys = pl.DataFrame(
        {
            "charge_key_id": range(known.height),
            "line_item_usage_type": known["usage_type_prefix"] + "-Train:ml.m5.large",
        }
    )
    assert decode(keys)["region"].to_list() == known["region_code"].to_list()
    assert known["region_code"].is_unique().all()


def test_the_stem_has_no_region() -> None:
    assert decode_one("USE1-NovaLite-input-tokens")["usage_type_stem"] == "NovaLite-input-tokens"
    marketplace = decode_one("USW2-MP:USW2_InputTokenCount-Units")
    assert marketplace["usage_type_stem"] == "MP:InputTokenCount-Units"
    assert decode_one("EUW1-NovaLite-input-tokens")["usage_type_stem"] is None


# --- the model ---

MARKETPLACE = "USE1-MP:USE1_OutputTokenCount-Units"


@pytest.mark.parametrize(
    ("columns", "model"),
    [
        ({"model": "Claude Sonnet 4.6", "provider": "Anthropic"}, "Claude Sonnet 4.6"),
        ({"name": "Claude Sonnet 4.6 (Amazon Bedrock Edition)"}, "Claude Sonnet 4.6"),
        ({"arn_model": "anthropic.claude-3-5-sonnet-20240620-v1:0"}, "Claude 3.5 Sonnet"),
        ({"arn_model": "anthropic.claude-3-5-sonnet-20241022-v2:0"}, "Claude 3.5 Sonnet v2"),
        ({"arn_model": "anthropic.claude-v2:1"}, "Claude 2.1"),
        ({"arn_model": "anthropic.claude-v2"}, "Claude 2.0"),
        ({"arn_model": "anthropic.claude-v2:1:18k"}, "Claude 2.1"),
        ({"arn_model": "anthropic.claude-instant-v1:2:100k"}, "Claude Instant"),
        ({"arn_model": "us.anthropic.claude-sonnet-4-6"}, "Claude Sonnet 4.6"),
        ({"arn_model": "anthropic.claude-haiku-4-5-20251001-v1:0"}, "Claude Haiku 4.5"),
        ({"arn_model": "cohere.command-text-v14"}, "Command"),
        ({"arn_model": "meta.llama2-13b-chat-v1"}, "Llama 2 Chat 13B"),
        ({"arn_model": "ai21.j2-mid-v1"}, "Jurassic-2 Mid"),
        ({"arn_model": "amazon.titan-text-express-v1"}, "Titan Text Express"),
        ({"arn_model": "amazon.titan-embed-text-v1"}, "Titan Embeddings"),
        ({"arn_model": "amazon.titan-embed-text-v2:0"}, "Titan Text Embeddings V2"),
        ({"arn_model": "stability.stable-diffusion-xl-v0"}, "SDXL 0.8"),
        ({"arn_model": "stability.stable-diffusion-xl-v1"}, "SDXL 1.0"),
        ({"name": "OpenAI GPT-6 Astra (Amazon Bedrock Edition)"}, "GPT-6 Astra"),
        ({"arn_model": "global.anthropic.claude-sonnet-4-6"}, "Claude Sonnet 4.6"),
        ({"arn_model": "amazon.nova-lite-v1:0:300k"}, "Nova Lite"),
        ({"description": "Output image, SD3.5 Large"}, "SD3.5 Large"),
        (
            {"description": "AWS Marketplace|Claude 3.5 Sonnet (Amazon Bedrock Edition)|Million"},
            "Claude 3.5 Sonnet",
        ),
        (
            {"name": "claude (amazon bedrock edition)", "arn_model": "anthropic.claude-v2"},
            "Claude 2.0",
        ),
    ],
)
def test_a_marketplace_row_has_its_model_from_the_product(
    columns: dict[str, str], model: str
) -> None:
    row = decoded(usage_type=MARKETPLACE, **columns)
    assert row["model"] == model
    assert row["provider"] is not None
    assert row["undecoded_reason"] is None


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, f"Nothing names the model of {MARKETPLACE}."),
        ({"name": "Amazon Bedrock"}, f"Nothing names the model of {MARKETPLACE}."),
        # A name inside a sentence may be a part of another model's; two names are none.
        (
            {"description": "Million tokens of Claude 3.5 Sonnet v9"},
            f"Nothing names the model of {MARKETPLACE}.",
        ),
        (
            {"description": "AWS Marketplace software usage|us-west-2|Million Output Tokens"},
            f"Nothing names the model of {MARKETPLACE}.",
        ),
        (
            {"description": "Claude Opus 5|Claude Opus 5.5"},
            f"Nothing names the model of {MARKETPLACE}.",
        ),
        (
            {"description": "Output image, SD3.5 Large", "arn_model": "stability.sd3-large"},
            (
                "The charge names several models: Stable Diffusion 3 Large (resource_model), "
                "SD3.5 Large (description_model)."
            ),
        ),
        (
            {"name": "Claude Sonnet 99 (Amazon Bedrock Edition)"},
            "The model Claude Sonnet 99 is not known.",
        ),
        ({"arn_model": "anthropic.claude-v2:7"}, "The model anthropic.claude-v2:7 is not known."),
        (
            {"arn_model": "anthropic.claude-3-5-sonnet-20260101-v3:0"},
            "The model anthropic.claude-3-5-sonnet-20260101-v3:0 is not known.",
        ),
        (
            {"model": "Claude Sonnet 99", "arn_model": "anthropic.claude-sonnet-4-6"},
            "The model Claude Sonnet 99 is not known.",
        ),
        (
            {"model": "Claude Sonnet 4.6", "arn_model": "anthropic.claude-opus-4-8"},
            (
                "The charge names several models: Claude Sonnet 4.6 (product_model), "
                "Claude Opus 4.8 (resource_model)."
            ),
        ),
        (
            {"model": "Claude Sonnet 4.6", "provider": "Amazon"},
            "The provider column says Amazon, the model Claude Sonnet 4.6 is of Anthropic.",
        ),
    ],
)
def test_a_model_that_is_open_leaves_the_charge_undecoded(
    columns: dict[str, str], reason: str
) -> None:
    row = decoded(usage_type=MARKETPLACE, **columns)
    assert row["undecoded_reason"] == reason
    assert (row["capability"], row["token_type"]) == ("on_demand", "output")


def test_an_unknown_key_takes_the_model_of_the_structured_source() -> None:
    row = decoded(usage_type="USE1-J2Mid-input-tokens", model="Jurassic-2 Mid")
    assert (row["provider"], row["model"], row["undecoded_reason"]) == (
        "AI21 Labs",
        "Jurassic-2 Mid",
        None,
    )
    row = decoded(usage_type="USE1-J2Mid-input-tokens", arn_model="ai21.j2-mid-v1")
    assert row["model"] == "Jurassic-2 Mid"


def test_what_follows_a_known_key_is_no_part_of_the_model() -> None:
    usage_type = "USE1-NovaSonic-hires-input-tokens"
    row = decoded(usage_type=usage_type, model="Nova Sonic")
    assert row["undecoded_reason"] == (
        f"The part -hires after the model in {usage_type} is not known."
    )
    assert row["model"] is None


def test_the_usage_type_and_the_model_column_must_agree() -> None:
    row = decoded(usage_type="USE1-NovaLite-input-tokens", model="Nova Pro")
    assert row["undecoded_reason"] is not None
    assert row["model"] is None
    assert decoded(usage_type="USE1-NovaLite-input-tokens", model="nova lite")["model"] == (
        "Nova Lite"
    )


def test_no_spelling_stands_for_two_models(tmp_path: Path) -> None:
    text = """
profiles = []
providers = {}
[[model]]
provider = "A"
model = "One"
keys = ["k"]
[[model]]
provider = "B"
model = "Two"
names = ["K"]
"""
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RatesInvalid, match="K stands for One and Two"):
        grammar.read_models(path)


# --- the structured product columns ---


@pytest.mark.parametrize(
    ("usage_type", "columns"),
    [
        ("USE1-NovaLite-input-tokens", {"inference_type": "Output tokens"}),
        ("USE1-NovaLite-input-tokens", {"inference_type": "Cache read input tokens"}),
        ("USE1-NovaLite-input-tokens", {"inference_type": "Input tokens flex"}),
        ("USE1-NovaLite-input-tokens", {"inference_type": "Input tokens long context"}),
        ("USE1-NovaLite-input-tokens", {"feature": "Batch Inference"}),
        ("USE1-NovaLite-input-tokens", {"feature": "Reserved - 1 Month"}),
        (
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits",
            {"feature": "On-demand Inference"},
        ),
        (
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits",
            {"feature": "Provisioned Throughput Inference - Custom - no commit"},
        ),
        ("USE1-Train:ml.m5.large", {"instance": "ml.m5.xlarge-Training"}),
        ("USE1-Llama3-1-70B-input-tokens", {"model": "Llama 3.1 70B Latency Optimized"}),
    ],
)
def test_a_contradiction_leaves_the_charge_undecoded(
    usage_type: str, columns: dict[str, str]
) -> None:
    row = decoded(usage_type=usage_type, **columns)
    assert row["undecoded_reason"] is not None
    assert usage_type in row["undecoded_reason"]
    assert next(iter(columns.values())).split(" Latency")[-1] in row["undecoded_reason"]


@pytest.mark.parametrize(
    ("usage_type", "columns"),
    [
        (
            "USE1-Qwen3-32B-input-tokens-batch",
            {"inference_type": "Input tokens", "feature": "Batch Inference"},
        ),
        (
            "USE1-Nova2.0Lite-output-tokens-cross-region-global-batch",
            {"inference_type": "Output tokens", "feature": "On-demand Inference"},
        ),
        ("USE1-qwen.qwen3-32b-mantle-input-tokens-batch", {"inference_type": "input tokens batch"}),
        (
            "USE1-NovaLite-input-tokens-custom-model",
            {"inference_type": "Input tokens", "feature": "Model Customization"},
        ),
        (
            "USE1-TitanText-Premier-ProvisionedThroughput-Custom-NoCommit-ModelUnits",
            {"feature": "Provisioned Throughput Inference - Custom - no commit"},
        ),
        (
            "USE1-NovaLite-input-tokens",
            {"inference_type": "a text that is new", "feature": "another"},
        ),
        (
            "USE1-Llama3-1-70B-input-tokens-latency-optimized",
            {"model": "Llama 3.1 70B Latency Optimized"},
        ),
        ("USE1-Train:ml.m5.large", {"instance": "ml.m5.large-Training"}),
        ("USE1-Train:ml.m5.large", {"instance": "NA"}),
        (
            "EU-Claude4.5Sonnet-reserved-1-month-input-tokens-per-minute-cross-region-global",
            {"feature": "Reserved - 1 Month"},
        ),
        (
            "Claude4Sonnet-cache-write-input-token-count-1-hour",
            {"inference_type": "Prompt cache write input tokens"},
        ),
    ],
)
def test_columns_that_agree_change_nothing(usage_type: str, columns: dict[str, str]) -> None:
    row = decoded(usage_type=usage_type, **columns)
    assert row["undecoded_reason"] is None
    assert attributes(row) == attributes(decode_one(usage_type))


def test_hours_inside_a_training_plan_are_no_ordinary_hours() -> None:
    row = decoded(
        usage_type="USE1-Train:ml.p5.48xlarge", instance="ml.p5.48xlarge-trainingplaninuse"
    )
    assert row["variant"] == "training plan in use"


@pytest.mark.parametrize(
    ("resource", "resource_type", "model"),
    [
        (
            "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0",
            "foundation-model",
            "anthropic.claude-3-5-sonnet-20240620-v1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-opus-4-6",
            "inference-profile",
            "us.anthropic.claude-opus-4-6",
        ),
        (
            "arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0:300k/a1",
            "custom-model",
            "amazon.nova-lite-v1:0:300k",
        ),
        (
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
            "application-inference-profile",
            None,
        ),
        (
            "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a1b2c3d4e5f6",
            "provisioned-model",
            None,
        ),
        ("arn:aws:bedrock:us-east-1:111122223333:imported-model/x1", "imported-model", None),
        ("arn:aws:sagemaker:us-east-1:111122223333:endpoint/churn", "endpoint", None),
        ("i-0123456789abcdef0", None, None),
        (None, None, None),
    ],
)
def test_a_resource_id_names_the_models_that_aws_offers(
    resource: str | None, resource_type: str | None, model: str | None
) -> None:
    columns = (packaged.folder("sql") / "duckdb" / "resources.sql").read_text("utf-8")
    sql = f"SELECT {columns} FROM (SELECT CAST(? AS VARCHAR) AS line_item_resource_id)"
    assert duckdb.execute(sql, [resource]).fetchone() == (resource_type, model)


# --- values that cost what another value costs ---


def test_what_has_the_price_of_another_value_is_matched_by_it() -> None:
    """Geographic routing and the mantle endpoint are told, and cost what the bare name costs."""
    usage_types = [
        "EU-Claude4.5Sonnet-reserved-3-month-output-tokens-per-minute-cross-region-geo",
        "USE1-qwen.qwen3-32b-mantle-input-tokens-standard",
        "USE1-xai.grok-4.6-mantle-input-tokens-global-standard",
    ]
    frame = pl.DataFrame(rows_of(usage_types))
    assert frame["routing"].to_list() == ["geo", None, "global"]
    assert frame["endpoint"].to_list() == [None, "mantle", "mantle"]
    priced = matching.as_priced(frame)
    assert priced["routing"].to_list() == [None, None, "global"]
    assert priced["endpoint"].to_list() == [None, None, None]


# --- units ---


@pytest.mark.parametrize(
    ("usage_type", "text", "unit", "reason"),
    [
        ("USE1-NovaLite-input-tokens", "1K tokens", "1K tokens", None),
        ("USE1-NovaLite-input-tokens", "1k Tokens", "1K tokens", None),
        ("USE1-xai.grok-4.3-mantle-input-tokens-standard", "1M tokens", "1M tokens", None),
        ("USE1-NovaLite-input-tokens", "Units", None, "unit_unknown"),
        ("USE1-NovaLite-input-tokens", "1B tokens", None, "unit_unknown"),
        ("USE1-NovaLite-input-tokens", None, None, "unit_missing"),
        ("USE1-NovaLite-input-tokens", " ", None, "unit_missing"),
        ("USW2-MP:USW2_InputTokenCount-Units", "Units", "1M tokens", None),
        ("USW2-MP:USW2_input_tokens_standard-Units", "units", "1M tokens", None),
        ("USW2-MP:USW2_InputTokenCount-Units", "1M tokens", "1M tokens", None),
        ("USW2-MP:USW2_search_units-Units", "Units", "search unit", None),
        ("USW2-MP:USW2_created_image-Units", "Units", "image", None),
        ("USW2-MP:USW2_Reserved_1Month_InputTPM_Geo-Units", "Units", "1M TPM Hour", None),
        (
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits",
            "hour",
            "model unit hour",
            None,
        ),
        (
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits",
            "Hrs",
            "model unit hour",
            None,
        ),
        ("USE1-Host:ml.m5.large", "Hrs", "hour", None),
        ("USE1-Studio:VolumeUsage.gp3", "GB-Mo", "GB-Mo", None),
        ("USE1-ServerlessInf:Mem-3GB", "seconds", "second", None),
        ("USE1-TrainingPlanUpfrontFee:ml.p4d.24xlarge", "Quantity", "unit", None),
        ("USE1-Nova2.0Lite-Customization-Storage", "Model / month", "model-month", None),
        (
            "USE1-OSS-CustomModelImport-Inference-v1:0",
            "Custom Model Unit per Min",
            "custom model unit minute",
            None,
        ),
        ("USE1-Guardrail-ContentPolicyUnitsConsumed", "TextUnit", "text unit", None),
        ("USE1-Something-New", "1K tokens", "1K tokens", None),
    ],
)
def test_the_unit_is_the_bills_read_with_the_usage_type(
    usage_type: str, text: str | None, unit: str | None, reason: str | None
) -> None:
    row = decoded(usage_type=usage_type, unit=text)
    assert (row["unit"], row["unit_reason"]) == (unit, reason)


def test_the_description_of_a_marketplace_row_tells_millions() -> None:
    text = "AWS Marketplace software usage|us-west-2|Million Input Tokens"
    row = decoded(usage_type="USW2-MP:USW2_InputTokenCount-Units", description=text)
    assert (row["unit"], row["unit_reason"]) == ("1M tokens", None)
    row = decoded(usage_type="USW2-NovaLite-input-tokens", description=text)
    assert (row["unit"], row["unit_reason"]) == (None, "unit_missing")


# --- human tasks ---


@pytest.mark.parametrize(
    "columns",
    [
        {"usage_type": "USE1-HumanTask", "code": "AmazonSageMaker"},
        {"usage_type": "HumanEvaluation-Tasks", "code": "AmazonSageMaker"},
        {"usage_type": "USE1-ModelEval-HUMAN", "code": "AmazonSageMaker", "unit": "Hrs"},
        {"operation": "CreateHumanTask", "code": "AmazonSageMaker", "usage_type": "USE1-Unknown"},
        {"description": "$0.21 per completed human task", "code": "AmazonSageMaker"},
        {"usage_type": "USE1-HumanTask", "product_servicecode": "AmazonSageMaker"},
        {"usage_type": "USE1-HumanTask", "code": "AmazonBedrock"},
        {"usage_type": "EUW1-HumanTask", "code": "AmazonSageMaker"},
    ],
)
def test_a_human_task_is_told_by_words(columns: dict[str, str]) -> None:
    row = decoded(kind="usage", **columns)
    assert attributes(row) == {"service": "sagemaker", "capability": "human_task"}
    assert (row["unit"], row["unit_reason"]) == ("human task", None)
    assert row["grade"] == "unconfirmed"
    assert row["undecoded_reason"] is None


@pytest.mark.parametrize(
    "columns",
    [
        {"usage_type": "USE1-HumanTask", "code": "AmazonEC2"},
        {"usage_type": "USE1-HumanTask"},
        {"usage_type": "USE1-Human", "operation": "Task", "code": "AmazonSageMaker"},
        {"usage_type": "USE1-Task", "code": "AmazonSageMaker"},
        {
            "usage_type": "USE1-Host:ml.m5.large",
            "description": "hosting of a human task",
            "code": "AmazonSageMaker",
        },
    ],
)
def test_other_charges_are_no_human_tasks(columns: dict[str, str]) -> None:
    assert decoded(kind="usage", **columns)["capability"] != "human_task"


# --- whole frames ---


def test_rows_keep_their_order_and_ids() -> None:
    keys = pl.DataFrame(
        {
            "charge_key_id": pl.Series([7, 3, 5, 3], dtype=pl.UInt64),
            "line_item_usage_type": ["Train:ml.m5.large", None, "USE1-NovaLite-input-tokens", "?"],
            "kind": ["usage", "tax", "usage", "usage"],
        }
    )
    frame = decode(keys)
    assert frame["charge_key_id"].to_list() == [7, 3, 5, 3]
    assert frame.columns == [
        "charge_key_id",
        *ATTRIBUTES,
        "region",
        "unit",
        "unit_reason",
        "grade",
        "usage_type_stem",
        "undecoded_reason",
    ]
    assert all(kind == pl.String for kind in frame.dtypes[1:])
    assert frame["undecoded_reason"].to_list() == [
        None,
        None,
        None,
        "The usage type ? is not known.",
    ]


def test_a_usage_line_without_usage_type_is_undecoded_and_a_tax_is_not() -> None:
    assert decoded(kind="usage")["undecoded_reason"] == "The charge has no usage type."
    assert decoded(kind="tax")["undecoded_reason"] is None
    row = decoded(kind="usage", model="Claude Sonnet 4.6", provider="Anthropic")
    assert (row["provider"], row["model"]) == ("Anthropic", "Claude Sonnet 4.6")
    assert row["undecoded_reason"] == "The charge has no usage type."


def test_a_discount_is_decoded_like_the_usage_that_it_repeats() -> None:
    row = decoded(
        kind="discount",
        usage_type="EU-Studio_DW:KernelGateway-ml.m5.4xlarge",
        code="AmazonSageMaker",
        operation="RunInstance",
        description="Enterprise Discount Program Discount for AmazonSageMaker",
    )
    assert row["capability"] == "data_wrangler"
    assert row["undecoded_reason"] is None


def test_no_keys_give_no_rows() -> None:
    empty = pl.DataFrame(
        {"charge_key_id": [], "line_item_usage_type": []},
        schema={"charge_key_id": pl.UInt64, "line_item_usage_type": pl.String},
    )
    assert decode(empty).height == 0


def test_many_keys_take_little_time() -> None:
    texts = [text for _, text in EXAMPLES]
    count = 20_000
    keys = pl.DataFrame(
        {
            "charge_key_id": range(count),
            "line_item_usage_type": [
                f"{texts[i % len(texts)]}{i % 3 or ''}{i}" for i in range(count)
            ],
        }
    )
    decode(keys.head(10))
    start = time.perf_counter()
    decode(keys)
    assert time.perf_counter() - start < 10


PIECES = """
    USE1- EU- EUW1- MP: USE1_ Claude4.6Sonnet NovaLite -mantle -input-tokens -output-tokens
    -batch -standard -cross-region-global InputTokenCount _Global -Units Train: Host: Studio:
    ml.m5.large VolumeUsage.gp3 -Reserved human task
"""
TEXTS = st.one_of(
    st.text(max_size=12), st.lists(st.sampled_from(PIECES.split()), max_size=5).map("".join)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, max_size=30))
def test_any_text_is_decoded_only_by_a_whole_form(texts: list[str]) -> None:
    frame = decode(
        pl.DataFrame(
            {"charge_key_id": range(len(texts)), "line_item_usage_type": texts},
            schema={"charge_key_id": pl.Int64, "line_item_usage_type": pl.String},
        ).with_columns(kind=pl.lit("usage"))
    )
    forms = grammar.grammar().forms
    for row in frame.iter_rows(named=True):
        if row["undecoded_reason"] is None or row["capability"] is not None:
            stem = pl.Series([row["usage_type_stem"]])
            reads = [stem.str.contains(form.whole).item() for form in forms if not form.partial]
            parts = [stem.str.contains(form.whole).item() for form in forms if form.partial]
            assert any(reads) or (any(parts) and row["undecoded_reason"] is not None)


# --- the data files ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[form]", "cannot be read"),
        ('[[form]]\nname = "x"', "breaks the rules"),
        ("set = { service = 'azure' }", "does not allow service = azure"),
        ("set = { colour = 'red' }", "has no attribute colour"),
        ("set = {}\nunits = { hour = 'Hrs' }", "Hrs is no canonical unit"),
        ("set = {}\npattern = '(?<tier>x)'", "the group tier has no map"),
        ("set = {}\npattern = '('", "no regular expression"),
    ],
)
def test_a_family_that_breaks_the_rules_is_refused(tmp_path: Path, text: str, message: str) -> None:
    if text.startswith("set"):
        pattern = "" if "pattern" in text else "pattern = 'x'\n"
        text = f"[[form]]\nname = 'f'\ngrade = 'real'\nsource = 's'\n{pattern}{text}\n"
    (tmp_path / "family.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RatesInvalid, match=message):
        grammar.read_grammar(tmp_path)


def test_a_folder_without_families_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RatesInvalid, match="holds no usage types"):
        grammar.read_grammar(tmp_path)


# --- public data, where it lies beside the checkout ---

UNDECODABLE = {
    "UGW1-openai.gpt-5.6-terra-mantle-": "a stem, cut by its source",
    "<prefix>Host:VolumeUsage.gp2": "a placeholder for the region prefix",
    "<prefix>Hst:Data-Bytes-Out": "a placeholder for the region prefix",
    "contains Data-Bytes-In": "a filter of a tool",
    "<prefix>ProvisionedConcurrency:Usage-<N>GB": "a placeholder for the size",
    "<prefix>ProvisionedConcurrency:Mem-<N>GB": "a placeholder for the size",
}
USAGE_TYPE_FIELDS = {
    "usagetype", "usageType", "usagetype_without_prefix", "usagetype_stem", "USAGE_TYPE",
    "line_item_usage_type", "lineItem/UsageType", "discountedUsageType", "dimension",
}  # fmt: skip


def found(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in USAGE_TYPE_FIELDS and isinstance(inner, str):
                yield inner
            else:
                yield from found(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data lies not beside the checkout")
def test_every_usage_type_of_the_public_data_is_decoded() -> None:
    lines = [
        json.loads(line)
        for name in ("cur_rows.jsonl", "price_list_items.jsonl")
        for line in (SHARED / name).read_text(encoding="utf-8").splitlines()
    ]
    usage_types = sorted({text for line in lines for text in found(line)})
    assert len(usage_types) > 100
    rows = rows_of(usage_types)
    undecoded = {
        text: row["undecoded_reason"]
        for text, row in zip(usage_types, rows, strict=True)
        if row["undecoded_reason"] not in (None, f"Nothing names the model of {text}.")
    }
    assert set(undecoded) == set(UNDECODABLE) & set(usage_types)
