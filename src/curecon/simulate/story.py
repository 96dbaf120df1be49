"""The story of a simulated bill, told once: who uses what, what it costs, what AWS delivers."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from curecon.errors import OptionInvalid
from curecon.simulate import (
    agreement,
    columns,
    delivery,
    discounts,
    faults,
    free,
    offers,
    plans,
    planter,
    rest,
    traffic,
    truth,
    world,
)

LAST_MONTH = date(2026, 10, 1)
LINES_OF_A_MONTH_MIN = 2000
MONTHS_MAX = 24

NUMBERED = """
CREATE OR REPLACE TABLE lines AS
SELECT * REPLACE (
    row_number() OVER (ORDER BY period, hash(id, starts, {seed}), id, starts, cost) AS line,
    CASE WHEN entity = 'AWS' THEN strftime(period, '%Y%m') || '0001'
         ELSE strftime(period, '%Y%m') || '0002' END AS invoice)
FROM lines
"""


class Order(NamedTuple):
    """What was asked for."""

    lines: int
    months: int
    seed: int
    formats: Sequence[str]
    errors: dict[str, int]


def simulate(
    folder: Path,
    lines: int = 100_000,
    months: int = 1,
    seed: int = 1,
    formats: Sequence[str] = ("cur2-parquet",),
    *,
    errors: str = "",
) -> Path:
    """Write a bill, the price lists and the contract that explain it, and what is true of it.

    Args:
        folder: a folder that does not exist yet, or is empty.
        lines: how many lines the bill has, over all months.
        months: how many months are billed; the last is October 2026.
        seed: what everything is drawn from; the same seed gives the same bytes.
        formats: which reports AWS delivers: names of `delivery.FORMATS`.
        errors: which errors to plant: `all`, `all=2`, or kinds of `faults.FAULTS`, e.g.
            `rate=3,unit`.

    Raises:
        OptionInvalid: the folder is in use, or an option is out of range.
    """
    _check(folder, lines, months, formats)
    counts = faults.wanted(errors)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # An interrupted run must not leave half a bill behind that looks whole.
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with duckdb.connect(config={"temp_directory": str(half / "spill"), "threads": 2}) as con:
            _write(con, half, Order(lines, months, seed, formats, counts))
        shutil.rmtree(half / "spill", ignore_errors=True)
        half.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        half.replace(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return folder


def _check(folder: Path, lines: int, months: int, formats: Sequence[str]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionInvalid(f"{folder}: exists and is not an empty folder; name a new one")
    if not 1 <= months <= MONTHS_MAX:
        raise OptionInvalid(f"--months {months}: give 1 to {MONTHS_MAX}")
    if lines < LINES_OF_A_MONTH_MIN * months:
        raise OptionInvalid(
            f"--lines {lines}: too few to have every kind of charge; give at least "
            f"{LINES_OF_A_MONTH_MIN * months:,} ({LINES_OF_A_MONTH_MIN:,} a month)"
        )
    for name in formats:
        if name not in delivery.FORMATS:
            raise OptionInvalid(f"--format {name!r}: give one of {', '.join(delivery.FORMATS)}")


def _write(con: duckdb.DuckDBPyConnection, folder: Path, order: Order) -> None:
    con.execute(columns.JAVA_TEXT)
    drawn = world.draw(order.seed, order.lines, world.months_up_to(LAST_MONTH, order.months))
    agreed = agreement.agree(drawn)
    changes = _price_changes(drawn)
    traffic.create(con, drawn, traffic.price_rows(drawn, changes, agreed.private))
    free.give(con, drawn)
    plan = plans.buy(con, drawn)
    errors = planter.Planter(con, drawn, set(), [])
    faults.plant(errors, order.errors, faults.USAGE)
    percent = discounts.grant(con, drawn)
    faults.plant(errors, order.errors, faults.AFTER_DISCOUNTS)
    rest.write_payer_lines(con, drawn)
    promised = rest.credits_promised(con)
    faults.plant(errors, order.errors, faults.BEFORE_TAX)
    rest.write_tax(con, drawn)
    faults.plant(errors, order.errors, faults.AFTER_TAX)
    rest.write_others(con, drawn, order.lines - _count(con))
    con.execute(NUMBERED.format(seed=order.seed))
    deliveries = delivery.months_delivered(drawn)
    written = [
        one._replace(manifest=f"{_place(order, name)}/{one.manifest}", format=name)
        for name in order.formats
        for one in delivery.write(
            con, folder / _place(order, name), drawn, deliveries, delivery.FORMATS[name]
        )
    ]
    offers.write(folder / "price_list", drawn, changes)
    sections = [
        discounts.toml(percent, drawn),
        plans.toml(plan, drawn),
        free.toml(drawn),
        rest.toml(promised),
    ]
    contract = agreement.contract(con, drawn, agreed, sections)
    (folder / "contract.toml").write_text(contract, "utf-8")
    invoices = _invoices(con)
    if order.errors.get(faults.INVOICE):
        errors.plant_invoice(invoices)
    truth.write(folder, written, errors.planted, invoices, percent)


def _invoices(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What each invoice comes to, in cents."""
    found = con.execute(
        "SELECT invoice, round(sum(cost), 2)::DECIMAL(18, 2)::VARCHAR FROM lines"
        " GROUP BY invoice ORDER BY invoice"
    ).fetchall()
    return dict(found)


def _place(order: Order, name: str) -> str:
    """Each report has a bucket of its own, so that one can be audited without the others."""
    return "bill" if len(order.formats) == 1 else f"bill/{name}"


def _count(con: duckdb.DuckDBPyConnection) -> int:
    found = con.execute("SELECT count(*) FROM lines").fetchone()
    return found[0] if found else 0


def _price_changes(drawn: world.World) -> dict[tuple[int, date], Decimal]:
    """One model becomes a fifth cheaper in the middle of the first month, everywhere."""
    day = drawn.months[0].replace(day=16)
    return {
        (number, day): (meter.price * 4 / 5).quantize(Decimal("0.0000000001"))
        for number, meter in enumerate(drawn.meters)
        if meter.is_ai and "Qwen3-32B" in meter.usage_type
    }
