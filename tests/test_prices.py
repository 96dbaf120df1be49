"""Prices on the terminal: at 80 columns no word is cut, and nothing of a file is obeyed."""

import json
from pathlib import Path

import pytest

from cards import rate, write_cards
from curecon import cli

FIXTURES = Path(__file__).parents[1] / "fixtures" / "price_lists"
LONG = "APN1-TitanTextG1-Lite-output-tokens-cross-region-global"


@pytest.fixture(autouse=True)
def _a_terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


def lines(capsys, *words):
    """Run a command; return what it printed, without spaces at the ends of lines."""
    assert cli.run([*words]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in printed)
    return [line.rstrip() for line in printed]


def test_a_charge_stands_once_above_its_prices(tmp_path, capsys):
    ours = 'service = "bedrock", provider = "Acme", model = "X", capability = "on_demand"'
    folder = write_cards(
        tmp_path,
        rate(select=ours, regions='["us-west-2", "us-east-1"]', ends="2024-07-01"),
        rate(select=ours, price="0.12", starts="2024-07-01", more="unconfirmed = true"),
        rate(select=ours.replace("X", "Y"), regions='["*"]', more="tier_to = 10"),
        rate(select=ours.replace("X", "Y"), regions='["*"]', price="7", more="tier_from = 10"),
        rate(select=ours.replace("X", "Z"), more='currency = "CNY"'),
    )
    assert lines(capsys, "rates", "list", "Acme", "--rates", str(folder)) == [
        "on_demand · Acme · X",
        "  0.008  per 1K tokens, from 2024-01-01 until 2024-07-01, us-east-1, us-west-2",
        "         y: x",
        "   0.12  per 1K tokens, from 2024-07-01, us-east-1",
        "         unconfirmed: y: x",
        "on_demand · Acme · Y",
        "  0.008  per 1K tokens above 0 to 10, from 2024-01-01, every region",
        "         y: x",
        "      7  per 1K tokens above 10, from 2024-01-01, every region",
        "         y: x",
        "on_demand · Acme · Z",
        "  0.008  CNY per 1K tokens, from 2024-01-01, us-east-1",
        "         y: x",
    ]


def test_no_word_of_the_packaged_rates_is_cut(capsys):
    """Whatever the list prints are words of the CSV."""
    printed = " ".join(lines(capsys, "rates", "list"))
    assert cli.run(["rates", "list", "--format", "csv"]) == 0
    known = capsys.readouterr().out
    words = {word.strip('(),;:"') for word in printed.split()}
    made_up = {"from", "until", "every", "region", "above", "to", "per", "unconfirmed", "·", ""}
    assert {word for word in words - made_up if word not in known} == set()


def test_words_need_no_quotes(capsys):
    quoted = lines(capsys, "rates", "list", "claude 2.0 output eu-central")
    assert lines(capsys, "rates", "list", "claude", "2.0", "output", "eu-central") == quoted
    assert quoted[0] == "on_demand · Anthropic · Claude 2.0 · output"
    assert lines(capsys, "rates", "list", "nothing", "has", "this") == []


def items(path, *rows):
    """Write a price list of items like the real one: SKU, usage type, price, unit and more."""
    text = (FIXTURES / "get_products_item.json").read_text("utf-8")
    written = []
    for sku, usage_type, price, unit, attributes in rows:
        item = json.loads(text.replace("3G679R3Y8YSQSJTA", sku))
        item["publicationDate"] = "2025-06-18T22:55:50Z"
        item["product"]["attributes"] |= {"usagetype": usage_type, **attributes}
        [term] = item["terms"]["OnDemand"].values()
        [dimension] = term["priceDimensions"].values()
        dimension |= {"pricePerUnit": {"USD": price}, "unit": unit}
        written.append(item)
    path.write_text(json.dumps(written), "utf-8")
    return str(path)


CLAUDE = "USE1-Claude2.0-input-tokens"
TOKYO = {"regionCode": "ap-northeast-1"}


def test_changes_stand_under_their_offer_and_region(tmp_path, capsys):
    old = items(
        tmp_path / "old.json",
        ("A", CLAUDE, "0.008", "1K tokens", {}),
        ("B", LONG, "0.0003", "1K tokens", TOKYO),
        ("C", LONG, "0.5", "1K tokens", {**TOKYO, "operation": "InvokeModel"}),
    )
    new = items(
        tmp_path / "new.json",
        ("A", CLAUDE, "0.006", "1K tokens", {}),
        ("B", LONG, "0.3", "1M tokens", TOKYO),
        ("D", "USE1-NovaLite-input-tokens", "0.00006", "1K tokens", {}),
    )
    assert lines(capsys, "rates", "diff", old, new) == [
        "AmazonBedrock, ap-northeast-1",
        f"  unit   {LONG}",
        "         0.0003 per 1K tokens -> 0.3 per 1M tokens (0.00 %), SKU B",
        f"  gone   {LONG}, InvokeModel",
        "         0.5 per 1K tokens, SKU C",
        "AmazonBedrock, us-east-1",
        "  price  USE1-Claude2.0-input-tokens",
        "         0.008 -> 0.006 per 1K tokens (-25.00 %), SKU A",
        "  new    USE1-NovaLite-input-tokens",
        "         0.00006 per 1K tokens, SKU D",
    ]


def test_a_comparison_with_cards_stands_likewise(tmp_path, capsys):
    path = items(
        tmp_path / "list.json",
        ("A", CLAUDE, "0.006", "1K tokens", {}),
        ("B", "USE1-NovaLite-input-tokens", "0.00006", "1K tokens", {}),
        ("C", LONG, "0.0003", "1K tokens", TOKYO),
    )
    said = lines(capsys, "rates", "diff", path, "cards")
    assert said[:5] == [
        "AmazonBedrock, us-east-1",
        "  differs        USE1-Claude2.0-input-tokens",
        "                 listed 0.006 per 1K tokens, card 0.008 (-25.00 %), anthropic:",
        "                 SKU 3G679R3Y8YSQSJTA, USE1-Claude2.0-input-tokens",
        "AmazonBedrock, ap-northeast-1",
    ]
    assert said[-1].startswith("  card has none") or said[-1].startswith("agrees")


def test_a_card_cannot_write_to_the_terminal(tmp_path, capsys):
    ours = (
        r'service = "bedrock", provider = "Acme", model = "[red]X\u202e", capability = "on_demand"'
    )
    folder = write_cards(tmp_path, rate(select=ours))
    printed = "\n".join(lines(capsys, "rates", "list", "Acme", "--rates", str(folder)))
    assert "[red]X⟨U+202E⟩" in printed
