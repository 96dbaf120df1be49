"""Write bills, audit them with the real command, and count what is found.

    python -m bench.blind                            42 bills with mistakes, 31 without, of one seed
    python -m bench.blind --seed 7 --only clean      or one of the two
    python -m bench.blind --name focus --keep out    bills of one name; they are left in a folder

Prints recall (mistakes found), precision (findings from a warning on that are about a mistake),
and how many have the right category and dollars; and everything that is not as it should be.
Ends with 1 where recall or precision is below 99 %, or a clean bill has a warning or an error.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import agreement, clean, cur, focus, offers, wrong
from .bill import Bill
from .lines import Meter
from .meters import METERS
from .score import Score, audited, score

Writer = Callable[[Bill, Path], Path]
CUR: tuple[Writer, ...] = (cur.second_parquet, cur.legacy_csv, cur.legacy_parquet, cur.second_csv)
FOCUS: tuple[Writer, ...] = (focus.focus_12, focus.focus_10, focus.focus_12_csv)
MONTHS = ("2026-10", "2026-11", "2028-02", "2027-03")
BAR = 99
# Plans and the free tier count hours.
_HOURLY = (wrong.savings_plan, wrong.focus_plan, wrong.free_tier)


@dataclass(frozen=True)
class Job:
    """One bill that is to be written: in which way, and by whose recipe."""

    name: str
    seed: int
    recipe: Callable[..., Any]
    writer: Writer
    number: int
    daily: bool = False

    @property
    def is_focus(self) -> bool:
        """Whether it is a FOCUS export."""
        return self.writer in FOCUS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["clean", "errors"])
    parser.add_argument("--name", default="", help="bills whose name has this in it")
    parser.add_argument(
        "--each", type=int, default=20, help="bills with mistakes of CUR, and of FOCUS"
    )
    parser.add_argument("--keep", type=Path, help="a folder in which the bills are left")
    options = parser.parse_args()
    every = [*clean_jobs(options.seed), *wrong_jobs(options.seed, options.each)]
    jobs = [
        job for job in every
        if options.name in job.name and job.name.startswith(options.only or "")
    ]  # fmt: skip
    total = {"clean": Score(), "errors": Score()}
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as beside:
        base = options.keep or Path(scratch)
        done = beside.map(lambda job: run(job, base, keep=options.keep is not None), jobs)
        for job, one in zip(jobs, done, strict=True):
            total[job.name.split("-")[0]].add(one)
            print(f"{job.name}: {one.found} of {one.planted}, {one.surplus} surplus", flush=True)
            for text in one.told:
                print(f"    {text}", flush=True)
    return summed_up(total["errors"], total["clean"])


def clean_jobs(seed: int) -> Iterator[Job]:
    """Return a bill of each clean recipe, in turn in each format that can show it."""
    number = seed * 1000
    for recipes, writers in (
        (clean.ANY_FORMAT, (*CUR, *FOCUS)),
        (clean.CUR_ONLY, CUR),
        (clean.FOCUS_ONLY, FOCUS),
    ):
        for place, recipe in enumerate(recipes):
            writer = writers[(place + seed) % len(writers)]
            yield Job(f"clean-{recipe.__name__}", number, recipe, writer, place)
            number += 1
    for recipe in clean.ANY_FORMAT[:5]:
        name = f"clean-{recipe.__name__}-focus"
        yield Job(name, number, recipe, FOCUS[number % len(FOCUS)], number)
        number += 1
    for recipe in clean.ANY_FORMAT[3:6]:
        name = f"clean-{recipe.__name__}-daily"
        yield Job(name, number, recipe, CUR[number % len(CUR)], number, daily=True)
        number += 1
    yield Job("clean-cheaper", number, clean.cheaper_in_the_middle, CUR[seed % len(CUR)], 0)


def wrong_jobs(seed: int, each: int) -> Iterator[Job]:
    """Return so many bills with mistakes as CUR, and as FOCUS."""
    number = seed * 1000 + 500
    for family, recipes, writers in (("cur", wrong.CUR, CUR), ("focus", wrong.FOCUS, FOCUS)):
        for place in range(each):
            recipe = recipes[place % len(recipes)]
            daily = place % 5 == 4 and recipe not in _HOURLY
            writer = writers[(place + place // len(recipes)) % len(writers)]
            name = f"errors-{recipe.__name__}-{family}{place}"
            yield Job(name, number + place, recipe, writer, 0, daily)
        number += each
    yield Job("errors-cut_ignored", number, wrong.cut_ignored, CUR[seed % len(CUR)], 0)
    yield Job("errors-late", number + 1, wrong.late, CUR[(seed + 1) % len(CUR)], 0)


def run(job: Job, base: Path, *, keep: bool) -> Score:
    """Write one bill and its price lists, audit it and count."""
    folder = base / job.name
    shutil.rmtree(folder, ignore_errors=True)
    bill = Bill(job.seed, MONTHS[job.number % len(MONTHS)], daily=job.daily)
    later: dict[tuple[Meter, str], Any] = {}
    if job.recipe is wrong.late:
        earlier = Bill(job.seed, "2026-09")
        earlier.regions, earlier.accounts, earlier.payer = bill.regions, bill.accounts, bill.payer
        wrong.late(bill, earlier)
    else:
        later = job.recipe(bill) or {}
    bill.finish()
    delivered = job.writer(bill, folder)
    prices = _offered(bill, folder / "prices", later)
    if bill.contract:
        agreement.write(bill, folder / "contract.toml")
    audited(bill, delivered, prices, folder)
    result = score(bill, folder, is_focus=job.is_focus)
    if not keep:
        shutil.rmtree(folder)
    return result


def _offered(bill: Bill, folder: Path, later: dict[tuple[Meter, str], Any]) -> Path:
    """Write the price list of before the month, and one of its middle where prices change."""
    meters = [(one, bill.regions) for one in METERS]
    meters += [(one, (region,)) for one, region in bill.extra]
    first = min(line.period or bill.start for line in bill.lines)
    shape = offers.SHAPES[bill.seed % len(offers.SHAPES)]
    before = f"{first.replace(day=1):%Y-%m}-01"
    offers.write(folder, meters, before, shape)
    if later:
        offers.write(folder, meters, f"{bill.month}-15", shape, later)
    return folder


def summed_up(errors: Score, clean_bills: Score) -> int:
    """Print what came out; return 1 where it is below the bar."""
    planted, findings = max(errors.planted, 1), max(errors.findings, 1)
    recall = 100 * errors.found / planted
    precision = 100 * (findings - errors.surplus) / findings
    print(
        f"\n{errors.bills} bills with {errors.planted} mistakes: recall {recall:.2f} %, precision "
        f"{precision:.2f} % of {errors.findings}; of those found, {errors.wrong_category} in a "
        f"wrong category, {errors.wrong_dollars} with wrong dollars"
    )
    print(f"{clean_bills.bills} clean bills: {clean_bills.findings} warnings and errors")
    below = min(recall, precision) < BAR if errors.planted else False
    return int(below or clean_bills.findings > 0)


if __name__ == "__main__":
    sys.exit(main())
