"""The grammar of usage types and the reference data, read from `rates/`.

`rates/usage_types/*.toml` holds forms, one file a family. A form reads a whole usage type, without
its region prefix, into attributes of `rates/attributes.toml`. How models are spelled, which prefix
a region has and what the structured product columns mean lie in `rates/reference/`. Everything is
checked when it is read.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curecon.errors import RatesInvalid
from curecon.packaged import folder
from curecon.units import canonical, fold
from curecon.vocabulary import toml, vocabulary

Grade = Literal["real", "aws-authored", "third-party", "unconfirmed"]

_GROUP = re.compile(r"\(\?P?<([a-z_]+)>")
_CONTEXT_SIZE = re.compile(r":\d+k\Z")
_SNAPSHOT = re.compile(r"(?:-\d{8})?(?:-v1(?::\d+)?)?\Z")


class _Data(BaseModel):
    """A part of a data file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_Kind = TypeVar("_Kind", bound=_Data)


# --- forms ---


class _FormData(_Data):
    """A form as the file states it."""

    name: str
    grade: Grade
    source: str
    pattern: str
    unless: list[str] = []
    model_from: Literal["product"] | None = None
    partial: bool = False
    fixed: dict[str, str] = Field(alias="set")
    units: dict[str, str] = {}
    examples: list[str] = []


class Words(_Data):
    """What is recognised by words in one field, when no form reads the usage type whole."""

    name: str
    grade: Grade
    source: str
    products: list[str]
    """Product or service codes that the charge must have."""
    fields: list[str]
    contains_all: list[str]
    contains_any: list[str]
    fixed: dict[str, str] = Field(alias="set")
    unit: str


class _Family(_Data):
    """One file of `rates/usage_types/`."""

    maps: dict[str, dict[str, dict[str, str]]] = Field(alias="map", default={})
    form: list[_FormData] = []
    words: list[Words] = []


@dataclass(frozen=True)
class Form:
    """A form: which usage types it reads, and what it makes of them.

    A group of the pattern is `model` (looked up in the models), or has a map from its text to
    attributes, or bears the name of an attribute that takes its text as it is. What follows `__`
    in a group's name only tells two places of one map apart.
    """

    family: str
    name: str
    grade: Grade
    source: str
    pattern: str
    unless: tuple[str, ...]
    """A usage type that contains one of these is read by another form."""
    wants_model: bool
    partial: bool
    """Only a part of the usage type is known: such a form never reads one fully."""
    fixed: dict[str, str]
    maps: dict[str, dict[str, dict[str, str]]]
    units: dict[str, str]
    """What the quantity counts when the bill calls the unit by the (folded) key."""
    examples: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def whole(self) -> str:
        """Return the pattern, anchored at both ends."""
        return rf"\A(?:{self.pattern})\z"

    def meaning(self, group: str) -> dict[str, dict[str, str]] | None:
        """Return the map of a group from text to attributes, or None when it has none."""
        return self.maps.get(_base(group))

    def takes(self, group: str) -> str:
        """Return the attribute that a group without a map gives its text to."""
        return _base(group)


@dataclass(frozen=True)
class Grammar:
    """All forms, and what is recognised by words."""

    forms: tuple[Form, ...]
    words: tuple[Words, ...]


@cache
def grammar() -> Grammar:
    """Read the forms of the packaged `rates/usage_types`."""
    return read_grammar(folder("rates") / "usage_types")


def read_grammar(path: Path) -> Grammar:
    """Read the forms of a folder.

    Raises:
        RatesInvalid: a file breaks the rules; the message names the file and the form.
    """
    families = [(file, _validate(file, _Family)) for file in sorted(path.glob("*.toml"))]
    if not families:
        raise RatesInvalid(f"{path} holds no usage types")
    for file, family in families:
        for words in family.words:
            check_attributes(f"{file.name}, {words.name}", words.fixed)
    return Grammar(
        forms=tuple(_form(file, family, data) for file, family in families for data in family.form),
        words=tuple(words for _, family in families for words in family.words),
    )


def check_attributes(where: str, attributes: dict[str, str]) -> None:
    """Refuse attributes and values that `attributes.toml` does not list."""
    for name, text in attributes.items():
        if name not in vocabulary():
            raise RatesInvalid(f"{where}: attributes.toml has no attribute {name}")
        allowed = vocabulary()[name]
        if allowed is not None and text not in allowed:
            raise RatesInvalid(f"{where}: attributes.toml does not allow {name} = {text}")


def _form(file: Path, family: _Family, data: _FormData) -> Form:
    where = f"{file.name}, {data.name}"
    groups = tuple(_GROUP.findall(data.pattern))
    maps = {base: family.maps[base] for base in map(_base, groups) if base in family.maps}
    check_attributes(where, data.fixed)
    for meanings in maps.values():
        for meaning in meanings.values():
            check_attributes(where, meaning)
    for base in map(_base, groups):
        if base not in maps and base != "model" and vocabulary().get(base, ()) is not None:
            raise RatesInvalid(f"{where}: the group {base} has no map and is no free attribute")
    for unit in data.units.values():
        if canonical(unit) != unit:
            raise RatesInvalid(f"{where}: {unit} is no canonical unit")
    form = Form(
        family=file.stem,
        name=data.name,
        grade=data.grade,
        source=data.source,
        pattern=data.pattern,
        unless=tuple(data.unless),
        wants_model="model" in groups or data.model_from == "product",
        partial=data.partial,
        fixed=data.fixed,
        maps=maps,
        units={fold(text): unit for text, unit in data.units.items()},
        examples=tuple(data.examples),
        groups=groups,
    )
    try:
        pl.Series([""]).str.contains(form.whole)
    except pl.exceptions.ComputeError as error:
        raise RatesInvalid(f"{where}: the pattern is no regular expression: {error}") from error
    return form


def _base(group: str) -> str:
    return group.partition("__")[0]


# --- models ---


class _ModelData(_Data):
    """A model as the file states it."""

    provider: str
    model: str
    training: str = "training_token"
    keys: list[str] = []
    ids: list[str] = []
    names: list[str] = []


class _ModelFile(_Data):
    """The file `models.toml`."""

    profiles: list[str]
    providers: dict[str, str]
    model: list[_ModelData]


@dataclass(frozen=True)
class Models:
    """The models, by position, and their spellings (lower case) with the position each means."""

    provider: tuple[str, ...]
    model: tuple[str, ...]
    training: tuple[str, ...]
    """The token type that customization of the model counts."""
    spellings: dict[str, int]
    profiles: tuple[str, ...]
    providers: dict[str, str]
    """Spellings of providers, in lower case, with the pricing page's spelling."""

    def find(self, text: str) -> int | None:
        """Return the position of the model that a text spells whole, or None.

        An id may carry an inference profile before it, and a date, version 1 or a context size
        after it; any other version is another model.
        """
        spelling = text.strip().lower()
        for plain in (spelling, *self._without_profile(spelling)):
            for known in (plain, _CONTEXT_SIZE.sub("", plain)):
                for short in (known, _SNAPSHOT.sub("", known, count=1)):
                    if short in self.spellings:
                        return self.spellings[short]
        return None

    def beyond(self, text: str, position: int) -> str | None:
        """Return what a text has after a known spelling of a model, or None."""
        key = text.strip().lower()
        for spelling, known in self.spellings.items():
            if known == position and key.startswith(f"{spelling}-"):
                return text.strip()[len(spelling) :]
        return None

    def _without_profile(self, spelling: str) -> list[str]:
        return [
            spelling.removeprefix(f"{profile}.")
            for profile in self.profiles
            if spelling.startswith(f"{profile}.")
        ]


@cache
def models() -> Models:
    """Read the packaged `rates/reference/models.toml`."""
    return read_models(folder("rates") / "reference" / "models.toml")


def read_models(path: Path) -> Models:
    """Read how models are spelled.

    Raises:
        RatesInvalid: the file breaks the rules, or one spelling stands for two models.
    """
    data = _validate(path, _ModelFile)
    spellings: dict[str, int] = {}
    for position, entry in enumerate(data.model):
        check_attributes(f"{path.name}, {entry.model}", {"token_type": entry.training})
        own = (entry.model, f"{entry.provider} {entry.model}")
        for text in (*own, *entry.keys, *entry.ids, *entry.names):
            if spellings.setdefault(text.lower(), position) != position:
                other = data.model[spellings[text.lower()]].model
                raise RatesInvalid(f"{path.name}: {text} stands for {other} and {entry.model}")
    providers = {entry.provider.lower(): entry.provider for entry in data.model}
    providers |= {text.lower(): provider for text, provider in data.providers.items()}
    return Models(
        provider=tuple(entry.provider for entry in data.model),
        model=tuple(entry.model for entry in data.model),
        training=tuple(entry.training for entry in data.model),
        spellings=spellings,
        profiles=tuple(data.profiles),
        providers=providers,
    )


# --- regions and product columns ---


@cache
def regions() -> pl.DataFrame:
    """Return region_code, usage_type_prefix, location_name of every region, one row each."""
    path = folder("rates") / "reference" / "regions.csv"
    return pl.read_csv(path, comment_prefix="#", infer_schema=False)


@cache
def region_codes() -> tuple[str, ...]:
    """Return the codes of the regions whose usage types can be told apart."""
    return tuple(regions()["region_code"])


class ProductColumns(_Data):
    """The file `product_columns.toml`: text (lower case) -> attribute -> allowed values."""

    inference_type: dict[str, dict[str, list[str]]]
    feature: dict[str, dict[str, list[str]]]
    model_end: dict[str, dict[str, list[str]]]
    instance_type_end: dict[str, dict[str, str]]


@cache
def product_columns() -> ProductColumns:
    """Read what the structured product columns of CUR 2.0 mean."""
    path = folder("rates") / "reference" / "product_columns.toml"
    data = _validate(path, ProductColumns)
    for texts in (data.inference_type, data.feature, data.model_end):
        for text, allowed in texts.items():
            for name, values in allowed.items():
                for value in filter(None, values):
                    check_attributes(f"{path.name}, {text}", {name: value})
    for text, attributes in data.instance_type_end.items():
        check_attributes(f"{path.name}, {text}", attributes)
    return ProductColumns(
        inference_type={fold(text): allowed for text, allowed in data.inference_type.items()},
        feature={fold(text): allowed for text, allowed in data.feature.items()},
        model_end={fold(text): allowed for text, allowed in data.model_end.items()},
        instance_type_end=data.instance_type_end,
    )


def _validate(path: Path, kind: type[_Kind]) -> _Kind:
    try:
        return kind.model_validate(toml(path))
    except ValidationError as error:
        raise RatesInvalid(f"{path.name} breaks the rules: {error}") from error
