"""The command line: a thin skin over the library. Options in, exit status out."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import App, Parameter

from curecon import (
    __version__,
    cache,
    cli_alert,
    cli_charge,
    cli_checks,
    cli_ledger,
    cli_life,
    cli_rates,
    cli_sql,
)
from curecon.cli_options import (
    FAILED,
    FINE,
    FOUND,
    INTERRUPTED,
    AsOf,
    Dollars,
    LedgerFile,
    Many,
    amount,
    day,
    misuse,
)
from curecon.cli_settings import Settings
from curecon.errors import CureconError, OptionInvalid, printable

# Polars prices distinct charges, which are few, and numpy only carries columns: one thread of each
# is quicker than the hand-over to several.
for _threads in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

_ALLOCATIONS = 200_000

_HELP = """Prove an AWS AI bill right or wrong.

curecon reads an AWS Cost and Usage Report, works out what every Amazon Bedrock
and Amazon SageMaker charge should have cost, and explains each dollar of
difference.

  curecon audit exports/october/                     a folder as AWS lays it out
  curecon audit s3://billing/cur/ --period 2026-10   one month, from a bucket
  curecon sql "SELECT * FROM findings"               anything else

Exit status: 0 nothing found at or above --fail-on; 1 something found; 2 the
job failed or the options are wrong; 130 interrupted. After 2 and 130 nothing
has changed.

Options may also stand in curecon.toml (under [audit], [sql], ...) and in
variables such as CURECON_AUDIT_LEDGER.
"""

app = App(
    name="curecon",
    help=_HELP,
    help_format="plaintext",
    version=__version__,
    suppress_keyboard_interrupt=False,
    config=[
        cyclopts.config.Env("CURECON_"),
        settings := Settings("curecon.toml", search_parents=False),
    ],
)
settings.app = app
for sub in (
    cli_rates.rates_app, cli_checks.checks_app, cli_life.findings_app, cli_ledger.ledger_app,
    cli_charge.price, cli_charge.decode, cli_charge.explain,
    cli_life.diff, cli_sql.sql, cli_sql.mcp, cli_alert.alert,
):  # fmt: skip
    app.command(sub)


@app.command
def audit(
    *bills: Annotated[str, Parameter(help="Files, folders, manifests or s3:// prefixes.")],
    ledger: LedgerFile = Path("curecon.duckdb"),
    period: Annotated[list[str], Many] = [],  # noqa: B006  # cyclopts copies it
    rates: Annotated[list[Path], Many] = [],  # noqa: B006
    price_list: Annotated[list[Path], Many] = [],  # noqa: B006
    contract: Path | None = None,
    checks: Annotated[list[Path], Many] = [],  # noqa: B006
    services: Literal["ai", "all"] = "ai",
    invoice_total: Annotated[list[str], Many] = [],  # noqa: B006
    required_tag: Annotated[list[str], Many] = [],  # noqa: B006
    min_difference: Dollars = Decimal(0),
    out: Path | None = None,
    fail_on: Literal["error", "warning", "never"] = "error",
    json: bool = False,
    acknowledged: Path | None = None,
    as_of: AsOf = None,
    expect_since: str | None = None,
    max_age: int = 3,
    evidence: Annotated[Path | None, Parameter(show=False)] = None,
) -> int:
    """Audit a bill: re-price every charge and explain each difference.

    Args:
        bills: files (.csv, .csv.gz, .zip, .parquet), folders in AWS's layout, manifests, or
            s3:// prefixes.
        period: a billing period to audit, e.g. 2026-10; may be given several times.
        rates: a folder of rate cards besides the packaged ones.
        price_list: AWS price-list JSON, a file or a folder: bulk offers or GetProducts items.
        contract: what was agreed with AWS, as TOML.
        checks: a folder of your own checks, one SQL file each.
        services: "ai" keeps lines of Bedrock and SageMaker and the totals of all others; "all"
            keeps every line and runs the service-independent checks on all of them.
        invoice_total: INVOICE=AMOUNT, the total of a paid invoice to tie the lines to.
        required_tag: a cost-allocation tag that every resource should have, e.g. team.
        min_difference: findings below this many dollars do not count for the exit status.
        out: a folder for report.html, findings.xlsx, summary.md, and JSON and CSV of the same.
        fail_on: exit with 1 from this severity on.
        acknowledged: what a team acknowledged, as TOML; else acknowledged.toml beside the ledger.
        expect_since: the first period that must be in the ledger, e.g. 2026-01; with --as-of.
        max_age: days by which a delivery that is not final may lag behind.
        json: print findings.json instead of the summary.
    """
    if evidence is not None:
        raise OptionInvalid("audit --evidence is reserved and not built yet")
    _refuse_no_bills(bills)
    Options, auditing, to_the_end = _audit_beside_ledger(ledger)  # noqa: N806
    options = Options(
        ledger=ledger,
        periods=period,
        rates=rates,
        price_lists=price_list,
        contract=contract,
        checks=checks,
        services=services,
        invoice_totals=dict(_invoice(pair) for pair in invoice_total),
        required_tags=required_tag,
        out=out,
        acknowledged=acknowledged,
        as_of=day(as_of),
        expect_since=expect_since,
        max_age=max_age,
    )
    with to_the_end():
        result = auditing([_local(bill, period) for bill in bills], options)
        _tell(result, out, json=json)
        return _status(result, fail_on, min_difference)


@app.command
def ingest(
    *bills: Annotated[str, Parameter(help="Files, folders, manifests or s3:// prefixes.")],
    ledger: LedgerFile = Path("curecon.duckdb"),
    period: Annotated[list[str], Many] = [],  # noqa: B006
    services: Literal["ai", "all"] = "ai",
) -> int:
    """Bring a bill into the ledger without auditing it.

    Args:
        bills: as for `curecon audit`.
        period: a billing period to read, e.g. 2026-10; may be given several times.
        services: "ai" or "all", as for `curecon audit`.
    """
    if not bills:
        raise OptionInvalid("name a bill, e.g. `curecon ingest exports/`")
    from curecon.ledger import to_the_end
    from curecon.reconcile import bring_in

    with to_the_end():
        for row in bring_in([_local(bill, period) for bill in bills], ledger, services, period):
            told = f"{row.period} payer {row.payer_account}: {row.lines:,} lines, {row.id}"
            sys.stdout.write(f"{told}\n")
    return FINE


@app.command
def simulate(
    folder: Path,
    *,
    lines: int = 100_000,
    months: int = 1,
    seed: int = 1,
    errors: str = "",
    format: Annotated[list[str], Many] = [],  # noqa: A002, B006
) -> int:
    """Write an invented bill as AWS would, with the price lists and the contract it was billed by.

    Args:
        folder: a new folder: bill/, price_list/, contract.toml and ground_truth.json.
        lines: how many lines the bill has, over all months.
        months: how many months are billed; the last is October 2026.
        seed: what everything is drawn from; the same seed writes the same bytes.
        errors: errors to plant, e.g. all, all=2 or rate=3,unit; ground_truth.json lists them.
        format: a report that AWS delivers, e.g. cur2-parquet; may be given several times.
    """
    from curecon.simulate import simulate as simulating

    simulating(folder, lines, months, seed, format or ["cur2-parquet"], errors=errors)
    sys.stdout.write(
        f"{folder} is written; to audit it:\n"
        f"curecon audit {folder / 'bill'} --price-list {folder / 'price_list'}"
        f" --contract {folder / 'contract.toml'}\n"
    )
    return FINE


def _reserve(parent: App, name: str, about: str) -> None:
    """Keep a command's name until it is built."""

    def reserved(*_: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
        full = name if parent is app else f"{' '.join(parent.name)} {name}"
        raise OptionInvalid(f"`curecon {full}` is reserved and not built yet")

    parent.command(reserved, name=name, help=f"{about} (not built yet)")


for _name, _about in (("collect", "Collect evidence of use."),):
    _reserve(app, _name, _about)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    _open_what_is_closed()
    # A command keeps most of what it makes until its end: to look for garbage often finds none.
    gc.set_threshold(_ALLOCATIONS, 50, 50)
    status = run(arguments)
    if arguments is None or status == INTERRUPTED:
        # A process of its own need not take down what it made, which takes a tenth of a short run;
        # and a query may still be ending in its thread, over which Python's own exit would abort.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Let output that the caller has closed (`>&-`) go nowhere, as other programs do."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    status = FINE
    try:
        with _reader_may_leave():
            status = app(
                arguments,
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
    except (CureconError, cyclopts.CycloptsError) as error:
        return _fail(misuse(error))
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed", INTERRUPTED)
    except OSError as error:
        return _fail(
            f"{error.filename or 'the system'}: {error.strerror or error}; nothing was changed"
        )
    except Exception as error:  # noqa: BLE001  # a fault of ours must not look like findings
        if "Query interrupted" in str(error):  # what DuckDB makes of Ctrl-C while it fetches
            return _fail("interrupted; nothing was changed", INTERRUPTED)
        import traceback

        traceback.print_exc()
        return _fail("this is a fault in curecon; nothing was changed, please report it")
    return status if isinstance(status, int) else FINE


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Go on when the reader of our output goes away, as `head` does; that is its right."""
    try:
        yield
        if not sys.stdout.closed:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as left:
        if isinstance(left, SystemExit) and left.code != 1:  # rich turns a broken pipe into 1
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int = FAILED) -> int:
    sys.stderr.write(f"curecon: {printable(message)}\n")
    return status


def _local(bill: str, periods: list[str]) -> Path:
    """Bring an s3:// bill into the cache; any other bill is a path already."""
    if not bill.startswith("s3://"):
        return Path(bill)
    import logging

    from curecon.store import fetch

    logging.basicConfig(level=logging.WARNING, format="curecon: %(message)s")
    with _transfer_bar() as progress:
        return fetch(bill, cache.folder(), periods, progress)


def _transfer_bar() -> Any:  # noqa: ANN401
    """Show the bytes of a download on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(None)
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    @contextmanager
    def bar() -> Any:  # noqa: ANN401
        columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("downloading the bill", total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)

    return bar()


def _invoice(pair: str) -> tuple[str, Decimal]:
    invoice, _, total = pair.rpartition("=")
    if not invoice:
        raise OptionInvalid(f"--invoice-total {pair!r}: write it as INVOICE=AMOUNT, e.g. 123=10.50")
    try:
        return invoice, amount(total)
    except ValueError as error:
        raise OptionInvalid(
            f"--invoice-total {pair!r}: {error}; write it as INVOICE=AMOUNT, e.g. 123=10.50"
        ) from error


def _audit_beside_ledger(path: Path) -> Any:  # noqa: ANN401
    """Import what audits, while an empty ledger is made."""
    from curecon.ledger import begin, to_the_end

    begin(path)
    from curecon.reconcile import Options, audit

    return Options, audit, to_the_end


def _refuse_no_bills(bills: tuple[str, ...]) -> None:
    if not bills:
        raise OptionInvalid(
            "name a bill, e.g. `curecon audit exports/`; see `curecon audit --help`"
        )


def _tell(result: Any, out: Path | None, *, json: bool) -> None:  # noqa: ANN401
    """Print what was found."""
    with _reader_may_leave():
        if json:
            from curecon.report.files import to_json

            sys.stdout.write(to_json(result))
        else:
            _show(result, out)


def _status(result: Any, fail_on: str, min_difference: Decimal) -> int:  # noqa: ANN401
    """Return the exit status: what is acknowledged, settled or too small does not count."""
    grave = {"error": ["error"], "warning": ["error", "warning"], "never": []}[fail_on]
    done = {
        one.finding_id for one in result.run.states if one.state in ("acknowledged", "resolved")
    }
    counted = [
        one
        for one in result.findings
        if one.severity in grave and abs(one.difference) >= min_difference and one.id not in done
    ]
    return FOUND if counted else FINE


def _show(result: Any, out: Path | None) -> None:  # noqa: ANN401
    from rich.console import Console

    from curecon.report.terminal import show

    show(result, Console())
    if out is not None:
        sys.stderr.write(f"report: {out / 'report.html'}\n")


if __name__ == "__main__":
    main()
