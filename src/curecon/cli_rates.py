"""The commands about prices: `rates check`, `list`, `sync` and `diff`."""

import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App

from curecon.cli_options import FINE, INTERRUPTED, Many, day

if TYPE_CHECKING:
    import polars as pl

    from curecon import rate_check

rates_app = App(name="rates", help="What is known about prices.")


@rates_app.command(name="check")
def rates_check(
    *folders: Path,
    price_list: Annotated[list[Path], Many] = [],  # noqa: B006
    contract: Path | None = None,
) -> int:
    """Validate rate cards: the packaged ones together with those in the given folders.

    Price lists and a contract are validated too where they are named, and rates of
    savings plans that save more than AWS's page promises are noted: they are
    something to look at, no error.

    Args:
        folders: folders of cards of your own.
        price_list: AWS price-list JSON, a file or a folder; may be given several times.
        contract: what was agreed with AWS, as TOML.
    """
    from curecon import by_hand, rate_check, rates
    from curecon.packaged import folder

    every = [folder("rates"), *folders]
    known, places, problems = rates.inspect(every)
    said = "holds no rate card; a card ends in .toml and lies directly in the folder"
    empty = [one for one in folders if one.is_dir() and not rates.card_files([one])]
    problems += [f"{by_hand.shown(one)} {said}" for one in empty]
    rates.refuse(problems + rate_check.wrong_units(known, places))
    notes = _of_plans(known, price_list, contract)
    _say_holes(rate_check.gaps(known, places), set(rates.card_files(list(folders))))
    for sentence in notes:
        sys.stdout.write(f"note: {sentence}\n")
    cards = len(rates.card_sources(every))
    sys.stdout.write(f"{cards} cards are valid: {known.height} rates by region, none overlap.\n")
    return FINE


def _say_holes(holes: "list[rate_check.Hole]", own: set[Path]) -> None:
    """Print holes; beside cards of one's own, those of the packaged cards are only counted."""
    for one in holes:
        if own and one.note is not None and not own & one.files:
            continue
        if one.note is None:
            remedy = "let them touch, or say why not in the `note` of the rate that ends"
            sys.stdout.write(f"warning: {one.sentence}; {remedy}\n")
        else:
            sys.stdout.write(f"note: {one.sentence}. The card says: {one.note}\n")
    explained = sum(one.note is not None and not own & one.files for one in holes)
    if own and explained:
        sys.stdout.write(
            f"note: {explained} holes in packaged cards have a reason each, which "
            "`curecon rates check` without a folder prints\n"
        )


def _of_plans(known: "pl.DataFrame", price_lists: list[Path], contract: Path | None) -> list[str]:
    """Validate price lists and a contract; say what is left out, and what saves too much."""
    if not price_lists and contract is None:
        return []
    import polars as pl

    from curecon import contract as contracts
    from curecon import price_list, savings_plans

    terms = contracts.read(contract)
    listed = price_list.load(price_lists)
    asked = [savings_plans.offered(listed.rates)]
    if contract is not None:
        asked.append(savings_plans.agreed(terms, contract))
    on_demand = pl.concat([known, listed.rates], how="diagonal_relaxed")
    left_out = [
        f"{one.name}: {one.prices} price{'s' * (one.prices != 1)} left out, {one.reason}"
        for one in listed.skipped
    ]
    return left_out + savings_plans.beyond(pl.concat(asked), on_demand)


@rates_app.command(name="list")
def rates_list(
    *words: str,
    rates: Annotated[list[Path], Many] = [],  # noqa: B006
    region: str | None = None,
    format: Literal["table", "csv", "json", "markdown"] = "table",  # noqa: A002
) -> int:
    """List the rates that the cards know, with their source.

    Args:
        words: only rates in which every one of these words occurs, e.g. claude 2.0 output.
        rates: a folder of rate cards besides the packaged ones.
        region: only rates of this region, e.g. us-east-1, and of every region.
        format: how to print them.
    """
    from curecon import queries
    from curecon import rates as cards
    from curecon.packaged import folder

    frame = cards.overview(cards.read_cards([folder("rates"), *rates]), " ".join(words), region)
    if frame.is_empty():
        where = f" in {region}" if region else ""
        said = f" with the words {' '.join(words)}" if words else ""
        sys.stderr.write(f"curecon: no rate{said}{where} is known; leave a word out\n")
    if format == "table":
        from rich.console import Console

        from curecon.report import prices

        prices.show_rates(frame, Console())
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

    Of price lists, only offers and regions that both have are compared; of a
    folder with several snapshots, the latest counts. How many rates agree is said
    on standard error.

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
        from rich.console import Console

        from curecon.report import prices

        show = prices.show_compared if rate_diff.CARDS in (a, b) else prices.show_changes
        show(found.rows, Console())
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
