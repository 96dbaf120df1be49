"""Collects what an audit found from the staged ledger into an `AuditResult`, in a fixed order."""

from typing import Any

import duckdb

from curecon import versions
from curecon.engine import execute, read
from curecon.models import (
    AuditResult,
    Breakdown,
    BridgeRow,
    DailySpend,
    DeliveredFile,
    Delivery,
    Finding,
    FindingLine,
    Forecast,
    ProvisionedDay,
    RateUsed,
    Run,
    Total,
    UnusualDay,
)


def collect(con: duckdb.DuckDBPyConnection, run: Run) -> AuditResult:
    """Read totals, bridge, findings and sums of the deliveries of this run."""
    return AuditResult(
        run=run,
        totals=[Total(**row) for row in _rows(con, "totals.sql")],
        bridge=[BridgeRow(**row) for row in _rows(con, "bridge.sql")],
        findings=[_finding(row) for row in _rows(con, "findings.sql")],
        breakdowns=[Breakdown(**row) for row in _rows(con, "breakdowns.sql")],
        days=[DailySpend(**row) for row in _rows(con, "days.sql")],
        provisioned=[ProvisionedDay(**row) for row in _rows(con, "provisioned.sql")],
        forecasts=_forecasts(con),
        unusual_days=[UnusualDay(**row) for row in _rows(con, "unusual_days.sql")],
        finding_lines=[FindingLine(**row) for row in _rows(con, "finding_lines.sql")],
    )


def deliveries(con: duckdb.DuckDBPyConnection) -> list[Delivery]:
    """Read the deliveries of this run with their files."""
    rows = execute(
        con,
        "SELECT delivery_id, strftime(period, '%Y-%m'), payer_account, format, final_lines, lines "
        "FROM deliveries ORDER BY period, payer_account",
    )
    return [
        Delivery(
            id=row[0],
            period=row[1],
            payer_account=row[2],
            format=row[3],
            final_lines=row[4],
            lines=row[5],
            files=_files(con, row[0]),
            finality=versions.finality(con, row[0]),
        )
        for row in rows
    ]


def _forecasts(con: duckdb.DuckDBPyConnection) -> list[Forecast]:
    """Read the forecasts of the months of this run that still run."""
    rows = execute(
        con,
        f"SELECT {', '.join(Forecast.model_fields)} FROM forecasts WHERE delivery_id IN "
        "(SELECT delivery_id FROM run_deliveries) ORDER BY period, payer_account, currency",
    )
    return [Forecast(**dict(zip(Forecast.model_fields, row, strict=True))) for row in rows]


def _files(con: duckdb.DuckDBPyConnection, delivery_id: str) -> list[DeliveredFile]:
    rows = execute(
        con,
        "SELECT name, sha256, bytes, lines FROM delivery_files WHERE delivery_id = ? ORDER BY name",
        [delivery_id],
    )
    return [DeliveredFile(name=r[0], sha256=r[1], bytes=r[2], lines=r[3]) for r in rows]


def _rows(con: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    query = read("duckdb", "results", name)
    columns = [row[0] for row in con.execute(f"DESCRIBE {query}").fetchall()]
    return [dict(zip(columns, row, strict=True)) for row in execute(con, query)]


def _finding(row: dict[str, Any]) -> Finding:
    """Make a finding of a row; its rate, where it has one, becomes a value of its own."""
    rate = {name: row.pop(f"rate_{name}") for name in RateUsed.model_fields}
    used = RateUsed(**rate) if rate["price"] is not None else None
    return Finding(**row, rate=used)
