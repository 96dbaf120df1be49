"""What several commands of the command line share: exit statuses and options."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

FINE, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130

LedgerFile = Annotated[
    Path, Parameter(name="--ledger", help="The DuckDB file that keeps bills and findings.")
]
Many = Parameter(negative=(), consume_multiple=False)


def dollars(_: Any, tokens: Sequence[cyclopts.Token]) -> Decimal:  # noqa: ANN401
    """Read an option that is an amount of dollars."""
    try:
        amount = Decimal(tokens[0].value)
    except InvalidOperation as error:
        raise ValueError("write dollars as digits, e.g. 10.50") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError("write dollars as digits, e.g. 10.50")
    return amount


Dollars = Annotated[Decimal, Parameter(converter=dollars)]
