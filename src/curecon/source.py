"""Where the bill lies: turns what the user named into the exact files to read.

A manifest is followed to the letter: only what it lists is read, so a stale chunk beside it never
is. Without one, every data file of a folder is read, unless that would read a delivery twice.
"""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from curecon import manifest
from curecon.errors import BillNotFound, BillUnreadable, OptionInvalid
from curecon.manifest import Manifest, period_in

DATA_SUFFIXES = (".csv", ".csv.gz", ".zip", ".parquet")
_KINDS = "a .csv, .csv.gz, .zip or .parquet file"
_PACKED = {
    ".tar .tar.gz .tgz .tar.bz2 .tar.xz .tar.zst .7z .rar": (
        "is an archive; unpack it, and name the folder that comes out of it"
    ),
    ".bz2 .xz .zst .lz4": f"is packed in a way that is not read; unpack it, for a bill is {_KINDS}",
}
_INSTEAD = {
    **_PACKED,
    ".xlsx .xlsm .xlsb .xls .ods .numbers": (
        f"is a workbook, which keeps no exact amounts; name what AWS delivered, {_KINDS}"
    ),
    ".pdf": f"is an invoice; its lines are in the cost report that AWS delivers, {_KINDS}",
    ".jsonl .ndjson .orc .avro .feather .arrow": (
        f"is in no form that AWS delivers a bill in; name what it was made of, {_KINDS}"
    ),
}
# A name that does not tell what a file is: one that is named itself is looked into.
_LOOKED_INTO = {".gz": "is read only where it is named itself, and not its folder"}
_NO_MANIFEST = "neither `reportKeys` nor `dataFiles` lists data files, so it is no manifest"
_STATUS_FOLDER = "cost_and_usage_data_status"


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

    def is_smaller_than(self, size: int) -> bool:
        """Say whether its files, as far as they can be looked at, have fewer bytes."""
        sizes = []
        for file in self.files:
            with suppress(OSError):
                sizes.append(file.path.stat().st_size)
        return sum(sizes) < size


def find(bills: Sequence[Path], periods: Sequence[str] = ()) -> Bill:
    """List the files that the named bills consist of.

    Args:
        bills: files, folders or manifests.
        periods: billing periods (YYYY-MM) to keep; none keeps all.

    Raises:
        BillNotFound: a path does not exist, or holds nothing that is a bill.
        BillUnreadable: a manifest is damaged or lists a file that is not there.
        OptionInvalid: a period is not of the form YYYY-MM, or a file is named twice.
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
        wanted = f" for {', '.join(periods)}" if periods else ""
        told = ", ".join(str(path) for path in bills)
        raise BillNotFound(f"{told}: no bill file{wanted} was found there{_instead(bills)}")
    return found


def _instead(bills: Sequence[Path]) -> str:
    """Say what lies there in the place of a bill, and what to do with it."""
    there = [root / path for root in bills if root.is_dir() for path in _walk(root)]
    if any(map(_is_data, there)):
        return ""
    for path in there:
        if told := _told_of(path, _INSTEAD | _LOOKED_INTO):
            return f"; {path} {told}"
    return f"; a bill is {_KINDS}"


def _told_of(path: Path, kinds: Mapping[str, str]) -> str | None:
    """Say what to do with a file that may hold a bill in a form that is not read."""
    name = path.name.lower()
    return next((told for ends, told in kinds.items() if name.endswith(tuple(ends.split()))), None)


def _named(path: Path, periods: Sequence[str], notes: list[str]) -> list[BillFile]:
    if path.is_dir():
        return _folder(path, periods, notes)
    if not path.is_file():
        raise BillUnreadable(f"{path}: a device or a pipe; save the bill in a file and name that")
    if path.name.lower().endswith(".json"):
        one = manifest.read(path)
        if one is None:
            raise BillUnreadable(f"{path}: {_NO_MANIFEST}")
        return _listed(one, None, periods, [])
    if told := _told_of(path, _INSTEAD):
        raise BillUnreadable(f"{path}: {told}")
    return [BillFile(path, _shown(path.name), period_in(path.resolve().as_posix()))]


def _folder(root: Path, periods: Sequence[str], notes: list[str]) -> list[BillFile]:
    """List the files of a folder: what its current manifests list, or else all data files."""
    paths = _walk(root)
    manifests = [one for one in _manifests(root, paths) if _wanted(one.period, periods)]
    data = [file for file in _data_files(root, paths) if _wanted(file.period, periods)]
    packed = [path for path in paths if _told_of(path, _PACKED)]
    if data and packed:
        notes.append(f"{root / packed[0]} {_told_of(packed[0], _PACKED)}; not read")
    if not manifests:
        _refuse_two_executions(root, data)
        return data
    places = [PurePosixPath(path) for path in paths if _is_data(path)]
    current = manifest.current(manifests)
    listed = [file for one in current for file in _listed(one, root, periods, places)]
    covered = {file.period for file in listed} | {one.period for one in manifests}
    for file in data:
        if file.period and file.period not in covered and None not in covered:
            raise BillUnreadable(
                f"{file.path}: period {file.period} has data files and no manifest, so its "
                "delivery may be under way; wait for the manifest, or leave it out with --period"
            )
    read = {file.path.resolve() for file in listed}
    replaced = _replaced([one for one in manifests if one not in current], root, periods, places)
    left = {file.path.resolve() for file in data} - read
    for paths_left, what in (
        (left & replaced, "of older deliveries, which a newer one replaces"),
        (left - replaced, "that no manifest lists"),
    ):
        if paths_left:
            many = f"{len(paths_left)} data file{'s' if len(paths_left) > 1 else ''}"
            notes.append(f"{root.name}: {many} {what}, not read")
    return listed


def _manifests(root: Path, paths: Sequence[Path]) -> list[Manifest]:
    """Read the manifests of a folder; those of other tools (-RedshiftManifest.json) are none.

    Raises:
        BillUnreadable: one is damaged, so that nothing says which data files hold.
    """
    found = []
    for path in paths:
        if not path.name.endswith("anifest.json"):
            continue
        if one := manifest.read(root / path, root):
            found.append(one)
        elif path.name.endswith("-Manifest.json"):
            raise BillUnreadable(f"{root / path}: {_NO_MANIFEST}; copy it again")
    return found


def _replaced(
    older: Sequence[Manifest], root: Path, periods: Sequence[str], places: Sequence[PurePosixPath]
) -> set[Path]:
    """Return the files of manifests that are not current; some of them may be gone by now."""
    found: set[Path] = set()
    for one in older:
        with suppress(BillUnreadable):
            found |= {file.path.resolve() for file in _listed(one, root, periods, places)}
    return found


def _listed(
    one: Manifest, root: Path | None, periods: Sequence[str], places: Sequence[PurePosixPath]
) -> list[BillFile]:
    """Turn a manifest's keys into files; keys of periods not wanted need not be there."""
    files = []
    for key in one.keys:
        period = period_in(key) or one.period
        if _wanted(period, periods):
            files.append(BillFile(manifest.resolve(one, key, root, places), _shown(key), period))
    return files


def _walk(root: Path) -> list[Path]:
    """List every file below a folder as a relative path, in a fixed order; links are followed.

    Raises:
        BillUnreadable: a folder cannot be listed, or a data file is a link that leads nowhere.
    """
    walked: set[tuple[int, int]] = set()
    found = []

    def fail(error: OSError) -> None:
        raise BillUnreadable(f"{error.filename}: cannot be listed ({error.strerror})") from error

    for folder, names, files in os.walk(root, onerror=fail, followlinks=True):
        here = Path(folder)
        identity = here.stat()
        if (identity.st_dev, identity.st_ino) in walked:
            names.clear()
            continue
        walked.add((identity.st_dev, identity.st_ino))
        names.sort()
        for name in files:
            path = here / name
            if path.is_file():
                found.append(path.relative_to(root))
            elif path.is_symlink() and _is_data(path):
                raise BillUnreadable(f"{path}: a link that leads nowhere; copy the file again")
    return sorted(found)


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(DATA_SUFFIXES)


def _data_files(root: Path, paths: Sequence[Path]) -> list[BillFile]:
    """Keep the data files; hidden ones and the status of an Athena delivery are none."""
    files = []
    for path in paths:
        hidden = any(part.startswith((".", "_")) for part in path.parts)
        if _is_data(path) and not hidden and _STATUS_FOLDER not in path.parts:
            period = period_in(path.as_posix()) or period_in((root / path).resolve().as_posix())
            files.append(BillFile(root / path, _shown(path.as_posix()), period))
    return files


def _refuse_two_executions(root: Path, files: list[BillFile]) -> None:
    """Refuse two folders that hold the same file names for one period: they are two deliveries."""
    seen: dict[tuple[str, str], Path] = {}
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


def _shown(name: str) -> str:
    """Write a file name as text, even one whose bytes are no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _wanted(period: str | None, periods: Sequence[str]) -> bool:
    return not periods or period is None or period in periods
