"""How well unusual spend is found: precision and recall on generated days with planted anomalies.

    python bench/anomalies.py

writes docs/anomalies.md. The days go into the very SQL that an audit runs, as its relation `daily`.
The same seed makes the same days.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from curecon.engine import make

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "anomalies.md"
FIRST, DAYS = date(2026, 9, 1), 61
PERIOD = (date(2026, 10, 1), date(2026, 11, 1))
BILLS = 40
WEEK = (100, 104, 103, 101, 96, 45, 40)
NEAR = timedelta(days=3)


INTRODUCTION = """\
# Unusual spend, and how often it is found

`spend_rose` and `spend_fell` compare each day with the same weekday of up to four weeks
before, for every service, account, capability, model and usage type, and `quantity_moved`
does so with the quantity of a usage type where its cost stays as it was;
[the rule](../sql/steps/unusual.sql) is one SQL file. They need 15 days of bills in the
ledger, and say nothing otherwise; a level that stays is the new normal after a week.
Each is told once, from the narrowest view that explains it, with its baseline, its
dollars, and the account, model and tag that most of it belongs to; each of its days is
marked in the report. `new_in_bill` tells accounts, regions, models and usage types that
are billed for the first time, after a month of bills. None of them is an error: it may
well be meant.

Generated are 12 streams over two months, with a week's shape, growth, and noise of up to
a tenth, in every third stream up to a third; one stream has a fee on the first of each
month, one runs on Mondays. In each bill one anomaly is planted in October, or none. The
rule was tuned on other bills of the same kind. `python bench/anomalies.py` writes this page.

"""


@dataclass(frozen=True)
class Planted:
    """An anomaly: a kind, a place, and the days that it lasts."""

    kind: str
    account: str
    key: int
    first: date
    last: date


KINDS = {
    # kind: (factor of the daily spend in per cent, days)
    "spike to five times": (500, 1),
    "spike to three times": (300, 1),
    "spike to twice": (200, 1),
    "spike to one and a half": (150, 1),
    "three days at twice": (200, 3),
    "level at twice from a day on": (200, 12),
    "drop to a third": (33, 3),
    "drop to a tenth": (10, 3),
    "drop to nothing": (0, 4),
    "quantity at three times, cost as ever": (300, 1),
}


def bill(seed: int, kind: str | None) -> tuple[list[tuple[object, ...]], Planted | None]:
    """Make the days of a bill of 12 streams, and plant one anomaly or none.

    Streams have the shape of a week, noise of up to a tenth or a third, and growth of up to a
    fifth a month; one has a fee on the first of each month, one runs on Mondays only, one is too
    small to matter.
    """
    drawn = random.Random(f"published {seed} {kind}")  # noqa: S311 - nothing secret is drawn
    planted = None
    streams = [(f"{n % 4:012d}", n, drawn.randrange(40, 400)) for n in range(12)]
    growth = {n: drawn.randrange(0, 20) for n in range(12)}
    if kind is not None:
        account, key, _ = streams[drawn.randrange(3, 12)]
        first = PERIOD[0] + timedelta(days=drawn.randrange(2, 15))
        planted = Planted(kind, account, key, first, first + timedelta(days=KINDS[kind][1] - 1))
    rows = []
    for account, key, level in streams:
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            shape = WEEK[day.weekday()]
            if key == 1:
                shape = 300 if day.weekday() == 0 else 5
            grown = 1000 + growth[key] * number * 1000 // 3000
            cents = level * shape * grown // 1000 * noise(drawn, key) // 1000
            if key == 0 and day.day == 1:
                cents += 500_00
            if key == 2:  # the stream that is too small
                cents //= 400
            used = cents * 10
            if planted and key == planted.key and planted.first <= day <= planted.last:
                used = used * KINDS[planted.kind][0] // 100
                cents = cents if planted.kind.startswith("quantity") else used // 10
            rows.append((account, key, day, Decimal(cents) / 100, Decimal(used)))
    return rows, planted


def noise(drawn: random.Random, key: int) -> int:
    """Return a factor in thousandths; every third stream is restless."""
    return drawn.randrange(670, 1331) if key % 3 == 0 else drawn.randrange(900, 1101)


Told = tuple[str, str, str, str, str, date, date, str]


def found(bills: dict[str, list[tuple[object, ...]]]) -> list[Told]:
    """Run the steps of an audit over bills; return what is told.

    That is: bill, view, name, measure, direction, first and last day, and the sentence.
    """
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE charge_keys AS SELECT range AS charge_key_id, 'USD' AS "
        "line_item_currency_code, CASE WHEN range < 6 THEN 'bedrock' ELSE 'sagemaker' END "
        "AS service, 'on_demand' AS capability, 'Model ' || (range // 2) AS model, "
        "'usage-' || range AS line_item_usage_type FROM range(12)"
    )
    days = pl.DataFrame(
        [(name, *row) for name, rows in bills.items() for row in rows],
        schema=["payer_account", "account", "charge_key_id", "used", "spent", "quantity"],
        orient="row",
    )
    con.register("days", days)
    con.execute(
        "CREATE TABLE daily AS SELECT * REPLACE (CAST(spent AS DECIMAL(38, 20)) AS spent, "
        "CAST(quantity AS DECIMAL(38, 10)) AS quantity), 1 AS lines FROM days"
    )
    con.execute(
        "CREATE TABLE run_deliveries AS SELECT DISTINCT payer_account, "
        "payer_account AS delivery_id, CAST(? AS TIMESTAMP) AS starts, "
        "CAST(? AS TIMESTAMP) AS ends FROM daily",
        list(PERIOD),
    )
    for step in ("streams", "unusual", "anomalies"):
        make(con, "steps", f"{step}.sql")
    return con.execute(
        "SELECT delivery_id, what, name, measure, direction, first_day, last_day, reason "
        "FROM anomalies ORDER BY ALL"
    ).fetchall()


def hits(one: Told, planted: Planted | None) -> bool:
    """Say whether what is told is the planted anomaly: its place, its direction and its days."""
    if planted is None:
        return False
    _, what, name, measure, direction, first, last, _ = one
    places = {
        ("usage type", f"{planted.account} usage-{planted.key}"),
        ("model", f"Model {planted.key // 2}"),
        ("account", planted.account),
    }
    wanted = "fell" if planted.kind.startswith("drop") else "rose"
    return (
        (what, name) in places
        and direction == wanted
        and measure == ("quantity" if planted.kind.startswith("quantity") else "cost")
        and first <= planted.last
        and last >= planted.first
    )


def measured(bills: int = BILLS) -> Iterator[tuple[str, int, int, int]]:
    """Return kind, bills, how many planted anomalies were found, and how many others."""
    made = {(kind, seed): bill(seed, kind) for kind in (None, *KINDS) for seed in range(bills)}
    told: dict[str, list[Told]] = {}
    for one in found({f"{kind} {seed}": rows for (kind, seed), (rows, _) in made.items()}):
        told.setdefault(one[0], []).append(one)
    for kind in (None, *KINDS):
        caught = other = 0
        for seed in range(bills):
            mine = told.get(f"{kind} {seed}", [])
            right = [one for one in mine if hits(one, made[kind, seed][1])]
            caught += bool(right)
            other += len(mine) - len(right)
        yield kind or "nothing", bills, caught, other


def page(results: list[tuple[str, int, int, int]]) -> str:
    """Write the page."""
    planted = [row for row in results if row[0] != "nothing"]
    caught, wanted = sum(row[2] for row in planted), sum(row[1] for row in planted)
    other = sum(row[3] for row in results)
    lines = [
        *INTRODUCTION.splitlines(),
        "| planted | bills | found | told besides |",
        "|---|---:|---:|---:|",
        *(f"| {kind} | {bills} | {hit} | {more} |" for kind, bills, hit, more in results),
        "",
        f"Recall {percent(caught, wanted)}, precision {percent(caught, caught + other)}.",
        "",
    ]
    return "\n".join(lines)


def percent(part: int, whole: int) -> str:
    """Write a share in tenths of a per cent, rounded down."""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(list(measured())), "utf-8")
    print(PAGE.read_text("utf-8"))


if __name__ == "__main__":
    main()
