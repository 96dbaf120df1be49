"""What is true of a simulated bill: every error planted in it, with its lines and its dollars."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from curecon.simulate.delivery import Written


@dataclass(frozen=True)
class Planted:
    """One planted error, and what an audit should say of it.

    `dollars` is what AWS billed too much by it, in the column that its check judges; negative where
    it billed too little. `also` names checks that may rightly speak of the same lines.
    """

    name: str
    check: str
    category: str
    severity: str
    cause: str
    period: str
    usage_account: str
    region: str
    usage_type: str
    operation: str
    resource: str
    dollars: Decimal
    also: tuple[str, ...] = ()
    lines: list[tuple[str, str]] = field(default_factory=list)


def write(
    folder: Path, written: Sequence[Written], planted: Sequence[Planted], invoices: dict[str, str]
) -> None:
    """Write ground_truth.json: deliveries, invoices as AWS would send them, and errors."""
    truth = {
        "deliveries": [
            {
                "manifest": one.manifest,
                "period": f"{one.period:%Y-%m}",
                "final": one.final,
                "lines": one.lines,
                "format": one.format,
            }
            for one in written
        ],
        "invoices": invoices,
        "errors": [
            {
                "error": one.name,
                "check": one.check,
                "also": list(one.also),
                "category": one.category,
                "severity": one.severity,
                "cause": one.cause,
                "period": one.period,
                "usage_account": one.usage_account,
                "region": one.region,
                "usage_type": one.usage_type,
                "operation": one.operation,
                "resource": one.resource,
                "dollars": f"{one.dollars:f}",
                "lines": [
                    {"line_item_id": identity, "time_interval": interval}
                    for identity, interval in one.lines
                ],
            }
            for one in planted
        ],
        "dollars": f"{sum((one.dollars for one in planted), Decimal(0)):f}",
    }
    (folder / "ground_truth.json").write_text(json.dumps(truth, indent=2) + "\n", "utf-8")
