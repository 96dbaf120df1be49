"""Every worked example of the two pricing pages, priced by the path of a bill.

A case is a folder of fixtures/worked_examples: `usage.toml` is what the example uses, and
`expected.toml` what the page states, what is right by hand, and the page's slips as errata. Each
figure that the page prints must be right, right but for a stated rounding, or off by exactly its
errata. fixtures/worked_examples/README.md says what a case holds, and lists the errata.
"""

import csv
import json
import re
import tomllib
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import duckdb
import pytest

import curecon
from bills import line, write_csv
from curecon import cli
from curecon.decode import decode_one

ROOT = Path(__file__).parents[1]
CASES = ROOT / "fixtures" / "worked_examples"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
PAGES = {"bedrock": "bedrock.tr.txt", "sagemaker": "sagemaker.de.txt"}
# The first line of the examples of each page.
STARTS = {"bedrock": 487, "sagemaker": 257}

KEYS = {"page", "lines", "example", "quote", "note", "component", "total", "erratum"}
COMPONENT = {"name", "usage", "computed", "stated"}
ERRATUM = {"of", "what", "line", "stated", "computed", "difference", "why"}
KINDS = ("cost", "rate", "quantity")


@cache
def expected(case):
    text = (case / "expected.toml").read_text("utf-8")
    return tomllib.loads(text, parse_float=Decimal)


@cache
def usages(case):
    return tomllib.loads((case / "usage.toml").read_text("utf-8"), parse_float=Decimal)["usage"]


def components(case):
    """The components of a case, with the total as the last of them."""
    said = expected(case)
    total = {"name": "total", "usage": [one["name"] for one in usages(case)], **said["total"]}
    return [{"usage": [one["name"]], "stated": [], **one} for one in said["component"]] + [
        {"stated": [], **total}
    ]


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """The lines of each case as the path of a bill prices them; all usage is priced in one run."""
    path = tmp_path_factory.mktemp("usage") / "all.toml"
    path.write_text(
        "\n".join((case / "usage.toml").read_text("utf-8") for case in FOLDERS), "utf-8"
    )
    rest = list(curecon.price(path).lines)
    return {case: [rest.pop(0) for _ in usages(case)] for case in FOLDERS}


def lines(found, component):
    named = {one.name: one for one in found}
    return [named[name] for name in component["usage"]]


# --- we compute the right value


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_the_path_of_a_bill_computes_what_was_worked_out_by_hand(case, priced):
    found = priced[case]
    assert [one.reason for one in found] == [None] * len(found)
    for component in components(case):
        computed = sum(one.expected for one in lines(found, component))
        assert computed == component["computed"], component["name"]
    assert {name for one in components(case)[:-1] for name in one["usage"]} == {
        one["name"] for one in usages(case)
    }, "every usage is part of a component"


def test_a_case_by_itself_is_priced_as_among_the_others(priced, capsys):
    case = CASES / "sagemaker_14_provisioned_concurrency"
    assert cli.run(["price", str(case / "usage.toml"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["total"] == "173.208"
    assert [Decimal(one["expected"]) for one in said["lines"]] == [
        one.expected for one in priced[case]
    ]


# --- and the page's value differs by exactly its errata


def truth(found, what):
    """What a figure should have been: the cost, the rate or the quantity of some lines."""
    if what == "cost":
        return sum(one.expected for one in found)
    if what == "quantity":
        return sum(one.quantity for one in found)
    (rate,) = {one.rate.price for one in found}
    return rate


def unexplained(value, right, rounded_to, errata):
    """Follow a figure through its errata, each from what it states to what it computes.

    Returns what is left unexplained, 0 where the figure holds, and the errata that were needed.
    """
    needed = []
    while value != right:
        if rounded_to is not None and value == rounded(right, rounded_to):
            break
        following = [one for one in errata if one["stated"] == value and one not in needed]
        if not following:
            return value - right, needed
        needed.append(following[0])
        value = following[0]["computed"]
    return Decimal(0), needed


def rounded(number, places):
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_every_figure_of_the_page_holds_but_for_its_errata(case, priced):
    needed = []
    errata = expected(case).get("erratum", [])
    for component in components(case):
        for figure in component["stated"]:
            (what,) = set(figure) & set(KINDS)
            right = truth(lines(priced[case], component), what)
            mine = [one for one in errata if (one["of"], one["what"]) == (component["name"], what)]
            rest, chain = unexplained(figure[what], right, figure.get("rounded_to"), mine)
            assert rest == 0, f"{component['name']}, line {figure['line']}: {what} is off by {rest}"
            needed += chain
    idle = [one for one in errata if one["what"] != "words" and one not in needed]
    assert idle == [], "an erratum that no figure of the page needs"


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_a_case_is_well_formed(case):
    said = expected(case)
    assert set(said) <= KEYS
    assert said["example"]
    assert said["page"] in PAGES
    first, last = said["lines"]
    names = [one["name"] for one in components(case)]
    assert len(set(names)) == len(names)
    for one in components(case):
        assert set(one) <= COMPONENT
        for figure in one["stated"]:
            assert set(figure) <= {"line", "rounded_to", *KINDS}
            assert first <= figure["line"] <= last
    for one in said.get("erratum", []):
        assert set(one) == ERRATUM
        assert one["of"] in names
        assert first <= one["line"] <= last
        assert one["why"].endswith(".")
        if one["what"] == "words":
            assert one["difference"] == 0
            assert one["stated"] != one["computed"]
        else:
            assert one["what"] in KINDS
            assert one["stated"] - one["computed"] == one["difference"] != 0


@pytest.mark.parametrize(
    ("value", "right", "places", "errata", "rest"),
    [
        ("1", "1", None, [], "0"),
        ("0.04", "0.037", 2, [], "0"),
        ("0.03", "0.037", 2, [], "-0.007"),
        ("0.04", "0.037", None, [], "0.003"),
        ("5", "3", None, [("5", "4"), ("4", "3")], "0"),
        ("5", "3", None, [("5", "4")], "1"),
        ("5", "3", None, [("5", "4"), ("4", "5")], "2"),
        ("6", "3", None, [("5", "3")], "3"),
    ],
)
def test_an_erratum_must_lead_from_the_figure_to_what_is_right(value, right, places, errata, rest):
    chain = [{"stated": Decimal(a), "computed": Decimal(b)} for a, b in errata]
    left, _ = unexplained(Decimal(value), Decimal(right), places, chain)
    assert left == Decimal(rest)


# --- no example is skipped


def printed(page):
    """Every money figure that the examples of a page print, by line."""
    path = ROOT / "fixtures" / "rates" / f"{page}-figures.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return Counter(
            (int(row["line"]), Decimal(row["printed"].replace(".", "").replace(",", ".")))
            for row in csv.DictReader(file)
            if int(row["line"]) >= STARTS[page]
        )


@pytest.mark.parametrize("page", PAGES)
def test_every_money_figure_of_the_examples_stands_in_a_case_once(page):
    claimed = Counter(
        (figure["line"], Decimal(figure.get("cost", figure.get("rate"))))
        for case in FOLDERS
        if expected(case)["page"] == page
        for component in components(case)
        for figure in component["stated"]
        if "quantity" not in figure
    )
    assert printed(page) - claimed == Counter(), "printed by the page, and in no case"
    assert claimed - printed(page) == Counter(), "in a case, and not printed by the page"


def page_lines(page):
    path = ROOT.parent / "shared" / "pricing-pages" / PAGES[page]
    if not path.is_file():
        pytest.skip("the pages themselves are not part of the repository")
    lines = path.read_text("utf-8").split("\n")
    # The pages have spaces of several kinds, some of them doubled.
    return {number: plain(line) for number, line in enumerate(lines, start=1)}


def plain(text):
    return " ".join(text.split())


def examples(page, text):
    """The line that makes each example of a page: a formula, a table, or the example's opening."""
    found = [number for number in text if number >= STARTS[page]]
    if page == "bedrock":
        pattern = r"\bmaliyet\b.*?[=:].*USD\.?$|^Öğe\b"
        return [number for number in found if re.search(pattern, text[number])]
    return [number for number in found if re.search(r"^• |Im nächsten Beispiel", text[number])]


@pytest.mark.parametrize(("page", "count"), [("bedrock", 29), ("sagemaker", 20)])
def test_every_example_of_the_page_is_one_case(page, count):
    text = page_lines(page)
    starts = examples(page, text)
    assert len(starts) == count
    ranges = [expected(case)["lines"] for case in FOLDERS if expected(case)["page"] == page]
    assert len(ranges) == count
    for number in starts:
        assert sum(first <= number <= last for first, last in ranges) == 1, f"line {number}"


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_what_a_case_quotes_stands_on_the_page(case):
    said = expected(case)
    text = page_lines(said["page"])
    first, last = said["lines"]
    assert said["quote"]
    assert any(plain(said["quote"]) in text[number] for number in range(first, last + 1))
    for one in said.get("erratum", []):
        if one["what"] == "words":
            assert plain(one["stated"]) in text[one["line"]]


# --- by AWS's own words, and no word is invented


WORDS = [(case, one) for case in FOLDERS for one in usages(case) if "usage_type" in one]


def test_a_usage_type_is_one_that_was_seen_on_real_bills_or_price_lists():
    assert len(WORDS) >= 25
    for _, usage in WORDS:
        read = decode_one(usage["usage_type"])
        assert read["undecoded_reason"] is None, usage
        assert read["grade"] == "real", usage


def audited(bill, tmp_path):
    """Audit lines by their ids: (component, expected, difference) of each."""
    path = write_csv(tmp_path / "bill.csv", bill)
    ledger = tmp_path / "ledger.duckdb"
    curecon.audit([path], curecon.Options(ledger=ledger))
    with duckdb.connect(str(ledger), read_only=True) as con:
        rows = con.execute(
            "SELECT line_item_id, string_agg(component, '+' ORDER BY component), sum(expected), "
            "sum(difference) FROM comparison GROUP BY 1"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def bill_line(case, usage, found, billed):
    bedrock = expected(case)["page"] == "bedrock"
    return line(
        period=str(usage["date"])[:7],
        start=f"{usage['date']}T00:00:00",
        quantity=found.quantity,
        rate=None,
        line_item_unblended_cost=billed,
        line_item_product_code="AmazonBedrock" if bedrock else "AmazonSageMaker",
        line_item_usage_type=usage["usage_type"],
        line_item_resource_id=f"{case.name}/{usage['name']}",
        identity_line_item_id=f"{case.name}/{usage['name']}",
        pricing_unit=found.unit,
    )


def test_an_audit_of_the_same_usage_expects_the_same(priced, tmp_path):
    bill, right = [], {}
    for case, usage in WORDS:
        (found,) = (one for one in priced[case] if one.name == usage["name"])
        bill.append(bill_line(case, usage, found, found.expected))
        right[bill[-1]["identity_line_item_id"]] = ("agrees", found.expected, Decimal(0))
    assert audited(bill, tmp_path) == right


def test_an_audit_of_a_bill_at_the_figures_of_the_page_finds_the_errata(priced, tmp_path):
    bill, right = [], {}
    for case, usage in WORDS:
        (found,) = (one for one in priced[case] if one.name == usage["name"])
        errata = [one for one in expected(case).get("erratum", []) if one["what"] == "cost"]
        mine = [one for one in errata if one["of"] == usage["name"]]
        if not mine:
            continue
        bill.append(bill_line(case, usage, found, mine[0]["stated"]))
        difference = sum(one["difference"] for one in mine)
        # A point for a comma is a factor of a thousand, which is a unit taken for another.
        cause = "unit" if mine[0]["stated"] == found.expected * 1000 else "rate"
        right[bill[-1]["identity_line_item_id"]] = (cause, found.expected, difference)
    assert len(bill) >= 4
    assert audited(bill, tmp_path) == right


# --- the list of errata


def errata_table():
    """The page's slips, as README.md of the cases lists them."""
    rows = ["| page, line | of | stated | right | difference | why |", "|---|---|---|---|---|---|"]
    for case in FOLDERS:
        said = expected(case)
        for one in said.get("erratum", []):
            cells = [
                f"{said['page']}, {one['line']}",
                f"{one['of']}: {one['what']}",
                str(one["stated"]),
                str(one["computed"]),
                "" if one["what"] == "words" else str(one["difference"]),
                one["why"],
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def test_the_readme_lists_every_erratum():
    assert errata_table() in (CASES / "README.md").read_text("utf-8")
