"""What a charge would cost if it were another: of another region, tier, routing or commitment.

A wrong rate is mostly the right rate of something else. Once a bill shows rates that differ, the
public rates of what lies nearest to such a charge are looked up, so that a check can name the one
that was billed. So are the global rate of what came through an inference profile, and the committed
rates of provisioned throughput. Nothing is re-priced by it.
"""

import re
from datetime import date
from typing import NamedTuple

import polars as pl

from curecon import matching
from curecon.grammar import regions


class Change(NamedTuple):
    """What makes a neighbour: one attribute, from which values, to what.

    `words` turns AWS's own words into the neighbour's (the grammars of rates/usage_types); the
    first that fits is taken.
    """

    how: str
    attribute: str
    values: tuple[str | None, ...]
    to: str | None
    words: tuple[tuple[str, str], ...]


_CHANGES = (
    Change(
        "standard_tier", "tier", ("batch", "flex"), None,
        (
            (r"(-mantle-.*)-(batch|flex)$", r"\1-standard"),
            (r"-(batch|flex)(?=-|$)", ""),
            (r"_Batch(?=-)", ""),
            (r"_(batch|flex)(?=-)", "_standard"),
        ),
    ),
    Change(
        "uncached", "token_type", ("cache_read",), "input",
        (
            (r"-cache-read-input-token-count", "-input-tokens"),
            (r"-cache-read-tokens", "-input-tokens"),
            (r"_CacheReadInputTokenCount", "_InputTokenCount"),
            (r"_(cache_read|cached_input)_tokens", "_input_tokens"),
        ),
    ),
    Change(
        "regional", "routing", ("global",), None,
        (
            (r"-cross-region-global", ""),
            (r"-global(?=-standard$|$)", ""),
            (r"_Global(?=[-_])", ""),
            (r"_global(?=_)", ""),
        ),
    ),
    Change(
        "global", "routing", (None,), "global",
        (
            (r"^((?!.*(-MP:|-mantle-)).*-(tokens|token-count))$", r"\1-cross-region-global"),
            (r"(-mantle-.*)-standard$", r"\1-global-standard"),
            (r"TokenCount-Units$", "TokenCount_Global-Units"),
            (r"_standard-Units$", "_global_standard-Units"),
        ),
    ),
    Change(
        "commitment", "commitment", ("none",), "1 month",
        ((r"-NoCommit-", "-1month-"), (r"_NoCommit_", "_1MonthCommit_")),
    ),
    Change(
        "commitment", "commitment", ("none",), "6 months",
        ((r"-NoCommit-", "-6months-"), (r"_NoCommit_", "_6MonthsCommit_")),
    ),
)  # fmt: skip

SCHEMA = {
    "charge_key_id": pl.UInt64,
    "how": pl.String,
    "neighbour": pl.String,
    "price": matching.KEY_RATES["price"],
    "rate_id": pl.String,
    "starts": pl.Date,
    "ends": pl.Date,
}


def rates_nearby(keys: pl.DataFrame, rates: pl.DataFrame, attributes: list[str]) -> pl.DataFrame:
    """Look up what the neighbours of charges cost.

    Args:
        keys: decoded charge keys, as `matching.price` takes them.
        rates: every rate that is known; those of a contract are no neighbour's.
        attributes: the pricing attributes.

    Returns:
        One row per charge key, neighbour and interval, in the columns SCHEMA: `how` is
        standard_tier, uncached, regional, global, commitment or region; `neighbour` names the
        region or the new value; `price` is USD for one unit of the charge's own quantity.
    """
    public = rates.filter(pl.col("source_kind") != "contract")
    known = keys.filter(pl.col("region").is_not_null() & pl.col("undecoded_reason").is_null())
    variants = [_changed(known, change) for change in _CHANGES]
    others = pl.concat([*variants, _in_other_regions(known, public)]).with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt64).alias("number"),
        # A SKU and a rate code name the charge itself, not its neighbour.
        product_sku=pl.lit(None, pl.String),
        pricing_rate_code=pl.lit(None, pl.String),
    )
    of_key = others.select("number", pl.col("charge_key_id").alias("of"), "how", "neighbour")
    asked = others.with_columns(pl.col("number").alias("charge_key_id")).drop(
        "number", "how", "neighbour"
    )
    priced, _ = matching.price(asked, public, attributes)
    return (
        priced.filter((pl.col("tier_from").fill_null(0) == 0) & pl.col("tier_to").is_null())
        .join(of_key, left_on="charge_key_id", right_on="number", validate="m:1")
        .with_columns(pl.col("of").alias("charge_key_id"))
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        .sort(pl.all())
    )


def _changed(keys: pl.DataFrame, change: Change) -> pl.DataFrame:
    """Give each key that has one of the values the other value, in attributes and usage type."""
    affected = keys.filter(pl.col(change.attribute).is_in(change.values, nulls_equal=True))
    texts = [_rewritten(one, change.words) for one in affected["line_item_usage_type"].to_list()]
    return affected.with_columns(
        pl.lit(change.to, pl.String).alias(change.attribute),
        pl.Series("line_item_usage_type", texts, pl.String),
        how=pl.lit(change.how),
        neighbour=pl.lit(change.to, pl.String),
    )


def _rewritten(usage_type: str | None, words: tuple[tuple[str, str], ...]) -> str | None:
    """Write a usage type in the neighbour's words; one that none of the words fit has none."""
    for pattern, replacement in words:
        other, count = re.subn(pattern, replacement, usage_type or "")
        if count:
            return other
    return None


def _in_other_regions(keys: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Put each key into every other region that has rates."""
    prefix = dict(regions().select("region_code", "usage_type_prefix").iter_rows())
    elsewhere = [one for one in rates["region"].unique().sort() if one in prefix]
    moved = keys.join(pl.DataFrame({"neighbour": elsewhere}, {"neighbour": pl.String}), how="cross")
    moved = moved.filter(pl.col("neighbour") != pl.col("region"))
    words = moved.select("line_item_usage_type", "region", "neighbour").iter_rows()
    texts = [_moved(text, prefix.get(home), prefix[other]) for text, home, other in words]
    return moved.with_columns(
        pl.Series("line_item_usage_type", texts, pl.String),
        pl.lit("region").alias("how"),
        pl.col("neighbour").alias("region"),
    ).select(*keys.columns, "how", "neighbour")


def _moved(usage_type: str | None, home: str | None, other: str) -> str | None:
    if usage_type is None or home is None:
        return None
    moved = re.sub(rf"^{re.escape(home)}-", f"{other}-", usage_type)
    return re.sub(rf"-MP:{re.escape(home)}_", f"-MP:{other}_", moved)


def on_demand(rates: pl.DataFrame) -> pl.DataFrame:
    """List what a thousand ordinary tokens of each model cost on demand, by the rate cards.

    Returns:
        One row per rate and region: provider, model, region, token_type, currency, price (of 1,000
        tokens), starts, ends.
    """
    plain = ("tier", "routing", "context", "endpoint", "customized", "variant", "feature")
    known = rates.filter(
        (pl.col("source_kind") == "card")
        & (pl.col("capability") == "on_demand")
        & pl.col("token_type").is_in(["input", "output"])
        & pl.all_horizontal(pl.col(name).is_null() for name in plain)
        & (pl.col("unit") == "1K tokens")
    )
    return known.select(
        "provider", "model", "region", "token_type", "currency", "price", "starts",
        pl.col("ends").fill_null(date(9999, 12, 31)),
    )  # fmt: skip


def foreign_skus(keys: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Find charges whose SKU the price list gives to another usage type than the charge has.

    Only where it lists the usage type of the charge as well, under other SKUs: a name that no list
    knows may be a new one of the same meter.

    Returns:
        One row a charge key: charge_key_id, sku, and sku_usage_type, what the list says of it.
    """
    listed = (
        rates.filter(pl.col("source_kind") == "price_list")
        .select("sku", pl.col("usage_type").alias("sku_usage_type"))
        .drop_nulls()
        .unique()
        .with_columns(pl.col("sku_usage_type").str.to_lowercase().alias("folded"))
    )
    named = keys.filter(pl.col("kind").is_in(matching.PRICED_KINDS), pl.col("is_ai")).select(
        "charge_key_id",
        pl.col("line_item_usage_type").str.to_lowercase().alias("own"),
        pl.concat_list(
            "product_sku", pl.col("pricing_rate_code").str.split(".").list.first()
        ).alias("sku"),
    )
    met = named.explode("sku").unique().join(listed, on="sku")
    right = met.filter(pl.col("own") == pl.col("folded")).select("charge_key_id", "sku")
    return (
        met.filter(pl.col("own").is_in(listed["folded"].unique().implode()))
        .join(right, on=["charge_key_id", "sku"], how="anti")
        .group_by("charge_key_id")
        .agg(pl.col("sku").min(), pl.col("sku_usage_type").min())
        .sort("charge_key_id")
    )


def own_rates(
    keys: pl.DataFrame, foreign: pl.DataFrame, rates: pl.DataFrame, attributes: list[str]
) -> pl.DataFrame:
    """Price charges that bear the SKU of another usage type by the usage type that they name.

    Returns:
        What `matching.price` returns of their rates.
    """
    named = keys.filter(pl.col("charge_key_id").is_in(foreign["charge_key_id"].implode()))
    without = [pl.lit(None, pl.String).alias(name) for name in ("product_sku", "pricing_rate_code")]
    return matching.price(named.with_columns(without), rates, attributes)[0]
