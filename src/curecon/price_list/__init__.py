"""AWS price lists: bulk offer files, GetProducts answers and savings-plan offers, as one frame.

AWS's price list has no history. Its `effectiveDate` is the first of the month of the download, so
a change of price shows only as a difference between two downloads. Each file or item is therefore
a snapshot, in force from the day of its publication to the day of the next snapshot that says
something about the same thing:

- A snapshot of a SKU states everything about the SKU, so it replaces the older one as a whole.
- A bulk file is whole: a SKU that it lacks, of an offer and a region that it covers, ended there.
  Items of GetProducts are what somebody asked for, so their silence says nothing.
- The earliest snapshot of a SKU also stands for the time before it, as a row with `later` set:
  such usage can only be judged with a warning.

The days compared are UTC dates. What AWS publishes but we cannot keep (no price, no unit, more than
ten decimals) is left out and counted, since a file of AWS is not made wrong by it; it ends an older
price all the same. What contradicts the format is an error.

Sources of the shapes: the AWS Billing user guide, "Reading the service price list files", and the
API reference of GetProducts; the rules of DESIGN, section 2.
"""

from pathlib import Path

import polars as pl

from curecon import frames
from curecon.errors import RatesInvalid
from curecon.models import RateSource
from curecon.price_list.documents import documents_of
from curecon.price_list.editions import in_time, provenance, rates_of
from curecon.price_list.files import content_of, files_of
from curecon.price_list.model import (
    FOUND,
    REMEDY,
    SCHEMA,
    WHOLES,
    PriceLists,
    Reading,
    Row,
    Skipped,
    Whole,
    plain,
    shown,
)
from curecon.price_list.offers import read_item, read_offer

__all__ = [
    "SCHEMA", "PriceLists", "Skipped", "load", "price_list_sources", "read_price_lists", "skipped",
]  # fmt: skip

_EDITIONS_SHOWN_MAX = 5
_INDEX_KEYS = ("offers", "regions", "versions", "PriceLists", "Services", "AttributeValues")


def load(paths: list[Path]) -> PriceLists:
    """Read price lists once, for their rates, their sources and what was left out.

    Args:
        paths: files, or folders that are searched for *.json, *.jsonl and *.json.gz. Indexes of
            the price list (of offers, versions, regions) are passed over.

    Returns:
        `rates`: one row per price dimension (tier), currency and interval, with the columns
        `SCHEMA`. `price` is for one `unit`, as AWS spells it. [starts, ends) and
        [tier_from, tier_to) are half open; a null `starts` (only on `later` rows), `ends` or
        `tier_to` is open. `checked` is the day of publication.

    Raises:
        RatesInvalid: a file is missing, damaged, too large or no price list.
    """
    readings = [_read(path, card) for path, card in files_of(paths)]
    found = pl.concat([pl.DataFrame(schema=FOUND), *(reading.found for reading in readings)])
    wholes = frames.of_rows((whole for each in readings for whole in each.wholes), WHOLES)
    return PriceLists(
        rates=rates_of(in_time(found, wholes)),
        sources=[_source(reading) for reading in readings if not reading.is_index],
        skipped=_skipped(found),
    )


def read_price_lists(paths: list[Path]) -> pl.DataFrame:
    """Return the `rates` of `load`.

    Raises:
        RatesInvalid: a file is missing, damaged, too large or no price list.
    """
    return load(paths).rates


def price_list_sources(paths: list[Path]) -> list[RateSource]:
    """Return the `sources` of `load`: name, offers and versions, digest, number of prices.

    Raises:
        RatesInvalid: a file is missing, damaged, too large or no price list.
    """
    return load(paths).sources


def skipped(paths: list[Path]) -> list[Skipped]:
    """Return the `skipped` of `load`: which prices were left out, and why.

    Raises:
        RatesInvalid: a file is missing, damaged, too large or no price list.
    """
    return load(paths).skipped


def _read(path: Path, card: str) -> Reading:
    text, sha256 = content_of(path)
    place = shown(path)
    rows: list[Row] = []
    wholes: list[Whole] = []
    documents = indexes = 0
    for document, where in documents_of(text, place):
        documents += 1
        if "product" in document:
            rows += read_item(document, card, where)
        elif "products" in document or "terms" in document:
            priced, covered = read_offer(document, card, place)
            rows += priced
            wholes += covered
        elif any(key in document for key in _INDEX_KEYS):
            indexes += 1
        else:
            keys = ", ".join(f"`{plain(key)}`" for key in list(document)[:5]) or "none"
            raise RatesInvalid(
                f"{where} is no price list: it has neither `products` and `terms` nor `product` "
                f"nor `PriceList` (its keys: {keys}); move it elsewhere"
            )
    try:
        found = frames.of_rows(rows, FOUND)
    except UnicodeEncodeError as error:
        raise RatesInvalid(
            f"{place}: the text {plain(error.object, 60)} holds half a character; {REMEDY}"
        ) from error
    return Reading(card, sha256, found, wholes, is_index=0 < indexes == documents)


def _source(reading: Reading) -> RateSource:
    editions = reading.found.select(provenance().unique().sort()).to_series().to_list()
    more = len(editions) - _EDITIONS_SHOWN_MAX
    if more > 0:
        editions[_EDITIONS_SHOWN_MAX:] = [f"and {more} more"]
    return RateSource(
        name=reading.card,
        source="; ".join(editions),
        sha256=reading.sha256,
        rates=reading.found["left_out"].null_count(),
    )


def _skipped(found: pl.DataFrame) -> list[Skipped]:
    left_out = (
        found.filter(pl.col("left_out").is_not_null())
        .group_by("card", "left_out", maintain_order=True)
        .agg(pl.len(), pl.col("sku").first())
        .sort("card", "left_out", maintain_order=True)
    )
    return [Skipped(*row) for row in left_out.iter_rows()]
