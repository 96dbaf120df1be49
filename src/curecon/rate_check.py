"""What `curecon rates check` says of cards that can be read: holes in time, and wrong units."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from curecon import by_hand, units
from curecon.rate_diff import few
from curecon.vocabulary import vocabulary

_NEVER = pl.date(9999, 12, 31)


class Hole(NamedTuple):
    """Days without a price, between two of one charge.

    Attributes:
        sentence: where it is: file, rates, keys, regions, days, and what to do.
        note: why it is left, as the rate before it says; None where it does not.
        files: the cards of the rates on both sides.
    """

    sentence: str
    note: str | None
    files: frozenset[Path]


def gaps(cards: pl.DataFrame, places: pl.DataFrame) -> list[Hole]:
    """Find where a price ends and another of the same charge and region begins only days later.

    Args:
        cards: as `rates.read_cards` returns them.
        places: as `rates.inspect` returns them.

    Returns:
        One a pair of rates, with all regions that have the hole between them.
    """
    key = [*vocabulary(), "currency"]
    named = cards.filter(pl.col("region") != by_hand.EVERY_REGION).select(*key, "region").unique()
    everywhere = cards.filter(pl.col("region") == by_hand.EVERY_REGION)
    # What holds in every region also fills the holes of those that are named.
    met = everywhere.drop("region").join(named, on=key, nulls_equal=True).select(cards.columns)
    place = [*key, "region"]
    every = pl.concat([cards, met]).sort(*place, "starts", "tier_from")
    reach = pl.col("ends").fill_null(_NEVER).cum_max().shift(1).over(place)
    holes = every.with_columns(reach=reach).filter(pl.col("starts") > pl.col("reach"))
    before = every.select(*place, reach="ends", before="rate_id").unique(
        [*place, "reach"], maintain_order=True
    )
    told = (
        holes.join(before, on=[*place, "reach"], nulls_equal=True)
        .join(places, on="rate_id")
        .join(places, left_on="before", right_on="rate_id", suffix="_before")
        .group_by("file_before", "number_before", "file", "number", "reach", "starts")
        .agg(pl.col("place_before", "note_before").first(), pl.col("region").unique().sort())
        .sort("file_before", "number_before", "file", "number", "reach")
    )
    return [_hole(row) for row in told.iter_rows(named=True)]


def _hole(row: dict[str, object]) -> Hole:
    files = frozenset({Path(str(row["file_before"])), Path(str(row["file"]))})
    elsewhere = f" of {by_hand.shown(Path(str(row['file'])))}" if len(files) > 1 else ""
    regions = row["region"]
    assert isinstance(regions, list)
    note = row["note_before"]
    return Hole(
        f"{row['place_before']}: `ends` {row['reach']}, but rate {row['number']}{elsewhere} "
        f"`starts` {row['starts']}; there is no price between them in {few(regions)}",
        None if note is None else by_hand.short(str(note), 1000),
        files,
    )


_TOKENS = frozenset({"tokens"})
_TIME = frozenset({"time"})
_STORAGE = frozenset({"storage_months", "storage_hours"})
_TEXT_TOKENS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "cache_write_30m")

# What the unit of a rate must count, by an attribute that says what is sold. What is not listed
# is sold in several ways. A capability goes before a type of token: throughput by the hour is
# bought for input tokens, too.
_COUNTS: dict[str, dict[str, frozenset[str]]] = {
    "capability": {
        "provisioned_throughput": frozenset({"model_unit_hours"}),
        "reserved_throughput": frozenset({"token_per_minute_hours"}),
        "custom_model_import": frozenset({"custom_model_unit_minutes"}),
        "custom_model_import_storage": frozenset({"custom_model_unit_months"}),
        "customization_storage": frozenset({"model_months", *_STORAGE}),
        "human_task": frozenset({"human_tasks"}),
        "guardrail": frozenset({"text_units", "images"}),
        "guardrail_check": frozenset({"text_units", "images"}),
    },
    "token_type": {
        **dict.fromkeys((*_TEXT_TOKENS, "training_token"), _TOKENS),
        "input_image": frozenset({"tokens", "images"}),
        "output_image": frozenset({"tokens", "images"}),
        "image": frozenset({"images"}),
        "training_image": frozenset({"images"}),
        "video": frozenset({"videos", "time"}),
        "input_video": frozenset({"tokens", "videos", "time"}),
        **dict.fromkeys(
            ("input_audio", "output_audio", "input_speech", "output_speech"),
            frozenset({"tokens", "time"}),
        ),
        "search_unit": frozenset({"search_units", "queries", "requests"}),
    },
    "component": {
        **dict.fromkeys(("instance", "duration", "provisioned"), _TIME),
        "volume": _STORAGE,
        "data_in": frozenset({"bytes"}),
        "data_out": frozenset({"bytes"}),
        "write_units": frozenset({"write_units"}),
        "read_units": frozenset({"read_units"}),
    },
}


def wrong_units(cards: pl.DataFrame, places: pl.DataFrame) -> list[str]:
    """Say which rates count something else than what they sell, e.g. tokens by the image.

    Args:
        cards: as `rates.read_cards` returns them.
        places: as `rates.inspect` returns them.

    Returns:
        A sentence a rate.
    """
    counted = cards.join(places, on="rate_id").unique(["file", "number"]).sort("file", "number")
    sentences = []
    for row in counted.iter_rows(named=True):
        dimension = units.dimension(row["unit"])
        expected = next(
            (_COUNTS[name][row[name]] for name in _COUNTS if row[name] in _COUNTS[name]), None
        )
        if expected is not None and dimension not in expected:
            wanted = " or ".join(sorted(_words(each) for each in expected))
            counts = f"`unit` {row['unit']!r} counts {_words(str(dimension))}"
            sentences.append(
                f"{row['place']}: {counts}, but what is sold is counted in {wanted}; "
                "write the unit of the source"
            )
    return sentences


def _words(dimension: str) -> str:
    return dimension.replace("_", " ")
