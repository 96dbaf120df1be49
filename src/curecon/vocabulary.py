"""The words by which a charge is described: `rates/attributes.toml`."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from curecon.errors import RatesInvalid
from curecon.packaged import folder


@cache
def vocabulary() -> dict[str, frozenset[str] | None]:
    """Return the attributes in their order, each with its values, or None for any text."""
    return {
        name: frozenset(entry["values"]) if "values" in entry else None
        for name, entry in toml(folder("rates") / "attributes.toml").items()
    }


@cache
def priced_as() -> dict[str, dict[str, str | None]]:
    """Return, by attribute, the values that cost what another value costs; None is absent."""
    return {
        name: {value: other or None for value, other in entry["priced_as"].items()}
        for name, entry in toml(folder("rates") / "attributes.toml").items()
        if "priced_as" in entry
    }


def toml(path: Path) -> dict[str, Any]:
    """Read a data file of the package.

    Raises:
        RatesInvalid: it is missing, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RatesInvalid(f"{path.name} cannot be read: {error}") from error
