"""The SQL: one text for DuckDB and Spark, headers that say what a file is, comments that are true.

From `line_items` on, every file must mean the same in both engines (DESIGN, section 7). sqlglot
parses each in both dialects; what it would let pass is banned by name. sql/duckdb is the one place
for what only DuckDB can do: reading files, the ledger, results.
"""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from curecon import checks, comments, ledger

SQL = Path(__file__).resolve().parents[1] / "sql"
PORTABLE = sorted(
    path for part in ("steps", "checks", "views") for path in SQL.glob(f"{part}/*.sql")
)
SCHEMA = (SQL / "duckdb" / "schema.sql").read_text("utf-8")

# Functions that have the same name and the same meaning in both engines. A function that is not
# here may well have both: look it up, add it. `hash` differs in its value, which only narrows a
# search, and must never be kept or compared between engines. `regexp_replace` replaces the first
# match in one and every match in the other: anchor the pattern.
FUNCTIONS = {
    "abs", "bool_and", "bool_or", "coalesce", "concat_ws", "count", "count_if", "first_value",
    "floor", "greatest", "hash", "lag", "last_value", "lead", "least", "length", "lower", "max",
    "min", "nullif", "regexp_extract", "regexp_replace", "replace", "round", "row_number", "substr",
    "sum", "trim", "upper",
}  # fmt: skip
# Words that stand before a parenthesis without being functions.
WORDS = {
    "and", "as", "by", "case", "cast", "decimal", "distinct", "else", "exists", "filter", "from",
    "in", "join", "not", "on", "or", "over", "select", "then", "union", "using", "values", "when",
    "where", "with",
}  # fmt: skip
BANNED = {
    r"::": "write CAST(x AS type)",
    r"\bASOF\b": "join by range",
    r"\bQUALIFY\b": "filter a window in an outer SELECT",
    r"\b(GROUP|ORDER) BY ALL\b": "name the columns",
    r"\bEXCLUDE\b": "name the columns",
    r"\bMACRO\b": "macros are DuckDB's own",
    r"\bLAMBDA\b|->": "lists and lambdas are DuckDB's own",
    r"\bDISTINCT ON\b": "number the rows with row_number()",
    r"\bPIVOT\b|\bUNPIVOT\b|\bSUMMARIZE\b": "write the columns out",
    r"\bCOLUMNS *\(": "name the columns",
    r"\[ *[^'\]]": "only m['key'] on a map is common to both",
    r"\{": "struct literals are DuckDB's own",
    r"\bVARCHAR\b|\bTEXT\b": "write STRING: Spark wants a length for VARCHAR",
    r"\bDOUBLE\b|\bFLOAT\b|\bREAL\b": "money is decimal",
    r"\bavg *\(|\bmedian *\(": "averages are binary floating point",
    r" / |//| % ": "division is binary floating point or another thing in each engine",
    r"\b\d+(\.\d+)?e[+-]?\d+\b": "an exponent makes a number binary; write it out",
    # On a column without any value, DuckDB 2 stops at a comparison of it with a text.
    r"\bsplit_part *\(": "write regexp_extract",
    r";": "one file is one SELECT",
}


def bare(sql):
    """Return the SQL without comments and with empty texts, so that only code is looked at."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--.*", "", sql))


def faults(sql):
    """Say what in a text would not mean the same in both engines."""
    code = bare(sql)
    found = [remedy for rule, remedy in BANNED.items() if re.search(rule, code, re.IGNORECASE)]
    called = set(re.findall(r"\b([a-z_]+) *\(", code, re.IGNORECASE))
    unknown = {name.lower() for name in called} - FUNCTIONS - WORDS
    found += [f"{name}() is not known to be the same in both engines" for name in sorted(unknown)]
    if found:
        return found
    for dialect in ("duckdb", "spark"):
        try:
            (tree,) = sqlglot.parse(sql, read=dialect)
        except (sqlglot.ParseError, sqlglot.TokenError) as error:
            return [f"{dialect} does not parse it: {error}"]
        if not isinstance(tree, exp.Query):
            return ["one file is one SELECT"]
    return nulls_unsaid(sql)


def nulls_unsaid(sql):
    """Say where a window orders by a nullable column and leaves it open where nulls stand.

    Each dialect fills in its own default, so what they read differently was left open.
    """
    tables = re.findall(r"CREATE TABLE (?:lines|charge_keys) \((.+?)\);", SCHEMA, re.DOTALL)
    nullable = set(re.findall(r"^ +(\w+) +(?!.*NOT NULL)[A-Z]", "\n".join(tables), re.MULTILINE))
    in_duckdb, in_spark = (_window_order(sql, dialect) for dialect in ("duckdb", "spark"))
    return [
        f"ORDER BY {name} in a window: write NULLS LAST, the engines differ"
        for (name, first), (_, first_in_spark) in zip(in_duckdb, in_spark, strict=True)
        if first != first_in_spark and name in nullable
    ]


def _window_order(sql, dialect):
    (tree,) = sqlglot.parse(sql, read=dialect)
    return [
        (term.this.name, bool(term.args.get("nulls_first")))
        for window in tree.find_all(exp.Window)
        for term in (window.args.get("order") or exp.Order(expressions=[])).expressions
    ]


@pytest.mark.parametrize("path", PORTABLE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_means_the_same_in_duckdb_and_in_spark(path):
    assert faults(path.read_text("utf-8")) == []


def test_the_files_are_found():
    counted = {part: len(list(SQL.glob(f"{part}/*.sql"))) for part in ("steps", "checks", "views")}
    assert counted["steps"] >= 7
    assert counted["checks"] >= 20
    assert counted["views"] >= 4


@pytest.mark.parametrize(
    "snippet",
    [
        "SELECT a::INTEGER FROM t",
        "SELECT * FROM a ASOF JOIN b ON a.x = b.x AND a.t >= b.t",
        "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1",
        "SELECT a, count(*) FROM t GROUP BY ALL",
        "SELECT * EXCLUDE (a) FROM t",
        "CREATE MACRO m(x) AS x + 1",
        "SELECT list_filter(l, lambda x: x > 1) FROM t",
        "SELECT list_filter(l, x -> x > 1) FROM t",
        "SELECT DISTINCT ON (a) a, b FROM t",
        "SELECT COLUMNS('a.*') FROM t",
        "SELECT [1, 2] FROM t",
        "SELECT {'a': 1} FROM t",
        "SELECT CAST(a AS VARCHAR) FROM t",
        "SELECT CAST(a AS DOUBLE) FROM t",
        "SELECT avg(a) FROM t",
        "SELECT a / 3 FROM t",
        "SELECT a // 3 FROM t",
        "SELECT a * 1e-10 FROM t",
        "SELECT a FROM t; DROP TABLE t",
        "SELECT concat(a, b) FROM t",
        "SELECT strftime(a, '%Y') FROM t",
        "SELECT a FROM t WHERE split_part(a, ':', 4) <> ''",
        "SELECT a FROM WHERE",
        "DELETE FROM t",
        "SELECT row_number() OVER (ORDER BY line_item_resource_id) AS place FROM lines",
    ],
)
def test_the_lint_refuses_what_is_not_common_to_both(snippet):
    assert faults(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "SELECT m['key'], sum(a) FILTER (WHERE b) FROM t GROUP BY 1",
        "SELECT 'a / b :: VARCHAR; EXCLUDE' FROM t -- avg(x) / 2 :: DOUBLE",
        "SELECT row_number() OVER (ORDER BY line_item_resource_id NULLS LAST) AS place FROM lines",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a FULL JOIN b USING (x)",
    ],
)
def test_the_lint_lets_pass_what_is_common_to_both(snippet):
    assert faults(snippet) == []


@pytest.mark.parametrize("path", sorted(SQL.glob("checks/*.sql")), ids=lambda path: path.stem)
def test_a_check_says_what_it_asks(path):
    text = path.read_text("utf-8")
    header = re.match(r"(?:-- .*\n)+", text)
    assert header, "the header comes first"
    keys = re.findall(
        r"^-- (severity|category|owns|resource|question): .+$", header[0], re.MULTILINE
    )
    assert keys[0] == "severity"
    assert keys[1] == "category"
    assert keys[-1] == "question"
    question = re.search(r"^-- question: (.+)$", text, re.MULTILINE)
    assert question
    assert question[1].endswith("?")


def test_every_check_is_loaded_and_owns_only_its_category():
    loaded = checks.load()
    assert [check.path.name for check in loaded] == [
        p.name for p in sorted(SQL.glob("checks/*.sql"))
    ]
    for check in loaded:
        owned = re.findall(r"^-- owns: (.+)$", check.sql, re.MULTILINE)
        assert owned in ([], [check.category])


@pytest.mark.parametrize(
    "path",
    [path for path in PORTABLE if path.parent.name != "checks"],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_a_view_and_a_step_say_their_grain(path):
    assert re.match(r"(?:-- .*\n)+-- grain: one row an? .+\n", path.read_text("utf-8"))


# --- the comments of a ledger


@pytest.fixture(scope="module")
def commented(tmp_path_factory):
    """Return what a new ledger says: relation -> (comment, {column: comment})."""
    path = tmp_path_factory.mktemp("ledger") / "new.duckdb"
    with ledger.staged(path) as stage:
        stage.publish()
    with ledger.reading(path) as con:
        relations = con.execute(
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal "
            "UNION ALL SELECT table_name, comment FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        columns = con.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    return {
        name: (comment, {column: said for of, column, said in columns if of == name})
        for name, comment in relations
    }


def test_every_relation_and_column_has_a_comment(commented):
    for name, (comment, columns) in commented.items():
        assert comment, name
        assert " Grain: one row" in comment, name
        silent = [column for column, said in columns.items() if not said]
        assert not silent, f"{name}: sql/comments.toml says nothing about {', '.join(silent)}"


def test_no_comment_is_about_something_that_is_gone(commented):
    shared, relations = comments.texts()
    assert set(relations) == set(commented)
    gone = {
        (name, column)
        for name, said in relations.items()
        for column in said.columns
        if column not in commented[name][1]
    }
    assert not gone
    # An attribute of rates/attributes.toml is a column of charge_keys, or it prices nothing.
    unused = set(shared) - {column for _, columns in commented.values() for column in columns}
    assert not unused


def test_the_relations_for_ad_hoc_sql_are_there(commented):
    promised = {
        "deliveries", "line_items", "other_totals", "charge_keys", "rates", "key_rates",
        "comparison", "evidence", "findings", "finding_lines", "bridge", "runs",
    }  # fmt: skip
    assert promised <= set(commented)


def test_a_comment_is_one_plain_sentence():
    shared, relations = comments.texts()
    said = [
        *shared.values(),
        *(text for one in relations.values() for text in one.columns.values()),
    ]
    for text in said:
        assert text.isprintable()
        assert not re.search(r"[^.]\.$", text)
        assert len(text) <= 200
