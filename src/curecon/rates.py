"""Rate cards: files of dated prices, each with its source and the day it was checked, as one frame.

A card is read whole or not at all. Everything that is wrong in any card is said at once, so that a
folder of cards is put right in one go. What a card may hold is told in `rates/README.md`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, TypeGuard

import polars as pl
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from curecon import by_hand, frames, money, units
from curecon.by_hand import EVERY_REGION, Currency, Line, Price, Quantity, Regions, widths
from curecon.errors import RatesInvalid
from curecon.models import RateSource, Record
from curecon.vocabulary import priced_as, vocabulary

# A card is written by people. What is larger than this is another kind of file, or an attack.
CARD_BYTES_MAX = 64 * 1024 * 1024
PROBLEMS_SHOWN_MAX = 1000
INTERLOCKED_RATES_MAX = 1000


def _no_discount(price: object) -> object:
    """Say where a price below nothing belongs, before `by_hand.Price` refuses it."""
    if isinstance(price, int | Decimal) and Decimal(price).is_finite() and price < 0:
        raise ValueError("is negative; a discount belongs in the contract")
    return price


class Rate(by_hand.Consistent):
    """One `[[rate]]`: what is priced, where, at what price, from when to when, and who says so."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    select: Annotated[dict[str, Line], Field(min_length=1)]
    regions: Regions
    price: Annotated[Price, BeforeValidator(_no_discount)]
    unit: Line
    starts: date
    ends: date | None = None
    tier_from: Quantity = Decimal(0)
    tier_to: Quantity | None = None
    reference: Line
    checked: date
    unconfirmed: bool | None = None
    source: Line | None = None
    note: Annotated[str, StringConstraints(max_length=4000)] | None = None
    currency: Currency = "USD"

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[str]:
        """Say that days or tiers are reversed, and which words the vocabularies do not know."""
        yield from by_hand.not_after(given)
        low, high = given.get("tier_from", 0), given.get("tier_to")
        if _is_number(low) and _is_number(high) and high <= low:
            yield (
                f"`tier_to` {high} is not above `tier_from` {low}; "
                "leave `tier_to` out in the last tier"
            )
        yield from _foreign_words(given)


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return Decimal(value).is_finite()


class Card(Record):
    """The head of a card; its `[[rate]]` tables are read one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    card: Annotated[Line, StringConstraints(max_length=100)]
    source: Line
    unconfirmed: bool = False


# What a card's own keys should look like, beyond what `by_hand` says of any.
_REMEDIES = {
    "regions": 'is no region code; write one like "us-east-1", or "*" alone for every region',
    "currency": 'is no currency code; write one like "USD"',
    "missing": "is missing; every card and every rate says it",
    "model_type": "[[rate]] is no table; a rate begins with [[rate]]",
}
_COPIED = {"price", "unit", "currency", "starts", "ends", "tier_from", "tier_to", "checked"}


@dataclass(frozen=True, eq=False)
class _CardFile:
    """A card that was read; one content is read once, so each is equal to itself alone."""

    path: Path
    sha256: str
    card: Card
    rates: list[tuple[int, Rate]]


class _PlacedRate(NamedTuple):
    """A rate, and the words by which a person finds it again."""

    place: str
    card: Card
    rate: Rate


def read_cards(folders: list[Path]) -> pl.DataFrame:
    """Read every card that lies directly in the folders.

    Returns:
        One row per rate and region, with the columns of `schema`, in the order of the files.

    Raises:
        RatesInvalid: a card breaks the rules or two rates overlap; one line per problem.
    """
    files, problems = _read_folders(folders)
    rates, overlaps = _rates_of(tuple(files))
    refuse(problems + overlaps)
    assert rates["rate_id"].is_unique().all(), "rates that do not overlap have different ids"
    return rates


@cache
def _rates_of(files: tuple[_CardFile, ...]) -> tuple[pl.DataFrame, list[str]]:
    """Collect the rates of cards, and say which overlap; a process may audit by them often."""
    placed = [
        _PlacedRate(_place(file.path, index, rate.select), file.card, _as_priced(rate))
        for file in files
        for index, rate in file.rates
    ]
    rows = [_row(each, region) for each in placed for region in each.rate.regions]
    return frames.of_records(rows, schema()), _overlaps(placed)


def _as_priced(rate: Rate) -> Rate:
    """Select on what has the price, so that rates of one price by two names are seen to overlap."""
    told = priced_as()
    select = {name: told.get(name, {}).get(text, text) for name, text in rate.select.items()}
    return rate.model_copy(
        update={"select": {name: text for name, text in select.items() if text is not None}}
    )


def card_sources(folders: list[Path]) -> list[RateSource]:
    """Say which cards `read_cards` reads: name, source, digest of the file, number of rates.

    Raises:
        RatesInvalid: a card breaks the rules.
    """
    files, problems = _read_folders(folders)
    refuse(problems)
    return [
        RateSource(
            name=file.card.card,
            source=file.card.source,
            sha256=file.sha256,
            rates=len(file.rates),
        )
        for file in files
    ]


def card_files(folders: list[Path]) -> list[Path]:
    """List the files of the folders that are cards by their name."""
    return _card_paths(folders)[0]


class Inspected(NamedTuple):
    """What folders of cards hold, right or wrong.

    Attributes:
        rates: the rates that are right by themselves, as `read_cards` returns them; they may
            overlap.
        places: where each stands: rate_id, file, number, place (both, and what is priced), note.
        problems: what is wrong, a sentence each; then `read_cards` refuses the cards.
    """

    rates: pl.DataFrame
    places: pl.DataFrame
    problems: list[str]


def inspect(folders: list[Path]) -> Inspected:
    """Read every card of the folders, and say what is wrong instead of refusing it."""
    files, problems = _read_folders(folders)
    rates, overlaps = _rates_of(tuple(files))
    rows = [
        (_rate_id(file.card, _as_priced(rate), region), str(file.path), number,
         _place(file.path, number, rate.select), rate.note)
        for file in files
        for number, rate in file.rates
        for region in rate.regions
    ]  # fmt: skip
    text = pl.String()
    schema = {"rate_id": text, "file": text, "number": pl.Int64(), "place": text, "note": text}
    return Inspected(rates, frames.of_rows(rows, schema), problems + overlaps)


def schema() -> dict[str, pl.DataType]:
    """Return the columns of the frame of rates with their types."""
    text, day = pl.String(), pl.Date()
    return {
        **dict.fromkeys(("rate_id", "source_kind", "card", "source", "reference"), text),
        **dict.fromkeys(vocabulary(), text),
        "region": text,
        "price": pl.Decimal(*widths(money.PRICE)),
        **dict.fromkeys(("unit", "currency"), text),
        **dict.fromkeys(("starts", "ends"), day),
        **dict.fromkeys(("tier_from", "tier_to"), pl.Decimal(*widths(money.QUANTITY))),
        "checked": day,
        "unconfirmed": pl.Boolean(),
    }


def refuse(problems: list[str]) -> None:
    """Raise `RatesInvalid` with all problems, if there are any."""
    if problems:
        shown = problems[:PROBLEMS_SHOWN_MAX]
        if len(problems) > len(shown):
            shown.append(f"... and {len(problems) - len(shown)} more problems")
        raise RatesInvalid("\n".join(shown))


def _read_folders(folders: Iterable[Path]) -> tuple[list[_CardFile], list[str]]:
    """Read the cards, and say in sentences what is wrong with them."""
    files: list[_CardFile] = []
    paths, problems = _card_paths(folders)
    for path in paths:
        file, wrong = _read_card(path)
        files += [file] if file else []
        problems += wrong
    named: dict[str, Path] = {}
    for file in files:
        other = named.setdefault(file.card.card, file.path)
        if other is not file.path:
            problems.append(
                f"{by_hand.shown(file.path)}: `card` is {file.card.card!r}, "
                f"as in {by_hand.shown(other)}; give each card its own name"
            )
    return files, problems


def _card_paths(folders: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """List the cards of each folder once; hidden files are an editor's, not cards."""
    paths: list[Path] = []
    problems = []
    seen = set()
    for folder in folders:
        try:
            status = folder.stat()
            names = sorted(entry.name for entry in folder.iterdir())
        except (OSError, ValueError) as error:
            problems.append(
                f"{by_hand.shown(folder)} is no folder of rate cards: {by_hand.short(str(error))}"
            )
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        paths += [
            folder / name
            for name in names
            if name.endswith(".toml") and not name.startswith(".") and name != "attributes.toml"
        ]
    return paths, problems


def _read_card(path: Path) -> tuple[_CardFile | None, list[str]]:
    try:
        file, problems = _card_of(path, by_hand.content(path, "card", CARD_BYTES_MAX))
    except by_hand.Unreadable as error:
        return None, [str(error)]
    return file, list(problems)


@cache
def _card_of(path: Path, content: bytes) -> tuple[_CardFile | None, list[str]]:
    """Check a card's content; one run asks for the same card several times."""
    document = by_hand.table(path, content)
    tables = document.pop("rate", [])
    card, problems = by_hand.checked(Card, document, by_hand.shown(path), _REMEDIES)
    if not isinstance(tables, list) or not tables:
        return None, [
            *problems,
            f"{by_hand.shown(path)}: holds no [[rate]] table; add one or remove it",
        ]
    rates = []
    for index, table in enumerate(tables, start=1):
        place = _place(path, index, table.get("select") if isinstance(table, dict) else None)
        rate, wrong = by_hand.checked(Rate, table, place, _REMEDIES)
        rates += [(index, rate)] if rate else []
        problems += wrong
    if not card:  # its rates are held against others all the same
        card = Card.model_construct(card=by_hand.shown(path), source="")
    return _CardFile(path, hashlib.sha256(content).hexdigest(), card, rates), problems


def _foreign_words(given: Mapping[str, object]) -> Iterator[str]:
    """Say which attributes, values and units the vocabularies do not know."""
    known, select, unit = vocabulary(), given.get("select"), given.get("unit")
    for name, value in select.items() if isinstance(select, dict) else []:
        values = known.get(name)
        if name not in known:
            every = ", ".join(known)
            yield f"`select.{by_hand.short(name)}` is unknown; the attributes are {every}"
        elif isinstance(value, str) and values is not None and value not in values:
            yield (
                f"`select.{name}` is {by_hand.short(value)!r}; "
                f"it is one of {', '.join(sorted(values))}"
            )
    if isinstance(unit, str) and units.canonical(unit) is None:
        yield (
            f"`unit` {by_hand.short(unit)!r} is unknown; "
            "use a name of rates/reference/units.toml, or add it there"
        )


def _place(path: Path, index: int, select: object) -> str:
    words = select if isinstance(select, dict) else {}
    described = [
        by_hand.short(value, 60)
        for name, value in words.items()
        if isinstance(value, str) and name not in {"service", "provider"}
    ]
    return f"{by_hand.shown(path)}: rate {index} ({', '.join(described) or 'selects nothing'})"


def _row(placed: _PlacedRate, region: str) -> dict[str, object]:
    card, rate = placed.card, placed.rate
    unconfirmed = card.unconfirmed if rate.unconfirmed is None else rate.unconfirmed
    return {
        "rate_id": _rate_id(card, rate, region),
        "source_kind": "card",
        "card": card.card,
        "source": rate.source or card.source,
        "reference": rate.reference,
        **dict.fromkeys(vocabulary()),
        **rate.select,
        "region": region,
        **rate.model_dump(include=_COPIED),
        "unconfirmed": unconfirmed,
    }


def _rate_id(card: Card, rate: Rate, region: str) -> str:
    """Name a rate by what makes it unique, so that a rate added above it changes nothing."""
    identity = [
        sorted(rate.select.items()),
        region,
        rate.unit,
        rate.starts.isoformat(),
        money.plain(rate.tier_from),
    ]
    return f"{card.card}:{hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]}"


def _overlaps(placed: list[_PlacedRate]) -> list[str]:
    """Say which rates would price the same charge on the same day.

    Rates can meet when they select the same, in the same region or one of them in every region.
    They are split where their days do not touch, then where their tiers do not, and once more by
    days; only what is still together is compared pair by pair, so a large folder costs a sort.
    """
    rows = _spread_over_regions(placed).with_columns(island=pl.struct("key", "region").rle_id())
    for start, end in (("starts", "ends"), ("tier_from", "tier_to"), ("starts", "ends")):
        rows = _split_where_untouched(rows, start, end)
    together = rows.with_columns(size=pl.len().over("island")).filter(pl.col("size") > 1)
    crowds = together.filter(pl.col("size") > INTERLOCKED_RATES_MAX).unique("island")
    problems = [
        f"{placed[index].place} overlaps or interlocks with {size - 1} rates of the same charge; "
        "let all tiers change on the same days"
        for index, size in crowds.sort("index").select("index", "size").rows()
    ]
    pairs = _overlapping_pairs(together.filter(pl.col("size") <= INTERLOCKED_RATES_MAX))
    for later, earlier, regions, count in pairs.rows():
        more = "" if count <= len(regions) else f" and {count - len(regions)} more"
        problems.append(
            f"{placed[later].place} overlaps with {placed[earlier].place} in "
            f"{', '.join(regions)}{more}; give the older one an `ends`, or remove one"
        )
    return problems


def _spread_over_regions(placed: list[_PlacedRate]) -> pl.DataFrame:
    """Give every rate a row per region; one for every region meets each region that is named."""
    quantity = pl.Decimal(*widths(money.QUANTITY))
    no_end, no_limit = date.max, Decimal(10**12 - 1)
    rows = frames.of_rows(
        [
            (
                index,
                json.dumps(sorted(rate.select.items())),
                region,
                rate.starts,
                rate.ends or no_end,
                rate.tier_from,
                no_limit if rate.tier_to is None else rate.tier_to,
            )
            for index, (_, _, rate) in enumerate(placed)
            for region in rate.regions
        ],
        {
            "index": pl.Int64,
            "key": pl.String,
            "region": pl.String,
            "starts": pl.Date,
            "ends": pl.Date,
            "tier_from": quantity,
            "tier_to": quantity,
        },
    )
    everywhere = pl.col("region") == EVERY_REGION
    named = rows.filter(~everywhere).select("key", "region").unique()
    met = rows.filter(everywhere).drop("region").join(named, on="key").select(rows.columns)
    return pl.concat([rows, met]).sort("key", "region")


def _split_where_untouched(rows: pl.DataFrame, start: str, end: str) -> pl.DataFrame:
    """Number the islands of rows whose intervals touch; rows of two islands cannot overlap."""
    reach = pl.col(end).cum_max().shift(1).over("island")
    begins = reach.is_null() | (pl.col(start) >= reach)
    return rows.sort("island", start, "index").with_columns(island=begins.cum_sum())


def _overlapping_pairs(together: pl.DataFrame) -> pl.DataFrame:
    """Pair each rate with the first that it overlaps: both indexes, three regions, their count."""
    return (
        together.join(together, on="island", suffix="_other")
        .filter(
            pl.col("index") > pl.col("index_other"),
            pl.col("starts") < pl.col("ends_other"),
            pl.col("starts_other") < pl.col("ends"),
            pl.col("tier_from") < pl.col("tier_to_other"),
            pl.col("tier_from_other") < pl.col("tier_to"),
        )
        .filter(pl.col("index_other") == pl.col("index_other").min().over("index"))
        .group_by("index", "index_other")
        .agg(
            pl.col("region").unique().sort().head(3),
            pl.col("region").n_unique().alias("count"),
        )
        .sort("index")
    )


def overview(rates: pl.DataFrame, words: str = "", region: str | None = None) -> pl.DataFrame:
    """Return what a person looks for in the frame of rates: the charge, its price, its source.

    Args:
        rates: as `read_cards` returns them.
        words: keep rates in which each of these words occurs, in any case.
        region: keep rates of this region and of every region.
    """
    charge = pl.concat_str(
        [pl.col(name) for name in vocabulary() if name != "service"],
        separator=" · ",
        ignore_nulls=True,
    )
    shown = rates.with_columns(charge.alias("charge")).select(
        "service", "charge", "region", "price", "unit", "starts", "ends", "unconfirmed",
        "source", "reference", "currency", "tier_from", "tier_to",
    )  # fmt: skip
    if region is not None:
        shown = shown.filter(pl.col("region").is_in([region, EVERY_REGION]))
    everything = pl.concat_str(pl.all().cast(pl.String), separator=" ", ignore_nulls=True)
    for word in words.lower().split():
        shown = shown.filter(everything.str.to_lowercase().str.contains(word, literal=True))
    return shown.sort("service", "charge", "region", "starts", "tier_from", "currency")
