"""The only module that names a decimal type.

Widths: a quantity (22,10) times a rate (15,10) is an exact (38,20) in DuckDB and in Spark. Costs
are only added and compared; (36,20) keeps the twenty decimals that real bills have been seen to
carry, and leaves the two digits that Spark needs for a sum and a difference without losing scale.
"""

from decimal import Decimal

MONEY = "DECIMAL(36, 20)"
QUANTITY = "DECIMAL(22, 10)"
RATE = "DECIMAL(22, 10)"
PRICE = "DECIMAL(15, 10)"

PRICE_PRECISION, PRICE_SCALE = 15, 10


def plain(number: Decimal) -> str:
    """Write a decimal as digits only: no exponent, no trailing zeros, never a minus zero."""
    if number == 0:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def fits_price(number: Decimal) -> bool:
    """Say whether a price is kept exactly by the type `PRICE`; no context rounds it here."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "a price is a finite number"
    whole = "".join(map(str, digits)).lstrip("0")
    significant = whole.rstrip("0")
    if not significant:
        return True
    last = exponent + len(whole) - len(significant)
    first = exponent + len(whole)
    return -last <= PRICE_SCALE and first <= PRICE_PRECISION - PRICE_SCALE
