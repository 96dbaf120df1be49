"""What usage costs after the discounts of a contract, as an audit expects it on a bill.

An estimate is taken as a bill that shows discounts in its net columns alone and granted none: what
the check of net costs (sql/checks/net_cost_differs.sql) expects there is the price after them. So
shares, their order and what a private rate has to do with them are worked out in one place.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import polars as pl

from curecon.contract import Contract, Discount, PrivateRate, applies
from curecon.engine import read
from curecon.money import plain

_NEVER = date(9999, 12, 31)


def net(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[int, Decimal]:
    """Return what each line costs after discounts, of those that earn any.

    The lines of the ledger get what they should cost as what was billed.

    Args:
        con: a scratch ledger whose lines are priced (`pricing.Knowledge.define_priced`).
        catalog: the ledger's name.
    """
    con.execute("CREATE TABLE before_discounts AS SELECT line, expected FROM priced")
    con.execute(
        f"UPDATE {catalog}.main.lines AS l SET line_item_unblended_cost = b.expected, "
        "line_item_net_unblended_cost = b.expected FROM before_discounts AS b "
        "WHERE b.line = l.line AND b.expected IS NOT NULL"
    )
    check = read("checks", "net_cost_differs.sql")
    return dict(con.execute(f"SELECT line, expected FROM ({check})").fetchall())


def in_force(
    terms: Contract, service: str | None, region: str, day: date, *, marketplace: bool
) -> list[Discount]:
    """Return the discounts that hold for usage, in their order."""
    return [
        one
        for one in sorted(terms.discount, key=lambda each: (each.order, each.name))
        if one.starts <= day < (one.ends or _NEVER)
        and applies(one, service or "", region, marketplace=marketplace, fee=False)
    ]


def private_rate(terms: Contract, rate_id: str | None) -> PrivateRate | None:
    """Return the private rate that a rate of a contract stands for (`agreed.private_rates`)."""
    kind, _, rest = (rate_id or "").partition(":")
    return terms.private_rate[int(rest.partition(":")[0]) - 1] if kind == "contract" else None


def said(discounts: list[Discount], private: PrivateRate | None) -> str:
    """Name discounts in the order in which they are taken, and what each is taken of."""
    parts = []
    for place, one in enumerate(discounts):
        of = ""
        is_public = private is not None and private.order is not None and private.order >= one.order
        if is_public:
            of = " of the public price"
        if place and one.compounds:
            of = " of what is left" + (" of it" if is_public else "")
        elif place and not is_public:
            of = " of the full cost"
        parts.append(f"{one.name} {plain(one.percent)} %{of}")
    return ", then ".join(parts)


def open_questions(shares: pl.DataFrame, private: list[PrivateRate]) -> Iterator[str]:
    """Say where a contract leaves open how its discounts are taken.

    Args:
        shares: as `agreed.discount_shares` returns them.
        private: the private rates of charges that a discount is taken of.
    """
    if any(one.order is None for one in private):
        yield (
            "the contract gives a private rate no `order`: its discounts are taken of what the "
            "rate leaves, and taken of the public price they would be others (docs/contract.md)"
        )
    place = ["service", "region", "marketplace", "is_fee", "starts"]
    sums = shares.group_by(place).agg(pl.col("share", "other_share").sum())
    if sums.filter(pl.col("share") != pl.col("other_share")).height:
        yield "discounts of one `order` are taken by their names; the other way round is as right"
