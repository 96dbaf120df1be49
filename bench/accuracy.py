"""Judge the judge: audit simulated bills, clean and with planted errors, and write down the result.

Writes the two tables of docs/accuracy.md: precision, recall and dollars of each kind of error over
many seeds, and whether the tests notice when one line of the product is broken (mutations.py).

    python bench/accuracy.py                 both
    python bench/accuracy.py --only errors   or one of them: errors, mutations
"""

import argparse
import json
import re
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import curecon
import mutations
from curecon.models import Finding
from curecon.simulate import simulate
from curecon.simulate.delivery import FORMATS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
CENT = Decimal("0.01")
LINES, MONTHS, EACH = 30_000, 2, 2


@dataclass
class Score:
    """What was planted of one kind, and what an audit said of it."""

    check: str = ""
    category: str = ""
    planted: int = 0
    found: int = 0
    right_category: int = 0
    right_dollars: int = 0
    beside: int = 0  # findings of the kind's check that nothing planted explains
    dollars: Decimal = Decimal(0)
    found_dollars: Decimal = Decimal(0)


@dataclass
class Outcome:
    """Everything that was counted."""

    kinds: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    clean_bills: int = 0
    clean_lines: int = 0
    clean_errors: list[str] = field(default_factory=list)
    clean_warnings: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["errors", "mutations"])
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    blocks = {}
    if options.only != "mutations":
        outcome = judged(range(1, options.seeds + 1))
        blocks["errors"] = errors_page(outcome, options.seeds)
        for line in (*outcome.missed, *outcome.unexplained, *outcome.clean_errors):
            print(line, file=sys.stderr)
    if options.only != "errors":
        blocks["mutations"] = mutations_page(mutations.run())
    text = PAGE.read_text("utf-8")
    PAGE.write_text(
        BLOCK.sub(
            lambda old: f"{old[1]}{blocks[old[2]]}{old[3]}" if old[2] in blocks else old[0], text
        ),
        "utf-8",
    )
    return 0


def judged(seeds: range) -> Outcome:
    """Audit a clean and a faulty bill of each seed, in a format that changes with the seed."""
    outcome = Outcome()
    names = [name for name in FORMATS if not name.startswith("focus")]
    for seed in seeds:
        name = names[seed % len(names)]
        with tempfile.TemporaryDirectory() as folder:
            clean = simulate(Path(folder) / "clean", LINES, MONTHS, seed, [name])
            count_clean(outcome, audited(clean), seed)
            faulty = simulate(
                Path(folder) / "faulty", LINES, MONTHS, seed, [name], errors=f"all={EACH}"
            )
            count(outcome, audited(faulty), truth_of(faulty), seed)
        print(f"seed {seed} of {len(seeds)}", file=sys.stderr)
    return outcome


def truth_of(world: Path) -> dict:
    return json.loads((world / "ground_truth.json").read_text("utf-8"))


def audited(world: Path) -> list[Finding]:
    options = curecon.Options(
        ledger=world.with_suffix(".duckdb"),
        price_lists=[world / "price_list"],
        contract=world / "contract.toml",
        invoice_totals={
            invoice: Decimal(amount) for invoice, amount in truth_of(world)["invoices"].items()
        },
    )
    found = curecon.audit([world / "bill"], options).findings
    return [one for one in found if one.severity != "info"]


def count_clean(outcome: Outcome, found: list[Finding], seed: int) -> None:
    outcome.clean_bills += 1
    outcome.clean_lines += LINES
    for one in found:
        told = f"clean, seed {seed}: {one.check}, {one.usage_type}: {one.reason}"
        (outcome.clean_errors if one.severity == "error" else outcome.clean_warnings).append(told)


def count(outcome: Outcome, found: list[Finding], truth: dict, seed: int) -> None:
    """Hold findings against what was planted, by account and usage type, which no two share."""
    rest = {one.id: one for one in found}
    for error in truth["errors"]:
        score = outcome.kinds[error["error"]]
        score.check, score.category = error["check"], error["category"]
        place = (error["usage_account"], error["usage_type"])
        # A line of the account that names no usage type, as tax does, may rightly be spoken of too.
        about = [
            one for one in found if (one.usage_account or "", one.usage_type or place[1]) == place
        ]
        own = [one for one in about if one.check == error["check"]]
        score.planted += 1
        score.dollars += Decimal(error["dollars"])
        for one in about:
            if one.check in (error["check"], *error["also"]):
                rest.pop(one.id, None)
        if not own:
            outcome.missed.append(f"seed {seed}: missed {error}")
            continue
        dollars = sum((one.difference for one in own), Decimal(0))
        score.found += 1
        score.found_dollars += dollars
        score.right_category += {one.category for one in own} == {error["category"]}
        score.right_dollars += abs(dollars - Decimal(error["dollars"])) < CENT / 2
        if abs(dollars - Decimal(error["dollars"])) >= CENT / 2:
            outcome.missed.append(f"seed {seed}: {dollars} in place of {error}")
    kinds = {error["check"]: error["error"] for error in truth["errors"]}
    for one in rest.values():
        outcome.unexplained.append(
            f"seed {seed}: unexplained {one.check}, {one.usage_type}, {one.difference}: "
            f"{one.reason}"
        )
        outcome.kinds[kinds.get(one.check, one.check)].beside += 1


def errors_page(outcome: Outcome, seeds: int) -> str:
    """The table of every kind of error, and what clean bills showed."""
    head = (
        "| error | check | category | planted | recall | precision | category right |"
        " dollars right | planted USD | found USD |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    rows = "".join(
        f"| {name} | `{one.check or name}` | {one.category} | {one.planted}"
        f" | {percent(one.found, one.planted)} | {percent(one.found, one.found + one.beside)}"
        f" | {percent(one.right_category, one.found)} | {percent(one.right_dollars, one.found)}"
        f" | {one.dollars.quantize(CENT):,} | {one.found_dollars.quantize(CENT):,} |\n"
        for name, one in sorted(outcome.kinds.items(), key=lambda kind: (kind[1].category, kind[0]))
    )
    scores = outcome.kinds.values()
    planted, found = sum(one.planted for one in scores), sum(one.found for one in scores)
    beside = sum(one.beside for one in scores)
    right = sum(one.right_dollars for one in scores)
    return (
        f"{seeds} seeds, {LINES:,} lines and {MONTHS} months each; up to {EACH} errors of every"
        f" kind in each faulty bill.\n\n"
        f"- Clean bills: {outcome.clean_bills}, with {outcome.clean_lines:,} lines;"
        f" {len(outcome.clean_errors)} error findings, {len(outcome.clean_warnings)} warnings.\n"
        f"- Planted errors: {planted}; recall {percent(found, planted)}, precision"
        f" {percent(found, found + beside)}, dollars right to the cent {percent(right, found)}.\n\n"
        f"{head}{rows}"
    )


def percent(part: int, whole: int) -> str:
    return "" if whole == 0 else f"{Decimal(100 * part / whole).quantize(Decimal('0.1'))} %"


def mutations_page(results: list[mutations.Result]) -> str:
    killed = sum(one.noticed_by != "" for one in results)
    rows = "".join(
        f"| `{one.mutation.file}` | {one.mutation.what} | {one.noticed_by or '**nobody**'} |\n"
        for one in results
    )
    return (
        f"{killed} of {len(results)} broken lines are noticed.\n\n"
        f"| file | what is broken | noticed by |\n|---|---|---|\n{rows}"
    )


if __name__ == "__main__":
    sys.exit(main())
