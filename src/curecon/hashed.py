"""The hashes of a bill's files, by which deliveries are told apart: computed while others work."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from curecon.source import BillFile


class Hashes:
    """SHA-256 of files, begun at once; hashing a bill takes a tenth as long as auditing it."""

    def __init__(self, files: Sequence[BillFile]) -> None:
        """Begin to hash the files; one that cannot be read fails when its hash is asked for."""
        self._hashing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="hash")
        self._begun = {file.path: self._hashing.submit(_sha256, file.path) for file in files}

    def __enter__(self) -> Self:
        """Hash on until the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what is not hashed yet; a run that failed does not wait for it."""
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def of(self, file: BillFile) -> Future[str]:
        """Return the hash of one of the files, in hexadecimal, as it will be."""
        return self._begun[file.path]


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
