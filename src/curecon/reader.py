"""Opens the files of a bill as one relation `raw`: one typed column for each column we know.

Types differ between the files of one delivery, so each distinct file schema gets its own SELECT,
and the SELECTs are put together by UNION ALL. Nothing is guessed: CSV cells arrive as text, text
is cast, and what does not cast stops the run with its file, row and column.
"""

import csv
import gzip
import hashlib
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import duckdb

from curecon.engine import text
from curecon.errors import BillUnreadable, FormatsMixed
from curecon.formats import Column, Format, athena_name, recognise
from curecon.money import MONEY, QUANTITY, RATE
from curecon.source import BillFile

_CSV_OPTIONS = (
    "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
    "nullstr = ['', 'NULL', '\\N'], strict_mode = true, filename = true, "
    "hive_partitioning = false"
)
_LONG_LINE = 1 << 25
_UNZIPPED_MAX = 64 << 30
_UNZIP_RATIO_MAX = 300
_HEADER_MAX = 1 << 20

_TYPES = {
    "text": "VARCHAR",
    "money": MONEY,
    "quantity": QUANTITY,
    "rate": RATE,
    "time": "TIMESTAMP",
    "map": "MAP(VARCHAR, VARCHAR)",
}


@dataclass
class OpenFile:
    """A file to read: how it is stored and what columns (name, DuckDB type) it has."""

    number: int
    file: BillFile
    link: Path
    stored: str
    columns: list[tuple[str, str]]
    rows: int | None
    """Rows that the file itself states (Parquet), or None."""
    digest: "Future[str]" = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes, computed while the bill is read."""
        return self.digest.result()


@dataclass
class OpenBill:
    """The opened files of one report type."""

    format: Format
    label: str
    files: list[OpenFile]
    stored: str
    filtered: bool = False

    def select(
        self,
        product_codes: Sequence[str | None] | None = None,
        rows: Mapping[int, int] | None = None,
    ) -> str:
        """Write the SELECT of `raw`: every known column, typed.

        With `product_codes`, Parquet pages without these codes need not be read; with `rows`,
        only the named files are read, each up to a row.
        """
        groups: dict[tuple[object, ...], list[OpenFile]] = {}
        for file in self.files:
            period = file.file.period if _lacks_period(self.format, file) else None
            last = None if rows is None else rows.get(file.number, -1)
            groups.setdefault((file.stored, tuple(file.columns), period, last), []).append(file)
        return "\nUNION ALL\n".join(
            _select_group(self.format, group, product_codes, last)
            for (*_, last), group in groups.items()
            if last != -1
        )


class Reader:
    """Opens bills; holds the folder of links and unpacked files that reading needs."""

    def __init__(self, con: duckdb.DuckDBPyConnection, workspace: Path) -> None:
        """Use `workspace`, an empty folder, for links and unpacked files."""
        self.con = con
        self.workspace = workspace
        self.hashing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hash")

    def close(self) -> None:
        """Stop hashing; a run that failed does not wait for it."""
        self.hashing.shutdown(wait=False, cancel_futures=True)

    def open(self, files: Sequence[BillFile]) -> OpenBill:
        """Open the files and say how to select `raw` from them.

        Raises:
            BillUnreadable: a file is empty, damaged or not of a kind that we read.
            FormatUnknown: the columns are those of no report that we know.
            FormatsMixed: the files are of different report types.
        """
        opened: list[OpenFile] = []
        for file in files:
            opened.extend(self._open_one(file, len(opened)))
        filled = [file for file in opened if file.columns]
        if not filled:
            raise BillUnreadable(f"{files[0].path}: the file is empty; there is no bill to audit")
        kinds = {
            file.file.name: recognise(
                str(file.file.path),
                [name for name, _ in file.columns],
                period_known=file.file.period is not None,
            )
            for file in filled
        }
        if len({kind.name for kind in kinds.values()}) > 1:
            told = "; ".join(f"{name} is {kind.name}" for name, kind in sorted(kinds.items()))
            raise FormatsMixed(
                f"these files are of different report types, audit them apart: {told}"
            )
        form = next(iter(kinds.values()))
        stored = "parquet" if all(file.stored == "parquet" for file in filled) else "csv"
        return OpenBill(form, _label(form, filled), filled, stored)

    def _open_one(self, file: BillFile, number: int) -> list[OpenFile]:
        try:
            with file.path.open("rb") as handle:
                magic = handle.read(4)
        except OSError as error:
            raise BillUnreadable(f"{file.path}: cannot be read ({error.strerror})") from error
        digest = self.hashing.submit(_sha256, file.path)
        if magic[:2] == b"PK":
            return self._unzip(file, number, digest)
        stored, suffix = _stored(magic)
        link = self.workspace / f"{number:06d}{suffix}"
        link.symlink_to(file.path.resolve())
        if not magic:
            return [OpenFile(number, file, link, "csv", [], 0, digest)]
        return [self._described(number, file, link, stored, digest)]

    def _described(
        self, number: int, file: BillFile, link: Path, stored: str, digest: "Future[str]"
    ) -> OpenFile:
        if stored == "parquet":
            columns, rows = self._parquet_columns(file, link)
            return OpenFile(number, file, link, stored, columns, rows, digest)
        names = _csv_header(file, link)
        return OpenFile(number, file, link, stored, [(n, "VARCHAR") for n in names], None, digest)

    def _parquet_columns(self, file: BillFile, link: Path) -> tuple[list[tuple[str, str]], int]:
        try:
            described = self.con.execute(
                "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(link)]
            ).fetchall()
            rows = self.con.execute(
                "SELECT num_rows FROM parquet_file_metadata(?)", [str(link)]
            ).fetchall()
        except duckdb.Error as error:
            raise BillUnreadable(
                f"{file.path}: not a readable Parquet file ({_sentence(error)}); copy it again"
            ) from error
        return [(name, kind) for name, kind, *_ in described], rows[0][0]

    def _unzip(self, file: BillFile, number: int, digest: "Future[str]") -> list[OpenFile]:
        """Unpack the data files of a ZIP under names of our own; DuckDB cannot open ZIP."""
        opened = []
        try:
            with zipfile.ZipFile(file.path) as archive:
                members = [m for m in archive.infolist() if not m.is_dir()]
                data = [m for m in members if m.filename.lower().endswith((".csv", ".parquet"))]
                if not data:
                    raise BillUnreadable(f"{file.path}: the ZIP holds no .csv and no .parquet file")
                _refuse_bomb(file, data)
                for offset, member in enumerate(data):
                    suffix = Path(member.filename).suffix.lower()
                    link = self.workspace / f"{number + offset:06d}{suffix}"
                    with archive.open(member) as packed, link.open("wb") as unpacked:
                        shutil.copyfileobj(packed, unpacked, 1 << 20)
                    part = BillFile(file.path, f"{file.name}/{member.filename}", file.period)
                    if link.stat().st_size == 0:
                        opened.append(OpenFile(number + offset, part, link, "csv", [], 0, digest))
                        continue
                    stored = "parquet" if suffix == ".parquet" else "csv"
                    opened.append(self._described(number + offset, part, link, stored, digest))
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError) as error:
            raise BillUnreadable(
                f"{file.path}: the ZIP is damaged or cannot be unpacked ({error}); copy it again"
            ) from error
        return opened

    def first_bad_cell(self, bill: OpenBill) -> str | None:
        """Find the first cell that does not cast to its column's type, after a cast failed.

        This reads the bill again, slowly, and only when the run is lost anyway.
        """
        for file in bill.files:
            found = bill.format.find([name for name, _ in file.columns])
            for column in bill.format.columns:
                if column.name in found and column.type != "text":
                    place = self._bad_cell(file, column, found[column.name])
                    if place:
                        return place
        return None

    def explain(self, bill: OpenBill, error: duckdb.Error) -> Exception:
        """Turn DuckDB's own failure to read a file into a sentence that names it."""
        message = str(error)
        for file in bill.files:
            message = message.replace(str(file.link), str(file.file.path))
        lines = [line for line in message.splitlines() if line.strip()]
        named = next((str(f.file.path) for f in bill.files if str(f.file.path) in message), None)
        where = next((ln for ln in lines if ln.startswith("CSV Error")), "")
        row = where.removeprefix("CSV Error on Line: ")
        place = f"row {row}: " if row else ""
        shown = [line for line in lines[1:4] if not line.startswith("Original")]
        cause = " ".join(shown) if row else lines[0]
        return BillUnreadable(
            f"{named or bill.files[0].file.path}: {place}cannot be read ({cause[:300]}); "
            "correct the file or copy it again"
        )

    def _bad_cell(self, file: OpenFile, column: Column, delivered: str) -> str | None:
        cell = _cell(file, delivered)
        tried = _cast(column, _physical(file, delivered), cell).replace("CAST(", "TRY_CAST(")
        rows = self.con.execute(
            f"SELECT row, CAST(value AS VARCHAR) FROM ("
            f"SELECT row_number() OVER () AS row, {cell} AS value, {tried} AS cast_value "
            f"FROM {_scan([file])}) "
            "WHERE value IS NOT NULL AND cast_value IS NULL ORDER BY row LIMIT 1"
        ).fetchall()
        if not rows:
            return None
        row, value = rows[0]
        row += file.stored == "csv"
        return (
            f"{file.file.path}: row {row}, column {delivered}: {_quoted(value)} is no "
            f"{_NOUN[column.type]}; correct the cell or copy the file again"
        )


_NOUN = {
    "money": "amount of money that fits",
    "quantity": "quantity that fits",
    "rate": "rate that fits",
    "time": "time",
    "map": "JSON object of texts",
}


def _label(form: Format, files: list[OpenFile]) -> str:
    """Name the report type as people do; the two generations of CUR share one format."""
    names = {name.lower() for file in files for name, _ in file.columns}
    if form.name == "CUR":
        modern = {"product", "resource_tags", "tags", "cost_category", "bill_payer_account_name"}
        return "CUR 2.0" if names & modern else "legacy CUR"
    return "FOCUS 1.2" if "skumeter" in names else "FOCUS 1.0"


def _lacks_period(form: Format, file: OpenFile) -> bool:
    found = form.find([name for name, _ in file.columns])
    return any(column.role == "period" and column.name not in found for column in form.columns)


def _select_group(
    form: Format,
    group: list[OpenFile],
    codes: Sequence[str | None] | None,
    last_row: object,
) -> str:
    """Write the SELECT of files that have the same columns: every known column, typed."""
    file = group[0]
    delivered = [name for name, _ in file.columns]
    found = form.find(delivered)
    lines = [
        "    CAST(left(right(filename, 14), 6) AS INTEGER) AS file",
        "    file_row_number AS row_number",
    ]
    if file.stored == "csv":
        lines = [
            "    CAST(regexp_extract(filename, '([0-9]{6})[.]csv', 1) AS INTEGER) AS file",
            "    CAST(NULL AS BIGINT) AS row_number",
        ]
    for column in form.columns:
        if column.name in found:
            name = found[column.name]
            value = _cast(column, _physical(file, name), _cell(file, name))
        elif column.prefix and (flat := _flat(column.prefix, file)):
            value = flat
        elif column.key and (packed := _delivered(file, "product")):
            cell = _as_map(_physical(file, packed), _cell(file, packed))
            value = f"nullif(({cell})['{column.key}'], '')"
        elif column.role == "period":
            assert file.file.period, "recognise() let a bill without a period pass"
            value = f"TIMESTAMP '{file.file.period}-01'"
        else:
            value = f"CAST(NULL AS {_TYPES[column.type]})"
        lines.append(f"    {value} AS {column.name}")
        if column.type == "quantity":
            rounded = "FALSE"
            if column.name in found:
                name = found[column.name]
                rounded = _rounded(_physical(file, name), _cell(file, name))
            lines.append(f"    {rounded} AS {column.name}_rounded")
    conditions = [_only(found, file, codes)]
    if last_row is not None:
        conditions.append(f"file_row_number <= {last_row}")
    where = " AND ".join(condition for condition in conditions if condition)
    scan = f"\nFROM {_scan(group)}" + (f"\nWHERE {where}" if where else "")
    return "SELECT\n" + ",\n".join(lines) + scan


def _only(found: dict[str, str], file: OpenFile, codes: Sequence[str | None] | None) -> str:
    """Restrict a Parquet scan to product codes, on the bare column so that pages can be skipped."""
    column = found.get("line_item_product_code")
    if codes is None or column is None or _physical(file, column) != "VARCHAR":
        return ""
    cell = _cell(file, column)
    # DuckDB pushes a CASE on one column into the scan; an IN list it turns into a join above it.
    empty = " WHEN '' THEN TRUE" if None in codes else ""
    listed = "".join(f" WHEN {text(code)} THEN TRUE" for code in codes if code is not None)
    return f"CASE coalesce({cell}, ''){empty}{listed} ELSE FALSE END" if codes else "FALSE"


def _delivered(file: OpenFile, wanted: str) -> str | None:
    return next((name for name, _ in file.columns if name.lower() == wanted), None)


def _flat(prefix: str, file: OpenFile) -> str | None:
    """Collect the flat columns of a map (resource_tags_user_team, ...) into one map."""
    entries = []
    for name, _ in file.columns:
        spelled = athena_name(name)
        if spelled.startswith(prefix) and spelled != prefix:
            key = spelled.removeprefix(prefix).replace("'", "''")
            entries.append(f"{{'key': '{key}', 'value': nullif({_cell(file, name)}, '')}}")
    if not entries:
        return None
    return (
        f"map_from_entries(list_filter([{', '.join(entries)}], "
        "lambda entry: entry.value IS NOT NULL))"
    )


def _scan(group: list[OpenFile]) -> str:
    paths = ", ".join("'" + str(file.link).replace("'", "''") + "'" for file in group)
    if group[0].stored == "parquet":
        options = "filename = true, file_row_number = true, hive_partitioning = false"
        return f"read_parquet([{paths}], {options})"
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(group[0].columns)))
    longest = f", max_line_size = {_LONG_LINE}" if group[0].stored == "csv long" else ""
    return f"read_csv([{paths}], columns = {{{names}}}, {_CSV_OPTIONS}{longest})"


def _physical(file: OpenFile, delivered: str) -> str:
    return next(kind for name, kind in file.columns if name == delivered)


def _cell(file: OpenFile, delivered: str) -> str:
    """Name the delivered column in SQL; CSV columns go by position, since names may collide."""
    if file.stored == "parquet":
        return '"' + delivered.replace('"', '""') + '"'
    position = next(i for i, (name, _) in enumerate(file.columns) if name == delivered)
    return f"c{position}"


def _cast(column: Column, physical: str, cell: str) -> str:
    """Write the cast of a delivered column to its type.

    Money delivered as DOUBLE is what the shortest text of that double says, since AWS wrote the
    text first. Below 400,000 a double that returns from ten decimals unchanged has no other
    reading with so few digits, and the slow way through text can be left out.
    """
    if column.type == "text":
        return f"nullif({cell}, '')" if physical == "VARCHAR" else _as_text(column, physical, cell)
    if column.type == "time":
        return _as_time(physical, cell)
    if column.type == "map":
        return _as_map(physical, cell)
    target = _TYPES[column.type]
    if physical in {"DOUBLE", "FLOAT"}:
        ten = f"CAST({cell} AS DECIMAL(18, 10))"
        return (
            f"CASE WHEN {_is_plain(cell)} THEN CAST({ten} AS {target}) "
            f"ELSE CAST(CAST({cell} AS VARCHAR) AS {target}) END"
        )
    text = f"nullif(trim({cell}), '')" if physical == "VARCHAR" else cell
    if column.type == "rate" and physical == "VARCHAR":
        # Nearly every rate fits 64 bits, which are read faster.
        return f"coalesce(TRY_CAST({text} AS DECIMAL(18, 10)), CAST({text} AS {target}))"
    return f"CAST({text} AS {target})"


def _is_plain(cell: str) -> str:
    return f"abs({cell}) < 400000 AND CAST(CAST({cell} AS DECIMAL(18, 10)) AS DOUBLE) = {cell}"


def _rounded(physical: str, cell: str) -> str:
    """Say whether a delivered quantity has more digits than the ledger keeps."""
    if physical in {"DOUBLE", "FLOAT"}:
        text = f"CAST({cell} AS VARCHAR)"
        plain = _is_plain(cell)
        return (
            f"CASE WHEN {plain} THEN FALSE "
            f"ELSE CAST({text} AS {MONEY}) <> CAST({text} AS {QUANTITY}) END"
        )
    text = f"nullif(trim({cell}), '')" if physical == "VARCHAR" else cell
    return f"CAST({text} AS {MONEY}) <> CAST({text} AS {QUANTITY})"


def _as_text(column: Column, physical: str, cell: str) -> str:
    """Write numbers as text; an account id that lost its leading zeros gets them back."""
    if column.name.endswith("account_id") and "INT" in physical:
        return f"lpad(CAST({cell} AS VARCHAR), 12, '0')"
    return f"CAST({cell} AS VARCHAR)"


def _as_time(physical: str, cell: str) -> str:
    """Read a time as UTC; without an offset it is UTC, with one the offset is applied."""
    if physical.startswith("TIMESTAMP WITH"):
        return f"CAST(timezone('UTC', {cell}) AS TIMESTAMP)"
    if physical != "VARCHAR":
        return f"CAST({cell} AS TIMESTAMP)"
    text = f"nullif({cell}, '')"
    return (
        f"CASE WHEN right({text}, 1) = 'Z' OR length({text}) <= 19 THEN CAST({text} AS TIMESTAMP) "
        f"ELSE CAST(timezone('UTC', CAST({text} AS TIMESTAMP WITH TIME ZONE)) AS TIMESTAMP) END"
    )


def _as_map(physical: str, cell: str) -> str:
    if physical == "MAP(VARCHAR, VARCHAR)":
        return cell
    if physical.startswith("MAP("):
        return f"CAST({cell} AS MAP(VARCHAR, VARCHAR))"
    if physical == "VARCHAR":
        return f"CAST(CAST(nullif({cell}, '') AS JSON) AS MAP(VARCHAR, VARCHAR))"
    return f"CAST(CAST({cell} AS JSON) AS MAP(VARCHAR, VARCHAR))"


def _stored(magic: bytes) -> tuple[str, str]:
    if magic == b"PAR1":
        return "parquet", ".parquet"
    if magic[:2] == b"\x1f\x8b":
        return "csv", ".csv.gz"
    return "csv", ".csv"


def _csv_header(file: BillFile, link: Path) -> list[str]:
    """Read the names in a CSV's first record.

    Raises:
        BillUnreadable: the file is compressed badly, or not text.
    """
    try:
        with _text(link) as handle:
            head = handle.readline(_HEADER_MAX)
    except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise BillUnreadable(
            f"{file.path}: neither Parquet nor UTF-8 CSV that can be read ({error}); "
            "is it a bill, and complete?"
        ) from error
    if "\0" in head or len(head) >= _HEADER_MAX:
        raise BillUnreadable(f"{file.path}: its first line is no CSV header; is it a bill?")
    return next(csv.reader([head]), [])


def _text(link: Path) -> TextIO:
    if link.suffix == ".gz":
        return gzip.open(link, "rt", encoding="utf-8-sig", newline="\n")
    return link.open(encoding="utf-8-sig", newline="\n")


def _refuse_bomb(file: BillFile, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(member.file_size for member in members)
    packed = max(sum(member.compress_size for member in members), 1)
    if unpacked > _UNZIPPED_MAX or (unpacked > 1 << 30 and unpacked > packed * _UNZIP_RATIO_MAX):
        raise BillUnreadable(f"{file.path}: the ZIP unpacks to {unpacked:,} bytes; refused")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sentence(error: Exception) -> str:
    return str(error).splitlines()[0][:300]


def _quoted(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")  # noqa: PLR2004
