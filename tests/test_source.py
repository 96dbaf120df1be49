"""Where the bill lies: which files are read, which are left alone, and what is refused."""

import json
import os
import socket
import tarfile
from pathlib import Path

import pytest

from curecon.errors import BillNotFound, BillUnreadable, CureconError, OptionInvalid
from curecon.source import find

pytest_plugins = ["deliveries"]

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
EXPORT = "prefix/my-export"
OLD, NEW = (
    "2026-10-05T01:02:03.000Z-0a0a0a0a-1111-2222-3333-444444444444",
    "2026-10-20T23:48:02.356Z-9b6b32ef-2b70-3d10-9448-07e23ebce6b9",
)
ASSEMBLY_OLD, ASSEMBLY_NEW = (
    "aa1ddccb-abcd-1234-b849-57a32b6864a9",
    "bb1ddccb-abcd-1234-b849-57a32b6864a9",
)


def put(root, key, content="x"):
    """Write a file under `root` as S3 would hold it."""
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def exports(root, place, *keys, bucket="billing"):
    """Write a manifest of Data Exports that lists keys."""
    listed = {"executionId": "e", "columns": [], "dataFiles": [f"s3://{bucket}/{k}" for k in keys]}
    return put(root, place, json.dumps(listed))


def legacy(root, place, *keys, start="20261001T000000.000Z"):
    """Write a manifest of a legacy report that lists keys."""
    listed = {"billingPeriod": {"start": start}, "bucket": "billing", "reportKeys": list(keys)}
    return put(root, place, json.dumps(listed))


def names(found, root):
    return [file.path.resolve().relative_to(root.resolve()).as_posix() for file in found.files]


def create_new(root, period="2026-10", partition="BILLING_PERIOD", export=EXPORT):
    """A period of which Data Exports kept two deliveries; return the current data file's key."""
    place = f"{partition}={period}"
    keys = {}
    for execution in (OLD, NEW):
        keys[execution] = f"{export}/data/{place}/{execution}/my-export-00001.snappy.parquet"
        put(root, keys[execution], execution)
        own = f"{export}/metadata/{place}/{execution}/my-export-Manifest.json"
        exports(root, own, keys[execution])
    exports(root, f"{export}/metadata/{place}/my-export-Manifest.json", keys[NEW])
    return keys[NEW]


# One file, several files, a folder


def test_a_single_file_is_read_and_its_path_tells_the_period(tmp_path):
    path = put(tmp_path, "data/BILLING_PERIOD=2026-10/x-00001.csv.gz")
    (file,) = find([path]).files
    assert (file.path, file.name, file.period) == (path, "x-00001.csv.gz", "2026-10")


@pytest.mark.parametrize(
    ("place", "period"),
    [
        ("data/BILLING_PERIOD=2026-09/a.csv", "2026-09"),
        ("data/billing_period=2026-09/a.csv", "2026-09"),
        ("report/20260901-20261001/a.csv", "2026-09"),
        ("report/20260901-20261001/" + ASSEMBLY_OLD + "/a.csv", "2026-09"),
        ("report/report/year=2026/month=9/a.parquet", "2026-09"),
        ("report/report/year=2026/month=09/a.parquet", "2026-09"),
        ("report/20260915-20261001/a.csv", None),
        ("data/BILLING_PERIOD=2026-13/a.csv", None),
        ("report/year=2026/month=0/a.csv", None),
        ("bill.csv", None),
    ],
)
def test_the_period_is_read_from_each_layout(tmp_path, place, period):
    put(tmp_path, place)
    (file,) = find([tmp_path]).files
    assert file.period == period


def test_several_files_keep_the_order_in_which_they_are_named(tmp_path):
    paths = [put(tmp_path, name) for name in ("b.csv", "a.csv")]
    assert [file.path for file in find(paths).files] == paths


def test_a_folder_without_manifest_gives_its_data_files_and_nothing_else(tmp_path):
    for name in ("b.csv", "a.csv.gz", "deep/c.zip", "d.parquet", "UPPER.CSV"):
        put(tmp_path, name)
    for name in ("notes.txt", "create-table.sql", "crawler-cfn.yml", "x.json", ".hidden.csv"):
        put(tmp_path, name, "{}")
    put(tmp_path, "_temporary/0/part.parquet")
    put(tmp_path, "cost_and_usage_data_status/status.parquet")
    put(tmp_path, "aws-programmatic-access-test-object")
    found = find([tmp_path])
    assert names(found, tmp_path) == ["UPPER.CSV", "a.csv.gz", "b.csv", "d.parquet", "deep/c.zip"]


def test_a_redshift_manifest_is_no_manifest_of_a_bill(tmp_path):
    put(tmp_path, "a.csv")
    put(tmp_path, "report-RedshiftManifest.json", '{"entries": [{"url": "s3://b/a.csv"}]}')
    assert names(find([tmp_path]), tmp_path) == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    [
        "with space.csv",
        "it's.csv",
        "br[ac]k{e}ts.csv",
        "st*r?.csv",
        "中文 é.csv",
        'q"uote.csv',
        "#;$.csv",
    ],
)
def test_any_file_name_is_taken_literally(tmp_path, name):
    put(tmp_path, f"{name}/inner {name}")
    put(tmp_path, name.replace("*", "X").replace("?", "Y") + ".other.csv")
    found = find([tmp_path / name])
    assert [file.name for file in found.files] == [f"inner {name}"]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path):
    put(tmp_path, "x.csv/part.csv")
    assert names(find([tmp_path / "x.csv"]), tmp_path) == ["x.csv/part.csv"]
    assert names(find([tmp_path]), tmp_path) == ["x.csv/part.csv"]


def test_a_file_name_that_is_no_text_is_still_read(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    path.write_text("x")
    (file,) = find([tmp_path]).files
    assert (file.path, file.name) == (path, "caf�.csv")


# Links


def test_links_to_files_and_folders_are_followed_and_nothing_is_read_twice(tmp_path):
    real = put(tmp_path, "store/oct/a.csv").parent
    bill = tmp_path / "bill"
    bill.mkdir()
    (bill / "oct").symlink_to(real)
    (bill / "again").symlink_to(real)
    (bill / "loop").symlink_to(bill)
    assert [file.name for file in find([bill]).files] == ["again/a.csv"]


def test_a_link_that_leads_nowhere_is_refused_rather_than_left_out(tmp_path):
    put(tmp_path, "a.csv")
    (tmp_path / "b.parquet").symlink_to(tmp_path / "gone.parquet")
    with pytest.raises(BillUnreadable, match=r"b\.parquet: a link that leads nowhere"):
        find([tmp_path])


def test_a_file_reached_by_two_names_is_refused(tmp_path):
    path = put(tmp_path, "a.csv")
    (tmp_path / "b.csv").symlink_to(path)
    with pytest.raises(OptionInvalid, match="named twice"):
        find([tmp_path])
    with pytest.raises(OptionInvalid, match="named twice"):
        find([path, path])


# What is no bill


@pytest.mark.parametrize("what", ["missing", "empty folder", "folder without data"])
def test_nothing_to_read_is_said_in_a_sentence(tmp_path, what):
    path = tmp_path / "bill"
    if what != "missing":
        path.mkdir()
    if what == "folder without data":
        put(path, "readme.txt")
    expected = "no such file or folder" if what == "missing" else "no bill file was found there"
    with pytest.raises(BillNotFound, match=expected):
        find([path])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bill.tar.gz", "is an archive; unpack it, and name the folder"),
        ("Bill.7Z", "is an archive; unpack it, and name the folder"),
        ("bill.rar", "is an archive; unpack it, and name the folder"),
        ("bill.csv.bz2", "packed in a way that is not read; unpack it"),
        ("bill.xlsx", "is a workbook, which keeps no exact amounts; name what AWS delivered"),
        ("invoice.pdf", "is an invoice; its lines are in the cost report"),
        ("items.jsonl", "in no form that AWS delivers a bill in"),
    ],
)
def test_what_lies_in_the_place_of_a_bill_is_told_with_what_to_do(tmp_path, name, told):
    path = put(tmp_path, f"bill/{name}")
    put(tmp_path, "bill/readme.md")
    for named in (path, path.parent):
        with pytest.raises(CureconError) as caught:
            find([named])
        assert str(path) in str(caught.value)
        assert told in str(caught.value)


def test_a_packed_file_in_a_folder_has_to_be_named_itself(tmp_path):
    path = put(tmp_path, "bill/bill.gz")
    with pytest.raises(BillNotFound, match=r"bill.gz is read only where it is named itself"):
        find([path.parent])
    assert [file.path for file in find([path]).files] == [path]


def test_an_archive_beside_a_bill_is_told_and_not_read(tmp_path):
    put(tmp_path, "bill/a.csv")
    archive = put(tmp_path, "bill/older.tar.gz")
    found = find([tmp_path / "bill"])
    assert names(found, tmp_path) == ["bill/a.csv"]
    assert found.notes == [
        f"{archive} is an archive; unpack it, and name the folder that comes out of it; not read"
    ]


@pytest.mark.parametrize("kind", ["device", "pipe", "socket"])
def test_devices_pipes_and_sockets_are_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "bill.csv"
    if kind == "device":
        path = Path("/dev/null")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))
    with pytest.raises(BillUnreadable, match="save the bill in a file"):
        find([path])


def test_a_folder_that_may_not_be_listed_is_not_left_out(plain_user):
    root, unprivileged = plain_user
    put(root, "open/a.csv")
    put(root, "shut/b.csv").parent.chmod(0)
    with (
        unprivileged(),
        pytest.raises(BillUnreadable, match=r"shut: cannot be listed \(Permission denied\)"),
    ):
        find([root])


# --period


def test_period_leaves_out_other_months_and_keeps_what_has_no_month_in_its_path(tmp_path):
    for month in ("09", "10", "11"):
        put(tmp_path, f"data/BILLING_PERIOD=2026-{month}/x-00001.csv")
    put(tmp_path, "loose.csv")
    found = find([tmp_path], ["2026-09", "2026-11"])
    assert [(file.period, file.path.name) for file in found.files] == [
        ("2026-09", "x-00001.csv"),
        ("2026-11", "x-00001.csv"),
        (None, "loose.csv"),
    ]


@pytest.mark.parametrize("period", ["2026-13", "2026-1", "october", "2026-10-01", "2026-10\n", ""])
def test_a_period_that_is_no_month_is_refused(tmp_path, period):
    put(tmp_path, "a.csv")
    with pytest.raises(OptionInvalid, match="is not a month; write it as 2026-10"):
        find([tmp_path], [period])


def test_a_period_without_files_is_said(tmp_path):
    put(tmp_path, "data/BILLING_PERIOD=2026-10/x-00001.csv")
    with pytest.raises(BillNotFound, match=r"no bill file for 2026-12 was found"):
        find([tmp_path], ["2026-12"])


# Manifests


@pytest.mark.parametrize("partition", ["BILLING_PERIOD", "billing_period"])
@pytest.mark.parametrize("where", ["", "prefix", EXPORT])
def test_create_new_reads_the_current_execution_only(tmp_path, partition, where):
    key = create_new(tmp_path, partition=partition)
    found = find([tmp_path / where])
    assert names(found, tmp_path) == [key]
    assert [file.period for file in found.files] == ["2026-10"]
    assert found.notes == [
        (
            f"{Path(tmp_path, where).name}: 1 data file of older deliveries, which a newer one "
            "replaces, not read"
        )
    ]


def test_a_file_that_no_manifest_lists_is_said_apart_from_those_of_older_deliveries(tmp_path):
    key = create_new(tmp_path)
    for stray in ("a", "b"):
        put(tmp_path, key.replace("00001", stray))
    assert names(find([tmp_path]), tmp_path) == [key]
    (older, strays) = find([tmp_path]).notes
    assert "1 data file of older deliveries" in older
    assert strays == f"{tmp_path.name}: 2 data files that no manifest lists, not read"


def test_a_manifest_named_alone_finds_its_files(tmp_path):
    key = create_new(tmp_path)
    place = tmp_path / EXPORT / "metadata" / "BILLING_PERIOD=2026-10"
    assert names(find([place / "my-export-Manifest.json"]), tmp_path) == [key]
    old = find([place / OLD / "my-export-Manifest.json"])
    assert names(old, tmp_path) == [key.replace(NEW, OLD)]


def test_legacy_create_new_reads_the_current_assembly_only(tmp_path):
    place = "/path/report/20261001-20261101"
    keys = {}
    for assembly in (ASSEMBLY_OLD, ASSEMBLY_NEW):
        keys[assembly] = [f"{place}/{assembly}/report-{n}.csv.gz" for n in (1, 2)]
        for key in keys[assembly]:
            put(tmp_path, key[1:])
        legacy(tmp_path, f"{place[1:]}/{assembly}/report-Manifest.json", *keys[assembly])
    legacy(tmp_path, f"{place[1:]}/report-Manifest.json", *keys[ASSEMBLY_NEW])
    found = find([tmp_path])
    assert names(found, tmp_path) == [key[1:] for key in keys[ASSEMBLY_NEW]]
    assert {file.period for file in found.files} == {"2026-10"}


def test_overwrite_leaves_a_surplus_chunk_unread(tmp_path):
    for number in (1, 2, 3):
        put(tmp_path, f"{EXPORT}/data/BILLING_PERIOD=2026-10/my-export-0000{number}.csv.gz")
    keys = [f"{EXPORT}/data/BILLING_PERIOD=2026-10/my-export-0000{n}.csv.gz" for n in (1, 2)]
    exports(tmp_path, f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/my-export-Manifest.json", *keys)
    assert names(find([tmp_path]), tmp_path) == keys


def test_legacy_parquet_lies_beside_its_manifest(tmp_path):
    keys = [f"p/report/report/year=2026/month={month}/report-00001.parquet" for month in (9, 10)]
    for key in keys:
        put(tmp_path, key)
    put(tmp_path, "p/report/cost_and_usage_data_status/status.parquet")
    for key, dates, start in (
        (keys[0], "20260901-20261001", "20260901T000000.000Z"),
        (keys[1], "20261001-20261101", "20261001T000000.000Z"),
    ):
        legacy(tmp_path, f"p/report/{dates}/report-Manifest.json", key, start=start)
    found = find([tmp_path])
    assert [(file.name, file.period) for file in found.files] == [
        (keys[0], "2026-09"),
        (keys[1], "2026-10"),
    ]
    assert [file.name for file in find([tmp_path], ["2026-10"]).files] == [keys[1]]


def test_several_periods_and_two_exports_are_read_together(tmp_path):
    wanted = [
        create_new(tmp_path, "2026-09", export="a/my-export"),
        create_new(tmp_path, "2026-10", export="a/my-export"),
        create_new(tmp_path, "2026-10", export="deeper/b/my-export"),
    ]
    assert sorted(names(find([tmp_path]), tmp_path)) == sorted(wanted)


def test_two_copies_of_one_manifest_are_one_and_different_ones_side_by_side_are_refused(tmp_path):
    place = "report/20261001-20261101"
    key = f"{place}/{ASSEMBLY_NEW}/report-1.csv"
    put(tmp_path, key)
    for assembly in (ASSEMBLY_OLD, ASSEMBLY_NEW):
        legacy(tmp_path, f"{place}/{assembly}/report-Manifest.json", key)
    assert names(find([tmp_path]), tmp_path) == [key]
    other = put(tmp_path, f"{place}/{ASSEMBLY_OLD}/report-1.csv").relative_to(tmp_path).as_posix()
    legacy(tmp_path, f"{place}/{ASSEMBLY_OLD}/report-Manifest.json", other)
    with pytest.raises(BillUnreadable, match=r"several manifests of 2026-10.*name one manifest"):
        find([tmp_path])
    assert names(find([tmp_path / place / ASSEMBLY_OLD]), tmp_path) == [other]


def test_a_manifest_in_an_execution_folder_alone_is_the_current_one(tmp_path):
    key = f"{EXPORT}/data/BILLING_PERIOD=2026-10/{NEW}/x-00001.csv"
    put(tmp_path, key)
    exports(tmp_path, f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/{NEW}/x-Manifest.json", key)
    assert names(find([tmp_path]), tmp_path) == [key]


def test_a_listed_file_that_is_missing_is_named_even_if_a_stale_one_has_its_name(tmp_path):
    key = create_new(tmp_path)
    (tmp_path / key).unlink()
    with pytest.raises(BillUnreadable, match=rf"lists {key}, which is not there.*incomplete"):
        find([tmp_path])


@pytest.mark.parametrize(
    ("listed", "here"),
    [
        ("e/data/BILLING_PERIOD=2026-10/x.csv", "e/data/BILLING_PERIOD=2026-09/x.csv"),
        ("r/r/year=2026/month=10/x.parquet", "r/r/year=2026/month=9/x.parquet"),
        (f"r/20261001-20261101/{ASSEMBLY_NEW}/x.csv", f"r/20261001-20261101/{ASSEMBLY_OLD}/x.csv"),
        ("e/data/BILLING_PERIOD=2026-10/x.csv", f"e/data/BILLING_PERIOD=2026-10/{OLD}/x.csv"),
    ],
)
def test_another_period_or_execution_never_stands_in(tmp_path, listed, here):
    put(tmp_path, here)
    exports(tmp_path, "e/metadata/BILLING_PERIOD=2026-10/x-Manifest.json", listed)
    with pytest.raises(BillUnreadable, match="which is not there"):
        find([tmp_path])


def test_keys_resolve_by_the_longest_suffix_wherever_the_copy_lies(tmp_path):
    key = "prefix/export/data/BILLING_PERIOD=2026-10/export-00001.csv"
    for place in ("flat/export-00001.csv", "files/here/export-00001.csv"):
        folder = tmp_path / place.split("/")[0]
        put(tmp_path, place)
        exports(folder, "manifests/export-Manifest.json", key)
        assert names(find([folder]), tmp_path) == [place]
    put(tmp_path, "files/BILLING_PERIOD=2026-10/export-00001.csv")
    found = names(find([tmp_path / "files"]), tmp_path)
    assert found == ["files/BILLING_PERIOD=2026-10/export-00001.csv"]


def test_a_key_that_could_be_two_files_is_refused(tmp_path):
    put(tmp_path, "one/export-00001.csv")
    put(tmp_path, "two/export-00001.csv")
    exports(tmp_path, "m/export-Manifest.json", "prefix/export-00001.csv")
    with pytest.raises(BillUnreadable, match=r"could be one/export-00001\.csv or two/export"):
        find([tmp_path])


def test_a_key_listed_twice_is_read_once(tmp_path):
    put(tmp_path, "data/x.csv")
    exports(tmp_path, "x-Manifest.json", "data/x.csv", "/data/x.csv", "data/x.csv")
    assert names(find([tmp_path]), tmp_path) == ["data/x.csv"]


def test_a_folder_and_a_file_in_it_are_not_read_twice(tmp_path):
    path = put(tmp_path, "a.csv")
    with pytest.raises(OptionInvalid, match="named twice"):
        find([tmp_path, path])


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "a/../b.csv", "..", "", "/", "s3://bucket/", "a\\b.csv", "a\0b.csv"],
)
def test_hostile_keys_are_refused(tmp_path, key):
    put(tmp_path, "a.csv")
    legacy(tmp_path, "x-Manifest.json", key)
    with pytest.raises(BillUnreadable, match="no safe key"):
        find([tmp_path])


def test_a_leading_slash_is_no_path_of_this_machine(tmp_path):
    legacy(tmp_path, "x-Manifest.json", "/etc/passwd")
    with pytest.raises(BillUnreadable, match="lists etc/passwd, which is not there"):
        find([tmp_path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "its JSON does not parse"),
        ('{"reportKeys": ["a.csv"', "its JSON does not parse"),
        ("[" * 100_000, "its JSON does not parse"),
        ('{"reportKeys": "a.csv"}', "so it is no manifest"),
        ('{"dataFiles": [1]}', "so it is no manifest"),
        ('{"dataFiles": null}', "so it is no manifest"),
        ("[]", "so it is no manifest"),
        ('{"assemblyId": "a"}', "so it is no manifest"),
    ],
)
def test_a_damaged_manifest_is_never_overlooked(tmp_path, content, message):
    put(tmp_path, "a.csv")
    put(tmp_path, "x-Manifest.json", content)
    with pytest.raises(BillUnreadable, match=message):
        find([tmp_path])
    with pytest.raises(BillUnreadable, match=message):
        find([tmp_path / "x-Manifest.json"])


def test_a_manifest_that_is_no_text_is_refused(tmp_path):
    put(tmp_path, "a.csv")
    (tmp_path / "x-Manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BillUnreadable, match="manifest is damaged"):
        find([tmp_path])


def test_other_json_named_as_a_bill_is_refused(tmp_path):
    path = put(tmp_path, "price.json", '{"offerCode": "AmazonBedrock"}')
    with pytest.raises(BillUnreadable, match="so it is no manifest"):
        find([path])


def test_a_manifest_without_files_leaves_nothing_to_read(tmp_path):
    put(tmp_path, "data/BILLING_PERIOD=2026-10/stale.csv")
    exports(tmp_path, "metadata/BILLING_PERIOD=2026-10/x-Manifest.json")
    with pytest.raises(BillNotFound, match="no bill file was found"):
        find([tmp_path])


def test_a_period_without_its_manifest_may_be_under_way(tmp_path):
    create_new(tmp_path, "2026-09")
    put(tmp_path, f"{EXPORT}/data/BILLING_PERIOD=2026-10/{NEW}/my-export-00001.snappy.parquet")
    with pytest.raises(BillUnreadable, match=r"period 2026-10 has data files and no manifest"):
        find([tmp_path])
    assert len(find([tmp_path], ["2026-09"]).files) == 1


def test_a_file_of_no_period_beside_manifests_is_noted_and_not_read(tmp_path):
    key = create_new(tmp_path)
    put(tmp_path, "extract.csv")
    found = find([tmp_path])
    assert names(found, tmp_path) == [key]
    assert "1 data file that no manifest lists" in found.notes[1]


def test_period_asks_only_for_the_files_of_that_period(tmp_path):
    key = create_new(tmp_path, "2026-09")
    missing = f"{EXPORT}/data/BILLING_PERIOD=2026-10/gone.csv"
    exports(tmp_path, f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/my-export-Manifest.json", missing)
    assert names(find([tmp_path], ["2026-09"]), tmp_path) == [key]


def test_two_executions_without_manifest_are_refused(tmp_path):
    for execution in (OLD, NEW):
        put(tmp_path, f"data/BILLING_PERIOD=2026-10/{execution}/x-00001.csv")
    with pytest.raises(BillUnreadable, match=r"two deliveries of 2026-10.*name one of the two"):
        find([tmp_path])
    (tmp_path / f"data/BILLING_PERIOD=2026-10/{OLD}/x-00001.csv").write_text("")
    assert len(find([tmp_path]).files) == 2  # an empty surplus chunk is no delivery


def test_every_refusal_is_a_sentence_with_a_path(tmp_path):
    put(tmp_path, "a.csv")
    put(tmp_path, "x-Manifest.json", "{")
    with pytest.raises(CureconError) as caught:
        find([tmp_path])
    assert str(tmp_path / "x-Manifest.json") in str(caught.value)
    assert "\n" not in str(caught.value)


# Real shapes


def test_the_sample_bucket_in_the_legacy_layout(tmp_path):
    archive = SAMPLES / "legacy-csv-bucket" / "test_local_bucket_prefix.tar.gz"
    if not archive.exists():
        pytest.skip("the sample bucket is not beside this checkout")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    found = find([tmp_path])
    assert [(file.path.name, file.period) for file in found.files] == [
        ("my-report-1.csv.gz", "2018-08")
    ]
    assert found.notes == []


@pytest.mark.parametrize("name", ["legacy_cur_real_shape", "data_exports_focus12_real_shape"])
def test_the_real_manifest_shapes(tmp_path, name):
    sample = SAMPLES / "manifests" / f"{name}.json"
    if not sample.exists():
        pytest.skip("the sample manifests are not beside this checkout")
    content = json.loads(sample.read_text("utf-8"))
    listed = content.get("reportKeys") or content["dataFiles"]
    for key in listed:
        put(tmp_path, key.removeprefix("s3://<bucket>/"))
    put(tmp_path, "metadata/report-Manifest.json", sample.read_text("utf-8"))
    found = find([tmp_path])
    assert [file.name for file in found.files] == [k.removeprefix("s3://<bucket>/") for k in listed]
    assert {file.period for file in found.files} == {"2016-11" if "legacy" in name else "2026-05"}
