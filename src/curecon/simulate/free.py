"""The free tier: what an organisation that is new to SageMaker has for nothing in its first months.

How AWS shows it is unconfirmed: here, and on bills seen, as usage at a rate of zero. The hour in
which an allowance runs out has two lines, one free and one paid.
"""

import duckdb

from curecon.simulate import catalogue
from curecon.simulate.world import World

GIVEN = """
CREATE OR REPLACE TABLE given AS
WITH running AS (
    SELECT l.rowid AS place, l.quantity, l.public_rate, {allowed}::DECIMAL(22, 10)
        - (sum(l.quantity) OVER (PARTITION BY l.period ORDER BY l.starts, l.series)
           - l.quantity)::DECIMAL(22, 10) AS left_over
    FROM lines AS l
    WHERE substr(l.usage_type, strpos(l.usage_type, '-') + 1) IN ({usage_types})
        AND l.period < DATE '{first}' + to_months({months})
)
SELECT place, least(quantity, left_over)::DECIMAL(22, 10) AS free_quantity
FROM running
WHERE left_over > 0
"""

PAID = """
INSERT INTO lines
SELECT l.* REPLACE (
    md5(l.id || 'paid') || md5(l.id)[:20] AS id,
    (l.quantity - g.free_quantity)::DECIMAL(22, 10) AS quantity,
    ((l.quantity - g.free_quantity)::DECIMAL(22, 10) * l.rate)::DECIMAL(28, 10) AS cost,
    ((l.quantity - g.free_quantity)::DECIMAL(22, 10) * l.public_rate)::DECIMAL(28, 10)
        AS public_cost)
FROM given AS g JOIN lines AS l ON l.rowid = g.place
WHERE g.free_quantity < l.quantity
"""

FREE = """
UPDATE lines SET quantity = g.free_quantity, rate = 0, cost = 0,
    public_cost = (g.free_quantity * public_rate)::DECIMAL(28, 10),
    description = '$0.00 per ' || unit || ' under monthly free tier'
FROM given AS g WHERE g.place = lines.rowid
"""


def give(con: duckdb.DuckDBPyConnection, world: World) -> None:
    """Take every allowance off the bill, in the order of time."""
    for _, usage_types, allowed in catalogue.FREE_TIER:
        told = {
            "allowed": allowed,
            "usage_types": ", ".join(f"'{name}'" for name in usage_types),
            "first": world.months[0].isoformat(),
            "months": catalogue.FREE_MONTHS,
        }
        for statement in (GIVEN, PAID, FREE):
            con.execute(statement.format(**told))
    con.execute("DROP TABLE given")


def toml(world: World) -> str:
    """Write the free tier down as a section of the contract."""
    return f'\n[free_tier]\nstarts = {world.months[0]}\nscope = "organisation"'
