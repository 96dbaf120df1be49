"""The columns of FOCUS 1.0 and 1.2, and how AWS tells a line in its terms.

There are no negations and no discount lines: usage that a plan covers is billed at nothing, and
every other cost is less its part of the discount. So the totals are those of the other reports.
"""

from curecon.simulate.columns import DOUBLE, MAP, TEXT, TIME, Chosen

LINES = "l.line_type NOT IN ('SavingsPlanNegation', 'EdpDiscount')"
_COVERED = "l.line_type = 'SavingsPlanCoveredUsage'"
_USAGE = "l.line_type IN ('Usage', 'SavingsPlanCoveredUsage')"
_FEE = "l.line_type = 'SavingsPlanRecurringFee'"
_BILLED = f"""CASE WHEN {_COVERED} AND l.is_billed_twice IS NULL THEN 0
    ELSE l.cost + coalesce(l.discount, 0) END"""
_EFFECTIVE = (
    f"CASE WHEN {_COVERED} THEN l.plan_cost WHEN {_FEE} THEN l.commitment - l.commitment_used"
    " ELSE l.cost + coalesce(l.discount, 0) END"
)
_NO_TEXTS = "MAP([]::VARCHAR[], []::VARCHAR[])"
_CATEGORY = """CASE l.line_type
    WHEN 'Usage' THEN 'Usage' WHEN 'SavingsPlanCoveredUsage' THEN 'Usage' WHEN 'Tax' THEN 'Tax'
    WHEN 'Credit' THEN 'Credit' WHEN 'Refund' THEN 'Adjustment' ELSE 'Purchase' END"""
_SERVICE = """CASE WHEN l.code IN ('AmazonEC2', 'AWSLambda') THEN 'Compute'
    WHEN l.code = 'AmazonS3' THEN 'Storage' WHEN m.is_ai THEN 'AI and Machine Learning'
    ELSE 'Other' END"""
_KIND = (
    "CASE WHEN l.resource LIKE 'arn:%' THEN split_part(split_part(l.resource, ':', 6), '/', 1) END"
)
_LIST_COST = "CASE WHEN m.marketplace THEN l.cost ELSE coalesce(l.public_cost, l.cost) END"
_DISCOUNTS = """CASE WHEN l.discount IS NULL THEN MAP([]::VARCHAR[], []::DOUBLE[])
    ELSE MAP {'EDP': l.discount::DOUBLE} END"""
_REGION = "CASE m.region {regions} END"

# Column, type, what it holds, and the versions that have it.
_BOTH, _OLD, _NEW = ("1.0", "1.2"), ("1.0",), ("1.2",)
_COLUMNS = [
    ("AvailabilityZone", TEXT, "NULL", _BOTH),
    ("BilledCost", DOUBLE, _BILLED, _BOTH),
    ("BillingAccountId", TEXT, "'{payer}'", _BOTH),
    ("BillingAccountName", TEXT, "'payer'", _BOTH),
    ("BillingAccountType", TEXT, "'Billing Account'", _NEW),
    ("BillingCurrency", TEXT, "'USD'", _BOTH),
    ("BillingPeriodEnd", TIME, "(l.period + to_months(1))::TIMESTAMP", _BOTH),
    ("BillingPeriodStart", TIME, "l.period::TIMESTAMP", _BOTH),
    ("ChargeCategory", TEXT, _CATEGORY, _BOTH),
    ("ChargeClass", TEXT, "NULL", _BOTH),
    ("ChargeDescription", TEXT, "l.description", _BOTH),
    ("ChargeFrequency", TEXT,
     f"CASE WHEN {_USAGE} THEN 'Usage-Based' WHEN {_FEE} THEN 'Recurring' ELSE 'One-Time' END",
     _BOTH),
    ("ChargePeriodEnd", TIME, "l.ends", _BOTH),
    ("ChargePeriodStart", TIME, "l.starts", _BOTH),
    ("CommitmentDiscountCategory", TEXT, "CASE WHEN l.plan IS NOT NULL THEN 'Spend' END", _BOTH),
    ("CommitmentDiscountId", TEXT, "l.plan", _BOTH),
    ("CommitmentDiscountName", TEXT, "NULL", _BOTH),
    ("CommitmentDiscountStatus", TEXT, f"CASE WHEN {_COVERED} THEN 'Used' END", _BOTH),
    ("CommitmentDiscountType", TEXT,
     "CASE WHEN l.plan IS NOT NULL THEN 'SageMakerSavingsPlans' END", _BOTH),
    ("ConsumedQuantity", DOUBLE, f"CASE WHEN {_USAGE} THEN l.quantity END", _BOTH),
    ("ConsumedUnit", TEXT, f"CASE WHEN {_USAGE} THEN l.unit END", _BOTH),
    ("ContractedCost", DOUBLE, "l.cost", _BOTH),
    ("ContractedUnitPrice", DOUBLE, "l.rate", _BOTH),
    ("EffectiveCost", DOUBLE, _EFFECTIVE, _BOTH),
    ("InvoiceId", TEXT, "l.invoice", _NEW),
    ("InvoiceIssuerName", TEXT, "'Amazon Web Services, Inc.'", _BOTH),
    ("ListCost", DOUBLE, _LIST_COST, _BOTH),
    ("ListUnitPrice", DOUBLE, "CASE WHEN m.marketplace THEN l.rate ELSE l.public_rate END", _BOTH),
    ("PricingCategory", TEXT,
     f"CASE WHEN {_COVERED} THEN 'Committed' WHEN {_USAGE} THEN 'Standard' END", _BOTH),
    ("PricingCurrency", TEXT, "'USD'", _NEW),
    ("PricingQuantity", DOUBLE, "l.quantity", _BOTH),
    ("PricingUnit", TEXT, "l.unit", _BOTH),
    ("ProviderName", TEXT, "'AWS'", _BOTH),
    ("PublisherName", TEXT, "CASE WHEN l.entity = 'AWS' THEN 'AWS' ELSE l.entity END", _BOTH),
    ("RegionId", TEXT, "m.region", _BOTH),
    ("RegionName", TEXT, _REGION, _BOTH),
    ("ResourceId", TEXT, "l.resource", _BOTH),
    ("ResourceName", TEXT, "NULL", _BOTH),
    ("ResourceType", TEXT, _KIND, _BOTH),
    ("ServiceCategory", TEXT, _SERVICE, _BOTH),
    ("ServiceName", TEXT, "l.name", _BOTH),
    ("SkuId", TEXT, "CASE WHEN NOT m.marketplace THEN m.sku END", _BOTH),
    ("SkuMeter", TEXT, "l.usage_type", _NEW),
    ("SkuPriceDetails", MAP,
     f"coalesce(m.attributes, {_NO_TEXTS})", _NEW),
    ("SkuPriceId", TEXT, "CASE WHEN NOT m.marketplace THEN m.rate_code END", _BOTH),
    ("SubAccountId", TEXT, "l.account", _BOTH),
    ("SubAccountName", TEXT, "'account-' || l.account[-4:]", _BOTH),
    ("SubAccountType", TEXT, "'Member Account'", _NEW),
    ("Tags", MAP, "l.tags", _BOTH),
    ("x_CostCategories", MAP, "MAP {'CostCenter': 'cc-' || l.account[-2:]}", _OLD),
    ("x_Discounts", MAP, _DISCOUNTS, _BOTH),
    ("x_Operation", TEXT, "l.operation", _BOTH),
    ("x_ServiceCode", TEXT, "l.code", _BOTH),
    ("x_UsageType", TEXT, "l.usage_type", _OLD),
]  # fmt: skip


def of_focus(version: str, regions: dict[str, str]) -> list[Chosen]:
    """The columns of a version, in its alphabetical order."""
    named = " ".join(f"WHEN '{code}' THEN '{name}'" for code, name in regions.items())
    return [
        Chosen(name, kind, holds.replace("{regions}", named))
        for name, kind, holds, versions in _COLUMNS
        if version in versions
    ]
