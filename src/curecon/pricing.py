"""What the charge keys of a run cost: rates are read, keys priced, and both put in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from curecon import (
    agreed,
    contract,
    decode,
    frames,
    free_tier,
    matching,
    neighbours,
    price_list,
    promised,
    rates,
)
from curecon.engine import make, read
from curecon.ingest import KEY_COLUMNS
from curecon.models import RateSource
from curecon.packaged import folder
from curecon.vocabulary import vocabulary
from curecon.workplace import make_all

_UNITS_MAX = 10_000


@dataclass(frozen=True)
class Knowledge:
    """What is known about price and agreement, read before the bill is touched."""

    rates: pl.DataFrame
    relations: dict[str, pl.DataFrame]
    payer: str | None
    sources: list[RateSource]
    notes: list[str]
    free_tier: contract.FreeTier | None = None

    def price_keys(self, con: duckdb.DuckDBPyConnection, *, are_read: bool) -> None:
        """Decode and price the distinct charge keys; put them and their rates in the ledger.

        A delivery that was in the ledger already brings its keys from there.
        """
        if not are_read:
            con.execute(
                f"CREATE OR REPLACE TABLE run_keys AS SELECT charge_key_id, "
                f"{', '.join(KEY_COLUMNS)} FROM charge_keys "
                "WHERE charge_key_id IN (SELECT charge_key_id FROM lines)"
            )
        keys = frames.of_query(con, "SELECT * FROM run_keys ORDER BY charge_key_id")
        self.put_prices(con, keys.join(decode.decode(keys), on="charge_key_id", validate="1:1"))

    def put_prices(self, con: duckdb.DuckDBPyConnection, decoded: pl.DataFrame) -> None:
        """Price decoded charge keys, those of `run_keys`; put them and their rates there."""
        attributes = list(vocabulary())
        key_rates, reasons = matching.price(decoded, self.rates, attributes)
        run_charge_keys = decoded.join(
            reasons, on="charge_key_id", how="left", validate="1:1"
        ).drop("unit_reason", "usage_type_stem")
        assert run_charge_keys.height == decoded.height, "a charge key was lost"
        listed = _listed(decoded, key_rates, self, attributes)
        offered = _offered(decoded, self)
        foreign = neighbours.foreign_skus(decoded, self.rates)
        own = neighbours.own_rates(decoded, foreign, self.rates, attributes)
        for table, frame in (
            ("listed_rates", _flat(listed)), ("listed_plan_rates", offered),
            ("foreign_skus", foreign), ("own_rates", _flat(own)),
            ("free_charges", free_tier.shared(decoded, self.free_tier)),
        ):  # fmt: skip
            _define(con, table, frame)
        ids = pl.concat([one["rate_id"] for one in (key_rates, listed, offered, own)]).unique()
        used = self.rates.filter(pl.col("rate_id").is_in(ids.implode()))
        run_rates = used.with_columns(pl.col("later").fill_null(value=False))
        for table, frame in (
            ("charge_keys", run_charge_keys), ("key_rates", key_rates), ("rates", run_rates),
        ):  # fmt: skip
            _put(con, table, frame)

    def define_priced(self, con: duckdb.DuckDBPyConnection) -> None:
        """Define `priced`: every line of this run beside its rate and what it should have cost."""
        con.execute(
            "CREATE OR REPLACE TABLE unit_numbers AS "
            f"SELECT CAST(range AS INTEGER) AS model_units FROM range(1, {_UNITS_MAX})"
        )
        for table, frame in self.relations.items():
            _define(con, table, frame)
        steps = (
            "repeated",
            "flat_rates",
            "quantities",
            "tiered",
            "private_discounts",
            "discounts",
            "focus_costs",
            "negations",
            "plan_fees",
            "free_tier",
        )
        make_all(con, "steps", steps)
        promised.tell_discounts(con)
        promised.follow(con)
        make(con, "steps", "credits.sql")
        con.execute(f"CREATE OR REPLACE VIEW priced AS {read('steps', 'priced.sql')}")

    def look_nearby(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make `near_rates`, what the neighbours of charges cost, and `on_demand_rates`."""
        keys = frames.of_query(
            con,
            "SELECT * FROM charge_keys WHERE charge_key_id IN (SELECT l.charge_key_id "
            "FROM compared AS c JOIN lines AS l ON l.line = c.line WHERE c.component = 'rate') "
            "OR (charge_key_id IN (SELECT charge_key_id FROM run_keys) "
            "AND (resource_type = 'inference-profile' OR (capability = 'provisioned_throughput' "
            "AND EXISTS (SELECT 1 FROM contract_units)))) ORDER BY charge_key_id",
        )
        near = neighbours.rates_nearby(keys, self.rates, list(vocabulary()))
        ordinary = neighbours.on_demand(self.rates)
        for table, frame in (("near_rates", near), ("on_demand_rates", ordinary)):
            _define(con, table, frame)
        # What a check expects by such a rate has to name it.
        due = near.filter(pl.col("how").is_in(["commitment", "global"]))["rate_id"].unique()
        used = self.rates.filter(pl.col("rate_id").is_in(due.implode()))
        _put(con, "rates", used.with_columns(pl.col("later").fill_null(value=False)))


def know(
    cards: Sequence[Path] = (), price_lists: Sequence[Path] = (), agreement: Path | None = None
) -> Knowledge:
    """Read rate cards, price lists and the contract.

    Args:
        cards: folders of rate cards, besides those of the package.
        price_lists: files and folders of AWS's price lists.
        agreement: the contract file, if there is one.

    Raises:
        CureconError: one of them cannot be used; the place in it is named.
    """
    folders = [folder("rates"), *cards]
    terms = contract.read(agreement)
    listed = price_list.load(list(price_lists))
    known = [rates.read_cards(folders), listed.rates, agreed.private_rates(terms)]
    sources = [
        *rates.card_sources(folders),
        *listed.sources,
        *agreed.sources(terms, agreement),
    ]
    every = pl.concat(known, how="diagonal_relaxed")
    assert every["rate_id"].is_unique().all(), "two rates have the same id"
    notes = [
        f"{skipped.name}: {skipped.prices} price{'s' * (skipped.prices != 1)} left out, "
        f"{skipped.reason}"
        for skipped in listed.skipped
    ]
    tables = {
        "contract_units": agreed.model_units(terms),
        "contract_shares": agreed.discount_shares(terms),
        "contract_private_shares": agreed.private_shares(terms),
        "contract_plans": agreed.plans(terms),
        "contract_plan_rates": agreed.plan_rates(terms),
        "contract_credits": agreed.credits_due(terms),
        "contract_tax": agreed.tax(terms),
        "free_tier_table": pl.DataFrame({"checked": [free_tier.table().checked]}),
    }
    return Knowledge(every, tables, terms.payer, sources, notes, terms.free_tier)


def _flat(rates_of_keys: pl.DataFrame) -> pl.DataFrame:
    """Take the rates that hold whatever else the month uses, as sql/steps/flat_rates.sql does."""
    return rates_of_keys.filter(pl.col("tier_from").fill_null(0) == 0, pl.col("tier_to").is_null())


def _listed(
    decoded: pl.DataFrame, key_rates: pl.DataFrame, known: Knowledge, attributes: list[str]
) -> pl.DataFrame:
    """Price what a contract prices by the public sources too: a bill may stand at the public rate.

    The private rate is then realised by a discount line (sql/steps/private_discounts.sql).
    """
    private = key_rates.filter(pl.col("source_kind") == "contract")["charge_key_id"].unique()
    keys = decoded.filter(pl.col("charge_key_id").is_in(private.implode()))
    public = known.rates.filter(pl.col("source_kind") != "contract")
    return matching.price(keys, public, attributes)[0]


def _offered(decoded: pl.DataFrame, known: Knowledge) -> pl.DataFrame:
    """Return AWS's offers of savings-plan rates for the usage types that plans cover here."""
    covered = decoded.filter(pl.col("kind") == "covered_usage")["line_item_usage_type"].unique()
    names = ("plan_usage_type", "usage_type", "operation")
    columns = [pl.col(name) for name in ("rate_id", *names)]
    rated = known.rates.with_columns(
        pl.lit(None, pl.String).alias(name) for name in names if name not in known.rates.columns
    )
    return rated.filter(
        pl.col("source_kind") == "savings_plan", pl.col("usage_type").is_in(covered.implode())
    ).select(*columns, pl.col("price").alias("rate"), "starts", "ends")


def _define(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Make a table of this run of a frame."""
    frames.register(con, "incoming", frame)
    con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM incoming")
    con.unregister("incoming")


def _put(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Replace the rows of a table that have the ids of the frame's rows."""
    id_column = "rate_id" if table == "rates" else "charge_key_id"
    frames.register(con, "incoming", frame)
    scope = "run_keys" if table == "key_rates" else "incoming"
    con.execute(f"DELETE FROM {table} WHERE {id_column} IN (SELECT {id_column} FROM {scope})")
    columns = ", ".join(row[0] for row in con.execute(f"DESCRIBE {table}").fetchall())
    con.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming")
    con.unregister("incoming")
