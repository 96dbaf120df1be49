"""The structured product columns: what they add to the usage type, and where they contradict."""

from collections.abc import Mapping

import polars as pl

from curecon.decode.expressions import folded, translated
from curecon.grammar import (
    product_columns,
)

_INSTANCE = r"(?i)\A(ml\.[a-z][a-z0-9-]*\.[a-z0-9]+)(?:-(.+))?\z"
_TOLD_BY_TOKENS = ("tier", "context")
_TOLD_BY_THROUGHPUT = ("commitment", "customized")


def with_instance_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Compare product_instance_type (`ml.m5.xlarge-Hosting`) with the usage type's instance."""
    column = pl.col("product_instance_type")
    instance = column.str.extract(_INSTANCE, 1).str.to_lowercase()
    end = column.str.extract(_INSTANCE, 2).str.to_lowercase()
    variants = {
        text: given["variant"] for text, given in product_columns().instance_type_end.items()
    }
    machine = pl.col("instance_type").is_not_null()
    variant = pl.when(machine).then(translated(end, variants))
    return frame.with_columns(
        pl.coalesce("variant", variant).alias("variant"),
        pl.when(instance != pl.col("instance_type").str.to_lowercase())
        .then(
            pl.format(
                "The usage type {} and the instance type column {} are of two machines.",
                "line_item_usage_type",
                "product_instance_type",
            )
        )
        .alias("instance_reason"),
    )


def compared_with_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Add column_reason where the feature or the inference type contradicts the usage type."""
    tables = {
        "product_inference_type": product_columns().inference_type,
        "product_feature": product_columns().feature,
        "model_end": product_columns().model_end,
    }
    quarrels = [
        pl.when(_contradicts(pl.col(column), table)).then(
            pl.format("The usage type {} contradicts {} {}.", *_named(column))
        )
        for column, table in tables.items()
    ]
    read = pl.col("form").is_not_null() & (pl.col("service") == "bedrock")
    return frame.with_columns(pl.when(read).then(pl.coalesce(*quarrels)).alias("column_reason"))


def _named(column: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    return pl.col("line_item_usage_type"), pl.lit(column), pl.col(column)


def _contradicts(column: pl.Expr, table: Mapping[str, Mapping[str, list[str]]]) -> pl.Expr:
    """Say whether a column's text allows none of what the usage type says."""
    text = folded(column)
    quarrels = []
    for name in sorted({name for allowed in table.values() for name in allowed}):
        lists = {key: f"|{'|'.join(given[name])}|" for key, given in table.items() if name in given}
        value = pl.concat_str(pl.lit("|"), pl.col(name).fill_null(""), pl.lit("|"))
        allows = translated(text, lists).str.contains(value, literal=True)
        quarrels.append(_told(name) & ~allows.fill_null(value=True))
    return pl.any_horizontal(*quarrels)


def _told(name: str) -> pl.Expr:
    """Say whether the usage type tells an attribute; being absent tells too where it counts."""
    told = pl.col(name).is_not_null()
    if name in _TOLD_BY_TOKENS:
        return told | pl.col("token_type").is_not_null()
    if name in _TOLD_BY_THROUGHPUT:
        return told | (pl.col("capability") == "provisioned_throughput").fill_null(value=False)
    return told


def with_regions(frame: pl.DataFrame) -> pl.DataFrame:
    """Add region: the column's and the prefix's, which must agree."""
    column = pl.col("product_region_code")
    said = pl.when(column.str.to_lowercase() != "any").then(column)
    prefix = pl.col("prefix_region")
    quarrel = said != prefix
    return frame.with_columns(
        pl.when(quarrel.fill_null(value=False))
        .then(None)
        .otherwise(pl.coalesce(said, prefix))
        .alias("region"),
        pl.when(quarrel)
        .then(
            pl.format(
                "The usage type {} is of {}, the region column says {}.",
                "line_item_usage_type",
                prefix,
                said,
            )
        )
        .alias("region_reason"),
    )
