"""What crosses a boundary: the findings, the bridge and the totals that `audit` returns.

Field names are those of `findings.json`; decimals are `Decimal` here and strings in JSON.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from curecon.money import plain

Severity = Literal["error", "warning", "info"]
State = Literal["new", "open", "acknowledged", "disputed", "resolved", "reopened"]
Money = Annotated[Decimal, PlainSerializer(plain, return_type=str, when_used="json")]
Time = Annotated[
    datetime,
    PlainSerializer(lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str, when_used="json"),
]


class Record(BaseModel):
    """A value that is never changed once it is made."""

    # How a value is checked is worked out when the first is made: most commands make few kinds.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RateUsed(Record):
    """The price a finding was judged by: USD for one unit, in force from `starts` to `ends`."""

    source: str
    reference: str
    price: Money
    unit: str
    starts: str | None
    ends: str | None


class Finding(Record):
    """The bill is wrong, or cannot be judged: one check on one kind of charge in one period."""

    id: str
    series_id: str
    check: str
    category: str
    severity: Severity
    owns_difference: bool
    period: str
    payer_account: str
    usage_account: str | None
    region: str | None
    service: str | None
    usage_type: str | None
    operation: str | None
    unit: str | None
    resource: str | None
    quantity: Money | None
    billed: Money
    expected: Money | None
    difference: Money
    currency: str | None
    lines: int
    first_usage: Time | None
    last_usage: Time | None
    reason: str
    primary_id: str | None
    rate: RateUsed | None


class BridgeRow(Record):
    """One component of the way from billed to expected, of one period, payer and currency."""

    period: str
    payer_account: str
    currency: str
    component: str
    billed: Money
    expected: Money
    amount: Money
    lines: int


class Total(Record):
    """What was read and what was priced, of one period, payer and currency.

    `final_lines` and `final_billed` are of the lines that carry an invoice, of every service.
    """

    period: str
    payer_account: str
    currency: str
    lines: int
    billed: Money
    in_scope_lines: int
    in_scope_billed: Money
    expected: Money
    unpriced: Money
    not_repriced: Money
    final_lines: int = 0
    final_billed: Money = Decimal(0)


class DeliveredFile(Record):
    """A file of a delivery, as read."""

    name: str
    sha256: str
    bytes: int
    lines: int


class Finality(Record):
    """How much of a delivery AWS has made final, for one company that invoices; lines in scope.

    A line is final once it carries an invoice. `is_final` leaves out what AWS adds later: credits,
    refunds, fees and tax.
    """

    invoicing_entity: str | None
    currency: str
    lines: int
    final_lines: int
    billed: Money
    final_billed: Money
    is_final: bool


class Delivery(Record):
    """One version of one billing period of one payer."""

    id: str
    period: str
    payer_account: str
    format: str
    final_lines: int
    lines: int
    files: list[DeliveredFile]
    finality: list[Finality] = []


class RateSource(Record):
    """A card, price list or contract that rates were taken from."""

    name: str
    source: str
    sha256: str
    rates: int


class Breakdown(Record):
    """Dollars of one group, by kind.

    `unpriced` by reason and `not_repriced` by line type; `spend` by model and use, `model`,
    `capability`, `account`; `source`, by which rates it was judged; `other`, what is not in scope.
    """

    kind: Literal[
        "unpriced", "not_repriced", "spend", "model", "capability", "account", "source", "other"
    ]
    period: str
    payer_account: str
    currency: str
    service: str | None
    label: str
    billed: Money
    expected: Money
    lines: int


class FindingLine(Record):
    """One line of a finding: as billed, and what it should have been."""

    finding_id: str
    line_item_id: str | None
    usage_start: Time
    usage_end: Time | None
    quantity: Money | None
    billed_rate: Money | None
    billed: Money
    expected: Money


class DailySpend(Record):
    """What usage was billed on one day for one model; null stands for all but the dearest."""

    period: str
    payer_account: str
    currency: str
    day: date
    label: str | None
    billed: Money


class UnusualDay(Record):
    """A day on which something cost, or was used, far more or far less than is usual on it.

    `billed` and `expected` are dollars, or quantities where `measure` is quantity.
    """

    period: str
    payer_account: str
    currency: str
    day: date
    what: str
    name: str
    measure: Literal["cost", "quantity"]
    direction: Literal["rose", "fell"]
    billed: Money
    expected: Money


class Forecast(Record):
    """What a month that still runs will come to, but for tax and credits that are yet to be added.

    `through` is the last day that has usage, and `days_left` counts it and all after it. Nine in
    ten of `tries` earlier forecasts were no further off a day than `low` and `high` are. What is
    null is not known, and `reason` says why.
    """

    period: str
    payer_account: str
    currency: str
    through: date
    days_left: int
    days_known: int
    billed: Money
    low: Money | None
    expected: Money | None
    high: Money | None
    tries: int
    reason: str | None


class ProvisionedDay(Record):
    """The model-unit hours billed for one provisioned model on one day.

    `resource` is null where the bill does not name it, `day` where a line spans several.
    """

    period: str
    payer_account: str
    currency: str
    usage_account: str | None
    resource: str | None
    label: str
    region: str | None
    commitment: str | None
    day: date | None
    hours: Money
    billed: Money


class FindingState(Record):
    """Where a finding stands in its life, and since when, by whom and why.

    `recovered` is what credits have won back of its difference, and `remaining` what they have
    not; `until` and `max_amount` bound an acknowledgement.
    """

    finding_id: str
    series_id: str
    state: State
    since: Time
    who: str
    why: str
    until: date | None = None
    max_amount: Money | None = None
    recovered: Money = Decimal(0)
    remaining: Money


class FindingEvent(Record):
    """One thing that happened to a finding; `finding_id` is null where it holds for the series."""

    at: Time
    event: str
    series_id: str
    finding_id: str | None
    who: str
    why: str
    difference: Money | None
    until: date | None
    max_amount: Money | None


class Run(Record):
    """Provenance: the only part of a result that may differ between two equal runs."""

    id: str
    curecon_version: str
    started: Time
    deliveries: list[Delivery]
    rate_sources: list[RateSource]
    notes: list[str]
    states: list[FindingState] = []


class AuditResult(Record):
    """Everything one audit says; the report and the files of `--out` are made of this alone."""

    schema_version: int = 1
    run: Run
    totals: list[Total]
    bridge: list[BridgeRow]
    findings: list[Finding]
    breakdowns: list[Breakdown]
    days: list[DailySpend] = []
    provisioned: list[ProvisionedDay] = []
    forecasts: list[Forecast] = []
    unusual_days: list[UnusualDay] = []
    finding_lines: list[FindingLine] = []


class RateTaken(RateUsed):
    """The rate an estimate was made by, as its source publishes it."""

    source_kind: str
    region: str | None
    checked: str | None
    unconfirmed: bool


class EstimatedLine(Record):
    """One usage, what it will cost and why; `reason` says why not, where no rate is known.

    `expected` is after the discounts of the contract, and `before_discounts` what the usage line of
    the bill will show; `at_list` is without a contract, null where no public rate is known.
    """

    name: str
    date: str
    region: str
    quantity: Money
    unit: str
    expected: Money | None
    before_discounts: Money | None
    at_list: Money | None
    rate: RateTaken | None
    arithmetic: str | None
    reason: str | None


class Estimate(Record):
    """What the usage of a file will cost; `total` leaves out what could not be priced.

    `before_discounts` and `at_list` are the totals of the lines' own; `at_list` is null where it is
    not known of a line that is priced.
    """

    total: Money
    before_discounts: Money
    at_list: Money | None
    currency: str
    unpriced: int
    lines: list[EstimatedLine]
    notes: list[str]
