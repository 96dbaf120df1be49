"""Where the SQL and the rates lie: beside the code in a wheel, at the top level in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder `sql` or `rates` that belongs to this code.

    An editable install leaves stale copies elsewhere, so the checkout's own folder wins.
    """
    checkout = _PACKAGE.parents[1] / name
    if (_PACKAGE.parents[1] / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    inside = _PACKAGE / name
    assert inside.is_dir(), f"the package was built without its {name} folder"
    return inside
