"""Fill in what is generated in the documentation: `make pages`.

A page is written by hand, but for blocks between two markers:

    <!-- generated: relations -->
    ...
    <!-- end -->

`tests/test_docs.py` fails when a page is not what this script would write.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cyclopts

from curecon import checks, cli, ledger

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "sql/README.md", "docs/commands.md", "docs/checks.md")
BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = "80"
SHOWN = ("audit", "findings")


def main() -> None:
    """Write every page anew."""
    for name, text in pages().items():
        (ROOT / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """Return every page, by its name, as it should be."""
    demo = _demo()
    blocks = {
        "relations": _relations,
        "commands": _commands,
        "checks": _checks,
        **{f"demo {name}": lambda name=name: demo[name] for name in SHOWN},
    }

    def filled(match: re.Match[str]) -> str:
        return f"{match[1]}{blocks[match[2]]().strip()}\n{match[3]}"

    return {name: BLOCK.sub(filled, (ROOT / name).read_text("utf-8")) for name in PAGES}


def _relations() -> str:
    """Describe every relation of a new ledger, by the comments that stand in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new.duckdb"
        with ledger.staged(path) as stage:
            stage.publish()
        with ledger.reading(path) as con:
            relations = con.execute(
                "SELECT table_name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END, "
                "TABLE_COMMENT FROM information_schema.tables "
                "WHERE table_catalog = current_database() ORDER BY table_name"
            ).fetchall()
            columns = con.execute(
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
                "WHERE NOT internal ORDER BY table_name, column_index"
            ).fetchall()
    parts = []
    for relation, kind, comment in relations:
        rows = [
            f"| `{name}` | {data_type} | {_cell(said)} |"
            for of, name, data_type, said in columns
            if of == relation
        ]
        head = [f"## {relation}\n", f"{kind.title()}. {comment}\n", "| column | type | means |"]
        parts.append("\n".join([*head, "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _commands() -> str:
    """Print the help of every command that is built."""
    parts = []
    for words in [(), *commands(cli.app)]:
        title = " ".join(("curecon", *words))
        shown = _run([*words, "--help"], ROOT)
        parts.append(f"## {title}\n\n```text\n{shown}\n```")
    return "\n\n".join(parts)


def commands(app: cyclopts.App, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List the commands that are built, in the order of their names."""
    found = []
    for name in sorted(app):
        if name.startswith("-"):
            continue
        sub = app[name]
        if "not built yet" in (sub.help or ""):
            continue
        found += [(*before, name), *commands(sub, (*before, name))]
    return found


def _checks() -> str:
    """List the checks by the question that each answers."""
    rows = [
        f"| `{check.name}` | {check.severity} | {check.category}{' (owns)' * check.owns} "
        f"| {_cell(check.question)} |"
        for check in checks.load()
    ]
    return "\n".join(["| check | severity | category | question |", "|---|---|---|---|", *rows])


def _demo() -> dict[str, str]:
    """Run the README's commands on the demo bill: what they print, by block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fixtures").symlink_to(ROOT / "fixtures")
        shown = {}
        for block, command in zip(SHOWN, demo_commands(), strict=True):
            words = re.findall(r'"([^"]*)"|(\S+)', command.removeprefix("curecon "))
            printed = _run([quoted or bare for quoted, bare in words], folder)
            if block == "audit":  # the findings follow as a table of their own
                printed = printed.split("\nFindings:")[0].rstrip()
            shown[block] = f"```console\n$ {command}\n{printed}\n```"
    return shown


def demo_commands() -> list[str]:
    """Return the commands on the demo bill that README.md shows with their output."""
    return [
        "curecon audit fixtures/demo --contract fixtures/demo/contract.toml --out out",
        (
            'curecon sql "SELECT severity, category, usage_type, round(difference, 2) '
            'AS difference FROM findings WHERE difference > 0 ORDER BY difference DESC"'
        ),
    ]


def _run(arguments: list[str], folder: Path) -> str:
    """Run curecon and return what it prints, without spaces at the ends of lines."""
    done = subprocess.run(
        [sys.executable, "-m", "curecon.cli", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": WIDTH, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode > 1:
        raise SystemExit(done.stderr)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


if __name__ == "__main__":
    main()
