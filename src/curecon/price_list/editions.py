"""Prices of many editions -> rates: the days each is in force, and its name."""

import polars as pl

from curecon.price_list.model import SCHEMA

# A SKU in an offer; of a savings plan, the rate of the plan for a SKU.
_CHAIN = ["source_kind", "offer", "plan_sku", "sku"]


def in_time(found: pl.DataFrame, wholes: pl.DataFrame) -> pl.DataFrame:
    """Give each price its days: `starts`, `ends` and `later`; drop what is no price."""
    dated = found.filter(pl.col("published_at").is_not_null()).with_columns(
        # A product of no region ends only with a file that covers the same regions as its own.
        place=pl.coalesce("region", "scope")
    )
    snapshots = (
        dated.select(*_CHAIN, "published_at")
        .unique()
        .sort("published_at")
        .with_columns(
            replaced_at=pl.col("published_at").shift(-1).over(_CHAIN, order_by="published_at"),
            earliest=pl.col("published_at") == pl.col("published_at").min().over(_CHAIN),
        )
    )
    here = ["source_kind", "offer", "place"]
    silences = (
        dated.select(*here, "published_at")
        .unique()
        .join(wholes, on=here, nulls_equal=True)
        .filter(pl.col("whole_at") > pl.col("published_at"))
        .group_by(*here, "published_at")
        .agg(missed_at=pl.col("whole_at").min())
    )
    known = (
        dated.filter(pl.col("left_out").is_null())
        .join(snapshots, on=[*_CHAIN, "published_at"], how="left", nulls_equal=True)
        .join(silences, on=[*here, "published_at"], how="left", nulls_equal=True)
        # A whole file that names the SKU is also its next snapshot, so the first of both holds.
        .with_columns(ended_at=pl.min_horizontal("replaced_at", "missed_at"))
    )
    published = pl.col("published_at").dt.date()
    in_force = known.with_columns(
        starts=published, ends=pl.col("ended_at").dt.date(), later=pl.lit(value=False)
    ).filter(pl.col("ends").is_null() | (pl.col("ends") > pl.col("starts")))
    before = known.filter("earliest").with_columns(
        starts=pl.lit(None, pl.Date), ends=published, later=pl.lit(value=True)
    )
    return pl.concat([in_force, before])


def rates_of(prices: pl.DataFrame) -> pl.DataFrame:
    """Name the prices, keep the same one once, and put them into the order of the frame."""
    rates = prices.with_columns(
        checked=pl.col("published_at").dt.date(),
        unconfirmed=pl.lit(value=False),
        source=provenance(),
        reference=pl.concat_str("rate_code", "description", separator=": ", ignore_nulls=True),
    )
    told_elsewhere = {"rate_id", "card", "source", "reference"}
    same = [name for name in SCHEMA if name not in told_elsewhere]
    order = ["sku", "rate_code", "currency", "tier_from", "starts", "price", *same]
    rates = (
        rates.unique(["offer", *same], keep="first", maintain_order=True)
        .sort("offer", "plan_sku", *dict.fromkeys(order), maintain_order=True)
        .with_columns(rate_id=_rate_id())
    )
    namesake = pl.int_range(pl.len()).over("rate_id") + 1
    rates = rates.with_columns(
        rate_id=pl.when(namesake > 1)
        .then(pl.format("{}#{}", "rate_id", namesake))
        .otherwise("rate_id")
    ).select(*SCHEMA)
    assert rates.schema == pl.Schema(SCHEMA)
    assert rates["rate_id"].is_unique().all(), "namesakes are numbered"
    return rates


def provenance() -> pl.Expr:
    """Say which edition of which offer a price is from."""
    offer = pl.col("offer").fill_null("AWS price list")
    edition = pl.format("{} {}", "published_word", pl.col("published_at").dt.date())
    return pl.concat_str(
        pl.concat_str(offer, "version", separator=" ", ignore_nulls=True),
        edition,
        separator=", ",
        ignore_nulls=True,
    )


def _rate_id() -> pl.Expr:
    """Name a rate by publication, rate code and tier: the same in whichever file it was read."""
    tier = pl.col("tier_from").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return pl.concat_str(
        pl.format(
            "price-list:{}:{}:{}",
            "checked",
            pl.coalesce("rate_code", "sku"),
            pl.when(pl.col("tier_from") == 0).then(pl.lit("0")).otherwise(tier),
        ),
        pl.when(pl.col("currency") != "USD").then(pl.format(":{}", "currency")),
        pl.when("later").then(pl.lit(":later")),
        ignore_nulls=True,
    )
