"""Several works at a time: each sees what others made, and waits for what it needs."""

import os
import signal
import threading

import duckdb
import pytest

from curecon import workplace

ENDLESS = "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b WHERE a.range > b.range"


@pytest.fixture
def con(tmp_path):
    with duckdb.connect(str(tmp_path / "ledger.duckdb")) as con:
        con.execute("CREATE TABLE lines AS SELECT 1 AS line")
        con.execute("SET TimeZone = 'Asia/Tokyo'")
        workplace.prepare(con, "ledger")
        yield con


def rows(con, query):
    return con.execute(query).fetchall()


def test_names_mean_the_workplace_and_else_the_ledger(con):
    assert rows(con, "SELECT line FROM lines") == [(1,)]
    con.execute("CREATE VIEW lines AS SELECT line + 1 AS line FROM ledger.main.lines")
    assert rows(con, "SELECT line FROM lines") == [(2,)]


def test_nothing_of_the_workplace_is_in_the_ledger(tmp_path, con):
    con.execute("CREATE TABLE step AS SELECT 1 AS one")
    con.close()
    with duckdb.connect(str(tmp_path / "ledger.duckdb")) as ledger:
        assert rows(ledger, "SELECT table_name FROM duckdb_tables()") == [("lines",)]


def test_works_see_what_others_made_and_wait_for_it(con):
    works = {
        "second": lambda con: con.execute("CREATE TABLE second AS SELECT * FROM first"),
        "first": lambda con: con.execute("CREATE TABLE first AS SELECT line FROM lines"),
    }
    workplace.together(con, works, {"second": ["first"]})
    assert rows(con, "SELECT line FROM second") == [(1,)]


def test_works_are_done_side_by_side(con):
    met = threading.Barrier(2, timeout=60)
    workplace.together(con, {name: lambda _: met.wait() for name in ("one", "other")})


def test_works_have_the_time_zone_and_the_names_of_the_run(con):
    said = []
    query = "SELECT current_setting('TimeZone'), current_setting('search_path')"
    workplace.together(con, {"ask": lambda con: said.extend(rows(con, query))})
    assert said == [("Asia/Tokyo", "work.main,ledger.main")]


def test_a_file_is_made_after_those_that_it_reads(con, tmp_path, monkeypatch):
    """The names in comments are none that it reads."""
    steps = {
        "base": "SELECT 1 AS number",
        "other": "-- Not of top or base.\nSELECT 5 AS number",
        "top": "SELECT base.number + other.number AS number FROM base, other",
    }
    read = {f"{name}.sql": sql for name, sql in steps.items()}
    monkeypatch.setattr(workplace, "read", lambda _, name: read[name])
    monkeypatch.setattr("curecon.engine.read", lambda _, name: read[name])
    workplace.make_all(con, "steps", list(steps))
    assert rows(con, "SELECT number FROM top") == [(6,)]


def test_the_first_that_fails_ends_the_others(con):
    works = {
        "endless": lambda con: con.execute(ENDLESS),
        "wrong": lambda con: con.execute("SELECT nothing"),
        "waiting": lambda con: con.execute("CREATE TABLE waiting AS SELECT 1"),
    }
    with pytest.raises(duckdb.BinderException, match="nothing"):
        workplace.together(con, works, {"waiting": ["endless"]})
    assert rows(con, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'waiting'") == [(0,)]


def test_ctrl_c_ends_all_of_them(con):
    works = {name: lambda con: con.execute(ENDLESS) for name in ("one", "other", "third")}
    press = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    press.start()
    with pytest.raises(KeyboardInterrupt):
        workplace.together(con, works)
    press.join()
    assert rows(con, "SELECT line FROM lines") == [(1,)]
