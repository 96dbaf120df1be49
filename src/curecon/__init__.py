"""curecon proves an AWS AI bill right or wrong.

    import curecon
    from pathlib import Path
    outcome = curecon.audit([Path("exports/bedrock")], curecon.Options(ledger=Path("audit.duckdb")))

    curecon.rates_sync(Path("price-lists"), curecon.Asked(services=["AmazonBedrock"]))
    changes = curecon.rates_diff("price-lists/2026-09-08", "price-lists/2026-10-08")

The verbs are those of the command line; they take paths and return models or frames.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from curecon.alerts import Alert, alert
    from curecon.disputed import dispute
    from curecon.estimate import price
    from curecon.explanation import explain, findings
    from curecon.ledger_s3 import pull as ledger_pull
    from curecon.ledger_s3 import push as ledger_push
    from curecon.life import acknowledge, reopen
    from curecon.queries import sql
    from curecon.rate_diff import diff as rates_diff
    from curecon.reconcile import Options, audit
    from curecon.settlement import recovered, settle
    from curecon.sync import Asked
    from curecon.sync import sync as rates_sync
    from curecon.versions import diff

__all__ = [
    "Alert", "Asked", "Options", "__version__", "acknowledge", "alert", "audit", "diff",
    "dispute", "explain", "findings", "ledger_pull", "ledger_push", "price", "rates_diff",
    "rates_sync", "recovered", "reopen", "settle", "sql",
]  # fmt: skip

# Where each name is defined, and by what name there.
_HOME = {
    "Alert": ("curecon.alerts", "Alert"),
    "Asked": ("curecon.sync", "Asked"),
    "Options": ("curecon.reconcile", "Options"),
    "acknowledge": ("curecon.life", "acknowledge"),
    "alert": ("curecon.alerts", "alert"),
    "audit": ("curecon.reconcile", "audit"),
    "diff": ("curecon.versions", "diff"),
    "dispute": ("curecon.disputed", "dispute"),
    "explain": ("curecon.explanation", "explain"),
    "findings": ("curecon.explanation", "findings"),
    "ledger_pull": ("curecon.ledger_s3", "pull"),
    "ledger_push": ("curecon.ledger_s3", "push"),
    "price": ("curecon.estimate", "price"),
    "rates_diff": ("curecon.rate_diff", "diff"),
    "rates_sync": ("curecon.sync", "sync"),
    "recovered": ("curecon.settlement", "recovered"),
    "reopen": ("curecon.life", "reopen"),
    "settle": ("curecon.settlement", "settle"),
    "sql": ("curecon.queries", "sql"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a verb when it is first used, so that `curecon --help` stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'curecon' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module, defined = _HOME[name]
    return getattr(import_module(module), defined)
