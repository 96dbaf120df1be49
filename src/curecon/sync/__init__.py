"""Fetch AWS's price lists: the one thing about prices that needs the network.

    price-lists/2026-10-08/AmazonBedrock/us-east-1.json     a bulk file, as AWS published it
    price-lists/2026-10-08/AmazonBedrock/us-east-1.jsonl    items of GetProducts, one a line
    price-lists/snapshots.json                              which edition was seen on which day
    price-lists/.partial/                                   what has not arrived whole yet

A folder of a day holds everything that was in force on that day, so it is a price list of its own.
What is equal to a file of another day is a hard link to it and takes no room. A file gets its name
only after it was read as the audit will read it; until then it lies in `.partial`, under names that
`price_list` passes over, and the next run goes on with it.

Sources: the API references of ListPriceLists, GetPriceListFileUrl, GetProducts and
DescribeSavingsPlansOfferingRates; the AWS Billing user guide, "Getting price list files".
"""

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from boto3.session import Session

from curecon import price_list
from curecon.errors import OptionInvalid, RatesInvalid
from curecon.sync.api import REGION, Aws
from curecon.sync.download import Download, unpacked
from curecon.sync.items import plan_offer, plan_region, product
from curecon.sync.model import (
    KEPT,
    PLANS,
    Absent,
    Asked,
    Edition,
    Facts,
    PricesUnreachable,
    Progress,
    Stored,
    Stream,
    printable,
)
from curecon.sync.pages import Pages
from curecon.sync.shelf import PARTIAL, Shelf

__all__ = ["SERVICES", "Asked", "PricesUnreachable", "Stored", "sync"]

_log = logging.getLogger(__name__)

SERVICES = (
    "AmazonBedrock",
    "AmazonBedrockService",
    "AmazonBedrockFoundationModels",
    "AmazonBedrockAgentCore",
    "AmazonSageMaker",
    PLANS,
)

_SERVICE = re.compile(r"[A-Za-z0-9]{1,32}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def sync(
    folder: Path,
    asked: Asked | None = None,
    progress: Progress | None = None,
    session: Session | None = None,
) -> list[Stored]:
    """Bring the price lists of a day into `folder/<day>/<service>/<region>.json`.

    Every file was read before it got its name; what arrived of others stays for the next run.

    Args:
        folder: of all days, made when absent; one sync at a time works in it.
        asked: which services, regions, day, currency and way.
        progress: called in this thread.
        session: the AWS credentials and region; the environment's when absent.

    Returns:
        What lies in the day's folder now, in the order of the services and regions.

    Raises:
        OptionInvalid: what is asked for cannot be.
        PricesUnreachable: AWS refused or failed, or has nothing of what was asked.
        RatesInvalid: AWS sent what cannot be read; all that can be read is in its place.
        OSError: the disk failed.
    """
    asked, now = asked or Asked(), _now()
    services, day = _checked(asked, now.date())
    with _locked(folder):
        run = _Run(folder, asked, _moment(day, now), Aws.open(session), progress)
        jobs = [job for service in services for job in run.jobs(service)]
        stored: list[Stored] = []
        problems: list[str] = []
        for number, job in enumerate(jobs):
            run.tell(job, number, len(jobs))
            try:
                stored += run.fetch(job)
            except RatesInvalid as error:
                problems.append(str(error))
        run.tell(None, len(jobs), len(jobs))
        run.warn_of_absences()
        if problems:
            raise RatesInvalid("\n".join(problems))
        if not stored:
            raise PricesUnreachable(
                f"AWS has no price list of {', '.join(services)} in "
                f"{', '.join(asked.regions) or 'any region'} for {day}. "
                "Check --service, --region, --currency and --date."
            )
        # Everything is in its place, so nothing is left to go on with.
        shutil.rmtree(run.partial, ignore_errors=True)
    return stored


def _checked(asked: Asked, today: date) -> tuple[list[str], date]:
    """Return the services to fetch and the day, or say what cannot be."""
    services = list(dict.fromkeys(asked.services or SERVICES))
    if asked.savings_plans is not None:
        services = [service for service in services if service != PLANS]
        services += [PLANS] if asked.savings_plans else []
    for option, pattern, words in (
        ("--service", _SERVICE, services),
        ("--region", REGION, asked.regions),
        ("--currency", _CURRENCY, [asked.currency]),
    ):
        for word in words:
            if not pattern.fullmatch(word):
                raise OptionInvalid(f"{option} {word!r} is no such code")
    if not services:
        raise OptionInvalid("no service is left to fetch; name one with --service")
    day = asked.day or today
    if day > today:
        raise OptionInvalid(f"--date {day} is in the future; AWS publishes no prices of it yet")
    if asked.via == "products" and day != today:
        raise OptionInvalid(
            f"--via products knows only today's prices, not those of {day}; leave out --date, or "
            "fetch bulk files"
        )
    return services, day


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _moment(day: date, now: datetime) -> datetime:
    """Return when the prices should be in force: the end of a past day, now for today."""
    return min(now, datetime.combine(day, time(23, 59, 59), UTC))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone. The lock goes with the process, however that ends.

    A run that brought nothing leaves nothing: neither the folders that it made nor empty ones.
    """
    with _lock(folder) as made:
        try:
            yield
        finally:
            _remove_what_is_empty(folder, made)


@contextmanager
def _lock(folder: Path) -> Iterator[list[Path]]:
    """Take the lock; yield the folders that had to be made for it, the innermost first."""
    while True:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = (folder / ".lock").open("a")
        except FileNotFoundError:  # another run has just removed what it had made
            continue
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("another curecon is fetching into %s: waiting for it", folder)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it may have removed it, and then it locks nothing.
            if _is(file.fileno(), folder / ".lock"):
                yield made
                return


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove_what_is_empty(folder: Path, made: list[Path]) -> None:
    """Remove parts without content, and the lock and the folders where nothing else is in them."""
    partial = folder / PARTIAL
    with suppress(OSError):
        for part in partial.iterdir():
            if part.is_file() and not part.stat().st_size:
                part.unlink()
        partial.rmdir()
    with suppress(OSError):
        if [each.name for each in folder.iterdir()] == [".lock"]:
            (folder / ".lock").unlink()
            for each in made:
                each.rmdir()


# --- one run ---


class _Run:
    """One sync of one day, with the folder locked."""

    def __init__(
        self, folder: Path, asked: Asked, moment: datetime, aws: Aws, progress: Progress | None
    ) -> None:
        self.partial = folder / PARTIAL
        self._folder = folder
        self._asked = asked
        self._moment = moment
        self._aws = aws
        self._progress = progress or (lambda _what, _done, _total: None)
        self._told = ("", 0, 0)
        self._shelf = Shelf(folder, moment.date(), asked.currency)
        self._absent: dict[str, list[str]] = defaultdict(list)
        self.partial.mkdir(exist_ok=True)

    def jobs(self, service: str) -> list[Edition | Stream]:
        """List what there is to fetch of a service."""
        self.tell(None, 0, 0)
        regions: list[str | None] = list(dict.fromkeys(self._asked.regions)) or [None]
        if self._asked.via == "products":
            return [Stream(service, region) for region in regions]
        jobs: list[Edition | Stream] = []
        for region in regions:
            editions: list[Edition] = []
            try:
                editions = self._aws.editions(service, region, self._moment, self._asked.currency)
            except Absent:
                _log.debug("no editions of %s in %s", service, region)
            jobs += editions
            if not editions and service == PLANS and self._moment.date() == _now().date():
                # The API of savings plans has the same rates, but only today's.
                jobs.append(Stream(service, region))
            elif not editions:
                self._absent[service].append(region or "any region")
        return jobs

    def fetch(self, job: Edition | Stream) -> list[Stored]:
        """Bring one job's price lists into the day's folder."""
        try:
            if isinstance(job, Edition):
                return [self._fetch_edition(job)]
            stored = self._fetch_stream(job)
        except Absent:
            stored = []
        if not stored:
            self._absent[job.service].append(job.region or "any region")
        return stored

    def tell(self, job: Edition | Stream | None, done: int, total: int) -> None:
        """Say what is under way."""
        what = f"{job.service} {job.region or ''}".strip() if job else "price lists"
        self._told = (what, done, total)
        self._progress(*self._told)

    def warn_of_absences(self) -> None:
        """Say what was asked for and is not published, one sentence a service."""
        for service, places in self._absent.items():
            _log.warning("AWS publishes no price list of %s in %s", service, ", ".join(places))

    def _tell_size(self, here: int, unit: str) -> None:
        what, done, total = self._told
        self._progress(f"{what}, {here:,} {unit}", done, total)

    def _fetch_edition(self, edition: Edition) -> Stored:
        known = self._shelf.known(edition)
        if known:
            return known
        part = self.partial / f"{_name_of(edition.arn)}.part"
        download = Download(
            self._aws.get, part, " ".join(edition[:2]), lambda n: self._tell_size(n, "bytes")
        )
        download.run(self._aws.url(edition))
        try:
            content = unpacked(part, _named(edition.service, edition.region))
            facts = _read(content, edition.service, edition.region)
        except RatesInvalid:
            download.discard()  # it arrived whole, so to go on with it would not mend it
            raise
        stored = self._shelf.keep(content, edition, ".json", facts)
        download.discard()
        return stored

    def _fetch_stream(self, stream: Stream) -> list[Stored]:
        asked = (*stream, self._moment.date(), self._asked.currency)
        pages = Pages(self.partial / f"{_name_of(*asked)}.rows")
        done = [Stored(*each)._replace(state="here") for each in pages.outcome or ()]
        if pages.outcome is not None and all((self._folder / each.path).exists() for each in done):
            return done
        plans = stream.service == PLANS
        ask = self._aws.plan_rates if plans else self._aws.products
        pages.fetch(partial(ask, *stream), lambda rows: self._tell_size(rows, "items"))
        keep = self._keep_plans if plans else self._keep_products
        try:
            stored = keep(stream, pages.rows())
        except RatesInvalid:
            pages.discard()  # they are all here, so to go on with them would not mend it
            raise
        pages.finish(stored)
        return stored

    def _keep_products(self, stream: Stream, rows: Iterable[str]) -> list[Stored]:
        """Store items of GetProducts, one file a region, in the order of their SKUs.

        AWS returns them in any order; with one of ours, equal items make equal files.
        """
        by_region: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in rows:
            sku, region = product(row, stream.service)
            by_region[stream.region or _safe(region)].add((sku, row))
        stored = []
        for region, items in sorted(by_region.items()):
            text = "".join(f"{row}\n" for _, row in sorted(items))
            path = _written(self.partial / "items.new", text)
            facts = _read(path, stream.service, region)
            edition = Edition(stream.service, region, "", "")
            stored.append(self._shelf.keep(path, edition, ".jsonl", facts))
        return stored

    def _keep_plans(self, stream: Stream, rows: Iterable[str]) -> list[Stored]:
        """Store rates of savings plans in the shape of AWS's offer files, one file a region."""
        by_region: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            rate = json.loads(row)
            if rate.get("savingsPlanOffering", {}).get("currency") == self._asked.currency:
                by_region[stream.region or _safe(plan_region(rate))].append(rate)
        stored = []
        for region, rates in sorted(by_region.items()):
            edition = Edition(stream.service, region, "", "")
            offer = plan_offer(rates, region)
            dated = {"publicationDate": self._shelf.unchanged_since(edition, offer), **offer}
            text = json.dumps(dated, indent=1) + "\n"
            path = _written(self.partial / "rates.new", text)
            facts = _read(path, stream.service, region)
            stored.append(self._shelf.keep(path, edition, ".offering-rates.json", facts))
        return stored


def _name_of(*identity: object) -> str:
    return hashlib.sha256(json.dumps(identity, default=str).encode()).hexdigest()[:32]


def _safe(region: str) -> str:
    """Return a region that AWS named, as part of a file name."""
    return region if REGION.fullmatch(region) else "any"


def _named(service: str, region: str) -> str:
    return f"the price list of {service} in {region} that AWS sent"


def _written(path: Path, text: str) -> Path:
    """Write a file that is to be kept; one that a former run left is perhaps read-only."""
    path.unlink(missing_ok=True)
    path.write_text(text, "utf-8")
    return path


def _read(path: Path, service: str, region: str) -> Facts:
    """Read a price list as the audit will, and say what it is.

    Raises:
        RatesInvalid: it is none, or one of another service.
    """
    what = _named(service, region)
    try:
        lists = price_list.load([path])
    except RatesInvalid as error:
        sentence = str(error).replace(str(path), "it")
        raise RatesInvalid(f"{what} cannot be read: {sentence}. {KEPT}") from error
    if not lists.sources:
        raise RatesInvalid(f"{what} is only an index of price lists. {KEPT}")
    [source] = lists.sources
    if path.suffix == ".new":
        return Facts(source.rates, None, None)
    try:
        offer = json.loads(path.read_bytes())
        said, version, published = map(offer.get, ("offerCode", "version", "publicationDate"))
    except (ValueError, AttributeError) as error:
        raise RatesInvalid(f"{what} is no offer file. {KEPT}") from error
    if said not in {None, service} and service != PLANS:
        raise RatesInvalid(f"{what} is that of {printable(str(said))}. {KEPT}")
    return Facts(source.rates, version, published)
