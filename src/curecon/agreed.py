"""What a contract agrees, as rates and as the relations that the steps of the audit join."""

import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path

import polars as pl

from curecon import frames, grammar, rates
from curecon.contract import Contract, Discount, PrivateRate, applies, shares
from curecon.models import RateSource

_NEVER = date(9999, 12, 31)


def private_rates(contract: Contract) -> pl.DataFrame:
    """Return the private rates as rates: one row a rate and region, source_kind `contract`.

    A select on `usage_type` matches AWS's own word; any other selects on decoded attributes.
    """
    rows = [
        _row(contract, rate, number, region)
        for number, rate in enumerate(contract.private_rate, start=1)
        for region in rate.regions
    ]
    texts = ("usage_type", "operation")
    schema = {**rates.schema(), **dict.fromkeys(texts, pl.String())}
    return frames.of_records(rows, schema)


def _row(contract: Contract, rate: PrivateRate, number: int, region: str) -> dict[str, object]:
    return {
        **rate.priced,
        "rate_id": f"contract:{number}:{region}",
        "source_kind": "contract",
        "card": "contract",
        "source": contract.source,
        "reference": rate.reference,
        "region": region,
        "price": rate.price,
        "unit": rate.unit,
        "currency": contract.currency,
        "starts": rate.starts,
        "ends": rate.ends,
        "tier_from": Decimal(0),
        "checked": rate.starts,
        "unconfirmed": False,
    }


def model_units(contract: Contract) -> pl.DataFrame:
    """Return the bought model units: resource (or null), model, region, commitment, dates.

    However the contract spells a model, it is named as charges are.
    """
    known = grammar.models()
    rows = [
        (one.arn, _model(known, one.model), one.region, one.commitment, one.model_units, one.starts,
         one.ends or _NEVER)
        for one in contract.provisioned_throughput
    ]  # fmt: skip
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "resource": pl.String,
        "model": pl.String,
        "region": pl.String,
        "commitment": pl.String,
        "model_units": pl.Int32,
        "starts": pl.Date,
        "ends": pl.Date,
    }
    return frames.of_rows(rows, schema)


def _model(known: grammar.Models, spelling: str) -> str:
    position = known.find(spelling)
    assert position is not None, "a contract of an unknown model is refused"
    return known.model[position]


def discount_shares(contract: Contract) -> pl.DataFrame:
    """Work out which share of a charge each discount takes off.

    Returns:
        One row a line type, service, region (`*` stands for every region that is not named),
        marketplace or not, fee or usage, and interval: named, the discounts it is of; share, of the
        charge at its full cost; other_share, the same where discounts of one `order`, which is to
        say of none, apply the other way round.
    """
    rows: dict[tuple[object, ...], tuple[Decimal, Decimal]] = {}
    names: dict[tuple[object, ...], list[str]] = {}
    for place, discounts in _in_force(contract):
        backwards = [*reversed(discounts)]
        backwards.sort(key=lambda one: one.order)
        other = {one.name: share for one, share in shares(backwards)}
        for one, share in shares(discounts):
            key = (one.line_type, *place)
            before = rows.get(key, (Decimal(0), Decimal(0)))
            rows[key] = (before[0] + share, before[1] + other[one.name])
            names.setdefault(key, []).append(one.name)
    exact = [
        (*place, " and ".join(names[place]), round(one, 10), round(two, 10))
        for place, (one, two) in rows.items()
    ]
    part = pl.Decimal(15, 10)
    return frames.of_rows(
        exact, {**_PLACES, "named": pl.String, "share": part, "other_share": part}
    )


def private_shares(contract: Contract) -> pl.DataFrame:
    """Work out which share each discount takes off a charge whose private rate has an order.

    A private rate takes the difference to the public cost off, at its place among the discounts.

    Returns:
        As `discount_shares`, for usage by rate_id: of_public, of the charge at its public cost, and
        of_private, of the charge at its private rate.
    """
    rows: dict[tuple[object, ...], tuple[Decimal, Decimal]] = {}
    ordered = [
        (at, one) for at, one in enumerate(contract.private_rate, 1) if one.order is not None
    ]
    for (number, rate), (place, discounts) in product(ordered, _in_force(contract)):
        public, private, is_taken = Decimal(1), Decimal(0), False
        for one in discounts:
            if not is_taken and rate.order is not None and rate.order < one.order:
                public, private, is_taken = public - 1, private + 1, True
            part = one.percent / 100
            taken = (part * public, part * private) if one.compounds else (part, Decimal(0))
            public, private = public - taken[0], private - taken[1]
            for region in rate.regions:
                key = (f"contract:{number}:{region}", one.line_type, *place)
                before = rows.get(key, (Decimal(0), Decimal(0)))
                rows[key] = (before[0] + taken[0], before[1] + taken[1])
    exact = [(*place, round(one, 10), round(two, 10)) for place, (one, two) in rows.items()]
    share = pl.Decimal(15, 10)
    schema = {"rate_id": pl.String, **_PLACES, "of_public": share, "of_private": share}
    return frames.of_rows(exact, schema).filter(~pl.col("is_fee"))


_PLACES: dict[str, pl.DataType | type[pl.DataType]] = {
    "line_type": pl.String,
    "service": pl.String,
    "region": pl.String,
    "marketplace": pl.Boolean,
    "is_fee": pl.Boolean,
    "starts": pl.Date,
    "ends": pl.Date,
}


def _in_force(contract: Contract) -> Iterator[tuple[tuple[object, ...], list[Discount]]]:
    """Name every kind of charge and interval, with its discounts in their order."""
    regions = ["*", *sorted(_regions(contract))]
    cuts = sorted({day for one in contract.discount for day in (one.starts, one.ends or _NEVER)})
    ordered = sorted(contract.discount, key=lambda each: (each.order, each.name))
    for cell in product(["bedrock", "sagemaker"], regions, (False, True), (False, True)):
        service, region, marketplace, fee = cell
        mine = [
            one
            for one in ordered
            if applies(one, service, region, marketplace=marketplace, fee=fee)
        ]
        for starts, ends in pairwise(cuts):
            yield (
                (*cell, starts, ends),
                [one for one in mine if one.starts <= starts and (one.ends or _NEVER) >= ends],
            )


def _regions(contract: Contract) -> set[str]:
    return {name for one in contract.discount for name in one.regions if name != "*"}


def plans(contract: Contract) -> pl.DataFrame:
    """Return the savings plans: plan, hourly_commitment, recurring, upfront, assumed, starts, ends.

    `plan` is the last part of the ARN. `recurring` is what an hour's fee line should be, where the
    contract or the payment option tells it: the whole commitment without upfront payment, nothing
    with all upfront. `upfront` is what is paid once, 0 without upfront payment. Where the contract
    says nothing of how a plan is paid, no upfront payment is `assumed`: a fee may say otherwise.
    """
    share = {"No Upfront": Decimal(1), "All Upfront": Decimal(0), "Partial Upfront": None}
    rows = []
    for one in contract.savings_plan:
        recurring, upfront = one.recurring, one.upfront
        assumed = one.payment is None and recurring is None and upfront is None
        payment = "No Upfront" if assumed else one.payment
        part = share[payment] if payment is not None else None
        if recurring is None and part is not None:
            recurring = one.hourly_commitment * part
        if upfront is None and payment == "No Upfront":
            upfront = Decimal(0)
        rows.append(
            (one.plan, one.hourly_commitment, recurring, upfront, assumed, one.starts,
             one.ends or _NEVER)
        )  # fmt: skip
    rate = pl.Decimal(15, 10)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "plan": pl.String,
        "hourly_commitment": rate,
        "recurring": rate,
        "upfront": pl.Decimal(36, 20),
        "assumed": pl.Boolean,
        "starts": pl.Date,
        "ends": pl.Date,
    }
    return frames.of_rows(rows, schema)


def plan_rates(contract: Contract) -> pl.DataFrame:
    """Return the agreed savings-plan rates: plan, usage_type, rate, starts, ends."""
    rows = [
        (one.plan, usage_type, rate, one.starts, one.ends or _NEVER)
        for one in contract.savings_plan
        for usage_type, rate in one.rates.items()
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "plan": pl.String,
        "usage_type": pl.String,
        "rate": pl.Decimal(15, 10),
        "starts": pl.Date,
        "ends": pl.Date,
    }
    return frames.of_rows(rows, schema)


def credits_due(contract: Contract) -> pl.DataFrame:
    """Return the promised credits, one row a service: name, service, amount, dates and more.

    `month` is the first day of the month in which the credit starts.
    """
    rows = [
        (one.name, service, one.amount, one.marketplace, contract.currency, one.starts,
         one.ends or _NEVER, one.starts.replace(day=1))
        for one in contract.credit
        for service in (["*"] if "*" in one.services else dict.fromkeys(one.services))
    ]  # fmt: skip
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "name": pl.String,
        "service": pl.String,
        "amount": pl.Decimal(36, 20),
        "marketplace": pl.Boolean,
        "currency": pl.String,
        "starts": pl.Date,
        "ends": pl.Date,
        "month": pl.Date,
    }
    return frames.of_rows(rows, schema)


def tax(contract: Contract) -> pl.DataFrame:
    """Return the agreed tax, one row or none: rate as a share of the base, with_fees."""
    agreed = contract.tax
    rows = [(agreed.rate / 100, agreed.base == "usage and fees")] if agreed else []
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "rate": pl.Decimal(11, 10),
        "with_fees": pl.Boolean,
    }
    return frames.of_rows(rows, schema)


def sources(contract: Contract, path: Path | None) -> list[RateSource]:
    """Say which contract file was read."""
    if path is None:
        return []
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    count = len(contract.private_rate)
    return [RateSource(name=path.name, source=contract.source, sha256=digest, rates=count)]
