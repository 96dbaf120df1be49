"""What savings plans save at most, by AWS's page, and which rates of plans save more than that.

The page prints no rate, only "up to 64 %" (rates/reference/savings_plans.toml). A rate that saves
more is something to look at: a slip in a contract, or a plan that the page did not know yet.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, Field

from curecon import by_hand, frames, matching, rate_diff, rates
from curecon.by_hand import Line, Percent
from curecon.contract import Contract
from curecon.errors import RatesInvalid
from curecon.models import Record
from curecon.money import plain
from curecon.packaged import folder
from curecon.vocabulary import vocabulary

_NEVER = date(9999, 12, 31)
_HALF_A_PERCENT = Fraction(1, 2)
_HUNDRED = 100

ASKED: dict[str, pl.DataType | type[pl.DataType]] = {
    "place": pl.String,
    "usage_type": pl.String,
    "operation": pl.String,
    "region": pl.String,
    "unit": pl.String,
    "currency": pl.String,
    "price": pl.Decimal(15, 10),
    "day": pl.Date,
}


class Saving(by_hand.Consistent):
    """How much plans save at most on some usage, in percent of the rate on demand."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    percent_max: Percent
    capabilities: Annotated[list[Line], Field(min_length=1)]
    starts: date
    ends: date | None = None
    reference: Line
    checked: date
    unconfirmed: bool = False


class _Head(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Line


def read(path: Path) -> tuple[str, list[Saving]]:
    """Read what plans save at most: the source, and its statements.

    Raises:
        RatesInvalid: the file breaks the rules; each problem is named by file, table and key.
    """
    try:
        content = by_hand.content(path, "table of savings", rates.CARD_BYTES_MAX)
        document = by_hand.table(path, content)
    except by_hand.Unreadable as error:
        raise RatesInvalid(str(error)) from error
    place, tables = by_hand.shown(path), document.pop("saving", [])
    head, problems = by_hand.checked(_Head, document, place)
    if not isinstance(tables, list) or not tables:
        problems.append(f"{place}: holds no [[saving]] table")
        tables = []
    known, found = vocabulary()["capability"] or frozenset(), []
    for number, table in enumerate(tables, start=1):
        one, wrong = by_hand.checked(Saving, table, f"{place}: saving {number}")
        foreign = [name for name in one.capabilities if name not in known] if one else []
        problems += wrong
        problems += [
            f"{place}: saving {number}: `capabilities` has {by_hand.short(name)!r}, which is "
            f"unknown; {by_hand.nearest(name, known)}"
            for name in foreign
        ]
        found += [one] if one else []
    if problems or head is None:
        raise RatesInvalid("\n".join(problems))
    return head.source, found


@cache
def table() -> tuple[str, list[Saving]]:
    """Return the packaged table, as `read` does."""
    return read(folder("rates") / "reference" / "savings_plans.toml")


def percent_max() -> Decimal:
    """Return the most that the page promises, in percent."""
    return max(one.percent_max for one in table()[1])


def agreed(terms: Contract, path: Path) -> pl.DataFrame:
    """Return the rates that a contract agrees for its savings plans, in the columns `ASKED`."""
    rows = [
        (f"{by_hand.shown(path)}: savings_plan {number}: `rates.{by_hand.short(usage_type)}`",
         usage_type, None, None, "Hrs", terms.currency, rate, plan.starts)
        for number, plan in enumerate(terms.savings_plan, start=1)
        for usage_type, rate in plan.rates.items()
    ]  # fmt: skip
    return frames.of_rows(rows, ASKED)


def offered(listed: pl.DataFrame) -> pl.DataFrame:
    """Return the rates of plans that price lists offer, the latest of each, as `ASKED`."""
    return listed.filter(
        pl.col("source_kind") == "savings_plan", ~pl.col("later"), pl.col("ends").is_null()
    ).select(
        place=pl.concat_str(
            "card", pl.lit(": "), "plan_usage_type", pl.lit(", rate code "), "rate_code",
            pl.lit(" ("), "usage_type", pl.lit(")"), ignore_nulls=True,
        ),
        usage_type="usage_type", operation="operation", region="region", unit="unit",
        currency="currency", price="price", day="checked",
    )  # fmt: skip


def beyond(asked: pl.DataFrame, known: pl.DataFrame) -> list[str]:
    """Say which rates of plans save more than the page promises.

    Args:
        asked: rates of plans, in the columns `ASKED`; without an operation, of any.
        known: rates on demand, of cards and price lists.

    Returns:
        A sentence a rate. One whose rate on demand is not known, or not for sure, has none.
    """
    on_demand = known.filter(pl.col("source_kind") != "savings_plan")
    keys = _keys(asked, on_demand)
    key_rates, _ = matching.price(keys, on_demand, list(vocabulary()))
    beside = (
        keys.select("charge_key_id", "capability", *_NAMES)
        .join(key_rates.rename({"price": "full"}), on="charge_key_id")
        .join(on_demand.select("rate_id", "source"), on="rate_id")
        .rename({"line_item_usage_type": "usage_type", "pricing_unit": "unit"})
        .rename({"line_item_currency_code": "currency", "product_region_code": "region"})
    )
    met = asked.join(
        beside, on=["usage_type", "unit", "currency", "region"], nulls_equal=True
    ).filter(
        pl.col("operation").is_null()
        | pl.col("operation").eq_missing(pl.col("line_item_operation")),
        pl.col("starts").is_null() | (pl.col("starts") <= pl.col("day")),
        pl.col("ends").is_null() | (pl.col("ends") > pl.col("day")),
    )
    # Of several rates on demand the lowest counts: whatever it is measured by, it saves too much.
    lowest = met.sort("place", "full", "source").unique("place", maintain_order=True, keep="first")
    sentences = [_sentence(row) for row in lowest.iter_rows(named=True)]
    return [sentence for sentence in sentences if sentence]


_NAMES = (
    "line_item_usage_type",
    "line_item_operation",
    "pricing_unit",
    "line_item_currency_code",
    "product_region_code",
)


def _keys(asked: pl.DataFrame, on_demand: pl.DataFrame) -> pl.DataFrame:
    """Write the covered usage as charge keys, with each operation that a price list has for it."""
    columns = ["usage_type", "operation", "region", "unit", "currency"]
    told = asked.select(columns)
    if "usage_type" in on_demand.columns and "operation" in on_demand.columns:
        listed = on_demand.select("usage_type", listed="operation").drop_nulls().unique()
        more = told.filter(pl.col("operation").is_null()).join(listed, on="usage_type")
        told = pl.concat([told, more.with_columns(operation="listed").select(columns)])
    charges = told.unique(maintain_order=True).with_columns(
        service_code=pl.lit("AmazonSageMaker"), service_name=pl.lit(None, pl.String)
    )
    return rate_diff.decoded(
        charges.with_row_index("charge_key_id").cast({"charge_key_id": pl.UInt64})
    )


def _sentence(row: dict[str, object]) -> str | None:
    full, price, day = row["full"], row["price"], row["day"]
    assert isinstance(full, Decimal), "a rate has a price"
    assert isinstance(price, Decimal), "a rate of a plan has a price"
    assert isinstance(day, date), "a rate of a plan has a day"
    source, savings = table()
    for one in savings:
        holds = one.starts <= day < (one.ends or _NEVER)
        if not holds or row["capability"] not in one.capabilities or full == 0:
            continue
        saved = (1 - Fraction(price) / Fraction(full)) * _HUNDRED
        if saved < Fraction(one.percent_max) + _HALF_A_PERCENT:
            continue
        percent = Decimal(round(saved * _HUNDRED)).scaleb(-2)
        return (
            f"{row['place']} {plain(price)} saves {plain(percent)} % of {plain(full)} on demand "
            f"({row['source']}), more than the {plain(one.percent_max)} % that the {source} "
            f"promises at most (checked {one.checked}); see whether it is right"
        )
    return None
