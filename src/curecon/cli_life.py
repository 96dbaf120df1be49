"""The commands about findings and deliveries over time: `diff` and `findings`."""

import sys
from pathlib import Path
from typing import Literal

from cyclopts import App

from curecon.cli_options import FINE, LedgerFile

findings_app = App(name="findings", help="The life of a finding.")


def diff(
    period: str,
    a: str | None = None,
    b: str | None = None,
    *,
    ledger: LedgerFile = Path("curecon.duckdb"),
    payer: str | None = None,
    json: bool = False,
) -> int:
    """Show what changed between two deliveries of a period: lines, dollars, charges, findings.

    A and B are deliveries: their number in the order of reading (1 is the oldest), their id or the
    beginning of it. Without them, the last two are compared.

    Args:
        period: the billing period, e.g. 2026-10.
        a: the older delivery.
        b: the newer delivery.
        payer: the payer, where the ledger has the period of several.
        json: print everything as JSON.
    """
    from curecon import versions

    found = versions.diff(period, a, b, ledger, payer)
    if json:
        from curecon.explanation import to_json

        sys.stdout.write(to_json(found))
        return FINE
    from rich.console import Console

    from curecon.report.changes import show_diff

    show_diff(found, Console())
    return FINE


@findings_app.command(name="list")
def findings_list(
    *,
    ledger: LedgerFile = Path("curecon.duckdb"),
    period: str | None = None,
    severity: Literal["error", "warning", "info"] | None = None,
    check: str | None = None,
    format: Literal["table", "csv", "json", "markdown"] = "table",  # noqa: A002
) -> int:
    """List the findings of the ledger, the gravest and dearest first.

    Args:
        period: only those of this billing period, e.g. 2026-10.
        severity: only those of this severity.
        check: only those of this check, as `curecon checks list` names it.
        format: how to print them; csv and json have every field.
    """
    from curecon import explanation

    found = explanation.findings(ledger, period, severity, check)
    if format == "table":
        from rich.console import Console

        from curecon.report.chain import show_findings

        show_findings(found, Console())
    elif format == "csv":
        from curecon.report.files import findings_csv

        sys.stdout.write(findings_csv(found))
    elif format == "json":
        sys.stdout.write(explanation.to_json(explanation.Findings(findings=found)))
    else:
        from curecon import queries

        sys.stdout.write(str(queries.render(explanation.overview(found), format)))
    return FINE


@findings_app.command(name="show")
def findings_show(
    finding_id: str, *, ledger: LedgerFile = Path("curecon.duckdb"), json: bool = False
) -> int:
    """Explain a finding: its fields, its rate, its dearest lines, and which lines it is about.

    Args:
        finding_id: the id, or the beginning of it.
        json: print it as JSON.
    """
    from curecon import explanation

    found = explanation.explain_finding(finding_id, ledger)
    if json:
        sys.stdout.write(explanation.to_json(found))
        return FINE
    from rich.console import Console

    from curecon.report.chain import show_finding

    show_finding(found, Console())
    return FINE
