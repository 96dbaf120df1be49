"""The columns of the reports, each with what it holds: names, types and order are AWS's."""

import re
from typing import NamedTuple

TEXT, TIME, DOUBLE, MAP = "string", "timestamp", "double", "map"

# Java, which writes AWS's reports, goes to exponents below a thousandth and from ten million on.
JAVA_TEXT = """
CREATE MACRO java_text(x) AS (
    WITH parts AS (
        SELECT CASE WHEN x < 0 THEN '-' ELSE '' END AS sign,
            split_part(abs(x)::VARCHAR, '.', 1) AS whole,
            rtrim(split_part(abs(x)::VARCHAR, '.', 2), '0') AS part
    ),
    digits AS (
        SELECT *, CASE WHEN whole = '0' THEN ltrim(part, '0') ELSE whole || part END AS all_digits,
            CASE WHEN whole = '0' THEN -1 - (length(part) - length(ltrim(part, '0')))
                 ELSE length(whole) - 1 END AS exponent
        FROM parts
    )
    SELECT CASE
        WHEN x IS NULL THEN NULL
        WHEN x = 0 THEN '0.0'
        WHEN exponent BETWEEN -3 AND 6 THEN
            sign || whole || '.' || CASE WHEN part = '' THEN '0' ELSE part END
        ELSE sign || all_digits[1] || '.'
            || CASE WHEN rtrim(all_digits[2:], '0') = '' THEN '0'
                    ELSE rtrim(all_digits[2:], '0') END
            || 'E' || exponent
    END FROM digits
)
"""


class Column(NamedTuple):
    """A column of CUR 2.0 and of the legacy report; a name that is empty is not in that report."""

    cur2: str
    legacy: str
    kind: str
    holds: str
    legacy_holds: str = ""  # where the legacy report has a text in place of a map


_INTERVAL = (
    "concat(strftime(l.starts, '%Y-%m-%dT%H:%M:%SZ'), '/', strftime(l.ends, '%Y-%m-%dT%H:%M:%SZ'))"
)
_NO_TEXTS = "MAP([]::VARCHAR[], []::VARCHAR[])"
_PRODUCT = f"""CASE WHEN m.product IS NOT NULL THEN m.product
    WHEN l.name IS NULL THEN {_NO_TEXTS}
    ELSE MAP {{'product_name': l.name, 'servicename': l.name}} END"""
_EMPTY = "''"
_ZERO = "0::DECIMAL(28, 10)"
_SELLER = "CASE WHEN l.entity = 'AWS' THEN 'Amazon Web Services, Inc.' ELSE l.entity END"
_INSTANCE = "concat_ws('-', m.attributes['instance_name'], m.attributes['component'])"
_TERM = "CASE WHEN l.meter IS NULL THEN '' WHEN l.plan IS NULL THEN 'OnDemand' ELSE '' END"
_NET = "l.cost + coalesce(l.discount, 0)"

# In the order of CUR 2.0, which is the alphabet's.
COLUMNS = [
    Column("bill_bill_type", "bill/BillType", TEXT, "l.bill_type"),
    Column("bill_billing_entity", "bill/BillingEntity", TEXT, "l.entity"),
    Column("bill_billing_period_end_date", "bill/BillingPeriodEndDate", TIME,
           "(l.period + to_months(1))::TIMESTAMP"),
    Column("bill_billing_period_start_date", "bill/BillingPeriodStartDate", TIME,
           "l.period::TIMESTAMP"),
    Column("bill_invoice_id", "bill/InvoiceId", TEXT, "l.invoice"),
    Column("bill_invoicing_entity", "bill/InvoicingEntity", TEXT, "'Amazon Web Services, Inc.'"),
    Column("bill_payer_account_id", "bill/PayerAccountId", TEXT, "'{payer}'"),
    Column("bill_payer_account_name", "", TEXT, "'payer'"),
    Column("cost_category", "costCategory/CostCenter", MAP,
           "MAP {'CostCenter': 'cc-' || l.account[-2:]}", "'cc-' || l.account[-2:]"),
    Column("discount", "", MAP, "MAP([]::VARCHAR[], []::DOUBLE[])"),
    Column("identity_line_item_id", "identity/LineItemId", TEXT, "l.id"),
    Column("identity_time_interval", "identity/TimeInterval", TEXT, _INTERVAL),
    Column("line_item_availability_zone", "lineItem/AvailabilityZone", TEXT, _EMPTY),
    Column("line_item_blended_cost", "lineItem/BlendedCost", DOUBLE, "l.cost"),
    Column("line_item_blended_rate", "lineItem/BlendedRate", TEXT, "coalesce(l.rate::VARCHAR, '')"),
    Column("line_item_currency_code", "lineItem/CurrencyCode", TEXT, "'USD'"),
    Column("line_item_legal_entity", "lineItem/LegalEntity", TEXT, _SELLER),
    Column("line_item_line_item_description", "lineItem/LineItemDescription", TEXT,
           "l.description"),
    Column("line_item_line_item_type", "lineItem/LineItemType", TEXT, "l.line_type"),
    Column("line_item_net_unblended_cost", "lineItem/NetUnblendedCost", DOUBLE, _NET),
    Column("line_item_operation", "lineItem/Operation", TEXT, "l.operation"),
    Column("line_item_product_code", "lineItem/ProductCode", TEXT, "l.code"),
    Column("line_item_resource_id", "lineItem/ResourceId", TEXT, "l.resource"),
    Column("line_item_tax_type", "lineItem/TaxType", TEXT, "l.tax_type"),
    Column("line_item_unblended_cost", "lineItem/UnblendedCost", DOUBLE, "l.cost"),
    Column("line_item_unblended_rate", "lineItem/UnblendedRate", TEXT,
           "coalesce(l.rate::VARCHAR, '')"),
    Column("line_item_usage_account_id", "lineItem/UsageAccountId", TEXT, "l.account"),
    Column("line_item_usage_account_name", "", TEXT, "'account-' || l.account[-4:]"),
    Column("line_item_usage_amount", "lineItem/UsageAmount", DOUBLE, "l.quantity"),
    Column("line_item_usage_end_date", "lineItem/UsageEndDate", TIME, "l.ends"),
    Column("line_item_usage_start_date", "lineItem/UsageStartDate", TIME, "l.starts"),
    Column("line_item_usage_type", "lineItem/UsageType", TEXT, "l.usage_type"),
    Column("pricing_currency", "pricing/currency", TEXT, "'USD'"),
    Column("pricing_public_on_demand_cost", "pricing/publicOnDemandCost", DOUBLE,
           f"coalesce(l.public_cost, {_ZERO})"),
    Column("pricing_public_on_demand_rate", "pricing/publicOnDemandRate", TEXT,
           "coalesce(l.public_rate::VARCHAR, '')"),
    Column("pricing_rate_code", "pricing/RateCode", TEXT,
           "CASE WHEN m.marketplace THEN '' ELSE coalesce(m.rate_code, '') END"),
    Column("pricing_term", "pricing/term", TEXT, _TERM),
    Column("pricing_unit", "pricing/unit", TEXT, "l.unit"),
    Column("product", "", MAP, _PRODUCT),
    Column("", "product/ProductName", TEXT, "l.name"),
    Column("", "product/region", TEXT, "coalesce(m.region, '')"),
    Column("product_instance_type", "product/instanceType", TEXT, _INSTANCE),
    Column("product_product_family", "product/productFamily", TEXT, "coalesce(m.family, '')"),
    Column("product_region_code", "product/regionCode", TEXT, "coalesce(m.region, '')"),
    Column("product_servicecode", "product/servicecode", TEXT,
           "CASE WHEN m.marketplace THEN '' ELSE l.code END"),
    Column("product_sku", "product/sku", TEXT,
           "CASE WHEN m.marketplace THEN '' ELSE coalesce(m.sku, '') END"),
    Column("resource_tags", "resourceTags/user:app", MAP, "l.tags", "l.tags['user_app']"),
    Column("", "resourceTags/user:team", TEXT, "l.tags['user_team']"),
    Column("savings_plan_offering_type", "savingsPlan/OfferingType", TEXT,
           "CASE WHEN l.plan IS NULL THEN '' ELSE 'SageMakerSavingsPlans' END"),
    Column("savings_plan_payment_option", "savingsPlan/PaymentOption", TEXT,
           "CASE WHEN l.plan IS NULL THEN '' ELSE 'No Upfront' END"),
    Column("savings_plan_savings_plan_a_r_n", "savingsPlan/SavingsPlanARN", TEXT, "l.plan"),
    Column("savings_plan_savings_plan_effective_cost", "savingsPlan/SavingsPlanEffectiveCost",
           DOUBLE, f"coalesce(l.plan_cost, {_ZERO})"),
    Column("savings_plan_savings_plan_rate", "savingsPlan/SavingsPlanRate", DOUBLE,
           f"coalesce(l.plan_rate, {_ZERO})"),
    Column("savings_plan_total_commitment_to_date", "savingsPlan/TotalCommitmentToDate", DOUBLE,
           f"coalesce(l.commitment, {_ZERO})"),
    Column("savings_plan_used_commitment", "savingsPlan/UsedCommitment", DOUBLE,
           f"coalesce(l.commitment_used, {_ZERO})"),
]  # fmt: skip


class Chosen(NamedTuple):
    """A column of one report: its name there, its type, and what it holds."""

    name: str
    kind: str
    holds: str


def of_cur2() -> list[Chosen]:
    """The columns of CUR 2.0."""
    return [Chosen(one.cur2, one.kind, one.holds) for one in COLUMNS if one.cur2]


def of_legacy(*, as_csv: bool) -> list[Chosen]:
    """The columns of the legacy report, which Parquet spells in another way."""
    return [
        Chosen(
            one.legacy if as_csv else athena_name(one.legacy),
            TEXT if one.legacy_holds else one.kind,
            one.legacy_holds or one.holds,
        )
        for one in sorted(COLUMNS, key=_category)
        if one.legacy
    ]


def _category(column: Column) -> int:
    """Legacy reports stand in the order of their categories."""
    order = [
        "identity", "bill", "lineItem", "product", "pricing", "savingsPlan", "resourceTags",
        "costCategory", "",
    ]  # fmt: skip
    return order.index(column.legacy.split("/")[0])


def athena_name(name: str) -> str:
    """The name of a legacy column in Parquet (AWS CUR user guide, "Column names")."""
    spaced = re.sub(r"([A-Z])", r"_\1", name).lower()
    return re.sub(r"_+", "_", re.sub(r"[^a-z0-9]", "_", spaced)).strip("_")


def cell(column: Chosen, *, as_csv: bool) -> str:
    """What a delivered cell holds: typed in Parquet, text in CSV."""
    holds = column.holds
    if column.kind == TEXT:
        return f"coalesce({holds}, '')"
    if column.kind == TIME:
        return (
            f"strftime({holds}, '%Y-%m-%dT%H:%M:%S.000Z')" if as_csv else f"{holds}::TIMESTAMP_MS"
        )
    if column.kind == DOUBLE:
        # The double next to the decimal: fifteen digits have room in it.
        exact = f"({holds})::DECIMAL(28, 10)"
        return f"java_text({exact})" if as_csv else f"{exact}::DOUBLE"
    return f"to_json({holds})::VARCHAR" if as_csv else holds
