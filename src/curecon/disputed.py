"""`curecon findings dispute`: writes what a person sends to AWS, and marks what it is about."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from curecon import claim, ledger, life
from curecon.claim import Package
from curecon.errors import OptionInvalid
from curecon.report import files, letter


def dispute(
    finding_ids: Sequence[str],
    out: Path,
    *,
    owner: str,
    reason: str = "A dispute was written.",
    redact: bool = False,
    ledger_path: Path = Path("curecon.duckdb"),
    as_of: date | None = None,
) -> Package:
    """Write the dispute package of findings into a folder and mark them as disputed.

    Args:
        finding_ids: the ids of findings, or their beginnings.
        out: the folder for letter.html, letter.md, lines.csv and inputs.csv.
        owner: who disputes it; the letter is signed so.
        reason: what the history says of it.
        redact: replace account numbers and ARNs.
        ledger_path: the ledger that an audit wrote.
        as_of: the date of the letter; today, UTC, without it.

    Raises:
        OptionInvalid: a finding is not known or claims nothing, or the folder cannot be written.
        LedgerLocked, LedgerUnreadable: the ledger cannot be written; nothing is changed.
    """
    if not owner.strip():
        raise OptionInvalid("--owner says nothing; the letter is signed by it")
    dated = as_of or life.today()
    with ledger.reading(ledger_path) as con:
        package = claim.collect(con, finding_ids, owner, dated)
    shown = claim.redact(package) if redact else package
    with ledger.staged(ledger_path) as stage:
        marked = {one.id: one for one in life.known(stage.con)}
        for one in package.claims:
            finding = marked[one.finding.id]
            life.append(stage.con, "disputed", finding.series_id, owner, reason, finding=finding)
        with files.staged_texts(letter.render(shown), out) as publish:
            stage.publish(publish)
    return shown
