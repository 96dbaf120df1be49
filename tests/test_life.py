"""The life of findings over months and restatements: what is noticed, decided and expires."""

import json
import threading
from datetime import date
from decimal import Decimal

import pytest

import bills
import curecon
from curecon import cli, explanation, ledger, life
from curecon.errors import AcknowledgedInvalid, LedgerLocked, LedgerUnreadable, OptionInvalid
from curecon.reconcile import Options, audit

RIGHT, WRONG = "0.00006", "0.00012"  # the listed price, and twice that
HOSTILE = (
    "=cmd|'/c calc'!A1 <script>alert(1)</script> '; DROP TABLE findings; -- [red]\x1b[2J \u202e"
)


def month(period, rate=WRONG, days=2, quantity="1000", **given):
    """A bill of one usage type: each day is billed 0.06 too much at the wrong rate."""
    return [
        bills.line(
            period=period, start=f"{period}-{day:02d}T10:00:00", rate=rate, quantity=quantity,
            identity_line_item_id=f"{period}-{day}-{rate}", **given,
        )
        for day in range(1, days + 1)
    ]  # fmt: skip


@pytest.fixture
def book(tmp_path):
    """A ledger, audited with the listed price; `book(lines)` audits one more delivery."""
    prices = tmp_path / "prices.jsonl"
    prices.write_text(bills.price_item(bills.USAGE_TYPE, RIGHT, published="2026-07-15T00:00:00Z"))
    numbers = iter(range(1000))

    def book(lines, **options):
        file = bills.write_csv(tmp_path / f"bill{next(numbers)}.csv", lines)
        return audit([file], Options(ledger=book.path, price_lists=[prices], **options))

    book.path = tmp_path / "ledger.duckdb"
    book.prices = prices
    book.folder = tmp_path
    return book


def only(result):
    (finding,) = result.findings
    return finding


def state(book, finding_id, as_of=None):
    found = explanation.listed(
        book.path, states=["new", "open", "acknowledged", "disputed", "resolved", "reopened"],
        as_of=as_of,
    )  # fmt: skip
    (one,) = [one for one in found.states if one.finding_id == finding_id]
    return one


def ack(book, finding_id, **given):
    said = {"reason": "agreed", "owner": "jane", "ledger_path": book.path} | given
    return curecon.acknowledge(finding_id, **said)


def events(book):
    with ledger.reading(book.path) as con:
        return [
            row[0]
            for row in con.execute("SELECT event FROM finding_events ORDER BY event_id").fetchall()
        ]


# --- what audits notice


def test_three_months_with_restatements_keep_the_ids_of_their_findings(book):
    """October is delivered three times; November and December follow."""
    first = only(book(month("2026-10", days=2)))
    second = only(book(month("2026-10", days=5)))
    november = only(book(month("2026-11")))
    third = only(book(month("2026-10", days=6)))
    december = only(book(month("2026-12")))
    assert first.id == second.id == third.id
    assert len({first.id, november.id, december.id}) == 3
    assert {first.series_id} == {one.series_id for one in (second, third, november, december)}
    assert [one.difference for one in (first, second, third)] == [
        Decimal("0.12"), Decimal("0.30"), Decimal("0.36"),
    ]  # fmt: skip
    assert events(book) == ["found"] * 3
    assert [one.state for one in explanation.listed(book.path).states] == ["open"] * 3


def test_a_finding_is_new_once(book):
    lines = month("2026-10")
    result = book(lines)
    assert [one.state for one in result.run.states] == ["new"]
    assert state(book, only(result).id).state == "new"
    assert [one.state for one in book(lines).run.states] == ["open"]
    assert [one.state for one in book(month("2026-11")).run.states] == ["open"]


def test_the_same_delivery_audited_again_notes_nothing(book):
    lines = month("2026-10")
    first = book(lines)
    ack(book, only(first).id)
    before = events(book)
    second = book(lines)
    assert events(book) == before == ["found", "acknowledged"]
    assert second.findings == first.findings


def test_what_is_gone_is_resolved_and_what_comes_back_is_reopened(book):
    finding = only(book(month("2026-10")))
    assert book(month("2026-10", RIGHT)).findings == []
    gone = state(book, finding.id)
    assert (gone.state, gone.why) == ("resolved", "It was not found any more.")
    assert explanation.findings(book.path) == []
    (listed,) = explanation.listed(book.path, states=["resolved"]).findings
    assert listed.difference == Decimal("0.12")
    assert curecon.findings(book.path) == []
    book(month("2026-10", days=3))
    assert state(book, finding.id).state == "reopened"
    assert events(book) == ["found", "resolved", "returned"]


def test_a_series_that_was_resolved_in_another_month_is_reopened(book):
    book(month("2026-10"))
    book(month("2026-10", RIGHT))
    november = only(book(month("2026-11")))
    assert state(book, november.id).why == "It was resolved in another period, and it is back."


def test_another_month_and_another_payer_resolve_nothing(book):
    finding = only(book(month("2026-10")))
    book(month("2026-11", RIGHT))
    book(month("2026-10", RIGHT, bill_payer_account_id="999999999999"))
    assert state(book, finding.id).state == "open" or state(book, finding.id).state == "new"
    assert events(book) == ["found"]


def test_a_check_that_did_not_run_resolves_nothing(book):
    checks = book.folder / "checks"
    checks.mkdir()
    (checks / "dear.sql").write_text(
        "-- severity: warning\n-- category: anomaly\n-- question: Dear?\n"
        "SELECT l.line, 'Dear.' AS reason FROM lines AS l\n"
    )
    book(month("2026-10", RIGHT), checks=[checks])
    book(month("2026-10", RIGHT, days=3))
    assert events(book) == ["found"]


# --- acknowledging


def test_an_acknowledgement_holds_for_the_series_and_spares_the_exit_status(book, capsys):
    finding = only(book(month("2026-10")))
    (told,) = ack(book, finding.id[:8], max_amount=Decimal(1))
    assert (told.state, told.who, told.why) == ("acknowledged", "jane", "agreed")
    result = book(month("2026-11"))
    assert [one.state for one in result.run.states] == ["acknowledged"]
    file = bills.write_csv(book.folder / "november.csv", month("2026-11", days=3))
    given = ["audit", str(file), "--ledger", str(book.path), "--price-list", str(book.prices)]
    assert cli.run([*given, "--out", str(book.folder / "out")]) == 0
    run = json.loads((book.folder / "out" / "findings.json").read_text("utf-8"))["run"]
    assert [one["state"] for one in run["states"]] == ["acknowledged"]
    curecon.reopen(finding.series_id, reason="no", owner="joe", ledger_path=book.path)
    assert cli.run(given) == 1
    assert cli.run([*given, "--min-difference", "0.18"]) == 1
    assert cli.run([*given, "--min-difference", "0.19"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-12-30", "acknowledged"), ("2026-12-31", "acknowledged"), ("2027-01-01", "reopened")],
)
def test_an_acknowledgement_holds_through_its_last_day(book, day, expected):
    finding = only(book(month("2026-10")))
    ack(book, finding.id, until=date(2026, 12, 31), as_of=date(2026, 11, 8))
    found = state(book, finding.id, date.fromisoformat(day))
    assert found.state == expected
    if expected == "reopened":
        assert found.why == "The acknowledgement expired after 2026-12-31."
    result = book(month("2026-10"), as_of=date.fromisoformat(day))
    assert result.run.states[0].state == expected


@pytest.mark.parametrize(
    ("limit", "days", "expected"),
    [
        ("0.18", 3, "acknowledged"),  # 3 x 0.06, the very limit
        ("0.17", 3, "reopened"),
        (None, 2, "acknowledged"),  # the dollars of the day it was acknowledged
        (None, 3, "reopened"),
    ],
)
def test_an_acknowledgement_is_reopened_when_the_dollars_outgrow_it(book, limit, days, expected):
    finding = only(book(month("2026-10")))
    ack(book, finding.id, max_amount=None if limit is None else Decimal(limit))
    book(month("2026-10", days=days))
    found = state(book, finding.id)
    assert found.state == expected
    assert ("outgrew" in found.why) == (expected == "reopened")


def test_dollars_in_the_customers_favour_outgrow_an_acknowledgement_too(book):
    finding = only(book(month("2026-10", "0.00003")))
    assert finding.difference == Decimal("-0.06")
    ack(book, finding.id)
    book(month("2026-10", "0.00003", days=3))
    assert state(book, finding.id).state == "reopened"


def test_the_last_decision_counts(book):
    finding = only(book(month("2026-10")))
    ack(book, finding.id, until=date(2026, 1, 1), as_of=date(2026, 1, 1))
    assert state(book, finding.id).state == "reopened"
    ack(book, finding.id, max_amount=Decimal(5))
    assert state(book, finding.id).state == "acknowledged"
    curecon.reopen(finding.id, reason="mistake", owner="joe", ledger_path=book.path)
    found = state(book, finding.id)
    assert (found.state, found.who, found.why) == ("reopened", "joe", "mistake")
    history = explanation.explain_finding(finding.id, book.path).history
    assert [(one.event, one.who) for one in history] == [
        ("found", "audit"), ("acknowledged", "jane"), ("acknowledged", "jane"), ("reopened", "joe"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"until": date(2026, 11, 7)}, "--until 2026-11-07 is past; today is 2026-11-08"),
        ({"reason": " "}, "--reason says nothing"),
        ({"owner": ""}, "--owner says nothing"),
        (
            {"max_amount": Decimal("0.1199")},
            "--max-amount 0.1199 is less than the 0.12 that the finding has today",
        ),
    ],
)
def test_an_acknowledgement_that_says_nothing_is_refused(book, given, says):
    finding = only(book(month("2026-10")))
    with pytest.raises(OptionInvalid, match=says):
        ack(book, finding.id, as_of=date(2026, 11, 8), **given)
    assert events(book) == ["found"]
    edge = {"until": date(2026, 11, 8), "max_amount": Decimal("0.12")}
    (told,) = ack(book, finding.id, as_of=date(2026, 11, 8), **edge)
    assert told.state == "acknowledged"


def test_an_unknown_id_names_the_near_ones_and_exits_with_2(book, capsys):
    finding = only(book(month("2026-10")))
    wrong = finding.id[:-1] + ("0" if finding.id[-1] != "0" else "1")
    given = ["--reason", "x", "--owner", "y", "--ledger", str(book.path)]
    for command in ("ack", "reopen"):
        assert cli.run(["findings", command, wrong, *given]) == 2
        assert f"near it are {finding.id}" in capsys.readouterr().err
    assert cli.run(["findings", "ack", finding.id[:5], *given]) == 2
    assert "6 characters" in capsys.readouterr().err
    assert cli.run(["findings", "ack", "", *given]) == 2
    assert cli.run(["findings", "ack", finding.id, *given, "--until", "tomorrow"]) == 2
    assert "write it like 2026-10-08" in capsys.readouterr().err
    assert cli.run(["findings", "ack", finding.id, *given, "--max-amount", "-1"]) == 2
    assert cli.run(["findings", "ack", finding.id, *given, "--max-amount", "NaN"]) == 2
    assert events(book) == ["found"]


def test_only_what_was_decided_can_be_reopened(book):
    finding = only(book(month("2026-10")))
    with pytest.raises(OptionInvalid, match="is new: only what is acknowledged or disputed"):
        curecon.reopen(finding.id, reason="x", owner="y", ledger_path=book.path)


def test_hostile_reasons_and_owners_are_kept_and_shown_as_text(book, capsys):
    finding = only(book(month("2026-10")))
    given = ["findings", "ack", finding.id, "--reason", HOSTILE, "--owner", HOSTILE]
    assert cli.run([*given, "--ledger", str(book.path)]) == 0
    assert state(book, finding.id).why == HOSTILE
    assert cli.run(["findings", "show", finding.id, "--ledger", str(book.path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert "<script>" in shown
    assert len(explanation.findings(book.path)) == 1


# --- one writer, all or nothing


def test_of_two_writers_one_is_refused(book):
    finding = only(book(month("2026-10")))
    with ledger.staged(book.path), pytest.raises(LedgerLocked):
        ack(book, finding.id)
    refused = []

    def try_it():
        try:
            ack(book, finding.id)
        except LedgerLocked:
            refused.append(1)

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert events(book).count("acknowledged") == 4 - len(refused)


def test_a_decision_makes_no_ledger(tmp_path):
    with pytest.raises(LedgerUnreadable, match="no such ledger"):
        curecon.acknowledge("abc", reason="x", owner="y", ledger_path=tmp_path / "none.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_decision_that_fails_midway_changes_nothing(book, monkeypatch):
    finding = only(book(month("2026-10")))
    before = book.path.read_bytes()
    monkeypatch.setattr(life, "states", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ack(book, finding.id)
    assert book.path.read_bytes() == before


# --- acknowledged.toml


def entry(finding_id, **given):
    said = {"id": finding_id, "reason": "agreed", "owner": "team"} | given
    lines = [f"{key} = {value if key in ('until', 'max_amount') else json.dumps(value)}"
             for key, value in said.items()]  # fmt: skip
    return "[[acknowledged]]\n" + "\n".join(lines) + "\n"


def test_a_file_beside_the_ledger_acknowledges_once(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "acknowledged.toml"
    file.write_text(entry(finding.series_id, until="2026-12-31", max_amount="0.12"))
    result = book(lines, as_of=date(2026, 11, 8))
    assert [(one.state, one.who) for one in result.run.states] == [("acknowledged", "team")]
    book(lines, as_of=date(2026, 11, 8))
    assert events(book) == ["found", "acknowledged"]
    assert book(lines, as_of=date(2027, 1, 1)).run.states[0].state == "reopened"
    file.write_text(entry(finding.id, until="2027-12-31"))
    assert book(lines, as_of=date(2027, 1, 1)).run.states[0].state == "acknowledged"


def test_an_entry_that_is_taken_out_is_taken_back(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "accepted.toml"
    file.write_text(entry(finding.id))
    assert book(lines, acknowledged=file).run.states[0].state == "acknowledged"
    file.write_text("")
    found = book(lines, acknowledged=file).run.states[0]
    assert (found.state, found.why) == ("reopened", "It was taken out of acknowledged.toml.")
    before = events(book)
    book(lines, acknowledged=file)
    assert events(book) == before
    file.write_text(entry(finding.id))
    assert book(lines, acknowledged=file).run.states[0].state == "acknowledged"


@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_is_gone_takes_back_what_it_acknowledged(book, named):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / ("accepted.toml" if named else "acknowledged.toml")
    file.write_text(entry(finding.id))
    given = {"acknowledged": file} if named else {}
    assert book(lines, **given).run.states[0].state == "acknowledged"
    file.unlink()
    run = book(lines).run
    assert (run.states[0].state, run.states[0].why) == (
        "reopened", "No acknowledged.toml was there any more.",
    )  # fmt: skip
    assert [note for note in run.notes if "taken back" in note and finding.series_id in note]
    before = events(book)
    assert not [note for note in book(lines).run.notes if "taken back" in note]
    assert events(book) == before == ["found", "acknowledged", "reopened"]
    file.write_text(entry(finding.id))
    assert book(lines, **given).run.states[0].state == "acknowledged"


def test_another_file_that_says_the_same_takes_nothing_back(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "acknowledged.toml"
    file.write_text(entry(finding.id))
    book(lines)
    other = file.rename(book.folder / "other.toml")
    assert book(lines, acknowledged=other).run.states[0].state == "acknowledged"
    assert events(book) == ["found", "acknowledged"]


def test_without_a_file_what_a_person_acknowledged_stays(book):
    lines = month("2026-10")
    ack(book, only(book(lines)).id)
    assert book(lines).run.states[0].state == "acknowledged"
    assert events(book) == ["found", "acknowledged"]


def test_an_entry_that_is_changed_is_told_as_changed_and_not_reopened(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "acknowledged.toml"
    file.write_text(entry(finding.id))
    book(lines)
    for reason in ("asked AWS", "agreed"):  # and back again
        file.write_text(entry(finding.id, reason=reason))
        found = book(lines).run.states[0]
        assert (found.state, found.why) == (
            "acknowledged", f"{reason} (changed in acknowledged.toml)",
        )  # fmt: skip
    book(lines)
    assert events(book) == ["found", "acknowledged", "acknowledged", "acknowledged"]


def test_of_two_entries_of_one_series_the_later_counts_once(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "acknowledged.toml"
    file.write_text(entry(finding.id) + entry(finding.series_id, owner="last"))
    for _ in range(2):
        run = book(lines).run
        assert run.states[0].who == "last"
        said = f"{finding.id} and {finding.series_id} are of one series; the later counts"
        assert f"acknowledged.toml: {said}" in run.notes
    assert events(book) == ["found", "acknowledged"]


def test_what_a_person_decided_after_the_file_stays(book):
    lines = month("2026-10")
    finding = only(book(lines))
    file = book.folder / "acknowledged.toml"
    file.write_text(entry(finding.id))
    book(lines)
    curecon.reopen(finding.id, reason="no", owner="joe", ledger_path=book.path)
    assert book(lines).run.states[0].who == "joe"
    ack(book, finding.id, owner="ann")
    file.write_text("")
    assert book(lines).run.states[0].who == "ann"


def test_an_entry_about_nothing_is_noted(book):
    (book.folder / "acknowledged.toml").write_text(entry("0123456789abcdef"))
    notes = book(month("2026-10")).run.notes
    assert "acknowledged.toml: no finding of this ledger has the id 0123456789abcdef" in notes


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[acknowledged]]\nid = 'abc'\nreason = 'x'\nowner = 'y'\n", "entry 1: `id`"),
        (entry("0" * 16) + entry("1" * 16, reason=" "), "entry 2: `reason`"),
        (entry("0" * 16, owner=""), "entry 1: `owner`"),
        (entry("0" * 16, max_amount="-1"), "entry 1: `max_amount`"),
        (entry("0" * 16, until="'soon'"), "entry 1: `until`"),
        (entry("0" * 16) + "colour = 'red'\n", "entry 1: `colour`"),
        (entry("0" * 16) * 2, "entries 1 and 2 are both about 0000000000000000"),
        ("[[acknowledged", "is not valid TOML"),
        ("[[other]]\n", "`other` is unknown"),
        ("acknowledged = 3\n", "`acknowledged` is no list of tables"),
        ("acknowledged = [3]\n", "entry 1: is no table"),
        ("acknowledged" + ".a" * 3000 + " = 1\n", "`acknowledged` is no list of tables"),
        ("acknowledged = " + "[" * 500 + "]" * 500, "nested too deeply"),
        (entry("0" * 16, max_amount="nan"), "entry 1: `max_amount` is no number"),
        (entry("0" * 16, max_amount="inf"), "entry 1: `max_amount` is no number"),
        (entry("0" * 16, max_amount="true"), "entry 1: `max_amount` is no number"),
        (entry("0" * 16, max_amount="'12'"), "entry 1: `max_amount` is no number"),
        (entry("0" * 16, max_amount="1e30"), "at most 16 fit"),
        (entry("0" * 16, max_amount="9" * 40), "at most 16 fit"),
        (entry("0" * 16, max_amount="1e-30"), "at most 20 decimals"),
        (entry("0" * 16, until="2026-12-31T00:00:00"), "entry 1: `until` is no date"),
        (entry("0" * 16, until="86400"), "entry 1: `until` is no date"),
        (entry("0" * 16, reason="a\x1b[31m"), "entry 1: `reason` must be text"),
        (entry("0" * 16, reason="a\0b"), "entry 1: `reason` must be text"),
        (entry("0" * 16, owner="a\nb"), "entry 1: `owner` must be one line"),
        (entry("0" * 16) + '"a\\nb: all is well" = 1', "entry 1: `a\\nb: all is well` is unknown"),
        ("# \udcff", "is not UTF-8 text (byte 2)"),
        ("\0", "is not valid TOML"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused(book, content, says):
    lines = month("2026-10")
    book(lines)
    before = book.path.read_bytes()
    file = book.folder / "acknowledged.toml"
    file.write_text(content, "utf-8", "surrogateescape")
    with pytest.raises(AcknowledgedInvalid) as refused:
        book(lines)
    assert str(file) in str(refused.value)
    assert says in str(refused.value)
    assert book.path.read_bytes() == before


def test_everything_that_is_wrong_in_the_file_is_said_at_once(book):
    file = book.folder / "acknowledged.toml"
    file.write_text("colour = 'red'\n" + entry("abc") + entry("0" * 16, until="5"))
    with pytest.raises(AcknowledgedInvalid) as refused:
        book(month("2026-10"))
    said = str(refused.value).splitlines()
    assert [line.removeprefix(f"{file}: ").split("`")[1] for line in said] == [
        "colour", "id", "until",
    ]  # fmt: skip


def test_a_reason_may_have_lines_and_the_file_a_byte_order_mark(book):
    finding = only(book(month("2026-10")))
    file = book.folder / "acknowledged.toml"
    text = entry(finding.id).replace('"agreed"', '"""agreed\nin spring"""')
    file.write_text("\ufeff" + text, "utf-8")
    assert book(month("2026-10")).run.states[0].state == "acknowledged"


def test_a_file_that_is_missing_is_refused(book):
    with pytest.raises(AcknowledgedInvalid, match="not a file that can be read"):
        book(month("2026-10"), acknowledged=book.folder / "none.toml")
