"""SageMaker's free tier of the first two months: which charges share which allowance of a month.

The allowances are data (rates/reference/free_tier.toml). When they began, and for whom, only a
contract states (DESIGN, section 5), so without one nothing is judged. The months are the calendar
month of the start and the one after it.
"""

import tomllib
from datetime import date
from decimal import Decimal
from functools import cache

import polars as pl
from pydantic import ConfigDict, Field

from curecon import frames, grammar, units
from curecon.by_hand import Line, Quantity
from curecon.contract import FreeTier
from curecon.errors import RatesInvalid
from curecon.models import Record
from curecon.packaged import folder

_NEVER = date(9999, 12, 31)
_DECEMBER = 12
_FACTOR = pl.Decimal(15, 10)

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "charge_key_id": pl.UInt64,
    "allowance": pl.String,
    "allowed": pl.Decimal(22, 10),
    "factor": _FACTOR,
    "inverse": _FACTOR,
    "by_account": pl.Boolean,
    "starts": pl.Date,
    "ends": pl.Date,
    "checked": pl.Date,
}


class Allowance(Record):
    """What is free a month, and which charges share it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Line
    quantity: Quantity
    unit: Line
    selects: list[dict[str, str]] = Field(min_length=1)


class _Table(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Line
    checked: date
    months: int
    allowance: list[Allowance]


@cache
def table() -> _Table:
    """Read the allowances.

    Raises:
        RatesInvalid: one selects on a word that is not known, or counts in an unknown unit.
    """
    path = folder("rates") / "reference" / "free_tier.toml"
    read = _Table.model_validate(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal))
    for one in read.allowance:
        for select in one.selects:
            grammar.check_attributes(f"{path.name}, {one.name}", select)
        if units.canonical(one.unit) is None:
            raise RatesInvalid(f"{path.name}, {one.name}: the unit {one.unit!r} is unknown")
    return read


def shared(decoded: pl.DataFrame, agreed: FreeTier | None) -> pl.DataFrame:
    """Say which charge keys have a free allowance, in the columns `SCHEMA`.

    `factor` turns the key's quantity into units of the allowance, `inverse` back. After the free
    months the allowance of the same charges is 0.
    """
    rows: list[tuple[object, ...]] = []
    for one in table().allowance if agreed else []:
        for select in one.selects:
            fits = [pl.col(name) == value for name, value in select.items()]
            keys = decoded.filter(pl.col("service") == "sagemaker", *fits)
            for key, unit in keys.select("charge_key_id", "unit").iter_rows():
                rows += _rows(one, key, unit, agreed)
    return frames.of_rows(rows, SCHEMA).unique(maintain_order=True)


def _rows(
    one: Allowance, key: int, unit: str | None, agreed: FreeTier | None
) -> list[tuple[object, ...]]:
    factor = units.factor(unit, one.unit) if unit else None
    inverse = units.factor(one.unit, unit) if unit else None
    if factor is None or inverse is None or agreed is None:
        return []
    ends = months_later(agreed.starts, table().months)
    how = (factor, inverse, agreed.scope == "account")
    return [
        (key, one.name, one.quantity, *how, agreed.starts, ends, table().checked),
        (key, one.name, Decimal(0), *how, ends, _NEVER, table().checked),
    ]


def months_later(day: date, months: int) -> date:
    """Return the first day of the month that is so many months after the day's."""
    count = day.year * _DECEMBER + day.month - 1 + months
    return date(count // _DECEMBER, count % _DECEMBER + 1, 1)
