"""A bill that is changed in a way whose effect is known: findings stay the same, or scale."""

import csv
import gzip
import io
import random
from decimal import Decimal

import pytest

import bills
from curecon import ledger
from curecon.reconcile import Options, audit
from curecon.simulate import simulate

RIGHT, WRONG = "0.00006", "0.00012"
OTHER = bills.line(
    line_item_product_code="AmazonEC2", line_item_usage_type="USE1-BoxUsage:m5.large",
    pricing_unit="Hrs", quantity="3", rate="0.096",
)  # fmt: skip


def month(scale=1):
    """Hours billed at the right rate, at twice that, and for more than quantity times rate."""
    lines = []
    for day in range(1, 9):
        rate = WRONG if day % 4 == 0 else RIGHT
        extra = Decimal(scale) if day % 3 == 0 else 0
        quantity = 1000 * day * scale
        lines.append(
            bills.line(
                start=f"2026-10-0{day}T10:00:00", quantity=quantity, rate=rate,
                line_item_unblended_cost=quantity * Decimal(rate) + extra,
            )
        )  # fmt: skip
    return bills.with_ids(lines)


@pytest.fixture
def found(tmp_path):
    prices = tmp_path / "prices.jsonl"
    prices.write_text(bills.price_item(bills.USAGE_TYPE, RIGHT))
    numbers = iter(range(100))

    def run(*parts, ledger=None):
        files = [bills.write_csv(tmp_path / f"bill{next(numbers)}.csv", part) for part in parts]
        path = tmp_path / f"{ledger or next(numbers)}.duckdb"
        return audit(files, Options(ledger=path, price_lists=[prices]))

    return run


def dollars(result):
    return {one.id: (one.check, one.severity, one.difference) for one in result.findings}


def test_quantities_k_times_as_large_have_findings_k_times_as_large(found):
    plain, scaled = found(month()), found(month(7))
    assert any(one.category == "rate" for one in plain.findings)
    assert any(one.category == "arithmetic" for one in plain.findings)
    assert dollars(scaled) == {
        name: (check, severity, 7 * difference)
        for name, (check, severity, difference) in dollars(plain).items()
    }
    assert [(row.component, row.amount) for row in scaled.bridge] == [
        (row.component, 7 * row.amount) for row in plain.bridge
    ]


def test_a_line_of_another_service_changes_nothing_but_totals(found):
    plain, more = found(month()), found([*month(), OTHER])
    assert more.findings == plain.findings
    assert more.bridge == plain.bridge
    [before], [after] = plain.totals, more.totals
    assert (after.lines, after.billed) == (before.lines + 1, before.billed + Decimal("0.288"))
    assert (after.in_scope_lines, after.in_scope_billed, after.expected) == (
        before.in_scope_lines, before.in_scope_billed, before.expected,
    )  # fmt: skip


def test_lines_of_another_service_are_kept_and_said_to_be_so_whatever_their_type(tmp_path):
    types = ("Usage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "DiscountedUsage", "Novel")
    lines = [OTHER | {"line_item_line_item_type": one} for one in types]
    lines[2] |= {"line_item_unblended_cost": "-0.288"}  # what cancels the line before it
    lines += [OTHER | {"line_item_line_item_type": "Tax"}]
    bill = bills.write_csv(tmp_path / "bill.csv", bills.with_ids(lines))
    audit([bill], Options(ledger=tmp_path / "l.duckdb", services="all"))
    with ledger.reading(tmp_path / "l.duckdb") as con:
        said = con.execute(
            "SELECT l.line_item_line_item_type, c.component, c.reason FROM comparison AS c "
            "JOIN line_items AS l ON l.identity_line_item_id = c.line_item_id"
        ).fetchall()
    assert sorted(said) == sorted(
        [("Tax", "not_repriced", "Tax"), *((one, "not_repriced", "other_service") for one in types)]
    )


def test_two_audits_of_one_bill_are_one(found):
    once = found(month(), ledger="twice")
    twice = found(month(), ledger="twice")
    assert (twice.findings, twice.bridge, twice.totals) == (
        once.findings, once.bridge, once.totals,
    )  # fmt: skip


# --- a bill with all that AWS bills, and with an error of every kind


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    """An invented month: the words to audit it by, its columns, and its rows."""
    world = tmp_path_factory.mktemp("world") / "w"
    simulate(world, lines=2_500, seed=11, formats=["cur2-csv"], errors="all")
    header, rows = [], []
    # A bill is delivered anew after the end of the month; the last delivery is the bill.
    files = sorted((world / "bill").rglob("*.csv.gz"))
    for path in (one for one in files if one.parent == files[-1].parent):
        with gzip.open(path) as file:
            header, *more = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
            rows += more
    options = {"price_lists": [world / "price_list"], "contract": world / "contract.toml"}
    return options, header, rows


@pytest.fixture
def told(invented, tmp_path):
    """Audit files of rows, and return everything that is not about the run itself."""
    options, _, _ = invented
    numbers = iter(range(100))

    def run(header, *parts):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        for number, part in enumerate(parts):
            with (folder / f"{number}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *part])
        result = audit([folder], Options(ledger=folder / "l.duckdb", **options))
        return result.findings, result.bridge, result.totals

    return run


def test_the_order_of_lines_and_columns_and_the_number_of_files_change_nothing(invented, told):
    _, header, rows = invented
    chance = random.Random(4)  # noqa: S311  # chance, not secrecy
    as_delivered = told(header, rows)
    assert len({one.check for one in as_delivered[0]}) > 20, "the bill shows too little"
    shuffled = chance.sample(rows, len(rows))
    assert told(header, *(shuffled[part::5] for part in range(5))) == as_delivered
    order = chance.sample(range(len(header)), len(header))
    mixed = [[row[place] for place in order] for row in shuffled]
    assert told([header[place] for place in order], mixed) == as_delivered


def test_a_credit_and_its_reversal_change_no_finding_and_no_total(invented, told):
    """Two lines that cancel are two lines more, and no dollars more."""
    _, header, rows = invented
    names = {name: place for place, name in enumerate(header)}
    kind = names["line_item_line_item_type"]
    credit = list(next(row for row in rows if row[kind] == "Credit"))
    reversal = list(credit)
    cost = names["line_item_unblended_cost"]
    credit[cost], reversal[cost] = "-3.5", "3.5"
    for row, name in ((credit, "given"), (reversal, "taken")):
        row[names["identity_line_item_id"]] = name
    before, after = told(header, rows), told(header, [*rows, credit, reversal])
    assert [one.billed for one in after[2]] == [one.billed for one in before[2]]
    assert [(one.component, one.amount) for one in after[1]] == [
        (one.component, one.amount) for one in before[1]
    ]


def test_a_file_twice_under_other_ids_is_billed_twice_and_told_as_such(invented, told):
    """Every charge again: what was wrong is twice as wrong, and nothing is lost."""
    _, header, rows = invented
    place = header.index("identity_line_item_id")
    again = [[*row[:place], f"again-{row[place]}", *row[place + 1 :]] for row in rows]
    once, (findings, bridge, totals) = told(header, rows), told(header, rows, again)
    assert [one.billed for one in totals] == [2 * one.billed for one in once[2]]
    assert [one.lines for one in totals] == [2 * one.lines for one in once[2]]
    twice = sum((one.amount for one in bridge if one.component == "duplicate"), Decimal(0))
    assert twice > sum((one.amount for one in once[1] if one.component == "duplicate"), Decimal(0))
    assert {one.check for one in findings} >= {"identical_usage"}
