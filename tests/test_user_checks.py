"""Checks of a user are SQL that nobody vouches for: they read what they may, and change nothing."""

from pathlib import Path

import duckdb
import pytest

from curecon import checks, cli

BILL = Path(__file__).parents[1] / "fixtures" / "cases" / "rate_differs_fires"
HEADER = "-- severity: warning\n-- category: anomaly\n-- question: Is it?\n"


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """Audit with one check of a user; return the status and what was said."""
    monkeypatch.chdir(tmp_path)

    def run(sql, capsys):
        (tmp_path / "own").mkdir(exist_ok=True)
        (tmp_path / "own" / "suspect.sql").write_text(HEADER + sql, "utf-8")
        status = cli.run(
            ["audit", str(BILL / "bill.csv"), "--rates", str(BILL / "rates"), "--checks", "own"]
        )
        return status, capsys.readouterr().err

    return run


HARMFUL = {
    "attach": "ATTACH 'other.duckdb' AS other",
    "copy": "COPY (SELECT 1) TO 'stolen.csv'",
    "insert": "INSERT INTO runs SELECT * FROM runs",
    "drop": "DROP TABLE runs",
    "setting": "SET memory_limit = '100GB'",
    "pragma": "PRAGMA database_list",
    "several statements": "SELECT 1 AS line, 'x' AS reason; DROP TABLE runs",
    "breaking out": "SELECT line, 'x' AS reason FROM lines) UNION ALL (SELECT 1, 'x'",
    "a file": "SELECT 1 AS line, content AS reason FROM read_text('secret.txt')",
    "a table file": "SELECT 1 AS line, 'x' AS reason FROM read_csv('secret.txt')",
    "a file as table": "SELECT 1 AS line, 'x' AS reason FROM 'secret.txt'",
    "the surroundings": "SELECT line, getenv('HOME') AS reason FROM lines",
    "nothing there": "SELECT line, 'x' AS reason FROM nowhere",
    "no reason": "SELECT line, NULL AS reason FROM lines",
    "a severity of its own": "SELECT line, 'x' AS reason, 'grave' AS severity FROM lines",
    "dollars of its own": "-- owns: anomaly\nSELECT line, 'x' AS reason FROM lines",
    "dollars that it moves": "-- moves: yes\nSELECT line, 'x' AS reason FROM lines",
    "a line of nobody": "SELECT 999 AS line, 'x' AS reason",
}


@pytest.mark.parametrize("sql", HARMFUL.values(), ids=HARMFUL.keys())
def test_a_harmful_or_failing_check_changes_nothing_and_is_named(sql, audited, tmp_path, capsys):
    (tmp_path / "secret.txt").write_text("the secret\n", "utf-8")
    before, _ = audited("SELECT line, 'fine' AS reason FROM lines", capsys)
    ledger = (tmp_path / "curecon.duckdb").read_bytes()
    status, said = audited(sql, capsys)
    assert (before, status) == (1, cli.FAILED)
    assert "suspect.sql" in said
    assert "the secret" not in said
    assert (tmp_path / "curecon.duckdb").read_bytes() == ledger
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert left == {"secret.txt", "own", "curecon.duckdb"}


def test_a_check_without_end_is_stopped(audited, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checks, "_SECONDS_MAX", 0.5)
    endless = (
        "WITH RECURSIVE r AS (SELECT 1 AS line UNION ALL SELECT line FROM r) "
        "SELECT line, 'x' AS reason FROM r"
    )
    status, said = audited(endless, capsys)
    assert status == cli.FAILED
    assert "suspect.sql: was stopped after 0.5 seconds" in said
    assert not (tmp_path / "curecon.duckdb").exists()


def test_a_check_of_a_user_makes_findings(audited, tmp_path, capsys):
    status, _ = audited("SELECT line, 'noted' AS reason FROM lines", capsys)
    assert status == 1
    with duckdb.connect(str(tmp_path / "curecon.duckdb"), read_only=True) as con:
        found = con.execute(
            "SELECT category, severity, lines, reason, owns_difference FROM findings "
            "WHERE \"check\" = 'suspect'"
        ).fetchall()
    assert found == [("anomaly", "warning", 1, "noted", False)]
