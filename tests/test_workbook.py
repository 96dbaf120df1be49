"""findings.xlsx holds every digit, runs nothing that a bill says, and is the same each time."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from openpyxl import load_workbook

import report_samples as samples
from curecon.models import AuditResult
from curecon.money import plain
from curecon.report import files, story, text, workbook

D = Decimal
EAST = timezone(timedelta(hours=2))
LONG = "x" * 1_000_000
HOSTILE = [*samples.HOSTILE, "".join(samples.HOSTILE), LONG, "_x0041_", "1e5", "000123456789"]
hostile = pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
SHEETS = [
    "Summary",
    "Bridge",
    "Findings",
    "Lines",
    "Spend",
    "Days",
    "Provisioned",
    "Not judged",
    "Provenance",
]


def opened(result):
    return load_workbook(io.BytesIO(workbook.render(result)))


def table(sheet):
    head, *rows = sheet.iter_rows(values_only=True)
    assert len(head) == len(set(head))
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_sheet_a_topic_with_a_frozen_header_and_filters():
    book = opened(samples.typical())
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref.startswith("A1:")
        assert sheet.max_row > 1


def test_the_summary_says_what_the_page_says():
    [row] = table(opened(samples.typical())["Summary"])
    assert row["Billed, in scope (exact)"] == "58231.4471"
    assert row["Difference"] == pytest.approx(992.4000421)
    assert row["Difference (exact)"] == "992.4000421"
    assert row["Provably wrong"] == pytest.approx(1042.4)
    assert row["Recovered"] == pytest.approx(620.5)
    assert row["Priced, share of usage"] == "98.5 %"
    assert row["Findings"] == "2 errors, 2 warnings, 2 info"


def test_findings_have_their_dollars_state_and_rate():
    rows = table(opened(samples.typical())["Findings"])
    assert [row["Finding"] for row in rows][:2] == ["Identical usage", "Rate differs"]
    duplicate, rate, *_ = rows
    assert (duplicate["Difference"], duplicate["State"], duplicate["Recovered"]) == (
        pytest.approx(842.4),
        "disputed",
        pytest.approx(620.5),
    )
    assert (rate["Rate"], rate["Rate (exact)"], rate["Rate per"]) == (
        pytest.approx(0.0008),
        "0.0008",
        "1K tokens",
    )
    assert str(rate["First usage, UTC"]) == "2026-10-01 00:00:00"
    [unpriced] = [row for row in rows if row["Finding"] == "No rate"]
    assert unpriced["Expected"] is None
    assert unpriced["Expected (exact)"] is None


def test_lines_stand_under_their_finding():
    [row] = table(opened(samples.typical())["Lines"])
    assert row["Finding"] == "Identical usage"
    assert row["Usage type"] == "USE1-Host:ml.g5.2xlarge"
    assert row["Line item"] == "li-0001"
    assert row["Quantity (exact)"] == "2.987654321"
    assert row["Billed"] == pytest.approx(4.5287)
    assert str(row["Usage begins, UTC"]) == "2026-10-03 07:00:00"


def dated(sheet, name):
    """The cells below a head of a sheet."""
    place = next(cell.column for cell in sheet[1] if cell.value == name)
    return [sheet.cell(row, place) for row in range(2, sheet.max_row + 1)]


def test_days_and_times_are_dates_with_the_format_of_one():
    book = opened(samples.typical())
    for sheet, name, code in (
        ("Findings", "First usage, UTC", "yyyy-mm-dd hh:mm:ss"),
        ("Findings", "Last usage, UTC", "yyyy-mm-dd hh:mm:ss"),
        ("Lines", "Usage begins, UTC", "yyyy-mm-dd hh:mm:ss"),
        ("Lines", "Usage ends, UTC", "yyyy-mm-dd hh:mm:ss"),
        ("Days", "Day", "yyyy-mm-dd"),
        ("Provisioned", "Day", "yyyy-mm-dd"),
    ):
        cells = [one for one in dated(book[sheet], name) if one.value not in (None, "several")]
        assert cells, (sheet, name)
        assert {(one.is_date, one.number_format) for one in cells} == {(True, code)}
    result = samples.typical()
    assert [one.value.date() for one in dated(book["Days"], "Day")] == [
        row.day for row in result.days
    ]


@pytest.mark.parametrize(
    ("time", "shown", "kind"),
    [
        (datetime(2026, 10, 1, 2, tzinfo=EAST), "2026-10-01 00:00:00", datetime),
        (datetime(2026, 10, 31, 23, 59, 59, 999999, UTC), "2026-10-31 23:59:59", datetime),
        (datetime(1900, 3, 1, tzinfo=UTC), "1900-03-01 00:00:00", datetime),
        (datetime(1900, 2, 28, tzinfo=UTC), "1900-02-28 00:00:00", str),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00:00", str),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "9999-12-31 23:00:00", datetime),
    ],
)
def test_a_time_is_of_utc_and_one_that_no_spreadsheet_knows_is_text(time, shown, kind):
    findings = [samples.finding(1, first_usage=time)]
    result = samples.typical().model_copy(update={"findings": findings, "finding_lines": []})
    [row] = table(opened(result)["Findings"])
    assert (str(row["First usage, UTC"]), type(row["First usage, UTC"])) == (shown, kind)


def test_no_digit_is_lost_and_a_small_amount_is_not_shown_as_zero():
    result = samples.extreme()
    sheet = opened(result)["Findings"]
    shown = [row["Billed (exact)"] for row in table(sheet)]
    assert shown == [plain(one.billed) for one in story.ordered(result.findings)]
    assert "9999999999999998.99999999999999999999" in shown
    column = next(cell.column for cell in sheet[1] if cell.value == "Billed")
    formats = {
        sheet.cell(row, column).value: sheet.cell(row, column).number_format for row in range(2, 6)
    }
    assert formats[1e-20] == "0.00##################"
    assert formats[9999999999999999] == "#,##0.00##"


@hostile
def test_text_of_a_bill_is_text_in_every_cell(bad):
    raw = workbook.render(samples.hostile(bad))
    for sheet in load_workbook(io.BytesIO(raw)):
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in {"s", "n", "d"}
                assert cell.hyperlink is None
    [row] = table(load_workbook(io.BytesIO(raw))["Findings"])
    assert row["Resource"] == text.visible(bad, workbook.CELL)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert not [name for name in archive.namelist() if "external" in name or "vba" in name]
        for name in archive.namelist():
            content = archive.read(name).decode("utf-8")
            assert not re.search(r"<f[ >]|<hyperlink|[\x00-\x08\x0b\x0c\x0e-\x1f]", content), name


def test_a_text_keeps_being_one_when_it_is_edited():
    sheet = opened(samples.hostile("=1+1"))["Findings"]
    cells = [cell for cell in sheet[2] if cell.value == "=1+1"]
    assert cells
    assert all(cell.quotePrefix for cell in cells)


def test_equal_results_give_equal_bytes():
    result = samples.typical()
    again = AuditResult.model_validate_json(files.to_json(result))
    assert workbook.render(result) == workbook.render(again)


def test_an_empty_result_has_every_sheet():
    assert opened(samples.empty()).sheetnames == SHEETS
    assert opened(samples.several()).sheetnames == SHEETS
