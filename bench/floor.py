"""The unavoidable work of an audit in bare DuckDB: the floor that curecon's time is divided by.

For Parquet: read the needed columns of the in-scope lines, write them zstd-compressed, find lines
billed twice, join the rates, compare. For CSV: count the lines. Prints what it took as JSON.

    python bench/floor.py bench/data/cur2_10m
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

SCOPE = """
    line_item_product_code IN ('AmazonBedrock', 'AmazonBedrockService',
        'AmazonBedrockFoundationModels', 'AmazonBedrockAgentCore', 'AmazonSageMaker',
        'MachineLearningSavingsPlans')
    OR line_item_product_code ILIKE '%bedrock%' OR line_item_product_code ILIKE '%sagemaker%'
    OR product_servicecode ILIKE '%bedrock%' OR product_servicecode ILIKE '%sagemaker%'
    OR product['product_name'] ILIKE '%bedrock%' OR product['product_name'] ILIKE '%sagemaker%'
    OR line_item_resource_id ILIKE '%bedrock%' OR line_item_resource_id ILIKE '%sagemaker%'
"""

# What no audit can do without: who, when, what, how much, at which price.
NEEDED = """
    identity_line_item_id, identity_time_interval, bill_billing_entity, bill_invoice_id,
    bill_payer_account_id, line_item_currency_code, line_item_line_item_type, line_item_operation,
    line_item_product_code, line_item_resource_id, line_item_usage_account_id,
    line_item_usage_start_date, line_item_usage_end_date, line_item_usage_type, pricing_rate_code,
    pricing_unit, product_region_code, product_sku, product['product_name'] AS product_name,
    line_item_usage_amount::DECIMAL(22, 10) AS quantity,
    line_item_unblended_rate::DECIMAL(15, 10) AS rate,
    line_item_unblended_cost::DECIMAL(22, 10) AS billed
"""

READ_AND_WRITE = """
COPY (SELECT {needed} FROM read_parquet('{bill}', hive_partitioning = false) WHERE {scope})
TO '{lines}' (FORMAT parquet, COMPRESSION zstd)
"""

DUPLICATES = """
CREATE TABLE duplicates AS
SELECT identity_line_item_id, identity_time_interval, count(*) AS times
FROM '{lines}' GROUP BY 1, 2 HAVING count(*) > 1
"""

KEYS = """
CREATE TABLE key_rates AS
SELECT k.*, p.price
FROM (SELECT DISTINCT product_name, line_item_usage_type, product_region_code FROM '{lines}') AS k
LEFT JOIN prices AS p USING (product_name, line_item_usage_type, product_region_code)
"""

COMPARE = """
SELECT count(*) AS lines,
    count(*) FILTER (price IS NULL) AS unpriced,
    count(*) FILTER (abs(billed - expected) > 1e-9) AS differing,
    sum(billed) AS billed,
    sum(expected) AS expected
FROM (
    SELECT price, billed, round(quantity * price, 10)::DECIMAL(22, 10) AS expected
    FROM '{lines}'
    LEFT JOIN key_rates USING (product_name, line_item_usage_type, product_region_code)
)
"""


class Stopwatch:
    """Wall seconds of named steps."""

    def __init__(self) -> None:
        """Start with no step."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what the with block does."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def main() -> int:
    options = parsed_options()
    csv_files = sorted(options.folder.glob("*/data/*/*.csv.gz"))
    watch = Stopwatch()
    # On the disk of the bill, as a ledger would be, not in a memory file system.
    with tempfile.TemporaryDirectory(dir=options.folder.parent) as scratch:
        con = duckdb.connect()
        con.execute(f"SET threads = {options.threads}")
        con.execute(f"SET memory_limit = '{options.memory_limit}'")
        con.execute(f"SET temp_directory = '{scratch}'")
        if csv_files:
            result = count_csv(con, csv_files, watch)
        else:
            result = audit_parquet(con, options.folder, Path(scratch), watch)
    print(json.dumps({"seconds": watch.seconds, "peak_rss_mb": peak_rss_mb(), **result}))
    return 0


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder that generate.py wrote")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="1GB")
    return parser.parse_args()


def count_csv(
    con: duckdb.DuckDBPyConnection, files: list[Path], watch: Stopwatch
) -> dict[str, object]:
    with watch.step("count"):
        names = [str(file) for file in files]
        query = "SELECT count(*) FROM read_csv(?, header = true, all_varchar = true)"
        (lines,) = con.execute(query, [names]).fetchall()[0]
    return {"lines": lines}


def audit_parquet(
    con: duckdb.DuckDBPyConnection, folder: Path, scratch: Path, watch: Stopwatch
) -> dict[str, object]:
    names = {
        "bill": folder / "*" / "data" / "*" / "*.parquet",
        "lines": scratch / "lines.parquet",
        "needed": NEEDED,
        "scope": SCOPE,
    }
    with watch.step("read and write"):
        con.execute(READ_AND_WRITE.format(**names))
    with watch.step("duplicates"):
        con.execute(DUPLICATES.format(**names))
    with watch.step("rates"):
        create_prices(con, folder / "price_list.jsonl")
        con.execute(KEYS.format(**names))
    with watch.step("compare"):
        values = con.execute(COMPARE.format(**names)).fetchall()[0]
    (duplicates,) = con.execute("SELECT sum(times - 1) FROM duplicates").fetchall()[0]
    titles = ["lines", "unpriced", "differing", "billed", "expected"]
    return {
        **{t: plain(v) for t, v in zip(titles, values, strict=True)},
        "twice": plain(duplicates),
    }


def create_prices(con: duckdb.DuckDBPyConnection, price_list: Path) -> None:
    con.execute(
        "CREATE TABLE prices (product_name VARCHAR, line_item_usage_type VARCHAR,"
        " product_region_code VARCHAR, price DECIMAL(15, 10))"
    )
    with price_list.open() as stream:
        rows = [price_row(json.loads(line)) for line in stream]
    con.executemany("INSERT INTO prices VALUES (?, ?, ?, ?)", rows)


def price_row(item: dict[str, dict[str, dict[str, dict[str, dict]]]]) -> list[str]:
    attributes = item["product"]["attributes"]
    (term,) = item["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    names = ("servicename", "usagetype", "regionCode")
    return [*(str(attributes[name]) for name in names), dimension["pricePerUnit"]["USD"]]


def plain(value: object) -> int | str:
    """An integer as it is; a decimal as text, because JSON's numbers are doubles."""
    return value if isinstance(value, int) else str(value)


def peak_rss_mb() -> int | None:
    """The most memory that this process held; rusage would count the parent's before exec."""
    status = Path(f"/proc/{os.getpid()}/status")
    if not status.exists():
        return None
    (kib,) = [row.split()[1] for row in status.read_text().splitlines() if row.startswith("VmHWM")]
    return int(kib) // 1024


if __name__ == "__main__":
    sys.exit(main())
