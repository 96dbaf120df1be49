"""`curecon rates sync`: real boto3 clients ask a small AWS on the loopback interface.

It pages, throttles, refuses, breaks off and packs as AWS and the roads to it do.
"""

import fcntl
import gzip
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import boto3
import polars as pl
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import Loader
from botocore.stub import Stubber

from curecon import cli, price_list, sync
from curecon.errors import OptionInvalid, RatesInvalid
from curecon.sync import Asked, PricesUnreachable
from price_api import PLANS, SKU, FakeAws, item, offer, offering_rate, served

NOW = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)

_loader = Loader()


@pytest.fixture
def aws(monkeypatch):
    with served() as state:
        yield from prepared(state, monkeypatch)


def prepared(state, monkeypatch):
    for name in [n for n in os.environ if n.startswith("AWS_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    endpoint = f"http://127.0.0.1:{state.port}"
    for name, value in {
        "AWS_ENDPOINT_URL_PRICING": endpoint,
        "AWS_ENDPOINT_URL_SAVINGSPLANS": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "hush-hush",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    }.items():
        monkeypatch.setenv(name, value)
    # Neither botocore's waits between its tries nor ours are what is tested.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("curecon.sync.download._pause", lambda _: None)
    monkeypatch.setattr("botocore.session.create_loader", lambda *_: _loader)
    monkeypatch.setattr("curecon.sync._now", lambda: NOW)
    yield state


def below(folder):
    """Every visible file below a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }


def prices(*paths):
    rates = price_list.load(list(paths)).rates
    return dict(rates.filter(~pl.col("later")).select("sku", "price").iter_rows())


BEDROCK = Asked(services=["AmazonBedrock"], regions=["us-east-1"])
PRODUCTS = Asked(services=["AmazonBedrock"], regions=["us-east-1"], via="products")


# --- bulk files


def test_a_price_list_comes_over_http_as_aws_published_it(aws, tmp_path):
    document = offer(item())
    aws.publish(document)
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert stored == sync.Stored(
        "AmazonBedrock", "us-east-1", "2026-10-08/AmazonBedrock/us-east-1.json", "new", 1
    )
    assert json.loads((tmp_path / stored.path).read_bytes()) == document
    assert prices(tmp_path) == {SKU: Decimal("0.008")}
    assert set(below(tmp_path)) == {stored.path, "snapshots.json"}
    assert not (tmp_path / ".partial").exists()
    [(_, listed), (_, asked)] = aws.calls
    assert listed["RegionCode"] == "us-east-1"
    assert listed["CurrencyCode"] == "USD"
    assert asked["PriceListArn"].endswith("AmazonBedrock/USD/20261001000000/us-east-1")


def test_all_services_and_regions_come_page_by_page(aws, tmp_path):
    aws.page = 2
    regions = [f"eu-west-{number}" for number in range(1, 6)]
    for region in regions:
        for service in ("AmazonBedrock", "AmazonSageMaker"):
            aws.publish(offer(item(region=region), code=service), service, region)
    aws.publish(PLANS, "MachineLearningSavingsPlans", "af-south-1", "20231027160516")
    told = []
    stored = sync.sync(tmp_path, progress=lambda *each: told.append(each))
    assert [each.region for each in stored] == [*regions, *regions, "af-south-1"]
    assert {each.state for each in stored} == {"new"}
    assert aws.operations()["ListPriceLists"] == 3 + 3 + 1 + 3, "three pages each, or one"
    assert told[-1] == ("price lists", 11, 11)
    assert any("AmazonSageMaker eu-west-2" in what for what, *_ in told)
    plans = price_list.load([tmp_path / stored[-1].path]).rates
    assert set(plans["source_kind"]) == {"savings_plan"}


def test_what_is_not_published_is_said_once_a_service(aws, tmp_path, caplog):
    aws.publish(offer(item()))
    sync.sync(tmp_path, Asked(regions=["us-east-1", "eu-west-1"]))
    absent = [record.getMessage() for record in caplog.records]
    assert "AWS publishes no price list of AmazonSageMaker in us-east-1, eu-west-1" in absent
    assert "AWS publishes no price list of AmazonBedrock in eu-west-1" in absent
    assert len(absent) == 6, "a sentence a service"


@pytest.mark.parametrize("code", [None, "NotFoundException", "InvalidParameterException"])
def test_nothing_at_all_is_an_error(aws, tmp_path, code):
    aws.errors["ListPriceLists"] = [code]
    with pytest.raises(PricesUnreachable, match=r"no price list of AmazonBedrock in us-east-1"):
        sync.sync(tmp_path, BEDROCK)
    assert below(tmp_path) == {}


def test_a_past_day_gets_the_prices_of_that_day(aws, tmp_path):
    aws.publish(offer(item(price="0.5")), version="20260901120000")
    aws.publish(offer(item(price="0.7")), version="20261001120000")
    found = {}
    for day in (date(2026, 9, 1), date(2026, 10, 1), date(2026, 9, 30)):
        [stored] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], day))
        assert stored.path == f"{day}/AmazonBedrock/us-east-1.json"
        found[day.isoformat()] = prices(tmp_path / stored.path)[SKU]
    half, more = Decimal("0.5"), Decimal("0.7")
    assert found == {"2026-09-01": half, "2026-09-30": half, "2026-10-01": more}


def test_an_edition_that_another_day_has_is_linked_and_not_fetched(aws, tmp_path):
    aws.publish(offer(item()))
    [first] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 7)))
    [second] = sync.sync(tmp_path, BEDROCK)
    assert (second.state, second.same_as) == ("same", first.path)
    assert (tmp_path / first.path).samefile(tmp_path / second.path)
    assert len(aws.downloads) == 1
    [again] = sync.sync(tmp_path, BEDROCK)
    assert (again.state, again.path) == ("here", second.path)
    assert len(aws.downloads) == 1
    entry = json.loads((tmp_path / "snapshots.json").read_bytes())
    [seen] = entry["offers"]["AmazonBedrock"]["us-east-1"]
    assert seen["seen"] == {"2026-10-07": first.path, "2026-10-08": second.path}
    alone, together = (
        price_list.load([path]).rates.drop("card") for path in (tmp_path / first.path, tmp_path)
    )
    assert together.equals(alone)


def test_equal_content_is_stored_once_even_when_the_index_is_lost(aws, tmp_path):
    aws.publish(offer(item()))
    sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 7)))
    (tmp_path / "snapshots.json").unlink()
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert stored.state == "same"
    assert len(aws.downloads) == 2
    assert (tmp_path / stored.path).stat().st_nlink == 2


def test_a_stored_file_that_was_changed_is_fetched_anew(aws, tmp_path):
    aws.publish(offer(item()))
    [first] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 7)))
    (tmp_path / first.path).chmod(0o644)
    (tmp_path / first.path).write_text(json.dumps(offer(item(price="9"))))
    [second] = sync.sync(tmp_path, BEDROCK)
    assert second.state == "new"
    assert prices(tmp_path / second.path) == {SKU: Decimal("0.008")}


def test_a_second_edition_of_a_day_stands_beside_the_first(aws, tmp_path):
    aws.publish(
        offer(item(price="0.5", published="2026-10-08T01:00:00Z")), version="20261008010000"
    )
    sync.sync(tmp_path, BEDROCK)
    later = offer(item(price="0.7", published="2026-10-08T11:00:00Z"), version="20261008110000")
    aws.publish(later)
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert stored.path == "2026-10-08/AmazonBedrock/us-east-1.20261008110000.json"
    assert prices(tmp_path) == {SKU: Decimal("0.7")}


def test_another_currency_has_its_own_name(aws, tmp_path):
    aws.publish(offer(item()))
    [stored] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], currency="CNY"))
    assert stored.path == "2026-10-08/AmazonBedrock/us-east-1.CNY.json"
    assert aws.calls[0][1]["CurrencyCode"] == "CNY"


def test_folders_of_days_can_be_removed(aws, tmp_path):
    aws.publish(offer(item()))
    [first] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 7)))
    [second] = sync.sync(tmp_path, BEDROCK)
    (tmp_path / first.path).unlink()
    assert prices(tmp_path / second.path)
    [third] = sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 6)))
    assert third.same_as == second.path


# --- the download


def test_a_packed_file_is_stored_plain(aws, tmp_path):
    document = offer(item())
    aws.publish(document)
    aws.packed = True
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert json.loads((tmp_path / stored.path).read_bytes()) == document


def test_gzip_bytes_under_a_plain_name_are_unpacked_too(aws, tmp_path):
    document = offer(item())
    aws.publish(gzip.compress(json.dumps(document).encode()), version="20261001000000")
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert json.loads((tmp_path / stored.path).read_bytes()) == document


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', ""])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_and_ends_whole(aws, tmp_path, packed, etag, ranges):
    document = offer(item(), pad=5000)
    aws.publish(document)
    aws.packed, aws.etag, aws.ranges = packed, etag, ranges
    aws.spoil = lambda _, time: ("cut", 90) if time == 1 else None
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert json.loads((tmp_path / stored.path).read_bytes()) == document
    _, wanted, condition = aws.downloads[1]
    sure = etag == '"v1"' or not packed
    assert wanted == ("bytes=90-" if sure else None), "only what is surely the same is continued"
    assert condition == ('"v1"' if etag == '"v1"' else None)


def test_an_interrupted_run_goes_on_where_it_stopped(aws, tmp_path):
    for region in ("eu-west-1", "eu-west-2"):
        aws.publish(offer(item(region=region), pad=600_000), region=region)

    def interrupt(what, *_):
        if "eu-west-2, 262,144" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.sync(tmp_path, Asked(["AmazonBedrock"]), interrupt)
    assert [Path(path).name for path in below(tmp_path)] == ["eu-west-1.json", "snapshots.json"]
    assert set(prices(tmp_path)) == {SKU}, "what is half here is not taken for whole"
    stored = sync.sync(tmp_path, Asked(["AmazonBedrock"]))
    assert [(each.region, each.state) for each in stored] == [
        ("eu-west-1", "here"), ("eu-west-2", "new")
    ]  # fmt: skip
    assert [Path(path).parts[-2] for path, *_ in aws.downloads] == [
        "eu-west-1", "eu-west-2", "eu-west-2"
    ]  # fmt: skip
    assert aws.downloads[2][1] == "bytes=262144-"


def test_a_part_of_a_file_that_was_replaced_is_dropped(aws, tmp_path):
    aws.publish(offer(item(), pad=600_000))

    def interrupt(what, *_):
        if "262,144" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.sync(tmp_path, BEDROCK, interrupt)
    document = offer(item(price="0.009"), pad=700_000)
    aws.publish(document)
    aws.etag = '"v2"'
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert json.loads((tmp_path / stored.path).read_bytes()) == document
    assert aws.downloads[1][1:] == ("bytes=262144-", '"v1"')


def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(aws, tmp_path, monkeypatch):
    aws.publish(offer(item()))
    monkeypatch.setattr("curecon.sync.shelf.os.fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sync.sync(tmp_path, BEDROCK)
    assert below(tmp_path) == {}
    with pytest.raises(RatesInvalid, match="holds no price list"):
        price_list.load([tmp_path])
    monkeypatch.undo()


def test_a_server_that_sends_another_part_is_asked_for_the_whole(aws, tmp_path):
    aws.publish(offer(item(), pad=500))
    spoiled = [("cut", 90), ("headers", {"Content-Range": "bytes 7-99/100"})]
    aws.spoil = lambda _, time: spoiled[time - 1] if time < 3 else None
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert prices(tmp_path / stored.path)
    assert [wanted for _, wanted, _ in aws.downloads] == [None, "bytes=90-", None]


@pytest.mark.parametrize("status", [416, 429, 500, 503])
def test_a_busy_server_is_asked_again(aws, tmp_path, status):
    aws.publish(offer(item()))
    aws.spoil = lambda _, time: ("status", status) if time < 3 else None
    assert sync.sync(tmp_path, BEDROCK)
    aws.spoil = lambda *_: ("status", status)
    with pytest.raises(PricesUnreachable, match="kept breaking off"):
        sync.sync(tmp_path / "other", BEDROCK)


@pytest.mark.parametrize("status", [301, 302, 307, 403, 404])
def test_a_download_that_is_sent_away_is_not_followed(aws, tmp_path, status):
    aws.publish(offer(item()))
    aws.spoil = lambda *_: ("status", status)
    with pytest.raises(PricesUnreachable, match=f"status {status}") as raised:
        sync.sync(tmp_path, BEDROCK)
    assert len(aws.downloads) == 1
    assert "hush" not in chain(raised.value)


@pytest.mark.parametrize(
    "host",
    [
        "http://pricing.us-east-1.amazonaws.com",
        "https://example.com",
        "https://pricing.amazonaws.com.example.com",
        "https://amazonaws.com",
        "https://me@pricing.us-east-1.amazonaws.com",
        "https://example.com\\@pricing.us-east-1.amazonaws.com",
        "https://pricing.us-east-1.amazonaws.com:8443",
        "https://pricing.us-east-1.amazonaws.com:port",
        "file://127.0.0.1",
        "ftp://localhost",
        "http://192.168.0.1",
        "https://[::1",
    ],
)
def test_an_address_that_is_not_of_aws_is_refused(aws, tmp_path, host):
    aws.publish(offer(item()))
    aws.host = host
    with pytest.raises(PricesUnreachable, match="not one of AWS's") as raised:
        sync.sync(tmp_path, BEDROCK)
    assert "hush" not in chain(raised.value)
    assert aws.downloads == []


@pytest.mark.parametrize(
    "host",
    [
        "https://pricing.us-east-1.amazonaws.com",
        "https://pricing.cn-northwest-1.amazonaws.com.cn:443",
        "https://bucket.s3.eu-central-1.amazonaws.com",
    ],
)
def test_the_addresses_of_aws_are_asked(aws, tmp_path, host, monkeypatch):
    aws.publish(offer(item()))
    aws.host = host
    asked = []

    def refuse(_verify, url, _headers):
        asked.append(url)
        raise EndpointConnectionError(endpoint_url=url)

    monkeypatch.setattr("curecon.sync.api.get", refuse)
    with pytest.raises(PricesUnreachable, match="kept breaking off") as raised:
        sync.sync(tmp_path, BEDROCK)
    assert asked[0].startswith(f"{host}/files/AmazonBedrock/")
    assert "hush" not in chain(raised.value)


def test_no_log_shows_what_is_signed(aws, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    aws.publish(offer(item(), pad=5000))
    aws.spoil = lambda _, time: ("cut", 90) if time == 1 else None
    sync.sync(tmp_path, BEDROCK)
    assert "hush" not in caplog.text


def test_a_file_that_is_too_large_is_refused(aws, tmp_path, monkeypatch):
    aws.publish(offer(item(), pad=5000))
    monkeypatch.setattr("curecon.sync.download.PRICE_LIST_BYTES_MAX", 4000)
    with pytest.raises(PricesUnreachable, match="larger than 4,000 bytes"):
        sync.sync(tmp_path, BEDROCK)
    aws.packed = True
    with pytest.raises(RatesInvalid, match="unpacks to more"):
        sync.sync(tmp_path, BEDROCK)
    assert below(tmp_path) == {}


def test_a_file_without_a_length_is_fetched(aws, tmp_path):
    document = offer(item())
    aws.publish(document)
    aws.spoil = lambda *_: ("headers", {"Content-Length": None})
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert json.loads((tmp_path / stored.path).read_bytes()) == document


def test_a_full_disk_is_seen_before_it_is_full(aws, tmp_path, monkeypatch):
    aws.publish(offer(item()))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(sync.download.CureconError, match="has only 10 left"):
        sync.sync(tmp_path, BEDROCK)


def chain(error):
    """All that an error and what it came from would show."""
    words = ""
    while error is not None:
        words += repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return words


# --- what cannot be read


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>sign in</html>", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"", "is empty"),
        (gzip.compress(b"{}" * 9999, mtime=0)[:-9], "damaged gzip"),
        (json.dumps({"offers": {}}).encode(), "only an index"),
        (json.dumps({"hello": 1}).encode(), "is no price list"),
        (json.dumps([offer(item())]).encode(), "no offer file"),
        (json.dumps(offer(item(), code="AmazonEC2")).encode(), "is that of AmazonEC2"),
    ],
)
def test_what_cannot_be_read_is_not_stored_and_the_rest_is(aws, tmp_path, content, says):
    aws.publish(content, region="eu-west-1", version="20261001000000")
    aws.publish(offer(item()))
    with pytest.raises(RatesInvalid, match=says) as raised:
        sync.sync(tmp_path, Asked(["AmazonBedrock"], ["eu-west-1", "us-east-1"]))
    assert "AmazonBedrock in eu-west-1" in str(raised.value)
    assert ".partial" not in str(raised.value)
    assert set(below(tmp_path)) == {
        "2026-10-08/AmazonBedrock/us-east-1.json", "snapshots.json"
    }  # fmt: skip
    aws.publish(offer(item(region="eu-west-1")), region="eu-west-1")
    assert len(sync.sync(tmp_path, Asked(["AmazonBedrock"]))) == 2


# --- GetProducts


def test_products_come_page_by_page_and_are_read_by_their_region(aws, tmp_path):
    aws.page = 2
    aws.products["AmazonBedrock"] = [
        item(f"SKU{number}", region="us-east-1" if number < 5 else "eu-west-1")
        for number in range(8)
    ]
    [stored] = sync.sync(tmp_path, PRODUCTS)
    assert stored.path == "2026-10-08/AmazonBedrock/us-east-1.jsonl"
    assert len((tmp_path / stored.path).read_text().splitlines()) == 5
    assert set(prices(tmp_path)) == {f"SKU{number}" for number in range(5)}
    assert aws.operations() == {"GetProducts": 3}
    assert {request["MaxResults"] for _, request in aws.calls} == {100}
    [first, second, _] = [request.get("NextToken") for _, request in aws.calls]
    assert (first, second) == (None, "at2")


def test_products_of_all_regions_are_told_apart(aws, tmp_path):
    nowhere = item("SKU2")
    del nowhere["product"]["attributes"]["regionCode"]
    evil = item("SKU3", region="../../evil")
    aws.products["AmazonBedrock"] = [item("SKU0"), item("SKU1", region="eu-west-1"), nowhere, evil]
    stored = sync.sync(tmp_path, Asked(["AmazonBedrock"], via="products"))
    assert [each.region for each in stored] == ["any", "eu-west-1", "us-east-1"]
    assert set(prices(tmp_path)) == {f"SKU{number}" for number in range(4)}


def test_equal_products_make_equal_files_in_whatever_order(aws, tmp_path, monkeypatch):
    aws.products["AmazonBedrock"] = [item("SKU0"), item("SKU1")]
    [first] = sync.sync(tmp_path, PRODUCTS)
    aws.products["AmazonBedrock"].reverse()
    monkeypatch.setattr("curecon.sync._now", lambda: NOW.replace(day=9))
    [second] = sync.sync(tmp_path, PRODUCTS)
    assert (second.state, second.same_as) == ("same", first.path)
    assert (tmp_path / first.path).samefile(tmp_path / second.path)


def test_interrupted_pages_go_on_with_the_next_page(aws, tmp_path):
    aws.page = 2
    aws.products["AmazonBedrock"] = [item(f"SKU{number}") for number in range(7)]

    def interrupt(what, *_):
        if "4 items" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.sync(tmp_path, PRODUCTS, interrupt)
    assert below(tmp_path) == {}
    sync.sync(tmp_path, PRODUCTS)
    assert [request.get("NextToken") for _, request in aws.calls] == [None, "at2", "at4", "at6"]
    assert len(prices(tmp_path)) == 7


def test_a_stream_that_a_stopped_run_finished_is_not_asked_again(aws, tmp_path):
    aws.products = {"AmazonBedrock": [item()], "AmazonSageMaker": [item("SKU1")]}
    both = Asked(["AmazonBedrock", "AmazonSageMaker"], ["us-east-1"], via="products")
    aws.errors["GetProducts"] = [None, "AccessDeniedException"]
    with pytest.raises(PricesUnreachable, match="pricing:GetProducts"):
        sync.sync(tmp_path, both)
    stored = sync.sync(tmp_path, both)
    assert [each.state for each in stored] == ["here", "new"]
    assert aws.operations()["GetProducts"] == 3
    sync.sync(tmp_path, both)
    assert aws.operations()["GetProducts"] == 5, "a finished run is no reason not to look again"


@pytest.mark.parametrize("code", ["ExpiredNextTokenException", "InvalidNextTokenException"])
def test_a_token_that_expired_between_runs_begins_anew(aws, tmp_path, code):
    aws.page = 1
    aws.products["AmazonBedrock"] = [item(f"SKU{number}") for number in range(3)]
    aws.errors["GetProducts"] = [None, "ThrottledForGood"]
    with pytest.raises(PricesUnreachable):
        sync.sync(tmp_path, PRODUCTS)
    aws.errors["GetProducts"] = [code]
    sync.sync(tmp_path, PRODUCTS)
    assert len(prices(tmp_path)) == 3
    aws.errors["GetProducts"] = [None, code, None, None, None]
    with pytest.raises(PricesUnreachable, match="lost the place"):
        sync.sync(tmp_path / "other", PRODUCTS)


def test_a_page_that_leads_to_itself_ends(aws, tmp_path, monkeypatch):
    aws.page = 1
    aws.products["AmazonBedrock"] = [item("SKU0"), item("SKU1")]
    monkeypatch.setattr(FakeAws, "GetProducts", lambda *_: {"PriceList": [], "NextToken": "at0"})
    with pytest.raises(PricesUnreachable, match="again and again"):
        sync.sync(tmp_path, PRODUCTS)


def test_rows_that_a_crash_took_are_asked_for_again(aws, tmp_path):
    aws.page = 1
    aws.products["AmazonBedrock"] = [item("SKU0"), item("SKU1")]
    aws.errors["GetProducts"] = [None, "AccessDeniedException"]
    with pytest.raises(PricesUnreachable):
        sync.sync(tmp_path, PRODUCTS)
    [rows] = (tmp_path / ".partial").glob("*.rows")
    rows.write_bytes(rows.read_bytes()[:-5])
    sync.sync(tmp_path, PRODUCTS)
    assert len(prices(tmp_path)) == 2


def test_an_item_that_is_none_is_refused_and_asked_again_next_time(aws, tmp_path):
    aws.products["AmazonBedrock"] = [{"product": {"attributes": {"regionCode": "us-east-1"}}}]
    with pytest.raises(RatesInvalid, match="an item of AmazonBedrock that cannot be read"):
        sync.sync(tmp_path, PRODUCTS)
    aws.products["AmazonBedrock"] = [item()]
    assert sync.sync(tmp_path, PRODUCTS)


# --- savings plans


def test_rates_of_savings_plans_are_read_like_an_offer(aws, tmp_path):
    aws.page = 1
    three_years = {
        "offeringId": "bbbb",
        "durationSeconds": 94608000,
        "paymentOption": "All Upfront",
    }
    aws.plan_rates = [
        offering_rate(),
        offering_rate("USE1-Host:ml.g5.xlarge", "0.9"),
        offering_rate(rate="0.05", offering=three_years),
        offering_rate(rate="0.60", offering={"currency": "CNY"}),
        offering_rate("EU-Train:ml.m5.large", "0.09", region="eu-west-1"),
        offering_rate("EU-Host:ml.m5.large", "0.11", region=None),
    ]
    stored = sync.sync(tmp_path, Asked(["MachineLearningSavingsPlans"], via="products"))
    assert [each.path for each in stored] == [
        "2026-10-08/MachineLearningSavingsPlans/eu-west-1.offering-rates.json",
        "2026-10-08/MachineLearningSavingsPlans/us-east-1.offering-rates.json",
    ]
    assert aws.operations() == {"DescribeSavingsPlansOfferingRates": 6}
    rates = price_list.load([tmp_path]).rates.filter(~pl.col("later"))
    columns = ["usage_type", "price", "unit", "region", "purchase_option", "purchase_term"]
    assert set(rates.select(columns).iter_rows()) == {
        ("USE1-Train:ml.m5.large", Decimal("0.0828"), "Hrs", "us-east-1", "No Upfront", "1yr"),
        ("USE1-Host:ml.g5.xlarge", Decimal("0.9"), "Hrs", "us-east-1", "No Upfront", "1yr"),
        ("USE1-Train:ml.m5.large", Decimal("0.05"), "Hrs", "us-east-1", "All Upfront", "3yr"),
        ("EU-Train:ml.m5.large", Decimal("0.09"), "Hrs", "eu-west-1", "No Upfront", "1yr"),
        ("EU-Host:ml.m5.large", Decimal("0.11"), "Hrs", "eu-west-1", "No Upfront", "1yr"),
    }
    assert set(rates["plan_usage_type"]) == {
        "SageMakerSP:1yrNoUpfront", "SageMakerSP:3yrAllUpfront"
    }  # fmt: skip
    assert set(rates["starts"]) == {date(2026, 10, 8)}


def test_a_plan_rate_that_comes_back_is_dated_anew(aws, tmp_path, monkeypatch):
    asked = Asked(["MachineLearningSavingsPlans"], ["us-east-1"], via="products")
    stored = []
    for day, rate in ((8, "0.08"), (9, "0.08"), (10, "0.09"), (11, "0.08")):
        monkeypatch.setattr("curecon.sync._now", lambda day=day: NOW.replace(day=day))
        aws.plan_rates = [offering_rate(rate=rate)]
        stored += sync.sync(tmp_path, asked)
    assert [each.state for each in stored] == ["new", "same", "new", "new"]
    rates = price_list.load([tmp_path]).rates.filter(~pl.col("later")).sort("starts")
    assert rates.select("starts", "ends", "price").rows() == [
        (date(2026, 10, 8), date(2026, 10, 10), Decimal("0.08")),
        (date(2026, 10, 10), date(2026, 10, 11), Decimal("0.09")),
        (date(2026, 10, 11), None, Decimal("0.08")),
    ]


def test_the_api_stands_in_for_an_offer_that_aws_does_not_list(aws, tmp_path):
    aws.plan_rates = [offering_rate()]
    [stored] = sync.sync(tmp_path, Asked(["MachineLearningSavingsPlans"], ["us-east-1"]))
    assert stored.path.endswith("us-east-1.offering-rates.json")
    with pytest.raises(PricesUnreachable, match="no price list"):
        sync.sync(
            tmp_path, Asked(["MachineLearningSavingsPlans"], ["us-east-1"], date(2026, 10, 1))
        )


@pytest.mark.parametrize(
    ("services", "flag", "asked"),
    [
        ([], None, 6),
        ([], False, 5),
        (["AmazonBedrock"], None, 1),
        (["AmazonBedrock"], True, 2),
        (["AmazonBedrock", "AmazonBedrock"], False, 1),
    ],
)
def test_savings_plans_can_be_asked_for_or_left_out(aws, tmp_path, services, flag, asked):
    aws.publish(offer(item()))
    sync.sync(tmp_path, Asked(services, ["us-east-1"], savings_plans=flag))
    assert aws.operations()["ListPriceLists"] == asked


# --- refusals of AWS


@pytest.mark.parametrize(
    ("operation", "action", "asked"),
    [
        ("ListPriceLists", "pricing:ListPriceLists", BEDROCK),
        ("GetPriceListFileUrl", "pricing:GetPriceListFileUrl", BEDROCK),
        ("GetProducts", "pricing:GetProducts", PRODUCTS),
        (
            "DescribeSavingsPlansOfferingRates",
            "savingsplans:DescribeSavingsPlansOfferingRates",
            Asked(["MachineLearningSavingsPlans"], via="products"),
        ),
    ],
)
def test_a_refusal_names_the_permission(aws, tmp_path, operation, action, asked):
    aws.publish(offer(item()))
    aws.errors[operation] = ["AccessDeniedException"]
    with pytest.raises(PricesUnreachable) as raised:
        sync.sync(tmp_path, asked)
    assert f"lack the permission {action} (AccessDeniedException)" in str(raised.value)
    assert "secret words" not in str(raised.value)
    assert "--no-savings-plans" in str(raised.value) or "savings" not in action


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ExpiredTokenException", "have expired"),
        ("UnrecognizedClientException", "does not accept the credentials"),
        ("StrangeException", "answered StrangeException"),
    ],
)
def test_other_refusals_say_what_to_do(aws, tmp_path, code, says):
    aws.errors["ListPriceLists"] = [code]
    with pytest.raises(PricesUnreachable, match=says):
        sync.sync(tmp_path, BEDROCK)


def test_throttling_is_waited_for_and_given_up_in_the_end(aws, tmp_path):
    aws.publish(offer(item()))
    aws.errors["ListPriceLists"] = ["ThrottlingException"] * 3
    aws.errors["GetPriceListFileUrl"] = ["ThrottlingException"] * 2
    assert sync.sync(tmp_path, BEDROCK)
    assert aws.operations() == {"ListPriceLists": 4, "GetPriceListFileUrl": 3}
    aws.errors["ListPriceLists"] = ["ThrottlingException"] * 99
    with pytest.raises(PricesUnreachable, match="after many attempts"):
        sync.sync(tmp_path / "other", BEDROCK)
    assert aws.operations()["ListPriceLists"] == 14


def test_without_credentials_the_sentence_says_so(aws, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PricesUnreachable, match=r"NoCredentialsError.*sign in"):
        sync.sync(tmp_path, BEDROCK)


def every_path(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("fails", ["ListPriceLists", "GetPriceListFileUrl"])
def test_a_run_that_brings_nothing_leaves_nothing(aws, tmp_path, fails):
    aws.publish(offer(item()))
    aws.errors[fails] = ["AccessDeniedException"] * 99
    with pytest.raises(PricesUnreachable, match=f"pricing:{fails}"):
        sync.sync(tmp_path / "a" / "lists", BEDROCK)
    assert every_path(tmp_path) == []
    (tmp_path / "own").mkdir()
    with pytest.raises(PricesUnreachable):
        sync.sync(tmp_path / "own", BEDROCK)
    assert every_path(tmp_path) == ["own"], "what somebody else made stays"
    aws.errors.clear()
    with pytest.raises(PricesUnreachable, match="has no price list"):
        sync.sync(tmp_path / "none", Asked(["AmazonNothing"]))
    assert every_path(tmp_path) == ["own"]


def test_a_run_that_brings_nothing_leaves_what_others_brought(aws, tmp_path):
    aws.publish(offer(item()))
    sync.sync(tmp_path, BEDROCK)
    before = every_path(tmp_path)
    aws.errors["ListPriceLists"] = ["AccessDeniedException"] * 99
    with pytest.raises(PricesUnreachable):
        sync.sync(tmp_path, BEDROCK)
    assert every_path(tmp_path) == before


def test_who_waits_for_a_lock_that_goes_takes_the_next_one(tmp_path, caplog):
    """The first run removes its lock; whoever waited for that must not hold a lock of nothing."""
    folder, order = tmp_path / "lists", []

    def second():
        with sync._locked(folder):
            order.append(("second", (folder / ".lock").exists()))

    with sync._locked(folder):
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting for it" not in caplog.text:
            thread.join(0.01)
        order.append("first")
    thread.join(20)
    assert order == ["first", ("second", True)]
    assert every_path(tmp_path) == []


def test_without_a_network_the_sentence_says_so(aws, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:9")
    with pytest.raises(PricesUnreachable, match="cannot be reached"):
        sync.sync(tmp_path, BEDROCK)
    for name in ("PRICING", "SAVINGSPLANS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", "no address")
        with pytest.raises(OptionInvalid, match=f"AWS_ENDPOINT_URL_{name} is no address"):
            sync.sync(tmp_path, Asked(["MachineLearningSavingsPlans"]))
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", f"http://127.0.0.1:{aws.port}")


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "ap-south-1"}, "ap-south-1"),
        ({"AWS_REGION": "eu-west-1"}, "us-east-1"),
    ],
)
def test_the_api_is_asked_in_a_region_that_has_it(aws, monkeypatch, environment, region):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert sync.api.Aws.open(None)._pricing.meta.region_name == region


def test_the_requests_are_those_of_the_api_reference(aws, tmp_path):
    """The stub holds each request to what is expected, and each answer to AWS's own model."""
    aws.publish(offer(item()), version="1")
    client = boto3.client("pricing", region_name="us-east-1")
    arn = "arn:aws:pricing:::price-list/aws/AmazonBedrock/USD/1/us-east-1"
    entry = {
        "PriceListArn": arn, "RegionCode": "us-east-1", "CurrencyCode": "USD",
        "FileFormats": ["CSV", "JSON"],
    }  # fmt: skip
    url = f"http://127.0.0.1:{aws.port}/files/AmazonBedrock/1/us-east-1/index.json"
    with Stubber(client) as stub:
        stub.add_response(
            "list_price_lists",
            {"PriceLists": [entry]},
            {
                "ServiceCode": "AmazonBedrock", "EffectiveDate": NOW, "CurrencyCode": "USD",
                "RegionCode": "us-east-1", "MaxResults": 100,
            },
        )  # fmt: skip
        stub.add_response(
            "get_price_list_file_url", {"Url": url}, {"PriceListArn": arn, "FileFormat": "JSON"}
        )
        session = SimpleNamespace(client=lambda *_, **__: client, region_name=None)
        [stored] = sync.sync(tmp_path, BEDROCK, session=session)
        stub.assert_no_pending_responses()
    assert prices(tmp_path / stored.path)


# --- options and folders


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(["../evil"]), "--service"),
        (Asked(regions=["us-east-1/.."]), "--region"),
        (Asked(currency="usd"), "--currency"),
        (Asked(day=date(2026, 10, 9)), "in the future"),
        (Asked(day=date(2026, 10, 7), via="products"), "only today's prices"),
        (Asked(["MachineLearningSavingsPlans"], savings_plans=False), "no service is left"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(aws, tmp_path, asked, says):
    with pytest.raises(OptionInvalid, match=says):
        sync.sync(tmp_path / "new", asked)
    assert aws.calls == []
    assert not (tmp_path / "new").exists()


def test_a_file_of_somebody_else_is_not_overwritten(aws, tmp_path):
    (tmp_path / "snapshots.json").write_text('{"offers": {}}')
    with pytest.raises(RatesInvalid, match="is not what `curecon rates sync` wrote"):
        sync.sync(tmp_path, BEDROCK)
    assert (tmp_path / "snapshots.json").read_text() == '{"offers": {}}'


def test_a_region_that_cannot_be_a_file_name_is_passed_over(aws, tmp_path):
    aws.publish(offer(item()))
    aws.publish(offer(item()), region="../../evil")
    [stored] = sync.sync(tmp_path, Asked(["AmazonBedrock"]))
    assert stored.region == "us-east-1"


def test_a_second_sync_waits_for_the_first(aws, tmp_path, caplog):
    aws.publish(offer(item()))
    with (tmp_path / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = threading.Thread(target=sync.sync, args=(tmp_path, BEDROCK))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert "waiting for it" in caplog.text
    waiting.join(20)
    assert not waiting.is_alive()
    assert prices(tmp_path)


def test_without_hard_links_a_copy_serves(aws, tmp_path, monkeypatch):
    aws.publish(offer(item()))
    sync.sync(tmp_path, Asked(["AmazonBedrock"], ["us-east-1"], date(2026, 10, 7)))

    def refuse(*_):
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    [stored] = sync.sync(tmp_path, BEDROCK)
    assert stored.state == "same"
    assert prices(tmp_path / stored.path)


# --- the command


def test_the_command_says_what_was_stored(aws, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    aws.publish(offer(item()))
    words = ["rates", "sync", "--service", "AmazonBedrock", "--region", "us-east-1"]
    assert cli.run(words) == 0
    shown = capsys.readouterr()
    assert shown.out == "new   1 price   2026-10-08/AmazonBedrock/us-east-1.json\n"
    assert shown.err == "", "no progress where no terminal is"
    assert cli.run([*words, "elsewhere", "--date", "2026-10-07", "--no-savings-plans"]) == 0
    assert (tmp_path / "elsewhere" / "2026-10-07" / "AmazonBedrock" / "us-east-1.json").is_file()
    assert cli.run([*words, "--date", "2026-10-07"]) == 0
    out = capsys.readouterr().out.splitlines()[-1]
    assert out.startswith("same  1 price   2026-10-07/"), out
    assert out.endswith("as 2026-10-08/AmazonBedrock/us-east-1.json")


@pytest.mark.parametrize(
    "words",
    [["--date", "yesterday"], ["--via", "ftp"], ["--currency", "dollar"], ["--region", ""]],
)
def test_the_command_refuses_wrong_options(aws, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["rates", "sync", *words]) == 2
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_command_says_how_to_go_on(aws, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sync, "sync", interrupt)
    assert cli.run(["rates", "sync"]) == 130
    assert "goes on from there" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_process_leaves_only_what_is_whole(aws, tmp_path, number):
    version = "20200101000000"
    aws.publish(offer(item()), version=version)
    aws.publish(
        offer(item("SKU1", region="us-west-1"), pad=600_000), "AmazonBedrock", "us-west-1", version
    )
    hanging, go_on = threading.Event(), threading.Event()

    def hang(path, time):
        if "us-west-1" in path and time == 1:
            hanging.set()
            go_on.wait(30)
            return ("cut", 9)
        return None

    aws.spoil = hang
    words = [sys.executable, "-m", "curecon.cli", "rates", "sync", "--service", "AmazonBedrock"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert hanging.wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        go_on.set()
    assert out == ""
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err == "curecon: interrupted; the next run goes on from there\n"
    assert set(prices(tmp_path / "price-lists")) == {SKU}
    sync.sync(tmp_path / "price-lists", Asked(["AmazonBedrock"]))
    assert set(prices(tmp_path / "price-lists")) == {SKU, "SKU1"}


def test_an_audit_reads_what_was_synced(aws, tmp_path):
    """The folder of all days is what `--price-list` takes, index, links and all."""
    aws.publish(offer(item()))
    aws.publish(PLANS, "MachineLearningSavingsPlans", "us-east-1", "20231027160516")
    sync.sync(tmp_path, Asked(regions=["us-east-1"], day=date(2026, 10, 7)))
    aws.publish(offer(item(), item("SKU1")), version="20261008000000")
    sync.sync(tmp_path, Asked(regions=["us-east-1"]))
    lists = price_list.load([tmp_path])
    assert lists.skipped == []
    assert {source.name.split("/")[0] for source in lists.sources} == {"2026-10-07", "2026-10-08"}
