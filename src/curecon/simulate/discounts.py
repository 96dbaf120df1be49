"""The discount of an enterprise agreement: a constant share of what AWS itself sells on demand.

It stands on lines of its own, one a day for each account, usage type and operation, which repeat
the usage type of the charges and have no quantity; the net cost of a charge is less its part.
"""

from decimal import Decimal
from random import Random

import duckdb

from curecon.simulate.world import World

# The parts are differences of rounded sums, so that they add up to the line exactly.
PARTS = """
CREATE TABLE parts AS
WITH eligible AS (
    SELECT l.rowid AS place, l.meter, l.account, l.code, l.operation, l.cost,
        l.period,
        date_trunc('day', l.starts) AS day
    FROM lines AS l JOIN meters AS m ON m.meter = l.meter
    WHERE l.line_type = 'Usage' AND m.is_ai AND NOT m.marketplace AND l.cost <> 0
),
summed AS (
    SELECT *, sum(cost) OVER (
        PARTITION BY account, code, meter, operation, day ORDER BY place
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::DECIMAL(28, 10) AS so_far
    FROM eligible
)
SELECT *, (so_far * {share}::DECIMAL(4, 3))::DECIMAL(28, 10)
    - ((so_far - cost)::DECIMAL(28, 10) * {share}::DECIMAL(4, 3))::DECIMAL(28, 10) AS part
FROM summed
"""

LINES = """
INSERT INTO lines BY NAME
SELECT md5(concat_ws(' ', '{seed} edp', p.account, p.code, p.meter, p.operation))
        || md5(p.account || p.meter)[:20] AS id,
    p.day::TIMESTAMP AS starts, (p.day + to_days(1))::TIMESTAMP AS ends, p.period,
    'EdpDiscount' AS line_type, 'Anniversary' AS bill_type, p.account, p.meter,
    -sum(p.part) AS cost, p.code, m.name, m.entity, m.usage_type, p.operation,
    'Enterprise Discount Program Discount for ' || p.code AS description,
    MAP([]::VARCHAR[], []::VARCHAR[]) AS tags
FROM parts AS p JOIN meters AS m ON m.meter = p.meter
GROUP BY ALL
"""

NET = "UPDATE lines SET discount = -p.part FROM parts AS p WHERE p.place = lines.rowid"


def percent(world: World) -> Decimal:
    """Draw what was agreed."""
    return Decimal(Random(f"discount {world.seed}").choice(["6", "9", "12.5"]))  # noqa: S311


def grant(con: duckdb.DuckDBPyConnection, world: World) -> Decimal:
    """Write the lines of the discount, and say how many percent it has."""
    agreed = percent(world)
    con.execute(PARTS.format(share=agreed / 100))
    con.execute(NET)
    con.execute(LINES.format(seed=world.seed))
    return agreed


def toml(agreed: Decimal, world: World) -> str:
    """Write the discount down as a section of the contract."""
    return (
        '\n[[discount]]\nname = "EDP"\nservices = ["bedrock", "sagemaker"]\nmarketplace = false\n'
        f'base = "usage"\npercent = {agreed}\nstarts = {world.months[0]}'
    )
