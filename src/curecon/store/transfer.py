"""Bring objects into the cache: in parallel, resumed where they broke off, verified."""

import base64
import hashlib
import logging
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

from botocore.exceptions import FlexibleChecksumError, HTTPClientError, IncompleteReadError
from urllib3.exceptions import HTTPError

from curecon.errors import CureconError, StoreUnreachable
from curecon.store.address import shown
from curecon.store.bucket import Bucket, Facts, Item, facts_of
from curecon.store.cache import Cache, size_of
from curecon.store.failures import of_road

Progress = Callable[[int, int], None]

PARALLEL = 8

_log = logging.getLogger(__name__)

_CHUNK = 256 * 1024
# A connection that carried this much before it broke was a working one.
_ENOUGH = 1024 * 1024
_BROKEN_READS = 10
_WRONG_BYTES = 3
_LONGEST_PAUSE = 5.0
_PROGRESS_SECONDS = 0.1

_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")


class _Stopped(Exception):  # it ends a worker and is never an error
    """Another worker failed, or the user interrupted."""


class _Broken(Exception):  # the download is resumed
    """The connection ended before the object did."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


class _Body(Protocol):
    def read(self, amt: int) -> bytes: ...
    def close(self) -> None: ...


class _Tally:
    """Bytes that lie here already, added to by all workers."""

    def __init__(self, done: int, total: int) -> None:
        self._lock = Lock()
        self.done = done
        self.total = total

    def add(self, count: int) -> None:
        with self._lock:
            self.done += count


def download(
    bucket: Bucket, cache: Cache, items: Sequence[Item], progress: Progress | None = None
) -> bool:
    """Bring the objects into the cache; return whether any had to be fetched.

    `progress` is called in this thread with bytes here and bytes in all; the first number can
    fall when bytes prove wrong and are fetched again.

    Raises:
        Changed: S3 no longer has one of these versions. What arrived stays for the next try.
        CureconError: S3 or the disk failed.
        OSError: the disk failed.
    """
    missing = [item for item in items if not cache.has(item)]
    begun = {item: _begun(cache, item) for item in missing}
    total = sum(item.size for item in items)
    tally = _Tally(total - sum(item.size for item in missing) + sum(begun.values()), total)
    _check_room(cache.root, tally.total - tally.done)
    if missing:
        stop = Event()
        with _stopping(bucket, stop), ThreadPoolExecutor(PARALLEL, "curecon-s3") as pool:
            work = [
                pool.submit(_Job(bucket, cache, item, tally, stop).run)
                for item in sorted(missing, key=lambda item: -item.size)
            ]
            try:
                _watch(work, tally, progress)
            except BaseException:  # an interrupt too must end the workers
                stop.set()
                for one in work:
                    one.cancel()
                raise
    if progress:
        progress(tally.done, tally.total)
    return bool(missing)


def _begun(cache: Cache, item: Item) -> int:
    """Return how much of an object a former run has left, after removing what is no use."""
    cache.whole(item).unlink(missing_ok=True)
    part = cache.part(item)
    if (size_of(part) or 0) > item.size:
        part.unlink()
    return size_of(part) or 0


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CureconError(
            f"The bill needs {needed:,} bytes more, but the disk that holds {folder} has only "
            f"{free:,} left. Free some space, or fetch fewer periods."
        )


@contextmanager
def _stopping(bucket: Bucket, stop: Event) -> Iterator[None]:
    """Let no request be sent, nor sent again, once `stop` is set: an interrupt is then quick."""

    def refuse(**_: object) -> None:
        if stop.is_set():
            raise _Stopped

    bucket.client.meta.events.register("before-send.s3", refuse)
    try:
        yield
    finally:
        bucket.client.meta.events.unregister("before-send.s3", refuse)


def _watch(work: Iterable[Future[None]], tally: _Tally, progress: Progress | None) -> None:
    pending = set(work)
    while pending:
        done, pending = wait(pending, _PROGRESS_SECONDS, FIRST_EXCEPTION)
        for one in done:
            one.result()
        if progress:
            progress(tally.done, tally.total)


class _Job:
    """The download of one object, in a worker."""

    def __init__(
        self, bucket: Bucket, cache: Cache, item: Item, tally: _Tally, stop: Event
    ) -> None:
        self._bucket = bucket
        self._cache = cache
        self._item = item
        self._part = cache.part(item)
        self._tally = tally
        self._stop = stop
        self._facts: Facts | None = None

    def run(self) -> None:
        """Fetch until what lies here is what S3 has."""
        for _ in range(_WRONG_BYTES):
            self._fill()
            if self._sound():
                self._cache.finish(self._item)
                return
            self._discard()
        place = shown(self._bucket.name, self._item.key)
        raise StoreUnreachable(
            f"{place} arrives altered: its bytes do not match the checksum that S3 states. "
            "Something on the way changes them; try another network or proxy."
        )

    def _fill(self) -> None:
        """Append to the part until it has the object's size."""
        failures = 0
        self._part.touch(mode=0o600)
        while (here := self._here()) < self._item.size:
            if self._stop.is_set():
                raise _Stopped
            try:
                self._pour(here)
            except _Broken as broken:
                failures = 0 if self._here() - here >= _ENOUGH else failures + 1
                if failures == _BROKEN_READS:
                    raise of_road(broken.reason, self._bucket.name) from broken
                _log.debug("%s broke off at byte %d", self._item.key, self._here())
                self._stop.wait(min(0.05 * 2**failures, _LONGEST_PAUSE))

    def _pour(self, here: int) -> None:
        """Read from byte `here` to the end, or until the connection breaks."""
        answer, from_start = self._bucket.open(self._item, here)
        body: _Body = answer["Body"]
        with closing(body):
            if from_start:
                self._facts = facts_of(answer)
                if here:  # a server that does not know ranges sends all of it again
                    self._discard()
            with self._part.open("ab") as file:
                for chunk in self._chunks(body):
                    file.write(chunk)
                    self._tally.add(len(chunk))
        if self._here() < self._item.size:
            short = IncompleteReadError(actual_bytes=self._here(), expected_bytes=self._item.size)
            raise _Broken(short)

    def _chunks(self, body: _Body) -> Iterator[bytes]:
        while True:
            try:
                chunk = body.read(_CHUNK)
            except FlexibleChecksumError:
                return  # all bytes are here and wrong, which `_sound` finds out
            except (HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
                raise _Broken(error) from error
            # After a stop the lock may be gone, so nothing is written any more.
            if self._stop.is_set():
                raise _Stopped
            if not chunk:
                return
            yield chunk

    def _here(self) -> int:
        return size_of(self._part) or 0

    def _discard(self) -> None:
        self._tally.add(-self._here())
        self._part.unlink(missing_ok=True)

    def _sound(self) -> bool:
        """Tell whether the part has the bytes that S3 states, as far as S3 states them."""
        if self._here() != self._item.size:
            return False
        if not self._item.size:
            return True
        facts = self._facts or self._bucket.facts(self._item)
        etag = self._item.etag.strip('"')
        if facts.md5_in_etag and _PLAIN_MD5.fullmatch(etag):
            return _hashed(self._part, "md5").hex() == etag
        for name, stated in facts.checksums.items():
            return base64.b64encode(_hashed(self._part, name.lower())).decode() == stated
        return True  # of a multipart upload without a checksum only the size is known


def _hashed(path: Path, algorithm: str) -> bytes:
    with path.open("rb") as file:
        if algorithm != "crc32":
            # Integrity, not secrecy: S3 chose the algorithm.
            return hashlib.file_digest(
                file, lambda: hashlib.new(algorithm, usedforsecurity=False)
            ).digest()
        crc = 0
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
        return crc.to_bytes(4, "big")
