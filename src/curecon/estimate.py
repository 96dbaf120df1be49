"""Estimates what usage will cost, by the path of a bill: usage -> charge keys -> lines -> expected.

Usage in AWS's own words is decoded as a bill's is. Usage in decoded attributes enters at the
charge keys, so that no usage type is invented for it. From there on an audit's steps do the rest,
in a scratch ledger that is never published.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal, DecimalException
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import duckdb
import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from curecon import by_hand, decode, frames, grammar, ledger, matching, rates, reconcile, units
from curecon.engine import read
from curecon.errors import UsageInvalid
from curecon.ingest import KEY_COLUMNS
from curecon.models import Estimate, EstimatedLine, RateTaken, Record
from curecon.money import plain
from curecon.reconcile import Knowledge, Options
from curecon.report.text import visible

_BYTES_MAX = 16 * 1024 * 1024
_PROBLEMS_SHOWN_MAX = 50
_SHOWN = 5
_EXACT = Context(prec=100)
# What a line of a bill can hold: DECIMAL(22, 10).
_DIGITS, _DECIMALS = 22, 10
_TOO_MUCH = Decimal(10) ** (_DIGITS - _DECIMALS)

# How a usage file names AWS's own words, and the columns of a bill in which they stand.
_WORDS = {
    "usage_type": "line_item_usage_type",
    "operation": "line_item_operation",
    "description": "line_item_line_item_description",
    "product_code": "line_item_product_code",
    "product_name": "product_name",
    "sku": "product_sku",
    "rate_code": "pricing_rate_code",
}
_NAMING = ("usage_type", "sku", "rate_code")


def price(usage: Path, options: Options | None = None) -> Estimate:
    """Estimate what the usage of a file will cost.

    Args:
        usage: a TOML file of `[[usage]]` tables, as docs/DESIGN.md, section 5, describes it.
        options: the rates, price lists and contract to price by; its other options are not used.

    Raises:
        UsageInvalid: the file breaks the rules; every usage and key at fault is named.
        CureconError: the rates, a price list or the contract cannot be used.
    """
    charges = _read(usage)
    known = reconcile.know(options or Options())
    charges, decoded = _in_priced_units(charges, known)
    with _scratch_ledger(charges, decoded, known) as con:
        rows = con.execute(read("duckdb", "estimate.sql")).fetchall()
        names = [column[0] for column in con.description]
    found = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    lines = [_line(charge, found[number], known) for number, charge in enumerate(charges)]
    expected = [line.expected for line in lines if line.expected is not None]
    total = Decimal(0)
    for one in expected:
        total = _EXACT.add(total, one)
    return Estimate(
        total=total,
        currency="USD",
        unpriced=len(lines) - len(expected),
        lines=lines,
        notes=[*known.notes, *_not_in_it(known)],
    )


def _not_in_it(known: Knowledge) -> Iterator[str]:
    """Say what of the contract an estimate does not contain."""
    if not known.relations["contract_shares"].is_empty():
        yield "discounts are lines of their own on a bill; the estimate is before them"
    if not known.relations["contract_plans"].is_empty():
        yield "savings plans are not applied; the estimate is at the rates on demand"
    if known.free_tier is not None:
        yield "the free tier is not applied; the estimate is of usage beyond it"
    for relation, name in (("contract_credits", "credit"), ("contract_tax", "tax")):
        if not known.relations[relation].is_empty():
            yield f"the contract's {name} is not applied; the estimate is before it"


# --- the usage file ---


def _not_negative(value: object) -> object:
    """Refuse negative usage in words of its own, before `by_hand.Quantity` does."""
    if isinstance(value, int | Decimal) and Decimal(value).is_finite() and value < 0:
        raise ValueError("is negative; usage counts up from 0")
    return value


_Quantity = Annotated[by_hand.Quantity, BeforeValidator(_not_negative)]


class _Usage(Record):
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

    def said(self, names: Any) -> dict[str, str]:  # noqa: ANN401
        """Return what the usage says under some of its keys."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@cache
def _model() -> type[_Usage]:
    """Return `_Usage` with a key for each word and each attribute."""
    keys = [*_WORDS, *rates.attributes()]
    fields: dict[str, Any] = dict.fromkeys(keys, (by_hand.Line | None, None))
    return create_model("Usage", __base__=_Usage, **fields)


@dataclass(frozen=True)
class _Charge:
    """A usage as a line of a bill would state it; `steps` tell how it came to its quantity."""

    usage: _Usage
    quantity: Decimal
    unit: str
    steps: tuple[str, ...] = ()

    @property
    def attributes(self) -> dict[str, str]:
        """The decoded attributes, none where AWS's own words are given."""
        return self.usage.said(rates.attributes())


def _read(path: Path) -> list[_Charge]:
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


def _charge(table: object) -> tuple[_Charge | None, list[str]]:
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


def _contradictions(usage: _Usage) -> Iterator[str]:
    """Say where a usage is told both ways, in neither, or by half."""
    words, attributes = usage.said(_WORDS), usage.said(rates.attributes())
    if words and attributes:
        yield (
            f"mixes AWS's own words ({', '.join(words)}) with decoded attributes "
            f"({', '.join(attributes)}); give one or the other"
        )
    elif words and not usage.said(_NAMING):
        yield f"`{next(iter(words))}` goes with `usage_type`, which is missing"
    elif not words:
        for key in ("service", "capability"):
            if key not in attributes:
                yield f"`{key}` is missing; without a `usage_type`, attributes say what is used"
    if usage.region == by_hand.EVERY_REGION:
        yield '`region` is "*"; usage is in one region'


def _foreign_words(usage: _Usage) -> Iterator[str]:
    """Say which attributes and units the vocabularies do not know."""
    allowed = rates.attributes()
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


def _miscounted(usage: _Usage) -> Iterator[str]:
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
    elif "model_units" in told and _measured(usage).quantity >= _TOO_MUCH:
        yield "`model_units` x `hours` has more digits than a bill can hold"


def _measured(usage: _Usage) -> _Charge:
    """Return the usage with its quantity, however it is told."""
    if usage.quantity is not None and usage.unit is not None:
        return _Charge(usage, usage.quantity, usage.unit)
    if usage.tokens is not None:
        return _Charge(usage, usage.tokens, "token")
    assert usage.model_units is not None, "a usage without a quantity is refused"
    assert usage.hours is not None, "model units without hours are refused"
    quantity = _EXACT.multiply(usage.hours, Decimal(usage.model_units))
    step = (
        f"{usage.model_units} model units x {plain(usage.hours)} hours "
        f"= {plain(quantity)} model unit hours"
    )
    return _Charge(usage, quantity, "model unit hour", (step,))


# --- charge keys ---


def _decoded(charges: list[_Charge]) -> pl.DataFrame:
    """Return the charge keys, decoded: AWS's own words by the forms, attributes as given."""
    keys = pl.DataFrame(
        [_key(number, charge) for number, charge in enumerate(charges)],
        schema={
            "charge_key_id": pl.UInt64,
            **dict.fromkeys(KEY_COLUMNS, pl.String),
            "is_ai": pl.Boolean,
        },
    )
    decoded = keys.join(decode.decode(keys), on="charge_key_id", validate="1:1")
    names = [*rates.attributes(), "region", "unit"]
    given = pl.DataFrame(
        [
            {
                "charge_key_id": number,
                **charge.attributes,
                "region": charge.usage.region,
                "unit": units.canonical(charge.unit),
            }
            for number, charge in enumerate(charges)
            if charge.attributes
        ],
        schema={"charge_key_id": pl.UInt64, **dict.fromkeys(names, pl.String)},
    )
    nothing = pl.lit(None, pl.String)
    entered = (
        decoded.drop(names)
        .join(given, on="charge_key_id", validate="1:1")
        .with_columns(unit_reason=nothing, grade=nothing, undecoded_reason=nothing)
        # A bedrock-mantle charge has the rate of its model under another name.
        .with_columns(endpoint=nothing)
        .select(decoded.columns)
    )
    spoken = decoded.join(given, on="charge_key_id", how="anti")
    return pl.concat([spoken, entered]).sort("charge_key_id")


def _key(number: int, charge: _Charge) -> dict[str, object]:
    """Return the charge key of a usage, in the columns of a bill."""
    usage = charge.usage
    words = {_WORDS[name]: value for name, value in usage.said(_WORDS).items()}
    return {
        "charge_key_id": number,
        "kind": "usage",
        "price_basis": "unblended",
        "is_ai": True,
        "line_item_line_item_type": "Usage",
        "line_item_currency_code": "USD",
        "product_region_code": usage.region,
        "pricing_unit": charge.unit,
        **words,
    }


def _in_priced_units(
    charges: list[_Charge], known: Knowledge
) -> tuple[list[_Charge], pl.DataFrame]:
    """Restate quantities whose unit no rate converts into exactly: 20 minutes are 0.3333333333 h.

    A bill would state them in the unit of the rate, to ten decimals. Returns the decoded keys too.
    """
    attributes = list(rates.attributes())
    decoded = _decoded(charges)
    _, reasons = matching.price(decoded, known.rates, attributes)
    stuck = reasons.filter(pl.col("unpriced_reason") == "unit_differs")["charge_key_id"]
    tried = [
        (number, other) for number in stuck.to_list() for other in _in_other_units(charges[number])
    ]
    if not tried:
        return charges, decoded
    priced, _ = matching.price(_decoded([one for _, one in tried]), known.rates, attributes)
    settled = dict(enumerate(charges))
    for place in sorted(priced["charge_key_id"].unique().to_list(), reverse=True):
        number, other = tried[place]
        settled[number] = other
    restated = list(settled.values())
    return restated, _decoded(restated)


def _in_other_units(charge: _Charge) -> list[_Charge]:
    """Return the same usage in the other units of its dimension, exact ones first."""
    unit = units.canonical(charge.unit)
    table = units.unit_table()
    if unit is None:
        return []
    sizes = dict(
        table.filter(pl.col("dimension") == units.dimension(unit))
        .select("canonical", "size")
        .unique(maintain_order=True)
        .iter_rows()
    )
    restated = []
    for other, size in sizes.items():
        exact = Fraction(charge.quantity) * Fraction(sizes[unit]) / Fraction(size)
        quantity = _rounded(exact)
        if other == unit or quantity >= _TOO_MUCH:
            continue
        step = f"{plain(charge.quantity)} {charge.unit} = {plain(quantity)} {other}"
        one = replace(charge, quantity=quantity, unit=other, steps=(*charge.steps, step))
        restated.append((Fraction(quantity) != exact, one))
    return [one for _, one in sorted(restated, key=lambda pair: pair[0])]


def _rounded(exact: Fraction) -> Decimal:
    """Round to ten decimals, half up, as a bill does."""
    scaled = exact * 10**_DECIMALS
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return Decimal(whole).scaleb(-_DECIMALS, _EXACT)


# --- lines ---


@contextmanager
def _scratch_ledger(
    charges: list[_Charge], decoded: pl.DataFrame, known: Knowledge
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a ledger that holds the usage as lines, priced, and is thrown away afterwards."""
    # As in a bill, all lines of one kind of charge share its key.
    same = [name for name in decoded.columns if name != "charge_key_id"]
    key = pl.col("charge_key_id").min().over(same)
    shared = decoded.select(line=pl.col("charge_key_id").cast(pl.Int64), charge_key_id=key)
    rows = [(number, charge.usage.date, charge.quantity) for number, charge in enumerate(charges)]
    schema: dict[str, pl.DataType] = {
        "line": pl.Int64(),
        "day": pl.Date(),
        "line_item_usage_amount": pl.Decimal(_DIGITS, _DECIMALS),
    }
    usages = frames.of_rows(rows, schema).join(shared, on="line")
    keys = decoded.filter(pl.col("charge_key_id").is_in(usages["charge_key_id"].implode()))
    with (
        TemporaryDirectory(prefix="curecon-") as folder,
        ledger.staged(Path(folder) / "estimate.duckdb") as stage,
    ):
        con = stage.con
        frames.register(con, "usages", usages)
        frames.register(con, "decoded", keys)
        con.execute(
            "CREATE TEMP TABLE run_deliveries AS SELECT DISTINCT strftime(day, '%Y-%m') AS "
            "delivery_id, CAST(date_trunc('month', day) AS DATE) AS period, "
            "'estimate' AS payer_account, 1 AS sequence FROM usages"
        )
        con.execute(
            "INSERT INTO deliveries SELECT delivery_id, period, payer_account, 'usage file', "
            "'ai', sequence, TRUE, 0, 0, 0, 0, 0 FROM run_deliveries"
        )
        con.execute(
            "INSERT INTO lines BY NAME SELECT line, strftime(day, '%Y-%m') AS delivery_id, "
            "charge_key_id, 1 AS hours, FALSE AS quantity_rounded, "
            "CAST(day AS TIMESTAMP) AS line_item_usage_start_date, line_item_usage_amount, "
            "0 AS line_item_unblended_cost, 0 AS tag_set_id FROM usages"
        )
        con.execute("CREATE TEMP TABLE run_keys AS SELECT charge_key_id FROM decoded")
        reconcile.focus(con, stage.catalog)
        reconcile.put_prices(con, keys, known)
        reconcile.define_priced(con, known)
        con.execute(
            f"INSERT INTO {stage.catalog}.main.compared BY NAME SELECT delivery_id, line, "
            "'unpriced' AS component, unpriced_because AS reason, 0 AS difference "
            "FROM priced WHERE expected IS NULL"
        )
        check = read("checks", "unpriced_charge.sql")
        con.execute(f"CREATE TEMP VIEW unpriced_charge AS {check}")
        yield con


def _line(charge: _Charge, found: dict[str, Any], known: Knowledge) -> EstimatedLine:
    usage = charge.usage
    expected = found["expected"]
    reason = None
    if expected is None:
        reason = found["reason"]
        if usage.region not in grammar.region_codes():
            near = by_hand.nearest(usage.region, grammar.region_codes())
            reason += f" The region {usage.region!r} is unknown; {near}."
        elif found["unpriced_because"] == "no_rate":
            reason += _nearest(charge, known)
        elif found["unpriced_because"] == "no_rate_on_day":
            reason += f" Rates are known from {found['known_from']} on."
    return EstimatedLine(
        name=usage.name or _described(usage),
        date=usage.date.isoformat(),
        region=usage.region,
        quantity=charge.quantity,
        unit=charge.unit,
        expected=expected,
        rate=None if expected is None else _rate(found),
        arithmetic=None if expected is None else _arithmetic(charge, found),
        reason=reason,
    )


def _described(usage: _Usage) -> str:
    """Name a usage that has no name: by AWS's words, or by its attributes."""
    words = usage.said(("product_name", *_NAMING))
    attributes = usage.said(name for name in rates.attributes() if name != "service")
    return ", ".join((words or attributes).values())


def _rate(found: dict[str, Any]) -> RateTaken:
    def day(value: date | None) -> str | None:
        return None if value is None else value.isoformat()

    return RateTaken(
        source=found["source"],
        reference=found["reference"] or "",
        price=found["rate_price"],
        unit=found["rate_unit"],
        starts=day(found["starts"]),
        ends=day(found["ends"]),
        source_kind=found["source_kind"],
        region=found["rate_region"],
        checked=day(found["checked"]),
        unconfirmed=found["unconfirmed"],
    )


def _arithmetic(charge: _Charge, found: dict[str, Any]) -> str:
    """Tell how the quantity came about, and the product."""
    by = f"{plain(found['rate_price'])} per {found['rate_unit']}"
    if found["is_tiered"]:
        by = "the prices of the tiers that it falls in"
    counted = plain(found["right_quantity"])
    if units.fold(charge.unit) != units.fold(found["rate_unit"]):
        counted = f"{counted} {charge.unit}"
    return "; ".join((*charge.steps, f"{counted} x {by} = {plain(found['expected'])}"))


def _nearest(charge: _Charge, known: Knowledge) -> str:
    """Say in which attribute the nearest known rates differ, so that a slip is found quickly."""
    wanted = {name: charge.attributes.get(name) for name in rates.attributes()}
    wanted["region"] = charge.usage.region
    selecting = known.rates.filter(pl.col("capability").is_not_null())
    apart: dict[str, set[str]] = {}
    for row in selecting.select(*wanted).unique().iter_rows(named=True):
        differing = [
            name
            for name, value in row.items()
            if value != wanted[name] and (name, value) != ("region", by_hand.EVERY_REGION)
        ]
        if len(differing) == 1:
            apart.setdefault(differing[0], set()).add(row[differing[0]] or "none")
    if not charge.attributes or not apart:
        return ""
    # What was left out is likelier to be the slip than what was said, and the region than the rest.
    name = min(apart, key=lambda name: (wanted[name] is not None, name != "region", name))
    values = sorted(apart[name])
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return f" The nearest rates differ in `{name}`: {', '.join(values[:_SHOWN])}{more}."
