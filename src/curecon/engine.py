"""Runs SQL: in a thread that Ctrl-C can interrupt, with a progress bar on a terminal."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from curecon.packaged import folder

_TICK_SECONDS = 0.1
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
    """Run one query and return its rows; Ctrl-C ends it at once.

    The query runs in a thread of its own, because DuckDB notices a signal only between queries.
    """
    rows: list[tuple[Any, ...]] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            rows.extend(con.execute(query, params).fetchall())
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="query", daemon=True)
    thread.start()
    try:
        _watch(con, thread)
    except KeyboardInterrupt:
        con.interrupt()
        thread.join(5)
        raise
    if failure:
        raise failure[0]
    return rows


def _watch(con: duckdb.DuckDBPyConnection, thread: threading.Thread) -> None:
    """Wait for the query; show a bar for the ones that take longer than a moment."""
    thread.join(0.5)
    if not thread.is_alive():
        return
    if not (_step and sys.stderr.isatty()):
        while thread.is_alive():
            thread.join(_TICK_SECONDS)
        return
    from rich.console import Console  # noqa: PLC0415  # not needed by short runs
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_step[-1], total=100)
        while thread.is_alive():
            thread.join(_TICK_SECONDS)
            bar.update(task, completed=max(con.query_progress(), 0))


def read(*parts: str) -> str:
    """Return the text of a file under sql/."""
    return folder("sql").joinpath(*parts).read_text("utf-8")


def make(con: duckdb.DuckDBPyConnection, *parts: str) -> None:
    """Run a file of sql/, which is one SELECT, into a temporary table named after the file."""
    stem = Path(parts[-1]).stem
    execute(con, f"CREATE OR REPLACE TEMP TABLE {stem} AS\n{read(*parts)}")


def text(value: str) -> str:
    """Write a Python string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
