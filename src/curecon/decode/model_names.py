"""The model of a charge: all that names one, and why a charge has none."""

import re
from collections.abc import Iterable

import polars as pl

from curecon.decode.expressions import picked, translated
from curecon.grammar import (
    Models,
    models,
    product_columns,
)

_EDITION = r"(?i)\A\s*(.+?) \(Amazon Bedrock Edition\)\s*$"


def with_models(frame: pl.DataFrame) -> pl.DataFrame:
    """Add provider, model and, for training, the token type; model_reason where they are open.

    The usage type, product['model'], the Marketplace product's name, the ARN and a part of the
    description may each name a model; all that are known must be the same one. "Latency Optimized"
    after a name is a tier and no part of it. A product['model'] that is not known stays unknown
    whatever the others say, for it is the most exact of them.
    """
    known = models()
    ends = "|".join(re.escape(end) for end in product_columns().model_end)
    end = rf"(?i)\s+({ends})\z"
    sources = {
        "model_key": pl.col("model_key"),
        "product_model": pl.col("product_model").str.replace(end, ""),
        "product_edition": pl.col("product_name").str.extract(_EDITION),
        "resource_model": pl.col("resource_model"),
        "description_model": _described(pl.col("line_item_line_item_description"), known),
    }
    frame = frame.with_columns(**sources, model_end=pl.col("product_model").str.extract(end, 1))
    frame = frame.with_columns(_found(frame[name], known) for name in sources)
    found = [pl.col(f"found_{name}") for name in sources]
    least, most = pl.min_horizontal(*found), pl.max_horizontal(*found)
    frame = frame.with_columns(
        pl.when(least == most).then(least).alias("found"),
        (least != most).alias("quarrel"),
        pl.coalesce(*sources).alias("spelling"),
    )
    frame = frame.join(
        _beyond(frame, known),
        on=["model_key", "found"],
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    frame = frame.with_columns(_model_reason(known, list(sources)).alias("model_reason"))
    sure = pl.col("model_reason").is_null() & _asks_for_model()
    chosen = pl.when(sure).then(pl.col("found"))
    given = pl.col("product_provider").str.to_lowercase()
    provider = translated(given, known.providers)
    said = pl.coalesce(provider, "product_provider")
    training = pl.when(pl.col("capability") == "customization_training").then(
        picked(chosen, known.training)
    )
    return frame.with_columns(
        pl.coalesce("model", picked(chosen, known.model)).alias("model"),
        pl.when(_asks_for_model())
        .then(pl.coalesce(picked(chosen, known.provider), said))
        .otherwise(pl.col("provider"))
        .alias("provider"),
        pl.coalesce("token_type", training).alias("token_type"),
        pl.when(provider != picked(chosen, known.provider))
        .then(
            pl.format(
                "The provider column says {}, the model {} is of {}.",
                "product_provider",
                picked(chosen, known.model),
                picked(chosen, known.provider),
            )
        )
        .alias("provider_reason"),
    )


def _described(description: pl.Expr, known: Models) -> pl.Expr:
    """Return the one model that descriptions name in a part of their own, null elsewhere.

    A part stands between bars, or after the last comma of one (`Output image, SD3.5 Large`). It is
    compared whole, for a name inside a sentence may be a part of another model's.
    """

    def named(text: str) -> str | None:
        parts = [part for bar in text.split("|") for part in (bar, bar.rpartition(", ")[2])]
        names = [re.sub(_EDITION, r"\1", part).strip() for part in parts]
        found = {known.find(name): name for name in names}
        found.pop(None, None)
        return found.popitem()[1] if len(found) == 1 else None

    return description.map_elements(named, return_dtype=pl.String, skip_nulls=True)


def _asks_for_model() -> pl.Expr:
    """Say whether a charge has a model: its form says so, or nothing reads its usage type."""
    unread = pl.col("form").is_null() & ~pl.col("by_words").fill_null(value=False)
    return pl.col("wants_model").fill_null(value=False) | unread


def _found(spellings: pl.Series, known: Models) -> pl.Series:
    """Return the positions of the models that are spelled, null where a spelling is unknown."""
    positions = {text: known.find(text) for text in spellings.drop_nulls().unique()}
    found = {text: position for text, position in positions.items() if position is not None}
    name = f"found_{spellings.name}"
    if not found:
        return pl.Series(name, [None] * len(spellings), dtype=pl.Int32)
    translated = spellings.replace_strict(found, default=None, return_dtype=pl.Int32)
    return translated.alias(name)


def _beyond(frame: pl.DataFrame, known: Models) -> pl.DataFrame:
    """Return what unknown keys have after a spelling of the model that another source gives.

    `NovaSonic-hires` beside the model Nova Sonic is not that model's ordinary token: the rest may
    mean another price.
    """
    pairs = frame.filter(
        pl.col("model_key").is_not_null()
        & pl.col("found_model_key").is_null()
        & pl.col("found").is_not_null()
    ).select("model_key", "found")
    rows = [(key, found, known.beyond(key, found)) for key, found in pairs.unique().iter_rows()]
    schema = {"model_key": pl.String, "found": pl.Int32, "beyond": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _model_reason(known: Models, sources: Iterable[str]) -> pl.Expr:
    """Say why a charge that should have a model has none."""
    names = [
        pl.when(pl.col(f"found_{source}").is_not_null()).then(
            pl.format("{} ({})", picked(pl.col(f"found_{source}"), known.model), pl.lit(source))
        )
        for source in sources
    ]
    several = pl.concat_str(*names, separator=", ", ignore_nulls=True)
    column_unknown = pl.col("product_model").is_not_null() & (
        pl.col("found_product_model").is_null()
    )
    return pl.when(pl.col("wants_model").fill_null(value=False)).then(
        pl.coalesce(
            pl.when("quarrel").then(pl.format("The charge names several models: {}.", several)),
            pl.when(column_unknown).then(pl.format("The model {} is not known.", "product_model")),
            pl.when(pl.col("beyond").is_not_null()).then(
                pl.format(
                    "The part {} after the model in {} is not known.",
                    "beyond",
                    "line_item_usage_type",
                )
            ),
            pl.when(pl.col("found").is_null()).then(
                pl.coalesce(
                    pl.format("The model {} is not known.", "spelling"),
                    pl.format("Nothing names the model of {}.", "line_item_usage_type"),
                )
            ),
        )
    )
