"""The demo bill: its script writes it, and an audit finds what its README says, nothing else."""

import json
import re
import runpy
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[1] / "fixtures" / "demo"
PLANTED = re.compile(r"^\| [^|]+ \| (\w+) \| (error|warning) \| (\S+) \|(.+)\|$", re.MULTILINE)


def audited(folder, *options):
    done = subprocess.run(
        [
            sys.executable, "-m", "curecon.cli", "audit", DEMO,
            "--contract", DEMO / "contract.toml",
            "--ledger", folder / "demo.duckdb", "--out", folder / "out", *options,
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, json.loads((folder / "out" / "findings.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("demo"))


def test_the_script_writes_the_bill_byte_for_byte():
    written = runpy.run_path(str(DEMO / "make_demo.py"))["files"]()
    kept = {
        path.relative_to(DEMO / "bill").as_posix(): path.read_bytes()
        for path in (DEMO / "bill").rglob("*")
        if path.is_file()
    }
    assert written == kept


def test_every_planted_error_is_found_and_nothing_else(audit):
    _, result = audit
    found = [
        (
            one["check"],
            one["severity"],
            one["usage_type"],
            *(Decimal(one[name]) for name in ("billed", "expected", "difference")),
        )
        for one in result["findings"]
        if one["severity"] != "info"
    ]
    readme = (DEMO / "README.md").read_text("utf-8")
    planted = [
        (check, severity, usage_type, *map(Decimal, dollars.split("|")))
        for check, severity, usage_type, dollars in PLANTED.findall(readme)
    ]
    assert len(planted) == 8
    assert sorted(found) == sorted(planted)


def test_the_sums_of_the_readme_are_those_of_the_audit(audit):
    _, result = audit
    (total,) = result["totals"]
    assert (total["lines"], total["in_scope_lines"]) == (426, 364)
    too_much = Decimal(total["in_scope_billed"]) - Decimal(total["expected"])
    left_alone = Decimal(total["unpriced"]) + Decimal(total["not_repriced"])
    assert too_much - left_alone == Decimal("6877.30")
    assert Decimal(total["unpriced"]) == 2
    assert {row["component"] for row in result["bridge"]} >= {
        "agrees", "duplicate", "unit", "quantity", "rate", "arithmetic", "unpriced", "not_repriced",
    }  # fmt: skip


def test_only_what_others_caused_is_noted_besides(audit):
    _, result = audit
    noted = [one["check"] for one in result["findings"] if one["severity"] == "info"]
    # The wrong rate of human tasks began on a day, and that explains it.
    # The Marketplace bills four models for Bedrock.
    assert sorted(noted) == (
        ["human_task_attribution"] * 2
        + ["marketplace_attribution"] * 4
        + ["rate_changed_in_period"]
    )
    assert result["run"]["notes"] == []


def test_an_audit_with_errors_exits_with_1_unless_told_never_to(audit, tmp_path):
    done, _ = audit
    assert done.returncode == 1, done.stderr
    never, _ = audited(tmp_path, "--fail-on", "never")
    assert never.returncode == 0, never.stderr


def test_usage_types_that_are_invented_say_so():
    """What the README does not mark as invented must be AWS's own word, or of AWS's form."""
    readme = (DEMO / "README.md").read_text("utf-8")
    assert "**invented: nobody has published these**" in readme
    for meter in runpy.run_path(str(DEMO / "make_demo.py")).values():
        usage_type = getattr(meter, "usage_type", "")
        if "Demo" in usage_type:
            stem = re.sub(r"-(in|out)put-tokens$", "", usage_type)
            assert stem in readme, usage_type
