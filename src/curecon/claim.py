"""What a person claims from AWS: findings with their lines, rates, arithmetic and inputs."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from curecon import __version__, life
from curecon.asked import records
from curecon.errors import OptionInvalid
from curecon.explanation import explain_lines, findings_of, known_rates, lines_of
from curecon.explanation.model import RateTaken
from curecon.models import Finding, Money, Record, Time
from curecon.report import story
from curecon.report.figures import EXACT, add, count, number

_ARN = re.compile(r"arn:aws[a-z-]*:[^\s\"'<>|,;)\]]+")
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
_KEPT = frozenset({"sha256", "id", "series_id", "delivery_id"})


class ClaimedLine(Record):
    """A line of the bill that a claim is about, with its dollars as far as the claim goes."""

    finding_id: str
    line_item_id: str | None
    time_interval: str | None
    usage_start: Time
    usage_account: str | None
    product_code: str | None
    usage_type: str | None
    operation: str | None
    resource: str | None
    quantity: Money | None
    unit: str | None
    billed_rate: Money | None
    billed: Money
    expected: Money
    difference: Money
    currency: str | None


class Claim(Record):
    """One finding that is disputed: its lines, the rate, and the arithmetic of its dearest line."""

    finding: Finding
    lines: list[ClaimedLine]
    rates: list[RateTaken]
    example: str | None
    steps: list[str]
    sums: str


class Input(Record):
    """A file that the claim rests on: of the bill, or of what it was judged by."""

    kind: str
    name: str
    sha256: str
    what: str


class Amount(Record):
    """What is claimed in one currency: the difference without what was credited already."""

    currency: str
    billed: Money
    expected: Money
    difference: Money
    recovered: Money
    claimed: Money


class Package(Record):
    """Everything a dispute says; letter, tables and hashes are made of this alone."""

    payer_account: str
    dated: date
    owner: str
    amounts: list[Amount]
    claims: list[Claim]
    inputs: list[Input]
    curecon_version: str
    redacted: bool = False


def collect(
    con: duckdb.DuckDBPyConnection, finding_ids: Sequence[str], owner: str, dated: date
) -> Package:
    """Collect what is claimed from an open ledger.

    Raises:
        OptionInvalid: no finding is meant, or one of them claims nothing; the reason is said.
    """
    meant = {one.id: one for one in (life.finding_named(con, wanted) for wanted in finding_ids)}
    if not meant:
        raise OptionInvalid("name a finding, e.g. `curecon findings dispute ID --out dispute`")
    every = {one.id: one for one in findings_of(con)}
    states = {one.finding_id: one for one in life.states(con, dated)}
    findings = [_claimed(every.get(one), one, states[one].state) for one in meant]
    payers = sorted({one.payer_account for one in findings})
    if len(payers) > 1:
        raise OptionInvalid(
            f"the findings are of the payers {', '.join(payers)}; dispute those of each by itself"
        )
    return Package(
        payer_account=payers[0],
        dated=dated,
        owner=owner,
        amounts=_amounts(findings, {one: states[one].recovered for one in meant}),
        claims=[_claim(con, one) for one in story.ordered(findings)],
        inputs=_inputs(con, findings),
        curecon_version=__version__,
    )


def _claimed(finding: Finding | None, wanted: str, state: str) -> Finding:
    """Refuse to claim what is not owed."""
    if finding is None or state == "resolved":
        raise OptionInvalid(f"the finding {wanted} is resolved; there is nothing left to dispute")
    if finding.primary_id is not None:
        raise OptionInvalid(
            f"the dollars of {wanted} are counted in {finding.primary_id}; dispute that one"
        )
    if not story.judged(finding) or finding.difference <= 0:
        raise OptionInvalid(
            f"the finding {wanted} ({finding.check}) says of no dollars that AWS billed them too "
            "much, so there is nothing to dispute"
        )
    return finding


def _amounts(findings: Sequence[Finding], recovered: dict[str, Decimal]) -> list[Amount]:
    by_currency: dict[str, list[Finding]] = {}
    for one in findings:
        by_currency.setdefault(one.currency or "XXX", []).append(one)
    amounts = []
    for currency, group in sorted(by_currency.items()):
        difference = add(one.difference for one in group)
        won_back = add(recovered[one.id] for one in group)
        amounts.append(
            Amount(
                currency=currency,
                billed=add(one.billed for one in group),
                expected=add(one.expected or Decimal(0) for one in group),
                difference=difference,
                recovered=won_back,
                claimed=EXACT.subtract(difference, won_back),
            )
        )
    return amounts


def _claim(con: duckdb.DuckDBPyConnection, finding: Finding) -> Claim:
    # Of what never came, the lines are charges that it was promised for; none of them is claimed.
    wrong = finding.lines > 0
    lines = [ClaimedLine(**row) for row in records(con, _LINES, [finding.id])] if wrong else []
    dearest = [one.line for one in lines_of(con, finding.id)[:1]] if wrong else []
    explained = explain_lines(con, dearest, known_rates())[0] if dearest else None
    con.execute("DROP VIEW IF EXISTS temp.lines")
    return Claim(
        finding=finding,
        lines=lines,
        rates=explained.rates if explained else [],
        example=explained.line.line_item_id if explained else None,
        steps=explained.arithmetic.steps if explained else [],
        sums=_sums(finding, len(lines)),
    )


def short_of(finding: Finding) -> str | None:
    """Name what fell short: a credit or a discount; None where a charge was billed too high."""
    if finding.check == "credit_differs":
        return "credit"
    return "discount" if finding.category == "discount" else None


def _sums(finding: Finding, lines: int) -> str:
    """Say how the dollars of a claim add up; of what never came, its reason has said so."""
    currency = finding.currency or ""
    if not lines and (noun := short_of(finding)):
        return f"{number(finding.difference)} {currency} of promised {noun} has not arrived"
    expected = finding.expected or Decimal(0)
    sums = (
        f"{number(finding.billed)} billed - {number(expected)} expected = "
        f"{number(finding.difference)} {currency}".rstrip()
    )
    return f"{count(lines, 'line')}: {sums}" if lines else sums


_LINES = """
SELECT
    f.finding_id,
    f.line_item_id,
    f.time_interval,
    l.line_item_usage_start_date AS usage_start,
    l.line_item_usage_account_id AS usage_account,
    k.line_item_product_code AS product_code,
    k.line_item_usage_type AS usage_type,
    k.line_item_operation AS operation,
    l.line_item_resource_id AS resource,
    l.line_item_usage_amount AS quantity,
    k.pricing_unit AS unit,
    l.line_item_unblended_rate AS billed_rate,
    f.billed,
    f.expected,
    CAST(f.billed - f.expected AS DECIMAL(36, 20)) AS difference,
    k.line_item_currency_code AS currency
FROM finding_lines AS f
JOIN lines AS l ON l.line = f.line
JOIN charge_keys AS k ON k.charge_key_id = l.charge_key_id
WHERE f.finding_id = ?
ORDER BY l.line_item_usage_start_date, f.line_item_id NULLS LAST, f.line
"""


def _inputs(con: duckdb.DuckDBPyConnection, findings: Sequence[Finding]) -> list[Input]:
    """List the files of the bill and what it was judged by, each with its hash."""
    ids = [one.id for one in findings]
    deliveries = (
        "SELECT DISTINCT delivery_id FROM findings WHERE list_contains(CAST(? AS VARCHAR[]), id)"
    )
    rows = records(
        con,
        "SELECT 'bill' AS kind, f.name, f.sha256, strftime(d.period, '%Y-%m') || ', ' "
        "|| d.format || ', delivery ' || d.delivery_id AS what FROM delivery_files AS f "
        f"JOIN deliveries AS d USING (delivery_id) WHERE delivery_id IN ({deliveries}) "
        "UNION ALL SELECT DISTINCT 'rates', name, sha256, source FROM rate_sources "
        f"WHERE delivery_id IN ({deliveries}) ORDER BY ALL",
        [ids, ids],
    )
    return [Input(**row) for row in rows]


def redact(package: Package) -> Package:
    """Replace account numbers and ARNs, each by the same word wherever it stands.

    Every account that the claim names is replaced in every text, and so is whatever looks like an
    account or an ARN; amounts and hashes stay.
    """
    accounts: dict[str, str] = {}
    arns: dict[str, str] = {}
    named = {package.payer_account}
    for claim in package.claims:
        named |= {one.usage_account for one in claim.lines if one.usage_account}
        named |= {claim.finding.usage_account or package.payer_account}

    def hidden(text: str) -> str:
        text = _ARN.sub(lambda m: arns.setdefault(m[0], f"[ARN {len(arns) + 1}]"), text)
        for account in sorted(named, key=lambda one: (-len(one), one)):
            if account in text:
                word = accounts.setdefault(account, f"[account {len(accounts) + 1}]")
                text = text.replace(account, word)
        return _ACCOUNT.sub(
            lambda m: accounts.setdefault(m[0], f"[account {len(accounts) + 1}]"), text
        )

    changed = _texts(package.model_dump(), hidden) | {"redacted": True}
    return Package.model_validate(changed)


def _texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401
    """Change every text in nested values, but for hashes."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_texts(one, change) for one in value]
    if isinstance(value, dict):
        return {
            key: one if key in _KEPT and isinstance(one, str) else _texts(one, change)
            for key, one in value.items()
        }
    return value
