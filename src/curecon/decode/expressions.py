"""Expressions over columns of text that several parts of decoding are made of."""

from collections.abc import Mapping

import polars as pl


def nothing() -> pl.Expr:
    """Return text that is null."""
    return pl.lit(None, dtype=pl.String)


def folded(text: pl.Expr) -> pl.Expr:
    """Return text as the registry of units compares it."""
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def translated(text: pl.Expr, meanings: Mapping[str, str]) -> pl.Expr:
    """Return what each text means, null where it is not listed."""
    if not meanings:
        return nothing()
    return text.replace_strict(
        list(meanings), list(meanings.values()), default=None, return_dtype=pl.String
    )


def picked(position: pl.Expr, values: tuple[str, ...]) -> pl.Expr:
    """Return the value at each position."""
    return position.replace_strict(
        list(range(len(values))), list(values), default=None, return_dtype=pl.String
    )
