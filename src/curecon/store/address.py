"""What an S3 address and an S3 key say: the bucket, the billing period, the place on this disk."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from curecon.errors import BillUnreadable, OptionInvalid

DATA_SUFFIXES = (".csv", ".csv.gz", ".zip", ".parquet")
MANIFEST_SUFFIX = "-Manifest.json"

# Beside the parts of an Athena delivery lies a Parquet file that says how the delivery went.
_STATUS_FOLDER = "cost_and_usage_data_status"
_TEST_OBJECT = "aws-programmatic-access-test-object"

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_PERIOD = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_DATES = re.compile(r"(\d{4})(\d\d)\d\d-\d{8}")
_PARTITION = re.compile(r"billing_period=(\d{4})-(\d\d)", re.IGNORECASE)
_YEAR = re.compile(r"year=(\d{4})", re.IGNORECASE)
_MONTH = re.compile(r"month=(\d{1,2})", re.IGNORECASE)

# 255 bytes is what ext4, XFS, APFS and NTFS allow for one name.
_NAME_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Address:
    """A place in S3: `key` is as the user wrote it, empty for the whole bucket."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return the address as it may be printed."""
        return shown(self.bucket, self.key)


def shown(bucket: str, key: str) -> str:
    """Return `s3://bucket/key` without characters that would act on a terminal."""
    text = f"s3://{bucket}/{key}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def parse(uri: str) -> Address:
    """Split `s3://bucket/key`.

    The address itself is never repeated in the error: people write secrets into addresses.

    Raises:
        OptionInvalid: the text has no bucket name where the bucket belongs.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme.lower() != "s3" or not _BUCKET.fullmatch(bucket):
        raise OptionInvalid(
            "The S3 address has no bucket name after s3://. Write s3://bucket/prefix; "
            "for an access point use its alias in place of the bucket."
        )
    return Address(bucket, key)


def checked_periods(periods: Iterable[str]) -> frozenset[str]:
    """Return the billing periods, each as `YYYY-MM`.

    Raises:
        OptionInvalid: one is no month.
    """
    for period in periods:
        if not _PERIOD.fullmatch(period):
            raise OptionInvalid(f"{period!r} is no billing period. Write it as YYYY-MM.")
    return frozenset(periods)


def names_period(segment: str) -> bool:
    """Tell whether one folder name stands for a whole billing period.

    Legacy reports have `20261001-20261101`, Data Exports `BILLING_PERIOD=2026-10` in either case
    (AWS CUR user guide and Data Exports user guide, "delivery" pages).
    """
    return bool(_DATES.fullmatch(segment) or _PARTITION.fullmatch(segment))


def period_position(segments: Sequence[str]) -> int | None:
    """Return where the last folder that names the billing period stands, None without one."""
    for at in range(len(segments) - 1, -1, -1):
        year_follows = at + 1 < len(segments) and _MONTH.fullmatch(segments[at + 1])
        if names_period(segments[at]) or (_YEAR.fullmatch(segments[at]) and year_follows):
            return at
    return None


def period_of(key: str) -> str | None:
    """Return the billing period that the path tells, as `YYYY-MM`; None where it tells none."""
    segments = key.split("/")
    at = period_position(segments)
    if at is None:
        return None
    whole = _DATES.fullmatch(segments[at]) or _PARTITION.fullmatch(segments[at])
    if whole:
        return f"{whole[1]}-{whole[2]}"
    year, month = _YEAR.fullmatch(segments[at]), _MONTH.fullmatch(segments[at + 1])
    assert year is not None
    assert month is not None
    return f"{year[1]}-{int(month[1]):02}"


def is_manifest(key: str) -> bool:
    """Tell whether the key is that of a manifest, in either of AWS's shapes."""
    return key.endswith(MANIFEST_SUFFIX)


def is_data(key: str) -> bool:
    """Tell whether the key may hold lines of a bill."""
    if key.endswith(_TEST_OBJECT) or _STATUS_FOLDER in key.split("/"):
        return False
    return key.lower().endswith(DATA_SUFFIXES)


def local_path(bucket: str, key: str) -> PurePosixPath:
    """Return the relative path that mirrors a key: `bucket/first/second/name`.

    Empty segments fall away, for a report prefix that ends in `/` makes them on real buckets. All
    else that a disk could take for something other than a plain name is refused.

    Raises:
        BillUnreadable: the key cannot be a path here.
    """
    segments = [segment for segment in key.split("/") if segment]
    for segment in segments:
        reason = _unsafe(segment)
        if reason:
            raise BillUnreadable(
                f"{shown(bucket, key)} cannot be kept as a file: {reason}. "
                "Copy the bill to a plain key, or name a narrower prefix."
            )
    return PurePosixPath(bucket, *segments)


def _unsafe(segment: str) -> str | None:
    """Return why one name could leave the cache or not be stored, None when it is harmless."""
    if segment in {".", ".."}:
        return f"a part of its key is {segment!r}"
    if "\\" in segment or any(unicodedata.category(c) in {"Cc", "Cs"} for c in segment):
        return "its key has a backslash or a control character"
    if _DRIVE.match(segment):
        return "a part of its key reads as a drive letter"
    if len(segment.encode()) > _NAME_BYTES:
        return f"a part of its key is longer than {_NAME_BYTES} bytes"
    return None


def mirror(bucket: str, keys: Iterable[str]) -> dict[str, PurePosixPath]:
    """Return each key's relative path, all different even on a disk that ignores case.

    Raises:
        BillUnreadable: a key is unsafe, or two of them would be one file.
    """
    paths = {key: local_path(bucket, key) for key in keys}
    files: dict[str, str] = {}
    for key, path in paths.items():
        other = files.setdefault(_folded(path), key)
        if other != key:
            _refuse_pair(bucket, other, key)
    for key, path in paths.items():
        for folder in path.parents:
            if _folded(folder) in files:
                _refuse_pair(bucket, files[_folded(folder)], key)
    return paths


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _refuse_pair(bucket: str, one: str, other: str) -> None:
    raise BillUnreadable(
        f"{shown(bucket, one)} and {shown(bucket, other)} would be the same file on a disk. "
        "Name a narrower prefix that holds only one of them."
    )
