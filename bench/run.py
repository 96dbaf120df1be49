"""Measure curecon against the bare DuckDB floor, and print both beside the performance bar.

Generates the bills that are missing, then runs floor and audit in turn, each as a whole process.
Nothing is asserted: a shared machine is too noisy for that. Look at the CPU ratio beside the wall
ratio: it is the steadier of the two.

    python bench/run.py
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
DATA = HERE / "data"
PAGE = HERE.parent / "docs" / "performance.md"
CURECON = Path(sys.executable).with_name("curecon")
# The same questions asked otherwise. pandas has an environment of its own: curecon needs none.
PEERS = (
    ("analyst's SQL", Path(sys.executable), "by_analyst.py"),
    ("pandas script", HERE / ".venv" / "bin" / "python", "with_pandas.py"),
)
GIGABYTE = 10**9
DISK_FOR_LARGE = 60 * GIGABYTE
MILLION = 1_000_000
MONTHS = 12  # that one ledger takes up, one after the other


@dataclass(frozen=True)
class Bill:
    """A generated bill and the bars that an audit of it is held against."""

    name: str
    title: str
    lines: int
    file_format: str = "parquet"
    most_of_floor: float | None = None
    most_seconds: float | None = None
    most_memory: float | None = None
    generated: tuple[str, ...] = ()
    has_peers: bool = False

    @property
    def folder(self) -> Path:
        """Where generate.py puts it."""
        return DATA / self.name


@dataclass(frozen=True)
class Run:
    """What one whole process took."""

    status: int
    wall: float
    cpu: float
    rss: int
    output: str


@dataclass(eq=False)
class Series:
    """The runs of one command on one bill."""

    title: str
    runs: list[Run] = field(default_factory=list)

    def middle(self, name: str) -> float:
        """The median of a figure over the runs."""
        return statistics.median(getattr(run, name) for run in self.runs)

    @property
    def peak(self) -> int:
        """The most memory that any run held, in bytes."""
        return max(run.rss for run in self.runs)

    @property
    def failure(self) -> str | None:
        """What the first run that failed said last."""
        for run in self.runs:
            if run.status != 0:
                said = run.output.strip().splitlines()[-3:] or ["nothing"]
                return f"exit status {run.status}: {' / '.join(said)}"
        return None


@dataclass(frozen=True)
class Verdict:
    """A measured figure beside its bar."""

    title: str
    measured: float
    bar: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Growth:
    """Two audits that differ in one thing: how many times as much of it, and what that takes."""

    what: str
    times: float
    small: Series
    large: Series

    def ratio(self, name: str) -> float:
        """How many times as much the larger one takes."""
        return self.large.middle(name) / self.small.middle(name)


SMALL = Bill("cur2_1k", "1,000 lines", 1000, most_seconds=2)
MEDIUM = Bill("cur2_1m", "1M lines", MILLION, has_peers=True)
WRONG = Bill("cur2_1m_wrong", "1M lines, 1 % wrong", MILLION, generated=("--errors-per", "10"))
KEYS = Bill("cur2_1m_keys", "1M lines, 20 x the keys", MILLION, generated=("--texts", "20"))
FULL = Bill("cur2_10m", "10M lines", 10 * MILLION, most_of_floor=2, most_memory=1.5, has_peers=True)
LARGE = Bill("cur2_100m", "100M lines", 100 * MILLION, most_memory=2)
TEXT = Bill("csv_1m", "1M csv.gz", MILLION, "csv", most_of_floor=1.3)
TEXTS = Bill("csv_10m", "10M csv.gz", 10 * MILLION, "csv")
# What grows, how many times, and the two bills that differ in it alone.
GROWTHS = (
    ("lines", 1000, SMALL, MEDIUM),
    ("lines", 10, MEDIUM, FULL),
    ("lines", 10, FULL, LARGE),
    ("lines of csv.gz", 10, TEXT, TEXTS),
    ("distinct charges", 20, MEDIUM, KEYS),
    ("lines that are wrong", 10, MEDIUM, WRONG),
)


def main() -> int:
    options = parsed_options()
    screen, progress = Console(), Console(stderr=True)
    bills = chosen_bills(options, progress)
    for bill in bills:
        generate(bill, progress)
    series, verdicts, growths = measure_everything(bills, options, progress)
    if not CURECON.exists():
        screen.print(f"{CURECON.name} is not installed beside this Python: only the floor was run.")
    for each in series:
        if each.failure:
            screen.print(f"{each.title} failed: {each.failure}\n", markup=False, soft_wrap=True)
    screen.print(times_table([each for each in series if not each.failure]))
    if verdicts:
        screen.print(verdict_table(verdicts))
    if growths:
        screen.print(growth_table(growths))
    if options.page:
        write_page([each for each in series if not each.failure], verdicts, growths)
    return 0


def write_page(series: list[Series], verdicts: list[Verdict], growths: list[Growth]) -> None:
    """Write docs/performance.md, and its plot where matplotlib is at hand."""
    rows = [
        "| what | wall | fastest | slowest | CPU | peak memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in series:
        walls = [run.wall for run in each.runs]
        rows.append(
            f"| {each.title} | {each.middle('wall'):.2f} s | {min(walls):.2f} s "
            f"| {max(walls):.2f} s | {each.middle('cpu'):.2f} s | {each.peak / GIGABYTE:.2f} GB |"
        )
    bars = ["| bar | measured | at most | |", "|---|---:|---:|---|"]
    for one in verdicts:
        said = "within" if one.measured <= one.bar else "**above**"
        bars.append(
            f"| {one.title} | {one.measured:.2f} {one.unit} | {one.bar:g} {one.unit} "
            f"| {said}{'; ' + one.note if one.note else ''} |"
        )
    grown = ["| what grows | size | wall | CPU | peak memory |", "|---|---:|---:|---:|---:|"]
    grown += [f"| {' | '.join([one.what, *growth_cells(one)])} |" for one in growths]
    text = PAGE.read_text("utf-8")
    for name, block in (("bars", bars), ("times", rows), ("growth", grown)):
        begin, end = f"<!-- measured: {name} -->\n", "<!-- end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}" + "\n".join(block) + f"\n{end}" + rest.split(end, 1)[1]
    PAGE.write_text(text, "utf-8")
    python = HERE / ".venv" / "bin" / "python"
    if python.exists():
        times = {each.title: [each.middle("wall"), each.middle("cpu")] for each in series}
        plot = [str(python), str(HERE / "plot.py"), str(PAGE.with_suffix(".svg"))]
        subprocess.run(plot, input=json.dumps(times), text=True, check=True)


def growth_cells(one: Growth) -> list[str]:
    memory = one.large.peak / one.small.peak
    figures = (one.times, one.ratio("wall"), one.ratio("cpu"), memory)
    return [f"x {figure:.1f}" for figure in figures]


def measure_everything(
    bills: list[Bill], options: argparse.Namespace, progress: Console
) -> tuple[list[Series], list[Verdict], list[Growth]]:
    series, verdicts, runs = [], [], options.runs
    if CURECON.exists():
        helps = measure_help(runs)
        series.append(helps)
        if not helps.failure:
            verdicts.append(Verdict(helps.title, helps.middle("wall"), 0.3, "s"))
    audits: dict[str, Series] = {}
    for bill in bills:
        floor, audit, *peers = measure_bill(bill, runs, progress)
        series += [each for each in (floor, audit, *peers) if each.runs]
        if audit.runs and not audit.failure:
            audits[bill.name] = audit
            verdicts += judged(bill, floor, audit)
    growths = [
        Growth(what, times, audits[small.name], audits[large.name])
        for what, times, small, large in GROWTHS
        if small.name in audits and large.name in audits
    ]
    if CURECON.exists() and (not options.only or "months" in options.only):
        months = measure_months(options, progress)
        series += months
        if not any(each.failure for each in months):
            growths.append(Growth("months in the ledger", MONTHS, months[0], months[-1]))
    return series, [*verdicts, *growth(audits)], growths


def measure_months(options: argparse.Namespace, progress: Console) -> list[Series]:
    """Audit a company's months one by one into one ledger: each finds all earlier ones there."""
    world = DATA / f"months_{options.lines_a_month}"
    if not world.exists():
        progress.print(f"generating {MONTHS} months")
        lines = str(options.lines_a_month * MONTHS)
        making = [str(CURECON), "simulate", str(world), "--lines", lines, "--months", str(MONTHS)]
        subprocess.run(making, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = json.loads((world / "ground_truth.json").read_text("utf-8"))["deliveries"]
    periods = sorted({one["period"] for one in told})
    series = [Series(f"audit month {number + 1} of {MONTHS}") for number in range(MONTHS)]
    for number in range(1, options.runs + 1):
        progress.print(f"{MONTHS} months: run {number} of {options.runs}")
        with tempfile.TemporaryDirectory(dir=DATA) as scratch:
            for each, period in zip(series, periods, strict=True):
                command = month_command(world, period, Path(scratch))
                each.runs.append(measured(command, Path(scratch)))
    return [series[0], series[MONTHS // 2 - 1], series[-1]]


def month_command(world: Path, period: str, scratch: Path) -> list[str]:
    return [
        str(CURECON),
        "audit",
        str(world / "bill"),
        *("--period", period),
        *("--price-list", str(world / "price_list")),
        *("--contract", str(world / "contract.toml")),
        *("--ledger", str(scratch / "ledger.duckdb")),
        *("--out", str(scratch / "out")),
        *("--fail-on", "never"),
    ]


def chosen_bills(options: argparse.Namespace, progress: Console) -> list[Bill]:
    bills = [SMALL, MEDIUM, WRONG, KEYS, FULL, TEXT]
    if options.large and large_fits(progress):
        bills += [TEXTS, LARGE]
    return [bill for bill in bills if not options.only or bill.name in options.only]


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of each command on each bill")
    parser.add_argument("--large", action="store_true", help="also 100 million lines (11 GB)")
    parser.add_argument("--lines-a-month", type=int, default=100_000, help="of the months' growth")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md anew")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this bill, by folder")
    return parser.parse_args()


def large_fits(progress: Console) -> bool:
    free = shutil.disk_usage(HERE).free
    if LARGE.folder.exists() or free > DISK_FOR_LARGE:
        return True
    progress.print(
        f"100 million lines are left out: {free / GIGABYTE:.0f} GB of disk are free and"
        f" {DISK_FOR_LARGE // GIGABYTE} GB are needed."
    )
    return False


def generate(bill: Bill, progress: Console) -> None:
    if bill.folder.exists():
        return
    progress.print(f"generating {bill.title}")
    options = ["--lines", str(bill.lines), "--format", bill.file_format, *bill.generated]
    script = HERE / "generate.py"
    subprocess.run(
        [sys.executable, str(script), *options, "--out", str(bill.folder)],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def measure_help(runs: int) -> Series:
    series = Series("curecon --help")
    with tempfile.TemporaryDirectory() as scratch:
        # The first run compiles modules and fills caches; it is not what people wait for later.
        measured([str(CURECON), "--help"], Path(scratch))
        series.runs = [measured([str(CURECON), "--help"], Path(scratch)) for _ in range(runs)]
    return series


def measure_bill(bill: Bill, runs: int, progress: Console) -> list[Series]:
    """Run floor, audit and the peers in turn, so that all meet the same noise."""
    floor, audit = Series(f"floor {bill.title}"), Series(f"audit {bill.title}")
    peers = {
        Series(f"{name} {bill.title}"): [str(python), str(HERE / script), str(bill.folder)]
        for name, python, script in PEERS
        if bill.has_peers and python.exists()
    }
    # Both then read from the page cache, whoever comes first.
    for file in bill.folder.rglob("bill-*"):
        if file.is_file():
            warm(file)
    for number in range(1, runs + 1):
        progress.print(f"{bill.title}: run {number} of {runs}")
        # Beside the bill: a ledger lies on a disk, and /tmp may be memory.
        with tempfile.TemporaryDirectory(dir=DATA) as scratch:
            command = [sys.executable, str(HERE / "floor.py"), str(bill.folder)]
            floor.runs.append(measured(command, Path(scratch)))
        if CURECON.exists() and not audit.failure:
            with tempfile.TemporaryDirectory(dir=DATA) as scratch:
                audit.runs.append(measured(audit_command(bill, Path(scratch)), Path(scratch)))
        for peer, command in peers.items():
            if not peer.failure:
                with tempfile.TemporaryDirectory(dir=DATA) as scratch:
                    peer.runs.append(measured(command, Path(scratch)))
    return [floor, audit, *peers]


def warm(file: Path) -> None:
    with file.open("rb") as stream:
        while stream.read(16 * 1024 * 1024):
            pass


def audit_command(bill: Bill, scratch: Path) -> list[str]:
    return [
        str(CURECON),
        "audit",
        str(bill.folder / "bill"),
        *("--price-list", str(bill.folder / "price_list.jsonl")),
        *("--ledger", str(scratch / "ledger.duckdb")),
        *("--out", str(scratch / "out")),
        *("--fail-on", "never"),
    ]


def measured(command: list[str], scratch: Path) -> Run:
    """Run the command below a small wrapper process, in a folder of its own."""
    output = scratch / "output.txt"
    # Elsewhere than the project, so that no curecon.toml there changes what is measured.
    wrapper = [sys.executable, "-I", str(HERE / "measure.py"), str(output), *command]
    answer = subprocess.run(wrapper, check=True, stdout=subprocess.PIPE, cwd=scratch)
    return Run(**json.loads(answer.stdout), output=output.read_text(errors="replace"))


def judged(bill: Bill, floor: Series, audit: Series) -> list[Verdict]:
    verdicts = []
    if bill.most_of_floor is not None and not floor.failure:
        ratio = audit.middle("wall") / floor.middle("wall")
        cpu = audit.middle("cpu") / floor.middle("cpu")
        aim = ", aim 1.5" if bill is FULL else ""
        note = f"CPU {cpu:.2f}{aim}"
        title = f"audit / floor, {bill.title}"
        verdicts.append(Verdict(title, ratio, bill.most_of_floor, "x", note))
    if bill.most_seconds is not None:
        verdicts.append(Verdict(audit.title, audit.middle("wall"), bill.most_seconds, "s"))
    if bill.most_memory is not None:
        title = f"peak memory, {bill.title}"
        verdicts.append(Verdict(title, audit.peak / GIGABYTE, bill.most_memory, "GB"))
    return verdicts


def growth(audits: dict[str, Series]) -> Iterable[Verdict]:
    """How time grows from ten to a hundred million lines."""
    if FULL.name in audits and LARGE.name in audits:
        ratio = audits[LARGE.name].middle("wall") / audits[FULL.name].middle("wall")
        yield Verdict("audit 100M / audit 10M", ratio, 10.5, "x")


def times_table(series: list[Series]) -> Table:
    table = Table(title="Whole processes on two cores: seconds, and peak memory in GB")
    table.add_column("what", no_wrap=True)
    for name in ("runs", "wall min", "median", "max", "CPU median", "memory"):
        table.add_column(name, justify="right")
    for each in series:
        walls = [run.wall for run in each.runs]
        seconds = [min(walls), statistics.median(walls), max(walls), each.middle("cpu")]
        figures = [*seconds, each.peak / GIGABYTE]
        table.add_row(each.title, str(len(walls)), *(f"{figure:.2f}" for figure in figures))
    return table


def growth_table(growths: list[Growth]) -> Table:
    table = Table(title="How it grows: so many times as much of it takes so many times")
    table.add_column("what", no_wrap=True)
    for name in ("size", "wall", "CPU", "memory"):
        table.add_column(name, justify="right")
    for one in growths:
        table.add_row(one.what, *growth_cells(one))
    return table


def verdict_table(verdicts: list[Verdict]) -> Table:
    table = Table(title="Against the bar")
    table.add_column("what", no_wrap=True)
    table.add_column("measured", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("")
    for each in verdicts:
        within = "[green]within[/green]" if each.measured <= each.bar else "[red]above[/red]"
        table.add_row(
            each.title,
            f"{each.measured:.2f} {each.unit}",
            f"≤ {each.bar:g} {each.unit}",
            f"{within}  {each.note}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
