"""A bill whose texts are attacks is audited, and every file shows them as text."""

import asyncio
import csv
import io
import json
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bills
from curecon import assistant, cli, queries
from curecon.reconcile import Options, audit
from curecon.report import text

ATTACKS = (
    "<script>alert(1)</script>",
    "=cmd|'/c calc'!A0",
    "'; DROP TABLE lines; --",
    "🧾 émoji 👩‍🔬",
    "evil\u202etxt.exe",
    "العربية",
    "</script><!--\u2028",
    "\x1b[31mred\x07",
    "[bold]x[/bold]",
    "@SUM(1+1)",
    "a|b `c`",
)
HUGE = "x" * 10_000_000


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    lines = [
        bills.line(
            line_item_usage_type=attack,
            line_item_operation=attack,
            line_item_resource_id=attack,
            line_item_line_item_description=attack,
            product_product_name=attack,
            resource_tags=json.dumps({"user_owner": attack}),
            line_item_product_code="AmazonBedrock",
            start=f"2026-10-{number:02}T10:00:00",
        )
        for number, attack in enumerate(ATTACKS, start=1)
    ]
    lines.append(
        bills.line(resource_tags=json.dumps({"user_owner": HUGE}), line_item_resource_id=HUGE)
    )
    bill = bills.write_parquet(folder / "bill.parquet", bills.with_ids(lines))
    audit([bill], Options(ledger=folder / "l.duckdb", out=folder / "out"))
    return folder / "out"


def test_every_file_shows_the_texts_and_stays_small(out):
    found = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    assert {one["usage_type"] for one in found} >= set(ATTACKS)
    # No text of ten megabytes gets into what people open.
    assert (out / "report.html").stat().st_size < 1_000_000
    assert (out / "summary.md").stat().st_size < 100_000
    page = (out / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert not re.search("[\u202e\u2028]", page)
    book = load_workbook(io.BytesIO((out / "findings.xlsx").read_bytes()))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert {text.visible(attack) for attack in ATTACKS} <= {cell.value for cell in cells}


def test_browser_shows_the_texts_as_text(out):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = Path("/usr/bin/chromium")
    if not path.exists():
        pytest.skip("Chromium is not installed")
    complaints = []
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chromium.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.on("request", lambda one: one.url[:7] == "file://" or complaints.append(one.url))
        page.goto((out / "report.html").as_uri())
        shown = page.locator("body").text_content()
        for attack in ATTACKS:
            assert text.visible(attack) in shown
        page.locator("#query").fill("drop table")
        page.locator("#status", has_text=re.compile("^[12] of")).wait_for()
        chromium.close()
    assert complaints == []


@pytest.fixture
def ledger(out):
    return out.parent / "l.duckdb"


def is_harmless(shown):
    """Say whether a text commands no terminal and holds no endless text."""
    return len(shown) < 100_000 and not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", shown)


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_rows_for_people_show_the_texts(ledger, capsys, form):
    for query in ("SELECT line_item_usage_type, resource_tags FROM line_items", "top_drivers"):
        assert cli.run(["sql", query, "--ledger", str(ledger), "--format", form]) == cli.FINE
        shown = capsys.readouterr().out
        assert is_harmless(shown)
        assert "<script>" not in shown or form == "table"


def test_rows_as_csv_hold_no_formula_and_as_json_every_character(ledger, capsys):
    asked = ["sql", "spend_by_tag", "--param", "tag=user_owner", "--ledger", str(ledger)]
    assert cli.run([*asked, "--format", "csv"]) == cli.FINE
    csv.field_size_limit(len(HUGE) + 1)
    tags = {row["tag_value"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert {"'=cmd|'/c calc'!A0", "'@SUM(1+1)"} <= tags
    assert not [tag for tag in tags if tag.startswith(("=", "+", "-", "@"))]
    assert cli.run([*asked, "--format", "json"]) == cli.FINE
    exact = {row["tag_value"] for row in json.loads(capsys.readouterr().out)}
    assert set(ATTACKS) <= exact
    assert HUGE in exact


def test_a_column_that_is_named_like_a_formula_is_guarded(ledger):
    frame = queries.sql('SELECT 1 AS "=1+1"', ledger)
    assert queries.render(frame, "csv") == "'=1+1\n1\n"


def test_the_terminal_shows_the_texts(ledger, capsys):
    lines = [f"line{number}" for number in range(len(ATTACKS) + 1)]
    ids = queries.sql("SELECT id FROM findings ORDER BY id", ledger)["id"].to_list()
    for words in (
        ["findings", "list"],
        *(["explain", line] for line in lines),
        *(["findings", "show", one] for one in ids),
    ):
        assert cli.run([*words, "--ledger", str(ledger)]) == cli.FINE
        assert is_harmless(capsys.readouterr().out), words


def test_an_assistant_is_answered_with_texts_that_end(ledger):
    asked = assistant.server(ledger)
    ids = queries.sql("SELECT id FROM findings ORDER BY id", ledger)["id"].to_list()
    calls = [
        ("findings", {}),
        ("sql", {"select": "SELECT * FROM line_items"}),
        ("query", {"name": "spend_by_tag", "parameters": {"tag": "user_owner"}}),
        *(("explain_finding", {"finding_id": one}) for one in ids),
    ]
    for name, given in calls:
        content = asyncio.run(asked.call_tool(name, given))
        answer = content[0] if isinstance(content, tuple) else content
        assert len(answer[0].text) < 200_000, name
        json.loads(answer[0].text)
