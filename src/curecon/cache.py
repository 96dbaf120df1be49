"""The user's cache: what was fetched or made once and can be had again."""

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


def folder() -> Path:
    """Return the folder that is curecon's in the user's cache; it may not exist.

    Raises:
        RuntimeError: the user has no home.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "curecon"


def once(name: str, inputs: Iterable[str], make: Callable[[], bytes]) -> bytes:
    """Return what `make` returned for the same inputs before, or else make it, and keep it.

    Where nothing can be read or kept, it is made each time.

    Args:
        name: what it is; of each name the last one made is kept.
        inputs: all that decides what `make` returns.
        make: makes it.
    """
    told = "".join(f"{len(one)}:{one}" for one in inputs)
    key = hashlib.sha256(told.encode()).hexdigest()[:32]
    with suppress(OSError, RuntimeError):
        if known := _read(folder() / f"{name}-{key}"):
            return known
    made = make()
    with suppress(OSError, RuntimeError):
        _keep(folder(), name, key, made)
    return made


def _read(path: Path) -> bytes | None:
    """Read what was kept; None where it is not whole, or where somebody else has put it there."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            return None
        digest, content = file.read(_DIGEST), file.read()
    return content if hashlib.sha256(content).digest() == digest else None


def _keep(place: Path, name: str, key: str, content: bytes) -> None:
    place.mkdir(parents=True, exist_ok=True)
    part = place / f".{name}.{os.getpid()}"
    try:
        part.write_bytes(hashlib.sha256(content).digest() + content)
        part.replace(place / f"{name}-{key}")
    finally:
        part.unlink(missing_ok=True)
    for other in place.glob(f"{name}-*"):
        if other.name != f"{name}-{key}":
            other.unlink()
