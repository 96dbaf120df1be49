"""The JSON of a price list: an offer, an item, a list or pages of them, or one a line."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, DecimalException

from curecon.errors import RatesInvalid
from curecon.price_list.model import REMEDY, Object, plain
from curecon.price_list.values import kind_of

# The attributes we keep. SageMaker products have 26 of them, most of the memory of a large file.
_ATTRIBUTES = ("usagetype", "operation", "servicecode", "servicename", "regionCode")
_SPACE = re.compile(r"[ \t\r\n]*")


def documents_of(text: str, place: str) -> Iterator[tuple[Object, str]]:
    """Yield the offers and items of a file, each with its place: one, a list, pages, or lines."""
    at, number = _space_end(text, 0), 0
    if at == len(text):
        raise RatesInvalid(f"{place} is empty; download it anew")
    while at < len(text):
        value, at = _decoded(text, at, place)
        at = _space_end(text, at)
        number += 1
        alone = number == 1 and at == len(text)
        yield from _flattened(value, place if alone else f"{place}, item {number}")


def _flattened(value: object, place: str) -> Iterator[tuple[Object, str]]:
    """Take lists and answer pages apart, and the JSON strings that the API returns as items."""
    if isinstance(value, str):
        text = value
        value, at = _decoded(text, _space_end(text, 0), place)
        if not isinstance(value, dict) or _space_end(text, at) < len(text):
            raise RatesInvalid(f"{place} is a text that is not one JSON object; {REMEDY}")
    if isinstance(value, dict) and "PriceList" not in value:
        yield value, place
        return
    if isinstance(value, dict):
        place, value = f"{place}, `PriceList`", value["PriceList"]
    if not isinstance(value, list):
        raise RatesInvalid(f"{place} is {kind_of(value)}, not a list; {REMEDY}")
    for number, item in enumerate(value, start=1):
        where = f"{place}, item {number}"
        if isinstance(item, list):
            raise RatesInvalid(f"{where} is a list, not an item; {REMEDY}")
        yield from _flattened(item, where)


def _decoded(text: str, at: int, place: str) -> tuple[object, int]:
    """Decode the JSON value that begins at a position; return it and the position after it."""
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        reason = f"{error.msg}, line {error.lineno}, column {error.colno}"
    except RecursionError:
        reason = "it is nested too deeply"
    except DecimalException:
        reason = "a number is out of any range"
    except ValueError as error:
        reason = str(error)
    raise RatesInvalid(f"{place} is not valid JSON ({reason}); download it anew")


def _space_end(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None, "the pattern matches nothing at all, too"
    return space.end()


def _without_doubles(pairs: list[tuple[str, object]]) -> Object:
    """Refuse a key that stands twice; drop attributes we never read while they are parsed."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key `{plain(double)}` stands twice in one object")
    if "usagetype" in table:
        return {name: table[name] for name in _ATTRIBUTES if name in table}
    return table


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_doubles,
    parse_float=Decimal,
    parse_int=Decimal,
    parse_constant=_no_constant,
)
