"""AWS's price list of a day: GetProducts items or the bulk offer files."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from .lines import REGIONS, Meter

SHAPES = ("lines", "list", "bulk")
_ON_DEMAND = "JRTCKXETXF"


def write(
    folder: Path,
    meters: Iterable[tuple[Meter, Iterable[str]]],
    day: str,
    shape: str,
    prices: Mapping[tuple[Meter, str], Decimal] | None = None,
) -> Path:
    """Write the price list that was published on a day, in one of SHAPES.

    Args:
        folder: where to; other days may lie there already.
        meters: the meters with the regions that have them.
        day: YYYY-MM-DD.
        shape: "lines" is one JSON text a line, "list" a JSON list of them, "bulk" the offer files.
        prices: prices that are not the usual ones, by meter and region.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items = [
        _item(meter, region, day, (prices or {}).get((meter, region)))
        for meter, regions in meters
        for region in regions
    ]
    if shape == "lines":
        texts = [json.dumps(json.dumps(item)) + "\n" for item in items]
        (folder / f"products-{day}.jsonl").write_text("".join(texts), "utf-8")
    elif shape == "list":
        texts = [json.dumps(item) for item in items]
        (folder / f"products-{day}.json").write_text(json.dumps(texts), "utf-8")
    else:
        for offer in sorted({item["serviceCode"] for item in items}):
            of_offer = [item for item in items if item["serviceCode"] == offer]
            text = json.dumps(_bulk(offer, of_offer))
            (folder / f"{offer}-{day}.json").write_text(text, "utf-8")
    return folder


def _item(meter: Meter, region: str, day: str, changed: Decimal | None) -> dict[str, Any]:
    price = meter.price_in(region) if changed is None else changed
    sku = meter.sku_in(region)
    term, code = f"{sku}.{_ON_DEMAND}", f"{sku}.{_ON_DEMAND}.6YS6EN2CT7"
    dimension = {
        "unit": meter.unit, "endRange": "Inf", "beginRange": "0", "appliesTo": [],
        "rateCode": code, "pricePerUnit": {"USD": f"{price:.10f}"},
        "description": f"${price} per {meter.unit} for {meter.name}",
    }  # fmt: skip
    return {
        "product": {
            "productFamily": "ML Instance" if meter.unit == "Hrs" else "Amazon Bedrock",
            "attributes": {
                "regionCode": region,
                "servicecode": meter.offer,
                "locationType": "AWS Region",
                "location": REGIONS[region].location,
                "usagetype": meter.usage_type(region),
                "servicename": meter.product,
                "operation": meter.operation,
                **meter.attributes,
            },
            "sku": sku,
        },
        "serviceCode": meter.offer,
        "terms": {
            "OnDemand": {
                term: {
                    "priceDimensions": {code: dimension},
                    "sku": sku,
                    "effectiveDate": f"{day[:7]}-01T00:00:00Z",
                    "offerTermCode": _ON_DEMAND,
                    "termAttributes": {},
                }
            }
        },
        "version": day.replace("-", "") + "101500",
        "publicationDate": f"{day}T10:15:00Z",
    }


def _bulk(offer: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "formatVersion": "v1.0",
        "disclaimer": "",
        "offerCode": offer,
        "version": items[0]["version"],
        "publicationDate": items[0]["publicationDate"],
        "products": {item["product"]["sku"]: item["product"] for item in items},
        "terms": {
            "OnDemand": {item["product"]["sku"]: item["terms"]["OnDemand"] for item in items}
        },
        "attributesList": {},
    }
