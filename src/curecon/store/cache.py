"""The cache folder: objects by version, and snapshots of them that nobody changes.

    cache/.lock                         one fetch at a time
    cache/objects/<version>             a whole object; `<version>.part` while it arrives
    cache/snapshots/<name>/<bucket>/…   hard links, laid out as the keys are

An object's file name hashes bucket, key, ETag and size. So a part can only be continued with the
version it began with, and a replaced object never overwrites the one that somebody reads.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from curecon.store.bucket import Item

_log = logging.getLogger(__name__)

# Longer than any audit reads a snapshot, and than a night between two tries of one download.
_KEEP_SECONDS = 2 * 24 * 3600
_INDEX = "objects.json"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]


class Cache:
    """The folder that downloads go to. Everything but `locked` is used with the lock held."""

    def __init__(self, root: Path, bucket: str) -> None:
        """Name the folder; nothing is touched before `locked`."""
        self.root = root
        self._bucket = bucket
        self._objects = root / "objects"
        self._snapshots = root / "snapshots"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cache alone. The lock goes with the process, however that ends.

        Raises:
            OSError: the folder cannot be made or locked.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self._objects, self._snapshots):
            folder.mkdir(mode=0o700, exist_ok=True)  # bills are nobody else's business
        with (self.root / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("Another curecon is fetching into %s: waiting for it.", self.root)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def whole(self, item: Item) -> Path:
        """Return where the finished object lies or will lie."""
        return self._objects / _digest([self._bucket, item.key, item.etag, item.size])

    def part(self, item: Item) -> Path:
        """Return where the object is put together."""
        return self.whole(item).with_suffix(".part")

    def has(self, item: Item) -> bool:
        """Tell whether this version lies here whole."""
        return size_of(self.whole(item)) == item.size

    def finish(self, item: Item) -> None:
        """Turn a verified part into the finished object, at once."""
        part = self.part(item)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o400)  # snapshots share its bytes, so nobody may edit them
        part.replace(self.whole(item))

    def publish(self, asked: object, placed: Mapping[PurePosixPath, Item]) -> Path:
        """Return the folder that holds exactly the files given, each at its path.

        What was asked and what was found name the folder, so it never changes once it is there,
        whatever is fetched later while somebody reads it.
        """
        objects = {str(path): self.whole(item).name for path, item in placed.items()}
        asked_name = _digest(asked)[:12]
        home = self._snapshots / f"{asked_name}-{_digest(sorted(objects.items()))[:12]}"
        if all(size_of(home / path) == item.size for path, item in placed.items()):
            os.utime(home)
        else:
            self._build(home, objects)
        self._sweep(asked_name, home)
        return home

    def _build(self, home: Path, objects: Mapping[str, str]) -> None:
        new = home.with_suffix(".new")
        for stale in (new, home):
            if stale.exists():
                shutil.rmtree(stale)
        new.mkdir(mode=0o700)
        (new / _INDEX).write_text(json.dumps(sorted(objects.values())))
        for path, name in objects.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(self._objects / name)
            except OSError:  # some file systems have no hard links
                shutil.copyfile(self._objects / name, target)
        new.replace(home)

    def _sweep(self, asked_name: str, home: Path) -> None:
        """Remove what later deliveries have replaced, once nobody can be reading it."""
        for other in self._snapshots.iterdir():
            superseded = other.name.startswith(asked_name) and other != home and _old(other)
            if superseded or other.suffix == ".new":
                shutil.rmtree(other)
        used = {name for index in self._snapshots.glob(f"*/{_INDEX}") for name in _names(index)}
        for file in self._objects.iterdir():
            if file.name not in used and _old(file):
                file.unlink()


def _names(index: Path) -> Iterable[str]:
    try:
        return [str(name) for name in json.loads(index.read_text())]
    except ValueError:  # a damaged index only means that its objects are fetched anew some day
        return []


def _old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _KEEP_SECONDS


def size_of(path: Path) -> int | None:
    """Return the size of a file, None when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
