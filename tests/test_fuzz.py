"""Damaged and hostile files: refused in a sentence that names the file, or read to the last cent.

Each example is a good file changed at random (mutants.py). What is read in spite of it is summed
again with Python's csv, gzip and pyarrow, so a total that went wrong in silence is seen.
CURECON_FUZZ=5000 is the long run; the number in a failing message gives the same file again.
"""

import csv
import faulthandler
import gzip
import io
import json
import os
import random
import subprocess
import sys
import zipfile
import zlib
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bills
import deliveries as aws
from curecon import acknowledged, contract, manifest, price_list, rates, source, usage_file
from curecon.errors import CureconError
from curecon.formats import athena_name
from mutants import cells_changed, json_changed, mutant, toml_changed

EXAMPLES = int(os.environ.get("CURECON_FUZZ", "12"))
FIRST = int(os.environ.get("CURECON_FUZZ_FIRST", "0"))
REPOSITORY = Path(__file__).parent.parent
WIDE = Context(prec=200)
TWENTY_DECIMALS = Decimal(1).scaleb(-20)


@pytest.fixture(autouse=True)
def _nothing_hangs():
    """End the process with a trace of every thread if one example takes minutes."""
    yield
    faulthandler.cancel_dump_traceback_later()


def refused_or_read(read, path, data, number):
    """What `read` makes of the bytes, or None where it refuses them in a sentence of the file."""
    faulthandler.dump_traceback_later(300, exit=True)
    path.write_bytes(data)
    try:
        return read(path)
    except CureconError as error:
        message = str(error)
        assert path.name in message, f"{number}: which file? {message}"
        for sentence in message.splitlines():
            assert len(sentence) < 1500, f"{number}: too long to read: {sentence}"
            assert sentence.isprintable(), f"{number}: not printable: {sentence!r}"
        return None
    except Exception as error:
        raise AssertionError(f"{number}: a fault, seen with {path}: {error!r}") from error


def seeded(kind, number):
    return random.Random(f"{kind} {number}")  # noqa: S311  # chance, not secrecy


def numbers():
    return range(FIRST, FIRST + EXAMPLES)


# --- bills

COSTS = {"line_item_unblended_cost", "billedcost"}


def is_cost(name):
    return bool({name.lower(), athena_name(name), athena_name(name).replace("_", "")} & COSTS)


def amount(cell):
    """The dollars of a cell, at the ledger's scale."""
    if cell.strip() in {"", "NULL", "\\N"}:
        return None
    number = Decimal(cell.strip(), WIDE)
    return number.quantize(TWENTY_DECIMALS, ROUND_HALF_UP, WIDE)


def csv_total(text):
    """Lines and dollars of a CSV, as Python reads it."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(rows)
    # Of two columns with one name the first counts.
    at = next(i for i, name in enumerate(header) if is_cost(name))
    costs = [amount(row[at]) for row in rows if row]
    return len(costs), sum(costs, Decimal(0))


def parquet_total(path):
    table = pq.ParquetFile(path).read()
    name = next(name for name in table.column_names if is_cost(name))
    costs = [amount(str(value)) for value in table.column(name).to_pylist()]
    return len(costs), sum(costs, Decimal(0))


def read_total(path):
    """Lines and dollars as curecon reads them."""
    found = aws.ingested(path, services="all")
    assert not found.others
    return (
        len(found.lines),
        sum((line["line_item_unblended_cost"] for line in found.lines), Decimal(0)),
    )


def as_is(data):
    return data


def unpacked_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n for n in archive.namelist() if n.lower().endswith(".csv")]
        return b"\n".join(archive.read(name) for name in names)


def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bill.csv", data)
    return out.getvalue()


CSV_BILLS = [
    "formats/cur2-csv", "formats/legacy-csv", "formats/legacy-athena-csv", "formats/focus-1.0-csv",
    "formats/focus-1.2-csv",
]  # fmt: skip
PACKED = {
    ".csv": (as_is, as_is),
    ".csv.gz": (lambda data: gzip.compress(data, mtime=0), gzip.decompress),
    ".zip": (zipped, unpacked_zip),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_a_damaged_csv_is_refused_or_read_to_the_last_cent(tmp_path, suffix):
    pack, unpack = PACKED[suffix]
    for number in numbers():
        draw = seeded(suffix, number)
        good = (REPOSITORY / "fixtures" / draw.choice(CSV_BILLS) / "bill.csv").read_bytes()
        if suffix == ".csv" or draw.random() < 0.5:
            data = pack(mutant(draw, good, cells_changed))
        else:
            data = mutant(draw, pack(good), None)
        path = tmp_path / f"bill{number}{suffix}"
        read = refused_or_read(read_total, path, data, number)
        if read is not None:
            try:
                told = csv_total(unpack(data).decode("utf-8-sig", "surrogateescape"))
            except (ValueError, OSError, EOFError, zlib.error, csv.Error, zipfile.BadZipFile,
                    InvalidOperation, TypeError) as error:  # fmt: skip
                pytest.fail(f"{number}: {path} was read, and Python refuses it: {error!r}")
            assert read == told, f"{number}: a silent wrong total, seen with {path}"
        path.unlink()


PARQUET = ["cur2-parquet", "legacy-parquet", "focus-1.0-parquet", "focus-1.2-parquet"]


def test_a_damaged_parquet_file_is_refused_or_read_to_the_last_cent(tmp_path):
    for number in numbers():
        draw = seeded("parquet", number)
        good = REPOSITORY / "fixtures" / "formats" / draw.choice(PARQUET) / "bill.parquet"
        path = tmp_path / f"bill{number}.parquet"
        read = refused_or_read(read_total, path, mutant(draw, good.read_bytes(), None), number)
        if read is not None:
            try:
                told = parquet_total(path)
            except (OSError, pa.ArrowException, StopIteration):
                continue  # pyarrow is stricter about what surrounds the values
            assert read == told, f"{number}: a silent wrong total, seen with {path}"
        path.unlink()


# --- what lies beside bills

SAMPLE_MANIFEST = json.dumps(
    {
        "assemblyId": "20261005T000000Z",
        "account": bills.PAYER,
        "charset": "UTF-8",
        "compression": "GZIP",
        "bucket": "bills",
        "billingPeriod": {"start": "20261001T000000.000Z", "end": "20261101T000000.000Z"},
        "reportKeys": ["cur/20261001-20261101/bill-1.csv", "cur/20261001-20261101/bill-2.csv"],
        "columns": [{"category": "bill", "name": "PayerAccountId"}],
    }
).encode()


def find_below(path):
    """The files that a manifest leads to: none outside the folder that was named."""
    root = path.parent
    found = source.find([root])
    for one in found.files:
        assert root.resolve() in one.path.resolve().parents, f"{one.path} lies outside"
    return found


def usable(path):
    return manifest.read(path, path.parent)


def test_a_damaged_manifest_is_refused_or_leads_nowhere_else(tmp_path):
    folder = tmp_path / "cur" / "20261001-20261101"
    folder.mkdir(parents=True)
    for name in ("bill-1.csv", "bill-2.csv"):
        bills.write_csv(folder / name, [bills.line()])
    bills.write_csv(tmp_path.parent / "outside.csv", [bills.line()])
    for number in numbers():
        draw = seeded("manifest", number)
        data = mutant(draw, SAMPLE_MANIFEST, json_changed)
        if draw.random() < 0.2:
            odd = draw.choice(
                ("../outside.csv", "/etc/passwd", "a/" * 5000, "x" * 300, "\ud800", "a\0b")
            )
            data = json.dumps({"reportKeys": [odd]}).encode()
        refused_or_read(usable, tmp_path / "cur-Manifest.json", data, number)
        try:
            find_below(tmp_path / "cur-Manifest.json")
        except CureconError as error:
            assert str(error).isprintable(), number  # noqa: PT017


PRICE_ITEM = bills.price_item(bills.USAGE_TYPE, "0.00006").encode()
OFFER = (REPOSITORY / "fixtures/price_lists/savings_plan_offer.json").read_bytes()


def test_a_damaged_price_list_is_refused_or_read(tmp_path):
    for number in numbers():
        draw = seeded("price list", number)
        good = draw.choice((PRICE_ITEM, OFFER))
        path = tmp_path / f"list{number}.json"
        data = mutant(draw, good, json_changed)
        if draw.random() < 0.1:
            path = path.with_suffix(".json.gz")
            data = mutant(draw, gzip.compress(good, mtime=0), None)
        found = refused_or_read(lambda path: price_list.load([path]), path, data, number)
        assert found is None or found.rates.height <= 100


CARD = b"""card = "anthropic"
source = "Amazon Bedrock pricing page"

[[rate]]
select = { service = "bedrock", provider = "Anthropic", model = "Claude Instant", \
capability = "provisioned_throughput", commitment = "1 month" }
regions = ["us-east-1", "us-west-2"]
price = 39.60
unit = "model unit hour"
starts = 2024-04-01
ends = 2025-04-01
reference = "Provisioned Throughput, US East and US West"
checked = 2024-07-01
"""
ACKNOWLEDGED = b"""[[acknowledged]]
id = "0123456789abcdef"
reason = "agreed with AWS"
owner = "Ada"
until = 2026-12-31
max_amount = 12.50
"""
USAGE = b"""[[usage]]
date = 2026-10-01
region = "us-east-1"
usage_type = "USE1-NovaLite-input-tokens"
quantity = 5000
unit = "1K tokens"

[[usage]]
date = 2024-05-01
region = "ap-northeast-1"
service = "bedrock"
provider = "Anthropic"
model = "Claude Instant"
capability = "provisioned_throughput"
commitment = "1 month"
model_units = 2
hours = 744
"""
BY_HAND = {
    "card": (CARD, lambda path: rates.read_cards([path.parent])),
    "contract": ((REPOSITORY / "fixtures/demo/contract.toml").read_bytes(), contract.read),
    "acknowledged": (ACKNOWLEDGED, acknowledged.read),
    "usage": (USAGE, usage_file.read),
}


@pytest.mark.parametrize("kind", BY_HAND)
def test_a_damaged_file_written_by_hand_is_refused_or_read(tmp_path, kind):
    good, read = BY_HAND[kind]
    path = tmp_path / f"{kind}.toml"
    assert refused_or_read(read, path, good, "good") is not None
    for number in numbers():
        data = mutant(seeded(kind, number), good, toml_changed)
        refused_or_read(read, path, data, number)


# --- bombs: little on disk, much when it is unpacked


def packed(path, *pieces):
    with gzip.open(path, "wb", compresslevel=6) as file:
        for piece, times in pieces:
            for _ in range(times):
                file.write(piece)
    return path


def good_csv(folder):
    return bills.write_csv(folder / "good.csv", [bills.line()]).read_bytes()


MEGABYTE = b"x" * (1 << 20)
# What follows a good line, as (bytes, times); what is said of it.
BOMBS = {
    "a last line that fits no buffer": ([(MEGABYTE, 40), (b",2", 1)], "has no end within 16 MiB"),
    "a quote that is never closed": (
        [(b'"' + MEGABYTE + b"\n", 1), (MEGABYTE + b"\n", 120)],
        "row 3",
    ),
}


def dense_parquet(path, kind):
    """A Parquet file of a few kilobytes with a text of megabytes, once or in every row."""
    table = aws.cur2_table(aws.bill()[:1])
    rows, large = 50_000, pa.array(["x" * (4 << 20)])
    words = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), large)
    one = pa.array([0] * rows)
    if kind == "a cell of a hundred megabytes":
        columns = {name: table.column(name) for name in table.column_names}
        columns["line_item_line_item_description"] = pa.array(["x" * (100 << 20)])
        how = {"use_dictionary": False}
    else:
        columns = {name: table.column(name).combine_chunks().take(one) for name in
                   table.column_names}  # fmt: skip
        how = {"dictionary_pagesize_limit": 1 << 30}
        if kind == "one text in every row":
            columns["line_item_line_item_description"] = words
        else:
            keys, ends = pa.array(["k"] * rows), pa.array(range(rows + 1), pa.int32())
            columns["resource_tags"] = pa.MapArray.from_arrays(ends, keys, words)
    pq.write_table(pa.table(columns), path, compression="zstd", write_statistics=False, **how)
    return path


@pytest.mark.parametrize(
    "kind", ["a cell of a hundred megabytes", "one text in every row", "one tag in every row"]
)
def test_a_dense_parquet_file_is_refused_within_little_memory(tmp_path, kind):
    path = dense_parquet(tmp_path / "bomb.parquet", kind)
    assert path.stat().st_size < 100_000
    status, said, megabytes = peak_of(["ingest", path], tmp_path)
    assert (status, said.startswith(f"curecon: {path}: column ")) == (2, True), said
    assert "packed so densely" in said
    assert megabytes < 900
    assert not (tmp_path / "curecon.duckdb").exists()


@pytest.mark.parametrize(
    ("cell", "is_read"),
    [
        ('{"a":' * 100_000 + "1" + "}" * 100_000, True),  # one tag whose value is a long text
        ("[" * 1_000_000, False),
        ("{" * 1_000_000, False),
        ('{"a":' * 100_000, False),
    ],
    ids=["an object", "lists", "braces", "no end"],
)
def test_deep_json_in_a_cell_is_a_text_or_refused_by_its_row(tmp_path, cell, is_read):
    rows = aws.cur2_rows(aws.bill()[:2])
    rows[1]["resource_tags"] = cell
    path = aws.write_csv(tmp_path / "deep.csv", rows)
    found = refused_or_read(read_total, path, path.read_bytes(), cell[:9])
    assert (found is not None) == is_read
    if not is_read:
        with pytest.raises(CureconError, match="row 3, column resource_tags"):
            read_total(path)


# The peak of its own memory: what the system counts for a child begins with that of its parent.
MEASURED = """
import re, sys
from curecon import cli
status = cli.run(sys.argv[1:])
with open("/proc/self/status", encoding="ascii") as file, open("peak", "w") as told:
    told.write(re.search(r"VmHWM:\\s+(\\d+) kB", file.read())[1])
sys.exit(status)
"""


def peak_of(arguments, folder):
    """Run the command line; return its status, what it said, and the megabytes that it took."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory a process took")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr, int((folder / "peak").read_text("ascii")) // 1024


@pytest.mark.parametrize("kind", BOMBS)
def test_a_packed_bomb_is_refused_within_little_memory(tmp_path, kind):
    pieces, says = BOMBS[kind]
    path = packed(tmp_path / "bomb.csv.gz", (good_csv(tmp_path), 1), *pieces)
    assert path.stat().st_size < 200_000
    status, said, megabytes = peak_of(["ingest", path], tmp_path)
    assert (status, said.startswith(f"curecon: {path}: ")) == (2, True), said
    assert says in said
    assert megabytes < 900
    assert not (tmp_path / "curecon.duckdb").exists()
