"""Results made by hand, for whoever needs one without running an audit."""

import typing
from datetime import UTC, date, datetime
from decimal import Decimal

from curecon.models import (
    AuditResult,
    Breakdown,
    BridgeRow,
    DailySpend,
    DeliveredFile,
    Delivery,
    Finality,
    Finding,
    FindingLine,
    FindingState,
    Forecast,
    ProvisionedDay,
    RateSource,
    RateUsed,
    Run,
    Total,
    UnusualDay,
)

D = Decimal
PAYER = "123456789012"
PERIOD = "2026-10"
STARTED = datetime(2026, 11, 3, 8, 15, 30, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!-- --><style>*{display:none}</style>",
    '" onmouseover="alert(1)',
    "=cmd|'/c calc'!A0",
    "  =1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'; DROP TABLE findings; --",
    "{{7*7}} {% raw %}",
    "[click](https://evil.example/x) ![i](//evil.example/i.png) https://evil.example/a|b`c`",
    "www.evil.example user@evil.example <https://evil.example> javascript:alert(1)",
    "a | b ` c `` d \\| e\n# heading\n- item\n| x | y |",
    "@everyone #12 *bold* _it_ ~~no~~ <b>b</b> &amp; $x$",
    "[bold red]markup[/] [link=https://evil.example]x[/link] :smile: [/nothing]",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link \x07 \x9b31m \x00",
    "evil\u202etxt.exe\u2066 \u200b \ufeff \u2028 \U000e0041",
    "🧾 émoji 👩‍🔬 日本語 العربية",
)


def finding(number: int = 1, **changed) -> Finding:
    """Make a finding that claims a rate too high; its dollars follow from quantity and price."""
    fields = {
        "id": f"{number:016x}",
        "series_id": f"{number + 2**40:016x}",
        "check": "rate_differs",
        "category": "rate",
        "severity": "error",
        "owns_difference": True,
        "period": PERIOD,
        "payer_account": PAYER,
        "usage_account": "210987654321",
        "region": "us-east-1",
        "service": "bedrock",
        "usage_type": "USE1-NovaPro-input-tokens",
        "operation": "InvokeModelInference",
        "unit": "1K tokens",
        "resource": None,
        "quantity": D(1250000),
        "billed": D("1200"),
        "expected": D("1000"),
        "difference": D("200"),
        "currency": "USD",
        "lines": 744,
        "first_usage": datetime(2026, 10, 1, tzinfo=UTC),
        "last_usage": datetime(2026, 10, 31, 23, tzinfo=UTC),
        "reason": "Amazon Nova Pro input tokens were billed at 0.00096 USD per 1,000 tokens; the "
        "price list in force says 0.0008 USD.",
        "primary_id": None,
        "rate": RateUsed(
            source="AWS price list AmazonBedrock, published 2026-09-28",
            reference="SKU 9XZ4K2M7QW · Nova Pro input tokens",
            price=D("0.0008"),
            unit="1K tokens",
            starts="2026-09-01",
            ends=None,
        ),
    }
    return Finding(**(fields | changed))


def bridge_row(component: str, billed: str, expected: str, lines: int, **changed) -> BridgeRow:
    fields = {
        "period": PERIOD,
        "payer_account": PAYER,
        "currency": "USD",
        "component": component,
        "billed": D(billed),
        "expected": D(expected),
        "amount": D(billed) - D(expected),
        "lines": lines,
    }
    return BridgeRow(**(fields | changed))


def breakdown(kind: str, label: str, billed: str, expected: str, lines: int, **changed):
    fields = {
        "kind": kind,
        "period": PERIOD,
        "payer_account": PAYER,
        "currency": "USD",
        "service": None,
        "label": label,
        "billed": D(billed),
        "expected": D(expected),
        "lines": lines,
    }
    return Breakdown(**(fields | changed))


def spent(number: int, label: str | None, billed: str, **changed) -> DailySpend:
    fields = {
        "period": PERIOD,
        "payer_account": PAYER,
        "currency": "USD",
        "day": date(2026, 10, number),
        "label": label,
        "billed": D(billed),
    }
    return DailySpend(**(fields | changed))


def provisioned(day: int | None, hours: str, **changed) -> ProvisionedDay:
    fields = {
        "period": PERIOD,
        "payer_account": PAYER,
        "currency": "USD",
        "usage_account": "210987654321",
        "resource": "arn:aws:bedrock:us-east-1:210987654321:provisioned-model/night-batch",
        "label": "Claude Instant",
        "region": "us-east-1",
        "commitment": "1 month",
        "day": date(2026, 10, day) if day else None,
        "hours": D(hours),
        "billed": D(hours) * D("39.6"),
    }
    return ProvisionedDay(**(fields | changed))


def line(number: int, **changed) -> FindingLine:
    fields = {
        "finding_id": f"{number:016x}",
        "line_item_id": "li-0001",
        "usage_start": datetime(2026, 10, 3, 7, tzinfo=UTC),
        "usage_end": datetime(2026, 10, 3, 8, tzinfo=UTC),
        "quantity": D("2.9876543210"),
        "billed_rate": D("1.516"),
        "billed": D("4.5287"),
        "expected": D(0),
    }
    return FindingLine(**(fields | changed))


def total(**changed) -> Total:
    fields = {
        "period": PERIOD,
        "payer_account": PAYER,
        "currency": "USD",
        "lines": 1204311,
        "billed": D("412906.18"),
        "in_scope_lines": 168412,
        "in_scope_billed": D("58231.4471"),
        "expected": D("52110.3150579"),
        "unpriced": D("812.5"),
        "not_repriced": D("4316.232"),
    }
    return Total(**(fields | changed))


def run(**changed) -> Run:
    files = [
        DeliveredFile(
            name=f"data/BILLING_PERIOD=2026-10/ai-0000{number}.snappy.parquet",
            sha256=f"{number:064x}",
            bytes=48211733 + number,
            lines=401437,
        )
        for number in (1, 2, 3)
    ]
    fields = {
        "id": "20261103T081530Z-7f3a",
        "curecon_version": "0.1.0",
        "started": STARTED,
        "deliveries": [
            Delivery(
                id="cur2-2026-10-2026-11-02T04:10:00Z",
                period=PERIOD,
                payer_account=PAYER,
                format="CUR 2.0",
                final_lines=1204311,
                lines=1204311,
                files=files,
                finality=[
                    Finality(
                        invoicing_entity="Amazon Web Services, Inc.",
                        currency="USD",
                        lines=168412,
                        final_lines=168000,
                        billed=D("58231.4471"),
                        final_billed=D("58000"),
                        is_final=False,
                    )
                ],
            )
        ],
        "rate_sources": [
            RateSource(
                name="AmazonBedrock",
                source="AWS price list, published 2026-09-28",
                sha256="ab" * 32,
                rates=4211,
            ),
            RateSource(name="anthropic", source="rate card", sha256="cd" * 32, rates=96),
        ],
        "notes": [
            "No contract was given: discount lines are not repriced.",
            "The price list of AmazonSageMaker was published after the usage: at most a warning.",
        ],
        "states": [
            FindingState(
                finding_id=f"{2:016x}",
                series_id=f"{2 + 2**40:016x}",
                state="disputed",
                since=STARTED,
                who="ines",
                why="Case 4711",
                recovered=D("620.5"),
                remaining=D("221.9"),
            )
        ],
    }
    return Run(**(fields | changed))


def _findings() -> list[Finding]:
    """Return findings with dollars, and findings without."""
    return [
        finding(1, billed=D("1200"), difference=D("200")),
        *_with_dollars(),
        *_without_dollars(),
    ]


def _with_dollars() -> list[Finding]:
    return [
        finding(
            2,
            check="identical_usage",
            category="duplicate",
            billed=D("842.4"),
            expected=D("0"),
            difference=D("842.4"),
            usage_type="USE1-Host:ml.g5.2xlarge",
            operation="RunInstance",
            service="sagemaker",
            unit="Hrs",
            quantity=D("555.6875"),
            resource="arn:aws:sagemaker:us-east-1:210987654321:endpoint/churn-prediction-blue",
            reason="The same hours of this endpoint are on the bill twice: every identity column "
            "of 186 lines is equal.",
            lines=186,
            rate=None,
        ),
        finding(
            3,
            check="no_rate",
            category="unpriced",
            severity="warning",
            billed=D("812.5"),
            expected=None,
            difference=D("812.5"),
            usage_type="EUC1-MP:EUC1_OutputTokenCount-Units",
            operation="Usage",
            region="eu-central-1",
            service="marketplace",
            unit="Units",
            quantity=D("325000"),
            reason="No rate is known for this model in eu-central-1, so nothing can be said about "
            "its price.",
            rate=None,
        ),
        finding(
            4,
            check="discount_missing",
            category="discount",
            severity="warning",
            billed=D("9004.5"),
            expected=D("9054.5"),
            difference=D("-50"),
            usage_type="USW2-Claude-output-tokens",
            region="us-west-2",
            reason="A discount of 50 USD more than the contract promises was given in us-west-2.",
        ),
    ]


def _without_dollars() -> list[Finding]:
    return [
        finding(
            5,
            check="price_list_differs",
            severity="info",
            owns_difference=False,
            primary_id=f"{1:016x}",
            reason="Two public sources disagree on the price of Nova Pro input tokens.",
        ),
        finding(
            6,
            check="column_missing",
            category="data",
            severity="info",
            billed=D(0),
            expected=None,
            difference=D(0),
            quantity=None,
            usage_account=None,
            region=None,
            service=None,
            usage_type=None,
            operation=None,
            unit=None,
            currency=None,
            first_usage=None,
            last_usage=None,
            rate=None,
            reason="The delivery has no column for resources, so duplicates are judged without "
            "them.",
        ),
    ]


def typical() -> AuditResult:
    """A month of one payer with something of everything."""
    return AuditResult(
        run=run(),
        totals=[total()],
        bridge=[
            bridge_row("agrees", "42055.8150579", "42055.8150579", 166201),
            bridge_row("duplicate", "842.4", "0", 186),
            bridge_row("rate", "1200", "1000", 744),
            bridge_row("discount", "9004.5", "9054.5", 31),
            bridge_row("rounding", "0.0000421", "0", 900),
            bridge_row("free_tier", "0", "0", 0),
            bridge_row("unpriced", "812.5", "0", 310),
            bridge_row("not_repriced", "4316.232", "0", 40),
        ],
        findings=_findings(),
        breakdowns=[
            breakdown("spend", "Claude Sonnet", "31200.11", "31250.11", 90210, service="bedrock"),
            breakdown("spend", "Nova Pro", "9100.2371", "8900.2371", 40122, service="bedrock"),
            breakdown("spend", "ml.g5.2xlarge", "12802.4", "11960", 36000, service="sagemaker"),
            breakdown("unpriced", "no rate for this model and region", "812.5", "0", 310),
            breakdown("not_repriced", "Tax", "5316.232", "0", 38),
            breakdown("not_repriced", "Credit", "-1000", "0", 2),
            breakdown("model", "Nova Pro", "9100.2371", "8900.2371", 40122, service="bedrock"),
            breakdown("capability", "on_demand", "40300.3471", "40150.3471", 130332),
            breakdown("account", "210987654321", "58231.4471", "52110.3150579", 168412),
            breakdown("source", "price_list: AWS price list", "53000.7151", "52008.3150579", 9),
            breakdown("source", "card, contract", "102", "102", 9),
            breakdown("other", "AmazonEC2", "300112.03", "300112.03", 801011),
            breakdown("other", "AmazonS3", "54562.7029", "54562.7029", 234888),
        ],
        days=[
            spent(1, "Claude Sonnet", "1000.5"),
            spent(1, "Nova Pro", "300.25"),
            spent(1, None, "0.001"),
            spent(2, "Claude Sonnet", "1010"),
            spent(4, "Claude Sonnet", "4040.75"),
            spent(4, "Nova Pro", "310"),
        ],
        provisioned=[
            provisioned(1, "24"),
            provisioned(2, "24"),
            provisioned(3, "25"),
            provisioned(5, "7.5"),
            provisioned(None, "744", resource=None, label="Titan Text Express"),
        ],
        finding_lines=[line(2)],
    )


def empty() -> AuditResult:
    """A run that read nothing."""
    return AuditResult(
        run=run(deliveries=[], rate_sources=[], notes=[]),
        totals=[],
        bridge=[],
        findings=[],
        breakdowns=[],
    )


def clean() -> AuditResult:
    """A month in which every charge agrees."""
    dollars = D("1234.5")
    agreed = total(in_scope_billed=dollars, expected=dollars, unpriced=D(0), not_repriced=D(0))
    return AuditResult(
        run=run(notes=[]),
        totals=[agreed],
        bridge=[bridge_row("agrees", "1234.5", "1234.5", 168412)],
        findings=[],
        breakdowns=[breakdown("spend", "Nova Lite", "1234.5", "1234.5", 168412, service="bedrock")],
    )


def several() -> AuditResult:
    """Two periods, two payers and two currencies, which nobody may add together."""
    keys = [
        ("2026-09", PAYER, "USD"),
        ("2026-10", PAYER, "USD"),
        ("2026-10", "999988887777", "EUR"),
    ]
    totals, bridge, findings, breakdowns = [], [], [], []
    for number, (period, payer, currency) in enumerate(keys, start=1):
        where = {"period": period, "payer_account": payer, "currency": currency}
        step = D(number * 100)
        totals.append(
            total(
                **where,
                in_scope_billed=D(1000) + step,
                expected=D(1000),
                unpriced=D(0),
                not_repriced=D(0),
            )
        )
        bridge.append(bridge_row("agrees", "500", "500", 10, **where))
        bridge.append(bridge_row("rate", str(500 + step), "500", 10, **where))
        findings.append(
            finding(number, **where, billed=500 + step, expected=D(500), difference=step)
        )
        breakdowns.append(breakdown("spend", "Nova Pro", str(1000 + step), "1000", 20, **where))
    return AuditResult(
        run=run(), totals=totals, bridge=bridge, findings=findings, breakdowns=breakdowns
    )


def extreme() -> AuditResult:
    """Dollars of thirty-six digits, and of the smallest that is kept."""
    huge = D("9999999999999998.99999999999999999999")
    tiny = D("0.00000000000000000001")
    rows = [
        bridge_row("agrees", str(huge), str(huge), 1),
        bridge_row("rounding", "1.00000000000000000001", "1", 1),
        bridge_row("unpriced", "-0.004", "0", 1),
    ]
    findings = [
        finding(
            1, billed=huge, expected=D(0), difference=huge, quantity=D("999999999999.0000000001")
        ),
        finding(2, billed=tiny, expected=D(0), difference=tiny, quantity=D("0.0000000001")),
        finding(3, billed=-tiny, expected=D(0), difference=-tiny, quantity=D("-1")),
        finding(4, billed=D("0.004"), expected=D(0), difference=D("-0.004"), quantity=D(0)),
    ]
    billed = D("9999999999999999.99600000000000000000")
    return AuditResult(
        run=run(),
        totals=[
            total(
                billed=billed,
                in_scope_billed=billed,
                expected=D("9999999999999999.99999999999999999999"),
                unpriced=D("-0.004"),
                not_repriced=D(0),
            )
        ],
        bridge=rows,
        findings=findings,
        breakdowns=[breakdown("unpriced", "tiny", "-0.004", "0", 1)],
    )


def forecast(**changed) -> Forecast:
    """The month is forecast on its 20th."""
    fields = {
        "period": PERIOD, "payer_account": PAYER, "currency": "USD", "through": date(2026, 10, 20),
        "days_left": 12, "days_known": 50, "billed": D("58231.4471"), "low": D("80100.25"),
        "expected": D("90200.5"), "high": D("100300.75"), "tries": 30, "reason": None,
    }  # fmt: skip
    return Forecast(**fields | changed)


def unusual(day: int, **changed) -> UnusualDay:
    """A day on which a model cost far more than is usual."""
    fields = {
        "period": PERIOD, "payer_account": PAYER, "currency": "USD", "day": date(2026, 10, day),
        "what": "model", "name": "Nova Pro", "measure": "cost", "direction": "rose",
        "billed": D("310"), "expected": D("100.5"),
    }  # fmt: skip
    return UnusualDay(**fields | changed)


def hostile(text: str) -> AuditResult:
    """A result in which every text that a bill or a rate card can carry is this one."""
    texts = {
        name: text
        for name, field in Finding.model_fields.items()
        if field.annotation in (str, str | None)
    }
    rate = RateUsed(source=text, reference=text, price=D("0.1"), unit=text, starts=text, ends=text)
    usage = finding(1, **texts, rate=rate)
    where = {"period": text, "payer_account": text, "currency": text}
    file = DeliveredFile(name=text, sha256=text, bytes=1, lines=1)
    delivery = Delivery(
        id=text,
        period=text,
        payer_account=text,
        format=text,
        final_lines=0,
        lines=1,
        files=[file],
        finality=[
            Finality(
                invoicing_entity=text,
                currency=text,
                lines=1,
                final_lines=0,
                billed=D(1),
                final_billed=D(0),
                is_final=False,
            )
        ],
    )
    source = RateSource(name=text, source=text, sha256=text, rates=1)
    provenance = run(
        id=text,
        curecon_version=text,
        deliveries=[delivery],
        rate_sources=[source],
        notes=[text],
        states=[],
    )
    return AuditResult(
        run=provenance,
        totals=[total(**where)],
        bridge=[bridge_row(text, "58231.4471", "52110.3150579", 1, **where)],
        findings=[usage],
        breakdowns=[
            breakdown(kind, text, "1", "1", 1, **(where | {"service": text}))
            for kind in typing.get_args(Breakdown.model_fields["kind"].annotation)
        ],
        days=[spent(1, text, "1", **where), spent(2, None, "1", **where)],
        finding_lines=[line(1, finding_id=text, line_item_id=text)],
        forecasts=[forecast(**where)],
        unusual_days=[unusual(1, **where, what=text, name=text)],
        provisioned=[
            provisioned(
                1,
                "24",
                **where,
                usage_account=text,
                resource=text,
                label=text,
                region=text,
                commitment=text,
            )
        ],
    )


def many(count: int = 10_000) -> AuditResult:
    """As many findings as a bad month of a large organisation has."""
    severities = ("error", "warning", "info")
    regions = ("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1")
    findings = [
        finding(
            number,
            severity=severities[number % 3],
            usage_account=f"{number * 7919 % 10**12:012d}",
            region=regions[number % 4],
            usage_type=f"USE1-Model{number % 97}-input-tokens",
            billed=D(number) + D("0.5"),
            expected=D("0.5"),
            difference=D(number),
            resource="arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/"
            f"{number:012x}",
            reason=f"Input tokens of model {number % 97} were billed at a price that is "
            f"{number % 13 + 1} % above the price list in force on the usage day.",
        )
        for number in range(1, count + 1)
    ]
    return typical().model_copy(update={"findings": findings})
