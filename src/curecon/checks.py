"""Runs the checks: each is one SQL file whose rows become findings.

A check reads the relations of the ledger and returns rows; it changes nothing. A row usually
names a `line`, and what it does not state is taken from that line. Rows are grouped into findings
the way a person would act on them (DESIGN, section 4, "Grain").
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from curecon.engine import execute, fetch, read, text
from curecon.errors import CheckInvalid
from curecon.ledger import lock_down
from curecon.packaged import folder
from curecon.vocabulary import vocabulary
from curecon.workplace import together

CATEGORIES = (
    "duplicate", "unit", "quantity", "rate", "discount", "commitment", "free_tier", "arithmetic",
    "rounding", "unpriced", "not_repriced", "data", "attribution", "lifecycle", "waste", "anomaly",
)  # fmt: skip
SEVERITIES = ("error", "warning", "info")

# A user's check that runs longer than this is taken for one that never ends.
_SECONDS_MAX = 600.0

# What a check may state itself instead of leaving it to the line.
_COLUMNS = {
    "line": "BIGINT",
    "severity": "VARCHAR",
    "reason": "VARCHAR",
    "billed": "DECIMAL(38, 20)",
    "expected": "DECIMAL(38, 20)",
    "difference": "DECIMAL(38, 20)",
    "rate_id": "VARCHAR",
    "delivery_id": "VARCHAR",
    "period": "VARCHAR",
    "usage_account": "VARCHAR",
    "region": "VARCHAR",
    "service": "VARCHAR",
    "usage_type": "VARCHAR",
    "operation": "VARCHAR",
    "unit": "VARCHAR",
    "resource": "VARCHAR",
    "quantity": "DECIMAL(38, 10)",
    "currency": "VARCHAR",
    "lines": "BIGINT",
    "first_usage": "TIMESTAMP",
    "last_usage": "TIMESTAMP",
}


_asked: "dict[Check, list[str]]" = {}


@dataclass(frozen=True)
class Check:
    """One check: its file name, what it asks, and which dollars its findings own."""

    name: str
    question: str
    severity: str
    category: str
    owns: bool
    by_resource: bool
    sql: str
    path: Path
    watches: tuple[str, ...] = ()
    """The capabilities that it is about; none where it watches every charge."""
    needs: str = ""
    """The rows without which it finds nothing, as they stand behind FROM; it is spared then."""
    moves: str = ""
    """Why a line that agrees with its rate costs something else: its dollars become the check's."""


def load(folders: Sequence[Path] = ()) -> list[Check]:
    """Read the packaged checks and those of the given folders, in the order of their names.

    Raises:
        CheckInvalid: a file lacks its header, names an unknown severity or category, or has the
            name of another check.
    """
    paths = [path for base in (folder("sql") / "checks", *folders) for path in _files(base)]
    checks: dict[str, Check] = {}
    for path in paths:
        check = _parse(path)
        if check.name in checks:
            raise CheckInvalid(
                f"{path}: a check named {check.name} exists already at {checks[check.name].path}; "
                "give the file another name"
            )
        checks[check.name] = check
    return [checks[name] for name in sorted(checks)]


def _files(base: Path) -> list[Path]:
    if not base.is_dir():
        raise CheckInvalid(f"{base}: no such folder of checks")
    found = sorted(base.glob("*.sql"))
    if not found:
        raise CheckInvalid(f"{base}: holds no check; a check is a file NAME.sql")
    return found


def _parse(path: Path) -> Check:
    try:
        sql = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckInvalid(f"{path}: cannot be read as a check ({error})") from error
    header = dict(
        re.findall(
            r"^-- (severity|category|owns|moves|resource|watches|needs|question): *(.+)$",
            sql,
            re.MULTILINE,
        )
    )
    missing = [key for key in ("severity", "category", "question") if key not in header]
    if missing:
        raise CheckInvalid(f"{path}: the header lacks `-- {missing[0]}: ...`")
    if header["severity"] not in SEVERITIES:
        raise CheckInvalid(f"{path}: severity is one of {', '.join(SEVERITIES)}")
    if header["category"] not in CATEGORIES:
        raise CheckInvalid(f"{path}: category is one of {', '.join(CATEGORIES)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
        raise CheckInvalid(f"{path}: a check's name is of lower-case letters, digits and _")
    if "needs" in header and path.parent != folder("sql") / "checks":
        raise CheckInvalid(f"{path}: only packaged checks have needs; take `-- needs:` out")
    if "owns" in header and path.parent != folder("sql") / "checks":
        raise CheckInvalid(f"{path}: only packaged checks own dollars; take `-- owns:` out")
    if "moves" in header and path.parent != folder("sql") / "checks":
        raise CheckInvalid(f"{path}: only packaged checks move dollars; take `-- moves:` out")
    return Check(
        path.stem, header["question"], header["severity"], header["category"],
        "owns" in header or "moves" in header, header.get("resource") == "yes", sql, path,
        _watched(path, header.get("watches", "")), header.get("needs", ""),
        header.get("moves", ""),
    )  # fmt: skip


def _watched(path: Path, text: str) -> tuple[str, ...]:
    """Return the capabilities that a header names; they are those of attributes.toml."""
    named = tuple(name for name in re.split(r",\s*", text.strip()) if name)
    known = vocabulary()["capability"] or frozenset()
    for name in named:
        if name not in known:
            raise CheckInvalid(f"{path}: `-- watches:` names {name}, which is no capability")
    return named


def move(con: duckdb.DuckDBPyConnection, catalog: str, checks: Sequence[Check]) -> None:
    """Run the checks that explain lines which agree with their rate, before the bridge is made.

    Their dollars leave `agrees` or `unpriced` for the category of the check, in the order of causes
    (DESIGN, section 2); a line that has a cause already keeps it, and the finding owns nothing of
    it. Writes `found`, and changes `compared`.
    """
    typed = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    con.execute(
        "CREATE OR REPLACE TABLE found "
        f'("check" VARCHAR, category VARCHAR, owns BOOLEAN, by_resource BOOLEAN, {typed})'
    )
    moving = sorted(
        (check for check in checks if check.moves),
        key=lambda check: (CATEGORIES.index(check.category), check.name),
    )
    for check in _needed(con, moving):
        _run_ours(check, con)
        moved = read("duckdb", "move.sql").replace("{ledger}", f"{catalog}.main")
        execute(con, moved.replace("{check}", text(check.name)))


def run(con: duckdb.DuckDBPyConnection, catalog: str, checks: Sequence[Check]) -> None:
    """Run the checks that `move` has not run, and write the findings of all.

    Reads lines, compared, charge_keys, rates and the views over them; writes `findings` and
    `found_lines` of the deliveries in `run_deliveries`.
    """
    packaged = folder("sql") / "checks"
    ours = [check for check in checks if check.path.parent == packaged and not check.moves]
    together(con, {check.name: partial(_run_ours, check) for check in _needed(con, ours)})
    users = [check for check in checks if check.path.parent != packaged]
    if users:
        # From here on no SQL of this run may touch files, and none may lift this again.
        lock_down(con)
    for check in users:
        _run_untrusted(con, check)
    execute(con, read("duckdb", "grouped.sql"))
    for name in ("insert_findings", "insert_found_lines", "link_findings"):
        execute(con, read("duckdb", f"{name}.sql").replace("{ledger}", f"{catalog}.main"))


def _needed(con: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> list[Check]:
    """Leave out the checks that cannot find anything, since what they need is not there."""
    needs = sorted({check.needs for check in checks if check.needs})
    asked = (f"SELECT {text(one)} WHERE EXISTS (SELECT 1 FROM {one})" for one in needs)
    met = {row[0] for row in execute(con, "\nUNION ALL\n".join(asked))} if needs else set()
    return [check for check in checks if not check.needs or check.needs in met]


def _run_ours(check: Check, con: duckdb.DuckDBPyConnection) -> None:
    """Run a packaged check."""
    _insert(con, check, _known_columns(con, check), f"({check.sql}\n)")


def _run_untrusted(con: duckdb.DuckDBPyConnection, check: Check) -> None:
    """Run a check that we did not write: one SELECT, in a transaction that can only read."""
    from curecon import frames  # noqa: PLC0415  # needs polars, and most runs have no such check

    try:
        statements = con.extract_statements(check.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise CheckInvalid(f"{check.path}: a check is one SELECT and nothing else")
        con.execute("BEGIN TRANSACTION READ ONLY")
        endless = threading.Timer(_SECONDS_MAX, con.interrupt)
        endless.start()
        try:
            given = _columns(con, check)
            rows = fetch(con, check.sql)
        finally:
            endless.cancel()
            con.execute("ROLLBACK")
    except duckdb.InterruptException as error:
        raise CheckInvalid(
            f"{check.path}: was stopped after {_SECONDS_MAX:g} seconds; does it ever end?"
        ) from error
    except duckdb.Error as error:
        raise CheckInvalid(f"{check.path}: {str(error).splitlines()[0]}") from error
    if "severity" in given and not set(rows["severity"].unique()) <= set(SEVERITIES):
        raise CheckInvalid(f"{check.path}: severity is one of {', '.join(SEVERITIES)}")
    if rows["reason"].has_nulls():
        raise CheckInvalid(f"{check.path}: a row has no `reason`")
    frames.register(con, "incoming", rows)
    if "line" in given:
        _refuse_strange_lines(con, check)
    _insert(con, check, given, "incoming")
    con.unregister("incoming")


def _refuse_strange_lines(con: duckdb.DuckDBPyConnection, check: Check) -> None:
    """Refuse findings about lines that this run does not have: they would vanish."""
    strange = con.execute(
        "SELECT line FROM incoming WHERE line NOT IN (SELECT line FROM lines) ORDER BY 1 LIMIT 1"
    ).fetchall()
    if strange:
        raise CheckInvalid(
            f"{check.path}: returns the line {strange[0][0]}, and the relation `lines` has none "
            "of that number"
        )


def _known_columns(con: duckdb.DuckDBPyConnection, check: Check) -> list[str]:
    """Return the names of a packaged check's columns; they are the same in every run."""
    if check not in _asked:
        _asked[check] = _columns(con, check)
    return _asked[check]


def _columns(con: duckdb.DuckDBPyConnection, check: Check) -> list[str]:
    """Return the names of a check's columns.

    Raises:
        CheckInvalid: the SQL is wrong, or a finding has no such field, or a needed one is missing.
    """
    try:
        given = [row[0] for row in con.execute(f"DESCRIBE {check.sql}").fetchall()]
    except duckdb.Error as error:
        raise CheckInvalid(f"{check.path}: {str(error).splitlines()[0]}") from error
    own = check.path.parent == folder("sql") / "checks"
    fields = [name for name in _COLUMNS if own or name != "period"]
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise CheckInvalid(
            f"{check.path}: returns a column {unknown[0]}, and a finding has no such field; "
            f"the fields are {', '.join(fields)}"
        )
    if "reason" not in given or not {"line", "delivery_id"} & set(given):
        raise CheckInvalid(
            f"{check.path}: returns no `reason`, or neither `line` nor `delivery_id`"
        )
    return given


def _insert(con: duckdb.DuckDBPyConnection, check: Check, given: list[str], rows: str) -> None:
    stated = ", ".join(given)
    severity = "" if "severity" in given else ", severity"
    value = "" if "severity" in given else f", {text(check.severity)}"
    execute(
        con,
        f'INSERT INTO found ("check", category, owns, by_resource, {stated}{severity}) '
        f"SELECT {text(check.name)}, {text(check.category)}, {check.owns}, {check.by_resource}, "
        f"{stated}{value} FROM {rows}",
    )
