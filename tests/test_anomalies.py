"""Unusual spend: the published precision and recall, and what drives it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import anomalies  # noqa: E402


def test_the_page_says_what_is_measured():
    assert anomalies.page(list(anomalies.measured())) == anomalies.PAGE.read_text("utf-8")


def days(changes=(), count=30, streams=((0, 0), (1, 1), (2, 2))):
    """Streams of 30 dollars a day; `changes` are {(account, key, day): dollars}."""
    return [
        (
            f"{account:012d}", key, anomalies.PERIOD[0].replace(day=number),
            changes.get((account, key, number), 30),
        )
        for account, key in streams
        for number in range(1, count + 1)
    ]  # fmt: skip


def told(rows):
    return [(what, name, way) for _, what, name, way, *_ in anomalies.found({"bill": rows})]


def test_what_is_spread_over_accounts_is_told_once_from_the_view_that_has_all_of_it():
    """Three accounts use one model three times as much as ever; none has most of it."""
    streams = [(account, 0) for account in range(6)]
    changes = {(account, 0, 20): 95 for account, _ in streams}
    assert told(days(changes, streams=streams)) == [("model", "Model 0", "rose")]


def test_two_things_at_once_are_told_by_what_they_share():
    changes = {(0, 0, 20): 120, (2, 2, 20): 130}
    assert told(days(changes)) == [("capability", "bedrock on_demand", "rose")]


def test_two_weeks_are_not_enough():
    assert told(days({(0, 0, 14): 300}, count=14)) == []
    assert told(days({(0, 0, 15): 300}, count=15)) == [
        ("usage type", "000000000000 usage-0", "rose")
    ]
