"""Unusual spend: the published precision and recall, and what drives it."""

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

from bills import line, with_ids, write_csv
from curecon.reconcile import Options, audit
from curecon.report import story

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import anomalies  # noqa: E402


def test_the_page_says_what_is_measured():
    assert anomalies.page(list(anomalies.measured())) == anomalies.PAGE.read_text("utf-8")


def days(changes=(), count=30, streams=((0, 0), (1, 1), (2, 2)), used=()):
    """Streams of 30 dollars and 1,000 units a day; or else, by (account, key, day)."""
    changes, used = dict(changes), dict(used)
    return [
        (
            f"{account:012d}", key, anomalies.PERIOD[0].replace(day=number),
            changes.get((account, key, number), 30), used.get((account, key, number), 1000),
        )
        for account, key in streams
        for number in range(1, count + 1)
    ]  # fmt: skip


def told(rows):
    found = anomalies.found({"bill": rows})
    return [(what, name, way) for _, what, name, measure, way, *_ in found if measure == "cost"]


def quantities(rows):
    found = anomalies.found({"bill": rows})
    return [(name, way) for _, _, name, measure, way, *_ in found if measure == "quantity"]


def test_what_is_spread_over_accounts_is_told_once_from_the_view_that_has_all_of_it():
    """Three accounts use one model three times as much as ever; none has most of it."""
    streams = [(account, 0) for account in range(6)]
    changes = {(account, 0, 20): 95 for account, _ in streams}
    assert told(days(changes, streams=streams)) == [("model", "Model 0", "rose")]


def test_two_things_at_once_are_told_by_what_they_share():
    changes = {(0, 0, 20): 120, (2, 2, 20): 130}
    assert told(days(changes)) == [("capability", "bedrock on_demand", "rose")]


def test_what_moved_most_of_several_is_named():
    """Two of three models rise, one of them by 90 dollars and the other by 100."""
    changes = {(0, 0, 20): 120, (1, 2, 20): 130}
    streams = [(0, 0), (1, 2), (2, 4)]
    ((*_, reason),) = anomalies.found({"bill": days(changes, streams=streams)})
    assert reason.endswith(" Most of it is usage-2 (Model 1) of account 000000000001.")


def test_two_weeks_are_not_enough():
    assert told(days({(0, 0, 14): 300}, count=14)) == []
    assert told(days({(0, 0, 15): 300}, count=15)) == [
        ("usage type", "000000000000 usage-0", "rose")
    ]


def test_a_quantity_is_told_where_its_cost_stays():
    used = {(0, 0, 20): 4000}
    assert quantities(days(used=used)) == [("000000000000 usage-0", "rose")]
    assert told(days(used=used)) == []


def test_a_quantity_that_moves_with_its_cost_is_told_as_cost():
    rows = days({(0, 0, 20): 120}, used={(0, 0, 20): 4000})
    assert quantities(rows) == []
    assert told(rows) == [("usage type", "000000000000 usage-0", "rose")]


def test_a_quantity_of_next_to_nothing_is_no_news():
    few = {(0, 0, number): 15 for number in range(1, 31)}
    assert quantities(days(few, used={(0, 0, 20): 4000})) == []


def test_restless_days_are_no_news_and_the_same_peak_on_quiet_ones_is():
    """A peak of half as much again, beside even days and beside days that jump as far."""
    peak = {(0, 0, 30): 46}
    restless = {(0, 0, number): (20, 30, 40)[number % 3] for number in range(1, 30)}
    assert told(days(peak)) == [("usage type", "000000000000 usage-0", "rose")]
    assert told(days({**restless, **peak})) == []


def test_amounts_beyond_reason_end_no_audit():
    huge = {(0, 0, number): 10**15 + number for number in range(1, 31)}
    assert told(days({**huge, (0, 0, 20): 5 * 10**15}, used={(1, 1, 20): 10**14})) == [
        ("usage type", "000000000000 usage-0", "rose")
    ]


def tagged_bill(path, changes=(), tags=("a", "b")):
    """Two teams use a meter for 30 dollars a day each; `changes` are {(day, tag): dollars}."""
    changes = dict(changes)
    lines = [
        line(
            start=f"2026-10-{number:02}T10:00:00", rate="0.003",
            quantity=Decimal(changes.get((number, tag), 30)) / Decimal("0.003"),
            line_item_usage_type="EUS2-Demo-tokens", resource_tags=json.dumps({"user_team": tag}),
        )
        for number in range(1, 29)
        for tag in tags
    ]  # fmt: skip
    return write_csv(path, with_ids(lines))


def noticed(path, **given):
    result = audit(
        [tagged_bill(path / "bill.csv", **given)], Options(ledger=path / "ledger.duckdb")
    )
    return result, [one for one in result.findings if one.category == "anomaly"]


def test_the_tag_that_explains_it_is_named(tmp_path):
    _, (one,) = noticed(tmp_path, changes={(20, "b"): 250})
    assert one.check == "spend_rose"
    assert one.reason == (
        "On 2026-10-20 this usage type cost 280.00 USD, and on the same weekdays before about "
        "60.00. Most of it is tagged user_team = b."
    )


def test_no_tag_is_named_where_none_explains_it(tmp_path):
    _, (one,) = noticed(tmp_path, changes={(20, "a"): 150, (20, "b"): 150})
    assert "tagged" not in one.reason


def test_a_hostile_tag_is_cut_and_stays_text(tmp_path):
    tag = "<script>alert(1)</script>" + "x" * 100_000
    _, (one,) = noticed(tmp_path, changes={(20, tag): 250}, tags=("a", tag))
    assert f"user_team = {tag[:60]}." in one.reason
    assert len(one.reason) < 300


def test_every_day_of_a_new_level_is_marked(tmp_path):
    changes = {(number, "b"): 250 for number in range(18, 29)}
    result, (one,) = noticed(tmp_path, changes=changes)
    assert "That is a new level rather than a single day." in one.reason
    marked = [day.day for day in result.unusual_days]
    assert marked == [date(2026, 10, number) for number in range(18, 25)]
    (statement,) = story.statements(result)
    assert sorted(statement.marks) == marked
    assert statement.marks[marked[0]] == [
        "usage type 222222222222 EUS2-Demo-tokens rose: 280.00, usually about 60.00"
    ]


def test_what_is_new_keeps_its_id_when_more_accounts_and_regions_use_it(tmp_path):
    def used(meter, account, *days):
        return [
            line(
                period=f"2026-{month:02}", start=f"2026-{month:02}-{day:02}T10:00:00",
                rate="0.003", quantity="1000", line_item_usage_type=meter,
                line_item_usage_account_id=account,
            )
            for month, day in days
        ]  # fmt: skip

    ours, theirs = "222222222222", "333333333333"
    old = [
        one
        for account in (ours, theirs)
        for region in ("USE2", "USW2")
        for one in used(f"{region}-Demo-tokens", account, (9, 1), (10, 1))
    ]
    half = used("USE2-NovaLite-input-tokens", ours, (10, 16))
    whole = half + used("USW2-NovaLite-input-tokens", theirs, (10, 20))
    told = []
    for number, lines in enumerate((old + half, old + whole)):
        bill = write_csv(tmp_path / f"{number}" / "bill.csv", with_ids(lines))
        found = audit([bill], Options(ledger=tmp_path / "ledger.duckdb")).findings
        told += [(one.id, one.series_id, one.reason) for one in found if one.check == "new_in_bill"]
    (first, second) = told
    assert first[:2] == second[:2]
    assert first[2] == (
        "The model Nova Lite is billed for the first time: 3.00 USD since 2026-10-16, "
        "by account 222222222222, in us-east-2."
    )
    assert second[2] == (
        "The model Nova Lite is billed for the first time: 6.00 USD since 2026-10-16."
    )


def test_unusual_spend_keeps_its_id_when_more_accounts_use_the_model(tmp_path):
    """One model costs five times as much on the 20th in three regions; none has most of it."""
    ours = {f"{region}-NovaLite-input-tokens": (30, 150) for region in ("USE1", "USE2", "USW2")}
    bystander = {"USE1-NovaLite-input-tokens": (2, 2)}

    def bill(name, meters):
        lines = [
            line(
                start=f"2026-10-{day:02}T10:00:00", rate="0.00006",
                quantity=(much if day == 20 else usual) / Decimal("0.00006"),
                line_item_usage_type=meter, line_item_usage_account_id=account,
            )
            for day in range(1, 29)
            for account, used in meters.items()
            for meter, (usual, much) in used.items()
        ]  # fmt: skip
        return write_csv(tmp_path / name / "bill.csv", with_ids(lines))

    one, two = {"222222222222": ours}, {"222222222222": ours, "333333333333": bystander}
    told = []
    for name, meters in (("one", one), ("two", two)):
        found = audit([bill(name, meters)], Options(ledger=tmp_path / "ledger.duckdb")).findings
        rose = [each for each in found if each.check == "spend_rose"]
        told += [each.id for each in rose if each.resource == "model Nova Lite"]
    assert len(told) == 2
    assert len(set(told)) == 1
