"""The simulator: bills as AWS writes them, which an audit finds nothing wrong with."""

import ast
import json
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import curecon
from curecon import checks, cli
from curecon.errors import OptionInvalid
from curecon.simulate import columns, faults, simulate
from curecon.simulate.delivery import FORMATS

ROOT = Path(__file__).resolve().parents[1]
EVERY = [*faults.FAULTS, faults.INVOICE]
LINES, SEED = 6000, 11
CENT = Decimal("0.005")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("clean") / "world", LINES, 2, SEED)


@pytest.fixture(scope="module", autouse=True)
def spared():
    """A check that is spared, since what it needs is not there, is run here: it finds nothing."""
    needed = checks._needed

    def also_run(con, packaged):
        kept = needed(con, packaged)
        for check in set(packaged) - set(kept):
            assert con.execute(f"SELECT * FROM ({check.sql}\n)").fetchall() == [], check.name
            found.add(check.name)
        return kept

    found = set()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checks, "_needed", also_run)
        yield found


def paid(world):
    """What AWS asked for: the total of each invoice."""
    return {name: Decimal(amount) for name, amount in truth_of(world)["invoices"].items()}


def audited(world, bill="bill", **more):
    """Audit a simulated bill by the price lists and the contract beside it."""
    options = curecon.Options(
        ledger=world.parent / f"{world.name}-{bill.replace('/', '-')}.duckdb",
        price_lists=[world / "price_list"],
        contract=world / "contract.toml",
        **more,
    )
    return curecon.audit([world / bill], options)


def grave(findings):
    """What says that something is wrong, or cannot be judged; the rest is for information."""
    return [(one.check, one.usage_type, one.reason) for one in findings if one.severity != "info"]


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def query(world, text):
    """Ask the newest deliveries of a simulated bill."""
    manifests = world.glob("bill/*/metadata/*/*-Manifest.json")
    keys = [key for one in manifests for key in json.loads(one.read_text("utf-8"))["dataFiles"]]
    files = [str(world / "bill" / key.split("/", 3)[3]) for key in keys]
    with duckdb.connect() as con:
        return con.execute(
            f"WITH bill AS (FROM read_parquet({files}, union_by_name = true)) {text}"
        ).fetchall()


# --- it knows AWS, and none of the code that it tries


def test_the_simulator_shares_no_code_with_what_it_tries():
    """What reads, decodes, matches and compares must be able to disagree with it."""
    allowed = {"curecon.errors", "curecon.frames", "curecon.packaged"}
    for path in (ROOT / "src/curecon/simulate").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                parts = [f".{one.name}" for one in node.names if node.module == "curecon"]
                names += [f"{node.module}{part}" for part in parts or [""]]
            for name in names:
                own = name.startswith("curecon") and not name.startswith("curecon.simulate")
                assert not own or name in allowed, f"{path.name} imports {name}"


# --- a clean bill


def test_an_audit_of_a_clean_bill_finds_nothing(clean):
    result = audited(clean, invoice_totals=paid(clean))
    assert grave(result.findings) == []
    assert all(row.amount == 0 for row in result.bridge if row.component != "not_repriced")
    (other,) = query(
        clean,
        "SELECT count(*) FROM bill WHERE line_item_line_item_type IN ('Tax', 'Credit', 'Refund')"
        " AND regexp_matches(line_item_product_code || product['product_name'],"
        " 'Bedrock|SageMaker|MachineLearning')",
    )
    told = sum(row.lines for row in result.bridge if row.component == "not_repriced")
    assert told == other[0]


def test_a_clean_bill_is_spared_most_checks(clean, spared):
    audited(clean)
    assert len(spared) > len(checks.load()) / 2


def test_a_bill_has_as_many_lines_as_asked_for(clean):
    assert query(clean, "SELECT count(*) FROM bill") == [(LINES,)]


def test_a_bill_has_every_kind_of_line(clean):
    kinds = dict(query(clean, "SELECT line_item_line_item_type, count(*) FROM bill GROUP BY 1"))
    assert {
        "Usage", "Tax", "Credit", "Refund", "Fee", "EdpDiscount", "SavingsPlanCoveredUsage",
        "SavingsPlanNegation", "SavingsPlanRecurringFee",
    } <= set(kinds)  # fmt: skip
    codes = {code for (code,) in query(clean, "SELECT DISTINCT line_item_product_code FROM bill")}
    assert {
        "AmazonBedrock", "AmazonBedrockService", "AmazonBedrockAgentCore", "AmazonSageMaker",
        "7zgyu5r4uonlsrnaq20qq63eo", "AmazonEC2", "AmazonS3",
    } <= codes  # fmt: skip


def test_some_hours_of_a_small_notebook_are_free(clean):
    free = (
        "SELECT split_part(line_item_usage_type, '-', 2) AS meter,"
        " bool_and(line_item_unblended_cost = 0), max(used) FROM (SELECT *, sum("
        "line_item_usage_amount) OVER (PARTITION BY bill_billing_period_start_date,"
        " split_part(line_item_usage_type, '-', 2)) AS used FROM bill"
        " WHERE line_item_line_item_description LIKE '%free tier%') GROUP BY 1"
    )
    found = {meter: (at_no_cost, used) for meter, at_no_cost, used in query(clean, free)}
    # Amazon SageMaker pricing page: hours of notebooks, training and hosting free in a month.
    for meter, hours in (
        ("Notebk:ml.t3.medium", 250),
        ("Train:ml.m5.xlarge", 50),
        ("Host:ml.m5.xlarge", 125),
    ):
        at_no_cost, used = found[meter]
        assert at_no_cost
        assert 0 < used <= hours


def test_the_hour_in_which_an_allowance_ends_is_free_and_paid_in_part(tmp_path):
    world = simulate(tmp_path / "world", 60_000, 1, SEED)
    of_host = " FROM bill WHERE line_item_usage_type LIKE '%-Host:ml.m5.xlarge'"
    free = "line_item_line_item_description LIKE '%free tier%'"
    ((used, last),) = query(
        world,
        "SELECT sum(line_item_usage_amount::DECIMAL(20, 10)), max(line_item_usage_start_date)"
        f"{of_host} AND {free}",
    )
    ((first,),) = query(
        world,
        f"SELECT min(line_item_usage_start_date){of_host} AND NOT {free}"
        " AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage')",
    )
    assert used == 125
    assert first >= last
    assert grave(audited(world).findings) == []


def test_a_line_is_known_by_id_and_interval(clean):
    twice = (
        "SELECT identity_line_item_id FROM bill"
        " GROUP BY identity_line_item_id, identity_time_interval HAVING count(*) > 1"
    )
    assert query(clean, twice) == []


def test_costs_have_at_most_ten_decimals(clean):
    longer = (
        "SELECT line_item_unblended_cost::VARCHAR FROM bill"
        " WHERE line_item_unblended_cost <> round(line_item_unblended_cost, 10)"
    )
    assert query(clean, longer) == []


def test_a_weekday_noon_is_busier_than_a_sunday_night(tmp_path):
    world = simulate(tmp_path / "world", 40_000, 1, SEED)
    busy, quiet = (
        query(
            world,
            "SELECT sum(line_item_usage_amount)::DECIMAL(38, 4) FROM bill"
            " WHERE line_item_usage_type LIKE 'USE1-%-input-tokens'"
            f" AND dayofweek(line_item_usage_start_date) {days}"
            f" AND hour(line_item_usage_start_date) = {hour}",
        )[0][0]
        for days, hour in (("BETWEEN 1 AND 5", 17), ("IN (0, 6)", 8))
    )
    assert busy > quiet * 10


# --- files


def test_the_same_seed_writes_the_same_bytes(clean, tmp_path):
    assert files_of(simulate(tmp_path / "again", LINES, 2, SEED)) == files_of(clean)
    assert files_of(simulate(tmp_path / "other", LINES, 2, SEED + 1)) != files_of(clean)


def test_manifests_list_exactly_the_files(clean):
    listed = Counter()
    for manifest in clean.glob("bill/*/metadata/*/*/*-Manifest.json"):
        for key in json.loads(manifest.read_text("utf-8"))["dataFiles"]:
            listed[key.split("/", 3)[3]] += 1
    data = {name for name in files_of(clean / "bill") if "/data/" in name}
    assert set(listed) == data
    assert set(listed.values()) == {1}


def test_the_first_month_is_delivered_twice(clean):
    told = json.loads((clean / "ground_truth.json").read_text("utf-8"))["deliveries"]
    assert [(one["period"], one["final"]) for one in told] == [
        ("2026-09", False), ("2026-09", True), ("2026-10", True),
    ]  # fmt: skip
    assert told[0]["lines"] < told[1]["lines"]
    early = audited(clean, told[0]["manifest"])
    # Credits come with the invoice, so a promised one is still missing.
    assert {check for check, _, _ in grave(early.findings)} <= {"credit_differs"}


# --- formats


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats") / "world"
    return simulate(folder, 3000, 1, SEED, list(FORMATS))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_same_totals_and_no_findings(everywhere, name):
    result = audited(everywhere, f"bill/{name}")
    (total,) = result.totals
    (same,) = audited(everywhere, "bill/cur2-parquet").totals
    assert (total.billed, total.in_scope_billed) == (same.billed, same.in_scope_billed)
    assert [one for one in result.findings if one.severity == "error"] == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_manifests_that_list_exactly_its_files(everywhere, name):
    bucket = everywhere / "bill" / name
    listed = set()
    for path in bucket.rglob("*-Manifest.json"):
        manifest = json.loads(path.read_text("utf-8"))
        keys = manifest.get("reportKeys") or [key.split("/", 3)[3] for key in manifest["dataFiles"]]
        listed |= set(keys)
    assert listed == {name for name in files_of(bucket) if not name.endswith(".json")}
    assert listed


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "0.0"),
        ("12.5", "12.5"),
        ("-3", "-3.0"),
        ("0.001", "0.001"),
        ("0.0009984", "9.984E-4"),
        ("-0.0000000013", "-1.3E-9"),
        ("0.0000000001", "1.0E-10"),
        ("1234567.25", "1234567.25"),
        ("12345678.25", "1.234567825E7"),
        ("10000000", "1.0E7"),
    ],
)
def test_csv_numbers_are_written_as_java_does(amount, written):
    with duckdb.connect() as con:
        con.execute(columns.JAVA_TEXT)
        told = con.execute(f"SELECT java_text({amount}::DECIMAL(28, 10))").fetchone()
    assert told == (written,)


@pytest.mark.parametrize(
    ("legacy", "athena"),
    [
        ("lineItem/UsageType", "line_item_usage_type"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        ("product/usagetype", "product_usagetype"),
        ("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
        ("resourceTags/user:CostCenter", "resource_tags_user_cost_center"),
    ],
)
def test_legacy_columns_are_named_by_the_rule_of_the_guide(legacy, athena):
    assert columns.athena_name(legacy) == athena


# --- agreements


def test_a_plan_is_used_up_to_its_commitment_and_cancelled_exactly(clean):
    (over,) = query(
        clean,
        "SELECT count(*) FROM bill WHERE line_item_line_item_type = 'SavingsPlanRecurringFee'"
        " AND savings_plan_used_commitment > savings_plan_total_commitment_to_date",
    )
    assert over == (0,)
    hours = (
        "SELECT line_item_usage_start_date, sum(savings_plan_used_commitment)"
        " - sum(savings_plan_savings_plan_effective_cost) AS unexplained,"
        " sum(CASE WHEN line_item_line_item_type IN ('SavingsPlanCoveredUsage',"
        " 'SavingsPlanNegation') THEN line_item_unblended_cost END) AS uncancelled"
        " FROM bill WHERE savings_plan_savings_plan_a_r_n <> '' GROUP BY 1"
    )
    (worst,) = query(
        clean, f"SELECT max(abs(unexplained)) < 1e-9, max(abs(uncancelled)) < 1e-9 FROM ({hours})"
    )
    assert worst == (True, True)
    (covered,) = query(
        clean,
        "SELECT count(*) FROM bill WHERE line_item_line_item_type = 'SavingsPlanCoveredUsage'",
    )
    assert covered[0] > 10


def test_the_discount_is_one_share_of_what_aws_sells_on_demand(clean):
    contract = tomllib.loads((clean / "contract.toml").read_text("utf-8"), parse_float=Decimal)
    percent = contract["discount"][0]["percent"]
    (sums,) = query(
        clean,
        "SELECT sum(line_item_unblended_cost::DECIMAL(28, 10)) FILTER (line_item_line_item_type"
        " = 'EdpDiscount'), sum(line_item_unblended_cost::DECIMAL(28, 10)) FILTER ("
        "line_item_line_item_type = 'Usage' AND bill_billing_entity = 'AWS' AND"
        " regexp_matches(line_item_product_code, 'Bedrock|SageMaker')) FROM bill",
    )
    assert abs(sums[0] + sums[1] * percent / 100) < Decimal("0.000001")


# --- errors


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty") / "world"
    return simulate(folder, 12_000, 2, SEED, errors="all")


def truth_of(world):
    return json.loads((world / "ground_truth.json").read_text("utf-8"), parse_float=Decimal)


def test_every_kind_of_error_is_planted(faulty):
    assert sorted(one["error"] for one in truth_of(faulty)["errors"]) == sorted(EVERY)


def test_the_ground_truth_adds_up(faulty):
    truth = truth_of(faulty)
    assert sum(Decimal(one["dollars"]) for one in truth["errors"]) == Decimal(truth["dollars"])
    assert all(one["lines"] for one in truth["errors"] if one["error"] != "invoice")


def is_at(one, error):
    """Whether a finding is where an error was planted; the tax on it names no usage type."""
    usage_type = error["usage_type"]
    return (
        one.period == error["period"]
        and error["usage_account"] in ("", one.usage_account)
        and (usage_type == "" or one.usage_type in (None, usage_type))
    )


@pytest.fixture(scope="module")
def said(faulty):
    return audited(faulty, invoice_totals=paid(faulty)).findings


@pytest.mark.parametrize("name", EVERY)
def test_an_audit_finds_every_planted_error_to_the_cent(faulty, said, name):
    (error,) = (one for one in truth_of(faulty)["errors"] if one["error"] == name)
    found = [one for one in said if one.check == error["check"] and is_at(one, error)]
    assert {(one.category, one.severity) for one in found} == {
        (error["category"], error["severity"])
    }
    assert abs(sum(one.difference for one in found) - Decimal(error["dollars"])) < CENT


def test_an_audit_finds_nothing_but_what_is_planted(faulty, said):
    more = [
        one
        for one in said
        if one.severity != "info"
        and not any(
            one.check in (error["check"], *error["also"]) and is_at(one, error)
            for error in truth_of(faulty)["errors"]
        )
    ]
    assert more == []


def test_a_credit_is_no_more_than_the_charges_that_it_is_for(faulty):
    rows = query(
        faulty,
        "SELECT bill_billing_period_start_date,"
        " sum(line_item_unblended_cost) FILTER (line_item_line_item_type = 'Usage'"
        " AND bill_billing_entity = 'AWS'),"
        " -sum(line_item_unblended_cost) FILTER (line_item_line_item_type = 'Credit')"
        " FROM bill WHERE line_item_product_code LIKE 'AmazonBedrock%' GROUP BY 1",
    )
    assert len(rows) == 2
    assert all(0 < given < charged / 10 for _, charged, given in rows)


def test_planted_lines_are_lines_of_the_bill(faulty):
    named = {
        (line["line_item_id"], line["time_interval"])
        for one in truth_of(faulty)["errors"]
        if one["error"] not in {"negation", "discount_missing"}
        for line in one["lines"]
    }
    there = set(query(faulty, "SELECT identity_line_item_id, identity_time_interval FROM bill"))
    assert {line for line in named if line not in there} <= {
        (line["line_item_id"], line["time_interval"])
        for one in truth_of(faulty)["errors"]
        if one["error"] in {"gap", "outside"}
        for line in one["lines"]
    }


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ("", {}),
        ("rate", {"rate": 1}),
        ("rate=3, unit", {"rate": 3, "unit": 1}),
        ("all=2", dict.fromkeys(EVERY, 2)),
        ("all,rate=0", {**dict.fromkeys(EVERY, 1), "rate": 0}),
    ],
)
def test_errors_are_asked_for_by_kind_and_number(spec, counts):
    assert faults.wanted(spec) == counts


@pytest.mark.parametrize("spec", ["rates", "rate=x", "rate=-1", "rate=99999", "all=1.5"])
def test_errors_that_are_not_known_are_refused(spec, tmp_path):
    with pytest.raises(OptionInvalid, match="--errors"):
        simulate(tmp_path / "world", errors=spec)


# --- errors in FOCUS


@pytest.mark.parametrize("name", ["focus-1.0", "focus-1.2"])
def test_an_audit_of_focus_finds_what_focus_shows(tmp_path, name):
    kinds = [kind for kind, fault in faults.FAULTS.items() if fault.focus != ""]
    world = simulate(tmp_path / "world", 12_000, 2, SEED, [name], errors=",".join(kinds))
    said, errors = audited(world).findings, truth_of(world)["errors"]
    assert {one["error"] for one in errors} == set(kinds)
    for error in errors:
        found = [one for one in said if one.check == error["focus_check"] and is_at(one, error)]
        assert found, error
        # What FOCUS bills is less the discount, and so is what an error adds to it.
        dollars = Decimal(error["net_dollars"])
        assert abs(sum(one.difference for one in found) - dollars) < CENT, error
    planted = [(check, one) for one in errors for check in (one["focus_check"], *one["also"])]
    assert [
        one
        for one in said
        if one.severity != "info"
        and not any(one.check == check and is_at(one, error) for check, error in planted)
    ] == []


# --- options


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lines": 10}, "--lines 10: too few"),
        ({"months": 0}, "--months 0: give 1 to"),
        ({"formats": ["xml"]}, "--format 'xml': give one of cur2-parquet"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options, told, tmp_path):
    with pytest.raises(OptionInvalid, match=told):
        simulate(tmp_path / "world", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(OptionInvalid, match="not an empty folder"):
        simulate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_says_how_to_audit_it(tmp_path, capsys):
    world = tmp_path / "world"
    assert cli.run(["simulate", str(world), "--lines", "2000", "--seed", "5"]) == cli.FINE
    told = capsys.readouterr().out.splitlines()[1].split()
    ledger = ["--ledger", str(tmp_path / "x.duckdb")]
    assert cli.run([*told[1:], *ledger]) == cli.FINE
