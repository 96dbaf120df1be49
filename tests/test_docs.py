"""The documentation is executed: generated blocks, commands, examples and links are checked."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from curecon import __version__, checks, grammar
from curecon.errors import CheckInvalid
from curecon.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parents[1]
GENERATE = runpy.run_path(str(ROOT / "docs" / "generate.py"))
MARKDOWN = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not {".venv", "out", "build", "data"} & set(path.relative_to(ROOT).parts)
    and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
README = (ROOT / "README.md").read_text("utf-8")


def prose(text):
    """Return a page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """Return a folder in which the README's commands find what they name."""
    for name in ("fixtures", "Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(command, folder):
    """Run a command of a page as a reader would, but with the packages of this environment."""
    words = shlex.split(command)
    if words[0] == "make":
        # `setup` would install anew; what it does is tried in a fresh clone by CI.
        words[1:1] = ["-o", ".venv/ready", f"BIN={Path(sys.executable).parent}"]
    else:
        assert words[0] in {"curecon", ".venv/bin/curecon"}, f"nobody runs {command}"
        words[:1] = [sys.executable, "-m", "curecon.cli"]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    return GENERATE["pages"]()


@pytest.mark.parametrize("name", GENERATE["PAGES"])
def test_a_page_says_what_the_program_says(pages, name):
    """`make pages` writes the generated blocks anew."""
    assert (ROOT / name).read_text("utf-8") == pages[name]


# --- what is covered ---

COVERED = [
    pytest.param(row, id=f"{part}, {row['name']}")
    for part, rows in GENERATE["covered"]().items()
    for row in rows
]


@pytest.mark.parametrize("row", COVERED)
def test_a_capability_is_covered_or_a_sentence_says_why_not(row):
    """Decoded how, priced from where, proved by what: no cell of docs/coverage.md is empty."""
    for cell, why in GENERATE["CELLS"].items():
        assert bool(row[cell]) != bool(row.get(why)), f"{cell} is filled, or `{why}` says why not"
        assert row.get(why, "Yes.").endswith(".")
    assert row["watched"]


def test_coverage_names_attributes_that_exist():
    known = vocabulary()
    for row in (parameter.values[0] for parameter in COVERED):
        for select in row["select"]:
            grammar.check_attributes(row["name"], select)
    named = {one["capability"] for p in COVERED for one in p.values[0]["select"]}
    assert named == known["capability"], "every capability that can be decoded has a row"


def test_a_check_fills_its_column_by_itself(tmp_path):
    """What a check watches stands in its header; without one it watches every charge."""
    text = "-- severity: info\n-- category: data\n{}-- question: Is it?\nSELECT 1 AS line"
    (tmp_path / "one.sql").write_text(text.format("-- watches: canvas, mlflow\n"), "utf-8")
    (tmp_path / "two.sql").write_text(text.format(""), "utf-8")
    one, two = (check for check in checks.load([tmp_path]) if check.name in {"one", "two"})
    assert (one.watches, two.watches) == (("canvas", "mlflow"), ())
    (tmp_path / "two.sql").write_text(text.format("-- watches: telepathy\n"), "utf-8")
    with pytest.raises(CheckInvalid, match="telepathy, which is no capability"):
        checks.load([tmp_path])


def test_every_command_of_the_readme_runs(folder):
    commands = re.findall(r"^\$ (.+)$", README, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        if command.startswith("make") and not shutil.which("make"):
            pytest.skip("there is no make on this machine")
        done = run(command, folder)
        assert done.returncode in {0, 1}, f"{command}: {done.stderr}"
        assert done.stdout, command
    assert (folder / "out" / "report.html").is_file()
    assert json.loads((folder / "out" / "demo" / "findings.json").read_text("utf-8"))["findings"]


def test_the_readme_shows_the_commands_that_are_run():
    for command in GENERATE["demo_commands"]():
        assert f"$ {command}\n" in README


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in MARKDOWN:
        named = set(
            re.findall(r"`make ([a-z]+)`|^\$ make ([a-z]+)", path.read_text("utf-8"), re.MULTILINE)
        )
        assert {one or other for one, other in named} <= targets, path


def test_ci_runs_what_the_readme_names_and_the_linters_and_the_documentation():
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "`make test` runs the tests" in README
    assert {"make test", "make lint", "make docs"} <= set(
        re.findall(r"^make \w+$", ci, re.MULTILINE)
    )


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_has_one_title_and_its_links_lead_somewhere(path):
    text = prose(path.read_text("utf-8"))
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not re.match(r"https?://", target):
            assert (path.parent / target.split("#")[0]).exists(), target


def test_what_the_code_quotes_of_the_design_stands_there():
    design = (ROOT / "docs" / "DESIGN.md").read_text("utf-8")
    sections = set(re.findall(r"^## (\d)\.", design, re.MULTILINE))
    quoted = 0
    for folder in ("src", "sql", "tests", "bench"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix not in {".py", ".sql", ".toml"} or "__pycache__" in path.parts:
                continue
            text = re.sub(r"\n(#|--)? *", " ", path.read_text("utf-8"))
            for numbers, title in re.findall(
                r'DESIGN(?:\.md)?,? sections? ([\d, and]+)(?:, "([^"]+)")?', text
            ):
                quoted += 1
                assert set(re.findall(r"\d", numbers)) <= sections, path
                assert title.lower().rstrip(",.") in design.lower(), (path, title)
    assert quoted >= 10


def test_the_check_of_the_page_is_a_check(tmp_path):
    page = (ROOT / "docs" / "checks.md").read_text("utf-8")
    (example,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "dear_line.sql").write_text(example, "utf-8")
    assert "dear_line" in {check.name for check in checks.load([tmp_path / "checks"])}
    done = run(
        f"curecon audit {ROOT}/fixtures/demo --checks checks --out out --fail-on never", tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "findings.json").read_text("utf-8"))["findings"]
    assert {one["severity"] for one in found if one["check"] == "dear_line"} == {"warning"}


def test_the_changelog_tells_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1:2] in ([], [__version__])
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= allowed
