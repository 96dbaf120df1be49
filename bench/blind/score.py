"""Audits a bill with the real command, and holds what is found against what was planted."""

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb

from .bill import Bill, Planted
from .lines import CENT, Line

Key = tuple[str, ...]
Found = dict[str, Any]

_CUR_LINES = "SELECT finding_id, line_item_id, time_interval FROM finding_lines"
# The ids of a FOCUS export are made by whoever reads it.
_FOCUS_LINES = """
SELECT DISTINCT
    f.finding_id, l.line_item_usage_account_id, l.line_item_usage_type,
    coalesce(l.line_item_resource_id, ''), CAST(l.line_item_usage_start_date AS VARCHAR),
    CAST(CAST(l.line_item_unblended_cost AS DECIMAL(38, 6)) AS VARCHAR)
FROM finding_lines AS f
JOIN line_items AS l ON l.identity_line_item_id = f.line_item_id
"""


@dataclass
class Score:
    """What was planted and found, and in words what was not as it should be."""

    bills: int = 0
    lines: int = 0
    planted: int = 0
    found: int = 0
    findings: int = 0
    surplus: int = 0
    wrong_category: int = 0
    wrong_dollars: int = 0
    told: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Count another score in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def audited(bill: Bill, delivered: Path, prices: Path | None, folder: Path) -> None:
    """Audit a bill into `folder`.

    Raises:
        RuntimeError: the audit ended otherwise than with status 0.
    """
    command = [str(Path(sys.executable).with_name("curecon")), "audit", str(delivered)]
    command += ["--ledger", str(folder / "ledger.duckdb"), "--out", str(folder / "out")]
    command += ["--fail-on", "never"]
    if prices:
        command += ["--price-list", str(prices)]
    if bill.contract:
        command += ["--contract", str(folder / "contract.toml")]
    for option in bill.options.items():
        command += option
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{folder.name}: {done.stderr[-2000:]}")


def score(bill: Bill, folder: Path, *, is_focus: bool) -> Score:
    """Hold the findings of an audit against what was planted.

    A finding counts from a warning on. It is right where its lines are planted ones, or such that
    the mistake is about as well; a mistake is found where its lines are.
    """
    told = json.loads((folder / "out" / "findings.json").read_text("utf-8"))["findings"]
    counted = [one for one in told if one["severity"] in ("error", "warning")]
    of_finding = _lines_of_findings(folder / "ledger.duckdb", is_focus=is_focus)
    result = Score(1, len(bill.lines), len(bill.planted), findings=len(counted))
    right: set[str] = set()
    for one in bill.planted:
        wanted = {_key(line, is_focus=is_focus) for line in one.lines}
        allowed = wanted | {_key(line, is_focus=is_focus) for line in one.allowed}
        mine = [each for each in counted if of_finding[each["id"]]
                and of_finding[each["id"]] <= allowed]  # fmt: skip
        right |= {each["id"] for each in mine}
        got = {key for each in mine for key in of_finding[each["id"]]}
        if not mine or (wanted - got and not one.allowed):
            near = [each for each in told if of_finding[each["id"]] & wanted]
            result.told.append(f"missed: {_planted(one)}; near: {_said(near)}")
            continue
        result.found += 1
        _judge(result, one, mine, bill.discount)
    surplus = [one for one in counted if one["id"] not in right]
    result.surplus = len(surplus)
    result.told += [f"not planted: {_said([one])}" for one in surplus]
    return result


def _judge(result: Score, planted: Planted, mine: list[Found], discount: Decimal) -> None:
    """Look at category and dollars of what is found."""
    owners = [one for one in mine if one["owns_difference"]]
    if not {one["category"] for one in owners or mine} <= planted.categories:
        result.wrong_category += 1
        result.told.append(f"category: {_planted(planted)}; {_said(mine)}")
    if planted.dollars is None:
        return
    right = {planted.dollars.quantize(CENT)}
    if planted.after_discounts:
        right.add((planted.dollars * (1 - discount)).quantize(CENT))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in owners or mine:
        sums["" if owners else one["check"]] += Decimal(one["difference"])
    if not right & {one.quantize(CENT) for one in sums.values()}:
        result.wrong_dollars += 1
        result.told.append(f"dollars: {_planted(planted)}; {_said(mine)}")


def _lines_of_findings(ledger: Path, *, is_focus: bool) -> dict[str, set[Key]]:
    found: dict[str, set[Key]] = defaultdict(set)
    with duckdb.connect(str(ledger), read_only=True) as con:
        for finding, *key in con.sql(_FOCUS_LINES if is_focus else _CUR_LINES).fetchall():
            found[finding].add(tuple(key))
    return found


def _key(line: Line, *, is_focus: bool) -> Key:
    if not is_focus:
        return line.id, line.time_interval
    cost = Decimal(0) if line.type == "SavingsPlanCoveredUsage" else line.cost
    cost = line.focus.get("BilledCost", cost)
    start = f"{line.start:%Y-%m-%d %H:%M:%S}"
    billed = f"{cost.quantize(Decimal('0.000001'), ROUND_HALF_UP):f}"
    return line.account, line.usage_type, line.resource, start, billed


def _planted(one: Planted) -> str:
    dollars = "" if one.dollars is None else f", {one.dollars.normalize():f} USD"
    return f"{one.kind} ({one.lines[0].usage_type}, {len(one.lines)} lines{dollars})"


def _said(findings: list[Found]) -> str:
    return " | ".join(
        f"{one['severity']} {one['check']} {one['usage_type']} {one['lines']} lines "
        f"{one['difference'][:14]} {one['category']}: {one['reason'][:90]}"
        for one in findings[:3]
    )
