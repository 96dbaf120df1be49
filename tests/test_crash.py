"""Killed at any moment, the ledger is as it was before the run or as it is after it."""

import os
import random
import signal
import subprocess
import sys
import time

import duckdb
import pytest

# CI samples; CURECON_KILLS=50 is the long run.
KILLS = int(os.environ.get("CURECON_KILLS", "8"))
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


def command(path, folder):
    options = ["--ledger", str(folder / "l.duckdb"), "--out", str(folder / "out")]
    return [sys.executable, "-m", "curecon.cli", "audit", str(path), *options]


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


@pytest.fixture(scope="module")
def seconds(tmp_path_factory):
    """Take the time of a whole run, so that kills fall anywhere within one."""
    folder = tmp_path_factory.mktemp("timed")
    started = time.monotonic()
    subprocess.run(command(bill(folder / "b.csv", "0.0003"), folder), capture_output=True, check=0)
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["first audit", "newer delivery"])
def test_a_killed_audit_leaves_one_of_the_two_legal_states(tmp_path, seconds, kind):
    moments = random.Random(kind)  # noqa: S311  # chance, not secrecy
    right, wrong = bill(tmp_path / "a.csv", "0.0003"), bill(tmp_path / "b.csv", "0.0004")
    after = tmp_path / "after"
    after.mkdir()
    if kind == "newer delivery":
        subprocess.run(command(right, after), capture_output=True, check=True)
    before = state(after)
    subprocess.run(command(wrong, after), capture_output=True, check=False)
    legal = (before, state(after))
    assert legal[0] != legal[1]
    seen = set()
    for number in range(KILLS // 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        if kind == "newer delivery":
            subprocess.run(command(right, folder), capture_output=True, check=True)
        victim = subprocess.Popen(
            command(wrong, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.2, 1.1) * seconds)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        found = state(folder)
        assert found in legal, "the ledger is neither as before nor as after"
        seen.add(found)
    # The next run is not troubled by what the killed one left, and cleans it up.
    done = subprocess.run(command(wrong, folder), capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert state(folder) == legal[1]
    assert not list(folder.glob(".l.duckdb.staged*"))


def test_an_interrupted_audit_changes_nothing_and_says_so(tmp_path, seconds):
    path = bill(tmp_path / "b.csv", "0.0004")
    victim = subprocess.Popen(
        command(path, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(0.6 * seconds)
    victim.send_signal(signal.SIGINT)
    _, errors = victim.communicate(timeout=60)
    if victim.returncode in {0, 1}:
        pytest.skip("the run was over before the interrupt came")
    assert victim.returncode == 130, errors
    assert not (tmp_path / "l.duckdb").exists()
    assert not (tmp_path / "out").exists()
