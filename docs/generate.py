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
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import cyclopts

from curecon import checks, cli, decode, grammar, ledger, named, rates, savings_plans
from curecon.money import plain
from curecon.vocabulary import vocabulary

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md", "sql/README.md", "docs/commands.md", "docs/checks.md", "docs/coverage.md",
    "docs/sql.md",
)  # fmt: skip
BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = "80"
SHOWN = ("audit", "findings")
COVERED = ("bedrock", "sagemaker", "beyond")
CELLS = {"decoded": "undecoded", "priced": "unpriced", "proved": "unproved"}
"""The cells of a capability that may stay empty, with the key of the sentence that says why."""


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
        "queries": _queries,
        **{
            f"coverage {part}": lambda part=part: _coverage()[part]
            for part in ("general", *COVERED)
        },
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


def _queries() -> str:
    """Describe every named query with its parameters."""
    parts = []
    for one in named.load().values():
        parts += [f"### {one.name}", "", f"**{one.question}** {one.about}", ""]
        parts += [f"- `{param.name}`: {str(param).split(' ', 1)[1]}" for param in one.params]
        parts += [""] if one.params else []
    return "\n".join(parts)


def _checks() -> str:
    """List the checks by the question that each answers."""
    rows = [
        f"| `{check.name}` | {check.severity} | {check.category}{' (owns)' * check.owns} "
        f"| {_cell(check.question)} |"
        for check in checks.load()
    ]
    return "\n".join(["| check | severity | category | question |", "|---|---|---|---|", *rows])


# --- what is covered ---


def _coverage() -> dict[str, str]:
    """Write a table a part of docs/coverage.toml, and the checks that watch every charge."""
    general = [f"`{check.name}`" for check in checks.load() if not check.watches]
    parts = {"general": f"*All* are {', '.join(general)}."}
    head = "| capability | on the page under | decoded by | priced by | watched by | proved by |"
    for part, rows in covered().items():
        lines = [
            "| "
            + " | ".join(_cell_or_why(row, cell) for cell in ("name", "section", *_FILLED))
            + " |"
            for row in rows
        ]
        parts[part] = "\n".join([head, "|---|---|---|---|---|---|", *lines])
    return parts


_FILLED = ("decoded", "priced", "watched", "proved")
_READ_AS_THEY_ARE = {"provider", "model", "instance_type"}


def _cell_or_why(row: dict[str, str], cell: str) -> str:
    why = row.get(CELLS.get(cell, ""), "")
    percent = plain(savings_plans.percent_max())
    return row[cell].replace("|", "\\|") or why.replace("{savings_plans_percent}", percent)


@cache
def covered() -> dict[str, list[dict[str, str]]]:
    """Return the rows of docs/coverage.toml by part, with the cells that are found for them."""
    parts = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))
    return {
        part: [
            {**row, **_found(row["select"])}
            | ({"watched": row["unwatched"]} if "unwatched" in row else {})
            for row in parts[part]
        ]
        for part in COVERED
    }


def _found(selects: list[dict[str, str]]) -> dict[str, str]:
    """Find what reads, prices, watches and proves the charges that have some attributes."""
    by_form = [_reads(select) for select in selects]
    cards = Counter(
        card for select in selects for card, one in _cards() if select.items() <= one.items()
    )
    examples = sorted(
        {name for select in selects for name, one in _examples() if select.items() <= one.items()}
    )
    capabilities = {select["capability"] for select in selects}
    named = [f"`{check.name}`" for check in checks.load() if capabilities & set(check.watches)]
    judged = any("whole" in kinds for kinds, _ in by_form)
    return {
        "decoded": ", ".join(dict.fromkeys(form for _, forms in by_form for form in forms)),
        "priced": ", ".join(f"{card} ({count})" for card, count in sorted(cards.items())),
        "watched": ", ".join(["*all*" if judged else "*what is open*", *named]),
        "proved": ", ".join(examples),
    }


def _reads(select: dict[str, str]) -> tuple[set[str], list[str]]:
    """Return the forms that read a charge: whether whole or in part, and their names with grades.

    A form reads any model and any machine, and what training counts is told by the model.
    """
    wanted = {name: text for name, text in select.items() if name not in _READ_AS_THEY_ARE}
    if select["capability"] == "customization_training":
        wanted.pop("token_type", None)
    kinds, names = set(), []
    for form, attributes in _forms():
        if "customized" in form.fixed and "customized" not in wanted:
            continue
        if any(wanted.items() <= one.items() for one in attributes):
            grade = {"real": "R", "aws-authored": "A", "third-party": "T", "unconfirmed": "?"}
            mark = "*" if form.partial else ""
            kinds.add("part" if form.partial else "whole")
            names.append(f"{mark}{form.name}{mark} {grade[form.grade]}")
    for words in grammar.grammar().words:
        if wanted.items() <= words.fixed.items():
            kinds.add("whole")
            names.append(f"{words.name}, by words ?")
    return kinds, names


@cache
def _forms() -> list[tuple[grammar.Form, list[dict[str, str | None]]]]:
    """Return each form with the attributes of its examples; of a part with those that it sets."""
    return [
        (form, [form.fixed, *map(decode.decode_one, form.examples)])
        for form in grammar.grammar().forms
    ]


@cache
def _cards() -> list[tuple[str, dict[str, str | None]]]:
    """Return the card and the attributes of every rate of the packaged cards, once a rate."""
    known = rates.read_cards([ROOT / "rates"]).select("card", "starts", *vocabulary()).unique()
    return [(row["card"], row) for row in known.iter_rows(named=True)]


@cache
def _examples() -> list[tuple[str, dict[str, str]]]:
    """Return the folder's number and the attributes of each usage of the worked examples."""
    found = []
    for path in sorted((ROOT / "fixtures" / "worked_examples").glob("*/usage.toml")):
        name = " ".join(path.parent.name.split("_")[:2])
        for usage in tomllib.loads(path.read_text("utf-8"))["usage"]:
            read = decode.decode_one(usage["usage_type"]) if "usage_type" in usage else usage
            found.append((name, read))
    return found


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
