"""Price lists of AWS: the shapes it publishes, when a price was in force, and what is refused.

The item is a real one (see fixtures/price_lists/README.md); everything else is built from it.
"""

import gzip
import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curecon.errors import RatesInvalid
from curecon.price_list import (
    SCHEMA,
    Skipped,
    files,
    load,
    price_list_sources,
    read_price_lists,
    skipped,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "price_lists"
REAL_ITEM = FIXTURES / "get_products_item.json"
PLANS = FIXTURES / "savings_plan_offer.json"
SKU = "3G679R3Y8YSQSJTA"
TERM = f"{SKU}.JRTCKXETXF"
RATE = f"{TERM}.6YS6EN2CT7"
TIER_2 = f"{TERM}.D42MF2PVJS"


def item(published="2025-06-18T22:55:50Z", *, price="0.0080000000", sku=SKU, **dimension):
    """The real item, with another date, price, SKU or other keys of its price dimension."""
    text = REAL_ITEM.read_text(encoding="utf-8").replace(SKU, sku)
    document = json.loads(text)
    document["publicationDate"] = published
    dimension_of(document).update({"pricePerUnit": {"USD": price}, **dimension})
    return document


def term_of(document):
    [term] = document["terms"]["OnDemand"].values()
    return term


def dimension_of(document):
    dimensions = term_of(document)["priceDimensions"]
    return dimensions[next(iter(dimensions))]


def in_region(document, region):
    document["product"]["attributes"]["regionCode"] = region
    return document


def bulk(published, *items):
    """The offer file that holds the items: products and terms by SKU."""
    skus = [each["product"]["sku"] for each in items]
    return {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": "AmazonBedrock",
        "version": "20250618225550",
        "publicationDate": published,
        "products": {sku: each["product"] for sku, each in zip(skus, items, strict=True)},
        "terms": {
            "OnDemand": {
                sku: each["terms"]["OnDemand"] for sku, each in zip(skus, items, strict=True)
            }
        },
    }


def read(folder, *documents):
    """Write each document to a file of its own and read the folder."""
    for number, document in enumerate(documents, start=1):
        (folder / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    return read_price_lists([folder])


def in_force(rates, day):
    """The prices at which usage of a day is judged by a snapshot that was published before."""
    usage = date.fromisoformat(day)
    rows = rates.filter(
        ~pl.col("later"),
        pl.col("starts") <= usage,
        pl.col("ends").is_null() | (pl.col("ends") > usage),
    )
    return [str(price) for price in rows["price"]]


def days(rates):
    """Each row's SKU, days, and price; `later` where it was published after those days."""
    return [
        (sku[:1], starts and str(starts), ends and str(ends), str(price.normalize()), later)
        for sku, starts, ends, price, later in rates.select(
            "sku", "starts", "ends", "price", "later"
        ).iter_rows()
    ]


# Shapes


def test_the_real_item_is_read_whole():
    later, rate = read_price_lists([REAL_ITEM]).to_dicts()
    assert rate == {
        "rate_id": f"price-list:2025-06-18:{RATE}:0",
        "source_kind": "price_list",
        "card": "get_products_item.json",
        "source": "AmazonBedrock 20250618225550, published 2025-06-18",
        "reference": f"{RATE}: $0.00800 per 1K tokens for Claude2.0-input-tokens "
        "inUS East (N. Virginia)",
        "sku": SKU,
        "rate_code": RATE,
        "usage_type": "USE1-Claude2.0-input-tokens",
        "operation": None,
        "service_code": "AmazonBedrock",
        "service_name": "Amazon Bedrock",
        "product_family": "Amazon Bedrock",
        "term": "OnDemand",
        "region": "us-east-1",
        "price": Decimal("0.008"),
        "unit": "1K tokens",
        "currency": "USD",
        "tier_from": Decimal(0),
        "tier_to": None,
        "starts": date(2025, 6, 18),
        "ends": None,
        "later": False,
        "checked": date(2025, 6, 18),
        "unconfirmed": False,
        "plan_sku": None,
        "plan_usage_type": None,
        "purchase_option": None,
        "purchase_term": None,
    }
    before = {"starts": None, "ends": date(2025, 6, 18), "later": True}
    assert later == {**rate, **before, "rate_id": f"{rate['rate_id']}:later"}


TWO = [item(), item(sku="ANOTHERSKU", price="0.024")]
SHAPES = {
    "one item after the other": json.dumps(TWO[0], indent=2) + json.dumps(TWO[1], indent=2),
    "one item a line": "\n".join(json.dumps(each) for each in TWO),
    "lines of strings": "\n".join(json.dumps(json.dumps(each)) for each in TWO),
    "a list": json.dumps(TWO),
    "a list of strings": json.dumps([json.dumps(each) for each in TWO]),
    "indented": json.dumps(TWO, indent=4),
    "with a byte order mark": "\ufeff" + json.dumps(TWO),
    "Windows line ends": "\r\n".join(json.dumps(each) for each in TWO) + "\r\n",
    "a page": json.dumps({"FormatVersion": "aws_v1", "PriceList": TWO, "NextToken": "x"}),
    "a page of strings": json.dumps({"PriceList": [json.dumps(each) for each in TWO]}),
    "pages": "\n".join(json.dumps({"PriceList": [json.dumps(each)]}, indent=1) for each in TWO),
    "a list of pages": json.dumps([{"PriceList": [each]} for each in TWO]),
    "a bulk offer": json.dumps(bulk("2025-06-18T22:55:50Z", *TWO)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(tmp_path, shape):
    plain, packed = tmp_path / "plain" / "list.json", tmp_path / "packed" / "list.json.gz"
    for file in (plain, packed):
        file.parent.mkdir()
    plain.write_bytes(SHAPES[shape].encode())
    packed.write_bytes(gzip.compress(SHAPES[shape].encode()))
    for file in (plain, packed):
        rates = read_price_lists([file])
        assert dict(rates.schema) == SCHEMA
        assert days(rates) == [
            ("3", None, "2025-06-18", "0.008", True),
            ("3", "2025-06-18", None, "0.008", False),
            ("A", None, "2025-06-18", "0.024", True),
            ("A", "2025-06-18", None, "0.024", False),
        ]


def test_an_operation_is_kept_and_a_missing_service_code_is_the_offer(tmp_path):
    document = item()
    document["product"]["attributes"]["operation"] = "RunInstance"
    del document["product"]["attributes"]["servicecode"]
    document["serviceCode"] = "AmazonBedrockFoundationModels"
    rates = read(tmp_path, document)
    assert set(rates["operation"]) == {"RunInstance"}
    assert set(rates["service_code"]) == {"AmazonBedrockFoundationModels"}


def test_a_folder_is_searched_and_indexes_and_other_files_are_passed_over(tmp_path):
    snapshot = tmp_path / "AmazonBedrock" / "20250618225550" / "us-east-1"
    snapshot.mkdir(parents=True)
    (snapshot / "index.json").write_text(json.dumps(bulk("2025-06-18T22:55:50Z", item())))
    (snapshot / ".index.json").write_text("an editor's")
    (snapshot / "notes.txt").write_text("a person's")
    (tmp_path / "index.json").write_text(json.dumps({"offers": {"AmazonBedrock": {}}}))
    (snapshot.parent / "region_index.json").write_text(json.dumps({"regions": {"eu-west-1": {}}}))
    (snapshot.parent.parent / "index.json").write_text(
        json.dumps({"offerCode": "AmazonBedrock", "currentVersion": "2", "versions": {"2": {}}})
    )
    (tmp_path / "plans.json").write_bytes(
        (FIXTURES / "savings_plan_region_index.json").read_bytes()
    )
    found = load([tmp_path])
    assert set(found.rates["card"]) == {"AmazonBedrock/20250618225550/us-east-1/index.json"}
    assert [source.name for source in found.sources] == [
        "AmazonBedrock/20250618225550/us-east-1/index.json"
    ]


def test_no_price_list_at_all_is_an_empty_frame_of_the_same_columns():
    rates = read_price_lists([])
    assert (rates.height, dict(rates.schema)) == (0, SCHEMA)


def test_sources_name_offers_digest_and_number_of_prices(tmp_path):
    file = tmp_path / "items.jsonl"
    lines = [item(), item("2025-07-18T00:00:00Z", sku="B"), item(sku="C", unit="")]
    file.write_text("\n".join(json.dumps(each) for each in lines))
    [source] = price_list_sources([file, tmp_path, file])
    assert source.name == "items.jsonl"
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert source.rates == 2
    assert source.source == (
        "AmazonBedrock 20250618225550, published 2025-06-18; "
        "AmazonBedrock 20250618225550, published 2025-07-18"
    )


@pytest.mark.parametrize(
    ("editions", "end"),
    [(5, "2025-06-05"), (6, "2025-06-05; and 1 more"), (8, "2025-06-05; and 3 more")],
)
def test_sources_of_many_editions_are_cut_short(tmp_path, editions, end):
    file = tmp_path / "items.json"
    file.write_text(json.dumps([item(f"2025-06-0{day}") for day in range(1, editions + 1)]))
    [source] = price_list_sources([file])
    assert source.source.endswith(end)


def test_a_page_without_items_is_a_source_of_no_prices_and_no_index(tmp_path):
    """The API answers so where a service sells nothing in a region."""
    file = tmp_path / "page.json"
    file.write_text(json.dumps({"PriceList": [], "FormatVersion": "aws_v1"}))
    [source] = price_list_sources([file])
    assert (source.name, source.source, source.rates) == ("page.json", "", 0)


# Tiers and currencies


def test_each_tier_is_a_row(tmp_path):
    document = item(endRange="1000000", beginRange="0")
    second = {**dimension_of(document), "rateCode": TIER_2}
    second |= {"beginRange": "1000000", "endRange": "Inf", "pricePerUnit": {"USD": "0.0060"}}
    term_of(document)["priceDimensions"][TIER_2] = second
    rates = read(tmp_path, document).filter(~pl.col("later"))
    assert rates.select("rate_id", "tier_from", "tier_to", "price").rows() == [
        (f"price-list:2025-06-18:{RATE}:0", Decimal(0), Decimal(1000000), Decimal("0.008")),
        (f"price-list:2025-06-18:{TIER_2}:1000000", Decimal(1000000), None, Decimal("0.006")),
    ]


def test_a_newer_snapshot_without_tiers_ends_every_tier(tmp_path):
    tiered = item(endRange="100")
    second = {**dimension_of(tiered), "rateCode": TIER_2, "beginRange": "100", "endRange": "Inf"}
    term_of(tiered)["priceDimensions"][TIER_2] = second
    rates = read(tmp_path, tiered, item("2025-08-01T00:00:00Z", price="0.007"))
    assert in_force(rates, "2025-07-31") == ["0.0080000000", "0.0080000000"]
    assert in_force(rates, "2025-08-01") == ["0.0070000000"]


def test_ranges_may_be_absent_or_numbers(tmp_path):
    rates = read(tmp_path, item(beginRange=None, endRange=0.5))
    assert set(rates.select("tier_from", "tier_to").rows()) == {(Decimal(0), Decimal("0.5"))}


def test_each_currency_is_a_row(tmp_path):
    rates = read(tmp_path, item(pricePerUnit={"CNY": "0.0560000000", "USD": "0.0080000000"}))
    assert rates.filter(~pl.col("later")).select("rate_id", "currency", "price").rows() == [
        (f"price-list:2025-06-18:{RATE}:0:CNY", "CNY", Decimal("0.056")),
        (f"price-list:2025-06-18:{RATE}:0", "USD", Decimal("0.008")),
    ]


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ('"0.0000000000"', "0"),
        ('"25.91001756"', "25.91001756"),
        ('"3.09e-08"', "0.0000000309"),
        ('"0.00800000000000000"', "0.008"),
        ("0.1", "0.1"),
        ("0.0000000001", "0.0000000001"),
        ("45", "45"),
        ('"99999.9999999999"', "99999.9999999999"),
    ],
)
def test_prices_are_exact(tmp_path, written, price):
    file = tmp_path / "item.json"
    file.write_text(json.dumps(item(price="HERE")).replace('"HERE"', written))
    assert set(read_price_lists([file])["price"]) == {Decimal(price)}


# When a price was in force


def test_one_snapshot_judges_the_time_before_it_only_as_later(tmp_path):
    rates = read(tmp_path, item("2025-06-18T22:55:50Z"))
    assert in_force(rates, "2025-06-17") == []
    assert in_force(rates, "2025-06-18") == ["0.0080000000"]
    assert in_force(rates, "2031-01-01") == ["0.0080000000"]
    assert days(rates.filter("later")) == [("3", None, "2025-06-18", "0.008", True)]


def test_a_snapshot_holds_until_the_day_of_the_next(tmp_path):
    rates = read(
        tmp_path,
        bulk("2025-07-10T08:00:00Z", item(price="0.007")),
        item("2025-06-18T22:55:50Z", price="0.008"),
        item("2025-09-01T00:00:00Z", price="0.006"),
    )
    assert days(rates) == [
        ("3", None, "2025-06-18", "0.008", True),
        ("3", "2025-06-18", "2025-07-10", "0.008", False),
        ("3", "2025-07-10", "2025-09-01", "0.007", False),
        ("3", "2025-09-01", None, "0.006", False),
    ]
    assert in_force(rates, "2025-07-09") == ["0.0080000000"]
    assert in_force(rates, "2025-07-10") == ["0.0070000000"]
    assert in_force(rates, "2025-08-31") == ["0.0070000000"]
    assert in_force(rates, "2025-09-01") == ["0.0060000000"]


def test_the_day_is_that_of_utc(tmp_path):
    rates = read(tmp_path, item("2025-06-18T22:55:50-05:00"), item("2025-07-01T00:30:00+02:00"))
    assert set(rates["starts"]) == {None, date(2025, 6, 19), date(2025, 6, 30)}


def test_of_two_snapshots_of_a_day_the_last_holds(tmp_path):
    rates = read(
        tmp_path,
        item("2025-06-18T20:00:00Z", price="0.007"),
        item("2025-06-18T08:00:00Z", price="0.008"),
    )
    assert in_force(rates, "2025-06-18") == ["0.0070000000"]
    assert rates.filter("later").height == 1


@pytest.mark.parametrize("absent", [None, ""])
def test_without_publication_the_effective_date_stands_for_it(tmp_path, absent):
    document = item(absent)
    rates = read(tmp_path, document, {**bulk(absent, item(sku="B")), "version": ""})
    assert set(rates["starts"]) == {None, date(2025, 6, 1)}
    assert set(rates["checked"]) == {date(2025, 6, 1)}
    assert set(rates["source"]) == {
        "AmazonBedrock 20250618225550, effective 2025-06-01",
        "AmazonBedrock, effective 2025-06-01",
    }


def test_a_price_that_a_whole_offer_no_longer_has_ended_there(tmp_path):
    rates = read(
        tmp_path,
        bulk("2025-06-18T00:00:00Z", item(sku="A"), item(sku="B")),
        bulk("2025-07-18T00:00:00Z", item(sku="A")),
        bulk("2025-08-18T00:00:00Z", item(sku="A"), item(sku="B", price="0.009")),
    )
    assert days(rates.filter(pl.col("sku") == "B")) == [
        ("B", None, "2025-06-18", "0.008", True),
        ("B", "2025-06-18", "2025-07-18", "0.008", False),
        ("B", "2025-08-18", None, "0.009", False),
    ]


@pytest.mark.parametrize(
    ("what", "newer"),
    [
        ("items are never whole", item("2025-07-18T00:00:00Z", sku="B")),
        (
            "another region's file",
            bulk("2025-07-18T00:00:00Z", in_region(item(sku="B"), "us-west-2")),
        ),
        (
            "another offer",
            {**bulk("2025-07-18T00:00:00Z", item(sku="B")), "offerCode": "AmazonSageMaker"},
        ),
        ("a file that does not say when", bulk(None, item(sku="B"))),
        ("an older file", bulk("2025-06-17T00:00:00Z", item(sku="B"))),
        ("a part of the same edition", bulk("2025-06-18T22:55:50Z", item(sku="B"))),
    ],
)
def test_a_price_does_not_end_where_it_is_not_missed(tmp_path, what, newer):
    term_of_newer = newer["terms"]["OnDemand"]
    assert "B" in term_of_newer or "B.JRTCKXETXF" in term_of_newer
    rates = read(tmp_path, bulk("2025-06-18T22:55:50Z", item(sku="A")), newer)
    assert rates.filter(~pl.col("later"), pl.col("sku") == "A")["ends"].to_list() == [None], what


def test_a_file_of_all_regions_ends_prices_of_each(tmp_path):
    oregon = in_region(item("2025-06-18T00:00:00Z", sku="W"), "us-west-2")
    rates = read(
        tmp_path,
        bulk("2025-06-18T00:00:00Z", item(sku="A"), item(sku="B")),
        oregon,
        bulk("2025-07-18T00:00:00Z", item(sku="A"), in_region(item(sku="X"), "us-west-2")),
    )
    assert set(rates.filter(pl.col("ends").is_null())["sku"]) == {"A", "X"}
    assert set(rates.filter(~pl.col("later"), pl.col("sku").is_in(["B", "W"]))["ends"]) == {
        date(2025, 7, 18)
    }


def test_a_product_of_no_region_ends_only_with_a_file_of_the_same_regions(tmp_path):
    everywhere = in_region(item(sku="G"), None)
    rates = read(
        tmp_path,
        bulk("2025-06-18T00:00:00Z", item(sku="A"), everywhere),
        bulk("2025-07-18T00:00:00Z", in_region(item(sku="W"), "us-west-2")),
        bulk("2025-08-18T00:00:00Z", item(sku="A")),
    )
    [ends] = rates.filter(~pl.col("later"), pl.col("sku") == "G")["ends"]
    assert ends == date(2025, 8, 18)


def test_a_price_left_out_of_a_newer_snapshot_still_ends_the_older(tmp_path):
    rates = read(tmp_path, item(), item("2025-07-18T00:00:00Z", price="0.12345678901"))
    assert days(rates.filter(~pl.col("later"))) == [
        ("3", "2025-06-18", "2025-07-18", "0.008", False)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.dates(date(2025, 1, 1), date(2025, 2, 20)), st.booleans()), min_size=1)
)
def test_every_day_has_one_price_that_of_the_last_snapshot_before_it(tmp_path_factory, snapshots):
    """A price is the day of its snapshot, so the price in force names the snapshot it is from."""
    folder = tmp_path_factory.mktemp("lists")
    documents = []
    for day, whole in snapshots:
        document = item(day.isoformat(), price=str(day.timetuple().tm_yday))
        documents.append(bulk(day.isoformat(), document) if whole else document)
    rates = read(folder, *documents)
    for number in range(1, 60):
        usage = date.fromordinal(date(2024, 12, 31).toordinal() + number)
        before = [day.timetuple().tm_yday for day, _ in snapshots if day <= usage]
        first = min(day.timetuple().tm_yday for day, _ in snapshots)
        judged = rates.filter(
            pl.col("starts").is_null() | (pl.col("starts") <= usage),
            pl.col("ends").is_null() | (pl.col("ends") > usage),
        )
        expected = (max(before), False) if before else (first, True)
        assert judged.select("price", "later").rows() == [expected]


# The same price twice


def test_the_same_price_in_two_files_is_kept_once(tmp_path):
    rates = read(tmp_path, item(), bulk("2025-06-18T22:55:50Z", item()), item())
    assert rates.height == 2
    assert set(rates["card"]) == {"1.json"}


def test_two_prices_in_one_snapshot_are_both_kept(tmp_path):
    rates = read(tmp_path, item(price="0.009"), item(price="0.008"))
    assert rates.filter(~pl.col("later")).select("rate_id", "price").rows() == [
        (f"price-list:2025-06-18:{RATE}:0", Decimal("0.008")),
        (f"price-list:2025-06-18:{RATE}:0#2", Decimal("0.009")),
    ]


def test_the_order_of_files_changes_nothing(tmp_path):
    documents = [item(), item("2025-07-01", price="0.007"), bulk("2025-08-01", item(sku="B"))]
    forward, backward = tmp_path / "forward", tmp_path / "backward"
    for folder in (forward, backward):
        folder.mkdir()
    one = read(forward, *documents)
    other = read(backward, *reversed(documents))
    assert one.drop("card").equals(other.drop("card"))


# Savings plans


def test_a_savings_plan_offer(tmp_path):
    rates = read_price_lists([PLANS]).filter(~pl.col("later"))
    assert rates.select("sku", "usage_type", "region", "price").rows() == [
        ("25TC687A4JSSSY7E", "USE1-Train:ml.m4.16xlarge", "us-east-1", Decimal("2.60544")),
        (
            "28EWXKH3XN6XHPZ2",
            "AFS1-Studio:KernelGateway-ml.r5.24xlarge",
            "af-south-1",
            Decimal("6.6768"),
        ),
    ]
    rate = rates.to_dicts()[0]
    expected = {
        "rate_id": "price-list:2023-10-27:3YPXFW2FJXS3D9VM.25TC687A4JSSSY7E:0",
        "source_kind": "savings_plan",
        "source": "MachineLearningSavingsPlans 20231027160516, published 2023-10-27",
        "reference": "3YPXFW2FJXS3D9VM.25TC687A4JSSSY7E: "
        "1 year Partial Upfront SageMaker Savings Plan",
        "rate_code": "3YPXFW2FJXS3D9VM.25TC687A4JSSSY7E",
        "operation": "RunInstance",
        "service_code": "AmazonSageMaker",
        "service_name": None,
        "product_family": "SageMakerSavingsPlans",
        "term": "SavingsPlan",
        "unit": "Hrs",
        "currency": "USD",
        "tier_from": Decimal(0),
        "tier_to": None,
        "starts": date(2023, 10, 27),
        "ends": None,
        "plan_sku": "3YPXFW2FJXS3D9VM",
        "plan_usage_type": "SageMakerSP:1yrPartialUpfront",
        "purchase_option": "Partial Upfront",
        "purchase_term": "1yr",
    }
    assert {name: rate[name] for name in expected} == expected


def plans(**changes):
    """The savings-plan offer with other keys in its head."""
    return {**json.loads(PLANS.read_text(encoding="utf-8")), **changes}


def test_a_rate_of_a_plan_ends_where_a_newer_offer_lacks_it(tmp_path):
    newer = plans(publicationDate="2024-01-15T00:00:00Z")
    newer["terms"]["savingsPlan"].pop()
    newer["terms"]["savingsPlan"][0]["rates"][0]["discountedRate"]["price"] = "2.5"
    rates = read(tmp_path, plans(), newer).filter(~pl.col("later"))
    assert days(rates) == [
        ("2", "2023-10-27", "2024-01-15", "2.60544", False),
        ("2", "2024-01-15", None, "2.5", False),
        ("2", "2023-10-27", "2024-01-15", "6.6768", False),
    ]


def test_a_plan_without_publication_or_product_takes_what_the_term_says(tmp_path):
    rates = read(tmp_path, plans(publicationDate=None, products=[])).filter(~pl.col("later"))
    assert rates["starts"].to_list() == [date(2023, 10, 27), date(2023, 12, 6)]
    assert rates["purchase_term"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("usage_type", "discounted_region", "region"),
    [
        ("USE1-Train:ml.m4.16xlarge", None, "us-east-1"),
        ("Train:ml.m4.16xlarge", None, "af-south-1"),
        ("DEN1-Train:ml.m4.16xlarge", "us-west-2-den-1", "us-west-2-den-1"),
    ],
)
def test_the_region_of_a_plan_rate(tmp_path, usage_type, discounted_region, region):
    document = plans()
    rate = document["terms"]["savingsPlan"][0]["rates"][0]
    rate |= {"discountedUsageType": usage_type, "discountedRegionCode": discounted_region}
    rates = read(tmp_path, document)
    assert set(rates.filter(sku=rate["discountedSku"])["region"]) == {region}


# What is left out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pricePerUnit": {}}, "no price"),
        ({"pricePerUnit": {"USD": ""}}, "no price"),
        ({"pricePerUnit": {"USD": None}}, "no price"),
        ({"unit": ""}, "no unit"),
        ({"unit": None}, "no unit"),
        ({"price": "0.00000000001"}, "a price with more digits than DECIMAL(15, 10) keeps"),
        ({"price": "1e-999"}, "a price with more digits than DECIMAL(15, 10) keeps"),
        ({"price": "100000"}, "a price with more digits than DECIMAL(15, 10) keeps"),
        ({"endRange": "0"}, "a usage range that is empty or has too many digits"),
        ({"endRange": "1" * 13}, "a usage range that is empty or has too many digits"),
    ],
)
def test_what_cannot_be_kept_is_left_out_and_counted(tmp_path, change, reason):
    rates = read(tmp_path, [item(sku="GOOD"), item(sku="BAD", **change)])
    assert set(rates["sku"]) == {"GOOD"}
    assert skipped([tmp_path]) == [Skipped("1.json", reason, 1, "BAD")]


def test_products_without_prices_and_prices_without_products_are_counted(tmp_path):
    document = bulk("2025-06-18T00:00:00Z", item(sku="A"), item(sku="B"), item(sku="C"))
    del document["terms"]["OnDemand"]["B"]
    del document["products"]["C"]
    reserved = item(sku="R")
    reserved["terms"] = {"Reserved": reserved["terms"]["OnDemand"]}
    assert set(read(tmp_path, document, reserved)["sku"]) == {"A"}
    assert skipped([tmp_path]) == [
        Skipped("1.json", "a price without a product", 1, "C"),
        Skipped("1.json", "no price", 1, "B"),
        Skipped("2.json", "no price", 1, "R"),
    ]


# What is refused


def broken(*path, value):
    """The real item with the value under a path of keys replaced."""
    document = item()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document)


TERMS = ("terms", "OnDemand", TERM)
DIMENSION = (*TERMS, "priceDimensions", RATE)
NO_DATE = item(None)
del term_of(NO_DATE)["effectiveDate"]

REFUSED = [
    ("", "is empty"),
    ("  \n", "is empty"),
    ('{"product": ', "is not valid JSON (Expecting value, line 1, column 13)"),
    (json.dumps(item()) + "\n{", "line 2, column 2"),
    (json.dumps([item()]) + ",", "Expecting value"),
    ('{"product": NaN}', "NaN is no number"),
    ('{"product": 1e99999999999999999999}', "a number is out of any range"),
    ('{"a": {"b": 1, "b": 2}}', "the key `b` stands twice"),
    ("[" * 100_000, "nested too deeply"),
    ("[[1]]", "item 1 is a list"),
    ("5", "is the number 5, not a list"),
    ("null", "is null, not a list"),
    ("[true]", "item 1 is true, not a list"),
    ('{"PriceList": {}}', "`PriceList` is an object, not a list"),
    ('[{"PriceList": 5}]', "item 1, `PriceList` is the number 5, not a list"),
    (json.dumps(["[]"]), "item 1 is a text that is not one JSON object"),
    (json.dumps(["{} {}"]), "item 1 is a text that is not one JSON object"),
    (json.dumps(["{"]), "item 1 is not valid JSON"),
    ('{"offer": "AmazonBedrock", "usd": "1"}', "(its keys: `offer`, `usd`)"),
    ('{"offer\\u0007": 1}', "`offer\\x07`"),
    ("{}", "(its keys: none)"),
    ('{"products": {}}', "`terms` is missing"),
    ('{"terms": {}}', "`products` is missing"),
    ('{"products": [], "terms": {}}', "`products` is a list, not an object"),
    ('{"products": {"A": 1}, "terms": {}}', "`products.A` is the number 1, not an object"),
    ('{"products": {}, "terms": {"savingsPlan": {}}}', "`products` is an object, not a list"),
    ('{"products": [1], "terms": {"savingsPlan": []}}', "`products[]` is the number 1"),
    (json.dumps(NO_DATE), "neither `publicationDate` nor `effectiveDate`"),
    (broken("publicationDate", value="June"), '`publicationDate` is the text "June", not a time'),
    (broken("publicationDate", value="0001-01-01T00:00:00+14:00"), "not a time"),
    (broken("publicationDate", value=20250618), "`publicationDate` is the number 20250618"),
    (broken("product", value=[]), "`product` is a list, not an object"),
    (broken("product", "sku", value=""), "`product.sku` is missing"),
    (broken("product", "attributes", "usagetype", value=5), "`usagetype` is the number 5"),
    (broken("product", "attributes", "usagetype", value="\ud800"), "half a character"),
    (broken("terms", value=5), f"SKU {SKU}: `terms` is the number 5, not an object"),
    (broken(*TERMS, value=5), f"SKU {SKU}: `OnDemand.{TERM}` is the number 5"),
    (broken(*TERMS, "priceDimensions", value=[]), "`priceDimensions` is a list"),
    (broken(*DIMENSION, "pricePerUnit", value="1"), '`pricePerUnit` is the text "1"'),
    (broken(*DIMENSION, "pricePerUnit", "", value="1"), "`pricePerUnit` names no currency"),
    (broken(*DIMENSION, "pricePerUnit", " ", value="1"), "`pricePerUnit` names no currency"),
    (broken(*DIMENSION, "pricePerUnit", "USD", value="-1"), "`pricePerUnit.USD` is negative"),
    (broken(*DIMENSION, "pricePerUnit", "USD", value="1,5"), 'the text "1,5", not a number'),
    (broken(*DIMENSION, "pricePerUnit", "USD", value="NaN"), 'the text "NaN", not a number'),
    (broken(*DIMENSION, "pricePerUnit", "USD", value="1_0"), 'the text "1_0", not a number'),
    (broken(*DIMENSION, "pricePerUnit", "USD", value=True), "is true, not a number"),
    (broken(*DIMENSION, "beginRange", value="x"), '`beginRange` is the text "x", not a number'),
    (broken(*DIMENSION, "beginRange", value="-1"), "`beginRange` is negative"),
    (broken(*DIMENSION, "endRange", value="many"), f"rate {RATE}: `endRange` is the text"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_contradicts_the_format_is_refused(tmp_path, text, sentence):
    file = tmp_path / "list.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RatesInvalid) as refused:
        read_price_lists([tmp_path])
    assert str(refused.value).startswith(str(file))
    assert sentence in str(refused.value)
    assert any(remedy in str(refused.value) for remedy in ("download it anew", "move it"))


def test_a_rate_of_a_plan_without_a_sku_is_refused(tmp_path):
    document = plans()
    document["terms"]["savingsPlan"][0]["rates"][0]["discountedSku"] = ""
    with pytest.raises(RatesInvalid, match="savings plan 3YPXFW2FJXS3D9VM: a `sku` or"):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(b"{}", mtime=0)[:-4], "is a damaged gzip file"),
        (gzip.compress(b"{}" * 100, mtime=0)[:15], "is a damaged gzip file"),
        (b"\x1f\x8bnonsense", "is a damaged gzip file"),
        (gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 20, "is a damaged gzip file"),
        (b'{"a": "\xff"}', "is not UTF-8 text (byte 7)"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, sentence):
    (tmp_path / "list.json.gz").write_bytes(content)
    with pytest.raises(RatesInvalid, match=r"list\.json\.gz") as refused:
        read_price_lists([tmp_path])
    assert sentence in str(refused.value)


def test_a_file_that_is_too_large_is_refused_packed_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PRICE_LIST_BYTES_MAX", 1000)
    for name, content in (
        ("a.json", b" " * 1001),
        ("b.json.gz", gzip.compress(b" " * 1001, mtime=0)),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(RatesInvalid, match="is larger than 1000 bytes; give files of single"):
            read_price_lists([file])


def test_paths_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(RatesInvalid, match="does not exist; name a file or a folder"):
        read_price_lists([tmp_path / "missing"])
    with pytest.raises(RatesInvalid, match="holds no price list; price lists are"):
        read_price_lists([tmp_path])
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RatesInvalid, match="is no file that can be read"):
        read_price_lists([tmp_path])
