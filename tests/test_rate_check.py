"""What `curecon rates check` says: holes between prices, wrong units, plans that save too much."""

import json
from datetime import date
from pathlib import Path

import pytest

from cards import rate, write_cards
from curecon import checks, cli, rate_check, rates, savings_plans
from curecon.errors import RatesInvalid
from curecon.packaged import folder
from curecon.rate_check import gaps, wrong_units
from curecon.vocabulary import vocabulary

FIXTURES = Path(__file__).parents[1] / "fixtures" / "price_lists"


def checked(tmp_path, *tables):
    folders = [write_cards(tmp_path, *tables)]
    return rates.inspect(folders)[:2]


def holes(tmp_path, *tables):
    return gaps(*checked(tmp_path, *tables))


CHARGE = "on_demand, Claude 2.0, input"


def test_a_hole_between_two_prices_is_said(tmp_path):
    [hole] = holes(
        tmp_path,
        rate(ends="2024-06-01", regions='["us-east-1", "us-west-2"]'),
        rate(starts="2024-07-01", regions='["us-east-1", "us-west-2", "eu-west-1"]'),
    )
    card = tmp_path / "cards" / "ours.toml"
    assert hole.sentence == (
        f"{card}: rate 1 ({CHARGE}): `ends` 2024-06-01, but rate 2 `starts` 2024-07-01; "
        "there is no price between them in us-east-1, us-west-2"
    )
    assert (hole.note, hole.files) == (None, {card})


def test_the_note_of_the_rate_that_ends_explains_its_hole(tmp_path):
    [hole] = holes(
        tmp_path,
        rate(ends="2024-06-01", more='note = "The day\\nis not known."'),
        rate(starts="2024-07-01", more='note = "Another."'),
    )
    assert hole.note == r"The day\nis not known."


def test_a_hole_between_two_cards_names_both(tmp_path):
    folders = [write_cards(tmp_path / "a", rate(ends="2024-06-01"))]
    folders.append(write_cards(tmp_path / "b", rate(starts="2024-07-01"), name="other"))
    [hole] = gaps(*rates.inspect(folders)[:2])
    assert f"rate 1 of {folders[1] / 'other.toml'} `starts` 2024-07-01" in hole.sentence
    assert hole.files == {folders[0] / "ours.toml", folders[1] / "other.toml"}


def test_two_holes_of_one_charge_are_two(tmp_path):
    found = holes(
        tmp_path,
        rate(starts="2024-09-01"),
        rate(starts="2024-05-01", ends="2024-08-01"),
        rate(ends="2024-04-01"),
    )
    assert [one.sentence.partition(": ")[2] for one in found] == [
        f"rate {before} ({CHARGE}): `ends` {ends}, but rate {after} `starts` {starts}; "
        "there is no price between them in us-east-1"
        for before, ends, after, starts in (
            (2, "2024-08-01", 1, "2024-09-01"),
            (3, "2024-04-01", 2, "2024-05-01"),
        )
    ]


@pytest.mark.parametrize(
    "tables",
    [
        [rate(ends="2024-06-01"), rate(starts="2024-06-01")],
        [rate(ends="2024-06-01"), rate(starts="2024-07-01", regions='["eu-west-1"]')],
        [rate(ends="2024-06-01"), rate(starts="2024-07-01", more='currency = "CNY"')],
        [
            rate(ends="2024-06-01"),
            rate(starts="2024-06-01", ends="2024-07-01", regions='["*"]'),
            rate(starts="2024-07-01"),
        ],
        [
            rate(ends="2024-06-01", more="tier_to = 10"),
            rate(ends="2024-08-01", more="tier_from = 10"),
            rate(starts="2024-08-01", more="tier_from = 10"),
        ],
        [rate(ends="2024-06-01")],
    ],
)
def test_what_is_no_hole_is_not_said(tmp_path, tables):
    assert holes(tmp_path, *tables) == []


def test_the_regions_of_a_hole_are_shortened(tmp_path):
    regions = json.dumps(["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2"])
    [hole] = holes(
        tmp_path,
        rate(ends="2024-06-01", regions=regions),
        rate(starts="2024-07-01", regions=regions),
    )
    assert hole.sentence.endswith("in eu-west-1, eu-west-2, eu-west-3 and 2 more")


def sold(service, capability, counted=None, **attributes):
    attributes |= {"service": service, "capability": capability}
    attributes |= {"token_type": counted} if counted else {}
    return ", ".join(f'{name} = "{value}"' for name, value in attributes.items())


@pytest.mark.parametrize(
    ("select", "unit", "right"),
    [
        (sold("bedrock", "on_demand", "input"), "1M tokens", True),
        (sold("bedrock", "on_demand", "input"), "image", False),
        (sold("bedrock", "on_demand", "cache_read"), "hour", False),
        (sold("bedrock", "on_demand", "image"), "1K tokens", False),
        (sold("bedrock", "on_demand", "input_image"), "image", True),
        (
            sold("bedrock", "reserved_throughput", "input"),
            "1K TPM Hour",
            True,
        ),
        (
            sold("bedrock", "reserved_throughput", "input"),
            "1K tokens",
            False,
        ),
        (
            sold("bedrock", "provisioned_throughput", commitment="none"),
            "hour",
            False,
        ),
        (sold("sagemaker", "hosting", component="instance"), "second", True),
        (sold("sagemaker", "hosting", component="instance"), "GB-Mo", False),
        (sold("sagemaker", "hosting", component="data_in"), "GB-Mo", False),
        (sold("sagemaker", "human_task"), "hour", False),
        (sold("sagemaker", "canvas"), "hour", True),
    ],
)
def test_a_unit_counts_what_is_sold(tmp_path, select, unit, right):
    wrong = wrong_units(*checked(tmp_path, rate(select=select, unit=unit)))
    assert (wrong == []) == right
    assert all(f"`unit` '{unit}' counts" in sentence for sentence in wrong)


def test_a_wrong_unit_is_explained(tmp_path):
    right = rate(ends="2024-02-01")
    wrong = rate(starts="2024-02-01", unit="image", regions='["us-east-1", "us-west-2"]')
    [sentence] = wrong_units(*checked(tmp_path, right, wrong))
    assert sentence == (
        f"{tmp_path / 'cards' / 'ours.toml'}: rate 2 ({CHARGE}): `unit` 'image' counts images, "
        "but what is sold is counted in tokens; write the unit of the source"
    )


def test_the_packaged_cards_have_right_units_and_a_reason_for_each_hole():
    cards, places, problems = rates.inspect([folder("rates")])
    assert problems == []
    assert wrong_units(cards, places) == []
    assert [one.sentence for one in gaps(cards, places) if one.note is None] == []


def test_every_word_of_the_table_of_units_is_in_the_vocabulary():
    known = vocabulary()
    for name, table in rate_check._COUNTS.items():
        assert set(table) <= set(known[name])
    dimensions = set(rate_check.units.unit_table()["dimension"])
    assert all(
        dimension in dimensions
        for table in rate_check._COUNTS.values()
        for counted in table.values()
        for dimension in counted
    )


# --- the command


def test_the_check_warns_of_holes_and_refuses_wrong_units(tmp_path, capsys):
    other = sold("bedrock", "on_demand", "input", model="Ours")
    holes = [
        rate(select=other, ends="2024-06-01"), rate(select=other, starts="2024-07-01")
    ]  # fmt: skip
    assert cli.run(["rates", "check", str(write_cards(tmp_path, *holes))]) == 0
    printed = capsys.readouterr().out
    card = tmp_path / "cards" / "ours.toml"
    assert f"warning: {card}: rate 1 (Ours, on_demand, input): `ends` 2024-06-01" in printed
    assert "say why not in the `note` of the rate that ends" in printed
    assert "note: 10 holes in packaged cards have a reason each" in printed
    assert "19 cards are valid" in printed
    wrong = write_cards(tmp_path, rate(select=other, unit="image"))
    assert cli.run(["rates", "check", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert str(wrong / "ours.toml") in said
    assert "counts images" in said


def test_the_check_says_everything_at_once(tmp_path, capsys):
    nova = sold("bedrock", "on_demand", "input", provider="Amazon", model="Nova Lite")
    one = write_cards(tmp_path / "one", rate(select=nova, starts="2026-01-01", unit="image"))
    path = one / "ours.toml"
    path.write_text(path.read_text("utf-8").replace('source = "y"\n', ""), "utf-8")
    other = rate(select=nova.replace("Lite", "Pro"), price='"1"') + rate(
        select=nova, starts="2026-01-01"
    )
    two = write_cards(tmp_path / "two", other, name="other")
    (tmp_path / "none").mkdir()
    assert cli.run(["rates", "check", str(one), str(two), str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err.removeprefix("curecon: ").splitlines()
    assert [each.replace(str(tmp_path), "").partition("; ")[0][:72] for each in said] == [
        "/one/cards/ours.toml: `source` is missing",
        "/two/cards/other.toml: rate 1 (Nova Pro, on_demand, input): `price` is n",
        "/one/cards/ours.toml: rate 1 (Nova Lite, on_demand, input) overlaps with",
        "/two/cards/other.toml: rate 2 (Nova Lite, on_demand, input) overlaps wit",
        "/none holds no rate card",
        "/one/cards/ours.toml: rate 1 (Nova Lite, on_demand, input): `unit` 'imag",
    ]


def test_the_check_of_a_folder_without_cards_says_so(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no card")
    assert cli.run(["rates", "check", str(tmp_path)]) == 2
    assert f"{tmp_path} holds no rate card" in capsys.readouterr().err


def test_the_check_without_a_folder_prints_the_reasons_of_packaged_holes(capsys):
    assert cli.run(["rates", "check"]) == 0
    printed = capsys.readouterr().out
    assert "warning" not in printed
    assert printed.count("The card says: ") == 10
    assert "anthropic.toml: rate 3 (Claude 2.0, on_demand, input): `ends` 2024-01-01" in printed


# --- savings plans


PLAN = """
[[savings_plan]]
id = "4a5b6c"
hourly_commitment = 1
starts = {starts}
rates = {{ "{usage_type}" = {price} }}
"""


def noted(tmp_path, capsys, price, usage_type="USE1-Host:ml.c5.xlarge", starts="2026-01-01", *more):
    """Check a contract with one rate of a plan; return what is noted of it."""
    path = tmp_path / "contract.toml"
    path.write_text(PLAN.format(starts=starts, usage_type=usage_type, price=price), "utf-8")
    assert cli.run(["rates", "check", "--contract", str(path), *more]) == 0
    printed = capsys.readouterr().out.splitlines()
    return [line for line in printed if "promises at most" in line]


@pytest.mark.parametrize(
    ("price", "saved"),
    [
        # 0.204 an hour on demand: 64 % off leaves 0.07344, and 64.5 % off 0.07242.
        ("0.0724", "64.51"), ("0.05", "75.49"), ("0", "100"),
        ("0.07242", "64.5"), ("0.07243", None), ("0.07344", None), ("0.1", None), ("0.3", None),
    ],
)  # fmt: skip
def test_a_rate_that_saves_more_than_the_page_promises_is_noted(tmp_path, capsys, price, saved):
    found = noted(tmp_path, capsys, price)
    said = (
        f"note: {tmp_path / 'contract.toml'}: savings_plan 1: `rates.USE1-Host:ml.c5.xlarge` "
        f"{price} saves {saved} % of 0.204 on demand (Amazon SageMaker pricing page), more "
        "than the 64 % that the Amazon SageMaker pricing page promises at most "
        "(checked 2024-10-01); see whether it is right"
    )
    assert found == ([said] if saved else [])


@pytest.mark.parametrize(
    ("usage_type", "starts"),
    [
        ("USE1-AsyncInf:ml.c5.xlarge", "2026-01-01"),  # a plan does not cover it, the page says
        ("USE1-Host:ml.never.sold", "2026-01-01"),  # no rate on demand is known
        ("USE1-What:is.this", "2026-01-01"),
        ("EUC1-Host:ml.c5.xlarge", "2026-01-01"),  # the page's prices are of us-east-1
        ("USE1-Host:ml.c5.xlarge", "2024-06-30"),  # before the page
    ],
)
def test_what_the_page_says_nothing_of_is_not_noted(tmp_path, capsys, usage_type, starts):
    assert noted(tmp_path, capsys, "0.001", usage_type, starts) == []


def offer_of(price, usage_type="USE1-Host:ml.c5.xlarge"):
    """Return AWS's offer of savings plans with one rate; its day is in the time of the page."""
    offer = json.loads((FIXTURES / "savings_plan_offer.json").read_text("utf-8"))
    offer["publicationDate"], offer["regionCode"] = "2026-01-05T00:00:00Z", "us-east-1"
    [term, _] = offer["terms"]["savingsPlan"]
    term["rates"][0] |= {
        "discountedUsageType": usage_type, "discountedRate": {"price": price, "currency": "USD"},
    }  # fmt: skip
    offer["terms"]["savingsPlan"] = [term]
    return offer


@pytest.mark.parametrize(("price", "count"), [("0.05", 1), ("0.1", 0)])
def test_an_offer_of_aws_is_looked_at_too(tmp_path, capsys, price, count):
    path = tmp_path / "offer.json"
    path.write_text(json.dumps(offer_of(price)), "utf-8")
    assert cli.run(["rates", "check", "--price-list", str(path)]) == 0
    said = [one for one in capsys.readouterr().out.splitlines() if "promises at most" in one]
    assert len(said) == count
    code = "offer.json: SageMakerSP:1yrPartialUpfront, rate code 3YPXFW2FJXS3D9VM.25TC687A4JSSSY7E"
    assert all(f"note: {code} (USE1-Host:ml.c5.xlarge) 0.05 saves" in one for one in said)


def test_the_price_list_says_what_the_full_rate_is(tmp_path, capsys):
    """On demand AWS lists 0.1 where the page had 0.204: 0.05 is half of it."""
    item = json.loads((FIXTURES / "get_products_item.json").read_text("utf-8"))
    item["publicationDate"] = "2025-12-01T00:00:00Z"
    item["serviceCode"] = "AmazonSageMaker"
    item["product"]["attributes"] = {
        "usagetype": "USE1-Host:ml.c5.xlarge", "operation": "RunInstance",
        "regionCode": "us-east-1", "servicecode": "AmazonSageMaker",
    }  # fmt: skip
    [term] = item["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    dimension |= {"pricePerUnit": {"USD": "0.1"}, "unit": "Hrs"}
    path = tmp_path / "item.json"
    path.write_text(json.dumps([item]), "utf-8")
    assert noted(tmp_path, capsys, "0.05", "USE1-Host:ml.c5.xlarge", "2026-01-01",
                 "--price-list", str(path)) == []  # fmt: skip
    [said] = noted(tmp_path, capsys, "0.03", "USE1-Host:ml.c5.xlarge", "2026-01-01",
                   "--price-list", str(path))  # fmt: skip
    assert "saves 70 % of 0.1 on demand (AmazonSageMaker" in said


def test_a_contract_or_a_price_list_that_is_wrong_fails_the_check(tmp_path, capsys):
    path = tmp_path / "contract.toml"
    path.write_text("payer = 1", "utf-8")
    assert cli.run(["rates", "check", "--contract", str(path)]) == 2
    printed = capsys.readouterr()
    assert f"{path}: `payer`" in printed.err
    assert printed.out == "", "nothing is half said"
    path = tmp_path / "list.json"
    path.write_text("[", "utf-8")
    assert cli.run(["rates", "check", "--price-list", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_the_page_promises_64_percent_on_what_plans_cover():
    source, [saving] = savings_plans.table()
    assert source == "Amazon SageMaker pricing page"
    assert (saving.percent_max, saving.checked) == (64, date(2024, 10, 1))
    [check] = [one for one in checks.load() if one.name == "plan_not_applied"]
    assert set(saving.capabilities) == set(check.watches) - {"savings_plan"}


SAVING = """
[[saving]]
percent_max = 64
capabilities = ["training"]
starts = 2024-07-01
reference = "x"
checked = 2024-10-01
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SAVING, "`source` is missing"),
        ('source = "y"', "holds no [[saving]] table"),
        ('source = "y"\nsaving = 3', "holds no [[saving]] table"),
        ('source = "y"' + SAVING.replace("64", "101"), "saving 1: `percent_max` is more than 100"),
        ('source = "y"' + SAVING.replace("64", '"64"'), "saving 1: `percent_max` is no number"),
        ('source = "y"' + SAVING.replace("training", "trainin"), "'trainin', which is unknown"),
        ('source = "y"' + SAVING + "rate = 3", "saving 1: `rate` is unknown"),
        ('source = "y"' + SAVING + SAVING.replace("checked", "seen"), "saving 2: `checked` is mis"),
        ("source =", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_table_of_savings_that_is_wrong_is_refused(tmp_path, text, said):
    path = tmp_path / "savings_plans.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RatesInvalid) as raised:
        savings_plans.read(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
