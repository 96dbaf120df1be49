"""The commands about single charges: `price`, `decode` and `explain`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from curecon.cli_options import FINE, LedgerFile, Many
from curecon.errors import OptionInvalid


def price(
    usage: Annotated[Path, Parameter(help="A TOML file of [[usage]] tables.")],
    *,
    rates: Annotated[list[Path], Many] = [],  # noqa: B006
    price_list: Annotated[list[Path], Many] = [],  # noqa: B006
    contract: Path | None = None,
    json: bool = False,
) -> int:
    """Estimate what usage will cost, before it is spent, by the path of a bill.

    A usage says when, where and how much, and what is used: in AWS's own words,
    or in the attributes of rates/attributes.toml.

      [[usage]]                            [[usage]]
      date = 2026-10-01                    date = 2024-05-01
      region = "us-east-1"                 region = "ap-northeast-1"
      usage_type = "USE1-NovaLite-..."     service = "bedrock"
      quantity = 5000                      provider = "Anthropic"
      unit = "1K tokens"                   model = "Claude Instant"
                                           capability = "provisioned_throughput"
                                           commitment = "1 month"
                                           model_units = 2
                                           hours = 744

    Args:
        usage: a TOML file of [[usage]] tables.
        rates: a folder of rate cards besides the packaged ones.
        price_list: AWS price-list JSON, a file or a folder: bulk offers or GetProducts items.
        contract: what was agreed with AWS, as TOML: private rates and discounts are applied.
        json: print total and lines as JSON.
    """
    from curecon.estimate import price as pricing
    from curecon.reconcile import Options

    options = Options(rates=rates, price_lists=price_list, contract=contract)
    estimate = pricing(usage, options)
    if json:
        sys.stdout.write(estimate.model_dump_json(indent=2) + "\n")
        return FINE
    from rich.console import Console

    from curecon.report.terminal import show_estimate

    show_estimate(estimate, Console())
    return FINE


def decode(*usage_types: str, json: bool = False) -> int:
    """Show how usage types are read: each piece, its meaning, the form and its source.

    Of one that no form reads it is shown which forms come near and where they
    fail; none of them is chosen.

    Args:
        usage_types: as the bill writes them, e.g. USE1-NovaLite-input-tokens.
        json: print a JSON object a usage type.
    """
    import json as writer

    from curecon.reading import read
    from curecon.report.reading import reading_text

    if not usage_types:
        raise OptionInvalid("decode: give a usage type, e.g. USE1-NovaLite-input-tokens")
    for usage_type in usage_types:
        reading = read(usage_type)
        if json:
            shown = reading.model_dump(include={"form", "pieces", "nearest"})
            row = {"line_item_usage_type": usage_type, **reading.decoded, **shown}
            sys.stdout.write(writer.dumps(row) + "\n")
            continue
        sys.stdout.write(reading_text(reading))
    return FINE


def explain(
    line_item_id: str,
    *,
    interval: str | None = None,
    ledger: LedgerFile = Path("curecon.duckdb"),
    rates: Annotated[list[Path], Many] = [],  # noqa: B006
    price_list: Annotated[list[Path], Many] = [],  # noqa: B006
    contract: Path | None = None,
    json: bool = False,
) -> int:
    """Explain a line: as billed, as decoded, the rates that could price it, the arithmetic.

    Args:
        line_item_id: the id, or the beginning of one.
        interval: only the line of this time interval, as the bill writes it.
        rates: a folder of rate cards, whose rates are candidates besides the packaged ones.
        price_list: AWS price-list JSON, whose rates are candidates too.
        contract: what was agreed with AWS, whose rates are candidates too.
        json: print it as JSON.
    """
    from curecon import explanation
    from curecon.explanation.model import Explanations

    found = explanation.explain(
        line_item_id, ledger, interval, rates=rates, price_lists=price_list, contract=contract
    )
    if json:
        sys.stdout.write(explanation.to_json(Explanations(explanations=found)))
        return FINE
    from rich.console import Console

    from curecon.report.chain import show_lines

    show_lines(found, Console())
    return FINE
