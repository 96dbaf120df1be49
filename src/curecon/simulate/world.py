"""Who uses what, when and how much: drawn from the seed, before any line is written."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from curecon.simulate import catalogue
from curecon.simulate.meters import Meter, ai_meters, other_meters

AI_SHARE = Decimal("0.4")  # of the lines; agreements, taxes and the like come on top of it
TEAMS = ("search", "support", "risk", "research", "marketing", "platform", "finance")
APPS = ("assistant", "triage", "summaries", "ranking", "forecast", "vision", "agents", "pricing")
# Hours with at least one line, of a hundred: of traffic at night nothing may be left.
_WORKDAYS = 5
_RARE = ("HumanEvaluation", "Notebk")
_ACTIVE = {"tokens": 95, "count": 95, "fraction": 95, "office": 30, "job": 100}


class Series(NamedTuple):
    """One meter of one resource of one account over a run of hours."""

    series: int
    meter: int
    account: str
    resource: str
    first_hour: int
    hours: int
    size: int
    scale: int  # how busy this resource is, in percent of a usual one
    team: str
    app: str
    line_id: str


@dataclass
class World:
    """Everything that the seed decides."""

    seed: int
    months: list[date]
    payer: str
    accounts: list[str]
    meters: list[Meter]
    series: list[Series]

    @property
    def end(self) -> date:
        """The first day that is not billed any more."""
        return next_month(self.months[-1])

    @property
    def hours(self) -> int:
        """The hours of all months together."""
        return (self.end - self.months[0]).days * 24


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_up_to(last: date, count: int) -> list[date]:
    """The first days of so many months, of which `last` is the last."""
    months = [last]
    while len(months) < count:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months


def draw(seed: int, lines: int, months: list[date]) -> World:
    """Draw a company: accounts, what they run, and for how long."""
    random = Random(f"curecon {seed}")  # noqa: S311  # a seed is to give the same bill
    numbers = random.sample(range(10**11, 10**12), 49)
    accounts = [str(number) for number in numbers[1 : 13 + min(36, lines // 20_000)]]
    ai = ai_meters()
    world = World(seed, months, str(numbers[0]), accounts, ai + other_meters(), [])
    # A savings plan has a line an hour, whatever else the bill has.
    budget = int((lines - world.hours) * AI_SHARE)
    window = max(8, min(world.hours, budget // 150))
    workloads = _workloads(ai)
    used, turn = 0, 0
    while used < budget:
        place = turn % len(workloads)
        if place == 0:
            random.shuffle(workloads)
        # The first round is at home, so that even a small bill has every kind of charge.
        region = catalogue.REGIONS[0] if turn < len(workloads) else random.choice(catalogue.REGIONS)
        used += _start(world, random, workloads[place][region.code], region, window)
        turn += 1
    return world


def _workloads(meters: list[Meter]) -> list[dict[str, list[int]]]:
    """Meters that one workload uses together, by region."""
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    companions = {"Hst:Data": "Host", "Host:Volume": "Host", "Notebk:Volume": "Notebk"}
    for number, meter in enumerate(meters):
        what = meter.usage_type.split("-", 1)[1]
        head = next((to for start, to in companions.items() if what.startswith(start)), "")
        if meter.pattern == "tokens":
            name = f"{meter.code} {meter.attributes['model']} {meter.capability}"
        elif what.startswith("Guardrail-"):
            name = "guardrail"
        elif head:
            groups[f"{head} companions"][meter.region].append(number)
            continue
        else:
            name = what
        groups[name][meter.region].append(number)
    for name, by_region in groups.items():
        kind = name.split(":")[0]
        if f"{kind} companions" in groups and name != f"{kind} companions":
            for region, numbers in by_region.items():
                numbers.extend(groups[f"{kind} companions"][region])
    names = [name for name in groups if not name.endswith("companions")]
    # What is rare is started twice, so that several accounts have it.
    rare = [name for name in names if name.startswith(_RARE) or "Throughput" in name]
    return [groups[name] for name in [*names, *rare]]


def _start(
    world: World, random: Random, meters: list[int], region: catalogue.Region, window: int
) -> int:
    """Start one workload, and say how many lines it will make at most."""
    app, team, account = random.choice(APPS), random.choice(TEAMS), random.choice(world.accounts)
    identity = f"{random.getrandbits(60):012x}"[:12]
    first_pattern = world.meters[meters[0]].pattern
    hours = max(6, window * random.randint(50, 150) // 100)
    if first_pattern == "job":
        hours = random.randint(2, 14)
    hours = min(hours, world.hours)
    first = random.randint(0, world.hours - hours)
    if first_pattern == "office":
        first = _monday_morning(world, random, hours, region)
    size = {"always": random.randint(1, 3), "job": random.randint(1, 4)}
    scale, lines = random.randint(20, 300), 0
    for number in meters:
        meter = world.meters[number]
        place = len(world.series)
        resource = meter.resource.replace("{region}", region.code).replace("{account}", account)
        world.series.append(
            Series(
                series=place,
                meter=number,
                account=account,
                resource=resource.replace("{id}", identity).replace("{app}", app),
                first_hour=first,
                hours=1 if meter.pattern == "once" else hours,
                size=size.get(meter.pattern, meter.size),
                scale=scale,
                team=team,
                app=app,
                line_id=line_id(world.seed, f"series {place}"),
            )
        )
        lines += world.series[-1].hours * _ACTIVE.get(meter.pattern, 100) // 100
    return lines


def _monday_morning(world: World, random: Random, hours: int, region: catalogue.Region) -> int:
    """An hour at which an office of the region opens."""
    mondays = [
        day * 24 + 8 - region.utc_offset
        for day in range(world.hours // 24)
        if (world.months[0] + timedelta(days=day)).weekday() < _WORKDAYS
    ]
    fitting = [hour for hour in mondays if 0 <= hour <= world.hours - hours]
    return random.choice(fitting) if fitting else 0


def line_id(seed: int, name: str) -> str:
    """Fifty-two characters, as AWS's line item ids have them."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest() * 2
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in digest[:52])
