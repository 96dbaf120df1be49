"""How anything is written on a terminal: harmless, in tables that a pipe gets as well."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curecon.report.text import FIELD, SENTENCE, visible

STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}

Pair = tuple[str, str | None]


def labelled(rows: Iterable[Pair], console: Console) -> Padding:
    """Write labels and values; what a line does not have is left out."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True, min_width=12)
    grid.add_column(ratio=1, overflow="fold")
    for label, value in rows:
        if value:
            grid.add_row(label, shown(value, console, SENTENCE))
    return Padding(grid, (0, 0, 0, 2))


def joined(parts: Iterable[str | None], console: Console, style: str) -> Text:
    """Join what is there; each part is cut by itself, so that no part can push out another."""
    said = " · ".join(visible(part) for part in parts if part)
    return Text(encodable(said, console), style=style)


def new_table(console: Console, *, header: bool = True, lines: bool = False) -> Table:
    """Start a table as wide as the terminal."""
    style = box.ASCII if console.options.ascii_only else box.SIMPLE
    return Table(
        box=style if header else None,
        show_header=header,
        show_lines=lines,
        pad_edge=False,
        expand=True,
        header_style="bold",
        padding=(0, 1) if header else (0, 1, 0, 2),
    )


def heading(console: Console, what: str, style: str = "bold underline") -> None:
    """Write a heading after an empty line."""
    console.print()
    said = shown(what, console, SENTENCE)
    said.stylize(style)
    console.print(said, highlight=False)


def say(console: Console, what: str) -> None:
    """Write a sentence."""
    console.print(shown(what, console, SENTENCE), highlight=False)


def shown(what: str, console: Console, limit: int = FIELD) -> Text:
    """Show a text of the bill as itself, whatever markup it resembles."""
    return Text(encodable(visible(what, limit), console))


def encodable(what: str, console: Console) -> str:
    """Spell out what the output cannot encode, since an explanation must not end at a name."""
    return what.encode(console.encoding, "backslashreplace").decode(console.encoding)
