"""Estimates: what a usage file may say, what is refused, and that the path of a bill prices it."""

import json
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bills
import curecon
from bills import price_item
from curecon import cli, estimate, pricing, rates, reconcile
from curecon.errors import CureconError, UsageInvalid

WORDS = """
[[usage]]
date = 2026-10-01
region = "us-east-1"
usage_type = "USE1-NovaLite-input-tokens"
quantity = 5000
unit = "1K tokens"
"""
ATTRIBUTES = """
[[usage]]
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude Instant"
capability = "provisioned_throughput"
commitment = "1 month"
model_units = 2
hours = 744
"""
TOKENS = """
[[usage]]
date = 2024-05-01
region = "us-west-2"
service = "bedrock"
provider = "Anthropic"
model = "Claude 2.0"
capability = "on_demand"
token_type = "input"
tokens = 11_000
"""
HOST = """
[[usage]]
date = 2024-08-01
region = "us-east-1"
usage_type = "USE1-Host:ml.c5.xlarge"
quantity = 20
unit = "minutes"
"""
CARD = """
card = "acme"
source = "EDP addendum 3"
[[rate]]
select.service = "bedrock"
select.provider = "Anthropic"
select.model = "Claude 2.0"
select.capability = "on_demand"
select.token_type = "input"
select.tier = "flex"
regions = ["us-west-2"]
unit = "1K tokens"
reference = "page 2"
checked = 2024-05-01
starts = 2024-04-01
"""


@pytest.fixture(autouse=True)
def _packaged_cards_are_read_once(monkeypatch):
    """Keep the packaged cards in memory; the cards of a test are read anew."""
    monkeypatch.setattr(rates, "_read_card", cache(rates._read_card))


def edited(text, **keys):
    """The usage with other values of some keys; None takes a key away."""
    for key, value in keys.items():
        kept = [line for line in text.splitlines() if not line.startswith(f"{key} = ")]
        text = "\n".join(kept + ([] if value is None else [f"{key} = {value}"])) + "\n"
    return text


def write(folder, *texts):
    path = folder / "usage.toml"
    path.write_text("".join(texts), "utf-8")
    return path


def price(folder, *texts, **options):
    return curecon.price(write(folder, *texts), curecon.Options(**options))


def only(folder, *texts, **options):
    (line,) = price(folder, *texts, **options).lines
    return line


# --- what comes out


def test_both_ways_of_telling_usage_are_priced_as_the_design_shows(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["price", str(write(tmp_path, WORDS, ATTRIBUTES)), "--json"]) == cli.FINE
    said = json.loads(capsys.readouterr().out)
    assert said["total"] == "78864.3"
    assert [line["expected"] for line in said["lines"]] == ["0.3", "78864"]
    assert [line["quantity"] for line in said["lines"]] == ["5000", "1488"]
    assert [line["unit"] for line in said["lines"]] == ["1K tokens", "model unit hour"]
    assert [line["reason"] for line in said["lines"]] == [None, None]
    assert [line["arithmetic"] for line in said["lines"]] == [
        "5000 x 0.00006 per 1K tokens = 0.3",
        "2 model units x 744 hours = 1488 model unit hours; 1488 x 53 per model unit hour = 78864",
    ]
    assert said["lines"][1]["rate"] == {
        "source": "Amazon Bedrock pricing page",
        "reference": "Provisioned Throughput: Asia Pacific (Tokyo)",
        "price": "53",
        "unit": "model unit hour",
        "starts": "2024-04-01",
        "ends": None,
        "source_kind": "card",
        "region": "ap-northeast-1",
        "checked": "2024-07-01",
        "unconfirmed": False,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["usage.toml"], "nothing is left behind"


def test_the_table_tells_rate_source_validity_arithmetic_and_total(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    named = edited(ATTRIBUTES, name='"our chat bot"')
    unknown = edited(TOKENS, model='"Claude 9"')
    assert cli.run(["price", str(write(tmp_path, named, unknown))]) == cli.FINE
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    for part in (
        "our chat bot 1,488 53 78,864.00",
        "model unit hour per model unit hour",
        "ap-northeast-1, 2024-05-01",
        "Expected in all: 78,864.00 USD",
        "1 usage could not be priced; the total leaves that out.",
        "1488 x 53 per model unit hour = 78864",
        "Amazon Bedrock pricing page: Provisioned Throughput: Asia Pacific (Tokyo); from 2024",
        "No rate is known for this charge; a price list or a rate card would tell.",
        "The nearest rates differ in `model`: Claude 2.0, Claude 2.1,",
    ):
        assert part in shown, part


def test_a_name_cannot_write_to_the_terminal(tmp_path, capsys):
    named = edited(WORDS, name='"[red]a[/red] é"')
    assert cli.run(["price", str(write(tmp_path, named))]) == cli.FINE
    shown = capsys.readouterr().out
    assert "[red]a[/red] é" in shown
    assert "\x1b" not in shown


def test_the_verb_of_the_library_is_no_module():
    assert callable(curecon.audit)
    assert curecon.price is estimate.price
    assert pricing.matching.__name__ == "curecon.matching"


# --- units


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        ("11000", "token", "0.088"),
        ("11", "1K tokens", "0.088"),
        ("0.011", "1M tokens", "0.088"),
        ("1", "token", "0.000008"),
        ("0", "token", "0"),
        ("11_000", "TOKENS", "0.088"),
    ],
)
def test_tokens_in_any_unit_cost_the_same(tmp_path, quantity, unit, expected):
    usage = edited(TOKENS, tokens=None, quantity=quantity, unit=f'"{unit}"')
    assert only(tmp_path, usage).expected == Decimal(expected)


def test_a_unit_that_does_not_convert_exactly_is_restated_to_ten_decimals(tmp_path):
    line = only(tmp_path, HOST)
    assert (line.quantity, line.unit) == (Decimal("0.3333333333"), "hour")
    # 0.3333333333 x 0.204 is 0.0679999999932.
    assert line.expected == Decimal("0.068")
    assert line.arithmetic == (
        "20 minutes = 0.3333333333 hour; 0.3333333333 x 0.204 per hour = 0.068"
    )


def test_a_unit_that_converts_exactly_keeps_its_quantity(tmp_path):
    serverless = edited(HOST, usage_type='"USE1-ServerlessInf:Mem-2GB"')
    line = only(tmp_path, serverless)
    assert (line.quantity, line.unit, line.expected) == (20, "minutes", Decimal("0.048"))
    assert line.arithmetic == "20 minutes x 0.00004 per second = 0.048"


def test_a_unit_of_another_kind_is_not_priced(tmp_path):
    line = only(tmp_path, edited(HOST, unit='"GB"'))
    assert line.expected is None
    assert line.reason == (
        "The known rate is for another unit, and the two do not convert exactly."
    )


@given(st.fractions(min_value=0, max_value=10**11))
@settings(max_examples=200)
def test_restating_rounds_half_up_to_ten_decimals(exact):
    rounded = estimate._rounded(exact)
    assert -rounded.as_tuple().exponent <= 10
    off = Fraction(rounded) - exact
    assert -Fraction(1, 2 * 10**10) < off <= Fraction(1, 2 * 10**10)


# --- which rate


def test_the_rate_is_that_of_the_day(tmp_path):
    usage = edited(
        HOST, usage_type='"USE1-Guardrail-ContentPolicyUnitsConsumed"', quantity=1000,
        unit='"TextUnit"', date="2024-11-30",
    )  # fmt: skip
    outcome = price(tmp_path, usage, edited(usage, date="2024-12-01"))
    assert [line.expected for line in outcome.lines] == [Decimal("0.75"), Decimal("0.15")]
    assert [line.rate.ends for line in outcome.lines] == ["2024-12-01", None]


def test_a_day_before_every_rate_says_from_when_rates_are_known(tmp_path):
    line = only(tmp_path, edited(TOKENS, date="2021-05-01"))
    assert line.expected is None
    assert line.rate is None
    assert line.arithmetic is None
    assert line.reason == (
        "No known rate was in force on the day of use. Rates are known from 2024-04-01 on."
    )


def test_a_day_between_two_rates_says_until_and_from_when_rates_are_known(tmp_path):
    line = only(tmp_path, edited(TOKENS, date="2024-02-01", region='"us-east-1"'))
    assert line.reason == (
        "No known rate was in force on the day of use. "
        "Rates are known before 2024-01-01 and from 2024-04-01 on."
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"token_type": None}, "The nearest rates differ in `token_type`: input, output."),
        ({"region": '"mx-central-1"'}, "The nearest rates differ in `region`: "),
        ({"model": '"Claude 9"', "token_type": None}, ""),
    ],
)
def test_usage_without_a_rate_says_how_the_nearest_differ(tmp_path, keys, said):
    line = only(tmp_path, edited(TOKENS, **keys))
    assert line.expected is None
    head = "No rate is known for this charge; a price list or a rate card would tell."
    assert line.reason.startswith(f"{head} {said}" if said else head)
    assert bool(said) == ("nearest" in line.reason)


def test_a_region_that_is_unknown_is_said_with_the_nearest(tmp_path):
    line = only(tmp_path, edited(TOKENS, region='"us-wset-2"'))
    assert line.expected is None
    assert line.reason == (
        "No rate is known for this charge; a price list or a rate card would tell. "
        "The region 'us-wset-2' is unknown; the nearest that is known is 'us-west-2'."
    )


def test_a_usage_type_that_is_not_read_says_so(tmp_path):
    line = only(tmp_path, edited(WORDS, usage_type='"USE1-What"'))
    assert (line.expected, line.reason) == (
        None,
        "The usage type USE1-What is not known.",
    )


def test_a_region_that_contradicts_the_usage_type_is_not_priced(tmp_path):
    assert "region" in only(tmp_path, edited(WORDS, region='"eu-west-1"')).reason


def test_what_is_not_priced_is_left_out_of_the_total(tmp_path):
    outcome = price(tmp_path, WORDS, edited(WORDS, usage_type='"USE1-What"'))
    assert (outcome.total, outcome.unpriced) == (Decimal("0.3"), 1)


def test_contract_goes_before_price_list_before_card(tmp_path):
    listed = tmp_path / "price_list.jsonl"
    listed.write_text(price_item("USE1-NovaLite-input-tokens", "0.0000500000") + "\n", "utf-8")
    agreed = tmp_path / "contract.toml"
    agreed.write_text(
        "[[private_rate]]\nselect = { usage_type = 'USE1-NovaLite-input-tokens' }\n"
        "price = 0.00004\nunit = '1K tokens'\nstarts = 2026-01-01\n",
        "utf-8",
    )
    found = [
        only(tmp_path, WORDS, **options)
        for options in (
            {},
            {"price_lists": [listed]},
            {"price_lists": [listed], "contract": agreed},
        )
    ]
    assert [line.expected for line in found] == [Decimal("0.3"), Decimal("0.25"), Decimal("0.2")]
    assert [line.rate.source_kind for line in found] == ["card", "price_list", "contract"]


def test_the_options_of_the_command_line_reach_the_estimate(tmp_path, capsys):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "acme.toml").write_text(CARD + "price = 0.001\n", "utf-8")
    usage = write(tmp_path, edited(TOKENS, tier='"flex"'))
    assert cli.run(["price", str(usage), "--json", "--rates", str(tmp_path / "cards")]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == "0.011"
    assert cli.run(["price", str(usage), "--contract", str(tmp_path / "none.toml")]) == cli.FAILED


def test_a_private_rate_on_attributes_prices_attributes(tmp_path):
    agreed = tmp_path / "contract.toml"
    agreed.write_text(
        "[[private_rate]]\nselect = { service = 'bedrock', provider = 'Anthropic', "
        "model = 'Claude 2.0', capability = 'on_demand', token_type = 'input' }\n"
        "price = 6\nunit = '1M tokens'\nstarts = 2024-01-01\n"
        "[[discount]]\nname = 'EDP'\npercent = 5\nstarts = 2024-01-01\n"
        "[[savings_plan]]\narn = 'arn:aws:savingsplans::1:savingsplan/x'\n"
        "hourly_commitment = 1\nstarts = 2024-01-01\n"
        "[[credit]]\nname = 'start'\namount = 5\nstarts = 2024-01-01\n",
        "utf-8",
    )
    outcome = price(tmp_path, TOKENS, contract=agreed)
    # Not of the Marketplace for sure, a Claude earns no discount that leaves the Marketplace out.
    assert outcome.total == Decimal("0.066")
    told = " ".join(outcome.notes)
    for part in ("credit is not applied", "Write `marketplace = false`", "savings plans"):
        assert part in told, "what an estimate leaves out is said"


CHINA = """
[[usage]]
date = 2026-10-01
region = "cn-north-1"
usage_type = "CNN1-Train:ml.p3.2xlarge"
quantity = 10
unit = "Hrs"
"""


def test_usage_of_china_is_priced_in_its_currency(tmp_path):
    item = json.loads(
        price_item("CNN1-Train:ml.p3.2xlarge", "1", "Hrs", region="cn-north-1",
                   service_code="AmazonSageMaker")
    )  # fmt: skip
    [term] = item["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    dimension["pricePerUnit"] = {"CNY": "42.35"}
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([item]), "utf-8")
    found = price(tmp_path, CHINA, price_lists=[listed])
    assert (found.total, found.currency) == (Decimal("423.5"), "CNY")
    rate = private(price="40", unit='"Hrs"').replace(
        "USE1-NovaLite-input-tokens", "CNN1-Train:ml.p3.2xlarge"
    )
    own = agreed(tmp_path, 'currency = "CNY"\n', discount(), rate)
    assert price(tmp_path, CHINA, contract=own).total == 360
    other = agreed(tmp_path, 'currency = "CNY"\n', private())
    found = price(tmp_path, WORDS, contract=other)
    assert (found.total, found.currency) == (Decimal("0.3"), "USD")
    assert found.notes == ["the contract's private rates are in CNY, and this is in USD"]


def test_two_currencies_are_not_added(tmp_path):
    with pytest.raises(UsageInvalid, match="estimate each in a file of its own"):
        price(tmp_path, CHINA, WORDS)


# --- discounts of a contract


def agreed(folder, *tables):
    path = folder / "contract.toml"
    path.write_text("".join(tables), "utf-8")
    return path


def discount(name="EDP", percent="10", **keys):
    keys = {"starts": "2024-01-01", **keys}
    told = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[[discount]]\nname = "{name}"\npercent = {percent}\n{told}'


def private(**keys):
    keys = {"price": "0.00005", "unit": '"1K tokens"', "starts": "2024-01-01", **keys}
    told = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f"[[private_rate]]\nselect = {{ usage_type = 'USE1-NovaLite-input-tokens' }}\n{told}"


PPA = discount("PPA", "5", order="2")


@pytest.mark.parametrize(
    ("tables", "expected", "said"),
    [
        # 5000 x 0.00006 = 0.30 in public, and x 0.00005 = 0.25 at the private rate.
        ([discount()], "0.27", "0.3; less EDP 10 %: 0.27"),
        ([discount(percent="100")], "0", "less EDP 100 %: 0"),
        ([discount(), PPA], "0.2565", "less EDP 10 %, then PPA 5 % of what is left: 0.2565"),
        (
            [discount(), discount("PPA", "5", order="2", compounds="false")],
            "0.255", "less EDP 10 %, then PPA 5 % of the full cost: 0.255",
        ),
        ([PPA, discount(order="3")], "0.2565", "less PPA 5 %, then EDP 10 % of what is left"),
        (
            [discount(), PPA, private(order="3")],
            "0.2065", "EDP 10 % of the public price, then PPA 5 % of what is left of it: 0.2065",
        ),
        ([discount(), PPA, private(order="0")], "0.21375", "0.25; less EDP 10 %, then PPA 5 % of"),
        # EDP of the public 0.30, then PPA of the 0.22 that the private rate leaves.
        ([discount(), PPA.replace("order = 2", "order = 4"), private(order="3")], "0.209", "EDP"),
    ],
)  # fmt: skip
def test_discounts_are_taken_in_their_order(tmp_path, tables, expected, said):
    outcome = price(tmp_path, WORDS, contract=agreed(tmp_path, *tables))
    [line] = outcome.lines
    assert (line.expected, outcome.total) == (Decimal(expected), Decimal(expected))
    assert said in line.arithmetic
    before = "0.25" if any("private_rate" in table for table in tables) else "0.3"
    assert (line.before_discounts, line.at_list) == (Decimal(before), Decimal("0.3"))
    assert (outcome.before_discounts, outcome.at_list) == (Decimal(before), Decimal("0.3"))
    assert outcome.notes == []


@pytest.mark.parametrize(
    "keys",
    [
        {"services": '["sagemaker"]'},
        {"regions": '["us-west-2"]'},
        {"starts": "2026-10-02"},
        {"ends": "2026-10-01"},
    ],
)
def test_a_discount_of_something_else_is_not_taken(tmp_path, keys):
    outcome = price(tmp_path, WORDS, contract=agreed(tmp_path, discount(**keys)))
    assert (outcome.total, outcome.notes) == (Decimal("0.3"), [])
    assert "less" not in outcome.lines[0].arithmetic


@pytest.mark.parametrize("keys", [{"starts": "2026-10-01"}, {"ends": "2026-10-02"}])
def test_a_discount_holds_on_its_first_and_its_last_day(tmp_path, keys):
    outcome = price(tmp_path, WORDS, contract=agreed(tmp_path, discount(**keys)))
    assert outcome.total == Decimal("0.27")


MARKETPLACE = edited(
    WORDS, usage_type='"USE1-MP:USE1_InputTokenCount-Units"', unit='"Units"', quantity="2",
    product_name='"Claude 3.5 Sonnet (Amazon Bedrock Edition)"', date="2025-06-01",
)  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "keys", "expected"),
    [
        (MARKETPLACE, {}, "6"),
        (MARKETPLACE, {"marketplace": "true"}, "5.4"),
        (TOKENS, {"marketplace": "true"}, "0.0792"),
        (edited(TOKENS, marketplace="false"), {}, "0.0792"),
        (edited(TOKENS, marketplace="true"), {}, "0.088"),
        (HOST, {}, "0.0612"),
    ],
)
def test_the_contract_says_whether_the_marketplace_earns_it(tmp_path, usage, keys, expected):
    outcome = price(tmp_path, usage, contract=agreed(tmp_path, discount(**keys)))
    assert (outcome.total, outcome.notes) == (Decimal(expected), [])


def test_what_may_be_of_the_marketplace_is_taken_to_be_and_that_is_said(tmp_path):
    outcome = price(tmp_path, WORDS, TOKENS, contract=agreed(tmp_path, discount()))
    assert [line.expected for line in outcome.lines] == [Decimal("0.27"), Decimal("0.088")]
    [note] = outcome.notes
    assert note.startswith("usage 2: the contract's discounts differ for what AWS Marketplace")


def test_an_order_that_the_contract_leaves_open_is_said(tmp_path):
    outcome = price(tmp_path, WORDS, contract=agreed(tmp_path, discount(), private()))
    assert outcome.total == Decimal("0.225")
    assert "gives a private rate no `order`" in outcome.notes[0]
    both = agreed(tmp_path, discount(), discount("PPA", "5", compounds="false"))
    assert "discounts of one `order`" in price(tmp_path, WORDS, contract=both).notes[0]
    both = agreed(tmp_path, discount(), discount("PPA", "5", line_type='"Discount"'))
    assert price(tmp_path, WORDS, contract=both).notes == [], "the sum is the same"


def test_a_private_rate_of_what_nobody_lists_has_no_public_price(tmp_path):
    usage = edited(WORDS, usage_type='"USE1-Nobody-Knows"')
    rate = private().replace("USE1-NovaLite-input-tokens", "USE1-Nobody-Knows")
    outcome = price(tmp_path, WORDS, usage, contract=agreed(tmp_path, rate))
    assert [line.at_list for line in outcome.lines] == [Decimal("0.3"), None]
    assert (outcome.total, outcome.at_list) == (Decimal("0.55"), None)


def test_usage_of_no_known_service_says_that_it_earns_no_discount(tmp_path):
    usage = edited(WORDS, usage_type='"USE1-Nobody-Knows"')
    rate = private().replace("USE1-NovaLite-input-tokens", "USE1-Nobody-Knows")
    outcome = price(tmp_path, usage, contract=agreed(tmp_path, rate, discount()))
    assert outcome.total == Decimal("0.25")
    assert outcome.notes == ["usage 1: no form says of which service it is; no discount is taken"]


@pytest.mark.parametrize(
    ("net", "checks"),
    [("0.2065", []), ("0.2066", ["net_cost_differs"]), ("0.25", ["net_cost_differs"])],
)
def test_a_bill_at_the_estimate_is_right(tmp_path, net, checks):
    """What the estimate says after discounts is what the audit of such a bill expects."""
    terms = agreed(tmp_path, discount(), PPA, private(order="3"))
    assert price(tmp_path, WORDS, contract=terms).total == Decimal("0.2065")
    usage = bills.line(
        line_item_usage_type="USE1-NovaLite-input-tokens", line_item_usage_amount="5000",
        pricing_unit="1K tokens", line_item_unblended_cost="0.25",
        line_item_product_code="AmazonBedrock", period="2026-10", start="2026-10-01T00:00:00",
        line_item_net_unblended_cost=net,
    )  # fmt: skip
    file = bills.write_csv(tmp_path / "bill.csv", [usage])
    options = curecon.Options(ledger=tmp_path / "ledger.duckdb", contract=terms)
    found = [one.check for one in reconcile.audit([file], options).findings]
    assert found == checks


def test_the_table_tells_what_a_contract_changes(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    terms = agreed(tmp_path, discount(), private(order="0"))
    usage = write(tmp_path, WORDS, HOST)
    assert cli.run(["price", str(usage), "--contract", str(terms)]) == 0
    printed = capsys.readouterr().out
    assert "list 0.30" in printed
    assert "Expected in all: 0.2862 USD" in printed
    assert "Before discounts, which are lines of their own: 0.318 USD" in printed
    assert "At public prices: 0.368 USD" in printed
    assert cli.run(["price", str(usage)]) == 0
    plain = capsys.readouterr().out
    assert "list" not in plain.replace("list-", "")
    assert "At public prices" not in plain


def test_one_marketplace_usage_type_serves_many_models(tmp_path):
    usage = edited(
        WORDS, usage_type='"USE1-MP:USE1_InputTokenCount-Units"', unit='"Units"', quantity="2",
        product_name='"Claude 3.5 Sonnet (Amazon Bedrock Edition)"', date="2025-06-01",
    )  # fmt: skip
    assert only(tmp_path, usage).expected == 6


def test_a_mantle_endpoint_has_the_rate_of_its_model(tmp_path):
    assert only(tmp_path, edited(TOKENS, endpoint='"mantle"')).expected == Decimal("0.088")


@pytest.mark.parametrize("usage", [TOKENS, edited(TOKENS, endpoint='"mantle"')])
def test_tiers_are_followed_through_the_month(tmp_path, usage):
    tiers = "price = 0.002\ntier_to = 10000\n", "price = 0.001\ntier_from = 10000\n"
    head, rate = CARD.split("[[rate]]")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "acme.toml").write_text(
        head + "".join(f"[[rate]]{rate}{tier}" for tier in tiers), "utf-8"
    )
    flex = edited(usage, tier='"flex"', tokens=None, quantity=8000, unit='"1K tokens"')
    outcome = price(
        tmp_path, flex, flex, edited(flex, date="2024-06-01"), rates=[tmp_path / "cards"]
    )
    # 8,000 in the first tier; then 2,000 in it and 6,000 in the second; then a new month.
    assert [line.expected for line in outcome.lines] == [16, 10, 16]
    assert "tiers" in outcome.lines[1].arithmetic


# --- what is refused


REFUSED = [
    ("", ["usage.toml", "no [[usage]] table"]),
    ("usage = []", ["no [[usage]] table"]),
    ("usage = [1]", ["usage 1", "is no table"]),
    ("a = = 1", ["usage.toml: is no TOML", "line 1"]),
    ("[[usages]]\n", ["`usages` is unknown"]),
    ("a = 1e9999999999999999999", ["out of any range"]),
    (edited(WORDS, date=None), ["usage 1: `date` is missing"]),
    (edited(WORDS, region=None), ["`region` is missing"]),
    (edited(WORDS, quantity=None), ["`quantity` is missing", "model_units and hours"]),
    (edited(WORDS, unit=None), ["`unit` is missing"]),
    (edited(WORDS, date='"2026-10-01"'), ["`date` is no date", "without quotes"]),
    (edited(WORDS, date="2026-10-01T00:00:00Z"), ["`date` is no date"]),
    (edited(WORDS, region='"Ohio"'), ["`region` is no region code", "us-east-1"]),
    (edited(WORDS, region='"*"'), ['`region` is "*"']),
    (edited(WORDS, region="3"), ["`region` is no text"]),
    (edited(WORDS, quantity='"5"'), ["`quantity` is no number", "without quotes"]),
    (edited(WORDS, quantity="true"), ["`quantity` is no number"]),
    (edited(WORDS, quantity="-1"), ["`quantity` is negative; usage counts up from 0"]),
    (edited(WORDS, quantity="-0.5"), ["`quantity` is negative"]),
    (edited(WORDS, quantity="nan"), ["`quantity` is no number"]),
    (edited(WORDS, quantity="inf"), ["`quantity` is no number"]),
    (edited(WORDS, quantity="-inf"), ["`quantity` is no number"]),
    (edited(WORDS, quantity="0.30000000000000004"), ["`quantity` has 17 decimals"]),
    (edited(WORDS, quantity="1e12"), ["`quantity` has 13 digits"]),
    (edited(WORDS, qantity=3), ["`qantity` is unknown", "quantity"]),
    (edited(WORDS, unit='""'), ["`unit` must be one line"]),
    (edited(WORDS, name='"a\\nb"'), ["`name` must be one line"]),
    (edited(WORDS, name='"x"', date=None), ["usage 1 (x): `date` is missing"]),
    (edited(WORDS, model='"Nova Lite"'), ["mixes", "usage_type", "model"]),
    (edited(WORDS, usage_type=None), ["`service` is missing", "`capability` is missing"]),
    (
        edited(WORDS, usage_type=None, product_name='"x"'),
        ["`product_name` goes with `usage_type`"],
    ),
    (edited(TOKENS, capability=None), ["`capability` is missing"]),
    (edited(TOKENS, service=None), ["`service` is missing"]),
    (edited(MARKETPLACE, marketplace="false"), ["`marketplace` is false", "-MP:"]),
    (TOKENS.replace('"input"', '"in"'), ["`token_type` is 'in'", "cache_read, ", "input"]),
    (edited(TOKENS, modle='"x"'), ["`modle` is unknown", "model"]),
    (edited(TOKENS, unit='"token"'), ["`unit` goes with `quantity`, not with `tokens`"]),
    (edited(TOKENS, quantity=3), ["several quantities (quantity, tokens)"]),
    (edited(TOKENS, hours=3), ["`hours` goes with `model_units`"]),
    (edited(TOKENS, tokens=None, quantity=3, unit='"Units"'), ["`unit` 'Units' is unknown"]),
    (edited(ATTRIBUTES, hours=None), ["`hours` is missing"]),
    (edited(ATTRIBUTES, model_units="1.5"), ["`model_units` is no whole number"]),
    (edited(ATTRIBUTES, model_units="0"), ["`model_units`", "greater than or equal to 1"]),
    (edited(ATTRIBUTES, hours="999999999999"), ["`model_units` x `hours` has more digits"]),
]


@pytest.mark.parametrize(
    ("text", "said"),
    REFUSED,
    ids=[f"{place}: {said[0]}" for place, (_, said) in enumerate(REFUSED)],
)
def test_what_breaks_the_rules_is_refused_by_file_place_and_key(tmp_path, text, said):
    with pytest.raises(UsageInvalid) as refused:
        price(tmp_path, text)
    for part in said:
        assert part in str(refused.value)


def test_every_fault_is_said_at_once_and_not_too_many(tmp_path):
    with pytest.raises(UsageInvalid) as refused:
        price(tmp_path, *[edited(WORDS, date=None, region=None)] * 40)
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("usage 1: `date` is missing; every usage says it")
    assert lines[1].endswith("usage 1: `region` is missing; every usage says it")
    assert lines[-1] == "... and 30 more problems"


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, capsys):
    path = tmp_path / "usage.toml"
    if content is not None:
        path.write_bytes(content)
    assert cli.run(["price", str(path)]) == cli.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert str(path) in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_folder_is_no_usage_file(tmp_path):
    with pytest.raises(CureconError, match="cannot be read"):
        curecon.price(tmp_path)


def test_the_command_wants_a_file(capsys):
    assert cli.run(["price"]) == cli.FAILED
    assert "USAGE" in capsys.readouterr().err.upper()


def test_usage_files_of_the_documentation_are_priced(tmp_path):
    """The example of docs/DESIGN.md, as it stands there."""
    design = (Path(__file__).parents[1] / "docs" / "DESIGN.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(\[\[usage\]\].*?)```", design, re.DOTALL)
    assert [line.reason for line in price(tmp_path, example).lines] == [None, None]
