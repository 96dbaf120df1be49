"""Offers and items as AWS publishes them -> one row a price dimension and currency."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

from curecon.errors import RatesInvalid
from curecon.grammar import regions
from curecon.price_list.model import REMEDY, Item, Object, Price, Publication, Row, Whole, plain
from curecon.price_list.values import (
    NO_PRICE,
    effective_day,
    objects_of,
    price_of,
    publication_of,
    table_of,
    tables_of,
    text_of,
    tier_of,
)

_NO_UNIT = "no unit"
_NO_PRODUCT = "a price without a product"


def read_item(document: Object, card: str, place: str) -> list[Row]:
    """Read an item of GetProducts, which holds everything about one SKU."""
    product = table_of(document, "product", place)
    sku = text_of(product, "sku", place)
    if sku is None:
        raise RatesInvalid(f"{place}: `product.sku` is missing; {REMEDY}")
    place = f"{place}, SKU {plain(sku)}"
    item = _on_demand_item(document, "serviceCode", sku, product, place)
    terms = tables_of(table_of(document, "terms", place), "OnDemand", place)
    prices = _on_demand_prices(terms, publication_of(document, place), place)
    return [(card, "", *item, *price) for price in prices]


def read_offer(document: Object, card: str, place: str) -> tuple[list[Row], list[Whole]]:
    """Read a whole offer file, of on-demand prices or of savings plans."""
    for key in ("products", "terms"):
        if key not in document:
            raise RatesInvalid(f"{place}: `{key}` is missing; {REMEDY}")
    publication = publication_of(document, place)
    is_plan = "savingsPlan" in table_of(document, "terms", place)
    read = _read_plans if is_plan else _read_on_demand
    priced = read(document, publication, place)
    covered = {item.region for item, _ in priced} | {text_of(document, "regionCode", place)}
    places = sorted(region for region in covered if region)
    scope = " ".join(places)
    offers = {(item.source_kind, item.offer) for item, _ in priced}
    wholes = [
        Whole(kind, offer, each, publication.published_at)
        for kind, offer in offers
        for each in {*places, scope}
        if publication
    ]
    return [(card, scope, *item, *price) for item, price in priced], wholes


def _read_on_demand(
    document: Object, publication: Publication | None, place: str
) -> list[tuple[Item, Price]]:
    """Read a bulk offer file: `products` by SKU, `terms.OnDemand` by SKU and by term."""
    products = tables_of(document, "products", place)
    terms = tables_of(table_of(document, "terms", place), "OnDemand", place)
    priced = []
    for sku, product in products.items():
        where = f"{place}, SKU {plain(sku)}"
        item = _on_demand_item(document, "offerCode", sku, product, where)
        prices = _on_demand_prices(tables_of(terms, sku, where), publication, where)
        priced += [(item, price) for price in prices]
    for sku in terms:
        if sku not in products:
            item = _on_demand_item(document, "offerCode", sku, {}, place)
            priced.append((item, _no_price(publication, _NO_PRODUCT)))
    return priced


def _on_demand_item(
    document: Object, offer_key: str, sku: str, product: Object, place: str
) -> Item:
    attributes = table_of(product, "attributes", place)
    offer = text_of(document, offer_key, place)
    return Item(
        source_kind="price_list",
        term="OnDemand",
        offer=offer,
        version=text_of(document, "version", place),
        sku=sku,
        usage_type=text_of(attributes, "usagetype", place),
        operation=text_of(attributes, "operation", place),
        service_code=text_of(attributes, "servicecode", place) or offer,
        service_name=text_of(attributes, "servicename", place),
        product_family=text_of(product, "productFamily", place),
        region=text_of(attributes, "regionCode", place),
    )


def _on_demand_prices(
    terms: dict[str, Object], publication: Publication | None, place: str
) -> list[Price]:
    """Return every price of a SKU, or a single one that is left out where it has none."""
    prices: list[Price] = []
    for code, term in terms.items():
        where = f"{place}, term {plain(code)}"
        dated = publication or effective_day(term, where)
        for key, dimension in tables_of(term, "priceDimensions", where).items():
            rate_code = text_of(dimension, "rateCode", where) or key
            where_rate = f"{place}, rate {plain(rate_code)}"
            prices += _dimension_prices(dimension, rate_code, dated, where_rate)
    return prices or [_no_price(publication, NO_PRICE)]


def _dimension_prices(
    dimension: Object, rate_code: str, dated: Publication, place: str
) -> Iterator[Price]:
    """Yield the price of one tier in each of its currencies."""
    unit = text_of(dimension, "unit", place)
    tier_from, tier_to, tier_reason = tier_of(dimension, place)
    in_currencies = table_of(dimension, "pricePerUnit", place)
    for currency, written in in_currencies.items() or [("USD", None)]:
        if not currency.strip():
            raise RatesInvalid(f"{place}: `pricePerUnit` names no currency for a price; {REMEDY}")
        price, reason = price_of(written, f"pricePerUnit.{plain(currency)}", place)
        yield Price(
            *dated,
            rate_code=rate_code,
            description=text_of(dimension, "description", place),
            unit=unit,
            currency=currency,
            price=price,
            tier_from=tier_from,
            tier_to=tier_to,
            left_out=reason or tier_reason or (None if unit else _NO_UNIT),
        )


def _read_plans(
    document: Object, publication: Publication | None, place: str
) -> list[tuple[Item, Price]]:
    """Read a savings-plan offer: a list of plans in `products`, their rates in the terms."""
    plans = {text_of(plan, "sku", place): plan for plan in objects_of(document, "products", place)}
    priced = []
    for term in objects_of(table_of(document, "terms", place), "savingsPlan", place):
        sku = text_of(term, "sku", place)
        where = f"{place}, savings plan {plain(str(sku))}"
        plan = plans.get(sku, {})
        dated = publication or effective_day(term, where)
        for rate in objects_of(term, "rates", where):
            discounted_sku = text_of(rate, "discountedSku", where)
            if sku is None or discounted_sku is None:
                raise RatesInvalid(f"{where}: a `sku` or `discountedSku` is missing; {REMEDY}")
            where_rate = f"{where}, SKU {plain(discounted_sku)}"
            item = _plan_item(document, plan, term, rate, where_rate)
            priced.append((item, _plan_price(term, rate, dated, where_rate)))
    return priced


def _plan_item(document: Object, plan: Object, term: Object, rate: Object, place: str) -> Item:
    """Describe a rate of a plan by the usage that it discounts."""
    attributes = table_of(plan, "attributes", place)
    service = text_of(plan, "serviceCode", place) or text_of(attributes, "serviceCode", place)
    usage_type = text_of(rate, "discountedUsageType", place)
    return Item(
        source_kind="savings_plan",
        term="SavingsPlan",
        offer=text_of(document, "offerCode", place) or service,
        version=text_of(document, "version", place),
        sku=text_of(rate, "discountedSku", place) or "",
        usage_type=usage_type,
        operation=text_of(rate, "discountedOperation", place),
        service_code=text_of(rate, "discountedServiceCode", place),
        service_name=None,
        product_family=text_of(plan, "productFamily", place),
        region=text_of(rate, "discountedRegionCode", place)
        or _region_of_prefix(usage_type)
        or text_of(document, "regionCode", place),
        plan_sku=text_of(term, "sku", place),
        plan_usage_type=text_of(plan, "usageType", place)
        or text_of(attributes, "usageType", place),
        purchase_option=text_of(attributes, "purchaseOption", place),
        purchase_term=text_of(attributes, "purchaseTerm", place),
    )


def _plan_price(term: Object, rate: Object, dated: Publication, place: str) -> Price:
    discounted = table_of(rate, "discountedRate", place)
    price, reason = price_of(discounted.get("price"), "discountedRate.price", place)
    unit = text_of(rate, "unit", place)
    return Price(
        *dated,
        rate_code=text_of(rate, "rateCode", place),
        description=text_of(term, "description", place),
        unit=unit,
        currency=text_of(discounted, "currency", place) or "USD",
        price=price,
        tier_from=Decimal(0),
        left_out=reason or (None if unit else _NO_UNIT),
    )


def _no_price(publication: Publication | None, reason: str) -> Price:
    """Stand for a SKU published without a price; an older price ends here all the same."""
    dated = Price(*publication) if publication else Price(None, None)
    return dated._replace(left_out=reason)


@cache
def _regions_by_prefix() -> dict[str, str]:
    return dict(regions().select("usage_type_prefix", "region_code").iter_rows())


def _region_of_prefix(usage_type: str | None) -> str | None:
    return _regions_by_prefix().get((usage_type or "").partition("-")[0])
