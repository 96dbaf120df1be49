"""What the company agreed with AWS, and the contract.toml that says so."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

import duckdb

from curecon.simulate.world import World


@dataclass(frozen=True)
class Agreement:
    """Private prices by meter, and the discount on everything that AWS itself sells."""

    private: dict[int, Decimal]


def agree(world: World) -> Agreement:
    """Draw what was agreed: a tenth less on two models that the company uses much."""
    random = Random(f"agreement {world.seed}")  # noqa: S311
    tokens = [
        number
        for number, meter in enumerate(world.meters)
        if meter.code == "AmazonBedrock" and meter.pattern == "tokens" and "Pro" in meter.usage_type
    ]
    regions = sorted({world.meters[number].region for number in tokens})
    region = random.choice(regions[:3])
    return Agreement(
        {
            number: (world.meters[number].price * 9 / 10).quantize(Decimal("0.0000000001"))
            for number in tokens
            if world.meters[number].region == region
        }
    )


def contract(
    con: duckdb.DuckDBPyConnection, world: World, agreed: Agreement, sections: list[str]
) -> str:
    """Write the contract down as TOML, with the sections of plans and discounts."""
    parts = [
        "# A simulated agreement: company and figures are invented.",
        f'payer = "{world.payer}"',
        'currency = "USD"',
        f'source = "simulated agreement, seed {world.seed}"',
    ]
    for number, price in agreed.private.items():
        meter = world.meters[number]
        parts.append(
            "\n[[private_rate]]\n"
            f'select = {{ usage_type = "{meter.usage_type}" }}\n'
            f'regions = ["{meter.region}"]\n'
            f"price = {price:f}\n"
            f'unit = "{meter.unit}"\n'
            f"starts = {world.months[0]}\n"
            f'reference = "schedule 1, line {len(parts) - 3}"'
        )
    units = con.execute(
        "SELECT s.resource, m.region, s.size, m.usage_type, min(l.starts)::DATE,"
        " (max(l.ends) + to_days(1))::DATE"
        " FROM series AS s JOIN meters AS m ON m.meter = s.meter"
        " JOIN lines AS l ON l.series = s.series"
        " WHERE m.pattern = 'units' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for resource, region, size, usage_type, starts, ends in units:
        model = "Nova 2 Lite" if "Nova2.0Lite" in usage_type else "Llama 3.1 70B"
        term = "1 month" if "1month" in usage_type else "none"
        parts.append(
            "\n[[provisioned_throughput]]\n"
            f'arn = "{resource}"\nmodel = "{model}"\nregion = "{region}"\n'
            f'model_units = {size}\ncommitment = "{term}"\nstarts = {starts}\nends = {ends}'
        )
    return "\n".join([*parts, *sections]) + "\n"
