"""Which rates could price a charge, and why each was taken or refused: for a person who asks.

`matching` decides, and knows only what fits. Here its own answers are put into sentences, and what
it never looked at because it does not fit is compared with the charge, attribute by attribute.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import polars as pl

from curecon import matching
from curecon.by_hand import EVERY_REGION
from curecon.differences import REGION, Difference, differing, in_every_region, some_of, told
from curecon.models import Money, Record
from curecon.money import fits_price, plain
from curecon.report.figures import EXACT, number
from curecon.report.text import visible
from curecon.vocabulary import vocabulary

CANDIDATES_MAX = 10
"""Candidates shown of a line: the taken one, and those that differ in the fewest attributes."""

TIMES = "\N{MULTIPLICATION SIGN}"

# How surely a rate fits, in words; the order is that of `matching`.
_SOURCES = {
    matching.RANK["contract"]: "the contract",
    matching.RANK["rate_code"]: "a price list by rate code",
    matching.RANK["sku"]: "a price list by SKU",
    matching.RANK["usage_type"]: "a price list by usage type",
    matching.RANK["card"]: "a rate card",
}
_TAKEN = {
    matching.RANK["contract"]: "The contract agrees it, which goes before every public source.",
    matching.RANK["rate_code"]: "The bill names its rate code.",
    matching.RANK["sku"]: "The bill names its SKU.",
    matching.RANK["usage_type"]: "AWS lists it for this usage type, operation and region.",
    matching.RANK["card"]: "Every attribute of the charge is the rate's.",
}
_SUREST = {
    "contract": matching.RANK["contract"],
    "price_list": matching.RANK["rate_code"],
    "card": matching.RANK["card"],
}
# Below every source: what the audit prices no charge by, such as the rate of a savings plan.
_LAST = matching.RANK["card"] + 1
_STATED = (
    "rate_id", "source_kind", "source", "price", "unit", "currency", "tier_from", "tier_to",
)  # fmt: skip


class Candidate(Record):
    """A rate that could be taken for the charge's, and why it was or was not.

    Rates that differ from each other in nothing but a region that is not the charge's are one
    candidate with several regions.
    """

    verdict: Literal["taken", "refused"]
    why: str
    rate_id: str
    source_kind: str
    source: str
    reference: str
    selects: dict[str, str]
    regions: list[str]
    price: Money
    unit: str
    currency: str
    starts: str | None
    ends: str | None
    tier_from: Money | None
    tier_to: Money | None
    checked: str | None
    unconfirmed: bool
    later: bool
    differences: list[Difference]


class Charge(NamedTuple):
    """A charge on one day: its key, the rates taken for it, and all that the audit matched.

    Where a line crosses tiers, several are taken.
    """

    key: pl.DataFrame
    day: date
    taken: tuple[str, ...]
    audited: frozenset[str]

    @property
    def facts(self) -> dict[str, Any]:
        """The one row of the key."""
        return self.key.row(0, named=True)


@dataclass(frozen=True)
class Pool:
    """Every rate that is known: of the sources at hand, and what a ledger remembers of others.

    A ledger keeps no attributes of a rate, so `remembered` has those of a charge that it prices;
    `prices` is the usage type of that charge.
    """

    known: pl.DataFrame
    remembered: pl.DataFrame
    _answers: dict[tuple[int, date, tuple[str, ...]], tuple[list[Candidate], int]] = field(
        default_factory=dict
    )

    def candidates(self, charge: Charge) -> tuple[list[Candidate], int]:
        """Return the candidates of a charge, and how many more there are."""
        place = (charge.facts["charge_key_id"], charge.day, charge.taken)
        if place not in self._answers:
            self._answers[place] = _candidates(charge, self)
        return self._answers[place]


def _candidates(charge: Charge, pool: Pool) -> tuple[list[Candidate], int]:
    key = charge.facts
    if key["kind"] not in matching.PRICED_KINDS:
        return [], 0
    standing = _standing(charge, pool.known)
    near = pl.concat(
        [_near(charge, pool.known, standing), _near(charge, pool.remembered, standing)],
        how="diagonal_relaxed",
    )
    standing = standing._replace(surest=_surest(charge, standing, near))
    judged = [
        _judged(row, charge, standing)
        for row in near.iter_rows(named=True)
        # The day of a list's own publication is over for the row that stands for the time before.
        if not (row["later"] and charge.day >= row["ends"])
    ]
    every = _joined(sorted(judged, key=_nearness))
    shown = [_candidate(one, charge, standing) for one in every[:CANDIDATES_MAX]]
    return shown, len(every) - len(shown)


def _near(charge: Charge, known: pl.DataFrame, standing: "_Standing") -> pl.DataFrame:
    """Keep the rates that share something telling with a charge."""
    key = charge.facts
    fits = [*standing.fits, *charge.audited, *charge.taken]
    tests = [pl.col("rate_id").is_in(fits)]
    telling = [name for name in ("model", "instance_type") if key[name] is not None]
    tests += [pl.col(name) == key[name] for name in telling]
    if not telling and key["capability"] is not None and key["undecoded_reason"] is None:
        tests.append(
            (pl.col("service") == key["service"]) & (pl.col("capability") == key["capability"])
        )
    if key["line_item_usage_type"] is not None:
        tests.append(pl.col("usage_type").is_in(in_every_region(key["line_item_usage_type"])))
    if key["product_sku"] is not None:
        tests.append(pl.col("sku") == key["product_sku"])
    if key["pricing_rate_code"] is not None:
        tests.append(pl.col("rate_code") == key["pricing_rate_code"])
    return known.filter(pl.any_horizontal(test.fill_null(value=False) for test in tests))


class _Fit(NamedTuple):
    """A rate that fits a charge, by the surest way in which it does."""

    rank: int
    rate_unit: str
    factor: str | None
    key_price: Decimal | None


class _Standing(NamedTuple):
    """What `matching` makes of a charge on its day; `surest` is the rank that decided."""

    fits: dict[str, _Fit]
    surest: int | None
    nearest: frozenset[str]
    ambiguous: bool


def _standing(charge: Charge, known: pl.DataFrame) -> _Standing:
    matched = matching.candidates(charge.key, known, list(vocabulary()))
    converted = matching.in_units_of_the_key(matched).sort("rank", "rate_id")
    fits: dict[str, _Fit] = {}
    for rate_id, *fit in converted.select("rate_id", *_Fit._fields).iter_rows():
        fits.setdefault(rate_id, _Fit(*fit))
    usable = converted.filter(pl.col("key_price").is_not_null())
    chosen = _on(matching.best_at_each_time(usable), charge.day)
    today = _on(usable, charge.day)
    best = today.filter(pl.col("rank") == pl.col("rank").min()).with_columns(
        starts=pl.lit(charge.day)
    )
    nearest = matching.nearest_snapshot(best)
    return _Standing(
        fits,
        fits[best["rate_id"][0]].rank if best.height else None,
        frozenset(nearest["rate_id"]),
        bool(chosen["ambiguous"].any()),
    )


def _surest(charge: Charge, standing: _Standing, near: pl.DataFrame) -> int | None:
    """Return the rank of the rate taken, also of one that only the ledger remembers."""
    for rate_id in charge.taken:
        if rate_id in standing.fits:
            return standing.fits[rate_id].rank
    kinds = near.filter(pl.col("rate_id").is_in(charge.taken))["source_kind"].to_list()
    return _SUREST.get(kinds[0]) if kinds else standing.surest


def _on(dated: pl.DataFrame, day: date) -> pl.DataFrame:
    return dated.filter(
        pl.col("starts").is_null() | (pl.col("starts") <= day),
        pl.col("ends").is_null() | (pl.col("ends") > day),
    )


# --- why ---


class _Judged(NamedTuple):
    """A rate beside a charge: in what it differs, and what else keeps it from being taken."""

    row: Mapping[str, Any]
    taken: bool
    differences: list[Difference]
    faults: list[str]
    rank: int
    regions: tuple[str, ...]

    @property
    def elsewhere(self) -> bool:
        """Whether it is for another region."""
        return any(one.attribute == REGION for one in self.differences)


def _judged(row: Mapping[str, Any], charge: Charge, standing: _Standing) -> _Judged:
    fit = standing.fits.get(row["rate_id"])
    fits = fit or row["rate_id"] in charge.audited
    differences = [] if fits else differing(row, charge.facts)
    if not differences:
        fit = fit or _fit_of_remembered(row, charge.facts)
    return _Judged(
        row,
        row["rate_id"] in charge.taken,
        differences,
        _faults(row, fit, charge),
        fit.rank if fit else _SUREST.get(row["source_kind"], _LAST),
        (row[REGION] or EVERY_REGION,),
    )


def _fit_of_remembered(row: Mapping[str, Any], key: Mapping[str, Any]) -> _Fit:
    """Convert a rate that only the ledger remembers as `matching` would."""
    factor, _ = matching.conversion(key["pricing_unit"], key["unit"], row["unit"])
    price = None if factor is None else EXACT.multiply(row["price"], Decimal(factor))
    rank = _SUREST.get(row["source_kind"], _LAST)
    return _Fit(
        rank, row["unit"], factor, price if price is not None and fits_price(price) else None
    )


def _nearness(one: _Judged) -> tuple[object, ...]:
    """Order: the taken rate, then by what differs; of equals the surer source, then the newer."""
    distance = len(one.differences) + len(one.faults)
    newest = -(one.row["starts"] or date.min).toordinal()
    return not one.taken, distance, one.rank, newest, one.row["rate_id"]


def _joined(judged: Iterable[_Judged]) -> list[_Judged]:
    """Make one of rates that are the same but for a region that is not the charge's."""
    kept: dict[tuple[object, ...], _Judged] = {}
    for one in judged:
        same: tuple[object, ...] = (one.row["rate_id"],)
        if one.elsewhere:
            stated = {name: one.row[name] for name in _STATED if name != "rate_id"}
            differs = [(d.attribute, d.rate) for d in one.differences if d.attribute != REGION]
            same = (*stated.values(), *differs)
        regions = kept[same].regions if same in kept else ()
        kept[same] = kept.get(same, one)._replace(regions=(*regions, *one.regions))
    return list(kept.values())


def _candidate(one: _Judged, charge: Charge, standing: _Standing) -> Candidate:
    row, regions = one.row, sorted(set(one.regions))
    names = ["usage_type", "operation", "sku", "rate_code", *vocabulary()]
    if one.taken:
        why = _why_taken(row, standing.fits.get(row["rate_id"]), charge.facts)
    elif one.differences or one.faults:
        why = " ".join([*told(one.differences, regions), *one.faults])
    else:
        why = _why_lost(row, charge, standing)
    return Candidate(
        verdict="taken" if one.taken else "refused",
        why=why,
        selects={name: row[name] for name in names if row.get(name) is not None},
        regions=regions,
        reference=row["reference"] or "",
        starts=_day(row["starts"]),
        ends=_day(row["ends"]),
        checked=_day(row["checked"]),
        later=bool(row["later"]),
        unconfirmed=bool(row["unconfirmed"]),
        differences=one.differences,
        **{name: row[name] for name in _STATED},
    )


def _faults(row: Mapping[str, Any], fit: _Fit | None, charge: Charge) -> list[str]:
    """Say what keeps a rate from being taken besides its attributes: kind, unit, days."""
    faults = _unit_faults(row, fit, charge.facts) + _day_faults(row, charge.day)
    if row["source_kind"] not in _SUREST:
        faults.append("The rate of a savings plan, compared with the plan's own columns alone.")
    return faults


def _unit_faults(row: Mapping[str, Any], fit: _Fit | None, key: Mapping[str, Any]) -> list[str]:
    if fit is None or fit.key_price is not None:
        return []
    unit, written = visible(row["unit"]), key["pricing_unit"]
    if fit.factor is not None:
        return [f"Converted from {unit} its price has more than ten decimals."]
    if key["unit"] is not None:
        theirs = visible(written or key["unit"])
        means = "" if written in (None, key["unit"]) else f" ({key['unit']})"
        return [f"Its unit, {unit}, does not convert exactly into the bill's, {theirs}{means}."]
    if written is None:
        return [f"The bill states no unit, and its price is for {unit}."]
    return [f"The bill's unit, {visible(written)}, is not known, and its price is for {unit}."]


def _day_faults(row: Mapping[str, Any], day: date) -> list[str]:
    starts, ends = row["starts"], row["ends"]
    if starts is not None and day < starts:
        return [f"Not in force on {day}: it starts on {starts}."]
    if ends is not None and day >= ends:
        return [f"Not in force on {day}: its last day was {ends - timedelta(days=1)}."]
    return []


def _why_taken(row: Mapping[str, Any], fit: _Fit | None, key: Mapping[str, Any]) -> str:
    if fit is None:
        return f"The audit took it from {_source(row, fit)}, which is not at hand now."
    said = _TAKEN[fit.rank]
    if fit.factor not in (None, "1"):
        theirs = visible(key["unit"] or key["pricing_unit"] or "")
        said += f" {theirs} is {number(Decimal(str(fit.factor)))} {TIMES} {visible(row['unit'])}."
    if row["later"]:
        said += " It was published after the usage, and none before is at hand."
    return said


def _why_lost(row: Mapping[str, Any], charge: Charge, standing: _Standing) -> str:
    """Say why a rate that fits, converts and is in force was not taken; the first that applies."""
    fit = standing.fits.get(row["rate_id"])
    rank = fit.rank if fit else _SUREST[row["source_kind"]]
    surest = standing.surest
    if surest is not None and surest < rank:
        return f"A surer source fits: {_SOURCES[surest]} goes before {_source(row, fit)}."
    prices = {standing.fits[one].key_price for one in charge.taken if one in standing.fits}
    tiered = row["tier_from"] or row["tier_to"] is not None
    listed = row["source_kind"] == "price_list"
    nearer = "Another snapshot of the price list was published nearer to the usage."
    reasons = [
        (fit and listed and row["rate_id"] not in standing.nearest, nearer),
        (standing.ambiguous and not charge.taken, _ambiguous(row, standing)),
        (tiered and (fit is None or rank != matching.RANK["rate_code"]), _other_tier(row)),
        (fit and fit.key_price in prices, "The same price as the rate taken, named before it."),
        (fit is None and listed, nearer),
    ]
    otherwise = "It fits, but the audit did not judge by it: it was not given, or not known then."
    return next((said for applies, said in reasons if applies), otherwise)


def _source(row: Mapping[str, Any], fit: _Fit | None) -> str:
    if fit is not None:
        return _SOURCES[fit.rank]
    return {"contract": "the contract", "price_list": "a price list"}.get(
        row["source_kind"], "a rate card"
    )


def _other_tier(row: Mapping[str, Any]) -> str:
    """Say of which usage a tier is; the bounds are in the unit of its price."""
    bounds = f"from {number(row['tier_from'] or Decimal(0))}"
    bounds += f" up to {number(row['tier_to'])}" if row["tier_to"] is not None else " on"
    unit = visible(row["unit"])
    return f"A tier, for a month's usage {bounds} ({unit}); the line is not known to be in it."


def _ambiguous(row: Mapping[str, Any], standing: _Standing) -> str:
    fit = standing.fits.get(row["rate_id"])
    own = fit.key_price if fit else None
    others = {
        plain(other)
        for rate_id in standing.nearest
        if (other := standing.fits[rate_id].key_price) is not None and other != own
    }
    if not others:
        return "Ambiguous: several rates fit as surely, and their tiers overlap."
    prices = some_of(sorted(others, key=Decimal))
    return f"Ambiguous: other rates fit as surely, at another price: {prices}."


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
