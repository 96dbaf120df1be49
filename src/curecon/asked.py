"""What a ledger holds of single lines, and how each of them was priced.

The price of a line, what it is held against and its tolerance are those of sql/steps/priced.sql,
and its tiers those of sql/steps/tiered.sql, asked for these lines alone.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl

from curecon import frames
from curecon.engine import read
from curecon.errors import OptionInvalid
from curecon.ledger import USAGE_DAY
from curecon.packaged import folder
from curecon.report import story
from curecon.report.figures import add, number
from curecon.report.text import visible
from curecon.vocabulary import vocabulary

Row = dict[str, Any]
_ALIKE = 0.8  # as much as a name and the same one with a slip of the hand have in common


@dataclass(frozen=True)
class Asked:
    """What a ledger holds of the lines asked for, by line, charge key or rate.

    Attributes:
        con: the ledger; its `lines` are now the lines asked for.
        main: the name of its schema, for whatever is about other lines too.
        lines: each line in the columns of line_items.
        priced: its row of sql/steps/priced.sql.
        components: its rows of comparison, in the order of causes.
        unpriced: the sentence that says why it could not be priced.
        findings: the findings that are about it: id, check, severity, reason.
        pieces: the tiers that its quantity falls in, where its price has tiers.
        keys: each charge key, as a frame of one row.
        matched: the rates that the audit matched with a charge key, on whatever day.
        rates: each rate of the ledger.
        namesakes: how many lines bear an id.
    """

    con: duckdb.DuckDBPyConnection
    main: str
    lines: dict[int, Row]
    priced: dict[int, Row]
    components: dict[int, list[Row]]
    unpriced: dict[int, str]
    findings: dict[int, list[Row]]
    pieces: dict[int, list[Row]]
    keys: dict[int, pl.DataFrame]
    matched: dict[int, frozenset[str]]
    rates: dict[str, Row]
    namesakes: dict[str, int]


def ask(con: duckdb.DuckDBPyConnection, lines: Sequence[int]) -> Asked:
    """Read from a ledger, opened for reading, all that is about some lines."""
    catalog = con.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
    main = f'"{catalog}".main'
    con.execute("CREATE OR REPLACE TEMP TABLE asked (line BIGINT)")
    con.executemany("INSERT INTO asked VALUES (?)", [[line] for line in lines])
    pieces = _tier_pieces(con, main)
    _only(con, f"SELECT * FROM {main}.lines WHERE line IN (SELECT line FROM asked)")
    _define_priced(con)
    keys = frames.of_query(
        con, "SELECT * FROM charge_keys WHERE charge_key_id IN (SELECT charge_key_id FROM lines)"
    )
    matched = con.execute(
        "SELECT charge_key_id, list(DISTINCT rate_id) FROM key_rates "
        "WHERE charge_key_id IN (SELECT charge_key_id FROM lines) GROUP BY 1"
    ).fetchall()
    namesakes = con.execute(
        f"SELECT identity_line_item_id, count(*) FROM {main}.lines "
        "WHERE identity_line_item_id IN (SELECT identity_line_item_id FROM lines) GROUP BY 1"
    ).fetchall()
    return Asked(
        con=con,
        main=main,
        lines={row["line"]: row for row in records(con, _LINES)},
        priced={row["line"]: row for row in records(con, "SELECT * FROM priced")},
        components=_components(con),
        unpriced={row["line"]: _sentence(row["reason"]) for row in records(con, _unpriced())},
        findings=_by_line(con, _FINDINGS),
        pieces=pieces,
        keys={key["charge_key_id"][0]: key for key in keys.iter_slices(1)},
        matched={key: frozenset(rate_ids) for key, rate_ids in matched},
        rates={row["rate_id"]: row for row in records(con, "SELECT * FROM rates")},
        namesakes=dict(namesakes),
    )


def records(
    con: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] | None = None
) -> list[Row]:
    """Run a query and return its rows by the names of its columns."""
    found = con.execute(query, params)
    columns = [column[0] for column in found.description or []]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def refuse_unknown(con: duckdb.DuckDBPyConnection, period: str | None, check: str | None) -> None:
    """Refuse a period or a check that is not there: no findings of it would read as good news.

    A check of one's own is known by its findings alone, so a name that is like no other passes.
    """
    there = con.execute(
        "SELECT DISTINCT strftime(period, '%Y-%m') FROM deliveries "
        "UNION SELECT period FROM known_findings ORDER BY 1"
    ).fetchall()
    periods = [one for (one,) in there]
    if period is not None and period not in periods:
        raise OptionInvalid(
            f"the ledger has no {period!r}; it has {', '.join(periods) or 'no period'}"
        )
    found = con.execute('SELECT DISTINCT "check" FROM known_findings').fetchall()
    checks = {one for (one,) in found}
    checks |= {path.stem for path in (folder("sql") / "checks").glob("*.sql")}
    if check is None or check in checks:
        return
    if near := difflib.get_close_matches(check, sorted(checks), n=3, cutoff=_ALIKE):
        raise OptionInvalid(
            f"no check is named {check!r}, and no finding of the ledger is of one "
            f"(near: {', '.join(near)}); `curecon checks list` names them"
        )


def _by_line(con: duckdb.DuckDBPyConnection, query: str) -> dict[int, list[Row]]:
    by_line: dict[int, list[Row]] = {}
    for row in records(con, query):
        by_line.setdefault(row["line"], []).append(row)
    return by_line


def _components(con: duckdb.DuckDBPyConnection) -> dict[int, list[Row]]:
    by_line = _by_line(con, "SELECT * FROM comparison")
    order = list(story.LABELS)
    for components in by_line.values():
        components.sort(key=lambda row: (order.index(row["component"]), row["reason"] or ""))
    return by_line


_LINES = """
SELECT
    i.*,
    l.quantity_rounded,
    strftime(i.bill_billing_period_start_date, '%Y-%m') AS period,
    d.format,
    (SELECT list(f.name ORDER BY f.name) FROM delivery_files AS f
        WHERE f.delivery_id = i.delivery_id) AS files
FROM line_items AS i
JOIN lines AS l ON l.line = i.line
JOIN deliveries AS d ON d.delivery_id = i.delivery_id
"""

_FINDINGS = """
SELECT f.line, g.id, g."check", g.severity, g.reason
FROM found_lines AS f
JOIN findings AS g ON g.id = f.finding_id AND g.delivery_id = f.delivery_id
WHERE f.line IN (SELECT line FROM asked)
ORDER BY g.owns_difference DESC, g.id
"""


def _unpriced() -> str:
    """Ask the check of unpriced charges for its sentences, so that they are written once."""
    return f"SELECT line, reason FROM ({read('checks', 'unpriced_charge.sql')}\n)"


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _only(con: duckdb.DuckDBPyConnection, lines: str) -> None:
    """Let `lines`, and with it every view of the ledger, mean some lines only."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW lines AS SELECT *, {USAGE_DAY} FROM ({lines})")


def _define_priced(con: duckdb.DuckDBPyConnection) -> None:
    """Define `priced` for these lines.

    What other lines make of a line (that it repeats one, that its hours are too many) stands in
    `compared` already, so the steps that find it out are left empty here.
    """
    for step in ("flat_rates", "other_services"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {step} AS {read('steps', f'{step}.sql')}")
    sql = read("steps", "priced.sql")
    for step in sorted(set(re.findall(r"\bJOIN (\w+) AS", sql)) - {"charge_keys", "flat_rates"}):
        if step != "tiered":
            con.execute(f"CREATE OR REPLACE TEMP TABLE {step} ({_STEP_COLUMNS})")
    con.execute(f"CREATE OR REPLACE TEMP VIEW priced AS {sql}")


_STEP_COLUMNS = (
    "line BIGINT, how VARCHAR, reason VARCHAR, basis VARCHAR, difference DECIMAL(36, 20), "
    "right_quantity DECIMAL(22, 10), is_discount_line BOOLEAN, price DECIMAL(15, 10), "
    "rate_id VARCHAR, expected DECIMAL(36, 20), is_extra BOOLEAN, kept DECIMAL(11, 10), "
    "rate DECIMAL(15, 10)"
)


def _tier_pieces(con: duckdb.DuckDBPyConnection, main: str) -> dict[int, list[Row]]:
    """Make `tiered` for the lines asked for, and return in which tiers each of them falls.

    The tier depends on what the month's lines of the same meter used before, so those are read.
    """
    _only(
        con,
        f"SELECT l.* FROM {main}.lines AS l "
        "JOIN charge_keys AS k ON k.charge_key_id = l.charge_key_id "
        "WHERE (l.delivery_id, coalesce(k.region, ''), k.line_item_usage_type) IN ("
        "SELECT (a.delivery_id, coalesce(m.region, ''), m.line_item_usage_type) "
        f"FROM {main}.lines AS a JOIN asked ON asked.line = a.line "
        "JOIN charge_keys AS m ON m.charge_key_id = a.charge_key_id "
        "WHERE m.charge_key_id IN (SELECT charge_key_id FROM key_rates "
        "WHERE coalesce(tier_from, 0) > 0 OR tier_to IS NOT NULL))",
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE repeated AS SELECT line, reason AS how "
        f"FROM {main}.compared WHERE component = 'duplicate'"
    )
    sql = read("steps", "tiered.sql")
    con.execute(f"CREATE OR REPLACE TEMP TABLE tiered AS {sql}")
    # The step sums up its pieces at its end; the pieces are what a person wants to see.
    pieces, end = sql.rpartition("\nSELECT\n")[::2]
    assert "FROM pieces" in end, "tiered.sql ends with a sum over its pieces"
    return _by_line(
        con, f"SELECT * FROM ({pieces}\nSELECT * FROM pieces) ORDER BY line, price DESC, rate_id"
    )


def remembered(con: duckdb.DuckDBPyConnection, known: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger's rates that are not at hand, with the attributes of what they price."""
    attributes = ", ".join(f"k.{name}" for name in vocabulary())
    frame = frames.of_query(
        con,
        f"SELECT r.*, p.tier_from, p.tier_to, {attributes}, "
        "coalesce(k.line_item_usage_type, '') AS prices "
        "FROM rates AS r JOIN (SELECT rate_id, min(charge_key_id) AS charge_key_id, "
        "min(tier_from) AS tier_from, max(tier_to) AS tier_to FROM key_rates GROUP BY 1) AS p "
        "ON p.rate_id = r.rate_id JOIN charge_keys AS k ON k.charge_key_id = p.charge_key_id "
        "ORDER BY r.rate_id",
    )
    others = frame.filter(~pl.col("rate_id").is_in(known["rate_id"].implode()))
    codes = ("usage_type", "operation", "service_name", "sku", "rate_code")
    return others.with_columns(pl.lit(None, pl.String).alias(name) for name in codes)


def beside(asked: Asked, line: int) -> list[str]:
    """Say of the lines that a line repeats, or is summed up with, what they are."""
    row = asked.lines[line]
    duplicate = next(
        (one for one in asked.components.get(line, []) if one["component"] == "duplicate"), None
    )
    if duplicate is not None:
        return [_kept_copy(asked, row, duplicate["reason"])]
    if row["kind"] in ("negation", "covered_usage") and row["savings_plan_savings_plan_a_r_n"]:
        return _plan_hour(asked, row)
    return []


def _kept_copy(asked: Asked, row: Mapping[str, Any], how: str) -> str:
    """Name the line that a line repeats."""
    same = [] if how == "other_period" else ["delivery_id"]
    if how == "same_identity":
        same += ["identity_line_item_id", "identity_time_interval"]
        if row["identity_time_interval"] is None:
            same += ["line_item_usage_start_date", "line_item_usage_end_date"]
    else:
        same += [
            "charge_key_id", "line_item_usage_account_id", "line_item_resource_id",
            "line_item_usage_start_date", "line_item_usage_amount",
        ]  # fmt: skip
    found = asked.con.execute(
        f"SELECT coalesce(identity_line_item_id, CAST(line AS VARCHAR)), line_item_unblended_cost "
        f"FROM {asked.main}.lines WHERE "
        + " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in same)
        + f" AND line NOT IN (SELECT line FROM {asked.main}.compared "
        "WHERE component = 'duplicate') ORDER BY line LIMIT 1",
        [row[name] for name in same],
    ).fetchall()
    billed = f", billed {number(found[0][1])}" if found else ""
    if how == "other_product":
        return "The same tokens are billed under another product code as well, and are owed once."
    if how == "same_identity":
        return f"The same id and interval is billed more than once; one copy is owed{billed}."
    named = f" as the line {visible(found[0][0])}" if found else ""
    return f"The same usage of the same resource is owed once{named}{billed}."


def _plan_hour(asked: Asked, row: Mapping[str, Any]) -> list[str]:
    """Add up covered usage and negations of the plan's hour that a line is in."""
    sums = dict(
        asked.con.execute(
            f"SELECT k.kind, sum(l.line_item_unblended_cost) FROM {asked.main}.lines AS l "
            "JOIN charge_keys AS k ON k.charge_key_id = l.charge_key_id "
            "WHERE l.delivery_id = ? AND k.kind IN ('covered_usage', 'negation') "
            "AND k.price_basis = 'unblended' "
            "AND l.savings_plan_savings_plan_a_r_n IS NOT DISTINCT FROM ? "
            "AND l.line_item_usage_account_id IS NOT DISTINCT FROM ? "
            "AND coalesce(k.line_item_usage_type, k.product_sku) IS NOT DISTINCT FROM ? "
            "AND l.line_item_usage_start_date = ? AND l.line NOT IN (SELECT line "
            f"FROM {asked.main}.compared WHERE component = 'duplicate') GROUP BY 1",
            [
                row["delivery_id"],
                row["savings_plan_savings_plan_a_r_n"],
                row["line_item_usage_account_id"],
                row["line_item_usage_type"] or row["product_sku"],
                row["line_item_usage_start_date"],
            ],
        ).fetchall()
    )
    if not sums:
        return []
    covered, negated = sums.get("covered_usage", Decimal(0)), sums.get("negation", Decimal(0))
    left = add([covered, negated])
    said = f"Usage that the savings plan covers in this hour, {number(covered)}, and its"
    return [f"{said} negations, {number(negated)}, leave {number(left)}."]
