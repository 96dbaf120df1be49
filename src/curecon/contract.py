"""What was agreed with AWS: `contract.toml`, DESIGN section 5.

Private rates price before every public source; discounts and credits say which lines must stand on
the bill; savings plans and provisioned model units say what was committed to; the free tier and the
tax say what a bill alone does not.

A contract is read whole or not at all, and everything that is wrong in it is said at once. What
contradicts itself is refused: two rates or two terms of one plan for one day.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from curecon import by_hand, grammar, rates, units
from curecon.by_hand import EVERY_REGION, Amount, Currency, Line, Percent, Price, Region, Regions
from curecon.errors import ContractInvalid
from curecon.models import Record
from curecon.money import plain
from curecon.packaged import folder
from curecon.vocabulary import vocabulary

BYTES_MAX = 16 * 1024 * 1024
_MODEL_UNITS_MAX = 9999
_NEVER = date(9999, 12, 31)


def _service(written: object) -> object:
    """Let `AmazonBedrock` and `Amazon SageMaker` stand for the services that they name."""
    if not isinstance(written, str):
        return written
    return written.lower().replace(" ", "").removeprefix("amazon")


Service = Annotated[Literal["*", "bedrock", "sagemaker"], BeforeValidator(_service)]
Services = Annotated[list[Service], Field(min_length=1)]
Account = Annotated[str, StringConstraints(pattern="^[0-9]{12}$")]
LineType = Literal[
    "EdpDiscount", "PrivateRateDiscount", "BundledDiscount", "Discount", "SppDiscount"
]


class _Agreed(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Timed(_Agreed, by_hand.Consistent):
    starts: date
    ends: date | None = None


class PrivateRate(_Timed):
    """A price of our own for a usage type or for decoded attributes.

    `order` places it among the discounts: one with a lower order is taken of the public cost, one
    with a higher order of what the private rate leaves, where it compounds. No source says which of
    them AWS does, so a contract that gives no order is held to neither.
    """

    select: Annotated[dict[str, Line], Field(min_length=1)]
    regions: Regions = [EVERY_REGION]
    price: Price
    unit: Line
    reference: Line = "private rate"
    order: int | None = None

    @property
    def priced(self) -> dict[str, str]:
        """What is selected, with the model named as charges are, its provider and service."""
        known = grammar.models()
        position = known.find(self.select["model"]) if "model" in self.select else None
        if position is None:
            return self.select
        return {
            **self.select,
            "service": "bedrock",
            "model": known.model[position],
            "provider": known.provider[position],
        }


class ProvisionedThroughput(_Timed):
    """Model units that were bought: of one provisioned model by ARN, or of one model."""

    model: Line
    region: Region
    model_units: Annotated[int, Field(ge=1, le=_MODEL_UNITS_MAX)]
    commitment: Line
    arn: Line | None = None


class Discount(_Timed):
    """A percentage off eligible usage, as an EDP or PPA grants it.

    `base` says whether savings-plan fees earn it too; `marketplace` whether models sold through
    AWS Marketplace do, on which public sources disagree. Discounts apply in their `order`; of two
    that have the same, either may be first. One that `compounds` takes its share of what the
    earlier ones left. `line_type` is the line type that carries it on the bill.
    """

    name: Line
    services: Services = ["*"]
    regions: Regions = [EVERY_REGION]
    marketplace: bool = False
    base: Literal["usage", "usage and plan fees"] = "usage"
    order: int = 1
    compounds: bool = True
    percent: Percent
    line_type: LineType = "EdpDiscount"


class SavingsPlan(_Timed):
    """A commitment: USD an hour, and the rates of the usage types it covers.

    `arn` is the plan's; `id` is the last part of it and will do alone. `recurring` is the hourly
    fee where the plan is paid in part upfront, `upfront` the fee that is paid once. Where `payment`
    is left out, the usage type of each fee tells it.
    """

    arn: Line | None = None
    id: Line | None = None
    hourly_commitment: Price
    payment: Literal["No Upfront", "Partial Upfront", "All Upfront"] | None = None
    recurring: Price | None = None
    upfront: Amount | None = None
    rates: dict[Line, Price] = {}

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[str]:
        """Say that the dates are reversed, or that the plan has two names or none."""
        yield from by_hand.not_after(given)
        if ("arn" in given) == ("id" in given):
            yield "has either `arn` or `id`; write one of them"

    @property
    def plan(self) -> str:
        """The last part of the ARN, by which the plan is told on a bill."""
        return (self.arn or self.id or "").rpartition("/")[2]


class Credit(_Timed):
    """A credit that AWS has promised.

    It is taken off every bill from the month of `starts` on, until it is used up or until `ends`.
    Instalments are several credits, each with its own days, or of its own name.
    """

    name: Line
    amount: Amount
    services: Services = ["*"]
    marketplace: bool = False


class FreeTier(_Agreed):
    """When the free months of the first use began, and for whom."""

    starts: date
    scope: Literal["account", "organisation"]


def _percent_of_share(rate: Decimal) -> Decimal:
    """Read a rate below 1 as a share: no tax on a bill is below one percent."""
    return rate * 100 if rate < 1 else rate


class Tax(_Agreed):
    """The tax on the bill: percent, or a share of 1 (0.19 is 19 %), and what it is taken of."""

    rate: Annotated[Percent, AfterValidator(_percent_of_share)]
    base: Literal["usage", "usage and fees"] = "usage and fees"


class Contract(_Agreed):
    """A contract file."""

    payer: Account | None = None
    currency: Currency = "USD"
    source: Line = "contract"
    private_rate: list[PrivateRate] = []
    provisioned_throughput: list[ProvisionedThroughput] = []
    discount: list[Discount] = []
    savings_plan: list[SavingsPlan] = []
    credit: list[Credit] = []
    free_tier: FreeTier | None = None
    tax: Tax | None = None


_LISTS: dict[str, type[_Agreed]] = {
    "private_rate": PrivateRate,
    "provisioned_throughput": ProvisionedThroughput,
    "discount": Discount,
    "savings_plan": SavingsPlan,
    "credit": Credit,
}
_TABLES: dict[str, type[_Agreed]] = {"free_tier": FreeTier, "tax": Tax}

_REMEDIES = {
    "payer": 'is no account; write its twelve digits in quotes, like "111122223333"',
    "regions": 'is no region code; write one like "us-east-1", or "*" alone for every region',
    "region": 'is no region code; write one like "us-east-1"',
    "currency": 'is no currency code; write one like "USD"',
}


def read(path: Path | None) -> Contract:
    """Read a contract; without a path, the contract that agrees nothing.

    Raises:
        ContractInvalid: the file is missing or breaks the rules; file, table and key are named.
    """
    if path is None:
        return Contract()
    try:
        document = by_hand.table(path, by_hand.content(path, "contract", BYTES_MAX))
    except by_hand.Unreadable as error:
        raise ContractInvalid(str(error)) from error
    place, problems = by_hand.shown(path), []
    found: dict[str, dict[int, Any]] = {name: {} for name in _LISTS}
    single: dict[str, object] = {}
    for name, model in _LISTS.items():
        given = document.pop(name, [])
        if not isinstance(given, list):
            problems.append(f"{place}: `{name}` is no list of tables; write [[{name}]]")
            continue
        found[name], wrong = _records(model, given, f"{place}: {name}")
        problems += wrong
    for name, model in _TABLES.items():
        if name in document:
            single[name], wrong = by_hand.checked(
                model, document.pop(name), f"{place}: {name}", _REMEDIES
            )
            problems += wrong
    head, wrong = by_hand.checked(Contract, document, place, _REMEDIES)
    problems += wrong
    # What is right by itself is held against the rest, whatever else is wrong.
    problems += [f"{place}: {sentence}" for sentence in _contradictions(**found)]
    if problems or head is None:
        shown = problems[: rates.PROBLEMS_SHOWN_MAX]
        if more := len(problems) - len(shown):
            shown.append(f"{place}: ... and {more} more problems")
        raise ContractInvalid("\n".join(shown))
    return head.model_copy(
        update={**{name: [*tables.values()] for name, tables in found.items()}, **single}
    )


def _records(
    model: type[_Agreed], given: Sequence[object], place: str
) -> tuple[dict[int, _Agreed], list[str]]:
    """Return the tables that are right by themselves, by their number, and what is wrong."""
    records, problems = {}, []
    for number, table in enumerate(given, start=1):
        record, wrong = by_hand.checked(model, table, f"{place} {number}", _REMEDIES)
        if record:
            records[number] = record
        problems += wrong
        words = _foreign_words(table) if model is PrivateRate and isinstance(table, dict) else []
        problems += [f"{place} {number}: {said}" for said in words]
    return records, problems


def _contradictions(
    private_rate: dict[int, PrivateRate],
    provisioned_throughput: dict[int, ProvisionedThroughput],
    discount: dict[int, Discount],
    savings_plan: dict[int, SavingsPlan],
    credit: dict[int, Credit],
) -> Iterator[str]:
    """Say what the tables, each right by itself, say twice or against each other."""
    commitments = sorted(vocabulary()["commitment"] or ())
    models = grammar.models()
    for number, units_bought in provisioned_throughput.items():
        if models.find(units_bought.model) is None:
            yield (
                f"provisioned_throughput {number}: `model` is "
                f"{by_hand.short(units_bought.model)!r}, a model that is unknown; "
                f"{by_hand.nearest(units_bought.model, models.model)}"
            )
        if units_bought.commitment not in commitments:
            yield (
                f"provisioned_throughput {number}: `commitment` is "
                f"{by_hand.short(units_bought.commitment)!r}; it is one of {', '.join(commitments)}"
            )
    yield from _overlaps(
        "private_rate",
        private_rate,
        lambda one: tuple(sorted(one.priced.items())),
        "select the same in one region",
        lambda one: one.regions,
    )
    yield from _overlaps("savings_plan", savings_plan, lambda one: one.plan, "are one plan")
    bought = {number: one for number, one in provisioned_throughput.items() if one.arn}
    yield from _overlaps(
        "provisioned_throughput", bought, lambda one: one.arn, "are one provisioned model"
    )
    yield from _same_order(private_rate, discount)
    yield from _more_than_all(discount)
    yield from _overlaps("discount", discount, lambda one: one.name, "have one `name`")
    yield from _overlaps("credit", credit, lambda one: one.name, "have one `name`")


def _same_order(
    private_rate: dict[int, PrivateRate], discount: dict[int, Discount]
) -> Iterator[str]:
    """Say which private rates have the order of a discount, so that neither comes first."""
    named = {one.order: one.name for one in discount.values()}
    for number, rate in private_rate.items():
        if rate.order is not None and rate.order in named:
            yield (
                f"private_rate {number}: `order` {rate.order} is that of the discount "
                f"{by_hand.short(named[rate.order])!r} too; give one of them another, so that the "
                "lower one comes first"
            )


def applies(discount: Discount, service: str, region: str, *, marketplace: bool, fee: bool) -> bool:
    """Say whether a discount is for such a charge, on whatever day."""
    return (
        bool({"*", service} & set(discount.services))
        and bool({"*", region} & set(discount.regions))
        and (discount.marketplace or not marketplace)
        and (not fee or discount.base == "usage and plan fees")
    )


def shares(discounts: Sequence[Discount]) -> Iterator[tuple[Discount, Decimal]]:
    """Return each discount, taken one after the other, with its share of the full cost."""
    left = Decimal(1)
    for one in discounts:
        share = one.percent / 100 * (left if one.compounds else 1)
        left -= share
        yield one, share


def _more_than_all(discount: dict[int, Discount]) -> Iterator[str]:
    """Say where discounts that are in force together take more than there is to pay."""
    regions = sorted({name for one in discount.values() for name in one.regions})
    for number, latest in discount.items():
        day = latest.starts
        beside = [one for one in discount.values() if one.starts <= day < (one.ends or _NEVER)]
        beside.sort(key=lambda one: (one.order, one.name))
        for service, region in product(("bedrock", "sagemaker"), regions):
            kind = {"marketplace": False, "fee": False}
            taken = [one for one in beside if applies(one, service, region, **kind)]
            total = sum((share for _, share in shares(taken)), Decimal(0))
            if latest in taken and total > 1:
                where = "" if region == EVERY_REGION else f" in {region}"
                yield (
                    f"discount {number}: `percent` {latest.percent}: from {day} on the discounts "
                    f"of {service}{where} take {plain(total * 100)} % of a charge; lower one, or "
                    "let it be of what the earlier ones leave (`compounds = true`)"
                )
                break


T = TypeVar("T", bound=_Timed)


def _overlaps(
    name: str,
    tables: dict[int, T],
    same: Callable[[T], Hashable],
    how: str,
    regions: Callable[[T], list[str]] = lambda _: [EVERY_REGION],
) -> Iterator[str]:
    """Say which tables hold beside an earlier one of the same; one pass in the order of time."""
    until: dict[tuple[Hashable, str], tuple[date, int]] = {}
    for number, one in sorted(tables.items(), key=lambda each: each[1].starts):
        what = same(one)
        for region in regions(one):
            beside = "any" if region == EVERY_REGION else region
            before = [until.get((what, place)) for place in (beside, EVERY_REGION)]
            last, other = max(filter(None, before), default=(one.starts, number))
            if last > one.starts:
                yield (
                    f"{name} {number}: overlaps {name} {other}: both {how} on {one.starts}; "
                    "let one end where the other starts"
                )
                break
        for region in (*regions(one), "any"):
            mine = (one.ends or _NEVER, number)
            until[what, region] = max(until.get((what, region), mine), mine)


def _foreign_words(table: dict[str, object]) -> Iterator[str]:
    """Say which words of a private rate's select and unit nothing on a bill could meet.

    The table may be wrong otherwise; what is no text there is left to `by_hand.checked`.
    """
    given, unit = table.get("select"), table.get("unit")
    words = given if isinstance(given, dict) else {}
    select = {name: text for name, text in words.items() if isinstance(text, str)}
    if "usage_type" in select:
        for extra in sorted(set(select) - {"usage_type", "operation"}):
            yield (
                f"`select.{by_hand.short(extra)}` stands beside `usage_type`, which says all; "
                "remove one of them"
            )
        return
    yield from _foreign_attributes(select)
    if isinstance(unit, str) and units.canonical(unit) is None:
        yield (
            f"`unit` {by_hand.short(unit)!r} is unknown; use a name of rates/reference/units.toml"
        )


def _foreign_attributes(select: dict[str, str]) -> Iterator[str]:
    known = vocabulary()
    for name, value in select.items():
        values = known.get(name)
        if name not in known:
            yield (
                f"`select.{by_hand.short(name)}` is unknown; write `usage_type`, or of the "
                f"attributes {', '.join(known)}"
            )
        elif values is not None and value not in values:
            yield (
                f"`select.{name}` is {by_hand.short(value)!r}; "
                f"it is one of {', '.join(sorted(values))}"
            )
    is_known = "model" in select and grammar.models().find(select["model"]) is not None
    told = {"service"} if is_known else set()
    for name in ("service", "capability"):
        if select and name not in select and name not in told:
            yield (
                f"`select.{name}` is missing; every charge has one, so that a rate without it "
                "would never apply"
            )
    if "model" in select:
        yield from _foreign_model(select["model"], select.get("provider"))


def _foreign_model(model: str, provider: str | None) -> Iterator[str]:
    """Say that a model is unknown, or that it is of another provider."""
    models = grammar.models()
    position = models.find(model)
    if position is None:
        if model not in _other_models():
            yield (
                f"`select.model` is {by_hand.short(model)!r}, a model that is unknown; "
                f"{by_hand.nearest(model, models.model)}; of a newer model select the `usage_type`"
            )
        return
    right = models.provider[position]
    if provider is not None and models.providers.get(provider.lower(), provider) != right:
        yield (
            f"`select.provider` is {by_hand.short(provider)!r}, but {models.model[position]} is of "
            f"{right}"
        )


@cache
def _other_models() -> frozenset[str]:
    """Return what the packaged cards call models besides the known ones: imported ones."""
    cards = rates.read_cards([folder("rates")])
    return frozenset(cards["model"].drop_nulls().unique())
