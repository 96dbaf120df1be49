"""Names the file, the row and the column at which a bill could not be read.

Everything here reads the bill again, slowly, and only after the run has failed.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import duckdb

from curecon import cells
from curecon.errors import BillUnreadable
from curecon.opened import OpenBill, OpenFile
from curecon.reader import open_text

_REMEDY = "correct the cell or copy the file again"
# An account id as spreadsheets (1.23457E+11) and data frames (123456789012.0) write it.
AS_A_NUMBER = r"\d(\.\d+)?[eE]\+\d+|\d{12}\.0+"
_NOUN = {
    "text": "UTF-8 text",
    "money": "amount of money that fits",
    "quantity": "quantity that fits",
    "rate": "rate that fits",
    "time": "time",
    "map": "JSON object of texts",
    "tags": "JSON object of texts",
}


def blame(con: duckdb.DuckDBPyConnection, bill: OpenBill, error: duckdb.Error) -> BillUnreadable:
    """Turn DuckDB's failure to read a bill into a sentence that says where it failed."""
    message = str(error)
    named = [file for file in bill.files if str(file.link) in message]
    suspects = named or bill.files
    place = None
    if "CSV" in message or "GZIP" in message:
        place = next(filter(None, map(_bad_record, suspects)), None)
    with suppress(duckdb.Error), _in_order(con):
        place = place or next(filter(None, (_bad_cell(con, bill, one) for one in suspects)), None)
    if place:
        return BillUnreadable(place)
    for file in bill.files:
        message = message.replace(str(file.link), str(file.file.path))
    where = str(suspects[0].file.path) if len(suspects) == 1 else "the bill"
    reason = next((line for line in message.splitlines() if line.strip()), "no reason given")
    return BillUnreadable(
        f"{where}: cannot be read ({reason[:300]}); correct the file or copy it again"
    )


def refuse_endless_lines(bill: OpenBill) -> None:
    """Refuse a CSV with a line so long that DuckDB may leave it out.

    Raises:
        BillUnreadable: there is one; the byte at which it begins is named.
    """
    for file in bill.files:
        if (begins := file.endless.result()) is not None:
            raise BillUnreadable(
                f"{file.file.path}: the line that begins at byte {begins:,} has no end within "
                "16 MiB; the file is damaged, copy it again"
            )


def first_gap(
    con: duckdb.DuckDBPyConnection, bill: OpenBill, needed: Sequence[str]
) -> BillUnreadable | None:
    """Find the first row in which a needed column is empty."""
    for file in bill.files:
        values = bill.values(file)
        for name in needed:
            if name not in values:
                continue
            _, given, value = values[name]
            with _in_order(con):
                row = _first_row(con, bill, file, f"({value}) IS NULL")
            if row is not None:
                return BillUnreadable(
                    f"{file.file.path}: row {row}, column {given.name}: the cell is empty, so the "
                    f"line's dollars could not be placed; {_REMEDY}"
                )
    return None


def first_number(
    con: duckdb.DuckDBPyConnection, bill: OpenBill, name: str
) -> BillUnreadable | None:
    """Find the first row in which an account id was made a number, such as 1.23457E+11."""
    for file in bill.files:
        _, given, value = bill.values(file)[name]
        with _in_order(con):
            row = _first_row(con, bill, file, f"regexp_full_match({value}, '{AS_A_NUMBER}')")
        if row is not None:
            return BillUnreadable(
                f"{file.file.path}: row {row}, column {given.name}: the account id was made a "
                "number, as spreadsheets and data frames do; copy the file again"
            )
    return None


def _bad_cell(con: duckdb.DuckDBPyConnection, bill: OpenBill, file: OpenFile) -> str | None:
    """Find the first cell that does not become a value of its column's type."""
    asked = [
        (column, given, value)
        for column, given, value in bill.values(file).values()
        if given is not file.product
    ]
    if packed := file.product:
        column = next(one for one in bill.format.columns if one.type in cells.MAPS)
        asked.append((column, packed, cells.as_map(packed.physical, packed.cell)))
    fails = []
    for column, given, value in asked:
        filled = cells.is_filled(column.type, given.physical, given.cell)
        fails.append((column, given, f"{filled} AND TRY({value}) IS NULL"))
    row = _first_row(con, bill, file, " OR ".join(f"({fail})" for _, _, fail in fails))
    if row is None:
        return None
    at = row - 1 - (file.stored == "csv")
    for column, given, fail in fails:
        found = con.execute(
            f"SELECT CAST({given.cell} AS VARCHAR), coalesce({fail}, FALSE) "
            f"FROM {bill.scan([file])} LIMIT 1 OFFSET {at}"
        ).fetchone()
        if found and found[0] == given.name:
            return (
                f"{file.file.path}: row {row} is a second header, as of files that were put "
                "together; take it out, or name the files one by one"
            )
        if found and found[1]:
            return (
                f"{file.file.path}: row {row}, column {given.name}: {_quoted(found[0])} is no "
                f"{_NOUN[column.type]}; {_REMEDY}"
            )
    return None


def _first_row(
    con: duckdb.DuckDBPyConnection, bill: OpenBill, file: OpenFile, condition: str
) -> int | None:
    """Number the first row that meets a condition, as an editor would; a CSV's header is row 1."""
    found = con.execute(
        f"SELECT row FROM (SELECT row_number() OVER () AS row, {condition} AS is_it "
        f"FROM {bill.scan([file])}) WHERE is_it LIMIT 1"
    ).fetchone()
    return None if found is None else int(found[0]) + (file.stored == "csv")


@contextmanager
def _in_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let rows come in the order of their file, so that they can be counted."""
    con.execute("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        con.execute("SET preserve_insertion_order = false")


def _bad_record(file: OpenFile) -> str | None:
    """Find the first CSV record that is malformed: its width, its quotes or its encoding."""
    if file.stored != "csv":
        return None
    row = 0
    with open_text(file.link) as handle:
        reader = csv.reader(handle, strict=True)
        try:
            for row, record in enumerate(reader, start=1):
                if record and len(record) != len(file.columns):
                    return (
                        f"{file.file.path}: row {row}: {len(record)} fields, and the header has "
                        f"{len(file.columns)}; the file is cut or damaged, copy it again"
                    )
                for name, cell in zip(file.names, record, strict=False):
                    if not cell.isascii() and any("\udc80" <= char <= "\udcff" for char in cell):
                        return (
                            f"{file.file.path}: row {row}, column {name}: the text is not UTF-8; "
                            "export the file again as UTF-8"
                        )
        except csv.Error as error:
            return f"{file.file.path}: row {row + 1}: no CSV ({error}); copy the file again"
        except (EOFError, OSError) as error:
            return f"{file.file.path}: after row {row}: {error}; copy the file again"
    return None


def _quoted(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")  # noqa: PLR2004
