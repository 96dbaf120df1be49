"""Report types: the same bill in each, what may be missing or renamed, and what is refused."""

import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import deliveries as aws
from curecon import cli
from curecon.errors import BillUnreadable, FormatsMixed, FormatUnknown
from curecon.formats import athena_name, formats, recognise

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"
SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
CUR = ("legacy-csv", "legacy-athena-csv", "legacy-parquet", "cur2-csv", "cur2-parquet")
FOCUS = ("focus-1.0-csv", "focus-1.0-parquet", "focus-1.2-csv", "focus-1.2-parquet")
OTHERS = [
    ("AmazonEC2", 1, Decimal("0.0000009984")),
    ("AmazonS3", 1, Decimal("0.0000000013")),
]


def bill_of(name):
    (path,) = (FORMATS / name).glob("bill.*")
    return path


def alike(reading):
    """What must be equal, however a bill came: all but the numbers of lines and of the delivery."""
    ignored = {"line", "delivery_id", "format", "charge_key_id"}
    return [{k: v for k, v in one.items() if k not in ignored} for one in reading.lines]


def one(rows_or_table, path, **how):
    """Read one file that holds rows or a Parquet table."""
    if isinstance(rows_or_table, list):
        return aws.ingested(aws.write_csv(path, rows_or_table, **how))
    return aws.ingested(aws.write_parquet(path, rows_or_table))


@pytest.fixture(scope="module")
def expected():
    return aws.ingested(bill_of("cur2-csv"))


# The same bill in every format


def test_the_fixtures_are_what_the_helper_writes(tmp_path):
    for path in aws.write_all(tmp_path):
        name = path.relative_to(tmp_path)
        if path.suffix == ".csv":
            assert path.read_bytes() == (FORMATS / name).read_bytes(), name


def test_every_value_of_a_line_is_read(expected):
    line = expected.lines[0]
    assert {key: value for key, value in line.items() if value is not None} == {
        "line": line["line"],
        "delivery_id": line["delivery_id"],
        "charge_key_id": line["charge_key_id"],
        "period": date(2026, 10, 1),
        "payer_account": "111122223333",
        "format": "CUR 2.0",
        "kind": "usage",
        "price_basis": "unblended",
        "is_ai": True,
        "hours": 1,
        "quantity_rounded": False,
        "identity_line_item_id": "line01abcdefghijklmnop",
        "identity_time_interval": "2026-10-05T01:00:00Z/2026-10-05T02:00:00Z",
        "bill_invoice_id": "2026100001",
        "bill_invoicing_entity": "Amazon Web Services, Inc.",
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "line_item_usage_account_id": "444455556666",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": datetime(2026, 10, 5, 1),  # noqa: DTZ001
        "line_item_usage_end_date": datetime(2026, 10, 5, 2),  # noqa: DTZ001
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "USE1-NovaLite-input-tokens",
        "line_item_operation": "InvokeModelInference",
        "line_item_resource_id": aws.NOVA,
        "line_item_usage_amount": Decimal(5000),
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": Decimal("0.00006"),
        "line_item_unblended_cost": Decimal("0.3"),
        "line_item_line_item_description": '$0.06 per 1M input tokens, "Nova Lite"',
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "product_name": "Amazon Bedrock",
        "product_servicecode": "AmazonBedrock",
        "product_sku": "N0VALITEINPUT001",
        "product_region_code": "us-east-1",
        "product_product_family": "Amazon Bedrock",
        "product_model": "Nova Lite",
        "product_provider": "Amazon",
        "product_feature": "On-demand Inference",
        "pricing_rate_code": "N0VALITEINPUT001.JRTCKXETXF.6YS6EN2CT7",
        "pricing_rate_id": "123456789",
        "pricing_unit": "1K tokens",
        "pricing_term": "OnDemand",
        "pricing_public_on_demand_cost": Decimal("0.3"),
        "pricing_public_on_demand_rate": Decimal("0.00006"),
        "reservation_effective_cost": Decimal(0),
        "savings_plan_savings_plan_effective_cost": Decimal(0),
        "savings_plan_total_commitment_to_date": Decimal(0),
        "savings_plan_used_commitment": Decimal(0),
        "resource_type": "foundation-model",
        "resource_model": "amazon.nova-lite-v1:0",
        "resource_tags": {"user_team": "search", "user_cost_center": "4711"},
        "cost_category": {"team": "Suche & Ähnliches"},
    }


def test_the_lines_in_scope_and_the_rest(expected):
    assert Counter(line["line_item_product_code"] for line in expected.lines) == {
        "AmazonBedrock": 4,
        "AmazonSageMaker": 3,
        "MachineLearningSavingsPlans": 1,
        "4a524th30q694o538qndh9ucht": 1,  # by the product's name
        "AWSDataTransfer": 1,  # by the ARN of the resource
    }
    assert expected.others == OTHERS
    assert sum(line["line_item_unblended_cost"] for line in expected.lines) == Decimal(
        "1.9234305414"
    )


def test_what_is_special_about_single_lines(expected):
    by_id = {line["identity_line_item_id"]: line for line in expected.lines}
    host = by_id["line04abcdefghijklmnop"]
    assert host["line_item_usage_account_id"] == "012345678901"
    assert host["line_item_usage_amount"] == Decimal("0.0075240929")
    assert host["quantity_rounded"] is True
    tax = by_id["line09abcdefghijklmnop"]
    assert (tax["kind"], tax["hours"], tax["line_item_unblended_rate"]) == ("tax", 744, None)
    assert tax["line_item_usage_type"] is None
    credit = by_id["line07abcdefghijklmnop"]
    assert credit["line_item_line_item_description"] == "AWS credit, line 1\nline 2"
    assert credit["bill_invoice_id"] is None
    assert by_id["line05negation"]["line_item_unblended_cost"] == Decimal("-1.1")
    kinds = Counter(line["kind"] for line in expected.lines)
    assert kinds == {
        "usage": 5, "covered_usage": 1, "negation": 1, "plan_fee": 1, "credit": 1, "tax": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", CUR)
def test_every_cur_gives_the_same_lines(name, expected):
    found = aws.ingested(bill_of(name))
    for line in found.lines:
        for column in ("resource_tags", "cost_category"):  # no tags, or none delivered
            line[column] = line[column] or {}
    assert alike(found) == alike(expected)
    assert found.others == OTHERS
    assert {line["format"] for line in found.lines} == {
        "legacy CUR" if "legacy" in name else "CUR 2.0"
    }


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".zip"])
@pytest.mark.parametrize("rows", [aws.legacy_rows, aws.athena_rows, aws.cur2_rows])
def test_csv_comes_plain_gzipped_and_zipped(tmp_path, suffix, rows, expected):
    found = one(rows(aws.bill()), tmp_path / f"bill{suffix}")
    assert sum(line["line_item_unblended_cost"] for line in found.lines) == Decimal("1.9234305414")
    assert len(found.lines) == len(expected.lines)
    assert found.others == OTHERS


@pytest.mark.parametrize("name", FOCUS)
def test_every_focus_gives_the_same_dollars(name):
    found = aws.ingested(bill_of(name))
    assert sum(line["line_item_unblended_cost"] for line in found.lines) == Decimal("1.9234305414")
    assert found.others == OTHERS
    assert {line["format"] for line in found.lines} == {name[:9].replace("focus-", "FOCUS ")}
    line = next(row for row in found.lines if row["line_item_unblended_cost"] == Decimal("0.3"))
    shown = {
        "kind": "usage",
        "price_basis": "list",
        "payer_account": "111122223333",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "USE1-NovaLite-input-tokens",
        "line_item_usage_amount": Decimal(5000),
        "line_item_unblended_rate": Decimal("0.00006"),
        "pricing_public_on_demand_cost": Decimal("0.3"),
        "pricing_public_on_demand_rate": Decimal("0.00006"),
        "pricing_rate_code": "N0VALITEINPUT001.JRTCKXETXF.6YS6EN2CT7",
        "product_sku": "N0VALITEINPUT001",
        "product_region_code": "us-east-1",
        "resource_tags": {"user_team": "search", "user_cost_center": "4711"},
        "identity_time_interval": "2026-10-05T01:00:00Z/2026-10-05T02:00:00Z",
    }
    assert {key: line[key] for key in shown} == shown
    covered = next(row for row in found.lines if row["kind"] == "covered_usage")
    assert covered["line_item_unblended_cost"] == 0
    assert covered["savings_plan_savings_plan_effective_cost"] == Decimal("0.9")
    assert covered["savings_plan_savings_plan_a_r_n"] == aws.PLAN


@pytest.mark.parametrize("family", [CUR, FOCUS[:2], FOCUS[2:]])
def test_every_format_gives_the_same_findings(tmp_path, family, capsys):
    results = []
    for name in family:
        arguments = ["audit", str(bill_of(name)), "--ledger", str(tmp_path / f"{name}.duckdb")]
        assert cli.run([*arguments, "--json", "--fail-on", "never"]) == 0
        result = json.loads(capsys.readouterr().out)
        del result["run"]
        results.append(result)
    assert results[0]["findings"]
    assert all(result == results[0] for result in results)


# Names of columns


@pytest.mark.parametrize(
    ("delivered", "athena"),
    [
        ("lineItem/UsageType", "line_item_usage_type"),
        ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        ("resourceTags/user:CostCenter", "resource_tags_user_cost_center"),
        ("resourceTags/aws:createdBy", "resource_tags_aws_created_by"),
        ("product/usagetype", "product_usagetype"),
        ("product/ProductName", "product_product_name"),
        ("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
        ("costCategory/Charge type", "cost_category_charge_type"),
        ("product.region", "product_region"),
        ("line_item_usage_type", "line_item_usage_type"),
        ("LINE_ITEM_USAGE_TYPE", "line_item_usage_type"),
        ("", ""),
    ],
)
def test_names_are_spelled_as_athena_does(delivered, athena):
    assert athena_name(delivered) == athena


@pytest.mark.parametrize("form", formats(), ids=lambda form: form.name)
def test_each_required_column_is_missed_by_name(form):
    needed = [column.name for column in form.columns if column.role]
    for missing in needed:
        rest = [name for name in needed if name != missing]
        with pytest.raises(FormatUnknown) as caught:
            recognise("bill.csv", rest, period_known=False)
        message = str(caught.value)
        assert message.startswith("bill.csv: this is no bill that can be read.")
        assert f"it lacks the column {missing}." in message
        assert message.endswith(f"Found: {', '.join(rest)}")
    assert recognise("bill.csv", needed, period_known=False) is form


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([], "Found: none"),
        (["a", "b\x1b[31m", "é"], "Found: a, b\\x1b[31m, é"),
        ([f"c{n}" for n in range(100)], "c39, ..."),
    ],
)
def test_what_is_no_bill_says_what_was_found(found, told):
    with pytest.raises(FormatUnknown) as caught:
        recognise("x.csv", found, period_known=True)
    assert str(caught.value).endswith(told)
    assert "\x1b" not in str(caught.value)


def test_only_the_required_columns_are_enough(tmp_path):
    needed = [column.name for column in formats()[0].columns if column.role]
    rows = [{name: row[name] for name in needed} for row in aws.cur2_rows(aws.bill())]
    found = one(rows, tmp_path / "bill.csv")
    codes = Counter(line["line_item_product_code"] for line in found.lines)
    assert codes == {"AmazonBedrock": 4, "AmazonSageMaker": 3, "MachineLearningSavingsPlans": 1}
    assert {line["resource_tags"] for line in found.lines} == {None}
    assert all(line["identity_line_item_id"] for line in found.lines)


def test_order_and_number_of_columns_vary_between_months(tmp_path):
    october = aws.cur2_rows(aws.bill()[:2])
    november = [
        {**dict(reversed(row.items())), "new_column": "x"}
        for row in aws.cur2_rows(
            [
                one | {"bill_billing_period_start_date": "2026-11-01T00:00:00Z"}
                for one in aws.bill()[:2]
            ]
        )
    ]
    for row in november:
        del row["pricing_unit"]
    first = aws.write_csv(tmp_path / "BILLING_PERIOD=2026-10" / "e-00001.csv", october)
    second = aws.write_csv(tmp_path / "billing_period=2026-11" / "e-00001.csv.gz", november)
    lines = aws.ingested(first, second).lines
    assert [(str(line["period"]), line["pricing_unit"]) for line in lines] == [
        ("2026-10-01", "1K tokens"), ("2026-10-01", "1K tokens"),
        ("2026-11-01", None), ("2026-11-01", None),
    ]  # fmt: skip
    assert {line["line_item_unblended_cost"] for line in lines} == {Decimal("0.3"), Decimal("0.48")}
    november_only = aws.ingested(tmp_path, periods=["2026-11"]).lines
    assert {str(line["period"]) for line in november_only} == {"2026-11-01"}


def test_a_month_without_a_column_of_tags_is_one_without_tags(tmp_path):
    """An export that gains the column `tags` has it empty from then on, and not before."""
    con = duckdb.connect()
    columns = (
        "'111111111111' AS bill_payer_account_id, '222222222222' AS line_item_usage_account_id, "
        "'Usage' AS line_item_line_item_type, 'AmazonBedrock' AS line_item_product_code, "
        "'USE1-NovaLite-input-tokens' AS line_item_usage_type, 1.0 AS line_item_usage_amount, "
        "0.1 AS line_item_unblended_cost, 'USD' AS line_item_currency_code, MAP {} AS resource_tags"
    )
    for month, more in (("2026-09", ""), ("2026-10", ", MAP {} AS tags")):
        start = f"TIMESTAMP '{month}-02 00:00:00'"
        folder = tmp_path / "data" / f"BILLING_PERIOD={month}"
        folder.mkdir(parents=True)
        con.execute(
            f"COPY (SELECT {columns}{more}, {start} AS line_item_usage_start_date, "
            f"DATE '{month}-01' AS bill_billing_period_start_date) TO '{folder}/a.parquet'"
        )
    status = cli.run(["audit", str(tmp_path), "--ledger", str(tmp_path / "l.duckdb")])
    assert status == 0
    with duckdb.connect(str(tmp_path / "l.duckdb"), read_only=True) as con:
        assert con.sql("SELECT count(*) FROM tag_sets").fetchall() == [(1,)]
        assert con.sql("SELECT count(*) FROM line_items").fetchall() == [(2,)]


@pytest.mark.parametrize("place", ["BILLING_PERIOD=2026-10", "billing_period=2026-10"])
def test_the_path_tells_the_period_where_no_column_does(tmp_path, place):
    rows = aws.cur2_rows(aws.bill())
    for row in rows:
        del row["bill_billing_period_start_date"]
    found = one(rows, tmp_path / place / "bill.csv")
    assert {line["period"] for line in found.lines} == {date(2026, 10, 1)}
    with pytest.raises(FormatUnknown, match="lacks the column bill_billing_period_start_date"):
        one(rows, tmp_path / "bill.csv")


def test_a_user_may_rename_and_pull_out_map_keys(tmp_path):
    rows = aws.cur2_rows(aws.bill()[:1])
    for row in rows:
        del row["product"], row["resource_tags"], row["product_region_code"]
        row["product.region"] = "us-east-1"
        row["product.product_name"] = "Amazon Bedrock"
        row["resource_tags.user_team"] = "search"
    (line,) = one(rows, tmp_path / "bill.csv").lines
    assert (line["product_region_code"], line["product_name"]) == ("us-east-1", "Amazon Bedrock")
    assert line["resource_tags"] == {"user_team": "search"}


def test_the_map_gives_what_has_no_column_of_its_own(tmp_path):
    rows = aws.cur2_rows(aws.bill()[:1])
    for row in rows:
        del row["product_region_code"], row["product_product_family"]
        row["product"] = json.dumps(
            {"region": "eu-west-1", "product_family": "Amazon Bedrock", "sku": "x",
             "inference_type": "Input tokens", "instance_type": ""}
        )  # fmt: skip
    (line,) = one(rows, tmp_path / "bill.csv").lines
    shown = ("product_region_code", "product_product_family", "product_inference_type")
    assert [line[name] for name in shown] == ["eu-west-1", "Amazon Bedrock", "Input tokens"]
    assert line["product_sku"] == "N0VALITEINPUT001"  # the column, since it is there
    assert line["product_instance_type"] is None


def test_names_that_collide_without_case_are_not_lost(tmp_path):
    rows = aws.legacy_rows(aws.bill()[:1])
    del rows[0]["resourceTags/user:Team"], rows[0]["resourceTags/user:CostCenter"]
    spelled = {"user:Team": "", "user:team": "search", "user:TEAM": "late", "user:Cost Center": "7"}
    rows[0] |= {f"resourceTags/{key}": value for key, value in spelled.items()}
    rows[0]["LINEITEM/USAGETYPE"] = "something else"
    (line,) = one(rows, tmp_path / "bill.csv").lines
    # the first that is filled counts; user:TEAM is Athena's user_t_e_a_m
    assert line["resource_tags"] == {
        "user_team": "search", "user_t_e_a_m": "late", "user_cost_center": "7",
    }  # fmt: skip
    assert line["line_item_usage_type"] == "USE1-NovaLite-input-tokens"


def test_a_column_that_is_read_comes_once():
    delivered = list(aws.legacy_rows(aws.bill()[:1])[0])
    assert recognise("bill.csv", [*delivered, "product/x", "product/x"], period_known=False)
    with pytest.raises(FormatUnknown, match=r"lineItem/UnblendedCost is there 2 times"):
        recognise("bill.csv", [*delivered, "lineItem/UnblendedCost"], period_known=False)


def test_the_plan_arn_has_two_spellings(tmp_path):
    for number, name in enumerate(("savingsPlan/SavingsPlanARN", "savingsPlan/SavingsPlanArn")):
        rows = aws.legacy_rows(aws.bill()[4:5])
        rows[0][name] = rows[0].pop("savingsPlan/SavingsPlanARN")
        (line,) = one(rows, tmp_path / f"{number}.csv").lines
        assert line["savings_plan_savings_plan_a_r_n"] == aws.PLAN


# FOCUS


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_focus_headers_have_any_case(tmp_path, case):
    rows = [{case(k): v for k, v in row.items()} for row in aws.focus_rows(aws.bill(), "1.0")]
    found = one(rows, tmp_path / "bill.csv")
    assert len(found.lines) == 9
    assert found.others == OTHERS


def test_focus_without_aws_columns_has_its_scope_from_the_service(tmp_path):
    rows = [
        {name: cell for name, cell in row.items() if not name.startswith("x_")}
        for row in aws.focus_rows(aws.bill(), "1.0")
    ]
    found = one(rows, tmp_path / "bill.csv")
    assert Counter(line["line_item_product_code"] for line in found.lines) == {
        "AmazonBedrock": 4, "AmazonSageMaker": 2, aws.CLAUDE: 1, "AWS Data Transfer": 1,
    }  # fmt: skip
    assert {line["line_item_usage_type"] for line in found.lines} == {None}


def provider_row(**given):
    row = aws.focus_rows(aws.bill()[:1], "1.0")[0]
    return row | given


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"ProviderName": "AWS"}, True),
        ({"ProviderName": "Amazon Web Services"}, True),
        ({"ProviderName": "Amazon Web Services, Inc."}, True),
        ({"ProviderName": "Microsoft"}, False),
        ({"ProviderName": "Microsoft", "ServiceName": "Bedrock for Azure"}, False),
        ({"ProviderName": "Oracle", "x_ServiceCode": ""}, False),
        ({"ProviderName": "", "InvoiceIssuerName": "AWS EMEA SARL"}, True),
        ({"ProviderName": "", "x_ServiceCode": "", "InvoiceIssuerName": "Microsoft"}, False),
        ({"ProviderName": "", "InvoiceIssuerName": "", "PublisherName": "Anthropic"}, True),
        ({"ProviderName": "", "InvoiceIssuerName": "", "PublisherName": "Microsoft",
          "x_ServiceCode": ""}, False),
        ({"ProviderName": "", "InvoiceIssuerName": "", "PublisherName": ""}, True),
        ({"x_ServiceCode": "", "ServiceName": "Amazon SageMaker AI"}, True),
        ({"x_ServiceCode": "", "ServiceName": "Amazon Elastic Compute Cloud"}, False),
        ({"x_ServiceCode": "", "ServiceName": aws.CLAUDE, "PublisherName": "Anthropic"}, True),
    ],
)  # fmt: skip
def test_focus_scope_and_other_providers(tmp_path, given, kept):
    row = provider_row(ResourceId="", BilledCost="1.5", **given)
    plain = provider_row(BilledCost="2")
    found = one([row, plain], tmp_path / "bill.csv")
    assert len(found.lines) == 1 + kept
    assert sum(line["line_item_unblended_cost"] for line in found.lines) == (3.5 if kept else 2)
    assert sum(total[2] for total in found.others) == (0 if kept else Decimal("1.5"))


def test_focus_1_2_reads_its_own_columns(tmp_path):
    rows = aws.focus_rows(aws.bill()[3:4], "1.2")
    (line,) = one(rows, tmp_path / "bill.csv").lines
    assert line["line_item_usage_type"] == "USE1-Host:ml.m5.xlarge"
    assert line["product_instance_type"] == "ml.m5.xlarge"
    assert line["bill_invoice_id"] == "2026100001"
    assert line["line_item_usage_account_id"] == "012345678901"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"ChargeCategory": "Usage"}, "usage"),
        ({"ChargeCategory": "Usage", "CommitmentDiscountStatus": "Used"}, "covered_usage"),
        ({"ChargeCategory": "Usage", "CommitmentDiscountStatus": "Unused"}, "plan_fee"),
        ({"ChargeCategory": "Purchase"}, "fee"),
        ({"ChargeCategory": "Purchase", "CommitmentDiscountId": "sp"}, "plan_fee"),
        (
            {"ChargeCategory": "Purchase", "CommitmentDiscountId": "sp",
             "ChargeFrequency": "One-Time"},
            "plan_upfront_fee",
        ),
        ({"ChargeCategory": "Tax"}, "tax"),
        ({"ChargeCategory": "Credit"}, "credit"),
        ({"ChargeCategory": "Adjustment"}, "correction"),
        ({"ChargeCategory": "Usage", "ChargeClass": "Correction"}, "correction"),
        ({"ChargeCategory": "Something new"}, "unknown"),
    ],
)  # fmt: skip
def test_the_kind_of_a_focus_charge(tmp_path, given, kind):
    (line,) = one([provider_row(**given)], tmp_path / "bill.csv").lines
    assert line["kind"] == kind


def test_the_public_focus_sample():
    folder = SAMPLES / "focus-1.0"
    if not folder.exists():
        pytest.skip("the samples are not beside this checkout")
    found = aws.ingested(folder / "focus_sample_first_500.csv")
    assert found.lines == []
    assert sum(total[1] for total in found.others) == 500
    assert len(found.others) > 10


# Lines without an id of their own


def ids(reading):
    return sorted(line["identity_line_item_id"] for line in reading.lines)


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_a_focus_line_is_named_by_its_row_however_it_comes(tmp_path, version):
    lines = aws.bill()
    rows = aws.focus_rows(lines, version)
    named = ids(one(rows, tmp_path / "bill.csv"))
    assert len(set(named)) == 9
    assert all(len(name) == 34 and name.endswith("-1") for name in named)
    assert ids(one(rows[::-1], tmp_path / "turned.csv")) == named
    assert ids(one(rows, tmp_path / "crlf.csv", lineterminator="\r\n")) == named
    assert ids(one(aws.focus_table(lines, version), tmp_path / "bill.parquet")) == named
    halves = (
        aws.write_csv(tmp_path / "1.csv", rows[:5]),
        aws.write_csv(tmp_path / "2.csv.gz", rows[5:]),
    )
    assert ids(aws.ingested(*halves)) == named
    assert ids(aws.ingested(*halves[::-1])) == named


def test_identical_rows_get_different_names(tmp_path):
    rows = aws.focus_rows(aws.bill()[:2], "1.2")
    repeated = ids(one([rows[0], rows[1], rows[0], rows[0]], tmp_path / "bill.csv"))
    single = ids(one(rows, tmp_path / "single.csv"))
    first = ids(one(rows[:1], tmp_path / "first.csv"))[0]
    assert repeated == sorted([*single, first[:-1] + "2", first[:-1] + "3"])
    changed = one([rows[0] | {"BilledCost": "0.30000000001"}], tmp_path / "changed.csv")
    assert ids(changed)[0][:32] not in {name[:32] for name in single}


def test_identical_rows_in_two_files_get_different_names(tmp_path):
    rows = aws.focus_rows(aws.bill()[:3], "1.2")
    paths = [
        aws.write_csv(tmp_path / "1.csv", rows[:2]), aws.write_csv(tmp_path / "2.csv", rows[1:])
    ]  # fmt: skip
    named = ids(aws.ingested(*paths))
    assert len(set(named)) == 4
    assert Counter(name[-2:] for name in named) == {"-1": 3, "-2": 1}


def test_a_cur_export_without_identity_columns_names_its_lines(tmp_path):
    rows = aws.cur2_rows(aws.bill())
    bare = [{k: v for k, v in row.items() if not k.startswith("identity_")} for row in rows]
    found = one(bare, tmp_path / "bill.csv")
    assert len(set(ids(found))) == 10
    assert found.lines[0]["identity_time_interval"] == "2026-10-05T01:00:00Z/2026-10-05T02:00:00Z"
    only_interval = [{k: v for k, v in row.items() if k != "identity_line_item_id"} for row in rows]
    again = one(only_interval, tmp_path / "interval.csv")
    assert len(set(ids(again))) == 10


def test_a_report_that_names_its_lines_keeps_their_names(tmp_path):
    rows = aws.cur2_rows(aws.bill()[:1])
    rows[0]["identity_line_item_id"] = "0" * 32 + "-1"
    found = one(rows * 2, tmp_path / "bill.csv")
    assert ids(found) == ["0" * 32 + "-1"] * 2  # twice the same: that is for the checks to say


# What does not go together


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cur2-csv", "focus-1.0-csv"),
        ("legacy-csv", "focus-1.2-parquet"),
        ("legacy-csv", "cur2-csv"),
        ("legacy-parquet", "cur2-parquet"),
        ("focus-1.0-csv", "focus-1.2-csv"),
    ],
)
def test_two_report_types_are_never_added_up(first, second):
    with pytest.raises(FormatsMixed) as caught:
        aws.ingested(bill_of(first), bill_of(second))
    message = str(caught.value)
    assert "of different report types, audit them apart" in message
    assert str(bill_of(first)) in message
    assert str(bill_of(second)) in message


def test_a_file_that_is_no_bill_is_named_even_among_bills(tmp_path):
    aws.write_csv(tmp_path / "bill.csv", aws.cur2_rows(aws.bill()))
    (tmp_path / "other.csv").write_text("name,price\nx,1\n")
    with pytest.raises(FormatUnknown, match=r"other\.csv: this is no bill.*Found: name, price"):
        aws.ingested(tmp_path)


def test_the_same_bytes_twice_are_refused(tmp_path):
    rows = aws.cur2_rows(aws.bill())
    for name in ("export-00001.csv", "export-00001 (copy).csv"):
        aws.write_csv(tmp_path / name, rows)
    with pytest.raises(BillUnreadable, match="hold the same bytes, so their lines would count"):
        aws.ingested(tmp_path)


def test_empty_chunks_beside_full_ones_are_fine(tmp_path):
    rows = aws.cur2_rows(aws.bill())
    aws.write_csv(tmp_path / "export-00001.csv.gz", rows)
    (tmp_path / "export-00002.csv.gz").write_bytes(b"")
    (tmp_path / "export-00003.csv").write_text(aws.csv_text(rows).split("\n", 1)[0] + "\n")
    (tmp_path / "export-00004.csv").write_text(aws.csv_text(rows).split("\n", 1)[0] + "\n")
    aws.write_parquet(tmp_path / "export-00005.parquet", aws.cur2_table(aws.bill()).slice(0, 0))
    (tmp_path / "export-00006.parquet").write_bytes(b"")
    found = aws.ingested(tmp_path)
    assert len(found.lines) == 10
    assert found.others == OTHERS


def test_csv_and_parquet_of_one_report_are_read_together(tmp_path):
    lines = aws.bill()
    aws.write_csv(tmp_path / "1.csv", aws.cur2_rows(lines[:6]))
    aws.write_parquet(tmp_path / "2.parquet", aws.cur2_table(lines[6:]))
    found = aws.ingested(tmp_path)
    assert len(found.lines) == 10
    assert found.others == OTHERS


def test_services_all_keeps_every_line(tmp_path):
    for name in ("cur2-csv", "cur2-parquet", "focus-1.2-csv"):
        found = aws.ingested(bill_of(name), services="all")
        assert len(found.lines) == (11 if "focus" in name else 12)
        assert found.others == []
        assert {line["line_item_product_code"] for line in found.lines if not line["is_ai"]} == {
            "AmazonEC2", "AmazonS3",
        }  # fmt: skip
