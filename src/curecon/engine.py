"""Runs SQL: in a thread that Ctrl-C can interrupt, with a progress bar on a terminal."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from curecon.packaged import folder

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

TICK_SECONDS = 0.1
INTERRUPTS_MAX = 100
_step: list[str] = []


@contextmanager
def step(name: str) -> Iterator[None]:
    """Name what the queries inside are doing, for the progress bar."""
    _step.append(name)
    try:
        yield
    finally:
        _step.pop()


def execute(
    con: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Run one query and return its rows; Ctrl-C ends it at once."""
    return _interruptible(con, lambda: con.execute(query, params).fetchall())


def fetch(
    con: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, object] | None = None
) -> "pl.DataFrame":
    """Run one query of somebody else's and return its rows as a frame; Ctrl-C ends it at once.

    What fails in it fails as an error of DuckDB's, for which pyarrow has to be there.
    """
    frame: pl.DataFrame = _interruptible(con, lambda: con.sql(query, params=params or None).pl())
    return frame


def _interruptible(con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Work in a thread of its own, because DuckDB may notice a signal only between queries.

    Signals reach the main thread alone, so no other needs that. An event tells when it is done: an
    interrupted `Thread.join` takes a running thread for ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: list[T] = []
    failure: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread
            failure.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=run, name="query", daemon=True).start()
        watch(ended.wait, con.query_progress)
    except KeyboardInterrupt:
        # An interrupt between two queries is lost, so it is repeated until the work has ended.
        for _ in range(INTERRUPTS_MAX):
            con.interrupt()
            if ended.wait(TICK_SECONDS):
                break
        raise
    if failure:
        raise failure[0]
    return done[0]


def watch(ended: Callable[[float], bool], percent: Callable[[], float]) -> None:
    """Wait for some work; show a bar where it takes longer than a moment.

    Args:
        ended: waits for some seconds and says whether the work has ended.
        percent: how much of the work is done.
    """
    if ended(0.5):
        return
    if not (_step and sys.stderr.isatty()):
        while not ended(TICK_SECONDS):
            pass
        return
    from rich.console import Console  # noqa: PLC0415  # not needed by short runs
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_step[-1], total=100)
        while not ended(TICK_SECONDS):
            bar.update(task, completed=max(percent(), 0))


def read(*parts: str) -> str:
    """Return the text of a file under sql/."""
    return folder("sql").joinpath(*parts).read_text("utf-8")


def make(con: duckdb.DuckDBPyConnection, *parts: str) -> None:
    """Run a file of sql/, which is one SELECT, into a table named after the file."""
    stem = Path(parts[-1]).stem
    execute(con, f"CREATE OR REPLACE TABLE {stem} AS\n{read(*parts)}")


def text(value: str) -> str:
    """Write a Python string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
