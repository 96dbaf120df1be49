"""SECURITY.md says what is true: each threat has its test, and the policy is what is asked for."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import botocore.client
import pytest

import bills
from curecon import Options, audit, cli, ledger
from curecon.errors import BillUnreadable, printable
from curecon.store import fetch

pytest_plugins = ["s3_proxy"]

REPOSITORY = Path(__file__).parent.parent
PAGE = (REPOSITORY / "SECURITY.md").read_text("utf-8")
ROWS = [row for row in PAGE.splitlines() if row.startswith("| ") and "::" in row]
SOURCES = {path: path.read_text("utf-8") for path in (REPOSITORY / "src").rglob("*.py")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[2].strip()[:40])
def test_a_threat_names_tests_that_exist(row):
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row.split("|")[-2])
    assert named
    assert len(named) == row.count("::")
    for file, test in named:
        assert f"def {test}(" in (REPOSITORY / "tests" / file).read_text("utf-8"), test


def test_every_row_of_the_table_names_a_test():
    table = [row for row in PAGE.splitlines() if row.startswith("| ")]
    assert len(table) == len(ROWS) + 1  # the head


# --- what a bill says is never SQL


@pytest.mark.parametrize("write", [bills.write_csv, bills.write_parquet])
def test_names_and_cells_of_a_bill_are_never_sql(tmp_path, write):
    """Codes, accounts and names of columns go into statements; both kinds of quotes are tried."""
    evil = "bedrock'\"; DROP TABLE lines; --"
    named = ("line_item_product_code", "line_item_usage_account_id", "bill_payer_account_id",
             "line_item_usage_type", "bill_invoice_id", "product_servicecode")  # fmt: skip
    told = dict.fromkeys(named, evil) | {f"resource_tags_user_{evil}": evil}
    rows = bills.with_ids([bills.line(**told), bills.line(**told, start="2026-10-02T00:00:00")])
    for row in rows:
        row.pop("resource_tags", None)
    path = write(tmp_path / "it's; --.bill", rows)
    path = path.rename(path.with_suffix(".csv" if write is bills.write_csv else ".parquet"))
    audit([path], Options(ledger=tmp_path / "l.duckdb"))
    with ledger.reading(tmp_path / "l.duckdb") as con:
        found = con.execute(
            f"SELECT {', '.join(named)}, map_values(resource_tags) FROM line_items"
        ).fetchall()
    assert found == [(*[evil] * len(named), [evil])] * 2


# --- least privilege


def allowed():
    policy = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    actions = set()
    for statement in policy["Statement"]:
        one = statement["Action"]
        actions |= {one} if isinstance(one, str) else set(one)
    return actions


# What an operation of S3 needs, where its name is another (AWS: "Actions, resources, and condition
# keys for Amazon S3").
NEEDS = {"ListObjectsV2": "ListBucket", "HeadObject": "GetObject"}


def test_the_policy_allows_what_is_asked_and_nothing_else(bucket, tmp_path, monkeypatch):
    asked = set()
    call = botocore.client.BaseClient._make_api_call

    def noting(client, operation, given):
        asked.add(f"{client.meta.service_model.service_name}:{NEEDS.get(operation, operation)}")
        return call(client, operation, given)

    key = "p/20261001-20261101/a.csv"
    bucket.put(key, b"a,b\n1,2\n")
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noting)
    fetch(bucket.uri("p"), tmp_path)
    fetch(bucket.uri(key), tmp_path)
    assert asked == {"s3:ListBucket", "s3:GetObject"}
    # Of prices, the actions are those that the code names when it is refused.
    named = {
        action
        for text in SOURCES.values()
        for action in re.findall(r"\"((?:pricing|savingsplans):[A-Z]\w+)\"", text)
    }
    assert allowed() == asked | named | {"kms:Decrypt"}


# --- packages


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.lock", ["dependencies", "dev"]),
        ("deploy/runtime.lock", ["dependencies"]),
        ("deploy/build.lock", []),
    ],
)
def test_every_package_is_pinned_by_hash(name, wanted):
    lock = (REPOSITORY / name).read_text("utf-8")
    assert not re.search(
        r"://|(?m:^\s*(-e|-f|--(extra-)?index-url|--find-links|--trusted-host))", lock
    )
    pins = re.split(r"\n(?=\S)", lock.strip())
    names = set()
    for pin in (pin for pin in pins if not pin.startswith("#")):
        found = re.match(r"([a-z0-9][a-z0-9-]*)(\[[\w,-]+\])?==\S+", pin)
        assert found, pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", pin), pin
        names.add(found[1])
    asked = PROJECT | PROJECT["optional-dependencies"]
    assert {named(one) for group in wanted for one in asked[group]} <= names


PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
# Packages that no module imports, and what needs them.
BESIDE = {"pyarrow": "duckdb and polars hand their frames to each other by it"}
LICENCES = re.compile(r"MIT|BSD|Apache|Mozilla Public License 2\.0|PSF-2\.0")


def named(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def test_every_package_that_is_asked_for_is_used():
    imported = {
        found
        for text in SOURCES.values()
        for found in re.findall(r"(?m)^\s*(?:import|from) (\w+)", text)
    }
    asked = {named(one) for one in PROJECT["dependencies"]}
    assert {one for one in asked if one.replace("-", "_") not in imported} == set(BESIDE)


def test_the_licence_of_every_package_that_runs_is_known_and_lenient():
    waiting, seen = [named(one) for one in PROJECT["dependencies"]], {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system or Python
        told = package.metadata.get_all("Classifier", [])
        licences = [one for one in told if one.startswith("License")]
        fields = ("License-Expression", "License")
        licences += [package.metadata.get(field) or "" for field in fields]
        seen[name] = " ".join(licences)
        waiting += [named(one) for one in package.requires or [] if "extra ==" not in one]
    assert len(seen) > len(PROJECT["dependencies"])
    assert {name: told for name, told in seen.items() if not LICENCES.search(told)} == {}


def test_no_format_that_runs_code_is_read():
    for path, text in SOURCES.items():
        runs = r"(?m)^\s*(import|from) (pickle|marshal|shelve|yaml|dill|xml)\b|\b(eval|exec)\("
        found = re.search(runs, text)
        assert not found, f"{path}: {found}"


# --- messages


def test_no_message_commands_the_terminal(tmp_path, capsys):
    """Names of columns and reasons come from anybody's file, and go into messages."""
    evil = "\x1b]0;owned\x07\x9b2J\u202e"
    rows = [bills.line()]
    path = bills.write_csv(tmp_path / "bill.csv", rows)
    path.write_text(path.read_text().replace("line_item_unblended_cost", evil), "utf-8")
    assert cli.run(["ingest", str(path), "--ledger", str(tmp_path / "l.duckdb")]) == cli.FAILED
    said = capsys.readouterr().err
    assert "owned" in said
    assert said.replace("\n", "").isprintable()
    assert cli.run(["ingest", f"{tmp_path}/{evil}.csv"]) == cli.FAILED
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_what_is_printable_stays_as_it_is():
    assert printable("Größe 語 $1.50\nsecond line") == "Größe 語 $1.50\nsecond line"
    assert str(BillUnreadable("a\x1b[2J\x9b\u202e\ud800")) == "a\\x1b[2J\\x9b\\u202e\\ud800"
