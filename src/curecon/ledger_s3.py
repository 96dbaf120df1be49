"""A ledger that lies in S3 between runs: pulled before a run, pushed after it.

A push replaces exactly what was pulled: S3 compares the ETag (If-Match; If-None-Match where there
was no ledger) and refuses what another run has changed meanwhile, so two runs cannot overwrite
each other. What was pulled is remembered in a file beside the ledger.
"""

import hashlib
import json
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from curecon import ledger
from curecon.errors import LedgerLocked, LedgerUnreadable, OptionInvalid
from curecon.models import Record
from curecon.store import client
from curecon.store.address import Address, parse, shown
from curecon.store.failures import code_of, explained

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_BLOCK = 1024 * 1024
_BYTES_MAX = 5 * 1024**3
"""The largest object of one PutObject (S3 user guide, "Uploading objects")."""


class Moved(Record):
    """A ledger that was pulled or pushed; `etag` is null where S3 has none yet."""

    uri: str
    etag: str | None
    sha256: str | None


def pull(uri: str, path: Path = Path("curecon.duckdb")) -> Moved:
    """Bring the ledger at `s3://bucket/key` to a path, or remember that there is none yet.

    Raises:
        OptionInvalid: the address is none.
        LedgerUnreadable: a ledger lies at the path that was not pushed, or S3 holds no ledger.
        StoreUnreachable: S3 refused or failed.
    """
    address = _address(uri)
    before = _remembered(path)
    mine = _sha256(path) if path.exists() else None
    part = path.with_name(f".{path.name}.pulled")
    with closing(client(address.bucket)) as s3:
        etag = _download(s3, address, part)
    try:
        # A run that was killed may have brought or pushed it, and not noted that.
        told = {None, before.sha256 if before else None, _sha256(part) if etag else None}
        if mine not in told:
            raise LedgerUnreadable(
                f"{path}: this ledger was not pushed to S3, and pulling would replace it; "
                f"`curecon ledger push {uri}` first, or move it away"
            )
        if etag is None:
            if path.exists():
                raise LedgerUnreadable(
                    f"{shown(address.bucket, address.key)}: no ledger is there, and one lies at "
                    f"{path}; move it away, or push it there from a folder without .s3 file"
                )
            moved = Moved(uri=uri, etag=None, sha256=None)
        else:
            with ledger.reading(part):
                pass
            moved = Moved(uri=uri, etag=etag, sha256=_sha256(part))
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _remember(path, moved)
    return moved


def push(uri: str, path: Path = Path("curecon.duckdb")) -> Moved:
    """Put the ledger back to where it was pulled from, unless another run has changed it there.

    Raises:
        OptionInvalid: the address is none.
        LedgerLocked: another run changed it since it was pulled; nothing was overwritten.
        LedgerUnreadable: there is no ledger at the path, or it was not pulled from there.
        StoreUnreachable: S3 refused or failed.
    """
    address = _address(uri)
    with ledger.reading(path):
        pass
    before = _remembered(path)
    if before is not None and before.uri != uri:
        raise LedgerUnreadable(f"{path}: pulled from {before.uri}, so it cannot be pushed to {uri}")
    if path.stat().st_size > _BYTES_MAX:
        raise LedgerUnreadable(f"{path}: larger than 5 GiB, which S3 does not take in one piece")
    with closing(client(address.bucket)) as s3:
        try:
            etag = _upload(s3, address, path, before.etag if before else None)
        except LedgerLocked:
            if (there := _pushed_before(s3, address, path)) is None:
                raise
            etag = there
    moved = Moved(uri=uri, etag=etag, sha256=_sha256(path))
    _remember(path, moved)
    return moved


def _address(uri: str) -> Address:
    address = parse(uri)
    if not address.key or address.key.endswith("/"):
        raise OptionInvalid(f"{uri}: name a file, e.g. s3://bucket/curecon.duckdb")
    return address


def _download(s3: "S3Client", address: Address, part: Path) -> str | None:
    """Download the object; return its ETag, or None where there is none."""
    with explained("read", address.bucket, address.key):
        try:
            answer = s3.get_object(Bucket=address.bucket, Key=address.key)
        except ClientError as error:
            if code_of(error) in {"NoSuchKey", "404"}:
                return None
            raise
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for block in answer["Body"].iter_chunks(_BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    return answer["ETag"]


def _upload(s3: "S3Client", address: Address, path: Path, etag: str | None) -> str:
    """Upload the file if S3 still holds what was pulled; return the new ETag."""
    with explained("write", address.bucket, address.key), path.open("rb") as body:
        bucket, key = address.bucket, address.key
        try:
            if etag is None:
                answer = s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
            else:
                answer = s3.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=etag)
        except ClientError as error:
            gone = etag is not None and code_of(error) in {"NoSuchKey", "404"}
            if not gone and code_of(error) not in _CHANGED:
                raise
            raise LedgerLocked(
                f"{shown(address.bucket, address.key)}: another run changed this ledger since it "
                "was pulled, and nothing was overwritten; pull it again and run again"
            ) from error
    return answer["ETag"]


def _pushed_before(s3: "S3Client", address: Address, path: Path) -> str | None:
    """The ETag of this very ledger, where a run that was killed pushed it and did not note that."""
    part = path.with_name(f".{path.name}.pulled")
    try:
        etag = _download(s3, address, part)
        return etag if etag and _sha256(part) == _sha256(path) else None
    finally:
        part.unlink(missing_ok=True)


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.s3")


def _remember(path: Path, moved: Moved) -> None:
    note = _note(path)
    written = note.with_name(note.name + ".new")
    written.write_text(moved.model_dump_json(), "utf-8")
    written.replace(note)


def _remembered(path: Path) -> Moved | None:
    try:
        return Moved.model_validate(json.loads(_note(path).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LedgerUnreadable(
            f"{_note(path)}: cannot be read; remove it, and pull the ledger again"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
