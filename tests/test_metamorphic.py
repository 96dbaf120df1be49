"""A bill that is changed in a way whose effect is known: findings stay the same, or scale."""

from decimal import Decimal

import pytest

import bills
from curecon.reconcile import Options, audit

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


def test_two_audits_of_one_bill_are_one(found):
    once = found(month(), ledger="twice")
    twice = found(month(), ledger="twice")
    assert (twice.findings, twice.bridge, twice.totals) == (
        once.findings, once.bridge, once.totals,
    )  # fmt: skip
