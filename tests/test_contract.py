"""A contract is read whole or not at all; what is wrong is said with file, table and key."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import curecon
from curecon import agreed, cli, contract, rate_diff, sync
from curecon.errors import ContractInvalid
from curecon.price_list.files import files_of

RATE = """
[[private_rate]]
select = { usage_type = "EUS2-NovaLite-input-tokens" }
price = 0.003
unit = "1K tokens"
starts = 2026-01-01
"""
DISCOUNT = """
[[discount]]
name = "EDP"
percent = 10
starts = 2026-01-01
"""
PLAN = """
[[savings_plan]]
arn = "arn:aws:savingsplans::222222222222:savingsplan/one"
hourly_commitment = 0.9
starts = 2026-01-01
"""
UNITS = """
[[provisioned_throughput]]
model = "Claude Instant"
region = "us-east-1"
model_units = 1
commitment = "1 month"
starts = 2026-01-01
"""
WHOLE = RATE + DISCOUNT + PLAN + UNITS


def written(folder, text):
    path = folder / "contract.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_contract_is_read_with_exact_numbers(tmp_path):
    read = contract.read(written(tmp_path, 'payer = "111111111111"\n' + WHOLE))
    assert read.private_rate[0].price == Decimal("0.003")
    assert read.discount[0].percent == 10
    assert read.savings_plan[0].plan == "one"
    assert read.provisioned_throughput[0].starts == date(2026, 1, 1)


def test_a_byte_order_mark_does_not_matter(tmp_path):
    assert contract.read(written(tmp_path, b"\xef\xbb\xbf" + WHOLE.encode())).discount


MODEL = """
[[private_rate]]
select = { service = "bedrock", provider = "Amazon", model = "Nova Lite", \
capability = "on_demand", token_type = "input" }
price = 0.00005
unit = "1K tokens"
starts = 2026-01-01
"""

WRONG = {
    "an unknown section": ("[[privat_rate]]\nprice = 1", "`privat_rate` is unknown"),
    "an unknown key": (RATE + "prise = 1", "private_rate 1: `prise` is unknown"),
    "a missing price": (RATE.replace("price = 0.003\n", ""), "private_rate 1: `price` is missing"),
    "a missing percent": (
        DISCOUNT.replace("percent = 10\n", ""),
        "discount 1: `percent` is missing",
    ),
    "a rate and a discount in one place": (
        RATE + "order = 2" + DISCOUNT + "order = 2",
        "private_rate 1: `order` 2 is that of the discount 'EDP' too",
    ),
    "a negative price": (
        RATE.replace("0.003", "-0.003"),
        "private_rate 1: `price` is negative; write",
    ),
    "a price that is no number": (RATE.replace("0.003", "nan"), "`price` is no number"),
    "an endless price": (RATE.replace("0.003", "inf"), "`price` is no number"),
    "a price in quotes": (RATE.replace("0.003", '"0.003"'), "`price` is no number"),
    "a price that is true": (RATE.replace("0.003", "true"), "`price` is no number"),
    "a huge exponent": (RATE.replace("0.003", "1e999999"), "digits before the point"),
    "an exponent beyond any": (RATE.replace("0.003", "1e9999999999999999999"), "out of any range"),
    "a tiny exponent": (RATE.replace("0.003", "1e-999999"), "decimals"),
    "thirty digits": (RATE.replace("0.003", "1" * 30), "digits before the point; at most 5 fit"),
    "ten thousand digits": (RATE.replace("0.003", "1" * 10_000), "is not valid TOML"),
    "float noise": (RATE.replace("0.003", "0.30000000000000004"), "has 17 decimals"),
    "dates reversed": (
        RATE + "ends = 2025-01-01",
        "private_rate 1: `ends` 2025-01-01 is not after",
    ),
    "a date with a time": (
        RATE.replace("2026-01-01", "2026-01-01T10:00:00"),
        "`starts` is no date",
    ),
    "a date in quotes": (RATE.replace("2026-01-01", '"2026-01-01"'), "`starts` is no date"),
    "an unknown attribute": (
        RATE.replace("usage_type", "modell"),
        "private_rate 1: `select.modell` is unknown",
    ),
    "an unknown value": (
        RATE.replace("usage_type", "service"),
        "`select.service` is 'EUS2-NovaLite-input-tokens'",
    ),
    "a usage type beside attributes": (
        RATE.replace("{ usage", '{ model = "Nova Lite", usage'),
        "`select.model` stands beside",
    ),
    "nothing selected": (
        RATE.replace('{ usage_type = "EUS2-NovaLite-input-tokens" }', "{}"),
        "`select` is empty",
    ),
    "an unknown unit": (
        RATE.replace('usage_type = "EUS2-NovaLite-input-tokens"', 'model = "Nova Lite"').replace(
            "1K tokens", "1K tokns"
        ),
        "private_rate 1: `unit` '1K tokns' is unknown",
    ),
    "a rate for a model nobody knows": (
        MODEL.replace("Nova Lite", "Nova Liet"),
        "`select.model` is 'Nova Liet', a model that is unknown; the nearest that is known is",
    ),
    "a rate for a model of another provider": (
        MODEL.replace('provider = "Amazon"', 'provider = "Meta"'),
        "private_rate 1: `select.provider` is 'Meta', but Nova Lite is of Amazon",
    ),
    "a rate without a capability": (
        MODEL.replace('capability = "on_demand", ', ""),
        "private_rate 1: `select.capability` is missing",
    ),
    "a rate without a service": (
        MODEL.replace('service = "bedrock", provider = "Amazon", model = "Nova Lite", ', ""),
        "private_rate 1: `select.service` is missing",
    ),
    "two names of one model": (
        MODEL + MODEL.replace('"Nova Lite"', '"amazon.nova-lite-v1:0"'),
        "private_rate 2: overlaps private_rate 1: both select the same",
    ),
    "no region code": (RATE + 'regions = ["Ohio"]', "`regions.0` is no region code"),
    "a discount in a region nobody knows": (
        DISCOUNT + 'regions = ["us-esat-1"]',
        (
            "discount 1: `regions.0` is 'us-esat-1', a region that is unknown; "
            "the nearest that is known is 'us-east-1'"
        ),
    ),
    "model units in a region nobody knows": (
        UNITS.replace("us-east-1", "eu-centrall-1"),
        (
            "provisioned_throughput 1: `region` is 'eu-centrall-1', a region that is unknown; "
            "the nearest that is known is 'eu-central-1'"
        ),
    ),
    "model units of a model nobody knows": (
        UNITS.replace("Claude Instant", "Nova Prooo"),
        (
            "provisioned_throughput 1: `model` is 'Nova Prooo', a model that is unknown; "
            "the nearest that is known is 'Nova Pro'"
        ),
    ),
    "a region twice": (RATE + 'regions = ["us-east-1", "us-east-1"]', "names a region twice"),
    "two rates for one day": (RATE + RATE, "private_rate 2: overlaps private_rate 1"),
    "a rate for a region beside one for all": (
        RATE + RATE + 'regions = ["us-east-1"]',
        "private_rate 2: overlaps private_rate 1",
    ),
    "a rate for all beside one for a region": (
        RATE + 'regions = ["us-east-1"]' + RATE,
        "private_rate 2: overlaps private_rate 1",
    ),
    "one plan twice": (PLAN + PLAN, "savings_plan 2: overlaps savings_plan 1"),
    "a plan without a name": (
        PLAN.replace('arn = "arn:aws:savingsplans::222222222222:savingsplan/one"', ""),
        "savings_plan 1: has either `arn` or `id`",
    ),
    "a negative commitment": (
        PLAN.replace("0.9", "-1"),
        "savings_plan 1: `hourly_commitment` is negative; write 0 or more",
    ),
    "a negative plan rate": (
        PLAN + 'rates = { "USE1-Host:ml.m5.xlarge" = -1 }',
        "`rates.USE1-Host:ml.m5.xlarge` is neg",
    ),
    "a discount twice": (
        DISCOUNT + DISCOUNT,
        "discount 2: overlaps discount 1: both have one `name`",
    ),
    "discounts that take more than all": (
        DISCOUNT.replace("10", "60")
        + DISCOUNT.replace("10", "60").replace("EDP", "PPA")
        + "compounds = false",
        "from 2026-01-01 on the discounts of bedrock take 120 % of a charge; lower one",
    ),
    "discounts that take more than all in one region": (
        DISCOUNT.replace("10", "60")
        + 'regions = ["us-east-1"]'
        + DISCOUNT.replace("10", "60").replace("EDP", "PPA")
        + "compounds = false",
        "the discounts of bedrock in us-east-1 take 120 % of a charge",
    ),
    "a discount above all": (DISCOUNT.replace("10", "101"), "`percent` is more than 100 percent"),
    "a discount below nothing": (DISCOUNT.replace("10", "-1"), "`percent` is negative"),
    "a service nobody knows": (DISCOUNT + 'services = ["bedrok"]', "discount 1: `services.0`"),
    "a line type nobody knows": (DISCOUNT + 'line_type = "Edp"', "discount 1: `line_type`"),
    "marketplace as a text": (
        DISCOUNT + 'marketplace = "no"',
        "`marketplace` must be true or false",
    ),
    "no model units": (UNITS.replace("= 1\n", "= 0\n"), "provisioned_throughput 1: `model_units`"),
    "half a model unit": (UNITS.replace("= 1\n", "= 1.5\n"), "`model_units` is no whole number"),
    "a commitment nobody sells": (UNITS.replace("1 month", "2 weeks"), "`commitment` is '2 weeks'"),
    "a section that is no list": ("discount = 10", "`discount` is no list of tables"),
    "a table that is no table": ("discount = [10]", "discount 1: is no table"),
    "a payer as a number": ("payer = 111111111111", "`payer` is no text; put it in quotes"),
    "a payer too short": ('payer = "1"', "`payer` is no account"),
    "a currency in words": ('currency = "dollar"', "`currency` is no currency code"),
    "a credit of less than nothing": (
        '[[credit]]\nname = "a"\namount = -5\nstarts = 2026-01-01',
        "credit 1: `amount` is negative",
    ),
    "a free tier for the world": (
        '[free_tier]\nstarts = 2026-01-01\nscope = "world"',
        "free_tier: `scope`",
    ),
    "a tax above all": ("[tax]\nrate = 101", "tax: `rate` is more than 100 percent"),
    "latin-1": ('source = "Vertrag f\xfcr 2026"'.encode("latin-1"), "is not UTF-8 text"),
    "a key twice": ("[tax]\nrate = 1\nrate = 2", "is not valid TOML"),
    "half a table": ("[[private_rate", "is not valid TOML"),
    "a deep nest": ("source = " + "[" * 100_000, "is not valid TOML: nested too deeply"),
    "zeros": (b"\x00" * 100, "is not valid TOML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_file_table_and_key(name, tmp_path):
    text, said = WRONG[name]
    path = written(tmp_path, text)
    with pytest.raises(ContractInvalid) as refused:
        contract.read(path)
    assert said in str(refused.value)
    assert all(line.startswith(str(path)) for line in str(refused.value).splitlines())


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    text = RATE.replace("0.003", "-1") + DISCOUNT.replace("10", "-1")
    with pytest.raises(ContractInvalid) as refused:
        contract.read(written(tmp_path, text))
    assert len(str(refused.value).splitlines()) == 2


def test_what_is_right_by_itself_is_held_against_the_rest_whatever_else_is_wrong(tmp_path):
    text = (
        "payer = 1\n"
        + RATE.replace("0.003", "-1").replace("2026-01-01", "2026-01-01\nends = 2025-01-01")
        + MODEL.replace("Nova Lite", "Nova X").replace("on_demand", "demand")
        + RATE + RATE
        + PLAN.replace("hourly_commitment = 0.9", "id = 'x'\nprise = 3")
        + UNITS.replace("Claude Instant", "Nova Prooo").replace("1 month", "2 weeks")
        + DISCOUNT + DISCOUNT.replace("10", "101") + DISCOUNT
        + "[tax]\nrate = 101\n"
    )  # fmt: skip
    path = written(tmp_path, text)
    with pytest.raises(ContractInvalid) as refused:
        contract.read(path)
    said = [line.removeprefix(f"{path}: ") for line in str(refused.value).splitlines()]
    assert [line.partition(";")[0][:62] for line in said] == [
        "private_rate 1: `price` is negative",
        "private_rate 1: `ends` 2025-01-01 is not after `starts` 2026-0",
        "private_rate 2: `select.capability` is 'demand'",
        "private_rate 2: `select.model` is 'Nova X', a model that is un",
        "discount 2: `percent` is more than 100 percent",
        "savings_plan 1: `hourly_commitment` is missing",
        "savings_plan 1: `prise` is unknown",
        "savings_plan 1: has either `arn` or `id`",
        "tax: `rate` is more than 100 percent",
        "`payer` is no text",
        "provisioned_throughput 1: `model` is 'Nova Prooo', a model tha",
        "provisioned_throughput 1: `commitment` is '2 weeks'",
        "private_rate 4: overlaps private_rate 3: both select the same ",
        "discount 3: overlaps discount 1: both have one `name` on 2026-",
    ]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("Nova Lite", 'provider = "Amazon", '),
        ("nova lite", ""),
        ("amazon.nova-lite-v1:0", ""),
        ("us.amazon.nova-lite-v1:0", 'provider = "amazon", '),
    ],
)
def test_a_private_rate_names_its_model_as_charges_do(tmp_path, model, provider):
    text = MODEL.replace("Nova Lite", model).replace('provider = "Amazon", ', provider)
    text = text.replace('service = "bedrock", ', "")
    [row] = agreed.private_rates(contract.read(written(tmp_path, text))).to_dicts()
    named = (row["service"], row["provider"], row["model"])
    assert named == ("bedrock", "Amazon", "Nova Lite")


def test_an_imported_model_may_have_a_private_rate(tmp_path):
    text = MODEL.replace(
        'provider = "Amazon", model = "Nova Lite", capability = "on_demand", token_type = "input"',
        'model = "Flan", capability = "custom_model_import", variant = "v1"',
    ).replace("1K tokens", "custom model unit minute")
    assert contract.read(written(tmp_path, text)).private_rate[0].priced["model"] == "Flan"


def test_what_is_no_file_is_refused(tmp_path):
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for path, told in (
        (tmp_path, "is not a file that can be read$"),
        (tmp_path / "none.toml", "is not a file that can be read; nothing is there"),
        (loop, "is not a file that can be read; nothing is there"),
    ):
        with pytest.raises(ContractInvalid, match=told):
            contract.read(path)


@pytest.mark.parametrize(
    "second",
    [
        DISCOUNT.replace("10", "60").replace("EDP", "PPA"),
        DISCOUNT.replace("10", "40").replace("EDP", "PPA") + "compounds = false",
        DISCOUNT.replace("10", "60").replace("EDP", "PPA").replace("2026-01-01", "2026-06-01")
        + "compounds = false",
    ],
    ids=["of what is left", "all of it", "later"],
)
def test_discounts_may_take_all_and_not_more(tmp_path, second):
    first = DISCOUNT.replace("10", "60") + "ends = 2026-06-01"
    assert len(contract.read(written(tmp_path, first + second)).discount) == 2


def test_tables_that_follow_each_other_do_not_overlap(tmp_path):
    first = RATE + "ends = 2026-06-01"
    second = RATE.replace("2026-01-01", "2026-06-01")
    elsewhere = RATE.replace("NovaLite", "NovaPro")
    assert len(contract.read(written(tmp_path, second + first + elsewhere)).private_rate) == 3


def test_the_example_of_the_documentation_is_a_contract(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "contract.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    read = contract.read(written(tmp_path, example))
    said = {*read.model_fields_set, "source"}
    assert said == set(contract.Contract.model_fields), "the page shows every section"


def test_an_order_says_what_a_discount_is_taken_of(tmp_path):
    """10 % first: of the public cost; then the private rate; then 20 % of what that leaves.

    Of the public cost P and the private rate p, 0.1 P are taken, and 0.2 (p - 0.1 P).
    """
    last = DISCOUNT.replace("EDP", "last").replace("10", "20") + 'order = 3\nline_type = "Discount"'
    text = RATE + "order = 2" + DISCOUNT + "order = 1" + last
    shares = agreed.private_shares(contract.read(written(tmp_path, text)))
    usage = shares.filter(service="bedrock", region="*", marketplace=False)
    assert {
        row["line_type"]: (row["of_public"], row["of_private"]) for row in usage.rows(named=True)
    } == {
        "EdpDiscount": (Decimal("0.1"), Decimal(0)),
        "Discount": (Decimal("-0.02"), Decimal("0.2")),
    }
    silent = contract.read(written(tmp_path, RATE + DISCOUNT))
    assert agreed.private_shares(silent).is_empty()


@pytest.mark.parametrize("spelling", ["Claude Instant", "anthropic.claude-instant-v1"])
def test_a_model_of_a_commitment_is_named_as_charges_are(tmp_path, spelling):
    read = contract.read(written(tmp_path, UNITS.replace("Claude Instant", spelling)))
    assert agreed.model_units(read)["model"].to_list() == ["Claude Instant"]


def test_an_empty_contract_agrees_nothing(tmp_path):
    assert contract.read(written(tmp_path, "")) == contract.read(None)


def test_services_may_be_written_as_aws_names_them(tmp_path):
    text = DISCOUNT + 'services = ["AmazonBedrock", "Amazon SageMaker"]'
    read = contract.read(written(tmp_path, text))
    assert read.discount[0].services == ["bedrock", "sagemaker"]


def test_the_command_line_ends_with_2_and_names_the_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, RATE.replace("0.003", "-1"))
    (tmp_path / "bill.csv").write_text("a\n")
    assert cli.run(["audit", "bill.csv", "--contract", "contract.toml"]) == cli.FAILED
    assert "contract.toml: private_rate 1: `price` is negative" in capsys.readouterr().err
    assert not (tmp_path / "curecon.duckdb").exists()


def test_a_part_upfront_plan_states_its_hourly_fee(tmp_path):
    text = PLAN + 'payment = "Partial Upfront"\nrecurring = 0.45'
    (row,) = agreed.plans(contract.read(written(tmp_path, text))).rows(named=True)
    assert (row["plan"], row["recurring"]) == ("one", Decimal("0.45"))


# --- price lists are told apart by what they are, not by the way to them


def test_one_file_reached_by_several_ways_is_read_once(tmp_path):
    first = tmp_path / "a.json"
    first.write_text("{}")
    (tmp_path / "b.json").symlink_to(first)
    os.link(first, tmp_path / "c.json")
    other = tmp_path / "d.json"
    other.write_text("{}")
    ways = [tmp_path, first, tmp_path / "." / "a.json"]
    assert [path.name for path, _ in files_of(ways)] == ["a.json", "d.json"]


def test_the_verbs_of_the_command_line_are_functions():
    assert curecon.rates_diff is rate_diff.diff
    assert curecon.rates_sync is sync.sync
    assert curecon.Asked is sync.Asked
