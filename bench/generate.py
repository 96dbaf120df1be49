"""Write a CUR 2.0 bill of any size, with the price list that explains it.

A bill is made of series: one charge of one account and resource over a week of hours. Which charge
a series has follows from its number alone, and the lines stand in the order of a permutation, so
files can be written one after the other in bounded memory and a seed always gives the same bill.

    python bench/generate.py --lines 10000000 --out bench/data/cur2_10m
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

from catalogue import REGIONS, TEN_DIGITS, Charge, in_scope_charges, other_charges

PERIOD = "2026-10"
EXPORT = "bill"
HOURS_OF_THE_MONTH = 744
HOURS_OF_A_SERIES = 168
ACCOUNTS = 10
LINES_OF_A_FILE = 1_000_000
FEWEST_FILES = 4
PUBLISHED = "2026-09-30T22:55:50Z"

# Seven series in fifty are in scope: 14 %.
SERIES_OF_A_CYCLE, IN_SCOPE_OF_A_CYCLE = 50, 7
# Of a hundred in-scope series one has eight of its 168 hours billed twice and another has eight at
# a wrong rate. Together that is one line in a thousand, and in clusters, as real errors come.
SERIES_PER_ERROR = 100

# The order of the columns is alphabetical, as the console exports them.
SELECTED = """
SELECT
    'Anniversary' AS bill_bill_type,
    s.entity AS bill_billing_entity,
    TIMESTAMP '2026-11-01'::TIMESTAMP_MS AS bill_billing_period_end_date,
    TIMESTAMP '2026-10-01'::TIMESTAMP_MS AS bill_billing_period_start_date,
    s.invoice AS bill_invoice_id,
    'Amazon Web Services, Inc.' AS bill_invoicing_entity,
    '999900000001' AS bill_payer_account_id,
    s.cost_category,
    s.discount,
    s.line_item_id AS identity_line_item_id,
    h.time_interval AS identity_time_interval,
    s.zone AS line_item_availability_zone,
    l.cost10 / 1e10 AS line_item_blended_cost,
    l.rate AS line_item_blended_rate,
    'USD' AS line_item_currency_code,
    'Amazon Web Services, Inc.' AS line_item_legal_entity,
    s.description AS line_item_line_item_description,
    s.line_type AS line_item_line_item_type,
    s.operation AS line_item_operation,
    s.product_code AS line_item_product_code,
    s.resource_id AS line_item_resource_id,
    '' AS line_item_tax_type,
    l.cost10 / 1e10 AS line_item_unblended_cost,
    l.rate AS line_item_unblended_rate,
    s.account AS line_item_usage_account_id,
    s.account_name AS line_item_usage_account_name,
    l.quantity10 / 1e10 AS line_item_usage_amount,
    h.ends AS line_item_usage_end_date,
    h.starts AS line_item_usage_start_date,
    s.usage_type AS line_item_usage_type,
    CASE WHEN s.public_rate = '' THEN 0 ELSE l.public_cost10 / 1e10 END
        AS pricing_public_on_demand_cost,
    s.public_rate AS pricing_public_on_demand_rate,
    s.rate_code AS pricing_rate_code,
    'OnDemand' AS pricing_term,
    s.unit AS pricing_unit,
    s.product,
    s.family AS product_product_family,
    s.region AS product_region_code,
    s.service_code AS product_servicecode,
    s.sku AS product_sku,
    s.reservation AS reservation_reservation_a_r_n,
    s.resource_tags,
    '' AS savings_plan_savings_plan_a_r_n,
    0::DOUBLE AS savings_plan_savings_plan_effective_cost,
    0::DOUBLE AS savings_plan_savings_plan_rate
FROM amounts AS l
JOIN series AS s USING (series)
JOIN hours AS h ON h.hour = l.hour
"""

# A quantity and a rate are counted in steps of ten decimals, so their product is exact before it is
# rounded, and the division by 1e10 gives the double nearest to the decimal.
AMOUNTS = """
WITH places AS (
    SELECT ((n * $stride + $seed) % $lines) // $hours AS series,
           (((n * $stride + $seed) % $lines) % $hours)::INTEGER AS place
    FROM range($first, $last) AS numbers(n)
),
chosen AS (
    SELECT series, s.first_hour, s.has_wrong_rates, s.steps, s.most, s.spread, s.rate10,
           s.rate, s.wrong_rate,
           CASE WHEN s.has_duplicates AND place < 16 THEN place - place % 2 ELSE place END AS place
    FROM places JOIN series AS s USING (series)
),
counted AS (
    SELECT *, has_wrong_rates AND place BETWEEN 100 AND 107 AS is_wrong,
        (1 + least(hash(series, place, $seed) % spread, most - 1))::BIGINT * 10000000000 // steps
            AS quantity10
    FROM chosen
),
amounts AS (
    SELECT series, first_hour + place AS hour, quantity10,
        CASE WHEN is_wrong THEN wrong_rate ELSE rate END AS rate,
        ((quantity10::HUGEINT * rate10 + 5000000000) // 10000000000)::BIGINT AS public_cost10,
        CASE WHEN is_wrong THEN
            ((quantity10::HUGEINT * (rate10 * 11 // 10) + 5000000000) // 10000000000)::BIGINT
        ELSE public_cost10 END AS cost10
    FROM counted
)
"""

SERIES = """
CREATE TABLE series AS
WITH numbered AS (
    SELECT series,
        series % $cycle < $in_scope_of_cycle AS in_scope,
        (series // $cycle) * $in_scope_of_cycle + series % $cycle AS in_scope_number,
        hash(series, $seed, 'account') % $accounts AS account_number,
        sha256(concat_ws(' ', $seed, series)) AS digest
    FROM range($count) AS numbers(series)
),
placed AS (
    SELECT *,
        format('1111000000{:02d}', account_number) AS account,
        CASE WHEN in_scope THEN in_scope_number % $in_scope_charges
             ELSE $in_scope_charges + hash(series, $seed, 'charge') % $other_charges
        END::BIGINT AS charge
    FROM numbered
)
SELECT p.series, p.account, c.* EXCLUDE (charge, resource, attributes, description),
    -- Each text makes another charge key of the same charge.
    c.description || CASE WHEN $texts > 1 THEN concat(' #', p.series % $texts) ELSE '' END
        AS description,
    concat('account-', p.account_number) AS account_name,
    (hash(p.series, $seed, 'start') % ($month - $hours + 1))::INTEGER AS first_hour,
    p.in_scope AND p.in_scope_number % $per_error = 7 AS has_duplicates,
    p.in_scope AND p.in_scope_number % $per_error = ($per_error // 2 + 7) % $per_error
        AS has_wrong_rates,
    -- Lower-case letters and the digits 2 to 7, as AWS writes them.
    translate(p.digest[:52], '0189', 'wxyz') AS line_item_id,
    replace(replace(replace(c.resource, '{region}', c.region), '{account}', p.account),
        '{id}', p.digest[-17:]) AS resource_id,
    CASE WHEN c.resource LIKE 'i-%' THEN concat(c.region, 'a') ELSE '' END AS zone,
    CASE WHEN c.entity = 'AWS' THEN '2026110001' ELSE '2026110002' END AS invoice,
    CASE WHEN c.line_type = 'DiscountedUsage'
         THEN concat('arn:aws:ec2:', c.region, ':', p.account, ':reserved-instances/r-1')
         ELSE '' END AS reservation,
    map_concat(
        MAP {'product_name': c.product_name, 'servicename': c.product_name, 'region': c.region},
        c.attributes) AS product,
    CASE WHEN hash(p.series, 'tagged') % 5 < 3
         THEN MAP {'user_team': concat('team-', p.account_number),
                   'user_environment': ['prod', 'staging', 'dev'][1 + p.series % 3],
                   'user_workload': concat('workload-', hash(p.series, 'load') % 40)}
         ELSE MAP([]::VARCHAR[], []::VARCHAR[]) END AS resource_tags,
    MAP {'CostCenter': concat('cc-', 100 + p.account_number % 4)} AS cost_category,
    MAP([]::VARCHAR[], []::DOUBLE[]) AS discount
FROM placed AS p JOIN charges AS c ON c.charge = p.charge
"""

HOURS = """
CREATE TABLE hours AS
SELECT hour::INTEGER AS hour,
    (TIMESTAMP '2026-10-01' + to_hours(hour))::TIMESTAMP_MS AS starts,
    (TIMESTAMP '2026-10-01' + to_hours(hour + 1))::TIMESTAMP_MS AS ends,
    concat(strftime(starts, '%Y-%m-%dT%H:%M:%SZ'), '/', strftime(ends, '%Y-%m-%dT%H:%M:%SZ'))
        AS time_interval
FROM range($month) AS numbers(hour)
"""

# Java, which writes AWS's reports, goes to exponents below a thousandth and from ten million.
JAVA_TEXT = """
CREATE MACRO java_text(x) AS CASE
    WHEN x = 0 THEN '0.0'
    WHEN abs(x) >= 1e7 THEN error('a number that Java would write with an exponent')
    WHEN abs(x) >= 1e-3 THEN x::VARCHAR
    WHEN abs(x) >= 1e-4 THEN concat(
        (x::VARCHAR)[6:6], '.', coalesce(nullif((x::VARCHAR)[7:], ''), '0'), 'E-4')
    ELSE concat(
        split_part(x::VARCHAR, 'e', 1), CASE WHEN x::VARCHAR LIKE '%.%' THEN '' ELSE '.0' END,
        'E', split_part(x::VARCHAR, 'e', 2)::INTEGER)
END
"""

MEMORY = "2GB"


def main() -> int:
    options = parsed_options()
    if options.out.exists():
        print(f"{options.out} exists; remove it to generate it anew", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    # An interrupted run must not leave half a bill behind that looks whole.
    half = Path(tempfile.mkdtemp(prefix=f".{options.out.name}-", dir=options.out.parent))
    try:
        write_everything(half, options)
        half.chmod(0o755)
        half.replace(options.out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return 0


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--lines", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--errors-per",
        type=int,
        default=SERIES_PER_ERROR,
        help="one series in so many has errors of each kind: 100 is one line in a thousand",
    )
    parser.add_argument("--texts", type=int, default=1, help="descriptions of each charge")
    return parser.parse_args()


def write_everything(folder: Path, options: argparse.Namespace) -> None:
    lines, seed = options.lines, options.seed
    charges = in_scope_charges() + other_charges()
    con = duckdb.connect()
    con.execute(f"SET threads = 2; SET memory_limit = '{MEMORY}'")
    con.execute(f"SET temp_directory = '{folder / 'spill'}'")
    con.execute(JAVA_TEXT)
    create_dimensions(con, charges, options)
    data = folder / EXPORT / "data" / f"BILLING_PERIOD={PERIOD}"
    data.mkdir(parents=True)
    if options.format == "csv":
        files = write_csv(con, data, lines, seed)
    else:
        files = write_parquet(con, data, lines, seed)
    columns = con.execute(f"DESCRIBE {lines_query(lines, seed, 0, 1)}").fetchall()
    write_manifest(folder, files, [(name, kind) for name, kind, *_ in columns])
    write_price_list(folder / "price_list.jsonl", [c for c in charges if c.in_scope])
    con.close()
    shutil.rmtree(folder / "spill", ignore_errors=True)


def create_dimensions(
    con: duckdb.DuckDBPyConnection, charges: list[Charge], options: argparse.Namespace
) -> None:
    lines = options.lines
    con.register("charge_rows", pa.Table.from_pylist([row(c, n) for n, c in enumerate(charges)]))
    con.execute(
        "CREATE TABLE charges AS SELECT * REPLACE (map_from_entries(attributes) AS attributes)"
        " FROM charge_rows"
    )
    con.execute(HOURS, {"month": HOURS_OF_THE_MONTH})
    con.execute(
        SERIES,
        {
            "seed": options.seed,
            "count": -(-lines // HOURS_OF_A_SERIES),
            "cycle": SERIES_OF_A_CYCLE,
            "in_scope_of_cycle": IN_SCOPE_OF_A_CYCLE,
            "accounts": ACCOUNTS,
            "in_scope_charges": sum(c.in_scope for c in charges),
            "other_charges": sum(not c.in_scope for c in charges),
            "month": HOURS_OF_THE_MONTH,
            "hours": HOURS_OF_A_SERIES,
            "per_error": options.errors_per,
            "texts": options.texts,
        },
    )


def row(charge: Charge, number: int) -> dict[str, object]:
    """The charge as a row of the table `charges`."""
    rate10 = int(charge.rate * TEN_DIGITS)
    rate = f"{charge.rate:.10f}"
    hidden = charge.on_marketplace
    names = "product_code product_name service_code family region usage_type operation unit"
    return {
        "charge": number,
        **{name: getattr(charge, name) for name in names.split()},
        "description": charge.description,
        "resource": charge.resource,
        "line_type": charge.line_type,
        "entity": charge.entity,
        "steps": charge.steps,
        "most": charge.most,
        # Machines mostly run the whole hour: nine draws in ten exceed it and are cut to it.
        "spread": charge.most * 10 if charge.unit == "Hrs" else charge.most,
        "rate": rate,
        "rate10": rate10,
        "wrong_rate": f"{rate10 * 11 // 10 / TEN_DIGITS:.10f}",
        "public_rate": "" if hidden else rate,
        "rate_code": "" if hidden else charge.rate_code,
        "sku": "" if hidden else charge.sku,
        "attributes": [{"key": k, "value": v} for k, v in charge.attributes.items()],
    }


def lines_query(lines: int, seed: int, first: int, last: int) -> str:
    """The SELECT of the lines that stand at `first` up to `last` in the bill's order."""
    values = {
        "stride": stride(lines),
        "seed": seed,
        "lines": lines,
        "hours": HOURS_OF_A_SERIES,
        "first": first,
        "last": last,
    }
    query = AMOUNTS + SELECTED
    # COPY takes no parameters, and these are numbers of our own.
    for name in sorted(values, key=len, reverse=True):
        query = query.replace(f"${name}", str(values[name]))
    return query


def stride(lines: int) -> int:
    """A step coprime to the number of lines, so that stepping visits every line once."""
    step = max(1, int(lines * 0.6180339887))
    while math.gcd(step, lines) != 1:
        step += 1
    return step


def write_parquet(con: duckdb.DuckDBPyConnection, data: Path, lines: int, seed: int) -> list[Path]:
    size = max(1, min(LINES_OF_A_FILE, -(-lines // FEWEST_FILES)))
    files = []
    for number, first in enumerate(range(0, lines, size), start=1):
        file = data / f"{EXPORT}-{number:05d}.snappy.parquet"
        query = lines_query(lines, seed, first, min(first + size, lines))
        con.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION snappy)")
        files.append(file)
        print(f"{min(first + size, lines):,} of {lines:,} lines", file=sys.stderr)
    return files


def write_csv(con: duckdb.DuckDBPyConnection, data: Path, lines: int, seed: int) -> list[Path]:
    query = lines_query(lines, seed, 0, lines)
    cells = ", ".join(
        f"{csv_cell(name, kind)} AS {name}"
        for name, kind, *_ in con.execute(f"DESCRIBE {query}").fetchall()
    )
    file = data / f"{EXPORT}-00001.csv.gz"
    con.execute(
        f"COPY (SELECT {cells} FROM ({query})) TO '{file}' (FORMAT csv, HEADER, COMPRESSION gzip)"
    )
    return [file]


def csv_cell(name: str, kind: str) -> str:
    """A column as the text that a CSV delivery has for it."""
    if kind.startswith("MAP"):
        return f"to_json({name})::VARCHAR"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.000Z')"
    return f"java_text({name})" if kind == "DOUBLE" else name


def write_manifest(folder: Path, files: list[Path], columns: list[tuple[str, str]]) -> None:
    kinds = {"VARCHAR": "string", "DOUBLE": "double", "TIMESTAMP_MS": "timestamp"}
    manifest = {
        "executionId": "5f0c6c1e-0000-4000-8000-000000000001",
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:999900000001:export/{EXPORT}-0001",
        "columns": [{"name": name, "type": kinds.get(kind, "map")} for name, kind in columns],
        "dataFiles": [f"s3://bench/cur/{file.relative_to(folder)}" for file in files],
        "additionalOutputFiles": [],
    }
    target = folder / EXPORT / "metadata" / f"BILLING_PERIOD={PERIOD}"
    target.mkdir(parents=True)
    (target / f"{EXPORT}-Manifest.json").write_text(json.dumps(manifest, indent=2))


def write_price_list(file: Path, charges: list[Charge]) -> None:
    """The items that `GetProducts` answers, one a line."""
    with file.open("w") as stream:
        for charge in charges:
            stream.write(json.dumps(price_list_item(charge)) + "\n")


def price_list_item(charge: Charge) -> dict[str, object]:
    offer = "AmazonBedrockFoundationModels" if charge.on_marketplace else charge.product_code
    term = f"{charge.sku}.JRTCKXETXF"
    dimension = {
        "unit": charge.listed_unit or charge.unit,
        "endRange": "Inf",
        "description": charge.description,
        "appliesTo": [],
        "rateCode": charge.rate_code,
        "beginRange": "0",
        "pricePerUnit": {"USD": f"{charge.rate:.10f}"},
    }
    return {
        "product": {
            "productFamily": charge.family,
            "attributes": listed_attributes(charge, offer),
            "sku": charge.sku,
        },
        "serviceCode": offer,
        "terms": {
            "OnDemand": {
                term: {
                    "priceDimensions": {charge.rate_code: dimension},
                    "sku": charge.sku,
                    "effectiveDate": "2026-09-01T00:00:00Z",
                    "offerTermCode": "JRTCKXETXF",
                    "termAttributes": {},
                }
            }
        },
        "version": "20260930225550",
        "publicationDate": PUBLISHED,
    }


def listed_attributes(charge: Charge, offer: str) -> dict[str, str]:
    attributes = {
        "regionCode": charge.region,
        "locationType": "AWS Region",
        "location": REGIONS[charge.region][1],
        "servicename": charge.product_name,
        "usagetype": charge.usage_type,
        "operation": charge.operation if charge.product_code == "AmazonSageMaker" else "",
    }
    # The Marketplace offer describes no model: its rows carry the six attributes above only.
    if charge.on_marketplace:
        return attributes
    attributes["servicecode"] = offer
    named = {"inference_type": "inferenceType", "instance_name": "instanceName"}
    return attributes | {named.get(k, k): v for k, v in charge.attributes.items()}


if __name__ == "__main__":
    sys.exit(main())
