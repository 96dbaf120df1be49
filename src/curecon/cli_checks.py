"""The commands `checks`: what a bill is checked for."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App

from curecon.cli_options import FINE, Many
from curecon.errors import OptionInvalid

checks_app = App(name="checks", help="What a bill is checked for.")


@checks_app.command(name="list")
def checks_list(*, checks: Annotated[list[Path], Many] = []) -> int:  # noqa: B006
    """List the checks: name, severity, category and the question each answers.

    Args:
        checks: a folder of your own checks besides the packaged ones.
    """
    from curecon.checks import load

    found = load(checks)
    width = max(len(check.name) for check in found)
    for check in found:
        sys.stdout.write(
            f"{check.name:<{width}}  {check.severity:<7}  {check.category:<11}  {check.question}\n"
        )
    return FINE


@checks_app.command(name="show")
def checks_show(name: str, *, checks: Annotated[list[Path], Many] = []) -> int:  # noqa: B006
    """Print a check's SQL.

    Args:
        name: the check, as `curecon checks list` names it.
        checks: a folder of your own checks besides the packaged ones.
    """
    from curecon.checks import load

    found = [check for check in load(checks) if check.name == name]
    if not found:
        raise OptionInvalid(f"no check is named {name}; `curecon checks list` names them all")
    sys.stdout.write(found[0].sql)
    return FINE
