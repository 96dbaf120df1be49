"""What several commands of the command line share: exit statuses and options."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from curecon.errors import OptionInvalid

FINE, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130

LedgerFile = Annotated[
    Path, Parameter(name="--ledger", help="The DuckDB file that keeps bills and findings.")
]
Many = Parameter(negative=(), consume_multiple=False)

_DIGITS_BEFORE, _DIGITS_AFTER = 16, 20  # what the ledger keeps


def amount(written: str) -> Decimal:
    """Read an amount of money.

    Raises:
        ValueError: it is no number, or has more digits than the ledger keeps.
    """
    try:
        number = Decimal(written)
    except InvalidOperation as error:
        raise ValueError("write dollars as digits, e.g. 10.50") from error
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("write dollars as digits, e.g. 10.50")  # noqa: TRY004  # inf and nan
    if number.adjusted() >= _DIGITS_BEFORE or -exponent > _DIGITS_AFTER:
        raise ValueError(
            f"at most {_DIGITS_BEFORE} digits before the point and {_DIGITS_AFTER} after it"
        )
    return number


def dollars(_: Any, tokens: Sequence[cyclopts.Token]) -> Decimal:  # noqa: ANN401
    """Read an option that is an amount of dollars, of 0 or more."""
    source = "" if tokens[0].source in {"", "cli"} else f"{tokens[0].source}: "
    try:
        number = amount(tokens[0].value)
    except ValueError as error:
        raise ValueError(f"{source}{error}") from error
    if number < 0:
        raise ValueError(f"{source}write dollars as digits, e.g. 10.50")
    return number


def misuse(error: Exception) -> str:
    """Say what is wrong; of a word too many, where to read how the command goes."""
    if not isinstance(error, cyclopts.UnusedCliTokensError):
        return str(error)
    words = " ".join(error.unused_tokens or ())
    command = " ".join(("curecon", *(error.command_chain or ())))
    return (
        f"{words!r} is not expected there; an option that may have several values is written again "
        f"for each, e.g. --state new --state open; see `{command} --help`"
    )


def day(written: str | None, option: str = "--as-of") -> date | None:
    """Read an option that is a day; the word today is the day itself, UTC."""
    if written is None:
        return None
    if written == "today":
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise OptionInvalid(f"{option} {written!r}: write it like 2026-10-08") from error


AsOf = Annotated[
    str | None,
    Parameter(name="--as-of", help="The day that counts as today, e.g. 2026-11-08."),
]
Dollars = Annotated[Decimal, Parameter(converter=dollars)]
