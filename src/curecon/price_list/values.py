"""Single values of a price list: what they must be, and what is said where they are not."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation

from curecon import money
from curecon.errors import RatesInvalid
from curecon.price_list.model import (
    QUANTITY_PRECISION,
    QUANTITY_SCALE,
    REMEDY,
    Object,
    Publication,
    plain,
)

_NUMBER = re.compile(r"[+-]?[0-9]{1,50}(\.[0-9]{1,50})?([eE][+-]?[0-9]{1,5})?")

NO_PRICE = "no price"
_PRICE_TOO_LONG = "a price with more digits than DECIMAL(15, 10) keeps"
_NO_TIER = "a usage range that is empty or has too many digits"


def publication_of(document: Object, place: str) -> Publication | None:
    """Return when an offer says that it was published, if it does."""
    at = _time(document, "publicationDate", place)
    return Publication(at, "published") if at else None


def effective_day(term: Object, place: str) -> Publication:
    """Take the first of the month in which a list was downloaded for its day of publication."""
    at = _time(term, "effectiveDate", place)
    if at is None:
        raise RatesInvalid(
            f"{place}: neither `publicationDate` nor `effectiveDate` says when the price was "
            f"published; {REMEDY}"
        )
    return Publication(at, "effective")


def _time(table: Object, key: str, place: str) -> datetime | None:
    """Return a time as UTC without zone; a time that names no zone is UTC."""
    text = text_of(table, key, place)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time.astimezone(UTC) if time.tzinfo else time).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise _wrong(place, key, text, "a time like 2025-06-18T22:55:50Z") from error


def price_of(written: object, key: str, place: str) -> tuple[Decimal | None, str | None]:
    """Return a price that is kept exactly, or why there is none."""
    if written is None or written == "":
        return None, NO_PRICE
    number = _number(written, key, place)
    if number < 0:
        raise RatesInvalid(f"{place}: `{key}` is negative; {REMEDY}")
    price = _exactly(number, money.PRICE_PRECISION, money.PRICE_SCALE)
    assert price is None or money.fits_price(price), "both say what a price is"
    return price, (_PRICE_TOO_LONG if price is None else None)


def tier_of(dimension: Object, place: str) -> tuple[Decimal | None, Decimal | None, str | None]:
    """Return the usage [from, to) that a price is for, to None without limit, or why not."""
    bounds: list[Decimal | None] = []
    for key, without in (("beginRange", Decimal(0)), ("endRange", None)):
        written = dimension.get(key)
        if written is None or written == "" or (key == "endRange" and written == "Inf"):
            bounds.append(without)
            continue
        number = _number(written, key, place)
        if number < 0:
            raise RatesInvalid(f"{place}: `{key}` is negative; {REMEDY}")
        bound = _exactly(number, QUANTITY_PRECISION, QUANTITY_SCALE)
        if bound is None:
            return None, None, _NO_TIER
        bounds.append(bound)
    tier_from, tier_to = bounds
    assert tier_from is not None, "a range without a begin starts at 0"
    if tier_to is not None and tier_to <= tier_from:
        return None, None, _NO_TIER
    return tier_from, tier_to, None


def _number(written: object, key: str, place: str) -> Decimal:
    """Return the number that AWS writes as text, or that another tool wrote as a number."""
    if isinstance(written, Decimal):
        return written
    if isinstance(written, str) and _NUMBER.fullmatch(written):
        return Decimal(written)
    raise _wrong(place, key, written, "a number")


def _exactly(number: Decimal, precision: int, scale: int) -> Decimal | None:
    """Return a number as DECIMAL(precision, scale) holds it, or None where digits would be lost."""
    try:
        return number.quantize(
            Decimal(1).scaleb(-scale), context=Context(precision, traps=[Inexact, InvalidOperation])
        )
    except (Inexact, InvalidOperation):
        return None


def text_of(table: Mapping[str, object], key: str, place: str) -> str | None:
    """Return a text, or None where it is absent or empty."""
    value = table.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _wrong(place, key, value, "a text")
    return value


def table_of(parent: Mapping[str, object], key: str, place: str) -> Object:
    """Return the object under a key; an absent one is empty."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(place, key, value, "an object")
    return value


def tables_of(parent: Mapping[str, object], key: str, place: str) -> dict[str, Object]:
    """Return the objects inside the object under a key, by their names."""
    tables: dict[str, Object] = {}
    for name, value in table_of(parent, key, place).items():
        if not isinstance(value, dict):
            raise _wrong(place, f"{key}.{plain(name)}", value, "an object")
        tables[name] = value
    return tables


def objects_of(parent: Object, key: str, place: str) -> list[Object]:
    """Return the list of objects under a key; an absent one is empty."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(place, key, value, "a list")
    for each in value:
        if not isinstance(each, dict):
            raise _wrong(place, f"{key}[]", each, "an object")
    return value


def _wrong(place: str, key: str, value: object, wanted: str) -> RatesInvalid:
    return RatesInvalid(f"{place}: `{key}` is {kind_of(value)}, not {wanted}; {REMEDY}")


def kind_of(value: object) -> str:
    """Say what a JSON value is, and show it where it is short by nature."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f'the text "{plain(value, 60)}"'
    if isinstance(value, Decimal):
        return f"the number {plain(str(value), 60)}"
    return json.dumps(value)
