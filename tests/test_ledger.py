"""The ledger: one writer, a legible refusal, and deliveries that replace each other as a whole."""

import subprocess
import sys

import duckdb
import pytest
from tests.bills import PAYER, line, write_csv

from curecon import cli

OTHER_PAYER = "999999999999"


def audit(capsys, path, ledger, *options):
    """Run an audit in this process; return its exit status and what it said on stderr."""
    status = cli.run(["audit", str(path), "--ledger", str(ledger), "--fail-on", "never", *options])
    return status, capsys.readouterr().err


def rows(ledger, query):
    with duckdb.connect(str(ledger), read_only=True) as con:
        return con.execute(query).fetchall()


@pytest.fixture
def bill(tmp_path):
    return write_csv(tmp_path / "bill.csv", [line(identity_line_item_id="a")])


def hold(path, mode):
    """Hold a file in another process, as a second writer or an open DuckDB shell does."""
    script = {
        "lock": "import fcntl,os,sys; f=os.open(sys.argv[1], os.O_CREAT|os.O_RDWR); "
        "os.write(f, str(os.getpid()).encode()); fcntl.flock(f, fcntl.LOCK_EX)",
        "write": "import duckdb,sys; c=duckdb.connect(sys.argv[1]); "
        "c.execute('CREATE OR REPLACE TABLE mine AS SELECT 1')",
    }[mode]
    holder = subprocess.Popen(
        [sys.executable, "-c", script + "; print('held', flush=True); sys.stdin.read()", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_a_second_writer_is_refused_by_name(tmp_path, bill, capsys):
    ledger = tmp_path / "l.duckdb"
    assert audit(capsys, bill, ledger)[0] == 0
    before = ledger.read_bytes()
    lock = next(path for path in tmp_path.iterdir() if path.name.endswith(".lock"))
    holder = hold(lock, "lock")
    try:
        status, said = audit(capsys, bill, ledger)
    finally:
        holder.kill()
        holder.wait()
    assert status == 2
    assert "another curecon is writing this ledger" in said
    assert str(holder.pid) in said
    assert ledger.read_bytes() == before


def test_a_ledger_open_for_writing_elsewhere_is_refused(tmp_path, bill, capsys):
    ledger = tmp_path / "l.duckdb"
    assert audit(capsys, bill, ledger)[0] == 0
    holder = hold(ledger, "write")
    try:
        status, said = audit(capsys, bill, ledger)
    finally:
        holder.kill()
        holder.wait()
    assert status == 2
    assert f"another program (process {holder.pid}) holds this ledger open" in said


def test_readers_go_on_reading_while_a_new_ledger_is_published(tmp_path, bill, capsys):
    ledger = tmp_path / "l.duckdb"
    assert audit(capsys, bill, ledger)[0] == 0
    dearer = write_csv(tmp_path / "dearer.csv", [line(identity_line_item_id="a", quantity="2000")])
    with duckdb.connect(str(ledger), read_only=True) as reader:
        old = reader.execute("SELECT sum(billed) FROM deliveries").fetchall()
        # Another process, since DuckDB shares one open file within a process.
        done = subprocess.run(
            [sys.executable, "-m", "curecon.cli", "audit", str(dearer), "--ledger", str(ledger)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert reader.execute("SELECT sum(billed) FROM deliveries").fetchall() == old
    assert len(rows(ledger, "SELECT 1 FROM deliveries WHERE is_current")) == 1
    assert len(rows(ledger, "SELECT 1 FROM deliveries")) == 2


@pytest.mark.parametrize("version", [0, 99])
def test_another_schema_version_is_refused_with_a_sentence(tmp_path, bill, capsys, version):
    ledger = tmp_path / "l.duckdb"
    assert audit(capsys, bill, ledger)[0] == 0
    with duckdb.connect(str(ledger)) as con:
        con.execute("UPDATE ledger SET schema_version = ?", [version])
    status, said = audit(capsys, bill, ledger)
    assert status == 2
    assert f"schema version {version}" in said
    assert "--ledger" in said


def test_a_file_that_is_no_ledger_is_refused_and_kept(tmp_path, bill, capsys):
    ledger = tmp_path / "notes.txt"
    ledger.write_text("not a database")
    status, said = audit(capsys, bill, ledger)
    assert status == 2
    assert str(ledger) in said
    assert ledger.read_text() == "not a database"
    database = tmp_path / "other.duckdb"
    duckdb.connect(str(database)).execute("CREATE TABLE mine (a INTEGER)")
    status, said = audit(capsys, bill, database)
    assert status == 2
    assert "no curecon ledger" in said


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, bill, capsys):
    (tmp_path / "file").write_text("")
    status, said = audit(capsys, bill, tmp_path / "file" / "l.duckdb")
    assert status == 2
    assert "Traceback" not in said


def test_an_out_that_is_a_file_leaves_the_ledger_alone(tmp_path, bill, capsys):
    (tmp_path / "out").write_text("mine")
    ledger = tmp_path / "l.duckdb"
    status, said = audit(capsys, bill, ledger, "--out", str(tmp_path / "out"))
    assert status == 2
    assert "out" in said
    assert not ledger.exists()
    assert (tmp_path / "out").read_text() == "mine"


def test_the_same_delivery_twice_changes_nothing_but_the_runs(tmp_path, bill, capsys):
    ledger = tmp_path / "l.duckdb"
    assert audit(capsys, bill, ledger)[0] == 0
    tables = ("deliveries", "delivery_files", "read_totals", "lines", "charge_keys", "key_rates",
              "rates", "compared", "bridge", "findings", "found_lines", "past_findings",
              "past_bridge")  # fmt: skip
    dump = {one: rows(ledger, f"SELECT * FROM {one} ORDER BY ALL") for one in tables}
    assert audit(capsys, bill, ledger)[0] == 0
    assert {one: rows(ledger, f"SELECT * FROM {one} ORDER BY ALL") for one in tables} == dump
    assert len(rows(ledger, "SELECT * FROM runs")) == 2


def test_a_newer_delivery_replaces_the_older_and_keeps_its_findings_in_history(tmp_path, capsys):
    ledger = tmp_path / "l.duckdb"
    twice = [line(identity_line_item_id="a"), line(identity_line_item_id="a")]
    first = write_csv(tmp_path / "first.csv", twice)
    second = write_csv(tmp_path / "second.csv", twice[:1])
    assert audit(capsys, first, ledger)[0] == 0
    found = rows(ledger, "SELECT id FROM findings WHERE \"check\" = 'duplicate_line'")
    assert len(found) == 1
    assert audit(capsys, second, ledger)[0] == 0
    assert rows(ledger, "SELECT count(*) FROM line_items") == [(1,)]
    assert rows(ledger, "SELECT count(*) FROM findings WHERE severity = 'error'") == [(0,)]
    assert rows(ledger, "SELECT id FROM past_findings WHERE \"check\" = 'duplicate_line'") == found
    assert rows(ledger, "SELECT lines, is_current FROM deliveries ORDER BY sequence") == [
        (2, False),
        (1, True),
    ]


def test_two_payers_do_not_replace_each_other(tmp_path, capsys):
    ledger = tmp_path / "l.duckdb"
    mine = write_csv(tmp_path / "mine.csv", [line(identity_line_item_id="a")])
    other = [line(identity_line_item_id="b", bill_payer_account_id=OTHER_PAYER)]
    theirs = write_csv(tmp_path / "theirs.csv", other)
    assert audit(capsys, mine, ledger)[0] == 0
    assert audit(capsys, theirs, ledger)[0] == 0
    current = rows(ledger, "SELECT payer_account FROM deliveries WHERE is_current ORDER BY 1")
    assert current == [(PAYER,), (OTHER_PAYER,)]
    assert rows(ledger, "SELECT count(*) FROM line_items") == [(2,)]
