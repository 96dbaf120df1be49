"""The ledger: one DuckDB file, written in a staged copy and published by one atomic replace.

Whoever opens the ledger sees it as it was before a run or as it is after one, never in between.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from curecon import comments
from curecon.engine import read
from curecon.errors import LedgerLocked, LedgerUnreadable
from curecon.packaged import folder

SCHEMA_VERSION = 1
_MEMORY = "1GB"


class Stage:
    """A staged copy of the ledger, open for writing until it is published."""

    def __init__(self, path: Path, stage: Path, con: duckdb.DuckDBPyConnection) -> None:
        """Remember what `publish` will replace by what."""
        self.con = con
        self.catalog = con.execute("SELECT current_database()").fetchall()[0][0]
        self._path = path
        self._stage = stage

    def publish(self) -> None:
        """Put the staged copy in the place of the ledger, by one atomic replace."""
        self.con.execute("CHECKPOINT")
        self.con.close()
        _publish(self._stage, self._path)


@contextmanager
def staged(path: Path) -> Iterator[Stage]:
    """Open a staged copy of the ledger for writing; unless it is published, nothing changes.

    Raises:
        LedgerLocked: another process writes the ledger, or holds it open for writing.
        LedgerUnreadable: the file is no ledger, or of another schema version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnreadable(f"{path}: its folder cannot be made ({error.strerror})") from error
    with _sole_writer(path):
        stage = path.with_name(f".{path.name}.staged")
        _remove(stage)
        try:
            if path.exists():
                _settle(path)
                shutil.copyfile(path, stage)
            con = _connect(stage, read_only=False)
            try:
                _prepare(con, stage, path)
                yield Stage(path, stage, con)
            finally:
                con.close()
        finally:
            _remove(stage)


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger read-only.

    Raises:
        LedgerLocked: another process holds it open for writing.
        LedgerUnreadable: it is missing, no ledger, or of another schema version.
    """
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
        raise LedgerUnreadable(f"{path}: the ledger cannot be written here ({error})") from error
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


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        con = duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise LedgerLocked(
                f"{path}: another program holds this ledger open for writing; close it first"
            ) from error
        raise LedgerUnreadable(f"{path}: cannot be opened as a ledger ({_first(error)})") from error
    except duckdb.Error as error:
        raise LedgerUnreadable(f"{path}: cannot be opened as a ledger ({_first(error)})") from error
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"SET memory_limit = '{_MEMORY}'")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    return con


def _settle(path: Path) -> None:
    """Fold another program's write-ahead log into the ledger, so that one file is the whole."""
    with _connect(path, read_only=True) as con:
        _check_version(con, path)
    if path.with_name(path.name + ".wal").exists():
        with _connect(path, read_only=False) as con:
            con.execute("CHECKPOINT")


def _prepare(con: duckdb.DuckDBPyConnection, stage: Path, path: Path) -> None:
    """Make the tables of an empty ledger, or check those of an old one."""
    con.execute(f"SET temp_directory = '{str(stage).replace(chr(39), chr(39) * 2)}.tmp'")
    if path.exists():
        _check_version(con, path)
        return
    con.execute(read("duckdb", "schema.sql"))
    con.execute("INSERT INTO ledger VALUES (?)", [SCHEMA_VERSION])
    for view in sorted((folder("sql") / "views").glob("*.sql")):
        con.execute(f"CREATE VIEW {view.stem} AS\n{view.read_text('utf-8')}")
    comments.apply(con)


def _check_version(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        version = con.execute("SELECT max(schema_version) FROM ledger").fetchall()[0][0]
    except duckdb.CatalogException as error:
        raise LedgerUnreadable(
            f"{path}: a DuckDB file, but no curecon ledger; give --ledger another file"
        ) from error
    if version != SCHEMA_VERSION:
        raise LedgerUnreadable(
            f"{path}: a ledger of schema version {version}, and this curecon writes version "
            f"{SCHEMA_VERSION}; audit the bills into a new --ledger"
        )


def _publish(stage: Path, path: Path) -> None:
    with stage.open("rb") as handle:
        os.fsync(handle.fileno())
    stage.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _remove(stage: Path) -> None:
    for leftover in (stage, stage.with_name(stage.name + ".wal")):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(stage.with_name(stage.name + ".tmp"), ignore_errors=True)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
