"""Credits are followed over their terms as AWS draws them down; figures are worked out by hand.

The order in which several credits are used is that of the AWS Billing user guide, "AWS credits".
"""

from datetime import date
from decimal import Decimal

import pytest

import bills
from curecon.promised import Month, Promise, missing, pools
from curecon.reconcile import Options, audit
from curecon.report import story

BEDROCK, MARKETPLACE, SAGEMAKER = ("bedrock", False), ("bedrock", True), ("sagemaker", False)
NEVER = date(9999, 12, 31)


def credit(name, amount, starts=date(2026, 10, 1), ends=NEVER, cells=(BEDROCK,)):
    return Promise(name, Decimal(amount), starts, ends, frozenset(cells))


def month(number, charges, granted, cell=BEDROCK, day=5):
    """October is 10; what is charged on its fifth, and what credits took off."""
    bill = Month(f"delivery {number}", {(cell, date(2026, number, day)): Decimal(charges)})
    bill.granted[cell] = Decimal(granted)
    return {date(2026, number, 1): bill}


def told(*every, **months):
    """What is missed, by name of the credit and number of the month."""
    bills = {day: bill for one in months.values() for day, bill in one.items()}
    found = {}
    for pool in pools(every):
        found |= {
            (one.name, of.month): gap.missing for (one, of), gap in missing(pool, bills).items()
        }
    return {key: str(gap) for key, gap in found.items()}


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (("6", "4"), {}),
        (("0", "0"), {("a", 10): "6", ("a", 11): "4"}),
        (("6", "1"), {("a", 11): "3"}),
        (("0", "6"), {("a", 10): "4"}),
        (("2", "8"), {}),
        (("8", "2"), {}),
        (("8", "0"), {("a", 11): "2"}),
    ],
)
def test_each_dollar_is_missed_once_and_not_if_it_comes_later(granted, expected):
    october, november = granted
    found = told(credit("a", 10), one=month(10, 6, october), two=month(11, 6, november))
    assert found == expected


def test_after_a_month_that_is_not_there_nobody_knows_what_is_left():
    known = {"one": month(8, 6, 6), "two": month(10, 6, 0)}
    assert told(credit("a", 10, date(2026, 8, 1)), **known) == {}
    assert told(credit("b", 10), **known) == {("b", 10): "6"}


def test_only_charges_of_its_days_take_a_credit():
    assert told(credit("a", 10, date(2026, 10, 5)), one=month(10, 6, 0)) == {("a", 10): "6"}
    assert told(credit("a", 10, date(2026, 10, 6)), one=month(10, 6, 0)) == {}
    assert told(credit("a", 10, ends=date(2026, 10, 5)), one=month(10, 6, 0)) == {}
    assert told(credit("a", 10, date(2026, 11, 1)), one=month(10, 6, 0)) == {}


def test_credits_are_used_in_the_order_of_aws():
    """The soonest to expire first, then the one for fewest services, then the oldest."""
    soon = credit("soon", 4, ends=date(2027, 1, 1), cells=(BEDROCK, SAGEMAKER))
    narrow = credit("narrow", 5)
    wide = credit("wide", 9, cells=(BEDROCK, SAGEMAKER))
    ((*order,),) = pools([wide, narrow, soon])
    assert [one.name for one in order] == ["soon", "narrow", "wide"]
    found = told(wide, narrow, soon, one=month(10, 6, 4))
    assert found == {("narrow", 10): "2"}


def test_a_charge_takes_no_more_credit_than_it_costs():
    both = [credit("a", 5), credit("b", 5)]
    assert told(*both, one=month(10, 6, 6)) == {}
    assert told(*both, one=month(10, 6, 5)) == {("b", 10): "1"}


def test_credits_of_different_charges_have_nothing_to_do_with_each_other():
    bedrock, sagemaker = credit("a", 5), credit("b", 100, cells=(SAGEMAKER,))
    assert len(pools([bedrock, sagemaker])) == 2
    assert told(bedrock, sagemaker, one=month(10, 9, 5)) == {}


def test_the_marketplace_is_credited_where_the_contract_says_so():
    assert told(credit("a", 5), one=month(10, 9, 0, MARKETPLACE)) == {}
    sold = credit("a", 5, cells=(BEDROCK, MARKETPLACE))
    assert told(sold, one=month(10, 9, 0, MARKETPLACE)) == {("a", 10): "5"}


def test_charges_that_were_taken_back_are_not_credited():
    assert told(credit("a", 5), one=month(10, -9, 0)) == {}


# --- while the month runs


def test_a_credit_is_to_come_until_its_month_is_billed(tmp_path):
    """100.00 promised and 18.00 billed, so 18.00 are due: with the invoice, and not before."""
    contract, prices = tmp_path / "contract.toml", tmp_path / "prices.jsonl"
    contract.write_text(
        '[[credit]]\nname = "Migration credit"\namount = 100\nservices = ["bedrock"]\n'
        "starts = 2026-10-01\n"
    )
    prices.write_text(bills.price_item(bills.USAGE_TYPE, "0.00006"))

    def heard(invoice):
        lines = [
            bills.line(
                start=f"2026-10-{day:02d}T10:00:00", quantity="100000", bill_invoice_id=invoice,
                identity_line_item_id=f"day {day}",
            )
            for day in (3, 4, 5)
        ]  # fmt: skip
        file = bills.write_csv(tmp_path / f"bill{invoice}.csv", lines)
        options = Options(tmp_path / "ledger.duckdb", price_lists=[prices], contract=contract)
        result = audit([file], options)
        (one,) = result.findings
        (statement,) = story.statements(result)
        return one, statement.difference, story.verdict(statement)

    one, difference, said = heard("")
    assert (one.check, one.severity, one.difference, difference) == ("credit_not_due", "info", 0, 0)
    assert "0.00 arrived, 18.00 to come." in one.reason
    assert said == (
        "Every charge that could be priced agrees with its rate: 18.00 USD in all. "
        "Promised credit that is due with the bill of the month is not counted yet."
    )
    one, difference, said = heard("INV1")
    assert (one.check, one.severity, one.difference, difference) == (
        "credit_differs", "error", 18, 18,
    )  # fmt: skip
    assert "AWS billed 18.00 USD more than expected" in said
    assert "not counted yet" not in said


def test_dollars_of_a_credit_are_told_in_cents(tmp_path):
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'payer = "{bills.PAYER}"\n[[credit]]\nname = "Activate"\namount = 10\n'
        'services = ["bedrock"]\nstarts = 2026-10-01\n'
    )
    bill = bills.write_csv(
        tmp_path / "bill.csv", [bills.line(quantity="39412.345", identity_line_item_id="a")]
    )
    found = audit([bill], Options(ledger=tmp_path / "l.duckdb", contract=contract)).findings
    # 39,412.345 x 0.00006 = 2.3647407
    (said,) = [one.reason for one in found if one.check == "credit_not_due"]
    assert said.endswith(
        "Activate: 10.00 promised, 2.36 of it due in 2026-10, 0.00 arrived, 2.36 to come."
    )


def test_what_arrived_and_what_is_missing_of_a_credit_add_up_in_cents(tmp_path):
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'payer = "{bills.PAYER}"\n[[credit]]\nname = "Activate"\namount = 10\n'
        'services = ["bedrock"]\nstarts = 2026-10-01\n'
    )
    usage = bills.line(quantity="1000000", identity_line_item_id="a", bill_invoice_id="I")
    credit = bills.line(
        line_item_unblended_cost="-3.335", line_item_line_item_type="Credit",
        line_item_usage_amount="", line_item_unblended_rate="", identity_line_item_id="b",
        bill_invoice_id="I",
    )  # fmt: skip
    bill = bills.write_csv(tmp_path / "bill.csv", [usage, credit])
    found = audit([bill], Options(ledger=tmp_path / "l.duckdb", contract=contract)).findings
    (one,) = [one for one in found if one.check == "credit_differs"]
    assert one.difference == Decimal("6.665")
    # Each rounded by itself, 3.335 and 6.665 come to 10.01.
    assert one.reason.endswith("Activate: 10.00 promised, 3.33 arrived, 6.67 missing.")
