"""Ad-hoc SQL on a ledger: read-only, and shut off from files and network."""

import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from curecon import ledger, named
from curecon.engine import fetch
from curecon.errors import OptionInvalid


def sql(
    query: str,
    ledger_path: Path = Path("curecon.duckdb"),
    params: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Run one query on a ledger and return its rows; nothing it says can change anything.

    Args:
        query: one SELECT, or the name of a query of sql/queries.
        ledger_path: the ledger.
        params: the parameters of a named query, as text.

    Raises:
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
        OptionInvalid: the query is wrong, or tries what is not allowed; DuckDB's reason is given.
    """
    if named.NAME.fullmatch(query.strip()):
        known = named.find(query.strip())
        frame = _rows(known.sql, ledger_path, known.values(params or {}))
        return frame.with_columns(_ratio(frame, ratio) for ratio in known.ratios)
    if params:
        raise OptionInvalid("--param belongs to a named query; write the value into the SQL")
    return _rows(query, ledger_path, {})


def _ratio(frame: pl.DataFrame, ratio: named.Ratio) -> pl.Series:
    values = [ratio.of(row) for row in frame.iter_rows(named=True)]
    return pl.Series(ratio.name, values, pl.Decimal(38, ratio.digits))


def _rows(query: str, ledger_path: Path, values: Mapping[str, object]) -> pl.DataFrame:
    with ledger.reading(ledger_path) as con:
        ledger.lock_down(con)
        try:
            return _counted(fetch(con, query, values))
        except AttributeError as error:
            raise OptionInvalid("the query returns no rows; write one SELECT") from error
        except duckdb.Error as error:
            raise OptionInvalid(f"the query cannot be run: {error}") from error


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    """Give sums of whole numbers as such: DuckDB adds them up in 128 bits, hence as decimals."""
    whole = [
        name
        for name, kind in frame.schema.items()
        if kind == pl.Decimal(38, 0) and _is_small(frame[name])
    ]
    return frame.with_columns(pl.col(whole).cast(pl.Int64))


def _is_small(column: pl.Series) -> bool:
    largest = column.abs().max()
    return largest is None or (isinstance(largest, Decimal) and largest < 2**63)


def listed() -> pl.DataFrame:
    """List the named queries: name, question, parameters."""
    return pl.DataFrame(
        [
            (one.name, one.question, ", ".join(param.name for param in one.params))
            for one in named.load().values()
        ],
        schema={"query": pl.String, "question": pl.String, "parameters": pl.String},
        orient="row",
    )


def relations(ledger_path: Path = Path("curecon.duckdb")) -> pl.DataFrame:
    """List the relations of a ledger with their comments and columns."""
    return sql(
        "SELECT t.name, t.comment, string_agg(c.column_name, ', ' ORDER BY c.column_index) "
        "AS columns FROM (SELECT view_name AS name, comment FROM duckdb_views() WHERE NOT internal "
        "UNION ALL SELECT table_name, comment FROM duckdb_tables() WHERE NOT internal) AS t "
        "JOIN duckdb_columns() AS c ON c.table_name = t.name GROUP BY ALL ORDER BY t.name",
        ledger_path,
    )


def columns(relation: str, ledger_path: Path = Path("curecon.duckdb")) -> pl.DataFrame:
    """List the columns of a relation with their types and comments.

    Raises:
        OptionInvalid: the ledger has no such relation.
    """
    found = _rows(
        "SELECT column_name AS name, data_type AS type, comment FROM duckdb_columns() "
        "WHERE table_name = $relation AND NOT internal ORDER BY column_index",
        ledger_path,
        {"relation": relation},
    )
    if found.is_empty():
        raise OptionInvalid(f"no relation is named {relation!r}; `.tables` lists them")
    return found


def contents(ledger_path: Path = Path("curecon.duckdb")) -> pl.DataFrame:
    """List named queries and relations together: kind, name, comment, columns or parameters."""
    known = listed().select(
        pl.lit("query").alias("kind"),
        pl.col("query").alias("name"),
        pl.col("question").alias("comment"),
        pl.col("parameters").alias("columns"),
    )
    there = relations(ledger_path).select(pl.lit("relation").alias("kind"), pl.all())
    return pl.concat([known, there])


def render(frame: pl.DataFrame, form: str) -> str | bytes:
    """Write rows as csv, json, markdown or parquet; decimals stay text, times are ISO 8601.

    In CSV, text that a spreadsheet would run as a formula is guarded, as in findings.csv.
    """
    if form == "parquet":
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return buffer.getvalue()
    flat = frame.with_columns(
        pl.col(pl.Decimal).map_batches(lambda column: column.cast(pl.String), pl.String)
        if form == "json"
        else pl.col(pl.Decimal)
    )
    if form == "json":
        return flat.write_json() + "\n"
    if form == "csv":
        return _guarded(_unnested(frame)).write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return _markdown(_unnested(frame))


def _unnested(frame: pl.DataFrame) -> pl.DataFrame:
    """Write maps, lists and structs as JSON-like text, since a table cell holds one value."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(name, [None if v is None else str(v) for v in frame[name].to_list()], pl.String)
        for name in nested
    )


def _guarded(frame: pl.DataFrame) -> pl.DataFrame:
    from curecon.report.files import guarded  # noqa: PLC0415  # jinja is not needed elsewhere

    safe = frame.with_columns(pl.col(pl.String).map_elements(guarded, return_dtype=pl.String))
    return safe.rename({name: guarded(name) for name in frame.columns})


def _markdown(frame: pl.DataFrame) -> str:
    from curecon.report.markdown import escaped  # noqa: PLC0415  # jinja is not needed elsewhere

    def row(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [row([escaped(name) for name in frame.columns]), row(["---"] * frame.width)]
    lines.extend(
        row([escaped("" if value is None else str(value)) for value in values])
        for values in frame.iter_rows()
    )
    return "\n".join(lines) + "\n"
