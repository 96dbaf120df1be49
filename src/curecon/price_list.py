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

import gzip
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curecon import frames, money
from curecon.errors import RatesInvalid
from curecon.grammar import regions
from curecon.models import RateSource

# A file is parsed in memory; the largest of Bedrock and SageMaker is a tenth of this.
PRICE_LIST_BYTES_MAX = 1024**3
_EDITIONS_SHOWN_MAX = 5

_QUANTITY_PRECISION, _QUANTITY_SCALE = (int(n) for n in re.findall(r"\d+", money.QUANTITY))
_PRICE = pl.Decimal(money.PRICE_PRECISION, money.PRICE_SCALE)
_TIER = pl.Decimal(_QUANTITY_PRECISION, _QUANTITY_SCALE)

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

# The attributes we keep. SageMaker products have 26 of them, most of the memory of a large file.
_ATTRIBUTES = ("usagetype", "operation", "servicecode", "servicename", "regionCode")
_INDEX_KEYS = ("offers", "regions", "versions", "PriceLists", "Services", "AttributeValues")
_SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"[+-]?[0-9]{1,50}(\.[0-9]{1,50})?([eE][+-]?[0-9]{1,5})?")

_NO_PRICE = "no price"
_NO_UNIT = "no unit"
_NO_PRODUCT = "a price without a product"
_PRICE_TOO_LONG = "a price with more digits than DECIMAL(15, 10) keeps"
_NO_TIER = "a usage range that is empty or has too many digits"

_REMEDY = "download it anew, or give the file as AWS returns it"

_Object = dict[str, object]


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


class _Publication(NamedTuple):
    """When a snapshot was published, as UTC without zone, and AWS's word for it."""

    published_at: datetime
    published_word: str


class _Item(NamedTuple):
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


class _Price(NamedTuple):
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


class _Whole(NamedTuple):
    """A snapshot that names all there is of an offer in a place, a region or a set of them."""

    source_kind: str
    offer: str | None
    place: str
    whole_at: datetime


class _Reading(NamedTuple):
    """One file, read: its prices with the columns `_FOUND`, left-out ones included."""

    card: str
    sha256: str
    found: pl.DataFrame
    wholes: list[_Whole]
    is_index: bool


# A row of `_FOUND`: card, scope (the regions that the whole file covers, "" for an item of
# GetProducts), then the fields of an _Item and of a _Price.
_Row = tuple[object, ...]
_FOUND: dict[str, pl.DataType] = {
    **dict.fromkeys(("card", "scope", *_Item._fields, *_Price._fields), pl.String()),
    "published_at": pl.Datetime("us"),
    "price": _PRICE,
    "tier_from": _TIER,
    "tier_to": _TIER,
}
_WHOLES: dict[str, pl.DataType] = {
    **dict.fromkeys(_Whole._fields, pl.String()),
    "whole_at": pl.Datetime("us"),
}


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
    readings = [_read(path, card) for path, card in _files(paths)]
    found = pl.concat([pl.DataFrame(schema=_FOUND), *(reading.found for reading in readings)])
    wholes = frames.of_rows((whole for each in readings for whole in each.wholes), _WHOLES)
    return PriceLists(
        rates=_rates(_in_time(found, wholes)),
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


# --- files ---


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """List each file once, with the name it has below the folder that was given."""
    seen = set()
    for path in paths:
        if not os.path.lexists(path):
            raise RatesInvalid(f"{_shown(path)} does not exist; name a file or a folder")
        is_folder = path.is_dir()
        files = _below(path) if is_folder else [path]
        if not files:
            raise RatesInvalid(
                f"{_shown(path)} holds no price list; price lists are *.json, *.jsonl or *.json.gz"
            )
        for file in files:
            same = _identity(file)
            if same not in seen:
                seen.add(same)
                yield file, _plain(file.relative_to(path).as_posix() if is_folder else file.name)


def _identity(file: Path) -> tuple[int, int] | str:
    """Tell a file by what it is, not by the way to it: links of either kind lead to one file.

    `rates sync` makes a hard link of what another day has as well, and it is read once. Some file
    systems number no files; there the resolved name has to do.
    """
    try:
        status = file.stat()
    except OSError:
        return os.path.realpath(file)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(file)


def _below(folder: Path) -> list[Path]:
    """List the price lists below a folder; hidden files are those of a desktop or an editor."""

    def refuse(error: OSError) -> None:
        raise RatesInvalid(f"{_plain(str(error.filename))} cannot be read: {error.strerror}")

    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if name.endswith(_SUFFIXES) and not name.startswith(".")
    )


def _read(path: Path, card: str) -> _Reading:
    text, sha256 = _content(path)
    place = _shown(path)
    rows: list[_Row] = []
    wholes: list[_Whole] = []
    documents = indexes = 0
    for document, where in _documents(text, place):
        documents += 1
        if "product" in document:
            rows += _read_item(document, card, where)
        elif "products" in document or "terms" in document:
            priced, covered = _read_offer(document, card, place)
            rows += priced
            wholes += covered
        elif any(key in document for key in _INDEX_KEYS):
            indexes += 1
        else:
            keys = ", ".join(f"`{_plain(key)}`" for key in list(document)[:5]) or "none"
            raise RatesInvalid(
                f"{where} is no price list: it has neither `products` and `terms` nor `product` "
                f"nor `PriceList` (its keys: {keys}); move it elsewhere"
            )
    try:
        found = frames.of_rows(rows, _FOUND)
    except UnicodeEncodeError as error:
        raise RatesInvalid(
            f"{place}: the text {_plain(error.object, 60)} holds half a character; {_REMEDY}"
        ) from error
    return _Reading(card, sha256, found, wholes, is_index=0 < indexes == documents)


def _content(path: Path) -> tuple[str, str]:
    """Return the text of a file, plain or gzip, and the digest of the file as it lies there."""
    place = _shown(path)
    try:
        content = _limited(path)
        sha256 = hashlib.sha256(content).hexdigest()
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(PRICE_LIST_BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RatesInvalid(f"{place} is a damaged gzip file ({error}); download it anew") from error
    except OSError as error:
        raise RatesInvalid(f"{place} cannot be read: {error.strerror}") from error
    if len(content) > PRICE_LIST_BYTES_MAX:
        raise RatesInvalid(
            f"{place} is larger than {PRICE_LIST_BYTES_MAX} bytes; give files of single regions"
        )
    try:
        return content.decode("utf-8-sig"), sha256
    except UnicodeDecodeError as error:
        raise RatesInvalid(
            f"{place} is not UTF-8 text (byte {error.start}); download it anew"
        ) from error


def _limited(path: Path) -> bytes:
    """Read a file, but no more of it than shows that it is too large."""
    if not path.is_file():
        raise RatesInvalid(f"{_shown(path)} is no file that can be read; move it elsewhere")
    with path.open("rb") as stream:
        return stream.read(PRICE_LIST_BYTES_MAX + 1)


# --- JSON ---


def _documents(text: str, place: str) -> Iterator[tuple[_Object, str]]:
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


def _flattened(value: object, place: str) -> Iterator[tuple[_Object, str]]:
    """Take lists and answer pages apart, and the JSON strings that the API returns as items."""
    if isinstance(value, str):
        text = value
        value, at = _decoded(text, _space_end(text, 0), place)
        if not isinstance(value, dict) or _space_end(text, at) < len(text):
            raise RatesInvalid(f"{place} is a text that is not one JSON object; {_REMEDY}")
    if isinstance(value, dict) and "PriceList" not in value:
        yield value, place
        return
    if isinstance(value, dict):
        place, value = f"{place}, `PriceList`", value["PriceList"]
    if not isinstance(value, list):
        raise RatesInvalid(f"{place} is {_kind(value)}, not a list; {_REMEDY}")
    for number, item in enumerate(value, start=1):
        where = f"{place}, item {number}"
        if isinstance(item, list):
            raise RatesInvalid(f"{where} is a list, not an item; {_REMEDY}")
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


def _without_doubles(pairs: list[tuple[str, object]]) -> _Object:
    """Refuse a key that stands twice; drop attributes we never read while they are parsed."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key `{_plain(double)}` stands twice in one object")
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


# --- offers and items ---


def _read_item(document: _Object, card: str, place: str) -> list[_Row]:
    """Read an item of GetProducts, which holds everything about one SKU."""
    product = _table(document, "product", place)
    sku = _text(product, "sku", place)
    if sku is None:
        raise RatesInvalid(f"{place}: `product.sku` is missing; {_REMEDY}")
    place = f"{place}, SKU {_plain(sku)}"
    item = _on_demand_item(document, "serviceCode", sku, product, place)
    terms = _tables(_table(document, "terms", place), "OnDemand", place)
    prices = _on_demand_prices(terms, _publication(document, place), place)
    return [(card, "", *item, *price) for price in prices]


def _read_offer(document: _Object, card: str, place: str) -> tuple[list[_Row], list[_Whole]]:
    """Read a whole offer file, of on-demand prices or of savings plans."""
    for key in ("products", "terms"):
        if key not in document:
            raise RatesInvalid(f"{place}: `{key}` is missing; {_REMEDY}")
    publication = _publication(document, place)
    is_plan = "savingsPlan" in _table(document, "terms", place)
    read = _read_plans if is_plan else _read_on_demand
    priced = read(document, publication, place)
    covered = {item.region for item, _ in priced} | {_text(document, "regionCode", place)}
    places = sorted(region for region in covered if region)
    scope = " ".join(places)
    offers = {(item.source_kind, item.offer) for item, _ in priced}
    wholes = [
        _Whole(kind, offer, each, publication.published_at)
        for kind, offer in offers
        for each in {*places, scope}
        if publication
    ]
    return [(card, scope, *item, *price) for item, price in priced], wholes


def _read_on_demand(
    document: _Object, publication: _Publication | None, place: str
) -> list[tuple[_Item, _Price]]:
    """Read a bulk offer file: `products` by SKU, `terms.OnDemand` by SKU and by term."""
    products = _tables(document, "products", place)
    terms = _tables(_table(document, "terms", place), "OnDemand", place)
    priced = []
    for sku, product in products.items():
        where = f"{place}, SKU {_plain(sku)}"
        item = _on_demand_item(document, "offerCode", sku, product, where)
        prices = _on_demand_prices(_tables(terms, sku, where), publication, where)
        priced += [(item, price) for price in prices]
    for sku in terms:
        if sku not in products:
            item = _on_demand_item(document, "offerCode", sku, {}, place)
            priced.append((item, _no_price(publication, _NO_PRODUCT)))
    return priced


def _on_demand_item(
    document: _Object, offer_key: str, sku: str, product: _Object, place: str
) -> _Item:
    attributes = _table(product, "attributes", place)
    offer = _text(document, offer_key, place)
    return _Item(
        source_kind="price_list",
        term="OnDemand",
        offer=offer,
        version=_text(document, "version", place),
        sku=sku,
        usage_type=_text(attributes, "usagetype", place),
        operation=_text(attributes, "operation", place),
        service_code=_text(attributes, "servicecode", place) or offer,
        service_name=_text(attributes, "servicename", place),
        product_family=_text(product, "productFamily", place),
        region=_text(attributes, "regionCode", place),
    )


def _on_demand_prices(
    terms: dict[str, _Object], publication: _Publication | None, place: str
) -> list[_Price]:
    """Return every price of a SKU, or a single one that is left out where it has none."""
    prices: list[_Price] = []
    for code, term in terms.items():
        where = f"{place}, term {_plain(code)}"
        dated = publication or _effective(term, where)
        for key, dimension in _tables(term, "priceDimensions", where).items():
            rate_code = _text(dimension, "rateCode", where) or key
            where_rate = f"{place}, rate {_plain(rate_code)}"
            prices += _dimension_prices(dimension, rate_code, dated, where_rate)
    return prices or [_no_price(publication, _NO_PRICE)]


def _dimension_prices(
    dimension: _Object, rate_code: str, dated: _Publication, place: str
) -> Iterator[_Price]:
    """Yield the price of one tier in each of its currencies."""
    unit = _text(dimension, "unit", place)
    tier_from, tier_to, tier_reason = _tier(dimension, place)
    in_currencies = _table(dimension, "pricePerUnit", place)
    for currency, written in in_currencies.items() or [("USD", None)]:
        if not currency.strip():
            raise RatesInvalid(f"{place}: `pricePerUnit` names no currency for a price; {_REMEDY}")
        price, reason = _price(written, f"pricePerUnit.{_plain(currency)}", place)
        yield _Price(
            *dated,
            rate_code=rate_code,
            description=_text(dimension, "description", place),
            unit=unit,
            currency=currency,
            price=price,
            tier_from=tier_from,
            tier_to=tier_to,
            left_out=reason or tier_reason or (None if unit else _NO_UNIT),
        )


def _read_plans(
    document: _Object, publication: _Publication | None, place: str
) -> list[tuple[_Item, _Price]]:
    """Read a savings-plan offer: a list of plans in `products`, their rates in the terms."""
    plans = {_text(plan, "sku", place): plan for plan in _objects(document, "products", place)}
    priced = []
    for term in _objects(_table(document, "terms", place), "savingsPlan", place):
        sku = _text(term, "sku", place)
        where = f"{place}, savings plan {_plain(str(sku))}"
        plan = plans.get(sku, {})
        dated = publication or _effective(term, where)
        for rate in _objects(term, "rates", where):
            discounted_sku = _text(rate, "discountedSku", where)
            if sku is None or discounted_sku is None:
                raise RatesInvalid(f"{where}: a `sku` or `discountedSku` is missing; {_REMEDY}")
            where_rate = f"{where}, SKU {_plain(discounted_sku)}"
            item = _plan_item(document, plan, term, rate, where_rate)
            priced.append((item, _plan_price(term, rate, dated, where_rate)))
    return priced


def _plan_item(document: _Object, plan: _Object, term: _Object, rate: _Object, place: str) -> _Item:
    """Describe a rate of a plan by the usage that it discounts."""
    attributes = _table(plan, "attributes", place)
    service = _text(plan, "serviceCode", place) or _text(attributes, "serviceCode", place)
    usage_type = _text(rate, "discountedUsageType", place)
    return _Item(
        source_kind="savings_plan",
        term="SavingsPlan",
        offer=_text(document, "offerCode", place) or service,
        version=_text(document, "version", place),
        sku=_text(rate, "discountedSku", place) or "",
        usage_type=usage_type,
        operation=_text(rate, "discountedOperation", place),
        service_code=_text(rate, "discountedServiceCode", place),
        service_name=None,
        product_family=_text(plan, "productFamily", place),
        region=_text(rate, "discountedRegionCode", place)
        or _region_of_prefix(usage_type)
        or _text(document, "regionCode", place),
        plan_sku=_text(term, "sku", place),
        plan_usage_type=_text(plan, "usageType", place) or _text(attributes, "usageType", place),
        purchase_option=_text(attributes, "purchaseOption", place),
        purchase_term=_text(attributes, "purchaseTerm", place),
    )


def _plan_price(term: _Object, rate: _Object, dated: _Publication, place: str) -> _Price:
    discounted = _table(rate, "discountedRate", place)
    price, reason = _price(discounted.get("price"), "discountedRate.price", place)
    unit = _text(rate, "unit", place)
    return _Price(
        *dated,
        rate_code=_text(rate, "rateCode", place),
        description=_text(term, "description", place),
        unit=unit,
        currency=_text(discounted, "currency", place) or "USD",
        price=price,
        tier_from=Decimal(0),
        left_out=reason or (None if unit else _NO_UNIT),
    )


def _no_price(publication: _Publication | None, reason: str) -> _Price:
    """Stand for a SKU published without a price; an older price ends here all the same."""
    dated = _Price(*publication) if publication else _Price(None, None)
    return dated._replace(left_out=reason)


@cache
def _regions_by_prefix() -> dict[str, str]:
    return dict(regions().select("usage_type_prefix", "region_code").iter_rows())


def _region_of_prefix(usage_type: str | None) -> str | None:
    return _regions_by_prefix().get((usage_type or "").partition("-")[0])


# --- values ---


def _publication(document: _Object, place: str) -> _Publication | None:
    at = _time(document, "publicationDate", place)
    return _Publication(at, "published") if at else None


def _effective(term: _Object, place: str) -> _Publication:
    """Take the first of the month in which a list was downloaded for its day of publication."""
    at = _time(term, "effectiveDate", place)
    if at is None:
        raise RatesInvalid(
            f"{place}: neither `publicationDate` nor `effectiveDate` says when the price was "
            f"published; {_REMEDY}"
        )
    return _Publication(at, "effective")


def _time(table: _Object, key: str, place: str) -> datetime | None:
    """Return a time as UTC without zone; a time that names no zone is UTC."""
    text = _text(table, key, place)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time.astimezone(UTC) if time.tzinfo else time).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise _wrong(place, key, text, "a time like 2025-06-18T22:55:50Z") from error


def _price(written: object, key: str, place: str) -> tuple[Decimal | None, str | None]:
    """Return a price that is kept exactly, or why there is none."""
    if written is None or written == "":
        return None, _NO_PRICE
    number = _number(written, key, place)
    if number < 0:
        raise RatesInvalid(f"{place}: `{key}` is negative; {_REMEDY}")
    price = _exactly(number, money.PRICE_PRECISION, money.PRICE_SCALE)
    assert price is None or money.fits_price(price), "both say what a price is"
    return price, (_PRICE_TOO_LONG if price is None else None)


def _tier(dimension: _Object, place: str) -> tuple[Decimal | None, Decimal | None, str | None]:
    """Return the usage [from, to) that a price is for, to None without limit, or why not."""
    bounds: list[Decimal | None] = []
    for key, without in (("beginRange", Decimal(0)), ("endRange", None)):
        written = dimension.get(key)
        if written is None or written == "" or (key == "endRange" and written == "Inf"):
            bounds.append(without)
            continue
        number = _number(written, key, place)
        if number < 0:
            raise RatesInvalid(f"{place}: `{key}` is negative; {_REMEDY}")
        bound = _exactly(number, _QUANTITY_PRECISION, _QUANTITY_SCALE)
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


def _text(table: Mapping[str, object], key: str, place: str) -> str | None:
    """Return a text, or None where it is absent or empty."""
    value = table.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _wrong(place, key, value, "a text")
    return value


def _table(parent: Mapping[str, object], key: str, place: str) -> _Object:
    """Return the object under a key; an absent one is empty."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(place, key, value, "an object")
    return value


def _tables(parent: Mapping[str, object], key: str, place: str) -> dict[str, _Object]:
    """Return the objects inside the object under a key, by their names."""
    tables: dict[str, _Object] = {}
    for name, value in _table(parent, key, place).items():
        if not isinstance(value, dict):
            raise _wrong(place, f"{key}.{_plain(name)}", value, "an object")
        tables[name] = value
    return tables


def _objects(parent: _Object, key: str, place: str) -> list[_Object]:
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
    return RatesInvalid(f"{place}: `{key}` is {_kind(value)}, not {wanted}; {_REMEDY}")


def _kind(value: object) -> str:
    """Say what a JSON value is, and show it where it is short by nature."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f'the text "{_plain(value, 60)}"'
    if isinstance(value, Decimal):
        return f"the number {_plain(str(value), 60)}"
    return json.dumps(value)


def _plain(text: str, length_max: int = 200) -> str:
    """Make text from a file fit to be shown: one line, printable, not endless."""
    cut = text if len(text) <= length_max else f"{text[:length_max]}..."
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def _shown(path: Path) -> str:
    return _plain(str(path), 4096)


# --- time ---

# A SKU in an offer; of a savings plan, the rate of the plan for a SKU.
_CHAIN = ["source_kind", "offer", "plan_sku", "sku"]


def _in_time(found: pl.DataFrame, wholes: pl.DataFrame) -> pl.DataFrame:
    """Give each price its days: `starts`, `ends` and `later`; drop what is no price."""
    dated = found.filter(pl.col("published_at").is_not_null()).with_columns(
        # A product of no region ends only with a file that covers the same regions as its own.
        place=pl.coalesce("region", "scope")
    )
    snapshots = (
        dated.select(*_CHAIN, "published_at")
        .unique()
        .sort("published_at")
        .with_columns(
            replaced_at=pl.col("published_at").shift(-1).over(_CHAIN, order_by="published_at"),
            earliest=pl.col("published_at") == pl.col("published_at").min().over(_CHAIN),
        )
    )
    here = ["source_kind", "offer", "place"]
    silences = (
        dated.select(*here, "published_at")
        .unique()
        .join(wholes, on=here, nulls_equal=True)
        .filter(pl.col("whole_at") > pl.col("published_at"))
        .group_by(*here, "published_at")
        .agg(missed_at=pl.col("whole_at").min())
    )
    known = (
        dated.filter(pl.col("left_out").is_null())
        .join(snapshots, on=[*_CHAIN, "published_at"], how="left", nulls_equal=True)
        .join(silences, on=[*here, "published_at"], how="left", nulls_equal=True)
        # A whole file that names the SKU is also its next snapshot, so the first of both holds.
        .with_columns(ended_at=pl.min_horizontal("replaced_at", "missed_at"))
    )
    published = pl.col("published_at").dt.date()
    in_force = known.with_columns(
        starts=published, ends=pl.col("ended_at").dt.date(), later=pl.lit(value=False)
    ).filter(pl.col("ends").is_null() | (pl.col("ends") > pl.col("starts")))
    before = known.filter("earliest").with_columns(
        starts=pl.lit(None, pl.Date), ends=published, later=pl.lit(value=True)
    )
    return pl.concat([in_force, before])


def _rates(prices: pl.DataFrame) -> pl.DataFrame:
    """Name the prices, keep the same one once, and put them into the order of the frame."""
    rates = prices.with_columns(
        checked=pl.col("published_at").dt.date(),
        unconfirmed=pl.lit(value=False),
        source=_provenance(),
        reference=pl.concat_str("rate_code", "description", separator=": ", ignore_nulls=True),
    )
    told_elsewhere = {"rate_id", "card", "source", "reference"}
    same = [name for name in SCHEMA if name not in told_elsewhere]
    order = ["sku", "rate_code", "currency", "tier_from", "starts", "price", *same]
    rates = (
        rates.unique(["offer", *same], keep="first", maintain_order=True)
        .sort("offer", "plan_sku", *dict.fromkeys(order), maintain_order=True)
        .with_columns(rate_id=_rate_id())
    )
    namesake = pl.int_range(pl.len()).over("rate_id") + 1
    rates = rates.with_columns(
        rate_id=pl.when(namesake > 1)
        .then(pl.format("{}#{}", "rate_id", namesake))
        .otherwise("rate_id")
    ).select(*SCHEMA)
    assert rates.schema == pl.Schema(SCHEMA)
    assert rates["rate_id"].is_unique().all(), "namesakes are numbered"
    return rates


def _provenance() -> pl.Expr:
    """Say which edition of which offer a price is from."""
    offer = pl.col("offer").fill_null("AWS price list")
    edition = pl.format("{} {}", "published_word", pl.col("published_at").dt.date())
    return pl.concat_str(
        pl.concat_str(offer, "version", separator=" ", ignore_nulls=True),
        edition,
        separator=", ",
        ignore_nulls=True,
    )


def _rate_id() -> pl.Expr:
    """Name a rate by publication, rate code and tier: the same in whichever file it was read."""
    tier = pl.col("tier_from").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return pl.concat_str(
        pl.format(
            "price-list:{}:{}:{}",
            "checked",
            pl.coalesce("rate_code", "sku"),
            pl.when(pl.col("tier_from") == 0).then(pl.lit("0")).otherwise(tier),
        ),
        pl.when(pl.col("currency") != "USD").then(pl.format(":{}", "currency")),
        pl.when("later").then(pl.lit(":later")),
        ignore_nulls=True,
    )


def _source(reading: _Reading) -> RateSource:
    editions = reading.found.select(_provenance().unique().sort()).to_series().to_list()
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
