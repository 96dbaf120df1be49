"""Numbers as people read them. Rounding is for the eye only; files for programs keep all digits.

Python's default context rounds every operation to 28 digits, and our dollars may have 36, so sums
are made in a context of our own.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

EXACT = Context(prec=100)
ZERO = Decimal(0)

_CENT = Decimal("0.01")
_SMALLEST = Decimal("0.000001")
_TENTH = Decimal("0.1")
_HUNDRED = Decimal(100)


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Add dollars of one currency without losing a digit."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def money(amount: Decimal) -> str:
    """Write dollars with two decimals; what would read 0.00 and is not zero gets more digits."""
    size = amount.copy_abs()
    if size == 0:
        return "0.00"
    if size >= _CENT:
        # Half a cent goes up, as SQL and spreadsheets have it.
        return format(amount.quantize(_CENT, ROUND_HALF_UP, context=EXACT), ",f")
    if size < _SMALLEST:
        return f"<{_SMALLEST}" if amount > 0 else f">-{_SMALLEST}"
    # Two significant digits: 0.0034, 0.000012.
    return format(amount, f".{1 - size.adjusted()}f").rstrip("0")


def cents(amount: Decimal) -> str:
    """Write dollars with all their digits, and at least two decimals."""
    written = number(amount)
    decimals = len(written.partition(".")[2])
    return written + ("." if not decimals else "") + "0" * (2 - decimals)


def signed(amount: Decimal) -> str:
    """Write a difference; a plus says that AWS billed too much."""
    written = money(amount)
    return f"+{written}" if written[0].isdigit() and amount != 0 else written


def number(amount: Decimal | int) -> str:
    """Write a number with all its digits and thousands separators."""
    if amount == 0:
        return "0"
    written = format(amount, ",f") if isinstance(amount, Decimal) else format(amount, ",")
    return written.rstrip("0").rstrip(".") if "." in written else written


def count(things: int, noun: str) -> str:
    """Count things: `1 line`, `1,200 lines`."""
    return f"{things:,} {noun}" if things == 1 else f"{things:,} {noun}s"


def percent(part: Decimal, whole: Decimal) -> str | None:
    """Write a share, and never 0 or 100 % unless it is; None where a share has no meaning."""
    if whole == 0 or not 0 <= (share := EXACT.divide(part, whole)) <= 1:
        return None
    if share in (0, 1):
        return "100 %" if share else "0 %"
    written = EXACT.multiply(share, _HUNDRED).quantize(_TENTH, context=EXACT)
    if written in (0, _HUNDRED):
        return ">99.9 %" if written else "<0.1 %"
    return f"{written} %"
