"""Break one line of the product at a time, in a copy, and see whether its tests notice."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("src", "sql", "rates", "fixtures", "tests", "pyproject.toml")
# The simulator's bills are the quickest judge; the cases of the checks come where they are silent.
JUDGES = (
    ("simulated bills", ["tests/test_simulate.py", "-k", "audit or clean_bill"]),
    ("cases", ["tests/test_cases.py", "-k"]),
    ("units and matching", ["tests/test_units.py", "tests/test_matching.py"]),
)


class Mutation(NamedTuple):
    """A line of the product, and what it becomes."""

    file: str
    old: str
    new: str
    what: str
    cases: str = ""  # words of the cases that are about it; none stands for all


class Result(NamedTuple):
    """Which tests noticed a mutation, if any."""

    mutation: Mutation
    noticed_by: str


def _listed() -> list[Mutation]:
    text = (ROOT / "bench" / "mutations.toml").read_text("utf-8")
    return [Mutation(**one) for one in tomllib.loads(text)["mutation"]]


def run() -> list[Result]:
    """Break each line by itself; a line that is not there any more is an error of the list."""
    results, listed = [], _listed()
    for number, mutation in enumerate(listed, start=1):
        with tempfile.TemporaryDirectory() as folder:
            results.append(Result(mutation, _noticed(mutation, Path(folder))))
        told = results[-1].noticed_by or "NOBODY"
        print(f"{number} of {len(listed)}: {mutation.what}: {told}", file=sys.stderr)
    return results


def _noticed(mutation: Mutation, copy: Path) -> str:
    for name in COPIED:
        whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        whole(ROOT / name, copy / name)
    path = copy / mutation.file
    text = path.read_text("utf-8")
    if mutation.old not in text:
        raise SystemExit(f"{mutation.file} has no {mutation.old!r} any more; mend mutations.py")
    path.write_text(text.replace(mutation.old, mutation.new, 1), "utf-8")
    for name, tests in JUDGES:
        chosen = [*tests, mutation.cases or "test"] if tests[-1] == "-k" else tests
        if _fails(copy, chosen):
            return name
    return ""


def _fails(copy: Path, tests: list[str]) -> bool:
    """Whether the tests of the copy fail on the copy's own code."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    # 1: tests failed; anything else but 0 is a fault of the set-up and must not count as noticed.
    if done.returncode not in (0, 1):
        raise SystemExit(f"the tests did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1
