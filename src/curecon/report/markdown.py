"""Write `summary.md`: the same story for a pull request or a ticket."""

import re
from collections import Counter

from curecon.models import AuditResult, Breakdown, Finding, FindingState
from curecon.report import story
from curecon.report.figures import count, money, number, signed
from curecon.report.story import Statement
from curecon.report.text import CODE, FIELD, SENTENCE, visible, words

LIMIT = 20
"""Findings shown; a ticket is read, not searched."""

# Trackers turn addresses, mentions and issue numbers into links even where all else is escaped,
# except in code. The span holds none of the characters that could end it or the table cell.
_LINK = re.compile(r"[^\s|`\\<>]*(?:://|www\.|@|#(?=\w))[^\s|`\\<>]*", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_{}\[\]()~|!$]")
_BLOCK = re.compile(r"^(\s*)([-+#=:])|^(\s*\d+)(\.)(?=\s|$)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render(result: AuditResult) -> str:
    """Return the text of `summary.md`."""
    statements = story.statements(result)
    lines = ["# Audit of Amazon Bedrock and Amazon SageMaker charges", ""]
    if not result.findings:
        lines += ["**No findings.**", ""]
    if not statements:
        lines += ["No bill was audited.", ""]
    for statement in statements:
        lines += _statement(statement)
        if final := story.final_of(result, statement):
            lines += [f"Invoices: {escaped(final, SENTENCE)}.", ""]
    lines += _findings(result)
    lines += _breakdown(statements, "unpriced", "What could not be judged, and why", "Reason")
    lines += _breakdown(statements, "not_repriced", "What is not repriced", "Line type")
    lines += _breakdown(statements, "source", "What the charges were judged by", "Source")
    lines += _provenance(result)
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str, limit: int = FIELD) -> str:
    """Make a text of the bill read as itself: no markup, no link, no cell border, no new line."""
    shown = visible(text, limit)
    parts: list[str] = []
    end = 0
    for match in _LINK.finditer(shown):
        parts += [_prose(shown[end : match.start()]), f"`{match.group()}`"]
        end = match.end()
    parts.append(_prose(shown[end:]))
    # The beginning of a text opens no list and no heading either.
    return _BLOCK.sub(r"\1\3\\\2\4", "".join(parts))


def _prose(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text).translate(_ENTITIES)


def _statement(statement: Statement) -> list[str]:
    total = statement.total
    share = f" ({statement.share} of usage dollars)" if statement.share else ""
    said = escaped(story.verdict(statement), SENTENCE)
    won = f"| Recovered, won back by credits | {money(statement.recovered)} |"
    recovered = [won] if statement.recovered else []
    difference = signed(statement.difference)
    if not statement.compared:
        difference = f"— ({story.outcome(statement)})"
    lines = [
        f"## {escaped(statement.name, SENTENCE)}",
        "",
        f"{said} Findings: {story.counted(statement.severities)}.",
        "",
        f"| | {escaped(total.currency, CODE)} |",
        "|---|--:|",
        f"| Billed, {statement.subject} | {money(total.in_scope_billed)} |",
        f"| Not repriced ({statement.aside}) | {money(total.not_repriced)} |",
        f"| Could not be priced | {money(total.unpriced)} |",
        f"| Priced, as billed{share} | {money(statement.priced)} |",
        f"| Expected | {money(total.expected) if statement.compared else '—'} |",
        f"| **Difference** | **{difference}** |",
        *recovered,
        "",
    ]
    if statement.forecast:
        lines += [escaped(story.month_end(statement.forecast), SENTENCE), ""]
    if statement.bridge:
        lines += ["| From billed to expected | Billed | Expected | Amount | Lines |"]
        lines += ["|---|--:|--:|--:|--:|"]
        lines += [
            f"| {escaped(story.label(row.component))} | {money(row.billed)} "
            f"| {money(row.expected)} | {signed(row.amount)} | {number(row.lines)} |"
            for row in statement.bridge
        ]
        lines.append("")
    return lines


def _findings(result: AuditResult) -> list[str]:
    if not result.findings:
        return []
    findings = story.ordered(result.findings)
    states = {one.finding_id: one for one in result.run.states}
    lines = [
        f"## Findings: {story.counted(Counter(finding.severity for finding in findings))}",
        "",
        "| Severity | Difference | What | Where | Why |",
        "|---|--:|---|---|---|",
        *(_finding(finding, states.get(finding.id)) for finding in findings[:LIMIT]),
        "",
    ]
    if elsewhere := story.elsewhere(result):
        lines += [elsewhere, ""]
    if lives := story.lives(result):
        lines += [f"By state: {lives}.", ""]
    if (more := len(findings) - LIMIT) > 0:
        lines += [f"{more:,} more are in `findings.csv` and `report.html`.", ""]
    return lines


def _finding(finding: Finding, state: FindingState | None) -> str:
    judged = story.judged(finding)
    dollars = signed(finding.difference) if judged else money(finding.difference)
    dollars += f" {escaped(finding.currency, CODE)}" if finding.currency else ""
    if remark := story.aside(finding, state):
        dollars += f" ({remark})"
    what = [words(finding.check), finding.usage_type, finding.operation]
    account = finding.usage_account or finding.payer_account
    where = [finding.period, account, finding.region, finding.resource]
    cells = [
        finding.severity,
        dollars,
        "<br>".join(escaped(part) for part in what if part),
        "<br>".join(escaped(part) for part in where if part),
        escaped(finding.reason, SENTENCE),
    ]
    return f"| {' | '.join(cells)} |"


def _breakdown(statements: list[Statement], kind: str, title: str, head: str) -> list[str]:
    rows = [(one, row) for one in statements for row in one.breakdowns.get(kind, [])]
    if not rows:
        return []
    lines = [f"## {title}", "", f"| {head} | Lines | Billed |", "|---|--:|--:|"]
    for statement, row in rows[:LIMIT]:
        where = f"<br>{escaped(statement.name, SENTENCE)}" if len(statements) > 1 else ""
        lines.append(
            f"| {escaped(_label(row))}{where} | {number(row.lines)} "
            f"| {money(row.billed)} {escaped(row.currency, CODE)} |"
        )
    lines.append("")
    if len(rows) > LIMIT:
        lines += [f"{len(rows) - LIMIT:,} more are in `report.html`.", ""]
    return lines


def _label(row: Breakdown) -> str:
    named = story.reason(row)
    return f"{row.service}: {named}" if row.service else named


def _provenance(result: AuditResult) -> list[str]:
    run = result.run
    lines = ["## Where this comes from", ""]
    lines += [
        f"- Delivery {escaped(one.id)}: {escaped(one.period)}, payer "
        f"{escaped(one.payer_account)}, {escaped(one.format)}, {count(one.lines, 'line')} in "
        f"{count(len(one.files), 'file')}"
        for one in run.deliveries
    ]
    lines += [
        f"- Rates {escaped(one.name)}: {escaped(one.source)}, {count(one.rates, 'rate')}"
        for one in run.rate_sources
    ]
    lines += [f"- {escaped(note, SENTENCE)}" for note in run.notes]
    return [*lines, f"- curecon {escaped(run.curecon_version)}, run {escaped(run.id)}"]
