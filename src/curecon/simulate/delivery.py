"""The files of a delivery: data in AWS's folders, and the manifest that lists them."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from curecon.simulate import columns
from curecon.simulate.world import World, next_month

BUCKET = "simulated-billing"
EXPORT = "curecon-simulated"
LINES_OF_A_FILE = 250_000
_SUFFIX = {"parquet": "snappy.parquet", "csv": "csv.gz"}
_FROM = "FROM lines AS l LEFT JOIN meters AS m ON m.meter = l.meter"


class Report(NamedTuple):
    """A report that AWS can be asked for: its table, and how its files are stored."""

    table: str
    stored: str


FORMATS = {
    "cur2-parquet": Report("cur2", "parquet"),
    "cur2-csv": Report("cur2", "csv"),
}


@dataclass(frozen=True)
class Delivery:
    """One version of one month: which lines it has, and when it was written."""

    period: date
    at: datetime
    lines: str  # the condition that picks its lines
    final: bool


@dataclass(frozen=True)
class Written:
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
        yield _data_export(con, folder, world, one, report)


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
    selected, named = _selected(report, world)
    files, lines = _files(con, data / export, selected, one, report)
    manifest = {
        "executionId": execution,
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{world.payer}:export/{export}-0001",
        "columns": [{"name": name, "type": of} for name, of in named],
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


def _files(
    con: duckdb.DuckDBPyConnection, stem: Path, selected: str, one: Delivery, report: Report
) -> tuple[list[Path], int]:
    """Write the lines of a delivery into as many files as AWS would."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    where = f"l.period = DATE '{one.period}' AND ({one.lines})"
    found = con.execute(f"SELECT count(*) {_FROM} WHERE {where}").fetchone()
    lines = found[0] if found else 0
    size = max(1, min(LINES_OF_A_FILE, -(-lines // 2)))
    stored = "parquet, COMPRESSION snappy"
    if report.stored == "csv":
        stored = "csv, HEADER, COMPRESSION gzip"
    files = []
    for number, first in enumerate(range(0, lines, size), start=1):
        file = stem.with_name(f"{stem.name}-{number:05d}.{_SUFFIX[report.stored]}")
        query = (
            f"SELECT {selected} {_FROM} WHERE {where} ORDER BY l.line LIMIT {size} OFFSET {first}"
        )
        target = str(file).replace("'", "''")
        con.execute(f"COPY ({query}) TO '{target}' (FORMAT {stored})")
        files.append(file)
    return files, lines


def _selected(report: Report, world: World) -> tuple[str, list[tuple[str, str]]]:
    """The cells of a report, and its columns with their types."""
    as_csv = report.stored == "csv"
    chosen = [column for column in columns.COLUMNS if column.cur2]
    cells = [f'{columns.cell(one, as_csv=as_csv)} AS "{one.cur2}"' for one in chosen]
    text = ",\n".join(cells).replace("{payer}", world.payer)
    return text, [(one.cur2, one.kind) for one in chosen]


def _bytes(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()[:16]


def months_delivered(world: World) -> list[Delivery]:
    """The first month as it stood on its twentieth day, then every month as it became final."""
    first = world.months[0]
    twentieth = first.replace(day=20)
    early = Delivery(
        period=first,
        at=datetime.combine(twentieth, time(6, 12, 7), UTC),
        lines=f"l.starts < TIMESTAMP '{twentieth}' AND l.meter NOTNULL",
        final=False,
    )
    return [early, *(Delivery(one, _closed(one), "TRUE", final=True) for one in world.months)]


def _closed(month: date) -> datetime:
    return datetime.combine(next_month(month) + timedelta(days=6), time(5, 36, 21), UTC)
