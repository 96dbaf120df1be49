"""Explaining: every line's chain ends at what the ledger expects, and says why at each link."""

# ruff: noqa: RUF001  # a product is written with its sign

import io
import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

import bills
import curecon
from curecon import candidates, checks, cli, explanation, ledger, matching
from curecon.differences import differing
from curecon.errors import OptionInvalid
from curecon.explanation.model import Explanations
from curecon.reconcile import Options, audit, bring_in
from curecon.report import chain
from curecon.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parents[1]
DEMO, CASES = ROOT / "fixtures" / "demo", ROOT / "fixtures" / "cases"
WIDTH = 80

# Nobody publishes prices for this region, so that only the rates of the test price anything.
NOVA = "EUS2-NovaLite-input-tokens"
RATE = {
    "select": {
        "service": "bedrock", "provider": "Amazon", "model": "Nova Lite",
        "capability": "on_demand", "token_type": "input",
    },
    "regions": ["eu-south-2"], "price": "0.003", "unit": "1K tokens", "starts": "2026-09-01",
}  # fmt: skip


def card(folder, *given):
    """Write a card: each rate is `RATE` but for what is given, `select` included."""
    text = 'card = "mine"\nsource = "Own price sheet"\n'
    for number, one in enumerate(given, start=1):
        rate = {**RATE, **one, "select": {**RATE["select"], **one.get("select", {})}}
        select = ", ".join(f'{name} = "{value}"' for name, value in rate["select"].items() if value)
        ends = f"ends = {rate['ends']}\n" if "ends" in rate else ""
        text += (
            f"[[rate]]\nselect = {{ {select} }}\nregions = {json.dumps(rate['regions'])}\n"
            f'price = {rate["price"]}\nunit = "{rate["unit"]}"\nstarts = {rate["starts"]}\n{ends}'
            f'reference = "Line {number}"\nchecked = 2026-09-15\n'
        )
    folder.mkdir(exist_ok=True)
    (folder / "mine.toml").write_text(text, "utf-8")
    return folder


def agreement(path, unit="1K tokens", price="0.0024", starts="2026-01-01"):
    path.write_text(
        f'[[private_rate]]\nselect = {{ usage_type = "{NOVA}" }}\nprice = {price}\n'
        f'unit = "{unit}"\nstarts = {starts}\nreference = "clause 1"\n',
        "utf-8",
    )
    return path


def audited(folder, lines, **known):
    """Audit lines into a ledger; return its path."""
    path = folder / "audit.duckdb"
    bill = bills.write_csv(folder / "bill.csv", bills.with_ids(lines))
    audit([bill], Options(ledger=path, **known))
    return path


def nova(**given):
    return bills.line(line_item_usage_type=NOVA, **{"rate": "0.003", **given})


def every_line(path, **known):
    """Explain every line of a ledger, with what the ledger expects of it."""
    with ledger.reading(path) as con:
        expected = dict(
            con.execute("SELECT line, sum(expected) FROM comparison GROUP BY 1").fetchall()
        )
        lines = [row[0] for row in con.execute("SELECT line FROM lines ORDER BY line").fetchall()]
        found = explanation.explain_lines(con, lines, explanation.known_rates(**known))
    return found, expected


def of_case(name, folder):
    """Audit one of the cases; return the ledger and what is known about prices."""
    case = CASES / name
    options = tomllib.loads((case / "options.toml").read_text("utf-8"))
    known = {}
    if (case / "rates").is_dir():
        known["rates"] = [case / "rates"]
    if (case / "price_list.jsonl").exists():
        known["price_lists"] = [case / "price_list.jsonl"]
    if (case / "contract.toml").exists():
        known["contract"] = case / "contract.toml"
    path = folder / "audit.duckdb"
    services = options.get("services", "ai")
    audit([case / "bill.csv"], Options(ledger=path, services=services, **known))
    return path, known


def shown(*explanations):
    out = io.StringIO()
    chain.show_lines(explanations, Console(file=out, width=WIDTH, force_terminal=False))
    return out.getvalue()


def why(explained):
    """Return the sentences of the candidates by their prices."""
    return {format(one.price.normalize(), "f"): one.why for one in explained.candidates}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    audit([DEMO], Options(ledger=path, contract=DEMO / "contract.toml"))
    return path


@pytest.fixture(scope="module")
def demo_lines(demo):
    return every_line(demo)


def planted(demo, check):
    """Return the explanations of the dearest lines of a check's first finding."""
    found = [one for one in explanation.findings(demo) if one.check == check]
    return explanation.explain_finding(found[0].id, demo).explanations


# --- what must hold for every line


def wrong(found, expected):
    """Return the lines whose arithmetic does not end where the ledger does."""
    return [
        one.line.line
        for one in found
        if one.arithmetic.none_because is None
        and one.arithmetic.expected != expected[one.line.line]
    ]


def unexplained(found):
    return [
        one.line.line
        for one in found
        if one.arithmetic.expected is None
        and (not one.arithmetic.none_because or "does not follow" in one.arithmetic.none_because)
    ]


def test_every_line_of_the_demo_is_explained(demo_lines):
    found, expected = demo_lines
    assert len(found) == len(expected) == 364
    assert wrong(found, expected) == []
    assert unexplained(found) == []
    for one in found:
        assert sum(part.billed for part in one.components) == one.line.billed
        assert sum(part.expected for part in one.components) == expected[one.line.line]


@pytest.mark.parametrize(
    "name",
    [
        "arithmetic_with_twenty_decimals", "commitment_not_honoured_fires", "discount_missing",
        "focus_kinds_of_charge", "human_tasks_beyond_evidence_fires", "plan_not_applied_fires",
        "rate_of_another_usage_type_fires",
        "focus_list_cost_differs", "identical_usage_fires", "provisioned_hours_beyond_the_clock",
        "rate_of_a_line_across_tiers", "savings_plan_covered_at_another_rate",
        "savings_plan_fee_and_rate_differ",
        "services_all_arithmetic_fires", "several_causes_on_one_line", "split_line_children",
        "unpriced_reasons",
    ],
)  # fmt: skip
def test_every_line_of_a_case_is_explained(name, tmp_path):
    path, known = of_case(name, tmp_path)
    # Without what the audit knew, the ledger has to remember it.
    for given in (known, {}) if name in {"discount_missing", "identical_usage_fires"} else (known,):
        found, expected = every_line(path, **given)
        assert wrong(found, expected) == []
        assert unexplained(found) == []
        for one in found:
            taken = [each for each in one.candidates if each.verdict == "taken"]
            assert [each.rate_id for each in one.rates] == sorted(each.rate_id for each in taken)
            assert shown(one)


def test_a_cause_that_a_check_explains_is_said_in_words(tmp_path):
    moving = [one.moves for one in checks.load() if one.moves]
    assert moving
    assert all(re.fullmatch(r"[a-z].{20,}[.]", because) for because in moving)
    path, known = of_case("rate_of_another_usage_type_fires", tmp_path)
    (one,) = [one for one in every_line(path, **known)[0] if len(one.arithmetic.steps) > 3]
    assert (one.arithmetic.product, one.arithmetic.expected) == (Decimal(12), Decimal(3))
    assert "Rate, +9.0000000000: its SKU is of another usage type" in " ".join(one.arithmetic.steps)


def test_a_rate_fits_where_nothing_differs_and_nowhere_else(demo, tmp_path):
    """What `candidates` finds to differ is what keeps `matching` from matching."""
    price_list = tmp_path / "list.jsonl"
    items = [
        bills.price_item("USE1-Host:ml.m5.xlarge", "0.23", "Hrs"),
        bills.price_item("USE1-Host:ml.m5.xlarge", "0.24", "Hrs", sku="B", operation="Other"),
        bills.price_item("USE1-Claude2.0-input-tokens", "0.008", sku="C", region="us-west-2"),
        bills.price_item("USE1-MP:USE1_OutputTokenCount-Units", "15", "Units", sku="D",
                         service_name="Claude 3 Sonnet (Amazon Bedrock Edition)"),
    ]  # fmt: skip
    price_list.write_text("\n".join(items), "utf-8")
    known = explanation.known_rates(price_lists=[price_list], contract=DEMO / "contract.toml")
    fitting = 0
    with ledger.reading(demo) as con:
        keys = con.sql("SELECT * FROM charge_keys WHERE kind IN ('usage', 'covered_usage')").pl()
    for key in keys.iter_slices(1):
        matched = matching.candidates(key, known, list(vocabulary()))
        facts = key.row(0, named=True)
        same = {row["rate_id"] for row in known.iter_rows(named=True) if not differing(row, facts)}
        assert same == set(matched["rate_id"])
        fitting += len(same)
    assert fitting > 20


# --- what was planted in the demo


def test_a_wrong_rate(demo):
    one = planted(demo, "rate_differs")[0]
    assert one.arithmetic.steps == [
        "4 × 1,000 × 0.015 USD per 1K tokens = 60.0000000000.",
        "The bill's Units are 1M tokens here; 1M tokens = 1,000 × 1K tokens, exactly.",
        "Billed 72.0000000000 - expected 60.0000000000 = +12.0000000000.",
        (
            "Tolerance: 0.0000000001 × 24 h + 4 × 0.00000000005 = 0.0000000026; "
            "the difference is beyond it."
        ),
        (
            "Rate, +12.0000000000: the bill's rate is 18, the one in force 15: "
            "4 × (18 - 15) = +12.0000000000."
        ),
    ]
    (rate,) = one.rates
    assert (rate.price, rate.unit, rate.provable) == (Decimal("0.015"), "1K tokens", True)
    assert rate.because == "Its source is as of 2024-07-01, near the usage."
    assert one.candidates[0].verdict == "taken"
    assert "1M tokens is 1,000 × 1K tokens" in one.candidates[0].why
    assert [each.check for each in one.findings] == ["rate_differs"]


def test_a_wrong_unit(demo):
    (one,) = planted(demo, "unit_differs")
    assert "the bill takes 1,000 times what the rate gives." in one.arithmetic.steps[-1]
    assert one.arithmetic.expected == Decimal("6.8")


def test_an_hour_too_many(demo):
    (one,) = planted(demo, "provisioned_hours_exceeded")
    assert (one.arithmetic.quantity, one.arithmetic.right_quantity) == (25, 24)
    assert one.arithmetic.steps[0] == (
        "Of 25 billed, 24 are right: the contract has no more model units."
    )
    assert "1 × 39.6 for what there cannot be" in one.arithmetic.steps[-1]
    others = " ".join(each.why for each in one.candidates)
    assert "Other commitment: 6 months, not 1 month." in others
    assert "Other region: us-west-2, not us-east-1." in others


def test_two_digits_exchanged(demo):
    (one,) = planted(demo, "arithmetic_differs")
    assert one.arithmetic.steps[-1] == (
        "Arithmetic, +0.9000000000: by the bill's own rate 12.5 × 1.515 = 18.9375000000, "
        "and it says 19.8375000000."
    )
    # The contract is not given, but the ledger remembers its rate.
    assert one.candidates[0].why == "The audit took it from the contract, which is not at hand now."
    assert one.rates[0].because == "It is agreed."


def test_a_line_billed_twice(demo):
    (one,) = planted(demo, "duplicate_line")
    assert one.arithmetic.none_because == "A repeated line is owed nothing: 0 is expected."
    assert "one copy is owed, billed 12." in one.arithmetic.steps[0]
    assert [part.component for part in one.components] == ["duplicate"]
    both = explanation.explain(one.line.line_item_id, demo)
    assert [each.components[0].component for each in both] == ["agrees", "duplicate"]
    assert {each.lines_of_id for each in both} == {2}


def test_human_tasks_and_what_nobody_knows(demo):
    human = next(
        one for one in explanation.findings(demo, check="rate_differs") if one.severity != "error"
    )
    (one,) = explanation.explain_finding(human.id, demo).explanations
    assert not one.rates[0].provable
    assert "published nowhere" in one.rates[0].because
    assert one.arithmetic.steps[0] == "40 × 0.21 USD per human task = 8.4000000000."
    (unknown,) = planted(demo, "unpriced_charge")
    assert unknown.unpriced == ("The usage type USE1-Demo-NewMeter is not known.")
    assert unknown.arithmetic.none_because == unknown.unpriced
    assert unknown.candidates == []
    assert "None: no known rate is for its model" in shown(unknown)


def test_plans_taxes_and_credits_say_why_no_arithmetic(demo_lines):
    found, _ = demo_lines
    by_kind = {one.line.kind: one for one in found}
    assert "are not re-priced" in by_kind["tax"].arithmetic.none_because
    negation = by_kind["negation"]
    assert "as sums" in negation.arithmetic.none_because
    assert negation.arithmetic.steps == [
        "Usage that the savings plan covers in this hour, 5.52, and its negations, -5.52, leave 0."
    ]
    assert negation.candidates == []
    assert by_kind["covered_usage"].arithmetic.expected == Decimal("5.52")


# --- why a rate is refused


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """One line, and a card with rates that are nearly for it."""
    folder = tmp_path_factory.mktemp("refusals")
    known = card(
        folder / "rates",
        {"ends": "2026-11-01"},
        {"price": "0.01", "select": {"token_type": "output"}},
        {"price": "0.02", "select": {"tier": "batch"}},
        {"price": "0.03", "regions": ["eu-south-1", "eu-west-3"]},
        {"price": "0.04", "starts": "2025-01-01", "ends": "2026-09-01"},
        {"price": "0.05", "starts": "2026-11-01"},
        {"price": "0.06", "select": {"tier": "batch", "token_type": "output"}},
    )
    path = audited(folder, [nova()], rates=[known])
    (one,) = explanation.explain("line0", path, rates=[known])
    return one


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("0.003", "Every attribute of the charge is the rate's."),
        ("0.01", "Other token type: output, not input."),
        ("0.02", "Other tier: batch, not standard."),
        ("0.03", "Other region: eu-south-1, eu-west-3, not eu-south-2."),
        ("0.04", "Not in force on 2026-10-05: its last day was 2026-08-31."),
        ("0.05", "Not in force on 2026-10-05: it starts on 2026-11-01."),
        ("0.06", "Other token type: output, not input; other tier: batch, not standard."),
    ],
)
def test_a_candidate_says_why(refusals, price, reason):
    assert why(refusals)[price] == reason


def test_candidates_are_few_and_the_nearest(refusals):
    assert len(refusals.candidates) <= candidates.CANDIDATES_MAX
    assert refusals.candidates_left_out > 0, "the packaged cards price Nova Lite elsewhere"
    counts = [len(one.differences) for one in refusals.candidates[1:]]
    assert counts == sorted(counts) or max(counts) <= 2
    verdicts = [one.verdict for one in refusals.candidates]
    assert verdicts == ["taken", *["refused"] * (len(verdicts) - 1)]
    collapsed = next(one for one in refusals.candidates if one.price == Decimal("0.03"))
    assert collapsed.regions == ["eu-south-1", "eu-west-3"]
    differences = [(one.attribute, one.charge) for one in collapsed.differences]
    assert differences == [("region", "eu-south-2")]


def test_a_surer_source_and_one_that_the_audit_did_not_know(tmp_path):
    known = card(tmp_path / "rates", {})
    item = tmp_path / "list.jsonl"
    item.write_text(bills.price_item(NOVA, "0.0035", region="eu-south-2"), "utf-8")
    path = audited(tmp_path, [nova()], rates=[known], price_lists=[item])
    (one,) = explanation.explain("line0", path, rates=[known], price_lists=[item])
    assert why(one)["0.0035"] == "AWS lists it for this usage type, operation and region."
    assert one.rates[0].because == "AWS published it at or before the usage."
    assert why(one)["0.003"] == (
        "A surer source fits: a price list by usage type goes before a rate card."
    )
    agreed = agreement(tmp_path / "contract.toml")
    (later,) = explanation.explain("line0", path, rates=[known], contract=agreed)
    assert "the audit did not judge by it" in why(later)["0.0024"]
    assert why(later)["0.0035"] == "The audit took it from a price list, which is not at hand now."
    assert why(later)["0.003"].startswith("A surer source fits: a price list")


def test_a_unit_that_does_not_convert(tmp_path):
    known, agreed = card(tmp_path / "rates", {}), agreement(tmp_path / "contract.toml", "hour")
    lines = [nova(), nova(pricing_unit=None), nova(pricing_unit="furlongs")]
    path = audited(tmp_path, lines, rates=[known], contract=agreed)
    given = {"rates": [known], "contract": agreed}
    (one,) = explanation.explain("line0", path, **given)
    assert why(one)["0.0024"] == (
        "Its unit, hour, does not convert exactly into the bill's, 1K tokens."
    )
    assert why(one)["0.003"] == "Every attribute of the charge is the rate's."
    (missing,) = explanation.explain("line1", path, **given)
    assert why(missing)["0.003"] == "The bill states no unit, and its price is for 1K tokens."
    assert missing.unpriced == "The bill states no unit for the quantity."
    (unknown,) = explanation.explain("line2", path, **given)
    assert why(unknown)["0.003"] == (
        "The bill's unit, furlongs, is not known, and its price is for 1K tokens."
    )


def test_another_currency_and_a_charge_that_is_not_decoded(tmp_path):
    known = card(tmp_path / "rates", {})
    item = tmp_path / "list.jsonl"
    item.write_text(bills.price_item("USW2-NovaLite-Quux", "0.5", region="us-west-2"), "utf-8")
    lines = [
        nova(line_item_currency_code="EUR"),
        bills.line(line_item_usage_type="EUS2-NovaLite-Quux", rate="0.003"),
    ]
    given = {"rates": [known], "price_lists": [item]}
    path = audited(tmp_path, lines, **given)
    (one,) = explanation.explain("line0", path, **given)
    assert why(one)["0.003"] == "Other currency: USD, not EUR."
    (undecoded,) = explanation.explain("line1", path, **given)
    assert undecoded.charge.undecoded_reason
    # The same usage type under another prefix is the same meter elsewhere.
    assert why(undecoded)["0.5"] == "Other region: us-west-2, not eu-south-2."


def test_several_lists_snapshots_and_the_rate_of_a_plan(tmp_path):
    def item(price, sku, published):
        return bills.price_item(
            NOVA, price, sku=sku, region="eu-south-2", published=f"{published}T00:00:00Z"
        )

    plan = {
        "offerCode": "AmazonSageMaker", "version": "1", "publicationDate": "2026-09-20T00:00:00Z",
        "products": [{"sku": "PLAN", "attributes": {}}],
        "terms": {"savingsPlan": [{"sku": "PLAN", "rates": [{
            "discountedSku": "AAAA", "discountedUsageType": NOVA, "discountedOperation": "",
            "discountedServiceCode": "AmazonBedrock", "discountedRegionCode": "eu-south-2",
            "rateCode": "PLAN.AAAA", "unit": "1K tokens",
            "discountedRate": {"price": "0.0011", "currency": "USD"},
        }]}]},
    }  # fmt: skip
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_text(item("0.0021", "AAAA", "2026-08-01"), "utf-8")
    new.write_text(
        "\n".join([item("0.0031", "BBBB", "2026-09-15"), item("0.0031", "CCCC", "2026-09-15")]),
        "utf-8",
    )
    plans = tmp_path / "plan.json"
    plans.write_text(json.dumps(plan), "utf-8")
    given = {"price_lists": [old, new, plans]}
    path = audited(tmp_path, [nova()], **given)
    (one,) = explanation.explain("line0", path, **given)
    assert one.rates[0].price == Decimal("0.0031")
    assert why(one)["0.0021"] == (
        "Another snapshot of the price list was published nearer to the usage."
    )
    assert why(one)["0.0011"] == (
        "The rate of a savings plan, compared with the plan's own columns alone."
    )
    assert [each.why for each in one.candidates if each.price == Decimal("0.0031")] == [
        "AWS lists it for this usage type, operation and region.",
        "The same price as the rate taken, named before it.",
    ]


def test_what_the_ledger_remembers_is_compared_by_what_it_prices(tmp_path):
    output = NOVA.replace("input", "output")
    item = tmp_path / "list.jsonl"
    items = [
        bills.price_item(name, price, region="eu-south-2")
        for name, price in ((NOVA, "0.0031"), (output, "0.0041"))
    ]
    item.write_text("\n".join(items), "utf-8")
    lines = [nova(), bills.line(line_item_usage_type=output, rate="0.0041")]
    path = audited(tmp_path, lines, price_lists=[item])
    (one,) = explanation.explain("line0", path)
    assert why(one)["0.0031"] == "The audit took it from a price list, which is not at hand now."
    assert why(one)["0.0041"] == "Other token type: output, not input."


def test_ambiguous_rates_name_each_other(tmp_path):
    path, known = of_case("rate_ambiguous", tmp_path)
    ((one,), _) = every_line(path, **known)
    assert one.rates == []
    assert why(one)["0.003"] == "Ambiguous: other rates fit as surely, at another price: 0.0035."
    assert why(one)["0.0035"] == "Ambiguous: other rates fit as surely, at another price: 0.003."


def test_a_line_across_tiers_is_worked_out_in_parts(tmp_path):
    path, known = of_case("rate_of_a_line_across_tiers", tmp_path)
    found, _ = every_line(path, **known)
    first, across, last = found
    assert across.arithmetic.steps[:2] == [
        "400,000 × 0.003 USD per 1K tokens + 200,000 × 0.002 USD per 1K tokens = 1,600.0000000000.",
        "The line crosses tiers of the month's usage, and each part has its price.",
    ]
    assert [one.verdict for one in across.candidates][:2] == ["taken", "taken"]
    assert len(across.rates) == len(across.arithmetic.pieces) == 2
    assert "from 1,000,000 on (1K tokens)" in why(first)["0.002"]
    assert "from 0 up to 1,000,000 (1K tokens)" in why(last)["0.003"]
    assert last.arithmetic.expected == 2


def test_a_list_published_after_the_usage_proves_nothing(tmp_path):
    item = tmp_path / "list.jsonl"
    published = "2026-10-20T00:00:00Z"
    item.write_text(
        bills.price_item(NOVA, "0.0035", region="eu-south-2", published=published), "utf-8"
    )
    path = audited(tmp_path, [nova()], price_lists=[item])
    (one,) = explanation.explain("line0", path, price_lists=[item])
    assert not one.rates[0].provable
    assert "after the usage" in one.rates[0].because
    assert one.candidates[0].why.endswith("published after the usage, and none before is at hand.")
    assert "it starts on 2026-10-20" in one.candidates[1].why


# --- other kinds of lines


def test_a_focus_line_is_judged_at_the_public_price(tmp_path):
    path, known = of_case("focus_discount_is_no_difference", tmp_path)
    with ledger.reading(path) as con:
        ((named,),) = con.execute("SELECT line_item_id FROM comparison").fetchall()
    (one,) = explanation.explain(named, path, **known)
    assert one.arithmetic.expected == one.line.billed == Decimal("2.7")
    assert one.arithmetic.judged == one.arithmetic.product == 3
    assert "billed, after discounts, is 2.7000000000." in one.arithmetic.steps[1]


def test_a_line_is_named_by_its_number_too(tmp_path):
    path, known = of_case("rate_within_rounding", tmp_path)
    with ledger.reading(path) as con:
        _, (number,), *_ = con.execute("SELECT line FROM lines ORDER BY 1").fetchall()
    (one,) = explanation.explain(str(number), path, **known)
    assert one.line.line == number


def test_a_part_of_a_task_and_a_missing_discount(tmp_path):
    for name in ("human", "discount"):
        (tmp_path / name).mkdir()
    path, _ = of_case("human_task_fraction_fires", tmp_path / "human")
    steps = [step for one in every_line(path)[0] for step in one.arithmetic.steps]
    assert any("are right: a part of a human task is none." in step for step in steps)
    path, _ = of_case("discount_missing", tmp_path / "discount")
    last = every_line(path)[0][-1].arithmetic
    assert (last.product, last.expected) == (6, Decimal("5.4"))
    assert last.steps[-2] == (
        "Discount, +0.6000000000: discount missing; no line brings it, so this charge carries it "
        "in the bridge."
    )
    assert (
        last.steps[-1] == "Billed 6.0000000000 - difference +0.6000000000 = expected 5.4000000000."
    )


def test_a_discount_that_never_came_names_the_charges_it_was_promised_for(tmp_path):
    path, _ = of_case("discount_missing", tmp_path)
    (finding,) = explanation.findings(path)
    lines = explanation.explain_finding(finding.id, path).lines
    assert [(one.line_item_id, one.billed, one.difference) for one in lines] == [
        ("b", 0, Decimal("0.6")), ("a", 0, Decimal("0.3")),
    ]  # fmt: skip
    assert finding.difference == sum(one.difference for one in lines)


def test_a_line_that_was_never_audited(tmp_path):
    path = tmp_path / "new.duckdb"
    bring_in([bills.write_csv(tmp_path / "bill.csv", bills.with_ids([nova()]))], path)
    (one,) = explanation.explain("line0", path)
    assert "not audited" in one.arithmetic.none_because
    assert one.components == []
    assert shown(one)


def test_nothing_of_a_bill_reaches_the_terminal_as_it_is(tmp_path):
    evil = "EUS2-\x1b[31m[red]Nova\u202eLite\n"
    lines = [
        bills.line(
            line_item_usage_type=evil, pricing_unit=evil, line_item_resource_id=evil * 50,
            line_item_operation=evil, line_item_line_item_description=evil,
            identity_line_item_id="id\x1b]0;x\x07[bold]",
        )
    ]  # fmt: skip
    path = audited(tmp_path, lines)
    ((one,), _) = every_line(path)
    text = shown(one)
    assert not set("\x1b\x07\u202e") & set(text)
    assert "[red]" in text
    written = explanation.to_json(Explanations(explanations=[one]))
    assert written.isascii()
    assert json.loads(written)["explanations"][0]["line"]["usage_type"].strip() == evil.strip()
    found = explanation.findings(path)
    out = io.StringIO()
    console = Console(file=out, width=WIDTH)
    chain.show_findings(found, console)
    chain.show_finding(explanation.explain_finding(found[0].id, path), console)
    assert not set("\x1b\x07\u202e") & set(out.getvalue())


def test_a_terminal_that_knows_only_ascii_gets_an_explanation(demo_lines):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    chain.show_lines(demo_lines[0][:2], Console(file=out, width=WIDTH))
    out.flush()
    assert b"Arithmetic" in raw.getvalue()


# --- the command line


@pytest.fixture
def at_demo(demo, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("CURECON_EXPLAIN_LEDGER", str(demo))
    monkeypatch.setenv("CURECON_FINDINGS_LIST_LEDGER", str(demo))
    monkeypatch.setenv("CURECON_FINDINGS_SHOW_LEDGER", str(demo))


def said(capsys, *words, status=0):
    assert cli.run(list(words)) == status
    return capsys.readouterr()


def no_binary(text):
    raise AssertionError(f"{text} is no text")


def test_json_is_exact(at_demo, demo, capsys):
    (one,) = planted(demo, "arithmetic_differs")
    words = ["explain", one.line.line_item_id, "--json"]
    first, again = said(capsys, *words).out, said(capsys, *words).out
    assert first == again
    (found,) = json.loads(first, parse_float=no_binary)["explanations"]
    assert found["arithmetic"]["expected"] == "18.9375"
    assert found["components"][0]["difference"] == "0.9"
    assert found["rates"][0]["price"] == "1.515"
    show = said(capsys, "findings", "show", one.findings[0].id, "--json").out
    shown_json = json.loads(show, parse_float=no_binary)
    assert shown_json["explanations"] == [found]
    assert shown_json["finding"]["difference"] == shown_json["lines"][0]["difference"] == "0.9"
    listed = json.loads(said(capsys, "findings", "list", "--format", "json").out)["findings"]
    assert shown_json["finding"] in listed


def test_the_terminal_fits_80_columns(at_demo, demo, capsys):
    ids = [one.id for one in explanation.findings(demo)]
    texts = [said(capsys, "findings", "list").out]
    texts += [said(capsys, "findings", "show", one).out for one in ids[:3]]
    for text in texts:
        assert max(map(len, text.splitlines())) <= WIDTH
    assert texts[1] == said(capsys, "findings", "show", ids[0]).out
    assert "Candidate rates" in texts[1]
    # Lines of one charge have the same candidates, which are printed once.
    assert texts[3].count("The same, for the same reasons") == 2


def test_findings_are_listed_by_what_is_asked_for(at_demo, demo, capsys):
    every = explanation.findings(demo)
    assert len(every) == 15
    assert {one.severity for one in explanation.findings(demo, severity="warning")} == {"warning"}
    with pytest.raises(OptionInvalid, match="has no '2024-07'; it has 2024-06"):
        explanation.findings(demo, period="2024-07")
    table = said(capsys, "findings", "list", "--check", "rate_differs", "--severity", "error").out
    assert "+30.00 USD" in table
    assert "Human" not in table
    empty = said(capsys, "findings", "list", "--check", "negative_usage")
    assert empty.out == "No findings.\n"
    csv = said(capsys, "findings", "list", "--format", "csv").out
    assert csv.count("\r\n") == len(every) + 1
    markdown = said(capsys, "findings", "list", "--format", "markdown").out
    assert markdown.count("\n") == len(every) + 2
    assert said(capsys, "findings", "list", "--severity", "grave", status=2).out == ""


def test_the_beginning_of_an_id_is_enough_where_it_is_clear(at_demo, demo, capsys):
    finding = explanation.findings(demo)[0]
    assert finding.id in said(capsys, "findings", "show", finding.id[:6]).out
    for short in (finding.id[:5], "zzzzzz"):
        failed = said(capsys, "findings", "show", short, status=2)
        assert failed.out == ""
        assert "`curecon findings list` names them all" in failed.err
    line = explanation.explain_finding(finding.id, demo).lines[0]
    assert line.line_item_id in said(capsys, "explain", line.line_item_id[:12]).out
    failed = said(capsys, "explain", "nobody", status=2)
    assert failed.err.startswith("curecon: no line item of the ledger has the id nobody")
    assert "curecon findings list" in failed.err


def test_an_id_with_many_intervals(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    known = card(tmp_path / "rates", {"price": "0.002"})
    lines = [
        nova(start=f"2026-10-{day:02}T10:00:00", identity_line_item_id="same-id")
        for day in range(1, 26)
    ]
    lines += [nova(identity_line_item_id=f"other-{number}") for number in (1, 2)]
    path = audited(tmp_path, lines, rates=[known])
    found = explanation.explain("same-id", path)
    assert len(found) == explanation.LINES_MAX
    assert [one.line.usage_start for one in found] == sorted(one.line.usage_start for one in found)
    assert {one.lines_of_id for one in found} == {25}
    text = said(capsys, "explain", "same-id", "--ledger", str(path)).out
    assert "5 more lines with this id" in text
    interval = "2026-10-25T10:00:00Z/2026-10-25T11:00:00Z"
    alone = ("explain", "same-id", "--ledger", str(path), "--interval")
    text = said(capsys, *alone, interval).out
    assert text.count("As billed") == 1
    assert interval in text
    failed = said(capsys, *alone, "2026", status=2)
    assert "it has 2026-10-01T10:00:00Z/2026-10-01T11:00:00Z, " in failed.err
    with pytest.raises(OptionInvalid, match="2 line items begin with other-; give more"):
        explanation.explain("other-", path)
    finding = explanation.findings(path)[0]
    text = said(capsys, "findings", "show", finding.id, "--ledger", str(path)).out
    assert "Its lines: 27" in text
    assert text.count("As billed") == explanation.DEAREST_MAX
    assert f"SELECT * FROM finding_lines WHERE finding_id = '{finding.id}'" in " ".join(
        text.split()
    )


def test_the_verb_of_the_library(demo):
    finding = explanation.findings(demo, check="arithmetic_differs")[0]
    line = explanation.explain_finding(finding.id, demo).lines[0]
    for _ in range(2):
        (one,) = curecon.explain(line.line_item_id, demo, line.time_interval)
    assert one.line.line == line.line


def test_a_finding_about_no_line(tmp_path, capsys):
    bill = bills.write_csv(tmp_path / "bill.csv", bills.with_ids([nova(bill_invoice_id="inv1")]))
    path = tmp_path / "audit.duckdb"
    audit([bill], Options(ledger=path, invoice_totals={"inv1": Decimal(99), "inv2": Decimal(1)}))
    about = [one for one in explanation.findings(path) if one.check == "invoice_total_differs"]
    for one in about:
        text = said(capsys, "findings", "show", one.id, "--ledger", str(path)).out
        assert "It is about no single line." in text
    assert about
