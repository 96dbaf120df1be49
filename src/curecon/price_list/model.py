"""The parts of a price list, and the columns of the frames that they make."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curecon import money
from curecon.models import RateSource

QUANTITY_PRECISION, QUANTITY_SCALE = (int(n) for n in re.findall(r"\d+", money.QUANTITY))
_PRICE = pl.Decimal(money.PRICE_PRECISION, money.PRICE_SCALE)
_TIER = pl.Decimal(QUANTITY_PRECISION, QUANTITY_SCALE)

SCHEMA: dict[str, pl.DataType] = {
    "rate_id": pl.String(),
    "source_kind": pl.String(),
    "card": pl.String(),
    "source": pl.String(),
    "reference": pl.String(),
    "sku": pl.String(),
    "rate_code": pl.String(),
    "usage_type": pl.String(),
    "operation": pl.String(),
    "service_code": pl.String(),
    "service_name": pl.String(),
    "product_family": pl.String(),
    "term": pl.String(),
    "region": pl.String(),
    "price": _PRICE,
    "unit": pl.String(),
    "currency": pl.String(),
    "tier_from": _TIER,
    "tier_to": _TIER,
    "starts": pl.Date(),
    "ends": pl.Date(),
    "later": pl.Boolean(),
    "checked": pl.Date(),
    "unconfirmed": pl.Boolean(),
    "plan_sku": pl.String(),
    "plan_usage_type": pl.String(),
    "purchase_option": pl.String(),
    "purchase_term": pl.String(),
}

REMEDY = "download it anew, or give the file as AWS returns it"

Object = dict[str, object]


class Skipped(NamedTuple):
    """Prices of one file that were left out for one reason, with the first SKU concerned."""

    name: str
    reason: str
    prices: int
    first_sku: str | None


class PriceLists(NamedTuple):
    """All that reading price lists gives."""

    rates: pl.DataFrame
    sources: list[RateSource]
    skipped: list[Skipped]


class Publication(NamedTuple):
    """When a snapshot was published, as UTC without zone, and AWS's word for it."""

    published_at: datetime
    published_word: str


class Item(NamedTuple):
    """What all prices of one SKU have in common."""

    source_kind: str
    term: str
    offer: str | None
    version: str | None
    sku: str
    usage_type: str | None
    operation: str | None
    service_code: str | None
    service_name: str | None
    product_family: str | None
    region: str | None
    plan_sku: str | None = None
    plan_usage_type: str | None = None
    purchase_option: str | None = None
    purchase_term: str | None = None


class Price(NamedTuple):
    """One price dimension in one currency; with `left_out` set, the reason why it is none."""

    published_at: datetime | None
    published_word: str | None
    rate_code: str | None = None
    description: str | None = None
    unit: str | None = None
    currency: str | None = None
    price: Decimal | None = None
    tier_from: Decimal | None = None
    tier_to: Decimal | None = None
    left_out: str | None = None


class Whole(NamedTuple):
    """A snapshot that names all there is of an offer in a place, a region or a set of them."""

    source_kind: str
    offer: str | None
    place: str
    whole_at: datetime


class Reading(NamedTuple):
    """One file, read: its prices with the columns `_FOUND`, left-out ones included."""

    card: str
    sha256: str
    found: pl.DataFrame
    wholes: list[Whole]
    is_index: bool


# A row of `_FOUND`: card, scope (the regions that the whole file covers, "" for an item of
# GetProducts), then the fields of an Item and of a Price.
Row = tuple[object, ...]
FOUND: dict[str, pl.DataType] = {
    **dict.fromkeys(("card", "scope", *Item._fields, *Price._fields), pl.String()),
    "published_at": pl.Datetime("us"),
    "price": _PRICE,
    "tier_from": _TIER,
    "tier_to": _TIER,
}
WHOLES: dict[str, pl.DataType] = {
    **dict.fromkeys(Whole._fields, pl.String()),
    "whole_at": pl.Datetime("us"),
}


def plain(text: str, length_max: int = 200) -> str:
    """Make text from a file fit to be shown: one line, printable, not endless."""
    cut = text if len(text) <= length_max else f"{text[:length_max]}..."
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def shown(path: Path) -> str:
    """Make the name of a file fit to be shown."""
    return plain(str(path), 4096)
