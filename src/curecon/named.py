"""Named queries: questions that are asked again and again, each one SQL file of sql/queries.

A file begins with what it answers:

    -- question: What costs most?
    -- about: Dollars as billed, by account and model; the dearest first.
    -- param: period month, every period in the ledger
    -- param: limit integer = 20, how many rows
    -- ratio: per_thousand = billed / thousand_tokens, 8

A parameter is written `$period` in the SQL. It has a type (text, month, day, integer), and is
either `required`, or has a default, or is null when left out; after the comma stands what it means.
A ratio of two columns is worked out of the rows, rounded half to even to so many decimals, since
division in SQL is binary floating point; `100` before it makes it a percentage.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from functools import cache
from pathlib import Path

from curecon.errors import OptionInvalid
from curecon.packaged import folder

NAME = re.compile(r"[a-z][a-z0-9_]*")
_PARAM = re.compile(
    r"^-- param: (?P<name>\w+) (?P<kind>text|month|day|integer)"
    r"(?: (?P<required>required))?(?: = (?P<default>[^,\n]+))?, (?P<about>.+)$",
    re.MULTILINE,
)
_RATIO = re.compile(
    r"^-- ratio: (?P<name>\w+) = (?P<hundred>100 )?(?P<over>\w+) / (?P<under>\w+), (?P<digits>\d)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Ratio:
    """A column that is one column divided by another."""

    name: str
    times: int
    over: str
    under: str
    digits: int

    def of(self, row: Mapping[str, object]) -> Decimal | None:
        """Divide two amounts of a row; without one of them, or by 0, there is no ratio."""
        over, under = row[self.over], row[self.under]
        if not isinstance(over, Decimal | int) or not isinstance(under, Decimal | int):
            return None
        if under == 0:
            return None
        with localcontext(prec=60):
            return (Decimal(over) * self.times / under).quantize(Decimal(1).scaleb(-self.digits))


@dataclass(frozen=True)
class Param:
    """One parameter of a named query."""

    name: str
    kind: str
    required: bool
    default: str | None
    about: str

    def value(self, given: str | None) -> str | int | date | None:
        """Read what was given for it, as what it is.

        Raises:
            OptionInvalid: nothing was given, or nothing of its type.
        """
        told = self.default if given is None else given
        if told is None:
            if self.required:
                raise OptionInvalid(
                    f"the query needs `{self.name}`, {self.about}; write --param {self.name}=VALUE"
                )
            return None
        try:
            return _read(self.kind, told)
        except ValueError as error:
            example = {"month": "2026-10", "day": "2026-10-31", "integer": "20"}[self.kind]
            raise OptionInvalid(
                f"{self.name}={told!r} is no {self.kind}; write one like {example}"
            ) from error

    def __str__(self) -> str:
        """Write it as a person would want to read it in a list."""
        told = "required" if self.required else self.default or "optional"
        return f"{self.name} ({self.kind}, {told}): {self.about}"


@dataclass(frozen=True)
class Query:
    """One named query."""

    name: str
    question: str
    about: str
    params: tuple[Param, ...]
    ratios: tuple[Ratio, ...]
    sql: str

    def values(self, given: Mapping[str, str]) -> dict[str, str | int | date | None]:
        """Read the parameters given as `name` -> text; the rest have their defaults.

        Raises:
            OptionInvalid: one is unknown, missing or not of its type.
        """
        names = [param.name for param in self.params]
        for name in given:
            if name not in names:
                raise OptionInvalid(
                    f"{self.name} has no parameter {name!r}; it has {', '.join(names) or 'none'}"
                )
        return {param.name: param.value(given.get(param.name)) for param in self.params}


@cache
def load() -> dict[str, Query]:
    """Read every named query, by its name."""
    return {path.stem: _parse(path) for path in sorted((folder("sql") / "queries").glob("*.sql"))}


def find(name: str) -> Query:
    """Return the query of this name.

    Raises:
        OptionInvalid: there is none; the nearest names are told.
    """
    queries = load()
    if name not in queries:
        near = difflib.get_close_matches(name, queries, n=3, cutoff=0.5)
        hint = f" (near: {', '.join(near)})" if near else ""
        raise OptionInvalid(
            f"no query is named {name!r}{hint}; `curecon sql --list` shows them all"
        )
    return queries[name]


def given(params: Sequence[str]) -> dict[str, str]:
    """Read parameters written NAME=VALUE.

    Raises:
        OptionInvalid: one is not of this form, or named twice.
    """
    read: dict[str, str] = {}
    for one in params:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise OptionInvalid(f"--param {one!r}: write it NAME=VALUE, e.g. period=2026-10")
        if name in read:
            raise OptionInvalid(f"--param {name} is given twice; give it once")
        read[name] = value
    return read


def _parse(path: Path) -> Query:
    sql = path.read_text("utf-8")
    said = dict(re.findall(r"^-- (question|about): (.+)$", sql, re.MULTILINE))
    params = tuple(
        Param(one["name"], one["kind"], bool(one["required"]), one["default"], one["about"])
        for one in _PARAM.finditer(sql)
    )
    assert said.keys() == {"question", "about"}, f"{path.name} does not say what it answers"
    assert len(params) == sql.count("-- param:"), f"{path.name} has a malformed parameter"
    ratios = tuple(
        Ratio(
            one["name"], 100 if one["hundred"] else 1, one["over"], one["under"], int(one["digits"])
        )
        for one in _RATIO.finditer(sql)
    )
    assert len(ratios) == sql.count("-- ratio:"), f"{path.name} has a malformed ratio"
    return Query(path.stem, said["question"], said["about"], params, ratios, sql)


def _read(kind: str, told: str) -> str | int | date:
    if kind == "integer":
        return int(told)
    if kind == "day":
        return date.fromisoformat(told)
    if kind == "month" and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", told):
        raise ValueError(told)
    return told
