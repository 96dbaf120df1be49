"""Pages of answers, written down one by one."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curecon.store.cache import size_of
from curecon.sync.model import KEPT, Page, PricesUnreachable, Restart, Stored
from curecon.sync.shelf import replace


class Pages:
    """Pages of answers, written down one by one, so that an interrupted fetch goes on."""

    def __init__(self, path: Path) -> None:
        """Name the file of the pages, which a former run may have begun."""
        self._path = path
        self._notes_path = path.with_suffix(".notes")
        try:
            self._notes = json.loads(self._notes_path.read_bytes())
        except (FileNotFoundError, ValueError):
            self._notes = {}
        if (size_of(path) or 0) < self._notes.get("bytes", 0):
            self._notes = {}  # a crash of the machine took rows that were counted

    @property
    def outcome(self) -> list[list[Any]] | None:
        """What an interrupted run has already made of all pages."""
        outcome: list[list[Any]] | None = self._notes.get("outcome")
        return outcome

    def fetch(self, ask: Callable[[str | None], Page], tell: Callable[[int], None]) -> None:
        """Ask for pages until there is none, from where a former run stopped."""
        resumed, seen = "token" in self._notes, {self._notes.get("token")}
        while not self._notes.get("whole"):
            token = self._notes.get("token")
            try:
                rows, following = ask(token)
            except Restart:
                if not resumed:
                    raise PricesUnreachable(
                        f"AWS lost the place among its pages. Run it again. {KEPT}"
                    ) from None
                resumed, seen, self._notes = False, {None}, {}
                continue
            if following is not None and following in seen:
                raise PricesUnreachable(f"AWS answers with the same page again and again. {KEPT}")
            seen.add(following)
            self._append(rows, following)
            tell(self._notes["rows"])

    def rows(self) -> Iterator[str]:
        """Yield what was written down."""
        with self._path.open(encoding="utf-8", newline="\n") as file:
            for row in file:
                yield row.rstrip("\n")

    def discard(self) -> None:
        """Forget what has arrived."""
        self._notes = {}
        for path in (self._path, self._notes_path):
            path.unlink(missing_ok=True)

    def finish(self, stored: Sequence[Stored]) -> None:
        """Write down what was made of the pages, and drop them."""
        self._notes = {"outcome": stored}
        replace(self._notes_path, json.dumps(self._notes))
        self._path.unlink(missing_ok=True)

    def _append(self, rows: list[str], token: str | None) -> None:
        """Add a page. Only bytes that the notes count are valid: a kill may leave more."""
        self._path.touch()
        with self._path.open("r+b") as file:
            file.truncate(self._notes.get("bytes", 0))
            file.seek(0, os.SEEK_END)
            # Half a character becomes the JSON escape that it may have been.
            file.write("".join(f"{row}\n" for row in rows).encode("utf-8", "backslashreplace"))
            size = file.tell()
        self._notes = {
            "bytes": size,
            "rows": self._notes.get("rows", 0) + len(rows),
            "token": token,
            "whole": token is None,
        }
        replace(self._notes_path, json.dumps(self._notes))
