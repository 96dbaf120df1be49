"""The usage type itself: region prefixes, the form that reads the rest, and what it says."""

from collections.abc import Mapping

import polars as pl

from curecon.decode.expressions import nothing, translated
from curecon.grammar import Form, Words, grammar, regions
from curecon.vocabulary import vocabulary

_PREFIX = r"\A([A-Z]{2,4}[0-9]?)[-_]"
_SECOND_PREFIX = r"\AMP:([A-Z]{2,4}[0-9]?)_"
# What a prefix looks like, so that an unlisted one is not read as a part of what follows.
_LIKE_A_PREFIX = r"\A[A-Z]{3}[0-9]\z"


def read_whole(usage_types: pl.Series) -> pl.DataFrame:
    """Read distinct usage types.

    Returns line_item_usage_type, prefix_region, stem, form (its position, null when none or two
    forms read it), whole, grade, model_key, the attributes, and text_reason.
    """
    split = _split(usage_types)
    stems = split["stem"].drop_nulls().unique(maintain_order=True)
    read = _read(stems)
    frame = split.join(read, on="stem", how="left", validate="m:1", maintain_order="left")
    shown = pl.col("line_item_usage_type")
    return frame.with_columns(
        pl.coalesce(
            pl.col("prefix_reason"),
            pl.when(pl.col("forms") > 1).then(
                pl.format("The usage type {} has two readings.", shown)
            ),
            pl.when(pl.col("forms").is_null()).then(
                pl.format("The usage type {} is not known.", shown)
            ),
            pl.when(pl.col("unread").is_not_null()).then(
                pl.format("The part {} of the usage type {} is not known.", "unread", shown)
            ),
            pl.when(~pl.col("whole")).then(
                pl.format("Only a part of usage types like {} is known.", shown)
            ),
        ).alias("text_reason")
    ).drop("prefix_reason", "forms", "unread")


def _split(usage_types: pl.Series) -> pl.DataFrame:
    """Take the region prefixes off: line_item_usage_type, prefix_region, stem, prefix_reason."""
    region_of = dict(regions().select("usage_type_prefix", "region_code").iter_rows())
    text = pl.col("line_item_usage_type")
    frame = usage_types.to_frame("line_item_usage_type").with_columns(
        text.str.extract(_PREFIX).alias("first")
    )
    first_known = pl.col("first").is_in(list(region_of))
    frame = frame.with_columns(
        pl.when(first_known)
        .then(text.str.slice(pl.col("first").str.len_chars() + 1))
        .otherwise(text)
        .alias("stem"),
    ).with_columns(pl.col("stem").str.extract(_SECOND_PREFIX).alias("second"))
    second_known = pl.col("second").is_in(list(region_of))
    strange = pl.coalesce(
        pl.when(~known & pl.col(name).str.contains(_LIKE_A_PREFIX)).then(pl.col(name))
        for name, known in (("first", first_known), ("second", second_known))
    )
    reason = pl.coalesce(
        pl.when(strange.is_not_null()).then(
            pl.format("No region has the prefix {} of the usage type {}.", strange, text)
        ),
        pl.when(first_known & second_known & (pl.col("first") != pl.col("second"))).then(
            pl.format("The usage type {} names two regions.", text)
        ),
    )
    code = pl.coalesce("first", "second").replace_strict(region_of, default=None)
    return frame.with_columns(reason.alias("prefix_reason")).select(
        "line_item_usage_type",
        pl.when(pl.col("prefix_reason").is_null())
        .then(pl.when(first_known | second_known).then(code))
        .alias("prefix_region"),
        pl.when(pl.col("prefix_reason").is_null())
        .then(
            pl.when(second_known)
            .then(pl.lit("MP:") + pl.col("stem").str.replace(_SECOND_PREFIX, ""))
            .otherwise(pl.col("stem"))
        )
        .alias("stem"),
        "prefix_reason",
    )


def _read(stems: pl.Series) -> pl.DataFrame:
    """Read distinct stems: stem, forms (how many read it), form, whole, grade, model_key, ..."""
    forms = grammar().forms
    whole = _matches(stems, {i: form for i, form in enumerate(forms) if not form.partial})
    rest = stems.filter(~stems.is_in(whole["stem"].implode()))
    partial = _matches(rest, {i: form for i, form in enumerate(forms) if form.partial})
    matches = pl.concat([whole, partial])
    counted = matches.group_by("stem").agg(pl.len().alias("forms"), pl.col("form").first())
    once = counted.filter(pl.col("forms") == 1)
    taken = [
        _extract(forms[position], position, part["stem"])
        for (position,), part in once.group_by(["form"], maintain_order=True)
    ]
    empty = _extract(forms[0], 0, pl.Series([], dtype=pl.String))
    return counted.select("stem", "forms").join(
        pl.concat([empty, *taken]), on="stem", how="left", validate="1:1"
    )


def _matches(stems: pl.Series, forms: Mapping[int, Form]) -> pl.DataFrame:
    """Return stem, form (its position): a row for each form that reads a stem."""
    stem = pl.col("stem")
    tests = [
        (
            stem.str.contains(form.whole)
            & ~pl.any_horizontal(
                pl.lit(value=False), *(stem.str.contains(t, literal=True) for t in form.unless)
            )
        ).alias(str(position))
        for position, form in forms.items()
    ]
    tested = stems.to_frame("stem").select(tests)
    hits = [
        pl.DataFrame({"stem": stems.filter(tested[str(position)])}).with_columns(
            pl.lit(position, dtype=pl.Int32).alias("form")
        )
        for position in forms
    ]
    return pl.concat([pl.DataFrame(schema={"stem": pl.String, "form": pl.Int32}), *hits])


def _extract(form: Form, position: int, stems: pl.Series) -> pl.DataFrame:
    """Take what a form says of stems that it reads: its attributes, the model's key, ..."""
    frame = stems.to_frame("stem")
    if form.groups:
        groups = frame.select(pl.col("stem").str.extract_groups(form.whole)).unnest("stem")
        frame = pl.concat([frame, groups.rename(_prefixed)], how="horizontal")
    unread = [
        pl.when(~pl.col(_prefixed(group)).is_in(list(meaning))).then(pl.col(_prefixed(group)))
        for group in form.groups
        if (meaning := form.meaning(group)) is not None
    ]
    model_key = pl.col(_prefixed("model")) if "model" in form.groups else nothing()
    return frame.select(
        "stem",
        pl.lit(position, dtype=pl.Int32).alias("form"),
        pl.lit(not form.partial).alias("whole"),
        pl.lit(form.grade).alias("grade"),
        pl.lit(form.wants_model).alias("wants_model"),
        model_key.alias("model_key"),
        pl.coalesce(nothing(), *unread).alias("unread"),
        *(_attribute(form, name).alias(name) for name in vocabulary()),
    )


def _attribute(form: Form, name: str) -> pl.Expr:
    """Return what a form's fixed attributes and groups say of an attribute."""
    said = [pl.lit(form.fixed[name])] if name in form.fixed else []
    for group in form.groups:
        meaning = form.meaning(group)
        column = pl.col(_prefixed(group))
        if meaning is None and form.takes(group) == name != "model":
            said.append(column)
        elif meaning is not None:
            values = {text: given[name] for text, given in meaning.items() if name in given}
            if values:
                said.append(translated(column, values))
    return pl.coalesce(nothing(), *said)


def _prefixed(group: str) -> str:
    """Name the column of a group apart from the attributes, which may bear the same name."""
    return f"group_{group}"


def read_words(frame: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Read charges that no form reads whole by words in one of their fields."""
    product = pl.any_horizontal(
        pl.col("line_item_product_code").is_in(words.products),
        pl.col("product_servicecode").is_in(words.products),
    ).fill_null(value=False)
    spoken = pl.any_horizontal(*(_speaks(pl.col(name), words) for name in words.fields))
    found = pl.col("text_reason").is_not_null() | pl.col("line_item_usage_type").is_null()
    says = found & product & spoken & ~pl.col("by_words")
    given = {name: words.fixed.get(name) for name in vocabulary()}
    given |= {"grade": words.grade, "words_unit": words.unit, "text_reason": None}
    flags = {"by_words": True, "wants_model": False}
    return frame.with_columns(
        pl.when(says).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in (given | flags).items()
    )


def _speaks(column: pl.Expr, words: Words) -> pl.Expr:
    lower = column.str.to_lowercase()
    every = [lower.str.contains(word, literal=True) for word in words.contains_all]
    one = [lower.str.contains(word, literal=True) for word in words.contains_any]
    return (pl.all_horizontal(*every) & pl.any_horizontal(*one)).fill_null(value=False)
