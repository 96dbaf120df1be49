"""The files of a delivery: data in AWS's folders, and the manifest that lists them.

Layouts and manifests are those of Data Exports (CUR 2.0, FOCUS) and of the legacy report.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from curecon.simulate import catalogue, columns, focus
from curecon.simulate.world import World, next_month

BUCKET = "simulated-billing"
EXPORT = "curecon-simulated"
LINES_OF_A_FILE = 250_000
_LEGACY_TYPE = {
    columns.TEXT: "OptionalString", columns.TIME: "DateTime", columns.DOUBLE: "OptionalBigDecimal",
}  # fmt: skip
_SUFFIX = {"parquet": "snappy.parquet", "csv": "csv.gz"}
_FROM = "FROM lines AS l LEFT JOIN meters AS m ON m.meter = l.meter"


class Report(NamedTuple):
    """A report that AWS can be asked for: its table, and how its files are stored."""

    table: str
    stored: str


FORMATS = {
    "cur2-parquet": Report("cur2", "parquet"),
    "cur2-csv": Report("cur2", "csv"),
    "legacy-csv": Report("legacy", "csv"),
    "legacy-parquet": Report("legacy", "parquet"),
    "focus-1.0": Report("focus-1.0", "parquet"),
    "focus-1.2": Report("focus-1.2", "csv"),
}


@dataclass(frozen=True)
class Delivery:
    """One version of one month: which lines it has, and when it was written."""

    period: date
    at: datetime
    lines: str  # the condition that picks its lines
    final: bool


class Written(NamedTuple):
    """What was delivered: the manifest, by its path under the folder, and the lines in it."""

    manifest: str
    period: date
    final: bool
    lines: int
    format: str


def write(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    world: World,
    deliveries: list[Delivery],
    report: Report,
) -> Iterator[Written]:
    """Write each delivery as one report, oldest first.

    Args:
        con: the database with `lines`.
        folder: where to lay the bucket's content.
        world: payer and seed.
        deliveries: what was delivered, and when.
        report: what AWS was asked for.
    """
    for one in deliveries:
        if report == FORMATS["legacy-parquet"] and not one.final:
            continue  # a report for Athena is overwritten by the next
        export = _legacy if report.table == "legacy" else _data_export
        yield export(con, folder, world, one, report)


def _data_export(
    con: duckdb.DuckDBPyConnection, folder: Path, world: World, one: Delivery, report: Report
) -> Written:
    """Write CUR 2.0 or FOCUS: data and metadata side by side, an execution a folder."""
    export = f"{EXPORT}-{report.table}"
    # Data Exports spell the partition in capitals for CUR 2.0, in small letters for FOCUS.
    key = "BILLING_PERIOD" if report.table == "cur2" else "billing_period"
    partition = f"{key}={one.period:%Y-%m}"
    execution = str(uuid.UUID(bytes=_bytes(world.seed, f"{report} {one.at}")))
    place = f"{one.at:%Y-%m-%dT%H:%M:%S}.000Z-{execution}"
    data = folder / export / "data" / partition / place
    chosen = _chosen(report)
    files, lines = _files(con, data / export, _selected(chosen, report, world, one), one, report)
    manifest = {
        "executionId": execution,
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{world.payer}:export/{export}-0001",
        "columns": [{"name": each.name, "type": each.kind} for each in chosen],
        "dataFiles": [f"s3://{BUCKET}/{file.relative_to(folder).as_posix()}" for file in files],
        "additionalOutputFiles": [],
    }
    metadata = folder / export / "metadata" / partition
    text = json.dumps(manifest, indent=2) + "\n"
    # One is never overwritten; the other always tells the newest.
    for target in (metadata / place, metadata):
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{export}-Manifest.json").write_text(text, "utf-8")
    told = (metadata / place / f"{export}-Manifest.json").relative_to(folder).as_posix()
    return Written(told, one.period, one.final, lines, "-".join(report))


def _legacy(
    con: duckdb.DuckDBPyConnection, folder: Path, world: World, one: Delivery, report: Report
) -> Written:
    """Write a legacy report: CSV in a folder of its assembly, Parquet where Athena looks."""
    export = f"{EXPORT}-{'-'.join(report)}"
    root = folder / "reports" / export
    dates = root / f"{one.period:%Y%m%d}-{next_month(one.period):%Y%m%d}"
    assembly = f"{one.at:%Y%m%dT%H%M%SZ}"
    is_csv = report.stored == "csv"
    data = dates / assembly
    if not is_csv:
        data = root / export / f"year={one.period:%Y}" / f"month={one.period.month}"
    selected = _selected(_chosen(report), report, world, one)
    files, lines = _files(con, data / export, selected, one, report)
    named = columns.of_legacy(as_csv=True)
    category_and_name = [each.name.split("/", 1) for each in named]
    period = {"start": f"{one.period:%Y%m%d}", "end": f"{next_month(one.period):%Y%m%d}"}
    manifest = {
        "assemblyId": assembly,
        "account": world.payer,
        "columns": [
            {"category": category, "name": name, "type": _LEGACY_TYPE[each.kind]}
            for (category, name), each in zip(category_and_name, named, strict=True)
        ],
        "charset": "UTF-8",
        "compression": "GZIP" if is_csv else "Parquet",
        "contentType": "text/csv" if is_csv else "Parquet",
        "reportId": _bytes(world.seed, export).hex() * 2,
        "reportName": export,
        "billingPeriod": {name: f"{day}T000000.000Z" for name, day in period.items()},
        "bucket": BUCKET,
        "reportKeys": [file.relative_to(folder).as_posix() for file in files],
        "additionalArtifactKeys": [],
    }
    text = json.dumps(manifest, indent=2) + "\n"
    targets = [dates / assembly, dates] if is_csv else [dates]
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{export}-Manifest.json").write_text(text, "utf-8")
    told = (targets[0] / f"{export}-Manifest.json").relative_to(folder).as_posix()
    return Written(told, one.period, one.final, lines, "-".join(report))


def _files(
    con: duckdb.DuckDBPyConnection, stem: Path, selected: str, one: Delivery, report: Report
) -> tuple[list[Path], int]:
    """Write the lines of a delivery into as many files as AWS would."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    where = f"l.period = DATE '{one.period}' AND ({one.lines})"
    if report.table.startswith("focus"):
        where += f" AND {focus.LINES}"
    told = "count(*), coalesce(min(l.line), 0), coalesce(max(l.line), -1)"
    lines, first, last = con.execute(f"SELECT {told} {_FROM} WHERE {where}").fetchall()[0]
    # Lines of a month stand next to each other, so a file is a run of numbers.
    size = max(1, min(LINES_OF_A_FILE, -(-(last - first + 1) // 2)))
    stored = "parquet, COMPRESSION snappy"
    if report.stored == "csv":
        stored = "csv, HEADER, COMPRESSION gzip"
    files = []
    for number, start in enumerate(range(first, last + 1, size), start=1):
        file = stem.with_name(f"{stem.name}-{number:05d}.{_SUFFIX[report.stored]}")
        query = (
            f"SELECT {selected} {_FROM} WHERE {where}"
            f" AND l.line BETWEEN {start} AND {start + size - 1} ORDER BY l.line"
        )
        target = str(file).replace("'", "''")
        con.execute(f"COPY ({query}) TO '{target}' (FORMAT {stored})")
        files.append(file)
    return files, lines


def _chosen(report: Report) -> list[columns.Chosen]:
    if report.table == "cur2":
        return columns.of_cur2()
    if report.table == "legacy":
        return columns.of_legacy(as_csv=report.stored == "csv")
    locations = {region.code: region.location for region in catalogue.REGIONS}
    return focus.of_focus(report.table.removeprefix("focus-"), locations)


def _selected(chosen: list[columns.Chosen], report: Report, world: World, one: Delivery) -> str:
    """The cells of a report, as SQL; before a month is closed there is no invoice."""
    if not one.final:
        chosen = [each._replace(holds=each.holds.replace("l.invoice", "NULL")) for each in chosen]
    as_csv = report.stored == "csv"
    cells = [f'{columns.cell(one, as_csv=as_csv)} AS "{one.name}"' for one in chosen]
    return ",\n".join(cells).replace("{payer}", world.payer)


def _bytes(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()[:16]


def months_delivered(world: World) -> list[Delivery]:
    """The first month as it stood on its twentieth day, then every month as it became final."""
    first = world.months[0]
    twentieth = first.replace(day=20)
    early = Delivery(
        period=first,
        at=datetime.combine(twentieth, time(6, 12, 7), UTC),
        lines=f"l.starts < TIMESTAMP '{twentieth}' "
        " AND l.line_type NOT IN ('Tax', 'Fee', 'Credit', 'Refund')",
        final=False,
    )
    return [early, *(Delivery(one, _closed(one), "TRUE", final=True) for one in world.months)]


def _closed(month: date) -> datetime:
    return datetime.combine(next_month(month) + timedelta(days=6), time(5, 36, 21), UTC)
