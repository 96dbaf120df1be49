"""Decode a charge: from its usage type and product columns to typed attributes.

A form of the grammar reads the whole usage type; the structured product columns give the model
where the usage type names none, and must agree with it elsewhere. Nothing is guessed: a string
that no form reads whole, a model that is not listed, or a contradiction leaves the charge
undecoded, with a sentence that says why.
"""

import polars as pl

from curecon.decode.expressions import folded, nothing, translated
from curecon.decode.model_names import with_models
from curecon.decode.product import compared_with_columns, with_instance_types, with_regions
from curecon.decode.usage_types import read_whole, read_words
from curecon.grammar import grammar
from curecon.units import unit_table
from curecon.vocabulary import vocabulary

KEY_COLUMNS = (
    "kind",
    "bill_billing_entity",
    "line_item_product_code",
    "product_name",
    "product_servicecode",
    "line_item_usage_type",
    "line_item_operation",
    "line_item_line_item_description",
    "product_region_code",
    "product_instance_type",
    "product_provider",
    "product_model",
    "product_feature",
    "product_inference_type",
    "pricing_unit",
    "resource_model",
    "resource_type",
)
"""What is known of a charge key besides its id: nullable text, null where a bill lacks it."""

# Kinds of charge that always have a usage type; a tax or a credit may have none.
_USAGE_KINDS = ("usage", "covered_usage", "reserved_usage")


def decode(keys: pl.DataFrame) -> pl.DataFrame:
    """Decode charge keys.

    Args:
        keys: charge_key_id and columns of `KEY_COLUMNS`, all nullable text.

    Returns:
        One row a key, in the order given: charge_key_id; the attributes of `attributes.toml` in
        its order; region (a code); unit (what the quantity counts, by its canonical name);
        unit_reason (`unit_missing` or `unit_unknown` where unit is null); grade (of the form);
        usage_type_stem (without region prefixes); undecoded_reason (null when fully decoded).
    """
    charges = _charges(keys)
    usage_types = charges["line_item_usage_type"].drop_nulls().unique(maintain_order=True)
    frame = charges.join(
        read_whole(usage_types),
        on="line_item_usage_type",
        how="left",
        validate="m:1",
        maintain_order="left",
    ).with_columns(pl.lit(value=False).alias("by_words"), nothing().alias("words_unit"))
    for words in grammar().words:
        frame = read_words(frame, words)
    frame = with_models(frame)
    frame = with_instance_types(frame)
    frame = compared_with_columns(frame)
    frame = with_regions(frame)
    frame = _with_units(frame)
    return frame.select(
        "charge_key_id",
        *vocabulary(),
        "region",
        "unit",
        "unit_reason",
        "grade",
        pl.col("stem").alias("usage_type_stem"),
        _reason().alias("undecoded_reason"),
    )


def decode_one(usage_type: str) -> dict[str, str | None]:
    """Decode a usage type alone: the columns of `decode` but the key's id."""
    row = decode(pl.DataFrame({"charge_key_id": [0], "line_item_usage_type": [usage_type]}))
    return row.drop("charge_key_id").row(0, named=True)


def _charges(keys: pl.DataFrame) -> pl.DataFrame:
    """Return the keys with every column that is read, empty text as null."""
    text = [
        pl.col(name).cast(pl.String).str.strip_chars().replace("", None)
        if name in keys.columns
        else pl.lit(None, dtype=pl.String).alias(name)
        for name in KEY_COLUMNS
    ]
    return keys.select("charge_key_id", *text)


def _with_units(frame: pl.DataFrame) -> pl.DataFrame:
    """Add unit and unit_reason.

    A form may say what its quantity counts when the bill says `Units` or hours; the description of
    a Marketplace row (`...|us-west-2|Million Input Tokens`) says it where the bill has no unit.
    """
    names = dict(unit_table().select("alias", "canonical").iter_rows())
    rows = [
        (position, text, unit)
        for position, form in enumerate(grammar().forms)
        for text, unit in form.units.items()
    ]
    schema = {"form": pl.Int32, "text": pl.String, "form_unit": pl.String}
    by_form = pl.DataFrame(rows, schema=schema, orient="row")
    millions = pl.col("line_item_line_item_description").str.contains(r"(?i)\|[^|]*million[^|]*\z")
    text = folded(pl.col("pricing_unit"))
    missing = pl.when(pl.col("pricing_unit").is_null() & millions).then(pl.lit("units"))
    frame = frame.with_columns(
        pl.coalesce(text, missing).alias("unit_text"), translated(text, names).alias("unit_name")
    )
    for column in ("unit_text", "unit_name"):
        frame = frame.join(
            by_form.rename({"text": column, "form_unit": f"{column}_means"}),
            on=["form", column],
            how="left",
            validate="m:1",
            maintain_order="left",
        )
    means = [pl.col("unit_text_means"), pl.col("unit_name_means")]
    by_usage = pl.when(pl.col("words_unit").is_null()).then(pl.coalesce(*means))
    frame = frame.with_columns(pl.coalesce("words_unit", by_usage, "unit_name").alias("unit"))
    return frame.with_columns(
        pl.when(pl.col("unit").is_null())
        .then(
            pl.when(pl.col("pricing_unit").is_null())
            .then(pl.lit("unit_missing"))
            .otherwise(pl.lit("unit_unknown"))
        )
        .alias("unit_reason")
    )


def _reason() -> pl.Expr:
    """Return the first reason why a charge is not fully decoded."""
    no_usage_type = (
        pl.col("line_item_usage_type").is_null()
        & ~pl.col("by_words")
        & pl.col("kind").fill_null("usage").is_in(_USAGE_KINDS)
    )
    return pl.coalesce(
        pl.when(no_usage_type).then(pl.lit("The charge has no usage type.")),
        "text_reason",
        "model_reason",
        "provider_reason",
        "instance_reason",
        "column_reason",
        "region_reason",
    )
