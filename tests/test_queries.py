"""Named queries: each answers its question on a bill that was added up by hand; and who asks them.

The bill has eleven lines of October 2026. What each query must give stands beside its name.
"""

import asyncio
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import curecon
from bills import ACCOUNT, line, price_item, with_ids, write_csv
from curecon import cli, ledger, named, queries
from curecon.errors import OptionInvalid
from curecon.shell import Shell, _is_whole

OTHER = "333333333333"
MODEL = "arn:aws:bedrock:us-east-1:222222222222:provisioned-model/abc"
ENDPOINT = "arn:aws:sagemaker:us-east-1:222222222222:endpoint/e"
TEAM_A = json.dumps({"user_team": "a"})
TEAM_B = json.dumps({"user_team": "b", "user_env": "prod"})

LINES = [
    # 5,000 and 1,000 thousand input tokens at 0.00006: 0.30 and 0.06.
    line(quantity=5000, rate="0.00006", resource_tags=TEAM_A, bill_invoice_id="I1"),
    line(
        quantity=1000, rate="0.00006", start="2026-10-06T00:00:00", bill_invoice_id="I1",
        line_item_usage_account_id=OTHER, resource_tags=TEAM_B,
    ),
    # 2,000 thousand read from the cache at 0.000015: 0.03, as input 0.12.
    line(
        quantity=2000, rate="0.000015", bill_invoice_id="I1", resource_tags=TEAM_A,
        line_item_usage_type="USE1-NovaLite-cache-read-input-token-count",
    ),
    # 10,000 thousand in batch at 0.00003: 0.30.
    line(
        quantity=10000, rate="0.00003", bill_invoice_id="I1",
        line_item_usage_type="USE1-NovaLite-input-tokens-batch",
    ),
    # Two hours of one model unit at 39.60: 79.20.
    *(
        line(
            quantity=1, rate="39.6", pricing_unit="Units", start=f"2026-10-07T0{hour}:00:00",
            line_item_resource_id=MODEL,
            product_product_name="Claude Instant (Amazon Bedrock Edition)",
            line_item_product_code="4tahb3gsnu8v3p36djq2mqmep",
            line_item_usage_type=(
                "USE1-MP:USE1_ProvisionedThroughput_1MonthCommit_ModelUnits_Usage-Units"
            ),
        )
        for hour in (0, 1)
    ),
    # Three hours of hosting at 0.23: 0.69; one covered by a plan, worth 0.23, for 0.147.
    line(
        quantity=3, rate="0.23", hours=3, line_item_product_code="AmazonSageMaker",
        line_item_usage_type="USE1-Host:ml.m5.xlarge", line_item_operation="RunInstance",
        pricing_unit="Hrs", line_item_resource_id=ENDPOINT,
    ),
    line(
        quantity=1, rate="0.23", line_item_product_code="AmazonSageMaker",
        line_item_usage_type="USE1-Host:ml.m5.xlarge", line_item_operation="RunInstance",
        pricing_unit="Hrs", line_item_resource_id=ENDPOINT, start="2026-10-08T00:00:00",
        line_item_line_item_type="SavingsPlanCoveredUsage",
        savings_plan_savings_plan_a_r_n="plan-1", savings_plan_savings_plan_rate="0.147",
        savings_plan_savings_plan_effective_cost="0.147",
    ),
    line(
        line_item_unblended_cost="-0.23", line_item_product_code="AmazonSageMaker", quantity=1,
        line_item_usage_type="USE1-Host:ml.m5.xlarge", line_item_operation="RunInstance",
        rate="", pricing_unit="Hrs", start="2026-10-08T00:00:00",
        line_item_line_item_type="SavingsPlanNegation", savings_plan_savings_plan_a_r_n="plan-1",
    ),
    # A meter that nobody knows, for 2.00; and another service, for 5.00.
    line(quantity=1, rate="2", line_item_usage_type="USE1-Nobody-Knows", pricing_unit="Things"),
    line(
        quantity=1, rate="5", line_item_product_code="AmazonEC2", pricing_unit="Hrs",
        line_item_usage_type="BoxUsage:m5.large", bill_invoice_id="I2",
    ),
]  # fmt: skip
PRICES = [
    price_item("USE1-NovaLite-input-tokens", "0.00006"),
    price_item("USE1-NovaLite-cache-read-input-token-count", "0.000015"),
    price_item("USE1-NovaLite-input-tokens-batch", "0.00003"),
]

# query -> parameters, columns, rows. The first column after the name of the query is enough to find
# a row again; amounts are compared as numbers.
EXPECTED = {
    "top_drivers": (
        {"limit": "3"}, ("what", "usage_account", "lines", "billed"),
        [("Claude Instant", ACCOUNT, 2, "79.2"), ("AmazonBedrock", ACCOUNT, 1, "2"),
         ("ml.m5.xlarge", ACCOUNT, 3, "0.69")],
    ),
    "token_prices": (
        {"model": "Nova Lite"}, ("token_type", "tier", "thousand_tokens", "billed", "per_thousand"),
        [("cache_read", "standard", "2000", "0.03", "0.000015"),
         ("input", "batch", "10000", "0.3", "0.00003"),
         ("input", "standard", "6000", "0.36", "0.00006")],
    ),
    "provisioned_break_even": (
        {}, ("model", "model_unit_hours", "billed", "used_thousand_tokens"),
        [("Claude Instant", "2", "79.2", None)],
    ),
    "cache_savings": (
        {"period": "2026-10"}, ("model", "thousand_tokens_read", "billed", "uncached", "saved"),
        [("Nova Lite", "2000", "0.03", "0.12", "0.09")],
    ),
    "tier_mix": (
        {}, ("model", "tier", "thousand_tokens", "billed", "percent_of_model"),
        # 0.39 and 0.30 of 0.69: 56.5 and 43.5 percent.
        [("Nova Lite", "standard", "8000", "0.39", "56.5"),
         ("Nova Lite", "batch", "10000", "0.3", "43.5")],
    ),
    "spend_by_tag": (
        {"tag": "user_team"}, ("tag_value", "what", "billed"),
        [("(untagged)", "Claude Instant", "79.2"), ("(untagged)", "AmazonBedrock", "2"),
         ("(untagged)", "hosting", "0.69"), ("a", "Nova Lite", "0.33"),
         ("(untagged)", "Nova Lite", "0.3"), ("b", "Nova Lite", "0.06")],
    ),
    "tag_coverage": (
        {}, ("tag", "lines", "billed", "billed_in_scope", "percent"),
        # In scope 0.30 + 0.06 + 0.03 + 0.30 + 79.20 + 0.69 + 0.23 - 0.23 + 2.00 = 82.58.
        [("user_team", 3, "0.39", "82.58", "0.5"), ("user_env", 1, "0.06", "82.58", "0.1")],
    ),
    "monthly": (
        {}, ("period", "billed", "difference", "unpriced", "not_repriced"),
        [("2026-10", "82.58", "0", "2", "0")],
    ),
    "forecast": (
        # Three days are known before the 8th, and 14 are needed.
        {}, ("period", "through", "days_left", "billed", "low", "expected", "high"),
        [("2026-10", "2026-10-08", 24, "82.58", None, None, None)],
    ),
    "daily": (
        {"service": "sagemaker"}, ("day", "capability", "billed"),
        [("2026-10-05", "hosting", "0.69"), ("2026-10-08", "hosting", "0.23")],
    ),
    "machine_hours": (
        {}, ("instance_type", "hours", "billed", "per_hour"),
        [("ml.m5.xlarge", "4", "0.92", "0.23")],
    ),
    "unjudged": ({}, ("usage_type", "lines", "billed"), [("USE1-Nobody-Knows", 1, "2")]),
    "findings_by_check": (
        {"period": "2026-09"}, ("check", "findings"), [],
    ),
    "prices_used": (
        {"usage_type": "USE1-NovaLite-input-tokens"}, ("price", "unit", "source_kind", "billed"),
        [("0.00006", "1K tokens", "price_list", "0.36")],
    ),
    "invoices": (
        {}, ("invoice", "lines", "billed", "in_scope_lines", "in_scope_billed"),
        [("I1", 4, "0.69", 4, "0.69"), ("I2", 1, "5", 0, "0"), (None, 6, "81.89", 6, "81.89")],
    ),
    "finality": (
        # 4 of the 10 lines in scope carry the invoice I1, and 0.69 of their 82.58.
        {}, ("period", "is_final", "lines", "final_lines", "final_billed", "percent_of_lines",
             "percent_of_billed"),
        [("2026-10", 0, 10, 4, "0.69", "40", "0.8")],
    ),
    "savings_plans": (
        {}, ("plan", "hours", "on_demand", "effective", "saved"),
        [("plan-1", "1", "0.23", "0.147", "0.083")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A ledger in which the bill has been audited."""
    work = tmp_path_factory.mktemp("queries")
    bill = write_csv(work / "bill.csv", with_ids(LINES))
    (work / "prices.jsonl").write_text("\n".join(PRICES), "utf-8")
    path = work / "ledger.duckdb"
    curecon.audit([bill], curecon.Options(ledger=path, price_lists=[work / "prices.jsonl"]))
    return path


def comparable(value):
    """Amounts as numbers, everything else as text."""
    if isinstance(value, Decimal | int):
        return Decimal(value)
    try:
        return Decimal(value)
    except (TypeError, ArithmeticError):
        return None if value is None else str(value)


def test_every_named_query_is_tested():
    assert EXPECTED.keys() == named.load().keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_named_query_answers_its_question(book, name):
    params, columns, rows = EXPECTED[name]
    found = queries.sql(name, book, params).select(columns).rows()
    assert [tuple(map(comparable, row)) for row in found] == [
        tuple(map(comparable, row)) for row in rows
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_named_query_keeps_money_exact_and_its_order_total(book, name):
    params, _, _ = EXPECTED[name]
    first, second = (queries.sql(name, book, params) for _ in range(2))
    assert first.equals(second)
    assert not [kind for kind in first.dtypes if kind.is_float()]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_named_query_says_what_it_answers(name):
    query = named.load()[name]
    assert query.question.endswith("?")
    assert query.about.endswith(".")
    used = set(re.findall(r"\$(\w+)", re.sub(r"--.*", "", query.sql)))
    assert used == {param.name for param in query.params}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("top_driver", {}, "near: top_drivers"),
        ("zzz", {}, "no query is named 'zzz'; `curecon sql --list`"),
        ("spend_by_tag", {}, "needs `tag`"),
        ("top_drivers", {"limit": "many"}, "limit='many' is no integer"),
        ("top_drivers", {"period": "October"}, "period='October' is no month"),
        ("top_drivers", {"perod": "2026-10"}, "no parameter 'perod'; it has period, limit"),
        ("SELECT 1", {"limit": "1"}, "--param belongs to a named query"),
    ],
)
def test_a_wrong_question_is_refused_in_a_sentence(book, name, params, words):
    with pytest.raises(OptionInvalid) as error:
        queries.sql(name, book, params)
    assert words in str(error.value)


def test_a_parameter_is_a_value_and_never_sql(book):
    hostile = "x' OR 1=1; DROP TABLE findings --"
    frame = queries.sql("spend_by_tag", book, {"tag": hostile})
    assert set(frame["tag_value"]) == {"(untagged)"}
    with ledger.reading(book) as con:
        assert con.execute("SELECT count(*) FROM findings").fetchall()


def test_a_ratio_without_something_to_divide_by_is_none():
    ratio = named.Ratio("r", 1, "a", "b", 4)
    assert ratio.of({"a": Decimal(1), "b": Decimal(3)}) == Decimal("0.3333")
    assert ratio.of({"a": Decimal(1), "b": Decimal(0)}) is None
    assert ratio.of({"a": None, "b": Decimal(3)}) is None


def test_tags_of_lines_without_a_currency_are_counted(tmp_path):
    bill = write_csv(
        tmp_path / "bill.csv",
        with_ids([line(resource_tags=TEAM_A, line_item_currency_code=None), line()]),
    )
    path = tmp_path / "ledger.duckdb"
    assert cli.run(["audit", str(bill), "--ledger", str(path), "--fail-on", "never"]) == cli.FINE
    found = queries.sql("tag_coverage", path).select("tag", "lines", "currency").rows()
    assert found == [("user_team", 1, None)]


# --- the command line


def test_a_named_query_on_the_command_line(book, capsys):
    asked = ["sql", "top_drivers", "--param", "limit=1", "--ledger", str(book)]
    assert cli.run([*asked, "--format", "json"]) == cli.FINE
    (row,) = json.loads(capsys.readouterr().out)
    assert row["what"] == "Claude Instant"
    assert cli.run(asked) == cli.FINE
    assert "79.20 " in capsys.readouterr().out
    for wrong in (["--param", "limit"], ["--param", "limit=1", "--param", "limit=2"]):
        assert cli.run(["sql", "top_drivers", *wrong, "--ledger", str(book)]) == cli.FAILED
        assert "--param" in capsys.readouterr().err


def test_a_query_may_be_piped_in(book):
    ran = subprocess.run(
        [sys.executable, "-m", "curecon.cli", "sql", "--format", "csv", "--ledger", str(book)],
        input="SELECT count(*) AS lines\nFROM line_items\n", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert ran.stdout == "lines\n10\n"


def test_the_list_holds_queries_and_relations(book, capsys):
    assert cli.run(["sql", "--list", "--ledger", str(book)]) == cli.FINE
    shown = capsys.readouterr().out
    assert "What costs most?" in shown
    assert "line_items" in shown
    assert cli.run(["sql", "--list", "--format", "json", "--ledger", str(book)]) == cli.FINE
    kinds = {row["name"]: row["kind"] for row in json.loads(capsys.readouterr().out)}
    assert kinds["top_drivers"] == "query"
    assert kinds["bridge"] == "relation"


# --- the shell


def test_the_shell_answers_and_goes_on_after_mistakes(book, capsys):
    shell = Shell(book)
    for told, shown in (
        ("SELECT count(*) AS lines FROM line_items;", "10"),
        (".run top_drivers limit=1", "79.20"),
        (".queries", "top_drivers"),
        (".tables", "findings"),
        (".columns bridge", "component"),
        ("top_drivers limit=1", "79.20"),
        ("unjudged;", "USE1-Nobody-Knows"),
        (".help", "NAME [KEY=VALUE]"),
        ("help", "NAME [KEY=VALUE]"),
        (".what", "NAME [KEY=VALUE]"),
    ):
        assert shell.answer(told)
        assert shown in capsys.readouterr().out, told
    for told, said in (
        ("SELEKT 1;", "cannot be run"),
        (".run top_drivers limit=x", "is no integer"),
        (".columns nothing", "no relation is named 'nothing'"),
        ("DROP TABLE findings;", "cannot be run"),
    ):
        assert shell.answer(told)
        assert said in capsys.readouterr().err, told
    assert shell.answer(".format csv")
    assert shell.answer("SELECT 1 AS one;")
    assert capsys.readouterr().out == "one\n1\n"
    assert shell.answer("")
    assert not shell.answer(".quit")
    assert not shell.answer("exit")


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("SELECT 1", False), ("SELECT 1;", True), ("", True), (".tables", True), ("quit", True),
        ("top_drivers limit=2", True), ("top_drivers and", False), ("help", True),
    ],
)  # fmt: skip
def test_enter_sends_what_is_whole(written, whole):
    assert _is_whole(written) == whole


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("SELECT * FROM find", "findings"),
        ("sel", "SELECT"),
        ("top_d", "top_drivers"),
        ("SELECT usage_acc", "usage_account"),
        (".ru", ".run"),
        (".run top_", "top_drivers"),
    ],
)
def test_the_shell_completes(book, typed, offered):
    found = Shell(book).completer.get_completions(Document(typed), CompleteEvent())
    assert offered in {one.text for one in found}


def test_the_shell_does_not_hold_the_ledger(book):
    shell = Shell(book)
    shell.answer("SELECT 1;")
    with duckdb.connect(str(book)) as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_counts_are_whole_numbers_and_amounts_are_text(book):
    said = queries.render(
        queries.sql("SELECT sum(lines) AS n, sum(billed) AS b FROM bridge", book), "json"
    )
    assert json.loads(said) == [{"n": 10, "b": "82.58000000000000000000"}]
    huge = queries.sql("SELECT sum(x) AS n FROM (VALUES (9223372036854775807), (1)) AS v (x)", book)
    assert json.loads(queries.render(huge, "json")) == [{"n": "9223372036854775808"}]


def test_a_table_that_does_not_fit_is_written_row_by_row_and_leaves_nothing_out(
    book, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["sql", "monthly", "--ledger", str(book)]) == cli.FINE
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["period", "2026-10"] in shown
    assert ["billed", "82.58"] in shown
    assert ["currency", "USD"] in shown
    monkeypatch.setenv("COLUMNS", "160")
    assert cli.run(["sql", "monthly", "--ledger", str(book)]) == cli.FINE
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "period", "payer_account", "billed", "expected", "difference", "unpriced", "not_repriced",
        "currency",
    ]  # fmt: skip
    assert row.split()[0] == "2026-10"


def test_a_period_or_a_check_that_nobody_knows_is_refused(book, capsys):
    for words, said in (
        (["--period", "2026-11"], "the ledger has no '2026-11'; it has 2026-10"),
        (["--check", "unpriced_charges"], "(near: unpriced_charge"),
    ):
        assert cli.run(["findings", "list", *words, "--ledger", str(book)]) == cli.FAILED
        assert said in capsys.readouterr().err
    # A check that found nothing is no mistake, whether it is of the package or one's own.
    for name in ("duplicate_line", "our_budget_is_kept"):
        assert cli.run(["findings", "list", "--check", name, "--ledger", str(book)]) == cli.FINE
        assert "No findings" in capsys.readouterr().out


# --- assistants


def asked(book, calls):
    """Start the server as an assistant's program does, and call its tools."""

    async def talk():
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "curecon.cli", "mcp", "--ledger", str(book)]
        )
        async with stdio_client(server) as (reads, writes), ClientSession(reads, writes) as session:
            hello = await session.initialize()
            assert (hello.serverInfo.name, hello.serverInfo.version) == (
                "curecon", curecon.__version__,
            )  # fmt: skip
            tools = (await session.list_tools()).tools
            answers = [await session.call_tool(name, given) for name, given in calls]
        return tools, answers

    return asyncio.run(talk())


def told(answer):
    assert not answer.isError, answer.content
    return json.loads(answer.content[0].text)


def test_an_assistant_asks_and_changes_nothing(book):
    before = book.read_bytes()
    tools, answers = asked(
        book,
        [
            ("queries", {}),
            ("query", {"name": "top_drivers", "parameters": {"limit": "1"}}),
            ("sql", {"select": "SELECT sum(billed) AS billed FROM bridge"}),
            ("sql", {"select": "SELECT * FROM range(1000)"}),
            ("relations", {"relation": "bridge"}),
            ("findings", {"severity": "warning"}),
            ("sql", {"select": "DROP TABLE findings"}),
            ("sql", {"select": "SELECT * FROM read_text('/etc/hostname')"}),
            ("query", {"name": "SELECT 1"}),
            ("explain_finding", {"finding_id": "none"}),
            ("findings", {"period": "2026-11"}),
            ("findings", {"severity": "critical"}),
        ],
    )
    assert all(tool.annotations.readOnlyHint for tool in tools)
    listed, drivers, total, many, columns, findings, *refused = answers
    assert "top_drivers" in {one["name"] for one in told(listed)["queries"]}
    assert told(drivers)["rows"][0]["what"] == "Claude Instant"
    assert Decimal(told(total)["rows"][0]["billed"]) == Decimal("82.58")
    assert (told(many)["row_count"], told(many)["complete"]) == (1000, False)
    assert len(told(many)["rows"]) == 200
    assert "component" in {row["name"] for row in told(columns)["rows"]}
    assert ("unpriced_charge", "new") in {
        (row["check"], row["state"]) for row in told(findings)["rows"]
    }
    assert all(answer.isError for answer in refused)
    assert not any("Traceback" in answer.content[0].text for answer in refused)
    assert book.read_bytes() == before


def test_an_assistant_gets_a_finding_explained(book):
    first = queries.sql("SELECT id FROM findings WHERE \"check\" = 'unpriced_charge'", book)
    _, (answer,) = asked(book, [("explain_finding", {"finding_id": first["id"][0]})])
    assert told(answer)["finding"]["usage_type"] == "USE1-Nobody-Knows"


def test_no_ledger_no_server(tmp_path, capsys):
    assert cli.run(["mcp", "--ledger", str(Path(tmp_path, "none.duckdb"))]) == cli.FAILED
    assert "no such ledger" in capsys.readouterr().err
