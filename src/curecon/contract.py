"""What was agreed with AWS: `contract.toml`, DESIGN section 5.

Private rates price before every public source; discounts say which discount lines must stand on
the bill; savings plans and provisioned model units say what was committed to. Sections that this
version reads without applying are named in the run's notes, so that nobody takes them for checked.
"""

import hashlib
import tomllib
from datetime import date
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, ValidationError, model_validator

from curecon import rates
from curecon.errors import ContractInvalid
from curecon.models import RateSource, Record

_BYTES_MAX = 16 * 1024 * 1024
_NEVER = date(9999, 12, 31)


class _Timed(Record):
    starts: date
    ends: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "_Timed":
        if self.ends is not None and self.ends <= self.starts:
            raise ValueError("`ends` is exclusive and must come after `starts`")
        return self


class PrivateRate(_Timed):
    """A price of our own for a usage type or for decoded attributes."""

    select: dict[str, str]
    regions: list[str] = Field(default=["*"], min_length=1)
    price: Decimal = Field(ge=0)
    unit: str = Field(min_length=1)
    reference: str = "private rate"


class ProvisionedThroughput(_Timed):
    """Model units that were bought: of one provisioned model by ARN, or of one model."""

    model: str
    region: str
    model_units: int = Field(ge=1)
    commitment: str
    arn: str | None = None


class Discount(_Timed):
    """A percentage off eligible usage, as an EDP or PPA grants it.

    `base` says whether savings-plan fees earn it too; `marketplace` whether models sold through
    AWS Marketplace do, on which public sources disagree. Discounts apply in their `order`; one
    that `compounds` takes its share of what the earlier ones left. `line_type` is the line type
    that carries it on the bill.
    """

    name: str
    services: list[str] = Field(default=["*"], min_length=1)
    regions: list[str] = Field(default=["*"], min_length=1)
    marketplace: bool = False
    base: Literal["usage", "usage and plan fees"] = "usage"
    order: int = 1
    compounds: bool = True
    percent: Decimal = Field(gt=0, le=100)
    line_type: str = "EdpDiscount"


class SavingsPlan(_Timed):
    """A commitment: USD an hour, and the rates of the usage types it covers."""

    arn: str
    hourly_commitment: Decimal = Field(ge=0)
    payment: Literal["No Upfront", "Partial Upfront", "All Upfront"] = "No Upfront"
    rates: dict[str, Decimal] = {}


class Credit(_Timed):
    """A credit that AWS has promised."""

    name: str
    amount: Decimal = Field(gt=0)
    services: list[str] = ["*"]


class FreeTier(Record):
    """When the free months of the first use began, and for whom."""

    starts: date
    scope: Literal["account", "organisation"]


class Tax(Record):
    """The tax on the bill: percent, and what it is taken of."""

    rate: Decimal = Field(ge=0, le=100)
    base: Literal["usage", "usage and fees"] = "usage and fees"


class Contract(Record):
    """A contract file."""

    payer: str | None = None
    currency: str = "USD"
    source: str = "contract"
    private_rate: list[PrivateRate] = []
    provisioned_throughput: list[ProvisionedThroughput] = []
    discount: list[Discount] = []
    savings_plan: list[SavingsPlan] = []
    credit: list[Credit] = []
    free_tier: FreeTier | None = None
    tax: Tax | None = None

    def not_applied(self) -> list[str]:
        """Name the sections that stand in the file and that this version does not apply."""
        return [name for name in ("credit", "free_tier", "tax") if getattr(self, name)]


def read(path: Path | None) -> Contract:
    """Read a contract; without a path, the contract that agrees nothing.

    Raises:
        ContractInvalid: the file is missing or breaks the rules; file and key are named.
    """
    if path is None:
        return Contract()
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise ContractInvalid(f"{path}: too large for a contract")
        content = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
        return Contract.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        raise ContractInvalid(f"{path}: cannot be read ({error})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ContractInvalid(f"{path}: is no TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ContractInvalid(f"{path}: {key}: {first['msg']}") from error


def private_rates(contract: Contract) -> pl.DataFrame:
    """Return the private rates as rates: one row a rate and region, source_kind `contract`.

    A select on `usage_type` matches AWS's own word; any other selects on decoded attributes.

    Raises:
        ContractInvalid: a select names an attribute or a value that is not known.
    """
    allowed = rates.attributes()
    rows: list[dict[str, object]] = []
    for number, rate in enumerate(contract.private_rate, start=1):
        for name, value in rate.select.items():
            values = allowed.get(name)
            known = name in {*allowed, "usage_type", "operation"}
            if not known or (values is not None and value not in values):
                raise ContractInvalid(
                    f"private_rate {number}: select.{name} = {value!r} is not in attributes.toml"
                )
        rows.extend(_row(contract, rate, number, region) for region in rate.regions)
    texts = ("usage_type", "operation")
    schema = {**rates.schema(), **dict.fromkeys(texts, pl.String())}
    return pl.DataFrame(rows, schema=schema)


def _row(contract: Contract, rate: PrivateRate, number: int, region: str) -> dict[str, object]:
    return {
        **rate.select,
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
    """Return the bought model units: resource (or null), model, region, commitment, dates."""
    rows = [
        (one.arn, one.model, one.region, one.commitment, one.model_units, one.starts,
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
    return pl.DataFrame(rows, schema=schema, orient="row")


def discount_shares(contract: Contract) -> pl.DataFrame:
    """Work out which share of a charge each discount takes off.

    Returns:
        One row a line type, service, region (`*` stands for every region that is not named),
        marketplace or not, fee or usage, and interval: share, of the charge at its full cost.
    """
    services = sorted({"bedrock", "sagemaker", *_named(contract, "services")})
    regions = ["*", *sorted(_named(contract, "regions"))]
    cuts = sorted({day for one in contract.discount for day in (one.starts, one.ends or _NEVER)})
    rows: dict[tuple[object, ...], Decimal] = {}
    for cell in product(services, regions, (False, True), (False, True)):
        service, region, marketplace, fee = cell
        for starts, ends in pairwise(cuts):
            left = Decimal(1)
            for one in sorted(contract.discount, key=lambda each: (each.order, each.name)):
                if not _applies(one, service, region, marketplace=marketplace, fee=fee):
                    continue
                if one.starts <= starts and (one.ends or _NEVER) >= ends:
                    share = one.percent / 100 * (left if one.compounds else 1)
                    left -= share
                    place = (one.line_type, service, region, marketplace, fee, starts, ends)
                    rows[place] = rows.get(place, Decimal(0)) + share
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "line_type": pl.String,
        "service": pl.String,
        "region": pl.String,
        "marketplace": pl.Boolean,
        "is_fee": pl.Boolean,
        "starts": pl.Date,
        "ends": pl.Date,
        "share": pl.Decimal(15, 10),
    }
    exact = [(*place, round(share, 10)) for place, share in rows.items()]
    return pl.DataFrame(exact, schema=schema, orient="row")


def _named(contract: Contract, field: str) -> set[str]:
    return {name for one in contract.discount for name in getattr(one, field) if name != "*"}


def _applies(
    discount: Discount, service: str, region: str, *, marketplace: bool, fee: bool
) -> bool:
    return (
        bool({"*", service} & set(discount.services))
        and bool({"*", region} & set(discount.regions))
        and (discount.marketplace or not marketplace)
        and (not fee or discount.base == "usage and plan fees")
    )


def plans(contract: Contract) -> pl.DataFrame:
    """Return the savings plans: plan (ARN), hourly_commitment, recurring, starts, ends.

    `recurring` is what an hour's fee line should be, where the payment option tells it: the whole
    commitment without upfront payment, nothing with all upfront.
    """
    share = {"No Upfront": Decimal(1), "All Upfront": Decimal(0), "Partial Upfront": None}
    rows = []
    for one in contract.savings_plan:
        part = share[one.payment]
        recurring = None if part is None else one.hourly_commitment * part
        rows.append((one.arn, one.hourly_commitment, recurring, one.starts, one.ends or _NEVER))
    rate = pl.Decimal(15, 10)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "plan": pl.String,
        "hourly_commitment": rate,
        "recurring": rate,
        "starts": pl.Date,
        "ends": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def plan_rates(contract: Contract) -> pl.DataFrame:
    """Return the agreed savings-plan rates: plan (ARN), usage_type, rate, starts, ends."""
    rows = [
        (one.arn, usage_type, rate, one.starts, one.ends or _NEVER)
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
    return pl.DataFrame(rows, schema=schema, orient="row")


def sources(contract: Contract, path: Path | None) -> list[RateSource]:
    """Say which contract file was read."""
    if path is None:
        return []
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    count = len(contract.private_rate)
    return [RateSource(name=path.name, source=contract.source, sha256=digest, rates=count)]
