"""A straightforward pandas script that does the heart of the audit, for comparison.

It reads the columns needed, keeps what is in scope, finds duplicates, joins prices and compares, in
binary floating point as such scripts do. It needs pandas, which curecon does not:
bench/requirements.lock pins it.

    bench/.venv/bin/python bench/with_pandas.py bench/data/cur2_10m
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd

COLUMNS = [
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_usage_type",
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "product",
    "product_region_code",
]
WORDS = "bedrock|sagemaker"
NEAR = 1e-9


def main() -> int:
    folder = Path(sys.argv[1])
    start = time.perf_counter()
    parts = []
    for file in sorted(folder.glob("*/data/*/*.parquet")):
        part = pd.read_parquet(file, columns=COLUMNS)
        part["product_name"] = [dict(pairs).get("product_name") for pairs in part["product"]]
        part = part.drop(columns="product")
        named = part["line_item_product_code"].str.contains(WORDS, case=False, na=False)
        for column in ("product_name", "line_item_resource_id"):
            named |= part[column].str.contains(WORDS, case=False, na=False)
        parts.append(part[named])
    lines = pd.concat(parts)
    identity = ["identity_line_item_id", "identity_time_interval"]
    twice = int(lines.duplicated(identity).sum())
    merged = lines.merge(prices(folder / "price_list.jsonl"), how="left")
    expected = (merged["line_item_usage_amount"] * merged["price"]).round(10)
    differing = int(((merged["line_item_unblended_cost"] - expected).abs() > NEAR).sum())
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - start, 3),
                "lines": len(lines),
                "twice": twice,
                "differing": differing,
            }
        )
    )
    return 0


def prices(path: Path) -> pd.DataFrame:
    rows = []
    for text in path.read_text("utf-8").splitlines():
        item = json.loads(text)
        attributes = item["product"]["attributes"]
        (term,) = item["terms"]["OnDemand"].values()
        (dimension,) = term["priceDimensions"].values()
        rows.append(
            {
                "product_name": attributes["servicename"],
                "line_item_usage_type": attributes["usagetype"],
                "product_region_code": attributes["regionCode"],
                "price": float(dimension["pricePerUnit"]["USD"]),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    sys.exit(main())
