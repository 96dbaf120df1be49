"""The arithmetic of one line, as a person would write it down: quantity, rate, difference.

Nothing is judged here. What the ledger says of a line is worked out once more from its quantity and
rate, with exact numbers, so that whoever reads it can do so too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from curecon import checks
from curecon.candidates import TIMES
from curecon.models import Money, Record
from curecon.report import story
from curecon.report.figures import EXACT, add, number
from curecon.report.text import CODE, visible

_TEN = Decimal("0.0000000001")
_DECIMALS = 10
_HALF_DIGIT = Decimal("0.00000000005")
_LEDGER = Decimal(1).scaleb(-20)
_UNIT = 40

# The components that follow from quantity and rate; any other stands beside them.
_BY_RATE = ("agrees", "unit", "quantity", "rate", "arithmetic", "rounding")
_UNIT_FACTORS = (Decimal(1000), Decimal(1000000))
_RIGHT = {
    "contract": "the contract has no more model units",
    "inferred": "the provisioned model usually bills no more model units",
    "clock": "the period has no more hours",
    "fraction": "a part of a human task is none",
    "text_unit_fraction": "a part of a text unit is none",
    "unit_fraction": "a part of a model unit is none",
    "instance": "one instance has no more hours than the clock",
    "negative": "nothing was taken back that had been billed",
}

# What a line is compared by where it is not by its own quantity and rate.
_AGREED = {
    "cancelled": "Its negation cancels what it is billed, so it costs nothing, whatever its rate.",
    "free_tier": "It is compared with the free tier of the first two months, by the month.",
    "later_price": (
        "It is longer than a day, and comes to its quantity at a price that began while it ran; on "
        "which of its days it was used, the bill does not say."
    ),
    "private_rate_discount": (
        "It is billed at the public rate; the private rate is realised by a line of the type "
        "PrivateRateDiscount, and both together come to the quantity at the private rate."
    ),
}


class Piece(Record):
    """A part of the quantity at one rate: mostly all of it; where tiers are crossed, one a tier."""

    quantity: Money
    factor: Money | None
    rate_id: str
    rate_price: Money
    rate_unit: str
    price: Money


class Arithmetic(Record):
    """How the expected cost comes about; `none_because` says why it does not.

    `judged` is what is held against the `product` of quantity and rate: the billed cost, or the
    cost before discounts that FOCUS states beside it. `expected` is what should have been billed.
    """

    quantity: Money | None
    right_quantity: Money | None
    pieces: list[Piece]
    tolerance: Money | None
    judged: Money
    product: Money | None
    difference: Money | None
    expected: Money | None
    steps: list[str]
    none_because: str | None


@dataclass(frozen=True)
class Facts:
    """What the ledger says of one line.

    Attributes:
        line: the line in the columns of line_items.
        key: its row of charge_keys.
        components: its rows of comparison, in the order of causes.
        priced: its row of sql/steps/priced.sql.
        pieces: its billed quantity at the rate taken, or at those of its tiers.
        unpriced: why it could not be priced, as a sentence.
        beside: sentences about other lines that it is judged with.
    """

    line: Mapping[str, Any]
    key: Mapping[str, Any]
    components: Sequence[Mapping[str, Any]]
    priced: Mapping[str, Any]
    pieces: list[Piece]
    unpriced: str | None
    beside: list[str]

    @property
    def billed(self) -> Decimal:
        """What was billed."""
        billed: Decimal = self.line["line_item_unblended_cost"]
        return billed

    def differences(self, *, by_rate: bool) -> Decimal:
        """Add up the differences that follow from quantity and rate, or all others."""
        return add(
            one["difference"]
            for one in self.components
            if (one["component"] in _BY_RATE and one["reason"] not in _moved()) == by_rate
        )


def is_later_price(components: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a line agrees with a price that began while it ran (steps/later_prices.sql)."""
    return any(one["reason"] == "later_price" for one in components)


def work_out(facts: Facts) -> Arithmetic:
    """Write down how the expected cost of a line comes about."""
    priced, because = facts.priced, _none_because(facts)
    pieces = None
    if because is None:
        owed = EXACT.subtract(priced["judged"], facts.differences(by_rate=True))
        pieces = _right_pieces(facts.pieces, owed)
        if pieces is None:
            because = _less_discounts(facts) or (
                f"The ledger expects {number(owed)}, which does not follow from its rate."
            )
    if pieces is None:
        return Arithmetic(
            quantity=priced["quantity"],
            right_quantity=None,
            pieces=[],
            tolerance=priced["tolerance"],
            judged=priced["judged"],
            product=None,
            difference=None,
            expected=None,
            steps=[*facts.beside, *_causes(facts)],
            none_because=because,
        )
    product = _product(pieces)
    difference = EXACT.subtract(priced["judged"], product)
    missing = EXACT.add(difference, facts.differences(by_rate=False))
    expected = EXACT.subtract(facts.billed, missing)
    right = add(piece.quantity for piece in pieces)
    steps = [
        *_quantity_step(facts, right),
        *_product_steps(facts, pieces),
        *_difference_steps(facts, product, difference),
        *facts.beside,
        *_causes(facts),
        *_expected_step(facts, product, expected),
    ]
    return Arithmetic(
        quantity=priced["quantity"],
        right_quantity=right,
        pieces=pieces,
        tolerance=priced["tolerance"],
        judged=priced["judged"],
        product=product,
        difference=difference,
        expected=expected,
        steps=steps,
        none_because=None,
    )


def _product(pieces: list[Piece]) -> Decimal:
    return _ten(_exactly(pieces))


def _exactly(pieces: list[Piece]) -> Decimal:
    return add(EXACT.multiply(piece.quantity, piece.price) for piece in pieces)


def _none_because(facts: Facts) -> str | None:
    """Say why no expected cost follows from a quantity and a rate, where none does."""
    names = {one["component"] for one in facts.components}
    if not names:
        return "The line was brought in and not audited; `curecon audit` compares it."
    if "duplicate" in names:
        return "A repeated line is owed nothing: 0 is expected."
    if "unpriced" in names:
        return facts.unpriced or "No rate is known for it; nothing is expected."
    if "not_repriced" in names:
        return _not_repriced(facts)
    return _agreed_otherwise(facts, names)


def _agreed_otherwise(facts: Facts, names: set[str]) -> str | None:
    """Say by what else a line is compared that is not priced by itself."""
    kind = facts.key["kind"]
    if kind == "covered_usage" and facts.key["price_basis"] == "list":
        return "A commitment paid for it, so nothing is expected to be billed."
    if kind == "negation" or (kind == "covered_usage" and "commitment" in names):
        return (
            "Savings-plan negations are compared with the usage they cancel as sums, by plan, "
            "account, usage type and hour, never line by line."
        )
    for one in facts.components:
        reason = one["reason"] or ""
        said = _AGREED.get("free_tier" if reason.startswith("free_tier") else reason)
        if said:
            return said
    if not facts.pieces:
        return "It is compared by what was agreed, not by a quantity and a rate."
    return None


def _less_discounts(facts: Facts) -> str | None:
    """Say how a FOCUS cost comes about, which is held against what discounts leave of its price."""
    if facts.key["price_basis"] != "list" or facts.key["kind"] != "usage":
        return None
    before, missing = _product(facts.pieces), add(one["difference"] for one in facts.components)
    expected = EXACT.subtract(facts.billed, missing)
    return (
        f"Before discounts it costs {_amount(before)}; of that the contract, or the discount that "
        f"other usage has on the day, leaves {_amount(expected)}, which is expected of BilledCost."
    )


def _not_repriced(facts: Facts) -> str:
    reasons = {one["reason"] for one in facts.components}
    if "other_service" in reasons:
        return "Neither Bedrock nor SageMaker: kept, but not re-priced."
    kind = visible(facts.key["line_item_line_item_type"] or facts.key["kind"], _UNIT)
    return f"Lines of the type {kind} are not re-priced; the bridge shows them apart."


def _right_pieces(pieces: list[Piece], owed: Decimal) -> list[Piece] | None:
    """Return the pieces that give what is owed: as billed, or of a simpler quantity below it.

    The ledger keeps what a right quantity comes to, not the quantity; of those that come to it the
    one with the fewest decimals is meant, since hours, units and tasks are whole mostly.
    """
    if _product(pieces) == owed:
        return pieces
    if len(pieces) > 1 or pieces[0].price == 0:
        return None
    (whole,) = pieces
    ratio = EXACT.divide(owed, whole.price)
    for decimals in range(_DECIMALS + 1):
        tried = ratio.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=EXACT)
        right = whole.model_copy(update={"quantity": tried})
        if _product([right]) == owed and abs(tried) <= abs(whole.quantity):
            return [right]
    return None


# --- the steps ---


def _quantity_step(facts: Facts, right: Decimal) -> list[str]:
    quantity = facts.priced["quantity"]
    if right == quantity:
        return []
    basis = {one["reason"] for one in facts.components} & set(_RIGHT)
    because = f": {_RIGHT[basis.pop()]}" if basis else ""
    return [f"Of {number(quantity)} billed, {number(right)} are right{because}."]


def _product_steps(facts: Facts, pieces: list[Piece]) -> list[str]:
    currency = visible(facts.key["line_item_currency_code"] or "", CODE)
    exact, product = _exactly(pieces), _product(pieces)
    said = " + ".join(_piece(piece, currency) for piece in pieces) + f" = {_amount(exact)}"
    if exact != product:
        said += f", rounded to ten decimals {_amount(product)}"
    steps = [f"{said}."]
    steps += _unit_steps(facts, pieces[0])
    if len(pieces) > 1:
        steps.append("The line crosses tiers of the month's usage, and each part has its price.")
    return steps


def _unit_steps(facts: Facts, piece: Piece) -> list[str]:
    """Say what the bill's unit means, and what it comes to in units of the rate."""
    written, means = facts.key["pricing_unit"], facts.key["unit"]
    if piece.factor in (None, 1):
        return []
    ours = visible(means or written or "a unit of the bill", _UNIT)
    factor = number(piece.factor or Decimal(1))
    said = f"{ours} = {factor} {TIMES} {visible(piece.rate_unit, _UNIT)}, exactly."
    if written is not None and means is not None and written.lower() != means.lower():
        said = f"The bill's {visible(written, _UNIT)} are {means} here; {said}"
    return [said]


def _piece(piece: Piece, currency: str) -> str:
    """Write one product; where the registry no longer converts, the ledger's converted price."""
    if piece.factor is None:
        return f"{number(piece.quantity)} {TIMES} {number(piece.price)} {currency}"
    factors = [number(piece.quantity)] + ([number(piece.factor)] if piece.factor != 1 else [])
    per = f"{number(piece.rate_price)} {currency} per {visible(piece.rate_unit, _UNIT)}"
    return f" {TIMES} ".join([*factors, per])


def _difference_steps(facts: Facts, product: Decimal, difference: Decimal) -> list[str]:
    judged, billed = facts.priced["judged"], facts.billed
    steps = []
    if judged != billed:
        steps.append(
            "Judged is the cost before discounts at the price that the bill states, "
            f"{_amount(judged)}; billed, after discounts, is {_amount(billed)}."
        )
    what = "Cost before discounts" if judged != billed else "Billed"
    steps.append(f"{what} {_amount(judged)} - expected {_amount(product)} = {_signed(difference)}.")
    return [*steps, _tolerance(facts, difference)]


def _tolerance(facts: Facts, difference: Decimal) -> str:
    priced, hours = facts.priced, Decimal(facts.line["hours"])
    quantity = abs(priced["quantity"])
    parts = [
        EXACT.multiply(_TEN, hours),
        EXACT.multiply(quantity, _HALF_DIGIT),
    ]
    words = [f"{number(_TEN)} {TIMES} {number(hours)} h"]
    words.append(f"{number(quantity)} {TIMES} {number(_HALF_DIGIT)}")
    if facts.line["quantity_rounded"]:
        parts.append(EXACT.multiply(_TEN, priced["price"]))
        words.append(f"{number(_TEN)} {TIMES} {number(priced['price'])}")
    worked_out = add(parts).quantize(_LEDGER, ROUND_HALF_UP, context=EXACT)
    tolerance: Decimal = priced["tolerance"]
    formula = f"{' + '.join(words)} = " if worked_out == tolerance else ""
    if difference == 0:
        place = "nothing differs"
    else:
        place = f"the difference is {'beyond' if abs(difference) > tolerance else 'within'} it"
    return f"Tolerance: {formula}{number(tolerance)}; {place}."


@cache
def _moved() -> dict[str, str]:
    """Return, by the checks that explain what a rate does not, why a line costs something else."""
    return {check.name: check.moves for check in checks.load() if check.moves}


def _causes(facts: Facts) -> list[str]:
    """Say of each component with a difference where it comes from."""
    steps = []
    for one in facts.components:
        if one["difference"] != 0 and one["component"] not in ("unpriced", "not_repriced"):
            cause = _CAUSES.get(one["component"], _other_cause)
            said = _moved().get(one["reason"]) or cause(facts, one)
            label = story.label(one["component"])
            steps.append(f"{label}, {_signed(one['difference'])}: {said}")
    return steps


def _unit_cause(facts: Facts, _: Mapping[str, Any]) -> str:
    priced = facts.priced
    at_price = _product(facts.pieces)
    for factor in _UNIT_FACTORS:
        off = EXACT.subtract(priced["judged"], EXACT.multiply(at_price, factor))
        if abs(off) <= EXACT.multiply(priced["tolerance"], factor):
            return f"the bill takes {number(factor)} times what the rate gives."
    return "the bill takes a thousandth or a millionth of what the rate gives."


def _quantity_cause(facts: Facts, one: Mapping[str, Any]) -> str:
    price = facts.priced["price"]
    if price in (None, 0):
        return "more is billed than there can be."
    surplus = _ten(EXACT.divide(one["difference"], price))
    return f"{number(surplus)} {TIMES} {number(price)} for what there cannot be."


def _rate_cause(facts: Facts, one: Mapping[str, Any]) -> str:
    quantity, price, rate = (facts.priced[name] for name in ("quantity", "price", "rate"))
    if rate is None:
        return "the cost is not the quantity at the price in force."
    said = f"the bill's rate is {number(rate)}, the one in force {number(price)}"
    exact = EXACT.multiply(quantity, EXACT.subtract(rate, price))
    if _ten(exact) == one["difference"]:
        said += (
            f": {number(quantity)} {TIMES} ({number(rate)} - {number(price)}) = {_signed(exact)}"
        )
    return f"{said}."


def _arithmetic_cause(facts: Facts, _: Mapping[str, Any]) -> str:
    quantity, rate = facts.priced["quantity"], facts.priced["rate"]
    if quantity is None or rate is None:
        return "the bill contradicts its own rate."
    own = _amount(EXACT.multiply(quantity, rate))
    return (
        f"by the bill's own rate {number(quantity)} {TIMES} {number(rate)} = {own}, "
        f"and it says {_amount(facts.priced['judged'])}."
    )


def _rounding_cause(_: Facts, __: Mapping[str, Any]) -> str:
    return "no more than the rounding of costs and rates to ten decimals can cause."


def _duplicate_cause(_: Facts, __: Mapping[str, Any]) -> str:
    return "all that it is billed."


def _promised_cause(facts: Facts, one: Mapping[str, Any]) -> str:
    """Say of what was promised and has no line of its own that this line only carries it."""
    said = _other_cause(facts, one)
    if one["billed"] or not facts.billed:
        return said
    return f"{said[:-1]}; no line brings it, so this charge carries it in the bridge."


def _other_cause(_: Facts, one: Mapping[str, Any]) -> str:
    return f"{(one['reason'] or 'by what was agreed').replace('_', ' ')}."


_CAUSES = {
    "unit": _unit_cause,
    "quantity": _quantity_cause,
    "rate": _rate_cause,
    "arithmetic": _arithmetic_cause,
    "rounding": _rounding_cause,
    "duplicate": _duplicate_cause,
    "discount": _promised_cause,
    "free_tier": _promised_cause,
}


def _expected_step(facts: Facts, product: Decimal, expected: Decimal) -> list[str]:
    """Say what should have been billed, where it is not what quantity and rate give."""
    if expected == product:
        return []
    away = EXACT.subtract(facts.billed, expected)
    said = f"Billed {_amount(facts.billed)} - difference {_signed(away)}"
    return [f"{said} = expected {_amount(expected)}."]


def _ten(exact: Decimal) -> Decimal:
    """Round as AWS and the ledger do: to ten decimals, halves away from zero."""
    return exact.quantize(_TEN, ROUND_HALF_UP, context=EXACT)


def _amount(amount: Decimal) -> str:
    """Write dollars with ten decimals, or with all they have."""
    ten = _ten(amount)
    return format(ten, ",f") if ten == amount else number(amount)


def _signed(amount: Decimal) -> str:
    written = _amount(amount)
    return f"+{written}" if amount > 0 else written
