"""The message: what is told, in the words of a person and as data.

Text of a bill is written so that no channel takes it for a command: no mention of people, no
link, no markup, one line. Nothing of it is left out but what is too long to show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from curecon.models import Severity
from curecon.money import plain
from curecon.report.figures import ZERO, add, count, money, signed
from curecon.report.text import SENTENCE, visible

Kind = Literal["new", "back", "worse", "overdue", "disputed"]
GRAVITY: dict[str, int] = {"error": 0, "warning": 1, "info": 2}
SHOWN_MAX = 10
DETAIL_MAX = 50
_REASON_MAX = 300

# What commands a channel becomes a character that looks alike: <!everyone>, @channel, <a|b>,
# [a](b), `code`, *bold*, ~struck~; a backslash would be read as an escape.
_ALIKE = str.maketrans(
    dict(zip("<>@&[]`*~|\\", "‹›＠＆［］ˋ∗∼∣⧵", strict=True))  # noqa: RUF001
)


@dataclass(frozen=True)
class Item:
    """A series of findings that is to be told, by its dearest finding."""

    kind: Kind
    series_id: str
    finding_id: str
    severity: Severity
    category: str
    period: str
    payer_account: str
    usage_account: str | None
    what: str
    difference: Decimal
    owns_difference: bool
    currency: str | None
    reason: str
    before: Decimal | None = None
    """The dollars that were told last."""


@dataclass(frozen=True)
class Notice:
    """Something that befell a run, and not a bill."""

    notice_id: str
    kind: Literal["failed", "missed"]
    at: datetime
    text: str


@dataclass(frozen=True)
class Message:
    """Everything that one channel is told at once."""

    items: Sequence[Item]
    notices: Sequence[Notice]
    report: str | None = None
    finality: Sequence[str] = ()
    """How final the bills are that the findings are about, a sentence each."""

    @property
    def severity(self) -> Severity:
        """The gravest of what is told; a run that failed is an error."""
        if self.notices:
            return "error"
        return min((one.severity for one in self.items), key=GRAVITY.__getitem__)

    @property
    def title(self) -> str:
        """What is told, in a line."""
        runs = [f"{count(len(self.notices), 'run')} failed or missed"] if self.notices else []
        kinds = dict.fromkeys(get_args(Kind), 0)
        for one in self.items:
            kinds[one.kind] += 1
        told = [f"{number:,} {kind}" for kind, number in kinds.items() if number]
        return ": ".join(["curecon", ", ".join(runs + told), *self._headline()[:1]])

    @property
    def text(self) -> str:
        """The message in full, of plain text."""
        parts = [f"{_when(one.at)} {harmless(one.text, SENTENCE)}" for one in self.notices]
        if headline := self._headline():
            parts.append(". ".join(_capital(one) for one in headline) + ".")
        if self.finality:
            parts.append("\n".join(harmless(one, SENTENCE) for one in self.finality))
        parts += [_paragraph(one) for one in self.items[:SHOWN_MAX]]
        if more := len(self.items) - SHOWN_MAX:
            rest = count(more, "more finding") if more > 0 else ""
            parts += [f"And {rest}: `curecon findings list`".replace("`", "")] if rest else []
        if self.report:
            parts.append(f"Report: {self.report}")
        return "\n\n".join(parts)

    def _headline(self) -> list[str]:
        """Say what the dollars add up to; each is counted where it is owned."""
        said = []
        for currency in sorted({one.currency or "" for one in self.items}):
            mine = [one for one in self.items if (one.currency or "") == currency]
            owned = [one for one in mine if one.owns_difference]
            unpriced = add(one.difference for one in owned if one.category == "unpriced")
            wrong = add(one.difference for one in owned if one.category != "unpriced")
            code = harmless(currency or "(no currency)")
            if wrong:
                direction = "too much" if wrong > 0 else "too little"
                said.append(f"AWS billed {money(wrong.copy_abs())} {code} {direction}")
            if unpriced:
                said.append(f"{money(unpriced)} {code} could not be priced")
        return said

    def detail(self) -> dict[str, Any]:
        """Return the message as data: decimals as strings, and the text of bills as it is."""
        return {
            "schema_version": 1,
            "title": self.title,
            "severity": self.severity,
            "report": self.report,
            "finality": [visible(one, SENTENCE) for one in self.finality],
            "notices": [
                {"kind": one.kind, "at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}", "text": one.text}
                for one in self.notices
            ],
            "findings": [_data(one) for one in self.items[:DETAIL_MAX]],
            "more": max(len(self.items) - DETAIL_MAX, 0),
        }


def harmless(text: str, limit: int = 160) -> str:
    """Write text of a bill so that no channel reads a command, a mention or a link in it."""
    return visible(text, limit).translate(_ALIKE).replace("://", ": //")


def _paragraph(one: Item) -> str:
    dollars = "" if one.difference == ZERO else f" {signed(one.difference)} {one.currency or ''}"
    grown = f" (told at {signed(one.before)})" if one.kind == "worse" and one.before else ""
    place = [one.what, one.period, f"account {one.usage_account or one.payer_account}"]
    return (
        f"{one.severity.upper()} {one.kind}{harmless(dollars).rstrip()}{grown}\n"
        f"{' · '.join(harmless(part) for part in place)}\n"
        f"{harmless(one.reason, _REASON_MAX)}\n"
        f"curecon findings show {one.finding_id}"
    )


def _data(one: Item) -> dict[str, Any]:
    """Return a finding with the names of findings.json; texts are cut where they are endless."""
    return {
        "kind": one.kind,
        "id": one.finding_id,
        "series_id": one.series_id,
        "severity": one.severity,
        "category": one.category,
        "period": one.period,
        "payer_account": one.payer_account,
        "usage_account": one.usage_account,
        "what": visible(one.what),
        "difference": plain(one.difference),
        "currency": one.currency,
        "reason": visible(one.reason, SENTENCE),
    }


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC:"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
