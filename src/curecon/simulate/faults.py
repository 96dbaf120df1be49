"""Errors as AWS might make them, planted in lines that were right.

An error is made where it would arise: a wrong rate before discounts are granted, so that these are
a share of what is billed, a missing discount afterwards. No two errors share an account's usage
type, so that what an audit says of one cannot be mistaken for another.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from curecon.errors import OptionInvalid
from curecon.simulate import discounts, plans
from curecon.simulate.planter import Fault, Place, Planter
from curecon.simulate.world import line_id

USAGE, AFTER_DISCOUNTS, BEFORE_TAX, AFTER_TAX = (
    "usage", "after discounts", "before tax", "after tax",
)  # fmt: skip
INVOICE = "invoice"  # no error of a line: what AWS asks for is not what its lines come to


def _duplicate(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    planter.again(place, place.line_id)
    return [place.row], place.cost


def _identical(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    copy = planter.again(place, line_id(planter.world.seed, f"again {place.line_id}"))
    return [copy], place.cost


def _rate(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    rows = planter.same_day(place)
    return rows, planter.bill_at(rows, (place.rate * 11 / 10).quantize(Decimal("1e-10")))


def _other_price(
    planter: Planter, place: Place, condition: str
) -> tuple[list[int], Decimal] | None:
    """Bill a day at the dearer price of another meter of the same name."""
    found = planter.con.execute(
        "SELECT max(p.list_price) FROM meters AS here, meters AS m"
        " JOIN prices AS p ON p.meter = m.meter AND p.starts <= ?::DATE"
        f" WHERE here.meter = ? AND m.code = here.code AND m.name = here.name AND {condition}",
        [place.day, place.meter],
    ).fetchone()
    if not found or found[0] is None or found[0] <= place.rate:
        return None
    rows = planter.same_day(place)
    return rows, planter.bill_at(rows, Decimal(found[0]))


def _region_rate(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    return _other_price(planter, place, "m.what = here.what AND m.region <> here.region")


def _batch(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    standard = (
        "m.region = here.region AND (m.usage_type = replace(here.usage_type, '-batch', '')"
        " OR m.usage_type = replace(here.usage_type, '_Batch', '')) AND m.meter <> here.meter"
    )
    return _other_price(planter, place, standard)


def _old_rate(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    return _other_price(planter, place, "m.meter = here.meter")


def _unit(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    rows = planter.same_day(place)
    return rows, planter.bill_at(rows, place.rate * 1000)


def _arithmetic(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    planter.con.execute("UPDATE lines SET cost = cost + 1.25 WHERE rowid = ?", [place.row])
    return [place.row], Decimal("1.25")


def _clock_units(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    return [place.row], planter.more_of([place.row], Decimal(1))


def _half_more(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Bill half a unit more: an hour and a half within the hour, or half a task."""
    return [place.row], planter.more_of([place.row], Decimal("0.5"))


def _gap(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    """Take three hours out of the middle of a provisioned model's life."""
    rows = planter.con.execute(
        "SELECT rowid FROM lines WHERE series = ? AND period = (SELECT period FROM lines"
        " WHERE rowid = ?) ORDER BY starts",
        [place.series, place.row],
    ).fetchall()
    middle = len(rows) // 2
    if middle < 4:  # noqa: PLR2004  # too short a life to have a middle
        return None
    gone = [row for (row,) in rows[middle - 1 : middle + 2]]
    planter.con.execute("DELETE FROM lines WHERE rowid = ANY(?)", [gone])
    return [rows[middle + 2][0]], Decimal(0)


def _outside(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Bill usage of the next month in this one."""
    planter.con.execute(
        "UPDATE lines SET starts = starts + to_months(1), ends = ends + to_months(1)"
        " WHERE rowid = ?",
        [place.row],
    )
    return [place.row], Decimal(0)


def _changed(statement: str) -> Callable[[Planter, Place], tuple[list[int], Decimal]]:
    """Change a text of the line, which moves no money."""

    def make(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
        planter.con.execute(f"UPDATE lines SET {statement} WHERE rowid = ?", [place.row])
        return [place.row], Decimal(0)

    return make


def _plan_rate(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Count covered usage at a tenth more than the plan agreed, and the hour's use with it."""
    found = planter.con.execute(
        "SELECT plan_cost, starts FROM lines WHERE rowid = ?", [place.row]
    ).fetchone()
    before, starts = found or (Decimal(0), None)
    planter.con.execute(
        "UPDATE lines SET plan_rate = (plan_rate * 1.1)::DECIMAL(15, 10),"
        " plan_cost = (quantity * (plan_rate * 1.1)::DECIMAL(15, 10))::DECIMAL(28, 10)"
        " WHERE rowid = ?",
        [place.row],
    )
    after = planter.con.execute(
        "SELECT plan_cost FROM lines WHERE rowid = ?", [place.row]
    ).fetchone()
    more = (after[0] if after else before) - before
    planter.con.execute(
        "UPDATE lines SET commitment_used = commitment_used + ? WHERE starts = ?"
        " AND line_type = 'SavingsPlanRecurringFee'",
        [more, starts],
    )
    return [place.row], more


def _negation(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Leave out what cancels covered usage, so that it is paid twice; FOCUS bills the usage."""
    planter.con.execute(
        "UPDATE lines SET is_billed_twice = TRUE FROM lines AS n WHERE n.rowid = ?"
        " AND lines.line_type = 'SavingsPlanCoveredUsage' AND lines.starts = n.starts"
        f" AND {plans.NEGATION_ID.replace('id', 'lines.id')} = n.id",
        [place.row],
    )
    planter.con.execute("DELETE FROM lines WHERE rowid = ?", [place.row])
    return [], -place.cost


def _plan_fee(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    planter.con.execute("UPDATE lines SET cost = cost + 0.5 WHERE rowid = ?", [place.row])
    return [place.row], Decimal("0.5")


def _discount_missing(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Leave out every discount of an account's usage type in a month, and of each of its lines."""
    there = "account = ? AND usage_type = ? AND strftime(period, '%Y-%m') = ?"
    told = [place.account, place.usage_type, place.period]
    rows = planter.con.execute(
        f"SELECT rowid FROM lines WHERE line_type = 'EdpDiscount' AND {there}", told
    ).fetchall()
    gone = [row for (row,) in rows]
    missing = planter.cost(gone)
    planter.con.execute("DELETE FROM lines WHERE rowid = ANY(?)", [gone])
    planter.con.execute(f"UPDATE lines SET discount = NULL WHERE {there}", told)
    return [], -missing


def _discount_half(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Grant half the discount of a day, in tenths of a percent, and so much less of its parts."""
    agreed = discounts.percent(planter.world)
    half = (agreed / 2).quantize(Decimal("0.1"), ROUND_DOWN)
    rows = planter.con.execute(
        "SELECT l.rowid FROM lines AS l JOIN lines AS d ON d.rowid = ? AND l.meter = d.meter"
        " AND l.account = d.account AND l.operation = d.operation AND l.code = d.code"
        " AND l.period = d.period AND date_trunc('day', l.starts) = d.starts"
        " WHERE l.discount IS NOT NULL",
        [place.row],
    ).fetchall()
    parts = [row for (row,) in rows]
    planter.con.execute(
        "UPDATE lines SET discount = (discount * ?::DECIMAL(4, 3))::DECIMAL(28, 10)"
        " WHERE rowid = ANY(?)",
        [half / agreed, parts],
    )
    planter.con.execute(
        "UPDATE lines SET cost = (SELECT sum(discount) FROM lines WHERE rowid = ANY(?))"
        " WHERE rowid = ?",
        [parts, place.row],
    )
    return [place.row], planter.cost([place.row]) - place.cost


def _free_tier(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Bill what is free at the list price."""
    planter.con.execute(
        "UPDATE lines SET rate = public_rate, cost = public_cost WHERE rowid = ?", [place.row]
    )
    return [place.row], planter.cost([place.row])


def _free_twice(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    """Give back what was free already; one such credit a month, since credits are added up."""
    told = [place.usage_type.split("-", 1)[1], place.period]
    (there,) = planter.con.execute(
        "SELECT count(*) FROM lines WHERE line_type = 'Credit' AND ends_with(usage_type, ?)"
        " AND strftime(period, '%Y-%m') = ?",
        told,
    ).fetchone() or (0,)
    if there:
        return None
    copy = planter.again(place, line_id(planter.world.seed, f"given back {place.line_id}"))
    planter.con.execute(
        "UPDATE lines SET line_type = 'Credit', cost = -round(public_cost, 2), public_cost = 0,"
        " public_rate = NULL, description = 'AWS free tier credit', resource = '',"
        " quantity = 0 WHERE rowid = ?",
        [copy],
    )
    return [copy], planter.cost([copy])


def _credit(planter: Planter, place: Place) -> tuple[list[int], Decimal]:
    """Give half of what was promised, in cents."""
    half = (place.cost / 2).quantize(Decimal("0.01"))
    planter.con.execute("UPDATE lines SET cost = ? WHERE rowid = ?", [half, place.row])
    return [place.row], half - place.cost


def _tax(planter: Planter, place: Place) -> tuple[list[int], Decimal] | None:
    """Take a tenth and a dollar more, of an account whose tax no other error has moved."""
    if any(one.usage_account == place.account and one.also for one in planter.planted):
        return None
    more = (place.cost / 10 + 1).quantize(Decimal("0.01"))
    planter.con.execute("UPDATE lines SET cost = cost + ? WHERE rowid = ?", [more, place.row])
    return [place.row], more


_OWN = "l.line_type = 'Usage' AND m.is_ai AND m.what NOT LIKE 'Human%'"
# Enough dollars to be seen in cents, whatever is done to them.
_PLAIN = f"{_OWN} AND l.cost > 0.1 AND m.pattern <> 'units'"
_PUBLIC = f"{_PLAIN} AND (NOT m.marketplace) AND l.rate = l.public_rate"
_HUMAN = "l.line_type = 'Usage' AND m.what LIKE 'Human%' AND l.cost > 0.1"
_FREE = "l.line_type = 'Usage' AND l.rate = 0 AND l.public_cost > 0.02 AND l.plan IS NULL"
_UNITS = "l.line_type = 'Usage' AND m.pattern = 'units'"
FAULTS = {
    "duplicate": Fault(
        USAGE, f"{_PLAIN} AND l.resource <> ''", "duplicate_line", "duplicate",
        "the same line item twice", _duplicate, also=("tax_differs",), focus="identical_usage",
    ),
    "identical": Fault(
        USAGE, f"{_PLAIN} AND l.resource <> ''", "identical_usage", "duplicate",
        "the same usage again under another line item id", _identical, also=("tax_differs",),
    ),
    "rate": Fault(
        USAGE, _PUBLIC, "rate_differs", "rate", "a rate a tenth above the list", _rate
    ),
    "marketplace_rate": Fault(
        USAGE, f"{_PLAIN} AND m.marketplace", "rate_differs", "rate",
        "a Marketplace model a tenth above the list", _rate,
    ),
    "private_rate": Fault(
        USAGE, f"{_PLAIN} AND l.rate < l.public_rate", "rate_differs", "rate",
        "a tenth above the agreed rate", _rate,
    ),
    "region_rate": Fault(
        USAGE, f"{_PUBLIC} AND m.region LIKE 'us-%'", "rate_differs", "rate",
        "the rate of a dearer region", _region_rate,
    ),
    "old_rate": Fault(
        USAGE, f"{_PLAIN} AND l.rate = l.public_rate AND l.usage_type LIKE '%Qwen3-32B%'"
        " AND l.starts >= TIMESTAMP '{first}' + to_days(15)", "rate_differs", "rate",
        "the rate from before a price cut", _old_rate,
    ),
    "batch": Fault(
        USAGE, f"{_PLAIN} AND l.usage_type ILIKE '%batch%'", "rate_differs", "rate",
        "batch usage at the standard rate", _batch,
    ),
    "unit": Fault(
        USAGE, f"{_PLAIN} AND m.pattern = 'tokens'", "unit_differs", "unit",
        "a rate a thousand times too large", _unit,
    ),
    "arithmetic": Fault(
        USAGE, _PLAIN, "arithmetic_differs", "arithmetic",
        "a cost that is not quantity times rate", _arithmetic,
    ),
    "clock_units": Fault(
        USAGE, _UNITS, "provisioned_hours_exceeded", "quantity",
        "a model unit more than there are", _clock_units,
    ),
    "clock_instance": Fault(
        USAGE, f"{_PLAIN} AND m.pattern = 'office' AND l.quantity = 1 AND l.unit = 'Hrs'"
        " AND regexp_matches(l.usage_type, 'Notebk|Studio')", "instance_hours_exceeded",
        "quantity", "an hour and a half of a notebook within the hour", _half_more,
    ),
    "gap": Fault(
        USAGE, _UNITS, "provisioned_hours_missing", "data",
        "no hours of a provisioned model for a while", _gap, "warning",
    ),
    "human_rate": Fault(
        USAGE, _HUMAN, "rate_differs", "rate", "a human task above 0.21 USD", _rate
    ),
    "human_fraction": Fault(
        USAGE, _HUMAN, "human_task_fraction", "quantity", "half a human task", _half_more,
        "warning",
    ),
    "outside": Fault(
        USAGE, f"{_PUBLIC} AND l.usage_type NOT LIKE '%Qwen3%' AND day(l.starts) < 28",
        "usage_outside_period", "quantity", "usage of the next month", _outside, "warning",
    ),
    "unknown_code": Fault(
        USAGE, f"{_PUBLIC} AND l.code = 'AmazonBedrock'", "unknown_product_code", "data",
        "a product code that nobody has described", _changed("code = 'AmazonBedrockNext'"),
        "warning", ("unpriced_charge",),
    ),
    "unknown_type": Fault(
        USAGE, _PUBLIC, "unknown_line_type", "data", "a line type that nobody has described",
        _changed("line_type = 'FutureUsage'"), "warning", ("unpriced_charge", "tax_differs"),
        focus="",
    ),
    "plan_rate": Fault(
        USAGE, "l.line_type = 'SavingsPlanCoveredUsage' AND l.plan_cost > 0.05 AND EXISTS ("
        "SELECT 1 FROM lines AS f WHERE f.line_type = 'SavingsPlanRecurringFee'"
        " AND f.starts = l.starts AND f.commitment - f.commitment_used > l.plan_cost * 0.11)",
        "plan_rate_differs", "commitment", "covered usage above the plan's rate", _plan_rate,
    ),
    "negation": Fault(
        USAGE, "l.line_type = 'SavingsPlanNegation' AND l.cost < -0.05", "negation_differs",
        "commitment", "covered usage that is not cancelled", _negation,
    ),
    "plan_fee": Fault(
        USAGE, "l.line_type = 'SavingsPlanRecurringFee'", "plan_fee_differs", "commitment",
        "an hour's fee above the commitment", _plan_fee,
    ),
    "unknown_unit": Fault(
        USAGE, f"{_PLAIN} AND m.marketplace", "unknown_unit", "data",
        "a unit that nobody has described", _changed("unit = 'Frobs'"), "warning",
        ("unpriced_charge",),
    ),
    "unknown_usage": Fault(
        USAGE, f"{_PLAIN} AND m.marketplace", "unknown_usage_type", "data",
        "a usage type that nobody has described",
        _changed("usage_type = split_part(usage_type, '-', 1) || '-MP:FrobnicatedCount-Units'"),
        "warning", ("unpriced_charge",),
    ),
    "late_duplicate": Fault(
        AFTER_DISCOUNTS, f"{_PLAIN} AND NOT m.marketplace AND l.resource <> ''",
        "duplicate_line", "duplicate", "the same line item twice, and its discount once",
        _duplicate, also=("tax_differs",), focus="",
    ),
    "discount_missing": Fault(
        AFTER_DISCOUNTS, "l.line_type = 'EdpDiscount' AND l.cost < -0.05", "discount_differs",
        "discount", "no discount on an account's usage", _discount_missing,
    ),
    "discount_half": Fault(
        AFTER_DISCOUNTS, "l.line_type = 'EdpDiscount' AND l.cost < -0.05", "discount_differs",
        "discount", "half the discount of a day", _discount_half,
    ),
    "free_tier": Fault(
        USAGE, f"{_FREE} AND l.usage_type LIKE '%Notebk:ml.t3.medium'", "free_tier_differs",
        "free_tier", "usage within the free tier that is billed", _free_tier, "warning",
    ),
    "free_tier_twice": Fault(
        USAGE, f"{_FREE} AND l.usage_type LIKE '%Canvas:Session-Hrs'", "free_tier_differs",
        "free_tier", "usage that was free given back", _free_twice, "warning", discounted=False,
    ),
    "credit": Fault(
        BEFORE_TAX, "l.line_type = 'Credit' AND l.usage_type = ''", "credit_differs", "discount",
        "half of a promised credit", _credit, anywhere=True,
    ),
    "tax": Fault(
        AFTER_TAX, "l.line_type = 'Tax' AND regexp_matches(l.code || l.name, 'Bedrock|SageMaker')",
        "tax_differs", "data", "tax above its rate", _tax,
    ),
}  # fmt: skip


def wanted(spec: str) -> dict[str, int]:
    """Read what errors to plant, as `all`, `all=2` or `rate=3,unit`: how many of each kind.

    Raises:
        OptionInvalid: a kind is not known, or a number is none.
    """
    counts: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in spec.split(","))):
        name, _, number = part.partition("=")
        if name not in {"all", INVOICE, *FAULTS}:
            known = ", ".join([*FAULTS, INVOICE])
            raise OptionInvalid(f"--errors {name!r}: give all, or some of {known}")
        if number and not (number.isdecimal() and int(number) <= 1000):  # noqa: PLR2004
            raise OptionInvalid(f"--errors {part!r}: write it as {name}=3")
        counts |= dict.fromkeys([*FAULTS, INVOICE] if name == "all" else [name], int(number or 1))
    return counts


def plant(planter: Planter, counts: dict[str, int], stage: str) -> None:
    """Plant the errors that arise at a stage."""
    first = planter.world.months[0].isoformat()
    for name, fault in FAULTS.items():
        if fault.stage == stage:
            there = fault._replace(where=fault.where.replace("{first}", first))
            for number in range(counts.get(name, 0)):
                planter.plant(name, there, number)
