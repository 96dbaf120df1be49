"""The story, top to bottom: bill -> line items -> charges -> expected -> comparison -> findings."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from curecon import (
    __version__,
    acknowledged,
    checks,
    forecast,
    invariants,
    ledger,
    life,
    result,
    source,
    versions,
)
from curecon.engine import execute, make, read, step, text
from curecon.errors import ContractInvalid, CureconError, OptionInvalid
from curecon.hashed import Hashes
from curecon.ingest import Ingested, ingest
from curecon.ledger import USAGE_DAY
from curecon.models import AuditResult, Delivery, FindingState, Run
from curecon.workplace import make_all, making, together

if TYPE_CHECKING:
    from curecon.pricing import Knowledge

# Statements about a bill of so few bytes end sooner than another core is there to help.
_SMALL = 2_000_000
_PERIOD_HOURS = "CAST(24 * date_diff('day', period, period + INTERVAL 1 MONTH) AS INTEGER)"


@dataclass(frozen=True)
class Options:
    """What an audit is asked to do, besides the bills; the names are those of the options.

    `acknowledged` is found beside the ledger or curecon.toml where it is not given. `as_of` is the
    day on which acknowledgements must hold: today, UTC, without it. Where `expect_since` names the
    first period that is expected, every one from there to `as_of` must be in the ledger, and must
    not end more than `max_age` days too early.
    """

    ledger: Path = Path("curecon.duckdb")
    periods: Sequence[str] = ()
    rates: Sequence[Path] = ()
    price_lists: Sequence[Path] = ()
    contract: Path | None = None
    checks: Sequence[Path] = ()
    services: str = "ai"
    invoice_totals: Mapping[str, Decimal] = field(default_factory=dict)
    required_tags: Sequence[str] = ()
    out: Path | None = None
    acknowledged: Path | None = None
    as_of: date | None = None
    expect_since: str | None = None
    max_age: int = 3


def audit(bills: Sequence[Path], options: Options | None = None) -> AuditResult:
    """Audit bills into the ledger and return what was found.

    Nothing is changed unless everything succeeds: the ledger is built in a staged copy and the
    files of `out` beside their place, and both are published at the end.

    Raises:
        CureconError: the bill, the rates, the contract, a check or the ledger cannot be used.
    """
    options = options or Options()
    started = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    _refuse_vague(options)
    ledger.begin(options.ledger)
    found = checks.load(options.checks)
    accepted = acknowledged.read(acknowledged.find(options.acknowledged, options.ledger))
    bill = source.find(bills, options.periods)
    with (
        Hashes(bill.files) as hashes,
        _knowing(options) as knowing,
        ledger.staged(options.ledger) as stage,
    ):
        con = stage.con
        if bill.is_smaller_than(_SMALL):
            con.execute("SET threads = 1")
        _begin_report(options)
        try:
            ingested = ingest(
                con,
                bill,
                hashes,
                services=options.services,
                periods=options.periods,
                go_on=knowing.result,
            )
        except CureconError:
            knowing.result()  # of two mistakes, that in the rates is told
            raise
        known = knowing.result()
        focus(con, stage.catalog)
        _refuse_other_payers(con, known)
        with step("pricing"):
            price = partial(known.price_keys, are_read=bool(ingested.new_ids))
            together(con, {"price": price, "alike": making("steps", "alike")})
        with step("comparing"):
            _compare(con, stage.catalog, known, options, found)
        with step("checking"):
            versions.prepare(
                con, stage.catalog, options.expect_since, options.as_of, options.max_age
            )
            checks.run(con, stage.catalog, found)
            forecast.forecast(con, stage.catalog)
        with step("proving that nothing is lost"):
            invariants.hold(con, stage.catalog)
        run = _record(con, ingested, known, started)
        names = [
            one.name for one in found if one.name != "missing_delivery" or options.expect_since
        ]
        life.record(con, stage.catalog, sorted(names), run.id, started)
        run.notes.extend(acknowledged.apply(con, accepted, started))
        run.states.extend(_states(con, options.as_of or started.date()))
        outcome = result.collect(con, run)
        with _written(outcome, options.out) as publish:
            stage.publish(publish)
    return outcome


@contextmanager
def _knowing(options: Options) -> "Iterator[Future[Knowledge]]":
    """Read what is known of prices while the ledger is opened and DuckDB reads the bill."""
    with ThreadPoolExecutor(1, "know") as beside:
        yield beside.submit(_know, options)


def _know(options: Options) -> "Knowledge":
    from curecon.pricing import know  # noqa: PLC0415  # beside the bill, not before it

    return know(options.rates, options.price_lists, options.contract)


def _begin_report(options: Options) -> None:
    """Compile the report's page while the bill is read; what fails there fails later."""

    def prepare() -> None:
        from curecon.report import files  # noqa: PLC0415  # beside the bill, not before it

        files.prepare()

    if options.out:
        ahead = ThreadPoolExecutor(thread_name_prefix="report")
        ahead.submit(prepare)
        ahead.shutdown(wait=False)


def _refuse_vague(options: Options) -> None:
    """Refuse to expect periods without knowing the day, so that results do not depend on clocks."""
    if options.expect_since is None:
        return
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", options.expect_since):
        raise OptionInvalid(f"--expect-since {options.expect_since!r}: write it like 2026-10")
    if options.as_of is None:
        raise OptionInvalid("--expect-since needs the day: add --as-of 2026-11-08, or today")
    if options.max_age < 0:
        raise OptionInvalid(f"--max-age {options.max_age}: a number of days is at least 0")


@contextmanager
def _written(outcome: AuditResult, out: Path | None) -> Iterator[Callable[[], None]]:
    """Write the files of `out`, if asked for, beside their place; yield what moves them there.

    Raises:
        OptionInvalid: the folder cannot be written; what was in it is as before.
    """
    if out is None:
        yield lambda: None
        return
    from curecon.report import files  # noqa: PLC0415  # only where it is asked for

    with files.staged(outcome, out) as publish:
        yield publish


def focus(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Let `lines` and the other relations mean the deliveries of this run, for steps and checks.

    What the ledger holds of replaced deliveries moves into its history.
    """
    con.execute(
        "CREATE OR REPLACE TABLE run_deliveries AS SELECT d.delivery_id, d.period, "
        "d.payer_account, strftime(d.period, '%Y-%m') AS period_text, "
        "CAST(d.period AS TIMESTAMP) AS starts, "
        "CAST(d.period + INTERVAL 1 MONTH AS TIMESTAMP) AS ends, "
        f"{_PERIOD_HOURS} AS period_hours FROM run_deliveries AS d"
    )
    replaced = f"SELECT delivery_id FROM {catalog}.main.deliveries WHERE NOT is_current"
    audited = "SELECT delivery_id FROM run_deliveries"
    for table in ("findings", "bridge"):
        con.execute(
            f"INSERT INTO {catalog}.main.past_{table} "
            f"SELECT * FROM {catalog}.main.{table} WHERE delivery_id IN ({replaced})"
        )
    for table in ("findings", "bridge", "found_lines", "compared"):
        con.execute(
            f"DELETE FROM {catalog}.main.{table} "
            f"WHERE delivery_id IN ({replaced}) OR delivery_id IN ({audited})"
        )
    ids = ", ".join(text(row[0]) for row in con.execute(audited).fetchall())
    # A ledger that holds nothing but this run needs no filter, which spares a column per query.
    others = f"SELECT 1 FROM {catalog}.main.lines WHERE delivery_id NOT IN ({ids}) LIMIT 1"
    alone = not con.execute(others).fetchall()
    narrow = ("lines", "compared", "found_lines")
    for table in ("lines", "compared", "deliveries", "delivery_files", "found_lines"):
        con.execute(
            f"CREATE OR REPLACE VIEW {table} AS "
            f"SELECT *{f', {USAGE_DAY}' if table == 'lines' else ''} FROM {catalog}.main.{table}"
            + ("" if alone and table in narrow else f" WHERE delivery_id IN ({ids})")
        )
    con.execute(f"CREATE OR REPLACE VIEW other_services AS {read('steps', 'other_services.sql')}")
    # What one month bills, another may have billed already.
    con.execute(
        f"CREATE OR REPLACE VIEW every_line AS SELECT *, {USAGE_DAY} FROM {catalog}.main.lines"
    )
    for view, table in (("every_compared", "compared"), ("every_sum", "delivery_sums")):
        con.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {catalog}.main.{table}")
    con.execute(
        "CREATE OR REPLACE VIEW every_delivery AS "
        f"SELECT * FROM {catalog}.main.deliveries WHERE is_current"
    )


def _refuse_other_payers(con: duckdb.DuckDBPyConnection, known: "Knowledge") -> None:
    """Refuse to judge one payer's bill by another payer's contract."""
    payers = con.execute("SELECT DISTINCT payer_account FROM run_deliveries ORDER BY 1").fetchall()
    for (payer,) in payers:
        if known.payer is not None and payer != known.payer:
            raise ContractInvalid(
                f"the contract is of payer {known.payer} and the bill of payer {payer}; "
                "audit each payer with its own contract"
            )


def _compare(
    con: duckdb.DuckDBPyConnection,
    catalog: str,
    known: "Knowledge",
    options: Options,
    found: Sequence[checks.Check],
) -> None:
    """Put every line's billed cost beside what it should be, and sum up the bridge."""
    con.execute("CREATE OR REPLACE TABLE invoice_totals (invoice VARCHAR, amount DECIMAL(36, 20))")
    for invoice, amount in sorted(options.invoice_totals.items()):
        con.execute("INSERT INTO invoice_totals VALUES (?, ?)", [invoice, amount])
    con.execute("CREATE OR REPLACE TABLE required_tags (tag VARCHAR)")
    for tag in sorted(set(options.required_tags)):
        con.execute("INSERT INTO required_tags VALUES (?)", [tag])
    make(con, "duckdb", "untagged.sql")
    known.define_priced(con)
    target = f"INSERT INTO {catalog}.main.compared BY NAME"
    execute(con, f"{target} {read('steps', 'compared.sql')}")
    make(con, "steps", "later_prices.sql")
    con.execute(
        f"UPDATE {catalog}.main.compared AS c SET component = 'agrees', reason = 'later_price', "
        "difference = 0, rate_id = p.rate_id FROM later_prices AS p WHERE p.line = c.line"
    )
    make(con, "steps", "cancelled.sql")
    con.execute(
        f"UPDATE {catalog}.main.compared SET component = 'agrees', reason = 'cancelled', "
        "difference = 0 WHERE line IN (SELECT line FROM cancelled)"
    )
    make(con, "steps", "causes.sql")
    con.execute(f"DELETE FROM {catalog}.main.compared WHERE component = 'differs'")
    con.execute(f"{target} SELECT * FROM causes")
    # What was promised and has no line of its own is missed at a charge that it was promised for.
    for component, rate_id, missed in (
        ("discount", "NULL", "discounts WHERE NOT is_discount_line"),
        ("discount", "NULL", "credits WHERE reason <> 'credit_not_due'"),
        ("free_tier", "rate_id", "free_tier WHERE is_extra"),
    ):
        con.execute(
            f"{target} SELECT delivery_id, line, {text(component)} AS component, reason, "
            f"{rate_id} AS rate_id, difference, 0 AS billed_part FROM {missed}"
        )
    known.look_nearby(con)
    make(con, "steps", "focus_kept.sql")
    checks.move(con, catalog, found)
    make_all(con, "steps", ("daily", "components", "streams", "unusual", "anomalies"))
    execute(con, f"CREATE OR REPLACE TABLE run_bridge AS {read('steps', 'bridge.sql')}")
    con.execute(f"INSERT INTO {catalog}.main.bridge BY NAME SELECT * FROM run_bridge")
    _name_tags(con)


def _name_tags(con: duckdb.DuckDBPyConnection) -> None:
    """Add to each anomaly the tag that explains it; no line is looked at where there is none."""
    if not con.execute("SELECT 1 FROM anomalies LIMIT 1").fetchall():
        return
    make(con, "duckdb", "tagged.sql")
    grain = ("delivery_id", "currency", "what", "name", "measure", "direction")
    same = " AND ".join(f"t.{name} = anomalies.{name}" for name in grain)
    con.execute(f"UPDATE anomalies SET reason = reason || t.told FROM tagged AS t WHERE {same}")


def _record(
    con: duckdb.DuckDBPyConnection, ingested: Ingested, known: "Knowledge", started: datetime
) -> Run:
    """Write down the run: what it read and what it judged by."""
    run_id = uuid.uuid4().hex[:16]
    con.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?)",
        [run_id, started, __version__, ingested.delivery_ids],
    )
    judged = "(SELECT delivery_id FROM run_deliveries)"
    con.execute(f"DELETE FROM rate_sources WHERE delivery_id IN {judged}")
    for one in known.sources:
        con.execute(
            f"INSERT INTO rate_sources SELECT delivery_id, ?, ?, ?, ? FROM {judged}",
            [one.name, one.source, one.sha256, one.rates],
        )
    return Run(
        id=run_id,
        curecon_version=__version__,
        started=started,
        deliveries=result.deliveries(con),
        rate_sources=known.sources,
        notes=ingested.notes + known.notes,
    )


def _states(con: duckdb.DuckDBPyConnection, as_of: date) -> list[FindingState]:
    """Say where the findings of this run stand in their lives."""
    ids = {
        row[0]
        for row in con.execute(
            "SELECT id FROM findings WHERE delivery_id IN (SELECT delivery_id FROM run_deliveries)"
        ).fetchall()
    }
    return [one for one in life.states(con, as_of) if one.finding_id in ids]


def bring_in(
    bills: Sequence[Path], path: Path, services: str = "ai", periods: Sequence[str] = ()
) -> list[Delivery]:
    """Read bills into the ledger without auditing them; return their deliveries.

    Raises:
        CureconError: the bill or the ledger cannot be used; the ledger is as it was.
    """
    bill = source.find(bills, periods)
    known = _know(Options())
    with Hashes(bill.files) as hashes, ledger.staged(path) as stage:
        ingested = ingest(stage.con, bill, hashes, services=services, periods=periods)
        focus(stage.con, stage.catalog)
        known.price_keys(stage.con, are_read=bool(ingested.new_ids))
        brought = result.deliveries(stage.con)
        stage.publish()
    return brought
