"""Items of GetProducts and rates of savings plans, as the two APIs send them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from curecon.errors import RatesInvalid
from curecon.grammar import regions as known_regions
from curecon.sync.model import KEPT, PLANS

_TERMS = {31_536_000: ("1yr", 1), 94_608_000: ("3yr", 3)}


def product(row: str, service: str) -> tuple[str, str]:
    """Return the SKU and the region of an item of GetProducts."""
    try:
        product = json.loads(row)["product"]
        return str(product["sku"]), str(product.get("attributes", {}).get("regionCode") or "any")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RatesInvalid(
            f"GetProducts sent an item of {service} that cannot be read. {KEPT}"
        ) from error


def plan_region(rate: Mapping[str, Any]) -> str:
    """Return the region of a savings-plan rate: its property, or its usage type's prefix."""
    for each in rate.get("properties") or []:
        if each.get("name") == "region" and each.get("value"):
            return str(each["value"])
    by_prefix = dict(known_regions().select("usage_type_prefix", "region_code").iter_rows())
    return str(by_prefix.get(str(rate.get("usageType", "")).partition("-")[0], "any"))


def plan_offer(rates: Iterable[Mapping[str, Any]], region: str) -> dict[str, Any]:
    """Return offering rates as an offer file, without its date.

    The API names no SKU, so the offering stands for the plan's, and usage type with operation for
    that of what is discounted.
    """
    plans: dict[str, dict[str, Any]] = {}
    terms: dict[str, dict[str, Any]] = {}
    for rate in rates:
        offering = rate.get("savingsPlanOffering", {})
        sku = str(offering.get("offeringId", ""))
        plans.setdefault(sku, _plan(sku, offering))
        term = terms.setdefault(sku, _plan_term(sku, offering))
        discounted = f"{rate.get('usageType')}:{rate.get('operation') or ''}"
        term["rates"][discounted, str(rate.get("rate"))] = {
            "discountedSku": discounted,
            "discountedUsageType": rate.get("usageType"),
            "discountedOperation": rate.get("operation") or "",
            "discountedServiceCode": rate.get("serviceCode"),
            "discountedRegionCode": region,
            "rateCode": f"{sku}.{discounted}",
            "unit": rate.get("unit"),
            "discountedRate": {"price": rate.get("rate"), "currency": offering.get("currency")},
        }
    in_order = [
        {**term, "rates": [each for _, each in sorted(term["rates"].items())]}
        for _, term in sorted(terms.items())
    ]
    return {
        "disclaimer": "Written by curecon from DescribeSavingsPlansOfferingRates.",
        "regionCode": region,
        "products": [plan for _, plan in sorted(plans.items())],
        "terms": {"savingsPlan": in_order},
    }


def _plan(sku: str, offering: Mapping[str, Any]) -> dict[str, Any]:
    seconds = int(offering.get("durationSeconds") or 0)
    term = _TERMS.get(seconds, (f"{seconds}s", 0))[0]
    option = str(offering.get("paymentOption", ""))
    usage_type = f"SageMakerSP:{term}{option.replace(' ', '')}"
    attributes = {"purchaseOption": option, "purchaseTerm": term, "usageType": usage_type}
    return {
        "sku": sku,
        "productFamily": "SageMakerSavingsPlans",
        "serviceCode": PLANS,
        "usageType": usage_type,
        "operation": "",
        "attributes": attributes,
    }


def _plan_term(sku: str, offering: Mapping[str, Any]) -> dict[str, Any]:
    years = _TERMS.get(int(offering.get("durationSeconds") or 0), ("", 0))[1]
    return {
        "sku": sku,
        "description": offering.get("planDescription") or "",
        "leaseContractLength": {"duration": years, "unit": "year"},
        "rates": {},
    }
