"""The lines of the files in the columns of line_items, as views of one connection."""

from collections.abc import Mapping, Sequence

import duckdb

from curecon.engine import read, text
from curecon.opened import OpenBill

# A period is its first day; AWS states it as a time.
PERIOD = "CAST(date_trunc('month', period_start) AS DATE)"
# The maps of keys that users choose.
TAGS = ("resource_tags", "tags", "cost_category")


def define(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    name: str,
    periods: Sequence[str],
    *,
    codes: Sequence[str | None] | None = None,
    rows: Mapping[int, int] | None = None,
    nameless: Sequence[str] = (),
) -> None:
    """Define a view of the files' lines in the columns of line_items.

    `codes` and `rows` restrict Parquet to product codes and to the first rows of single files;
    the products of lines with `nameless` codes are not looked at.
    """
    select = opened.select(codes, rows, nameless)
    con.execute(f"CREATE OR REPLACE VIEW {name}_raw AS {select}")
    mapped = opened.format.select.replace("FROM raw", f"FROM {name}_raw")
    conditions = []
    if periods:
        wanted = ", ".join(f"DATE '{period}-01'" for period in periods)
        conditions.append(f"{PERIOD} IN ({wanted})")
    if codes is not None:
        # Formats that make the product code up of other columns cannot skip pages by it.
        whens = "".join(f" WHEN {text(code)} THEN TRUE" for code in codes if code is not None)
        other = "TRUE" if None in codes else "FALSE"
        conditions.append(
            f"CASE line_item_product_code{whens or ' WHEN NULL THEN FALSE'} ELSE "
            f"{other} AND line_item_product_code IS NULL END"
        )
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    con.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM ({mapped}) {where}")


def scope_of_line() -> str:
    """Write the scope of a line as one expression: DESIGN, section 1, "In scope"."""
    parts = " OR ".join(
        f"({read('duckdb', 'scope', f'{part}.sql')})" for part in ("code", "resource", "name")
    )
    return f"coalesce(billed_by_aws AND ({parts}), FALSE)"


def types_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the type of each column of a relation."""
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE {relation}").fetchall()}
