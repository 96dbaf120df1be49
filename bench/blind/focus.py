"""A bill as a FOCUS export, 1.0 or 1.2."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from .bill import Bill
from .cells import NUMBERS, TEXTS, write_csv, write_parquet
from .lines import Line, next_month, rounded

_NUMBERS = frozenset(
    {
        "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
        "ListCost", "ListUnitPrice", "PricingQuantity", "CommitmentDiscountQuantity",
    }
)  # fmt: skip
_MAPS = {
    "Tags": TEXTS, "SkuPriceDetails": TEXTS, "x_Discounts": NUMBERS, "x_CostCategories": TEXTS,
}  # fmt: skip
_CATEGORIES = {
    "Tax": "Tax", "Credit": "Credit", "Refund": "Credit", "Fee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase", "SavingsPlanUpfrontFee": "Purchase",
}  # fmt: skip


def _row(bill: Bill, line: Line, version: str) -> dict[str, Any]:
    covered = line.type == "SavingsPlanCoveredUsage"
    usage, begin = line.type in ("Usage", "SavingsPlanCoveredUsage"), line.period or bill.start
    category = _CATEGORIES.get(line.type, "Usage")
    billed = Decimal(0) if covered else line.cost
    quantity = line.quantity or Decimal(0)
    listed = line.rate if line.public_rate is None else line.public_rate
    effective = billed
    if covered or line.type == "SavingsPlanRecurringFee":
        effective = line.plan_cost or Decimal(0)
    row = {
        "AvailabilityZone": None, "BilledCost": billed, "BillingAccountId": bill.payer,
        "BillingAccountName": "payer", "BillingCurrency": line.currency,
        "BillingPeriodStart": begin, "BillingPeriodEnd": next_month(begin),
        "ChargeCategory": category, "ChargeClass": "Correction" if line.correction else None,
        "ChargeDescription": line.description, "ChargeFrequency": _frequency(line, category),
        "ChargePeriodStart": line.start, "ChargePeriodEnd": line.end,
        "ConsumedQuantity": line.quantity if usage else None,
        "ConsumedUnit": line.unit if usage else None,
        "ContractedCost": line.cost, "ContractedUnitPrice": line.rate if usage else None,
        "EffectiveCost": effective, "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": rounded(quantity * listed) if usage and listed is not None else line.cost,
        "ListUnitPrice": listed if usage else None,
        "PricingCategory": ("Committed" if covered else "Standard") if usage else None,
        "PricingQuantity": line.quantity if usage else None,
        "PricingUnit": line.unit if usage else None, "ProviderName": "AWS",
        "PublisherName": "Amazon Web Services, Inc." if line.entity == "AWS" else "Anthropic, PBC",
        "RegionId": line.region if line.type != "Tax" else None, "RegionName": None,
        "ResourceId": line.resource or None, "ResourceName": None, "ResourceType": None,
        "ServiceCategory": "AI and Machine Learning", "ServiceName": line.product,
        "SkuId": line.sku or None, "SkuPriceId": line.rate_code or None,
        "SubAccountId": line.account, "SubAccountName": "account",
        "Tags": {f"user:{key}": value for key, value in line.tags.items()},
        "x_Discounts": {}, "x_Operation": line.operation or None, "x_ServiceCode": line.code,
        **_commitment(line),
    }  # fmt: skip
    if version == "1.0":
        return {**row, "x_UsageType": line.usage_type, "x_CostCategories": {}}
    return {
        **row, "BillingAccountType": "Management Account", "CapacityReservationId": None,
        "InvoiceId": bill.invoices.get(line.entity), "ServiceSubcategory": "Generative AI",
        "SkuMeter": line.usage_type, "SkuPriceDetails": {}, "SubAccountType": "Member",
        "PricingCurrency": line.currency, "CommitmentDiscountQuantity": None,
        "CommitmentDiscountUnit": None,
    }  # fmt: skip


def _commitment(line: Line) -> dict[str, Any]:
    planned = line.type.startswith("SavingsPlan")
    return {
        "CommitmentDiscountCategory": "Spend" if planned else None,
        "CommitmentDiscountId": line.plan or None,
        "CommitmentDiscountName": None,
        "CommitmentDiscountStatus": "Used" if line.type == "SavingsPlanCoveredUsage" else None,
        "CommitmentDiscountType": "Savings Plan" if planned else None,
    }


def _frequency(line: Line, category: str) -> str:
    if line.type == "SavingsPlanRecurringFee":
        return "Recurring"
    return "Usage-Based" if category == "Usage" else "One-Time"


def _rows(bill: Bill, version: str) -> Iterator[dict[str, Any]]:
    """Return the rows: no negations, and what each hour left of its plan instead."""
    zero = Decimal(0)
    for line in bill.lines:
        if line.type == "SavingsPlanNegation":
            continue
        row = _row(bill, line, version)
        row.update(line.focus)
        yield row
        unused = (line.plan_total or zero) - (line.plan_used or zero)
        if line.type == "SavingsPlanRecurringFee" and unused > 0:
            yield {
                **row, "BilledCost": zero, "ListCost": zero, "ContractedCost": zero,
                "EffectiveCost": unused, "ChargeCategory": "Usage",
                "ChargeFrequency": "Usage-Based", "CommitmentDiscountStatus": "Unused",
            }  # fmt: skip


def _export(bill: Bill, folder: Path, version: str, extension: str) -> Path:
    export = "focus-export"
    rows = list(_rows(bill, version))
    for period in sorted({row["BillingPeriodStart"] for row in rows}):
        part = [row for row in rows if row["BillingPeriodStart"] == period]
        base = folder / f"foc/{export}/data/billing_period={period:%Y-%m}"
        path, names = base / f"{export}-00001.{extension}", sorted(part[0])
        if extension == "csv.gz":
            write_csv(path, names, part, _NUMBERS, ".000Z")
        else:
            write_parquet(path, names, part, _NUMBERS, _MAPS)
    return folder / "foc"


focus_10 = partial(_export, version="1.0", extension="csv.gz")
focus_12 = partial(_export, version="1.2", extension="snappy.parquet")
focus_12_csv = partial(_export, version="1.2", extension="csv.gz")
