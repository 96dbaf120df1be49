"""From what is used to the lines of it: hour by hour, at the price of the day."""

import json
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import duckdb
import polars as pl

from curecon import frames
from curecon.simulate import catalogue
from curecon.simulate.world import World

# Percent of the peak: by hour of the local day, and by day of the week from Sunday on.
_DAY = [12, 8, 6, 5, 5, 7, 15, 32, 60, 85, 96, 100, 92, 95, 100, 98, 90, 74, 55, 44, 38, 30, 22, 16]
_WEEK = [30, 94, 100, 100, 98, 90, 36]

_EXACT = {"plan_rate": pl.Decimal(15, 10), "plan_share": pl.Decimal(4, 3)}

# Maps are made once a meter, not once a line.
ATTRIBUTES = """
CREATE OR REPLACE TABLE meters AS
WITH mapped AS (
    SELECT * REPLACE (attributes::JSON::MAP(VARCHAR, VARCHAR) AS attributes) FROM meters
)
SELECT *, map_concat(
    MAP {'product_name': name, 'servicename': name, 'region': region}, attributes) AS product
FROM mapped
"""

LINES = """
CREATE TABLE lines (
    line BIGINT, period DATE, id VARCHAR, starts TIMESTAMP, ends TIMESTAMP, line_type VARCHAR,
    meter INTEGER, account VARCHAR, resource VARCHAR, series INTEGER,
    quantity DECIMAL(22, 10), rate DECIMAL(15, 10), cost DECIMAL(28, 10),
    public_rate DECIMAL(15, 10), public_cost DECIMAL(28, 10), discount DECIMAL(28, 10),
    plan VARCHAR, plan_rate DECIMAL(15, 10), plan_cost DECIMAL(28, 10),
    commitment DECIMAL(28, 10), commitment_used DECIMAL(28, 10), is_billed_twice BOOLEAN,
    code VARCHAR, name VARCHAR, entity VARCHAR, usage_type VARCHAR, operation VARCHAR,
    unit VARCHAR, description VARCHAR, tax_type VARCHAR, bill_type VARCHAR, invoice VARCHAR,
    tags MAP(VARCHAR, VARCHAR)
)
"""

# The units of a quantity are counted in whole steps, so no number is ever a binary fraction.
TRAFFIC = """
INSERT INTO lines BY NAME
WITH hours AS (
    SELECT s.*, m.pattern, m.steps, m.region, r.utc_offset,
        (TIMESTAMP '{first}' + to_hours(s.first_hour + h.hour))::TIMESTAMP AS starts,
        h.hour, hash(s.series, h.hour, {seed}) AS dice
    FROM series AS s
    JOIN meters AS m ON m.meter = s.meter
    JOIN regions AS r ON r.code = m.region
    JOIN range(24 * 366 * 2) AS h(hour) ON h.hour < s.hours
),
shaped AS (
    SELECT *,
        list_extract({day}, 1 + hour(starts + to_hours(utc_offset)))
        * list_extract({week}, 1 + dayofweek(starts + to_hours(utc_offset))) AS shape,
        dayofweek(starts + to_hours(utc_offset)) BETWEEN 1 AND 5
            AND hour(starts + to_hours(utc_offset)) BETWEEN 8 AND 17 AND dice % 5 > 0 AS at_work,
        70 + (dice // 7 % 61)::BIGINT AS noise
    FROM hours
),
counted AS (
    SELECT *,
        CASE pattern
            WHEN 'always' THEN size * steps
            WHEN 'units' THEN size * steps
            WHEN 'once' THEN size
            WHEN 'storage' THEN size
            WHEN 'minutes' THEN size * 5 * (1 + (dice // 11 % 12)::BIGINT)
            WHEN 'office' THEN CASE
                WHEN NOT at_work THEN 0
                WHEN dice % 3 = 0 THEN 600 + (dice // 13 % 2999)::BIGINT
                ELSE steps END
            WHEN 'job' THEN CASE
                WHEN hour = hours - 1 THEN size * (61 + (dice // 13 % 3500)::BIGINT)
                ELSE size * steps END
            ELSE size * scale * noise // 10000 * shape // 10000
        END::BIGINT AS n
    FROM shaped
),
measured AS (
    SELECT c.* EXCLUDE (n, size),
        -- GB for an hour are a part of a month of thirty days.
        CASE WHEN pattern = 'storage' THEN (n * 10000000000 + 360) // 720
             ELSE (n * 10000000000 + steps // 2) // steps END::DECIMAL(19, 0)
            * 0.0000000001::DECIMAL(11, 10) AS quantity
    FROM counted AS c
    WHERE n > 0
)
SELECT q.line_id AS id, q.starts, q.starts + to_hours(1) AS ends, 'Usage' AS line_type, q.meter,
    date_trunc('month', q.starts)::DATE AS period,
    q.account, q.resource, q.series,
    q.quantity::DECIMAL(22, 10) AS quantity,
    p.price AS rate,
    (q.quantity::DECIMAL(22, 10) * p.price)::DECIMAL(28, 10) AS cost,
    CASE WHEN NOT m.marketplace THEN p.list_price END AS public_rate,
    CASE WHEN m.marketplace THEN 0
         ELSE (q.quantity::DECIMAL(22, 10) * p.list_price)::DECIMAL(28, 10) END AS public_cost,
    'Anniversary' AS bill_type,
    m.code, m.name, m.entity, m.usage_type, m.operation, m.unit,
    CASE WHEN m.marketplace THEN 'AWS Marketplace software usage|' || m.region || '|' || m.what
         ELSE '$' || p.price || ' per ' || m.unit || ' for ' || m.what || ' in ' || m.location
    END AS description,
    -- Not everything is tagged.
    CASE WHEN q.series % 5 < 3
         THEN MAP {{'user_team': q.team, 'user_app': q.app}}
         ELSE MAP([]::VARCHAR[], []::VARCHAR[]) END AS tags
FROM measured AS q
JOIN meters AS m ON m.meter = q.meter
JOIN prices AS p ON p.meter = q.meter AND q.starts >= p.starts AND q.starts < p.ends
ORDER BY q.starts, q.series
"""


def create(con: duckdb.DuckDBPyConnection, world: World, prices: pl.DataFrame) -> None:
    """Lay down meters, prices, series and the lines of all usage.

    Args:
        con: an empty database.
        world: who uses what.
        prices: one row a meter and interval: meter, starts, ends, price, list_price.
    """
    locations = {region.code: region.location for region in catalogue.REGIONS}
    offsets = [{"code": r.code, "utc_offset": r.utc_offset} for r in catalogue.REGIONS]
    names = [
        "code",
        "name",
        "offer",
        "region",
        "usage_type",
        "unit",
        "pattern",
        "size",
        "steps",
        "family",
        "operation",
        "entity",
        "marketplace",
        "is_ai",
        "sku",
        "rate_code",
        "what",
        "capability",
        "plan_rate",
        "plan_share",
    ]
    meters = [
        {
            "meter": number,
            **{name: getattr(meter, name) for name in names},
            "location": locations[meter.region],
            "attributes": json.dumps(meter.attributes, sort_keys=True),
        }
        for number, meter in enumerate(world.meters)
    ]
    for name, table in (
        ("regions", pl.DataFrame(offsets)),
        ("meters", pl.DataFrame(meters, schema_overrides=_EXACT)),
        ("prices", prices),
        ("series", pl.DataFrame([one._asdict() for one in world.series])),
    ):
        frames.register(con, "given", table)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        con.unregister("given")
    con.execute(ATTRIBUTES)
    con.execute(LINES)
    con.execute(
        TRAFFIC.format(first=world.months[0].isoformat(), seed=world.seed, day=_DAY, week=_WEEK)
    )


def price_rows(
    world: World, changes: dict[tuple[int, date], Decimal], private: dict[int, Decimal]
) -> pl.DataFrame:
    """One row a meter and interval at one price.

    Args:
        world: the meters, and the months that are billed.
        changes: the list price of a meter from a day on, where it changes.
        private: what was agreed for a meter, in place of the list price.
    """
    rows = []
    for number, meter in enumerate(world.meters):
        steps = {world.months[0]: meter.price}
        steps |= {day: price for (of, day), price in changes.items() if of == number}
        days = [*sorted(steps), world.end + timedelta(days=1)]
        rows += [
            {
                "meter": number,
                "starts": starts,
                "ends": ends,
                "price": private.get(number, steps[starts]),
                "list_price": steps[starts],
            }
            for starts, ends in pairwise(days)
        ]
    price = pl.Decimal(15, 10)
    schema = {
        "meter": pl.Int32(), "starts": pl.Date(), "ends": pl.Date(), "price": price,
        "list_price": price,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)
