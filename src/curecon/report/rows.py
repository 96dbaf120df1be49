"""Rows of a query on standard output: a table for people, or a format for programs."""

import sys
from decimal import Decimal

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curecon import queries
from curecon.errors import OptionInvalid
from curecon.report.text import visible


def show(frame: pl.DataFrame, form: str) -> None:
    """Print rows in the form asked for.

    Raises:
        OptionInvalid: Parquet is asked for on a terminal.
    """
    if form == "table":
        print_table(frame)
        return
    rendered = queries.render(frame, form)
    if isinstance(rendered, bytes):
        if sys.stdout.isatty():
            raise OptionInvalid("Parquet is not for a terminal; send it to a file with >")
        sys.stdout.buffer.write(rendered)
    else:
        sys.stdout.write(rendered)


def print_table(frame: pl.DataFrame) -> None:
    """Print rows as a table; text of a bill is shown, never obeyed."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        # Of a number no digit may be cut off; text gives way, in lines below one another.
        if kind.is_numeric():
            table.add_column(Text(visible(name)), justify="right", no_wrap=True)
        else:
            table.add_column(Text(visible(name)), overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(Text(visible(_cell(value))) for value in row))
    Console().print(table)


def _cell(value: object) -> str:
    """Write a value for people: of a decimal, no zeros at the end beyond the cents."""
    if value is None:
        return ""
    if not isinstance(value, Decimal):
        return str(value)
    whole, point, part = f"{value:,f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}" if point else whole
