"""How AWS writes the values of a table: CSV as Java does, Parquet with doubles."""

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = Mapping[str, Any]
TEXTS = pa.map_(pa.string(), pa.string())
NUMBERS = pa.map_(pa.string(), pa.float64())


def write_parquet(
    path: Path, columns: Sequence[str], rows: Sequence[Row], numbers: frozenset[str],
    maps: Mapping[str, pa.DataType],
) -> None:  # fmt: skip
    """Write rows; `numbers` are doubles, datetimes timestamps, all else text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for name in columns:
        values = [row.get(name) for row in rows]
        if name in maps:
            pairs = [[(key, _plain(one)) for key, one in (value or {}).items()] for value in values]
            arrays[name] = pa.array(pairs, maps[name])
        elif name in numbers:
            arrays[name] = pa.array([_plain(value) for value in values], pa.float64())
        elif any(isinstance(value, datetime) for value in values):
            arrays[name] = pa.array(values, pa.timestamp("ms"))
        else:
            texts = [None if value is None else str(value) for value in values]
            arrays[name] = pa.array(texts, pa.string())
    pq.write_table(pa.table(arrays), path, compression="snappy")


def write_csv(
    path: Path, columns: Sequence[str], rows: Sequence[Row], numbers: frozenset[str], zone: str
) -> None:
    """Write rows as CSV.gz; `zone` is what follows a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", newline="", encoding="utf-8", compresslevel=3) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name), name in numbers, zone) for name in columns])


def _plain(value: Any) -> Any:  # noqa: ANN401  # a cell of any type
    return float(value) if isinstance(value, Decimal) else value


def _cell(value: Any, is_number: bool, zone: str) -> str:  # noqa: ANN401  # a cell of any type
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps({key: _plain(one) for key, one in value.items()})
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}{zone}"
    return _java(value) if is_number else str(value)


def _java(value: Decimal | str) -> str:
    """Write a number as Java's Double.toString does."""
    if value == "":
        return ""
    number = float(value)
    if number == 0:
        return "0.0"
    if 1e-3 <= abs(number) < 1e7:
        text = repr(number)
        return text if "e" not in text else f"{number:.12f}".rstrip("0")
    exact = Decimal(repr(number)).normalize().as_tuple()
    digits = "".join(map(str, exact.digits))
    power = len(digits) + int(exact.exponent) - 1
    return f"{'-' * (number < 0)}{digits[0]}.{digits[1:] or '0'}E{power}"
