"""The ledger: deliveries that replace each other, one writer, many readers, and what is refused."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import deliveries as aws
from curecon import cli, ledger
from curecon.errors import LedgerLocked, LedgerUnreadable
from curecon.reconcile import Options, audit, bring_in

pytest_plugins = ["deliveries"]

COST = "line_item_unblended_cost"


def bill(folder, name="bill.csv", **changed):
    """Write the bill of the fixtures; `changed` goes into every line."""
    lines = [line | changed for line in aws.bill()]
    return aws.write_csv(folder / name, aws.cur2_rows(lines))


def month(number):
    """The columns that put a line into a month."""
    return {
        "bill_billing_period_start_date": f"2026-{number:02d}-01T00:00:00Z",
        "line_item_usage_start_date": f"2026-{number:02d}-05T10:00:00Z",
        "line_item_usage_end_date": f"2026-{number:02d}-05T11:00:00Z",
    }


def dump(path):
    """Every row of every table but `runs`, in an order of its own."""
    with ledger.reading(path) as con:
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND table_name <> 'runs'"
        ).fetchall()
        return {
            table: sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for (table,) in tables
        }


def ask(path, query):
    with ledger.reading(path) as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A ledger with one audited delivery; copy it, do not write it."""
    folder = tmp_path_factory.mktemp("audited")
    path = folder / "ledger.duckdb"
    audit([bill(folder)], Options(ledger=path))
    return path


@pytest.fixture
def book(audited, tmp_path):
    return Path(shutil.copyfile(audited, tmp_path / "ledger.duckdb"))


# Deliveries


@pytest.mark.parametrize("form", ["cur2-csv", "cur2-parquet", "focus-1.2-csv"])
def test_the_same_delivery_twice_changes_nothing(tmp_path, form):
    path = tmp_path / "ledger.duckdb"
    rows = {
        "cur2-csv": lambda: aws.write_csv(tmp_path / "a.csv", aws.cur2_rows(aws.bill())),
        "cur2-parquet": lambda: aws.write_parquet(
            tmp_path / "a.parquet", aws.cur2_table(aws.bill())
        ),
        "focus-1.2-csv": lambda: aws.write_csv(
            tmp_path / "a.csv", aws.focus_rows([*aws.bill(), aws.bill()[0]], "1.2")
        ),
    }
    source = rows[form]()
    first = audit([source], Options(ledger=path))
    before = dump(path)
    renamed = source.rename(source.with_name(f"renamed {source.name}"))
    second = audit([renamed], Options(ledger=path))
    assert dump(path) == before
    assert second.run.notes == ["this delivery is in the ledger already; it is audited again"]
    assert [one.id for one in second.run.deliveries] == [one.id for one in first.run.deliveries]
    assert second.findings == first.findings
    assert second.bridge == first.bridge
    assert ask(path, "SELECT count(*) FROM runs") == [(2,)]


def test_a_newer_delivery_replaces_the_older_one_as_a_whole(tmp_path, book):
    old = dump(book)
    lines = [line | {"line_item_usage_account_id": "999988887777"} for line in aws.bill()[:4]]
    newer = aws.write_csv(tmp_path / "newer.csv", aws.cur2_rows(lines))
    audit([newer], Options(ledger=book))
    new = dump(book)
    assert ask(book, "SELECT DISTINCT line_item_usage_account_id FROM line_items") == [
        ("999988887777",)
    ]
    assert ask(book, "SELECT count(*) FROM line_items") == [(4,)]
    assert ask(book, "SELECT is_current, lines, billed, sequence FROM deliveries ORDER BY 4") == [
        (False, 12, Decimal("1.9234315411"), 1),
        (True, 4, Decimal("0.9404305414"), 2),
    ]
    assert new["past_findings"] == old["findings"]
    assert new["past_bridge"] == old["bridge"]
    ids = ask(book, "SELECT delivery_id FROM deliveries WHERE is_current")
    for table in ("lines", "findings", "bridge", "compared", "found_lines"):
        assert new[table], table
        assert ask(book, f"SELECT DISTINCT delivery_id FROM {table}") == ids, table


def test_an_older_delivery_may_come_back(tmp_path, book, audited):
    old = dump(audited)
    newer = bill(tmp_path, line_item_usage_account_id="999988887777")
    audit([newer], Options(ledger=book))
    between = dump(book)
    audit([bill(audited.parent)], Options(ledger=book))
    back = dump(book)
    assert back["findings"] == old["findings"]
    assert back["bridge"] == old["bridge"]
    assert back["past_findings"] == between["findings"]
    assert back["past_bridge"] == between["bridge"]
    assert ask(book, "SELECT count(*), count_if(is_current) FROM deliveries") == [(2, 1)]
    assert ask(book, "SELECT count(*), count(DISTINCT line) FROM lines") == [(10, 10)]


def test_two_payers_do_not_replace_each_other(tmp_path, book):
    old = dump(book)
    audit([bill(tmp_path, bill_payer_account_id="222233334444")], Options(ledger=book))
    new = dump(book)
    assert ask(book, "SELECT payer_account, is_current FROM deliveries ORDER BY 1") == [
        ("111122223333", True), ("222233334444", True),
    ]  # fmt: skip
    assert new["past_findings"] == []
    for table in ("lines", "findings", "bridge", "compared"):
        assert len(new[table]) == 2 * len(old[table])
        assert set(map(repr, old[table])) <= set(map(repr, new[table]))


def test_periods_live_side_by_side_and_keep_their_names(tmp_path, book, audited):
    november = bill(tmp_path, **month(11))
    audit([november], Options(ledger=book))
    before = dump(book)
    assert [row[0] for row in ask(book, "SELECT DISTINCT period FROM findings ORDER BY 1")] == [
        "2026-10", "2026-11",
    ]  # fmt: skip
    october = audited.parent / "bill.csv"
    result = audit([october, november], Options(ledger=book))
    assert dump(book) == before
    assert [one.period for one in result.run.deliveries] == ["2026-10", "2026-11"]
    # Together with a newer November, October stays what it was.
    newer = bill(tmp_path, "newer.csv", **month(11), line_item_usage_account_id="999988887777")
    audit([october, newer], Options(ledger=book))
    current = ask(book, "SELECT delivery_id, period FROM deliveries WHERE is_current ORDER BY 2")
    assert current[0][0] == result.run.deliveries[0].id
    assert current[1][0] != result.run.deliveries[1].id
    assert ask(book, "SELECT DISTINCT period FROM past_findings") == [("2026-11",)]


def test_one_file_may_hold_several_periods_and_payers(tmp_path):
    lines = [
        line | month(number) | {"bill_payer_account_id": payer}
        for number in (9, 10)
        for payer in ("111122223333", "222233334444")
        for line in aws.bill()[:2]
    ]
    path = tmp_path / "ledger.duckdb"
    source = aws.write_csv(tmp_path / "bill.csv", aws.cur2_rows(lines))
    brought = bring_in([source], path)
    assert [(one.period, one.payer_account, one.lines) for one in brought] == [
        ("2026-09", "111122223333", 2), ("2026-09", "222233334444", 2),
        ("2026-10", "111122223333", 2), ("2026-10", "222233334444", 2),
    ]  # fmt: skip
    assert len({one.id for one in brought}) == 4
    only = bring_in([source], tmp_path / "other.duckdb", periods=["2026-10"])
    assert [one.id for one in only] == [one.id for one in brought[2:]]


def test_a_change_of_services_reads_the_bill_again(book, audited):
    source = audited.parent / "bill.csv"
    kept = audit([source], Options(ledger=book, services="all"))
    groups = {(one.kind, one.service, one.label, one.lines) for one in kept.breakdowns}
    assert ("capability", None, "(none: another service)", 2) in groups
    assert ("model", "another service", "Amazon S3", 1) in groups
    assert ask(book, "SELECT services, lines, in_scope_lines FROM deliveries") == [("all", 12, 12)]
    assert ask(book, "SELECT count(*) FROM line_items") == [(12,)]
    assert ask(book, "SELECT count(*) FROM other_totals") == [(0,)]
    assert ask(book, "SELECT count(*) FROM past_findings") == [(0,)]
    audit([source], Options(ledger=book))
    assert ask(book, "SELECT services, lines, in_scope_lines FROM deliveries") == [("ai", 12, 10)]
    assert sorted(ask(book, "SELECT line_item_product_code, lines FROM other_totals")) == [
        ("AmazonEC2", 1), ("AmazonS3", 1),
    ]  # fmt: skip


# One writer, many readers


def test_a_second_curecon_is_told_who_writes(book, audited, capsys):
    before = book.read_bytes()
    with ledger.staged(book):
        assert cli.run(["audit", str(audited.parent / "bill.csv"), "--ledger", str(book)]) == 2
    assert capsys.readouterr().err == (
        f"curecon: {book}: another curecon is writing this ledger (process {os.getpid()}); "
        "wait until it has finished, or give --ledger another file\n"
    )
    assert book.read_bytes() == before


@contextmanager
def other_program(script, *arguments):
    """Run Python in another process until it says it is ready, and to the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


HOLD = (
    "import duckdb, sys; con = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'read'); "
    "print('ready', flush=True); sys.stdin.readline(); "
    "print(con.execute('SELECT count(*) FROM line_items').fetchall()[0][0], flush=True)"
)


@pytest.mark.parametrize(
    "command", [["audit", "BILL"], ["ingest", "BILL"], ["sql", "SELECT count(*) FROM findings"]]
)
def test_a_program_that_holds_the_ledger_is_named(book, audited, capsys, command):
    before = book.read_bytes()
    told = [str(audited.parent / "bill.csv") if word == "BILL" else word for word in command]
    with other_program(HOLD, book, "write") as process:
        assert cli.run([*told, "--ledger", str(book)]) == 2
    assert capsys.readouterr().err == (
        f"curecon: {book}: another program (process {process.pid}) holds this ledger open; "
        "close it there, or give --ledger another file\n"
    )
    assert book.read_bytes() == before


def test_readers_see_the_old_ledger_to_the_end_and_the_new_one_at_once(tmp_path, book):
    newer = aws.write_csv(tmp_path / "newer.csv", aws.cur2_rows(aws.bill()[:3]))
    with other_program(HOLD, book, "read") as process:
        bring_in([newer], book)
        assert ask(book, "SELECT count(*) FROM line_items") == [(3,)]
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "10\n"


def test_several_readers_at_once(book):
    with other_program(HOLD, book, "read"), other_program(HOLD, book, "read"):
        assert ask(book, "SELECT count(*) FROM line_items") == [(10,)]


def test_nobody_else_writes_while_a_run_works_on_its_copy(book):
    script = (
        "import duckdb, sys\n"
        "try: duckdb.connect(sys.argv[1])\n"
        "except duckdb.IOException as error: print('lock' in str(error).lower())\n"
        "else: print('open')"
    )
    with ledger.staged(book):
        run = subprocess.run(
            [sys.executable, "-c", script, book], capture_output=True, text=True, check=True
        )
    assert run.stdout == "True\n"


def test_a_connection_of_this_process_is_named(book):
    con = duckdb.connect(str(book))
    try:
        with pytest.raises(LedgerLocked, match="this process has it open already"):
            ledger.staged(book).__enter__()
    finally:
        con.close()


# Leftovers


def test_what_a_killed_run_left_behind_is_removed(tmp_path, book, audited):
    place = tmp_path / ".ledger.duckdb.staged"
    (place / "temporary" / "bill-x").mkdir(parents=True)
    (place / "run.staged").write_bytes(b"half a ledger")
    (place / "run.staged.wal").write_bytes(b"half a log")
    (tmp_path / ".ledger.duckdb.lock").write_text("99999999")
    bring_in([audited.parent / "bill.csv"], book)
    assert not place.exists()
    place.write_text("a file in its place")
    bring_in([audited.parent / "bill.csv"], book)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".ledger.duckdb.lock", "ledger.duckdb",
    ]  # fmt: skip


def test_what_another_program_committed_before_it_was_killed_is_kept(book, audited):
    script = (
        "import duckdb, os, sys; con = duckdb.connect(sys.argv[1]); "
        "con.execute('CREATE TABLE mine AS SELECT 42 AS answer'); "
        "print('ready', flush=True); sys.stdin.readline()"
    )
    with other_program(script, book) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wal = book.with_name("ledger.duckdb.wal")
    assert wal.exists()
    assert ask(book, "SELECT answer FROM mine") == [(42,)]
    audit([audited.parent / "bill.csv"], Options(ledger=book))
    assert not wal.exists()
    assert ask(book, "SELECT answer FROM mine") == [(42,)]
    assert ask(book, "SELECT count(*) FROM line_items") == [(10,)]


def test_a_run_that_fails_leaves_nothing(tmp_path, book):
    before = book.read_bytes()
    with suppress(RuntimeError), ledger.staged(book) as stage:
        stage.con.execute("DELETE FROM lines")
        raise RuntimeError
    assert book.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".ledger.duckdb.lock", "ledger.duckdb",
    ]  # fmt: skip


# Where a ledger may lie, and what is none


@pytest.mark.parametrize(
    "name",
    ["my ledger-1.duckdb", "it's [a] \"ledger\"*.db", "帳簿", "a.b.c.duckdb", ":memory:", "md:x",
     "staged", "run.duckdb", "--x", "SELECT", "1"],
)  # fmt: skip
def test_a_ledger_may_have_any_name(tmp_path, monkeypatch, audited, name):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        bring_in([audited.parent / "bill.csv"], Path(name))
    assert (tmp_path / name).is_file()
    assert ask(Path(name), "SELECT count(*) FROM line_items") == [(10,)]
    assert {path.name for path in tmp_path.iterdir()} == {f".{name}.lock", name}


def test_a_linked_ledger_stays_a_link_and_keeps_its_mode(tmp_path, book, audited):
    book.chmod(0o640)
    link = tmp_path / "link.duckdb"
    link.symlink_to(book)
    bring_in([aws.write_csv(tmp_path / "n.csv", aws.cur2_rows(aws.bill()[:3]))], link)
    assert link.is_symlink()
    assert book.stat().st_mode & 0o777 == 0o640
    assert ask(book, "SELECT count(*) FROM line_items") == [(3,)]


def test_a_missing_folder_is_made_and_an_empty_file_is_a_new_ledger(tmp_path, audited):
    source = audited.parent / "bill.csv"
    deep = tmp_path / "a" / "b" / "ledger.duckdb"
    bring_in([source], deep)
    assert ask(deep, "SELECT count(*) FROM line_items") == [(10,)]
    empty = tmp_path / "empty.duckdb"
    empty.touch()
    bring_in([source], empty)
    assert ask(empty, "SELECT schema_version FROM ledger") == [(ledger.SCHEMA_VERSION,)]


def refused(path, audited, kind=LedgerUnreadable):
    """Try to write and to read; the message of the first, and that nothing has changed."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind) as caught:
        bring_in([audited.parent / "bill.csv"], path)
    with pytest.raises(LedgerUnreadable), ledger.reading(path):
        pass
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not path.with_name(f".{path.name}.staged").exists()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_files_that_are_no_ledger_are_refused(tmp_path, audited):
    text = tmp_path / "text.duckdb"
    text.write_text("hello, I am no database\n" * 500)
    assert "cannot be opened as a ledger (it is no DuckDB file)" in refused(text, audited)
    bill = tmp_path / "bill.csv"
    bill.write_text("identity/LineItemId\n1\n")
    assert "cannot be opened as a ledger (it is no DuckDB file)" in refused(bill, audited)
    cut = tmp_path / "cut.duckdb"
    cut.write_bytes(audited.read_bytes()[:5000])
    assert "cannot be opened as a ledger" in refused(cut, audited)
    other = tmp_path / "other.duckdb"
    duckdb.connect(str(other)).execute("CREATE TABLE lines (x INTEGER)").close()
    assert "a DuckDB file, but no curecon ledger; give --ledger another" in refused(other, audited)
    namesake = tmp_path / "namesake.duckdb"
    duckdb.connect(str(namesake)).execute("CREATE TABLE ledger (x INTEGER)").close()
    assert "a DuckDB file, but no curecon ledger" in refused(namesake, audited)
    assert "no file, so no ledger; give --ledger a file" in refused(tmp_path, audited)
    message = refused(Path("/dev/null"), audited)
    assert "no file, so no ledger" in message
    assert not Path("/dev/.null.lock").exists()


@pytest.mark.parametrize("version", [0, 99])
def test_another_schema_version_is_refused(book, audited, version):
    with duckdb.connect(str(book)) as con:
        con.execute("UPDATE ledger SET schema_version = ?", [version])
    assert refused(book, audited) == (
        f"{book}: a ledger of schema version {version}, and this curecon works with version "
        f"{ledger.SCHEMA_VERSION}; audit the bills into a new --ledger"
    )


def test_a_missing_ledger_cannot_be_read(tmp_path, capsys):
    assert cli.run(["sql", "SELECT 1", "--ledger", str(tmp_path / "none.duckdb")]) == 2
    assert capsys.readouterr().err == (
        f"curecon: {tmp_path / 'none.duckdb'}: no such ledger; `curecon audit BILL` makes one\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_written_are_said(plain_user, audited):
    folder, unprivileged = plain_user
    shutil.copyfile(audited, folder / "ledger.duckdb")
    shutil.copyfile(audited.parent / "bill.csv", folder / "bill.csv")
    (folder / "file").write_text("x")
    folder.chmod(0o555)
    with unprivileged():
        with pytest.raises(LedgerUnreadable, match=r"cannot be written there \(Permission denied"):
            bring_in([folder / "bill.csv"], folder / "ledger.duckdb")
        with pytest.raises(LedgerUnreadable, match=r"its folder cannot be made \(Permission den"):
            bring_in([folder / "bill.csv"], folder / "new" / "ledger.duckdb")
        with pytest.raises(LedgerUnreadable, match="its folder cannot be made"):
            bring_in([folder / "bill.csv"], folder / "file" / "ledger.duckdb")
        assert ask(folder / "ledger.duckdb", "SELECT count(*) FROM line_items") == [(10,)]


# No room


def run_limited(arguments, limit):
    """Run the command where no file may grow beyond `limit` bytes, as on a full disk."""
    return subprocess.run(
        [sys.executable, "-c", "from curecon.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip


@pytest.mark.parametrize("room", ["for no copy", "for half a copy", "for the copy alone"])
def test_a_full_disk_is_a_sentence_and_changes_nothing(tmp_path, book, audited, room):
    size = book.stat().st_size
    limit = {"for no copy": 4096, "for half a copy": size // 2, "for the copy alone": size}[room]
    rows = [
        row | {"identity_line_item_id": str(n)}
        for n in range(9000)
        for row in aws.cur2_rows(aws.bill()[:1])
    ]
    large = aws.write_csv(tmp_path / "large.csv", rows)
    out = tmp_path / "out"
    out.mkdir()
    (out / "findings.json").write_text("old")
    before = {path: path.read_bytes() for path in (book, out / "findings.json")}
    run = run_limited(["audit", large, "--ledger", book, "--out", out], limit)
    assert run.returncode == 2, run
    assert run.stdout == ""
    assert run.stderr.startswith("curecon: ")
    assert run.stderr.endswith("nothing was changed\n")
    assert run.stderr.count("\n") == 1, run.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".ledger.duckdb.lock", "large.csv", "ledger.duckdb", "out",
    ]  # fmt: skip
    audit([audited.parent / "bill.csv"], Options(ledger=book))


def test_a_full_file_system_is_a_sentence(tmp_path, audited):
    """The same on a real one, where root may mount a small one."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        row = aws.cur2_rows(aws.bill()[:1])[0]
        rows = [row | {"identity_line_item_id": os.urandom(40).hex()} for _ in range(20_000)]
        large = aws.write_csv(tmp_path / "large.csv", rows)
        book = small / "ledger.duckdb"
        with pytest.raises((LedgerUnreadable, OSError)) as caught:
            audit([large], Options(ledger=book))
        assert "No space" in str(caught.value)
        assert sorted(path.name for path in small.iterdir()) == [".ledger.duckdb.lock"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_ledger_explains_itself(book, capsys):
    assert cli.run(["sql", "--list", "--format", "json", "--ledger", str(book)]) == 0
    relations = {row["name"] for row in json.loads(capsys.readouterr().out)}
    named = (
        "deliveries line_items other_totals charge_keys rates key_rates comparison evidence "
        "findings finding_lines bridge runs"
    )
    assert set(named.split()) <= relations


def test_what_is_published_is_whole_while_another_connection_is_open(tmp_path):
    """Closing the last connection would write what is still in the log; nothing counts on that."""
    with ledger.staged(tmp_path / "ledger.duckdb") as stage:
        other = stage.con.cursor()
        stage.con.execute("INSERT INTO first_read VALUES ('delivery', 1)")
        stage.publish()
        assert ask(tmp_path / "ledger.duckdb", "SELECT delivery_id FROM first_read") == [
            ("delivery",)
        ]
        other.close()
