"""What one sync asks for, finds and gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from curecon.errors import CureconError

Progress = Callable[[str, int, int], None]
"""Called with what is under way, the price lists that are here, and those there are to fetch."""

PLANS = "MachineLearningSavingsPlans"
KEPT = "What was fetched is kept, and the next run goes on from there."


class PricesUnreachable(CureconError):
    """AWS's price list API refused, failed, or answered what it should not."""


@dataclass(frozen=True)
class Asked:
    """What to fetch; the names are those of the options.

    Attributes:
        services: codes of offers; the ones in scope when empty.
        regions: region codes; all that AWS lists when empty.
        day: the day whose prices are meant, today (UTC) when None.
        currency: as AWS writes it, e.g. USD.
        via: `bulk` downloads whole offer files, `products` asks GetProducts page by page.
        savings_plans: whether the savings-plan rates belong to it; None leaves it to `services`.
    """

    services: Sequence[str] = ()
    regions: Sequence[str] = ()
    day: date | None = None
    currency: str = "USD"
    via: Literal["bulk", "products"] = "bulk"
    savings_plans: bool | None = None


class Stored(NamedTuple):
    """One price list that lies in the folder of the day.

    Attributes:
        path: below the folder of all days.
        state: `new`, `same` as the one at `same_as`, which another day has, or `here` already.
        prices: how many it holds.
    """

    service: str
    region: str
    path: str
    state: str
    prices: int
    same_as: str | None = None


class Edition(NamedTuple):
    """One bulk file that AWS offers."""

    service: str
    region: str
    arn: str
    file_format: str


class Stream(NamedTuple):
    """Answers that come in pages: items of GetProducts, or rates of savings plans.

    `region` is None for all of them.
    """

    service: str
    region: str | None


class Facts(NamedTuple):
    """What a price list says of itself, once it was read."""

    prices: int
    version: str | None
    published: str | None


def printable(text: str) -> str:
    """Make text from outside fit to be shown: printable and not endless."""
    return ascii(text[:60])[1:-1]


class Absent(Exception):
    """AWS has no price list of this service there, which becomes a note."""


class Restart(Exception):
    """AWS no longer knows the page at which a former run stopped; it is asked anew."""


Page = tuple[list[str], str | None]
"""Answers, each on one line, and the token of the page that follows."""
