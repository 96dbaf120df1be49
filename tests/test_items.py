"""Every published item that a source quotes prices a charge that is made of its own words."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

import bills
import curecon

ITEMS = Path(__file__).parents[1] / "fixtures" / "price_lists" / "items.csv"


def items():
    """The items with one price at a time: tiers are told by their first."""
    with ITEMS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["tier_from"] in ("", "0")]


def get_products(row):
    return json.loads(
        bills.price_item(
            row["usage_type"], row["usd"], row["unit"], region=row["region"],
            operation=row["operation"], service_code=row["offer"],
            service_name=row["service_name"] or row["offer"],
            sku=f"SKU{number_of(row)}",
        )
    )  # fmt: skip


def number_of(row):
    return int.from_bytes("|".join(row.values()).encode(), "big") % (10**12 + 39)


def bulk(documents):
    """The same items as an offer file, by offer and region."""
    files = {}
    for one in documents:
        sku, place = one["product"]["sku"], one["product"]["attributes"]["regionCode"]
        offer = files.setdefault(
            (one["serviceCode"], place),
            {
                "offerCode": one["serviceCode"], "version": one["version"],
                "publicationDate": one["publicationDate"], "products": {},
                "terms": {"OnDemand": {}},
            },
        )  # fmt: skip
        offer["products"][sku] = one["product"]
        offer["terms"]["OnDemand"][sku] = one["terms"]["OnDemand"]
    return files


def usage(row):
    marketplace = f'product_name = "{row["service_name"]}"\n' if row["service_name"] else ""
    return (
        f'[[usage]]\ndate = 2026-10-05\nregion = "{row["region"]}"\n'
        f'usage_type = "{row["usage_type"]}"\nunit = "{row["unit"]}"\nquantity = 3\n{marketplace}'
        + (f'operation = "{row["operation"]}"\n' if row["operation"] else "")
    )


@pytest.mark.parametrize("shape", ["items", "bulk"])
def test_every_item_prices_a_charge_of_its_own_words(shape, tmp_path):
    rows = items()
    documents = [get_products(row) for row in rows]
    listed = tmp_path / "listed"
    listed.mkdir()
    if shape == "items":
        (listed / "items.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    else:
        for (offer, region), file in bulk(documents).items():
            (listed / f"{offer}-{region}.json").write_text(json.dumps(file), "utf-8")
    path = tmp_path / "usage.toml"
    path.write_text("\n".join(map(usage, rows)), "utf-8")
    options = curecon.Options(price_lists=[listed])
    priced = curecon.price(path, options).lines
    for row, line in zip(rows, priced, strict=True):
        if "-MP:" in row["usage_type"] and not row["service_name"]:
            # One usage type serves many models, and the source leaves out which one it was.
            assert line.reason.startswith("Nothing names the model"), row
        elif len(prices_of(row, rows)) > 1:
            assert line.expected is None, row
        else:
            assert line.expected == 3 * Decimal(row["usd"]), (row, line.reason)


def prices_of(row, rows):
    """The prices published for the very words of a row."""
    words = ("usage_type", "service_name", "operation")
    return {Decimal(one["usd"]) for one in rows if all(one[n] == row[n] for n in words)}


def test_without_the_items_each_charge_has_a_card_or_a_reason(tmp_path):
    rows = items()
    path = tmp_path / "usage.toml"
    path.write_text("\n".join(map(usage, rows)), "utf-8")
    lines = curecon.price(path, curecon.Options()).lines
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        assert (line.expected is None) == bool(line.reason), row
        assert line.expected is None or line.rate.source_kind == "card", row
