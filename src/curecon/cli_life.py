"""The commands about findings and deliveries over time: `diff` and `findings`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App

from curecon.cli_options import FINE, AsOf, Dollars, LedgerFile, Many, day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curecon.models import FindingState

State = Literal["new", "open", "acknowledged", "disputed", "resolved", "reopened"]

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

    A and B are deliveries: their number in the order of reading (1 is the oldest),
    their id or the beginning of it. Without them, the last two are compared.

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
    state: Annotated[list[State], Many] = [],  # noqa: B006
    as_of: AsOf = None,
    recovered: bool = False,
    format: Literal["table", "csv", "json", "markdown"] = "table",  # noqa: A002
) -> int:
    """List the findings of the ledger, the gravest and dearest first.

    Args:
        period: only those of this billing period, e.g. 2026-10.
        severity: only those of this severity.
        check: only those of this check, as `curecon checks list` names it.
        state: only those in this state of their lives; may be given several times. "resolved" also
            lists what was found once and is gone.
        recovered: list the dollars won back instead, and their total.
        format: how to print them; csv and json have every field.
    """
    if recovered:
        _show_recovered(ledger, as_of, format)
        return FINE
    from curecon import explanation

    found = explanation.listed(ledger, period, severity, check, states=state, as_of=day(as_of))
    if format == "table":
        from rich.console import Console

        from curecon.report.chain import show_findings

        show_findings(found.findings, Console(), found.states)
    elif format == "csv":
        from curecon.report.files import findings_csv

        sys.stdout.write(findings_csv(found.findings))
    elif format == "json":
        sys.stdout.write(explanation.to_json(found))
    else:
        from curecon import queries

        sys.stdout.write(str(queries.render(explanation.overview(found.findings), format)))
    return FINE


@findings_app.command(name="show")
def findings_show(
    finding_id: str,
    *,
    ledger: LedgerFile = Path("curecon.duckdb"),
    as_of: AsOf = None,
    json: bool = False,
) -> int:
    """Explain a finding: its fields, its life, its rate, its dearest lines, and all its lines.

    Args:
        finding_id: the id, or the beginning of it; of a series, the latest period is shown.
        json: print it as JSON.
    """
    from curecon import explanation

    found = explanation.explain_finding(finding_id, ledger, day(as_of))
    if json:
        sys.stdout.write(explanation.to_json(found))
        return FINE
    from rich.console import Console

    from curecon.report.chain import show_finding

    show_finding(found, Console())
    return FINE


@findings_app.command(name="ack")
def findings_ack(
    finding_id: str,
    *,
    reason: str,
    owner: str,
    until: str | None = None,
    max_amount: Dollars | None = None,
    ledger: LedgerFile = Path("curecon.duckdb"),
    as_of: AsOf = None,
) -> int:
    """Acknowledge a finding: in this and every other period it no longer fails an audit.

    It is reopened on the day after --until, and when its dollars outgrow --max-amount.

    Args:
        finding_id: the id of the finding or of its series, or the beginning of one.
        reason: why it is accepted.
        owner: who answers for that.
        until: the last day on which it holds, e.g. 2026-12-31; without it, it has no end.
        max_amount: dollars up to which it holds; without it, those of the finding today.
    """
    from curecon import life

    last = day(until, "--until")
    _say_states(
        life.acknowledge(
            finding_id, reason=reason, owner=owner, until=last, max_amount=max_amount,
            ledger_path=ledger, as_of=day(as_of),
        )
    )  # fmt: skip
    return FINE


@findings_app.command(name="reopen")
def findings_reopen(
    finding_id: str,
    *,
    reason: str,
    owner: str,
    ledger: LedgerFile = Path("curecon.duckdb"),
    as_of: AsOf = None,
) -> int:
    """Take back an acknowledgement or a dispute.

    Args:
        finding_id: the id of the finding or of its series, or the beginning of one.
        reason: why.
        owner: who decides that.
    """
    from curecon import life

    _say_states(
        life.reopen(finding_id, reason=reason, owner=owner, ledger_path=ledger, as_of=day(as_of))
    )
    return FINE


@findings_app.command(name="settle")
def findings_settle(
    finding_id: str,
    *,
    credit: str,
    owner: str,
    amount: Dollars | None = None,
    ledger: LedgerFile = Path("curecon.duckdb"),
    as_of: AsOf = None,
) -> int:
    """Confirm that a credit or refund settles a finding, in whole or in part.

    `curecon findings show ID` proposes credits that may.

    Args:
        finding_id: the id of the finding, or the beginning of it.
        credit: the number of the credit line, as `findings show` prints it; its id or the
            beginning of that will do where no other credit has it.
        owner: who confirms it.
        amount: how much of the credit is meant; without it, as much as both have left.
    """
    from curecon import settlement

    _say_states(
        [
            settlement.settle(
                finding_id, credit, owner=owner, amount=amount, ledger_path=ledger,
                as_of=day(as_of),
            )
        ]
    )  # fmt: skip
    return FINE


@findings_app.command(name="dispute")
def findings_dispute(
    *finding_ids: str,
    out: Path,
    owner: str,
    redact: bool = False,
    ledger: LedgerFile = Path("curecon.duckdb"),
    as_of: AsOf = None,
) -> int:
    """Write what a person sends to AWS Support, and mark the findings as disputed.

    Args:
        finding_ids: the ids of findings of one payer, or the beginnings of them.
        out: the folder for letter.html, letter.md, lines.csv and inputs.csv.
        owner: who disputes it; the letter is signed so.
        redact: replace account numbers and ARNs.
    """
    from curecon.disputed import dispute

    dispute(finding_ids, out, owner=owner, redact=redact, ledger_path=ledger, as_of=day(as_of))
    sys.stderr.write(f"letter: {out / 'letter.html'}\n")
    return FINE


def _show_recovered(ledger: Path, as_of: str | None, format: str) -> None:  # noqa: A002
    """List what was won back."""
    from curecon import settlement

    found = settlement.recovered(ledger, day(as_of))
    if format == "json":
        from curecon.explanation import to_json

        sys.stdout.write(to_json(found))
    elif format == "table":
        from rich.console import Console

        from curecon.report.chain import show_recovered

        show_recovered(found, Console())
    else:
        from curecon import queries

        sys.stdout.write(str(queries.render(settlement.overview(found), format)))


def _say_states(states: "Sequence[FindingState]") -> None:
    """Say where findings stand now, one a line."""
    from curecon.report.chain import state_of
    from curecon.report.text import SENTENCE, visible

    for one in states:
        sys.stdout.write(f"{one.finding_id}  {visible(state_of(one), SENTENCE)}\n")
