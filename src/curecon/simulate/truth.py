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
    it billed too little. `also` names checks that may rightly speak of the same lines, `focus` the
    check that finds it in FOCUS: None where it is the same one, empty where there is none.
    `discounted` says that a discount is granted on the line; an empty account or usage type, that
    an audit may show the error anywhere in the month.
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
    focus: str | None = None
    discounted: bool = False
    lines: list[tuple[str, str]] = field(default_factory=list)


def write(
    folder: Path,
    written: Sequence[Written],
    planted: Sequence[Planted],
    invoices: dict[str, str],
    percent: Decimal,
) -> None:
    """Write ground_truth.json: deliveries, invoices as AWS would send them, and errors.

    `net_dollars` are the dollars after the discount of so many percent, which FOCUS bills.
    """
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
                "focus_check": one.check if one.focus is None else one.focus,
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
                "net_dollars": f"{_net(one, percent):f}",
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


def _net(one: Planted, percent: Decimal) -> Decimal:
    share = percent if one.discounted else Decimal(0)
    return (one.dollars * (100 - share) / 100).quantize(Decimal("1e-10"))
