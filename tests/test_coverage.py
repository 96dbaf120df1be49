"""What did not come, stopped too early, or changed after it was final; and invoices that tie."""

import json
from datetime import date
from decimal import Decimal

import pytest

import bills
from curecon import cli, explanation
from curecon.errors import CheckInvalid, OptionInvalid
from curecon.reconcile import Options, audit

AWS, MARKET = "Amazon Web Services, Inc.", "Anthropic"
ONE, TWO = "222222222222", "333333333333"
ASKED = {"expect_since": "2026-10", "as_of": date(2026, 12, 10)}


def usage(day, period="2026-10", **given):
    return bills.line(
        **{
            "period": period, "start": f"{period}-{day:02d}T10:00:00", "bill_invoicing_entity": AWS,
            "identity_line_item_id": f"{period}-{day}-{sorted(given.items())}", **given,
        }
    )  # fmt: skip


def daily(last, first=1, **given):
    return [usage(day, **given) for day in range(first, last + 1)]


@pytest.fixture
def book(tmp_path):
    """A ledger; `book(lines)` audits one more delivery and returns the findings of a check."""
    numbers = iter(range(1000))

    def book(lines, check=None, **options):
        file = bills.write_csv(tmp_path / f"bill{next(numbers)}.csv", lines)
        result = audit([file], Options(ledger=book.path, **options))
        return [one for one in result.findings if check in (None, one.check)]

    book.path, book.folder = tmp_path / "ledger.duckdb", tmp_path
    return book


# --- what did not come


def test_a_missing_period_is_one_finding_until_it_comes(book):
    final = {"bill_invoice_id": "I"}
    lines = [usage(1, "2026-11", **final), usage(1, "2026-12")]
    (first,) = book(lines, "missing_delivery", **ASKED, max_age=30)
    assert (first.period, first.severity) == ("2026-10", "warning")
    (second,) = book([usage(2, "2026-11", **final)], "missing_delivery", **ASKED, max_age=30)
    assert second.id == first.id
    # An audit that does not ask says nothing about it.
    assert book([usage(3, "2026-11", **final)], "missing_delivery") == []
    assert [one.state for one in states(book, first.id)] == ["open"]
    assert book([usage(1, "2026-10", **final)], "missing_delivery", **ASKED, max_age=30) == []
    assert [one.state for one in states(book, first.id)] == ["resolved"]


def states(book, finding_id):
    every = ["new", "open", "resolved", "reopened"]
    return [
        one
        for one in explanation.listed(book.path, states=every).states
        if one.finding_id == finding_id
    ]


def test_another_payer_does_not_fill_a_gap(book):
    lines = [usage(1, "2026-10"), usage(1, "2026-11", bill_payer_account_id="9" * 12)]
    found = book(lines, "missing_delivery", **ASKED, max_age=60)
    assert [(one.payer_account, one.period) for one in found] == [("9" * 12, "2026-10")]


@pytest.mark.parametrize(
    ("day", "late"),
    [("2026-10-08", False), ("2026-10-09", True), ("2026-12-31", True)],
)
def test_a_delivery_is_late_from_the_days_on_that_it_may_lag(book, day, late):
    """The last usage ends on October 5 at 11:00; 3 days later is the 8th at 11:00."""
    given = {"expect_since": "2026-10", "as_of": date.fromisoformat(day)}
    periods = [one.period for one in book([usage(5)], "missing_delivery", **given)]
    assert ("2026-10" in periods) == late


def test_a_final_delivery_is_never_late(book):
    found = book([usage(5, bill_invoice_id="I")], "missing_delivery", **ASKED, max_age=60)
    assert found == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"expect_since": "2026-10"}, "--expect-since needs the day"),
        ({"expect_since": "2026-13", "as_of": date(2026, 11, 1)}, "write it like 2026-10"),
        ({"expect_since": "'; --", "as_of": date(2026, 11, 1)}, "write it like 2026-10"),
        ({**ASKED, "max_age": -1}, "--max-age -1"),
    ],
)
def test_what_is_expected_is_said_in_full(book, given, says):
    with pytest.raises(OptionInvalid, match=says):
        book([usage(1)], **given)


def test_the_command_line_takes_the_word_today(book, capsys):
    file = bills.write_csv(book.folder / "bill.csv", [usage(1)])
    given = ["audit", str(file), "--ledger", str(book.path), "--expect-since", "2026-09"]
    assert cli.run([*given, "--as-of", "today", "--fail-on", "warning", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert "2026-09" in {one["period"] for one in found if one["check"] == "missing_delivery"}
    assert cli.run([*given, "--as-of", "yesterday"]) == 2


# --- what stops too early


def test_a_service_that_stops_in_several_accounts_is_noticed(book):
    host = {
        "line_item_product_code": "AmazonSageMaker",
        "line_item_usage_type": "USE1-Host:ml.m5.xlarge",
    }
    lines = [
        line
        for account in (ONE, TWO)
        for line in (
            *daily(20, line_item_usage_account_id=account),
            *daily(15, line_item_usage_account_id=account, **host),
        )
    ]
    (found,) = book(lines, "coverage_gap")
    assert (found.service, found.resource, found.usage_account) == ("sagemaker",) * 2 + (None,)
    assert "up to 2026-10-15 and not after" in found.reason
    assert "the delivery goes on to 2026-10-20" in found.reason
    one_stops = [one for one in lines if one["line_item_usage_account_id"] == ONE]
    assert book(one_stops, "coverage_gap") == [], "a team that stopped"


def test_a_payer_that_stops_is_noticed_once_all_is_final(book):
    def both(**given):
        return [
            line
            for account in (ONE, TWO)
            for line in daily(20, line_item_usage_account_id=account, **given)
        ]

    assert book(both(), "coverage_gap") == [], "a month that goes on"
    (found,) = book(both(bill_invoice_id="I"), "coverage_gap")
    assert found.usage_account is None
    assert "the final period goes on to 2026-10-31" in found.reason


def test_an_account_that_fades_out_is_no_gap(book):
    busy = [usage(day, line_item_operation=f"op{n}") for day in range(1, 14) for n in range(3)] + [
        usage(14)
    ]
    lines = [*busy, *daily(20, line_item_usage_account_id=TWO)]
    assert book(lines, "coverage_gap") == []


def test_lines_of_a_month_have_no_day(book):
    monthly = bills.line(start="2026-10-01T00:00:00", hours=744, identity_line_item_id="month")
    lines = [monthly, *daily(20, line_item_usage_account_id=TWO)]
    assert book(lines, "coverage_gap") == []


# --- what changed after it was final


def test_final_usage_that_changes_is_a_warning_until_it_is_put_right(book):
    final = {"bill_invoice_id": "I"}
    right = [usage(1, **final), usage(2, **final)]
    assert book(right, "final_usage_changed") == []
    assert book([*right, usage(3)], "final_usage_changed")[0].difference == Decimal("0.06")
    (found,) = book([*right, usage(4, quantity="2000", **final)], "final_usage_changed")
    assert (found.severity, found.category) == ("warning", "lifecycle")
    # Held against the first delivery that was final: 0.12, and not against the one before.
    assert (found.expected, found.difference) == (Decimal("0.12"), Decimal("0.12"))
    assert book([right[1], right[0]], "final_usage_changed") == []
    assert [one.state for one in states(book, found.id)] == ["resolved"]


def test_what_another_entity_has_not_made_final_may_change(book):
    closed = usage(1, bill_invoice_id="I")
    book([closed, usage(2, bill_invoicing_entity=MARKET)])
    changed = usage(2, bill_invoicing_entity=MARKET, quantity="5")
    credit = usage(
        3, line_item_line_item_type="Credit", line_item_unblended_cost="-1", quantity="0"
    )
    assert book([closed, changed, credit], "final_usage_changed") == []


# --- invoices


def test_invoices_of_several_entities_tie_each_by_itself(book):
    lines = [
        usage(1, bill_invoice_id="AWS-1", quantity="100000"),  # 6.00
        usage(2, bill_invoice_id="MP-1", bill_invoicing_entity=MARKET, quantity="50000"),  # 3.00
        usage(3, bill_invoice_id="AWS-1", line_item_product_code="AmazonS3", quantity="10000"),
    ]
    paid = {"AWS-1": Decimal("6.60"), "MP-1": Decimal("3.00")}
    assert book(lines, "invoice_total_differs", invoice_totals=paid) == []
    paid["MP-1"] = Decimal("2.50")
    (found,) = book(lines, "invoice_total_differs", invoice_totals=paid)
    assert (found.resource, found.difference) == ("MP-1", Decimal("0.50"))


def test_a_check_of_a_user_cannot_move_to_another_period(book):
    folder = book.folder / "checks"
    folder.mkdir()
    (folder / "mine.sql").write_text(
        "-- severity: warning\n-- category: data\n-- question: Mine?\n"
        "SELECT l.line, 'x' AS reason, '2020-01' AS period FROM lines AS l\n"
    )
    with pytest.raises(CheckInvalid, match="returns a column period"):
        book([usage(1)], checks=[folder])
