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
from curecon.simulate import faults, simulate
from curecon.simulate.delivery import FORMATS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
CENT = Decimal("0.01")
LINES, MONTHS, EACH = 20_000, 2, 2
CUR, FOCUS = "CUR", "FOCUS"


@dataclass
class Score:
    """What was planted of one kind in one family of reports, and what an audit said of it."""

    check: str = ""
    category: str = ""
    planted: int = 0
    found: int = 0
    right_category: int = 0
    right_dollars: int = 0
    beside: int = 0  # findings of the kind's check that nothing planted explains
    dollars: Decimal = Decimal(0)
    found_dollars: Decimal = Decimal(0)
    dollar_error: Decimal = Decimal(0)  # what was found is off by, and what was missed, added up

    def add(self, other: "Score") -> None:
        """Count another kind in."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


COUNTED = (
    "planted", "found", "right_category", "right_dollars", "beside", "dollars", "found_dollars",
    "dollar_error",
)  # fmt: skip


@dataclass
class Outcome:
    """Everything that was counted."""

    kinds: dict[tuple[str, str], Score] = field(default_factory=lambda: defaultdict(Score))
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
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--mutations", type=int, default=33, help="how many to draw")
    options = parser.parse_args()
    blocks = {}
    if options.only != "mutations":
        outcome = judged(range(1, options.seeds + 1))
        blocks["errors"] = errors_page(outcome, options.seeds)
        for line in (*outcome.missed, *outcome.unexplained, *outcome.clean_errors):
            print(line, file=sys.stderr)
    if options.only != "errors":
        results = mutations.run(options.mutations)
        blocks["mutations"] = mutations_page(results, options.mutations)
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
    names = list(FORMATS)
    for seed in seeds:
        name = names[seed % len(names)]
        with tempfile.TemporaryDirectory() as folder:
            clean = simulate(Path(folder) / "clean", LINES, MONTHS, seed, [name])
            count_clean(outcome, audited(clean, name), f"{name}, seed {seed}")
            faulty = simulate(
                Path(folder) / "faulty", LINES, MONTHS, seed, [name], errors=wanted(name)
            )
            errors = shown(truth_of(faulty)["errors"], name)
            family = FOCUS if name.startswith("focus") else CUR
            count(outcome, family, audited(faulty, name), errors, f"{name}, seed {seed}")
        print(f"seed {seed} of {len(seeds)}: {name}", file=sys.stderr)
    return outcome


def wanted(name: str) -> str:
    """What to plant: FOCUS has no line for some errors, and without them its sums are others."""
    if not name.startswith("focus"):
        return f"all={EACH}"
    seen = [kind for kind, fault in faults.FAULTS.items() if fault.focus != ""]
    return ",".join(f"{kind}={EACH}" for kind in [*seen, faults.INVOICE])


def truth_of(world: Path) -> dict:
    return json.loads((world / "ground_truth.json").read_text("utf-8"))


def shown(errors: list[dict], name: str) -> list[dict]:
    """The errors that a format shows, as an audit of it would tell them.

    FOCUS has neither ids nor discount lines: a line twice is identical usage there, and every error
    is less the discount, as BilledCost is. FOCUS 1.0 names no invoice.
    """
    if not name.startswith("focus"):
        return errors
    seen = []
    for error in errors:
        if error["error"] != faults.INVOICE or name != "focus-1.0":
            told = {"check": error["focus_check"], "dollars": error["net_dollars"]}
            seen.append(error | told)
    return seen


def audited(world: Path, name: str) -> list[Finding]:
    invoices = truth_of(world)["invoices"] if name != "focus-1.0" else {}
    options = curecon.Options(
        ledger=world.with_suffix(".duckdb"),
        price_lists=[world / "price_list"],
        contract=world / "contract.toml",
        invoice_totals={invoice: Decimal(amount) for invoice, amount in invoices.items()},
    )
    found = curecon.audit([world / "bill"], options).findings
    return [one for one in found if one.severity != "info"]


def count_clean(outcome: Outcome, found: list[Finding], bill: str) -> None:
    outcome.clean_bills += 1
    outcome.clean_lines += LINES
    for one in found:
        told = f"clean, {bill}: {one.check}, {one.usage_type}: {one.reason}"
        (outcome.clean_errors if one.severity == "error" else outcome.clean_warnings).append(told)


def is_about(one: Finding, error: dict) -> bool:
    """Whether a finding is at the place of an error, by account and usage type.

    No two errors share these. A line of the account that names no usage type, as tax does, may
    rightly be spoken of too; an error without a place may be shown anywhere in its month.
    """
    account, usage_type = error["usage_account"], error["usage_type"]
    return (
        one.period == error["period"]
        and account in ("", one.usage_account)
        and (usage_type == "" or one.usage_type in (None, "", usage_type))
    )


def count(outcome: Outcome, family: str, found: list[Finding], errors: list, bill: str) -> None:
    """Hold findings against what was planted."""
    rest = {one.id: one for one in found}
    for error in errors:
        score = outcome.kinds[family, error["error"]]
        score.check, score.category = error["check"], error["category"]
        planted = Decimal(error["dollars"])
        about = [one for one in found if is_about(one, error)]
        own = [one for one in about if one.check == error["check"]]
        for one in about:
            if one.check in (error["check"], *error["also"]):
                rest.pop(one.id, None)
        dollars = sum((one.difference for one in own), Decimal(0))
        score.planted += 1
        score.dollars += planted
        score.dollar_error += abs(dollars - planted)
        if not own:
            outcome.missed.append(f"{bill}: missed {error}")
            continue
        score.found += 1
        score.found_dollars += dollars
        score.right_category += {one.category for one in own} == {error["category"]}
        score.right_dollars += abs(dollars - planted) < CENT / 2
        if abs(dollars - planted) >= CENT / 2:
            outcome.missed.append(f"{bill}: {dollars} in place of {error}")
    kinds = {error["check"]: error["error"] for error in errors}
    for one in rest.values():
        outcome.unexplained.append(
            f"{bill}: unexplained {one.check}, {one.usage_type}, {one.difference}: {one.reason}"
        )
        outcome.kinds[family, kinds.get(one.check, one.check)].beside += 1


HEAD = (
    " planted | recall | precision | category right | dollars right | planted USD | found USD |"
    " off by USD |\n"
)


def cells(one: Score) -> str:
    return (
        f" {one.planted} | {percent(one.found, one.planted)}"
        f" | {percent(one.found, one.found + one.beside)}"
        f" | {percent(one.right_category, one.found)} | {percent(one.right_dollars, one.found)}"
        f" | {one.dollars.quantize(CENT):,} | {one.found_dollars.quantize(CENT):,}"
        f" | {one.dollar_error.quantize(CENT):,} |\n"
    )


def errors_page(outcome: Outcome, seeds: int) -> str:
    """What clean bills showed; every category, and every kind of error, of CUR and of FOCUS."""
    sums: dict[tuple[str, str], Score] = defaultdict(Score)
    for (family, _), one in outcome.kinds.items():
        sums[one.category or "of no planted kind", family].add(one)
        sums["all", family].add(one)
    by_category = "".join(
        f"| {category} | {family} |{cells(one)}" for (category, family), one in sorted(sums.items())
    )
    by_kind = "".join(
        f"| {name} | `{one.check or name}` | {one.category} | {family} |{cells(one)}"
        for (family, name), one in sorted(
            outcome.kinds.items(), key=lambda kind: (kind[1].category, kind[0][1], kind[0][0])
        )
    )
    not_shown = ", ".join(kind for kind, fault in faults.FAULTS.items() if fault.focus == "")
    return (
        f"{seeds} seeds, {LINES:,} lines and {MONTHS} months each, in turn as"
        f" {', '.join(FORMATS)}; up to {EACH} errors of every kind in each faulty bill.\n\n"
        f"- Clean bills: {outcome.clean_bills}, with {outcome.clean_lines:,} lines;"
        f" {len(outcome.clean_errors)} error findings, {len(outcome.clean_warnings)} warnings.\n"
        f"- Not planted in FOCUS, which has no lines or columns to judge them by: {not_shown}.\n\n"
        f"| category | report |{HEAD}|---|---|{'--:|' * 8}\n{by_category}\n"
        f"| error | check | category | report |{HEAD}|---|---|---|---|{'--:|' * 8}\n{by_kind}"
    )


def percent(part: int, whole: int) -> str:
    return "" if whole == 0 else f"{Decimal(100 * part / whole).quantize(Decimal('0.1'))} %"


def mutations_page(results: list[mutations.Result], count: int) -> str:
    """What was broken and noticed; first what was not, with the reason where there is one."""
    survivors = [one for one in results if not one.noticed_by]
    rows = "".join(
        f"| `{one.mutation.file}` | {shown_change(one.mutation)}"
        f" | {one.noticed_by or '**nobody**: ' + (one.why or 'not explained')} |\n"
        for one in sorted(results, key=lambda one: (one.noticed_by != "", one.mutation))
    )
    return (
        f"Of {sum(1 for _ in mutations.candidates()):,} places, {count} were drawn, and"
        f" {len(results)} of these broken so far; {len(results) - len(survivors)} changes were"
        " noticed.\n\n"
        f"| file | line, and what it became | noticed by |\n|---|---|---|\n{rows}"
    )


def shown_change(mutation: mutations.Mutation) -> str:
    """The line before and after, as code in a table."""
    lines = (mutation.old.strip(), mutation.new.strip())
    return " became ".join(f"`{line.replace('|', chr(92) + '|')}`" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
