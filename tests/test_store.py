"""Bills in S3: what is chosen, where it lies afterwards, and what is refused."""

import json
import logging
import os
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path

import boto3
import pytest

from curecon import source
from curecon.errors import (
    BillNotFound,
    BillUnreadable,
    CureconError,
    OptionInvalid,
    StoreUnreachable,
)
from curecon.store import _ROUNDS, fetch
from curecon.store import cache as store_cache
from curecon.store.address import is_data, period_of

pytest_plugins = ["s3_proxy"]


def files(folder):
    """The files under a folder, by relative path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


EXPORT = "p/export"
EXECUTION = "2026-06-01T23:48:02.356Z-9b6b32ef"


def put_create_new(bucket, period="2026-05", partition="BILLING_PERIOD"):
    """A period of which Data Exports kept two deliveries; return the current data file's key."""
    place = f"{partition}={period}"
    keys = {}
    for execution in ("2026-05-20T01:02:03.000Z-older", EXECUTION):
        key = f"{EXPORT}/data/{place}/{execution}/export-00001.snappy.parquet"
        bucket.put(key, execution + period)
        bucket.put_exports(f"{EXPORT}/metadata/{place}/{execution}/export-Manifest.json", [key])
        keys[execution] = key
    manifest = f"{EXPORT}/metadata/{place}/export-Manifest.json"
    bucket.put_exports(manifest, [keys[EXECUTION]])
    return manifest, keys[EXECUTION]


# What is chosen


@pytest.mark.parametrize("partition", ["BILLING_PERIOD", "billing_period"])
def test_exports_bring_the_current_manifest_and_what_it_lists(bucket, tmp_path, partition):
    manifest, data = put_create_new(bucket, partition=partition)
    bucket.put("aws-programmatic-access-test-object")
    bucket.client.put_object(Bucket=bucket.name, Key="p/export/", Body=b"")
    for uri in (bucket.uri(), bucket.uri("p"), bucket.uri("p/export/")):
        got = fetch(uri, tmp_path)
        assert {path.rpartition("export/")[2] for path in files(got)} == {
            manifest.rpartition("export/")[2],
            data.rpartition("export/")[2],
        }
    assert got.parts[-3:] == (bucket.name, "p", "export")


def test_legacy_brings_the_current_manifest_and_all_that_it_lists(bucket, tmp_path):
    folder = "cur/report/20261001-20261101"
    old, new = (f"{folder}/{name}/report-1.csv.gz" for name in ("older", "newer"))
    second = f"{folder}/newer/report-2.csv.gz"
    for key in (old, new, second):
        bucket.put(key, key)
    bucket.put_legacy(f"{folder}/older/report-Manifest.json", [old])
    bucket.put_legacy(f"{folder}/newer/report-Manifest.json", [new, second])
    bucket.put_legacy(f"{folder}/report-Manifest.json", ["/" + new, second])
    bucket.put(f"{folder}/newer/report-RedshiftManifest.json", "{}")
    got = fetch(bucket.uri("cur/report"), tmp_path)
    assert set(files(got)) == {
        "20261001-20261101/report-Manifest.json",
        "20261001-20261101/newer/report-1.csv.gz",
        "20261001-20261101/newer/report-2.csv.gz",
    }


def test_legacy_overwrite_for_athena(bucket, tmp_path):
    data = "cur/report/report/year=2026/month=9/report-00001.snappy.parquet"
    bucket.put(data)
    bucket.put("cur/report/report/year=2026/month=9/report-00002.snappy.parquet", "surplus")
    bucket.put("cur/report/report/cost_and_usage_data_status/cost_and_usage_data_status.parquet")
    bucket.put_legacy("cur/report/20260901-20261001/report-Manifest.json", [data])
    got = fetch(bucket.uri("cur/report"), tmp_path)
    assert set(files(got)) == {
        "20260901-20261001/report-Manifest.json",
        "report/year=2026/month=9/report-00001.snappy.parquet",
    }


def test_one_manifest_brings_itself_and_its_files(bucket, proxy, tmp_path):
    manifest, data = put_create_new(bucket)
    got = fetch(bucket.uri(manifest), tmp_path)
    assert got.name == "export-Manifest.json"
    assert set(files(got.parents[len(Path(manifest).parts) - 1])) == {manifest, data}
    assert not any(r.query for r in proxy.requests if r.method == "GET"), "nothing is listed"


def test_an_older_delivery_can_be_named(bucket, tmp_path):
    put_create_new(bucket)
    older = f"{EXPORT}/metadata/BILLING_PERIOD=2026-05/2026-05-20T01:02:03.000Z-older"
    for uri in (bucket.uri(older), bucket.uri(f"{older}/export-Manifest.json")):
        got = fetch(uri, tmp_path)
        root = next(p for p in (got, *got.parents) if p.name == bucket.name)
        assert b"2026-05-20T01:02:03.000Z-older2026-05" in files(root).values()
        assert len(files(root)) == 2


def test_kept_deliveries_without_a_current_manifest_are_refused(bucket, tmp_path):
    manifest, _ = put_create_new(bucket)
    bucket.delete(manifest)
    with pytest.raises(BillNotFound, match="which delivery holds"):
        fetch(bucket.uri("p"), tmp_path)


def test_the_metadata_folder_brings_the_data_beside_it(bucket, tmp_path):
    manifest, data = put_create_new(bucket)
    got = fetch(bucket.uri(f"{EXPORT}/metadata/"), tmp_path)
    assert set(files(got)) == {manifest, data}


def test_one_data_file(bucket, proxy, tmp_path):
    bucket.put("p/a.csv.gz", "one")
    bucket.put("p/b.csv.gz", "two")
    got = fetch(bucket.uri("p/a.csv.gz"), tmp_path)
    assert (got.name, got.read_bytes()) == ("a.csv.gz", b"one")
    assert list(proxy.downloads()) == ["p/a.csv.gz"]


def test_without_a_manifest_all_data_files_come(bucket, tmp_path):
    names = {"a.csv", "b.CSV.gz", "c.zip", "deep/d.parquet"}
    for name in names | {"notes.txt", "table.sql"}:
        bucket.put(f"p/{name}", name)
    bucket.put("paper/e.csv")
    assert set(files(fetch(bucket.uri("p"), tmp_path))) == names


def test_a_folder_may_be_named_by_its_beginning(bucket, tmp_path):
    bucket.put("exports/2026/a.csv")
    assert fetch(bucket.uri("exp"), tmp_path).name == "exports"
    bucket.put("expenses/a.csv")
    with pytest.raises(BillNotFound, match=r"expenses/, s3://.*exports/"):
        fetch(bucket.uri("exp"), tmp_path)


def test_a_folder_named_like_a_file(bucket, tmp_path):
    bucket.put("p/bill.parquet/part-0.parquet")
    assert set(files(fetch(bucket.uri("p/bill.parquet"), tmp_path))) == {"part-0.parquet"}


def test_listing_goes_over_many_pages(bucket, proxy, tmp_path, monkeypatch):
    for number in range(5):
        bucket.put(f"p/{number}.csv")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    assert len(files(fetch(bucket.uri("p"), tmp_path))) == 5
    assert sum("list-type" in r.query for r in proxy.requests) >= 3


def test_the_local_reader_finds_the_same_files(bucket, tmp_path):
    manifest, data = put_create_new(bucket)
    legacy = "cur/r/20261001-20261101"
    bucket.put(f"{legacy}/assembly/r-1.csv.gz")
    for place in (legacy, f"{legacy}/assembly"):
        bucket.put_legacy(f"{place}/r-Manifest.json", [f"/{legacy}/assembly/r-1.csv.gz"])
    for key in ("", "p", manifest, f"{EXPORT}/metadata", data, f"{legacy}/r-Manifest.json"):
        found = source.find([fetch(bucket.uri(key), tmp_path)])
        names = {file.path.name for file in found.files}
        expected = {"export-00001.snappy.parquet"} if key.startswith("p") else {"r-1.csv.gz"}
        assert names == (expected if key else {"export-00001.snappy.parquet", "r-1.csv.gz"})
        assert not found.notes


# Periods


@pytest.mark.parametrize(
    ("path", "period"),
    [
        ("x/BILLING_PERIOD=2026-05/a.csv", "2026-05"),
        ("x/billing_period=2026-05/e/a.csv", "2026-05"),
        ("x/20261201-20270101/a.csv", "2026-12"),
        ("x/year=2026/month=9/a.csv", "2026-09"),
        ("x/year=2026/month=09/a.csv", "2026-09"),
        ("x/year=2026/a.csv", None),
        ("x/a.csv", None),
        ("x/20261201-20270101-copy/a.csv", None),
    ],
)
def test_paths_tell_periods(path, period):
    assert period_of(path) == period


def test_periods_choose_manifests(bucket, proxy, tmp_path):
    put_create_new(bucket, "2026-04")
    manifest, data = put_create_new(bucket, "2026-05")
    got = fetch(bucket.uri("p"), tmp_path, periods=["2026-05"])
    assert {f"p/{path}" for path in files(got)} == {manifest, data}
    assert set(proxy.downloads()) == {manifest, data}
    with pytest.raises(BillNotFound, match=r"No delivery of 2026-06 .* 2026-04, 2026-05"):
        fetch(bucket.uri("p"), tmp_path, periods=["2026-06"])


def test_periods_choose_files_where_the_path_tells(bucket, tmp_path):
    for key in ("p/year=2026/month=4/a.csv", "p/year=2026/month=05/a.csv", "p/b.csv"):
        bucket.put(key)
    got = fetch(bucket.uri("p"), tmp_path, periods=["2026-05"])
    assert set(files(got)) == {"year=2026/month=05/a.csv", "b.csv"}


def test_a_manifest_whose_path_tells_nothing_has_its_files_periods(bucket, tmp_path):
    for period in ("2026-04", "2026-05"):
        key = f"p/data/BILLING_PERIOD={period}/a.csv"
        bucket.put(key)
        bucket.put_exports(f"p/m{period}-Manifest.json", [key])
    got = fetch(bucket.uri("p"), tmp_path, periods=["2026-04"])
    assert set(files(got)) == {"m2026-04-Manifest.json", "data/BILLING_PERIOD=2026-04/a.csv"}
    with pytest.raises(BillNotFound, match="No delivery of 2026-07"):
        fetch(bucket.uri("p"), tmp_path, periods=["2026-07"])


def test_a_period_is_a_month(bucket, tmp_path):
    with pytest.raises(OptionInvalid, match="YYYY-MM"):
        fetch(bucket.uri("p"), tmp_path, periods=["2026-13"])


def test_the_status_table_and_the_test_object_are_no_data():
    assert not is_data("r/cost_and_usage_data_status/cost_and_usage_data_status.parquet")
    assert not is_data("aws-programmatic-access-test-object")


# Manifests that do not fit the bucket


def test_a_listed_file_that_is_missing_is_named(bucket, tmp_path):
    folder = "r/20261001-20261101"
    bucket.put(f"{folder}/r-1.csv.gz")
    for listed in ([1, 2], [2, 1]):
        keys = [f"{folder}/r-{n}.csv.gz" for n in listed]
        bucket.put_legacy(f"{folder}/r-Manifest.json", keys)
        for uri in (bucket.uri("r"), bucket.uri(f"{folder}/r-Manifest.json")):
            with pytest.raises(BillNotFound, match=r"r-2\.csv\.gz, which is not there"):
                fetch(uri, tmp_path)
    assert not list((tmp_path / "snapshots").iterdir())


def test_another_bucket_is_never_read(bucket, proxy, tmp_path):
    uris = ["s3://somebody-else/p/data/BILLING_PERIOD=2026-05/a.csv"]
    bucket.put("p/metadata/BILLING_PERIOD=2026-05/a-Manifest.json", json.dumps({"dataFiles": uris}))
    with pytest.raises(BillNotFound, match=r"another bucket .* s3://somebody-else/"):
        fetch(bucket.uri("p"), tmp_path)


def test_a_replica_bucket_and_a_copy_under_another_prefix(bucket, tmp_path):
    keys = [f"p/e/data/BILLING_PERIOD=2026-05/e-0000{n}.csv.gz" for n in (1, 2)]
    manifest = "p/e/metadata/BILLING_PERIOD=2026-05/e-Manifest.json"
    body = json.dumps({"dataFiles": [f"s3://the-original/{key}" for key in keys]})
    for prefix, version in (("", "new"), ("backup/of/", "old")):
        bucket.put(prefix + manifest, body)
        for key in keys:
            bucket.put(prefix + key, version)
    backup = fetch(bucket.uri("backup/of/p"), tmp_path)
    assert set(files(backup).values()) == {body.encode(), b"old"}
    assert set(files(fetch(bucket.uri("p"), tmp_path)).values()) == {body.encode(), b"new"}
    one = fetch(bucket.uri("backup/of/" + manifest), tmp_path)
    root = next(p for p in one.parents if p.name == bucket.name)
    assert set(files(root)) == {f"backup/of/{key}" for key in (*keys, manifest)}


def test_a_copy_that_lost_its_leading_folders(bucket, tmp_path):
    bucket.put("r/20261001-20261101/assembly/r-1.csv.gz")
    listed = ["billing/r/20261001-20261101/assembly/r-1.csv.gz"]
    bucket.put_legacy("r/20261001-20261101/r-Manifest.json", listed)
    assert len(files(fetch(bucket.uri("r"), tmp_path))) == 2


def test_no_other_delivery_is_taken_for_the_missing_one(bucket, tmp_path):
    bucket.put("r/20261001-20261101/first/r-1.csv.gz")
    bucket.put("r/20260901-20261001/second/r-1.csv.gz")
    bucket.put("r/20261001-20261101/r-1.csv.gz")
    listed = ["r/20261001-20261101/second/r-1.csv.gz"]
    bucket.put_legacy("r/20261001-20261101/r-Manifest.json", listed)
    with pytest.raises(BillNotFound, match=r"second/r-1\.csv\.gz"):
        fetch(bucket.uri("r"), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '"reportKeys"',
        '{"reportKeys": [1]}',
        '{"dataFiles": "s3://b/k"}',
        "[" * 9999,
    ],
)
def test_a_damaged_manifest_is_named(bucket, tmp_path, text):
    bucket.put("r/20261001-20261101/r-Manifest.json", text)
    with pytest.raises(BillUnreadable, match=r"r-Manifest\.json"):
        fetch(bucket.uri("r"), tmp_path)


def test_a_manifest_without_files_is_no_bill_yet(bucket, tmp_path):
    bucket.put_exports("p/metadata/BILLING_PERIOD=2026-05/e-Manifest.json", [])
    with pytest.raises(BillNotFound, match="no bill yet"):
        fetch(bucket.uri("p"), tmp_path)


def test_a_file_younger_than_its_manifest_is_reported(bucket, tmp_path, caplog):
    data = "p/e/data/BILLING_PERIOD=2026-05/e-00001.csv.gz"
    bucket.put_exports("p/e/metadata/BILLING_PERIOD=2026-05/e-Manifest.json", [data])
    time.sleep(1.1)  # S3 counts in seconds
    bucket.put(data)
    fetch(bucket.uri("p"), tmp_path)
    assert "a delivery may be under way" in caplog.text


# Nothing there


def test_nothing_there(bucket, tmp_path):
    bucket.put("p/notes.txt")
    for key in ("q", "q/", "p/missing.csv", "P/"):
        with pytest.raises(BillNotFound, match="Nothing lies under"):
            fetch(bucket.uri(key), tmp_path)
    with pytest.raises(BillNotFound, match="1 objects, but no manifest"):
        fetch(bucket.uri("p"), tmp_path)
    with pytest.raises(BillNotFound, match="no bucket named no-such-bucket"):
        fetch("s3://no-such-bucket/p", tmp_path)


@pytest.mark.parametrize(
    "uri", ["s3://", "s3:///key", "s3://KEY:SECRET@host/x", "/local", "s3://a"]
)
def test_addresses_without_a_bucket_are_refused_unrepeated(tmp_path, uri):
    with pytest.raises(OptionInvalid, match="s3://bucket/prefix") as caught:
        fetch(uri, tmp_path)
    assert "SECRET" not in str(caught.value)


# Keys are untrusted


@pytest.mark.parametrize(
    "key",
    [
        "p/../../../../evil.csv",
        "p/./evil.csv",
        "p/..\\evil.csv",
        "p/C:evil.csv",
        "p/\x1b[31mevil.csv",
        "p/" + "e" * 252 + ".csv",
        "p/" + "\u00e9" * 126 + ".csv",
    ],
)
def test_unsafe_keys_are_refused_before_anything_is_downloaded(bucket, proxy, tmp_path, key):
    listing = {"Contents": [{"Key": key, "ETag": '"x"', "Size": 1, "LastModified": None}]}

    class Pages:
        def paginate(self, **_):
            return [listing]

    client = boto3.client("s3")
    client.get_paginator = lambda _: Pages()
    session = type("Session", (), {"client": lambda *_, **__: client})()
    cache = tmp_path / "deep" / "cache"
    with pytest.raises(BillUnreadable, match="cannot be kept as a file") as caught:
        fetch(bucket.uri("p"), cache, session=session)
    assert "\x1b" not in str(caught.value)
    assert set(files(tmp_path)) == {"deep/cache/.lock"}


def test_a_manifest_cannot_lead_out_of_the_cache(bucket, tmp_path):
    key = "p/data/BILLING_PERIOD=2026-05/../../../../../../evil.csv"
    bucket.put(key)
    bucket.put_exports("p/metadata/BILLING_PERIOD=2026-05/e-Manifest.json", [key])
    with pytest.raises((BillUnreadable, BillNotFound)):
        fetch(bucket.uri("p"), tmp_path / "cache")
    assert not list(tmp_path.rglob("evil.csv"))


@pytest.mark.parametrize(
    "keys",
    [
        ("p/A.csv", "p/a.csv"),
        ("p//a.csv", "p/a.csv"),
        ("p/a.csv", "p/a.csv/b.csv"),
        ("p/e\u0301.csv", "p/\u00e9.csv"),
    ],
)
def test_keys_that_would_be_one_file_are_refused(bucket, tmp_path, keys):
    for key in keys:
        bucket.put(key)
    with pytest.raises(BillUnreadable, match="would be the same file"):
        fetch(bucket.uri("p/"), tmp_path)


def test_empty_segments_and_colons_are_kept_apart_from_trouble(bucket, tmp_path):
    bucket.put("p//r/12:34:56Z/a b%20+.csv", "x")
    got = fetch(bucket.uri("p"), tmp_path)
    assert files(got) == {"r/12:34:56Z/a b%20+.csv": b"x"}


def test_a_real_leading_slash(bucket, tmp_path):
    key = "/r/20261001-20261101/r-1.csv.gz"
    bucket.put(key)
    bucket.put_legacy("/r/20261001-20261101/r-Manifest.json", [key])
    assert len(files(fetch(bucket.uri(), tmp_path))) == 2


# The cache


def test_a_second_fetch_downloads_nothing(bucket, proxy, tmp_path):
    put_create_new(bucket)
    first = fetch(bucket.uri("p"), tmp_path)
    proxy.requests.clear()
    seen = []
    assert fetch(bucket.uri("p"), tmp_path, progress=lambda *n: seen.append(n)) == first
    assert not proxy.downloads()
    assert [r.method for r in proxy.requests] == ["GET"], "one listing and nothing else"
    assert seen[-1][0] == seen[-1][1] > 0


def test_other_addresses_share_what_is_here(bucket, proxy, tmp_path):
    manifest, data = put_create_new(bucket)
    fetch(bucket.uri("p"), tmp_path)
    proxy.requests.clear()
    fetch(bucket.uri(manifest), tmp_path)
    fetch(bucket.uri(data), tmp_path)
    assert not proxy.downloads()


def test_a_new_delivery_gets_a_new_folder_and_the_old_one_stays(bucket, proxy, tmp_path):
    bucket.put("p/a.csv", "first")
    bucket.put("p/b.csv", "same")
    old = fetch(bucket.uri("p"), tmp_path)
    bucket.put("p/a.csv", "other")  # the same size
    bucket.delete("p/none.csv")
    proxy.requests.clear()
    new = fetch(bucket.uri("p"), tmp_path)
    assert list(proxy.downloads()) == ["p/a.csv"]
    assert files(old) == {"a.csv": b"first", "b.csv": b"same"}
    assert files(new) == {"a.csv": b"other", "b.csv": b"same"}


def test_what_is_gone_from_s3_is_gone_here(bucket, tmp_path):
    bucket.put("p/a.csv")
    bucket.put("p/b.csv")
    fetch(bucket.uri("p"), tmp_path)
    bucket.delete("p/b.csv")
    assert set(files(fetch(bucket.uri("p"), tmp_path))) == {"a.csv"}


def test_a_damaged_cache_heals(bucket, tmp_path):
    bucket.put("p/a.csv", "whole")
    got = fetch(bucket.uri("p"), tmp_path)
    path = got / "a.csv"
    assert not os.access(path, os.W_OK) or os.geteuid() == 0, "nobody edits it by mistake"
    path.chmod(0o600)
    path.write_bytes(b"cut")
    assert files(fetch(bucket.uri("p"), tmp_path)) == {"a.csv": b"whole"}
    path.unlink()
    assert files(fetch(bucket.uri("p"), tmp_path)) == {"a.csv": b"whole"}


def test_superseded_deliveries_are_swept_after_days(bucket, tmp_path, monkeypatch):
    bucket.put("p/a.csv", "first")
    bucket.put("q/c.csv", "other bill")
    kept = fetch(bucket.uri("q"), tmp_path)
    old = fetch(bucket.uri("p"), tmp_path)
    bucket.put("p/a.csv", "second")
    monkeypatch.setattr(store_cache, "_KEEP_SECONDS", -1)
    new = fetch(bucket.uri("p"), tmp_path)
    assert (old.exists(), kept.exists(), new.exists()) == (False, True, True)
    assert len(files(tmp_path / "objects")) == 2
    assert files(kept) == {"c.csv": b"other bill"}


def test_without_hard_links_files_are_copied(bucket, tmp_path, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    bucket.put("p/a.csv", "x")
    assert files(fetch(bucket.uri("p"), tmp_path)) == {"a.csv": b"x"}


def test_only_the_owner_can_look_inside(bucket, tmp_path):
    bucket.put("p/a.csv", "x")
    fetch(bucket.uri("p"), tmp_path)
    for name in ("objects", "snapshots"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_two_fetches_at_once(bucket, proxy, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    for number in range(6):
        bucket.put(f"p/{number}.csv", os.urandom(300_000))
    proxy.slow = 0.02
    results = []
    work = [
        threading.Thread(target=lambda: results.append(fetch(bucket.uri("p"), tmp_path)))
        for _ in range(2)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert results[0] == results[1]
    assert len(files(results[0])) == 6
    assert set(proxy.downloads().values()) == {1}, "the one that waited found all in the cache"
    assert "waiting for it" in caplog.text


# Changes while it is read


def replace_at_first_download(bucket, key, actions):
    """Run the next action whenever the key's bytes are asked for."""
    left = list(actions)

    def spoil(request):
        if request.key == key and request.method == "GET" and not request.query and left:
            left.pop(0)()

    return spoil


def test_an_object_replaced_before_it_is_read_is_read_anew(bucket, proxy, tmp_path):
    bucket.put("p/a.csv", "old")
    bucket.put("p/b.csv", "same")
    proxy.spoil = replace_at_first_download(
        bucket, "p/a.csv", [lambda: bucket.put("p/a.csv", "new")]
    )
    assert files(fetch(bucket.uri("p"), tmp_path)) == {"a.csv": b"new", "b.csv": b"same"}


def test_a_manifest_replaced_meanwhile_starts_it_over(bucket, proxy, tmp_path):
    manifest, first = put_create_new(bucket)
    second = first.replace("00001", "00002")
    bucket.put(second, "second")
    proxy.spoil = replace_at_first_download(
        bucket, first, [lambda: bucket.put_exports(manifest, [first, second])]
    )
    got = files(fetch(bucket.uri("p"), tmp_path))
    assert {f"p/{path}" for path in got} == {manifest, first, second}


def test_a_file_removed_meanwhile_is_noticed(bucket, proxy, tmp_path):
    _, data = put_create_new(bucket)
    proxy.spoil = replace_at_first_download(bucket, data, [lambda: bucket.delete(data)])
    with pytest.raises(BillNotFound, match="is not there"):
        fetch(bucket.uri("p"), tmp_path)


def test_a_bill_that_never_rests_is_given_up(bucket, proxy, tmp_path):
    numbers = count()
    bucket.put("p/a.csv", "first")
    change = partial(lambda: bucket.put("p/a.csv", str(next(numbers))))
    proxy.spoil = replace_at_first_download(bucket, "p/a.csv", [change] * 10)
    with pytest.raises(StoreUnreachable, match=r"changed 4 times .* Run it again in an hour"):
        fetch(bucket.uri("p"), tmp_path)
    assert proxy.downloads()["p/a.csv"] == _ROUNDS
    assert not list((tmp_path / "snapshots").iterdir())


def test_the_cache_folder_must_be_usable(bucket, tmp_path):
    bucket.put("p/a.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(CureconError, match="Name a folder that can be written"):
        fetch(bucket.uri("p"), tmp_path / "file" / "cache")
