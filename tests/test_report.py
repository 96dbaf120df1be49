"""The report says what the result says, whatever texts a bill carries, and is all or nothing."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from openpyxl import load_workbook
from rich.console import Console

import report_samples as samples
from curecon.errors import OptionInvalid
from curecon.models import AuditResult, BridgeRow, Finality, Finding, FindingState
from curecon.money import plain
from curecon.report import figures, files, html, markdown, story, terminal, text, usage, workbook
from curecon.report.waterfall import waterfall

D = Decimal
SPACE = " "
SAMPLES = {
    sample.__name__: sample
    for sample in (
        samples.typical,
        samples.empty,
        samples.clean,
        samples.several,
        samples.extreme,
    )
}
LONG = "x" * 1_000_000
ALL_HOSTILE = "".join(samples.HOSTILE)
HOSTILE = [*samples.HOSTILE, ALL_HOSTILE, LONG, "<" * 1_000_000]
hostile = pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
every = pytest.mark.parametrize("result", [make() for make in SAMPLES.values()], ids=SAMPLES)


# --- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("-0", "0.00"),
        ("1234567.891", "1,234,567.89"),
        ("-1234.5", "-1,234.50"),
        ("0.01", "0.01"),
        ("0.0099", "0.0099"),
        ("-0.004", "-0.004"),
        ("0.00000123", "0.0000012"),
        ("0.000001", "0.000001"),
        ("0.0000009", "<0.000001"),
        ("-0.00000000000000000001", ">-0.000001"),
        ("9999999999999999.99999999999999999999", "10,000,000,000,000,000.00"),
    ],
)
def test_money_never_reads_as_zero_unless_it_is(amount, shown):
    assert figures.money(D(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0.00"), ("5", "+5.00"), ("-5", "-5.00"), ("1E-20", "<0.000001")],
)
def test_a_difference_has_a_sign(amount, shown):
    assert figures.signed(D(amount)) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        ("0", "0", None),
        ("1", "0", None),
        ("-1", "10", None),
        ("11", "10", None),
        ("0", "10", "0 %"),
        ("10", "10", "100 %"),
        ("-5", "-10", "50.0 %"),
        ("1", "100000", "<0.1 %"),
        ("99999", "100000", ">99.9 %"),
        ("1", "3", "33.3 %"),
    ],
)
def test_a_share_is_whole_only_when_it_is(part, whole, shown):
    assert figures.percent(D(part), D(whole)) == shown


def test_sums_keep_every_digit():
    parts = [D("9999999999999999.99999999999999999999"), D("0.00000000000000000001")]
    assert plain(figures.add(parts)) == "10000000000000000"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-1, max_value=1))
def test_what_is_not_zero_is_never_shown_as_zero(amount):
    assert (figures.money(amount) == "0.00") == (amount == 0)


# --- texts -------------------------------------------------------------------------------------


@hostile
def test_nothing_invisible_is_left(bad):
    shown = text.visible(bad)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b\ufeff]", shown)
    assert text.visible(shown, len(shown)) == shown


def test_a_long_text_is_cut_and_says_so():
    assert text.visible(LONG, 5) == "xxxxx… [cut: 1,000,000 characters]"
    assert text.visible("xxxxx", 5) == "xxxxx"


def test_honest_text_stays_as_it_is():
    honest = "arn:aws:sagemaker:eu-central-1:1:endpoint/modèle-🧾-👩‍🔬-日本語-العربية"
    assert text.visible(honest) == honest


# --- the story ---------------------------------------------------------------------------------


def test_findings_come_by_severity_and_dollars_and_the_owner_first():
    findings = [
        samples.finding(1, severity="info", difference=D(900)),
        samples.finding(2, severity="error", difference=D(5)),
        samples.finding(3, severity="warning", difference=D(7)),
        samples.finding(4, severity="error", difference=D(-6)),
        samples.finding(5, severity="error", difference=D(5), owns_difference=False),
        samples.finding(6, severity="error", difference=D("0.1") ** 20),
    ]
    wanted = [4, 2, 5, 6, 3, 1]
    for given_order in (findings, findings[::-1]):
        assert [int(one.id, 16) for one in story.ordered(given_order)] == wanted


def test_a_statement_ties():
    [statement] = story.statements(samples.typical())
    assert statement.priced == D("53102.7151")
    assert statement.difference == D("992.4000421") == statement.priced - statement.total.expected
    assert statement.proven == D("1042.4")
    assert statement.share == "98.5 %"
    assert [row.component for row in statement.bridge] == [
        "agrees",
        "duplicate",
        "rate",
        "discount",
        "rounding",
        "unpriced",
        "not_repriced",
    ]


def test_a_component_we_do_not_know_is_shown_under_its_own_name():
    result = samples.typical()
    row = samples.bridge_row("surcharge", "7", "0", 1)
    result = result.model_copy(update={"bridge": [*result.bridge, row]})
    for shown in (html.render(result), markdown.render(result), printed(result)):
        assert "surcharge" in shown


def test_a_bridge_without_a_total_is_our_own_error():
    stray = samples.typical().model_copy(update={"totals": []})
    with pytest.raises(AssertionError, match="belong to no total"):
        story.statements(stray)


@pytest.mark.parametrize(
    ("rows", "total", "said"),
    [
        ([], {"in_scope_lines": 0}, "has no Bedrock or SageMaker charges"),
        ([("unpriced", "9", "0")], {"unpriced": D(9)}, "No charge could be compared with a price."),
        ([("agrees", "9", "9")], {"in_scope_billed": D(9)}, "agrees with its rate: 9.00 USD"),
        ([("rate", "9", "4"), ("unit", "4", "9")], {}, "the differences cancel each other"),
        ([("rate", "9", "4")], {}, "AWS billed 5.00 USD more than expected"),
        ([("rate", "4", "9")], {}, "AWS billed 5.00 USD less than expected"),
        ([("rounding", "9.000001", "9")], {}, "but for rounding"),
        ([("agrees", "9", "9")], {"unpriced": D("0.004")}, "0.004 USD could not be priced"),
    ],
)
def test_the_verdict_is_a_sentence(rows, total, said):
    kept = {"unpriced": D(0), "not_repriced": D(0)} | total
    result = samples.empty().model_copy(
        update={
            "totals": [samples.total(**kept)],
            "bridge": [samples.bridge_row(*row, 1) for row in rows],
        }
    )
    [statement] = story.statements(result)
    assert said in story.verdict(statement)
    for shown in (printed(result), markdown.render(result), html.render(result)):
        assert "No findings." in shown


def _uncompared(component: str, label: str, **totals: D) -> AuditResult:
    """Make a month of which no charge was held against a price."""
    kept = {"unpriced": D(0), "not_repriced": D(0), "expected": D(0)} | totals
    return samples.empty().model_copy(
        update={
            "totals": [samples.total(in_scope_lines=6190, in_scope_billed=D(29684), **kept)],
            "bridge": [samples.bridge_row(component, "29684", "0", 6190)],
            "breakdowns": [samples.breakdown(component, label, "29684", "0", 6190)],
        }
    )


@pytest.mark.parametrize(
    ("component", "label", "said"),
    [
        ("not_repriced", "other_service", "no Bedrock or SageMaker charges: there was nothing"),
        ("not_repriced", "Tax", "No charge could be compared with a price."),
        ("unpriced", "no_rate", "No charge could be compared with a price."),
    ],
)
def test_a_month_of_which_nothing_was_compared_is_not_called_as_expected(component, label, said):
    result = _uncompared(component, label, **{component: D(29684)})
    page, summary, terminal_says = html.render(result), markdown.render(result), printed(result)
    for shown in (page, summary, terminal_says):
        assert said in " ".join(shown.split())
        assert "nothing could be compared" in " ".join(shown.split())
        assert "as expected" not in shown
    for claim in ("every charge had a rate", "at the rates in force", "<svg class="):
        assert claim not in page
    assert "| **Difference** | **— (nothing could be compared)** |" in summary
    assert "| Expected | — |" in summary
    assert ("no charge was to be priced" in page) == (component == "not_repriced")
    book = load_workbook(io.BytesIO(workbook.render(result)))
    head, row = list(book["Summary"].iter_rows(values_only=True))[:2]
    assert {name: row[head.index(name)] for name in ("Expected", "Difference")} == {
        "Expected": None,
        "Difference": None,
    }


def test_the_page_says_what_was_decided_about_a_finding_and_by_whom():
    state = FindingState(
        finding_id=samples.finding(1).id, series_id="s", state="acknowledged",
        since=samples.STARTED, who="jane", why="<b>agreed</b>", until=date(2026, 12, 31),
        remaining=D(1),
    )  # fmt: skip
    card = html._card(samples.finding(1), state)
    assert card["remark"] == "acknowledged"
    assert card["state"] == ("acknowledged by jane on 2026-11-03, until 2026-12-31: <b>agreed</b>")
    found = html._card(samples.finding(1), state.model_copy(update={"state": "new"}))
    assert (found["remark"], found["state"]) == ("", "")
    result = samples.empty().model_copy(
        update={"totals": [samples.total()], "findings": [samples.finding(1)]}
    )
    result.run.states[:] = [state]
    page = html.render(result)
    assert "by state: 1 acknowledged" in page
    summary, said = markdown.render(result), " ".join(printed(result).split())
    assert "+200.00 USD (acknowledged)" in summary
    assert re.search(r"\+200.00 USD .{0,60}acknowledged", said)
    assert "Recovered" not in summary + said
    result.run.states[:] = [state.model_copy(update={"state": "resolved", "recovered": D(150)})]
    assert "| Recovered, won back by credits | 150.00 |" in markdown.render(result)
    said = " ".join(printed(result).split())
    assert "Recovered 150.00 won back by credits" in said
    assert re.search(r"\+200.00 USD .{0,60}resolved", said)
    assert "&lt;b&gt;agreed&lt;/b&gt;" in page
    assert "<b>agreed" not in page


def test_dollars_that_no_difference_has_are_told_for_what_they_are():
    shared = samples.finding(2, owns_difference=False, primary_id="a" * 16)
    tax = samples.finding(3, owns_difference=False, primary_id=None)
    nothing = samples.finding(4, owns_difference=False, primary_id=None, difference=D(0))
    assert [story.remark(one) for one in (samples.finding(1), shared, tax, nothing)] == [
        "", "counted in another", "not in the bridge", "",
    ]  # fmt: skip


def test_findings_of_a_month_without_a_bill_are_told_apart():
    """So the counts of the statements and that of all findings can be reconciled."""
    late = samples.finding(2, period="2026-09", severity="warning", check="missing_delivery")
    of_data = samples.finding(3, currency=None, severity="info")
    result = samples.empty().model_copy(
        update={"totals": [samples.total()], "findings": [samples.finding(1), late, of_data]}
    )
    [statement] = story.statements(result)
    assert story.counted(statement.severities) == "1 error, 1 info"
    said = "Of these, 1 warning concerns a month that no statement is about."
    assert said in markdown.render(result)
    assert said in printed(result)
    assert said in html.render(result)
    known = result.model_copy(update={"findings": [samples.finding(1), of_data]})
    assert story.elsewhere(known) is None


@pytest.mark.parametrize(
    ("entities", "said"),
    [
        ([("", 0)], "not final, no line is invoiced yet"),
        ([("  ", 3)], "final, 100 % of 3 lines and 100 % of USD invoiced"),
        (
            [("", 3), ("AWS", 2)],
            (
                "issuer not stated: final, 100 % of 3 lines and 100 % of USD invoiced; "
                "AWS: not final, 66.7 % of 3 lines and 66.7 % of USD invoiced"
            ),
        ),
    ],
)
def test_finality_is_told_with_its_shares_and_without_an_empty_name(entities, said):
    told = [
        Finality(
            invoicing_entity=name, currency="USD", lines=3, final_lines=final, billed=D(9),
            final_billed=D(3 * final), is_final=final == 3,
        )
        for name, final in entities
    ]  # fmt: skip
    assert story.final(told) == said


def test_statements_are_never_added_together():
    result = samples.several()
    sums = ["2,300.00", "3,600.00", "2,500.00", "600.00", "500.00 USD", "3,000.00"]
    shown = printed(result) + markdown.render(result) + html.render(result)
    present = {"600.00"}  # is also billed under the rate of one statement
    for added in set(sums) - present:
        assert added not in shown
    assert shown.count("+300.00") >= 3
    assert [one.name for one in story.statements(result)] == [
        "2026-09 · payer 123456789012 · USD",
        "2026-10 · payer 123456789012 · USD",
        "2026-10 · payer 999988887777 · EUR",
    ]


def of_one_payer() -> AuditResult:
    """Two months of one payer, of which the later one still runs."""
    result = samples.several()
    keys = [("2026-09", samples.PAYER), ("2026-10", samples.PAYER)]
    return result.model_copy(
        update={
            name: [
                one
                for one in getattr(result, name)
                if (one.period, one.payer_account) in keys and one.currency == "USD"
            ]
            for name in ("totals", "bridge", "findings", "breakdowns")
        }
        | {"forecasts": [samples.forecast()]}
    )


def test_statements_say_how_much_is_final_and_name_a_payer_once():
    result = of_one_payer()
    shares = [D(60), D(0)]
    result.totals[:] = [
        one.model_copy(update={"billed": D(80), "final_billed": share})
        for one, share in zip(result.totals, shares, strict=True)
    ]
    page = html.render(result)
    table = page[page.index('id="statements"') : page.index('id="findings"')]
    assert ">75.0 %<" in table
    assert ">0 %<" in table
    assert table.count(samples.PAYER) == 1
    assert ">Currency<" not in table
    assert html.render(samples.several()).count('<th scope="col">Currency</th>') == 1


def test_what_is_usage_of_no_day_is_named():
    result = samples.typical()
    (month,) = story.statements(result)
    assert (
        "tax, credits, refunds, discounts and the fees of plans are not, and come to"
        in html.render(result)
    )
    kept = samples.breakdown("not_repriced", "other_service", "5", "0", 1)
    result.breakdowns.append(kept)
    assert "; other services, tax, credits, refunds, discounts" in html.render(result)
    assert month.dateless.startswith("tax")


# --- JSON and CSV ------------------------------------------------------------------------------


@every
def test_json_is_the_result_and_comes_back(result):
    written = files.to_json(result)
    assert written.endswith("}\n")
    assert not re.search(r"[^\x0a\x20-\x7e]", written)
    assert AuditResult.model_validate(json.loads(written)) == result


def test_json_has_the_keys_that_others_rely_on():
    content = json.loads(files.to_json(samples.typical()))
    assert list(content) == (
        "schema_version run totals bridge findings breakdowns days provisioned forecasts "
        "unusual_days finding_lines"
    ).split(SPACE)
    assert content["schema_version"] == 1
    assert list(content["run"])[:2] == ["id", "curecon_version"]
    assert content["run"]["started"] == "2026-11-03T08:15:30Z"
    assert list(content["totals"][0]) == (
        "period payer_account currency lines billed in_scope_lines in_scope_billed expected "
        "unpriced not_repriced final_lines final_billed"
    ).split(SPACE)
    assert list(content["bridge"][0]) == (
        "period payer_account currency component billed expected amount lines"
    ).split(SPACE)
    first, _, unpriced, *_ = content["findings"]
    assert list(first) == (
        "id series_id check category severity owns_difference period payer_account usage_account "
        "region service usage_type operation unit resource quantity billed expected difference "
        "currency lines first_usage last_usage reason primary_id rate"
    ).split(SPACE)
    assert list(first["rate"]) == ["source", "reference", "price", "unit", "starts", "ends"]
    assert first["billed"] == "1200"
    assert first["rate"]["price"] == "0.0008"
    assert first["last_usage"] == "2026-10-31T23:00:00Z"
    assert unpriced["expected"] is None
    assert unpriced["rate"] is None


@hostile
def test_json_keeps_every_text_whole(bad):
    result = samples.hostile(bad)
    assert AuditResult.model_validate(json.loads(files.to_json(result))) == result


def rows(written: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written, newline="")))


def test_csv_has_the_fields_of_the_json():
    [header, *_] = csv.reader(io.StringIO(files.findings_csv([]), newline=""))
    assert header[:-6] == [name for name in Finding.model_fields if name != "rate"]
    assert header[-6:] == [
        "rate_source",
        "rate_reference",
        "rate_price",
        "rate_unit",
        "rate_starts",
        "rate_ends",
    ]
    [header, *_] = csv.reader(io.StringIO(files.bridge_csv([]), newline=""))
    assert header == list(BridgeRow.model_fields)


@every
def test_csv_comes_back_as_the_json_has_it(result):
    content = json.loads(files.to_json(result))
    for row, finding in zip(
        rows(files.findings_csv(result.findings)), content["findings"], strict=True
    ):
        rate = finding.pop("rate") or {}
        finding |= {f"rate_{name}": value for name, value in rate.items()}
        for name, cell in row.items():
            value = finding.get(name)
            wanted = "" if value is None else str(value)
            assert cell == (wanted.lower() if isinstance(value, bool) else wanted)
    for row, component in zip(
        rows(files.bridge_csv(result.bridge)), content["bridge"], strict=True
    ):
        assert row == {name: str(value) for name, value in component.items()}


def test_csv_ends_lines_as_its_standard_says():
    written = files.findings_csv(samples.typical().findings)
    assert written.count("\r\n") == written.count("\n") == 7


@hostile
def test_csv_cells_are_no_formulas_and_lose_nothing(bad):
    result = samples.hostile(bad)
    written = files.findings_csv(result.findings) + files.bridge_csv(result.bridge)
    csv.field_size_limit(2_000_000)
    for line in csv.reader(io.StringIO(written, newline="")):
        for cell in line:
            assert not re.match(r"[\s\x00-\x1f]*[=+@\t\r]", cell) or cell.startswith("'")
    [row] = rows(files.findings_csv(result.findings))
    assert row["resource"].removeprefix("'" if not bad.startswith("'") else "") == bad


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("USE1-tokens", "USE1-tokens"),
        ("=1", "'=1"),
        ("-1", "'-1"),
        (" \t\n =1", "' \t\n =1"),
        ("\u00a0\u200b\x00@x", "'\u00a0\u200b\x00@x"),
        ("\uff1dSUM", "'\uff1dSUM"),
        ("\tx", "'\tx"),
        ("", ""),
    ],
)
def test_only_what_a_spreadsheet_would_run_is_guarded(given_text, wanted):
    assert files.guarded(given_text) == wanted


def test_our_own_numbers_stay_numbers_in_csv():
    [row] = rows(files.findings_csv([samples.finding(1, difference=D("-50.00"))]))
    assert row["difference"] == "-50"
    [row] = rows(files.bridge_csv([samples.bridge_row("rate", "1", "3", 1)]))
    assert row["amount"] == "-2"


# --- all or nothing, and the same bytes --------------------------------------------------------


@every
def test_equal_results_give_equal_bytes_apart_from_the_run(result):
    assert files.render(result) == files.render(result)
    other = result.model_copy(update={"run": samples.run(id="another", notes=[])})
    mine, theirs = files.render(result), files.render(other)
    assert mine["findings.csv"] == theirs["findings.csv"]
    assert mine["bridge.csv"] == theirs["bridge.csv"]
    contents = [json.loads(one["findings.json"]) for one in (mine, theirs)]
    for content in contents:
        del content["run"]
    assert contents[0] == contents[1]


def read(folder: Path) -> dict[str, str | bytes]:
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {
        name: content if name.endswith(".xlsx") else content.decode()
        for name, content in contents.items()
    }


def test_a_new_folder_gets_the_six_files(tmp_path):
    out = tmp_path / "a" / "b"
    files.write(samples.typical(), out)
    assert sorted(read(out)) == sorted(files.NAMES)
    assert [path.name for path in out.parent.iterdir()] == ["b"]
    assert out.stat().st_mode & 0o777 == out.parent.stat().st_mode & 0o777


def test_files_that_are_not_ours_stay(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    files.write(samples.typical(), tmp_path)
    files.write(samples.clean(), tmp_path)
    after = read(tmp_path)
    assert after.pop("mine.txt") == "mine"
    assert after["summary.md"] == markdown.render(samples.clean())
    assert sorted(after) == sorted(files.NAMES)


@pytest.mark.parametrize("first_run", [True, False])
@pytest.mark.parametrize("failing", range(6))
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_midway_leaves_the_old_files(tmp_path, monkeypatch, failing, first_run, error):
    (tmp_path / "mine.txt").write_text("mine")
    if not first_run:
        files.write(samples.clean(), tmp_path)
    before = read(tmp_path)
    replace, calls = os.replace, []

    def fail(source, target):
        calls.append(target)
        if len(calls) == failing + 1:
            raise error
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    wanted = OptionInvalid if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(wanted):
        files.write(samples.typical(), tmp_path)
    monkeypatch.undo()
    assert read(tmp_path) == before


def test_a_report_that_cannot_be_made_touches_nothing(tmp_path, monkeypatch):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(html, "render", fail)
    with pytest.raises(ZeroDivisionError):
        files.write(samples.typical(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from curecon.models import AuditResult
from curecon.report import files

replace = os.replace

def die(source, target):
    if target.name == "summary.md":
        os._exit(9)
    replace(source, target)

os.replace = die
result = AuditResult.model_validate_json(sys.stdin.read())
files.write(result, Path(sys.argv[1]))
"""


def test_a_killed_run_leaves_whole_files(tmp_path):
    files.write(samples.clean(), tmp_path)
    before, after = read(tmp_path), files.render(samples.typical())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        input=files.to_json(samples.typical()).encode(),
        check=False,
    )
    assert killed.returncode == 9
    left = read(tmp_path)
    assert left["findings.json"] == after["findings.json"]
    assert left["report.html"] == before["report.html"]
    assert all(left[name] in (before[name], after[name]) for name in files.NAMES)


def test_nothing_is_published_before_it_is_asked_for(tmp_path):
    out = tmp_path / "out"
    with files.staged(samples.typical(), out) as publish:
        assert not out.exists()
        publish()
        assert out.exists()
    with files.staged(samples.clean(), out):
        pass
    assert "No findings" not in (out / "summary.md").read_text("utf-8")
    assert sorted(read(out)) == sorted(files.NAMES)


def test_an_out_that_is_no_folder_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "out"
    path.write_text("a file")
    with pytest.raises(OptionInvalid, match=r"cannot be written to .*: it is a file\. Give"):
        files.write(samples.typical(), path)
    (tmp_path / "folder" / "report.html").mkdir(parents=True)
    with pytest.raises(OptionInvalid, match=r"report\.html in it is a folder"):
        files.write(samples.typical(), tmp_path / "folder")
    assert [one.name for one in (tmp_path / "folder").iterdir()] == ["report.html"]


# --- the terminal ------------------------------------------------------------------------------


def printed(result: AuditResult, width: int = 80, **options) -> str:
    buffer = io.StringIO()
    terminal.show(result, Console(file=buffer, width=width, **options))
    return buffer.getvalue()


@every
def test_terminal_fits_eighty_columns_and_is_plain_when_piped(result):
    shown = printed(result)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_terminal_tells_the_story():
    shown = printed(samples.typical())
    for part in (
        "2026-10 · payer 123456789012 · USD",
        "AWS billed 992.40 USD more than expected",
        "98.5 % of usage dollars",
        "Billed twice",
        "2 errors, 2 warnings, 2 info",
        "no rate for this model and region",
        "No contract was given",
    ):
        assert part in shown
    assert shown.index("Identical usage") < shown.index("Rate differs") < shown.index("No rate")


def test_terminal_says_how_many_more_there_are():
    shown = printed(samples.many(21), width=120)
    assert "1 more are in findings.csv and report.html" in " ".join(shown.split())
    assert shown.count("Input tokens of model") == 20


def test_terminal_says_a_clean_bill_in_a_sentence():
    assert printed(samples.clean()).startswith("No findings.\n")
    assert "Every charge that could be priced agrees" in printed(samples.clean())
    assert printed(samples.empty()) == "No findings.\nNo bill was audited.\n"


@hostile
@pytest.mark.parametrize("tty", [True, False])
def test_terminal_prints_bill_text_as_it_is(bad, tty):
    result = samples.hostile(bad)
    shown = printed(result, force_terminal=tty, color_system="truecolor" if tty else None)
    ours = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", ours)
    assert "https://evil" not in "".join(re.findall(r"\x1b\]8;[^\x1b]*", shown))
    wanted = re.sub(r"\s", "", text.visible(bad, text.SENTENCE))
    assert wanted in re.sub(r"\s", "", printed(result, width=5000))


def test_terminal_survives_an_output_that_knows_ascii_only():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    for result in (samples.typical(), samples.hostile(ALL_HOSTILE), samples.extreme()):
        terminal.show(result, Console(file=out, width=80))
    out.flush()
    assert b"payer" in raw.getvalue()


def test_terminal_never_shortens_a_number():
    shown = re.sub(r"\s", "", printed(samples.extreme(), width=60))
    assert "9,999,999,999,999,999.00" in shown
    assert "…" not in shown


# --- Markdown ----------------------------------------------------------------------------------

ALLOWED_INLINE = {"text", "strong_open", "strong_close", "code_inline", "html_inline"}


def parsed(written: str):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(written)


@hostile
def test_markdown_has_no_markup_of_the_bill(bad):
    tokens = parsed(markdown.render(samples.hostile(bad)))
    inline = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inline} <= ALLOWED_INLINE
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<br>"}
    assert not {token.type for token in tokens} & {"html_block", "fence", "code_block", "hr"}
    # Addresses, mentions and issue numbers stand in code, where no tracker links them.
    loose = " ".join(child.content for child in inline if child.type == "text")
    assert not re.search(r"://|www\.|@|#\w", loose)


@hostile
def test_markdown_keeps_the_table_and_the_text(bad):
    tokens = parsed(markdown.render(samples.hostile(bad)))
    cells = Counter(token.type for token in tokens)
    place = next(i for i, one in enumerate(tokens) if one.content == "Why")
    head = sum(one.type == "th_open" for one in tokens[:place]) - 3 - 4
    assert head <= 6
    body = tokens[place:]
    row = body[next(i for i, one in enumerate(body) if one.type == "tbody_open") :]
    row = row[: next(i for i, one in enumerate(row) if one.type == "tr_close")]
    inline = [one for one in row if one.type == "inline"]
    assert len(inline) == 5
    assert cells["tbody_open"] == 6
    shown = "".join(child.content for child in inline[-1].children)
    assert shown.split() == text.visible(bad, text.SENTENCE).split()


def test_markdown_tells_the_story():
    shown = markdown.render(samples.typical())
    for part in (
        "## 2026-10 · payer 123456789012 · USD",
        "| **Difference** | **+992.40** |",
        "| Billed twice | 842.40 | 0.00 | +842.40 | 186 |",
        "| no rate for this model and region | 310 | 812.50 USD |",
        "| Tax | 38 | 5,316.23 USD |",
        "| AWS price list: AWS price list | 9 | 53,000.72 USD |",
        "No contract was given",
    ):
        assert part in shown
    assert "80 more are in `findings.csv`" in markdown.render(samples.many(100))


# --- the page ----------------------------------------------------------------------------------

ATTRIBUTES = {
    "a": {"class", "href"},
    "abbr": {"title"},
    "body": set(),
    "button": {"id", "type", "hidden"},
    "caption": {"class"},
    "code": set(),
    "col": {"class"},
    "colgroup": set(),
    "dd": {"class", "data-field"},
    "details": {"class"},
    "div": {
        "data-days",
        "class",
        "id",
        "hidden",
        "tabindex",
        "role",
        "aria-label",
        "aria-labelledby",
        "data-if",
    },
    "dl": {"class"},
    "dt": set(),
    "figcaption": set(),
    "figure": {"class"},
    "h1": set(),
    "h2": {"id"},
    "h3": {"id"},
    "head": set(),
    "header": {"class"},
    "html": {"lang"},
    "input": {"id", "type", "autocomplete", "spellcheck", "placeholder"},
    "label": {"for"},
    "li": {"class"},
    "line": {"class", "x1", "x2", "y1", "y2"},
    "link": {"rel", "href"},
    "main": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "nav": {"aria-label"},
    "option": {"value"},
    "p": {"class", "id", "role"},
    "path": {"class", "d"},
    "rect": {"class", "x", "y", "width", "height"},
    "script": {"id", "type"},
    "section": {"class", "id", "aria-labelledby"},
    "select": {"id"},
    "span": {"class", "data-field", "data-if"},
    "strong": set(),
    "style": set(),
    "summary": {"id"},
    "svg": {"class", "x", "y", "width", "height", "role", "aria-labelledby", "aria-hidden"},
    "table": {"id", "class", "style"},
    "tbody": {"data-severity", "data-order"},
    "td": {"class", "colspan"},
    "template": {"id"},
    "text": {"class", "x", "y"},
    "th": {"scope", "class", "data-column", "data-first"},
    "thead": set(),
    "title": {"id"},
    "tr": {"class", "data-order"},
    "ul": {"class"},
}
VOID = {"col", "input", "link", "meta", "rect", "line", "path"}
"""Elements without an end tag, in HTML or in the SVG that we write."""


class Page(HTMLParser):
    """Reads the page and objects to whatever the template does not write itself."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.texts: list[str] = []
        self.content: dict[str, list[str]] = {"script": [], "style": []}
        self.policy = ""
        self.feed(written)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in ATTRIBUTES, f"unexpected <{tag}>"
        names = [name for name, _ in attrs]
        assert set(names) <= ATTRIBUTES[tag], f"unexpected attributes {names} of <{tag}>"
        if tag == "table":
            style = dict(attrs).get("style", "")
            assert re.fullmatch(r"(--longest: [0-9]+)?", style), f"unexpected style {style}"
        assert len(names) == len(set(names))
        values = dict(attrs)
        self.tags[tag] += 1
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        if tag == "th":
            assert values["scope"] in {"col", "row"}
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in self.content:
            self.content[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        if self.open and self.open[-1] in self.content:
            self.content[self.open[-1]][-1] += data
        else:
            self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"unexpected comment {data}")

    def handle_pi(self, data):
        raise AssertionError(f"unexpected instruction {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"unexpected declaration {data}")

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def check(written: str) -> Page:
    page = Page(written)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link == "data:," or (link[0] == "#" and link[1:] in page.ids)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        assert after <= before + 1
    [style] = page.content["style"]
    assert not re.search(r"url\(|@import|expression|https?:", style)
    script = page.content["script"][-1]
    scripts = [one for one in page.content["script"] if "use strict" in one[:400]]
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert page.policy.startswith("default-src 'none';")
    assert f"script-src {allowed};" in page.policy
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval|fetch|https?:", script)
    return page


@every
def test_page_is_sound_and_asks_for_nothing(result):
    check(html.render(result))


@hostile
def test_page_has_no_markup_of_the_bill(bad):
    written = html.render(samples.hostile(bad))
    page = check(written)
    assert page.tags == check(html.render(samples.hostile("x"))).tags
    assert " ".join(text.visible(bad, text.SENTENCE).split()) in page.text()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", written)
    assert len(written) < 200_000


def test_page_tells_the_story():
    shown = check(html.render(samples.typical())).text()
    for part in (
        "AWS billed 992.40 USD more than expected",
        "+1,042.40 is provably wrong",
        "58,231.45",
        "1,250,000 1K tokens",
        "0.0008 USD per 1K tokens",
        "1,250,000 × 0.0008 = 1,000 expected; 1,200 billed − 1,000 expected = 200",  # noqa: RUF001
        "AWS price list AmazonBedrock, published 2026-09-28",
        "from 2026-09-01, no end",
        "arn:aws:sagemaker:us-east-1:210987654321:endpoint/churn-prediction-blue",
        "2026-10-01 00:00:00 UTC to 2026-10-31 23:00:00 UTC",
        "no rate for this model and region",
        "−1,000.00",  # noqa: RUF001
        "AmazonEC2",
        "No contract was given",
        "0" * 63 + "3",
        "48,211,734",
        "620.50 won back by credits",
        "AWS price list: AWS price list 9 53,000.72",
        "Rate card or contract, several sources",
        "On demand",
        "Amazon Web Services, Inc.",
        "not final yet",
        "1 of 186 lines, what differs most first",
        "2026-10-03 07:00 2.987654321 1.516 4.5287 0 li-0001",
    ):
        assert part in shown
    assert shown.index("Identical usage") < shown.index("Rate differs") < shown.index("No rate")


def test_a_code_of_ours_is_shown_as_words():
    result = samples.typical()
    rows = [
        samples.breakdown("unpriced", "undecoded", "9", "0", 1),
        samples.breakdown("unpriced", "no_rate_on_day", "9", "0", 1),
        samples.breakdown("not_repriced", "other_service", "9", "0", 1),
        samples.breakdown("unpriced", "surprise", "9", "0", 1),
    ]
    result = result.model_copy(update={"breakdowns": rows})
    for shown in (html.render(result), markdown.render(result), printed(result)):
        assert "The usage type is not known" in shown
        assert "No known rate was in force on the day" in shown
        assert "undecoded" not in shown
        assert "surprise" in shown
    assert "Usage of another service" in html.render(result)


def test_every_reason_that_the_steps_give_has_words():
    steps = Path(__file__).parents[1] / "sql" / "checks" / "unpriced_charge.sql"
    reasons = re.findall(r"WHEN '(\w+)' THEN", steps.read_text("utf-8"))
    assert len(reasons) > 10
    assert set(reasons) <= set(story.REASONS)


# --- spend by day and provisioned hours --------------------------------------------------------


def test_days_have_a_column_a_model_and_no_gap():
    [statement] = story.statements(samples.typical())
    days = usage.by_day(statement.days, {})
    assert days.labels == ["Claude Sonnet", "Nova Pro", "All others"]
    assert [(day.day, cells, total) for day, cells, total in days.rows] == [
        (1, [D("1000.5"), D("300.25"), D("0.001")], D("1300.751")),
        (2, [D(1010), 0, 0], D(1010)),
        (3, [0, 0, 0], 0),
        (4, [D("4040.75"), D(310), 0], D("4350.75")),
    ]
    assert days.total == D("6661.501")
    assert days.said == (
        "Spend by day from 2026-10-01 to 2026-10-04, highest on 2026-10-04 with 4,350.75"
    )


def test_a_stray_day_of_another_year_is_not_filled_up():
    spent = [samples.spent(1, "x", "1"), samples.spent(1, "x", "1", day=date(1970, 1, 1))]
    assert len(usage.by_day(spent, {}).rows) == 2
    assert usage.by_day([], {}) is None


def test_an_anomaly_is_marked_on_its_day():
    noticed = samples.finding(9, category="anomaly", reason="Spend rose fourfold.")
    later = samples.finding(8, category="anomaly", first_usage=None, reason="No day.")
    result = samples.typical()
    result = result.model_copy(update={"findings": [*result.findings, noticed, later]})
    [statement] = story.statements(result)
    assert statement.marks == {date(2026, 10, 1): ["Spend rose fourfold."]}
    assert "2026-10-01 Spend rose fourfold." in check(html.render(result)).text()


def test_calendar_tells_the_usual_day_from_others():
    [statement] = story.statements(samples.typical())
    drawn = usage.calendar(statement.provisioned)
    assert [day.day for day in drawn.days] == list(range(1, 32))
    undated, dated = drawn.rows
    assert dated.name == "night-batch"
    assert dated.what == "Claude Instant · 1 month · us-east-1 · 210987654321"
    assert [(hours, level) for _, hours, level in dated.cells[:5]] == [
        ("24", "usual"),
        ("24", "usual"),
        ("25", "more"),
        ("0", "none"),
        ("7.5", "less"),
    ]
    assert (dated.usual, dated.hours, dated.undated) == ("24", "80.5", "0")
    assert undated.name == "not named on the bill"
    assert (undated.undated, undated.usual) == ("744", "")
    assert {level for _, _, level in undated.cells} == {"none"}
    assert usage.calendar([]) is None


def test_calendar_names_how_many_it_leaves_out():
    hours = [samples.provisioned(1, "24", resource=f"arn/{n}") for n in range(usage.SHOWN + 3)]
    drawn = usage.calendar(hours)
    assert (len(drawn.rows), drawn.left_out) == (usage.SHOWN, 3)


def test_page_leaves_long_lists_to_the_json():
    result = samples.typical()
    spend = [
        samples.breakdown("spend", f"model {number}", "1", "1", 1)
        for number in range(html.LISTED + 7)
    ]
    shown = html.render(result.model_copy(update={"breakdowns": spend}))
    assert "7 more rows are in" in shown


@pytest.fixture(scope="module")
def large():
    return samples.many()


def test_page_of_ten_thousand_findings_is_small_and_complete(large):
    written = html.render(large)
    assert len(written.encode()) < 3_000_000
    page = check(written)
    assert "9,800 more findings are in" in page.text()
    [packed] = [one for one in page.content["script"] if re.fullmatch(r"[\w+/=]+", one)]
    content = json.loads(zlib.decompress(base64.b64decode(packed)))
    ids = content["names"].index("id")
    shown = set(re.findall(r"[0-9a-f]{16}", page.text()))
    ids = {card[ids] for card in content["cards"]}
    assert len(ids) == len(content["orders"]) == 9_800
    assert ids | shown >= {finding.id for finding in large.findings}


def test_page_sorts_by_exact_amounts():
    tiny = D("0.00000000000000000001")
    findings = [
        samples.finding(1, difference=D("9999999999999999.00000000000000000001")),
        samples.finding(2, difference=D("9999999999999999")),
        samples.finding(3, difference=-tiny),
    ]
    orders = [order.split(",")[-1] for order in html._orders(findings)]
    assert orders == ["2", "1", "0"]


def test_card_of_a_finding_fills_the_row_that_the_script_draws():
    [card] = [html._card(one) for one in samples.typical().findings[:1]]
    assert set(card) == set(html._blank())
    fields = set(re.findall(r'data-(?:field|if)="(\w+)"', html.render(samples.several())))
    assert fields <= set(card)
    assert {name for name, _ in html.DETAILS} <= fields


def test_data_of_the_chart_can_end_no_script():
    bad = "</script><!-- <script>\u2028\u2029&'"
    written = html.render(samples.hostile(bad))
    island = re.search(r'<script type="application/json" id="days-data-1">(.*?)</script>', written)
    assert not re.search(r"[<>&'\u2028\u2029]", island[1])
    assert json.loads(island[1])["labels"] == [text.visible(bad), "All others"]


def test_what_is_not_ours_is_as_its_readme_says():
    folder = Path(html.__file__).parent / "vendor"
    told = dict(re.findall(r"\| (\S+) \| `(\w{64})` \|", (folder / "README.md").read_text("utf-8")))
    for path in folder.iterdir():
        if path.suffix in {".js", ".css"}:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == told.pop(path.name)
    assert not told
    assert "MIT" in (folder / "uPlot.LICENSE").read_text("utf-8")


def test_page_without_days_carries_no_library():
    assert "uPlot" not in html.render(samples.clean())
    assert "uPlot" in html.render(samples.typical())


def test_arithmetic_says_which_side_is_quantity_times_rate():
    rate = samples.finding().rate
    hours = samples.finding(
        category="quantity", quantity=D(3), rate=rate.model_copy(update={"price": D(55)}),
        billed=D(165), expected=D(110), difference=D(55),
    )  # fmt: skip
    said = html._card(hours)["arithmetic"]
    assert said == "3 × 55 = 165 billed; 165 billed − 110 expected = 55"  # noqa: RUF001
    neither = hours.model_copy(update={"quantity": D(4)})
    assert html._card(neither)["arithmetic"] == "165 billed − 110 expected = 55"  # noqa: RUF001


def test_what_was_not_judged_has_no_expectation():
    unpriced = samples.finding(3, category="unpriced", expected=D(0), difference=D("812.5"))
    card = html._card(unpriced)
    assert card["expected"] == "—"
    assert "no expectation could be formed" in card["arithmetic"]


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colors_can_be_told_apart(scheme):
    style = (Path(html.__file__).parent / "page.css").read_text("utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    color = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for ink in ("ink", "soft", "accent", "error", "under"):
        for ground in ("page", "card", "mark"):
            assert contrast(color[ink], color[ground]) >= 4.5, (ink, ground)
    for badge in ("error", "warning", "info"):
        assert contrast(color[badge], color[f"{badge}-back"]) >= 4.5, badge
    for shape in ("total", "aside", "error", "under", *(f"s{place}" for place in range(1, 9))):
        assert contrast(color[shape], color["page"]) >= 3, shape


# --- the chart ---------------------------------------------------------------------------------


def chart(*given_rows: tuple[str, str, str], **total):
    bridge = [samples.bridge_row(*row, 1) for row in given_rows]
    result = samples.empty().model_copy(
        update={"totals": [samples.total(**total)], "bridge": bridge}
    )
    [statement] = story.statements(result)
    return waterfall(statement)


def test_chart_leads_from_billed_to_expected():
    drawn = chart(
        ("agrees", "60", "60"),
        ("rate", "40", "20"),
        ("unit", "0", "10"),
        ("discount", "5", "5"),
        ("not_repriced", "20", "0"),
        in_scope_billed=D(125),
    )
    assert [(bar.label, bar.dollars, bar.kind) for bar in drawn.bars] == [
        ("Billed, Bedrock and SageMaker", "125.00", "total"),
        ("Not repriced", "-20.00", "aside"),
        ("Priced, as billed", "105.00", "total"),
        ("Other unit", "+10.00", "under"),
        ("Rate", "-20.00", "over"),
        ("Expected", "95.00", "total"),
    ]
    # The room before the lowest total is 15 % of the steps: the axis begins at 95 - 4.50.
    assert drawn.begins == "90.50"
    assert drawn.bars[0].x + drawn.bars[0].width == 100


def test_chart_begins_at_zero_where_steps_are_large_or_negative():
    drawn = chart(("rate", "100", "40"), in_scope_billed=D(100))
    assert drawn.begins is None
    assert [(bar.x, bar.width) for bar in drawn.bars] == [(0, 100), (40, 60), (0, 40)]
    drawn = chart(("unpriced", "-50", "0"), ("rate", "100", "0"), in_scope_billed=D(50))
    assert drawn.begins is None


def test_chart_of_no_steps_is_not_drawn():
    assert chart(("agrees", "9", "9"), in_scope_billed=D(9)) is None


MONEY = st.decimals(
    min_value=D(-(10**15)), max_value=D(10**15), places=20, allow_nan=False, allow_infinity=False
)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(story.LABELS)), MONEY), max_size=8, unique_by=lambda r: r[0]
    ),
    MONEY,
)
def test_chart_stays_in_its_frame_and_its_steps_meet(given_rows, billed):
    pairs = [(component, plain(amount), "0") for component, amount in given_rows]
    drawn = chart(*pairs, in_scope_billed=billed)
    if drawn is None:
        return
    for bar in drawn.bars:
        assert bar.x >= 0
        assert bar.width > 0
        assert bar.x + bar.width <= 100
    for before, after in zip(drawn.bars, drawn.bars[1:], strict=False):
        ends = (after.x, after.x + after.width)
        thin = D("0.5")
        assert after.kind == "total" or min(abs(before.connector - end) for end in ends) <= thin


# --- a browser ---------------------------------------------------------------------------------

CHROMIUM = next(
    (
        path
        for path in ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("google-chrome"))
        if path and Path(path).exists()
    ),
    None,
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
browser_test = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of a result; at the end, no error and no request may have been seen."""
    complaints = []

    def open_page(result, **options):
        path = tmp_path / "report.html"
        path.write_text(html.render(result), "utf-8")
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: request.url.startswith("file://") or complaints.append(request.url),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    assert complaints == []


def wait_for_status(page, begins: str) -> None:
    page.locator("#status", has_text=re.compile(f"^{begins} ")).wait_for()


def titles(page) -> list[str]:
    return page.locator("#findings-table .title").all_text_contents()


@browser_test
def test_browser_filters_and_sorts(visit):
    page = visit(samples.typical())
    status = page.locator("#status")
    assert status.text_content() == "6 of 6 findings"
    page.locator("#severity").select_option("warning")
    assert titles(page) == ["No rate", "Discount missing"]
    page.locator("#query").fill("US-WEST-2  -50")
    wait_for_status(page, "1 of")
    assert titles(page) == ["Discount missing"]
    page.locator("#query").fill("nowhere")
    wait_for_status(page, "0 of")
    page.locator("#query").fill("")
    page.locator("#severity").select_option("")
    wait_for_status(page, "6 of")
    header = page.locator("th", has_text="Difference").last
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert titles(page)[0] == "Identical usage"
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert titles(page)[0] == "Discount missing"
    assert page.locator("[aria-sort]").count() == 1


@browser_test
def test_browser_sorts_every_table_by_keyboard(visit):
    page = visit(samples.typical())
    table = page.locator("#spend table.sortable", has_text="Claude Sonnet")
    page.locator("details.same", has_text="By model and use").locator("summary").click()
    header = table.locator("th", has_text="Expected")
    header.locator("button").focus()
    for key, wanted in (("Enter", "descending"), ("Space", "ascending")):
        page.keyboard.press(key)
        assert header.get_attribute("aria-sort") == wanted
        first = table.locator("tbody th").first.text_content()
        assert first.split(" ")[0] == ("Claude" if wanted == "descending" else "Nova")


def spend_of_many_models(count: int) -> AuditResult:
    rows = [
        samples.breakdown("model", f"model {number}", str(number), "1", 1)
        for number in range(count)
    ]
    return samples.typical().model_copy(update={"breakdowns": rows})


@browser_test
def test_browser_filters_a_long_table_by_keyboard(visit):
    page = visit(samples.typical())
    assert page.locator(".filter").count() == 0
    result = spend_of_many_models(12)
    spend = [samples.breakdown("spend", "x", "1", "1", 1)]
    page = visit(result.model_copy(update={"breakdowns": [*result.breakdowns, *spend]}))
    page.get_by_label("Filter: By model").focus()
    page.keyboard.type("MODEL 11")
    rows = page.locator("table.sortable", has_text="model 11").locator("tbody tr")
    assert [row.text_content().split()[1] for row in rows.all() if row.is_visible()] == ["11"]
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert all(row.is_visible() for row in rows.all())


# Whether a color of the chart is on the canvas, seen through the page's own color of a model.
PAINTED = """(name) => {
  const place = document.querySelector("[data-days]");
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(place).getPropertyValue(name);
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  const canvas = place.querySelector("canvas");
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const seen = copy.getContext("2d", { willReadFrequently: true });
  seen.drawImage(canvas, 0, 0);
  const { data } = seen.getImageData(0, 0, copy.width, copy.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) count += 1;
  return count;
}"""


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_browser_draws_days_and_reads_them_out(visit, scheme):
    page = visit(samples.typical(), color_scheme=scheme)
    dearest, second = (page.evaluate(PAINTED, name) for name in ("--s1", "--s2"))
    assert dearest > second > 0
    chart = page.locator("[data-days]")
    assert "highest on 2026-10-04 with 4,350.75" in chart.get_attribute("aria-label")
    chart.focus()
    readout = page.locator(".readout")
    for key, wanted in (
        (
            "ArrowRight",
            "2026-10-01: 1,300.75 · Claude Sonnet 1,000.50, Nova Pro 300.25, All others 0.001",
        ),
        ("ArrowRight", "2026-10-02: 1,010.00 · Claude Sonnet"),
        ("End", "2026-10-04: 4,350.75 · Claude Sonnet 4,040.75, Nova Pro 310.00"),
        ("ArrowLeft", "2026-10-03: 0.00"),
        (
            "Home",
            "2026-10-01: 1,300.75 · Claude Sonnet 1,000.50, Nova Pro 300.25, All others 0.001",
        ),
    ):
        page.keyboard.press(key)
        assert readout.text_content() == wanted
    page.locator("summary", has_text="The same as a table").first.click()
    assert page.locator("#spend details table").first.is_visible()


def test_every_unusual_day_is_marked_and_what_is_new_only_if_it_has_weight():
    new = {"category": "anomaly", "check": "new_in_bill", "owns_difference": False}
    # The month bills 58,231.4471 in scope: a fiftieth of it is 1,164.63.
    heavy = samples.finding(8, **new, billed=D("1164.63"), reason="Heavy.")
    slight = samples.finding(9, **new, billed=D("1164.62"), reason="Slight.")
    rose = samples.finding(7, category="anomaly", check="spend_rose", reason="Rose.")
    result = samples.typical()
    result = result.model_copy(
        update={
            "findings": [*result.findings, heavy, slight, rose],
            "unusual_days": [
                samples.unusual(2),
                samples.unusual(4, measure="quantity", direction="fell", billed=D(1)),
                samples.unusual(4, period="2026-09"),
            ],
        }
    )
    [statement] = story.statements(result)
    assert statement.marks == {
        date(2026, 10, 1): ["Heavy."],
        date(2026, 10, 2): ["model Nova Pro rose: 310.00, usually about 100.50"],
        date(2026, 10, 4): ["model Nova Pro fell, in quantity: 1.00, usually about 100.50"],
    }
    assert "2026-10-02 model Nova Pro rose: 310.00" in check(html.render(result)).text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {},
            (
                "The month will come to about 90,200.50 USD, between 80,100.25 and 100,300.75: "
                "2026-10-20 is the last day with usage. Without what AWS bills once, such as tax "
                "and credits."
            ),
        ),
        (
            {"low": None, "high": None, "reason": "only 3 tries"},
            (
                "The month will come to about 90,200.50 USD: 2026-10-20 is the last day with "
                "usage. No interval: only 3 tries."
            ),
        ),
        (
            {"low": None, "expected": None, "high": None, "reason": "14 days are needed"},
            (
                "No forecast of the month yet: 2026-10-20 is the last day with usage; 14 days are "
                "needed."
            ),
        ),
    ],
)
def test_a_forecast_is_said_in_every_report(changed, said):
    result = samples.typical().model_copy(update={"forecasts": [samples.forecast(**changed)]})
    assert said in check(html.render(result)).text()
    assert said in markdown.render(result).replace("\\", "")
    assert said in " ".join(printed(result).split())
    without = samples.typical()
    assert "Forecast" not in check(html.render(without)).text()


def test_a_forecast_stands_in_the_list_of_statements():
    result = samples.several()
    first = result.totals[0]
    one = samples.forecast(
        period=first.period, payer_account=first.payer_account, currency=first.currency
    )
    shown = check(html.render(result.model_copy(update={"forecasts": [one]}))).text()
    assert "90,200.50" in shown.partition("The worst first")[0]
    assert "Forecast" not in check(html.render(result)).text()


@browser_test
def test_browser_marks_an_anomaly_and_draws_days_below_zero(visit):
    noticed = samples.finding(9, category="anomaly", reason="Spend <b>rose</b> fourfold.")
    result = samples.typical()
    page = visit(result)
    unmarked = page.evaluate(PAINTED, "--warning")
    refunded = samples.spent(2, "Nova Pro", "-20")
    page = visit(
        result.model_copy(
            update={"findings": [*result.findings, noticed], "days": [*result.days, refunded]}
        )
    )
    assert page.evaluate(PAINTED, "--warning") > unmarked
    assert page.evaluate(PAINTED, "--total") > 0
    page.locator("[data-days]").focus()
    page.keyboard.press("Home")
    assert page.locator(".readout").text_content().endswith("· Spend <b>rose</b> fourfold.")
    page.keyboard.press("ArrowRight")
    assert (
        "990.00 · Claude Sonnet 1,010.00, Nova Pro -20.00"
        in page.locator(".readout").text_content()
    )


@browser_test
def test_browser_shows_the_differences_of_all_months_on_a_phone(visit):
    page = visit(of_one_payer(), viewport={"width": 390, "height": 844})
    for cell in page.locator("#statements td strong").all():
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= 390 - 16
    # The cells of a headline leave no hole.
    for month in page.locator(".headline").all():
        whole = month.bounding_box()
        cells = [cell.bounding_box() for cell in month.locator("> div").all()]
        rows = Counter()
        for cell in cells:
            rows[round(cell["y"])] += cell["width"]
        assert all(width >= whole["width"] - 6 for width in rows.values())


@browser_test
def test_browser_prints_on_white_with_the_arithmetic(visit):
    page = visit(samples.typical(), color_scheme="dark")
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
            const details = [...document.querySelectorAll("#findings-table details")];
            window.seen = {
                open: details.every((one) => one.open),
                paper: getComputedStyle(document.documentElement).getPropertyValue("--card"),
            };
        })"""
    )
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.evaluate("window.seen") == {"open": True, "paper": "#ffffff"}
    assert page.locator("#findings-table details[open]").count() == 0
    assert page.locator(":root.paper").count() == 0
    page.set_viewport_size({"width": 680, "height": 900})
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#controls").is_hidden()
    # Wider than the paper, and a browser would print everything smaller.
    assert page.evaluate("document.documentElement.scrollWidth") <= 680


@browser_test
def test_browser_reaches_everything_by_tab_in_order_of_the_page(visit):
    page = visit(samples.typical())
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(() => { const one = document.activeElement; return one.id || "
                "one.dataset.days || one.getAttribute('href') || one.tagName; })()"
            )
        )
    wanted = ["#findings", "query", "severity", "SUMMARY", "days-data-1"]
    places = [seen.index(one) for one in wanted]
    assert places == sorted(places)


@browser_test
def test_browser_opens_details_by_keyboard(visit):
    page = visit(samples.typical())
    details = page.locator("#findings-table details").first
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert details.locator("dl").is_visible()


@browser_test
def test_browser_shows_hostile_text_as_text(visit):
    base = samples.hostile(ALL_HOSTILE)
    more = [
        samples.finding(number, reason=bad, usage_type=bad, severity="info")
        for number, bad in enumerate(samples.HOSTILE * 30, start=2)
    ]
    page = visit(base.model_copy(update={"findings": base.findings + more}))
    page.locator("#beyond").wait_for(state="detached")
    for shown in (400, 600, len(more) + 1):
        page.locator("#more").click()
        assert page.locator("#findings-table > tbody").count() == shown
    assert page.locator("#more").is_hidden()
    assert page.locator("main script, main img, main style, main b").count() == 0
    shown = page.locator("#findings-table .reason").all_text_contents()
    assert Counter(shown[1:]) == Counter(
        text.visible(bad, text.SENTENCE) for bad in samples.HOSTILE * 30
    )


@browser_test
def test_browser_handles_ten_thousand_findings(visit, large):
    page = visit(large)
    page.locator("#beyond").wait_for(state="detached")
    status = page.locator("#status")
    assert status.text_content() == "10,000 of 10,000 findings, the first 200 shown"
    assert page.locator("#findings-table > tbody").count() == 200
    page.locator("#query").fill("00000000270f")
    wait_for_status(page, "1 of")
    duration = page.evaluate(
        """() => { const start = performance.now();
        document.querySelector('#findings-table th:last-child button').click();
        return performance.now() - start; }"""
    )
    assert duration < 1000
    page.locator("#query").fill("")
    wait_for_status(page, "10,000")
    last = page.locator("#findings-table .difference").first
    assert last.text_content() == "+10,000.00"


@browser_test
@pytest.mark.parametrize("sample", list(SAMPLES))
def test_browser_fits_every_width_and_scheme(visit, sample, tmp_path):
    for name, width, scheme in (
        ("desktop", 1280, "light"),
        ("tablet", 900, "light"),
        ("phone", 360, "light"),
        ("dark", 1280, "dark"),
    ):
        page = visit(
            SAMPLES[sample](), viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for title in page.locator("#findings-table > tbody > tr > th").all()[:1]:
            assert title.bounding_box()["width"] > 100
        picture = page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert picture.startswith(b"\x89PNG")
        page.close()


@browser_test
@pytest.mark.parametrize("width", [375, 1280, 1440])
@pytest.mark.parametrize("dollars", ["1164512.16", "-987654321.99", "9999999999999998.99"])
def test_browser_never_breaks_an_amount_inside_its_digits(visit, width, dollars, tmp_path):
    big = samples.finding(
        1, difference=Decimal(dollars), billed=Decimal(dollars), expected=Decimal(0)
    )
    owned = samples.finding(2, owns_difference=False, primary_id=big.id)
    result = samples.typical().model_copy(update={"findings": [big, owned]})
    page = visit(result, viewport={"width": width, "height": 900})
    told = page.evaluate(
        """() => [...document.querySelectorAll('#findings-table > tbody > tr > .amount')]
        .filter(cell => cell.offsetParent).map(cell => {
            const range = document.createRange();
            const text = cell.querySelector('.difference') ?? cell;
            range.selectNodeContents(text);
            const lines = new Set([...range.getClientRects()].map(one => Math.round(one.top)));
            const box = cell.getBoundingClientRect();
            const said = range.getBoundingClientRect();
            return [lines.size, said.left >= box.left && said.right <= box.right + 1];
        })"""
    )
    assert told == [[1, True]] * (2 if width < 1088 else 6)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#findings-table").screenshot(path=tmp_path / "table.png")


@browser_test
def test_browser_without_scripts_shows_everything_but_the_controls(visit):
    page = visit(samples.typical(), java_script_enabled=False)
    assert len(titles(page)) == 6
    assert page.locator("#controls").is_hidden()
    page.locator("#findings-table summary").first.click()
    assert page.locator("#findings-table dl").first.is_visible()
