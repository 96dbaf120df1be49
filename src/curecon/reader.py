"""Opens the files of a bill: finds out how each is stored, what columns it has, and what it is."""

import csv
import gzip
import io
import lzma
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
from isal import igzip, igzip_lib

from curecon.engine import step, watch
from curecon.errors import BillUnreadable, FormatsMixed
from curecon.formats import Format, recognise
from curecon.hashed import Hashes
from curecon.opened import Delivered, OpenBill, OpenFile
from curecon.source import BillFile

# The number of a line in the ledger has 14 bits for its file (sql/duckdb/lines.sql).
FILES_MAX = 1 << 14
_UNZIPPED_MAX = 64 << 30
_UNZIP_RATIO_MAX = 300
_UNZIP_ALWAYS = 1 << 30
_HEADER_MAX = 1 << 20
_UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")  # its byte-order mark, read as UTF-8
# DuckDB leaves out the last line of a CSV in silence where it is longer than a buffer, which is
# 32 MiB: no error, a row too few. So lines are measured here, and half of that is refused.
_LINE_MAX = 16 << 20
_CELL_MAX = 1 << 26
# Larger pieces are given back to the system and asked for anew each time, which takes longer.
_CHUNK = 1 << 17
# isal's type stubs give its exception as a value.
_DEFLATE_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
# A bill packs to a seventh or so of its size, and one that repeats itself to less.
_ROOM_RATIO = 30
# A word of a dictionary of Parquet stands once in the file and once a row in memory, 2,048 rows at
# a time. Columns that are packed this densely are measured before they are read.
_DENSE_BYTES, _DENSE_RATIO_MAX, _DENSE_CELL_MAX = 1 << 18, 30, 1 << 18
_DENSE_MEMORY = "300MB"
_ZIPPED = (".csv", ".csv.gz", ".parquet")
# How ZIP and gzip begin, in text as open_text() reads it.
_PACKED = ("PK\x03\x04", "\x1f\udc8b")

# Columns that only one generation of a report type has, as AWS names them. A CUR 2.0 export may
# pull single keys out of its maps, so one flat product column alone does not make a legacy report.
_ONLY = {
    "CUR 2.0": {"product", "resource_tags", "tags", "cost_category", "bill_payer_account_name"},
    "FOCUS 1.2": {"skumeter", "skupricedetails", "invoiceid", "servicesubcategory"},
    "FOCUS 1.0": {"x_usagetype", "x_costcategories"},
}
_LEGACY = {"product_product_name", "product_region", "product_servicename"}
_USUAL = {"CUR": "legacy CUR", "FOCUS": "FOCUS 1.0"}


class Reader:
    """Opens bills; holds the folder of links and unpacked files that reading needs."""

    def __init__(self, con: duckdb.DuckDBPyConnection, workspace: Path, hashes: Hashes) -> None:
        """Use `workspace`, an empty folder, for links and unpacked files."""
        self.con = con
        self.hashes = hashes
        self.workspace = workspace
        self.unpacking = ThreadPoolExecutor(max_workers=2, thread_name_prefix="unpack")
        self.tasks: list[Future[int | None]] = []
        self.unpacked: dict[Path, int] = {}
        self.closed = threading.Event()

    def close(self) -> None:
        """Stop unpacking."""
        self.closed.set()
        self.unpacking.shutdown(wait=True, cancel_futures=True)

    def open(self, files: Sequence[BillFile]) -> OpenBill:
        """Open the files and say how to select `raw` from them.

        Raises:
            BillUnreadable: a file is empty, damaged or not of a kind that we read.
            FormatUnknown: the columns are those of no report that we know.
            FormatsMixed: the files are of different report types.
        """
        opened: list[OpenFile] = []
        self.roomy = _has_room(files, self.workspace)
        for file in files:
            opened.extend(self._open_one(file, len(opened)))
        if len(opened) > FILES_MAX:
            raise BillUnreadable(
                f"{files[0].path} and {len(opened) - 1:,} more files are more than can be read at "
                f"once, which is {FILES_MAX:,}; audit fewer periods at a time"
            )
        filled = [file for file in opened if file.columns]
        if not filled:
            raise BillUnreadable(f"{files[0].path}: the file is empty; there is no bill to audit")
        kinds = [
            recognise(str(file.file.path), file.names, period_known=file.file.period is not None)
            for file in filled
        ]
        labels = [_label(kind, file) for kind, file in zip(kinds, filled, strict=True)]
        _refuse_mixture(kinds, labels, filled)
        stored = "parquet" if all(file.stored == "parquet" for file in filled) else "csv"
        label = next((one for one in labels if one), _USUAL.get(kinds[0].name, kinds[0].name))
        self._finish_unpacking()
        return OpenBill(kinds[0], label, filled, stored)

    def _open_one(self, file: BillFile, number: int) -> list[OpenFile]:
        try:
            with file.path.open("rb") as handle:
                magic = handle.read(4)
        except OSError as error:
            raise BillUnreadable(f"{file.path}: cannot be read ({error.strerror})") from error
        digest = self.hashes.of(file)
        if magic[:2] == b"PK":
            return self._unzip(file, number, digest)
        link = self.workspace / f"{number:06d}{_suffix(magic)}"
        link.symlink_to(file.path.resolve())
        return [self._described(number, file, link, digest)]

    def _described(
        self, number: int, file: BillFile, link: Path, digest: "Future[str]"
    ) -> OpenFile:
        """Find the columns of a file; an empty file has none."""
        if link.suffix == ".parquet":
            endless: Future[int | None] = Future()
            endless.set_result(None)
            columns, rows = self._parquet_columns(file, link)
            return OpenFile(number, file, link, "parquet", columns, rows, digest, endless)
        empty = link.stat().st_size == 0
        # CSV columns go by position, since their names may collide.
        names = [] if empty else _csv_header(file, link)
        cells = [Delivered(name, "VARCHAR", f"c{i}") for i, name in enumerate(names)]
        if link.suffix == ".gz" and names and self.roomy:
            # DuckDB unpacks slowly and takes a wrong checksum for right; isal does neither.
            plain = link.with_suffix("")
            endless = self.unpacking.submit(self._ungzip, file, link, plain)
            self.tasks.append(endless)
            return OpenFile(number, file, plain, "csv", cells, None, digest, endless)
        endless = self.unpacking.submit(
            _measured, file, link, goes_on=lambda _: not self.closed.is_set()
        )
        return OpenFile(number, file, link, "csv", cells, 0 if empty else None, digest, endless)

    def _ungzip(self, file: BillFile, packed: Path, plain: Path) -> int | None:
        with plain.open("wb") as copy:
            return _measured(file, packed, copy, lambda read: self._goes_on(packed, read))

    def _goes_on(self, packed: Path, read: int) -> bool:
        self.unpacked[packed] = read
        return not self.closed.is_set()

    def _finish_unpacking(self) -> None:
        """Wait for the files that are being unpacked; the first that cannot be is the bill's end.

        Raises:
            BillUnreadable: a file is cut or damaged, or unpacks to more than any bill.
        """
        packed = sum(path.stat().st_size for path in self.workspace.glob("*.gz"))
        with step("unpacking"):
            watch(
                lambda seconds: not wait(self.tasks, seconds).not_done,
                lambda: 100 * sum(self.unpacked.values()) / max(packed, 1),
            )
        for task in self.tasks:
            task.result()

    def _parquet_columns(self, file: BillFile, link: Path) -> tuple[list[Delivered], int]:
        try:
            described = self.con.execute(
                "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(link)]
            ).fetchall()
            rows = self.con.execute(
                "SELECT num_rows FROM parquet_file_metadata(?)", [str(link)]
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].replace(str(link), str(file.path))[:300]
            raise BillUnreadable(
                f"{file.path}: not a readable Parquet file ({reason}); copy it again"
            ) from error
        columns = [
            Delivered(name, kind, '"' + name.replace('"', '""') + '"')
            for name, kind, *_ in described
        ]
        self._refuse_dense(file, link, columns)
        return columns, rows[0][0]

    def _refuse_dense(self, file: BillFile, link: Path, columns: Sequence[Delivered]) -> None:
        """Refuse a Parquet file of a few bytes whose texts would fill the memory."""
        try:
            dense = {
                name
                for (name,) in self.con.execute(
                    "SELECT DISTINCT split_part(path_in_schema, ', ', 1) FROM parquet_metadata(?)"
                    " WHERE type = 'BYTE_ARRAY' AND total_uncompressed_size > ?"
                    " AND total_uncompressed_size > ? * total_compressed_size",
                    [str(link), _DENSE_BYTES, _DENSE_RATIO_MAX],
                ).fetchall()
            }
            for column in columns:
                size = _longest(column) if column.name in dense else None
                if size and (found := self._largest(link, size)) > _DENSE_CELL_MAX:
                    raise BillUnreadable(_too_dense(file, column, f"of {found:,} bytes"))
        except duckdb.OutOfMemoryException as error:
            raise BillUnreadable(_too_dense(file, column, "larger than the memory")) from error
        except duckdb.Error:
            return  # what cannot be read is told, with its row, when it is read

    def _largest(self, link: Path, size: str) -> int:
        """Measure the largest cell of a column, in little memory."""
        found = self.con.execute("SELECT current_setting('memory_limit')").fetchone()
        self.con.execute(f"SET memory_limit = '{_DENSE_MEMORY}'")
        try:
            largest = self.con.execute(
                f"SELECT max({size}) FROM read_parquet(?, hive_partitioning = false)", [str(link)]
            ).fetchone()
        finally:
            self.con.execute(f"SET memory_limit = '{found[0] if found else ''}'")
        return int(largest[0] or 0) if largest else 0

    def _unzip(self, file: BillFile, number: int, digest: "Future[str]") -> list[OpenFile]:
        """Unpack the data files of a ZIP under names of our own; DuckDB cannot open ZIP."""
        opened = []
        try:
            with zipfile.ZipFile(file.path) as archive:
                members = [member for member in archive.infolist() if _is_data(member)]
                if not members:
                    raise BillUnreadable(f"{file.path}: the ZIP holds no .csv and no .parquet file")
                _refuse_bomb(file, members)
                for offset, member in enumerate(members):
                    link = self._unpacked(archive, member, number + offset)
                    part = BillFile(file.path, f"{file.name}/{member.filename}", file.period)
                    opened.append(self._described(number + offset, part, link, digest))
        except (
            zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError,
            NotImplementedError, OSError, ValueError,
        ) as error:  # fmt: skip
            raise BillUnreadable(
                f"{file.path}: the ZIP is damaged or cannot be unpacked ({error}); copy it again"
            ) from error
        return opened

    def _unpacked(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, number: int) -> Path:
        with archive.open(member) as packed:
            magic = packed.read(4)
            link = self.workspace / f"{number:06d}{_suffix(magic)}"
            with link.open("wb") as unpacked:
                unpacked.write(magic)
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        return link


def _longest(column: Delivered) -> str | None:
    """SQL for the bytes of the longest text in a cell, of which a map has several."""
    return {
        "VARCHAR": f"strlen({column.cell})",
        "BLOB": f"octet_length({column.cell})",
        "MAP(VARCHAR, VARCHAR)": (
            f"greatest(list_max([strlen(x) FOR x IN map_keys({column.cell})]),"
            f" list_max([strlen(x) FOR x IN map_values({column.cell})]))"
        ),
    }.get(column.physical)


def _too_dense(file: BillFile, column: Delivered, size: str) -> str:
    return (
        f"{file.path}: column {column.name} has a cell {size}, packed so densely that reading"
        " it would fill the memory; it is no bill, or damaged, copy it again"
    )


def open_text(link: Path) -> io.TextIOWrapper:
    """Open a CSV, packed or not, with its line ends; bytes that are no UTF-8 become surrogates."""
    csv.field_size_limit(_CELL_MAX)  # a quote that is never closed must not fill the memory
    opening = gzip.open if link.suffix == ".gz" else open
    return opening(link, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")


def _measured(
    file: BillFile,
    link: Path,
    copy: BinaryIO | None = None,
    goes_on: Callable[[int], bool] = lambda _: True,
) -> int | None:
    """Read a CSV to its end, and find the byte at which a line begins that is too long for a bill.

    Args:
        file: the file as its owner knows it.
        link: where it is read; may be packed.
        copy: takes the bytes as they are unpacked.
        goes_on: hears how many bytes of the file have been read, and says whether to read on.

    Raises:
        BillUnreadable: the file is cut or damaged, or unpacks to more than any bill.
    """
    most = max(_UNZIP_ALWAYS, link.stat().st_size * _UNZIP_RATIO_MAX)
    size = begins = 0
    endless = None
    try:
        with link.open("rb") as stored, _unpacking(link, stored) as handle:
            while goes_on(stored.tell()) and (chunk := handle.read(_CHUNK)):
                if copy:
                    copy.write(chunk)
                end = chunk.rfind(b"\n")
                if end < 0:
                    end = chunk.rfind(b"\r")
                if end >= 0:
                    begins = size + end + 1
                size += len(chunk)
                if size > most:
                    raise BillUnreadable(_bomb(file, f"more than {most:,}"))
                if endless is None and size - begins > _LINE_MAX:
                    endless = begins
    except (EOFError, gzip.BadGzipFile, _DEFLATE_ERROR) as error:
        raise _damaged(file, link, error) from error
    return endless


def _damaged(file: BillFile, link: Path, error: Exception) -> BillUnreadable:
    return BillUnreadable(f"{file.path}: after row {_rows(link)}: {error}; copy the file again")


def _unpacking(link: Path, stored: BinaryIO) -> BinaryIO:
    if link.suffix != ".gz":
        return stored
    return cast("BinaryIO", igzip.open(stored, "rb"))  # type: ignore[no-untyped-call]


def _rows(link: Path) -> int:
    """Count the records of a CSV that can be read before its damage, its header among them."""
    count = 0
    with suppress(OSError, EOFError, zlib.error, csv.Error), open_text(link) as handle:
        for _ in csv.reader(handle):
            count += 1
    return count


def _refuse_mixture(
    kinds: Sequence[Format], labels: Sequence[str | None], files: Sequence[OpenFile]
) -> None:
    """Refuse files of different report types, or of two generations of one: they would add up."""
    told = {
        label or kind.name: file for kind, label, file in zip(kinds, labels, files, strict=True)
    }
    sure = {label for label in labels if label}
    if len({kind.name for kind in kinds}) > 1 or len(sure) > 1:
        listed = "; ".join(f"{file.file.path} is {name}" for name, file in sorted(told.items()))
        raise FormatsMixed(f"these files are of different report types, audit them apart: {listed}")


def _label(form: Format, file: OpenFile) -> str | None:
    """Name the generation of a report as people do; None when the columns leave it open."""
    names = {name.lower() for name in file.names}
    if form.name == "CUR" and (any("/" in name for name in names) or names >= _LEGACY):
        return "legacy CUR"
    for label, only in _ONLY.items():
        if label.startswith(form.name) and names & only:
            return label
    return None


def _suffix(magic: bytes) -> str:
    if magic[:4] == b"PAR1":
        return ".parquet"
    return ".csv.gz" if magic[:2] == b"\x1f\x8b" else ".csv"


def _csv_header(file: BillFile, link: Path) -> list[str]:
    """Read the names in a CSV's first record; a file of nothing but line ends has none.

    Raises:
        BillUnreadable: the file is compressed badly, or not text.
    """
    head = ""
    try:
        with open_text(link) as handle:
            head = handle.read(_HEADER_MAX)
        if head.startswith(_PACKED):
            raise BillUnreadable(f"{file.path}: is packed twice; unpack it, and name what is in it")
        names = next(csv.reader(io.StringIO(head, newline="")), [])
        "".join(names).encode()
        if not head.strip():
            return []
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        if link.suffix == ".gz" and isinstance(error, EOFError | zlib.error) and _rows(link):
            raise _damaged(file, link, error) from error
        if isinstance(error, UnicodeError) and head[:2] in _UTF_16:
            raise BillUnreadable(
                f"{file.path}: the text is UTF-16; export the file again as UTF-8"
            ) from error
        raise BillUnreadable(
            f"{file.path}: neither Parquet nor UTF-8 CSV that can be read ({error}); "
            "is it a bill, and complete?"
        ) from error
    wide = sum(map(len, names)) >= _HEADER_MAX // 2
    if not names or wide or any("\0" in name for name in names):
        raise BillUnreadable(f"{file.path}: its first line is no CSV header; is it a bill?")
    return names


def _is_data(member: zipfile.ZipInfo) -> bool:
    """Tell data files from folders and from what macOS adds to a ZIP."""
    name = member.filename.lower()
    hidden = name.startswith("__macosx/") or name.rpartition("/")[2].startswith(".")
    return name.endswith(_ZIPPED) and not member.is_dir() and not hidden


def _refuse_bomb(file: BillFile, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(member.file_size for member in members)
    # Members may lie over each other, and be small by themselves.
    stored = min(sum(member.compress_size for member in members), file.path.stat().st_size)
    packed = max(stored, 1)
    dense = unpacked > _UNZIP_ALWAYS and unpacked > packed * _UNZIP_RATIO_MAX
    if unpacked > _UNZIPPED_MAX or dense:
        raise BillUnreadable(_bomb(file, f"{unpacked:,}"))


def _bomb(file: BillFile, size: str) -> str:
    return (
        f"{file.path}: would unpack to {size} bytes, so it is no bill; if it is one, unpack it "
        "yourself"
    )


def _has_room(files: Sequence[BillFile], workspace: Path) -> bool:
    """Say whether all of a bill can be unpacked; without room it is read packed, and slower."""
    packed = sum(file.path.stat().st_size for file in files if file.path.exists())
    return packed * _ROOM_RATIO < shutil.disk_usage(workspace).free
