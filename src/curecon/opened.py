"""An opened bill: its files, their columns, and the SELECT that reads them as one relation `raw`.

Types differ between the files of one delivery, so each distinct file schema gets its own SELECT,
and the SELECTs are put together by UNION ALL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from curecon import cells
from curecon.engine import text
from curecon.formats import Column, Format, athena_name
from curecon.source import BillFile

if TYPE_CHECKING:
    from concurrent.futures import Future

_CSV_OPTIONS = (
    "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
    "nullstr = ['', 'NULL', '\\N'], strict_mode = true, filename = 'bill_file', "
    "hive_partitioning = false"
)
# Longer lines than DuckDB reads by default need buffers of their own size, so only on demand.
_LONG_LINE = 1 << 26


@dataclass(frozen=True)
class Delivered:
    """A column as delivered: its name, its DuckDB type, and its name in SQL."""

    name: str
    physical: str
    cell: str


@dataclass
class OpenFile:
    """A file to read: how it is stored and what columns it has."""

    number: int
    file: BillFile
    link: Path
    stored: str
    columns: list[Delivered]
    rows: int | None
    """Rows that the file itself states (Parquet), or None."""
    digest: "Future[str]" = field(repr=False)
    endless: "Future[int | None]" = field(repr=False)
    """Where a line begins that is too long for any bill, or None."""

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes, computed while the bill is read."""
        return self.digest.result()

    @property
    def names(self) -> list[str]:
        """The names of the columns as delivered."""
        return [column.name for column in self.columns]

    def find(self, form: Format) -> dict[str, Delivered]:
        """Map the format's column names to the delivered columns that carry them."""
        by_name: dict[str, Delivered] = {}
        for column in self.columns:
            by_name.setdefault(column.name, column)
        return {name: by_name[given] for name, given in form.find(self.names).items()}

    @cached_property
    def product(self) -> Delivered | None:
        """The map that holds product columns, if there is one."""
        return next((one for one in self.columns if one.name.lower() == "product"), None)

    def flat(self, prefix: str) -> list[tuple[str, str, str]]:
        """List the columns that each hold one key of a map: key, DuckDB type, cell."""
        found = []
        for column in self.columns:
            spelled = athena_name(column.name)
            if spelled.startswith(prefix) and spelled != prefix:
                found.append((spelled.removeprefix(prefix), column.physical, column.cell))
        return found


@dataclass
class OpenBill:
    """The opened files of one report type."""

    format: Format
    label: str
    files: list[OpenFile]
    stored: str
    filtered: bool = False
    long_lines: bool = False

    @property
    def names_lines(self) -> bool:
        """Whether every file names its lines itself, in the column for it."""
        return all("identity_line_item_id" in file.find(self.format) for file in self.files)

    @cached_property
    def has_tags_as_text(self) -> bool:
        """Whether tags come as JSON text in any file, which may be no JSON."""
        return any(
            given.physical == "VARCHAR"
            for file in self.files
            for column in self.format.columns
            if column.type == "tags" and (given := file.find(self.format).get(column.name))
        )

    @cached_property
    def tags_are_text(self) -> bool:
        """Whether tags come as JSON text in every file; each set of them is then read once."""
        columns = [column for column in self.format.columns if column.type == "tags"]
        given = [file.find(self.format) for file in self.files]
        kinds = {
            found[one.name].physical for found in given for one in columns if one.name in found
        }
        flat = any(
            one.prefix and one.name not in found and file.flat(one.prefix)
            for file, found in zip(self.files, given, strict=True)
            for one in columns
        )
        return kinds == {"VARCHAR"} and not flat

    def select(
        self,
        product_codes: Sequence[str | None] | None = None,
        rows: Mapping[int, int] | None = None,
        nameless: Sequence[str] = (),
    ) -> str:
        """Write the SELECT of `raw`: every known column, typed.

        With `product_codes`, Parquet pages without these codes need not be read; with `rows`,
        only the named files are read, each up to a row. For `nameless` product codes, the map
        that holds product columns is not read, which spares taking JSON text apart.
        """
        groups: dict[tuple[object, ...], list[OpenFile]] = {}
        for file in self.files:
            period = None if self._states_period(file) else file.file.period
            last = None if rows is None else rows.get(file.number, -1)
            groups.setdefault((file.stored, tuple(file.columns), period, last), []).append(file)
        return "\nUNION ALL\n".join(
            self._select_group(group, product_codes, last, nameless)
            for (*_, last), group in groups.items()
            if last != -1
        )

    def scan(self, group: Sequence[OpenFile]) -> str:
        """Write the table function that reads files with the same columns."""
        paths = ", ".join(text(str(file.link)) for file in group)
        if group[0].stored == "parquet":
            options = "filename = 'bill_file', file_row_number = true, hive_partitioning = false"
            return f"read_parquet([{paths}], {options})"
        names = ", ".join(f"'{column.cell}': 'VARCHAR'" for column in group[0].columns)
        longest = ""
        if self.long_lines:
            longest = f", max_line_size = {_LONG_LINE}, buffer_size = {_LONG_LINE}"
        return f"read_csv([{paths}], columns = {{{names}}}, {_CSV_OPTIONS}{longest})"

    def values(self, file: OpenFile) -> dict[str, tuple[Column, Delivered, str]]:
        """Say how each known column that the file delivers is read: from what, by which SQL."""
        found = file.find(self.format)
        product = file.product
        keys = [one.key for one in self.format.columns if one.key]
        values = {}
        for column in self.format.columns:
            if given := found.get(column.name):
                value = cells.cast(column, given.physical, given.cell)
                values[column.name] = (column, given, value)
            elif column.key and product:
                value = cells.from_map(product.physical, product.cell, keys, column.key)
                values[column.name] = (column, product, value)
        return values

    def _states_period(self, file: OpenFile) -> bool:
        found = file.find(self.format)
        return all(one.name in found for one in self.format.columns if one.role == "period")

    def _select_group(
        self,
        group: Sequence[OpenFile],
        codes: Sequence[str | None] | None,
        last_row: object,
        nameless: Sequence[str],
    ) -> str:
        """Write the SELECT of files that have the same columns."""
        file = group[0]
        values = self.values(file)
        lines = [
            "    CAST(left(right(bill_file, 14), 6) AS INTEGER) AS file",
            "    file_row_number AS row_number",
        ]
        if file.stored == "csv":
            lines = [
                "    CAST(regexp_extract(bill_file, '([0-9]{6})[.]csv', 1) AS INTEGER) AS file",
                "    CAST(NULL AS BIGINT) AS row_number",
            ]
        for column in self.format.columns:
            rounded, given = "FALSE", None
            if column.name in values:
                _, given, value = values[column.name]
                rounded = cells.rounded(given.physical, given.cell)
            elif column.prefix and (flat := file.flat(column.prefix)):
                value = cells.flat_map(flat)
            elif column.role == "period":
                assert file.file.period, "recognise() let a bill without a period pass"
                value = f"TIMESTAMP '{file.file.period}-01'"
            else:
                value = f"CAST(NULL AS {cells.TYPES[column.type]})"
            if column.type == "tags" and self.tags_are_text:
                value = cells.json_object(given.cell) if given else "CAST(NULL AS VARCHAR)"
            lines.append(f"    {value} AS {column.name}")
            if column.type == "quantity":
                lines.append(f"    {rounded} AS {column.name}_rounded")
            if column.type in cells.MAPS:
                lines.append(f"    {_hash(file, column, given)} AS {column.name}_hash")
        conditions = [_only(file.find(self.format), codes)]
        if last_row is not None:
            conditions.append(f"file_row_number <= {last_row}")
        where = " AND ".join(condition for condition in conditions if condition)
        scan = self._scan_without(group, nameless) + (f"\nWHERE {where}" if where else "")
        return "SELECT\n" + ",\n".join(lines) + f"\nFROM {scan}"

    def _scan_without(self, group: Sequence[OpenFile], nameless: Sequence[str]) -> str:
        """Write the scan of files, without the product maps of lines with some product codes.

        What is no JSON object stays there, so that reading it fails.
        """
        scan, product = self.scan(group), group[0].product
        code = group[0].find(self.format).get("line_item_product_code")
        if not (nameless and product and code):
            return scan
        # Written once, below all columns that come of the map, since DuckDB makes it a join.
        known = ", ".join(map(text, nameless))
        spared = f"{code.cell} IN ({known})"
        if product.physical == "VARCHAR":
            spared += f" AND {cells.is_json_object(product.cell)}"
        cell = f"CASE WHEN {spared} THEN NULL ELSE {product.cell} END"
        return f"(SELECT * REPLACE ({cell} AS {product.cell}) FROM {scan})"


def _only(found: Mapping[str, Delivered], codes: Sequence[str | None] | None) -> str:
    """Restrict a Parquet scan to product codes, on the bare column so that pages can be skipped."""
    column = found.get("line_item_product_code")
    if codes is None or column is None or column.physical != "VARCHAR":
        return ""
    # DuckDB pushes a CASE on one column into the scan; an IN list it turns into a join above it.
    empty = " WHEN '' THEN TRUE" if None in codes else ""
    listed = "".join(f" WHEN {text(code)} THEN TRUE" for code in codes if code is not None)
    return f"CASE coalesce({column.cell}, ''){empty}{listed} ELSE FALSE END" if codes else "FALSE"


def _hash(file: OpenFile, column: Column, given: Delivered | None) -> str:
    """Hash the cells of a map as they were delivered, to tell maps apart without reading them."""
    if given:
        return f"hash({given.cell})"
    flat = file.flat(column.prefix) if column.prefix else []
    return f"hash({', '.join(cells.as_text(kind, cell) for _, kind, cell in flat) or 'NULL'})"
