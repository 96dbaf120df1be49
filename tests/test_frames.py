"""Frames keep decimals to the last digit, and cost a short run no import that it does not need."""

import subprocess
import sys
from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curecon import frames

QUANTITY = pl.Decimal(22, 10)
SCHEMA = {"name": pl.String, "amount": QUANTITY, "day": pl.Date, "count": pl.Int64}
DAY = date(2026, 10, 1)


@given(st.lists(st.one_of(st.none(), st.decimals(-(10**12) + 1, 10**12 - 1, places=10))))
def test_decimals_stay_exact(amounts):
    frame = frames.of_rows([("x", amount, DAY, 1) for amount in amounts], SCHEMA)
    assert frame["amount"].to_list() == amounts
    assert frame.schema == SCHEMA


@pytest.mark.parametrize("text", ["1E-7", "1.5E+3", "-0", "0.1000000000"])
def test_decimals_of_any_spelling_are_read(text):
    frame = frames.of_rows([(None, Decimal(text), None, None)], SCHEMA)
    assert frame.rows() == [(None, Decimal(text), None, None)]


def test_a_decimal_that_does_not_fit_is_an_error():
    with pytest.raises(pl.exceptions.InvalidOperationError):
        frames.of_rows([("x", Decimal(10**12), DAY, 1)], SCHEMA)


def test_what_a_record_does_not_have_is_null():
    frame = frames.of_records([{"amount": Decimal("0.5")}, {"name": "b"}], SCHEMA)
    assert frame.rows() == [(None, Decimal("0.5"), None, None), ("b", None, None, None)]


def test_a_frame_crosses_to_sql_and_back():
    rows = [("a", Decimal("123456789012.0123456789"), DAY, 1), (None, None, None, None)]
    con = duckdb.connect()
    frames.register(con, "given", frames.of_rows(rows, SCHEMA))
    back = frames.of_query(con, "SELECT * FROM given WHERE $all ORDER BY name", {"all": True})
    assert back.rows() == rows
    assert back.schema == SCHEMA


def test_an_audit_imports_neither_numpy_nor_pyarrow(tmp_path):
    script = (
        "import sys\n"
        "from curecon import cli\n"
        "status = cli.run(sys.argv[1:])\n"
        "print({'numpy', 'pyarrow', 'pandas'} & set(sys.modules), status)"
    )
    audit = ["audit", "fixtures/demo/bill", "--fail-on", "never", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", script, *audit, "--ledger", str(tmp_path / "l.duckdb")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.endswith("set() 0\n"), done.stdout + done.stderr
    assert "leaked" not in done.stderr
