"""What differs between two price lists, and between a price list and the rate cards.

Two snapshots are compared rate by rate: by SKU, rate code and tier. Only offers and regions that
both cover are compared, since what one of them never held says nothing about prices. A snapshot
is compared with the cards charge by charge: its usage types are decoded as a bill's are, and
matched with the card in force on the day of its publication.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curecon import decode, matching, price_list, rates, units
from curecon.errors import OptionInvalid
from curecon.money import plain
from curecon.packaged import folder
from curecon.vocabulary import vocabulary

CARDS = "cards"
"""The word that stands for the packaged cards, where a price list could stand."""

_PLANS = "MachineLearningSavingsPlans"
_REGIONS_SHOWN_MAX = 3

_TEXT = pl.String()
_CHANGES: dict[str, pl.DataType] = dict.fromkeys(
    (
        "change", "service", "region", "usage_type", "operation", "plan", "sku", "rate_code",
        "tier_from", "old_price", "new_price", "percent", "old_unit", "new_unit", "currency",
    ),
    _TEXT,
)  # fmt: skip
_COMPARED: dict[str, pl.DataType] = {
    "outcome": _TEXT,
    "rates": pl.Int64(),
    **dict.fromkeys(
        (
            "service", "region", "product", "usage_type", "operation", "tier_from", "list_price",
            "card_price", "percent", "unit", "currency", "card", "reference", "reason",
        ),
        _TEXT,
    ),
}  # fmt: skip
_OUTCOMES = ("differs", "card has none", "undecoded", "agrees")


class Difference(NamedTuple):
    """What a comparison found.

    Attributes:
        rows: one row a difference, in the columns of its kind; decimals are text.
        notes: sentences about what was counted and what was not compared.
    """

    rows: pl.DataFrame
    notes: list[str]


def diff(a: str, b: str, services: Sequence[str] = (), regions: Sequence[str] = ()) -> Difference:
    """Compare two price lists, or a price list with the packaged cards.

    Args:
        a: a file or folder of price lists, or `cards`. Of a folder with several snapshots, what
            the latest ones say counts.
        b: the same; the newer one, if it is a price list.
        services: only offers with these codes.
        regions: only these regions.

    Returns:
        Between price lists the columns change (`new`, `gone`, `price`, `unit`, `tier`, or several
        of them), service, region, usage_type, operation, plan, sku, rate_code, tier_from,
        old_price, new_price, percent, old_unit, new_unit, currency. With the cards: outcome
        (`differs`, `card has none`, `undecoded`, `agrees`), rates (how many rates of the list the
        row stands for), service, region, product, usage_type, operation, tier_from, list_price,
        card_price (for the list's unit), percent (of the card's price), unit, currency, card,
        reference, reason.

    Raises:
        OptionInvalid: cards are compared with cards.
        RatesInvalid: a price list or a card cannot be read.
    """
    if a == b == CARDS:
        raise OptionInvalid("cards do not differ from themselves; name a price list")
    if CARDS in (a, b):
        return _against_cards(_latest(b if a == CARDS else a, services, regions))
    return _between(a, b, _latest(a, services, regions), _latest(b, services, regions))


def _latest(path: str, services: Sequence[str], regions: Sequence[str]) -> pl.DataFrame:
    """Read a price list and keep what it says in the end, with `service` for its offer."""
    is_plan = pl.col("source_kind") == "savings_plan"
    listed = (
        price_list.read_price_lists([Path(path)])
        .filter(~pl.col("later"), pl.col("ends").is_null())
        .with_columns(
            service=pl.when(is_plan).then(pl.lit(_PLANS)).otherwise("service_code"),
            plan=pl.concat_str("plan_usage_type", "purchase_option", separator=" "),
        )
    )
    if services:
        listed = listed.filter(pl.col("service").is_in(services))
    if regions:
        listed = listed.filter(pl.col("region").is_in(regions))
    return listed


# --- two snapshots

_KEY = ["source_kind", "service", "plan_sku", "sku", "rate_code", "tier_from", "currency"]
_PLACE = ["service", "region"]
_SHOWN = ["region", "usage_type", "operation", "plan"]


def _between(a: str, b: str, old: pl.DataFrame, new: pl.DataFrame) -> Difference:
    both = (
        old.select(_PLACE)
        .unique()
        .join(new.select(_PLACE), on=_PLACE, how="semi", nulls_equal=True)
    )
    notes = _only_in(a, old, both) + _only_in(b, new, both)
    pairs = _numbered(old, both).join(
        _numbered(new, both),
        on=[*_KEY, "namesake"],
        how="full",
        coalesce=True,
        nulls_equal=True,
        suffix="_new",
    )
    rows = [_change(pair) for pair in pairs.iter_rows(named=True)]
    changed = pl.DataFrame([row for row in rows if row], schema=_CHANGES, orient="row")
    order = ["service", "region", "usage_type", "operation", "plan", "sku", "rate_code"]
    changed = changed.sort(
        *order, pl.col("tier_from").cast(pl.Decimal(22, 10)), *_CHANGES, nulls_last=False
    )
    counts = {
        name: changed.filter(test).height
        for name, test in {
            "new": pl.col("change") == "new",
            "gone": pl.col("change") == "gone",
            "changed": ~pl.col("change").is_in(["new", "gone"]),
        }.items()
    }
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return Difference(changed, [*notes, f"{said}, {len(rows) - changed.height:,} as before"])


def _numbered(listed: pl.DataFrame, both: pl.DataFrame) -> pl.DataFrame:
    """Number rates that have the same key, so that each is paired once."""
    return (
        listed.join(both, on=_PLACE, how="semi", nulls_equal=True)
        .sort(*_KEY, "price", "unit", *_SHOWN)
        .with_columns(namesake=pl.int_range(pl.len()).over(_KEY))
        .select(*_KEY, "namesake", *_SHOWN, "price", "unit", "tier_to")
    )


def _only_in(name: str, listed: pl.DataFrame, both: pl.DataFrame) -> list[str]:
    """Say which offers and regions only one of the price lists has."""
    alone = (
        listed.join(both, on=_PLACE, how="anti", nulls_equal=True)
        .group_by("service")
        .agg(pl.len(), pl.col("region").fill_null("no region").unique().sort())
    )
    return [
        f"only {name} has {service} in {few(regions)}: "
        f"{count:,} rate{'s' * (count != 1)} not compared"
        for service, count, regions in alone.sort("service").iter_rows()
    ]


def few(names: Sequence[str]) -> str:
    """Name some of many."""
    more = len(names) - _REGIONS_SHOWN_MAX
    return ", ".join(names[:_REGIONS_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def _change(pair: Mapping[str, Any]) -> tuple[str | None, ...] | None:
    """Return the row of `_CHANGES` for two rates of one key, None where they agree."""
    old, new = pair["price"], pair["price_new"]
    side = "_new" if old is None else ""
    percent = None
    if old is None or new is None:
        change = "new" if old is None else "gone"
    else:
        now = _per_unit(new, pair["unit_new"], pair["unit"])
        differs = {
            "price": now != old if now is not None else new != old,
            "unit": pair["unit"] != pair["unit_new"],
            "tier": pair["tier_to"] != pair["tier_to_new"],
        }
        if not any(differs.values()):
            return None
        change = ", ".join(name for name, does in differs.items() if does)
        percent = None if now is None else percentage(Fraction(old), now)
    return (
        change, _str(pair["service"]), *(_str(pair[f"{name}{side}"]) for name in _SHOWN),
        _str(pair["sku"]), _str(pair["rate_code"]), _str(pair["tier_from"]), _str(old), _str(new),
        percent, _str(pair["unit"]), _str(pair["unit_new"]), _str(pair["currency"]),
    )  # fmt: skip


def _str(value: object) -> str | None:
    if isinstance(value, Decimal):
        return plain(value)
    return None if value is None else str(value)


def _per_unit(price: Decimal, unit: str, wanted: str) -> Fraction | None:
    """Return the price for another unit, exactly; None where they do not convert."""
    if units.fold(unit) == units.fold(wanted):
        return Fraction(price)
    # Of the two directions at least the one towards the smaller unit has a finite decimal.
    if (factor := units.factor(wanted, unit)) is not None:
        return Fraction(price) * Fraction(factor)
    if (factor := units.factor(unit, wanted)) is not None:
        return Fraction(price) / Fraction(factor)
    return None


def percentage(old: Fraction, new: Fraction) -> str | None:
    """Return by how many percent `new` is above `old`, to two decimals; None above nothing."""
    if old == 0:
        return None
    return f"{Decimal(round((new - old) / old * 10_000)).scaleb(-2):.2f}"


# --- a snapshot and the cards

_CHARGE = {
    "line_item_product_code": "service_code",
    "product_servicecode": "service_code",
    "product_name": "service_name",
    "line_item_usage_type": "usage_type",
    "line_item_operation": "operation",
    "product_region_code": "region",
    "pricing_unit": "unit",
    "line_item_currency_code": "currency",
}


def _against_cards(listed: pl.DataFrame) -> Difference:
    listed = listed.filter(pl.col("source_kind") == "price_list")
    charges = listed.select(list(dict.fromkeys(_CHARGE.values()))).unique(maintain_order=True)
    charges = charges.with_row_index("charge_key_id").cast({"charge_key_id": pl.UInt64})
    keys = decoded(charges)
    cards = rates.read_cards([folder("rates")])
    known = pl.concat([cards, price_list.read_price_lists([])], how="diagonal_relaxed")
    key_rates, reasons = matching.price(keys, known, list(vocabulary()))
    held = key_rates.join(
        cards.select("rate_id", "card", "reference"), on="rate_id", how="left"
    ).rename({"price": "card_price"})
    asked = listed.join(charges, on=charges.columns[1:], how="left", nulls_equal=True).join(
        keys.select("charge_key_id", "undecoded_reason").join(
            reasons, on="charge_key_id", how="left"
        ),
        on="charge_key_id",
    )
    by_key = {
        key: part.to_dicts() for (key,), part in held.group_by("charge_key_id", maintain_order=True)
    }
    found = [
        row
        for each in asked.iter_rows(named=True)
        for row in _outcomes(each, by_key.get(each["charge_key_id"], []))
    ]
    return _counted(pl.DataFrame(found, schema=_COMPARED, orient="row"))


def decoded(charges: pl.DataFrame) -> pl.DataFrame:
    """Write rates of a price list as the charge keys that a bill would have, and decode them."""
    nothing = pl.lit(None, pl.String)
    keys = charges.select(
        "charge_key_id",
        pl.lit("usage").alias("kind"),
        *(pl.col(column).alias(name) for name, column in _CHARGE.items()),
        nothing.alias("pricing_rate_code"),
        nothing.alias("product_sku"),
    )
    return keys.join(decode.decode(keys), on="charge_key_id", validate="1:1")


def _outcomes(
    listed: Mapping[str, Any], cards: Sequence[Mapping[str, Any]]
) -> list[dict[str, object]]:
    """Say of one rate of the list what the cards say: a row, or one a card's price that differs."""
    in_force = [card for card in cards if _meets(listed, card)]
    row = {
        "outcome": "agrees", "rates": 1, "service": listed["service"], "region": listed["region"],
        "product": listed["service_name"], "usage_type": listed["usage_type"],
        "operation": listed["operation"], "tier_from": _str(listed["tier_from"]),
        "list_price": _str(listed["price"]), "unit": listed["unit"],
        "currency": listed["currency"], "reason": None,
    }  # fmt: skip
    if not in_force:
        outcome, reason = _without_card(listed, has_others=bool(cards))
        return [{**row, "outcome": outcome, "reason": reason}]
    wrong = [card for card in in_force if card["card_price"] != listed["price"]]
    return [_differing(row, listed, card) for card in wrong] or [row]


def _meets(listed: Mapping[str, Any], card: Mapping[str, Any]) -> bool:
    """Say whether a card is in force on the list's day, for quantities of the list's tier."""
    day, ends = listed["checked"], card["ends"]
    if day < card["starts"] or (ends is not None and day >= ends):
        return False
    low, high = listed["tier_from"] or 0, listed["tier_to"]
    card_low, card_high = card["tier_from"] or 0, card["tier_to"]
    return (high is None or card_low < high) and (card_high is None or low < card_high)


def _differing(
    row: dict[str, object], listed: Mapping[str, Any], card: Mapping[str, Any]
) -> dict[str, object]:
    price, card_price = listed["price"], card["card_price"]
    return {
        **row,
        "outcome": "differs",
        "card_price": plain(card_price),
        "percent": percentage(Fraction(card_price), Fraction(price)),
        "card": card["card"],
        "reference": card["reference"],
        "reason": "AWS lists nothing, as it does for Marketplace" if price == 0 else None,
    }


_REASONS = {
    "ambiguous": ("differs", "several cards fit, at different prices"),
    "unit_differs": ("differs", "the card's unit does not convert into the list's"),
    "unit_unknown": ("undecoded", "the unit is not known"),
    "unit_missing": ("undecoded", "there is no unit"),
}


def _without_card(listed: Mapping[str, Any], *, has_others: bool) -> tuple[str, str | None]:
    """Say why no card's price stands beside a rate of the list."""
    reason = str(listed["unpriced_reason"])
    if reason == "undecoded":
        return "undecoded", _str(listed["undecoded_reason"])
    if has_others:
        return "card has none", f"no card holds on {listed['checked']}, only on other days"
    return _REASONS.get(reason, ("card has none", None))


def _counted(found: pl.DataFrame) -> Difference:
    """Count equal rows, put them in order, and leave of those that agree only their number."""
    agrees = pl.col("outcome") == "agrees"
    blank = [
        pl.when(agrees).then(None).otherwise(pl.col(name)).alias(name)
        for name in _COMPARED
        if name not in {"outcome", "rates"}
    ]
    columns = [name for name in _COMPARED if name != "rates"]
    rows = (
        found.with_columns(blank)
        .group_by(columns)
        .agg(pl.col("rates").sum())
        .with_columns(
            order=pl.col("outcome").replace_strict(dict(zip(_OUTCOMES, range(4), strict=True)))
        )
        .sort("order", *columns)
        .select(*_COMPARED)
    )
    counts = dict(found.group_by("outcome").agg(pl.col("rates").sum()).iter_rows())
    said = ", ".join(f"{outcome} {counts.get(outcome, 0):,}" for outcome in _OUTCOMES)
    return Difference(rows, [said])
