"""What a report type looks like: read from the header of each file in sql/duckdb/formats.

A new input format is one more file there: it declares the columns it knows and maps them, in one
SELECT, to the columns of `line_items`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from curecon.errors import FormatUnknown
from curecon.packaged import folder

_COLUMN = re.compile(
    r"^-- column: +(?P<name>\w+) +(?P<type>text|money|quantity|rate|time|map|tags)"
    r"(?: +(?P<role>required|filled|period))?(?: +alias +(?P<alias>\w+))?"
    r"(?: +prefix +(?P<prefix>\w+))?(?: +key +(?P<key>\w+))?$",
    re.MULTILINE,
)

_SHOWN, _NAME_MAX = 40, 60


@dataclass(frozen=True)
class Column:
    """One column that a format knows.

    `role` is "required", "filled" (required, and no line that is kept may leave it empty), "period"
    (filled, unless the path states the period) or None; `prefix`
    collects columns of a map that is delivered flat, as legacy reports do with tags; `key` is the
    key of the map `product` that carries the column where it is not delivered as one.
    """

    name: str
    type: str
    role: str | None
    alias: str | None
    prefix: str | None
    key: str | None

    def spellings(self) -> set[str]:
        """Return the names, in lower case, by which a delivered column is taken for this one."""
        return {name.lower() for name in (self.name, self.alias) if name}


@dataclass(frozen=True)
class Format:
    """A report type: its name, its columns and the SELECT that maps them."""

    name: str
    columns: tuple[Column, ...]
    select: str

    def find(self, delivered: list[str]) -> dict[str, str]:
        """Map the format's column names to the delivered names that carry them."""
        by_name: dict[str, str] = {}
        for name in delivered:
            by_name.setdefault(name.lower(), name)
            by_name.setdefault(athena_name(name), name)
        return {
            column.name: by_name[spelling]
            for column in self.columns
            for spelling in sorted(column.spellings())
            if spelling in by_name
        }

    def missing(self, found: dict[str, str], *, period_known: bool) -> list[str]:
        """List the required columns that were not delivered."""
        return [
            column.name
            for column in self.columns
            if column.name not in found
            and (column.role in {"required", "filled"} or (column.role and not period_known))
        ]


def athena_name(name: str) -> str:
    """Spell a CSV column as AWS does for Athena: `lineItem/UsageType` is line_item_usage_type.

    Rule: AWS CUR user guide, "Column names" of the Athena integration.
    """
    snake = re.sub(r"(?=[A-Z])", "_", name) if "/" in name else name
    return re.sub(r"_+", "_", re.sub(r"[^0-9a-z]", "_", snake.lower())).strip("_")


@cache
def formats() -> tuple[Format, ...]:
    """Read every format that we know."""
    return tuple(
        _read(path) for path in sorted((folder("sql") / "duckdb" / "formats").glob("*.sql"))
    )


def recognise(file: str, delivered: list[str], *, period_known: bool) -> Format:
    """Tell the report type from the columns delivered.

    Raises:
        FormatUnknown: no format has all its required columns there, of which the message lists what
            the nearest one misses and what was found; or a column that is read comes twice.
    """
    misses = []
    for known in formats():
        columns = known.find(delivered)
        missing = known.missing(columns, period_known=period_known)
        if not missing:
            _refuse_twice(file, delivered, columns.values())
            return known
        misses.append((len(missing), known.name, missing))
    _, name, missing = min(misses)
    cut = [one[:_NAME_MAX] + "..." * (len(one) > _NAME_MAX) for one in delivered[:_SHOWN]]
    shown = [one if one.isprintable() else ascii(one)[1:-1] for one in cut]
    found = ", ".join(shown) + (", ..." if len(delivered) > _SHOWN else "")
    hint = ""
    if len(delivered) == 1 and any(mark in delivered[0] for mark in ";\t|"):
        hint = " (cells must be separated by commas)"
    raise FormatUnknown(
        f"{file}: this is no bill that can be read. The nearest report type is {name}, and it "
        f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}{hint}. "
        f"Found: {found or 'none'}"
    )


def _refuse_twice(file: str, delivered: list[str], read: Iterable[str]) -> None:
    """Refuse a column that is read and there twice: nothing says which of them AWS wrote."""
    for name in read:
        if delivered.count(name) > 1:
            raise FormatUnknown(
                f"{file}: the column {name} is there {delivered.count(name)} times, so nothing "
                "says which one holds; export the file again"
            )


def _read(path: Path) -> Format:
    text = path.read_text("utf-8")
    name = re.search(r"^-- format: (.+)$", text, re.MULTILINE)
    columns = tuple(Column(**match.groupdict()) for match in _COLUMN.finditer(text))
    assert name, f"{path.name} does not name its format"
    assert len(columns) == text.count("-- column:"), f"{path.name} has a malformed column line"
    return Format(name[1], columns, text)
