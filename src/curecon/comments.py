"""What the relations of a ledger mean: the texts of sql/comments.toml, put into the ledger itself.

A ledger that somebody opens in five years explains itself, and sql/README.md is generated from
what stands in one.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from curecon.engine import text
from curecon.packaged import folder


@dataclass(frozen=True)
class Relation:
    """What one relation holds, what one row of it is, and what its own columns mean."""

    about: str
    grain: str
    columns: dict[str, str]


def apply(con: duckdb.DuckDBPyConnection) -> None:
    """Comment the relations and columns of a new ledger.

    A test holds the texts and the schema together; here a text too many or too few is let pass,
    since an audit must not fail over a comment.
    """
    shared, relations = texts()
    statements = []
    for kind, name, columns in _existing(con):
        said = relations.get(name, Relation("", "", {}))
        statements.append(
            f"COMMENT ON {kind} {name} IS {text(f'{said.about} Grain: {said.grain}.')}"
        )
        meanings = shared | said.columns
        statements += [
            f'COMMENT ON COLUMN {name}."{column}" IS {text(meanings[column])}'
            for column in columns
            if column in meanings
        ]
    con.execute(";".join(statements))


def views() -> dict[str, str]:
    """Return the SQL of the ledger's views by their names, in the order of these."""
    files = sorted((folder("sql") / "views").glob("*.sql"))
    return {view.stem: view.read_text("utf-8") for view in files}


def said_by() -> list[str]:
    """Return the texts on which the views and comments of a new ledger depend, with this code."""
    files = (*_sources(), Path(__file__))
    return [path.read_text("utf-8") for path in files] + [*views(), *views().values()]


def _sources() -> tuple[Path, Path]:
    return folder("sql") / "comments.toml", folder("rates") / "attributes.toml"


def texts() -> tuple[dict[str, str], dict[str, Relation]]:
    """Return what a column's name means in every relation, and what each relation says itself."""
    content, attributes = (tomllib.loads(path.read_text("utf-8")) for path in _sources())
    shared = {name: table["about"] for name, table in attributes.items()} | content["columns"]
    return shared, _relations(content["relations"])


def _relations(tables: dict[str, dict[str, Any]]) -> dict[str, Relation]:
    """Complete the relations: a view says in its own file what it is about."""
    relations = {}
    for view, sql in views().items():
        about = re.match(r"((?:-- .*\n)+?)-- grain: (.+)\n", sql)
        assert about, f"{view}.sql does not begin with what it is about and its grain"
        sentence = " ".join(line.removeprefix("-- ") for line in about[1].splitlines())
        own = tables.pop(view, {"columns": {}})["columns"]
        relations[view] = Relation(sentence, about[2], own)
    for name, table in tables.items():
        like = tables[table["same_as"]] if "same_as" in table else table
        relations[name] = Relation(table["about"], like["grain"], like["columns"])
    return relations


def _existing(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, list[str]]]:
    """List the relations that there are: TABLE or VIEW, name, columns."""
    return con.execute(
        "SELECT any_value(CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END), table_name, "
        "list(column_name ORDER BY ordinal_position) FROM information_schema.tables "
        "JOIN information_schema.columns USING (table_catalog, table_schema, table_name) "
        "WHERE table_catalog = current_database() GROUP BY table_name ORDER BY table_name"
    ).fetchall()
