"""The control totals: lines and dollars of every file, in and out of scope."""

import re
from collections.abc import Sequence

import duckdb

from curecon.engine import execute, read, text
from curecon.errors import BillUnreadable
from curecon.ingest.mapped import PERIOD, TAGS, define, scope_of_line, types_of
from curecon.misread import AS_A_NUMBER, first_gap, first_number
from curecon.opened import OpenBill

_TOTALS = (
    "line_item_usage_account_id",
    "line_item_product_code",
    "line_item_line_item_type",
    "bill_invoice_id",
    "line_item_currency_code",
)


def read_totals(
    con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str, periods: Sequence[str]
) -> None:
    """Count the lines and dollars of every file, in and out of scope: the control totals.

    All columns of a CSV are parsed in any case, so its lines are asked for their products' names at
    once, where their code leaves it open, and all its numbers, times and JSON are read.
    """
    count = (
        "count(*) AS lines, count(line_item_unblended_cost) AS costed_lines, "
        "sum(line_item_unblended_cost) AS billed"
    )
    place = f"file, period_start, bill_payer_account_id AS payer_account, {', '.join(_TOTALS)}"
    if services == "all":
        _make_totals(con, f"SELECT {place}, TRUE AS is_in_scope, {count} FROM mapped GROUP BY ALL")
        return
    resource, code, name = (
        read("duckdb", "scope", f"{part}.sql") for part in ("resource", "code", "name")
    )
    others = [row[0] for row in execute(con, read("duckdb", "scope", "other_codes.sql"))]
    relation, by_name, told = "mapped", "FALSE", ""
    if opened.stored == "csv":
        relation, by_name = "counted", name
        define(con, opened, relation, periods, nameless=others)
        told = "".join(
            f", count({one}) AS read_{at}" for at, one in enumerate(_parsed(con, opened))
        )
    execute(
        con,
        f"CREATE OR REPLACE TABLE grouped_lines AS SELECT {place}, billed_by_aws, "
        f"product_servicecode, {resource} AS by_resource, {by_name} AS by_name, "
        f"{count}{told} FROM {relation} GROUP BY ALL",
    )
    in_scope = f"coalesce(billed_by_aws AND (by_resource OR by_name OR {code}), FALSE)"
    _make_totals(con, f"SELECT *, {in_scope} AS is_in_scope FROM grouped_lines")
    if opened.stored == "csv":
        return
    open_codes = [
        row[0]
        for row in execute(
            con,
            "SELECT line_item_product_code FROM run_totals "
            "GROUP BY 1 HAVING NOT bool_and(is_in_scope) ORDER BY 1",
        )
        if row[0] not in others
    ]
    if open_codes:
        _ask_names(
            con,
            opened,
            periods,
            open_codes,
            f"SELECT {place}, {scope_of_line()} AS is_in_scope, {count}",
        )


def _make_totals(con: duckdb.DuckDBPyConnection, select: str) -> None:
    kept = f"file, payer_account, {', '.join(_TOTALS)}, is_in_scope"
    execute(
        con,
        f"CREATE OR REPLACE TABLE run_totals AS SELECT {PERIOD} AS period, {kept}, "
        f"lines, costed_lines, billed FROM ({select})",
    )


def _parsed(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> list[str]:
    """List the columns of `mapped` that are numbers, times or maps made of text."""
    return [
        name
        for name, kind in types_of(con, "mapped").items()
        if (kind.startswith(("DECIMAL", "TIMESTAMP")) and name != "line_item_unblended_cost")
        or (name in TAGS and opened.has_tags_as_text)
    ]


def _ask_names(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    periods: Sequence[str],
    codes: Sequence[str | None],
    select: str,
) -> None:
    """Count the lines of some product codes again, now with their products' names."""
    define(con, opened, "asked", periods, codes=codes)
    listed = ", ".join(text(code) for code in codes if code is not None) or "''"
    nameless = "OR line_item_product_code IS NULL" if None in codes else ""
    con.execute(f"DELETE FROM run_totals WHERE line_item_product_code IN ({listed}) {nameless}")
    grouped = f"{select} FROM asked GROUP BY ALL"
    execute(
        con,
        "INSERT INTO run_totals BY NAME "
        f"SELECT {PERIOD} AS period, * EXCLUDE (period_start) FROM ({grouped})",
    )


def refuse_gaps(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> None:
    """Refuse a bill without lines, and lines whose cost, period or payer is empty or damaged."""
    rows = execute(
        con,
        "SELECT file, sum(lines), sum(costed_lines), count_if(period IS NULL), "
        "count_if(payer_account IS NULL) FROM run_totals GROUP BY file ORDER BY file",
    )
    if not rows:
        raise BillUnreadable(
            f"{opened.files[0].file.path}: no line items were read; the bill is empty, "
            "or --period leaves nothing of it"
        )
    read_rows = {number: lines for number, lines, *_ in rows}
    for file in opened.files:
        if file.rows is not None and not opened.filtered:
            assert read_rows.get(file.number, 0) == file.rows, f"lines of {file.link} were lost"
    if any(
        costed < lines or no_period or no_payer for _, lines, costed, no_period, no_payer in rows
    ):
        placing = [
            one.name
            for one in opened.format.columns
            if one.role == "period" or (one.role == "filled" and one.type != "time")
        ]
        gap = first_gap(con, opened, placing)
        assert gap, "a line's cost, period or payer is empty, but no cell is"
        raise gap
    payers = execute(con, "SELECT DISTINCT payer_account FROM run_totals")
    if any(re.fullmatch(AS_A_NUMBER, payer) for (payer,) in payers):
        (name,) = (
            one.name for one in opened.format.columns if one.role == "filled" and one.type == "text"
        )
        number = first_number(con, opened, name)
        assert number, "a payer is a number, but no cell is"
        raise number


def refuse_copies(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> None:
    """Refuse two files of the same lines, such as a CSV beside its gzip or its Parquet.

    Only files with the same totals (`run_totals`) are looked at; `mapped` has their lines.

    Raises:
        BillUnreadable: two files hold the same lines, which would count twice.
    """
    alike = con.execute(
        "SELECT list(file) FROM (SELECT file, sum(lines) AS lines, "
        f"sum(hash(period, payer_account, {', '.join(_TOTALS)}, lines, billed)) AS content "
        "FROM run_totals GROUP BY file) "
        "GROUP BY lines, content HAVING count(*) > 1"
    ).fetchall()
    if not alike:
        return
    listed = ", ".join(str(file) for (files,) in alike for file in files)
    same = con.execute(
        "SELECT list(file ORDER BY file) FROM (SELECT file, sum(hash(identity_line_item_id, "
        "identity_time_interval, line_item_usage_start_date, line_item_usage_type, "
        "line_item_resource_id, line_item_usage_amount, line_item_unblended_cost)) AS "
        f"content FROM mapped WHERE file IN ({listed}) GROUP BY file) "
        "GROUP BY content HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    ).fetchone()
    if same is not None:
        one, other = (file.file for file in opened.files if file.number in same[0][:2])
        both = (one.path, other.path) if one.path != other.path else (one.name, other.name)
        raise BillUnreadable(
            f"{both[0]} and {both[1]} hold the same lines, which would count twice; "
            "name or keep one of them"
        )


def record(con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str) -> None:
    """Record the deliveries, their files and what was read of them."""
    con.execute(
        f"INSERT INTO read_totals SELECT d.delivery_id, {', '.join(_TOTALS)}, sum(lines), "
        "sum(billed), coalesce(sum(lines) FILTER (is_in_scope), 0), "
        "coalesce(sum(billed) FILTER (is_in_scope), 0) FROM run_totals AS t "
        "JOIN run_deliveries AS d USING (period, payer_account) GROUP BY ALL"
    )
    con.execute(
        "INSERT INTO first_read SELECT delivery_id, sequence FROM run_deliveries "
        "WHERE delivery_id NOT IN (SELECT delivery_id FROM first_read)"
    )
    con.execute(
        "INSERT INTO deliveries SELECT d.delivery_id, d.period, d.payer_account, ?, ?, "
        "d.sequence, TRUE, sum(t.lines), "
        "coalesce(sum(t.lines) FILTER (t.bill_invoice_id IS NOT NULL), 0), sum(t.billed), "
        "sum(t.in_scope_lines), sum(t.in_scope_billed) "
        "FROM read_totals AS t JOIN run_deliveries AS d USING (delivery_id) GROUP BY ALL",
        [opened.label, services],
    )
    for file in opened.files:
        con.execute(
            "INSERT INTO delivery_files SELECT d.delivery_id, ?, ?, ?, sum(t.lines), sum(t.billed) "
            "FROM run_totals AS t JOIN run_deliveries AS d USING (period, payer_account) "
            "WHERE t.file = ? GROUP BY d.delivery_id",
            [file.file.name, file.sha256, file.file.path.stat().st_size, file.number],
        )
