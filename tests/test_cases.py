"""Every check has a case in which it fires and a near miss that it leaves alone.

A case is a folder of fixtures/cases: a bill, what is known about its prices, and the findings that
a person worked out by hand. The real command line audits it; nothing more and nothing less than
those findings may come out. fixtures/cases/README.md says what a case holds.
"""

import csv
import tomllib
from functools import cache
from pathlib import Path

import pytest

from curecon import checks, cli, ledger, rates

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())

FINDING = (
    "check", "category", "severity", "owns_difference", "usage_type", "billed", "expected",
    "difference", "lines", "reason",
)  # fmt: skip
BRIDGE = ("component", "billed", "expected", "amount", "lines")
OPTIONS = {
    "proves", "figures", "near_miss", "services", "invoice_totals", "required_tags",
    "expect_since", "as_of",
}  # fmt: skip


@cache
def options(case):
    return tomllib.loads((case / "options.toml").read_text("utf-8"))


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def arguments(case, work):
    """The command line of a case."""
    said = options(case)
    given = ["audit", str(case / "bill.csv"), "--ledger", str(work / "ledger.duckdb")]
    given += ["--out", str(work / "out")]
    for option, name in (
        ("--rates", "rates"),
        ("--price-list", "price_list.jsonl"),
        ("--contract", "contract.toml"),
    ):
        if (case / name).exists():
            given += [option, str(case / name)]
    if "services" in said:
        given += ["--services", said["services"]]
    for name in ("expect_since", "as_of"):
        if name in said:
            given += [f"--{name.replace('_', '-')}", said[name]]
    for invoice, amount in said.get("invoice_totals", {}).items():
        given += ["--invoice-total", f"{invoice}={amount}"]
    for tag in said.get("required_tags", []):
        given += ["--required-tag", tag]
    return given


def bring_evidence(case, path):
    """Put the evidence of a case, if it has any, into a new ledger before the audit."""
    if not (case / "evidence.csv").exists():
        return
    with ledger.staged(path) as stage:
        for row in table(case / "evidence.csv"):
            columns = ", ".join(row)
            values = [value or None for value in row.values()]
            holders = ", ".join("?" * len(values))
            stage.con.execute(f"INSERT INTO evidence ({columns}) VALUES ({holders})", values)
        stage.publish()


def unmatched(expected, found):
    """Return what was expected and not found, and what was found and not expected.

    A finding is matched by every column that the case names; of the reason, by the words it gives.
    """
    rest, missing = list(found), []
    for one in expected:
        match = next((other for other in rest if fits(one, other)), None)
        if match is None:
            missing.append(one)
        else:
            rest.remove(match)
    columns = list(expected[0]) if expected else FINDING
    return missing, [{name: one[name] for name in columns} for one in rest]


def fits(expected, found):
    return all(
        value in found[name] if name == "reason" else value == found[name]
        for name, value in expected.items()
    )


def named_primary(findings):
    """Add `primary`, the check that owns the dollars of a finding that does not."""
    check_of = {one["id"]: one["check"] for one in findings}
    return [{**one, "primary": check_of.get(one["primary_id"], "")} for one in findings]


@pytest.fixture(autouse=True)
def _packaged_cards_are_read_once(monkeypatch):
    """Keep the packaged cards in memory; the cards of a case are read anew."""
    monkeypatch.setattr(rates, "_read_card", cache(rates._read_card))


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_what_is_found_is_what_was_worked_out_by_hand(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = table(case / "findings.csv")
    if (case / "earlier.csv").exists():
        cli.run(["ingest", str(case / "earlier.csv"), "--ledger", str(tmp_path / "ledger.duckdb")])
    bring_evidence(case, tmp_path / "ledger.duckdb")
    status = cli.run(arguments(case, tmp_path))
    missing, surplus = unmatched(expected, named_primary(table(tmp_path / "out" / "findings.csv")))
    assert missing == [], f"not found; found instead: {surplus}"
    assert surplus == []
    columns = list(table(case / "bridge.csv")[0])
    bridge = [{name: row[name] for name in columns} for row in table(tmp_path / "out/bridge.csv")]
    assert bridge == table(case / "bridge.csv")
    assert status == int(any(one["severity"] == "error" for one in expected))


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_a_case_says_what_it_proves(case):
    said = options(case)
    assert set(said) <= OPTIONS
    assert said["proves"].strip().endswith(".")
    assert said["figures"].strip()
    expected = table(case / "findings.csv")
    assert all(set(FINDING) <= set(one) for one in expected)
    assert set(BRIDGE) <= set(table(case / "bridge.csv")[0])
    assert len(table(case / "bill.csv")) <= 60, "a case is read by people"
    assert not set(said.get("near_miss", [])) & {one["check"] for one in expected}


def lacking(cases, names):
    """Say which checks no case fires, and which have no near miss."""
    fired = {one["check"] for case in cases for one in table(case / "findings.csv")}
    missed = {name for case in cases for name in options(case).get("near_miss", [])}
    return sorted(set(names) - fired), sorted(set(names) - missed)


def test_every_check_fires_in_a_case_and_nearly_fires_in_another():
    names = [check.name for check in checks.load()]
    assert lacking(FOLDERS, names) == ([], [])
    for case in FOLDERS:
        assert set(options(case).get("near_miss", [])) <= set(names), case.name


def test_a_check_without_cases_is_refused():
    assert lacking(FOLDERS, ["a_check_of_tomorrow"]) == (
        ["a_check_of_tomorrow"],
        ["a_check_of_tomorrow"],
    )


@pytest.mark.parametrize(
    ("change", "missing", "surplus"),
    [
        ({}, 0, 0),
        ({"difference": "1.0000000001"}, 1, 1),
        ({"severity": "warning"}, 1, 1),
        ({"reason": "below"}, 1, 1),
        ({"lines": "2"}, 1, 1),
    ],
)
def test_a_finding_that_differs_in_anything_does_not_match(change, missing, surplus):
    found = dict.fromkeys(FINDING, "") | {
        "check": "rate_differs", "severity": "error", "difference": "1", "lines": "1",
        "reason": "Billed above the rate.",
    }  # fmt: skip
    expected = found | {"reason": "above"} | change
    left, right = unmatched([expected], [found])
    assert (len(left), len(right)) == (missing, surplus)


def test_a_finding_too_many_does_not_match():
    found = dict.fromkeys(FINDING, "x")
    assert unmatched([found], [found, found]) == ([], [found])
    assert unmatched([], [found]) == ([], [found])
