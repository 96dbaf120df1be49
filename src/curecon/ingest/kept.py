"""The lines in scope: kept in the ledger with their charge keys and sets of tags."""

from collections.abc import Mapping, Sequence
from functools import partial

import duckdb

from curecon import cells
from curecon.engine import execute, read, text
from curecon.errors import BillUnreadable
from curecon.ingest.mapped import TAGS, define, scope_of_line, types_of
from curecon.ingest.totals import record
from curecon.ledger import MEMORY, MEMORY_IN_ORDER
from curecon.money import plain
from curecon.opened import OpenBill
from curecon.workplace import Work, together

# The columns whose values make up a charge key: all about a charge but who, when and how much.
KEY_COLUMNS = (
    "kind",
    "price_basis",
    "is_ai",
    "bill_billing_entity",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_operation",
    "line_item_line_item_description",
    "line_item_tax_type",
    "line_item_currency_code",
    "line_item_legal_entity",
    "product_name",
    "product_servicecode",
    "product_sku",
    "product_region_code",
    "product_product_family",
    "product_instance_type",
    "product_model",
    "product_provider",
    "product_feature",
    "product_inference_type",
    "pricing_rate_code",
    "pricing_unit",
    "pricing_term",
    "resource_type",
    "resource_model",
)
# What many lines have in common and is written once: the table of this run's, its id, its columns.
_SHARED = (
    ("run_keys", "charge_key_id", KEY_COLUMNS),
    ("run_tag_sets", "tag_set_id", TAGS),
)
_OURS = "FROM lines WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)"
# Columns that say where a line lies, or that we worked out of others.
_DERIVED = {
    "file", "row_number", "billed_by_aws", "price_basis", "kind", "quantity_rounded", "tag_set_id",
}  # fmt: skip


def replace_lines(
    con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str, periods: Sequence[str]
) -> None:
    """Put this run's deliveries in the place of the older ones of their periods and payers."""
    con.execute(
        "CREATE OR REPLACE TABLE superseded AS SELECT d.delivery_id "
        "FROM deliveries AS d JOIN run_deliveries AS r "
        "ON r.period = d.period AND r.payer_account = d.payer_account WHERE d.is_current"
    )
    gone = "WHERE delivery_id IN (SELECT delivery_id FROM superseded)"
    con.execute(f"DELETE FROM lines {gone}")
    con.execute(f"UPDATE deliveries SET is_current = FALSE {gone}")
    for table in (
        "deliveries", "delivery_files", "read_totals", "delivery_sums", "past_findings",
        "past_bridge",
    ):  # fmt: skip
        con.execute(
            f"DELETE FROM {table} WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)"
        )
    _scope_in(con, opened, services, periods)
    execute(con, f"INSERT INTO lines BY NAME {read('duckdb', 'lines.sql')}")
    if not opened.names_lines:
        execute(con, read("duckdb", "number_repeats.sql"))
    if opened.stored == "parquet" and services == "ai":
        _scope_in(con, opened, services, periods, _firsts(con))
    sums = f"INSERT INTO delivery_sums BY NAME {read('duckdb', 'delivery_sums.sql')}"
    works: dict[str, Work] = {one[0]: partial(_make_shared, *one) for one in _SHARED}
    works |= {"sums": lambda con: execute(con, sums), "huge": partial(_refuse_huge, opened)}
    together(con, works)
    con.execute(
        "INSERT INTO tag_sets SELECT * FROM run_tag_sets "
        "WHERE tag_set_id NOT IN (SELECT tag_set_id FROM tag_sets)"
    )
    record(con, opened, services)


def _refuse_huge(opened: OpenBill, con: duckdb.DuckDBPyConnection) -> None:
    """Refuse a line whose quantity times rate has no exact amount of money.

    Raises:
        BillUnreadable: there is one; its file and line item are named.
    """
    found = execute(con, read("duckdb", "huge.sql"))
    if found:
        number, line_item, quantity, rate = found[0]
        file = next(file for file in opened.files if file.number == number)
        raise BillUnreadable(
            f"{file.file.path}: line item {line_item}: its quantity {plain(quantity)} times its "
            f"rate {plain(rate)} is more than any bill, and than can be kept exactly; correct it "
            "or copy the file again"
        )


def _scope_in(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    services: str,
    periods: Sequence[str],
    rows: Mapping[int, int] | None = None,
) -> None:
    """Define `in_scope`: the lines in scope, with their charge key.

    The totals have told which product codes are in scope as a whole; Parquet skips the pages of
    all others. Codes of which only some lines are in scope are asked line by line.
    """
    select = f"SELECT *,\n{read('duckdb', 'resources.sql')}\nFROM"
    codes = execute(
        con,
        "SELECT line_item_product_code, bool_and(is_in_scope) FROM run_totals GROUP BY 1 "
        "HAVING bool_or(is_in_scope) ORDER BY 1",
    )
    whole = [code for code, all_of_it in codes if all_of_it and code is not None]
    part = [code for code, all_of_it in codes if not all_of_it or code is None]
    everything = f"SELECT *, {scope_of_line()} AS is_ai FROM mapped"
    if opened.stored == "csv":
        if services != "all":
            define(con, opened, "wanted", periods, codes=[*whole, *part])
            everything = (
                f"SELECT * FROM (SELECT *, {_picked(whole)} AS is_ai FROM wanted) WHERE is_ai"
            )
        _keep_rows(con, everything)
        scoped = f"{select} (SELECT * REPLACE (rowid AS row_number) FROM source_rows)"
    elif services == "all":
        scoped = f"{select} ({everything})"
    else:
        sources = []
        for name, listed, is_ai in (("whole", whole, "TRUE"), ("part", part, scope_of_line())):
            if listed:
                define(con, opened, name, periods, codes=listed, rows=rows)
                sources.append(f"{select} (SELECT *, {is_ai} AS is_ai FROM {name}) WHERE is_ai")
        scoped = "\nUNION ALL\n".join(sources) or f"{select} ({everything}) WHERE FALSE"
    columns = ", ".join(KEY_COLUMNS)
    con.execute(
        f"CREATE OR REPLACE VIEW in_scope AS SELECT *, hash({columns}) AS charge_key_id, "
        f"{_identity(con, opened)} FROM ({scoped})"
    )


def _picked(whole: Sequence[str]) -> str:
    """Write the scope of a line, of which some product codes tell without looking further."""
    listed = ", ".join(text(code) for code in whole)
    known = f"WHEN line_item_product_code IN ({listed}) THEN TRUE " if listed else ""
    return f"CASE {known}WHEN {scope_of_line()} THEN TRUE ELSE FALSE END"


def _keep_rows(con: duckdb.DuckDBPyConnection, select: str) -> None:
    """Read lines of a CSV into the table `source_rows`, to be read from there.

    The number of a row tells what came first, so it has to be the same on every run. DuckDB makes a
    join of a long list after IN, and what passes through a join is kept in any order. It keeps an
    order with several threads only where it has 4 MB for each column and thread.
    """
    con.execute("SET preserve_insertion_order = true")
    con.execute("SET disabled_optimizers = 'in_clause'")
    con.execute(f"SET memory_limit = '{MEMORY_IN_ORDER}'")
    try:
        execute(con, f"CREATE OR REPLACE TABLE source_rows AS {select}")
    finally:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute("SET disabled_optimizers = ''")
        con.execute("SET preserve_insertion_order = false")


def _identity(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> str:
    """Write what identifies a line that its report does not name: a hash of the row, its interval.

    The number at the end tells identical rows apart: number_repeats.sql counts it up.
    """
    if opened.names_lines:
        return "CAST(NULL AS VARCHAR) AS row_id, CAST(NULL AS VARCHAR) AS row_interval"
    told = ", ".join(
        f"coalesce(CAST({_typed(name, kind)} AS VARCHAR), chr(30))"
        for name, kind in types_of(con, "mapped").items()
        if name not in _DERIVED
    )
    interval = " || '/' || ".join(
        f"strftime(line_item_usage_{one}_date, '%Y-%m-%dT%H:%M:%SZ')" for one in ("start", "end")
    )
    return f"md5(concat_ws(chr(31), {told})) || '-1' AS row_id, {interval} AS row_interval"


def _typed(name: str, kind: str) -> str:
    """Write a column in the ledger's type: up to here tags may be JSON text."""
    return cells.as_map(kind, name) if kind == "VARCHAR" and name in TAGS else name


def _firsts(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Return, by file, the row of the last line that is the first of its charge key or tag set.

    The first line of each tells what it is, so Parquet is read again only as far as these rows.
    """
    firsts = " UNION ALL ".join(
        f"SELECT min(line) AS line {_OURS} GROUP BY {shared}" for _, shared, _ in _SHARED
    )
    return dict(
        execute(
            con,
            "SELECT (line // 4294967296) % 16384 AS file, max(line % 4294967296) "
            f"FROM ({firsts}) GROUP BY 1",
        )
    )


def _make_shared(
    table: str, shared: str, columns: Sequence[str], con: duckdb.DuckDBPyConnection
) -> None:
    """List the distinct charge keys or tag sets, and make sure that no two share an id."""
    delivered = types_of(con, "in_scope")
    typed = ", ".join(f"any_value({_typed(name, delivered[name])}) AS {name}" for name in columns)
    # A month without a column of tags, and one in which it is empty, have the same tags: none.
    same = ", ".join(
        f"coalesce({_typed(name, delivered[name])}, MAP {{}})" if name in TAGS else name
        for name in columns
    )
    execute(
        con,
        f"CREATE OR REPLACE TABLE {table} AS SELECT {shared}, {typed} FROM "
        f"(SELECT DISTINCT {shared}, {', '.join(columns)} FROM in_scope) "
        f"GROUP BY {shared}, {same}",
    )
    count = execute(con, f"SELECT count(*), count(DISTINCT {shared}) FROM {table}")[0]
    assert count[0] == count[1], f"two different rows of {table} have the same id"
    unknown = f"SELECT 1 {_OURS} AND {shared} NOT IN (SELECT {shared} FROM {table}) LIMIT 1"
    assert not execute(con, unknown), f"a line's {shared} was not read"
