"""The registry of units: what unit strings mean, and that conversion is exact or refused."""

from decimal import Decimal
from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curecon import units
from curecon.errors import RatesInvalid

# Every unit string that public sources quote from price lists, bills and Cost Explorer.
QUOTED = """
    1K tokens = 1K tokens
    1k tokens = 1K tokens
    1M tokens = 1M tokens
    1M TPM Hour = 1M TPM Hour
    1K TPM Hour = 1K TPM Hour
    hour = hour
    hours = hour
    Hrs = hour
    Model/month = model-month
    Model / month = model-month
    Requests = request
    image = image
    video = video
    seconds = second
    second(s) = second
    Images processed = image
    Images Processed = image
    Custom Model Unit per Min = custom model unit minute
    TextUnit = text unit
    Search Units = search unit
    Queries = query
    GB-Mo = GB-Mo
    gb-mo = GB-Mo
    Quantity = unit
    vCPU-Hours = vCPU-hour
    GB-Hours = GB-hour
    GB-Month = GB-Mo
"""

# The names that rate cards use.
CARD_UNITS = [
    "token", "1K tokens", "1M tokens", "hour", "model unit hour", "image", "text unit",
    "1K text units", "human task", "request", "1K requests", "1M requests", "GB-Mo", "GB",
    "GB-hour", "second", "month", "model-month", "search unit", "1K search units",
    "custom model unit minute", "unit", "page", "query", "video", "1K TPM Hour", "1M TPM Hour",
    "write unit", "1M write units", "read unit", "1M read units",
]  # fmt: skip


@pytest.mark.parametrize("line", QUOTED.strip().splitlines())
def test_a_quoted_unit_has_its_canonical_name(line: str) -> None:
    text, _, name = line.strip().partition(" = ")
    assert units.canonical(text) == name


@pytest.mark.parametrize("name", CARD_UNITS)
def test_a_unit_of_the_cards_is_canonical_in_any_case(name: str) -> None:
    assert units.canonical(name) == name
    assert units.canonical(name.upper()) == name
    assert units.canonical(f"  {name.replace(' ', '  ')} ") == name


@pytest.mark.parametrize("text", [None, "", "Units", "units", "1B tokens", "characters", "1K"])
def test_a_unit_that_is_not_listed_is_unknown(text: str | None) -> None:
    """`Units` is a word of Marketplace rows: what one holds depends on the usage type."""
    assert units.canonical(text) is None
    assert units.dimension(text) is None


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("1K tokens", "1M tokens", "0.001"),
        ("1M tokens", "1K tokens", "1000"),
        ("token", "1M tokens", "0.000001"),
        ("tokens", "tokens", "1"),
        ("Hrs", "seconds", "3600"),
        ("seconds", "Hrs", None),
        ("hour", "minute", "60"),
        ("text unit", "1K text units", "0.001"),
        ("write unit", "1M write units", "0.000001"),
        ("1M TPM Hour", "1K TPM Hour", "1000"),
        ("hour", "model unit hour", None),
        ("GB-Mo", "GB-hour", None),
        ("1K tokens", "image", None),
        ("Units", "1M tokens", None),
        ("1M tokens", "Units", None),
    ],
)
def test_a_factor_is_exact_or_none(source: str, target: str, expected: str | None) -> None:
    assert units.factor(source, target) == (None if expected is None else Decimal(expected))


def test_factors_there_and_back_are_one() -> None:
    for source, target in product(CARD_UNITS, CARD_UNITS):
        there, back = units.factor(source, target), units.factor(target, source)
        if there is not None and back is not None:
            assert there * back == 1


def test_the_table_has_each_alias_once() -> None:
    table = units.unit_table()
    assert table.schema == {
        "alias": pl.String,
        "canonical": pl.String,
        "dimension": pl.String,
        "size": pl.Decimal(22, 10),
    }
    assert table["alias"].is_unique().all()
    assert table.filter(pl.col("alias") == "hrs").row(0) == ("hrs", "hour", "time", Decimal(3600))
    assert table.filter(pl.col("canonical") == "1M tokens")["size"].unique().to_list() == [10**6]


@given(st.text())
def test_any_text_is_known_or_none(text: str) -> None:
    name = units.canonical(text)
    assert name is None or units.canonical(name) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[unit]", "cannot be read"),
        ('[[unit]]\nname = "a"\ndimension = "d"\nsize = 1', "breaks the rules"),
        ('[[unit]]\nname = "a"\ndimension = "d"\nsize = "0"', "needs a size above 0"),
        ('[[unit]]\nname = "a"\ndimension = "d"\nsize = "lots"', "needs a size above 0"),
        (
            (
                '[[unit]]\nname = "a"\ndimension = "d"\nsize = "1"\n'
                '[[unit]]\nname = "b"\ndimension = "d"\nsize = "2"\naliases = ["A"]'
            ),
            "'a' is a spelling of a and b",
        ),
    ],
)
def test_a_registry_that_breaks_the_rules_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "units.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RatesInvalid, match=message):
        units.read_units(path)
