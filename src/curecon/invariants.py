"""The invariants of DESIGN, section 3, asserted on every run.

They state what must hold whatever the bill says; when one does not, we are wrong, so the run ends
with a traceback and nothing is published.
"""

import duckdb

from curecon.engine import execute, text

_CAUSES = (
    "duplicate", "unit", "quantity", "rate", "discount", "commitment", "free_tier", "arithmetic",
    "rounding",
)  # fmt: skip
COMPONENTS = ("agrees", *_CAUSES, "unpriced", "not_repriced")
_LISTED = ", ".join(f"'{name}'" for name in COMPONENTS)


def hold(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Assert the invariants on the deliveries of this run; `catalog` names the staged ledger."""
    for broken, query in _BROKEN.items():
        stated = query.replace("{ledger}", f"{catalog}.main").replace("{catalog}", text(catalog))
        rows = execute(con, f"{stated} LIMIT 3")
        assert not rows, f"{broken}: {rows}"


_BROKEN = {
    # 1. Nothing is lost: what was read of each delivery is in its lines and its other totals.
    "lines or dollars in scope were lost": (
        "SELECT d.delivery_id, d.in_scope_lines, t.lines, d.in_scope_billed, t.billed "
        "FROM deliveries AS d LEFT JOIN (SELECT delivery_id, count(*) AS lines, "
        "sum(line_item_unblended_cost) AS billed FROM lines GROUP BY 1) AS t USING (delivery_id) "
        "WHERE d.in_scope_lines <> coalesce(t.lines, 0) "
        "OR d.in_scope_billed <> coalesce(t.billed, 0)"
    ),
    "the files and the totals of a delivery differ": (
        "SELECT d.delivery_id FROM deliveries AS d JOIN (SELECT delivery_id, sum(lines) AS lines, "
        "sum(billed) AS billed FROM delivery_files GROUP BY 1) AS f USING (delivery_id) "
        "JOIN (SELECT delivery_id, sum(lines) AS lines, sum(billed) AS billed FROM read_totals "
        "GROUP BY 1) AS t USING (delivery_id) WHERE d.lines <> f.lines OR d.billed <> f.billed "
        "OR d.lines <> t.lines OR d.billed <> t.billed"
    ),
    # 2. The bridge closes, in every currency.
    "a line is in no component, or its dollars are there more or less than once": (
        "SELECT l.line FROM lines AS l LEFT JOIN (SELECT line, count(*) AS parts, "
        "count(billed_part) AS explicit, sum(billed_part) AS billed FROM compared GROUP BY 1) AS c "
        "USING (line) WHERE c.line IS NULL OR c.parts - c.explicit > 1 "
        "OR (c.parts - c.explicit = 1 AND coalesce(c.billed, 0) <> 0) "
        "OR (c.parts = c.explicit AND c.billed <> l.line_item_unblended_cost)"
    ),
    "a component is not known": (
        f"SELECT DISTINCT component FROM compared WHERE component NOT IN ({_LISTED})"
    ),
    "agreement with a difference": (
        "SELECT line FROM compared WHERE component = 'agrees' AND difference <> 0"
    ),
    "the bridge does not add up to what was billed": (
        "SELECT * FROM (SELECT delivery_id, coalesce(line_item_currency_code, 'XXX') AS currency, "
        "sum(in_scope_billed) AS billed FROM read_totals WHERE delivery_id IN (SELECT delivery_id "
        "FROM deliveries) GROUP BY 1, 2 HAVING sum(in_scope_lines) > 0) AS t "
        "FULL JOIN (SELECT delivery_id, currency, sum(billed) AS billed, sum(expected) AS expected,"
        " sum(amount) AS amount FROM run_bridge GROUP BY 1, 2) AS b USING (delivery_id, currency) "
        "WHERE t.billed IS DISTINCT FROM b.billed OR b.billed - b.expected <> b.amount"
    ),
    "findings own other dollars than the bridge": (
        "SELECT * FROM (SELECT delivery_id, coalesce(currency, 'XXX') AS currency, "
        "category AS component, sum(difference) AS amount FROM {ledger}.findings "
        "WHERE owns_difference AND delivery_id IN (SELECT delivery_id FROM deliveries) "
        "GROUP BY 1, 2, 3) AS f FULL JOIN (SELECT delivery_id, currency, component, "
        "sum(amount) AS amount FROM run_bridge WHERE component NOT IN "
        "('agrees', 'rounding', 'not_repriced') GROUP BY 1, 2, 3) AS b "
        "USING (delivery_id, currency, component) WHERE f.amount IS DISTINCT FROM b.amount"
    ),
    # 3. Priced at most once.
    "a charge has two rates at one time": (
        "SELECT a.charge_key_id FROM key_rates AS a JOIN key_rates AS b "
        "ON a.charge_key_id = b.charge_key_id AND (a.rate_id < b.rate_id "
        "OR (a.rate_id = b.rate_id AND a.starts < b.starts)) "
        "AND a.starts < b.ends AND b.starts < a.ends "
        "AND coalesce(a.tier_from, 0) < coalesce(b.tier_to, 99999999999) "
        "AND coalesce(b.tier_from, 0) < coalesce(a.tier_to, 99999999999)"
    ),
    # 4. Idempotent: one delivery of a period is in force, and of a replaced one nothing is left.
    "two deliveries of one period are in force": (
        "SELECT period, payer_account FROM {ledger}.deliveries WHERE is_current "
        "GROUP BY 1, 2 HAVING count(*) > 1"
    ),
    "something is left of a delivery that was replaced": (
        "SELECT * FROM (SELECT DISTINCT delivery_id FROM {ledger}.lines UNION "
        "SELECT DISTINCT delivery_id FROM {ledger}.compared UNION "
        "SELECT DISTINCT delivery_id FROM {ledger}.found_lines UNION "
        "SELECT DISTINCT delivery_id FROM {ledger}.findings UNION "
        "SELECT DISTINCT delivery_id FROM {ledger}.bridge) AS r WHERE r.delivery_id NOT IN "
        "(SELECT delivery_id FROM {ledger}.deliveries WHERE is_current)"
    ),
    # 5. Deterministic: findings are told apart by what they are about, and by nothing else.
    "two findings have one id": ("SELECT id FROM {ledger}.findings GROUP BY 1 HAVING count(*) > 1"),
    # 6. All or nothing: what this run writes is a copy until it is published.
    "the run writes into the ledger itself": (
        "SELECT path FROM duckdb_databases() WHERE database_name = {catalog} "
        "AND NOT coalesce(ends_with(path, '.staged'), FALSE)"
    ),
    # 7. Every expected dollar is explainable: it names its rate, or has none and says why.
    "an expected dollar without a source": (
        "SELECT c.line FROM compared AS c JOIN lines AS l USING (line) "
        "JOIN charge_keys AS k USING (charge_key_id) WHERE k.kind IN ('usage', 'covered_usage') "
        "AND c.rate_id IS NULL AND c.reason IS NULL AND c.component NOT IN ('arithmetic') "
        "AND NOT (k.price_basis = 'list' AND k.kind = 'covered_usage')"
    ),
    "a rate that nobody can look up": (
        "SELECT k.rate_id FROM key_rates AS k LEFT JOIN rates AS r USING (rate_id) "
        "WHERE r.rate_id IS NULL AND k.charge_key_id IN (SELECT charge_key_id FROM run_keys)"
    ),
    "a price on a day on which its source had none": (
        "SELECT k.rate_id FROM key_rates AS k JOIN rates AS r USING (rate_id) "
        "WHERE (k.starts < r.starts OR k.ends > r.ends) "
        "AND k.charge_key_id IN (SELECT charge_key_id FROM run_keys)"
    ),
}
