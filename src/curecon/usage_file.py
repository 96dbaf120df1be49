"""The usage file of `curecon price`: what it may say, what is wrong with it, and what it comes to.

A usage is told in AWS's own words or in decoded attributes. Everything that is wrong with a file is
said at once, by usage and key.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DecimalException
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from curecon import by_hand, units
from curecon.errors import UsageInvalid
from curecon.models import Record
from curecon.money import plain
from curecon.report.text import visible
from curecon.vocabulary import vocabulary

_BYTES_MAX = 16 * 1024 * 1024
_PROBLEMS_SHOWN_MAX = 50
EXACT = Context(prec=100)
# What a line of a bill can hold: DECIMAL(22, 10).
DIGITS, DECIMALS = 22, 10
TOO_MUCH = Decimal(10) ** (DIGITS - DECIMALS)

# How a usage file names AWS's own words, and the columns of a bill in which they stand.
WORDS = {
    "usage_type": "line_item_usage_type",
    "operation": "line_item_operation",
    "description": "line_item_line_item_description",
    "product_code": "line_item_product_code",
    "product_name": "product_name",
    "sku": "product_sku",
    "rate_code": "pricing_rate_code",
}
NAMING = ("usage_type", "sku", "rate_code")


def _not_negative(value: object) -> object:
    """Refuse negative usage in words of its own, before `by_hand.Quantity` does."""
    if isinstance(value, int | Decimal) and Decimal(value).is_finite() and value < 0:
        raise ValueError("is negative; usage counts up from 0")
    return value


_Quantity = Annotated[by_hand.Quantity, BeforeValidator(_not_negative)]


class Usage(Record):
    """One `[[usage]]`: when, where, how much; and of what, in words or in attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: by_hand.Line | None = None
    date: date
    region: by_hand.RegionCode
    quantity: _Quantity | None = None
    unit: by_hand.Line | None = None
    tokens: _Quantity | None = None
    model_units: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    hours: _Quantity | None = None
    marketplace: bool | None = None

    def said(self, names: Any) -> dict[str, str]:  # noqa: ANN401
        """Return what the usage says under some of its keys."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@cache
def _model() -> type[Usage]:
    """Return `Usage` with a key for each word and each attribute."""
    keys = [*WORDS, *vocabulary()]
    fields: dict[str, Any] = dict.fromkeys(keys, (by_hand.Line | None, None))
    return create_model("Usage", __base__=Usage, **fields)


@dataclass(frozen=True)
class Charge:
    """A usage as a line of a bill would state it; `steps` tell how it came to its quantity."""

    usage: Usage
    quantity: Decimal
    unit: str
    steps: tuple[str, ...] = ()

    @property
    def is_in_china(self) -> bool:
        """Whether a region of China is meant, where AWS bills in CNY."""
        return self.usage.region.startswith("cn-")

    @property
    def attributes(self) -> dict[str, str]:
        """The decoded attributes, none where AWS's own words are given."""
        return self.usage.said(vocabulary())

    @property
    def marketplace(self) -> bool | None:
        """Whether AWS Marketplace sells it; None where nothing says so.

        The same model is sold both ways (Bedrock's tables of models do not tell), but for Amazon's
        own; a usage type of the Marketplace has `-MP:`.
        """
        usage = self.usage
        words = usage.said(WORDS)
        if "-MP:" in words.get("usage_type", ""):
            return True
        if usage.marketplace is not None or "usage_type" in words:
            return bool(usage.marketplace)
        attributes = self.attributes
        if (attributes and "model" not in attributes) or attributes.get("provider") == "Amazon":
            return False
        return None


def read(path: Path) -> list[Charge]:
    """Read a usage file; say everything that is wrong with it at once."""
    tables = _tables(path)
    charges, problems = [], []
    for number, table in enumerate(tables, start=1):
        charge, wrong = _charge(table)
        named = table.get("name") if isinstance(table, dict) else None
        label = f" ({visible(named)})" if isinstance(named, str) else ""
        problems += [f"{path}: usage {number}{label}: {sentence}" for sentence in wrong]
        charges += [charge] if charge else []
    if problems:
        shown = problems[:_PROBLEMS_SHOWN_MAX]
        if len(problems) > len(shown):
            shown.append(f"... and {len(problems) - len(shown)} more problems")
        raise UsageInvalid("\n".join(shown))
    if len({charge.is_in_china for charge in charges}) > 1:
        raise UsageInvalid(
            f"{path}: holds usage of China, which is billed in CNY, and of other regions; "
            "estimate each in a file of its own"
        )
    return charges


def _tables(path: Path) -> list[object]:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise UsageInvalid(f"{path}: too large for a usage file")
        document = tomllib.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise UsageInvalid(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise UsageInvalid(f"{path}: cannot be read ({error.strerror})") from error
    except DecimalException as error:
        raise UsageInvalid(f"{path}: a number is out of any range") from error
    except (ValueError, RecursionError) as error:
        raise UsageInvalid(f"{path}: is no TOML ({error})") from error
    tables = document.pop("usage", [])
    if document:
        key = visible(next(iter(document)))
        raise UsageInvalid(f"{path}: `{key}` is unknown; the file holds [[usage]] tables only")
    if not isinstance(tables, list) or not tables:
        raise UsageInvalid(f"{path}: holds no [[usage]] table")
    return tables


def _charge(table: object) -> tuple[Charge | None, list[str]]:
    try:
        usage = _model().model_validate(table)
    except ValidationError as error:
        return None, [_sentence(each) for each in error.errors(include_url=False)]
    wrong = [*_contradictions(usage), *_foreign_words(usage), *_miscounted(usage)]
    return (None, wrong) if wrong else (_measured(usage), [])


_REMEDIES = {
    "missing": "is missing; every usage says it",
    "is_instance_of": "is no number; write digits, without quotes",
    "int_type": "is no whole number; write digits, without quotes",
    "finite_number": "is no number; write digits, without quotes",
    "date_type": "is no date; write it like 2024-05-01, without quotes and without a time",
    "string_type": "is no text; put it in quotes",
    "string_too_long": "is too long; shorten it",
    "model_type": "is no table; a usage begins with [[usage]]",
}


def _sentence(error: ErrorDetails) -> str:
    """Turn an error of pydantic into a sentence that names the key and the remedy."""
    key = visible(".".join(map(str, error["loc"])))
    kind = error["type"]
    if kind == "value_error":
        return f"`{key}` {error['ctx']['error']}"
    if kind == "string_pattern_mismatch" and key == "region":
        return '`region` is no region code; write one like "us-east-1"'
    if kind == "string_pattern_mismatch":
        return f"`{key}` must be one line of plain text"
    if kind == "extra_forbidden":
        return f"`{key}` is unknown; the keys are {', '.join(_model().model_fields)}"
    said = _REMEDIES.get(kind, error["msg"])
    return f"`{key}` {said}" if key else f"[[usage]] {said}"


def _contradictions(usage: Usage) -> Iterator[str]:
    """Say where a usage is told both ways, in neither, or by half."""
    words, attributes = usage.said(WORDS), usage.said(vocabulary())
    if words and attributes:
        yield (
            f"mixes AWS's own words ({', '.join(words)}) with decoded attributes "
            f"({', '.join(attributes)}); give one or the other"
        )
    elif words and not usage.said(NAMING):
        yield f"`{next(iter(words))}` goes with `usage_type`, which is missing"
    elif not words:
        for key in ("service", "capability"):
            if key not in attributes:
                yield f"`{key}` is missing; without a `usage_type`, attributes say what is used"
    if usage.marketplace is False and "-MP:" in words.get("usage_type", ""):
        yield "`marketplace` is false, but `usage_type` has -MP:, of AWS Marketplace; remove one"
    if usage.region == by_hand.EVERY_REGION:
        yield '`region` is "*"; usage is in one region'


def _foreign_words(usage: Usage) -> Iterator[str]:
    """Say which attributes and units the vocabularies do not know."""
    allowed = vocabulary()
    attributes = usage.said(allowed)
    for name, value in attributes.items():
        values = allowed[name]
        if values is not None and value not in values:
            yield f"`{name}` is {visible(value)!r}; it is one of {', '.join(sorted(values))}"
    if usage.unit is not None and attributes and units.canonical(usage.unit) is None:
        yield (
            f"`unit` {visible(usage.unit)!r} is unknown; "
            "use a name of rates/reference/units.toml, e.g. token, hour, GB-Mo"
        )


def _miscounted(usage: Usage) -> Iterator[str]:
    """Say what is wrong with how much is used."""
    told = usage.said(("quantity", "tokens", "model_units"))
    if not told:
        yield "`quantity` is missing; write quantity and unit, tokens, or model_units and hours"
    elif len(told) > 1:
        yield f"has several quantities ({', '.join(told)}); keep one"
    elif "quantity" in told and usage.unit is None:
        yield "`unit` is missing; every quantity has one"
    elif "quantity" not in told and usage.unit is not None:
        yield f"`unit` goes with `quantity`, not with `{next(iter(told))}`"
    elif "model_units" in told and usage.hours is None:
        yield "`hours` is missing; model units are billed by the hour"
    elif "model_units" not in told and usage.hours is not None:
        yield '`hours` goes with `model_units`; otherwise write quantity and unit = "hour"'
    elif "model_units" in told and _measured(usage).quantity >= TOO_MUCH:
        yield "`model_units` x `hours` has more digits than a bill can hold"


def _measured(usage: Usage) -> Charge:
    """Return the usage with its quantity, however it is told."""
    if usage.quantity is not None and usage.unit is not None:
        return Charge(usage, usage.quantity, usage.unit)
    if usage.tokens is not None:
        return Charge(usage, usage.tokens, "token")
    assert usage.model_units is not None, "a usage without a quantity is refused"
    assert usage.hours is not None, "model units without hours are refused"
    quantity = EXACT.multiply(usage.hours, Decimal(usage.model_units))
    step = (
        f"{usage.model_units} model units x {plain(usage.hours)} hours "
        f"= {plain(quantity)} model unit hours"
    )
    return Charge(usage, quantity, "model unit hour", (step,))
