"""Manifests: AWS's own list of the files that make up one delivery of one billing period.

Two shapes exist: legacy reports list `reportKeys`, Data Exports list `dataFiles`. Their other
fields are advisory. Layouts: AWS user guides for legacy CUR and Data Exports.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from curecon.errors import BillUnreadable

_BYTES_MAX = 64 * 1024 * 1024
_KEY_BYTES_MAX = 1024  # Amazon S3 user guide, "Naming Amazon S3 objects"

_PERIOD_IN_PATH = (
    re.compile(r"(?i)(?:^|/)billing_period=(?P<y>\d{4})-(?P<m>\d{2})(?:/|$)"),
    re.compile(r"(?i)(?:^|/)year=(?P<y>\d{4})/month=(?P<m>\d{1,2})(?:/|$)"),
    re.compile(r"(?:^|/)(?P<y>\d{4})(?P<m>\d{2})01-\d{8}(?:/|$)"),
)
# The folder of one execution: a time, with or without an id, or an id alone.
_EXECUTION = re.compile(
    r"(?i)\d{4}-?\d{2}-?\d{2}T[\d:._-]+Z(-.*)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


@dataclass(frozen=True)
class Manifest:
    """A manifest as found: the data files it lists, as keys without their bucket."""

    path: Path
    period: str | None
    keys: tuple[str, ...]


def read(path: Path, root: Path | None = None) -> Manifest | None:
    """Read a manifest; None for JSON that lists no data files, such as Redshift's.

    Raises:
        BillUnreadable: the JSON is damaged, or what it lists are no safe keys.
    """
    if path.stat().st_size > _BYTES_MAX:
        raise BillUnreadable(f"{path}: too large for a manifest; is it one?")
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BillUnreadable(
            f"{path}: the manifest is damaged, its JSON does not parse ({error}); copy it again"
        ) from error
    if not isinstance(content, dict) or not content.keys() & {"reportKeys", "dataFiles"}:
        return None
    keys = _keys(path, content.get("reportKeys", content.get("dataFiles")))
    place = path.relative_to(root).as_posix() if root else ""
    period = period_in(place) or _stated_period(content) or period_in(path.resolve().as_posix())
    if period is None and len({period_in(key) for key in keys}) == 1:
        period = period_in(keys[0])
    return Manifest(path, period, keys)


def current(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Keep the manifests that say what holds now.

    Where every delivery is kept, each has its manifest in its own folder, and the folder of the
    period has the current one: a manifest below another of its name and period is an older one.

    Raises:
        BillUnreadable: several stand side by side, and none above them says which is current.
    """

    def same(one: Manifest) -> tuple[str, str]:
        return one.path.name, one.period or ""

    kept: list[Manifest] = []
    for _, alike in groupby(sorted(manifests, key=same), same):
        top: list[Manifest] = []
        for one in sorted(alike, key=lambda manifest: len(manifest.path.parts)):
            if not any(other.path.parent in one.path.parents for other in top):
                top.append(one)
        for one in top:
            beside = [other for other in top if other.path.parents[1] == one.path.parents[1]]
            if len({other.keys for other in beside}) > 1:
                raise BillUnreadable(
                    f"{one.path.parents[1]}: several manifests of {one.period or 'one bill'}, and "
                    "none above them says which is current; name one manifest instead of the folder"
                )
            if one is beside[0]:
                kept.append(one)
    return sorted(kept, key=lambda manifest: manifest.path)


def resolve(manifest: Manifest, key: str, root: Path | None, data: Sequence[PurePosixPath]) -> Path:
    """Find a listed file: the longest suffix of its key that lies here.

    First around the manifest, where AWS puts it, up to the folder given; then, among the data
    files `data` of that folder, where copying may have put it, unless that place names another
    period or execution than the key does.

    Raises:
        BillUnreadable: the file is not there, or could be several.
    """
    parts = PurePosixPath(key).parts
    here = manifest.path.resolve().parent
    if root is None:
        around = [here, *list(here.parents)[: len(parts)]]
    else:
        top = root.resolve()
        around = [here, *(up for up in here.parents if up == top or top in up.parents)]
    for start in range(len(parts)):
        for base in around:
            candidate = base.joinpath(*parts[start:])
            if os.path.isfile(candidate):  # noqa: PTH113  # False also where a name is too long
                return candidate
    found: dict[int, list[PurePosixPath]] = {}
    for candidate_parts in data:
        if length := _common(parts, candidate_parts.parts):
            found.setdefault(length, []).append(candidate_parts)
    if root is None or not found:
        raise BillUnreadable(
            f"{manifest.path}: lists {key}, which is not there; the delivery is incomplete, "
            "copy it again or wait until AWS has finished it"
        )
    best = found[max(found)]
    if len(best) > 1:
        raise BillUnreadable(
            f"{manifest.path}: lists {key}, which could be {best[0]} or {best[1]}; "
            "copy the delivery again with its folders"
        )
    return root / best[0]


def period_in(path: str) -> str | None:
    """Read the billing period (YYYY-MM) that a path states, or None."""
    for pattern in _PERIOD_IN_PATH:
        if (match := pattern.search(path)) and 1 <= int(match["m"]) <= 12:  # noqa: PLR2004
            return f"{match['y']}-{int(match['m']):02d}"
    return None


def _common(key: Sequence[str], found: Sequence[str]) -> int:
    """Count the last parts that both have; 0 where the rest tells another delivery."""
    length = 0
    while length < min(len(key), len(found)) and key[-1 - length] == found[-1 - length]:
        length += 1
    periods = {period_in("/".join(parts)) for parts in (key, found)} - {None}
    rest = set(found[: len(found) - length]) - set(key)
    if len(periods) > 1 or any(_EXECUTION.fullmatch(part) for part in rest):
        return 0
    return length


def _keys(path: Path, listed: object) -> tuple[str, ...]:
    """Check what a manifest lists; keys are relative to the bucket, each is taken once."""
    if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
        raise BillUnreadable(
            f"{path}: neither `reportKeys` nor `dataFiles` lists data files, so it is no manifest"
        )
    keys = {}
    for key in listed:
        bare = re.sub(r"^s3://[^/]*/", "", key).lstrip("/")
        parts = PurePosixPath(bare).parts
        if not parts or ".." in parts or "\\" in bare or not bare.isprintable():
            raise BillUnreadable(f"{path}: lists {key!r}, which is no safe key of a data file")
        if len(bare.encode()) > _KEY_BYTES_MAX:
            raise BillUnreadable(f"{path}: lists {bare[:60]!r}..., which is longer than any S3 key")
        keys[bare] = True
    return tuple(keys)


def _stated_period(content: dict[str, object]) -> str | None:
    stated = content.get("billingPeriod")
    start = stated.get("start") if isinstance(stated, dict) else None
    match = re.match(r"(\d{4})-?(\d{2})", start) if isinstance(start, str) else None
    return f"{match[1]}-{match[2]}" if match else None
