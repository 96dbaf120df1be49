"""The invariants of DESIGN, section 3, hold on any bill, and `hold` notices when one does not.

Each property builds bills with trouble in them (duplicates, noise in the last of twenty decimals,
huge and tiny amounts, several payers, months and currencies, unknown texts), audits them, and works
out in plain Python what must be true.
"""

import os
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from functools import cache
from pathlib import Path
from unittest import mock

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import bills
from curecon import (
    checks,
    ingest,
    invariants,
    ledger,
    pricing,
    reconcile,
    report,
    result,
    units,
)
from curecon.errors import OptionInvalid, RatesInvalid
from curecon.reconcile import Options, audit
from curecon.report import files

PAYERS = ("111111111111", "999999999999")
PERIODS = ("2026-09", "2026-10")
CURRENCIES = ("USD", "USD", "USD", "EUR", "")
TEN_DECIMALS = Decimal("0.0000000001")
LARGEST = 10**15  # more digits than the ledger keeps are refused when the bill is read

know, hold = pricing.know, invariants.hold


@cache
def _known():
    return know()


@pytest.fixture(autouse=True)
def _packaged_prices_are_read_once(monkeypatch):
    def knowing(*asked):
        return know(*asked) if any(asked) else _known()

    monkeypatch.setattr(pricing, "know", knowing)


@pytest.fixture(autouse=True)
def _sums_are_exact():
    """Python's own 28 digits are fewer than an amount has here."""
    with localcontext(Context(prec=80)):
        yield


def quick(examples):
    """Few examples, always the same; an audit is too slow to shrink a failing one by default."""
    return settings(
        phases=(Phase.explicit, Phase.generate),
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def folder():
    """A folder of its own for every example."""
    path = Path(tempfile.mkdtemp(prefix="curecon-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


# --- bills with trouble in them

# Charges: product code, usage type, unit, and a rate that is right for some of them.
CHARGES = (
    ("AmazonBedrock", "USE1-NovaLite-input-tokens", "1K tokens", "0.00006"),
    ("AmazonBedrock", "USE1-NovaPro-input-tokens", "1K tokens", "0.0008"),
    ("AmazonBedrock", "USE1-NovaPro-input-tokens", "1M tokens", "0.8"),
    ("AmazonBedrock", "USE1-NovaLite-input-tokens", "furlongs", "0.00006"),
    (
        "AmazonBedrock",
        "USE1-Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits",
        "hour",
        "24",
    ),
    ("AmazonSageMaker", "USE1-Human-Eval:Task", "Count", "0.21"),
    ("AmazonSageMaker", "USE1-Host:ml.m5.xlarge", "Hrs", "0.23"),
    ("AmazonBedrockTomorrow", "USE1-NovaLite-input-tokens", "", "0.00006"),
    ("4a524th30q694o538qndh9ucht", "USW2-MP:USW2_InputTokenCount-Units", "Units", "3"),
    ("AmazonEC2", "USE1-BoxUsage:m5.large", "Hrs", "0.096"),
    ("AmazonS3", "USE1-TimedStorage-ByteHrs", "GB-Mo", "0.023"),
)
SONNET = "Claude 3.5 Sonnet (Amazon Bedrock Edition)"
TYPES = (
    *["Usage"] * 8, "SavingsPlanCoveredUsage", "SavingsPlanNegation", "DiscountedUsage", "Tax",
    "Credit", "Refund", "Fee", "EdpDiscount", "LoyaltyRebate",
)  # fmt: skip
RESOURCES = (
    "", "", "i-0abc", "sagemaker-bucket", "arn:aws:s3:::elsewhere",
    "arn:aws:sagemaker:us-east-1:222222222222:endpoint/a",
    "arn:aws:bedrock:us-east-1:222222222222:provisioned-model/abcdefghijkl",
)  # fmt: skip
ODD_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=12
).filter(lambda text: text.strip() == text and text.upper() not in {"NULL", "\\N"})


def decimals(low, high, places):
    return st.decimals(low, high, places=places, allow_nan=False, allow_infinity=False)


QUANTITIES = st.one_of(
    st.sampled_from([Decimal(n) for n in ("0", "1", "2", "1000", "2.5", "-3")]),
    decimals(Decimal(0), Decimal(100000000000), 10),
    decimals(Decimal(0), Decimal(1), 15),
)
NOISE = st.sampled_from(
    [Decimal(n) for n in ("0", "0", "0.00000000000000000001", "-0.00000000005", "0.0000000001")]
)
FACTORS = st.sampled_from([Decimal(n) for n in ("1", "1", "1", "1.1", "0.5", "1000", "0.001")])
AMOUNTS = st.one_of(
    decimals(Decimal(-99999999999999), Decimal(99999999999999), 20),
    st.sampled_from([Decimal(0), Decimal("0.00000000000000000001"), Decimal("-0.21")]),
)


@st.composite
def lines(draw):
    """One line, right or wrong in one of many ways."""
    product, usage_type, unit, right = draw(st.sampled_from(CHARGES))
    quantity = draw(st.one_of(st.none(), QUANTITIES, QUANTITIES, QUANTITIES))
    rate = draw(st.sampled_from([right, right, right, "", "0", "99999.9999999999", "0.0000000001"]))
    cost = draw(AMOUNTS)
    if quantity is not None and draw(st.booleans()):
        exact = quantity * Decimal(rate or right) * draw(FACTORS)
        if abs(exact) < LARGEST:
            cost = exact.quantize(TEN_DECIMALS, ROUND_HALF_UP) + draw(NOISE)
    day, hour = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    period = draw(st.sampled_from(PERIODS))
    start = draw(st.sampled_from([f"{period}-0{day}T0{hour}:00:00", f"{period}-0{day}T00:00:00"]))
    return bills.line(
        start=start,
        hours=draw(st.sampled_from([1, 1, 1, 24])),
        period=period,
        quantity=quantity,
        rate=rate,
        line_item_unblended_cost=cost,
        bill_payer_account_id=draw(st.sampled_from(PAYERS)),
        bill_invoice_id=draw(st.sampled_from(["", "INV-1"])),
        identity_line_item_id=draw(st.sampled_from(["", "", "", "same", "other"])),
        line_item_usage_account_id=draw(st.sampled_from(["222222222222", "333333333333", ""])),
        line_item_line_item_type=draw(st.sampled_from(TYPES)),
        line_item_product_code=product,
        line_item_usage_type=draw(st.one_of(*[st.just(usage_type)] * 6, ODD_TEXT)),
        line_item_operation=draw(st.one_of(st.just(""), st.just("Usage"), ODD_TEXT)),
        line_item_line_item_description=draw(st.one_of(st.just(""), ODD_TEXT)),
        line_item_resource_id=draw(st.sampled_from(RESOURCES)),
        line_item_currency_code=draw(st.sampled_from(CURRENCIES)),
        pricing_unit=unit,
        product_product_name=SONNET if "-MP:" in usage_type else "",
        savings_plan_savings_plan_a_r_n=draw(st.sampled_from(["", "", "plan-1"])),
    )


@st.composite
def delivered(draw, least=10, most=40):
    """A bill: lines, some of them twice, with ids or without any."""
    bill = draw(st.lists(lines(), min_size=least, max_size=most))
    copies = draw(st.lists(st.sampled_from(bill), max_size=5))
    bill += copies
    if draw(st.booleans()):
        bill = bills.with_ids(bill)
    return bill


def audited(path, bill, **options):
    """Audit a bill into path/ledger.duckdb."""
    bills.write_csv(path / "bill.csv", bill)
    return audit([path / "bill.csv"], Options(ledger=path / "ledger.duckdb", **options))


def asked(path, query):
    with ledger.reading(path / "ledger.duckdb") as con:
        return con.execute(query).fetchall()


def is_ai(line):
    """Whether a line is in scope, as DESIGN, section 1, says it."""
    texts = [line["line_item_product_code"], line.get("product_product_name", "")]
    if line["line_item_resource_id"].startswith("arn:"):
        texts.append(line["line_item_resource_id"])
    return any(re.search("bedrock|sagemaker", text, re.IGNORECASE) for text in texts)


def place(line):
    """The period, payer and currency that a line is summed by."""
    currency = line["line_item_currency_code"] or "XXX"
    return line["bill_billing_period_start_date"][:7], line["bill_payer_account_id"], currency


def cost(line):
    return Decimal(line["line_item_unblended_cost"])


def by_place(rows, *names):
    """Sum fields of result rows by period, payer and currency."""
    sums = defaultdict(lambda: [Decimal(0)] * len(names))
    for row in rows:
        key = (row.period, row.payer_account, row.currency or "XXX")
        sums[key] = [a + getattr(row, n) for a, n in zip(sums[key], names, strict=True)]
    return dict(sums)


# --- 1. nothing is lost


@quick(6)
@given(delivered())
def test_nothing_is_lost(bill):
    expected = defaultdict(lambda: [0, Decimal(0), 0, Decimal(0)])
    for one in bill:
        sums = expected[place(one)]
        sums[0] += 1
        sums[1] += cost(one)
        sums[2] += is_ai(one)
        sums[3] += cost(one) if is_ai(one) else 0
    with folder() as path:
        outcome = audited(path, bill)
        totals = by_place(outcome.totals, "lines", "billed", "in_scope_lines", "in_scope_billed")
        assert totals == dict(expected)
        kept = asked(
            path,
            "SELECT period, payer, currency, sum(lines), sum(billed) FROM ("
            "SELECT strftime(bill_billing_period_start_date, '%Y-%m') AS period, "
            "bill_payer_account_id AS payer, coalesce(line_item_currency_code, 'XXX') AS currency, "
            "1 AS lines, line_item_unblended_cost AS billed FROM line_items UNION ALL "
            "SELECT strftime(period, '%Y-%m'), payer_account, "
            "coalesce(line_item_currency_code, 'XXX'), lines, billed FROM other_totals) "
            "GROUP BY ALL",
        )
        assert {tuple(row[:3]): [*row[3:]] for row in kept} == {
            key: sums[:2] for key, sums in expected.items()
        }


# --- 2. the bridge closes


@quick(6)
@given(delivered())
def test_the_bridge_closes(bill):
    in_scope = defaultdict(Decimal)
    for one in bill:
        if is_ai(one):
            in_scope[place(one)] += cost(one)
    with folder() as path:
        outcome = audited(path, bill)
        parts = asked(
            path,
            "SELECT line, component, billed, expected, difference, "
            "(SELECT line_item_unblended_cost FROM line_items AS l WHERE l.line = c.line) "
            "FROM comparison AS c",
        )
    bridge = by_place(outcome.bridge, "billed", "expected", "amount")
    assert {key: sums[0] for key, sums in bridge.items()} == dict(in_scope)
    assert all(billed - expected == amount for billed, expected, amount in bridge.values())
    assert all(row.billed - row.expected == row.amount for row in outcome.bridge)
    assert all(row.amount == 0 for row in outcome.bridge if row.component == "agrees")
    assert {row.component for row in outcome.bridge} <= set(invariants.COMPONENTS)
    of_lines = defaultdict(Decimal)
    for number, _, billed, expected, difference, _ in parts:
        of_lines[number] += billed
        assert billed - expected == difference
    assert of_lines == {number: total for number, *_, total in parts}
    by_component = Counter()
    for _, component, _, _, difference, _ in parts:
        by_component[component] += difference
    assert by_component == Counter(
        {
            name: sum(row.amount for row in outcome.bridge if row.component == name)
            for name in by_component
        }
    )


@quick(6)
@given(delivered())
def test_owned_dollars_are_those_of_the_bridge(bill):
    with folder() as path:
        outcome = audited(path, bill)
    owned = defaultdict(Decimal)
    for one in outcome.findings:
        if one.owns_difference:
            key = (one.period, one.payer_account, one.currency or "XXX", one.category)
            owned[key] += one.difference
    bridge = {
        (row.period, row.payer_account, row.currency, row.component): row.amount
        for row in outcome.bridge
        if row.component not in {"agrees", "rounding", "not_repriced"}
    }
    assert owned == bridge
    ids = {one.id: one for one in outcome.findings}
    assert len(ids) == len(outcome.findings)
    for one in outcome.findings:
        assert one.billed - (one.billed if one.expected is None else one.expected) == (
            one.difference
        )
        assert one.primary_id is None or ids[one.primary_id].owns_difference


# --- 3. priced at most once

DAYS = st.integers(0, 29).map(lambda day: date(2026, 10, 1) + timedelta(days=day))


@st.composite
def dated_rates(draw):
    """Prices with the days they hold, half open, that may overlap."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        starts, length = draw(DAYS), draw(st.one_of(st.none(), st.integers(1, 20)))
        ends = None if length is None else starts + timedelta(days=length)
        found.append((starts, ends, f"0.00{number + 1}"))
    return found


def card(dated):
    text = 'card = "drawn"\nsource = "drawn"\n'
    for starts, ends, price in dated:
        text += (
            '[[rate]]\nselect = { service = "bedrock", provider = "Amazon", model = "Nova Lite", '
            'capability = "on_demand", token_type = "input" }\nregions = ["eu-south-2"]\n'
            f'price = {price}\nunit = "1K tokens"\nstarts = {starts}\nreference = "{price}"\n'
            f"checked = {starts}\n" + (f"ends = {ends}\n" if ends else "")
        )
    return text


def overlap(one, other):
    far = date(9999, 1, 1)
    return one[0] < (other[1] or far) and other[0] < (one[1] or far)


@quick(8)
@given(dated_rates(), st.lists(DAYS, max_size=3, unique=True))
def test_no_charge_has_two_rates(dated, published):
    """Cards that overlap are refused; a price list goes before a card on the days it is known."""
    clash = any(overlap(one, other) for i, one in enumerate(dated) for other in dated[:i])
    usage_type = "EUS2-NovaLite-input-tokens"
    days = [date(2026, 10, 1) + timedelta(days=day) for day in range(0, 31, 3)]
    bill = [bills.line(start=f"{day}T05:00:00", line_item_usage_type=usage_type) for day in days]
    with folder() as path:
        (path / "rates").mkdir()
        (path / "rates" / "drawn.toml").write_text(card(dated))
        price_lists = []
        for number, day in enumerate(sorted(published)):
            price_lists.append(path / f"list{number}.jsonl")
            price_lists[-1].write_text(
                bills.price_item(
                    usage_type, f"0.01{number}", region="eu-south-2", published=f"{day}T00:00:00Z"
                )
            )
        if clash:
            with pytest.raises(RatesInvalid, match="overlap"):
                audited(path, bill, rates=[path / "rates"])
            return
        audited(path, bill, rates=[path / "rates"], price_lists=price_lists)
        taken = asked(
            path,
            "SELECT CAST(l.line_item_usage_start_date AS DATE), r.price "
            "FROM line_items AS l LEFT JOIN key_rates AS k ON k.charge_key_id = l.charge_key_id "
            "AND CAST(l.line_item_usage_start_date AS DATE) >= k.starts "
            "AND CAST(l.line_item_usage_start_date AS DATE) < k.ends "
            "LEFT JOIN rates AS r USING (rate_id) ORDER BY 1",
        )
    assert [day for day, _ in taken] == days, "one row a line, so at most one rate a line"
    for day, price in taken:
        before = [number for number, start in enumerate(sorted(published)) if start <= day]
        cards = [p for starts, ends, p in dated if starts <= day < (ends or date.max)]
        if published:
            expected = f"0.01{before[-1] if before else 0}"
        else:
            expected = cards[0] if cards else None
        assert price == (None if expected is None else Decimal(expected))


# --- 4. the same delivery twice changes nothing; a newer one replaces the older as a whole

RELATIONS = (
    "SELECT * EXCLUDE (delivery_id, line) FROM line_items",
    "SELECT * EXCLUDE (delivery_id) FROM other_totals",
    "SELECT * EXCLUDE (delivery_id, line) FROM comparison",
    "SELECT * EXCLUDE (delivery_id) FROM findings",
    "SELECT * EXCLUDE (delivery_id, line) FROM finding_lines",
    "SELECT * EXCLUDE (delivery_id) FROM bridge",
)


def contents(path, *, everything=False):
    """What a ledger says; with `everything` every table but the list of runs."""
    if not everything:
        return [sorted(map(str, asked(path, query))) for query in RELATIONS]
    tables = asked(path, "SELECT table_name FROM duckdb_tables() WHERE table_name <> 'runs'")
    return {name: sorted(map(str, asked(path, f"SELECT * FROM {name}"))) for (name,) in tables}


@quick(4)
@given(delivered())
def test_the_same_delivery_twice_changes_nothing(bill):
    with folder() as path:
        first = audited(path, bill)
        once = contents(path, everything=True)
        second = audited(path, bill)
        assert contents(path, everything=True) == once
        assert asked(path, "SELECT count(*) FROM runs") == [(2,)]
    assert (first.findings, first.bridge, first.totals) == (
        second.findings,
        second.bridge,
        second.totals,
    )


@quick(4)
@given(delivered(least=4, most=15), delivered(least=4, most=15))
def test_a_newer_delivery_replaces_the_older_as_a_whole(older, newer):
    replaced = {place(one)[:2] for one in newer}
    older = [one for one in older if place(one)[:2] in replaced]
    assume(older)
    with folder() as both, folder() as alone:
        before = audited(both, older)
        again = audited(both, newer)
        fresh = audited(alone, newer)
        # What changed after it was final is told by the history, which a fresh ledger lacks.
        told = [one for one in again.findings if one.check != "final_usage_changed"]
        assert (told, again.bridge) == (fresh.findings, fresh.bridge)
        assert [
            [row for row in rows if "'final_usage_changed'" not in row] for rows in contents(both)
        ] == contents(alone)
        kept = asked(both, "SELECT count(*), sum(lines) FROM deliveries WHERE NOT is_current")
        past = {row[0] for row in asked(both, "SELECT id FROM past_findings")}
    if before.run.deliveries[0].id not in {one.id for one in again.run.deliveries}:
        assert kept == [(len(before.run.deliveries), len(older))]
        assert past == {one.id for one in before.findings}


# --- 5. the same inputs give the same findings, byte for byte


def bytes_of(outcome):
    return report.files.findings_csv(outcome.findings) + report.files.bridge_csv(outcome.bridge)


@quick(4)
@given(delivered(), st.randoms(use_true_random=False))
def test_order_files_and_format_do_not_matter(bill, random):
    shuffled = list(bill)
    random.shuffle(shuffled)
    cut = random.randrange(len(bill))
    with folder() as path:
        expected = bytes_of(audited(path, bill))
        ways = {
            "shuffled": [bills.write_csv(path / "a" / "bill.csv", shuffled)],
            "split": [
                bills.write_csv(path / "b" / f"{name}.csv", part)
                for name, part in (("z", shuffled[:cut]), ("a", shuffled[cut:]))
                if part
            ],
            "legacy": [bills.write_csv(path / "c" / "bill.csv", bill, legacy=True)],
            "parquet": [bills.write_parquet(path / "d" / "bill.parquet", shuffled)],
        }
        for name, files in ways.items():
            found = audit(files, Options(ledger=path / f"{name}.duckdb"))
            assert bytes_of(found).splitlines() == expected.splitlines(), name


def test_of_copies_that_differ_in_their_id_the_later_in_the_file_is_the_repetition(tmp_path):
    copied = {"line_item_resource_id": "arn:aws:bedrock:us-east-1:222222222222:guardrail/one"}
    # Enough between them that a file is read in several parts at once.
    others = [
        bills.line(
            identity_line_item_id=f"other{number}",
            line_item_product_code="AmazonS3",
            line_item_usage_type="USE1-Requests",
            line_item_line_item_description="x" * 1000,
        )
        for number in range(10_000)
    ]
    first = bills.line(identity_line_item_id="z", **copied)
    later = bills.line(identity_line_item_id="a", **copied)
    for name, write in (("bill.csv", bills.write_csv), ("bill.parquet", bills.write_parquet)):
        path = tmp_path / name.replace(".", "_")
        path.mkdir()
        audit([write(path / name, [first, *others, later])], Options(ledger=path / "book.duckdb"))
        with duckdb.connect(str(path / "book.duckdb"), read_only=True) as con:
            repeated = con.execute(
                "SELECT l.line_item_id FROM finding_lines AS l "
                "JOIN findings AS f ON f.id = l.finding_id WHERE f.category = 'duplicate'"
            ).fetchall()
        assert repeated == [("a",)], name


# --- 6. all or nothing


class FailedError(Exception):
    """What a test makes fail."""


@contextmanager
def failing_at(step):
    """Let the statement of that number fail, counted over a whole run."""
    counted = 0
    execute = ingest.execute

    def execute_or_fail(*arguments, **options):
        nonlocal counted
        counted += 1
        if counted == step:
            raise FailedError
        return execute(*arguments, **options)

    modules = (ingest, reconcile, checks, invariants, result)
    patches = [mock.patch.object(module, "execute", execute_or_fail) for module in modules]
    for patch in patches:
        patch.start()
    try:
        yield lambda: counted
    finally:
        for patch in patches:
            patch.stop()


def files_in(path):
    return {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in sorted(path.rglob("*"))
        if each.is_file() and not each.name.endswith(".lock")
    }


@pytest.fixture(scope="module", autouse=True)
def _before_is_tidied_up():
    yield
    shutil.rmtree(_before())


@cache
def _before():
    """A folder with the ledger and the report of an earlier run."""
    path = Path(tempfile.mkdtemp(prefix="curecon-test-"))
    audited(path, [bills.line()], out=path / "out")
    return path


@quick(8)
@given(st.integers(1, 60))
def test_a_run_that_fails_leaves_everything_as_it_was(step):
    with folder() as path, folder() as source:
        shutil.copytree(_before(), path, dirs_exist_ok=True)
        newer = bills.write_csv(source / "bill.csv", [bills.line(rate="0.1")])
        before = files_in(path)
        with failing_at(step) as statements:
            try:
                audit([newer], Options(ledger=path / "ledger.duckdb", out=path / "out"))
            except FailedError:
                assert files_in(path) == before
            else:
                assert statements() < step, "a statement failed and nobody noticed"
                assert files_in(path) != before


def test_a_run_that_cannot_publish_its_report_leaves_everything_as_it_was():
    with folder() as path:
        shutil.copytree(_before(), path, dirs_exist_ok=True)
        before = files_in(path)
        with (
            mock.patch.object(files, "staged", side_effect=FailedError),
            pytest.raises(FailedError),
        ):
            audit([path / "bill.csv"], Options(ledger=path / "ledger.duckdb", out=path / "out"))
        assert files_in(path) == before


def test_a_report_that_cannot_be_moved_to_its_place_leaves_everything_as_it_was():
    """The files go first: where they fail, the ledger has not been replaced yet."""
    move = os.replace

    def failing(source, target):
        if str(target).endswith("summary.md"):
            raise PermissionError(1, "not allowed")
        return move(source, target)

    with folder() as path, folder() as source:
        shutil.copytree(_before(), path, dirs_exist_ok=True)
        newer = bills.write_csv(source / "bill.csv", [bills.line(rate="0.1")])
        before = files_in(path)
        with mock.patch("os.replace", failing), pytest.raises(OptionInvalid, match="not allowed"):
            audit([newer], Options(ledger=path / "ledger.duckdb", out=path / "out"))
        assert files_in(path) == before


# --- 7. every expected dollar is explainable

# Lines of these components are expected to cost something else than their quantity at their price.
OTHERWISE = {"duplicate", "unpriced", "not_repriced", "commitment", "quantity"}
EXPLAINED = """
    SELECT c.line, c.component, c.reason, c.expected, r.rate_id, r.source, r.price,
        r.unit AS rate_unit,
        r.starts, r.ends, l.line_item_usage_amount AS quantity, l.pricing_unit AS written, l.unit,
        CAST(l.line_item_usage_start_date AS DATE) AS day, l.capability
    FROM comparison AS c JOIN line_items AS l USING (line) LEFT JOIN rates AS r USING (rate_id)
    WHERE l.kind IN ('usage', 'covered_usage')
"""


def worked_out(row):
    """Quantity x price of a line, from nothing but what the ledger says of its rate."""
    same = row["written"] and units.fold(row["written"]) == units.fold(row["rate_unit"])
    factor = Decimal(1) if same else units.factor(row["unit"], row["rate_unit"])
    assert factor is not None, "a price in a unit that does not convert"
    tasks = row["capability"] == "human_task"
    quantity = row["quantity"].to_integral_value(ROUND_FLOOR) if tasks else row["quantity"]
    return (quantity * row["price"] * factor).quantize(TEN_DECIMALS, ROUND_HALF_UP)


@quick(8)
@given(delivered())
def test_every_expected_dollar_can_be_worked_out_again(bill):
    with folder() as path:
        audited(path, bill)
        with ledger.reading(path / "ledger.duckdb") as con:
            names = [row[0] for row in con.execute(f"DESCRIBE {EXPLAINED}").fetchall()]
            found = con.execute(EXPLAINED).fetchall()
    of_line = defaultdict(list)
    for values in found:
        of_line[values[0]].append(dict(zip(names, values, strict=True)))
    for rows in of_line.values():
        components = {row["component"] for row in rows}
        if any(row["reason"] == "cancelled" for row in rows):
            # A negation takes covered usage back as it stands, so its rate decides nothing.
            assert components == {"agrees"}
            continue
        if components & OTHERWISE or all(row["rate_id"] is None for row in rows):
            assert components & {*OTHERWISE, "arithmetic"}, "no rate, and no other reason"
            continue
        for row in rows:
            assert row["source"]
            assert (row["starts"] or date.min) <= row["day"] < (row["ends"] or date.max)
        expected = sum(row["expected"] for row in rows)
        if rows[0]["quantity"] < 0 and expected == 0:
            # Usage taken back that nothing was billed for should not be there at all; where its
            # dollars lie within tolerance it is no `quantity` but `rounding`, and 0 is expected.
            assert components == {"rounding"}
            continue
        assert expected == worked_out(rows[0])


# --- hold() notices

# What each assertion is about -> SQL that breaks it. The relations are those of a run.
BREAKS = {
    "lines or dollars in scope were lost": "DELETE FROM {ledger}.lines WHERE line = "
    "(SELECT min(line) FROM lines)",
    "the files and the totals of a delivery differ": "UPDATE {ledger}.delivery_files SET "
    "billed = billed + 0.00000000000000000001",
    "a line is in no component": "DELETE FROM {ledger}.compared WHERE line = "
    "(SELECT min(line) FROM lines)",
    "its dollars are there more or less than once": "INSERT INTO {ledger}.compared "
    "SELECT * FROM compared WHERE component = 'rate'",
    "a component is not known": "UPDATE {ledger}.compared SET component = 'discord' "
    "WHERE component = 'rate'",
    "agreement with a difference": "UPDATE {ledger}.compared SET difference = 0.01 "
    "WHERE component = 'agrees'",
    "the bridge does not add up to what was billed": "DELETE FROM run_bridge "
    "WHERE component = 'rate'",
    "findings own other dollars than the bridge": "UPDATE {ledger}.findings SET "
    "difference = difference + 0.00000000000000000001 WHERE owns_difference",
    "a charge has two rates at one time": "INSERT INTO {ledger}.key_rates "
    "SELECT * REPLACE ('another' AS rate_id) FROM {ledger}.key_rates",
    "two deliveries of one period are in force": "INSERT INTO {ledger}.deliveries "
    "SELECT * REPLACE ('other' AS delivery_id) FROM {ledger}.deliveries",
    "something is left of a delivery that was replaced": "INSERT INTO {ledger}.found_lines "
    "SELECT * REPLACE ('gone' AS delivery_id) FROM {ledger}.found_lines",
    "two findings have one id": "INSERT INTO {ledger}.findings SELECT * REPLACE "
    "(FALSE AS owns_difference) FROM {ledger}.findings",
    "an expected dollar without a source": "UPDATE {ledger}.compared SET rate_id = NULL "
    "WHERE component = 'agrees'",
    "a rate that nobody can look up": "DELETE FROM {ledger}.rates",
    "a price on a day on which its source had none": "UPDATE {ledger}.key_rates SET "
    "starts = DATE '2001-01-01'",
}


@cache
def _held():
    """Break one relation after the other inside a run; return what hold() said of each."""
    said = {}

    def broken(con, catalog):
        hold(con, catalog)
        for name, tampering in BREAKS.items():
            con.execute("BEGIN")
            con.execute(tampering.replace("{ledger}", f"{catalog}.main"))
            try:
                hold(con, catalog)
            except AssertionError as error:
                said[name] = str(error)
            con.execute("ROLLBACK")
        hold(con, catalog)

    right, wrong = bills.line(), bills.line(start="2026-10-06T00:00:00", rate="0.1")
    with folder() as path, mock.patch.object(invariants, "hold", broken):
        audited(path, [right, wrong])
    return said


@pytest.mark.parametrize("name", BREAKS)
def test_hold_notices_what_is_broken(name):
    assert name in _held().get(name, "nothing was noticed")


def test_every_assertion_is_broken_once():
    elsewhere = {"the run writes into the ledger itself"}
    for assertion in invariants._BROKEN.keys() - elsewhere:
        assert any(name in assertion for name in BREAKS), assertion


def test_hold_notices_a_run_that_writes_into_the_ledger_itself():
    with folder() as path:
        audited(path, [bills.line()])
        with duckdb.connect(str(path / "ledger.duckdb")) as con:
            con.execute("CREATE TEMP TABLE run_bridge AS SELECT * FROM bridge")
            con.execute("CREATE TEMP TABLE run_keys AS SELECT * FROM charge_keys")
            with pytest.raises(AssertionError, match="writes into the ledger itself"):
                invariants.hold(con, "ledger")
