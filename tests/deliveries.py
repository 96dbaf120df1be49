"""One small bill as AWS would deliver it in each format; run as a script, it writes the fixtures.

    python tests/deliveries.py fixtures/formats

A line is a dictionary of CUR 2.0 columns; maps are dictionaries. What a test is about it changes.
"""

import csv
import gzip
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curecon import ledger
from curecon.hashed import Hashes
from curecon.ingest import ingest
from curecon.source import find

Line = dict[str, object]

PAYER, ACCOUNT, ZERO = "111122223333", "444455556666", "012345678901"
PLAN = "arn:aws:savingsplans::111122223333:savingsplan/0a1b2c3d-1111-2222-3333-444455556666"
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
ENDPOINT = "arn:aws:sagemaker:us-east-1:012345678901:endpoint/churn"
CLAUDE = "Claude 3.5 Sonnet (Amazon Bedrock Edition)"
BEDROCK = {"product_name": "Amazon Bedrock", "servicename": "Amazon Bedrock", "region": "us-east-1"}
SAGEMAKER = {"product_name": "Amazon SageMaker", "servicename": "Amazon SageMaker"}
TAGS = {"user_team": "search", "user_cost_center": "4711"}

MAPS = ("product", "resource_tags", "tags", "cost_category")
TIMES = (
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
DOUBLES = (
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "pricing_public_on_demand_cost",
    "reservation_effective_cost",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
)


def usage(
    number: int, code: str, usage_type: str, quantity: str, cost: str, **more: object
) -> Line:
    """One hour of usage, in columns that every CUR has."""
    start = f"2026-10-05T{number % 24:02d}:00:00Z"
    end = f"2026-10-05T{number % 24 + 1:02d}:00:00Z"
    line: Line = {
        "identity_line_item_id": f"line{number:02d}abcdefghijklmnop",
        "identity_time_interval": f"{more.get('start', start)}/{more.get('end', end)}",
        "bill_invoice_id": "2026100001",
        "bill_invoicing_entity": "Amazon Web Services, Inc.",
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "bill_payer_account_id": PAYER,
        "bill_billing_period_start_date": "2026-10-01T00:00:00Z",
        "bill_billing_period_end_date": "2026-11-01T00:00:00Z",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": more.pop("start", start),
        "line_item_usage_end_date": more.pop("end", end),
        "line_item_product_code": code,
        "line_item_usage_type": usage_type,
        "line_item_operation": None,
        "line_item_availability_zone": None,
        "line_item_resource_id": None,
        "line_item_usage_amount": quantity,
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": None,
        "line_item_unblended_cost": cost,
        "line_item_line_item_description": None,
        "line_item_tax_type": None,
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "product": {},
        "product_servicecode": code,
        "product_sku": None,
        "product_region_code": "us-east-1",
        "product_product_family": None,
        "product_instance_type": None,
        "pricing_rate_code": None,
        "pricing_rate_id": None,
        "pricing_unit": None,
        "pricing_term": "OnDemand",
        "pricing_public_on_demand_cost": cost,
        "pricing_public_on_demand_rate": None,
        "reservation_effective_cost": "0.0",
        "savings_plan_savings_plan_a_r_n": None,
        "savings_plan_savings_plan_rate": None,
        "savings_plan_savings_plan_effective_cost": "0.0",
        "savings_plan_total_commitment_to_date": "0.0",
        "savings_plan_used_commitment": "0.0",
        "resource_tags": {},
        "cost_category": {},
    }
    assert not more.keys() - line.keys(), more
    return line | more


def bill() -> list[Line]:
    """The bill: every kind of line that readers treat differently, in scope and out of it.

    In scope 0.3 + 0.48 + 0.1587 + 0.0017305414 + 1.1 - 1.1 + 0.9 - 0.1 + 0.02 + 0.163 dollars.
    """
    host = {
        "line_item_operation": "RunInstance",
        "line_item_resource_id": ENDPOINT,
        "line_item_usage_account_id": ZERO,
        "line_item_unblended_rate": "0.2300000000",
        "product": SAGEMAKER | {"region": "us-east-1"},
        "product_sku": "H0STM5XLARGE0001",
        "product_product_family": "ML Instance",
        "product_instance_type": "ml.m5.xlarge",
        "pricing_rate_code": "H0STM5XLARGE0001.JRTCKXETXF.6YS6EN2CT7",
        "pricing_rate_id": "987654321",
        "pricing_unit": "Hrs",
        "pricing_public_on_demand_rate": "0.2300000000",
    }
    nova = {
        "line_item_operation": "InvokeModelInference",
        "line_item_resource_id": NOVA,
        "product": BEDROCK
        | {"provider": "Amazon", "model": "Nova Lite", "feature": "On-demand Inference"},
        "product_product_family": "Amazon Bedrock",
        "pricing_unit": "1K tokens",
        "resource_tags": TAGS,
        "cost_category": {"team": "Suche & Ähnliches"},
    }
    month = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}
    return [
        usage(
            1, "AmazonBedrock", "USE1-NovaLite-input-tokens", "5000.0", "0.3",
            line_item_unblended_rate="0.0000600000", pricing_public_on_demand_rate="0.0000600000",
            product_sku="N0VALITEINPUT001", pricing_rate_id="123456789",
            pricing_rate_code="N0VALITEINPUT001.JRTCKXETXF.6YS6EN2CT7", **nova,
            line_item_line_item_description='$0.06 per 1M input tokens, "Nova Lite"',
        ),
        usage(  # billed twice its rate
            2, "AmazonBedrock", "USE1-NovaLite-output-tokens", "1000.0", "0.48",
            line_item_unblended_rate="0.0002400000", pricing_public_on_demand_rate="0.0002400000",
            product_sku="N0VALITEOUTPUT01", pricing_public_on_demand_cost="0.24", **nova,
            pricing_rate_code="N0VALITEOUTPUT01.JRTCKXETXF.6YS6EN2CT7",
        ),
        usage(
            3, "4a524th30q694o538qndh9ucht", "USE1-MP:USE1_InputTokenCount-Units", "0.02645",
            "0.1587", bill_billing_entity="AWS Marketplace", line_item_operation="Usage",
            bill_invoicing_entity="Anthropic", line_item_unblended_rate="6.0000000000",
            line_item_legal_entity="Amazon Web Services, Inc.", pricing_unit="Units",
            line_item_line_item_description="AWS Marketplace software usage|us-east-1|Million "
            "Input Tokens", product={"product_name": CLAUDE, "region": "us-east-1"},
            product_servicecode=None, pricing_public_on_demand_cost="0.0",
        ),
        usage(
            4, "AmazonSageMaker", "USE1-Host:ml.m5.xlarge", "0.0075240929465908634",
            "0.0017305414", **host,
        ),
        usage(
            5, "AmazonSageMaker", "USE1-Train:ml.m5.xlarge", "5.0", "1.1",
            **host | {"line_item_line_item_type": "SavingsPlanCoveredUsage",
            "line_item_unblended_rate": "0.2200000000", "savings_plan_savings_plan_a_r_n": PLAN,
            "pricing_public_on_demand_rate": "0.2200000000", "pricing_term": None,
            "savings_plan_savings_plan_rate": "0.18", "product_sku": "TRA1NM5XLARGE001",
            "pricing_rate_code": None, "savings_plan_savings_plan_effective_cost": "0.9"},
        ),
        usage(
            5, "AmazonSageMaker", "USE1-Train:ml.m5.xlarge", "5.0", "-1.1",
            **host | {"line_item_line_item_type": "SavingsPlanNegation",
            "line_item_unblended_rate": "0.2200000000", "savings_plan_savings_plan_a_r_n": PLAN,
            "pricing_public_on_demand_rate": None, "pricing_term": None,
            "identity_line_item_id": "line05negation", "pricing_public_on_demand_cost": "0.0",
            "product_sku": "TRA1NM5XLARGE001", "pricing_rate_code": None},
        ),
        usage(
            6, "MachineLearningSavingsPlans", "MachineLearningSP:1yrNoUpfront", "1.0", "0.9",
            line_item_line_item_type="SavingsPlanRecurringFee", line_item_unblended_rate="0.9",
            savings_plan_savings_plan_a_r_n=PLAN, savings_plan_total_commitment_to_date="0.9",
            product={"product_name": "Savings Plans for Machine Learning"},
            product_region_code=None,
            savings_plan_used_commitment="0.9", pricing_public_on_demand_cost="0.0",
        ),
        usage(
            7, "AmazonBedrock", "USE1-NovaLite-input-tokens", "0.0", "-0.1", product=BEDROCK,
            line_item_line_item_type="Credit", pricing_term=None, bill_invoice_id=None,
            line_item_line_item_description="AWS credit, line 1\nline 2",
        ),
        usage(  # in scope by its ARN alone
            8, "AWSDataTransfer", "USE1-DataTransfer-Out-Bytes", "0.25", "0.02",
            line_item_resource_id=ENDPOINT, pricing_unit="GB", line_item_unblended_rate="0.08",
            product={"product_name": "AWS Data Transfer"},
        ),
        usage(
            9, "AmazonBedrock", "", "1.0", "0.163", line_item_line_item_type="Tax", **month,
            line_item_tax_type="VAT", product=BEDROCK, line_item_line_item_description="VAT 19%",
            pricing_term=None, line_item_unblended_rate="",
        ),
        usage(
            10, "AmazonEC2", "BoxUsage:t3.micro", "9.6E-5", "9.984E-7",
            line_item_unblended_rate="0.0104000000", pricing_unit="Hrs", resource_tags=TAGS,
            product={"product_name": "Amazon Elastic Compute Cloud"},
        ),
        usage(  # a bucket may have any name
            11, "AmazonS3", "Requests-Tier1", "1.0", "1.3E-9", pricing_unit="Requests",
            line_item_resource_id="my-bedrock-bucket", product={"product_name": "Amazon S3"},
        ),
    ]  # fmt: skip


# --- CUR 2.0


def columns(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line))


def cur2_rows(lines: Sequence[Line]) -> list[dict[str, str]]:
    """Write the cells of a CUR 2.0 CSV: maps as JSON, times with milliseconds."""
    return [{name: _cell(name, line.get(name)) for name in columns(lines)} for line in lines]


def _cell(name: str, value: object) -> str:
    if name in MAPS and isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if value is None:
        return ""
    return re.sub("Z$", ".000Z", str(value)) if name in TIMES else str(value)


def cur2_table(lines: Sequence[Line]) -> pa.Table:
    """Make the Parquet of CUR 2.0: maps, timestamps, doubles, and rates as text."""
    return _table(lines, lambda name: pa.map_(pa.string(), pa.string()) if name in MAPS else None)


def _table(lines: Sequence[Line], special: object = None) -> pa.Table:
    arrays = {}
    for name in columns(lines):
        kind = special(name) if callable(special) else None
        values = [line.get(name) for line in lines]
        arrays[name] = array(name, values, kind)
    return pa.table(arrays)


def array(name: str, values: Sequence[object], kind: pa.DataType | None = None) -> pa.Array:
    """Make one Parquet column, in AWS's type for it unless another is given."""
    if kind is None and name in TIMES:
        kind = pa.timestamp("ms")
    if kind is None and name in DOUBLES:
        kind = pa.float64()
    if kind is not None and pa.types.is_timestamp(kind):
        return pa.array([_time(value) for value in values], kind)
    if kind is not None and pa.types.is_floating(kind):
        return pa.array(
            [None if value in {None, ""} else float(str(value)) for value in values], kind
        )
    if kind is not None and pa.types.is_decimal(kind):
        return pa.array([None if v in {None, ""} else Decimal(str(v)) for v in values], kind)
    if kind is not None and pa.types.is_map(kind):
        return pa.array([None if v is None else list(v.items()) for v in values], kind)
    if kind is not None and pa.types.is_integer(kind):
        return pa.array([None if v is None else int(str(v)) for v in values], kind)
    return pa.array([None if v is None else str(v) for v in values], kind or pa.string())


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)).replace(tzinfo=None) if value else None


# --- Legacy CUR

_CATEGORIES = {
    "identity": "identity",
    "bill": "bill",
    "line_item": "lineItem",
    "pricing": "pricing",
    "reservation": "reservation",
    "savings_plan": "savingsPlan",
}
_NAMES = {
    "pricing_unit": "pricing/unit",
    "pricing_term": "pricing/term",
    "pricing_public_on_demand_cost": "pricing/publicOnDemandCost",
    "pricing_public_on_demand_rate": "pricing/publicOnDemandRate",
    "savings_plan_savings_plan_a_r_n": "savingsPlan/SavingsPlanARN",
    "product_servicecode": "product/servicecode",
    "product_sku": "product/sku",
    "product_region_code": "product/regionCode",
    "product_product_family": "product/productFamily",
    "product_instance_type": "product/instanceType",
}
_PRODUCT = {"product_name": "product/ProductName"}
_TAGS = {
    "user_team": "resourceTags/user:Team",
    "user_cost_center": "resourceTags/user:CostCenter",
}


def legacy_name(column: str) -> str:
    """Turn a CUR 2.0 column into the legacy report's: line_item_usage_type, lineItem/UsageType."""
    if column in _NAMES:
        return _NAMES[column]
    start = next(one for one in _CATEGORIES if column.startswith(one + "_"))
    words = column.removeprefix(start + "_").split("_")
    return f"{_CATEGORIES[start]}/{''.join(word.capitalize() for word in words)}"


def legacy_rows(lines: Sequence[Line]) -> list[dict[str, str]]:
    """Write the cells of a legacy CSV: each key of a map is a column of its own."""
    rows = []
    for line in lines:
        row: dict[str, str] = {}
        for name, value in line.items():
            if isinstance(value, Mapping):
                row |= {_flat(name, key): cell for key, cell in value.items()}
            elif name not in MAPS:
                row[legacy_name(name)] = _cell(name, value)
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name, "") for name in names} for row in rows]


def _flat(column: str, key: str) -> str:
    if column == "product":
        return _PRODUCT.get(key, f"product/{key}")
    return _TAGS[key] if column == "resource_tags" else f"costCategory/{key}"


def athena(name: str) -> str:
    """Spell a legacy column as Athena and Parquet do."""
    category, _, rest = name.partition("/")
    snake = re.sub("([A-Z])", r"_\1", category) + "_" + re.sub("([A-Z])", r"_\1", rest)
    return re.sub("_+", "_", re.sub("[^a-z0-9]", "_", snake.lower())).strip("_")


def athena_rows(lines: Sequence[Line]) -> list[dict[str, str]]:
    return [{athena(name): cell for name, cell in row.items()} for row in legacy_rows(lines)]


def legacy_table(lines: Sequence[Line]) -> pa.Table:
    """Make the Parquet of a legacy report: empty texts stay empty texts, as in real ones."""
    rows = athena_rows(lines)
    arrays = {}
    for name in rows[0]:
        values: list[object] = [row[name] for row in rows]
        arrays[name] = array(name, values)
    return pa.table(arrays)


# --- FOCUS


def focus_lines(lines: Sequence[Line], version: str) -> list[Line]:
    """Turn CUR lines into FOCUS ones: a plan's usage costs 0, and negations do not exist."""
    return [
        _focus(line, version)
        for line in lines
        if line["line_item_line_item_type"] != "SavingsPlanNegation"
    ]


_CHARGES = {
    "Usage": ("Usage", "Usage-Based"),
    "SavingsPlanCoveredUsage": ("Usage", "Usage-Based"),
    "SavingsPlanRecurringFee": ("Purchase", "Recurring"),
    "Credit": ("Credit", "One-Time"),
    "Tax": ("Tax", "Recurring"),
}


def _focus(line: Line, version: str) -> Line:
    kind = str(line["line_item_line_item_type"])
    covered = kind == "SavingsPlanCoveredUsage"
    category, frequency = _CHARGES[kind]
    market = line["bill_billing_entity"] == "AWS Marketplace"
    product = line["product"]
    assert isinstance(product, dict)
    focus: Line = {
        "AvailabilityZone": line["line_item_availability_zone"],
        "BilledCost": "0.0" if covered else line["line_item_unblended_cost"],
        "BillingAccountId": line["bill_payer_account_id"],
        "BillingCurrency": "USD",
        "BillingPeriodEnd": line["bill_billing_period_end_date"],
        "BillingPeriodStart": line["bill_billing_period_start_date"],
        "ChargeCategory": category,
        "ChargeClass": None,
        "ChargeDescription": line["line_item_line_item_description"],
        "ChargeFrequency": frequency,
        "ChargePeriodEnd": line["line_item_usage_end_date"],
        "ChargePeriodStart": line["line_item_usage_start_date"],
        "CommitmentDiscountId": line["savings_plan_savings_plan_a_r_n"],
        "CommitmentDiscountStatus": "Used" if covered else None,
        "ConsumedQuantity": line["line_item_usage_amount"],
        "ConsumedUnit": line["pricing_unit"],
        "ContractedCost": line["line_item_unblended_cost"],
        "ContractedUnitPrice": line["line_item_unblended_rate"] or None,
        "EffectiveCost": line["savings_plan_savings_plan_effective_cost"]
        if covered
        else line["line_item_unblended_cost"],
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": line["line_item_unblended_cost" if market else "pricing_public_on_demand_cost"],
        "ListUnitPrice": line[
            f"{'line_item_unblended' if market else 'pricing_public_on_demand'}_rate"
        ],
        "PricingCategory": "Committed" if covered else "Standard",
        "PricingQuantity": line["line_item_usage_amount"],
        "PricingUnit": line["pricing_unit"],
        "ProviderName": "AWS",
        "PublisherName": "Anthropic" if market else "Amazon Web Services, Inc.",
        "RegionId": line["product_region_code"],
        "ResourceId": line["line_item_resource_id"],
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": product.get("product_name"),
        "SkuId": line["product_sku"],
        "SkuPriceId": line["pricing_rate_code"],
        "SubAccountId": line["line_item_usage_account_id"],
        "Tags": line["resource_tags"],
        "x_Discounts": {},
        "x_Operation": line["line_item_operation"],
        "x_ServiceCode": line["line_item_product_code"],
    }
    if version == "1.0":
        focus["x_CostCategories"] = line["cost_category"]
        focus["x_UsageType"] = line["line_item_usage_type"] or None
    else:
        details = {"InstanceType": line["product_instance_type"]}
        focus["InvoiceId"] = line["bill_invoice_id"]
        focus["SkuMeter"] = line["line_item_usage_type"] or None
        focus["SkuPriceDetails"] = {key: one for key, one in details.items() if one}
    return dict(sorted(focus.items()))


FOCUS_MAPS = {"Tags", "SkuPriceDetails", "x_CostCategories"}
FOCUS_TIMES = {"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"}
FOCUS_DOUBLES = {
    "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
    "ListCost", "ListUnitPrice", "PricingQuantity",
}  # fmt: skip


def focus_rows(lines: Sequence[Line], version: str) -> list[dict[str, str]]:
    """Write the cells of a FOCUS CSV."""
    rows = []
    for line in focus_lines(lines, version):
        row = {}
        for name, value in line.items():
            cell = _cell("product" if isinstance(value, Mapping) else name, value)
            row[name] = re.sub("Z$", ".000Z", cell) if name in FOCUS_TIMES else cell
        rows.append(row)
    return rows


def focus_table(lines: Sequence[Line], version: str) -> pa.Table:
    """Make the Parquet of a FOCUS export."""
    focus = focus_lines(lines, version)

    def kind(name: str) -> pa.DataType | None:
        if name in FOCUS_MAPS:
            return pa.map_(pa.string(), pa.string())
        if name == "x_Discounts":
            return pa.map_(pa.string(), pa.float64())
        if name in FOCUS_TIMES:
            return pa.timestamp("ms")
        return pa.float64() if name in FOCUS_DOUBLES else None

    return _table(focus, kind)


# --- Files


def write_csv(path: Path, rows: Sequence[Mapping[str, str]], **how: object) -> Path:
    """Write rows as CSV; `.gz` and `.zip` pack them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = csv_text(rows, **how)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem + ".csv", text)
    else:
        path.write_text(text, "utf-8", newline="")
    return path


def csv_text(rows: Sequence[Mapping[str, str]], **how: object) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, **{"lineterminator": "\n", **how})
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


def write_parquet(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy", store_schema=False)
    return path


def write_all(folder: Path, lines: Sequence[Line] | None = None) -> list[Path]:
    """Write the bill in every format; return the files."""
    lines = lines or bill()
    return [
        write_csv(folder / "legacy-csv" / "bill.csv", legacy_rows(lines)),
        write_csv(folder / "legacy-athena-csv" / "bill.csv", athena_rows(lines)),
        write_parquet(folder / "legacy-parquet" / "bill.parquet", legacy_table(lines)),
        write_csv(folder / "cur2-csv" / "bill.csv", cur2_rows(lines)),
        write_parquet(folder / "cur2-parquet" / "bill.parquet", cur2_table(lines)),
        *(
            path
            for version in ("1.0", "1.2")
            for path in (
                write_csv(folder / f"focus-{version}-csv" / "bill.csv", focus_rows(lines, version)),
                write_parquet(
                    folder / f"focus-{version}-parquet" / "bill.parquet",
                    focus_table(lines, version),
                ),
            )
        ),
    ]


# --- Reading


@cache
def _empty_ledger() -> bytes:
    """Make the file of an empty ledger, once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "empty.duckdb")
        with ledger.staged(path) as stage:
            stage.publish()
        return path.read_bytes()


class Reading(NamedTuple):
    """What reading a bill gave: its kept lines, notes, and totals of other product codes."""

    lines: list[dict[str, object]]
    notes: list[str]
    others: list[tuple[object, ...]]


def ingested(*paths: Path, services: str = "ai", periods: Sequence[str] = ()) -> Reading:
    """Read bills as `curecon ingest` does, without pricing: the kept lines, and the notes.

    A line has the columns of `lines`, of its charge key and of its tag set; lines come in the order
    of their files.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scratch.duckdb")
        path.write_bytes(_empty_ledger())
        con = ledger._connect(path, read_only=False)
        try:
            con.execute(f"SET temp_directory = '{folder}/temporary'")
            bill = find(paths, periods)
            with Hashes(bill.files) as hashes:
                result = ingest(con, bill, hashes, services=services, periods=periods)
            query = (
                "SELECT l.* EXCLUDE (tag_set_id), k.* EXCLUDE (charge_key_id), "
                "t.* EXCLUDE (tag_set_id), d.period, d.payer_account, d.format "
                "FROM lines AS l JOIN run_keys AS k USING (charge_key_id) "
                "JOIN tag_sets AS t USING (tag_set_id) "
                "JOIN deliveries AS d USING (delivery_id) ORDER BY line"
            )
            names = [row[0] for row in con.execute(f"DESCRIBE {query}").fetchall()]
            rows = con.execute(query).fetchall()
            others = con.execute(
                "SELECT line_item_product_code, lines - in_scope_lines, billed - in_scope_billed "
                "FROM read_totals WHERE lines > in_scope_lines ORDER BY 1"
            ).fetchall()
        finally:
            con.close()
    return Reading([dict(zip(names, row, strict=True)) for row in rows], result.notes, others)


@pytest.fixture
def plain_user():
    """A folder that everybody may use, and a way to be somebody whom permissions bind."""
    folder = Path(tempfile.mkdtemp(prefix="plain-"))
    folder.chmod(0o777)

    @contextmanager
    def unprivileged() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    yield folder, unprivileged
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o777)
    shutil.rmtree(folder)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
