"""What was agreed with AWS: `contract.toml`, DESIGN section 5.

Private rates price before every public source; provisioned model units say how many hours a
provisioned model may bill. Sections that this version reads without applying are named in the
run's notes, so that nobody takes them for checked.
"""

import hashlib
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

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


class Contract(Record):
    """A contract file; sections that are not applied yet are kept as they stand."""

    payer: str | None = None
    currency: str = "USD"
    source: str = "contract"
    private_rate: list[PrivateRate] = []
    provisioned_throughput: list[ProvisionedThroughput] = []
    discount: list[dict[str, Any]] = []
    savings_plan: list[dict[str, Any]] = []
    credit: list[dict[str, Any]] = []
    free_tier: dict[str, Any] = {}
    tax: dict[str, Any] = {}

    def not_applied(self) -> list[str]:
        """Name the sections that stand in the file and that this version does not apply."""
        return [
            name
            for name in ("discount", "savings_plan", "credit", "free_tier", "tax")
            if getattr(self, name)
        ]


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
    schema = {
        "resource": pl.String,
        "model": pl.String,
        "region": pl.String,
        "commitment": pl.String,
        "model_units": pl.Int32,
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
