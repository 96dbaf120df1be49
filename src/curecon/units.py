"""The registry of units: what a unit string means, and how units convert, exactly.

The units lie in `rates/reference/units.toml`. Text is compared without case and with inner spaces
taken as one. A conversion that has no finite decimal is none: from hours to seconds there is a
factor, from seconds to hours there is not, so a price is converted in the direction that is exact.
"""

import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from curecon import frames
from curecon.errors import RatesInvalid
from curecon.packaged import folder

# A factor with more digits than a price has would not stay exact in the ledger.
_LARGEST_SHIFT = 10**10
_POSITIVE = re.compile(r"0*[1-9][0-9]*(?:\.[0-9]+)?|0*\.0*[1-9][0-9]*")


class Unit(BaseModel):
    """One unit, as `units.toml` states it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    dimension: str
    size: str
    aliases: list[str] = []

    def spellings(self) -> list[str]:
        """Return the name and the aliases, folded, in the order of the file."""
        return list(dict.fromkeys(fold(text) for text in (self.name, *self.aliases)))


class _Registry(BaseModel):
    """The file `units.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    unit: list[Unit]


def fold(text: str) -> str:
    """Return the text as the registry compares it: lower case, no outer or doubled spaces."""
    return " ".join(text.lower().split())


def canonical(text: str | None) -> str | None:
    """Return the canonical name of a unit, or None when the registry lacks it."""
    return None if text is None else _names().get(fold(text))


def dimension(text: str | None) -> str | None:
    """Return what a unit measures, e.g. tokens, or None when the registry lacks it."""
    name = canonical(text)
    return None if name is None else _sizes()[name][0]


def factor(from_unit: str, to_unit: str) -> Decimal | None:
    """Return how many `to_unit` one `from_unit` holds.

    None when a unit is unknown, when they measure different things, or when the number has no
    finite decimal of at most ten places.
    """
    source, target = canonical(from_unit), canonical(to_unit)
    if source is None or target is None:
        return None
    (source_dimension, source_size), (target_dimension, target_size) = (
        _sizes()[source],
        _sizes()[target],
    )
    if source_dimension != target_dimension:
        return None
    ratio = source_size / target_size
    if _LARGEST_SHIFT % ratio.denominator:
        return None
    return Decimal(ratio.numerator * (_LARGEST_SHIFT // ratio.denominator)) / _LARGEST_SHIFT


def unit_table() -> pl.DataFrame:
    """Return alias (folded) -> canonical, dimension, size Decimal(22, 10), for joins."""
    rows = [
        (spelling, unit.name, unit.dimension, Decimal(unit.size))
        for unit in _units()
        for spelling in unit.spellings()
    ]
    schema = pl.Schema(
        [
            ("alias", pl.String()),
            ("canonical", pl.String()),
            ("dimension", pl.String()),
            ("size", pl.Decimal(22, 10)),
        ]
    )
    return frames.of_rows(rows, schema)


def read_units(path: Path) -> tuple[Unit, ...]:
    """Read a registry of units.

    Raises:
        RatesInvalid: the file breaks the rules, or one spelling stands for two units.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RatesInvalid(f"{path.name} cannot be read: {error}") from error
    try:
        registry = _Registry.model_validate(data)
    except ValidationError as error:
        raise RatesInvalid(f"{path.name} breaks the rules: {error}") from error
    seen: dict[str, str] = {}
    for unit in registry.unit:
        if not _POSITIVE.fullmatch(unit.size):
            raise RatesInvalid(f"{path.name}: the unit {unit.name} needs a size above 0")
        for spelling in unit.spellings():
            if seen.setdefault(spelling, unit.name) != unit.name:
                raise RatesInvalid(
                    f"{path.name}: {spelling!r} is a spelling of {seen[spelling]} and {unit.name}"
                )
    return tuple(registry.unit)


@cache
def _units() -> tuple[Unit, ...]:
    return read_units(folder("rates") / "reference" / "units.toml")


@cache
def _names() -> dict[str, str]:
    return {spelling: unit.name for unit in _units() for spelling in unit.spellings()}


@cache
def _sizes() -> dict[str, tuple[str, Fraction]]:
    return {unit.name: (unit.dimension, Fraction(unit.size)) for unit in _units()}
