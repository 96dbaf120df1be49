"""curecon proves an AWS AI bill right or wrong.

    import curecon
    from pathlib import Path
    outcome = curecon.audit([Path("exports/bedrock")], curecon.Options(ledger=Path("audit.duckdb")))

The verbs are those of the command line; they take paths and return models or frames.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from curecon.estimate import price
    from curecon.explanation import explain
    from curecon.queries import sql
    from curecon.reconcile import Options, audit
    from curecon.versions import diff

__all__ = ["Options", "__version__", "audit", "diff", "explain", "price", "sql"]

_HOME = {
    "Options": "curecon.reconcile",
    "audit": "curecon.reconcile",
    "diff": "curecon.versions",
    "explain": "curecon.explanation",
    "price": "curecon.estimate",
    "sql": "curecon.queries",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a verb when it is first used, so that `curecon --help` stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'curecon' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOME[name]), name)
