"""A wrong rate is mostly the right rate of something else, and AWS has a word for that one too."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from curecon import decode, ingest, neighbours, rates
from curecon.price_list import SCHEMA
from curecon.vocabulary import vocabulary


def charge(usage_type, **more):
    """One decoded charge key, as the ledger holds it."""
    written = dict.fromkeys(ingest.KEY_COLUMNS) | {
        "line_item_line_item_type": "Usage", "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": usage_type, "line_item_currency_code": "USD",
        "bill_billing_entity": "AWS", "pricing_unit": "1K tokens", "kind": "usage",
    } | more  # fmt: skip
    keys = pl.DataFrame(
        [{"charge_key_id": 1, **written}],
        schema={"charge_key_id": pl.UInt64, **dict.fromkeys(ingest.KEY_COLUMNS, pl.String)},
    )
    return keys.join(decode.decode(keys), on="charge_key_id")


def listed(usage_type, region, price="0.5", unit="1K tokens", service=None):
    row = dict.fromkeys(SCHEMA) | {
        "rate_id": usage_type, "source_kind": "price_list", "usage_type": usage_type,
        "region": region, "price": Decimal(price), "unit": unit, "currency": "USD",
        "starts": date(2026, 9, 1), "tier_from": Decimal(0), "later": False,
        "service_name": service,
    }  # fmt: skip
    return pl.concat([rates.read_cards([]), pl.DataFrame([row], SCHEMA)], how="diagonal_relaxed")


@pytest.mark.parametrize(
    ("billed", "near", "how"),
    [
        ("USE1-NovaLite-input-tokens-batch", "USE1-NovaLite-input-tokens", "standard_tier"),
        ("USE1-NovaLite-input-tokens-flex", "USE1-NovaLite-input-tokens", "standard_tier"),
        ("USE1-qwen.qwen3-32b-mantle-input-tokens-batch",
         "USE1-qwen.qwen3-32b-mantle-input-tokens-standard", "standard_tier"),
        ("USE1-NovaLite-cache-read-input-token-count", "USE1-NovaLite-input-tokens", "uncached"),
        ("USE1-Nova2.0Lite-input-tokens-cross-region-global", "USE1-Nova2.0Lite-input-tokens",
         "regional"),
        ("USE1-NovaLite-input-tokens", "USW2-NovaLite-input-tokens", "region"),
        ("EU-NovaLite-input-tokens", "EUC1-NovaLite-input-tokens", "region"),
    ],
)  # fmt: skip
def test_a_price_list_has_the_neighbour_under_its_own_word(billed, near, how):
    region = {"USE1": "us-east-1", "USW2": "us-west-2", "EUC1": "eu-central-1"}
    known = listed(near, region[near.partition("-")[0]])
    found = neighbours.rates_nearby(charge(billed), known, list(vocabulary()))
    assert found.select("charge_key_id", "how", "price", "rate_id").rows() == [
        (1, how, Decimal("0.5"), near)
    ]


@pytest.mark.parametrize(
    ("billed", "near", "how"),
    [
        ("USE1-MP:USE1_InputTokenCount_Batch-Units", "USE1-MP:USE1_InputTokenCount-Units",
         "standard_tier"),
        ("USE1-MP:USE1_input_tokens_batch-Units", "USE1-MP:USE1_input_tokens_standard-Units",
         "standard_tier"),
        ("USE1-MP:USE1_CacheReadInputTokenCount_Global-Units",
         "USE1-MP:USE1_InputTokenCount_Global-Units", "uncached"),
        ("USE1-MP:USE1_InputTokenCount_Global-Units", "USE1-MP:USE1_InputTokenCount-Units",
         "regional"),
        ("USE1-MP:USE1_input_tokens_global_standard-Units",
         "USE1-MP:USE1_input_tokens_standard-Units", "regional"),
        ("USE1-MP:USE1_InputTokenCount-Units", "USW2-MP:USW2_InputTokenCount-Units", "region"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["Claude Opus 4.6", "Claude Sonnet 4.6"])
def test_a_marketplace_neighbour_is_of_the_same_model(billed, near, how, model):
    edition = "Claude Opus 4.6 (Amazon Bedrock Edition)"
    known = listed(near, f"us-{'west-2' if near[:3] == 'USW' else 'east-1'}", "5", "Units", edition)
    key = charge(
        billed, product_name=f"{model} (Amazon Bedrock Edition)", pricing_unit="Units",
        bill_billing_entity="AWS Marketplace", line_item_product_code="opaque",
    )  # fmt: skip
    found = neighbours.rates_nearby(key, known, list(vocabulary()))
    assert found["how"].to_list() == ([how] if model == "Claude Opus 4.6" else [])


def test_what_is_not_understood_has_no_neighbours():
    known = listed("USW2-NobodyKnows-input-tokens", "us-west-2")
    key = charge("USE1-NobodyKnows-input-tokens")
    assert neighbours.rates_nearby(key, known, list(vocabulary())).is_empty()


def test_no_charge_has_no_neighbours():
    none = charge("USE1-NovaLite-input-tokens").clear()
    known = listed("USW2-NovaLite-input-tokens", "us-west-2")
    found = neighbours.rates_nearby(none, known, list(vocabulary()))
    assert found.is_empty()
    assert found.schema == pl.Schema(neighbours.SCHEMA)
