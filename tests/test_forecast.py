"""The forecast of a running month: worked out by hand on even days, and honest on short ledgers."""

import json
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bills import line, with_ids, write_csv
from curecon import cli, queries
from curecon.forecast import rest
from curecon.reconcile import Options, audit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import forecasts  # noqa: E402

MONDAY = date(2026, 9, 7)


def days(count, cost, begins=MONDAY):
    """Make `count` days; `cost` gives the dollars of a day."""
    every = (begins + timedelta(days=number) for number in range(count))
    return {day: Decimal(cost(day)) for day in every}


def to_come(known, ahead):
    begins = max(known) + timedelta(days=1)
    return rest(known, begins, begins + timedelta(days=ahead))


def test_the_page_says_what_is_measured():
    assert forecasts.page(list(forecasts.measured())) == forecasts.PAGE.read_text("utf-8")


def test_even_days_come_to_what_they_always_cost():
    assert to_come(days(22, lambda _: 10), 5).expected == 50


def test_a_weekend_is_expected_to_cost_what_weekends_do():
    """Ten dollars on weekdays and one on weekends: a week from a Monday on is 52."""
    assert to_come(days(21, lambda day: 1 if day.weekday() > 4 else 10), 7).expected == 52
    assert to_come(days(19, lambda day: 1 if day.weekday() > 4 else 10), 2).expected == 2


def test_one_odd_day_moves_nothing():
    known = days(24, lambda _: 10)
    known[MONDAY + timedelta(days=12)] = Decimal(5000)
    assert to_come(known, 10).expected == 100


def test_the_first_of_a_month_is_like_no_other_day():
    """September's fees of 1 October are not expected on other Thursdays."""
    known = days(31, lambda day: 1000 if day.day == 1 else 10)
    assert date(2026, 10, 1) in known
    assert to_come(known, 10).expected == 100


def test_growth_goes_on_from_the_level_of_the_last_week():
    """Twice as much from the fourth week on: its days are twice what their own past is."""
    known = days(28, lambda day: 20 if day >= MONDAY + timedelta(days=21) else 10)
    # The median of 10, 10, 10 and 20 is 10, and the level is 2.
    assert to_come(known, 7).expected == 140


@pytest.mark.parametrize(("last_week", "level"), [(1000, 2), (0, Decimal("0.5"))])
def test_no_week_is_taken_for_more_than_twice_the_others_or_less_than_half(last_week, level):
    known = days(28, lambda day: last_week if day >= MONDAY + timedelta(days=21) else 10)
    assert to_come(known, 7).expected == 7 * 10 * level


def test_the_interval_is_what_nine_in_ten_earlier_forecasts_were_off():
    even = to_come(days(40, lambda _: 10), 10)
    # From the 15th day on, with a week ahead at least: 40 - 14 - 7 + 1.
    assert (even.off, even.tries) == (0, 20)
    restless = to_come(days(40, lambda day: 10 + day.toordinal() % 3), 10)
    assert restless.off > 0


def test_too_few_earlier_forecasts_make_no_interval():
    assert to_come(days(26, lambda _: 10), 10).off is None
    assert to_come(days(27, lambda _: 10), 10).off == 0


def bill(path, until, first=date(2026, 10, 1), **given):
    """Make a bill of 6 cents a day (1,000 thousand tokens) from `first` to `until`."""
    count = (until - first).days + 1
    every = [first + timedelta(days=number) for number in range(count)]
    return write_csv(
        path,
        with_ids(line(start=f"{day}T10:00:00", period=f"{day:%Y-%m}", **given) for day in every),
    )


def test_a_running_month_is_forecast_everywhere(tmp_path, capsys):
    """Sixty days at 6 cents up to 29 October, and October has 31: 31 x 0.06 = 1.86."""
    path = bill(tmp_path / "bill.csv", date(2026, 10, 29), first=date(2026, 8, 31))
    result = audit([path], Options(ledger=tmp_path / "l.duckdb", out=tmp_path / "out"))
    (one,) = result.forecasts
    assert (one.period, one.through, one.days_left) == ("2026-10", date(2026, 10, 29), 3)
    assert one.billed == Decimal("1.74")
    assert (one.low, one.expected, one.high) == (Decimal("1.86"),) * 3
    assert one.reason is None
    said = "The month will come to about 1.86 USD, between 1.86 and 1.86"
    assert said in (tmp_path / "out/summary.md").read_text("utf-8")
    assert said in (tmp_path / "out/report.html").read_text("utf-8")
    written = json.loads((tmp_path / "out/findings.json").read_text("utf-8"))["forecasts"]
    assert [row["expected"] for row in written] == ["1.86"]
    told = queries.sql("forecast", tmp_path / "l.duckdb")
    assert told["expected"].to_list() == [Decimal("1.86")]
    cli.run(["audit", str(path), "--ledger", str(tmp_path / "l.duckdb")])
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_short_ledger_says_what_it_lacks(tmp_path):
    path = bill(tmp_path / "bill.csv", date(2026, 10, 14))
    (one,) = audit([path], Options(ledger=tmp_path / "l.duckdb", out=tmp_path / "out")).forecasts
    assert (one.low, one.expected, one.high) == (None, None, None)
    assert one.reason == "14 whole days of bills are needed, and the ledger has 13"
    assert one.reason in (tmp_path / "out/summary.md").read_text("utf-8")
    path = bill(tmp_path / "bill.csv", date(2026, 10, 15))
    (one,) = audit([path], Options(ledger=tmp_path / "l.duckdb")).forecasts
    assert (one.low, one.expected, one.high) == (None, Decimal("1.86"), None)
    assert one.reason.startswith("no earlier forecasts can be compared with what came, and 7 ")


def test_a_month_without_usage_in_scope_is_not_forecast(tmp_path):
    path = bill(
        tmp_path / "bill.csv", date(2026, 10, 14), line_item_product_code="AmazonS3",
        line_item_usage_type="TimedStorage-ByteHrs", line_item_resource_id="bucket",
    )  # fmt: skip
    assert audit([path], Options(ledger=tmp_path / "l.duckdb", services="all")).forecasts == []


def test_the_days_of_the_last_month_count(tmp_path):
    """September is in the ledger from its own delivery; 8 days of October are enough then."""
    book = Options(ledger=tmp_path / "l.duckdb")
    audit([bill(tmp_path / "s.csv", date(2026, 9, 30), date(2026, 9, 1))], book)
    (one,) = audit([bill(tmp_path / "o.csv", date(2026, 10, 8))], book).forecasts
    assert (one.days_known, one.expected) == (37, Decimal("1.86"))


def test_the_last_day_is_not_over_and_costs_no_less_than_it_did(tmp_path):
    lines = [line(start=f"2026-10-{day:02}T10:00:00") for day in range(1, 20)]
    part = line(start="2026-10-20T01:00:00", quantity=100)
    path = write_csv(tmp_path / "part.csv", with_ids([*lines, part]))
    (one,) = audit([path], Options(ledger=tmp_path / "l.duckdb")).forecasts
    assert one.expected == Decimal("1.86")
    much = line(start="2026-10-20T01:00:00", quantity=100_000)
    path = write_csv(tmp_path / "much.csv", with_ids([*lines, much]))
    (one,) = audit([path], Options(ledger=tmp_path / "l.duckdb")).forecasts
    assert one.expected == one.billed == Decimal("7.14")


@pytest.mark.parametrize(
    ("until", "given"),
    [
        pytest.param(date(2026, 10, 31), {}, id="the month is over"),
        pytest.param(date(2026, 10, 25), {"bill_invoice_id": "I1"}, id="or it is final"),
        pytest.param(date(2026, 11, 3), {}, id="or the next one has begun"),
    ],
)
def test_a_month_that_is_over_is_not_forecast(tmp_path, until, given):
    path = bill(tmp_path / "bill.csv", until, first=date(2026, 10, 1), **given)
    told = audit([path], Options(ledger=tmp_path / "l.duckdb")).forecasts
    assert "2026-10" not in [one.period for one in told]


def test_what_aws_bills_once_is_expected_on_no_other_day(tmp_path):
    """A refund on each of 15 days is in what is billed, and in no day to come."""
    lines = [line(start=f"2026-10-{day:02}T10:00:00") for day in range(1, 16)]
    refund = {"line_item_line_item_type": "Refund", "line_item_unblended_cost": "-0.01"}
    lines += [line(start=f"2026-10-{day:02}T11:00:00", **refund) for day in range(1, 16)]
    path = write_csv(tmp_path / "bill.csv", with_ids(lines))
    (one,) = audit([path], Options(ledger=tmp_path / "l.duckdb")).forecasts
    assert one.expected == Decimal("1.86") - Decimal("0.15")
