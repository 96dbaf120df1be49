"""Decode a charge: from its usage type and product columns to typed attributes.

A form of the grammar reads the whole usage type; the structured product columns give the model
where the usage type names none, and must agree with it elsewhere. Nothing is guessed: a string
that no form reads whole, a model that is not listed, or a contradiction leaves the charge
undecoded, with a sentence that says why.
"""

import re
from collections.abc import Iterable, Mapping

import polars as pl

from curecon.grammar import (
    Form,
    Models,
    Words,
    grammar,
    models,
    product_columns,
    regions,
    vocabulary,
)
from curecon.units import unit_table

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
_EDITION = r"(?i)\A\s*(.+?) \(Amazon Bedrock Edition\)\s*$"
_PREFIX = r"\A([A-Z]{2,4}[0-9]?)[-_]"
_SECOND_PREFIX = r"\AMP:([A-Z]{2,4}[0-9]?)_"
# What a prefix looks like, so that an unlisted one is not read as a part of what follows.
_LIKE_A_PREFIX = r"\A[A-Z]{3}[0-9]\z"
_INSTANCE = r"(?i)\A(ml\.[a-z][a-z0-9-]*\.[a-z0-9]+)(?:-(.+))?\z"
_TOLD_BY_TOKENS = ("tier", "context")
_TOLD_BY_THROUGHPUT = ("commitment", "customized")


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
    readings = _readings(charges["line_item_usage_type"].drop_nulls().unique(maintain_order=True))
    frame = charges.join(
        readings, on="line_item_usage_type", how="left", validate="m:1", maintain_order="left"
    ).with_columns(pl.lit(value=False).alias("by_words"), _nothing().alias("words_unit"))
    for words in grammar().words:
        frame = _read_words(frame, words)
    frame = _with_models(frame)
    frame = _with_instance_types(frame)
    frame = _compared_with_columns(frame)
    frame = _with_regions(frame)
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


# --- the usage type ---


def _readings(usage_types: pl.Series) -> pl.DataFrame:
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
    model_key = pl.col(_prefixed("model")) if "model" in form.groups else _nothing()
    return frame.select(
        "stem",
        pl.lit(position, dtype=pl.Int32).alias("form"),
        pl.lit(not form.partial).alias("whole"),
        pl.lit(form.grade).alias("grade"),
        pl.lit(form.wants_model).alias("wants_model"),
        model_key.alias("model_key"),
        pl.coalesce(_nothing(), *unread).alias("unread"),
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
                said.append(_translated(column, values))
    return pl.coalesce(_nothing(), *said)


def _read_words(frame: pl.DataFrame, words: Words) -> pl.DataFrame:
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


# --- the model ---


def _with_models(frame: pl.DataFrame) -> pl.DataFrame:
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
    provider = _translated(given, known.providers)
    said = pl.coalesce(provider, "product_provider")
    training = pl.when(pl.col("capability") == "customization_training").then(
        _picked(chosen, known.training)
    )
    return frame.with_columns(
        pl.coalesce("model", _picked(chosen, known.model)).alias("model"),
        pl.when(_asks_for_model())
        .then(pl.coalesce(_picked(chosen, known.provider), said))
        .otherwise(pl.col("provider"))
        .alias("provider"),
        pl.coalesce("token_type", training).alias("token_type"),
        pl.when(provider != _picked(chosen, known.provider))
        .then(
            pl.format(
                "The provider column says {}, the model {} is of {}.",
                "product_provider",
                _picked(chosen, known.model),
                _picked(chosen, known.provider),
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
            pl.format("{} ({})", _picked(pl.col(f"found_{source}"), known.model), pl.lit(source))
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


# --- the structured product columns ---


def _with_instance_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Compare product_instance_type (`ml.m5.xlarge-Hosting`) with the usage type's instance."""
    column = pl.col("product_instance_type")
    instance = column.str.extract(_INSTANCE, 1).str.to_lowercase()
    end = column.str.extract(_INSTANCE, 2).str.to_lowercase()
    variants = {
        text: given["variant"] for text, given in product_columns().instance_type_end.items()
    }
    machine = pl.col("instance_type").is_not_null()
    variant = pl.when(machine).then(_translated(end, variants))
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


def _compared_with_columns(frame: pl.DataFrame) -> pl.DataFrame:
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
    text = _folded(column)
    quarrels = []
    for name in sorted({name for allowed in table.values() for name in allowed}):
        lists = {key: f"|{'|'.join(given[name])}|" for key, given in table.items() if name in given}
        value = pl.concat_str(pl.lit("|"), pl.col(name).fill_null(""), pl.lit("|"))
        allows = _translated(text, lists).str.contains(value, literal=True)
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


# --- region, unit, reason ---


def _with_regions(frame: pl.DataFrame) -> pl.DataFrame:
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
    text = _folded(pl.col("pricing_unit"))
    missing = pl.when(pl.col("pricing_unit").is_null() & millions).then(pl.lit("units"))
    frame = frame.with_columns(
        pl.coalesce(text, missing).alias("unit_text"), _translated(text, names).alias("unit_name")
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


def _prefixed(group: str) -> str:
    """Name the column of a group apart from the attributes, which may bear the same name."""
    return f"group_{group}"


def _nothing() -> pl.Expr:
    return pl.lit(None, dtype=pl.String)


def _folded(text: pl.Expr) -> pl.Expr:
    """Return text as the registry of units compares it."""
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _translated(text: pl.Expr, meanings: Mapping[str, str]) -> pl.Expr:
    """Return what each text means, null where it is not listed."""
    if not meanings:
        return _nothing()
    return text.replace_strict(
        list(meanings), list(meanings.values()), default=None, return_dtype=pl.String
    )


def _picked(position: pl.Expr, values: tuple[str, ...]) -> pl.Expr:
    """Return the value at each position."""
    return position.replace_strict(
        list(range(len(values))), list(values), default=None, return_dtype=pl.String
    )
