"""What else a bill has: other services, support, tax, credits and refunds."""

from datetime import date
from decimal import Decimal

import duckdb

from curecon.simulate.world import World, line_id

# A resource of another service is used so long, in a bill of so many of their lines.
SERIES_HOURS, SERIES_HOURS_OF_FEW, FEW = 168, 24, 100_000
TAX_PERCENT = "8.25"

# Every series is one resource over a week of hours of one month.
OTHERS = """
INSERT INTO lines BY NAME
WITH months AS (
    SELECT unnest(range({months})) AS place,
        (DATE '{first}' + to_months(place::INTEGER))::DATE AS period,
        date_diff('hour', period::TIMESTAMP, (period + to_months(1))::TIMESTAMP) AS hours
),
numbered AS (
    SELECT n // {series_hours} AS series, n % {series_hours} AS place,
        hash(n // {series_hours}, {seed}) AS dice, hash(n, {seed}) AS noise
    FROM range({count}) AS numbers(n)
),
placed AS (
    SELECT p.series, p.dice, p.noise, m.period,
        m.period::TIMESTAMP + to_hours(((p.dice % m.hours)::BIGINT + p.place) % m.hours) AS starts,
        {accounts}[1 + (p.dice // 3 % {account_count})::BIGINT] AS account,
        {first_meter} + (p.dice // 7 % {meter_count})::INTEGER AS meter
    FROM numbered AS p JOIN months AS m ON m.place = p.series % {months}
),
measured AS (
    SELECT p.*, k.* EXCLUDE (meter),
        r.price, md5(concat('{seed} other ', p.series)) AS digest,
        (CASE WHEN k.unit = 'Hrs' THEN 10000000000
             ELSE (1 + p.noise % (k.size * 1000))::BIGINT * 1000000000 // k.steps END
            )::DECIMAL(19, 0) * 0.0000000001::DECIMAL(11, 10) AS quantity
    FROM placed AS p
    JOIN meters AS k ON k.meter = p.meter
    JOIN prices AS r ON r.meter = p.meter AND p.starts >= r.starts AND p.starts < r.ends
)
SELECT translate(digest || digest[:20], '0189', 'wxyz') AS id, starts,
    starts + to_hours(1) AS ends, 'Usage' AS line_type, meter, period, account,
    replace(replace(replace({resource}, '{{region}}', region), '{{account}}', account),
        '{{id}}', digest[:17]) AS resource,
    quantity, price AS rate,
    (quantity::DECIMAL(22, 10) * price)::DECIMAL(28, 10) AS cost,
    price AS public_rate, cost AS public_cost, 'Anniversary' AS bill_type,
    code, name, entity, usage_type, operation, unit,
    '$' || price || ' per ' || unit || ' of ' || what AS description,
    MAP([]::VARCHAR[], []::VARCHAR[]) AS tags
FROM measured
"""

# Tax is of what is left after discounts and credits, by account and product, in cents.
TAX = """
INSERT INTO lines BY NAME
WITH taxed AS (
    SELECT period, account, code, any_value(name) AS name, entity, sum(cost) AS base
    FROM lines
    GROUP BY period, account, code, entity
    HAVING sum(cost) > 0
)
SELECT translate(md5(concat_ws(' ', '{seed} tax', period, account, code))
            || md5(account)[:20], '0189', 'wxyz') AS id,
    period, period::TIMESTAMP AS starts, (period + to_months(1))::TIMESTAMP AS ends,
    'Tax' AS line_type, account, 1 AS quantity, code, name, entity, '' AS usage_type,
    round(base::DECIMAL(28, 10) * {percent}::DECIMAL(4, 2) * 0.01::DECIMAL(3, 2), 2) AS cost,
    'Tax for product code ' || code || ' usage type ' AS description, 'USSalesTax' AS tax_type,
    'Anniversary' AS bill_type, MAP([]::VARCHAR[], []::VARCHAR[]) AS tags
FROM taxed
ORDER BY ALL
"""

# A line of the payer as a whole: support, what AWS gives, and what it gives back. Its dollars are a
# share of the charges that it is for, and a credit is for nothing that the Marketplace sells.
_SOLD_BY_AWS = "NOT m.marketplace AND l.code"
PAYER_LINES = [
    # name, line type, bill type, product code, product name, usage type, description, percent
    ("support", "Fee", "Anniversary", "AWSSupportBusiness", "AWS Support (Business)", "Dollar",
     "AWS Support (Business)", "3", "TRUE"),
    ("credit", "Credit", "Anniversary", "AmazonBedrock", "Amazon Bedrock", "",
     "AWS Activate credit for Amazon Bedrock", "-2", f"{_SOLD_BY_AWS} LIKE 'AmazonBedrock%'"),
    ("refund", "Refund", "Refund", "AmazonSageMaker", "Amazon SageMaker", "",
     "Refund for Amazon SageMaker of the month before", "-0.5",
     f"{_SOLD_BY_AWS} = 'AmazonSageMaker'"),
]  # fmt: skip

PAYER_LINE = """
INSERT INTO lines BY NAME
SELECT ? AS id, period, period::TIMESTAMP AS starts, (period + to_months(1))::TIMESTAMP AS ends,
    ? AS line_type, ? AS bill_type, ? AS code, ? AS name, ? AS usage_type, ? AS description,
    round(sum(l.cost)::DECIMAL(28, 10) * ?::DECIMAL(4, 2) * 0.01::DECIMAL(3, 2), 2) AS cost,
    ? AS account, 'AWS' AS entity, MAP([]::VARCHAR[], []::VARCHAR[]) AS tags
FROM lines AS l JOIN meters AS m ON m.meter = l.meter AND m.is_ai
WHERE l.line_type = 'Usage' AND {what}
GROUP BY l.period
"""


def write_others(con: duckdb.DuckDBPyConnection, world: World, count: int) -> None:
    """Write so many lines of other services."""
    meters = [number for number, meter in enumerate(world.meters) if not meter.is_ai]
    resources = " ".join(f"WHEN {n} THEN '{world.meters[n].resource}'" for n in meters)
    con.execute(
        OTHERS.format(
            months=len(world.months),
            first=world.months[0].isoformat(),
            series_hours=SERIES_HOURS_OF_FEW if count < FEW else SERIES_HOURS,
            seed=world.seed,
            count=count,
            accounts=world.accounts,
            account_count=len(world.accounts),
            first_meter=meters[0],
            meter_count=len(meters),
            resource=f"CASE meter {resources} END",
        )
    )


def write_payer_lines(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Write support fees, credits and refunds."""
    for name, line_type, bill_type, *rest, what in PAYER_LINES:
        told = [line_id(world.seed, name), line_type, bill_type, *rest, world.payer]
        con.execute(PAYER_LINE.format(what=what), told)


def write_tax(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Write the tax on everything that is there."""
    con.execute(TAX.format(seed=world.seed, percent=TAX_PERCENT))


def credits_promised(con: duckdb.DuckDBPyConnection) -> list[tuple[date, Decimal]]:
    """The credit of every month, as AWS promises it."""
    return con.execute(
        "SELECT period, -sum(cost)::DECIMAL(28, 2) FROM lines"
        " WHERE line_type = 'Credit' AND usage_type = ''"
        " GROUP BY period ORDER BY period"
    ).fetchall()


def toml(promised: list[tuple[date, Decimal]]) -> str:
    """Write tax and credits down as sections of the contract."""
    credit = "".join(
        f'\n[[credit]]\nname = "Activate {month:%Y-%m}"\namount = {amount}\n'
        f'services = ["bedrock"]\nstarts = {month}\n'
        for month, amount in promised
    )
    return f'{credit}\n[tax]\nrate = {TAX_PERCENT}\nbase = "usage and fees"'
