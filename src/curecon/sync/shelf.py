"""The folder of all days: what lies in it, under which name, and the index that says since when."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from curecon.errors import RatesInvalid
from curecon.sync.model import Edition, Facts, Stored

PARTIAL = ".partial"
_INDEX = "snapshots.json"
_INDEX_FORMAT = "curecon price-list snapshots 1"
_VERSION = re.compile(r"[A-Za-z0-9]{8,64}")  # longer than a currency, so names stay apart


class Shelf:
    """The folder of all days, with its index; used with the lock held."""

    def __init__(self, folder: Path, day: date, currency: str) -> None:
        """Read the index.

        Raises:
            RatesInvalid: another file has its name.
        """
        self._folder = folder
        self._day = day
        self._currency = currency
        self._index = _read_index(folder / _INDEX)

    def known(self, edition: Edition) -> Stored | None:
        """Put an edition into the day's folder without fetching it, where another day has it."""
        for entry in self._entries(edition):
            if entry.get("arn") != edition.arn:
                continue
            for path in map(str, entry.get("seen", {}).values()):
                if digest(self._folder / path) == entry.get("sha256"):
                    said = map(entry.get, ("version", "published"))
                    facts = Facts(int(entry.get("prices", 0)), *said)
                    return self._place(self._folder / path, edition, ".json", facts)
        return None

    def keep(self, content: Path, edition: Edition, suffix: str, facts: Facts) -> Stored:
        """Give a price list its name, or link the equal one that another day has."""
        content.chmod(0o444)  # days share its bytes, so nobody may edit them
        with content.open("rb") as file:
            os.fsync(file.fileno())
        return self._place(self._equal(content, edition, suffix) or content, edition, suffix, facts)

    def unchanged_since(self, edition: Edition, offer: Mapping[str, Any]) -> str:
        """Return the date of the newest stored offer if it says the same, else the day's own.

        Rates that the API tells bear no date. They get that of the day on which they were first
        seen like this, so that asking again makes no new file.
        """
        for path in sorted(self._siblings(edition, ".offering-rates.json"), reverse=True):
            try:
                other = json.loads(path.read_bytes())
                published = str(other.pop("publicationDate"))
            except (ValueError, KeyError, AttributeError):
                continue
            if path.parts[-3] <= self._day.isoformat():
                if other == offer:
                    return published
                break
        return f"{self._day}T00:00:00Z"

    def _place(self, content: Path, edition: Edition, suffix: str, facts: Facts) -> Stored:
        sha256 = digest(content)
        assert sha256 is not None, "what is placed is there"
        target = self._target(edition, suffix, sha256, facts)
        same_as = None
        if target.exists():
            state = "here"
        elif content.is_relative_to(self._folder / PARTIAL):
            target.parent.mkdir(parents=True, exist_ok=True)
            content.replace(target)
            state = "new"
        else:
            _link(content, target)
            state, same_as = "same", content.relative_to(self._folder).as_posix()
        path = target.relative_to(self._folder).as_posix()
        self._note(edition, facts, sha256, path)
        return Stored(edition.service, edition.region, path, state, facts.prices, same_as)

    def _target(self, edition: Edition, suffix: str, sha256: str, facts: Facts) -> Path:
        """Return the name in the day's folder; a second edition of one day has its version, too."""
        region = self._stem(edition)
        folder = self._folder / self._day.isoformat() / edition.service
        version = facts.version or ""
        if not _VERSION.fullmatch(version):
            version = sha256[:32]
        for name in (f"{region}{suffix}", f"{region}.{version}{suffix}"):
            if digest(folder / name) in {None, sha256}:
                return folder / name
        return folder / f"{region}.{sha256}{suffix}"

    def _equal(self, content: Path, edition: Edition, suffix: str) -> Path | None:
        """Find a stored file with the same bytes."""
        size, sha256 = content.stat().st_size, digest(content)
        for path in sorted(self._siblings(edition, suffix)):
            if path.stat().st_size == size and digest(path) == sha256:
                return path
        return None

    def _siblings(self, edition: Edition, suffix: str) -> list[Path]:
        """List the files of all days of the same offer, region and currency."""
        stem = self._stem(edition)
        name = re.compile(rf"{re.escape(stem)}(\.{_VERSION.pattern})?{re.escape(suffix)}")
        files = self._folder.glob(f"[0-9]*/{edition.service}/{stem}.*")
        return [path for path in files if name.fullmatch(path.name)]

    def _stem(self, edition: Edition) -> str:
        return edition.region + ("" if self._currency == "USD" else f".{self._currency}")

    def _entries(self, edition: Edition) -> list[dict[str, Any]]:
        services = self._index["offers"]
        entries: list[dict[str, Any]] = services.setdefault(edition.service, {}).setdefault(
            edition.region, []
        )
        return entries

    def _note(self, edition: Edition, facts: Facts, sha256: str, path: str) -> None:
        """Write down that this content was in force on this day."""
        entries = self._entries(edition)
        entry = next((each for each in entries if each.get("sha256") == sha256), None)
        if entry is None:
            entry = {"sha256": sha256, "arn": None, "currency": self._currency, "seen": {}}
            entries.append(entry)
        entry.update(version=facts.version, published=facts.published, prices=facts.prices)
        entry["arn"] = edition.arn or entry["arn"]
        entry["seen"][self._day.isoformat()] = path
        replace(
            self._folder / _INDEX,
            json.dumps(self._index, indent=1, sort_keys=True, default=str) + "\n",
        )


def _read_index(path: Path) -> dict[str, Any]:
    """Read what former runs wrote down.

    The key `offers` is one by which `price_list` tells an index and passes it over.
    """
    if not path.exists():
        return {"format": _INDEX_FORMAT, "offers": {}}
    try:
        index = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        index = None
    if isinstance(index, dict) and index.get("format") == _INDEX_FORMAT:
        offers = index.get("offers")
        if isinstance(offers, dict):
            return index
    raise RatesInvalid(f"{path} is not what `curecon rates sync` wrote; move it elsewhere")


def replace(path: Path, text: str) -> None:
    """Write a small file at once, so that no half of it is ever seen."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _link(content: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(content)
    except OSError:  # some file systems have no hard links
        copy = target.with_name(f".{target.name}.new")
        shutil.copyfile(content, copy)
        copy.replace(target)


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, None when there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
