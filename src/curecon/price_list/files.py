"""The files of price lists: which there are, and the text of each."""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from curecon.errors import RatesInvalid
from curecon.price_list.model import plain, shown

# A file is parsed in memory; the largest of Bedrock and SageMaker is a tenth of this.
PRICE_LIST_BYTES_MAX = 1024**3
_SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")


def files_of(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """List each file once, with the name it has below the folder that was given."""
    seen = set()
    for path in paths:
        if not os.path.lexists(path):
            raise RatesInvalid(f"{shown(path)} does not exist; name a file or a folder")
        is_folder = path.is_dir()
        files = _below(path) if is_folder else [path]
        if not files:
            raise RatesInvalid(
                f"{shown(path)} holds no price list; price lists are *.json, *.jsonl or *.json.gz"
            )
        for file in files:
            same = _identity(file)
            if same not in seen:
                seen.add(same)
                yield file, plain(file.relative_to(path).as_posix() if is_folder else file.name)


def _identity(file: Path) -> tuple[int, int] | str:
    """Tell a file by what it is, not by the way to it: links of either kind lead to one file.

    `rates sync` makes a hard link of what another day has as well, and it is read once. Some file
    systems number no files; there the resolved name has to do.
    """
    try:
        status = file.stat()
    except OSError:
        return os.path.realpath(file)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(file)


def _below(folder: Path) -> list[Path]:
    """List the price lists below a folder; hidden files are those of a desktop or an editor."""

    def refuse(error: OSError) -> None:
        raise RatesInvalid(f"{plain(str(error.filename))} cannot be read: {error.strerror}")

    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if name.endswith(_SUFFIXES) and not name.startswith(".")
    )


def content_of(path: Path) -> tuple[str, str]:
    """Return the text of a file, plain or gzip, and the digest of the file as it lies there."""
    place = shown(path)
    try:
        content = _limited(path)
        sha256 = hashlib.sha256(content).hexdigest()
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(PRICE_LIST_BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RatesInvalid(f"{place} is a damaged gzip file ({error}); download it anew") from error
    except OSError as error:
        raise RatesInvalid(f"{place} cannot be read: {error.strerror}") from error
    if len(content) > PRICE_LIST_BYTES_MAX:
        raise RatesInvalid(
            f"{place} is larger than {PRICE_LIST_BYTES_MAX} bytes; give files of single regions"
        )
    try:
        return content.decode("utf-8-sig"), sha256
    except UnicodeDecodeError as error:
        raise RatesInvalid(
            f"{place} is not UTF-8 text (byte {error.start}); download it anew"
        ) from error


def _limited(path: Path) -> bytes:
    """Read a file, but no more of it than shows that it is too large."""
    if not path.is_file():
        raise RatesInvalid(f"{shown(path)} is no file that can be read; move it elsewhere")
    with path.open("rb") as stream:
        return stream.read(PRICE_LIST_BYTES_MAX + 1)
