"""Where a run works out what is not kept, and how it does several things at a time.

A temporary table belongs to one connection. What steps make lies in a database in memory instead,
which all connections of a run share and which goes when they close. So statements that do not need
each other run side by side: to plan one takes one core, and most of an audit of a small bill is
planning.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from queue import SimpleQueue

import duckdb

from curecon.engine import INTERRUPTS_MAX, TICK_SECONDS, make, read, text, watch

Work = Callable[[duckdb.DuckDBPyConnection], object]

_AT_ONCE = 2


def prepare(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Add the database in memory: names mean what is there, and else what the ledger holds."""
    con.execute("ATTACH ':memory:' AS work")
    con.execute(f"SET search_path = 'work.main,{catalog}.main'")


def make_all(con: duckdb.DuckDBPyConnection, folder: str, names: Sequence[str]) -> None:
    """Make tables of files in a folder of sql/, each as soon as those that it reads are made.

    Args:
        con: a connection with a workplace.
        folder: the folder, e.g. "steps".
        names: the files without their suffix; none reads one that comes after it.
    """
    after: dict[str, set[str]] = {}
    for name in names:
        sql = re.sub("--.*", "", read(folder, f"{name}.sql"))
        after[name] = {other for other in after if re.search(rf"\b{other}\b", sql)}
    together(con, {name: making(folder, name) for name in names}, after)


def making(folder: str, name: str) -> Work:
    """Return the work of making a table of a file in a folder of sql/."""
    return lambda con: make(con, folder, f"{name}.sql")


def together(
    con: duckdb.DuckDBPyConnection,
    works: Mapping[str, Work],
    after: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Do several works, two at a time, each with a connection of its own; Ctrl-C ends them.

    The first that fails ends the others, and its error is raised.

    Args:
        con: a connection with a workplace, which nothing else uses meanwhile.
        works: what to do, by name.
        after: the works that must be done before one begins; none where it is not named.
    """
    order = TopologicalSorter({name: (after or {}).get(name, ()) for name in works})
    order.prepare()
    others = [_another(con) for _ in range(_AT_ONCE)]
    idle: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
    for other in others:
        idle.put(other)
    running: dict[Future[None], str] = {}

    def work(name: str) -> None:
        other = idle.get()
        try:
            works[name](other)
        finally:
            idle.put(other)

    def ended(seconds: float) -> bool:
        while order.is_active():
            running.update({pool.submit(work, name): name for name in order.get_ready()})
            done, _ = wait(running, seconds, FIRST_COMPLETED)
            if not done:
                return False
            for one in done:
                name = running.pop(one)
                one.result()
                order.done(name)
        return True

    with ThreadPoolExecutor(_AT_ONCE, "query") as pool:
        try:
            watch(ended, lambda: max(other.query_progress() for other in others))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _interrupt(others, running)
            raise
    for other in others:
        other.close()


def _another(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Open another connection to the same databases, which has none of the settings of its own."""
    other = con.cursor()
    for setting in ("TimeZone", "search_path"):
        ((value,),) = con.execute(f"SELECT current_setting('{setting}')").fetchall()
        other.execute(f"SET {setting} = {text(value)}")
    return other


def _interrupt(
    others: Sequence[duckdb.DuckDBPyConnection], running: Collection[Future[None]]
) -> None:
    """End what still runs; an interrupt between two queries is lost, so it is repeated."""
    for _ in range(INTERRUPTS_MAX):
        ending = [one for one in running if not one.done()]
        if not ending:
            return
        for other in others:
            other.interrupt()
        wait(ending, TICK_SECONDS)
