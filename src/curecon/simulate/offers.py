"""AWS's price lists of what the bill was billed by: bulk offer files, one for each publication."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from curecon.simulate import catalogue
from curecon.simulate.meters import DIMENSION, TERM, Meter
from curecon.simulate.world import World

_LISTED = {"inference_type": "inferenceType", "instance_name": "instanceName"}


def write(folder: Path, world: World, changes: dict[tuple[int, date], Decimal]) -> list[Path]:
    """Write what was published on the eve of the first month, and each time a price changed.

    Args:
        folder: where to lay the offers.
        world: the meters, and the months that are billed.
        changes: the list price of a meter from a day on, where it changes.
    """
    days = [world.months[0] - timedelta(days=1), *sorted({day for _, day in changes})]
    meters = list(enumerate(world.meters))
    offers = sorted({meter.offer for meter in world.meters if meter.is_ai})
    files = []
    for day in days:
        for offer in offers:
            prices = {
                number: max(
                    ((of_day, price) for (of, of_day), price in changes.items()
                     if of == number and of_day <= day),
                    default=(day, meter.price),
                )[1]
                for number, meter in meters if meter.offer == offer
            }  # fmt: skip
            at = datetime.combine(day, time(0, 0, 9), UTC)
            document = _offer(offer, at, [(world.meters[n], prices[n]) for n in prices])
            file = folder / offer / f"{at:%Y%m%d%H%M%S}" / "index.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
            files.append(file)
    return files


def _offer(offer: str, at: datetime, priced: list[tuple[Meter, Decimal]]) -> dict[str, object]:
    effective = f"{at:%Y-%m}-01T00:00:00Z"
    return {
        "formatVersion": "v1.0",
        "disclaimer": "Simulated by curecon; no price of AWS.",
        "offerCode": offer,
        "version": f"{at:%Y%m%d%H%M%S}",
        "publicationDate": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "products": {
            meter.sku: {
                "sku": meter.sku,
                "productFamily": meter.family,
                "attributes": _attributes(meter),
            }
            for meter, _ in priced
        },
        "terms": {
            "OnDemand": {meter.sku: _term(meter, price, effective) for meter, price in priced}
        },
    }


def _term(meter: Meter, price: Decimal, effective: str) -> dict[str, object]:
    unit = meter.listed_unit or meter.unit
    code = f"{meter.sku}.{TERM}"
    return {
        code: {
            "offerTermCode": TERM,
            "sku": meter.sku,
            "effectiveDate": effective,
            "priceDimensions": {
                f"{code}.{DIMENSION}": {
                    "rateCode": f"{code}.{DIMENSION}",
                    "description": f"${price} per {unit} for {meter.what}",
                    "beginRange": "0",
                    "endRange": "Inf",
                    "unit": unit,
                    "pricePerUnit": {"USD": f"{price:.10f}"},
                    "appliesTo": [],
                }
            },
            "termAttributes": {},
        }
    }


def _attributes(meter: Meter) -> dict[str, str]:
    location = next(one.location for one in catalogue.REGIONS if one.code == meter.region)
    attributes = {
        "regionCode": meter.region,
        "locationType": "AWS Region",
        "location": location,
        "servicename": meter.name,
        "usagetype": meter.usage_type,
        "operation": meter.listed_operation,
    }
    # The Marketplace offer describes no model: its rows have the six attributes above only.
    if meter.marketplace:
        return attributes
    listed = {_LISTED.get(name, name): text for name, text in meter.attributes.items()}
    return attributes | {"servicecode": meter.offer} | listed
