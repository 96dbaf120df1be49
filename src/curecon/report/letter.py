"""Write a dispute: a letter of one page with its annex, as HTML and Markdown, and tables as CSV."""

from collections import Counter

from jinja2 import Environment, PackageLoader, StrictUndefined

from curecon.claim import Claim, ClaimedLine, Input, Package, short_of
from curecon.explanation.model import RateTaken
from curecon.report.figures import count, money, number
from curecon.report.files import table_csv
from curecon.report.markdown import escaped
from curecon.report.text import CODE, SENTENCE, visible, words

LISTED = 12
"""Lines shown in the annex; lines.csv has all of them."""

CLAIMS_ON_PAGE = 6
"""Claims in the table of the letter, so that it stays one page; the annex has all of them."""


def render(package: Package) -> dict[str, str]:
    """Return the text of every file by its name."""
    return {
        "letter.html": html(package),
        "letter.md": markdown(package),
        "lines.csv": table_csv(
            list(ClaimedLine.model_fields), [one for claim in package.claims for one in claim.lines]
        ),
        "inputs.csv": table_csv(list(Input.model_fields), package.inputs),
    }


def html(package: Package) -> str:
    """Write the letter as a page that prints on paper; every text of the bill is escaped."""
    environment = Environment(
        loader=PackageLoader("curecon.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=money, number=number, count=count, visible=visible, words=words, rate=rate_of,
        where=where_of,
    )  # fmt: skip
    return environment.get_template("letter.html.j2").render(
        package=package, listed=LISTED, on_page=CLAIMS_ON_PAGE, asked=asked(package),
        opening=opening(package), closing=CLOSING, hidden=HIDDEN,
    )  # fmt: skip


CLOSING = (
    "Should you come to another amount, please tell us which rate, quantity or rule applies, and "
    "where it is published or agreed."
)
HIDDEN = "Account numbers and ARNs are replaced in this package; we give them in the case."


def asked(package: Package) -> str:
    """Say what is asked for, in one sentence."""
    sums = " and ".join(f"{money(one.claimed)} {one.currency}" for one in package.amounts)
    before = " and ".join(
        f"{money(one.recovered)} {one.currency}" for one in package.amounts if one.recovered
    )
    credited = f", besides the {before} that you credited already" if before else ""
    charges, short = _kinds(package)
    *others, last = ["charges"] * bool(charges) + [f"{noun}s" for noun in sorted(short)]
    these = f"these {', '.join(others)} and {last}" if others else f"these {last}"
    if len(package.claims) == 1:
        these = f"this {last.removesuffix('s')}"
    return f"Please review {these} and credit {sums}{credited}."


def opening(package: Package) -> str:
    """Say what was compared and what came out, as it fits charges, credits and discounts."""
    charges, short = _kinds(package)
    said, annex = [], []
    if charges:
        annex.append("the rate with its source, the arithmetic, and the lines")
        what, they = ("this charge", "It was") if charges == 1 else ("these charges", "They were")
        said.append(
            f"We worked out independently what {what} should have cost. {they} billed higher, as "
            "follows."
        )
    if short:
        number = sum(short.values())
        named = " and ".join(count(many, noun) for noun, many in short.items())
        also = "Besides, " if charges else "We held the bill against what was promised. "
        said.append(
            f"{also}{named} {'has' if number == 1 else 'have'} not arrived, or not in full."
        )
        of_each = "of each of these " if charges else ""
        annex.append(f"{of_each}what was promised, what arrived and what is missing")
    return " ".join([*said, f"The annex gives {', and '.join(annex)}."])


def _kinds(package: Package) -> tuple[int, Counter[str]]:
    """Count the claims of charges, and of what fell short: credits and discounts."""
    short = Counter(noun for claim in package.claims if (noun := short_of(claim.finding)))
    return len(package.claims) - short.total(), short


def rate_of(rate: RateTaken) -> str:
    """Say what the rate is, where it stands and when it was in force."""
    until = f" until {rate.ends}" if rate.ends else ""
    since = f", in force from {rate.starts}{until}" if rate.starts else ""
    seen = f", as of {rate.checked}" if rate.checked else ""
    source = ": ".join(part for part in (rate.source, rate.reference) if part)
    return f"{number(rate.price)} {rate.currency} per {rate.unit}. {source}{since}{seen}."


def where_of(claim: Claim) -> str:
    """Say which account, region and period a claim is about."""
    one = claim.finding
    account = f"account {one.usage_account}" if one.usage_account else None
    return ", ".join(part for part in (one.period, account, one.region) if part)


def markdown(package: Package) -> str:
    """Write the letter as Markdown, for a case that takes text."""
    said = [
        f"# Billing dispute: {escaped(asked(package), SENTENCE)}",
        "",
        f"Payer account {escaped(package.payer_account)}, {package.dated}",
        "",
        escaped(opening(package), SENTENCE),
        "",
        "| Finding | Where | Why | Billed | Expected | Difference |",
        "|---|---|---|--:|--:|--:|",
        *(_row(claim) for claim in package.claims),
        *(
            f"| **In all** | | | {money(one.billed)} | {money(one.expected)} "
            f"| **{money(one.difference)} {escaped(one.currency or '', CODE)}** |"
            for one in package.amounts
        ),
        "",
        CLOSING,
        "",
        *([HIDDEN, ""] if package.redacted else []),
        escaped(package.owner),
        "",
    ]
    for claim in package.claims:
        said += _annex(claim)
    said += ["## What this rests on", "", "| | File | SHA-256 | |", "|---|---|---|---|"]
    said += [
        f"| {one.kind} | {escaped(one.name)} | {one.sha256} | {escaped(one.what)} |"
        for one in package.inputs
    ]
    said += ["", f"All lines are in lines.csv. Worked out with curecon {package.curecon_version}."]
    return "\n".join(said) + "\n"


def _row(claim: Claim) -> str:
    one = claim.finding
    cells = [
        f"{escaped(words(one.check))}<br>{one.id}",
        escaped(where_of(claim), SENTENCE),
        escaped(one.reason, SENTENCE),
        money(one.billed),
        "" if one.expected is None else money(one.expected),
        f"{money(one.difference)} {escaped(one.currency or '', CODE)}",
    ]
    return f"| {' | '.join(cells)} |"


def _annex(claim: Claim) -> list[str]:
    one = claim.finding
    said = [f"## {escaped(words(one.check))} ({one.id})", "", escaped(one.reason, SENTENCE), ""]
    said += [f"- Usage type: {escaped(one.usage_type)}"] if one.usage_type else []
    said += [f"- Rate: {escaped(rate_of(rate), SENTENCE)}" for rate in claim.rates]
    if claim.steps:
        said += ["", f"The arithmetic of line {escaped(claim.example or '')}:", ""]
        said += [f"{n}. {escaped(step, SENTENCE)}" for n, step in enumerate(claim.steps, start=1)]
    said += [""] if said[-1] else []
    return [*said, escaped(claim.sums, SENTENCE), ""]
