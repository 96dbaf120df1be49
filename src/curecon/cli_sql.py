"""The command `sql`: one query, a named query, or a shell."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from curecon.cli_options import FINE, LedgerFile, Many

Form = Literal["table", "csv", "json", "parquet", "markdown"]


def sql(
    query: Annotated[str | None, Parameter(help="One SELECT, or the name of a query.")] = None,
    *,
    param: Annotated[list[str], Many] = [],  # noqa: B006  # cyclopts copies it
    ledger: LedgerFile = Path("curecon.duckdb"),
    list: bool = False,  # noqa: A002  # the option is named --list
    format: Form = "table",  # noqa: A002
) -> int:
    """Query the ledger: read-only, cut off from files and network.

    Without a query, a terminal gets a shell with completion and history; otherwise
    the query is read from standard input.

      curecon sql "SELECT component, sum(amount) FROM bridge GROUP BY 1"
      curecon sql top_drivers --param period=2026-10 --format markdown
      curecon sql spend_by_tag --param tag=user_team
      curecon sql --list

    Args:
        query: one SELECT, or the name of a query of `curecon sql --list`.
        param: a parameter of a named query, NAME=VALUE; may be given several times.
        list: list the named queries with their parameters, and the relations with their columns.
        format: how to print the rows; decimals stay exact in each.
    """
    from curecon import named, queries
    from curecon.report.rows import show

    if list:
        return _list(ledger, format)
    if query is None and sys.stdin.isatty() and sys.stdout.isatty():
        from curecon.shell import Shell

        Shell(ledger).run()
        return FINE
    query = query if query is not None else _from_input()
    if not query.strip():
        return _list(ledger, format)
    show(queries.sql(query, ledger, named.given(param)), format)
    return FINE


def mcp(*, ledger: LedgerFile = Path("curecon.duckdb")) -> int:
    """Answer assistants' questions about a ledger: an MCP server on standard input and output.

    Its tools read and change nothing: named queries, SQL, findings, explanations.
    An assistant is told of it by, for example:

      {"mcpServers": {"curecon": {"command": "curecon",
        "args": ["mcp", "--ledger", "/path/to/curecon.duckdb"]}}}
    """
    from curecon.assistant import server

    server(ledger).run()
    return FINE


def _list(ledger: Path, form: Form) -> int:
    """List what can be asked: a table of queries and one of relations, or one list of both."""
    from curecon import queries
    from curecon.report.rows import print_table, show

    if form != "table":
        show(queries.contents(ledger), form)
        return FINE
    print_table(queries.listed())
    sys.stdout.write("\n")
    print_table(queries.relations(ledger))
    return FINE


def _from_input() -> str:
    """Read the query that was piped in; nothing where there is no input."""
    try:
        return sys.stdin.read()
    except OSError:
        return ""
