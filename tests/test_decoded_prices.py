"""What is decoded is priced: the cards are reached by usage types as bills write them.

Prices are those that public sources print beside the usage type (price items, the pricing pages,
the model cards), in the unit that the bill states; a mismatch of an attribute between a form and
a card would leave the charge without a rate.
"""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from curecon import decode, matching, packaged, rates
from curecon.vocabulary import vocabulary

LATER = date(2026, 10, 20)
PAGE = date(2024, 5, 20)

PRICED = [
    # usage type, product, unit on the bill, day, price of one unit
    ("USE1-Claude2.0-input-tokens", None, "1K tokens", PAGE, "0.008"),
    ("USE1-Nova2.0Lite-input-tokens", None, "1K tokens", LATER, "0.00033"),
    ("USE1-Nova2.0Pro-text-input-tokens", None, "1K tokens", LATER, "0.001375"),
    ("USE1-Nova2.0Pro-text-input-tokens-cross-region-global", None, "1K tokens", LATER, "0.00125"),
    ("USE1-Qwen3-32B-input-tokens-batch", None, "1K tokens", LATER, "0.000075"),
    ("USE1-qwen.qwen3-32b-mantle-output-tokens-standard", None, "1K tokens", LATER, "0.0006"),
    ("USE1-xai.grok-4.3-mantle-input-tokens-standard", None, "1M tokens", LATER, "1.25"),
    ("USE1-xai.grok-4.3-mantle-input-tokens-standard", None, "1K tokens", LATER, "0.00125"),
    (
        "USE1-Claude4Sonnet-input-tokens-long-context-cross-region-global",
        None, "1K tokens", LATER, "0.006",
    ),
    ("USE1-Nova2.0Lite-input-tokens-custom-model", None, "1K tokens", LATER, "0.0003"),
    ("USE1-Nova2.0Lite-Customization-Training", None, "1K tokens", LATER, "0.00378"),
    ("USE1-Nova2.0Lite-Customization-Storage", None, "Model / month", LATER, "1.95"),
    ("USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", None, "hour", LATER, "60.50"),
    ("USE1-Nova2.0Lite-ProvisionedThroughput-1month-ModelUnits", None, "Hrs", LATER, "55"),
    ("USW2-Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits", None, "hour", LATER, "24"),
    (
        "USE1-Llama-CustomModelImport-Inference-v1:0",
        None, "Custom Model Unit per Min", LATER, "0.05718",
    ),
    ("USE1-Guardrail-ContentPolicyUnitsConsumed", None, "TextUnit", LATER, "0.00015"),
    ("USE1-Guardrail-ContentPolicyUnitsConsumed", None, "TextUnit", PAGE, "0.00075"),
    ("USE1-Guardrail-ContentPolicyImageUnitsConsumed", None, "Images Processed", LATER, "0.00075"),
    ("USE1-Guardrail-WordPolicyUnitsConsumed", None, "TextUnit", LATER, "0"),
    ("USE1-GuardrailChecks-PromptAttackCheckUnitsConsumed", None, "TextUnit", LATER, "0.00008"),
    ("USE1-Bedrock-Websearch-Queries", None, "Queries", LATER, "0.012"),
    # Marketplace: the model stands in the product's name, Units are millions of tokens.
    ("USW2-MP:USW2_input_tokens_standard-Units", "Claude Opus 5.5", "Units", LATER, "4.40"),
    ("USW2-MP:USW2_output_tokens_global_standard-Units", "Claude Opus 5.5", "Units", LATER, "20"),
    ("USW2-MP:USW2_cache_read_tokens_standard-Units", "Claude Fable 5", "Units", LATER, "1.1"),
    ("USW2-MP:USW2_cache_write_tokens_1h_global_standard-Units", "Claude Sonnet 5.5", "Units",
     LATER, "4"),
    ("USE1-MP:USE1_InputTokenCount_Global-Units", "Claude Sonnet 4.6", "Units", LATER, "3"),
    ("USW2-MP:USW2_InputTokenCount_Batch-Units", "Claude Opus 4.1", "Units", LATER, "7.5"),
    ("USW2-MP:USW2_CacheWrite1hInputTokenCount-Units", "Claude Haiku 4.5", "1M tokens", LATER,
     "2.20"),
    ("USW2-MP:USW2_input_tokens_long_ctx_global_standard-Units", "OpenAI GPT-6 Astra", "Units",
     LATER, "20"),
    ("USE1-MP:USE1_Reserved_1Month_OutputTPM_Geo-Units", "Claude Sonnet 4.6", "Units", LATER,
     "0.99"),
    ("USW2-MP:USW2_ProvisionedThroughput_1MonthCommit_ModelUnits_Usage-Units", "Claude 3.7 Sonnet",
     "Units", LATER, "158.4"),
    ("USE1-MP:USE1_Created_image-Units", "SD3.5 Large", "Units", LATER, "0.09"),
    # SageMaker
    ("USE2-Host:ml.g6.xlarge", None, "Hrs", LATER, "1.1267"),
    ("USE1-Processing:ml.m5.xlarge", None, "Hrs", LATER, "0.23"),
    ("USE1-Train:ml.m5.large", None, "Hrs", LATER, "0.115"),
    ("APN1-AsyncInf:ml.g6.xlarge", None, "Hrs", LATER, "1.6341"),
    ("USW2-Cluster:ml.p4d.24xlarge", None, "Hrs", LATER, "25.91001756"),
    ("USE1-ServerlessInf:Mem-3GB", None, "seconds", LATER, "0.00006"),
    ("USE1-TrainingPlanUpfrontFee:ml.p4d.24xlarge", None, "Quantity", LATER, "13.57"),
    ("USE1-Notebk:VolumeUsage.gp2", None, "GB-Mo", LATER, "0.14"),
    ("USE1-Studio:VolumeUsage.gp3", None, "GB-Mo", LATER, "0.112"),
    ("USE1-Studio:JupyterLab-ml.g4dn.xlarge", None, "Hrs", LATER, "0.7364"),
    ("USE1-ProvisionedConcurrency:Usage-2GB", None, "seconds", LATER, "0.00001"),
    ("USE1-ProvisionedConcurrency:Mem-2GB", None, "seconds", LATER, "0.000023"),
    ("USE1-Hst:Data-Bytes-In", None, "GB", LATER, "0.016"),
    ("USE1-Tsform:ml.m4.4xlarge", None, "Hrs", LATER, "0.96"),
    ("USE1-FeatureStore:WriteRequestUnits", None, "WriteRequestUnits", LATER, "0.00000125"),
]  # fmt: skip


@pytest.fixture(scope="module")
def priced() -> list[dict[date, Decimal]]:
    """What every charge of the table costs: its prices by the day on which each begins."""
    keys = pl.DataFrame(
        [
            (
                number, "usage", usage_type, product and f"{product} (Amazon Bedrock Edition)",
                unit, "USD", None, None, None,
            )
            for number, (usage_type, product, unit, _, _) in enumerate(PRICED)
        ],
        schema={
            "charge_key_id": pl.UInt64,
            **dict.fromkeys(
                ("kind", "line_item_usage_type", "product_name", "pricing_unit",
                 "line_item_currency_code", "pricing_rate_code", "product_sku",
                 "line_item_operation"),
                pl.String,
            ),
        },
        orient="row",
    )  # fmt: skip
    decoded = keys.join(decode.decode(keys), on="charge_key_id")
    assert decoded["undecoded_reason"].to_list() == [None] * len(PRICED)
    nothing = pl.lit(None, pl.String)
    words = ("usage_type", "operation", "service_name", "sku", "rate_code")
    known = rates.read_cards([packaged.folder("rates")]).with_columns(
        *(nothing.alias(name) for name in words), pl.lit(value=False).alias("later")
    )
    key_rates, _ = matching.price(decoded, known, list(vocabulary()))
    found: list[dict[date, Decimal]] = [{} for _ in PRICED]
    for row in key_rates.iter_rows(named=True):
        for day in (PAGE, LATER):
            if row["starts"] <= day < row["ends"]:
                found[row["charge_key_id"]][day] = row["price"]
    return found


@pytest.mark.parametrize("number", range(len(PRICED)), ids=[row[0] for row in PRICED])
def test_a_decoded_charge_has_its_price(priced: list[dict[date, Decimal]], number: int) -> None:
    *_, day, price = PRICED[number]
    assert priced[number].get(day) == Decimal(price)
