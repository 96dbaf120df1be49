"""The SQL that turns one delivered cell into a value of the type that we know its column by.

Nothing is guessed: whatever does not cast makes DuckDB stop, and `misread` then names the place.
`physical` is the DuckDB type in which the file delivers the column, `cell` its name in SQL.
"""

from collections.abc import Iterable, Sequence

from curecon.formats import Column
from curecon.money import MONEY, QUANTITY, RATE

TYPES = {
    "text": "VARCHAR",
    "money": MONEY,
    "quantity": QUANTITY,
    "rate": RATE,
    "time": "TIMESTAMP",
    "map": "MAP(VARCHAR, VARCHAR)",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
MAPS = {"map", "tags"}
_FLOATS = {"DOUBLE", "FLOAT"}
_ACCOUNT_DIGITS = 12


def cast(column: Column, physical: str, cell: str) -> str:
    """Write the cast of a delivered cell to its column's type."""
    if column.type == "text":
        account = column.name.lower().replace("_", "").endswith("accountid")
        return as_text(physical, cell, digits=_ACCOUNT_DIGITS if account else 0)
    if column.type == "time":
        return _as_time(physical, cell)
    if column.type in MAPS:
        return as_map(physical, cell)
    return _as_number(column, physical, cell)


def _as_number(column: Column, physical: str, cell: str) -> str:
    """Read a number exactly.

    Money delivered as DOUBLE is what the shortest text of that double says, since AWS wrote the
    text first. Below 400,000 a double that returns from ten decimals unchanged has no other
    reading with so few digits, and the slow way through text can be left out.
    """
    target = TYPES[column.type]
    if physical in _FLOATS:
        ten = f"CAST({cell} AS DECIMAL(18, 10))"
        return (
            f"CASE WHEN {_is_plain(cell)} THEN CAST({ten} AS {target}) "
            f"ELSE CAST(CAST({cell} AS VARCHAR) AS {target}) END"
        )
    number = f"CAST({_number_text(physical, cell)} AS {target})"
    if physical != "VARCHAR":
        return number
    # Nearly every number fits 64 bits, which are read several times faster.
    if column.type == "money":
        return (
            f"CASE WHEN {_is_short(cell)} THEN CAST({_short(cell)} AS {target}) ELSE {number} END"
        )
    return f"coalesce({_short(cell)}, {number})"


def rounded(physical: str, cell: str) -> str:
    """Say whether a delivered quantity has more digits than the ledger keeps."""
    if physical in _FLOATS:
        number = f"CAST({cell} AS VARCHAR)"
        return (
            f"CASE WHEN {_is_plain(cell)} THEN FALSE "
            f"ELSE CAST({number} AS {MONEY}) <> CAST({number} AS {QUANTITY}) END"
        )
    number = _number_text(physical, cell)
    return f"CAST({number} AS {MONEY}) <> CAST({number} AS {QUANTITY})"


def _is_plain(cell: str) -> str:
    return f"abs({cell}) < 400000 AND CAST(CAST({cell} AS DECIMAL(18, 10)) AS DOUBLE) = {cell}"


def _is_short(cell: str) -> str:
    """Say whether a text has ten decimals at most, and nothing is lost by reading no more.

    A text of sixteen characters and its value of ten decimals below 100,000 have fifteen digits at
    most. No two numbers of fifteen digits are the same double, so they are equal if that is.
    """
    same = f"CAST({_short(cell)} AS DOUBLE) = TRY_CAST({cell} AS DOUBLE)"
    return f"strlen({cell}) <= 16 AND abs({_short(cell)}) < 100000 AND {same}"


def _short(cell: str) -> str:
    return f"TRY_CAST({cell} AS DECIMAL(18, 10))"


def _number_text(physical: str, cell: str) -> str:
    if physical == "VARCHAR":
        return f"nullif(trim({cell}), '')"
    if "INT" in physical or physical.startswith("DECIMAL"):
        return cell
    return f"CAST({cell} AS VARCHAR)"


def as_text(physical: str, cell: str, digits: int = 0) -> str:
    """Read text; numbers that stand for text get the leading zeros back that they have lost."""
    if physical == "VARCHAR":
        return f"nullif({cell}, '')"
    if physical == "BLOB":
        return f"nullif(decode({cell}), '')"
    number = f"CAST({cell} AS VARCHAR)"
    if physical in _FLOATS:
        whole = f"abs({cell}) < 1e15 AND trunc({cell}) = {cell}"
        number = f"CASE WHEN {whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE {number} END"
    if digits and ("INT" in physical or physical in _FLOATS or physical.startswith("DECIMAL")):
        width = f"CAST(greatest({digits}, length({number})) AS INTEGER)"
        return f"lpad({number}, {width}, '0')"
    return number


def _as_time(physical: str, cell: str) -> str:
    """Read a time as UTC; without an offset it is UTC, with one the offset is applied.

    DuckDB drops offsets when it reads a TIMESTAMP, so only the forms without one go that way; and
    it knows words for times, such as `infinity`, which no bill means.
    """
    if physical.startswith(("TIMESTAMP WITH", "TIMESTAMPTZ")):  # the latter counts nanoseconds
        return f"CAST(timezone('UTC', {cell}) AS TIMESTAMP)"
    if physical.startswith("TIMESTAMP") or physical == "DATE":
        return f"CAST({cell} AS TIMESTAMP)"
    raw = cell if physical == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    told = f"nullif(trim({raw}), '')"
    return (
        f"CASE WHEN strlen({raw}) IN (20, 24) AND ends_with({raw}, 'Z') "
        f"OR strlen({raw}) = 19 AND substr({raw}, 17, 1) = ':' THEN CAST({raw} AS TIMESTAMP) "
        f"WHEN substr({told}, 1, 1) BETWEEN '0' AND '9' "
        f"THEN CAST(timezone('UTC', CAST({told} AS TIMESTAMP WITH TIME ZONE)) AS TIMESTAMP) "
        f"WHEN {told} IS NOT NULL THEN CAST('' AS TIMESTAMP) END"
    )


def as_map(physical: str, cell: str) -> str:
    """Read a map, whether it comes as one, as JSON text, as a record or as a list of pairs.

    DuckDB takes a Parquet map with a key twice as it is, and fails whenever it is shown: so such
    a map is made anew, which fails here.
    """
    target = TYPES["map"]
    if physical.startswith("MAP("):
        whole = f"list_unique(map_keys({cell})) = cardinality({cell})"
        made = f"CASE WHEN {whole} THEN {cell} ELSE map_from_entries(map_entries({cell})) END"
        return made if physical == target else f"CAST({made} AS {target})"
    if physical.startswith("STRUCT(") and physical.endswith("[]"):
        return f"CAST(map_from_entries({cell}) AS {target})"
    told = f"nullif(trim({cell}), '')" if physical == "VARCHAR" else cell
    read = f"CAST(CAST({told} AS JSON) AS {target})"
    if physical.startswith("STRUCT("):
        return _filled(f"map_entries({read})")
    return read


def json_object(cell: str, *, to_the_end: bool = False) -> str:
    """Take JSON text that is to become a map as it is; what cannot become one fails here.

    That no key comes twice is seen when the map is made, or here where none will be.
    """
    told = f"nullif(trim({cell}), '')"
    made = f"CAST(CAST({told} AS JSON) AS {TYPES['map']})"
    fits, fits_trimmed = is_json_object(cell), f"json_type({told}) = 'OBJECT'"
    if to_the_end:
        fits += f" AND list_unique(json_keys({cell})) = len(json_keys({cell}))"
        fits_trimmed += f" AND list_unique(json_keys({told})) = len(json_keys({told}))"
    return (
        f"CASE WHEN {fits} THEN {cell} WHEN {fits_trimmed} THEN {told} "
        f"ELSE nullif(CAST({made} AS VARCHAR), '') END"
    )


def is_json_object(cell: str) -> str:
    """Say whether a cell is JSON of an object and nothing before it: to trim each cell is slow."""
    return f"starts_with({cell}, '{{') AND json_valid({cell})"


def from_map(physical: str, cell: str, keys: Sequence[str], key: str) -> str:
    """Read one key of a map of which some keys are read; JSON text is read once for all of them."""
    if physical == "VARCHAR":
        paths = ", ".join(f"'$.\"{one}\"'" for one in keys)
        packed = f"json_extract_string({json_object(cell, to_the_end=True)}, [{paths}])"
        return f"nullif(({packed})[{keys.index(key) + 1}], '')"
    packed = cell if physical.startswith("MAP(VARCHAR") else as_map(physical, cell)
    return f"nullif(CAST(({packed})['{key}'] AS VARCHAR), '')"


def flat_map(columns: Iterable[tuple[str, str, str]]) -> str:
    """Collect columns (key, physical type, cell) that each hold one key of a map.

    Keys that differ only in their spelling are one; its first filled cell counts.
    """
    cells: dict[str, list[str]] = {}
    for key, physical, cell in columns:
        cells.setdefault(key, []).append(as_text(physical, cell))
    entries = []
    for key, values in cells.items():
        name = key.replace("'", "''")
        value = values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
        entries.append(f"{{'key': '{name}', 'value': {value}}}")
    return _filled(f"[{', '.join(entries)}]")


def _filled(entries: str) -> str:
    return f"map_from_entries(list_filter({entries}, lambda entry: entry.value IS NOT NULL))"


def is_filled(column_type: str, physical: str, cell: str) -> str:
    """Say whether a cell holds anything, so that a value must come of it."""
    if physical != "VARCHAR":
        return f"{cell} IS NOT NULL"
    empty = "'', 'null'" if column_type in MAPS else "''"
    return f"coalesce(trim({cell}), '') NOT IN ({empty})"
