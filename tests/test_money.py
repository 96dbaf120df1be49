"""Money is decimal all the way: no column, no SQL and no Python makes a float of it.

A float that is cast back within one expression leaves no trace in a column's type, so the source is
searched too.
"""

import re
import tokenize
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import Path
from unittest import mock

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import bills
from curecon import cells, invariants, money
from curecon.formats import Column
from curecon.reconcile import Options, audit

ROOT = Path(__file__).parents[1]
SQL = sorted((ROOT / "sql").rglob("*.sql"))
# The simulator writes bills, with the binary doubles that AWS writes into its Parquet files.
SIMULATOR = ROOT / "src" / "curecon" / "simulate"
PYTHON = sorted(set((ROOT / "src" / "curecon").rglob("*.py")) - set(SIMULATOR.rglob("*.py")))

# Floats enter through text alone: Parquet delivers doubles, and cells.py takes the shortest text
# that means each of them.
ENTRANCE = "cells.py"
# How alike two texts are is a ratio, and how long a query takes are seconds: no money.
NO_MONEY = {ROOT / "src" / "curecon" / name for name in ("reading.py", "engine.py", "workplace.py")}
# Seconds are divided into hours here; hours are counted, and are no money.
HOURS = "epoch(s.line_item_usage_end_date - s.line_item_usage_start_date) / 3600"

# What makes a float in DuckDB, or another number in another engine.
BANNED = {
    r"\b(DOUBLE|FLOAT[48]?|REAL)\b": "a type that is binary",
    r"\b(avg|mean|fsum|favg|kahan_sum|sumkahan|stddev\w*|var_\w+|variance|power|pow|exp|sqrt|ln|"
    r"log\w*|"
    r"quantile_cont|corr|covar\w*|regr_\w+) *\(": "a function that returns a double",
    r"/": "a division, which is a double even of decimals",
    r"\b\d+(\.\d*)?e[+-]?\d": "a literal with an exponent, which is a double",
    r"\brandom *\(": "a random number",
}


def code(sql):
    """Return SQL without comments, and with empty texts."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--.*", "", sql))


def floats_of(sql):
    """Say what in a text makes a float."""
    text = code(sql)
    return [why for rule, why in BANNED.items() if re.search(rule, text, re.IGNORECASE)]


def binary(columns):
    """Return the columns (relation, column, type) whose type holds a float anywhere."""
    return [column for column in columns if re.search(r"\b(DOUBLE|FLOAT|REAL)\b", column[2])]


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """Every column of a ledger and of all that a run makes on the way: relation, column, type."""
    path = tmp_path_factory.mktemp("money")
    found = []
    held = invariants.hold

    def look(con, catalog):
        found.extend(
            con.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
            ).fetchall()
        )
        held(con, catalog)

    bill = bills.with_ids([bills.line(), bills.line(rate="0.1")])
    bills.write_csv(path / "bill.csv", bill)
    with mock.patch.object(invariants, "hold", look):
        audit([path / "bill.csv"], Options(ledger=path / "ledger.duckdb"))
    return found


def test_no_column_of_a_ledger_is_a_float(columns):
    relations = {relation for relation, _, _ in columns}
    assert {"lines", "comparison", "findings", "bridge", "key_rates", "priced"} <= relations
    assert binary(columns) == []


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "DOUBLE[]", "MAP(VARCHAR, DOUBLE)"])
def test_a_column_that_is_a_float_is_noticed(kind):
    con = duckdb.connect()
    con.execute(f"CREATE TABLE t (fine DECIMAL(36, 20), wrong {kind})")
    con.execute("CREATE VIEW v AS SELECT fine * 0.1 AS fine, fine / 3 AS wrong FROM t")
    listed = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    assert [(relation, name) for relation, name, _ in binary(listed)] == [
        ("t", "wrong"), ("v", "wrong"),
    ]  # fmt: skip


def test_dollars_keep_twenty_decimals_and_quantities_ten(columns):
    """One scale in every relation: UNION ALL and CASE of two scales drop digits without a word."""
    dollars = {"billed", "expected", "difference", "amount", "billed_part", "judged"}
    scales = {
        (relation, name, kind)
        for relation, name, kind in columns
        if (name in dollars or name.endswith("_cost"))
        and not re.fullmatch(r"DECIMAL\(\d+,20\)", kind)
    }
    assert scales == set()
    counted = {
        (relation, name, kind)
        for relation, name, kind in columns
        if name in {"price", "quantity", "line_item_usage_amount", "line_item_unblended_rate"}
        and not re.fullmatch(r"DECIMAL\(\d+,10\)", kind)
    }
    assert counted == set()


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.relative_to(ROOT / "sql").as_posix())
def test_no_sql_makes_a_float(path):
    text = path.read_text("utf-8")
    if path.name == "lines.sql":
        assert HOURS in text, "the exception is needed no more"
        text = text.replace(HOURS, "0")
    assert floats_of(text) == []


@pytest.mark.parametrize(
    "snippet",
    [
        "SELECT CAST(a AS DOUBLE) FROM t",
        "SELECT CAST(CAST(a AS float) AS DECIMAL(36, 20)) FROM t",
        "SELECT a::REAL FROM t",
        "SELECT avg(a) FROM t",
        "SELECT stddev_pop (a) FROM t",
        "SELECT power(a, 2) FROM t",
        "SELECT fsum(a) FROM t",
        "SELECT a / 1000 FROM t",
        "SELECT a/1000 FROM t",
        "SELECT a // 1000 FROM t",
        "SELECT a * 1e-10 FROM t",
        "SELECT a * 1.5E3 FROM t",
        "SELECT a * 1.e3 FROM t",
        "SELECT a FROM t ORDER BY random()",
    ],
)
def test_sql_that_makes_a_float_is_noticed(snippet):
    assert floats_of(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "SELECT a * 0.0000000001 FROM t -- a / 1000, DOUBLE, 1e-10",
        "SELECT 'per DOUBLE / avg(1e5)' FROM t",
        "SELECT double_entry, exponent, average, line1e5 FROM t",
        "SELECT sum(a), median(a), round(a, 10), abs(a) FROM t",
    ],
)
def test_sql_that_makes_none_is_left_alone(snippet):
    assert floats_of(snippet) == []


def names_and_texts(path):
    """Return the names of a Python file, and the texts that may be SQL, without docstrings."""
    with path.open("rb") as file:
        tokens = [
            each for each in tokenize.tokenize(file.readline) if each.type != tokenize.COMMENT
        ]
    return [each.string for each in tokens if not each.string.startswith('"""')]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_no_python_makes_a_float_of_money(path):
    """Only the entrance may name a binary type, and nothing calls float()."""
    words = names_and_texts(path)
    assert "float" not in words or path in NO_MONEY
    types = [word for word in words if re.search(r"\b(DOUBLE|FLOAT)\b|Float(32|64)", word)]
    assert types == [] or path.name == ENTRANCE


def test_only_money_names_a_decimal_type():
    """The widths stand in one module; SQL states the same ones."""
    widths = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")
    stated = {found for path in SQL for found in widths.findall(path.read_text("utf-8"))}
    named = {found for text in vars(money).values() for found in widths.findall(str(text))}
    sums = {("38", "20"), ("38", "10")}  # what a sum of money or quantities widens to
    cents = {("20", "2")}  # an amount in a sentence
    parts = {("12", "0"), ("10", "10")}  # a rate, before and behind its point
    estimates = {("38", "4"), ("19", "4")}  # what is usual, and changes as shares of it
    assert stated <= named | sums | cents | parts | estimates


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=20, min_value=-(10**15), max_value=10**15
    )
)
def test_a_number_is_written_in_digits_and_means_the_same(number):
    text = money.plain(number)
    assert Decimal(text) == number
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)
    assert text != "-0"


@given(st.integers(-(10**20), 10**20), st.integers(-15, 5))
def test_a_price_fits_when_its_type_keeps_it(whole, exponent):
    digits = tuple(map(int, str(abs(whole))))
    number = Decimal((int(whole < 0), digits, exponent))
    units = Fraction(number) * 10**money.PRICE_SCALE
    kept = units.denominator == 1 and abs(units) < 10**money.PRICE_PRECISION
    assert money.fits_price(number) == kept


_MONEY = Column("line_item_unblended_cost", "money", "filled", None, None, None)
_READ = cells.cast(_MONEY, "VARCHAR", "cell")


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as connection:
        yield connection


def read_as_money(con, text):
    return con.execute(
        f"SELECT {_READ} FROM (SELECT CAST(? AS VARCHAR) AS cell)", [text]
    ).fetchone()[0]


# Sixteen characters and ten decimals are where a cell is read the short way, and 100,000 is where
# that ends; an exponent hides decimals from a look at the length.
@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.2171407", "0.2171407"),
        ("-12345.1234567890", "-12345.123456789"),
        ("99999.9999999999", "99999.9999999999"),
        ("100000.000000001", "100000.000000001"),
        ("0.00000000001", "0.00000000001"),
        ("1.00000000000001", "1.00000000000001"),
        ("9.984E-7", "0.0000009984"),
        ("1E-15", "0.000000000000001"),
        ("1.5e-11", "0.000000000015"),
        ("0.12345678901234567890", "0.1234567890123456789"),
        ("1234567890123456", "1234567890123456"),
        ("  3.5 ", "3.5"),
        ("-0.0", "0"),
        ("  ", None),
    ],
)
def test_a_cell_of_text_is_read_to_its_last_digit(con, text, amount):
    assert read_as_money(con, text) == (None if amount is None else Decimal(amount))


@given(
    digits=st.integers(1 - 10**16, 10**16 - 1),
    decimals=st.integers(0, 20),
    exponent=st.none() | st.integers(-12, 4),
)
def test_any_cell_of_text_is_read_to_its_last_digit(digits, decimals, exponent):
    text = f"{Decimal(digits).scaleb(-decimals):f}" + ("" if exponent is None else f"E{exponent}")
    amount = Decimal(text)
    assume(abs(amount) < 10**16)
    assume(amount == amount.quantize(Decimal("1E-20"), context=Context(prec=60)))
    with duckdb.connect() as con:
        assert read_as_money(con, text) == amount


@pytest.mark.parametrize("text", ["abc", "1,5", "0x10", "inf", "nan", "1e", "--1"])
def test_a_cell_that_is_no_amount_stops_the_reading(con, text):
    with pytest.raises(duckdb.ConversionException):
        read_as_money(con, text)
