"""The simulator: bills as AWS writes them, which an audit finds nothing wrong with."""

import ast
import json
from collections import Counter
from pathlib import Path

import duckdb
import pytest

import curecon
from curecon import cli
from curecon.errors import OptionInvalid
from curecon.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
LINES, SEED = 4000, 11


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("clean") / "world", LINES, 2, SEED)


def audited(world, bill="bill", **more):
    """Audit a simulated bill by the price lists and the contract beside it."""
    options = curecon.Options(
        ledger=world.parent / f"{world.name}-{bill.replace('/', '-')}.duckdb",
        price_lists=[world / "price_list"],
        contract=world / "contract.toml",
        **more,
    )
    return curecon.audit([world / bill], options)


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
    return duckdb.sql(
        f"WITH bill AS (FROM read_parquet({files}, union_by_name = true)) {text}"
    ).fetchall()


# --- it knows AWS, and none of the code that it tries


def test_the_simulator_shares_no_code_with_what_it_tries():
    """What reads, decodes, matches and compares must be able to disagree with it."""
    allowed = {"curecon.errors", "curecon.packaged"}
    for path in (ROOT / "src/curecon/simulate").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                own = name.startswith("curecon") and not name.startswith("curecon.simulate")
                assert not own or name in allowed, f"{path.name} imports {name}"


# --- a clean bill


def test_an_audit_of_a_clean_bill_finds_nothing(clean):
    result = audited(clean)
    assert [(one.check, one.reason) for one in result.findings] == []
    assert all(row.amount == 0 for row in result.bridge if row.component != "not_repriced")


def test_a_bill_has_as_many_lines_as_asked_for(clean):
    assert query(clean, "SELECT count(*) FROM bill") == [(LINES,)]


def test_a_bill_has_every_kind_of_line(clean):
    kinds = dict(query(clean, "SELECT line_item_line_item_type, count(*) FROM bill GROUP BY 1"))
    assert {"Usage", "Tax", "Credit", "Refund", "Fee"} <= set(kinds)
    codes = {code for (code,) in query(clean, "SELECT DISTINCT line_item_product_code FROM bill")}
    assert {
        "AmazonBedrock", "AmazonBedrockService", "AmazonBedrockAgentCore", "AmazonSageMaker",
        "7zgyu5r4uonlsrnaq20qq63eo", "AmazonEC2", "AmazonS3",
    } <= codes  # fmt: skip


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
    assert early.findings == []


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
