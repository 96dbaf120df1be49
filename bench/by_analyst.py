"""What an analyst would write by hand: three queries of DuckDB on the Parquet files, no ledger.

It answers three questions of an audit, each from the files again: what was billed, what is billed
twice, and what differs from the price list. It decodes, proves and explains nothing.

    python bench/by_analyst.py bench/data/cur2_10m
"""

import json
import sys
import time
from pathlib import Path

import duckdb

from floor import create_prices, plain

IN_SCOPE = """
    regexp_matches(concat_ws(' ', line_item_product_code, product['product_name'],
        line_item_resource_id), 'bedrock|sagemaker', 'i')
"""
QUERIES = {
    "billed": """
        SELECT line_item_product_code, line_item_usage_account_id, count(*) AS lines,
            sum(CAST(line_item_unblended_cost AS DECIMAL(22, 10))) AS billed
        FROM bill GROUP BY ALL ORDER BY billed DESC
    """,
    "twice": """
        SELECT count(*) FROM (
            SELECT identity_line_item_id, identity_time_interval FROM bill WHERE {scope}
            GROUP BY ALL HAVING count(*) > 1)
    """,
    "differs": """
        SELECT bill.line_item_usage_type, count(*) AS lines,
            sum(CAST(line_item_unblended_cost AS DECIMAL(22, 10))) AS billed,
            sum(round(CAST(line_item_usage_amount AS DECIMAL(22, 10)) * price, 10)) AS expected
        FROM bill JOIN prices
            ON prices.line_item_usage_type = bill.line_item_usage_type
            AND prices.product_region_code = bill.product_region_code
            AND prices.product_name = bill.product['product_name']
        WHERE {scope}
            AND abs(CAST(line_item_unblended_cost AS DECIMAL(22, 10))
                - round(CAST(line_item_usage_amount AS DECIMAL(22, 10)) * price, 10))
                > 0.000000001
        GROUP BY ALL ORDER BY billed DESC
    """,
}


def main() -> int:
    folder = Path(sys.argv[1])
    con = duckdb.connect()
    con.execute("SET threads = 2; SET memory_limit = '1GB'")
    files = folder / "*" / "data" / "*" / "*.parquet"
    con.execute(
        f"CREATE VIEW bill AS FROM read_parquet('{files}', hive_partitioning = false)",
    )
    create_prices(con, folder / "price_list.jsonl")
    seconds, rows = {}, {}
    for name, query in QUERIES.items():
        start = time.perf_counter()
        rows[name] = plain(len(con.execute(query.format(scope=IN_SCOPE)).fetchall()))
        seconds[name] = round(time.perf_counter() - start, 3)
    print(json.dumps({"seconds": seconds, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
