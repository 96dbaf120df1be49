"""`curecon rates diff`: what changed, and how price lists agree with the cards.

Price lists are built from the real item (see fixtures/price_lists/README.md); most prices of cards
are those of the packaged ones, so that a slip in either is seen.
"""

import csv
import io
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards import rate, write_cards
from curecon import cli, rate_diff
from curecon.errors import OptionInvalid, RatesInvalid
from curecon.rate_diff import diff, percentage

FIXTURES = Path(__file__).parents[1] / "fixtures" / "price_lists"
REAL_ITEM = FIXTURES / "get_products_item.json"
SKU = "3G679R3Y8YSQSJTA"


def item(sku="A", usage_type="USE1-Claude2.0-input-tokens", price="0.008", **other):
    """An item like the real one; other keys are of the attributes or of the price dimension."""
    document = json.loads(REAL_ITEM.read_text("utf-8").replace(SKU, sku))
    document["publicationDate"] = other.pop("published", "2025-06-18T22:55:50Z")
    attributes = {"regionCode", "servicename", "servicecode", "operation"}
    document["product"]["attributes"] |= {"usagetype": usage_type} | {
        name: value for name, value in other.items() if name in attributes
    }
    [term] = document["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    dimension["pricePerUnit"] = {other.pop("currency", "USD"): price}
    dimension |= {name: value for name, value in other.items() if name not in attributes}
    return document


@pytest.fixture
def lists(tmp_path):
    """Write a price list of items, and return its path as the command takes it."""

    def write(name, *items):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(each)}\n" for each in items), "utf-8")
        return str(path)

    return write


def shown(found, *columns):
    return found.rows.select(columns).rows()


# --- two price lists


def test_what_is_new_gone_and_dearer(lists):
    old = lists("old", item("A"), item("B", price="0.02"), item("C", price="0.5"), item("D"))
    new = lists("new", item("A"), item("B", price="0.03"), item("D", price="0.004"), item("E"))
    found = diff(old, new)
    assert shown(found, "change", "sku", "old_price", "new_price", "percent") == [
        ("price", "B", "0.02", "0.03", "50.00"),
        ("gone", "C", "0.5", None, None),
        ("price", "D", "0.008", "0.004", "-50.00"),
        ("new", "E", None, "0.008", None),
    ]
    assert found.notes == ["1 new, 1 gone, 2 changed, 1 as before"]
    [b, *_] = found.rows.to_dicts()
    assert b == {
        "change": "price", "service": "AmazonBedrock", "region": "us-east-1",
        "usage_type": "USE1-Claude2.0-input-tokens", "operation": None, "plan": None, "sku": "B",
        "rate_code": "B.JRTCKXETXF.6YS6EN2CT7", "tier_from": "0", "old_price": "0.02",
        "new_price": "0.03", "percent": "50.00", "old_unit": "1K tokens", "new_unit": "1K tokens",
        "currency": "USD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "change", "percent"),
    [
        (("3", "1M tokens"), ("0.003", "1K tokens"), "unit", "0.00"),
        (("3", "1M tokens"), ("0.006", "1K tokens"), "price, unit", "100.00"),
        (("0.003", "1K tokens"), ("1.5", "1M tokens"), "price, unit", "-50.00"),
        (("0.36", "Hrs"), ("0.0001", "seconds"), "unit", "0.00"),
        (("0.0001", "seconds"), ("0.72", "Hrs"), "price, unit", "100.00"),
        (("1", "Hrs"), ("1", "hours"), "unit", "0.00"),
        (("1", "Hrs"), ("1", "image"), "unit", None),
        (("1", "Hrs"), ("2", "parsecs"), "price, unit", None),
        (("0", "Hrs"), ("2", "Hrs"), "price", None),
        (("2", "Hrs"), ("0", "Hrs"), "price", "-100.00"),
        (("3", "Hrs"), ("1", "Hrs"), "price", "-66.67"),
        (("800", "Hrs"), ("800.01", "Hrs"), "price", "0.00"),
        (("800", "Hrs"), ("800.12", "Hrs"), "price", "0.02"),
        (("0.0000000001", "Hrs"), ("99999.9999999999", "Hrs"), "price", "99999999999999800.00"),
    ],
)
def test_a_change_of_unit_is_told_from_a_change_of_price(lists, before, after, change, percent):
    old, new = (
        lists(name, item(price=price, unit=unit))
        for name, (price, unit) in (("old", before), ("new", after))
    )
    [row] = diff(old, new).rows.to_dicts()
    assert (row["change"], row["percent"]) == (change, percent)
    assert (row["old_price"], row["old_unit"]) == before
    assert (row["new_price"], row["new_unit"]) == after


def test_tiers_are_compared_tier_by_tier(lists):
    def tiered(bound, dearer):
        document = item(endRange=bound)
        [term] = document["terms"]["OnDemand"].values()
        [(code, first)] = term["priceDimensions"].items()
        second = first | {
            "rateCode": f"{code}2", "beginRange": bound, "endRange": "Inf",
            "pricePerUnit": {"USD": dearer},
        }  # fmt: skip
        term["priceDimensions"][f"{code}2"] = second
        return document

    old, new = lists("old", tiered("1000", "0.007")), lists("new", tiered("1000", "0.006"))
    [row] = diff(old, new).rows.to_dicts()
    assert (row["change"], row["tier_from"], row["old_price"]) == ("price", "1000", "0.007")
    moved = lists("moved", tiered("2000", "0.007"))
    assert shown(diff(old, moved), "change", "tier_from") == [
        ("tier", "0"), ("gone", "1000"), ("new", "2000")
    ]  # fmt: skip


def test_only_what_both_cover_is_compared(lists):
    west = [item(f"W{number}", regionCode="eu-west-1") for number in range(3)]
    old = lists("old", item("A"), item("S", servicecode="AmazonSageMaker"))
    new = lists("new", item("A", price="0.009"), *west)
    found = diff(old, new)
    assert shown(found, "sku") == [("A",)]
    assert found.notes == [
        f"only {old} has AmazonSageMaker in us-east-1: 1 rate not compared",
        f"only {new} has AmazonBedrock in eu-west-1: 3 rates not compared",
        "0 new, 0 gone, 1 changed, 0 as before",
    ]


def test_a_folder_speaks_through_its_latest_snapshot(lists, tmp_path):
    (tmp_path / "all").mkdir()
    lists("all/1", item(price="0.1", published="2025-06-01T00:00:00Z"))
    lists("all/2", item(price="0.3", published="2025-08-01T00:00:00Z"))
    lists("all/3", item(price="0.2", published="2025-07-01T00:00:00Z"))
    old = lists("old", item(price="0.2"))
    assert shown(diff(old, str(tmp_path / "all")), "old_price", "new_price") == [("0.2", "0.3")]


def test_rates_of_savings_plans_are_compared_by_plan(tmp_path):
    text = (FIXTURES / "savings_plan_offer.json").read_text("utf-8")
    (tmp_path / "old.json").write_text(text)
    (tmp_path / "new.json").write_text(text.replace("2.60544", "2.34"))
    old, new = str(tmp_path / "old.json"), str(tmp_path / "new.json")
    found = diff(old, new)
    columns = ("change", "service", "usage_type", "plan", "old_price", "new_price", "percent")
    assert shown(found, *columns) == [
        (
            "price", "MachineLearningSavingsPlans", "USE1-Train:ml.m4.16xlarge",
            "SageMakerSP:1yrPartialUpfront Partial Upfront", "2.60544", "2.34", "-10.19",
        )
    ]  # fmt: skip
    assert found.notes == ["0 new, 0 gone, 1 changed, 1 as before"]
    assert diff(old, new, services=["AmazonSageMaker"]).rows.is_empty()
    assert diff(old, new, services=["MachineLearningSavingsPlans"]).rows.height == 1


def test_services_and_regions_can_be_chosen(lists):
    def some(price):
        return [
            item(f"{service}{region}", price=price, servicecode=service, regionCode=region)
            for service in ("AmazonBedrock", "AmazonSageMaker")
            for region in ("us-east-1", "eu-west-1")
        ]

    old, new = lists("old", *some("1")), lists("new", *some("2"))
    assert diff(old, new).rows.height == 4
    assert shown(diff(old, new, ["AmazonBedrock"], ["eu-west-1"]), "sku") == [
        ("AmazonBedrockeu-west-1",)
    ]
    assert diff(old, new, ["AmazonBedrock", "AmazonSageMaker"], ["eu-west-1"]).rows.height == 2
    assert diff(old, new, ["AmazonEC2"]).notes == ["0 new, 0 gone, 0 changed, 0 as before"]


def test_the_order_of_items_changes_nothing(lists):
    old = [item(sku, price=price) for sku, price in (("A", "1"), ("B", "2"), ("C", "3"))]
    new = [item(sku, price=price) for sku, price in (("C", "4"), ("A", "5"), ("D", "6"))]
    found = diff(lists("old", *old), lists("new", *new)).rows
    turned = diff(lists("old2", *old[::-1]), lists("new2", *new[::-1])).rows
    assert found.equals(turned)


def test_a_price_in_another_currency_is_another_price(lists):
    old, new = lists("old", item()), lists("new", item(currency="CNY"))
    assert shown(diff(old, new), "change", "currency") == [("gone", "USD"), ("new", "CNY")]


@given(st.fractions(min_value="1/1000", max_value=1000), st.fractions(0, 1000))
def test_percentages_are_exact(old, new):
    said = Decimal(percentage(old, new))
    exact = (new - old) / old * 100
    assert abs(Fraction(said) - exact) <= Fraction(1, 200)
    assert said.as_tuple().exponent == -2


def test_what_is_no_price_list_is_refused(lists, tmp_path):
    with pytest.raises(OptionInvalid, match="do not differ from themselves"):
        diff("cards", "cards")
    with pytest.raises(RatesInvalid, match="does not exist"):
        diff(lists("old", item()), str(tmp_path / "none"))


# --- a price list and the cards


def test_the_real_item_agrees_with_its_card():
    for pair in ((str(REAL_ITEM), "cards"), ("cards", str(REAL_ITEM))):
        found = diff(*pair)
        assert shown(found, "outcome", "rates", "usage_type") == [("agrees", 1, None)]
        assert found.notes == ["differs 0, card has none 0, undecoded 0, agrees 1"]


def test_every_outcome_is_told(lists):
    path = lists(
        "list",
        item("A"),
        item("B", price="8", unit="1M tokens"),
        item("C", price="0.01"),
        item("D", "USE1-Claude2.0-input-tokens-batch"),
        item("E", "USE1-Flux-capacitor"),
        item("F", unit="parsecs"),
        item("G", unit="image"),
        item("H", price="0"),
    )
    found = diff(path, "cards")
    columns = ("outcome", "usage_type", "list_price", "card_price", "percent", "unit", "card")
    claude = "USE1-Claude2.0-input-tokens"
    assert shown(found, *columns) == [
        ("differs", claude, "0", "0.008", "-100.00", "1K tokens", "anthropic"),
        ("differs", claude, "0.008", None, None, "image", None),
        ("differs", claude, "0.01", "0.008", "25.00", "1K tokens", "anthropic"),
        ("card has none", f"{claude}-batch", "0.008", None, None, "1K tokens", None),
        ("undecoded", claude, "0.008", None, None, "parsecs", None),
        ("undecoded", "USE1-Flux-capacitor", "0.008", None, None, "1K tokens", None),
        ("agrees", None, None, None, None, None, None),
    ]
    assert found.rows["rates"].to_list() == [1, 1, 1, 1, 1, 1, 2]
    reasons = found.rows["reason"].to_list()
    assert reasons[0] == "AWS lists nothing, as it does for Marketplace"
    assert reasons[1] == "the card's unit does not convert into the list's"
    assert reasons[5] == ("The usage type USE1-Flux-capacitor is not known.")
    assert reasons[4] == "the unit is not known"
    assert found.notes == ["differs 3, card has none 1, undecoded 2, agrees 2"]


def test_the_card_in_force_on_the_day_of_the_list_counts(lists, monkeypatch, tmp_path):
    cards = write_cards(
        tmp_path,
        rate(price="0.008", starts="2024-01-01", ends="2025-01-01"),
        rate(price="0.010", starts="2025-01-01", ends="2025-07-01"),
    )
    monkeypatch.setattr(rate_diff, "folder", lambda _: cards)
    for day, outcome in (
        ("2024-12-31T23:59:59Z", "agrees"),
        ("2025-01-01T00:00:00Z", "differs"),
        ("2025-07-01T00:00:00Z", "card has none"),
        ("2023-12-31T00:00:00Z", "card has none"),
    ):
        [row] = diff(lists(day[:4], item(published=day)), "cards").rows.to_dicts()
        assert row["outcome"] == outcome, day
    assert row["reason"] == "no card holds on 2023-12-31, only on other days"


def test_a_tier_is_compared_with_the_tier_of_the_card(lists, monkeypatch, tmp_path):
    cards = write_cards(
        tmp_path,
        rate(price="0.008", more="tier_to = 1000"),
        rate(price="0.007", more="tier_from = 1000"),
    )
    monkeypatch.setattr(rate_diff, "folder", lambda _: cards)
    low, high = item("A", endRange="1000"), item("B", price="0.007", beginRange="1000")
    found = diff(lists("list", low, high), "cards")
    assert shown(found, "outcome", "rates") == [("agrees", 2)]
    flat = diff(lists("flat", item("A")), "cards")
    assert shown(flat, "outcome", "card_price") == [("differs", "0.007")]


def test_rates_that_look_the_same_are_one_row(lists):
    path = lists("list", *(item(f"S{number}", "USE1-Unheard-of") for number in range(3)))
    assert shown(diff(path, "cards"), "outcome", "rates") == [("undecoded", 3)]


def test_marketplace_models_are_known_by_their_product(lists):
    path = lists(
        "list",
        item(
            "A",
            "USW2-MP:USW2_InputTokenCount-Units",
            price="0.003",
            unit="Units",
            servicename="Claude 3.5 Sonnet (Amazon Bedrock Edition)",
            servicecode="AmazonBedrockFoundationModels",
            regionCode="us-west-2",
        ),
    )
    [row] = diff(path, "cards").rows.to_dicts()
    assert row["outcome"] != "undecoded", row["reason"]


# --- the commands


def test_the_command_prints_changes_and_says_what_agrees(lists, capsys):
    old, new = lists("old", item("A"), item("B")), lists("new", item("A"), item("B", price="1"))
    assert cli.run(["rates", "diff", old, new]) == 0
    printed = capsys.readouterr()
    assert printed.out.split()[:3] == ["AmazonBedrock,", "us-east-1", "price"]
    assert "0.008 -> 1 per 1K tokens" in printed.out
    assert printed.err == "curecon: 0 new, 0 gone, 1 changed, 1 as before\n"
    assert cli.run(["rates", "diff", old, old]) == 0
    assert capsys.readouterr().out == ""


def test_the_command_prints_other_formats(lists, capsys):
    old, new = lists("old", item("A")), lists("new", item("A", price="0.01"))
    assert cli.run(["rates", "diff", old, new, "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["old_price"], row["new_price"], row["percent"]) == ("0.008", "0.01", "25.00")
    assert cli.run(["rates", "diff", new, "cards", "--format", "csv"]) == 0
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["outcome"], row["card_price"]) == ("differs", "0.008")
    words = ["rates", "diff", old, new, "--format", "markdown", "--region", "eu-west-1"]
    assert cli.run(words) == 0
    assert capsys.readouterr().out.startswith("| change |")


@pytest.mark.parametrize("words", [["cards", "cards"], ["nowhere", "cards"], ["cards"]])
def test_the_command_refuses(words, capsys):
    assert cli.run(["rates", "diff", *words]) == 2
    assert capsys.readouterr().out == ""
