"""A bill as the Cost and Usage Report delivers it: legacy CSV or Parquet, and CUR 2.0."""

import json
import re
import uuid
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from .bill import Bill
from .cells import NUMBERS, TEXTS, write_csv, write_parquet
from .lines import Line, next_month, rounded

_METERED = ("Usage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "UsageAdjustmentV2")
_NUMBERS = frozenset(
    {
        "lineItem/UsageAmount", "lineItem/NormalizationFactor", "lineItem/UnblendedCost",
        "lineItem/BlendedCost", "lineItem/NetUnblendedCost", "pricing/publicOnDemandCost",
        "savingsPlan/SavingsPlanEffectiveCost", "savingsPlan/SavingsPlanRate",
        "savingsPlan/TotalCommitmentToDate", "savingsPlan/UsedCommitment",
        "savingsPlan/RecurringCommitmentForBillingPeriod", "discount/TotalDiscount",
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
    }
)  # fmt: skip
# A report may be set up without these, and many are.
_OPTIONAL = (
    "lineItem/AvailabilityZone", "lineItem/NormalizationFactor", "product/instanceType",
    "lineItem/LegalEntity", "product/usagetype", "product/productFamily", "lineItem/BlendedRate",
    "lineItem/BlendedCost", "product/operation", "savingsPlan/PurchaseTerm", "savingsPlan/Region",
    "bill/InvoicingEntity",
)  # fmt: skip


def _snake(name: str) -> str:
    """Write a legacy name as Parquet and CUR 2.0 do: every capital begins a word."""
    parted = re.sub(r"([A-Z])", r"_\1", name.replace("/", "_/")).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", parted.replace("_/", "_"))
    return re.sub(r"_+", "_", plain).strip("_")


_SNAKE_NUMBERS = frozenset(map(_snake, _NUMBERS))


def _rate(rate: Decimal | None, line: Line) -> str:
    return f"{rate:.10f}" if rate is not None and line.type in _METERED else ""


def _row(bill: Bill, line: Line) -> dict[str, Any]:
    metered = line.type in _METERED
    begin = line.period or bill.start
    public = line.public_rate
    return {
        "identity/LineItemId": line.id,
        "identity/TimeInterval": line.time_interval,
        "bill/InvoiceId": bill.invoices.get(line.entity, ""),
        "bill/InvoicingEntity": "Amazon Web Services, Inc.",
        "bill/BillingEntity": line.entity,
        "bill/BillType": line.bill_type,
        "bill/PayerAccountId": bill.payer,
        "bill/BillingPeriodStartDate": begin,
        "bill/BillingPeriodEndDate": next_month(begin),
        "lineItem/UsageAccountId": line.account,
        "lineItem/LineItemType": line.type,
        "lineItem/UsageStartDate": line.start,
        "lineItem/UsageEndDate": line.end,
        "lineItem/ProductCode": line.code,
        "lineItem/UsageType": line.usage_type,
        "lineItem/Operation": line.operation,
        "lineItem/AvailabilityZone": "",
        "lineItem/ResourceId": line.resource,
        "lineItem/UsageAmount": line.quantity,
        "lineItem/NormalizationFactor": None,
        "lineItem/CurrencyCode": line.currency,
        "lineItem/UnblendedRate": _rate(line.rate, line),
        "lineItem/UnblendedCost": line.cost,
        "lineItem/BlendedRate": _rate(line.rate, line),
        "lineItem/BlendedCost": line.cost,
        "lineItem/LineItemDescription": line.description,
        "lineItem/TaxType": line.tax_type,
        "lineItem/LegalEntity": "Amazon Web Services, Inc.",
        "pricing/RateCode": line.rate_code if metered else "",
        "pricing/currency": line.currency,
        "pricing/publicOnDemandCost": rounded((line.quantity or Decimal(0)) * public)
        if metered and public is not None
        else Decimal(0),
        "pricing/publicOnDemandRate": _rate(public, line),
        "pricing/term": line.term if metered else "",
        "pricing/unit": line.unit,
        "product/ProductName": line.product,
        "product/productFamily": line.family,
        "product/servicecode": line.service,
        "product/sku": line.sku if line.type not in ("Tax", "Credit", "Refund") else "",
        "product/region": line.region if line.type != "Tax" else "",
        "product/regionCode": line.region if line.type != "Tax" else "",
        "product/usagetype": line.usage_type,
        "product/operation": line.operation if line.meter is None or line.meter.operation else "",
        "product/instanceType": "",
        **_plan_columns(line),
        **_net_columns(bill, line),
        **{f"resourceTags/user:{key}": value for key, value in line.tags.items()},
    }


def _plan_columns(line: Line) -> dict[str, Any]:
    zero, covered = Decimal(0), line.type == "SavingsPlanCoveredUsage"
    values = {
        "SavingsPlanARN": line.plan,
        "SavingsPlanRate": line.plan_rate if covered else zero,
        "SavingsPlanEffectiveCost": line.plan_cost or zero,
        "TotalCommitmentToDate": line.plan_total or zero,
        "UsedCommitment": line.plan_used or zero,
        "RecurringCommitmentForBillingPeriod": line.plan_total or zero,
        "AmortizedUpfrontCommitmentForBillingPeriod": zero,
        "OfferingType": "SageMakerSavingsPlans" if line.plan else "",
        "PurchaseTerm": "1yr" if line.plan else "",
        "Region": "Any" if line.plan else "",
    }
    return {f"savingsPlan/{name}": value for name, value in values.items()}


def _net_columns(bill: Bill, line: Line) -> dict[str, Any]:
    if bill.net is None:
        return {}
    share = bill.net if line.type == "Usage" and line.entity == "AWS" else Decimal(0)
    off = rounded(line.cost * share)
    return {"lineItem/NetUnblendedCost": line.cost - off, "discount/TotalDiscount": -off}


def _left_out(bill: Bill) -> set[str]:
    return {name for name in _OPTIONAL if bill.rng.random() < 0.35}


def _named(rows: list[dict[str, Any]], left_out: set[str]) -> list[str]:
    """Return the columns; without any savings plan there are none of plans."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not any(row["savingsPlan/SavingsPlanARN"] for row in rows):
        names = [name for name in names if not name.startswith("savingsPlan/")]
    return [name for name in names if name not in left_out]


def _halves(rows: list[Any]) -> list[list[Any]]:
    middle = (len(rows) + 1) // 2
    return [half for half in (rows[:middle], rows[middle:]) if half]


def _periods(bill: Bill) -> list[datetime]:
    return sorted({line.period or bill.start for line in bill.lines})


def legacy_csv(bill: Bill, folder: Path) -> Path:
    """Write a legacy report as CSV.gz, with its manifests."""
    report, left_out = "cost-report", _left_out(bill)
    zone = bill.rng.choice([".000Z", "Z"])
    for period in _periods(bill):
        rows = [_row(bill, line) for line in bill.lines if line.period == period]
        names = _named(rows, left_out)
        month = f"{period:%Y%m%d}-{next_month(period):%Y%m%d}"
        assembly = str(uuid.UUID(int=bill.rng.getrandbits(128)))
        base, keys = f"cur/{report}/{month}", []
        for number, half in enumerate(_halves(rows), 1):
            keys.append(f"{base}/{assembly}/{report}-{number:05d}.csv.gz")
            write_csv(folder / keys[-1], names, half, _NUMBERS, zone)
        manifest = {
            "assemblyId": assembly,
            "account": bill.payer,
            "columns": [
                {"category": category, "name": name, "type": "String"}
                for category, name in (one.split("/", 1) for one in names)
            ],
            "charset": "UTF-8", "compression": "GZIP", "contentType": "text/csv",
            "reportId": "a5e3b9", "reportName": report, "bucket": "billing-bucket",
            "billingPeriod": {
                "start": f"{period:%Y%m%d}T000000.000Z",
                "end": f"{next_month(period):%Y%m%d}T000000.000Z",
            },
            "reportKeys": keys,
            "additionalArtifactKeys": [],
        }  # fmt: skip
        for place in (f"{base}/{assembly}", base):
            (folder / place / f"{report}-Manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder / "cur"


def legacy_parquet(bill: Bill, folder: Path) -> Path:
    """Write a legacy report as Parquet, in Athena's folders."""
    left_out = _left_out(bill)
    for period in _periods(bill):
        rows = [_row(bill, line) for line in bill.lines if line.period == period]
        names = _named(rows, left_out)
        renamed = [{_snake(name): row.get(name) for name in names} for row in rows]
        base = folder / f"cur/rep/rep/year={period.year}/month={period.month}"
        for number, half in enumerate(_halves(renamed), 1):
            path = base / f"rep-{number:05d}.snappy.parquet"
            write_parquet(path, list(half[0]), half, _SNAKE_NUMBERS, {})
    return folder / "cur"


_MAPS = {
    "product": TEXTS, "resource_tags": TEXTS, "tags": TEXTS, "cost_category": TEXTS,
    "discount": NUMBERS,
}  # fmt: skip
_MAPPED = ("product/ProductName", "product/region", "discount/TotalDiscount")


def _second(bill: Bill, line: Line) -> dict[str, Any]:
    """Return the row of CUR 2.0: tags and attributes of the product in maps."""
    row = _row(bill, line)
    plain = {
        _snake(name): value
        for name, value in row.items()
        if not name.startswith("resourceTags") and name not in _MAPPED
    }
    if bill.net is not None:
        plain["discount"] = {"total_discount": row["discount/TotalDiscount"]}
    return {
        **plain,
        "product": line.product_map or {"product_name": line.product},
        "resource_tags": {f"user_{key}": value for key, value in line.tags.items()},
        "cost_category": {},
        "tags": {},
        "bill_payer_account_name": "payer",
        "line_item_usage_account_name": f"account {line.account[-4:]}",
    }


def _second_columns(bill: Bill, rows: list[dict[str, Any]]) -> list[str]:
    left_out = {_snake(name) for name in _left_out(bill)}
    if bill.rng.random() < 0.5:
        left_out.add("tags")
    names = sorted({name for row in rows for name in row} - left_out)
    if not any(row["savings_plan_savings_plan_a_r_n"] for row in rows):
        names = [name for name in names if not name.startswith("savings_plan_")]
    if bill.rng.random() < 0.3:
        bill.rng.shuffle(names)
    return names


def _export(bill: Bill, folder: Path, extension: str) -> Path:
    export = "ai-export"
    for period in _periods(bill):
        rows = [_second(bill, line) for line in bill.lines if line.period == period]
        names = _second_columns(bill, rows)
        run = f"{period:%Y-%m}-28T23:48:02.356Z-{uuid.UUID(int=bill.rng.getrandbits(128))}"
        part = f"BILLING_PERIOD={period:%Y-%m}"
        files = []
        for number, half in enumerate(_halves(rows), 1):
            name = f"exp/{export}/data/{part}/{run}/{export}-{number:05d}.{extension}"
            files.append(f"s3://billing-bucket/{name}")
            if extension == "csv.gz":
                write_csv(folder / name, names, half, _SNAKE_NUMBERS, ".000Z")
            else:
                write_parquet(folder / name, names, half, _SNAKE_NUMBERS, _MAPS)
        manifest = {
            "executionId": run[-36:],
            "exportArn": "arn:aws:bcm-data-exports:us-east-1:1:export/x",
            "columns": [{"name": name, "type": "string"} for name in names],
            "dataFiles": files,
            "additionalOutputFiles": [],
        }
        base = folder / f"exp/{export}/metadata/{part}"
        for place in (base / run, base):
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{export}-Manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder / "exp"


def second_parquet(bill: Bill, folder: Path) -> Path:
    """Write a CUR 2.0 export as Parquet."""
    return _export(bill, folder, "snappy.parquet")


def second_csv(bill: Bill, folder: Path) -> Path:
    """Write a CUR 2.0 export as CSV.gz, its maps as JSON."""
    return _export(bill, folder, "csv.gz")
