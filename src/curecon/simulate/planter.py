"""How an error is planted: at a line that can have it, which no other error has touched."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import duckdb

from curecon.simulate.truth import Planted
from curecon.simulate.world import World

_INTERVAL = (
    "concat(strftime(l.starts, '%Y-%m-%dT%H:%M:%SZ'), '/', strftime(l.ends, '%Y-%m-%dT%H:%M:%SZ'))"
)


class Place(NamedTuple):
    """A line in which an error is planted, and the meter it is of."""

    row: int
    line_id: str
    interval: str
    period: str
    day: str
    account: str
    meter: int | None
    usage_type: str
    region: str
    operation: str
    resource: str
    series: int | None
    cost: Decimal
    rate: Decimal
    plan: str | None
    discounted: bool


class Fault(NamedTuple):
    """A kind of error: when it is made, which lines can have it, what finds it, how it is made.

    `also` names checks that may rightly speak of the same lines. `focus` is the check that finds it
    in FOCUS where that is another one; empty where FOCUS has no such line or curecon no such check.
    `anywhere` says that an audit may show it at any line of the month; `discounted` whether the
    discount of the line that it is made of holds for it too.
    """

    stage: str
    where: str
    check: str
    category: str
    cause: str
    make: Callable[["Planter", Place], tuple[list[int], Decimal] | None]
    severity: str = "error"
    also: tuple[str, ...] = ()
    focus: str | None = None
    anywhere: bool = False
    discounted: bool = True


@dataclass
class Planter:
    """Plants errors in the lines of one database, each at a place of its own."""

    con: duckdb.DuckDBPyConnection
    world: World
    used: set[tuple[str, str]]
    planted: list[Planted]

    def plant_invoice(self, invoices: dict[str, str]) -> None:
        """Let AWS's first invoice be ten dollars more than its lines."""
        invoice, amount = min(invoices.items())
        invoices[invoice] = f"{Decimal(amount) + 10}"
        self.planted.append(
            Planted(
                name="invoice", check="invoice_total_differs", category="data",
                severity="error", cause="an invoice above its lines",
                period=f"{invoice[:4]}-{invoice[4:6]}", usage_account="", region="",
                usage_type="", operation="", resource=invoice, dollars=Decimal(-10),
                lines=[],
            )
        )  # fmt: skip

    def plant(self, name: str, fault: Fault, number: int) -> None:
        """Plant one error of a kind, or none where the bill has no line for it."""
        for place in self._places(name, fault, number):
            # Before the lines change: an error may take the line away.
            made = fault.make(self, place)
            if made is None:
                continue
            rows, dollars = made
            self.used.add((place.account, place.usage_type))
            # What the line is called may be what is wrong with it.
            called = self.con.execute(
                "SELECT usage_type FROM lines WHERE rowid = ?", [place.row]
            ).fetchone()
            usage_type = called[0] if called else place.usage_type
            self.used.add((place.account, usage_type))
            self.planted.append(
                Planted(
                    name=name, check=fault.check, category=fault.category,
                    severity=fault.severity, cause=fault.cause, period=place.period,
                    usage_account="" if fault.anywhere else place.account,
                    region=place.region, usage_type="" if fault.anywhere else usage_type,
                    operation=place.operation, resource=place.resource, dollars=dollars,
                    also=fault.also, focus=fault.focus,
                    discounted=fault.discounted and place.discounted,
                    lines=self._named(rows) or [(place.line_id, place.interval)],
                )
            )  # fmt: skip
            return

    def _places(self, name: str, fault: Fault, number: int) -> list[Place]:
        found = self.con.execute(
            f"SELECT l.rowid, l.id, {_INTERVAL}, strftime(l.period, '%Y-%m'),"
            " strftime(l.starts, '%Y-%m-%d'), l.account, l.meter, l.usage_type,"
            " coalesce(m.region, ''), coalesce(l.operation, ''), coalesce(l.resource, ''),"
            " l.series, l.cost, l.rate, l.plan,"
            " coalesce(l.line_type = 'Usage' AND m.is_ai AND NOT m.marketplace, FALSE)"
            " FROM lines AS l LEFT JOIN meters AS m ON m.meter = l.meter"
            f" WHERE {fault.where}"
            " ORDER BY hash(l.id, l.starts, ?, ?, ?), l.id, l.starts LIMIT 400",
            [name, number, self.world.seed],
        ).fetchall()
        places = [Place(*row) for row in found]
        return [place for place in places if (place.account, place.usage_type) not in self.used]

    def _named(self, rows: list[int]) -> list[tuple[str, str]]:
        return self.con.execute(
            f"SELECT DISTINCT l.id, {_INTERVAL} FROM lines AS l WHERE l.rowid = ANY(?)"
            " ORDER BY ALL",
            [rows],
        ).fetchall()

    def same_day(self, place: Place) -> list[int]:
        """The lines of the same resource and meter on the same day: errors come in clusters."""
        rows = self.con.execute(
            "SELECT rowid FROM lines WHERE series = ? AND line_type = 'Usage' AND rate = ?"
            " AND strftime(starts, '%Y-%m-%d') = ? ORDER BY rowid",
            [place.series, place.rate, place.day],
        ).fetchall()
        return [row for (row,) in rows]

    def cost(self, rows: list[int]) -> Decimal:
        """What the lines are billed at together."""
        found = self.con.execute(
            "SELECT coalesce(sum(cost), 0)::DECIMAL(28, 10) FROM lines WHERE rowid = ANY(?)", [rows]
        ).fetchone()
        return Decimal(found[0]) if found else Decimal(0)

    def bill_at(self, rows: list[int], rate: Decimal) -> Decimal:
        """Bill the lines at another rate, and say how much more they cost now."""
        before = self.cost(rows)
        self.con.execute(
            "UPDATE lines SET rate = $rate, cost = (quantity * $rate::DECIMAL(15, 10))"
            "::DECIMAL(28, 10) WHERE rowid = ANY($rows)",
            {"rate": rate, "rows": rows},
        )
        return self.cost(rows) - before

    def more_of(self, rows: list[int], quantity: Decimal) -> Decimal:
        """Bill so much more on each line, at its rate, and say how much more they cost now."""
        before = self.cost(rows)
        self.con.execute(
            "UPDATE lines SET quantity = quantity + $more::DECIMAL(22, 10), cost ="
            " ((quantity + $more::DECIMAL(22, 10))::DECIMAL(22, 10) * rate)::DECIMAL(28, 10),"
            " public_cost = ((quantity + $more::DECIMAL(22, 10))::DECIMAL(22, 10) * public_rate)"
            "::DECIMAL(28, 10) WHERE rowid = ANY($rows)",
            {"more": quantity, "rows": rows},
        )
        return self.cost(rows) - before

    def again(self, place: Place, identity: str) -> int:
        """Bill a line again, and return the row of the copy."""
        self.con.execute(
            "INSERT INTO lines SELECT * REPLACE (? AS id) FROM lines WHERE rowid = ?",
            [identity, place.row],
        )
        found = self.con.execute("SELECT max(rowid) FROM lines").fetchone()
        return int(found[0]) if found else 0
