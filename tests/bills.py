"""Small bills for tests: lines as dictionaries, written in the formats in which AWS delivers them.

A line needs only what a test is about; `line()` fills in an ordinary hour of Amazon Bedrock tokens.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PAYER, ACCOUNT = "111111111111", "222222222222"
PERIOD = "2026-10"
USAGE_TYPE = "USE1-NovaLite-input-tokens"

# CUR 2.0 column -> legacy name, where the rule (AWS's Athena names, turned back) needs telling.
_CATEGORIES = ("identity", "bill", "lineItem", "pricing", "product", "savingsPlan", "splitLineItem")
_LEGACY = {
    "product_product_name": "product/ProductName",
    "product_servicecode": "product/servicecode",
    "product_sku": "product/sku",
    "product_region_code": "product/regionCode",
    "pricing_unit": "pricing/unit",
    "pricing_term": "pricing/term",
    "pricing_public_on_demand_cost": "pricing/publicOnDemandCost",
    "pricing_public_on_demand_rate": "pricing/publicOnDemandRate",
}
_TIMES = (
    "bill_billing_period_start_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
_AMOUNTS = (
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "pricing_public_on_demand_cost",
)


def line(**given: object) -> dict[str, str]:
    """One line item; `start` and `hours` stand for the times of usage, `at` for the rate.

    The cost is the quantity times the rate unless it is given.
    """
    start = datetime.fromisoformat(str(given.pop("start", f"{PERIOD}-05T10:00:00")))
    end = start + timedelta(hours=int(str(given.pop("hours", 1))))
    quantity, rate = given.pop("quantity", "1000"), given.pop("rate", "0.00006")
    if "line_item_unblended_cost" not in given:
        given["line_item_unblended_cost"] = Decimal(str(quantity)) * Decimal(str(rate))
    values: dict[str, object] = {
        "bill_payer_account_id": PAYER,
        "bill_billing_period_start_date": f"{given.pop('period', PERIOD)}-01T00:00:00Z",
        "identity_line_item_id": None,
        "identity_time_interval": f"{_iso(start)}/{_iso(end)}",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": _iso(start),
        "line_item_usage_end_date": _iso(end),
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": USAGE_TYPE,
        "line_item_operation": None,
        "line_item_resource_id": None,
        "line_item_usage_amount": quantity,
        "pricing_unit": "1K tokens",
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": rate,
        **given,
    }
    return {name: _text(value) for name, value in values.items()}


def with_ids(lines: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Give every line that has no id one of its own."""
    return [
        {**one, "identity_line_item_id": one["identity_line_item_id"] or f"line{number}"}
        for number, one in enumerate(lines)
    ]


def write_csv(path: Path, lines: Sequence[Mapping[str, str]], *, legacy: bool = False) -> Path:
    """Write lines as CSV, under the names of CUR 2.0 or of the legacy report."""
    columns = _columns(lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([legacy_name(name) if legacy else name for name in columns])
        writer.writerows([one.get(name, "") for name in columns] for one in lines)
    return path


def write_parquet(path: Path, lines: Sequence[Mapping[str, str]]) -> Path:
    """Write lines as Parquet: times as timestamps and amounts as exact decimals."""
    fields = [(name, _parquet_type(name)) for name in _columns(lines)]
    columns = [
        pa.array([_parquet_value(name, one.get(name, "")) for one in lines], type=kind)
        for name, kind in fields
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), path)
    return path


def legacy_name(column: str) -> str:
    """Turn a CUR 2.0 column into the legacy report's: line_item_usage_type, lineItem/UsageType."""
    if column in _LEGACY:
        return _LEGACY[column]
    for category in _CATEGORIES:
        prefix = _snake(category) + "_"
        if column.startswith(prefix):
            words = column.removeprefix(prefix).split("_")
            return f"{category}/{''.join(word.capitalize() for word in words)}"
    return column


def price_item(usage_type: str, price: str, unit: str = "1K tokens", **given: str) -> str:
    """One item of GetProducts, as a line of JSON."""
    sku = given.get("sku", "SKU" + "".join(c for c in usage_type.upper() if c.isalnum()))
    rate_code = f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "rateCode": rate_code,
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${price} per {unit}",
        "pricePerUnit": {given.get("currency", "USD"): price},
    }
    item = {
        "product": {
            "sku": sku,
            "productFamily": given.get("family", "Amazon Bedrock"),
            "attributes": {
                "usagetype": usage_type,
                "operation": given.get("operation", ""),
                "regionCode": given.get("region", "us-east-1"),
                "servicecode": given.get("service_code", "AmazonBedrock"),
                "servicename": given.get("service_name", "Amazon Bedrock"),
            },
        },
        "serviceCode": given.get("service_code", "AmazonBedrock"),
        "terms": {
            "OnDemand": {
                f"{sku}.JRTCKXETXF": {
                    "sku": sku,
                    "offerTermCode": "JRTCKXETXF",
                    "effectiveDate": "2026-09-01T00:00:00Z",
                    "priceDimensions": {rate_code: dimension},
                    "termAttributes": {},
                }
            }
        },
        "version": "20260915000000",
        "publicationDate": given.get("published", "2026-09-15T00:00:00Z"),
    }
    return json.dumps(item)


def _columns(lines: Sequence[Mapping[str, str]]) -> list[str]:
    """List the columns in which any line has something, and those that a bill must have."""
    needed = {"bill_payer_account_id", "line_item_usage_type", "line_item_usage_account_id"}
    names = dict.fromkeys(name for one in lines for name in one)
    return [name for name in names if name in needed or any(one.get(name) for one in lines)]


def _parquet_type(name: str) -> pa.DataType:
    if name in _TIMES:
        return pa.timestamp("ms")
    return pa.decimal128(38, 20) if name in _AMOUNTS else pa.string()


def _parquet_value(name: str, text: str) -> object:
    if not text:
        return None
    if name in _TIMES:
        return datetime.fromisoformat(text.removesuffix("Z"))
    return Decimal(text) if name in _AMOUNTS else text


def _snake(category: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in category)


def _iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: object) -> str:
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)
