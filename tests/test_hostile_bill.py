"""A bill whose texts are attacks is audited, and every file shows them as text."""

import io
import json
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bills
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
            start=f"2026-10-0{number}T10:00:00",
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
    assert {cell.data_type for cell in cells} <= {"s", "n"}
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
