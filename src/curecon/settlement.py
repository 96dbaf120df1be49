"""Credits and refunds that settle findings: which may, which does, and what was won back.

AWS gives a line another id in each delivery, so a credit is known by what its line says. Lines that
say the same are one credit of their sum. No credit settles more than it is worth.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from curecon import ledger, life
from curecon.asked import records
from curecon.errors import OptionInvalid
from curecon.life import CENT, PREFIX_MIN, Known
from curecon.models import FindingState, Money, Record, Time
from curecon.report.figures import EXACT, add, money
from curecon.report.text import visible

_LISTED_MAX = 10
_ALL = "`curecon findings show ID` proposes those that may settle a finding"
_LEAST = Decimal("0.01")
_MOST = Decimal("1.05")

Standing = dict[str, str]
"""By the key of a credit: a finding that says that the dollars of the credit itself are wrong."""


class Credit(Record):
    """A credit or refund of the bill; `left` is what of its worth settles no finding yet."""

    key: str
    line_item_id: str
    line: int
    lines: int
    period: str
    payer_account: str
    usage_account: str | None
    line_type: str | None
    service: str | None
    product_code: str | None
    usage_type: str | None
    description: str | None
    usage_start: Time
    currency: str
    worth: Money
    left: Money


class Recovered(Record):
    """What was won back of one finding, and how: by a credit, or because AWS restated the bill."""

    finding_id: str
    check: str
    period: str
    payer_account: str
    usage_type: str | None
    currency: str
    difference: Money
    recovered: Money
    remaining: Money
    how: Literal["credit", "restatement"]
    last: Time
    who: str


class Recoveries(Record):
    """What `curecon findings list --recovered --format json` prints; a total a currency."""

    schema_version: int = 1
    total: dict[str, Money]
    recovered: list[Recovered]


def settle(
    finding_id: str,
    credit: str,
    *,
    owner: str,
    amount: Decimal | None = None,
    ledger_path: Path = Path("curecon.duckdb"),
    as_of: date | None = None,
) -> FindingState:
    """Confirm that a credit or refund line settles a finding, in whole or in part.

    Args:
        finding_id: the id of the finding, or its beginning.
        credit: the number of the credit line in the ledger, its id, or the beginning of its id.
        owner: who confirms it.
        amount: how much of the credit is meant; without it, as much as both have left.
        ledger_path: the ledger that has both.
        as_of: the day that counts as today.

    Returns:
        The state of the finding: resolved once less than a cent remains.

    Raises:
        OptionInvalid: finding and credit do not fit together, or one of them has nothing left.
        LedgerLocked, LedgerUnreadable: the ledger cannot be written; it is as it was.
    """
    if not owner.strip():
        raise OptionInvalid("--owner says nothing; the history needs it")
    day = as_of or life.today()
    with life.changing(ledger_path) as con:
        finding = life.finding_named(con, finding_id)
        line = credit_named(con, credit)
        remaining = _remaining(con, finding, day)
        _fit(finding, line, _standing(con))
        settled = min(line.left, remaining) if amount is None else amount
        if not 0 < settled <= min(line.left, remaining):
            raise OptionInvalid(
                f"--amount {money(settled)} is more than {money(line.left)} left of the credit or "
                f"{money(remaining)} left of the finding"
            )
        moment = life.moment()
        con.execute(
            "INSERT INTO settlements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                finding.id, line.key, line.line_item_id, line.period, settled, line.currency,
                moment, owner,
            ],
        )  # fmt: skip
        said = f"{line.line_type} {line.line_item_id} of {line.period} settles {money(settled)}."
        life.append(con, "settled", finding.series_id, owner, said, finding=finding, at=moment)
        (state,) = [one for one in life.states(con, day) if one.finding_id == finding.id]
        return state


def _remaining(con: duckdb.DuckDBPyConnection, finding: Known, day: date) -> Decimal:
    """Return what of a finding is owed still.

    Raises:
        OptionInvalid: nothing is.
    """
    (state,) = [one for one in life.states(con, day) if one.finding_id == finding.id]
    if state.state == "resolved":
        raise OptionInvalid(f"the finding {finding.id} is resolved: {state.why}")
    if finding.difference <= 0:
        raise OptionInvalid(f"the finding {finding.id} says of no dollars that AWS owes them")
    return state.remaining


def _fit(finding: Known, credit: Credit, standing: Standing) -> None:
    """Refuse a credit that cannot be for a finding, or that is used up.

    Raises:
        OptionInvalid: says why.
    """
    what = f"the credit {visible(credit.line_item_id)} of line {credit.line}"
    unfit = _unfit(finding, credit, standing)
    if unfit is not None:
        raise OptionInvalid(f"{what} {unfit}")
    if credit.left <= 0:
        raise OptionInvalid(
            f"{what} has nothing left: its {money(credit.worth)} settle other findings already"
        )


def _unfit(finding: Known, credit: Credit, standing: Standing) -> str | None:
    """Say why a credit cannot be for a finding; None where it can."""
    service, account = credit.service or "", credit.usage_account or ""
    anybodys = ("", finding.usage_account, finding.payer_account)
    reasons = [
        (
            credit.payer_account != finding.payer_account,
            f"is of payer {credit.payer_account}, and {finding.id} of {finding.payer_account}",
        ),
        (
            credit.currency != (finding.currency or credit.currency),
            f"is in {credit.currency}, and {finding.id} in {finding.currency}",
        ),
        (
            credit.period < finding.period,
            f"is of {credit.period}, before {finding.period}, the period of {finding.id}",
        ),
        (
            finding.check == "credit_differs" and credit.period == finding.period,
            (
                f"is of {credit.period}, whose credits {finding.id} counted already: what it "
                "misses can only come in a later period"
            ),
        ),
        (
            credit.key in standing,
            (
                f"is itself wrong by the finding {standing.get(credit.key)}, so it gives nothing "
                f"back for {finding.id}"
            ),
        ),
        (
            finding.service is not None and service not in ("", finding.service),
            f"is of {visible(service)}, and {finding.id} of {finding.service}",
        ),
        (
            finding.usage_account is not None and account not in anybodys,
            (
                f"is of the account {visible(account)}, and {finding.id} of "
                f"{visible(finding.usage_account or '')}"
            ),
        ),
    ]
    return next((why for is_so, why in reasons if is_so), None)


def _standing(con: duckdb.DuckDBPyConnection) -> Standing:
    """Return the findings that say of a credit itself that its dollars are wrong."""
    return dict(
        con.execute(
            f"SELECT {_KEY} AS key, min(f.finding_id) {_FROM} "
            "JOIN found_lines AS f ON f.line = l.line AND f.billed <> f.expected "
            f"WHERE {_GIVEN} GROUP BY 1"
        ).fetchall()
    )


def credit_named(con: duckdb.DuckDBPyConnection, wanted: str) -> Credit:
    """Return the credit that the number of a line, the id of one, or its beginning means.

    Raises:
        OptionInvalid: none, or more than one, is meant, or the line is no credit.
    """
    every = every_credit(con)
    for condition, value in _places(wanted):
        of = con.execute(f"SELECT line FROM lines AS l WHERE {condition}", [value]).fetchall()
        keys = _keys_of(con, condition, value)
        meant = [one for one in every if one.key in keys]
        if of and not meant:
            raise OptionInvalid(f"the line {visible(wanted)} is no credit or refund")
        if meant:
            break
    else:
        meant = [
            one
            for one in every
            if len(wanted) >= PREFIX_MIN and one.line_item_id.startswith(wanted)
        ]
    if not meant:
        close = life.near(wanted, (one.line_item_id for one in every), _ALL)
        raise OptionInvalid(f"no credit or refund has the id {visible(wanted)}; {close}")
    if len(meant) > 1:
        lines = ", ".join(
            f"{one.line} ({one.period}, {money(one.worth)} {one.currency})"
            for one in meant[:_LISTED_MAX]
        )
        raise OptionInvalid(
            f"{len(meant):,} credits have the id {visible(wanted)}; name one by the number of its "
            f"line: {lines}"
        )
    return meant[0]


def _places(wanted: str) -> list[tuple[str, str]]:
    """List where a line is looked for: a number is that of a line before it is an id."""
    by_id = [("l.identity_line_item_id = ?", wanted)]
    is_number = wanted.isascii() and wanted.isdecimal()
    return [("l.line = TRY_CAST(? AS BIGINT)", wanted), *by_id] if is_number else by_id


_KEY = (
    "md5(concat_ws(chr(31), d.payer_account, CAST(d.period AS VARCHAR), "
    "coalesce(l.line_item_usage_account_id, ''), coalesce(k.line_item_line_item_type, ''), "
    "coalesce(k.line_item_product_code, ''), coalesce(k.line_item_usage_type, ''), "
    "coalesce(k.line_item_line_item_description, ''), "
    "CAST(l.line_item_usage_start_date AS VARCHAR), coalesce(k.line_item_currency_code, 'XXX'), "
    "CAST(l.line_item_unblended_cost AS VARCHAR)))"
)
_FROM = (
    "FROM lines AS l JOIN deliveries AS d USING (delivery_id) "
    "JOIN charge_keys AS k USING (charge_key_id) "
)
_GIVEN = "k.kind IN ('credit', 'refund') AND l.line_item_unblended_cost < 0"
# Of which service a credit is: as its product code says; an opaque code of the Marketplace that is
# in scope says nothing, and its usage type may.
_SERVICE = (
    "CASE WHEN k.line_item_product_code ILIKE '%bedrock%' THEN 'bedrock' "
    "WHEN k.line_item_product_code ILIKE '%sagemaker%' "
    "OR k.line_item_product_code = 'MachineLearningSavingsPlans' THEN 'sagemaker' "
    "WHEN k.is_ai THEN k.service ELSE nullif(k.line_item_product_code, '') END"
)


def _keys_of(con: duckdb.DuckDBPyConnection, condition: str, value: str) -> set[str]:
    rows = con.execute(f"SELECT {_KEY} {_FROM} WHERE {_GIVEN} AND {condition}", [value]).fetchall()
    return {key for (key,) in rows}


def every_credit(con: duckdb.DuckDBPyConnection) -> list[Credit]:
    """List the credits and refunds of a ledger, the latest first."""
    rows = records(
        con,
        f"SELECT {_KEY} AS key, min(coalesce(l.identity_line_item_id, CAST(l.line AS VARCHAR))) "
        "AS line_item_id, min(l.line) AS line, count(*) AS lines, "
        "strftime(min(d.period), '%Y-%m') AS period, min(d.payer_account) AS payer_account, "
        "min(l.line_item_usage_account_id) AS usage_account, "
        "min(k.line_item_line_item_type) AS line_type, "
        f"min({_SERVICE}) AS service, min(k.line_item_product_code) AS product_code, "
        "min(k.line_item_usage_type) AS usage_type, "
        "min(k.line_item_line_item_description) AS description, "
        "min(l.line_item_usage_start_date) AS usage_start, "
        "min(coalesce(k.line_item_currency_code, 'XXX')) AS currency, "
        "-sum(l.line_item_unblended_cost) AS worth "
        f"{_FROM} WHERE {_GIVEN} GROUP BY 1 ORDER BY period DESC, worth DESC, key",
    )
    used = dict(
        con.execute("SELECT credit_key, sum(amount) FROM settlements GROUP BY 1").fetchall()
    )
    return [
        Credit(**row, left=EXACT.subtract(row["worth"], used.get(row["key"], Decimal(0))))
        for row in rows
    ]


def proposed(con: duckdb.DuckDBPyConnection, finding_id: str, as_of: date) -> list[Credit]:
    """List the credits that may settle a finding, the nearest in dollars first.

    They are those that `settle` accepts, and of an amount within reach:
    from a hundredth of what remains to a little more than everything that is disputed.
    """
    states = {one.finding_id: one for one in life.states(con, as_of)}
    known = {one.id: one for one in life.known(con)}
    finding, state = known[finding_id], states[finding_id]
    if state.state == "resolved" or finding.difference <= 0 or state.remaining < CENT:
        return []
    disputed = add(
        states[one.id].remaining
        for one in known.values()
        if one.payer_account == finding.payer_account
        and one.currency == finding.currency
        and states[one.id].state == "disputed"
    )
    standing = _standing(con)
    least = EXACT.multiply(state.remaining, _LEAST)
    most = EXACT.multiply(max(disputed, state.remaining), _MOST)
    fitting = [
        one
        for one in every_credit(con)
        if _unfit(finding, one, standing) is None and least <= one.left <= most
    ]
    fitting.sort(
        key=lambda one: (EXACT.subtract(one.left, state.remaining).copy_abs(), one.period, one.key)
    )
    return fitting[:_LISTED_MAX]


def recovered(ledger_path: Path = Path("curecon.duckdb"), as_of: date | None = None) -> Recoveries:
    """List the dollars won back: settled by credits, or gone from the bill after a dispute.

    Raises:
        LedgerUnreadable, LedgerLocked: the ledger cannot be opened.
    """
    with ledger.reading(ledger_path) as con:
        states = {one.finding_id: one for one in life.states(con, as_of or life.today())}
        rows = records(con, _RECOVERED)
    found = [
        Recovered(
            **row,
            remaining=states[row["finding_id"]].remaining if row["how"] == "credit" else Decimal(0),
        )
        for row in rows
    ]
    currencies = sorted({one.currency for one in found})
    total = {
        currency: add(one.recovered for one in found if one.currency == currency)
        for currency in currencies
    }
    return Recoveries(total=total, recovered=found)


def overview(found: Recoveries) -> pl.DataFrame:
    """Return what was won back as a table."""
    names = [name for name in Recovered.model_fields if name != "last"]
    rows = [one.model_dump(mode="json", include=set(names)) for one in found.recovered]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


_RECOVERED = """
WITH settled AS (
    SELECT
        finding_id,
        sum(amount) AS recovered,
        max("at") AS last,
        arg_max(who, "at") AS who
    FROM settlements
    GROUP BY 1
),

restated AS (
    SELECT
        finding_id,
        arg_max(difference, event_id) FILTER (event = 'disputed') AS disputed,
        max("at") FILTER (event = 'resolved') AS last,
        arg_max(who, event_id) FILTER (event = 'disputed') AS who
    FROM finding_events
    WHERE finding_id IS NOT NULL
        AND event IN ('found', 'returned', 'disputed', 'resolved')
    GROUP BY 1
    HAVING disputed IS NOT NULL
        AND arg_max(event, event_id) = 'resolved'
)

SELECT k.id AS finding_id, k."check", k.period, k.payer_account, k.usage_type,
    coalesce(k.currency, 'XXX') AS currency, k.difference, s.recovered, 'credit' AS how, s.last,
    s.who
FROM settled AS s
JOIN known_findings AS k
    ON k.id = s.finding_id
UNION ALL
SELECT k.id, k."check", k.period, k.payer_account, k.usage_type, coalesce(k.currency, 'XXX'),
    r.disputed, r.disputed - coalesce(s.recovered, 0), 'restatement', r.last, r.who
FROM restated AS r
JOIN known_findings AS k
    ON k.id = r.finding_id
LEFT JOIN settled AS s
    ON s.finding_id = r.finding_id
WHERE r.disputed > coalesce(s.recovered, 0)
ORDER BY period, finding_id, how
"""
