"""The commands `ledger pull` and `ledger push`."""

import sys
from pathlib import Path

from cyclopts import App

from curecon.cli_options import FINE, LedgerFile

ledger_app = App(name="ledger", help="A ledger that lies in S3 between runs.")


@ledger_app.command(name="pull")
def ledger_pull(uri: str, *, ledger: LedgerFile = Path("curecon.duckdb")) -> int:
    """Bring the ledger from S3; where there is none yet, the next run begins one.

    Args:
        uri: where it lies, e.g. s3://bucket/curecon.duckdb.
    """
    from curecon.ledger_s3 import pull

    moved = pull(uri, ledger)
    said = f"pulled to {ledger}" if moved.etag else "no ledger yet; the next run begins one"
    sys.stderr.write(f"curecon: {uri}: {said}\n")
    return FINE


@ledger_app.command(name="push")
def ledger_push(uri: str, *, ledger: LedgerFile = Path("curecon.duckdb")) -> int:
    """Put the ledger back to S3, unless another run has changed it there since it was pulled.

    Args:
        uri: where it was pulled from, e.g. s3://bucket/curecon.duckdb.
    """
    from curecon.ledger_s3 import push

    push(uri, ledger)
    sys.stderr.write(f"curecon: {ledger}: pushed to {uri}\n")
    return FINE
