"""What a bill is made of: meters with a price, and lines that count them."""

import hashlib
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

TEN = Decimal("0.0000000001")
CENT = Decimal("0.01")


class Region(NamedTuple):
    """How usage types and price lists name a region, and what it costs beside Virginia."""

    prefix: str
    location: str
    factor: Decimal


REGIONS = {
    "us-east-1": Region("USE1", "US East (N. Virginia)", Decimal(1)),
    "us-east-2": Region("USE2", "US East (Ohio)", Decimal(1)),
    "us-west-2": Region("USW2", "US West (Oregon)", Decimal(1)),
    "eu-west-1": Region("EU", "EU (Ireland)", Decimal("1.115")),
    "eu-central-1": Region("EUC1", "EU (Frankfurt)", Decimal("1.2")),
    "ap-northeast-1": Region("APN1", "Asia Pacific (Tokyo)", Decimal("1.29")),
    "ap-south-1": Region("APS3", "Asia Pacific (Mumbai)", Decimal("1.05")),
}


def rounded(amount: Decimal) -> Decimal:
    """Round as AWS does: to ten decimals."""
    return amount.quantize(TEN, ROUND_HALF_UP)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def token(rng: random.Random, length: int = 52) -> str:
    """Draw an id as AWS's look."""
    return "".join(rng.choices(string.ascii_lowercase + "234567", k=length))


def sku(*parts: str) -> str:
    """Name a SKU; the same parts have the same one."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return "".join("23456789ABCDEFGHJKMNPQRSTUVWXYZ"[byte % 31] for byte in digest[:16])


def next_month(day: datetime) -> datetime:
    return (day + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, eq=False)
class Meter:
    """Something that AWS counts, and its price.

    Attributes:
        offer: the price list's offer; also the product code, where AWS itself sells it.
        name: the usage type without prefix.
        unit: the unit of the price list.
        price: USD in Virginia.
        product: the product name.
        attributes: what else the price list says of it.
        code: the opaque product code, where the Marketplace sells it.
        regional: whether the price depends on the region.
        listed: whether a price list has it.
    """

    offer: str
    name: str
    unit: str
    price: Decimal
    product: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    operation: str = ""
    regional: bool = False
    listed: bool = True
    model_id: str = ""

    def price_in(self, region: str) -> Decimal:
        """Return USD for one unit."""
        if not self.regional:
            return self.price
        return rounded(self.price * REGIONS[region].factor)

    def usage_type(self, region: str) -> str:
        """Return the usage type as the bill writes it."""
        prefix = REGIONS[region].prefix
        if self.code:
            return f"{prefix}-MP:{prefix}_{self.name}-Units"
        return f"{prefix}-{self.name}"

    def sku_in(self, region: str) -> str:
        """Return the SKU of the region."""
        return sku(self.offer, self.product, self.name, region)


@dataclass
class Line:
    """One line; its fields are named by the columns of CUR."""

    id: str
    start: datetime
    end: datetime
    account: str
    type: str
    code: str
    usage_type: str
    operation: str
    region: str
    resource: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    rate: Decimal | None = None
    cost: Decimal = Decimal(0)
    public_rate: Decimal | None = None
    description: str = ""
    product: str = ""
    family: str = ""
    sku: str = ""
    rate_code: str = ""
    entity: str = "AWS"
    bill_type: str = "Anniversary"
    service: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    product_map: dict[str, str] = field(default_factory=dict)
    plan: str = ""
    plan_rate: Decimal | None = None
    plan_cost: Decimal | None = None
    plan_total: Decimal | None = None
    plan_used: Decimal | None = None
    term: str = ""
    tax_type: str = ""
    period: datetime | None = None
    currency: str = "USD"
    meter: Meter | None = None
    stream: int = -1
    interval: tuple[datetime, datetime] | None = None
    correction: bool = False
    focus: dict[str, Decimal] = field(default_factory=dict)
    """Columns of FOCUS that do not follow from the others."""

    def copy(self, **changed: Any) -> "Line":  # noqa: ANN401  # fields of any type
        """Return another line that differs in what is given."""
        return replace(self, **{"tags": dict(self.tags), "focus": dict(self.focus), **changed})

    @property
    def time_interval(self) -> str:
        """The interval that identifies the line together with its id."""
        begin, end = self.interval or (self.start, self.end)
        return f"{begin:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def grain(self) -> tuple[str, str, str]:
        """Account, region and usage type: one mistake is planted in each at most."""
        return self.account, self.region, self.usage_type

    def bill_at(self, rate: Decimal) -> Decimal:
        """Bill the quantity at a rate; return by how much the cost changes."""
        cost = rounded((self.quantity or Decimal(0)) * rate)
        difference = cost - self.cost
        self.rate, self.cost = rate, cost
        return difference

    def count(self, quantity: Decimal) -> None:
        """Change the quantity, and the cost with it."""
        self.quantity = quantity
        self.cost = rounded(quantity * (self.rate or Decimal(0)))
