"""Estimates what usage will cost, by the path of a bill: usage -> charge keys -> lines -> expected.

Usage in AWS's own words is decoded as a bill's is. Usage in decoded attributes enters at the
charge keys, so that no usage type is invented for it. From there on an audit's steps do the rest,
in a scratch ledger that is never published.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from curecon import (
    by_hand,
    contract,
    decode,
    discounted,
    frames,
    grammar,
    ledger,
    matching,
    reconcile,
    units,
)
from curecon.contract import Contract, Discount
from curecon.engine import make, read
from curecon.ingest import KEY_COLUMNS
from curecon.models import Estimate, EstimatedLine, RateTaken
from curecon.money import plain
from curecon.pricing import Knowledge, know
from curecon.reconcile import Options
from curecon.usage_file import DECIMALS, DIGITS, EXACT, NAMING, TOO_MUCH, WORDS, Charge, Usage
from curecon.usage_file import read as read_usage
from curecon.vocabulary import vocabulary

_SHOWN = 5


def price(usage: Path, options: Options | None = None) -> Estimate:
    """Estimate what the usage of a file will cost.

    Args:
        usage: a TOML file of `[[usage]]` tables, as docs/DESIGN.md, section 5, describes it.
        options: the rates, price lists and contract to price by; its other options are not used.

    Raises:
        UsageInvalid: the file breaks the rules; every usage and key at fault is named.
        CureconError: the rates, a price list or the contract cannot be used.
    """
    options = options or Options()
    charges = read_usage(usage)
    known, terms = (
        know(options.rates, options.price_lists, options.contract),
        contract.read(options.contract),
    )
    currency = "CNY" if charges[0].is_in_china else terms.currency
    if (currency == "CNY") != charges[0].is_in_china:
        currency = "USD"  # the contract is of China, and the usage is not
    charges, decoded = _in_priced_units(charges, known, currency)
    with _scratch_ledger(charges, decoded, known) as stage:
        rows = stage.con.execute(read("duckdb", "estimate.sql")).fetchall()
        names = [column[0] for column in stage.con.description]
        net = discounted.net(stage.con, stage.catalog) if terms.discount else {}
    found = {row[0]: {**dict(zip(names, row, strict=True)), "net": net.get(row[0])} for row in rows}
    lines = [
        _discounted(charge, _line(charge, found[number], known), found[number], terms)
        for number, charge in enumerate(charges)
    ]
    priced = [line for line in lines if line.expected is not None]
    lists = [line.at_list for line in priced]
    return Estimate(
        total=_sum(line.expected for line in priced),
        before_discounts=_sum(line.before_discounts for line in priced),
        at_list=None if None in lists else _sum(lists),
        currency=currency,
        unpriced=len(lines) - len(priced),
        lines=lines,
        notes=[
            *known.notes,
            *_of_another_currency(terms, currency),
            *_about_discounts(charges, found, known, terms),
            *_not_in_it(known),
        ],
    )


def _of_another_currency(terms: Contract, currency: str) -> Iterator[str]:
    if terms.private_rate and terms.currency != currency:
        yield f"the contract's private rates are in {terms.currency}, and this is in {currency}"


def _sum(numbers: Iterable[Decimal | None]) -> Decimal:
    total = Decimal(0)
    for one in numbers:
        total = EXACT.add(total, one or Decimal(0))
    return total


def _discounted(
    charge: Charge, line: EstimatedLine, found: dict[str, Any], terms: Contract
) -> EstimatedLine:
    """Return the line after the discounts that the contract grants it."""
    after = found["net"]
    if line.expected is None or after is None:
        return line
    private = discounted.private_rate(terms, found["rate_id"])
    said = discounted.said(_in_force(charge, found, terms), private)
    told = f"{line.arithmetic}; less {said}: {plain(after)}"
    return line.model_copy(update={"expected": after, "arithmetic": told})


def _in_force(charge: Charge, found: dict[str, Any], terms: Contract) -> list[Discount]:
    """Return the discounts for a usage; what may be of the Marketplace is taken to be."""
    usage, is_sold = charge.usage, charge.marketplace is not False
    return discounted.in_force(
        terms, found["service"], usage.region, usage.date, marketplace=is_sold
    )


def _about_discounts(
    charges: list[Charge], found: dict[int, dict[str, Any]], known: Knowledge, terms: Contract
) -> Iterator[str]:
    """Say what discounts depend on and neither the contract nor the usage tells."""
    used = [
        discounted.private_rate(terms, one["rate_id"])
        for one in found.values()
        if one["net"] is not None
    ]
    shares = known.relations["contract_shares"]
    yield from discounted.open_questions(shares, [one for one in used if one is not None])
    for number, charge in enumerate(charges):
        one = found[number]
        other = replace(charge, usage=charge.usage.model_copy(update={"marketplace": False}))
        if one["expected"] is not None and one["service"] is None and terms.discount:
            yield f"usage {number + 1}: no form says of which service it is; no discount is taken"
        if one["expected"] is None or charge.marketplace is not None:
            continue
        if _in_force(charge, one, terms) != _in_force(other, one, terms):
            yield (
                f"usage {number + 1}: the contract's discounts differ for what AWS Marketplace "
                "sells, and the usage does not say whether that does; it is taken to. Write "
                "`marketplace = false`, or the `usage_type`"
            )


def _not_in_it(known: Knowledge) -> Iterator[str]:
    """Say what of the contract an estimate does not contain."""
    if not known.relations["contract_plans"].is_empty():
        yield "savings plans are not applied; the estimate is at the rates on demand"
    if known.free_tier is not None:
        yield "the free tier is not applied; the estimate is of usage beyond it"
    for relation, name in (("contract_credits", "credit"), ("contract_tax", "tax")):
        if not known.relations[relation].is_empty():
            yield f"the contract's {name} is not applied; the estimate is before it"


# --- charge keys ---


def _decoded(charges: list[Charge], currency: str) -> pl.DataFrame:
    """Return the charge keys, decoded: AWS's own words by the forms, attributes as given."""
    keys = pl.DataFrame(
        [_key(number, charge, currency) for number, charge in enumerate(charges)],
        schema={
            "charge_key_id": pl.UInt64,
            **dict.fromkeys(KEY_COLUMNS, pl.String),
            "is_ai": pl.Boolean,
        },
    )
    decoded = keys.join(decode.decode(keys), on="charge_key_id", validate="1:1")
    names = [*vocabulary(), "region", "unit"]
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


def _key(number: int, charge: Charge, currency: str) -> dict[str, object]:
    """Return the charge key of a usage, in the columns of a bill."""
    usage = charge.usage
    words = {WORDS[name]: value for name, value in usage.said(WORDS).items()}
    return {
        "charge_key_id": number,
        "kind": "usage",
        "price_basis": "unblended",
        "is_ai": True,
        "bill_billing_entity": "AWS" if charge.marketplace is False else "AWS Marketplace",
        "line_item_line_item_type": "Usage",
        "line_item_currency_code": currency,
        "product_region_code": usage.region,
        "pricing_unit": charge.unit,
        **words,
    }


def _in_priced_units(
    charges: list[Charge], known: Knowledge, currency: str
) -> tuple[list[Charge], pl.DataFrame]:
    """Restate quantities whose unit no rate converts into exactly: 20 minutes are 0.3333333333 h.

    A bill would state them in the unit of the rate, to ten decimals. Returns the decoded keys too.
    """
    attributes = list(vocabulary())
    decoded = _decoded(charges, currency)
    _, reasons = matching.price(decoded, known.rates, attributes)
    stuck = reasons.filter(pl.col("unpriced_reason") == "unit_differs")["charge_key_id"]
    tried = [
        (number, other) for number in stuck.to_list() for other in _in_other_units(charges[number])
    ]
    if not tried:
        return charges, decoded
    priced, _ = matching.price(
        _decoded([one for _, one in tried], currency), known.rates, attributes
    )
    settled = dict(enumerate(charges))
    for place in sorted(priced["charge_key_id"].unique().to_list(), reverse=True):
        number, other = tried[place]
        settled[number] = other
    restated = list(settled.values())
    return restated, _decoded(restated, currency)


def _in_other_units(charge: Charge) -> list[Charge]:
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
        if other == unit or quantity >= TOO_MUCH:
            continue
        step = f"{plain(charge.quantity)} {charge.unit} = {plain(quantity)} {other}"
        one = replace(charge, quantity=quantity, unit=other, steps=(*charge.steps, step))
        restated.append((Fraction(quantity) != exact, one))
    return [one for _, one in sorted(restated, key=lambda pair: pair[0])]


def _rounded(exact: Fraction) -> Decimal:
    """Round to ten decimals, half up, as a bill does."""
    scaled = exact * 10**DECIMALS
    whole = (scaled.numerator * 2 + scaled.denominator) // (scaled.denominator * 2)
    return Decimal(whole).scaleb(-DECIMALS, EXACT)


# --- lines ---


@contextmanager
def _scratch_ledger(
    charges: list[Charge], decoded: pl.DataFrame, known: Knowledge
) -> Iterator[ledger.Stage]:
    """Open a ledger that holds the usage as lines, priced, and is thrown away afterwards."""
    # As in a bill, all lines of one kind of charge share its key.
    same = [name for name in decoded.columns if name != "charge_key_id"]
    key = pl.col("charge_key_id").min().over(same)
    shared = decoded.select(line=pl.col("charge_key_id").cast(pl.Int64), charge_key_id=key)
    rows = [(number, charge.usage.date, charge.quantity) for number, charge in enumerate(charges)]
    schema: dict[str, pl.DataType] = {
        "line": pl.Int64(),
        "day": pl.Date(),
        "line_item_usage_amount": pl.Decimal(DIGITS, DECIMALS),
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
            "CREATE TABLE run_deliveries AS SELECT DISTINCT strftime(day, '%Y-%m') AS "
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
        con.execute("CREATE TABLE run_keys AS SELECT charge_key_id FROM decoded")
        reconcile.focus(con, stage.catalog)
        known.put_prices(con, keys)
        make(con, "steps", "alike.sql")
        known.define_priced(con)
        con.execute(
            f"INSERT INTO {stage.catalog}.main.compared BY NAME SELECT delivery_id, line, "
            "'unpriced' AS component, unpriced_because AS reason, 0 AS difference "
            "FROM priced WHERE expected IS NULL"
        )
        check = read("checks", "unpriced_charge.sql")
        con.execute(f"CREATE VIEW unpriced_charge AS {check}")
        yield stage


def _line(charge: Charge, found: dict[str, Any], known: Knowledge) -> EstimatedLine:
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
            reason += _known_days(found["known_until"], found["known_again"])
    return EstimatedLine(
        name=usage.name or _described(usage),
        date=usage.date.isoformat(),
        region=usage.region,
        quantity=charge.quantity,
        unit=charge.unit,
        expected=expected,
        before_discounts=expected,
        at_list=found["at_list"],
        rate=None if expected is None else _rate(found),
        arithmetic=None if expected is None else _arithmetic(charge, found),
        reason=reason,
    )


def _known_days(until: date | None, again: date | None) -> str:
    """Say on which days around the day of use a rate is known."""
    parts = []
    if until is not None:
        parts.append(f"before {until}")
    if again is not None:
        parts.append(f"from {again} on")
    return f" Rates are known {' and '.join(parts)}." if parts else ""


def _described(usage: Usage) -> str:
    """Name a usage that has no name: by AWS's words, or by its attributes."""
    words = usage.said(("product_name", *NAMING))
    attributes = usage.said(name for name in vocabulary() if name != "service")
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


def _arithmetic(charge: Charge, found: dict[str, Any]) -> str:
    """Tell how the quantity came about, and the product."""
    by = f"{plain(found['rate_price'])} per {found['rate_unit']}"
    if found["is_tiered"]:
        by = "the prices of the tiers that it falls in"
    counted = plain(found["right_quantity"])
    if units.fold(charge.unit) != units.fold(found["rate_unit"]):
        counted = f"{counted} {charge.unit}"
    return "; ".join((*charge.steps, f"{counted} x {by} = {plain(found['expected'])}"))


def _nearest(charge: Charge, known: Knowledge) -> str:
    """Say in which attribute the nearest known rates differ, so that a slip is found quickly."""
    wanted = {name: charge.attributes.get(name) for name in vocabulary()}
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
