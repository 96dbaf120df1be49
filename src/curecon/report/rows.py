"""Rows of a query on standard output: a table for people, or a format for programs."""

import sys
from decimal import Decimal

import polars as pl
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curecon import queries
from curecon.errors import OptionInvalid
from curecon.report.text import visible

_GAP = 2
"""Cells between two columns."""

_TEXT = 12
"""Cells that text needs at least: an account id is not broken."""


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
    """Print rows as a table; text of a bill is shown, never obeyed.

    Where the columns do not fit side by side, each row is a list of its columns: a table would
    squeeze text to a letter a line, and leave columns out.
    """
    console = Console()
    least = [_least(frame, name) for name in frame.columns]
    if sum(least) + _GAP * len(least) > console.width:
        _print_records(frame, console)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for (name, kind), width in zip(frame.schema.items(), least, strict=True):
        # Of a number no digit may be cut off; text gives way, in lines below one another.
        if kind.is_numeric():
            table.add_column(Text(visible(name)), justify="right", no_wrap=True)
        else:
            table.add_column(Text(visible(name)), overflow="fold", min_width=width)
    for row in frame.iter_rows():
        table.add_row(*(Text(visible(_cell(value))) for value in row))
    console.print(table)


def _least(frame: pl.DataFrame, name: str) -> int:
    """Return how many cells a column needs at least; text may be folded, but not to shreds."""
    widest = max(map(cell_len, (visible(name), *(visible(_cell(one)) for one in frame[name]))))
    return widest if frame.schema[name].is_numeric() else min(widest, _TEXT)


def _print_records(frame: pl.DataFrame, console: Console) -> None:
    """Print each row as lines of a name and a value, with an empty line between rows."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", overflow="fold", max_width=console.width // 2)
    table.add_column(overflow="fold")
    for number, row in enumerate(frame.iter_rows()):
        if number:
            table.add_row("", "")
        for name, value in zip(frame.columns, row, strict=True):
            table.add_row(Text(visible(name)), Text(visible(_cell(value))))
    console.print(table)


def _cell(value: object) -> str:
    """Write a value for people: of a decimal, no zeros at the end beyond the cents."""
    if value is None:
        return ""
    if not isinstance(value, Decimal):
        return str(value)
    whole, point, part = f"{value:,f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}" if point else whole
