"""A month of one payer: its lines, what was planted in them, what the contract says."""

import random
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .lines import REGIONS, Line, Meter, hours, next_month, rounded, token
from .meters import HUMAN_TASK, OTHER_CODES, instance_name, meter

TYPICAL = (
    ("us-east-1", "us-west-2", "eu-west-1"),
    ("us-east-1", "eu-central-1", "ap-northeast-1"),
    ("us-west-2", "us-east-2"),
    ("us-east-1", "ap-south-1", "eu-west-1"),
)
ACCOUNTS = 4
APPS = {"Lab": "JupyterLab", "Kernel": "KernelGateway", "Code": "CodeEditor"}


@dataclass
class Planted:
    """A mistake: the lines that are wrong, those a finding may name too, and the dollars.

    `dollars` is None where no dollars are decided; `after_discounts` says that discounts which are
    granted later make less of it.
    """

    kind: str
    categories: frozenset[str]
    lines: list[Line]
    allowed: list[Line]
    dollars: Decimal | None
    after_discounts: bool


@dataclass
class Bill:
    """A bill in the making.

    Attributes:
        daily: whether its lines sum up days, and not hours.
        contract: what was agreed, in the words that `contract.write` knows.
        used: the grains in which something is planted, or must not be.
        options: options of the audit, by name.
        net: the discount that shows in the net columns alone.
        extra: meters that only this bill's price list has, by region.
    """

    seed: int
    month: str = "2026-10"
    regions: tuple[str, ...] = ()
    daily: bool = False
    lines: list[Line] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    contract: dict[str, Any] = field(default_factory=dict)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    options: dict[str, str] = field(default_factory=dict)
    net: Decimal | None = None
    discount: Decimal = Decimal(0)
    extra: list[tuple[Meter, str]] = field(default_factory=list)
    invoices: dict[str, str] = field(default_factory=dict)
    streams: int = 0

    def __post_init__(self) -> None:
        """Draw the accounts."""
        self.rng = random.Random(self.seed)  # noqa: S311  # nothing secret is drawn
        self.start = datetime.fromisoformat(f"{self.month}-01")
        self.end = next_month(self.start)
        self.hours = int((self.end - self.start).total_seconds()) // 3600
        self.days = self.hours // 24
        self.regions = self.regions or TYPICAL[self.seed % len(TYPICAL)]
        self.payer = f"{100000000000 + (self.seed * 7919 + 13) % 899999999999}"
        drawn = (str(self.rng.randrange(10**11, 10**12)) for _ in range(ACCOUNTS - 1))
        self.accounts = [self.payer, *drawn]

    def account(self) -> str:
        """Draw an account."""
        return self.rng.choice(self.accounts)

    def region(self) -> str:
        """Draw a region."""
        return self.rng.choice(self.regions)

    def place(self) -> tuple[str, str]:
        """Draw an account and a region."""
        return self.account(), self.region()

    @property
    def span(self) -> int:
        """The hours that a line sums."""
        return 24 if self.daily else 1

    # --- lines of one meter

    def base(self, of: Meter, account: str, region: str, resource: str) -> Line:
        """Return a line without time and quantity, from which others are copied."""
        price, sku = of.price_in(region), of.sku_in(region)
        sold = bool(of.code)
        words = {"product_name": of.product, "region": region, "servicename": of.product}
        for column, said in (("feature", "feature"), ("provider", "provider"), ("model", "model"),
                             ("inference_type", "inferenceType")):  # fmt: skip
            if said in of.attributes:
                words[column] = of.attributes[said]
        self.streams += 1
        location = REGIONS[region].location
        return Line(
            id=token(self.rng),
            start=self.start,
            end=self.end,
            account=account,
            type="Usage",
            code=of.code or of.offer,
            usage_type=of.usage_type(region),
            operation=of.operation or ("InvokeModelInference" if of.model_id else ""),
            region=region,
            resource=resource,
            unit="Units" if sold else of.unit,
            rate=price,
            public_rate=None if sold else price,
            description=f"AWS Marketplace software usage|{region}|{_counted(of.name)}"
            if sold
            else f"${price} per {of.unit} for {of.name} in {location}",
            product=of.product,
            family="" if sold else "ML Instance",
            sku=sku,
            rate_code=f"{sku}.JRTCKXETXF.6YS6EN2CT7",
            entity="AWS Marketplace" if sold else "AWS",
            service="" if sold else of.offer,
            product_map=words,
            term="OnDemand",
            meter=of,
            stream=self.streams,
        )

    def put(self, base: Line, start: datetime, span: float, quantity: Decimal) -> Line:
        """Add a line of so many hours."""
        line = base.copy(start=start, end=start + hours(span))
        line.count(rounded(quantity))
        self.lines.append(line)
        return line

    def at(self, day: int, hour: float = 0) -> datetime:
        """Return a time of the month; where lines are days, its midnight."""
        return self.start + timedelta(days=day, hours=0 if self.daily else hour)

    def of_stream(self, stream: int) -> list[Line]:
        """Return the lines of one usage."""
        return [line for line in self.lines if line.stream == stream]

    def some_days(self) -> list[int]:
        """Draw days of the month."""
        return sorted(self.rng.sample(range(self.days), self.rng.randint(4, 10)))

    def some_hours(self, fewest: int, most: int) -> list[int]:
        """Draw hours of a day; where lines are days, its first."""
        if self.daily:
            return [0]
        return sorted(self.rng.sample(range(24), self.rng.randint(fewest, most)))

    # --- usage

    def tokens(self, of: Meter, region: str = "", scale: float = 1.0, resource: str = "?") -> int:
        """Use tokens in some hours of some days; return the stream."""
        account, region = self.account(), region or self.region()
        million = bool(of.code) or of.unit == "1M tokens"
        if resource == "?":
            model = of.model_id or "model"
            resource = f"arn:aws:bedrock:{region}::foundation-model/{model}"
            if "lobal" in of.name:
                profile = f"inference-profile/global.{model}"
                resource = f"arn:aws:bedrock:{region}:{account}:{profile}"
        base = self.base(of, account, region, resource)
        if of.model_id and self.rng.random() < 0.3:
            base.operation = "InvokeModelStreamingInference"
        renamed = self.rng.random() < 0.5
        for day in self.some_days():
            for hour in self.some_hours(5, 12):
                count = int(self.rng.lognormvariate(12.5, 1.2) * scale) + 1
                if renamed:
                    base.id = token(self.rng)
                quantity = Decimal(count) / (10**6 if million else 1000)
                self.put(base, self.at(day, hour), self.span, quantity)
        return base.stream

    def counts(self, of: Meter, most: int, resource: str = "", fewest: int = 1) -> int:
        """Use whole numbers of something; `resource` is what follows the account in its ARN."""
        account, region = self.place()
        arn = f"arn:aws:bedrock:{region}:{account}:{resource}" if resource else ""
        base = self.base(of, account, region, arn)
        for day in self.some_days():
            for hour in self.some_hours(3, 9):
                quantity = Decimal(self.rng.randint(fewest, most))
                self.put(base, self.at(day, hour), self.span, quantity)
        return base.stream

    def steady(
        self, of: Meter, place: tuple[str, str], resource: str, units: int,
        *, first: int = 0, last: int | None = None,
    ) -> list[Line]:  # fmt: skip
        """Use the same every hour, from the first hour of the month to the last."""
        last = self.hours if last is None else last
        base = self.base(of, *place, resource)
        if not self.daily:
            return [self.put(base, self.start + hours(hour), 1, Decimal(units))
                    for hour in range(first, last)]  # fmt: skip
        found = []
        for day in range(self.days):
            ran = max(0, min(last, (day + 1) * 24) - max(first, day * 24))
            if ran:
                found.append(self.put(base, self.at(day), 24, Decimal(units * ran)))
        return found

    def provisioned(
        self, of: Meter, units: int, place: tuple[str, str] | None = None,
        first: int = 0, last: int | None = None,
    ) -> list[Line]:  # fmt: skip
        """Keep model units of one provisioned model."""
        account, region = place = place or self.place()
        name = f"provisioned-model/{token(self.rng, 12)}"
        arn = f"arn:aws:bedrock:{region}:{account}:{name}"
        return self.steady(of, place, arn, units, first=first, last=last)

    def interactive(self, component: str, instance: str) -> int:
        """Run a notebook or an app, at most as long as the clock runs."""
        account, region = self.place()
        name = "".join(self.rng.choices(string.ascii_lowercase, k=8))
        app = next((kind for word, kind in APPS.items() if word in component), "")
        rest = f"app/d-{token(self.rng, 12)}/{name}/{app}/default"
        if component == "Notebk":
            rest = f"notebook-instance/{name}"
        arn = f"arn:aws:sagemaker:{region}:{account}:{rest}"
        base = self.base(meter(instance_name(component, instance)), account, region, arn)
        for day in sorted(self.rng.sample(range(self.days), self.rng.randint(5, 14))):
            begin, count = self.rng.randint(6, 12), self.rng.randint(3, 9)
            if self.daily:
                seconds = self.rng.randint(count * 3600 - 1800, count * 3600)
                self.put(base, self.at(day), 24, Decimal(seconds) / 3600)
                continue
            for hour in range(begin, begin + count):
                inside = hour not in (begin, begin + count - 1)
                seconds = 3600 if inside else self.rng.randint(60, 3600)
                self.put(base, self.at(day, hour), 1, Decimal(seconds) / 3600)
        return base.stream

    def jobs(self, component: str, instance: str, kind: str) -> int:
        """Run jobs, each a resource of its own, of one or more instances."""
        account, region = self.place()
        of = meter(instance_name(component, instance))
        first = self.streams + 1
        for _ in range(self.rng.randint(8, 25)):
            name = f"{kind}/{token(self.rng, 6)}-{self.rng.randint(1000, 9999)}"
            base = self.base(of, account, region, f"arn:aws:sagemaker:{region}:{account}:{name}")
            base.stream = first
            machines, day = self.rng.choice([1, 1, 1, 2, 4]), self.rng.randrange(self.days)
            left, hour = self.rng.randint(90, 5 * 3600), self.rng.randint(0, 17)
            while left > 0:
                seconds = left if self.daily else min(left, 3600)
                quantity = Decimal(seconds * machines) / 3600
                self.put(base, self.at(day, hour), self.span, quantity)
                left, hour = left - seconds, hour + 1
        return first

    def endpoint(
        self, instance: str, machines: int, first: int, last: int, component: str = "Host"
    ) -> None:
        """Run an endpoint."""
        account, region = place = self.place()
        arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/{token(self.rng, 8)}"
        of = meter(instance_name(component, instance))
        self.steady(of, place, arn, machines, first=first, last=last)

    def volume(self, name: str, gigabytes: int, kind: str) -> None:
        """Keep a volume for eight days."""
        account, region = self.place()
        arn = f"arn:aws:sagemaker:{region}:{account}:{kind}/{token(self.rng, 10)}"
        base = self.base(meter(name), account, region, arn)
        first = self.rng.randint(0, self.days - 8)
        for day in range(first, first + 8):
            self.put(base, self.at(day), 24, Decimal(gigabytes) / self.days)

    def human_tasks(self, most: int, days: int) -> list[Line]:
        """Have people evaluate models on some days."""
        account, region = self.place()
        name = f"flow-definition/eval-{token(self.rng, 6)}"
        base = self.base(
            HUMAN_TASK, account, region, f"arn:aws:sagemaker:{region}:{account}:{name}"
        )
        base.description = "$0.21 per completed human evaluation task"
        for day in sorted(self.rng.sample(range(self.days), days)):
            tasks = Decimal(self.rng.randint(20, most))
            self.put(base, self.at(day, self.rng.randint(8, 18)), self.span, tasks)
        return self.of_stream(base.stream)

    # --- planting

    def plant(
        self,
        kind: str,
        categories: Iterable[str],
        lines: Iterable[Line],
        dollars: Decimal | None,
        allowed: Iterable[Line] = (),
        *,
        after_discounts: bool | None = None,
    ) -> bool:
        """Write down what was planted."""
        wrong = list(lines)
        discounted = all(one.type == "Usage" and one.entity == "AWS" for one in wrong)
        self.planted.append(
            Planted(
                kind=kind,
                categories=frozenset(categories),
                lines=wrong,
                allowed=list(allowed),
                dollars=dollars,
                after_discounts=discounted if after_discounts is None else after_discounts,
            )
        )
        return True

    def pick(self, fits: Callable[[Line], Any], fewest: int = 1) -> list[Line]:
        """Draw the lines of a usage in which nothing is planted yet.

        Raises:
            LookupError: no usage fits.
        """
        usages: dict[tuple[str, ...], list[Line]] = {}
        for line in self.lines:
            grain = (*line.grain, line.operation, line.code)
            usages.setdefault(grain, []).append(line)
        kept = self.options.get("--services") == "all"
        chosen = [
            grain
            for grain, lines in sorted(usages.items())
            if lines[0].grain not in self.used
            and len(lines) >= fewest
            and all(line.type == "Usage" for line in lines)
            and (kept or lines[0].service not in OTHER_CODES)
            and fits(lines[0])
        ]
        if not chosen:
            raise LookupError
        lines = sorted(usages[self.rng.choice(chosen)], key=lambda line: line.start)
        self.used.add(lines[0].grain)
        return lines

    def some(self, lines: list[Line]) -> list[Line]:
        """Draw one, a few or all of the lines."""
        count = self.rng.choice([1, 2, 5, len(lines), len(lines)])
        return self.rng.sample(lines, min(count, len(lines)))

    def free_place(self, *meters: Meter) -> tuple[str, str]:
        """Draw an account and a region that use none of these meters, and keep them."""
        taken = {line.grain for line in self.lines} | self.used
        for _ in range(60):
            account, region = self.place()
            grains = {(account, region, one.usage_type(region)) for one in meters}
            if not grains & taken:
                self.used |= grains
                return account, region
        raise LookupError

    def drop(self, lines: Iterable[Line]) -> None:
        """Take lines off the bill."""
        gone = {id(line) for line in lines}
        self.lines = [line for line in self.lines if id(line) not in gone]

    def finish(self) -> None:
        """Put the lines into an order, and give them invoices or none yet."""
        self.lines.sort(key=lambda line: (line.start, line.id))
        if self.rng.random() < 0.5:
            self.rng.shuffle(self.lines)
        for line in self.lines:
            line.period = line.period or self.start
        if self.rng.random() < 0.6:
            entities = ("AWS", "AWS Marketplace")
            self.invoices = {one: str(self.rng.randrange(10**9, 2 * 10**9)) for one in entities}


def _counted(name: str) -> str:
    """Say what a usage type of the Marketplace counts, as its descriptions do."""
    folded = name.lower()
    for word in ("input", "output"):
        if word in folded:
            return f"Million {word.capitalize()} Tokens"
    return "Units"
