"""The command line: help, options and where they come from, exit statuses, what goes where."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

import curecon
from curecon import cli, ledger

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "fixtures" / "demo"

BUILT = [
    ["audit"], ["ingest"], ["sql"], ["decode"], ["price"],
    ["rates"], ["rates", "check"], ["rates", "list"], ["rates", "sync"], ["rates", "diff"],
    ["checks"], ["checks", "list"], ["checks", "show"], ["explain"], ["simulate"], ["diff"],
    ["findings"], ["findings", "list"], ["findings", "show"],
    ["findings", "ack"], ["findings", "reopen"], ["findings", "settle"], ["findings", "dispute"],
    ["alert"], ["mcp"],
]  # fmt: skip
RESERVED = [
    ["collect"],
]  # fmt: skip
# The audit's options, as DESIGN promises them.
OPTIONS = [
    "--ledger", "--period", "--rates", "--price-list", "--contract", "--checks", "--services",
    "--invoice-total", "--min-difference", "--out", "--fail-on", "--json",
]  # fmt: skip

HEADER = (
    "identity_line_item_id,identity_time_interval,bill_invoice_id,bill_payer_account_id,"
    "bill_billing_period_start_date,line_item_usage_account_id,line_item_line_item_type,"
    "line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,"
    "line_item_usage_type,line_item_usage_amount,line_item_unblended_rate,"
    "line_item_unblended_cost,line_item_currency_code,pricing_unit"
)
RIGHT = (
    "a,2024-06-03T00:00:00Z/2024-06-04T00:00:00Z,i1,111122223333,2024-06-01T00:00:00Z,"
    "111122223333,Usage,2024-06-03T00:00:00Z,2024-06-04T00:00:00Z,AmazonBedrock,"
    "USE1-Claude2.0-input-tokens,1000,0.008,8.0,USD,1K tokens"
)
# 1,000 at 0.009 instead of 0.008: one dollar too much.
DEAR = RIGHT.replace("a,2024-06-03", "b,2024-06-03", 1).replace(",0.008,8.0,", ",0.009,9.0,")
# Nobody knows this meter: a warning.
STRANGE = RIGHT.replace("a,2024-06-03", "c,2024-06-03", 1).replace("Claude2.0-input-tokens", "Demo")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in an empty folder, with bills that are right, too dear, and strange."""
    monkeypatch.chdir(tmp_path)
    for name in ("CURECON_AUDIT_LEDGER", "CURECON_SQL_LEDGER", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    for name, lines in (
        ("right", [RIGHT]),
        ("dear", [RIGHT, DEAR]),
        ("strange", [RIGHT, STRANGE]),
    ):
        Path(f"{name}.csv").write_text("\n".join([HEADER, *lines, ""]), "utf-8")
    return tmp_path


def run(*arguments, env=None):
    """Run curecon as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "curecon.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip


@pytest.fixture
def audited(here):
    run("audit", "dear.csv")
    return here


# --- help


@pytest.mark.parametrize("words", [[], *BUILT], ids=" ".join)
def test_every_command_has_help(words, capsys):
    assert cli.run([*words, "--help"]) == cli.FINE
    shown = capsys.readouterr()
    assert f"Usage: {' '.join(['curecon', *words])}" in shown.out
    assert shown.err == ""


def test_help_lists_every_command(capsys):
    for group in ([], ["rates"], ["checks"], ["findings"]):
        cli.run([*group, "--help"])
        shown = capsys.readouterr().out
        for words in (*BUILT, *RESERVED):
            if words[:-1] == group:
                assert f"│ {words[-1]} " in shown, words
    assert [command for command in RESERVED if command in BUILT] == []


def test_help_of_audit_lists_every_option(capsys):
    cli.run(["audit", "--help"])
    shown = capsys.readouterr().out
    for option in OPTIONS:
        assert f"│ {option} " in shown, option
    assert "--evidence" not in shown, "a reserved option is not offered"


def test_help_needs_no_engine():
    """Who asks for help does not wait for duckdb, polars and boto3 to load."""
    code = (
        "import sys; from curecon import cli; cli.run(['--help']); "
        "sys.exit(bool({'duckdb', 'polars', 'boto3', 'pyarrow'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


def test_the_version_is_the_package_s(capsys):
    assert cli.run(["--version"]) == cli.FINE
    assert capsys.readouterr().out.strip() == curecon.__version__


# --- reserved


@pytest.mark.parametrize("words", RESERVED, ids=" ".join)
def test_a_reserved_command_says_so_whatever_it_is_given(words, capsys):
    for more in ([], ["x"], ["--some-option", "y"]):
        assert cli.run([*words, *more]) == cli.FAILED
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err == f"curecon: `curecon {' '.join(words)}` is reserved and not built yet\n"


def test_a_reserved_option_says_so(here, capsys):
    assert cli.run(["audit", "right.csv", "--evidence", "logs"]) == cli.FAILED
    assert "reserved" in capsys.readouterr().err
    assert not Path("curecon.duckdb").exists()


# --- exit statuses


def test_nothing_wrong_is_0(here, capsys):
    assert cli.run(["audit", "right.csv"]) == cli.FINE
    shown = capsys.readouterr()
    assert "No findings." in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("bill", "options", "status"),
    [
        ("dear", [], 1),
        ("dear", ["--fail-on", "error"], 1),
        ("dear", ["--fail-on", "warning"], 1),
        ("dear", ["--fail-on", "never"], 0),
        ("strange", [], 0),
        ("strange", ["--fail-on", "warning"], 1),
        ("strange", ["--fail-on", "never"], 0),
        # The difference is 1 dollar.
        ("dear", ["--min-difference", "1"], 1),
        ("dear", ["--min-difference", "1.0000000001"], 0),
    ],
)
def test_the_exit_status_tells_whether_something_was_found(here, bill, options, status):
    assert cli.run(["audit", f"{bill}.csv", *options]) == status


def test_only_the_periods_of_this_run_count(here):
    other = (
        HEADER + "\n" + RIGHT.replace("2024-06-01", "2024-05-01").replace("2024-06-0", "2024-05-0")
    )
    Path("may.csv").write_text(other + "\n", "utf-8")
    assert cli.run(["audit", "dear.csv"]) == cli.FOUND
    assert cli.run(["audit", "may.csv"]) == cli.FINE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit"], "name a bill"),
        (["ingest"], "name a bill"),
        (["audit", "nowhere"], "nowhere: no such file"),
        (["audit", "right.csv", "--period", "June"], "2026-10"),
        (["audit", "right.csv", "--period", "2023-01"], "right.csv"),
        (["audit", "right.csv", "--contract", "nowhere.toml"], "nowhere.toml"),
        (["audit", "right.csv", "--rates", "nowhere"], "nowhere"),
        (["audit", "right.csv", "--price-list", "nowhere"], "nowhere"),
        (["audit", "right.csv", "--checks", "nowhere"], "nowhere"),
        (["audit", "right.csv", "--invoice-total", "i1"], "INVOICE=AMOUNT"),
        (["audit", "right.csv", "--invoice-total", "i1=much"], "INVOICE=AMOUNT"),
        (["audit", "right.csv", "--min-difference", "much"], "--min-difference"),
        (["audit", "right.csv", "--min-difference", "nan"], "--min-difference"),
        (["audit", "right.csv", "--min-difference=-1"], "--min-difference"),
        (["audit", "right.csv", "--services", "some"], "--services"),
        (["audit", "right.csv", "--fail-on", "always"], "--fail-on"),
        (["audit", "right.csv", "--colour"], "--colour"),
        (["audit", "right.csv", "--ledgr", "x"], "--ledgr"),
        (["sql", "SELECT 1", "--ledger", "nowhere.duckdb"], "nowhere.duckdb"),
        (["checks", "show", "nothing"], "curecon checks list"),
        (["rates", "check", "nowhere"], "nowhere"),
        (["frobnicate"], "frobnicate"),
        (["rates", "frobnicate"], "frobnicate"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_2_and_changes_nothing(here, capsys, arguments, said):
    before = {path.name for path in here.iterdir()}
    assert cli.run(arguments) == cli.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("curecon: ")
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert {path.name for path in here.iterdir() if not path.name.endswith(".lock")} == before


def test_a_ledger_that_is_open_elsewhere_is_2(here, capsys):
    cli.run(["audit", "right.csv"])
    before = Path("curecon.duckdb").read_bytes()
    with ledger.staged(here / "curecon.duckdb"):
        done = run("audit", "dear.csv")
    assert done.returncode == cli.FAILED
    assert "another curecon is writing this ledger" in done.stderr
    assert Path("curecon.duckdb").read_bytes() == before
    capsys.readouterr()


def test_a_fault_of_ours_does_not_look_like_a_finding(here, capsys, monkeypatch):
    def break_down(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("curecon.reconcile.audit", break_down)
    assert cli.run(["audit", "right.csv"]) == cli.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a fault in curecon" in shown.err


def test_a_full_disk_is_a_sentence(here, capsys, monkeypatch):
    def fill_up(*_):
        raise OSError(28, "No space left on device", "out/report.html")

    monkeypatch.setattr("curecon.reconcile.audit", fill_up)
    assert cli.run(["audit", "right.csv"]) == cli.FAILED
    assert capsys.readouterr().err == (
        "curecon: out/report.html: No space left on device; nothing was changed\n"
    )


SLOW = """-- severity: info
-- category: anomaly
-- question: Does this ever end?
SELECT l.line, 'never' AS reason
FROM lines AS l
WHERE (SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b) = l.line
"""


def interrupted(arguments, after):
    """Start curecon, send it Ctrl-C two seconds after something is there, return how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "curecon.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not after() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(2)
    assert process.poll() is None, "it ended by itself"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_ctrl_c_ends_a_query(audited):
    query = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"
    ended = interrupted(["sql", query], lambda: True)
    assert ended == (cli.INTERRUPTED, "", "curecon: interrupted; nothing was changed\n")


def test_ctrl_c_is_130_and_changes_nothing(here):
    Path("slow").mkdir()
    Path("slow/never_ends.sql").write_text(SLOW, "utf-8")
    before = {path.name for path in here.iterdir()}
    staged = Path(".curecon.duckdb.staged")
    ended = interrupted(["audit", "dear.csv", "--checks", "slow", "--out", "out"], staged.exists)
    assert ended == (cli.INTERRUPTED, "", "curecon: interrupted; nothing was changed\n")
    assert {path.name for path in here.iterdir() if not path.name.endswith(".lock")} == before


@pytest.mark.parametrize("verb", ["audit", "ingest"])
def test_ctrl_c_comes_too_late_once_the_ledger_is_written(here, monkeypatch, capsys, verb):
    """What was published is told, with the status that it has: 130 would say nothing changed."""
    expected = cli.run([verb, "dear.csv", "--ledger", "undisturbed.duckdb"])
    undisturbed = capsys.readouterr()

    class Telling(io.StringIO):
        def write(self, text):
            signal.raise_signal(signal.SIGINT)
            return super().write(text)

    before = signal.getsignal(signal.SIGINT)
    told = Telling()
    monkeypatch.setattr("sys.stdout", told)
    assert cli.run([verb, "dear.csv"]) == expected
    assert told.getvalue() == undisturbed.out
    assert Path("curecon.duckdb").exists()
    assert signal.getsignal(signal.SIGINT) is before is signal.default_int_handler


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["rates", "list"], 0),
        (["checks", "list"], 0),
        (["--help"], 0),
        (["audit", "dear.csv"], 1),
        (["audit", "dear.csv", "--json"], 1),
    ],
)
def test_a_reader_that_goes_away_changes_nothing(here, arguments, status):
    process = subprocess.Popen(
        [sys.executable, "-m", "curecon.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(60) == status
    assert err == b""


# --- what goes where


def test_json_is_all_that_stands_on_standard_output(here, capsys):
    assert cli.run(["audit", "dear.csv", "--json", "--out", "out"]) == cli.FOUND
    shown = capsys.readouterr()
    result = json.loads(shown.out, parse_float=Decimal)
    assert result["findings"][0]["difference"] == "1"
    written = json.loads(Path("out/findings.json").read_text("utf-8"), parse_float=Decimal)
    assert written["findings"] == result["findings"]
    assert written["bridge"] == result["bridge"]


def test_the_place_of_the_report_goes_to_standard_error(here, capsys):
    cli.run(["audit", "dear.csv", "--out", "out"])
    shown = capsys.readouterr()
    assert shown.err == "report: out/report.html\n"
    assert "report.html" not in shown.out
    assert {path.name for path in Path("out").iterdir()} == {
        "findings.json", "findings.csv", "bridge.csv", "summary.md", "report.html",
        "findings.xlsx",
    }  # fmt: skip


def test_ingest_prints_what_it_brought(here, capsys):
    assert cli.run(["ingest", "dear.csv"]) == cli.FINE
    assert capsys.readouterr().out.startswith("2024-06 payer 111122223333: 2 lines, ")
    assert cli.run(["sql", "SELECT count(*) AS lines FROM line_items", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "lines\n2\n"


# --- where options come from


def test_options_come_from_the_file_the_environment_and_the_line(here):
    """The line goes before the environment, the environment before the file."""
    Path("curecon.toml").write_text('[audit]\nledger = "file.duckdb"\nfail_on = "never"\n', "utf-8")
    env = {"CURECON_AUDIT_LEDGER": "environment.duckdb"}
    assert run("audit", "dear.csv").returncode == cli.FINE
    assert Path("file.duckdb").exists()
    assert run("audit", "dear.csv", env=env).returncode == cli.FINE
    assert Path("environment.duckdb").exists()
    done = run("audit", "dear.csv", "--ledger", "line.duckdb", "--fail-on", "error", env=env)
    assert done.returncode == cli.FOUND
    assert Path("line.duckdb").exists()
    assert not Path("curecon.duckdb").exists()


def test_a_wrong_word_in_the_file_is_2(here):
    Path("curecon.toml").write_text('[audit]\nledgr = "x"\n', "utf-8")
    done = run("audit", "right.csv")
    assert done.returncode == cli.FAILED
    assert "ledgr" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[audit\n", "is not valid TOML"),
        (b"[sql]\nformat = 'csv'\nformat = 'json'\n", "is not valid TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"[sql]\nformat = " + b"[" * 200 + b"]" * 200, "nested too deeply"),
        (b"sql" + b".a" * 3_000 + b" = 1", "nested too deeply"),
        (b"[sql]\nformat = " + b"9" * 5_000, "is not valid TOML"),
        (b"[audit]\nmin_difference = 1e99999999999999999999", "out of any range"),
        (b"# \xff", "is not UTF-8 text (byte 2)"),
        ("[sql]".encode("utf-16"), "is not UTF-8 text (byte 0)"),
        (b"\0", "is not valid TOML"),
        (b"[sqll]\nformat = 'json'\n", "`sqll` is no command"),
        (b"out = 'other'\n", "`out` is no command"),
        (b"ledger = 'other.duckdb'\n", "`ledger` is no table"),
        (b"'--help' = 1\n", "`--help` is no command"),
        (b"sql = 3\n", "`sql` is no table"),
        (b"[[sql]]\nformat = 'json'\n", "`sql` is no table"),
        (b"[sql]\nformat = 2026-01-01\n", "[format]"),
        (b"[sql]\n'x\ny' = 1\n", "is not valid TOML"),
        (b'[sql]\n"x\\u001b[31m" = 1\n', "Unknown option"),
    ],
)
def test_a_file_of_options_that_breaks_the_rules_is_2_and_named(here, capsys, content, says):
    Path("curecon.toml").write_bytes(content)
    assert cli.run(["sql", "SELECT 1"]) == cli.FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("curecon: ")
    assert "curecon.toml" in told.err
    assert says in told.err
    assert "Traceback" not in told.err
    assert len(told.err) < 2000
    assert told.err.removesuffix("\n").isprintable()


@pytest.mark.parametrize("given", ["nan", "inf", "-1", "1e30", "1e-30", "true", "'x'", "[1, 2]"])
def test_dollars_in_the_file_are_dollars(here, capsys, given):
    Path("curecon.toml").write_text(f"[audit]\nmin_difference = {given}\n", "utf-8")
    assert cli.run(["audit", "dear.csv"]) == cli.FAILED
    told = capsys.readouterr().err
    assert "[min_difference]" in told
    assert "curecon.toml" in told
    assert not Path("curecon.duckdb").exists()


def test_dollars_in_the_file_are_exact(here):
    """A double would keep 0.1000000000000000055 of it."""
    Path("curecon.toml").write_text("[audit]\nmin_difference = 0.10000000000000000001\n", "utf-8")
    assert cli.settings.config == {"audit": {"min_difference": Decimal("0.10000000000000000001")}}


def test_a_byte_order_mark_in_the_file_does_not_matter(here, capsys):
    Path("curecon.toml").write_text("\ufeff[decode]\njson = true\n", "utf-8")
    assert cli.run(["decode", "USE1-NovaLite-input-tokens"]) == cli.FINE
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("total", ["X=nan", "X=1e400", "X=1e-30", "X=", "=5", "5"])
def test_an_invoice_total_is_money(here, capsys, total):
    assert cli.run(["audit", "right.csv", "--invoice-total", total]) == cli.FAILED
    told = capsys.readouterr().err
    assert f"--invoice-total {total!r}" in told
    assert "Traceback" not in told


def test_an_option_may_be_given_several_times(here, capsys):
    both = HEADER + "\n" + RIGHT + "\n" + DEAR.replace("2024-06", "2024-05") + "\n"
    Path("both.csv").write_text(both, "utf-8")
    status = cli.run(["audit", "both.csv", "--period", "2024-05", "--period", "2024-06", "--json"])
    assert status == cli.FOUND
    result = json.loads(capsys.readouterr().out)
    assert [total["period"] for total in result["totals"]] == ["2024-05", "2024-06"]
    assert cli.run(["audit", "both.csv", "--period", "2024-06"]) == cli.FINE


def test_a_word_too_many_is_told_with_the_way_to_write_it(here, capsys):
    assert cli.run(["findings", "list", "--state", "new", "open"]) == cli.FAILED
    said = capsys.readouterr().err
    assert "'open' is not expected there" in said
    assert "--state new --state open; see `curecon findings list --help`" in said
    assert "Token" not in said


def test_an_invoice_is_tied(here, capsys):
    assert cli.run(["audit", "right.csv", "--invoice-total", "i1=8.00"]) == cli.FINE
    capsys.readouterr()
    assert cli.run(["audit", "right.csv", "--invoice-total", "i1=9", "--json"]) == cli.FOUND
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [one["check"] for one in found] == ["invoice_total_differs"]


# --- sql


COSTS = (
    "SELECT identity_line_item_id AS id, line_item_unblended_cost AS billed, "
    "line_item_usage_start_date AS starts FROM line_items ORDER BY id"
)


def test_sql_writes_each_format(audited, capfdbinary):
    printed = {}
    for form in ("table", "csv", "json", "markdown", "parquet"):
        assert cli.run(["sql", COSTS, "--format", form]) == cli.FINE
        sys.stdout.flush()
        printed[form] = capfdbinary.readouterr().out
    rows = list(csv.DictReader(io.StringIO(printed["csv"].decode())))
    assert [Decimal(row["billed"]) for row in rows] == [8, 9]
    assert rows[0]["starts"] == "2024-06-03T00:00:00Z"
    assert [Decimal(row["billed"]) for row in json.loads(printed["json"])] == [8, 9]
    assert b"| a | 8.0" in printed["markdown"]
    assert b"id" in printed["table"].splitlines()[0]
    frame = pl.read_parquet(io.BytesIO(printed["parquet"]))
    assert frame["billed"].to_list() == [8, 9]


def test_sql_lists_the_relations(audited, capsys):
    for arguments in (["sql", "--list"], ["sql"]):
        assert cli.run([*arguments, "--format", "csv"]) == cli.FINE
        listed = {row["name"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
        assert {"findings", "bridge", "comparison", "line_items"} <= set(listed)
        assert "one row" in listed["findings"]["comment"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nothing FROM findings",
        "SELEKT 1",
        "DROP TABLE findings",
        "DELETE FROM lines",
        "CREATE TABLE mine AS SELECT 1",
        "SELECT * FROM read_text('dear.csv')",
        "COPY findings TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ],
)
def test_sql_reads_the_ledger_and_nothing_else(audited, capsys, query):
    before = {path.name: path.read_bytes() for path in audited.iterdir() if path.is_file()}
    assert cli.run(["sql", query]) == cli.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("curecon: ")
    assert "Traceback" not in shown.err
    assert {p.name: p.read_bytes() for p in audited.iterdir() if p.is_file()} == before


def test_any_duckdb_opens_the_ledger(audited):
    with duckdb.connect("curecon.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*) FROM findings").fetchall() == [(1,)]


# --- the smaller commands


def test_decode_reads_usage_types(capsys):
    assert cli.run(["decode", "USE1-Claude2.0-input-tokens", "--json"]) == cli.FINE
    read = json.loads(capsys.readouterr().out)
    assert (read["model"], read["region"], read["token_type"]) == (
        "Claude 2.0",
        "us-east-1",
        "input",
    )
    assert cli.run(["decode", "USE1-Claude2.0-input-tokens", "USE1-Demo"]) == cli.FINE
    shown = capsys.readouterr().out
    assert "Claude 2.0" in shown
    assert "The usage type USE1-Demo is not known." in shown


def test_output_that_is_closed_goes_nowhere():
    """As `curecon decode x >&-` in a shell."""
    code = "import os, sys; os.close({}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    for closed in (1, 2):
        command = [sys.executable, "-c", code.format(closed), "-m", "curecon.cli", "decode", "x"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "Traceback" not in done.stderr


def test_rates_that_nobody_knows_are_told(here, capsys):
    assert cli.run(["rates", "list", "no-such-model", "--region", "eu-west-1"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "curecon: no rate with the words no-such-model in eu-west-1 is known; leave a word out\n"
    )


def test_a_folder_without_checks_is_told(here, capsys):
    (here / "empty").mkdir()
    assert cli.run(["checks", "list", "--checks", str(here / "empty")]) == 2
    assert "empty: holds no check; a check is a file NAME.sql" in capsys.readouterr().err


def test_rates_are_listed_and_checked(here, capsys):
    arguments = ["rates", "list", "human task", "--format", "csv"]
    assert cli.run(arguments) == cli.FINE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {Decimal(row["price"]) for row in rows} == {Decimal("0.21")}
    assert cli.run(["rates", "check"]) == cli.FINE
    capsys.readouterr()
    Path("cards").mkdir()
    Path("cards/ours.toml").write_text('card = "ours"\n', "utf-8")
    assert cli.run(["rates", "check", "cards"]) == cli.FAILED
    assert "ours.toml" in capsys.readouterr().err


def test_checks_are_listed_and_shown(capsys):
    assert cli.run(["checks", "list"]) == cli.FINE
    listed = capsys.readouterr().out
    assert "rate_differs" in listed
    assert cli.run(["checks", "show", "rate_differs"]) == cli.FINE
    assert capsys.readouterr().out == (ROOT / "sql/checks/rate_differs.sql").read_text("utf-8")


# --- the library


def test_the_library_has_the_same_verbs(here):
    result = curecon.audit([here / "dear.csv"], curecon.Options(ledger=here / "ours.duckdb"))
    assert [finding.difference for finding in result.findings] == [1]
    frame = curecon.sql("SELECT difference FROM findings", here / "ours.duckdb")
    assert frame["difference"].to_list() == [1]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = curecon.nothing
