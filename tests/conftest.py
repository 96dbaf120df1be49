"""Which tests a run takes: of the slow ones a share, another one with each commit.

Tests that audit whole bills take a second each, and there are hundreds. `make test` takes a quarter
of them, so that it ends within minutes; `make test-all` takes every one.
"""

import os
import subprocess
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a run keeps in the user's cache, a test keeps in the checkout.
os.environ["XDG_CACHE_HOME"] = str(ROOT / ".pytest_cache" / "user")
SHARE = 4
SLOW = {
    "test_alerts", "test_anomalies", "test_cases", "test_cli", "test_contract", "test_coverage",
    "test_crash", "test_deploy", "test_dispute", "test_estimate", "test_explain", "test_formats",
    "test_forecast", "test_fuzz", "test_hostile_bill", "test_items", "test_ledger", "test_life",
    "test_matching",
    "test_metamorphic", "test_queries", "test_reader", "test_report", "test_security",
    "test_simulate", "test_store", "test_store_transfer", "test_sync", "test_user_checks",
    "test_versions", "test_workbook", "test_worked_examples", "test_invariants",
}  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Leave out three quarters of the slow tests, unless all are asked for or some are named."""
    if os.environ.get("CURECON_EVERY_TEST") or config.args_source.name == "ARGS":
        return
    turn = zlib.crc32(_commit().encode()) % SHARE
    left_out = [
        item
        for item in items
        if item.path.stem in SLOW and zlib.crc32(item.nodeid.encode()) % SHARE != turn
    ]
    config.hook.pytest_deselected(items=left_out)
    dropped = set(left_out)
    items[:] = [item for item in items if item not in dropped]


def _commit():
    """Name the commit that is tested; without git there is but one turn."""
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()
