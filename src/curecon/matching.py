"""Matches charge keys with rates: the one step outside SQL, pure, on distinct keys only.

Order of sources: a contract's private rate, then AWS's price list, then a rate card (DESIGN,
section 5). Within a price list the rate code decides first, then SKU, then usage type with
operation and region. What cannot be matched keeps its reason; nothing is guessed.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache

import polars as pl
from polars.datatypes import DataTypeClass

from curecon import frames, grammar, money, units
from curecon.vocabulary import priced_as

PRICED_KINDS = ("usage", "covered_usage")

_EVER = date(1, 1, 1)
_NEVER = date(9999, 12, 31)
_PRICE = pl.Decimal(money.PRICE_PRECISION, money.PRICE_SCALE)
_TIER = pl.Decimal(22, 10)

KEY_RATES: dict[str, DataTypeClass | pl.DataType] = {
    "charge_key_id": pl.UInt64,
    "rate_id": pl.String,
    "source_kind": pl.String,
    "starts": pl.Date,
    "ends": pl.Date,
    "tier_from": _TIER,
    "tier_to": _TIER,
    "price": _PRICE,
    "later": pl.Boolean,
    "unit_stated": pl.Boolean,
}


def price(
    keys: pl.DataFrame, rates: pl.DataFrame, attributes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Match every charge key with the rates that price it.

    Args:
        keys: one row per charge key, decoded: charge_key_id, kind, the key columns, every
            attribute, region, unit, unit_reason, undecoded_reason.
        rates: one row per rate and region, as `rates.read_cards` and the other sources give it.
        attributes: the pricing attributes; a key and a rate must agree on all of them.

    Returns:
        key_rates, one row per charge key, validity interval and tier, in the columns KEY_RATES:
        `price` is USD for one unit of the key's own quantity, [starts, ends) and
        [tier_from, tier_to) are half open; and reasons, charge_key_id with unpriced_reason for
        every key that has no rate, or at some time none that can be told.
    """
    priced = keys.filter(pl.col("kind").is_in(PRICED_KINDS))
    matched = candidates(keys, rates, attributes)
    converted = in_units_of_the_key(matched)
    usable = converted.filter(pl.col("key_price").is_not_null())
    chosen = best_at_each_time(usable)
    clear = chosen.filter(~pl.col("ambiguous"))
    key_rates = clear.select(pl.col(name).cast(kind) for name, kind in KEY_RATES.items()).sort(
        "charge_key_id", "starts", "tier_from", nulls_last=False
    )
    assert key_rates.schema == pl.Schema(KEY_RATES)
    return key_rates, _reasons(priced, matched, converted, chosen, key_rates)


def candidates(keys: pl.DataFrame, rates: pl.DataFrame, attributes: list[str]) -> pl.DataFrame:
    """List the rates that fit each key, by whatever way of matching; the arguments of `price`.

    `rank` says how surely each fits. Neither units nor days are looked at yet.
    """
    priced = keys.filter(pl.col("kind").is_in(PRICED_KINDS))
    return pl.concat(
        [
            _by_rate_code(priced, rates),
            _by_sku(priced, rates),
            _by_usage_type(priced, rates),
            _by_attributes(priced, rates, attributes),
        ]
    )


_CANDIDATE = (
    "charge_key_id",
    "pricing_unit",
    "key_unit",
    "rank",
    "rate_id",
    "source_kind",
    "price",
    "rate_unit",
    "starts",
    "ends",
    "tier_from",
    "tier_to",
    "later",
    "checked",
)


def _kept(joined: pl.DataFrame, rank: pl.Expr) -> pl.DataFrame:
    """Keep what matching needs of a join of keys and rates; both name a `unit`."""
    return joined.with_columns(rank.cast(pl.Int32).alias("rank")).select(_CANDIDATE)


def _keys(priced: pl.DataFrame) -> pl.DataFrame:
    return priced.rename({"unit": "key_unit"})


def _rates(rates: pl.DataFrame, source_kinds: list[str]) -> pl.DataFrame:
    return rates.filter(pl.col("source_kind").is_in(source_kinds)).rename({"unit": "rate_unit"})


# A lower rank wins. The contract is asked first, then the price list by its surest key.
RANK = {"contract": 0, "rate_code": 10, "sku": 11, "usage_type": 12, "card": 20}


def _by_rate_code(priced: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Match by rate code. It names the tier, so its price holds whatever was used before."""
    joined = _keys(priced).join(
        _rates(rates, ["price_list"]).drop("sku"),
        left_on=["pricing_rate_code", "line_item_currency_code"],
        right_on=["rate_code", "currency"],
        suffix="_of_rate",
    )
    untiered = joined.with_columns(tier_from=pl.lit(0).cast(_TIER), tier_to=pl.lit(None, _TIER))
    return _kept(untiered, pl.lit(RANK["rate_code"]))


def _by_sku(priced: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Match by SKU where the bill gives no rate code, which would name the tier as well."""
    joined = _keys(priced.filter(pl.col("pricing_rate_code").is_null())).join(
        _rates(rates, ["price_list"]),
        left_on=["product_sku", "line_item_currency_code"],
        right_on=["sku", "currency"],
        suffix="_of_rate",
    )
    return _kept(joined, pl.lit(RANK["sku"]))


def _by_usage_type(priced: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Match by usage type, operation and region; an offer's empty operation matches any.

    FoundationModels items also have to name the line's product, since one Marketplace usage type
    serves many models (DESIGN, section 2). What a contract agrees for a usage type holds for all
    that bears it.
    """
    joined = _keys(priced).join(
        _rates(rates, ["price_list", "contract"]).filter(pl.col("usage_type").is_not_null()),
        left_on=["line_item_usage_type", "line_item_currency_code"],
        right_on=["usage_type", "currency"],
        suffix="_of_rate",
    )
    same_operation = pl.col("operation").is_null() | pl.col("operation").eq_missing(
        pl.col("line_item_operation")
    )
    same_region = (
        pl.col("region_of_rate").is_null()
        | (pl.col("region_of_rate") == "*")
        | pl.col("region_of_rate").eq_missing(pl.col("region"))
    )
    one_model = ~pl.col("line_item_usage_type").str.contains("-MP:", literal=True)
    agreed = pl.col("source_kind") == "contract"
    same_product = one_model | agreed | pl.col("service_name").eq_missing(pl.col("product_name"))
    rank = (
        pl.when(pl.col("source_kind") == "contract")
        .then(pl.lit(RANK["contract"]))
        .otherwise(pl.lit(RANK["usage_type"]))
    )
    return _kept(joined.filter(same_operation & same_region & same_product), rank)


def _by_attributes(
    priced: pl.DataFrame, rates: pl.DataFrame, attributes: list[str]
) -> pl.DataFrame:
    """Match cards and private rates on the decoded attributes, absent ones included."""
    selecting = _rates(rates, ["card", "contract"]).filter(pl.col("usage_type").is_null())
    decoded = _keys(priced).filter(
        pl.col("undecoded_reason").is_null() & pl.col("capability").is_not_null()
    )
    selecting, decoded = as_priced(selecting), as_priced(decoded)
    joined = decoded.join(
        selecting,
        left_on=[*attributes, "line_item_currency_code"],
        right_on=[*attributes, "currency"],
        suffix="_of_rate",
        nulls_equal=True,
    ).filter(
        (pl.col("region_of_rate") == "*") | pl.col("region_of_rate").eq_missing(pl.col("region"))
    )
    rank = (
        pl.when(pl.col("source_kind") == "contract")
        .then(pl.lit(RANK["contract"]))
        .otherwise(pl.lit(RANK["card"]))
    )
    return _kept(joined, rank)


def as_priced(frame: pl.DataFrame) -> pl.DataFrame:
    """Put in the place of attributes that cost what another value costs that other value."""
    return frame.with_columns(
        pl.col(name).replace(values)
        for name, values in priced_as().items()
        if name in frame.columns
    )


def in_units_of_the_key(matched: pl.DataFrame) -> pl.DataFrame:
    """Add `key_price`, the price for one unit of the key's quantity, and `unit_stated`.

    The same unit on both sides needs no registry; a conversion does. A price that a conversion
    would not leave exact is no price.
    """
    pairs = matched.select("pricing_unit", "key_unit", "rate_unit").unique()
    rows = []
    for written, key_unit, rate_unit in pairs.iter_rows():
        rows.append((written, key_unit, rate_unit, *conversion(written, key_unit, rate_unit)))
    factors = pl.DataFrame(
        rows,
        schema={
            "pricing_unit": pl.String,
            "key_unit": pl.String,
            "rate_unit": pl.String,
            "factor": pl.String,
            "unit_stated": pl.Boolean,
        },
        orient="row",
    )
    joined = matched.join(
        factors, on=["pricing_unit", "key_unit", "rate_unit"], how="left", nulls_equal=True
    )
    prices = joined.select("price", "factor").unique()
    exact = frames.of_rows(
        [(p, f, _exact_price(p, f)) for p, f in prices.iter_rows()],
        {"price": _PRICE, "factor": pl.String, "key_price": _PRICE},
    )
    in_key_units = joined.join(exact, on=["price", "factor"], how="left", nulls_equal=True)
    return _tiers_in_units_of_the_key(in_key_units)


def _tiers_in_units_of_the_key(matched: pl.DataFrame) -> pl.DataFrame:
    """Convert the bounds of tiers, which a price list counts in the unit of its price.

    Bounds that do not convert exactly leave the tier without a price.
    """
    bounds = matched.select("factor", "tier_from", "tier_to").unique()
    rows = [(*bound, *_bounds(*bound)) for bound in bounds.iter_rows()]
    tier = {"tier_from": _TIER, "tier_to": _TIER}
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "factor": pl.String,
        **tier,
        "key_from": _TIER,
        "key_to": _TIER,
        "bounds_convert": pl.Boolean,
    }
    converted = frames.of_rows(rows, schema)
    return (
        matched.join(converted, on=["factor", "tier_from", "tier_to"], how="left", nulls_equal=True)
        .with_columns(
            pl.col("key_from").alias("tier_from"),
            pl.col("key_to").alias("tier_to"),
            pl.when("bounds_convert").then("key_price").alias("key_price"),
        )
        .drop("key_from", "key_to", "bounds_convert")
    )


def _bounds(
    factor: str | None, tier_from: Decimal | None, tier_to: Decimal | None
) -> tuple[Decimal | None, Decimal | None, bool]:
    """Divide bounds by the factor that turned the price; say whether that was exact."""
    if factor is None or Decimal(factor) == 1 or (not tier_from and tier_to is None):
        return tier_from, tier_to, True
    whole = Fraction(factor)
    found = []
    for bound in (tier_from, tier_to):
        scaled = None if bound is None else Fraction(bound) / whole
        if scaled is not None and scaled.denominator != 1:
            return tier_from, tier_to, False
        found.append(None if scaled is None else Decimal(scaled.numerator))
    return found[0], found[1], True


@cache
def conversion(
    written: str | None, key_unit: str | None, rate_unit: str | None
) -> tuple[str | None, bool]:
    """Return what turns a price per rate unit into one per key unit, and whether they agree.

    The same word on the bill and beside the rate means the same thing, even where the registry
    lacks it or the usage type says more exactly what it counts (`hour`, `Units`).
    """
    if rate_unit is None:
        return None, False
    if written is not None and units.fold(written) == units.fold(rate_unit):
        return "1", True
    if key_unit is None:
        return None, False
    if units.fold(key_unit) == units.fold(rate_unit):
        return "1", True
    if (units.canonical(rate_unit) or units.fold(rate_unit), key_unit) in _counted():
        return "1", True
    factor = units.factor(key_unit, rate_unit)
    return (str(factor) if factor is not None else None), factor == 1


@cache
def _counted() -> frozenset[tuple[str, str]]:
    """Return what forms say that a loose word counts: (`hour`, `model unit hour`) and the like.

    A Marketplace row counts `Units` where the price list has `hour`, and each means the other only
    by what the usage type counts, which is the unit of the key.
    """
    return frozenset(pair for form in grammar.grammar().forms for pair in form.units.items())


def _exact_price(price: Decimal, factor: str | None) -> Decimal | None:
    if factor is None:
        return None
    converted = price * Decimal(factor)
    return converted if money.fits_price(converted) else None


def best_at_each_time(usable: pl.DataFrame) -> pl.DataFrame:
    """Cut each key's time where any candidate starts or ends; keep the best-ranked in each piece.

    Candidates of one rank that agree on the price are one rate published twice. Those that do not
    agree leave the piece ambiguous.
    """
    timed = usable.with_columns(pl.col("starts").fill_null(_EVER), pl.col("ends").fill_null(_NEVER))
    cuts = (
        pl.concat(
            [
                timed.select("charge_key_id", pl.col("starts").alias("cut")),
                timed.select("charge_key_id", pl.col("ends").alias("cut")),
            ]
        )
        .unique()
        .sort("charge_key_id", "cut")
        .with_columns(pl.col("cut").shift(-1).over("charge_key_id").alias("next_cut"))
        .filter(pl.col("next_cut").is_not_null())
    )
    pieces = (
        cuts.join(timed, on="charge_key_id")
        .filter((pl.col("starts") <= pl.col("cut")) & (pl.col("ends") >= pl.col("next_cut")))
        .with_columns(pl.col("cut").alias("starts"), pl.col("next_cut").alias("ends"))
        .filter(pl.col("rank") == pl.col("rank").min().over("charge_key_id", "starts"))
        .pipe(nearest_snapshot)
    )
    place = ["charge_key_id", "starts", "ends", "tier_from", "tier_to"]
    merged = pieces.group_by(place).agg(
        pl.col("key_price").n_unique().alias("prices"),
        pl.col("key_price").min().alias("price"),
        # A price that was published in time is the source, even where a later one agrees.
        pl.col("rate_id").sort_by(pl.col("later").fill_null(value=False), "rate_id").first(),
        pl.col("source_kind").min(),
        pl.col("later").fill_null(value=False).all(),
        pl.col("unit_stated").any(),
    )
    tiers_clash = _tiers_clash()
    return merged.with_columns(
        ((pl.col("prices") > 1).any() | tiers_clash)
        .over("charge_key_id", "starts")
        .alias("ambiguous")
    )


def nearest_snapshot(pieces: pl.DataFrame) -> pl.DataFrame:
    """Keep, of AWS's price lists, the snapshot published nearest at or before the usage.

    When AWS gives a usage type a new SKU, the old one's price and the new one's hang over each
    other. Only where no snapshot was published in time is the earliest later one kept.
    """
    listed = pl.col("source_kind") == "price_list"
    late = pl.col("later").fill_null(value=False)
    piece = ["charge_key_id", "starts"]
    in_time = pieces.filter(~listed | (late == late.min().over(piece)))
    newest = pl.col("checked").max().over(piece)
    oldest = pl.col("checked").min().over(piece)
    nearest = pl.when(late).then(oldest).otherwise(newest)
    return in_time.filter(~listed | pl.col("checked").eq_missing(nearest))


def _tiers_clash() -> pl.Expr:
    """Say whether a piece has an untiered price beside a tiered one, or tiers that overlap."""
    start = pl.col("tier_from").fill_null(0)
    previous_end = pl.col("tier_to").sort_by(start).shift(1)
    rows = pl.len() > 1
    open_before_last = previous_end.is_null().sum() > 1
    overlap = (previous_end > start.sort()).any().fill_null(value=False)
    return rows & (open_before_last | overlap)


def _reasons(
    priced: pl.DataFrame,
    matched: pl.DataFrame,
    converted: pl.DataFrame,
    chosen: pl.DataFrame,
    key_rates: pl.DataFrame,
) -> pl.DataFrame:
    """Say for every key that lacks a rate, always or at some time, why; the first that applies."""
    ids = "charge_key_id"
    found = pl.col(ids).is_in(matched[ids].unique().implode())
    exact = pl.col(ids).is_in(
        converted.filter(pl.col("key_price").is_not_null())[ids].unique().implode()
    )
    ambiguous = pl.col(ids).is_in(chosen.filter(pl.col("ambiguous"))[ids].unique().implode())
    in_tiers = (pl.col("tier_from") > 0) | pl.col("tier_to").is_not_null()
    tiered = pl.col(ids).is_in(key_rates.filter(in_tiers)[ids].unique().implode())
    never = ~pl.col(ids).is_in(key_rates[ids].unique().implode())
    undecoded = pl.col("undecoded_reason").is_not_null()
    nameless = pl.col("line_item_usage_type").is_null() & pl.col("product_sku").is_null()
    return (
        priced.filter(never | ambiguous | tiered)
        .select(
            ids,
            pl.when(ambiguous)
            .then(pl.lit("ambiguous"))
            .when(tiered)
            .then(pl.lit("tiered"))
            .when(found & pl.col("pricing_unit").is_null() & pl.col("unit").is_null())
            .then(pl.lit("unit_missing"))
            .when(found & ~exact & pl.col("unit").is_null())
            .then(pl.lit("unit_unknown"))
            .when(found & ~exact)
            .then(pl.lit("unit_differs"))
            .when(pl.col("line_item_currency_code").is_null())
            .then(pl.lit("currency_missing"))
            .when(pl.col("line_item_currency_code") != "USD")
            .then(pl.lit("currency"))
            .when(undecoded & nameless)
            .then(pl.lit("usage_type_missing"))
            .when(undecoded)
            .then(pl.lit("undecoded"))
            .otherwise(pl.lit("no_rate"))
            .alias("unpriced_reason"),
        )
        .sort(ids)
    )
