"""Files that went wrong: a good file changed as disks, tools, people and attackers change them.

Everything is drawn from a seeded generator, so the same number gives the same bytes.
"""

import csv
import io
import json
import random
import re
from collections.abc import Callable

# What turns up in cells where a number, a time or a word should be.
NASTY = (
    "", " ", "NULL", "\\N", "NaN", "nan", "Infinity", "-inf", "1e999", "-1e999", "1e-999", "-0",
    "-0.0", "0x1F", "1_000", "1,000.00", "1.2.3", "--1", "+1", "1e", ".", "-", "9" * 40,
    "0." + "3" * 40, "1" * 17, "-" + "9" * 16, "0.00000000000000000000000001", "\u0661\u0662",
    "true", "2026-02-30T00:00:00Z", "2026-10-05", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
    "2026-10-05T25:00:00Z", "2026-10-05 10:00:00+14:00", "2026-10-05T10:00:60Z", "294248-01-01",
    "'; DROP TABLE lines; --", '"quoted"', "a\nb", "a\r\nb", "a\rb", "\x00", "\x1b[2J", "=1+1",
    "<script>alert(1)</script>", "\ufeff", "\u202e", "\U0001f4b8", "../../etc/passwd", "%s%n",
    "${x}", "x" * 5000, '{"a":', "{}", "[]", "[[[[", '{"a": {"b": 1}}', "Usage", "Tax",
    "AmazonBedrock",
)  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]


def flipped(draw: random.Random, data: bytes) -> bytes:
    """Turn over single bits."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(draw: random.Random, data: bytes) -> bytes:
    """End somewhere."""
    return data[: draw.randrange(len(data))]


def holed(draw: random.Random, data: bytes) -> bytes:
    """Lose a piece, or have it twice, or have something else in its place."""
    at = draw.randrange(len(data))
    length = draw.choice((1, 2, 16, 512))
    piece = data[at : at + length]
    other = draw.choice((b"", piece * 2, bytes(len(piece)), draw.randbytes(len(piece))))
    return data[:at] + other + data[at + length :]


def inserted(draw: random.Random, data: bytes) -> bytes:
    """Have something in between that does not belong there."""
    at = draw.randrange(len(data) + 1)
    odd = (b'"', b"\0", b"\r", b"\n", b",", b"\xff", b"\xc3", b"\x1a", b"\\", b"{", b"'''", b"#")
    return data[:at] + draw.choice(odd) + data[at:]


def recoded(draw: random.Random, data: bytes) -> bytes:
    """Be saved in another encoding, or with other line ends."""
    ways = (
        lambda: data.decode().encode("utf-16"),
        lambda: data.decode().encode("utf-8-sig"),
        lambda: (data.decode() + "\u00e4").encode("latin-1", "replace"),
        lambda: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        lambda: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
        lambda: data.replace(b"\n", b"\n\n"),
        lambda: data.rstrip(b"\r\n"),
    )
    try:
        return draw.choice(ways)()
    except UnicodeDecodeError:
        return data[::-1]


BYTES: tuple[Mutation, ...] = (flipped, cut, holed, inserted, recoded)


def cells_changed(draw: random.Random, data: bytes) -> bytes:
    """Change a CSV where it stays one: cells, columns and rows."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    row, other = draw.choice(rows), draw.choice(rows)
    column, beside = draw.randrange(len(rows[0])), draw.randrange(len(rows[0]))
    match draw.randrange(8):
        case 0 | 1 | 2:
            draw.choice(rows[1:])[column] = draw.choice(NASTY)
        case 3:
            row[column], other[beside] = other[beside], row[column]
        case 4:  # a column twice
            for each in rows:
                each.insert(beside, each[column])
        case 5:
            for each in rows:
                del each[column]
        case 6:
            rows.insert(draw.randrange(1, len(rows)), draw.choice(rows))
        case 7:  # a whole column of it
            odd = draw.choice(NASTY)
            for each in rows[1:]:
                each[column] = odd
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=draw.choice(("\n", "\r\n"))).writerows(rows)
    return out.getvalue().encode()


def json_changed(draw: random.Random, data: bytes) -> bytes:
    """Change JSON where it stays JSON: a value, a key, or what lies below."""
    document = json.loads(data)
    places: list[tuple[object, object]] = []
    _places(document, places)
    parent, key = draw.choice(places)
    match draw.randrange(5):
        case 0 | 1:
            parent[key] = draw.choice(NASTY)
        case 2:
            odd = (None, True, 1, -1, 10**40, 0.1, float("nan"), float("inf"), [], {}, [[]], "")
            parent[key] = draw.choice(odd)
        case 3:
            parent[key] = draw.choice(places)[0]
        case 4:
            del parent[key]
    try:
        return json.dumps(document).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # it holds itself
        return b"[" * draw.choice((10, 100_000))


def _places(value: object, found: list[tuple[object, object]]) -> None:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        found.append((value, key))
        _places(value[key], found)


TOML_NASTY = (
    "nan", "inf", "-inf", "1e999", "-0.0", "1e-999", "1e999999999999999999999", "9" * 40,
    "9" * 5000, "0x" + "f" * 50, "0." + "1" * 40, "2026-02-30", "0001-01-01", "9999-12-31",
    "2026-10-05T10:00:00Z", "true", '""', '"\\u0000"', '"\\u202e"', '"*"', '"x\\ny"', "[]", "{}",
    "[" * 2000 + "]" * 2000, "[" * 50000, "{ a = 1 }", "'''", '"' + "x" * 5000 + '"', "-1", "101",
)  # fmt: skip


def toml_changed(draw: random.Random, data: bytes) -> bytes:
    """Change TOML where it may stay TOML: values, keys, lines and tables."""
    lines = data.decode().split("\n")
    valued = [i for i, line in enumerate(lines) if re.match(r"\s*[\w\"]+\s*=", line)]
    at = draw.choice(valued or [0])
    key, _, value = lines[at].partition("=")
    match draw.randrange(6):
        case 0 | 1 | 2:
            lines[at] = f"{key}= {draw.choice(TOML_NASTY)}"
        case 3:
            odd = draw.choice(("a.b", "x", key + ".y", "__proto__", '""'))
            lines[at] = f"{odd} ={value}"
        case 4:
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        case 5:
            del lines[at]
    return "\n".join(lines).encode()


def mutant(draw: random.Random, data: bytes, within: Mutation | None) -> bytes:
    """Change a good file, mostly in one way, sometimes in several."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        mutation = within if within and draw.random() < 0.6 else draw.choice(BYTES)
        try:
            data = mutation(draw, data) or b"\0"
        except (
            ValueError,
            IndexError,
            KeyError,
            RecursionError,
            csv.Error,
        ):  # no longer what it was
            data = draw.choice(BYTES)(draw, data) or b"\0"
    return data
