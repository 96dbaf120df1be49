"""In what a rate is not for a charge: what `matching` compares, said for a person."""

from collections.abc import Mapping
from typing import Any

from curecon import by_hand, grammar
from curecon.models import Record
from curecon.report.text import visible
from curecon.vocabulary import priced_as, vocabulary

_NAMED_MAX = 3
REGION, _DECODING = "region", "decoding"
# What it means that an attribute is absent, where attributes.toml gives it a meaning.
_ABSENT = {
    "tier": "standard",
    "routing": "regional",
    "context": "ordinary",
    "endpoint": "bedrock-runtime",
    "customized": "no",
}
_LABELS = {"rate_code": "rate code", "sku": "SKU", "service_name": "product"}


class Difference(Record):
    """An attribute in which a rate is not for this charge; null where a side has none."""

    attribute: str
    charge: str | None
    rate: str | None


def differing(row: Mapping[str, Any], key: Mapping[str, Any]) -> list[Difference]:
    """Say in what a rate is not for a charge, by that way of matching in which it comes nearest."""
    by_words = row["usage_type"] is not None or row["source_kind"] == "price_list"
    if not by_words or row.get("prices") is not None:
        return _by_attributes(row, key)
    ways = [_by_usage_type(row, key), *_by_codes(row, key)]
    return min(ways, key=len)


def _by_usage_type(row: Mapping[str, Any], key: Mapping[str, Any]) -> list[Difference]:
    """Compare as `matching` joins price lists and private rates: by AWS's own words."""
    found = _compared(row, key, {"usage_type": "line_item_usage_type"})
    place = _of_place(row, key)
    if place and row["usage_type"] in in_every_region(key["line_item_usage_type"] or ""):
        # The usage type of another region is the same one with another prefix.
        found = []
    if row["operation"] is not None:
        found += _compared(row, key, {"operation": "line_item_operation"})
    if "-MP:" in (key["line_item_usage_type"] or "") and row["source_kind"] != "contract":
        found += _compared(row, key, {"service_name": "product_name"})
    return [*found, *place]


def _by_codes(row: Mapping[str, Any], key: Mapping[str, Any]) -> list[list[Difference]]:
    """Compare by the codes of the price list; a bill without rate code is matched by SKU."""
    if row["source_kind"] != "price_list":
        return []
    if key["pricing_rate_code"] is not None:
        codes = _compared(row, key, {"rate_code": "pricing_rate_code"})
    elif key["product_sku"] is not None:
        codes = _compared(row, key, {"sku": "product_sku"})
    else:
        return []
    return [codes + _compared(row, key, {"currency": "line_item_currency_code"})]


def _by_attributes(row: Mapping[str, Any], key: Mapping[str, Any]) -> list[Difference]:
    """Compare as `matching` joins cards and private rates: by decoded attributes."""
    found = _compared(row, key, {name: name for name in vocabulary()}) + _of_place(row, key)
    if key["undecoded_reason"] is not None and row["source_kind"] != "price_list":
        said = Difference(attribute=_DECODING, charge=key["undecoded_reason"], rate=None)
        return [said, *found]
    if not found and row.get("prices") is not None:
        # The ledger remembers it for a usage type, and so it may have been agreed for that alone.
        return _compared(row, key, {"prices": "line_item_usage_type"})
    return found


def _of_place(row: Mapping[str, Any], key: Mapping[str, Any]) -> list[Difference]:
    """Compare region and currency; a list without a region holds everywhere, as `*` does."""
    names = {"currency": "line_item_currency_code"}
    if row[REGION] not in (None, by_hand.EVERY_REGION):
        names = {REGION: REGION, **names}
    return _compared(row, key, names)


def _compared(
    row: Mapping[str, Any], key: Mapping[str, Any], names: Mapping[str, str]
) -> list[Difference]:
    return [
        Difference(
            attribute="usage_type" if of_rate == "prices" else of_rate,
            charge=key[of_charge],
            rate=row.get(of_rate),
        )
        for of_rate, of_charge in names.items()
        if _as_priced(of_rate, row.get(of_rate)) != _as_priced(of_rate, key[of_charge])
    ]


def _as_priced(name: str, value: str | None) -> str | None:
    return priced_as().get(name, {}).get(value or "", value)


def in_every_region(usage_type: str) -> list[str]:
    """Spell a usage type as it would be in every region."""
    prefixes = grammar.regions()["usage_type_prefix"].drop_nulls().unique().sort().to_list()
    first = next((p for p in prefixes if usage_type.startswith((f"{p}-", f"{p}_"))), None)
    if first is None:
        return [usage_type, *(f"{prefix}-{usage_type}" for prefix in prefixes)]
    rest = usage_type[len(first) :]
    second = f"MP:{first}_"
    return [
        rest[1:],
        *(f"{prefix}{rest.replace(second, f'MP:{prefix}_')}" for prefix in prefixes),
    ]


# --- what fits, as `matching` sees it ---


def told(differences: list[Difference], regions: list[str]) -> list[str]:
    """Say what differs in one sentence, if anything does."""
    if not differences:
        return []
    said = "; ".join(_difference(one, regions) for one in differences)
    return [f"{said[:1].upper()}{said[1:]}."]


def _difference(one: Difference, regions: list[str]) -> str:
    if one.attribute == _DECODING:
        reason = visible((one.charge or "").rstrip("."))
        return f"the charge is not fully decoded ({reason}), as a rate by attributes needs"
    absent = _ABSENT.get(one.attribute, "absent")
    label = _LABELS.get(one.attribute, one.attribute.replace("_", " "))
    theirs, ours = (visible(text) if text else absent for text in (one.rate, one.charge))
    if one.attribute == REGION:
        theirs = some_of([visible(region) for region in regions])
    return f"other {label}: {theirs}, not {ours}"


def some_of(texts: list[str]) -> str:
    """Name the first few of some texts, and how many more there are."""
    more = len(texts) - _NAMED_MAX
    named = ", ".join(texts[:_NAMED_MAX])
    return f"{named} and {more} more" if more > 0 else named
