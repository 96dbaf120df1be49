"""Where the bill lies: turns what the user named into the exact files to read.

A manifest is followed to the letter: only what it lists is read, so a stale chunk beside it never
is. Without one, every data file of a folder is read, unless that would read a delivery twice.
Layouts: AWS user guides for legacy CUR and Data Exports.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from curecon.errors import BillNotFound, BillUnreadable, OptionInvalid

DATA_SUFFIXES = (".csv", ".csv.gz", ".gz", ".zip", ".parquet")
_MANIFEST_BYTES_MAX = 64 * 1024 * 1024
_STATUS_FOLDER = "cost_and_usage_data_status"
_ACCESS_TEST = "aws-programmatic-access-test-object"

_PERIOD_IN_PATH = (
    re.compile(r"(?i)(?:^|/)billing_period=(?P<y>\d{4})-(?P<m>\d{2})(?:/|$)"),
    re.compile(r"(?i)(?:^|/)year=(?P<y>\d{4})/month=(?P<m>\d{1,2})(?:/|$)"),
    re.compile(r"(?:^|/)(?P<y>\d{4})(?P<m>\d{2})01-\d{8}(?:/|$)"),
)


@dataclass(frozen=True)
class BillFile:
    """One data file as found: its path, the period its path tells (YYYY-MM), if any."""

    path: Path
    name: str
    period: str | None


@dataclass
class Bill:
    """All the files to read, and what was noticed on the way."""

    files: list[BillFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(bills: Sequence[Path], periods: Sequence[str] = ()) -> Bill:
    """List the files that the named bills consist of.

    Args:
        bills: files, folders or manifests.
        periods: billing periods (YYYY-MM) to keep; none keeps all.

    Raises:
        BillNotFound: a path does not exist, or holds nothing that is a bill.
        BillUnreadable: a manifest is damaged or lists a file that is not there.
        OptionInvalid: a period is not of the form YYYY-MM.
    """
    for period in periods:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", period):
            raise OptionInvalid(f"--period {period!r} is not a month; write it as 2026-10")
    found = Bill()
    for path in bills:
        if not path.exists():
            raise BillNotFound(f"{path}: no such file or folder; name a bill, e.g. exports/")
        found.files.extend(_named(path, periods, found.notes))
    _refuse_twice(found.files)
    if not found.files:
        raise BillNotFound(f"{_list(bills)}: no bill file{_for(periods)} was found there")
    return found


def _named(path: Path, periods: Sequence[str], notes: list[str]) -> list[BillFile]:
    if path.is_dir():
        return _folder(path, periods, notes)
    if path.name.lower().endswith(".json"):
        return _manifest(path, None, periods)
    return [BillFile(path, path.name, period_in(path.as_posix()))]


def _folder(root: Path, periods: Sequence[str], notes: list[str]) -> list[BillFile]:
    manifests = _current_manifests(root)
    data = [file for file in _data_files(root) if _wanted(file.period, periods)]
    if not manifests:
        _refuse_two_executions(root, data)
        return data
    listed = [file for path in manifests for file in _manifest(path, root, periods)]
    covered = {file.period for file in listed} | {period_in(path.as_posix()) for path in manifests}
    for file in data:
        if file.period not in covered and None not in covered:
            raise BillUnreadable(
                f"{file.path}: period {file.period} has data files and no manifest, so its "
                "delivery may be under way; wait for the manifest, or leave it out with --period"
            )
    read = {file.path.resolve() for file in listed}
    surplus = sum(file.path.resolve() not in read for file in data)
    if surplus:
        notes.append(
            f"{root.name}: {surplus} data file(s) not read: no current manifest lists them"
        )
    return listed


def _current_manifests(root: Path) -> list[Path]:
    """Keep the manifest nearest to the top of each period: those below it are older executions."""
    by_place: dict[tuple[str, str | None], list[Path]] = {}
    for path in sorted(root.rglob("*anifest.json")):
        if not path.is_file():
            continue
        text = _manifest_text(path)
        if "reportKeys" in text or "dataFiles" in text:
            key = (path.name, period_in(path.relative_to(root).as_posix()) or _period_of(path))
            by_place.setdefault(key, []).append(path)
    current = []
    for (_, period), paths in by_place.items():
        depth = min(len(path.parts) for path in paths)
        top = [path for path in paths if len(path.parts) == depth]
        if len(top) > 1 and len({path.read_bytes() for path in top}) > 1:
            if len({path.parent.parent for path in top}) == 1:
                raise BillUnreadable(
                    f"{top[0].parent.parent}: several manifests of {period} and none above them "
                    "says which is current; name one manifest instead of the folder"
                )
            current.extend(top)
        else:
            current.append(top[0])
    return current


def _manifest_text(path: Path) -> str:
    if path.stat().st_size > _MANIFEST_BYTES_MAX:
        raise BillUnreadable(f"{path}: too large for a manifest; is it one?")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BillUnreadable(f"{path}: not a manifest, its text is not UTF-8") from error


def _manifest(path: Path, root: Path | None, periods: Sequence[str]) -> list[BillFile]:
    text = _manifest_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BillUnreadable(f"{path}: not a manifest, its JSON is damaged ({error})") from error
    keys = _keys(path, content)
    period = _stated_period(content) or period_in(path.resolve().as_posix())
    files = []
    for key in keys:
        key_period = period_in("/" + key) or period
        if _wanted(key_period, periods):
            files.append(BillFile(_resolve(path, root, key), key, key_period))
    return files


def _keys(path: Path, content: object) -> list[str]:
    """Take the listed data files of either manifest shape, as keys relative to the bucket."""
    listed: object = None
    if isinstance(content, dict):
        listed = content.get("reportKeys", content.get("dataFiles"))
    if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
        raise BillUnreadable(
            f"{path}: neither `reportKeys` nor `dataFiles` lists data files, so it is no manifest"
        )
    keys = []
    for key in listed:
        bare = re.sub(r"^s3://[^/]*/", "", key).lstrip("/")
        parts = PurePosixPath(bare).parts
        if not parts or ".." in parts or "\0" in bare or "\\" in bare:
            raise BillUnreadable(f"{path}: lists {key!r}, which is no safe key of a data file")
        keys.append(bare)
    return keys


def _resolve(manifest: Path, root: Path | None, key: str) -> Path:
    """Find a listed key by its longest suffix under the folder given, or around the manifest."""
    parts = PurePosixPath(key).parts
    here = manifest.resolve().parent
    if root is None:
        roots = [here, *list(here.parents)[: len(parts)]]
    else:
        top = root.resolve()
        roots = [here, *(up for up in here.parents if up == top or top in up.parents)]
    for start in range(len(parts)):
        for base in roots:
            candidate = base.joinpath(*parts[start:])
            if candidate.is_file():
                return candidate
    raise BillUnreadable(
        f"{manifest}: lists {key}, which is not there; the delivery is incomplete, "
        "copy it again or wait until AWS has finished it"
    )


def _stated_period(content: dict[str, object]) -> str | None:
    stated = content.get("billingPeriod")
    start = stated.get("start") if isinstance(stated, dict) else None
    match = re.match(r"(\d{4})-?(\d{2})", start) if isinstance(start, str) else None
    return f"{match[1]}-{match[2]}" if match else None


def _period_of(path: Path) -> str | None:
    try:
        content = json.loads(_manifest_text(path))
    except (ValueError, RecursionError):
        return None
    return _stated_period(content) if isinstance(content, dict) else None


def _data_files(root: Path) -> Iterator[BillFile]:
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith((".", "_")) for part in relative.parts)
        if hidden or _STATUS_FOLDER in relative.parts or path.name == _ACCESS_TEST:
            continue
        if path.is_file() and path.name.lower().endswith(DATA_SUFFIXES):
            period = period_in("/" + relative.as_posix()) or period_in(path.resolve().as_posix())
            yield BillFile(path, relative.as_posix(), period)


def _refuse_two_executions(root: Path, files: list[BillFile]) -> None:
    """Refuse two folders that hold the same file names for one period: they are two deliveries."""
    seen: dict[tuple[str | None, str], Path] = {}
    for file in files:
        if file.path.stat().st_size == 0 or file.period is None:
            continue
        other = seen.setdefault((file.period, file.path.name), file.path)
        if other != file.path:
            raise BillUnreadable(
                f"{root}: {other.relative_to(root)} and {file.path.relative_to(root)} look like "
                f"two deliveries of {file.period}, and no manifest says which is current; "
                "name one of the two folders"
            )


def _refuse_twice(files: list[BillFile]) -> None:
    seen = set()
    for file in files:
        path = file.path.resolve()
        if path in seen:
            raise OptionInvalid(f"{file.path}: named twice; name each bill file once")
        seen.add(path)


def period_in(path: str) -> str | None:
    """Read the billing period (YYYY-MM) that a path states, or None."""
    for pattern in _PERIOD_IN_PATH:
        if (match := pattern.search(path)) and 1 <= int(match["m"]) <= 12:  # noqa: PLR2004
            return f"{match['y']}-{int(match['m']):02d}"
    return None


def _wanted(period: str | None, periods: Sequence[str]) -> bool:
    return not periods or period is None or period in periods


def _for(periods: Sequence[str]) -> str:
    return f" for {', '.join(periods)}" if periods else ""


def _list(bills: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in bills)
