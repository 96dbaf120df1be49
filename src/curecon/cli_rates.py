"""The commands about prices: `rates check`, `list`, `sync` and `diff`."""

import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App

from curecon.cli_options import FINE, INTERRUPTED, Many, day
from curecon.errors import RatesInvalid

rates_app = App(name="rates", help="What is known about prices.")


@rates_app.command(name="check")
def rates_check(*folders: Path) -> int:
    """Validate rate cards: the packaged ones together with those in the given folders.

    Args:
        folders: folders of cards of your own.
    """
    from curecon import by_hand, rate_diff, rates
    from curecon.packaged import folder

    every = [folder("rates"), *folders]
    known = rates.read_cards(every)
    if empty := [by_hand.shown(one) for one in folders if not rates.card_files([one])]:
        said = "holds no rate card; a card ends in .toml and lies directly in the folder"
        raise RatesInvalid("\n".join(f"{one} {said}" for one in empty))
    if wrong := rate_diff.wrong_units(known, rates.card_files(every)):
        raise RatesInvalid("\n".join(wrong))
    for sentence in rate_diff.gaps(known):
        sys.stdout.write(f"warning: {sentence}\n")
    cards = len(rates.card_sources(every))
    sys.stdout.write(f"{cards} cards are valid: {known.height} rates by region, none overlap.\n")
    return FINE


@rates_app.command(name="list")
def rates_list(
    text: str = "",
    *,
    rates: Annotated[list[Path], Many] = [],  # noqa: B006
    region: str | None = None,
    format: Literal["table", "csv", "json", "markdown"] = "table",  # noqa: A002
) -> int:
    """List the rates that the cards know, with their source.

    Args:
        text: only rates in which every one of these words occurs, e.g. "claude output".
        rates: a folder of rate cards besides the packaged ones.
        region: only rates of this region, e.g. us-east-1, and of every region.
        format: how to print them.
    """
    from curecon import queries
    from curecon import rates as cards
    from curecon.packaged import folder

    frame = cards.overview(cards.read_cards([folder("rates"), *rates]), text, region)
    if format == "table":
        from curecon.report.rows import print_table

        print_table(cards.for_table(frame))
    else:
        sys.stdout.write(str(queries.render(frame, format)))
    return FINE


@rates_app.command(name="sync")
def rates_sync(
    folder: Path = Path("price-lists"),
    *,
    service: Annotated[list[str], Many] = [],  # noqa: B006
    region: Annotated[list[str], Many] = [],  # noqa: B006
    date: str | None = None,
    currency: str = "USD",
    via: Literal["bulk", "products"] = "bulk",
    savings_plans: bool | None = None,
) -> int:
    """Fetch AWS's price lists into FOLDER/<date>/<service>/<region>.json.

    What is here already is not fetched again; an interrupted run goes on where it stopped.

    Args:
        folder: where the price lists of all days lie; `audit --price-list` takes it.
        service: a service code, e.g. AmazonBedrock; may be given several times. Without it, those
            of Bedrock and SageMaker and MachineLearningSavingsPlans.
        region: a region code, e.g. us-east-1; may be given several times. Without it, all regions.
        date: the day whose prices are meant, e.g. 2026-10-08; today (UTC) without it.
        currency: USD, or CNY for the regions of China.
        via: "bulk" downloads whole price lists; "products" asks GetProducts and
            DescribeSavingsPlansOfferingRates page by page.
        savings_plans: whether the rates of savings plans belong to it.
    """
    import logging

    from curecon import sync

    logging.basicConfig(level=logging.WARNING, format="curecon: %(message)s")
    asked = sync.Asked(service, region, day(date, "--date"), currency, via, savings_plans)
    try:
        with _count_bar() as progress:
            stored = sync.sync(folder, asked, progress)
    except KeyboardInterrupt:
        sys.stderr.write("curecon: interrupted; the next run goes on from there\n")
        return INTERRUPTED
    width = max(len(f"{one.prices:,}") for one in stored)
    for one in stored:
        prices = f"{one.prices:>{width},} {'price ' if one.prices == 1 else 'prices'}"
        same = f"  as {one.same_as}" if one.same_as else ""
        sys.stdout.write(f"{one.state:<4}  {prices}  {one.path}{same}\n")
    return FINE


@rates_app.command(name="diff")
def rates_diff(
    a: str,
    b: str,
    *,
    service: Annotated[list[str], Many] = [],  # noqa: B006
    region: Annotated[list[str], Many] = [],  # noqa: B006
    format: Literal["table", "csv", "json", "markdown"] = "table",  # noqa: A002
) -> int:
    """Show what changed between two price lists, or between a price list and the cards.

    Of price lists, only offers and regions that both have are compared; of a folder with several
    snapshots, the latest counts. How many rates agree is said on standard error.

    Args:
        a: a file or folder of price lists, or the word "cards" for the packaged cards.
        b: the same; of two price lists, the newer one.
        service: only this service code, e.g. AmazonBedrock; may be given several times.
        region: only this region, e.g. us-east-1; may be given several times.
        format: how to print the differences.
    """
    from curecon import queries, rate_diff

    found = rate_diff.diff(a, b, service, region)
    if format != "table":
        sys.stdout.write(str(queries.render(found.rows, format)))
    elif found.rows.height:
        from curecon.report.rows import print_table

        print_table(rate_diff.for_table(found.rows))
    for note in found.notes:
        sys.stderr.write(f"curecon: {note}\n")
    return FINE


def _count_bar() -> Any:  # noqa: ANN401
    """Show what is fetched, and how much of how many, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(None)
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    @contextmanager
    def bar() -> Any:  # noqa: ANN401
        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("price lists", total=None)
            yield lambda what, done, total: shown.update(
                task, description=what, completed=done, total=total or None
            )

    return bar()
