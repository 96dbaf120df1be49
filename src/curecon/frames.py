"""Moves rows into frames, and frames into DuckDB and back.

Polars imports numpy to read one `Decimal`, and DuckDB imports pyarrow to read a frame of polars. A
short run would spend an eighth of its time on these imports, so decimals go in as text, and frames
cross by the interface that both libraries have for that, the Arrow C stream.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl

Kind = pl.DataType | type[pl.DataType]


def of_rows(rows: Iterable[Sequence[Any]], schema: Mapping[str, Kind]) -> pl.DataFrame:
    """Make a frame of rows, whose cells come in the order of the schema.

    Raises:
        polars.exceptions.InvalidOperationError: a decimal does not fit its type.
    """
    exact = [at for at, kind in enumerate(schema.values()) if isinstance(kind, pl.Decimal)]
    written = [[*row] for row in rows]
    for row in written:
        for at in exact:
            row[at] = _text(row[at])
    texts = {name: _undecided(kind) for name, kind in schema.items()}
    frame = pl.DataFrame(written, schema=texts, orient="row")
    return frame.cast({name: schema[name] for name in (list(schema)[at] for at in exact)})


def of_records(records: Iterable[Mapping[str, object]], schema: Mapping[str, Kind]) -> pl.DataFrame:
    """Make a frame of records, in which a missing cell is null."""
    return of_rows(([record.get(name) for name in schema] for record in records), schema)


def of_query(
    con: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, object] | None = None
) -> pl.DataFrame:
    """Run a query of ours and return its rows as a frame; it fails as polars does."""
    return pl.DataFrame(_stream(con.sql(query, params=params or None)))


def register(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Let SQL read a frame under a name."""
    con.register(name, _stream(frame))


def _stream(source: pl.DataFrame | duckdb.DuckDBPyRelation) -> SimpleNamespace:
    """Show nothing but the stream: by its own type, either library would take a longer way."""
    return SimpleNamespace(__arrow_c_stream__=source.__arrow_c_stream__)


def _undecided(kind: Kind) -> Kind:
    return pl.String() if isinstance(kind, pl.Decimal) else kind


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")
