"""The contract of a bill, as contract.toml."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from .bill import Bill
from .lines import Meter
from .plans import Plan


def discount(percent: str, *, marketplace: bool = False, **days: datetime) -> dict[str, Any]:
    """Agree a discount, from 2024 on or between the days `starts` and `ends`."""
    return {"percent": Decimal(percent), "marketplace": marketplace, **days}


def private(of: Meter, region: str, price: Decimal, **days: datetime) -> dict[str, Any]:
    """Agree a price of tokens that the Marketplace sells."""
    return {"meter": of, "region": region, "price": price, **days}


def units(of: Meter, resource: str, region: str, count: int, **days: datetime) -> dict[str, Any]:
    """Agree model units for a month, between the days `starts` and `ends`."""
    model = of.attributes.get("model", of.product)
    return {"model": model, "resource": resource, "region": region, "count": count, **days}


def write(bill: Bill, path: Path) -> None:
    """Write what was agreed: lists of the above by name, and a rate of tax."""
    agreed = bill.contract
    text = [f'payer = "{bill.payer}"', 'source = "Agreement"']
    if "tax" in agreed:
        text += ["[tax]", f"rate = {agreed['tax']}", 'base = "usage and fees"']
    if "free_tier" in agreed:
        text += [
            "[free_tier]",
            f"starts = {agreed['free_tier']:%Y-%m-%d}",
            'scope = "organisation"',
        ]
    for one in agreed.get("discounts", []):
        text += ["[[discount]]", 'name = "EDP"', f"percent = {one['percent']}"]
        text += [f"marketplace = {str(one['marketplace']).lower()}"]
        text += _days({"starts": datetime.fromisoformat("2024-01-01"), **one})
    for one in agreed.get("private", []):
        text += ["[[private_rate]]", f"select = {{ {_select(one['meter'])} }}"]
        text += [f'regions = ["{one["region"]}"]', f"price = {one['price']}"]
        text += [f'unit = "{one["meter"].unit}"', *_days(one)]
    for one in agreed.get("plans", []):
        text += _plan(one)
    for one in agreed.get("units", []):
        text += ["[[provisioned_throughput]]", f'model = "{one["model"]}"']
        text += [f'region = "{one["region"]}"', f'arn = "{one["resource"]}"']
        text += [f"model_units = {one['count']}", 'commitment = "1 month"', *_days(one)]
    path.write_text("\n".join(text) + "\n", "utf-8")


def _days(said: dict[str, Any]) -> Iterator[str]:
    for name in ("starts", "ends"):
        if said.get(name) is not None:
            yield f"{name} = {said[name]:%Y-%m-%d}"


def _plan(plan: Plan) -> Iterator[str]:
    yield from ("[[savings_plan]]", f'arn = "{plan.arn}"')
    yield f"hourly_commitment = {plan.commitment}"
    yield from _days({"starts": plan.starts, "ends": plan.ends})
    yield "[savings_plan.rates]"
    yield from (f'"{name}" = {rate}' for name, rate in plan.rates.items())


def _select(of: Meter) -> str:
    """Select by what is decoded: a usage type of the Marketplace does not name the model."""
    folded = of.name.lower()
    cached = "write" if "write" in folded else "read" if "read" in folded else ""
    kind = (
        "input"
        if "input" in folded and not cached
        else "output"
        if not cached
        else "cache_" + cached
    )
    if "1h" in folded:
        kind = "cache_write_1h"
    said = {
        "service": "bedrock", "provider": "Anthropic", "capability": "on_demand",
        "model": of.product.split(" (")[0], "token_type": kind,
    }  # fmt: skip
    if "global" in folded:
        said["routing"] = "global"
    if "batch" in folded:
        said["tier"] = "batch"
    return ", ".join(f'{name} = "{value}"' for name, value in said.items())
