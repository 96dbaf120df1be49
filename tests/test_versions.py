"""Deliveries as versions: what changed between two of them, and how much of each is final."""

import json
import re
from datetime import date
from decimal import Decimal

import pytest

import bills
from curecon import acknowledge, cli, diff, ledger
from curecon.errors import OptionInvalid
from curecon.reconcile import Options, audit, bring_in

PERIOD = "2026-10"
AWS, MARKET = "Amazon Web Services, Inc.", "Anthropic"


def usage(day, **given):
    """One line a day, of an invoice where it is given."""
    return bills.line(
        start=f"{given.pop('period', PERIOD)}-{day:02d}T10:00:00",
        **{
            "identity_line_item_id": f"day{day}{given.get('line_item_usage_type', '')}",
            "bill_invoicing_entity": AWS,
            **given,
        },
    )


def added(kind, amount):
    """What AWS adds after an invoice: no usage."""
    return usage(
        3, line_item_line_item_type=kind, line_item_unblended_cost=amount,
        identity_line_item_id=f"{kind}{amount}", line_item_usage_amount="0",
    )  # fmt: skip


@pytest.fixture
def deliver(tmp_path):
    """Audit deliveries of a bill one after the other into one ledger."""
    path, numbers = tmp_path / "ledger.duckdb", iter(range(100))

    def deliver(lines, **options):
        file = bills.write_csv(tmp_path / f"{next(numbers)}.csv", lines)
        return audit([file], Options(ledger=path, **options))

    deliver.ledger = path
    return deliver


def test_a_diff_says_what_changed_in_lines_dollars_usage_types_and_findings(deliver):
    deliver([usage(1), usage(2), usage(3, line_item_product_code="AmazonS3")])
    newer = [
        usage(1), usage(2, rate="0.00012"), usage(4),
        usage(5, line_item_usage_type="USE1-NovaLite-output-tokens", rate="0.00024"),
    ]  # fmt: skip
    deliver(newer)
    found = diff(PERIOD, ledger_path=deliver.ledger)
    (total,) = found.totals
    assert (total.lines_a, total.lines_b) == (3, 4)
    # 2 x 0.06 in scope and 0.06 besides; then 0.06 + 0.12 + 0.06 + 0.24.
    assert (total.billed_a, total.billed_b) == (Decimal("0.18"), Decimal("0.48"))
    assert (total.in_scope_billed_a, total.in_scope_billed_b) == (Decimal("0.12"), Decimal("0.48"))
    assert total.change == Decimal("0.30")
    assert [
        (one.what, one.usage_type, one.lines_a, one.lines_b, one.change) for one in found.charges
    ] == [
        ("added", "USE1-NovaLite-output-tokens", 0, 1, Decimal("0.24")),
        ("changed", bills.USAGE_TYPE, 2, 3, Decimal("0.12")),
    ]
    assert [(one.what, one.product_code, one.change) for one in found.others] == [
        ("removed", "AmazonS3", Decimal("-0.06"))
    ]
    assert [(one.what, one.check, one.difference_b) for one in found.findings] == [
        ("added", "rate_differs", Decimal("0.06"))
    ]
    assert {one.severity for one in found.charges} == {"info"}


def test_the_same_lines_in_another_file_are_no_change(deliver):
    deliver([usage(1), usage(2)])
    deliver([usage(2), usage(1)])
    found = diff(PERIOD, ledger_path=deliver.ledger)
    assert (found.charges, found.others, found.findings, found.notes) == ([], [], [], [])


def test_lines_that_only_get_other_ids_are_no_change(deliver):
    """AWS gives a line another id in each delivery."""
    deliver([usage(1), usage(2)])
    deliver([usage(1, identity_line_item_id="x"), usage(2, identity_line_item_id="y")])
    assert diff(PERIOD, ledger_path=deliver.ledger).charges == []


def test_what_was_replaced_twice_can_still_be_compared(deliver):
    for days in (1, 2, 4):
        deliver([usage(day) for day in range(1, days + 1)])
    rows = asked(deliver.ledger, "SELECT delivery_id FROM deliveries ORDER BY sequence")
    ids = [row[0] for row in rows]
    by_number = diff(PERIOD, "1", "3", deliver.ledger)
    assert by_number == diff(PERIOD, ids[0], ids[2][:6], deliver.ledger)
    assert [(one.lines_a, one.lines_b) for one in by_number.charges] == [(1, 4)]
    assert [one.lines_a for one in diff(PERIOD, b="2", ledger_path=deliver.ledger).charges] == [1]
    assert [one.lines_a for one in diff(PERIOD, "2", ledger_path=deliver.ledger).charges] == [2]
    assert [one.is_current for one in (by_number.a, by_number.b)] == [False, True]


def asked(path, query):
    with ledger.reading(path) as con:
        return con.execute(query).fetchall()


@pytest.mark.parametrize(
    ("period", "a", "b", "says"),
    [
        ("2026-09", None, None, "no delivery of '2026-09'; it has 2026-10"),
        (PERIOD, "3", None, "no delivery of 2026-10 can be meant by '3'; it has 1 ("),
        (PERIOD, "0", None, "no delivery"),
        (PERIOD, "zzzz", None, "no delivery"),
        (PERIOD, "", None, "no delivery"),
        (PERIOD, None, "1", "no delivery of 2026-10 before"),
        (PERIOD, "2", None, "is one delivery"),
        (PERIOD, "1", "1", "is one delivery"),
        ("'; DROP TABLE deliveries", None, None, "no delivery"),
    ],
)
def test_a_diff_that_is_impossible_names_what_there_is(deliver, period, a, b, says):
    deliver([usage(1)])
    deliver([usage(2)])
    with pytest.raises(OptionInvalid, match=r"it has|is one delivery") as refused:
        diff(period, a, b, deliver.ledger)
    assert says in str(refused.value)


def test_one_delivery_is_nothing_to_compare(deliver):
    deliver([usage(1)])
    with pytest.raises(OptionInvalid, match="nothing to compare it with"):
        diff(PERIOD, ledger_path=deliver.ledger)


def test_of_several_payers_one_is_named(deliver):
    for day in (1, 2):
        deliver([usage(day, bill_payer_account_id=payer) for payer in ("1" * 12, "2" * 12)])
    with pytest.raises(OptionInvalid, match=r"name one of them with --payer: 1{12}, 2{12}"):
        diff(PERIOD, ledger_path=deliver.ledger)
    assert diff(PERIOD, ledger_path=deliver.ledger, payer="2" * 12).payer_account == "2" * 12
    with pytest.raises(OptionInvalid, match="no 2026-10 of the payer '3'"):
        diff(PERIOD, ledger_path=deliver.ledger, payer="3")


def test_usage_that_changed_after_it_was_final_is_a_warning_and_what_is_added_is_not(deliver):
    deliver([usage(1, bill_invoice_id="I1"), usage(2, bill_invoice_id="I1")])
    later = [
        usage(1, bill_invoice_id="I1", quantity="2000"), usage(2, bill_invoice_id="I1"),
        added("Credit", "-0.01"), added("Refund", "-0.02"), added("Fee", "1"), added("Tax", "2"),
    ]  # fmt: skip
    deliver(later)
    found = diff(PERIOD, ledger_path=deliver.ledger)
    assert {(one.line_type, one.severity) for one in found.charges} == {
        ("Usage", "warning"), ("Credit", "info"), ("Refund", "info"), ("Fee", "info"),
        ("Tax", "info"),
    }  # fmt: skip


def test_a_finding_that_becomes_graver_when_the_bill_is_final_is_a_change(
    deliver, tmp_path, capsys
):
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f"""payer = "{bills.PAYER}"
currency = "USD"
[[credit]]
name = "Promised"
amount = 0.05
services = ["bedrock"]
starts = 2026-10-01
ends = 2026-11-01
"""
    )
    options = {"contract": contract, "as_of": date(2026, 11, 20)}
    deliver([usage(1), usage(31)], **options)
    deliver([usage(day, bill_invoice_id="I-1") for day in (1, 31)], **options)
    found = diff(PERIOD, ledger_path=deliver.ledger)
    assert [
        (one.what, one.check, one.severity_a, one.severity_b, one.change) for one in found.findings
    ] == [("changed", "credit_differs", "warning", "error", 0)]
    assert cli.run(["diff", PERIOD, "--ledger", str(deliver.ledger)]) == cli.FINE
    shown = capsys.readouterr().out
    assert "warning, now error" in shown
    assert "Nothing changed." not in shown


def test_finality_is_known_by_invoicing_entity_as_lines_and_dollars(deliver):
    lines = [
        usage(1, bill_invoice_id="I1"),
        usage(2, bill_invoice_id="I1"),
        added("Credit", "-0.01"),  # added later; it does not open the invoice again
        usage(3, bill_invoicing_entity=MARKET, bill_invoice_id="I2"),
        usage(4, bill_invoicing_entity=MARKET, quantity="3000"),
        usage(5, bill_invoicing_entity=None),
        usage(6, line_item_product_code="AmazonS3", bill_invoice_id="I1"),
    ]
    result = deliver(lines)
    (delivery,) = result.run.deliveries
    told = [
        (one.invoicing_entity, one.lines, one.final_lines, one.billed, one.final_billed,
         one.is_final)
        for one in delivery.finality
    ]  # fmt: skip
    assert told == [
        (AWS, 3, 2, Decimal("0.11"), Decimal("0.12"), True),
        (MARKET, 2, 1, Decimal("0.24"), Decimal("0.06"), False),
        (None, 1, 0, Decimal("0.06"), Decimal(0), False),
    ]
    (total,) = result.totals
    assert (total.final_lines, total.final_billed) == (4, Decimal("0.24"))


def test_the_terminal_shows_a_diff_and_hostile_text_as_text(deliver, capsys):
    deliver([usage(1, bill_invoice_id="I1")])
    deliver([usage(1, bill_invoice_id="I1", line_item_usage_account_id="[red]<script>\x1b[2J")])
    assert cli.run(["diff", PERIOD, "--ledger", str(deliver.ledger)]) == 0
    shown = capsys.readouterr().out
    assert "[red]<script>␛[2J" in shown
    assert "changed after it was final" in shown
    assert cli.run(["diff", PERIOD, "--ledger", str(deliver.ledger), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charges"][0]["change"] in ("0.06", "-0.06")
    assert cli.run(["diff", "2026-09", "--ledger", str(deliver.ledger)]) == 2


def test_what_makes_two_deliveries_hard_to_compare_is_said(deliver, tmp_path):
    deliver([usage(1)])
    file = bills.write_csv(tmp_path / "all.csv", [usage(1), usage(2)], legacy=False)
    bring_in([file], deliver.ledger, services="all")
    notes = diff(PERIOD, ledger_path=deliver.ledger).notes
    assert any("--services ai and B with --services all" in note for note in notes)
    assert "B was never audited, so it has no findings" in notes


def test_finality_and_lives_are_told_on_the_terminal_and_in_the_summary(deliver, tmp_path, capsys):
    lines = [
        usage(1, bill_invoice_id="I1", rate="0.00012"),
        usage(2, bill_invoicing_entity="<b>[red]", bill_invoice_id="I2"),
        usage(3, bill_invoicing_entity="<b>[red]", quantity="3000"),
    ]
    finding = next(one for one in deliver(lines).findings if one.check == "rate_differs")
    acknowledge(finding.id, reason="x", owner="y", ledger_path=deliver.ledger)
    file, out = bills.write_csv(tmp_path / "again.csv", lines), tmp_path / "out"
    cli.run(["audit", str(file), "--ledger", str(deliver.ledger), "--out", str(out)])
    shown = " ".join(capsys.readouterr().out.split())
    told = "not final, 50.0 % of 2 lines and 25.0 % of USD invoiced"  # 0.06 of 0.24 dollars
    whole = "final, 100 % of 1 line and 100 % of USD invoiced"
    assert f"Invoices: <b>[red]: {told}; {AWS}: {whole}." in shown
    assert re.search(r"By state: \d open, 1 acknowledged\.", shown)
    summary = (out / "summary.md").read_text("utf-8")
    assert told in summary
    assert "<b>" not in summary.split("## Findings")[0]
    assert re.search(r"By state: \d open, 1 acknowledged\.", summary)
