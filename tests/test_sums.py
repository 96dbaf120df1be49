"""What a report shows beside the bridge adds up to it: by model, account, day and source."""

from decimal import Decimal
from pathlib import Path

import pytest

from curecon.reconcile import Options, audit

D = Decimal
DEMO = Path(__file__).resolve().parents[1] / "fixtures" / "demo"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sums")
    return audit([DEMO], Options(ledger=folder / "l.duckdb", contract=DEMO / "contract.toml"))


@pytest.mark.parametrize("kind", ["spend", "model", "capability", "account"])
def test_every_dollar_in_scope_is_in_one_group_of_a_kind(result, kind):
    [total] = result.totals
    rows = [row for row in result.breakdowns if row.kind == kind]
    assert sum(row.billed for row in rows) == total.in_scope_billed
    assert sum(row.lines for row in rows) == total.in_scope_lines
    assert len({(row.service, row.label) for row in rows}) == len(rows)


def test_what_was_priced_has_a_source(result):
    [total] = result.totals
    sources = {row.label: row.billed for row in result.breakdowns if row.kind == "source"}
    assert sum(sources.values()) == total.in_scope_billed - total.unpriced - total.not_repriced
    # The contract of the demo has a private rate for one usage type, and the pages for the rest.
    assert sources["contract: Demo Corp agreement of 2024 (invented)"] > 0
    assert sources["card: Amazon Bedrock pricing page"] > 0


def test_days_hold_usage_and_neither_tax_nor_credits(result):
    [total] = result.totals
    # Not repriced are here: the plan's fee, the credit, the tax and the discounts.
    assert sum(row.billed for row in result.days) == total.in_scope_billed - total.not_repriced
    labels = {row.label for row in result.days}
    assert len(labels) == 8
    assert None in labels
    [first] = [row for row in result.days if row.day.day == 1 and row.label == "Claude Instant"]
    # One model unit of Claude Instant for one month costs 39.60 an hour.
    assert first.billed == 24 * D("39.6")


def test_lines_of_a_finding_carry_its_dollars(result):
    found = {one.id: one for one in result.findings}
    shown = {}
    for line in result.finding_lines:
        shown.setdefault(line.finding_id, []).append(line)
    assert len(shown) == sum(one.owns_difference for one in result.findings)
    for name, lines in shown.items():
        finding = found[name]
        assert len(lines) == finding.lines <= 20
        assert sum(line.billed for line in lines) == finding.billed
        assert sum(line.billed - line.expected for line in lines) == finding.difference
    [provisioned] = [
        line
        for line in result.finding_lines
        if found[line.finding_id].check == "provisioned_hours_exceeded"
    ]
    assert (provisioned.quantity, provisioned.billed_rate) == (25, D("39.6"))


def test_provisioned_hours_stand_on_their_days(result):
    hours = [row.hours for row in result.provisioned]
    # The demo bills an hour too many, on one day.
    assert (len(hours), hours.count(24), hours.count(25)) == (30, 29, 1)
    assert len({row.day for row in result.provisioned}) == 30
    [name] = {row.resource for row in result.provisioned}
    assert name.endswith("provisioned-model/demo0instant")
