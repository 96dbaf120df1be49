"""Matching, where the parts of it that no bill of one month shows are tried alone."""

from datetime import date

import polars as pl
import pytest

from curecon import matching

DAY = date(2026, 10, 5)
OLD, NEW = date(2026, 9, 1), date(2026, 10, 1)


def pieces(*rows):
    """Rates of one charge on one day: where from, published later than the use, and when."""
    return pl.DataFrame(
        [(1, DAY, *row) for row in rows],
        schema=["charge_key_id", "starts", "source_kind", "later", "checked"],
        orient="row",
    )


@pytest.mark.parametrize(
    ("later", "kept"), [(False, NEW), (True, OLD)], ids=["published in time", "published later"]
)
def test_the_snapshot_nearest_to_the_usage_is_kept(later, kept):
    found = matching.nearest_snapshot(
        pieces(("price_list", later, OLD), ("price_list", later, NEW))
    )
    assert found["checked"].to_list() == [kept]


def test_a_snapshot_published_in_time_goes_before_a_later_one():
    found = matching.nearest_snapshot(pieces(("price_list", False, OLD), ("price_list", True, NEW)))
    assert found["checked"].to_list() == [OLD]


def test_what_is_no_snapshot_stays():
    both = pieces(("price_list", False, NEW), ("card", None, OLD), ("contract", None, OLD))
    assert matching.nearest_snapshot(both).equals(both)


@pytest.mark.parametrize(
    ("tiers", "clash"),
    [
        ([(None, None)], False),
        ([(0, 10), (10, 20), (20, None)], False),
        ([(0, 10), (5, 20), (20, None)], True),
        ([(0, 10), (10, 20), (15, None)], True),
        ([(0, None), (10, None)], True),
        ([(None, None), (10, None)], True),
    ],
    ids=["no tiers", "one after the other", "the first two overlap", "the last two overlap",
         "both without end", "a price without tiers beside one with"],
)  # fmt: skip
def test_tiers_of_one_piece_follow_each_other(tiers, clash):
    piece = pl.DataFrame(
        tiers, schema={"tier_from": pl.Int64, "tier_to": pl.Int64}, orient="row"
    ).reverse()
    assert piece.select(matching._tiers_clash()).item() is clash
