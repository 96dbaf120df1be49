"""Which objects make up the bill: what the current manifests list, or else all data files."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from curecon.errors import BillNotFound, BillUnreadable, OptionInvalid
from curecon.store.address import (
    DATA_SUFFIXES,
    Address,
    is_data,
    is_manifest,
    names_period,
    parse,
    period_of,
    period_position,
    shown,
)
from curecon.store.bucket import Bucket, Item
from curecon.store.cache import Cache
from curecon.store.failures import Changed
from curecon.store.transfer import PARALLEL, download

_log = logging.getLogger(__name__)

# AWS names every column in a manifest; real ones have some hundred kilobytes.
_LARGEST_MANIFEST = 64 * 1024 * 1024
_UNDER_WAY = timedelta(hours=1)
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest with the objects that it lists."""

    item: Item
    files: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """What to bring: `root` is the key, or folder ending in `/` or empty, that was meant.

    Two are equal when they hold the same versions of the same objects.
    """

    root: str
    manifests: tuple[Manifest, ...]
    loose: tuple[Item, ...]

    def data(self) -> tuple[Item, ...]:
        """Return the files that hold lines, each once."""
        listed = [item for manifest in self.manifests for item in manifest.files]
        return tuple({item.key: item for item in [*listed, *self.loose]}.values())

    def items(self) -> tuple[Item, ...]:
        """Return every object, the manifests last, as AWS delivers them."""
        return (*self.data(), *(manifest.item for manifest in self.manifests))


@dataclass(frozen=True, slots=True)
class _View:
    """A bucket, and what of it was listed. `prefix` is None when nothing was."""

    bucket: Bucket
    prefix: str | None
    listing: Mapping[str, Item]

    def get(self, key: str) -> Item | None:
        """Return an object that was listed, or that lies where nothing was listed."""
        if self.prefix is not None and key.startswith(self.prefix):
            return self.listing.get(key)
        return self.listing.get(key) or self.bucket.find(key)


def find_bill(bucket: Bucket, address: Address, periods: frozenset[str], cache: Cache) -> Bill:
    """Look up what the address stands for. Manifests are brought into the cache and read.

    `periods` leaves out what lies in other billing periods, where the path tells. An object that
    the address names itself is always taken.

    Raises:
        BillNotFound: there is nothing, or something that a manifest lists is missing.
        BillUnreadable: a manifest is damaged.
        Changed: a manifest was replaced meanwhile.
        CureconError: S3 failed.
    """
    one = _one_object(bucket, address)
    if one is not None and is_manifest(one.key):
        view = _View(bucket, None, {})
        return Bill(one.key, _manifests(view, [one], frozenset(), cache), ())
    if one is not None:
        return Bill(one.key, (), (one,))
    root, view = _folder(bucket, address)
    current = _current(bucket, filter(is_manifest, view.listing))
    data = [item for key, item in view.listing.items() if is_data(key)]
    if not current and not data:
        raise BillNotFound(
            f"Under {address} lie {len(view.listing)} objects, but no manifest and no file that "
            f"ends in one of {', '.join(DATA_SUFFIXES)}."
        )
    found = [view.listing[key] for key in current] or data
    chosen = _of_periods(found, periods)
    manifests = _manifests(view, chosen, periods, cache) if current else ()
    if not manifests and (current or not chosen):
        there = sorted({period_of(item.key) or "others" for item in found})
        raise BillNotFound(
            f"No delivery of {', '.join(sorted(periods))} lies under {address}. "
            f"There are: {', '.join(there)}."
        )
    return Bill(root, manifests, () if current else chosen)


def _one_object(bucket: Bucket, address: Address) -> Item | None:
    """Return the object that the address names; None when it names a folder."""
    key = address.key
    if is_manifest(key) or key.lower().endswith(DATA_SUFFIXES):
        return bucket.find(key)
    return None


def _folder(bucket: Bucket, address: Address) -> tuple[str, _View]:
    """List the folder that the address names, in full or by the beginning of its name."""
    root = address.key if address.key.endswith("/") or not address.key else address.key + "/"
    listing = bucket.under(root)
    if not listing and root != address.key:
        begun = bucket.folders(address.key)
        if len(begun) > 1:
            names = ", ".join(shown(bucket.name, name) for name in begun[:_NAMED_AT_MOST])
            raise BillNotFound(f"{address} is no folder. Name one of: {names}.")
        if begun:
            root = begun[0]
            listing = bucket.under(root)
    if not listing:
        raise BillNotFound(f"Nothing lies under {address}. Check the spelling and the case.")
    return root, _View(bucket, root, listing)


def _current(bucket: Bucket, manifests: Iterable[str]) -> list[str]:
    """Return the manifests that say what holds now.

    When every delivery is kept, its manifest lies with it and once more in the folder of the
    period, where the next delivery overwrites it (user guides, "delivery" pages of both kinds).
    """
    keys = set(manifests)
    current: list[str] = []
    of_period: dict[str, list[str]] = defaultdict(list)
    for key in sorted(keys):
        *folders, name = key.split("/")
        if not folders or names_period(folders[-1]):
            current.append(key)
        elif len(folders) > 1 and names_period(folders[-2]):
            of_period["/".join([*folders[:-1], name])].append(key)
        else:
            current.append(key)
    for above, kept in of_period.items():
        if above in keys:
            continue
        if len(kept) > 1:
            names = ", ".join(shown(bucket.name, key) for key in kept[:_NAMED_AT_MOST])
            raise BillNotFound(
                f"{shown(bucket.name, above)} is missing, so it is open which delivery holds. "
                f"Name one of: {names}."
            )
        current += kept
    return current


def _of_periods(items: Sequence[Item], periods: frozenset[str]) -> tuple[Item, ...]:
    """Return the objects whose path tells none but the periods asked for."""
    if not periods:
        return tuple(items)
    return tuple(item for item in items if period_of(item.key) in periods | {None})


def _manifests(
    view: _View, chosen: Sequence[Item], periods: frozenset[str], cache: Cache
) -> tuple[Manifest, ...]:
    """Read manifests and look up what they list; leave out those of other periods.

    Raises:
        BillNotFound: they list nothing, or something that is missing.
        BillUnreadable: one is damaged.
    """
    bucket = view.bucket
    for item in chosen:
        if item.size > _LARGEST_MANIFEST:
            raise BillUnreadable(f"{shown(bucket.name, item.key)} is too large for a manifest.")
    download(bucket, cache, chosen)
    manifests: list[Manifest] = []
    for item in chosen:
        listed = _parse(bucket.name, item.key, cache.whole(item).read_bytes())
        # Where the manifest's own path tells no period, those of its files may.
        told = {period_of(key) for key in (item.key, *(file.key for file in listed))} - {None}
        if not periods or not told or told & periods:
            files = _resolve(view, item, listed) if listed else ()
            manifests.append(Manifest(item, files))
    if manifests and not any(manifest.files for manifest in manifests):
        place = shown(bucket.name, manifests[0].item.key)
        raise BillNotFound(f"{place} lists no data files: there is no bill yet.")
    return tuple(manifests)


def _parse(bucket: str, key: str, text: bytes) -> list[Address]:
    """Return what a manifest lists, each once.

    Legacy manifests have `reportKeys` relative to the bucket, those of Data Exports `dataFiles`
    as whole addresses (CUR user guide, Data Exports user guide).

    Raises:
        BillUnreadable: it has neither shape.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BillUnreadable(f"{shown(bucket, key)} is damaged: it is no JSON.") from error
    try:
        if "dataFiles" in content:
            listed = [parse(uri) for uri in content["dataFiles"]]
        else:
            home = str(content.get("bucket") or bucket)
            listed = [Address(home, name.strip()) for name in content["reportKeys"]]
    except (AttributeError, KeyError, TypeError, OptionInvalid) as error:
        raise BillUnreadable(
            f"{shown(bucket, key)} is no manifest that AWS writes: it has no usable list of files "
            "under reportKeys or dataFiles. Name a prefix that leaves it out."
        ) from error
    return list(dict.fromkeys(listed))


def _resolve(view: _View, manifest: Item, listed: Sequence[Address]) -> tuple[Item, ...]:
    """Return the objects that a manifest lists.

    A bill may have been copied as a whole, under another prefix or into another bucket. So the
    place of the first file decides where all the others are looked for. Only the bucket that the
    user named is ever read.

    Raises:
        BillNotFound: one is missing.
        Changed: it came after the listing was made.
    """
    # Some legacy manifests begin their keys with a slash, though the objects' own have none.
    names = [file.key.lstrip("/") for file in listed]
    first = names[0]
    for prefix, dropped in _places(manifest.key, first):
        if view.get(_moved(first, prefix, dropped)):
            break
    else:
        raise _missing(view.bucket, manifest, listed[0], first)
    keys = [_moved(name, prefix, dropped) for name in names]
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = list(pool.map(view.get, keys))
    for file, key, item in zip(listed, keys, found, strict=True):
        if item is None:
            raise _missing(view.bucket, manifest, file, key)
    return tuple(item for item in found if item)


def _missing(bucket: Bucket, manifest: Item, file: Address, key: str) -> Exception:
    if bucket.find(key):
        return Changed(key)
    elsewhere = file.bucket != bucket.name
    return BillNotFound(
        f"{shown(bucket.name, manifest.key)} lists {file}, which is not there. "
        + (
            f"It names another bucket than the one given: give s3://{file.bucket}/... instead."
            if elsewhere
            else "The delivery is not complete: it may be under way, so try again in an hour."
        )
    )


def _places(manifest: str, file: str) -> Iterator[tuple[str, int]]:
    """Yield where a listed file may be: a prefix to put before it, leading segments to drop.

    Folders from that of the period on are never dropped, so that no other period's and no other
    delivery's file can be taken for the one listed. The place nearest to the manifest comes
    first, for the copy that the manifest was copied with is the one that it describes.
    """
    segments = file.split("/")
    fixed = period_position(segments) or 0
    folders = manifest.split("/")[:-1]
    home = _report(manifest)
    if _report(file)[: len(home)] == home:
        yield "", 0
        yield "/", 0
    for dropped in range(fixed + 1):
        for depth in range(len(folders), -1, -1):
            yield "/".join([*folders[:depth], ""]), dropped


def _report(key: str) -> list[str]:
    """Return the folders of the report that a manifest or file belongs to."""
    folders = key.split("/")[:-1]
    at = period_position(folders)
    above = [name for name in folders[:at] if name]
    return above[:-1] if above and above[-1] in {"data", "metadata"} and at is not None else above


def _moved(key: str, prefix: str, dropped: int) -> str:
    return prefix + key.split("/", dropped)[dropped]


def warn_of_delivery_under_way(bucket: str, bill: Bill) -> None:
    """Say so when a file is younger than its manifest, which AWS writes last.

    It is no error, for a copy of a bucket may arrive in any order.
    """
    for manifest in bill.manifests:
        newest = max((file.modified for file in manifest.files), default=manifest.item.modified)
        if newest > manifest.item.modified and datetime.now(UTC) - newest < _UNDER_WAY:
            _log.warning(
                "Files of %s were replaced within the last hour, after the manifest was written: "
                "a delivery may be under way. Run it again in an hour.",
                shown(bucket, manifest.item.key),
            )
