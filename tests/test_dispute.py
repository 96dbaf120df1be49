"""Disputes and what settles them: the package that goes to AWS, and the credits that come back."""

import csv
import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest
from playwright.sync_api import sync_playwright

import bills
import curecon
from curecon import cli, explanation, ledger, settlement
from curecon.errors import OptionInvalid
from curecon.reconcile import Options, audit

RIGHT, WRONG = "0.00006", "0.00012"
PAYER, ACCOUNT = "111111111111", "222222222222"
ARN = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abc"
HOSTILE = "=cmd|'/c calc'!A1 <script>alert(1)</script> \u202e"
DAY = date(2026, 11, 8)
CREDIT_OF_100 = """
payer = "111111111111"

[[credit]]
name = "Migration credit"
amount = 100.00
starts = 2026-10-01
ends = 2026-12-31
services = ["bedrock"]
"""


def usage(day, period="2026-10", quantity="1000000", **given):
    """A day at twice the listed price: 60.00 too much for a million thousands of tokens."""
    return bills.line(
        **{
            "period": period, "start": f"{period}-{day:02d}T10:00:00", "rate": WRONG,
            "quantity": quantity, "identity_line_item_id": f"usage-{period}-{day}",
            "line_item_resource_id": ARN, **given,
        }
    )  # fmt: skip


def credit(name, amount, period="2026-11", kind="Credit", **given):
    return bills.line(
        **{
            "period": period, "start": f"{period}-05T00:00:00", "quantity": "0",
            "line_item_line_item_type": kind, "line_item_unblended_cost": amount,
            "identity_line_item_id": name, "line_item_line_item_description": f"{kind} {name}",
            **given,
        }
    )  # fmt: skip


@pytest.fixture
def book(tmp_path):
    """A ledger, audited with the listed price; `book(lines)` audits one more delivery."""
    prices = tmp_path / "prices.jsonl"
    prices.write_text(bills.price_item(bills.USAGE_TYPE, RIGHT))
    numbers = iter(range(1000))

    def book(lines, contract=None):
        file = bills.write_csv(tmp_path / f"bill{next(numbers)}.csv", lines)
        options = Options(ledger=book.path, price_lists=[prices], contract=contract)
        return audit([file], options), file

    book.path, book.out = tmp_path / "ledger.duckdb", tmp_path / "out"
    return book


@pytest.fixture
def wrong(book):
    """The finding of two days, 120.00 too much."""
    result, book.file = book([usage(1), usage(2)])
    (finding,) = result.findings
    assert finding.difference == Decimal(120)
    return finding


def dispute(book, *ids, **given):
    said = {"owner": "Jane Doe", "ledger_path": book.path, "as_of": DAY} | given
    return curecon.dispute(ids, book.out, **said)


def settle(book, finding, name, **given):
    return curecon.settle(finding.id, name, owner="jane", ledger_path=book.path, **given)


def state(book, finding):
    return explanation.explain_finding(finding.id, book.path).state


def read(book, name):
    return (book.out / name).read_text("utf-8")


# --- the package


def test_the_package_says_what_how_much_why_and_what_is_asked(book, wrong):
    dispute(book, wrong.id)
    assert sorted(path.name for path in book.out.iterdir()) == [
        "inputs.csv", "letter.html", "letter.md", "lines.csv",
    ]  # fmt: skip
    for name in ("letter.html", "letter.md"):
        said = read(book, name)
        assert "Please review this charge and credit 120.00 USD." in said
        assert "Should you come to another amount, please tell us which rate" in said
        assert "In all" in said
        assert "Billed above the rate in force: 0.00012 in place of 0.00006 per 1K tokens." in said
        assert "published 2026-09-15" in said  # the rate's source and date
        # 1,000,000 x 0.00006 = 60, billed 120
        assert "0.00006 USD per 1K tokens = 60.0000000000" in said
        assert "2 lines" in said
        assert "240 billed - 120 expected = 120 USD" in said
        assert hashlib.sha256(book.file.read_bytes()).hexdigest() in said
        assert PAYER in said
    rows = list(csv.DictReader(read(book, "lines.csv").splitlines()))
    assert [(row["line_item_id"], row["billed"], row["expected"]) for row in rows] == [
        ("usage-2026-10-1", "120", "60"), ("usage-2026-10-2", "120", "60"),
    ]  # fmt: skip
    inputs = list(csv.DictReader(read(book, "inputs.csv").splitlines()))
    assert {row["kind"] for row in inputs} == {"bill", "rates"}
    assert all(len(row["sha256"]) == 64 for row in inputs)
    assert "prices.jsonl" in {row["name"] for row in inputs}
    found = state(book, wrong)
    assert (found.state, found.who) == ("disputed", "Jane Doe")


def test_redaction_leaves_no_account_and_no_arn(book, wrong):
    dispute(book, wrong.id, redact=True, owner=f"Jane of {ACCOUNT} and {ARN}")
    for path in book.out.iterdir():
        said = path.read_text("utf-8")
        assert PAYER not in said
        assert ACCOUNT not in said
        assert "arn:" not in said
    assert "[account 1]" in read(book, "letter.html")
    assert "[ARN 1]" in read(book, "lines.csv")
    assert "usage-2026-10-1" in read(book, "lines.csv")
    # The ledger keeps what was said.
    assert ACCOUNT in state(book, wrong).who


def test_hostile_text_is_text_in_every_file(book):
    result, _ = book([usage(1, line_item_usage_account_id=HOSTILE, line_item_resource_id=HOSTILE)])
    dispute(book, result.findings[0].id, owner=HOSTILE)
    html = read(book, "letter.html")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\u202e" not in html + read(book, "letter.md")
    assert "<script>" not in read(book, "letter.md")
    (row,) = csv.DictReader(read(book, "lines.csv").splitlines())
    assert row["resource"].startswith("'=")
    assert row["usage_account"].startswith("'=")


def test_the_letter_is_one_page_of_paper_and_loads_nothing(book):
    """Six claims stand on the first page; what follows is the annex."""
    lines = [usage(1, line_item_usage_account_id=f"{n:012d}") for n in range(1, 12)]
    result, _ = book(lines)
    package = dispute(book, *(one.id for one in result.findings))
    assert len(package.claims) == 11
    html = read(book, "letter.html")
    assert "with 5 more in the annex" in html
    assert "src=" not in html
    assert "http-equiv" in html
    asked_for = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 700, "height": 900})
        page.on("request", lambda request: asked_for.append(request.url))
        page.goto((book.out / "letter.html").as_uri())
        page.emulate_media(media="print")
        # A4 without its margins is 178 x 265 mm: 673 x 1001 pixels.
        page.set_viewport_size({"width": 673, "height": 1001})
        height = page.evaluate("document.querySelector('.sheet').getBoundingClientRect().height")
        overflow = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert height <= 1001
    assert overflow <= 673
    assert len(asked_for) == 1


@pytest.mark.parametrize("owner", ["", "  "])
def test_a_letter_is_signed(book, wrong, owner):
    with pytest.raises(OptionInvalid, match="--owner says nothing"):
        dispute(book, wrong.id, owner=owner)


def test_what_claims_nothing_cannot_be_disputed(book):
    result, _ = book([usage(1, rate="0.00003")])
    with pytest.raises(OptionInvalid, match="there is nothing to dispute"):
        dispute(book, result.findings[0].id)
    with pytest.raises(OptionInvalid, match="name a finding"):
        dispute(book)
    with pytest.raises(OptionInvalid, match="no finding has the id"):
        dispute(book, "0123456789abcdef")
    assert not book.out.exists()
    assert state(book, result.findings[0]).state == "new"


def test_what_is_resolved_cannot_be_disputed(book, wrong):
    book([usage(1, rate=RIGHT)])
    with pytest.raises(OptionInvalid, match="is resolved; there is nothing left"):
        dispute(book, wrong.id)


def test_findings_of_two_payers_are_two_letters(book, wrong):
    other, _ = book([usage(1, bill_payer_account_id="9" * 12)])
    with pytest.raises(OptionInvalid, match="dispute those of each by itself"):
        dispute(book, wrong.id, other.findings[0].id)


def test_a_folder_that_cannot_be_written_leaves_the_ledger(book, wrong):
    book.out.write_text("a file")
    with pytest.raises(OptionInvalid, match="cannot be written"):
        dispute(book, wrong.id)
    assert state(book, wrong).state == "new"


def test_a_finding_named_twice_is_claimed_once(book, wrong):
    package = dispute(book, wrong.id, wrong.id[:8])
    assert [one.difference for one in package.amounts] == [Decimal(120)]


def test_the_same_dispute_writes_the_same_bytes(book, wrong):
    dispute(book, wrong.id)
    before = {path.name: path.read_bytes() for path in book.out.iterdir()}
    dispute(book, wrong.id)
    assert {path.name: path.read_bytes() for path in book.out.iterdir()} == before


def test_a_dispute_that_grows_is_reopened_and_one_that_vanishes_is_won(book, wrong):
    dispute(book, wrong.id)
    book([usage(1), usage(2), usage(3)])
    assert state(book, wrong).why == "It grew from 120.00 to 180.00 since it was disputed."
    dispute(book, wrong.id)
    book([usage(1, rate=RIGHT)])
    assert state(book, wrong).state == "resolved"
    (won,) = curecon.recovered(book.path).recovered
    assert (won.how, won.recovered) == ("restatement", Decimal(180))


def test_a_dispute_can_be_taken_back(book, wrong):
    dispute(book, wrong.id)
    curecon.reopen(wrong.id, reason="our mistake", owner="joe", ledger_path=book.path)
    assert state(book, wrong).state == "reopened"


def test_a_credit_that_falls_short_is_claimed_by_its_promise(book, tmp_path):
    """7,500.00 are promised and 181.44 came; the line that is dearest has nothing to do with it."""
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'payer = "{PAYER}"\n[[credit]]\nname = "Migration credit <b>"\namount = 7500\n'
        'services = ["bedrock"]\nstarts = 2026-10-01\n'
    )
    right = {"rate": RIGHT, "quantity": "200000000", "bill_invoice_id": "INV1"}
    lines = [
        usage(1, **right),
        credit("late", "-181.44", period="2026-10", bill_invoice_id="INV1"),
    ]
    (finding,) = book(lines, contract=contract)[0].findings
    assert finding.check == "credit_differs"
    assert finding.difference == Decimal("7318.56")
    assert (finding.payer_account, finding.service, finding.resource) == (
        PAYER, "bedrock", "credits for bedrock",
    )  # fmt: skip
    of_a_line = (
        "usage_account", "region", "usage_type", "operation", "unit", "quantity", "rate",
    )  # fmt: skip
    assert {name: getattr(finding, name) for name in of_a_line} == dict.fromkeys(of_a_line)
    dispute(book, finding.id)
    for name in ("letter.html", "letter.md"):
        said = read(book, name)
        assert "7,500.00 promised, 181.44 arrived, 7,318.56 missing." in said
        assert "7,318.56 USD of promised credit has not arrived" in said
        for strange in (ACCOUNT, bills.USAGE_TYPE, "1K tokens", "200,000,000", RIGHT, "<b>"):
            assert strange not in said
        assert (
            "We held the bill against what was promised. 1 credit has not arrived, or not in full. "
            "The annex gives what was promised, what arrived and what is missing."
        ) in said
        assert "Please review this credit and credit 7,318.56 USD." in said
        assert "billed higher" not in said
    assert list(csv.DictReader(read(book, "lines.csv").splitlines())) == []


def test_a_discount_that_no_line_grants_is_claimed_by_its_promise(book, tmp_path):
    """10 % of 60.00 on each of two days; neither of the days' lines is what is wrong."""
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'payer = "{PAYER}"\n[[discount]]\nname = "EDP <b>"\npercent = 10\nstarts = 2026-01-01\n'
    )
    (missing,) = book([usage(1, rate=RIGHT), usage(2, rate=RIGHT)], contract=contract)[0].findings
    assert (missing.check, missing.difference, missing.lines) == (
        "discount_differs", Decimal(12), 0,
    )  # fmt: skip
    assert (missing.usage_account, missing.usage_type, missing.resource) == (
        ACCOUNT, bills.USAGE_TYPE, "discount EDP <b>",
    )  # fmt: skip
    assert (missing.unit, missing.quantity, missing.rate) == (None, None, None)
    explained = explanation.explain_finding(missing.id, book.path)
    assert len(explained.lines) == 2  # charges that it was promised for, and none of them is wrong
    assert explained.explanations == []
    dispute(book, missing.id)
    for name in ("letter.html", "letter.md"):
        said = read(book, name)
        assert "12.00 promised on charges of 120.00, 0.00 arrived, 12.00 missing." in said
        assert "12 USD of promised discount has not arrived" in said
        assert "1 discount has not arrived, or not in full." in said
        for strange in ("usage-2026-10-1", ARN, "1K tokens", "1,000,000", RIGHT, "<b>"):
            assert strange not in said
    assert list(csv.DictReader(read(book, "lines.csv").splitlines())) == []


def test_a_letter_about_charges_and_discounts_says_of_each_what_is_wrong(book, tmp_path):
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'payer = "{PAYER}"\n[[discount]]\nname = "EDP"\npercent = 10\nstarts = 2026-01-01\n'
    )
    found = book([usage(1), usage(2)], contract=contract)[0].findings
    # 240.00 billed for 120.00: what is billed too much is claimed once, not its discount as well.
    assert {one.check: one.difference for one in found} == {
        "rate_differs": Decimal(120), "discount_differs": Decimal(12),
    }  # fmt: skip
    dispute(book, *(one.id for one in found))
    for name in ("letter.html", "letter.md"):
        said = read(book, name)
        assert (
            "We worked out independently what this charge should have cost. It was billed "
            "higher, as follows. Besides, 1 discount has not arrived, or not in full. The annex "
            "gives the rate with its source, the arithmetic, and the lines, and of each of these "
            "what was promised, what arrived and what is missing."
        ) in said
        assert "Please review these charges and discounts and credit 132.00 USD." in said


# --- credits


def test_a_credit_settles_a_finding_once(book, wrong):
    dispute(book, wrong.id)
    book([usage(1, "2026-11", rate=RIGHT), credit("credit-a", "-120.00")])
    (proposed,) = explanation.explain_finding(wrong.id, book.path).credits
    assert (proposed.line_item_id, proposed.left) == ("credit-a", Decimal(120))
    found = settle(book, wrong, "credit-a")
    assert (found.state, found.recovered, found.remaining) == ("resolved", 120, 0)
    assert found.why == "Credit credit-a of 2026-11 settles 120.00."
    with pytest.raises(OptionInvalid, match="is resolved: Credit credit-a"):
        settle(book, wrong, "credit-a")
    assert explanation.explain_finding(wrong.id, book.path).credits == []


def test_a_settled_finding_no_longer_fails_an_audit(book, wrong, capsys):
    book([credit("credit-a", "-120.00")])
    given = ["audit", str(book.file), "--ledger", str(book.path), "--price-list"]
    given.append(str(book.path.parent / "prices.jsonl"))
    assert cli.run(given) == 1
    settle(book, wrong, "credit-a")
    assert cli.run(given) == 0
    capsys.readouterr()


def test_a_part_settles_a_part_and_the_rest_remains(book, wrong):
    dispute(book, wrong.id)
    book([credit("credit-a", "-50.00"), credit("refund-b", "-80.00", kind="Refund")])
    assert settle(book, wrong, "credit-a").state == "disputed"
    found = settle(book, wrong, "refund-b")  # 70 of its 80 dollars are needed
    assert (found.state, found.recovered) == ("resolved", Decimal(120))
    with ledger.reading(book.path) as con:
        assert settlement.credit_named(con, "refund-b").left == Decimal(10)
    package = curecon.recovered(book.path)
    assert package.total == {"USD": Decimal(120)}


def test_a_letter_after_a_part_was_credited_asks_for_the_rest(book, wrong):
    book([credit("credit-a", "-50.00")])
    settle(book, wrong, "credit-a")
    dispute(book, wrong.id)
    said = "credit 70.00 USD, besides the 50.00 USD that you credited already."
    assert said in read(book, "letter.md")


def test_less_than_a_cent_is_nothing_left(book):
    result, _ = book([usage(1, quantity="1000001")])  # 60.00006 too much
    book([credit("credit-a", "-60.00")])
    assert settle(book, result.findings[0], "credit-a").state == "resolved"


def test_a_settled_finding_that_grows_is_reopened(book, wrong):
    book([credit("credit-a", "-120.00")])
    settle(book, wrong, "credit-a")
    book([usage(1), usage(2), usage(3)])
    found = state(book, wrong)
    assert (found.state, found.remaining) == ("reopened", Decimal(60))


def test_a_credit_stays_used_when_the_bill_comes_again_with_other_ids(book, wrong):
    other, _ = book([usage(1, line_item_usage_account_id="333333333333")])
    del other
    book([usage(1), usage(2), usage(1, line_item_usage_account_id="333333333333")])
    said = {"line_item_line_item_description": "goodwill", "line_item_usage_account_id": PAYER}
    book([credit("credit-a", "-120.00", **said)])
    settle(book, wrong, "credit-a")
    book([credit("other-id", "-120.00", **said)])
    second = next(one for one in explanation.findings(book.path) if one.id != wrong.id)
    with pytest.raises(OptionInvalid, match="nothing left: its"):
        settle(book, second, "other-id")


def test_two_credits_that_say_the_same_are_worth_both(book, wrong):
    same = {"line_item_line_item_description": "goodwill"}
    book([credit("credit-a", "-60.00", **same), credit("credit-b", "-60.00", **same)])
    found = settle(book, wrong, "credit-b")
    assert (found.state, found.recovered) == ("resolved", Decimal(120))


def test_an_amount_may_be_named(book, wrong):
    book([credit("credit-a", "-500.00")])
    assert settle(book, wrong, "credit-a", amount=Decimal(20)).remaining == Decimal(100)
    for amount in (Decimal("100.01"), Decimal(0)):
        with pytest.raises(OptionInvalid, match="is more than"):
            settle(book, wrong, "credit-a", amount=amount)


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("usage-2026-11-1", [usage(1, "2026-11", rate=RIGHT)], "is no credit or refund"),
        ("nothing-at-all", [credit("credit-a", "-120.00")], "no credit or refund has the id"),
        ("credit-x", [credit("credit-a", "-1.00")], "near it are credit-a"),
        ("early", [credit("early", "-120.00", period="2026-09")], "before 2026-10"),
        (
            "theirs",
            [credit("theirs", "-120.00", bill_payer_account_id="9" * 12)],
            "is of payer 999999999999",
        ),
        (
            "yen",
            [credit("yen", "-120.00", line_item_currency_code="JPY")],
            "is in JPY, and",
        ),
        ("charge", [credit("charge", "120.00")], "is no credit or refund"),
        (
            "sage",
            [credit("sage", "-120.00", kind="Refund", line_item_product_code="AmazonSageMaker")],
            "is of sagemaker, and",
        ),
        (
            "other-account",
            [credit("other-account", "-120.00", line_item_usage_account_id="333333333333")],
            "is of the account 333333333333, and",
        ),
    ],
)
def test_what_cannot_settle_is_refused(book, wrong, name, lines, says):
    book(lines)
    with pytest.raises(OptionInvalid) as refused:
        settle(book, wrong, name)
    assert says in str(refused.value)
    assert curecon.recovered(book.path).recovered == []
    found = explanation.explain_finding(wrong.id, book.path).credits
    assert name not in [one.line_item_id for one in found]


def test_a_credit_of_another_service_is_none_even_where_all_services_are_kept(book, wrong):
    lines = [
        credit("machine", "-120.00", line_item_product_code="AmazonEC2", product_servicecode=""),
        credit("unnamed", "-120.00", line_item_product_code="", product_servicecode=""),
    ]
    file = bills.write_csv(book.path.parent / "all.csv", lines)
    prices = [book.path.parent / "prices.jsonl"]
    audit([file], Options(ledger=book.path, price_lists=prices, services="all"))
    found = explanation.explain_finding(wrong.id, book.path).credits
    assert [one.line_item_id for one in found] == ["unnamed"]
    with pytest.raises(OptionInvalid, match="is of AmazonEC2, and"):
        settle(book, wrong, "machine")


def test_a_credit_for_the_whole_organisation_stands_at_the_payer(book, wrong):
    book([credit("credit-a", "-120.00", line_item_usage_account_id=PAYER)])
    assert settle(book, wrong, "credit-a").state == "resolved"


def test_a_credit_that_was_counted_makes_good_no_credit_that_is_missing(book, tmp_path):
    """Of 100 promised dollars 30 came: 70 are missing, and the 30 are not won back."""
    terms = tmp_path / "contract.toml"
    terms.write_text(CREDIT_OF_100)
    lines = [
        usage(1, rate=RIGHT, quantity="5000000", bill_invoice_id="1"),
        credit("came", "-30.00", period="2026-10", bill_invoice_id="1"),
    ]
    prices = [tmp_path / "prices.jsonl"]
    file = bills.write_csv(tmp_path / "short.csv", lines)
    result = audit([file], Options(ledger=book.path, price_lists=prices, contract=terms))
    (short,) = [one for one in result.findings if one.check == "credit_differs"]
    assert short.difference == Decimal(70)
    assert explanation.explain_finding(short.id, book.path).credits == []
    with pytest.raises(OptionInvalid, match="counted already: what it misses can only come"):
        settle(book, short, "came")
    book([credit("later", "-70.00")])
    (proposed,) = explanation.explain_finding(short.id, book.path).credits
    assert proposed.line_item_id == "later"
    assert settle(book, short, "later").state == "resolved"


def test_a_credit_that_is_itself_wrong_settles_nothing_else(book, wrong):
    book([credit("good", "-60.00"), credit("bad", "-60.00")])
    with ledger.staged(book.path) as stage:
        (line,) = stage.con.execute(
            "SELECT line FROM lines WHERE identity_line_item_id = 'bad'"
        ).fetchall()[0]
        stage.con.execute(
            "INSERT INTO found_lines SELECT delivery_id, 'f' || repeat('0', 15), line, "
            "-60, 0 FROM lines WHERE line = ?", [line],
        )  # fmt: skip
        stage.publish()
    found = explanation.explain_finding(wrong.id, book.path).credits
    assert [one.line_item_id for one in found] == ["good"]
    with pytest.raises(OptionInvalid, match="is itself wrong by the finding f000"):
        settle(book, wrong, "bad")


def test_of_credits_that_share_an_id_the_number_of_a_line_names_one(book, wrong, capsys):
    """`findings show` prints the number, and an id that several have names the numbers."""
    book([credit("same", "-60.00")])
    book([credit("same", "-50.00", period="2026-12")])
    at = ["--owner", "jo", "--ledger", str(book.path)]
    given = ["findings", "settle", wrong.id, *at, "--credit"]
    assert cli.run([*given, "same"]) == 2
    said = capsys.readouterr().err
    first, second = explanation.explain_finding(wrong.id, book.path).credits
    assert "2 credits have the id same; name one by the number of its line" in said
    assert f"{first.line} (2026-11, 60.00 USD)" in said
    assert f"{second.line} (2026-12, 50.00 USD)" in said
    assert cli.run(["findings", "show", wrong.id, "--ledger", str(book.path)]) == 0
    shown = capsys.readouterr().out
    assert f"line {first.line}  same" in shown
    assert f"line {second.line}  same" in shown
    assert cli.run([*given, str(second.line)]) == 0
    assert "50.00 won back, 70.00 left" in capsys.readouterr().out


def test_only_credits_within_reach_are_proposed_the_nearest_first(book, wrong):
    book(
        [
            credit("small", "-1.19"), credit("least", "-1.20"), credit("exact", "-120.00"),
            credit("above", "-126.00"), credit("beyond", "-126.01"), credit("half", "-60.00"),
        ]
    )  # fmt: skip
    found = explanation.explain_finding(wrong.id, book.path).credits
    assert [one.line_item_id for one in found] == ["exact", "above", "half", "least"]


def test_the_terminal_shows_what_was_won_back(book, wrong, capsys):
    at = ["--ledger", str(book.path)]
    assert cli.run(["findings", "list", "--recovered", *at]) == 0
    assert "Nothing was won back yet." in capsys.readouterr().out
    book([credit("credit-a", "-50.00", line_item_line_item_description="[red]x\x1b[2J")])
    assert cli.run(["findings", "show", wrong.id, *at]) == 0
    assert "[red]x␛[2J" in capsys.readouterr().out
    given = ["findings", "settle", wrong.id, "--credit", "credit-a", "--owner", "jo", *at]
    assert cli.run(given) == 0
    assert "50.00 won back, 70.00 left" in capsys.readouterr().out
    assert cli.run(["findings", "list", "--recovered", *at]) == 0
    assert "Won back in all: 50.00 USD" in capsys.readouterr().out
    assert cli.run(["findings", "list", "--recovered", "--format", "json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == {"USD": "50"}
    out = ["--out", str(book.out), "--owner", "jo", *at]
    assert cli.run(["findings", "dispute", wrong.id, *out]) == 0
    assert cli.run(["findings", "dispute", *out]) == 2
