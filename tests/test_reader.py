"""Reading files: what each cell becomes, and how whatever cannot be read is named."""

import gzip
import io
import json
import random
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deliveries as aws
from curecon import cells, cli, opened, reader
from curecon.errors import BillUnreadable, CureconError, FormatUnknown
from curecon.formats import formats
from curecon.reconcile import Options, audit

pytest_plugins = ["deliveries"]

COST, QUANTITY, RATE = (
    "line_item_unblended_cost",
    "line_item_usage_amount",
    "line_item_unblended_rate",
)
START, PAYER = "line_item_usage_start_date", "bill_payer_account_id"
TAGS = {"user_team": "search", "user_cost_center": "4711"}


def gz(data, **how):
    return gzip.compress(data, mtime=0, **how)


def bill(**third):
    """Three Bedrock lines; the third has the given cells."""
    lines = [dict(line) for line in (aws.bill()[0], aws.bill()[1], aws.bill()[0])]
    lines[2]["identity_line_item_id"] = "third"
    lines[2] |= third
    return lines


def rows_of(**third):
    """The cells of the three lines; those given are written as they are."""
    rows = aws.cur2_rows(bill())
    rows[2] |= {"identity_line_item_id": "third", **third}
    return rows


def as_csv(folder, name="bill.csv", **third):
    return aws.write_csv(folder / name, rows_of(**third))


def as_parquet(folder, name="bill.parquet", kinds=None, **third):
    """Write the three lines as Parquet, some columns in other types than AWS's."""
    lines = bill(**third)
    table = aws.cur2_table(bill())
    for column in third.keys() | (kinds or {}).keys():
        kind = (kinds or {}).get(column, pa.string())
        values = [line[column] for line in lines]
        at = table.column_names.index(column)
        made = values if isinstance(values, pa.Array) else aws.array(column, values, kind)
        table = table.set_column(at, column, made)
    return aws.write_parquet(folder / name, table)


def third(*paths):
    """The third line as read."""
    return next(
        line for line in aws.ingested(*paths).lines if line["identity_line_item_id"] == "third"
    )


def read_each(folder, column, texts):
    """What texts become in a column, delivered as CSV and as Parquet: (text, value) pairs."""
    rows = []
    for number, text in enumerate(texts):
        rows.append(rows_of()[0] | {"identity_line_item_id": f"{number:03d}", column: text})
    table = pa.concat_tables([aws.cur2_table(bill()[:1])] * len(texts))
    for name in ("identity_line_item_id", column):
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array([row[name] for row in rows], pa.string()))
    found = []
    for path in (
        aws.write_csv(folder / "each.csv", rows),
        aws.write_parquet(folder / "each.parquet", table),
    ):
        lines = {line["identity_line_item_id"]: line for line in aws.ingested(path).lines}
        found.append([lines[row["identity_line_item_id"]] for row in rows])
    return found


def refusal(*paths, kind=BillUnreadable):
    with pytest.raises(kind) as caught:
        aws.ingested(*paths)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


# Numbers

ACCEPTED = [
    ("0.3", "0.3"),
    ("9.984E-7", "0.0000009984"),
    ("1.3E-9", "0.0000000013"),
    ("-0.0", "0"),
    ("  1.5 ", "1.5"),
    ("1e3", "1000"),
    ("+2", "2"),
    (".5", "0.5"),
    ("5.", "5"),
    ("1E-30", "0"),
    ("0.12345678901234567890", "0.12345678901234567890"),
    ("0.123456789012345678905", "0.12345678901234567891"),  # the 21st decimal is rounded
    ("-0.123456789012345678905", "-0.12345678901234567891"),
    ("1.2345678901234567E-8", "0.00000001234567890123"),
    ("9999999999999999.5", "9999999999999999.5"),
]
REFUSED = [
    "NaN", "inf", "-Infinity", "1e300", "1,234.5", "1 000", "abc", "12345678901234567", "$1",
    "0x10", "1.5.5", "--1", "\uff11", "true", "1e", "9.9E16", "\x00",
]  # fmt: skip


def test_a_cost_is_read_exactly(tmp_path):
    for lines in read_each(tmp_path, COST, [text for text, _ in ACCEPTED]):
        for (text, expected), line in zip(ACCEPTED, lines, strict=True):
            assert line[COST] == Decimal(expected), text


@pytest.mark.parametrize("text", REFUSED)
def test_a_cost_that_is_no_amount_is_named(tmp_path, text):
    shown = re.escape(repr(text))
    expected = rf"column line_item_unblended_cost: {shown} is no amount of money that fits; correct"
    path = as_csv(tmp_path, **{COST: text})
    assert re.search(rf"^{path}: row 4, {expected}", refusal(path))
    if text in {"NaN", "1,234.5", "abc"}:
        path = as_parquet(tmp_path, **{COST: text})
        assert re.search(rf"^{path}: row 3, {expected}", refusal(path))


@pytest.mark.parametrize("text", ["", "NULL", "\\N", "   "])
@pytest.mark.parametrize("column", [COST, PAYER, "bill_billing_period_start_date", START])
def test_an_empty_cell_that_places_dollars_is_named(tmp_path, column, text):
    if column == PAYER and text == "   ":
        pytest.skip("blanks are text")
    path = as_csv(tmp_path, **{column: text})
    assert refusal(path) == (
        f"{path}: row 4, column {column}: the cell is empty, so the line's dollars could not be "
        "placed; correct the cell or copy the file again"
    )


@pytest.mark.parametrize("column", [COST, PAYER, "bill_billing_period_start_date", START])
def test_a_null_that_places_dollars_is_named(tmp_path, column):
    path = as_parquet(tmp_path, kinds={column: aws.array(column, []).type}, **{column: None})
    assert f"{path}: row 3, column {column}: the cell is empty" in refusal(path)


@pytest.mark.parametrize(
    ("column", "cases"),
    [
        (
            QUANTITY,
            {
                "0.0075240929465908634": ("0.0075240929", True),
                "0.00752409295": ("0.0075240930", True),
                "999999999999.0123456789": ("999999999999.0123456789", False),
                "5000000000.0": ("5000000000", False),
                "-3": ("-3", False),
                "": (None, None),
            },
        ),
        (
            RATE,
            {
                "250000": ("250000", False),
                "999999999999.5": ("999999999999.5", False),
                "0.00000000015": ("0.0000000002", False),
                " 0.0000600000 ": ("0.00006", False),
                "": (None, False),
            },
        ),
    ],
)
def test_quantities_and_rates_keep_ten_decimals(tmp_path, column, cases):
    for lines in read_each(tmp_path, column, list(cases)):
        for (text, (expected, rounded)), line in zip(cases.items(), lines, strict=True):
            assert line[column] == (None if expected is None else Decimal(expected)), text
            assert line["quantity_rounded"] is rounded, text


@pytest.mark.parametrize("text", ["NULL", "\\N"])
def test_the_nulls_of_a_dump_are_null(tmp_path, text):
    line = third(as_csv(tmp_path, **{QUANTITY: text, RATE: text, "bill_invoice_id": text}))
    assert (line[QUANTITY], line[RATE], line["bill_invoice_id"]) == (None, None, None)


@pytest.mark.parametrize(
    ("column", "text", "noun"),
    [
        (QUANTITY, "1000000000000", "quantity"),
        (QUANTITY, "1E12", "quantity"),
        (QUANTITY, "many", "quantity"),
        (RATE, "1000000000000", "rate"),
        (RATE, "n/a", "rate"),
        ("savings_plan_savings_plan_rate", "0,18", "rate"),
        ("pricing_public_on_demand_cost", "free", "amount of money"),
    ],
)
def test_a_quantity_or_rate_that_does_not_fit_is_named(tmp_path, column, text, noun):
    path = as_csv(tmp_path, **{column: text})
    assert f"row 4, column {column}: {text!r} is no {noun} that fits" in refusal(path)


@pytest.mark.parametrize(
    ("column", "text"),
    [(QUANTITY, "many"), (RATE, "n/a"), ("pricing_public_on_demand_cost", "free"), (START, "noon")],
)
def test_numbers_and_times_of_other_services_are_read_too(tmp_path, column, text):
    other = {"line_item_product_code": "AmazonEC2", "product_servicecode": "AmazonEC2"}
    path = as_csv(tmp_path, line_item_resource_id="i-1", product="", **other, **{column: text})
    assert f"row 4, column {column}: {text!r} is no " in refusal(path)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.float64(), "9.984e-07", "0.0000009984"),
        (pa.float64(), "123456.7891234567", "123456.7891234567"),
        (pa.float64(), "150000000.25", "150000000.25"),
        (pa.float64(), "0.1", "0.1"),
        (pa.float64(), "1e-21", "0"),
        (pa.float32(), "0.1", "0.1"),
        (pa.float32(), "0.25", "0.25"),
        (pa.decimal128(38, 20), "0.12345678901234567890", "0.12345678901234567890"),
        (pa.decimal128(18, 2), "-1.25", "-1.25"),
        (pa.decimal128(38, 22), "0.0000000000000000000050", "0.00000000000000000001"),
        (pa.int64(), "7", "7"),
        (pa.int32(), "-7", "-7"),
        (pa.string(), "0.5", "0.5"),
        (pa.large_string(), "0.5", "0.5"),
    ],
)
def test_a_cost_comes_in_any_type(tmp_path, kind, value, expected):
    lines = [line | {COST: number} for line, number in zip(bill(), ("1", "2", value), strict=True)]
    table = aws.cur2_table(lines)
    column = aws.array(COST, [line[COST] for line in lines], kind)
    table = table.set_column(table.column_names.index(COST), COST, column)
    path = aws.write_parquet(tmp_path / "bill.parquet", table)
    assert third(path)[COST] == Decimal(expected)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300", "1e16"])
def test_a_double_that_is_no_amount_is_named(tmp_path, value):
    path = as_parquet(tmp_path, kinds={COST: pa.float64()}, **{COST: value})
    assert re.search(rf"row 3, column {COST}: '.*' is no amount of money that fits", refusal(path))


@pytest.mark.parametrize("values", [[True, False, True], [date(2026, 10, 1)] * 3, [b"1"] * 3])
def test_a_cost_of_no_number_type_is_named(tmp_path, values):
    table = aws.cur2_table(bill())
    table = table.set_column(table.column_names.index(COST), COST, pa.array(values))
    path = aws.write_parquet(tmp_path / "bill.parquet", table)
    if values[0] == b"1":  # text without its annotation, as old writers leave it
        assert third(path)[COST] == 1
    else:
        assert f"row 1, column {COST}" in refusal(path)


MONEY = next(column for column in formats()[0].columns if column.type == "money")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.floats(min_value=-9e15, max_value=9e15)
        | st.floats(min_value=-500_000, max_value=500_000)
        | st.decimals(min_value=-400_001, max_value=400_001, places=10).map(float)
        | st.integers(min_value=1, max_value=10**17).map(lambda digits: digits / 10**22),
        min_size=1,
        max_size=300,
    )
)
def test_any_double_is_what_its_shortest_text_says(numbers):
    con = duckdb.connect()
    con.register("delivered", pa.table({"x": pa.array(numbers, pa.float64())}))
    read = con.execute(f"SELECT {cells.cast(MONEY, 'DOUBLE', 'x')} FROM delivered").fetchall()
    exact = Context(prec=60)
    for number, (value,) in zip(numbers, read, strict=True):
        text = Decimal(repr(number)).quantize(Decimal("1e-20"), ROUND_HALF_UP, exact)
        assert value == text, number


@settings(max_examples=25, deadline=None)
@given(st.lists(st.decimals(-(10**15), 10**15, allow_nan=False), min_size=1, max_size=100))
def test_any_decimal_text_is_read_exactly(numbers):
    texts = [str(number) for number in numbers]
    con = duckdb.connect()
    con.register("delivered", pa.table({"x": texts}))
    read = con.execute(f"SELECT {cells.cast(MONEY, 'VARCHAR', 'x')} FROM delivered").fetchall()
    exact = Context(prec=80)
    for text, (value,) in zip(texts, read, strict=True):
        assert value == Decimal(text).quantize(Decimal("1e-20"), ROUND_HALF_UP, exact), text


# Times

FIRST = datetime(2026, 10, 5, 1)  # noqa: DTZ001


TIMES = [
    "2026-10-05T01:00:00Z",
    "2026-10-05T01:00:00.000Z",
    "2026-10-05 01:00:00",
    "2026-10-05 01:00:00.000",
    "2026-10-05T01:00:00",
    "2026-10-05 01:00:00+00:00",
    "2026-10-05T03:00:00+02:00",
    "2026-10-05T03:00:00.000+02:00",
    "2026-10-05 03:00+02",
    "2026-10-04T20:00:00-05:00",
    "2026-10-05 06:30:00+05:30",
    "2026-10-05 01:00:00 UTC",
    "2026-10-04 21:00:00 America/New_York",
    " 2026-10-05T01:00:00Z ",
]


def test_a_time_is_utc_unless_it_has_an_offset(tmp_path):
    for lines in read_each(tmp_path, START, TIMES):
        for text, line in zip(TIMES, lines, strict=True):
            assert line[START] == FIRST, text


@pytest.mark.parametrize(
    "text",
    [
        "infinity", "epoch", "now", "2026-13-01T00:00:00Z", "2026-02-30", "10/05/2026 01:00",
        "20261005T010000Z", "1791162000", "yesterday", "2026-10", "2026-10-05T25:00:00Z",
        "2026-10-05T01:00:00X", "2026-10-05 01:00:00 Mars/Olympus",
    ],
)  # fmt: skip
def test_what_is_no_time_is_named(tmp_path, text):
    path = as_csv(tmp_path, **{START: text})
    assert f"{path}: row 4, column {START}: {text!r} is no time; correct" in refusal(path)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.timestamp("s"), FIRST),
        (pa.timestamp("ms"), FIRST),
        (pa.timestamp("us"), FIRST),
        (pa.timestamp("ns"), FIRST),
        (pa.timestamp("ms", "UTC"), FIRST.replace(tzinfo=UTC)),
        (pa.timestamp("us", "America/New_York"), FIRST.replace(tzinfo=UTC)),
        (pa.timestamp("us", "+05:30"), FIRST.replace(tzinfo=UTC)),
        (pa.timestamp("ns", "UTC"), FIRST.replace(tzinfo=UTC)),
        (pa.string(), "2026-10-05T01:00:00Z"),
    ],
)
def test_a_time_comes_in_any_type(tmp_path, kind, value):
    table = aws.cur2_table(bill())
    column = pa.array([value] * 3, kind)
    table = table.set_column(table.column_names.index(START), START, column)
    assert third(aws.write_parquet(tmp_path / "bill.parquet", table))[START] == FIRST


def test_a_date_is_its_midnight(tmp_path):
    table = aws.cur2_table(bill())
    column = pa.array([date(2026, 10, 5)] * 3)
    table = table.set_column(table.column_names.index(START), START, column)
    line = third(aws.write_parquet(tmp_path / "bill.parquet", table))
    assert line[START] == datetime(2026, 10, 5)  # noqa: DTZ001
    assert third(as_csv(tmp_path, **{START: "2026-10-05"}))[START] == line[START]


def test_a_number_is_no_time(tmp_path):
    table = aws.cur2_table(bill())
    column = pa.array([1791162000000] * 3, pa.int64())
    table = table.set_column(table.column_names.index(START), START, column)
    path = aws.write_parquet(tmp_path / "bill.parquet", table)
    assert f"row 1, column {START}: '1791162000000' is no time" in refusal(path)


def test_an_offset_decides_the_period(tmp_path):
    """Midnight in Berlin is the month before in UTC, by which AWS bills."""
    path = as_csv(tmp_path, bill_billing_period_start_date="2026-11-01T00:00:00+01:00")
    assert str(third(path)["period"]) == "2026-10-01"


# Maps


def with_tags(values, kind=None):
    table = aws.cur2_table(bill())
    column = pa.array(values, kind)
    return table.set_column(table.column_names.index("resource_tags"), "resource_tags", column)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (list(TAGS.items()), pa.map_(pa.string(), pa.string())),
        (list(TAGS.items()), pa.map_(pa.large_string(), pa.large_string())),
        (json.dumps(TAGS), pa.string()),
        (TAGS, pa.struct([("user_team", pa.string()), ("user_cost_center", pa.string())])),
        (
            {**TAGS, "absent": None},
            pa.struct([(k, pa.string()) for k in ("user_team", "absent", "user_cost_center")]),
        ),
        (
            [{"key": key, "value": value} for key, value in TAGS.items()],
            pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])),
        ),
    ],
)
def test_a_map_comes_in_any_shape(tmp_path, value, kind):
    table = with_tags([None, value, value], kind)
    reading = aws.ingested(aws.write_parquet(tmp_path / "bill.parquet", table))
    assert [line["resource_tags"] for line in reading.lines] == [None, TAGS, TAGS]


JSON = [
    ("{}", {}),
    ("", None),
    ("null", None),
    ('{"a": 1}', {"a": "1"}),
    ('{"a": 1.50}', {"a": "1.5"}),
    ('{"a": {"b": "c"}}', {"a": '{"b":"c"}'}),
    ('{"a": "\\u00e9 \\"quoted\\", \\n"}', {"a": 'é "quoted", \n'}),
    (' {"a" : "b"} ', {"a": "b"}),
    ('{"": "no key"}', {"": "no key"}),
]


def test_json_text_becomes_a_map(tmp_path):
    for lines in read_each(tmp_path, "resource_tags", [text for text, _ in JSON]):
        for (text, expected), line in zip(JSON, lines, strict=True):
            assert line["resource_tags"] == expected, text


@pytest.mark.parametrize(
    "text", ["[]", "x", '{"a": "b"', '"text"', "1", '{"a":"1","a":"2"}', "{'a': 'b'}", "{a=b}"]
)
@pytest.mark.parametrize("column", ["resource_tags", "product", "cost_category"])
def test_what_is_no_map_is_named(tmp_path, column, text):
    path = as_csv(tmp_path, **{column: text})
    told = f"{path}: row 4, column {column}: {text!r} is no JSON object of texts; correct"
    assert told in refusal(path)


@pytest.mark.parametrize("text", ["[]", "x", '{"a": "b"', '{"a": "b"} x', "{'a': 'b'}", "1"])
@pytest.mark.parametrize("column", ["resource_tags", "product", "cost_category"])
@pytest.mark.parametrize("code", ["AmazonEC2", "nobodyknowsthisproductcode"])
def test_what_is_no_map_is_named_out_of_scope_too(tmp_path, code, column, text):
    other = {"line_item_product_code": code, "product_servicecode": code}
    path = as_csv(
        tmp_path, line_item_resource_id="i-1", **({"product": ""} | other | {column: text})
    )
    told = f"{path}: row 4, column {column}: {text!r} is no JSON object of texts; correct"
    assert told in refusal(path)


@pytest.mark.parametrize("text", ["", "null", "{}", ' {"a": "b"} ', " "])
@pytest.mark.parametrize("column", ["resource_tags", "product", "cost_category"])
def test_maps_out_of_scope_may_be_empty_or_have_blanks_around_them(tmp_path, column, text):
    other = {"line_item_product_code": "AmazonEC2", "product_servicecode": "AmazonEC2"}
    path = as_csv(
        tmp_path, line_item_resource_id="i-1", **({"product": ""} | other | {column: text})
    )
    assert len(aws.ingested(path).lines) == 2


def test_a_parquet_map_with_a_key_twice_is_refused(tmp_path):
    table = with_tags([[("a", "1"), ("a", "2")]] * 3, pa.map_(pa.string(), pa.string()))
    path = aws.write_parquet(tmp_path / "bill.parquet", table)
    assert "row 1, column resource_tags: " in refusal(path)


def test_a_map_in_one_file_and_text_in_another(tmp_path):
    first = aws.write_parquet(tmp_path / "1.parquet", aws.cur2_table(bill()[:1]))
    texts = with_tags([json.dumps(TAGS)] * 3, pa.string()).slice(1, 2)
    second = aws.write_parquet(tmp_path / "2.parquet", texts)
    third_file = aws.write_csv(tmp_path / "3.csv", aws.cur2_rows(bill()[2:]))
    reading = aws.ingested(first, second, third_file)
    assert [line["resource_tags"] for line in reading.lines] == [TAGS] * 4


# Accounts and other texts


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("012345678901", pa.string(), "012345678901"),
        (12345678901, pa.int64(), "012345678901"),
        (111122223333, pa.int64(), "111122223333"),
        (1, pa.int32(), "000000000001"),
        (12345678901.0, pa.float64(), "012345678901"),
        (Decimal(12345678901), pa.decimal128(12, 0), "012345678901"),
        (1234567890123, pa.int64(), "1234567890123"),  # another provider's
        (None, pa.int64(), None),
        (None, pa.null(), None),
    ],
)
def test_an_account_keeps_or_gets_back_its_zeros(tmp_path, value, kind, expected):
    name = "line_item_usage_account_id"
    table = aws.cur2_table(bill())
    at = table.column_names.index(name)
    table = table.set_column(at, name, pa.array([value] * 3, kind))
    assert third(aws.write_parquet(tmp_path / "b.parquet", table))[name] == expected


def test_a_focus_account_gets_back_its_zeros(tmp_path):
    table = aws.focus_table(bill(), "1.0")
    for name in ("SubAccountId", "BillingAccountId"):
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array([12345678901] * 3))
    line = aws.ingested(aws.write_parquet(tmp_path / "f.parquet", table)).lines[0]
    assert line["line_item_usage_account_id"] == line["payer_account"] == "012345678901"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, 2, 3]), "3"),
        (pa.array([1.0, None, 2026100001.0]), "2026100001"),
        (pa.array([1.5, None, 2.5]), "2.5"),
        (pa.nulls(3), None),
        (pa.array(["", "", ""]), None),
        (pa.array([b"a", b"b", "é".encode()]), "é"),
        (pa.array(["a", "b", "c"]).dictionary_encode(), "c"),
    ],
)
def test_text_comes_in_any_type(tmp_path, values, expected):
    table = aws.cur2_table(bill())
    at = table.column_names.index("bill_invoice_id")
    path = aws.write_parquet(
        tmp_path / "b.parquet", table.set_column(at, "bill_invoice_id", values)
    )
    assert third(path)["bill_invoice_id"] == expected


def test_bytes_that_are_no_text_are_named(tmp_path):
    table = aws.cur2_table(bill())
    at = table.column_names.index("bill_invoice_id")
    column = pa.array([b"a", b"\xff", b"c"])
    path = aws.write_parquet(
        tmp_path / "b.parquet", table.set_column(at, "bill_invoice_id", column)
    )
    assert "row 2, column bill_invoice_id" in refusal(path)
    assert "is no UTF-8 text" in refusal(path)


def test_types_drift_between_the_files_of_one_delivery(tmp_path):
    """All-null columns are typed as whatever the writer liked; costs come as number and as text."""
    plain = aws.cur2_table(bill())
    drifted = plain
    for name, column in {
        "resource_tags": pa.nulls(3),
        "product_sku": pa.nulls(3, pa.int32()),
        "line_item_usage_end_date": pa.nulls(3),
        QUANTITY: pa.array(["5000", "1000", "5000"]),
        COST: pa.array([Decimal("0.3"), Decimal("0.48"), Decimal("0.3")]),
        RATE: pa.array([0.00006, 0.00024, 0.00006]),
        "pricing_public_on_demand_cost": pa.nulls(3),
        "cost_category": pa.nulls(3, pa.float64()),
    }.items():
        drifted = drifted.set_column(drifted.column_names.index(name), name, column)
    for number, table in enumerate((plain, drifted, plain)):
        cut = table.slice(0, 3 - number)
        aws.write_parquet(tmp_path / f"export-{number:05d}.parquet", cut)
    lines = aws.ingested(tmp_path).lines
    assert [line[COST] for line in lines] == [
        Decimal(cost) for cost in ("0.3", "0.48", "0.3", "0.3", "0.48", "0.3")
    ]
    assert {line[RATE] for line in lines} == {Decimal("0.00006"), Decimal("0.00024")}
    assert [line["resource_tags"] for line in lines] == [TAGS] * 3 + [None] * 2 + [TAGS]


def test_flat_tags_of_any_type(tmp_path):
    table = aws.legacy_table(bill())
    table = table.append_column("resource_tags_user_number", pa.array([1, None, 3]))
    table = table.append_column("resource_tags_user_nothing", pa.nulls(3))
    lines = aws.ingested(aws.write_parquet(tmp_path / "b.parquet", table)).lines
    assert [line["resource_tags"] for line in lines] == [
        TAGS | {"user_number": "1"}, TAGS, TAGS | {"user_number": "3"},
    ]  # fmt: skip


def test_odd_columns_that_nobody_needs_do_no_harm(tmp_path):
    table = aws.cur2_table(bill())
    for name, values in {
        "nested": pa.array([[{"a": [1]}]] * 3),
        "filename": pa.array(["x"] * 3),
        "file": pa.array([1, 2, 3]),
        'quo"ted': pa.array(["x"] * 3),
        "discount": pa.array([[("EDP", 0.1)]] * 3, pa.map_(pa.string(), pa.float64())),
        "LINE_ITEM_UNBLENDED_COST": pa.array([9.0, 9.0, 9.0]),
    }.items():
        table = table.append_column(name, values)
    assert third(aws.write_parquet(tmp_path / "b.parquet", table))[COST] == Decimal("0.3")


# CSV as text


def csv_bytes(**third):
    return aws.csv_text(rows_of(**third)).encode()


def read_bytes(folder, data, name="bill.csv"):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"),
        lambda data: data + b"\n\n",
        lambda data: b'"' + data.replace(b",", b'","', data.split(b"\n")[0].count(b",")).replace(
            b"\n", b'"\n', 1
        ),
    ],
    ids=["BOM", "CRLF", "no last line end", "blank lines at the end", "quoted header"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_csv_is_read_however_its_lines_end(tmp_path, change, packed):
    data = change(csv_bytes())
    if packed:
        data = gz(data)
    assert third(read_bytes(tmp_path, data))[COST] == Decimal("0.3")


@pytest.mark.parametrize(
    "inside", ["a\nb", "a\r\nb", 'a "quoted", b', "a\rb", "\n", "中文 😀", ","]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_quoted_cell_holds_anything(tmp_path, inside, ends):
    rows = rows_of(line_item_line_item_description=inside)
    path = aws.write_csv(tmp_path / "bill.csv", rows, lineterminator=ends, quoting=1)
    assert third(path)["line_item_line_item_description"] == inside


@pytest.mark.parametrize("packed", [False, True])
def test_a_row_with_too_few_or_too_many_fields_is_named(tmp_path, packed):
    pack = gz if packed else bytes
    width = csv_bytes().split(b"\n")[0].count(b",") + 1
    lines = csv_bytes().split(b"\n")
    few = b"\n".join([*lines[:2], lines[2].rpartition(b",")[0], *lines[3:]])
    path = read_bytes(tmp_path, pack(few))
    assert refusal(path) == (
        f"{path}: row 3: {width - 1} fields, and the header has {width}; "
        "the file is cut or damaged, copy it again"
    )
    many = b"\n".join([*lines[:3], lines[3] + b",x", *lines[4:]])
    path = read_bytes(tmp_path, pack(many))
    assert f"row 4: {width + 1} fields, and the header has {width}" in refusal(path)


def test_rows_are_counted_as_records_where_cells_hold_line_ends(tmp_path):
    lines = bill(**{COST: "x"})
    lines[0]["line_item_line_item_description"] = "one\ntwo\nthree"
    path = aws.write_csv(tmp_path / "bill.csv", aws.cur2_rows(lines))
    assert f"row 4, column {COST}: 'x' is no amount" in refusal(path)


def test_a_file_cut_in_the_middle_of_a_row_is_named(tmp_path):
    data = csv_bytes()
    cut = data[: data.rindex(b"USE1-NovaLite")]
    path = read_bytes(tmp_path, cut)
    assert re.search(r"row 4: \d+ fields, and the header has \d+; the file is cut", refusal(path))


def test_a_quote_that_is_never_closed_is_named(tmp_path):
    data = csv_bytes(pricing_unit='"1K').replace(b'"""1K"', b'"1K')
    path = read_bytes(tmp_path, data)
    assert re.search(r"bill\.csv: row [45]: no CSV \(.*\); copy the file again", refusal(path))


def test_text_that_is_utf_16_is_named(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be"):
        mark = "\ufeff".encode(encoding)
        path = read_bytes(tmp_path, mark + csv_bytes().decode().encode(encoding))
        assert refusal(path) == f"{path}: the text is UTF-16; export the file again as UTF-8"


def test_a_header_that_comes_again_is_named(tmp_path):
    data = csv_bytes()
    path = read_bytes(tmp_path, data + data)
    assert f"{path}: row 5 is a second header, as of files that were put together" in refusal(path)


@pytest.mark.parametrize("text", ["1.23457E+11", "1E+11", "1.23456789012e+11", "123456789012.0"])
def test_an_account_that_a_spreadsheet_made_a_number_is_named(tmp_path, text):
    path = as_csv(tmp_path, bill_payer_account_id=text)
    assert refusal(path) == (
        f"{path}: row 4, column bill_payer_account_id: the account id was made a number, as "
        "spreadsheets and data frames do; copy the file again"
    )


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_a_focus_account_that_a_spreadsheet_made_a_number_is_named(tmp_path, version):
    rows = aws.focus_rows(bill(), version)
    damaged = [*rows[:2], rows[2] | {"BillingAccountId": "1.23457E+11"}]
    path = aws.write_csv(tmp_path / "focus.csv", damaged)
    assert refusal(path) == (
        f"{path}: row 4, column BillingAccountId: the account id was made a number, as "
        "spreadsheets and data frames do; copy the file again"
    )


@pytest.mark.parametrize("text", ["1e45f", "12e34", "1234-5678-9012", "e+11"])
def test_an_account_that_looks_like_a_number_is_kept(tmp_path, text):
    assert third(as_csv(tmp_path, bill_payer_account_id=text))["payer_account"] == text


def test_text_that_is_not_utf_8_is_named(tmp_path):
    data = csv_bytes(pricing_unit="UNIT").replace(b"UNIT", b"caf\xe9")
    for packed in (data, gz(data)):
        path = read_bytes(tmp_path, packed)
        assert refusal(path) == (
            f"{path}: row 4, column pricing_unit: the text is not UTF-8; "
            "export the file again as UTF-8"
        )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (csv_bytes().decode().encode("utf-16"), "the text is UTF-16"),
        (csv_bytes().decode().encode("utf-16-le"), "no CSV header"),
        (b"\x00" * 5000, "no CSV header"),
        (b"x" * (1 << 21), "no CSV header"),
        (gz(csv_bytes())[:-20], "after row 3: "),
        (gz(csv_bytes())[:11], "neither Parquet nor UTF-8 CSV"),
        (b"\x1f\x8b", "neither Parquet nor UTF-8 CSV"),
        (b"\x1f\x8bnonsense", "neither Parquet nor UTF-8 CSV"),
        (b"PAR1", "not a readable Parquet file"),
        (b"PAR1" + b"x" * 100, "not a readable Parquet file"),
        (b"PAR1" + b"x" * 100 + b"PAR1", "not a readable Parquet file"),
        (b"PK\x03\x04nonsense", "the ZIP is damaged"),
    ],
    ids=str,
)
def test_what_is_no_readable_file_is_named(tmp_path, data, told):
    path = read_bytes(tmp_path, data)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert told in message


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>Access Denied</body></html>", b"{}", b",,,\n", b"a;b\n1;2\n",
        b"%PDF-1.7\n", csv_bytes().replace(b",", b";"),
        csv_bytes().replace(b",", b"\t"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_bill_is_named(tmp_path, data):
    path = read_bytes(tmp_path, data)
    message = refusal(path, kind=FormatUnknown)
    assert message.startswith(f"{path}: this is no bill that can be read.")
    assert "Found: " in message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\r\n\n",
        b"\xef\xbb\xbf",
        csv_bytes().split(b"\n")[0],
        csv_bytes().split(b"\n")[0] + b"\n",
    ],
)
def test_a_bill_without_lines_is_said(tmp_path, data):
    path = read_bytes(tmp_path, data)
    assert re.search("the file is empty|no line items were read; the bill is empty", refusal(path))


def test_a_parquet_file_without_rows_is_said(tmp_path):
    path = aws.write_parquet(tmp_path / "b.parquet", aws.cur2_table(bill()).slice(0, 0))
    assert "no line items were read" in refusal(path)


def test_mixed_line_ends_are_refused_in_a_sentence(tmp_path):
    data = csv_bytes()
    path = read_bytes(tmp_path, data.replace(b"\n", b"\r\n", 2))
    assert refusal(path).startswith(f"{path}: cannot be read")


def test_a_gzip_cut_late_is_named(tmp_path):
    """Far behind the header, so that only reading it all finds out."""
    line = csv_bytes().split(b"\n")[1] + b"\n"
    data = gz(csv_bytes() + line * 20_000, compresslevel=1)
    path = read_bytes(tmp_path, data[:-2000], "bill.csv.gz")
    assert re.match(rf"{path}: after row \d+: .*end.of.stream.*; copy the file", refusal(path))


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_gzip_cut_early_is_named_too(tmp_path, kept):
    """Within what is read to find the header; each row is of its own, so that it packs badly."""
    header, line = csv_bytes().split(b"\n")[:2]
    # Texts of which nothing repeats: what is cut off is a share of the rows.
    rows = [line.replace(b"USE1", random.Random(n).randbytes(40).hex().encode(), 1)  # noqa: S311
            for n in range(600)]  # fmt: skip
    data = gz(b"\n".join([header, *rows]) + b"\n")
    path = read_bytes(tmp_path, data[: int(len(data) * kept)], "bill.csv.gz")
    said = re.fullmatch(rf"{path}: after row (\d+): .*end-of-stream.*; copy the file again",
                        refusal(path))  # fmt: skip
    assert said
    assert kept * 600 - 60 <= int(said[1]) <= kept * 600 + 60


def long_gzip(damage):
    """Two megabytes of lines; the checksum at the end may be wrong."""
    line = csv_bytes().split(b"\n")[1] + b"\n"
    data = bytearray(gz(csv_bytes() + line * 10_000, compresslevel=1))
    data[-6] ^= damage
    return bytes(data)


def test_a_gzip_whose_checksum_is_wrong_is_named(tmp_path):
    """The text reads well to its end, and yet it is not what AWS packed."""
    path = read_bytes(tmp_path, long_gzip(damage=1), "bill.csv.gz")
    assert refusal(path).startswith(f"{path}: after row 10004: CRC check failed")


def test_a_gzip_bomb_is_refused_while_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_UNZIP_ALWAYS", 1 << 20)
    path = read_bytes(tmp_path, gz(csv_bytes() + b"0" * (4 << 20)), "bill.csv.gz")
    assert re.match(rf"{path}: would unpack to more than [\d,]+ bytes", refusal(path))


@pytest.mark.parametrize("damage", [0, 1])
def test_without_room_to_unpack_a_gzip_is_read_as_it_is(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(reader, "_ROOM_RATIO", 1 << 60)
    path = read_bytes(tmp_path, long_gzip(damage), "bill.csv.gz")
    if damage:
        assert refusal(path).startswith(f"{path}: after row 10004: CRC check failed")
    else:
        assert (
            third(path)["line_item_unblended_cost"]
            == third(as_csv(tmp_path))["line_item_unblended_cost"]
        )


def test_a_cell_of_ten_megabytes_is_read(tmp_path):
    long = "x" * 10_000_000
    for name in ("bill.csv", "bill.csv.gz"):
        path = as_csv(tmp_path, name, line_item_line_item_description=long)
        assert third(path)["line_item_line_item_description"] == long


def test_a_line_too_long_to_read_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "_LONG_LINE", 3_000_000)
    path = as_csv(tmp_path, line_item_line_item_description="x" * 4_000_000)
    assert refusal(path).startswith(f"{path}: ")


def test_five_thousand_columns_are_read(tmp_path):
    """Of which 500 are tags, as many as AWS lets a payer activate."""
    rows = aws.legacy_rows(bill())
    for row in rows:
        row |= {f"product/attribute{number}": "x" for number in range(4500)}
        row |= {f"resourceTags/user:Key{number}": "" for number in range(500)}
    rows[2]["resourceTags/user:Key499"] = "last"
    path = aws.write_csv(tmp_path / "bill.csv", rows)
    assert third(path)["resource_tags"] == TAGS | {"user_key499": "last"}


# The same lines twice


def test_files_of_the_same_lines_are_refused_however_they_are_stored(tmp_path):
    for name in ("csv", "both", "alike"):
        (tmp_path / name).mkdir()
    plain = as_csv(tmp_path / "csv", "a.csv")
    packed = read_bytes(tmp_path / "csv", gz(csv_bytes()), "b.csv.gz")
    told = "hold the same lines, which would count twice; name or keep one of them"
    assert refusal(tmp_path / "csv") == f"{plain} and {packed} {told}"
    as_csv(tmp_path / "both")
    aws.write_parquet(tmp_path / "both" / "bill.parquet", aws.cur2_table(bill()))
    assert told in refusal(tmp_path / "both")


def test_files_of_the_same_totals_are_not_the_same(tmp_path):
    """Two chunks with one line each, which differ in nothing but the hour."""
    rows = rows_of()[:1]
    aws.write_csv(tmp_path / "1.csv", rows)
    later = "2026-10-05T02:00:00Z"
    aws.write_csv(tmp_path / "2.csv", [rows[0] | {START: later}])
    assert len(aws.ingested(tmp_path).lines) == 2


# ZIP


def zipped(folder, members, name="bill.zip", **how):
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data, **how)
    return path


def test_a_zip_with_several_members(tmp_path):
    rows = aws.cur2_rows(bill())
    parquet = aws.write_parquet(tmp_path / "p.parquet", aws.cur2_table(bill()[:1])).read_bytes()
    path = zipped(
        tmp_path,
        {
            "report-1.csv": aws.csv_text(rows),
            "deep/": b"",
            "deep/report-2.csv": aws.csv_text(rows[:2]),
            "report-3.csv.gz": gz(aws.csv_text(rows[1:]).encode()),
            "report-4.parquet": parquet,
            "report-5.csv": b"",
            "Manifest.json": b"{}",
            "__MACOSX/._report-1.csv": b"\x00\x05\x16\x07",
            "deep/._report-2.csv": b"\x00\x05\x16\x07",
        },
    )
    reading = aws.ingested(path)
    assert len(reading.lines) == 3 + 2 + 2 + 1


@pytest.mark.parametrize("name", ["../../evil.csv", "/evil.csv", "a/../../../evil.csv", "x" * 300])
def test_a_member_is_never_written_where_its_name_says(tmp_path, name):
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    path = zipped(folder, {name.removesuffix(".csv") + ".csv": csv_bytes()})
    assert len(aws.ingested(path).lines) == 3
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    assert not Path("/evil.csv").exists()


def test_zips_that_cannot_be_unpacked_are_named(tmp_path):
    plain = zipped(tmp_path, {"a.csv": csv_bytes()}).read_bytes()
    at = plain.index(b"PK\x01\x02")
    locked = bytearray(plain)
    locked[6] |= 1
    locked[at + 8] |= 1
    strange = bytearray(plain)
    strange[8], strange[at + 10] = 99, 99
    damaged = bytearray(plain)
    damaged[200] ^= 0xFF
    for data in (locked, strange, damaged, plain[: len(plain) // 2], plain[:-10]):
        path = read_bytes(tmp_path, bytes(data), "bad.zip")
        assert re.match(rf"{path}: the ZIP is damaged or cannot be unpacked \(.+\)", refusal(path))


def test_a_member_that_comes_twice_is_named(tmp_path):
    path = zipped(tmp_path, {"a.csv": csv_bytes(), "b.csv": b"", "copy of a.csv": csv_bytes()})
    assert refusal(path) == (
        "bill.zip/a.csv and bill.zip/copy of a.csv hold the same lines, which would count twice; "
        "name or keep one of them"
    )


def test_surplus_members_of_a_header_alone_are_fine(tmp_path):
    header = csv_bytes().partition(b"\n")[0] + b"\n"
    path = zipped(tmp_path, {"1.csv": csv_bytes(), "2.csv": header, "3.csv": header})
    assert len(aws.ingested(path).lines) == 3


def test_a_zip_without_data_is_named(tmp_path):
    path = zipped(tmp_path, {"readme.txt": b"x", "xl/workbook.xml": b"<x/>"}, "bill.xlsx.zip")
    assert refusal(path) == f"{path}: the ZIP holds no .csv and no .parquet file"
    empty = zipped(tmp_path, {"a.csv": b""}, "empty.zip")
    assert "the file is empty" in refusal(empty)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_UNZIP_ALWAYS", 1 << 20)
    path = zipped(tmp_path, {"a.csv": csv_bytes() + b"0" * (4 << 20)})
    assert re.match(rf"{path}: would unpack to [\d,]+ bytes", refusal(path))
    monkeypatch.setattr(reader, "_UNZIPPED_MAX", 1000)
    path = zipped(tmp_path, {"a.csv": csv_bytes()}, "b.zip")
    assert "would unpack to" in refusal(path)


def test_members_that_lie_over_each_other_are_a_bomb_too(tmp_path, monkeypatch):
    """One member listed 300 times is 300 times as large unpacked, and hardly larger packed."""
    plain = zipped(tmp_path, {"a.csv": csv_bytes() + b"0,1\n" * (1 << 17)}).read_bytes()
    at, end = plain.index(b"PK\x01\x02"), plain.index(b"PK\x05\x06")
    entry, times = plain[at:end], 300
    tail = bytearray(plain[end:])
    tail[8:12] = times.to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * times).to_bytes(4, "little")
    path = read_bytes(tmp_path, plain[:at] + entry * times + bytes(tail), "over.zip")
    monkeypatch.setattr(reader, "_UNZIP_ALWAYS", 1 << 20)
    assert re.match(rf"{path}: would unpack to [\d,]+ bytes", refusal(path))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("zip_in_gz.csv.gz", lambda inner: gz(inner("a.zip")), "is packed twice"),
        ("gz_in_gz.csv.gz", lambda _: gz(gz(csv_bytes())), "is packed twice"),
        ("zip_in_zip.zip", lambda inner: inner("b.zip", inner("a.zip")), "holds no .csv"),
    ],
)
def test_archives_in_archives_are_refused(tmp_path, name, data, told):
    def inner(archive, content=None):
        member = "bill.csv" if content is None else "a.zip"
        return zipped(tmp_path, {member: content or csv_bytes()}, archive).read_bytes()

    path = read_bytes(tmp_path, data(inner), name)
    assert refusal(path).startswith(f"{path}: ")
    assert told in refusal(path)


def test_a_bad_cell_in_a_zip_names_the_zip(tmp_path):
    path = zipped(tmp_path, {"a.csv": csv_bytes(), "b.csv": csv_bytes(**{COST: "x"})})
    assert f"{path}: row 4, column {COST}: 'x'" in refusal(path)


@pytest.mark.parametrize(
    ("quantity", "rate", "fits"),
    [
        ("100000000000", "99999.9999999999", True),
        ("100000000000", "100000", False),
        ("-100000000000", "100000", False),
        ("1", "99999999999", True),
    ],
)
def test_a_quantity_times_a_rate_beyond_any_bill_is_named(tmp_path, quantity, rate, fits):
    """Ten to the sixteenth dollars: money has sixteen digits before the point."""
    values = {"line_item_usage_amount": quantity, "line_item_unblended_rate": rate, COST: "1"}
    path = as_csv(tmp_path, **values)
    if fits:
        audit([path], Options(ledger=tmp_path / "l.duckdb"))
        return
    told = f"its quantity {quantity} times its rate {rate} is more than any bill"
    assert refusal(path).startswith(f"{path}: line item third: {told}")


# Parquet


def test_a_truncated_parquet_file_is_named(tmp_path):
    data = aws.write_parquet(tmp_path / "good.parquet", aws.cur2_table(bill())).read_bytes()
    for length in (5, 100, len(data) // 2, len(data) - 1):
        path = read_bytes(tmp_path, data[:length], "cut.parquet")
        assert refusal(path).startswith(f"{path}: not a readable Parquet file (")
        assert str(tmp_path / "cut.parquet") in refusal(path)


def test_damage_inside_a_parquet_file_never_changes_a_value(tmp_path):
    """Whatever byte is wrong: the bill is refused in a sentence, or reads as before."""
    data = aws.write_parquet(tmp_path / "good.parquet", aws.cur2_table(bill())).read_bytes()
    expected = [line[COST] for line in aws.ingested(tmp_path / "good.parquet").lines]
    refused = 0
    for at in range(4, len(data) - 8, len(data) // 12):
        damaged = bytearray(data)
        damaged[at : at + 8] = b"\xa5" * 8
        path = read_bytes(tmp_path, bytes(damaged), f"damaged{at}.parquet")
        try:
            read = [line[COST] for line in aws.ingested(path).lines]
        except CureconError as error:
            refused += 1
            assert str(path) in str(error)  # noqa: PT017
        else:
            assert len(read) <= len(expected)
    assert refused


def test_rows_of_a_large_parquet_file_are_numbered_in_its_order(tmp_path):
    needed = [column.name for column in formats()[0].columns if column.role]
    table = pa.concat_tables([aws.cur2_table(bill()).select(needed)] * 60_000)
    costs = table[COST].to_pylist()
    costs[150_000] = float("nan")
    table = table.set_column(table.column_names.index(COST), COST, pa.array(costs))
    path = aws.write_parquet(tmp_path / "b.parquet", table)
    assert f"row 150001, column {COST}: 'nan'" in refusal(path)


def test_rows_of_a_large_csv_are_numbered_in_its_order(tmp_path):
    needed = [column.name for column in formats()[0].columns if column.role]
    row = {name: cell for name, cell in aws.cur2_rows(bill())[0].items() if name in needed}
    rows = [row] * 150_000 + [row | {COST: "1,5"}] + [row] * 150_000
    path = aws.write_csv(tmp_path / "bill.csv", rows)
    assert f"row 150002, column {COST}: '1,5'" in refusal(path)


# Names and rights


NAMES = ["with space", "it's", "br[ac]k{e}ts", "st*r?", "中文 é", 'q"uote', "#;$%", "-dash", "a\nb"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".zip"])
def test_any_file_name_is_read(tmp_path, suffix):
    for number, name in enumerate(NAMES):
        path = tmp_path / "the bill" / name / f"{name}{suffix}"
        lines = [line | {"identity_line_item_id": f"{number}"} for line in bill()]
        if suffix == ".parquet":
            aws.write_parquet(path, aws.cur2_table(lines))
        else:
            aws.write_csv(path, aws.cur2_rows(lines))
    assert len(aws.ingested(tmp_path / "the bill").lines) == 3 * len(NAMES)
    assert len(aws.ingested(path).lines) == 3


def test_a_file_that_may_not_be_read_is_named(plain_user):
    folder, unprivileged = plain_user
    path = as_csv(folder)
    path.chmod(0)
    with unprivileged():
        assert refusal(path) == f"{path}: cannot be read (Permission denied)"


def test_a_link_to_a_file_is_read(tmp_path):
    path = as_csv(tmp_path / "real")
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    assert len(aws.ingested(link).lines) == 3


def test_more_files_than_line_numbers_have_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "FILES_MAX", 2)
    rows = aws.cur2_rows(bill())
    for number in range(3):
        aws.write_csv(tmp_path / f"{number}.csv", rows[number:])
    assert "audit fewer periods at a time" in refusal(tmp_path)


# The command


DAMAGE = {
    "a bad cell": csv_bytes(**{COST: "x"}),
    "an empty cell": csv_bytes(**{COST: ""}),
    "too few fields": csv_bytes()[:-100],
    "not UTF-8": csv_bytes(pricing_unit="UNIT").replace(b"UNIT", b"\xff"),
    "cut gzip": gz(csv_bytes())[:-9],
    "cut Parquet": b"PAR1PAR1",
    "no bill": b"a,b\n1,2\n",
    "empty": b"",
    "bad JSON": csv_bytes(product="{"),
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A ledger and its reports, made from a good bill."""
    folder = tmp_path_factory.mktemp("audited")
    good = as_csv(folder / "good")
    book, out = folder / "book.duckdb", folder / "out"
    options = ["--ledger", str(book), "--out", str(out), "--fail-on", "never"]
    assert cli.run(["audit", str(good), *options]) == 0
    return folder, options


@pytest.mark.parametrize("damage", DAMAGE)
def test_after_a_refusal_nothing_has_changed(audited, tmp_path, damage, capsys):
    folder, options = audited
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    bad = read_bytes(tmp_path, DAMAGE[damage])
    command = ["ingest", str(bad), *options[:2]] if damage == "no bill" else ["audit", str(bad)]
    capsys.readouterr()
    assert cli.run([*command, *options] if command[0] == "audit" else command) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"curecon: {bad}: ")
    assert shown.err.count("\n") == 1
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_refusal_makes_no_ledger(tmp_path, capsys):
    bad = read_bytes(tmp_path, b"a,b\n")
    book = tmp_path / "new.duckdb"
    assert cli.run(["audit", str(bad), "--ledger", str(book)]) == 2
    assert not book.exists()
    assert io.StringIO(capsys.readouterr().err).readline().startswith(f"curecon: {bad}: this is")
