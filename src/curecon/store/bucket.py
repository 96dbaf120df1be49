"""One bucket, read only: list, ask for one object, open one object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from curecon.store.failures import Changed, explained, no_s3

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, HeadObjectOutputTypeDef

_GONE = 404
_REPLACED = 412
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one object. Two are equal when key, ETag and size are."""

    key: str
    etag: str
    size: int
    modified: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What S3 says to verify an object with.

    `checksums` maps `SHA256`, `SHA1`, `CRC32` to base64; `md5_in_etag` is False under KMS or a
    customer's key, where the ETag is no digest (S3 API reference, type Object).
    """

    md5_in_etag: bool
    checksums: Mapping[str, str]


def facts_of(answer: Mapping[str, object]) -> Facts:
    """Return the facts in an answer to GetObject or HeadObject."""
    encrypted = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
    names = ("SHA256", "SHA1", "CRC32")
    checksums = {name: str(answer.get(f"Checksum{name}", "")) for name in names}
    return Facts(
        md5_in_etag=not encrypted and "SSECustomerAlgorithm" not in answer,
        # A dash and a number mark the checksum of the parts' checksums, not of the bytes.
        checksums={k: v for k, v in checksums.items() if v and "-" not in v},
    )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as seen through one client; every method raises `CureconError` sentences."""

    client: "S3Client"
    name: str

    def under(self, prefix: str) -> dict[str, Item]:
        """Return all objects whose key begins with the prefix, without folder markers."""
        items: dict[str, Item] = {}
        with explained("list", self.name, prefix):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.name, Prefix=prefix):
                for entry in page.get("Contents", []):
                    key = entry["Key"]
                    if not key.endswith("/"):
                        items[key] = Item(key, entry["ETag"], entry["Size"], entry["LastModified"])
        return items

    def folders(self, prefix: str) -> list[str]:
        """Return the folders, each with its `/`, whose names begin with the prefix."""
        folders: list[str] = []
        with explained("list", self.name, prefix):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.name, Prefix=prefix, Delimiter="/"):
                folders += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        return folders

    def find(self, key: str) -> Item | None:
        """Return one object, None where there is none."""
        answer = self._head(key)
        if answer is None:
            return None
        return Item(key, self._etag(answer), answer["ContentLength"], answer["LastModified"])

    def facts(self, item: Item) -> Facts:
        """Return what S3 knows to verify an object with.

        Raises:
            Changed: it is gone or replaced.
        """
        answer = self._head(item.key)
        if answer is None or self._etag(answer) != item.etag:
            raise Changed(item.key)
        return facts_of(answer)

    def _head(self, key: str) -> "HeadObjectOutputTypeDef | None":
        with explained("read", self.name, key):
            try:
                return self.client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                if _status(error) == _GONE:
                    return None
                # The answer to HEAD has no body and thus no reason; that to GET has one.
                self.client.get_object(Bucket=self.name, Key=key)["Body"].close()
                raise

    def open(self, item: Item, start: int) -> "tuple[GetObjectOutputTypeDef, bool]":
        """Begin to read an object at byte `start`; return the answer and whether it starts at 0.

        Raises:
            Changed: it is gone or replaced.
        """
        with explained("read", self.name, item.key):
            try:
                answer = self._get(item, start)
            except ClientError as error:
                if _status(error) in {_GONE, _REPLACED}:
                    raise Changed(item.key) from error
                raise
        if self._etag(answer) != item.etag:
            answer["Body"].close()
            raise Changed(item.key)
        return answer, answer["ResponseMetadata"]["HTTPStatusCode"] != _PARTIAL

    def _etag(self, answer: Mapping[str, object]) -> str:
        if "ETag" not in answer:
            raise no_s3(self.name)
        return str(answer["ETag"])

    def _get(self, item: Item, start: int) -> "GetObjectOutputTypeDef":
        if start:
            # A range has no checksum of its own, so none is asked for.
            return self.client.get_object(
                Bucket=self.name, Key=item.key, IfMatch=item.etag, Range=f"bytes={start}-"
            )
        return self.client.get_object(
            Bucket=self.name, Key=item.key, IfMatch=item.etag, ChecksumMode="ENABLED"
        )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
