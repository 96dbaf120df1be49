"""Brings a bill into the ledger: bill -> line_items, and totals of every other line.

Each delivery (one billing period of one payer) replaces the older one as a whole. Lines in scope
are kept one by one; what they leave of the totals read from the files is `other_totals`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from curecon import cells
from curecon.engine import execute, read, step, text
from curecon.errors import BillUnreadable
from curecon.ledger import NO_ROOM
from curecon.misread import blame, first_gap, refuse_endless_lines
from curecon.money import plain
from curecon.opened import OpenBill, OpenFile
from curecon.reader import Reader
from curecon.source import Bill

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
# What many lines have in common and is written once: its id, the table of this run's, its columns.
_TAGS = ("resource_tags", "tags", "cost_category")
_SHARED = (
    ("charge_key_id", "run_keys", KEY_COLUMNS),
    ("tag_set_id", "run_tag_sets", _TAGS),
)
_TOTALS = (
    "line_item_usage_account_id",
    "line_item_product_code",
    "line_item_line_item_type",
    "bill_invoice_id",
    "line_item_currency_code",
)
# A period is its first day; AWS states it as a time.
_PERIOD = "CAST(date_trunc('month', period_start) AS DATE)"

# Columns that say where a line lies, or that we worked out of others.
_DERIVED = {
    "file", "row_number", "billed_by_aws", "price_basis", "kind", "quantity_rounded", "tag_set_id",
}  # fmt: skip

# Failures that are not the bill's: no room, or an interrupted query.
_OURS = (*NO_ROOM, duckdb.InterruptException, duckdb.InternalException)


@dataclass
class Ingested:
    """What one run brought in: the deliveries, their files' hashes, and what was noticed."""

    delivery_ids: list[str] = field(default_factory=list)
    new_ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ingest(
    con: duckdb.DuckDBPyConnection,
    bill: Bill,
    *,
    services: str,
    periods: Sequence[str] = (),
    go_on: Callable[[], object] = lambda: None,
) -> Ingested:
    """Read the bill's files into the staged ledger.

    Args:
        con: the staged ledger, open for writing.
        bill: the files to read.
        services: "ai" keeps lines in scope (DESIGN.md, section 1), "all" keeps every line.
        periods: billing periods (YYYY-MM) to keep of what is read; none keeps all.
        go_on: is called before the lines are read, which takes the longest, and may raise.

    Raises:
        BillUnreadable: a file is damaged or a cell does not parse; file, row and column are named.
        FormatUnknown, FormatsMixed: the columns are of no known, or of several, report types.
    """
    temporary = Path(con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
    temporary.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bill-", dir=temporary) as workspace:
        reader = Reader(con, Path(workspace))
        try:
            opened = reader.open(bill.files)
            opened.filtered = bool(periods)
            result = _load_or_blame(con, opened, services, periods, go_on)
        finally:
            reader.close()
    result.notes.extend(bill.notes)
    return result


def _load_or_blame(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    services: str,
    periods: Sequence[str],
    go_on: Callable[[], object],
) -> Ingested:
    """Load the bill; where the bill is at fault, say where."""
    try:
        result = _load(con, opened, services, periods, go_on)
    except duckdb.Error as error:
        if "Maximum line size" in str(error) and not opened.long_lines:
            opened.long_lines = True
            return _load_or_blame(con, opened, services, periods, go_on)
        refuse_endless_lines(opened)
        theirs = any(str(file.link) in str(error) for file in opened.files)
        if isinstance(error, _OURS) and not theirs:
            raise
        if isinstance(error, duckdb.ConstraintException):
            times = [one.name for one in opened.format.columns if one.role == "filled"]
            if gap := first_gap(con, opened, times):
                raise gap from error
        raise blame(con, opened, error) from error
    refuse_endless_lines(opened)
    return result


def _load(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    services: str,
    periods: Sequence[str],
    go_on: Callable[[], object],
) -> Ingested:
    with step("reading totals"):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE run_deliveries "
            "(delivery_id VARCHAR, period DATE, payer_account VARCHAR, sequence BIGINT)"
        )
        _map(con, opened, "mapped", periods)
        _read_totals(con, opened, services, periods)
    _refuse_gaps(con, opened)
    go_on()
    result = Ingested()
    pairs = execute(con, "SELECT DISTINCT period, payer_account FROM run_totals ORDER BY ALL")
    for period, payer in pairs:
        delivery_id = _delivery_id(con, opened, period, payer)
        result.delivery_ids.append(delivery_id)
        con.execute(
            "INSERT INTO run_deliveries "
            "SELECT ?, ?, ?, coalesce(max(sequence), 0) + 1 FROM deliveries",
            [delivery_id, period, payer],
        )
    known = "SELECT delivery_id FROM deliveries WHERE is_current AND services = ?"
    new = f"SELECT delivery_id FROM run_deliveries WHERE delivery_id NOT IN ({known})"
    result.new_ids = sorted(row[0] for row in execute(con, new, [services]))
    if result.new_ids:
        with step("reading line items"):
            _replace(con, opened, services, periods)
    else:
        result.notes.append("this delivery is in the ledger already; it is audited again")
    return result


def _map(
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
    con.execute(f"CREATE OR REPLACE TEMP VIEW {name}_raw AS {select}")
    mapped = opened.format.select.replace("FROM raw", f"FROM {name}_raw")
    conditions = []
    if periods:
        wanted = ", ".join(f"DATE '{period}-01'" for period in periods)
        conditions.append(f"{_PERIOD} IN ({wanted})")
    if codes is not None:
        # Formats that make the product code up of other columns cannot skip pages by it.
        whens = "".join(f" WHEN {text(code)} THEN TRUE" for code in codes if code is not None)
        other = "TRUE" if None in codes else "FALSE"
        conditions.append(
            f"CASE line_item_product_code{whens or ' WHEN NULL THEN FALSE'} ELSE "
            f"{other} AND line_item_product_code IS NULL END"
        )
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM ({mapped}) {where}")


def _scope() -> str:
    """Write the scope of a line as one expression: DESIGN, section 1, "In scope"."""
    parts = " OR ".join(
        f"({read('duckdb', 'scope', f'{part}.sql')})" for part in ("code", "resource", "name")
    )
    return f"coalesce(billed_by_aws AND ({parts}), FALSE)"


def _read_totals(
    con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str, periods: Sequence[str]
) -> None:
    """Count the lines and dollars of every file, in and out of scope: the control totals.

    All columns of a CSV are parsed in any case, so its lines are asked for their products' names at
    once, where their code leaves it open, and all its numbers and times are read.
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
        _map(con, opened, relation, periods, nameless=others)
        told = "".join(f", count({one}) AS read_{at}" for at, one in enumerate(_parsed(con)))
    execute(
        con,
        f"CREATE OR REPLACE TEMP TABLE grouped_lines AS SELECT {place}, billed_by_aws, "
        f"product_servicecode, coalesce({resource}, FALSE) AS by_resource, "
        f"coalesce({by_name}, FALSE) AS by_name, {count}{told} FROM {relation} GROUP BY ALL",
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
            con, opened, periods, open_codes, f"SELECT {place}, {_scope()} AS is_in_scope, {count}"
        )


def _make_totals(con: duckdb.DuckDBPyConnection, select: str) -> None:
    kept = f"file, payer_account, {', '.join(_TOTALS)}, is_in_scope"
    execute(
        con,
        f"CREATE OR REPLACE TEMP TABLE run_totals AS SELECT {_PERIOD} AS period, {kept}, "
        f"lines, costed_lines, billed FROM ({select})",
    )


def _parsed(con: duckdb.DuckDBPyConnection) -> list[str]:
    """List the columns of `mapped` that are numbers or times made of text."""
    return [
        name
        for name, kind in _types(con, "mapped").items()
        if kind.startswith(("DECIMAL", "TIMESTAMP")) and name != "line_item_unblended_cost"
    ]


def _ask_names(
    con: duckdb.DuckDBPyConnection,
    opened: OpenBill,
    periods: Sequence[str],
    codes: Sequence[str | None],
    select: str,
) -> None:
    """Count the lines of some product codes again, now with their products' names."""
    _map(con, opened, "asked", periods, codes=codes)
    listed = ", ".join(text(code) for code in codes if code is not None) or "''"
    nameless = "OR line_item_product_code IS NULL" if None in codes else ""
    con.execute(f"DELETE FROM run_totals WHERE line_item_product_code IN ({listed}) {nameless}")
    grouped = f"{select} FROM asked GROUP BY ALL"
    execute(
        con,
        "INSERT INTO run_totals BY NAME "
        f"SELECT {_PERIOD} AS period, * EXCLUDE (period_start) FROM ({grouped})",
    )


def _refuse_gaps(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> None:
    """Refuse a bill without lines, and lines whose cost, period or payer is empty."""
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


def _delivery_id(con: duckdb.DuckDBPyConnection, opened: OpenBill, period: date, payer: str) -> str:
    """Name a delivery by its content: the same files give the same id, whatever they are called.

    Only files that hold lines of it count, so it keeps its name when it is read with others.
    """
    holding = execute(
        con,
        "SELECT DISTINCT file FROM run_totals WHERE period = ? AND payer_account = ?",
        [period, payer],
    )
    numbers = {row[0] for row in holding}
    hashes: dict[str, OpenFile] = {}
    for file in opened.files:
        if file.number in numbers:
            other = hashes.setdefault(file.sha256, file)
            if other.file.path != file.file.path:
                raise BillUnreadable(
                    f"{other.file.path} and {file.file.path} hold the same bytes, so their lines "
                    "would count twice; name or keep one of them"
                )
    return hashlib.sha256("\n".join([str(period), payer, *sorted(hashes)]).encode()).hexdigest()[
        :16
    ]


def _replace(
    con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str, periods: Sequence[str]
) -> None:
    """Put this run's deliveries in the place of the older ones of their periods and payers."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE superseded AS SELECT d.delivery_id "
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
    _refuse_huge(con, opened)
    execute(con, f"INSERT INTO delivery_sums BY NAME {read('duckdb', 'delivery_sums.sql')}")
    _make_shared(con, opened, services, periods)
    _insert_totals(con, opened, services)


def _refuse_huge(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> None:
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
    everything = f"SELECT *, {_scope()} AS is_ai FROM mapped"
    if opened.stored == "csv":
        if services != "all":
            _map(con, opened, "wanted", periods, codes=[*whole, *part])
            everything = (
                f"SELECT * FROM (SELECT *, {_picked(whole)} AS is_ai FROM wanted) WHERE is_ai"
            )
        _keep_rows(con, everything)
        scoped = f"{select} (SELECT * REPLACE (rowid AS row_number) FROM source_rows)"
    elif services == "all":
        scoped = f"{select} ({everything})"
    else:
        sources = []
        for name, listed, is_ai in (("whole", whole, "TRUE"), ("part", part, _scope())):
            if listed:
                _map(con, opened, name, periods, codes=listed, rows=rows)
                sources.append(f"{select} (SELECT *, {is_ai} AS is_ai FROM {name}) WHERE is_ai")
        scoped = "\nUNION ALL\n".join(sources) or f"{select} ({everything}) WHERE FALSE"
    columns = ", ".join(KEY_COLUMNS)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW in_scope AS SELECT *, hash({columns}) AS charge_key_id, "
        f"{_identity(con, opened)} FROM ({scoped})"
    )


def _picked(whole: Sequence[str]) -> str:
    """Write the scope of a line, of which some product codes tell without looking further."""
    listed = ", ".join(text(code) for code in whole)
    known = f"WHEN line_item_product_code IN ({listed}) THEN TRUE " if listed else ""
    return f"CASE {known}WHEN {_scope()} THEN TRUE ELSE FALSE END"


def _keep_rows(con: duckdb.DuckDBPyConnection, select: str) -> None:
    """Read lines of a CSV into the table `source_rows`, to be read from there.

    The number of a row tells what came first, so it has to be the same on every run.
    """
    con.execute("SET preserve_insertion_order = true")
    try:
        execute(con, f"CREATE OR REPLACE TEMP TABLE source_rows AS {select}")
    finally:
        con.execute("SET preserve_insertion_order = false")


def _identity(con: duckdb.DuckDBPyConnection, opened: OpenBill) -> str:
    """Write what identifies a line that its report does not name: a hash of the row, its interval.

    The number at the end tells identical rows apart: number_repeats.sql counts it up.
    """
    if opened.names_lines:
        return "CAST(NULL AS VARCHAR) AS row_id, CAST(NULL AS VARCHAR) AS row_interval"
    told = ", ".join(
        f"coalesce(CAST({_typed(name, kind)} AS VARCHAR), chr(30))"
        for name, kind in _types(con, "mapped").items()
        if name not in _DERIVED
    )
    interval = " || '/' || ".join(
        f"strftime(line_item_usage_{one}_date, '%Y-%m-%dT%H:%M:%SZ')" for one in ("start", "end")
    )
    return f"md5(concat_ws(chr(31), {told})) || '-1' AS row_id, {interval} AS row_interval"


def _types(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE {relation}").fetchall()}


def _typed(name: str, kind: str) -> str:
    """Write a column in the ledger's type: up to here tags may be JSON text."""
    return cells.as_map(kind, name) if kind == "VARCHAR" and name in _TAGS else name


def _make_shared(
    con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str, periods: Sequence[str]
) -> None:
    """List the distinct charge keys and tag sets, and make sure that no two share an id.

    The first line of each tells what it is, so Parquet is read again only as far as the last of
    these lines.
    """
    ours = "FROM lines WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)"
    if opened.stored == "parquet" and services == "ai":
        firsts = " UNION ALL ".join(
            f"SELECT min(line) AS line {ours} GROUP BY {shared}" for shared, *_ in _SHARED
        )
        first = execute(
            con,
            "SELECT (line // 4294967296) % 16384 AS file, max(line % 4294967296) "
            f"FROM ({firsts}) GROUP BY 1",
        )
        _scope_in(con, opened, services, periods, dict(first))
    delivered = _types(con, "in_scope")
    for shared, table, columns in _SHARED:
        typed = ", ".join(f"{_typed(name, delivered[name])} AS {name}" for name in columns)
        execute(
            con,
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {shared}, {typed} FROM "
            f"(SELECT DISTINCT {shared}, {', '.join(columns)} FROM in_scope)",
        )
        count = execute(con, f"SELECT count(*), count(DISTINCT {shared}) FROM {table}")[0]
        assert count[0] == count[1], f"two different rows of {table} have the same id"
        unknown = f"SELECT 1 {ours} AND {shared} NOT IN (SELECT {shared} FROM {table}) LIMIT 1"
        assert not execute(con, unknown), f"a line's {shared} was not read"
    con.execute(
        "INSERT INTO tag_sets SELECT * FROM run_tag_sets "
        "WHERE tag_set_id NOT IN (SELECT tag_set_id FROM tag_sets)"
    )


def _insert_totals(con: duckdb.DuckDBPyConnection, opened: OpenBill, services: str) -> None:
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
