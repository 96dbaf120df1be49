"""TOML files that people write, and what is wrong with them, in sentences.

Cards and contracts are read whole or not at all, and everything that is wrong is said at once. A
sentence names the file, the table, the key and what to do; what a file says is shown cut short and
printable, since the file may be anybody's.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from curecon import money
from curecon.errors import CureconError
from curecon.models import Record

EVERY_REGION = "*"
_HUNDRED = Decimal(100)

M = TypeVar("M", bound=Record)

_PRINTABLE = r"[^\x00-\x1f\x7f]"
_VISIBLE = r"[^\s\x00-\x1f\x7f]"


def widths(decimal_type: str) -> tuple[int, int]:
    """Read precision and scale out of a type that money.py names."""
    precision, scale = re.findall(r"\d+", decimal_type)
    return int(precision), int(scale)


def _whole_number_allowed(value: object) -> object:
    """Let `price = 45` stand for 45.0; TOML tells whole numbers apart, prices do not."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _digits(number: Decimal) -> tuple[int, int]:
    """Count the digits that matter before and after the point; no context rounds them here."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "pydantic lets only finite numbers pass"
    written = "".join(map(str, digits)).lstrip("0")
    significant = written.rstrip("0")
    exponent += len(written) - len(significant)
    return (max(0, len(significant) + exponent), max(0, -exponent)) if significant else (0, 0)


def _kept_exactly(number: Decimal, decimal_type: str) -> Decimal:
    precision, scale = widths(decimal_type)
    before, after = _digits(number)
    if number < 0:
        raise ValueError("is negative; write 0 or more")
    if after > scale:
        raise ValueError(
            f"has {after} decimals, which looks like float noise; "
            f"write the digits that the source prints, at most {scale} decimals"
        )
    if before > precision - scale:
        raise ValueError(f"has {before} digits before the point; at most {precision - scale} fit")
    return number


def _price(number: Decimal) -> Decimal:
    return _kept_exactly(number, money.PRICE)


def _quantity(number: Decimal) -> Decimal:
    return _kept_exactly(number, money.QUANTITY)


def _amount(number: Decimal) -> Decimal:
    if number < 0:
        raise ValueError("is negative; write it without a sign")
    return _kept_exactly(number, money.MONEY)


def _percent(number: Decimal) -> Decimal:
    _kept_exactly(number, "DECIMAL(11, 8)")
    if number > _HUNDRED:
        raise ValueError("is more than 100 percent")
    return number


def _known(region: str) -> str:
    """Refuse a region that bills have no prefix for: what is said of it could never match."""
    from curecon import grammar  # noqa: PLC0415  # needs polars, and not all files have regions

    if region != EVERY_REGION and region not in grammar.region_codes():
        near = nearest(region, grammar.region_codes())
        raise ValueError(f"is {region!r}, a region that is unknown; {near}")
    return region


def _named_once(regions: list[str]) -> list[str]:
    if len(set(regions)) < len(regions):
        raise ValueError("names a region twice; remove one")
    if EVERY_REGION in regions and len(regions) > 1:
        raise ValueError('names single regions beside "*", which means every region; keep one')
    return regions


Line = Annotated[
    str,
    StringConstraints(max_length=1000, pattern=f"^{_VISIBLE}({_PRINTABLE}*{_VISIBLE})?$"),
]
Price = Annotated[Decimal, BeforeValidator(_whole_number_allowed), AfterValidator(_price)]
Quantity = Annotated[Decimal, BeforeValidator(_whole_number_allowed), AfterValidator(_quantity)]
RegionCode = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^(\*|[a-z]{2}(-[a-z]+)+-[0-9]+)$")
]
Region = Annotated[RegionCode, AfterValidator(_known)]
Regions = Annotated[list[Region], Field(min_length=1), AfterValidator(_named_once)]
Amount = Annotated[Decimal, BeforeValidator(_whole_number_allowed), AfterValidator(_amount)]
Percent = Annotated[Decimal, BeforeValidator(_whole_number_allowed), AfterValidator(_percent)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]

_NO_NUMBER = "is no number; write digits, without quotes"


class Unreadable(CureconError):
    """The file is none, is too large or is no TOML."""


def content(path: Path, what: str, bytes_max: int) -> bytes:
    """Return what a file holds.

    Raises:
        Unreadable: it is no file, is larger than any `what`, or cannot be read.
    """
    try:
        if not path.is_file():
            there = "" if path.exists() else "; nothing is there"
            raise Unreadable(f"{shown(path)} is not a file that can be read{there}")
        if path.stat().st_size > bytes_max:
            raise Unreadable(f"{shown(path)} is too large for a {what}; split it")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{shown(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Unreadable(f"{shown(path)} is no path: {short(str(error))}") from error


def table(path: Path, found: bytes) -> dict[str, Any]:
    """Return the table that a file's content is; numbers with a point become exact decimals.

    Raises:
        Unreadable: it is not UTF-8, or no TOML.
    """
    try:
        return tomllib.loads(found.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"{shown(path)} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    except (ValueError, DecimalException, RecursionError) as error:
        reason = short(str(error))
        if isinstance(error, RecursionError):
            reason = "nested too deeply"
        elif isinstance(error, DecimalException):
            reason = "a number is out of any range"
        raise Unreadable(f"{shown(path)} is not valid TOML: {reason}") from error


def checked(
    model: type[M], given: object, place: str, own: Mapping[str, str] | None = None
) -> tuple[M | None, list[str]]:
    """Make a record of a table, or say what is wrong with it.

    Args:
        model: what the table must be.
        given: the table.
        place: the words by which a person finds it again.
        own: what to say of single keys whose text has not the right form, and, by the type of
            pydantic's error, of any key, where there is something better than the usual.
    """
    record, sentences = None, []
    try:
        record = model.model_validate(given)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        sentences = [_sentence(model, each, own or {}) for each in errors]
    if isinstance(given, dict) and issubclass(model, Consistent):
        sentences += model.contradictions(given)
    return (None if sentences else record), [f"{place}: {sentence}" for sentence in sentences]


class Consistent(Record):
    """A record whose keys may contradict each other, which is said even where others are wrong."""

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[str]:
        """Say which keys of a table contradict each other; what is of a wrong type is passed over.

        Args:
            given: the table as it was written.
        """
        yield from not_after(given)


def not_after(given: Mapping[str, object]) -> Iterator[str]:
    """Say that `ends` is not after `starts`, if it is not."""
    starts, ends = given.get("starts"), given.get("ends")
    # A datetime is a date to isinstance, and refused as none.
    if type(starts) is date and type(ends) is date and ends <= starts:
        yield (
            f"`ends` {ends} is not after `starts` {starts}; "
            "`ends` is the first day on which it no longer holds"
        )


def _sentence(model: type[Record], error: ErrorDetails, own: Mapping[str, str]) -> str:
    """Turn an error of pydantic into a sentence that names the key and the remedy."""
    key = short(".".join(map(str, error["loc"])))
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
        return f"`{key}` {reason}" if key else reason
    first = str(error["loc"][0]) if error["loc"] else ""
    usual = {
        "missing": "is missing",
        "extra_forbidden": f"is unknown; the keys are {', '.join(model.model_fields)}",
        "is_instance_of": _NO_NUMBER,
        "finite_number": _NO_NUMBER,
        "int_type": "is no whole number; write digits, without quotes and without a point",
        "date_type": "is no date; write it like 2024-04-01, without quotes and without a time",
        "string_type": "is no text; put it in quotes",
        "string_too_long": "is too long; shorten it",
        "string_pattern_mismatch": own.get(first, "must be one line of plain text"),
        "list_type": 'is no list; write regions = ["us-east-1"]',
        "dict_type": 'is no table; write select = { service = "bedrock", ... }',
        "bool_type": "must be true or false, without quotes",
        "too_short": "is empty; name at least one",
        "model_type": "is no table",
    }
    remedy = own.get(error["type"]) or usual.get(error["type"]) or error["msg"]
    return f"`{key}` {remedy}" if key else remedy


def nearest(text: str, known: Iterable[str]) -> str:
    """Say which of the known words is likest to one that is not known."""
    asked = text.lower()
    # Letters in their order count, and in any, since a slip often swaps two of them.
    likest = max(
        known,
        key=lambda word: (
            (match := difflib.SequenceMatcher(None, word.lower(), asked)).ratio()
            + match.quick_ratio()
        ),
    )
    return f"the nearest that is known is {likest!r}"


def short(text: str, length_max: int = 200) -> str:
    """Make text from a file fit to be shown: one line, printable, not endless."""
    cut = text if len(text) <= length_max else f"{text[:length_max]}..."
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def shown(path: Path) -> str:
    """Make the name of a file fit to be shown."""
    return short(str(path), 4096)
