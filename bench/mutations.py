"""Break one line of the product at a time, in a copy, and see whether its tests notice.

Every place of sql/steps, sql/checks, the SQL that makes lines and findings, and the pricing modules
is a candidate where a comparison, a condition, a sign, a number or a word can be changed; a seeded
draw takes some of them, each as likely as any other. Nobody picks. What survives is named, and
mutations.toml says why where there is a reason. A change has its place in the draw by its own hash,
so that code that comes or goes elsewhere leaves the draw as it is, and a larger one begins alike.

A draw takes minutes a place, so each result is kept in out/mutations.jsonl as soon as it is there,
and a run that was interrupted goes on from it. What was noticed is not tried again as long as the
file that it breaks is the same; what nobody noticed is, for there may be a test of it now.
"""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "out" / "mutations.jsonl"
COPIED = ("src", "sql", "rates", "fixtures", "tests", "bench", "docs", "pyproject.toml")
# What reads rates and agreements, decodes charges, and finds the rate of each.
PRICING = {
    "agreed": "test_contract.py", "contract": "test_contract.py",
    "decode/__init__": "test_decode.py", "decode/usage_types": "test_decode.py",
    "decode/expressions": "test_decode.py",
    "decode/model_names": "test_decode.py", "decode/product": "test_decode.py",
    "free_tier": "test_contract.py", "grammar": "test_decode.py", "matching": "test_matching.py",
    "neighbours": "test_neighbours.py", "price_list/__init__": "test_price_list.py",
    "price_list/documents": "test_price_list.py", "price_list/editions": "test_price_list.py",
    "price_list/files": "test_price_list.py", "price_list/model": "test_price_list.py",
    "price_list/offers": "test_price_list.py", "price_list/values": "test_price_list.py",
    "promised": "test_credits.py", "rates": "test_rates.py", "units": "test_units.py",
}  # fmt: skip
# What makes lines and findings, and the tests that are about it, which take minutes.
READING = {
    "sql/duckdb/formats/cur": "test_formats.py", "sql/duckdb/formats/focus": "test_formats.py",
    "sql/duckdb/scope/code": "test_reader.py", "sql/duckdb/scope/name": "test_reader.py",
    "sql/duckdb/scope/other_codes": "test_reader.py",
    "sql/duckdb/scope/resource": "test_reader.py", "sql/duckdb/closed_sums": "test_versions.py",
    "sql/duckdb/delivery_sums": "test_versions.py", "sql/duckdb/expected_periods": "test_life.py",
    "sql/duckdb/grouped": "test_user_checks.py", "sql/duckdb/huge": "test_money.py",
    "sql/duckdb/insert_findings": "test_user_checks.py",
    "sql/duckdb/insert_found_lines": "test_user_checks.py", "sql/duckdb/lines": "test_reader.py",
    "sql/duckdb/link_findings": "test_invariants.py", "sql/duckdb/move": "test_invariants.py",
    "sql/duckdb/number_repeats": "test_formats.py", "sql/duckdb/resources": "test_decode.py",
}  # fmt: skip
ANOMALIES = {
    "anomalies", "daily", "streams", "unusual", "spend_rose", "spend_fell", "new_in_bill",
    "quantity_moved",
}  # fmt: skip
# Words of the cases that are about a step, where not all steps of a comparison have a part in it.
WORDS = {
    "credits": "credit", "free_tier": "free_tier", "discounts": "discount or private",
    "private_discounts": "private or discount", "tiered": "tier",
    "negations": "negation or plan or commitment", "plan_fees": "plan or commitment",
    "focus_costs": "focus",
    "quantities": "hours or units or provisioned or instance or negative",
    "repeated": "duplicate or identical or similar or twice or usage",
}  # fmt: skip
OTHER_WORDS = "arithmetic or rate or unit or focus or private"
SECONDS = 900

# Of SQL: what is looked for, and what it becomes.
SQL_CHANGES = [
    (r" <> ", " = "), (r" = ", " <> "), (r" <= ", " < "), (r" >= ", " > "), (r" < ", " <= "),
    (r" > ", " >= "), (r"\bOR\b", "AND"), (r"\bAND\b", "OR"), (r" \+ ", " - "), (r" - ", " + "),
    (r" \* ", " + "), (r"\bIS NULL\b", "IS NOT NULL"), (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bmin\(", "max("), (r"\bmax\(", "min("), (r"\bsum\(", "max("), (r"\bNOT ", ""),
    (r"\bLEFT JOIN\b", "JOIN"), (r"\bTRUE\b", "FALSE"), (r"\bFALSE\b", "TRUE"),
    (r"\babs\(", "("), (r"\bDESC\b", "ASC"), (r"(?<=')[a-z_]+(?=')", "another"),
    (r"(?<![\w.'(])0(?![\w.'])", "1"), (r"(?<![\w.'])[1-9]\d*(?![\w.'])", "0"),
    (r"(?<![\w.'])0\.\d+(?![\w.'])", "7.5"),
]  # fmt: skip
PYTHON_CHANGES = {
    "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+",
    "*": "+", "/": "*", "&": "|", "and": "or", "or": "and", "not": "", "True": "False",
    "False": "True", "min": "max", "max": "min", "is": "is not", "any": "all", "all": "any",
}  # fmt: skip


class Mutation(NamedTuple):
    """One change of one line."""

    file: str
    row: int
    old: str
    new: str


class Result(NamedTuple):
    """Which tests noticed a mutation, if any; why not, where that is known."""

    mutation: Mutation
    noticed_by: str
    why: str


def candidates() -> Iterator[Mutation]:
    """Every change that the draw may take, in a fixed order."""
    for folder in ("sql/steps", "sql/checks"):
        for path in sorted((ROOT / folder).glob("*.sql")):
            yield from _of_sql(path)
    for name in READING:
        yield from _of_sql(ROOT / f"{name}.sql")
    for name in PRICING:
        yield from _of_python(ROOT / "src" / "curecon" / f"{name}.py")


def _of_sql(path: Path) -> Iterator[Mutation]:
    name = path.relative_to(ROOT).as_posix()
    for row, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        # Neither comments, nor the digits of types, nor BETWEEN's AND; where the last SELECT is
        # put in order, nothing depends on it but the look of a table.
        if line.startswith(("--", "ORDER BY")) or "DECIMAL(" in line or "BETWEEN" in line:
            continue
        code = line.split("--")[0]
        for pattern, becomes in SQL_CHANGES:
            for found in re.finditer(pattern, code):
                yield Mutation(
                    name, row, line, line[: found.start()] + becomes + line[found.end() :]
                )


def _of_python(path: Path) -> Iterator[Mutation]:
    name, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    lines = [*text.splitlines(), ""]  # the end of a file is a token, too
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (row, start), (_, end) = token.start, token.end
        line, becomes = lines[row - 1], PYTHON_CHANGES.get(token.string)
        if line[start:].startswith("is not"):
            continue  # that is for its `not`, which follows
        # A sign with no room around it is that of a number or of arguments.
        is_sign = token.string in "+-*/&" and line[start - 1 : start] + line[end : end + 1] != "  "
        if token.type == tokenize.NUMBER and re.fullmatch(r"\d+", token.string):
            becomes = str(int(token.string) + 1)
        if becomes is None or is_sign or token.type == tokenize.STRING:
            continue
        yield Mutation(name, row, line, line[:start] + becomes + line[end:])


def drawn(seed: int) -> list[Mutation]:
    """Every candidate, in the order in which a draw takes them."""
    places, seen = [], Counter[tuple[str, str, str]]()
    for one in candidates():
        change = (one.file, one.old, one.new)
        seen[change] += 1  # the same line may stand in a file twice
        place = hashlib.sha256(repr((seed, seen[change], *change)).encode()).digest()
        places.append((place, one))
    return [one for _, one in sorted(places)]


def run(count: int, seed: int = 1) -> list[Result]:
    """Draw so many changes, and make each by itself; Ctrl-C leaves it at what is finished."""
    chosen = drawn(seed)[:count]
    reasons = {
        (one["file"], one["old"].strip(), one["new"].strip()): one["why"]
        for one in tomllib.loads((ROOT / "bench/mutations.toml").read_text("utf-8"))["explained"]
    }
    kept, results, is_stopped = _kept(), [], False
    for number, mutation in enumerate(chosen, start=1):
        key = (*mutation, _content(mutation.file))
        if is_stopped and key not in kept:
            continue
        noticed = kept.get(key, "")
        if not noticed and not is_stopped:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    noticed = _noticed(mutation, Path(folder))
            except KeyboardInterrupt:
                is_stopped = True
                continue
            _keep(mutation, noticed)
        why = reasons.get((mutation.file, mutation.old.strip(), mutation.new.strip()), "")
        results.append(Result(mutation, noticed, why))
        told = noticed or "NOBODY"
        change = f"{mutation.old.strip()}  ->  {mutation.new.strip()}"
        print(f"{number} of {count}: {mutation.file}:{mutation.row}: {change}: {told}",
              file=sys.stderr)  # fmt: skip
    return results


def _kept() -> dict[tuple, str]:
    """What earlier runs saw: a change, the content of the file it is made in -> who noticed."""
    if not KEPT.exists():
        return {}
    seen = [json.loads(line) for line in KEPT.read_text("utf-8").splitlines()]
    return {
        (*(one[name] for name in Mutation._fields), one["content"]): one["noticed_by"]
        for one in seen
    }


def _keep(mutation: Mutation, noticed: str) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    row = {**mutation._asdict(), "content": _content(mutation.file), "noticed_by": noticed}
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _content(file: str) -> str:
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _noticed(mutation: Mutation, copy: Path) -> str:
    for name in COPIED:
        if (ROOT / name).is_dir():
            left_out = shutil.ignore_patterns("data", ".venv", "__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=left_out)
        else:
            shutil.copy2(ROOT / name, copy / name)
    path = copy / mutation.file
    right = path.read_text("utf-8")
    lines = right.splitlines()
    lines[mutation.row - 1] = mutation.new
    for name, tests in _judges(mutation.file):
        path.write_text("\n".join(lines) + "\n", "utf-8")
        failed = _failed(copy, tests)
        if failed is None:
            continue
        # A test that fails in the copy as it was has noticed nothing.
        path.write_text(right, "utf-8")
        if _failed(copy, failed) is not None:
            raise SystemExit(f"{failed} fails in a copy in which nothing is broken")
        return name
    return ""


def _judges(file: str) -> list[tuple[str, list[str]]]:
    """The tests that are asked, the quickest to notice first."""
    stem = Path(file).stem
    simulated = ("simulated bills", ["tests/test_simulate.py", "-k", "audit or clean_bill"])
    anomalies = [("`test_anomalies.py`", ["tests/test_anomalies.py"])] if stem in ANOMALIES else []
    cases = "tests/test_cases.py::test_what_is_found_is_what_was_worked_out_by_hand"
    if file.startswith("sql/checks"):
        about = [f"{cases}[{name}]" for name in _cases_about(stem)]
        return [("cases", about), simulated, *anomalies]
    own = PRICING.get(file.removeprefix("src/curecon/").removesuffix(".py"))
    of_steps = "test_metamorphic.py" if file.startswith("sql/steps") else None
    slow = READING.get(file.removesuffix(".sql"), of_steps)
    return [
        *([(f"`{own}`", [f"tests/{own}"])] if own else []),
        *anomalies,
        ("cases", [cases, "-k", WORDS.get(stem, OTHER_WORDS)]),
        simulated,
        *([(f"`{slow}`", [f"tests/{slow}"])] if slow else []),
    ]


def _cases_about(check: str) -> list[str]:
    """The cases in which a check fires or nearly does."""
    word = re.compile(rf"\b{check}\b")
    return [
        folder.name
        for folder in sorted((ROOT / "fixtures/cases").iterdir())
        if folder.is_dir()
        and any(word.search((folder / name).read_text("utf-8"))
                for name in ("findings.csv", "options.toml"))
    ]  # fmt: skip


def _failed(copy: Path, tests: list[str]) -> list[str] | None:
    """The test of the copy that fails on the copy's own code, if one does."""
    # A change may make an endless loop. What counts is the time of the processor: on a busy machine
    # tests take long that only begin late.
    done = subprocess.run(
        ["sh", "-c", f'ulimit -t {SECONDS} && exec "$@"', "sh", sys.executable, "-m", "pytest",
         "-n", "0", "-x", "-q", "-rfE", "-p", "no:cacheprovider", *tests],
        cwd=copy, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    if done.returncode == 0:
        return None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return tests
    # 1: tests failed, 2: they could not even be collected; anything else is a fault of the set-up.
    told = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode not in (1, 2) or told is None:
        raise SystemExit(f"the tests did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [told[1]]
