"""Killed at any moment, the ledger is as it was before the run or as it is after it."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from curecon import cli
from curecon.report import files
from price_api import item, offer, served

# CI samples. CURECON_KILLS=4000 is the long run: so many kills of audits, and an eighth of it of
# every other command that writes. The moments follow from the seed.
KILLS = int(os.environ.get("CURECON_KILLS", "8"))
SEED = os.environ.get("CURECON_KILLS_SEED", "")
HEADER = (
    "identity_line_item_id,identity_time_interval,bill_payer_account_id,"
    "bill_billing_period_start_date,line_item_usage_account_id,line_item_line_item_type,"
    "line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,"
    "line_item_usage_type,line_item_usage_amount,pricing_unit,line_item_currency_code,"
    "line_item_unblended_rate,line_item_unblended_cost"
)


def bill(path, rate, lines=20_000):
    """Write a bill of one usage type, billed at the rate given."""
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for number in range(lines):
            hour = f"2024-06-{1 + number % 28:02d}T{number % 24:02d}"
            file.write(
                f"id{number},{hour}:00:00Z/{hour}:59:59Z,111122223333,2024-06-01T00:00:00Z,"
                f"444455556666,Usage,{hour}:00:00Z,{hour}:59:59Z,AmazonBedrock,"
                f"USW2-TitanTextG1-Lite-input-tokens,1,1K tokens,USD,{rate},{rate}\n"
            )
    return path


# Victims are forked from a process that has imported everything: a kill costs a fifth of the time,
# and falls into the work rather than into imports.
VICTIMS = multiprocessing.get_context("forkserver")
VICTIMS.set_forkserver_preload(
    ["curecon.cli", "curecon.reconcile", "curecon.pricing", "curecon.report.files",
     "curecon.alerts", "curecon.life", "curecon.ledger_s3", "curecon.disputed",
     "curecon.settlement", "curecon.simulate", "curecon.sync", "boto3"]
)  # fmt: skip


def victim(arguments, folder, environment):
    """Be curecon: the same arguments, its own folder, environment and exit status."""
    os.chdir(folder)
    os.environ.update(environment, XDG_CACHE_HOME=f"{folder}/.cache")
    os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os._exit(cli.run(arguments))


def begin(arguments, folder):
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    begun = VICTIMS.Process(target=victim, args=(arguments, str(folder), environment))
    begun.start()
    return begun


def finish(begun, folder):
    """Wait for a run; return its exit status and what it said."""
    begun.join()
    return begun.exitcode, (folder / "stderr").read_text("utf-8", "replace")


def kill(begun, seconds):
    """Kill a run after some seconds, and its children with it."""
    time.sleep(seconds)
    begun.kill()
    begun.join()


def audit(path, folder):
    return ["audit", str(path), "--ledger", str(folder / "l.duckdb"), "--out", str(folder / "out")]


def whole(arguments, folder):
    """Run a command to its end, and say how long it took."""
    started = time.monotonic()
    status, told = finish(begin(arguments, folder), folder)
    assert status in {0, 1}, told
    return time.monotonic() - started


def state(folder):
    """Read what the ledger says: its deliveries, its lines, its bridge and its findings."""
    ledger = folder / "l.duckdb"
    if not ledger.exists():
        return None
    with duckdb.connect(str(ledger), read_only=True) as con:
        return tuple(
            tuple(con.execute(query).fetchall())
            for query in (
                "SELECT delivery_id, is_current FROM deliveries ORDER BY ALL",
                "SELECT count(*), sum(line_item_unblended_cost) FROM line_items",
                "SELECT component, amount FROM bridge ORDER BY ALL",
                "SELECT id, difference FROM findings ORDER BY ALL",
            )
        )


def reports(folder):
    """Read what the same audit writes again; there are all files, each of them whole, or none."""
    out = folder / "out"
    if not out.exists():
        return {}
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == set(files.NAMES)
    json.loads((out / "findings.json").read_bytes())
    return {name: (out / name).read_bytes() for name in ("findings.csv", "bridge.csv")}


@pytest.mark.parametrize("kind", ["first audit", "newer delivery"])
def test_a_killed_audit_leaves_one_of_the_two_legal_states(tmp_path, kind):
    moments = random.Random(kind + SEED)  # noqa: S311  # chance, not secrecy
    right, wrong = bill(tmp_path / "a.csv", "0.0003"), bill(tmp_path / "b.csv", "0.0004")
    start, after = tmp_path / "start", tmp_path / "after"
    start.mkdir()
    if kind == "newer delivery":
        whole(audit(right, start), start)
    shutil.copytree(start, after)
    seconds = whole(audit(wrong, after), after)
    legal = (state(start), state(after))
    assert legal[0] != legal[1]
    old, new = reports(start), reports(after)
    for number in range(KILLS // 2):
        folder = tmp_path / str(number)
        shutil.copytree(start, folder)
        kill(begin(audit(wrong, folder), folder), moments.uniform(0, 1.1) * seconds)
        assert state(folder) in legal, f"{number}: the ledger is neither as before nor as after"
        # Files and ledger cannot change in one moment: one file after the other, then the ledger.
        found = reports(folder)
        assert all(found[name] in (old.get(name), new[name]) for name in found), f"{number}"
        assert found == new or state(folder) == legal[0], f"{number}: the ledger goes last"
        if number < KILLS // 2 - 1:
            shutil.rmtree(folder)
    # The next run is not troubled by what the killed one left, and cleans it up.
    whole(audit(wrong, folder), folder)
    assert (state(folder), reports(folder)) == (legal[1], new)
    assert not list(folder.glob(".l.duckdb.staged*"))


def test_a_ledger_copied_while_it_is_written_is_a_ledger(tmp_path):
    """As a backup does: whenever it comes, it gets the ledger as before or as after."""
    right, wrong = bill(tmp_path / "a.csv", "0.0003"), bill(tmp_path / "b.csv", "0.0004")
    folder, copies = tmp_path / "ledger", tmp_path / "copies"
    folder.mkdir()
    whole(audit(right, folder), folder)
    before, seen = state(folder), {}
    begun = begin(audit(wrong, folder), folder)
    while begun.is_alive():
        content = (folder / "l.duckdb").read_bytes()
        seen[hash(content)] = content
        time.sleep(0.02)
    status, told = finish(begun, folder)
    assert status in {0, 1}, told
    after = state(folder)
    assert before != after
    copies.mkdir()
    for content in seen.values():
        (copies / "l.duckdb").write_bytes(content)
        assert state(copies) in {before, after}
    assert seen


def test_an_interrupted_audit_changes_nothing_and_says_so(tmp_path):
    path, timed = bill(tmp_path / "b.csv", "0.0004"), tmp_path / "timed"
    timed.mkdir()
    words = [sys.executable, "-m", "curecon.cli"]
    started = time.monotonic()
    subprocess.run([*words, *audit(path, timed)], capture_output=True, check=False)
    seconds = time.monotonic() - started
    victim = subprocess.Popen(
        [*words, *audit(path, tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(0.6 * seconds)
    victim.send_signal(signal.SIGINT)
    _, errors = victim.communicate(timeout=60)
    if victim.returncode in {0, 1}:
        pytest.skip("the run was over before the interrupt came")
    assert victim.returncode == 130, errors
    assert not (tmp_path / "l.duckdb").exists()
    assert not (tmp_path / "out").exists()


# --- every other command that writes

WRITE = {
    "ingest": ["ingest", "{newer}", "--ledger", "{ledger}"],
    "fetch": ["audit", "s3://ledgers/bill/", "--ledger", "{ledger}", "--fail-on", "never"],
    "ack": ["findings", "ack", "{free}", "--reason", "r", "--owner", "o", "--ledger", "{ledger}"],
    "reopen": ["findings", "reopen", "{taken}", "--reason", "r", "--owner", "o",
               "--ledger", "{ledger}"],
    "dispute": ["findings", "dispute", "{free}", "--owner", "o", "--out", "{folder}/letter",
                "--ledger", "{ledger}"],
    "settle": ["findings", "settle", "{free}", "--credit", "credit", "--owner", "o",
               "--ledger", "{ledger}"],
    "alert": ["alert", "--to", "json://127.0.0.1:{port}/hook", "--ledger", "{ledger}"],
    "failed": ["alert", "--to", "json://127.0.0.1:{port}/hook", "--failed", "no room",
               "--ledger", "{ledger}"],
    "push": ["ledger", "push", "{key}", "--ledger", "{ledger}"],
    "pull": ["ledger", "pull", "{key}", "--ledger", "{folder}/pulled/l.duckdb"],
    "sync": ["rates", "sync", "{folder}/lists", "--service", "AmazonBedrock", "--date",
             "2024-06-01"],
    "simulate": ["simulate", "{folder}/invented", "--lines", "2000", "--format", "cur2-csv"],
}  # fmt: skip


class Listener(BaseHTTPRequestHandler):
    """Takes every message, and throws it away."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def chat():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def cloud():
    """A bucket on this machine, for the ledger that is pushed."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            patched.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="ledgers")
        yield boto3.client("s3")
    server.stop()


@pytest.fixture(scope="module")
def published():
    """Price lists of four regions, each large enough to be killed in its midst."""
    with served() as aws, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{aws.port}")
        for number in range(4):
            region = f"eu-west-{number}"
            one = item(f"SKU{number}", region=region, published="2024-05-01T00:00:00Z")
            edition = offer(one, version="20240501000000", pad=400_000)
            aws.publish(edition, region=region)
        yield


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A folder with a ledger of two findings, one of them acknowledged; and the words to use."""
    folder = tmp_path_factory.mktemp("book")
    first, newer = bill(folder / "a.csv", "0.0004", 200), bill(folder / "newer.csv", "0.0005", 200)
    first.write_text(first.read_text().replace("USD,0.0004,0.0004", "USD,0.0004,0.0008"))
    other = folder / "b.csv"
    other.write_text(
        first.read_text()
        .replace("USW2-TitanTextG1-Lite-input-tokens", "USW2-TitanTextG1-Lite-output-tokens")
        .replace(",id", ",jd")
        .replace("\nid", "\njd")
    )
    with first.open("a") as file:
        file.write(
            "credit,2024-06-29T00:00:00Z/2024-06-29T01:00:00Z,111122223333,2024-06-01T00:00:00Z,"
            "444455556666,Credit,2024-06-29T00:00:00Z,2024-06-29T01:00:00Z,AmazonBedrock,"
            "USW2-TitanTextG1-Lite-input-tokens,,,USD,,-0.01\n"
        )
    ledger = folder / "l.duckdb"
    whole(["audit", str(first), str(other), "--ledger", str(ledger)], folder)
    with duckdb.connect(str(ledger), read_only=True) as con:
        query = "SELECT id FROM findings WHERE owns_difference ORDER BY category = 'unpriced', id"
        free, taken = (row[0] for row in con.execute(query).fetchall()[:2])
    ack = [one.format(free=taken, ledger=ledger) for one in WRITE["ack"]]
    whole(ack, folder)
    return folder, {"newer": newer, "free": free, "taken": taken}


def everything(folder):
    """What a folder holds after a command: rows of the ledger, and what else became of it."""
    with duckdb.connect(str(folder / "l.duckdb"), read_only=True) as con:
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1"
        ).fetchall()
        counts = tuple(
            (name, con.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for (name,) in tables
        )
    others = tuple(
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
        and path.parent != folder
    )  # fmt: skip
    return counts, others


def is_part_of(found, after):
    """Say whether a sync brought some of its files, each of them whole, and touched nothing else.

    The index grows with the files and is written by itself, so it counts as long as it is read.
    """
    files = {one for one in found[1] if one[0] != "lists/snapshots.json"}
    return found[0] == after[0] and files <= set(after[1])


@pytest.mark.parametrize("name", WRITE if KILLS > 8 else ("ingest", "dispute", "simulate", "sync"))
@pytest.mark.usefixtures("published")
def test_a_killed_command_leaves_one_of_the_two_legal_states(tmp_path, book, name, chat, cloud):
    source, words = book
    moments = random.Random(name + SEED)  # noqa: S311  # chance, not secrecy

    def prepared(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(source / "l.duckdb", folder)
        said = words | {"ledger": folder / "l.duckdb", "folder": folder, "port": chat}
        said["key"] = f"s3://ledgers/{number}.duckdb"
        if name == "fetch" and number == "whole":
            cloud.upload_file(str(words["newer"]), "ledgers", "bill/newer.csv")
        if name == "pull":
            cloud.upload_file(str(folder / "l.duckdb"), "ledgers", f"{number}.duckdb")
        return folder, [one.format(**said) for one in WRITE[name]]

    folder, arguments = prepared("whole")
    before = everything(folder)
    seconds = whole(arguments, folder)
    after = everything(folder)
    if name == "push":
        there = cloud.get_object(Bucket="ledgers", Key="whole.duckdb")["Body"].read()
        assert there == (folder / "l.duckdb").read_bytes()
    else:
        assert after != before
    # Files and ledger cannot change in one moment: first the files are there, then the ledger.
    legal = {before, after, (before[0], after[1])}
    for number in range(max(1, KILLS // 8)):
        folder, arguments = prepared(number)
        kill(begin(arguments, folder), moments.uniform(0, 1.1) * seconds)
        if name == "sync":
            assert is_part_of(everything(folder), after), f"{number}: no file is but whole"
        else:
            assert everything(folder) in legal, f"{number}: neither as before nor as after"
        if number % 8 == 0:  # the next run is not troubled
            status, told = finish(begin(arguments, folder), folder)
            # What was killed after it was done has nothing left to do, and may say so.
            assert status in {0, 2}, told
            assert "fault in curecon" not in told
            assert everything(folder)[1] == after[1]
        shutil.rmtree(folder)
