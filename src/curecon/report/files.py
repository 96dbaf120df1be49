"""Write the files of `--out`: for programs (JSON, CSV), for people and for spreadsheets."""

import csv
import io
import json
import os
import shutil
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from curecon.errors import OptionInvalid
from curecon.models import AuditResult, BridgeRow, Finding, RateUsed, Record
from curecon.report import html, markdown, workbook

NAMES = (
    "findings.json",
    "findings.csv",
    "bridge.csv",
    "findings.xlsx",
    "summary.md",
    "report.html",
)

# A spreadsheet takes a cell that begins so for a formula, the wide forms of East Asia included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(result: AuditResult, out: Path) -> None:
    """Write the six files into the folder `out`: all of them, or none.

    Raises:
        OptionInvalid: the folder cannot be written; what was in it is as before.
    """
    with staged(result, out) as publish:
        publish()


@contextmanager
def staged(result: AuditResult, out: Path) -> Iterator[Callable[[], None]]:
    """Write the files beside their place and give the function that moves them there.

    So whoever must also publish a ledger can do everything that may fail before either is
    changed. Files in `out` that are not ours stay.

    Raises:
        OptionInvalid: the folder cannot be written; what was in it is as before.
    """
    with staged_texts(render(result), out) as publish:
        yield publish


@contextmanager
def staged_texts(contents: Mapping[str, str | bytes], out: Path) -> Iterator[Callable[[], None]]:
    """Write contents by their names beside their place; give the function that moves them there.

    Raises:
        OptionInvalid: the folder cannot be written; what was in it is as before.
    """
    target = out.resolve()
    try:
        staging = _stage(contents, target)
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        yield lambda: _publish(staging, target, out, list(contents))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prepare() -> None:
    """Do ahead what the first report waits for."""
    html.page()


def render(result: AuditResult) -> dict[str, str | bytes]:
    """Return the content of every file by its name."""
    contents = (
        to_json(result),
        findings_csv(result.findings),
        bridge_csv(result.bridge),
        workbook.render(result),
        markdown.render(result),
        html.render(result),
    )
    return dict(zip(NAMES, contents, strict=True))


def to_json(result: AuditResult) -> str:
    """Write a result as the JSON that DESIGN.md describes.

    Text outside ASCII is written as escapes: then no reader's locale can damage it, and no
    terminal that prints the file obeys a control or a direction mark from a bill.
    """
    return json.dumps(result.model_dump(mode="json"), indent=2) + "\n"


def findings_csv(findings: list[Finding]) -> str:
    """Write findings as CSV; the rate's fields follow as `rate_source` and so on."""
    own = [field for field in Finding.model_fields if field != "rate"]
    rate = list(RateUsed.model_fields)
    rows = (
        _cells(finding, own) + (_cells(finding.rate, rate) if finding.rate else [""] * len(rate))
        for finding in findings
    )
    return _csv([*own, *(f"rate_{field}" for field in rate)], rows)


def bridge_csv(bridge: list[BridgeRow]) -> str:
    """Write the bridge as CSV."""
    fields = list(BridgeRow.model_fields)
    return _csv(fields, (_cells(row, fields) for row in bridge))


def table_csv(fields: list[str], records: Iterable[Record]) -> str:
    """Write fields of records as CSV; text that a spreadsheet would run is guarded."""
    return _csv(fields, (_cells(one, fields) for one in records))


def guarded(text: str) -> str:
    """Keep a spreadsheet from running a text of the bill as a formula.

    What a spreadsheet skips before it looks for a formula is skipped here too.
    """
    start = text.lstrip()
    while start and unicodedata.category(start[0]) in {"Cc", "Cf", "Zs"}:
        start = start[1:].lstrip()
    return f"'{text}" if text.startswith(_FORMULA) or start.startswith(_FORMULA) else text


def _csv(header: list[str], rows: Iterable[list[str]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _cells(record: Record, fields: list[str]) -> list[str]:
    """Write fields as they stand in the JSON; only text needs the guard, our numbers are safe."""
    written = record.model_dump(mode="json", include=set(fields))
    return [_cell(getattr(record, field), written[field]) for field in fields]


def _cell(given: object, written: object) -> str:
    if given is None:
        return ""
    if isinstance(given, bool):
        return "true" if given else "false"
    return guarded(given) if isinstance(given, str) else str(written)


def _stage(contents: Mapping[str, str | bytes], target: Path) -> Path:
    """Write the files into a new folder on the file system of the target.

    A folder that exists may be a mount point, so the new one lies in it; else beside it.
    """
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(20, "it is a file")
    for name in contents:
        if (target / name).is_dir():
            raise IsADirectoryError(21, f"{name} in it is a folder")
    parent = target if target.exists() else target.parent
    staging = parent / f".curecon-{uuid.uuid4().hex}"
    staging.mkdir(parents=True)
    try:
        for name, content in contents.items():
            with (staging / name).open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return staging


def _publish(staging: Path, target: Path, out: Path, names: Sequence[str]) -> None:
    """Move the files to their place; when that fails midway, put the old ones back."""
    old = staging / "old"
    moved: list[str] = []
    try:
        if not target.exists():
            staging.rename(target)
            return
        old.mkdir()
        for name in names:
            if (target / name).exists():
                shutil.copy2(target / name, old / name)
        for name in names:
            os.replace(staging / name, target / name)  # noqa: PTH105 - tests make it fail
            moved.append(name)
    except BaseException as error:
        _restore(old, target, moved)
        if isinstance(error, OSError):
            raise _unwritable(out, error) from error
        raise


def _restore(old: Path, target: Path, moved: list[str]) -> None:
    for name in moved:
        if (old / name).exists():
            (old / name).replace(target / name)
        else:
            (target / name).unlink()


def _unwritable(out: Path, error: OSError) -> OptionInvalid:
    return OptionInvalid(
        f"The reports cannot be written to {out}: {error.strerror or error}. "
        "Give another folder with --out."
    )
