"""The ledger: one DuckDB file, written in a staged copy and published by one atomic replace.

Whoever opens the ledger sees it as it was before a run or as it is after one, never in between.
All that a run writes before it is done lies in one folder beside the ledger, which the next run
removes if this one is killed.
"""

import fcntl
import functools
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from curecon import cache, comments, workplace
from curecon.engine import read, text
from curecon.errors import LedgerLocked, LedgerUnreadable

SCHEMA_VERSION = 5
# What steps and checks know of a line besides what is kept of it: its day, UTC.
USAGE_DAY = "CAST(line_item_usage_start_date AS DATE) AS usage_day"
MEMORY, MEMORY_IN_ORDER = "1GB", "1300MB"
_EMPTY = threading.Lock()
_BLOCKS: list[object] = []

# The machine failed a run: no room on disk or in memory.
NO_ROOM = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.FatalException,
)


class Stage:
    """A staged copy of the ledger, open for writing until it is published."""

    catalog = "run"
    """The name of the copy in SQL: that of its file."""

    def __init__(self, path: Path, stage: Path, con: duckdb.DuckDBPyConnection) -> None:
        """Remember what `publish` will replace by what."""
        self.con = con
        self._path = path
        self._stage = stage

    def publish(self, files: Callable[[], None] = lambda: None) -> None:
        """Put the staged copy in the place of the ledger, by one atomic replace.

        From here to the end of the block (`to_the_end`) Ctrl-C comes too late, and is ignored.

        Args:
            files: moves what is written beside the ledger to its place, or fails and leaves it as
                it was. That comes last but one, when nothing of the ledger but a rename can fail.
        """
        self.con.execute(f"CHECKPOINT {self.catalog}")
        self.con.close()
        log = self._stage.with_name(self._stage.name + ".wal")
        assert not log.exists(), "something of the ledger is in its write-ahead log alone"
        if self._path.exists():
            shutil.copymode(self._path, self._stage)
        with self._stage.open("rb") as handle:
            os.fsync(handle.fileno())
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        files()
        self._stage.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def staged(path: Path) -> Iterator[Stage]:
    """Open a staged copy of the ledger for writing; unless it is published, nothing changes.

    Raises:
        LedgerLocked: another process writes the ledger, or holds it open for writing.
        LedgerUnreadable: the file is no ledger, of another schema version, or cannot be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise LedgerUnreadable(f"{path}: no file, so no ledger; give --ledger a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnreadable(f"{path}: its folder cannot be made ({error.strerror})") from error
    place = path.with_name(f".{path.name}.staged")
    with _sole_writer(path), to_the_end():
        _settle(path)
        _remove(place)
        try:
            yield from _open_stage(path, place)
        except NO_ROOM as error:
            raise LedgerUnreadable(
                f"{path}: the run had no room on disk or in memory ({_first(error)}); free some, "
                "or give --ledger another place; nothing was changed"
            ) from error
        finally:
            _remove(place)


def _open_stage(path: Path, place: Path) -> Iterator[Stage]:
    """Copy the ledger into the folder `place` and open the copy; or begin an empty one."""
    stage = place / f"{Stage.catalog}.staged"
    is_new = _is_new(path)
    try:
        place.mkdir()
        if is_new:
            stage.write_bytes(_empty())
        else:
            before = path.stat()
            shutil.copyfile(path, stage)
    except OSError as error:
        raise LedgerUnreadable(
            f"{path}: no copy of it can be made beside it ({error.strerror}); nothing was changed"
        ) from error
    with nullcontext() if is_new else _connect(path, read_only=True):
        # Held open, so that no other program writes the ledger while its copy is worked on. That
        # comes after copying: closing a file drops every lock of this process on it.
        if not is_new and path.stat().st_mtime_ns != before.st_mtime_ns:
            raise LedgerLocked(f"{path}: another program has just written it; try again")
        con = _connect(stage, read_only=False)
        try:
            con.execute(f"SET temp_directory = {text(str(place / 'temporary'))}")
            workplace.prepare(con, Stage.catalog)
            yield Stage(path, stage, con)
        finally:
            with suppress(duckdb.Error):
                con.close()


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger read-only.

    Raises:
        LedgerLocked: another process holds it open for writing.
        LedgerUnreadable: it is missing, no ledger, or of another schema version.
    """
    path = path.resolve()
    if not path.is_file():
        raise LedgerUnreadable(f"{path}: no such ledger; `curecon audit BILL` makes one")
    with _connect(path, read_only=True) as con:
        _check_version(con, path)
        yield con


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """Take away everything but reading the open ledger, before SQL that we did not write runs."""
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


@contextmanager
def _sole_writer(path: Path) -> Iterator[None]:
    """Hold the lock file beside the ledger; the kernel frees it when this process dies."""
    try:
        handle = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise LedgerUnreadable(
            f"{path}: the ledger cannot be written there ({error.strerror}); "
            "give --ledger a file in a folder of your own"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            raise LedgerLocked(
                f"{path}: another curecon is writing this ledger (process {holder}); "
                "wait until it has finished, or give --ledger another file"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def to_the_end() -> Iterator[None]:
    """Let what is published inside be told inside: Ctrl-C comes too late until the block ends.

    Blocks may lie in each other; the outermost gives Ctrl-C its meaning back.
    """
    if _BLOCKS or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    _BLOCKS.append(before)
    try:
        yield
    finally:
        _BLOCKS.clear()
        signal.signal(signal.SIGINT, before)


def _settle(path: Path) -> None:
    """Check the ledger, and fold another program's write-ahead log into it, so it is one file."""
    if _is_new(path):
        return
    with _connect(path, read_only=True) as con:
        _check_version(con, path)
    if path.with_name(path.name + ".wal").exists():
        with _connect(path, read_only=False) as con:
            con.execute("CHECKPOINT")


def _is_new(path: Path) -> bool:
    """Say whether a ledger has yet to be made; a file that `mktemp` made is empty."""
    return not path.exists() or path.stat().st_size == 0


def _is_database(path: Path) -> bool:
    """Say whether a file begins as DuckDB's files do; one that cannot be read may."""
    try:
        with path.open("rb") as handle:
            return handle.read(12)[8:] == b"DUCK"
    except OSError:
        return True


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        con = duckdb.connect(str(path), read_only=read_only)
    except duckdb.ConnectionException as error:
        raise LedgerLocked(f"{path}: this process has it open already; close it first") from error
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            holder = re.search(r"\(PID (\d+)\)", str(error))
            process = f" (process {holder[1]})" if holder else ""
            raise LedgerLocked(
                f"{path}: another program{process} holds this ledger open; "
                "close it there, or give --ledger another file"
            ) from error
        reason = _first(error) if _is_database(path) else "it is no DuckDB file"
        raise LedgerUnreadable(f"{path}: cannot be opened as a ledger ({reason})") from error
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute("SET preserve_insertion_order = false")
    # Giving memory back after each task, only to ask for it anew, takes a twentieth of an audit.
    for threshold in ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold"):
        con.execute(f"SET {threshold} = '{MEMORY}'")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    return con


def begin(path: Path) -> None:
    """Make an empty ledger ahead where there is none at `path`; what fails there fails later."""
    if _is_new(path):
        ahead = ThreadPoolExecutor(thread_name_prefix="ledger")
        ahead.submit(_empty)
        ahead.shutdown(wait=False)


def _empty() -> bytes:
    with _EMPTY:
        return _made()


@functools.cache
def _made() -> bytes:
    """Return an empty ledger; a process that begins several copies the first.

    To make one takes a tenth of a short run, so it is kept for the runs to come.
    """
    code = Path(__file__).read_text("utf-8")
    said_by = [duckdb.__version__, code, read("duckdb", "schema.sql"), *comments.said_by()]
    return cache.once("empty-ledger", said_by, _make)


def _make() -> bytes:
    """Make the tables, views and comments of an empty ledger."""
    with TemporaryDirectory(prefix="curecon-") as folder:
        path = Path(folder, f"{Stage.catalog}.duckdb")
        with _connect(path, read_only=False) as con:
            # Of a few hundred short statements, planning them well is most of the work.
            con.execute("SET threads = 1; PRAGMA disable_optimizer")
            con.execute("BEGIN")
            con.execute(read("duckdb", "schema.sql"))
            con.execute("INSERT INTO ledger VALUES (?)", [SCHEMA_VERSION])
            for view, sql in comments.views().items():
                con.execute(f"CREATE VIEW {view} AS\n{sql}")
            comments.apply(con)
            con.execute("COMMIT")
        return path.read_bytes()


def _check_version(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        version = con.execute("SELECT max(schema_version) FROM ledger").fetchall()[0][0]
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise LedgerUnreadable(
            f"{path}: a DuckDB file, but no curecon ledger; give --ledger another file"
        ) from error
    if version != SCHEMA_VERSION:
        raise LedgerUnreadable(
            f"{path}: a ledger of schema version {version}, and this curecon works with version "
            f"{SCHEMA_VERSION}; audit the bills into a new --ledger"
        )


def _remove(place: Path) -> None:
    """Remove what a run wrote before it was done."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
