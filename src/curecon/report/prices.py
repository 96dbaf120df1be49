"""Prices on the terminal: rates under their charge, changes under their offer and region.

Usage types are one long word and sources are sentences, so a table of columns would cut both. A
price stands on a line of its own instead, with what belongs to it beside it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curecon.report.figures import number
from curecon.report.text import FIELD, SENTENCE, visible

Row = Mapping[str, Any]
_INDENT = (0, 0, 0, 2)


def show_rates(rates: pl.DataFrame, console: Console) -> None:
    """Print rates, each charge once: price, unit, days, regions, and the source below.

    Args:
        rates: as `rates.overview` returns them.
        console: where to.
    """
    same = [name for name in rates.columns if name != "region"]
    merged = rates.group_by(same, maintain_order=True).agg(pl.col("region").unique().sort())
    rows = merged.sort("service", "charge", "starts", "tier_from", maintain_order=True)
    width = max((len(number(row["price"])) for row in rows.iter_rows(named=True)), default=0)
    for charge, group in groupby(rows.iter_rows(named=True), lambda row: row["charge"]):
        _heading(charge, console)
        table = _grid()
        for row in group:
            table.add_row(Text(number(row["price"]).rjust(width)), _rate(row))
        console.print(Padding(table, _INDENT))


def _rate(row: Row) -> Text:
    currency = "" if row["currency"] == "USD" else f"{row['currency']} "
    until = f" until {row['ends']}" if row["ends"] else ""
    tier = _tier(row["tier_from"], row["tier_to"])
    where = "every region" if row["region"] == ["*"] else ", ".join(row["region"])
    said = Text(f"{currency}per {visible(row['unit'])}{tier}, from {row['starts']}{until}, {where}")
    unsure = "unconfirmed: " if row["unconfirmed"] else ""
    source = visible(f"{unsure}{row['source']}: {row['reference']}", SENTENCE)
    return said.append(f"\n{source}", "dim")


def _tier(low: Decimal | None, high: Decimal | None) -> str:
    if not low and high is None:
        return ""
    return f" above {number(low or Decimal(0))}" + ("" if high is None else f" to {number(high)}")


def show_changes(rows: pl.DataFrame, console: Console) -> None:
    """Print what changed between two price lists.

    Args:
        rows: as `rate_diff.diff` returns them for two price lists.
        console: where to.
    """
    _show(rows, "change", _changed, console)


def show_compared(rows: pl.DataFrame, console: Console) -> None:
    """Print what differs between a price list and the cards.

    Args:
        rows: as `rate_diff.diff` returns them for a price list and the cards.
        console: where to.
    """
    _show(rows, "outcome", _compared, console)


def _show(rows: pl.DataFrame, first: str, said: Any, console: Console) -> None:  # noqa: ANN401
    width = max(map(len, rows[first].to_list()), default=0)
    for place, group in groupby(rows.iter_rows(named=True), _place):
        if place:
            _heading(place, console)
        table = _grid()
        for row in group:
            what = _joined(row["usage_type"], row["operation"], row.get("plan"), _product(row))
            below = _joined(*said(row))
            text = Text(visible(what, SENTENCE))
            if below:
                text.append(f"{chr(10) if what else ''}{visible(below, SENTENCE)}", "dim")
            table.add_row(Text(row[first].ljust(width)), text)
        console.print(Padding(table, _INDENT if place else 0))


def _product(row: Row) -> str | None:
    """Name the product of a Marketplace model, whose usage type it shares with others."""
    product = row.get("product") or ""
    return product if "Edition" in product else None


def _place(row: Row) -> str:
    return _joined(row["service"], row["region"])


def _changed(row: Row) -> Iterator[str | None]:
    old, new = row["old_price"], row["new_price"]
    before = None if old is None else f"{old} per {row['old_unit']}"
    after = None if new is None else f"{new} per {row['new_unit']}"
    if before and after:
        if row["old_unit"] == row["new_unit"]:
            before = old
        percent = "" if row["percent"] is None else f" ({row['percent']} %)"
        yield f"{before} -> {after}{percent}"
    else:
        yield before or after
    yield from _rest(row)
    yield f"SKU {row['sku']}" if row["sku"] else None


def _compared(row: Row) -> Iterator[str | None]:
    if row["outcome"] == "agrees":
        yield f"{row['rates']:,} rates"
        return
    listed = f"{row['list_price']} per {row['unit']}"
    if row["card_price"] is None:
        yield listed
    else:
        percent = "" if row["percent"] is None else f" ({row['percent']} %)"
        yield f"listed {listed}, card {row['card_price']}{percent}"
    yield from _rest(row)
    yield f"{row['rates']:,} rates" if row["rates"] > 1 else None
    yield ": ".join(part for part in (row["card"], row["reference"]) if part) or None
    yield row["reason"]


def _rest(row: Row) -> Iterator[str | None]:
    yield f"from {row['tier_from']} on" if row["tier_from"] not in (None, "0") else None
    yield row["currency"] if row["currency"] != "USD" else None


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _heading(text: str, console: Console) -> None:
    console.print(Text(visible(text, FIELD), "bold"))


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    return table
