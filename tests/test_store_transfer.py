"""Downloads from S3 that break off, arrive wrong, are refused or interrupted."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from curecon import cli
from curecon.errors import BillNotFound, CureconError, StoreUnreachable
from curecon.store import fetch, transfer
from curecon.store.cache import Cache

pytest_plugins = ["s3_proxy"]

KEY = "p/a.csv"
SIZE = 700_000
BYTES = bytes(range(256)) * (SIZE // 256)
SCRIPT = """
import sys
from pathlib import Path
from curecon.store import fetch
print(fetch(sys.argv[1], Path(sys.argv[2])))
"""


def is_download(request):
    return request.method == "GET" and not request.query and request.key == KEY


def spoil_first(times, *action):
    """Spoil the first so many downloads of the object."""
    left = [action] * times
    return lambda request: left.pop() if is_download(request) and left else None


def ranges(proxy):
    return [r.range for r in proxy.requests if is_download(r)]


@pytest.fixture
def bill(bucket):
    bucket.put(KEY, BYTES)
    return bucket


def test_progress_ends_at_the_whole(bill, proxy, tmp_path):
    proxy.slow = 0.03
    seen = []
    main = threading.get_ident()
    fetch(bill.uri("p"), tmp_path, progress=lambda *n: seen.append((*n, threading.get_ident())))
    assert {thread for *_, thread in seen} == {main}
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)
    assert {total for _, total, _ in seen} == {len(BYTES)}
    assert seen[-1][0] == len(BYTES)
    assert len(seen) > 2


def test_only_reading_requests_are_sent(bill, proxy, tmp_path):
    fetch(bill.uri("p"), tmp_path)
    fetch(bill.uri(KEY), tmp_path)
    assert {r.method for r in proxy.requests} == {"GET", "HEAD"}


# Broken connections


def test_a_broken_download_goes_on_where_it_broke(bill, proxy, tmp_path):
    proxy.spoil = spoil_first(2, "cut", 100_000)
    got = fetch(bill.uri("p"), tmp_path)
    assert (got / "a.csv").read_bytes() == BYTES
    assert ranges(proxy) == [None, "bytes=100000-", "bytes=200000-"]


def test_a_server_without_ranges_sends_it_again(bill, proxy, tmp_path):
    actions = [("whole",), ("cut", 100_000)]
    proxy.spoil = lambda r: actions.pop() if is_download(r) and actions else None
    got = fetch(bill.uri("p"), tmp_path)
    assert (got / "a.csv").read_bytes() == BYTES
    assert ranges(proxy) == [None, "bytes=100000-"]


def test_a_connection_that_carries_nothing_is_given_up(bill, proxy, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "_LONGEST_PAUSE", 0.0)
    proxy.spoil = spoil_first(99, "cut", 0)
    with pytest.raises(StoreUnreachable, match=r"cannot be reached .* is kept"):
        fetch(bill.uri("p"), tmp_path)
    assert len(ranges(proxy)) == 10


def test_an_interrupted_download_resumes_in_the_next_run(bill, proxy, tmp_path):
    proxy.slow = 0.05

    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(bill.uri("p"), tmp_path, progress=interrupt)
    (part,) = (tmp_path / "objects").iterdir()
    here = part.stat().st_size
    assert part.suffix == ".part"
    assert 0 < here < len(BYTES)
    assert not list((tmp_path / "snapshots").iterdir())
    proxy.slow = 0
    seen = []
    got = fetch(bill.uri("p"), tmp_path, progress=lambda *n: seen.append(n))
    assert (got / "a.csv").read_bytes() == BYTES
    assert ranges(proxy)[-1] == f"bytes={here}-"
    assert seen[0][0] >= here


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_process_ended_midway_leaves_what_the_next_one_needs(bill, proxy, tmp_path, ending):
    proxy.slow = 0.2
    command = [sys.executable, "-c", SCRIPT, bill.uri("p"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not any(p.stat().st_size for p in tmp_path.glob("objects/*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(ending)
        out, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert not out
    assert not list((tmp_path / "snapshots").iterdir())
    proxy.slow = 0
    assert (fetch(bill.uri("p"), tmp_path) / "a.csv").read_bytes() == BYTES
    assert ranges(proxy)[-1].startswith("bytes=")


def test_two_processes_share_one_cache(bill, proxy, tmp_path):
    proxy.slow = 0.05
    command = [sys.executable, "-c", SCRIPT, bill.uri("p"), str(tmp_path)]
    work = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (process.communicate(timeout=60)[0] for process in work)
    assert first == second != b""
    assert len(ranges(proxy)) == 1


def test_a_finished_part_is_verified_before_it_counts(bill, proxy, tmp_path):
    fetch(bill.uri("p"), tmp_path)
    (whole,) = (path for path in (tmp_path / "objects").iterdir())
    whole.chmod(0o600)
    whole.rename(whole.with_suffix(".part"))
    proxy.requests.clear()
    fetch(bill.uri("p"), tmp_path)
    assert not ranges(proxy), "a complete part is not fetched again"
    whole.chmod(0o600)
    whole.write_bytes(BYTES[::-1])
    whole.rename(whole.with_suffix(".part"))
    got = fetch(bill.uri("p"), tmp_path)
    assert ranges(proxy) == [None]
    assert whole.read_bytes() == BYTES
    assert (got / "a.csv").stat().st_size == len(BYTES)


def test_a_part_that_is_too_long_is_begun_anew(bill, proxy, tmp_path):
    fetch(bill.uri("p"), tmp_path)
    (whole,) = (tmp_path / "objects").iterdir()
    whole.unlink()
    whole.with_suffix(".part").write_bytes(BYTES + b"more")
    fetch(bill.uri("p"), tmp_path)
    assert ranges(proxy) == [None, None]
    assert whole.read_bytes() == BYTES


# Wrong bytes


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ServerSideEncryption": "aws:kms", "ChecksumAlgorithm": "SHA256"},
        {"ServerSideEncryption": "aws:kms", "ChecksumAlgorithm": "SHA1"},
        {"ServerSideEncryption": "aws:kms", "ChecksumAlgorithm": "CRC32"},
    ],
)
@pytest.mark.parametrize("resumed", [False, True])
def test_wrong_bytes_are_fetched_again(bucket, proxy, tmp_path, options, resumed):
    bucket.put(KEY, BYTES, **options)
    actions = [("flip",), ("cut", 100_000)] if resumed else [("flip",)]
    proxy.spoil = lambda r: actions.pop() if is_download(r) and actions else None
    got = fetch(bucket.uri("p"), tmp_path)
    assert (got / "a.csv").read_bytes() == BYTES
    assert ranges(proxy)[-1] is None
    assert len(ranges(proxy)) == (3 if resumed else 2)


def test_bytes_that_stay_wrong_are_an_error(bill, proxy, tmp_path):
    proxy.spoil = spoil_first(99, "flip")
    with pytest.raises(StoreUnreachable, match=r"a\.csv arrives altered"):
        fetch(bill.uri("p"), tmp_path)
    assert len(ranges(proxy)) == 3
    assert not list((tmp_path / "objects").iterdir())


def test_of_a_multipart_upload_the_size_is_verified(bucket, proxy, tmp_path):
    client, where = bucket.client, {"Bucket": bucket.name, "Key": KEY}
    upload = client.create_multipart_upload(**where)["UploadId"]
    body = os.urandom(6_000_000)
    parts = []
    for number, piece in enumerate((body[:5_500_000], body[5_500_000:]), start=1):
        answer = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert "-2" in client.head_object(**where)["ETag"]
    proxy.spoil = spoil_first(1, "cut", 2_000_000)
    got = fetch(bucket.uri(KEY), tmp_path)
    assert got.read_bytes() == body
    assert ranges(proxy) == [None, "bytes=2000000-"]


def test_an_empty_object_needs_no_download(bucket, proxy, tmp_path):
    bucket.put(KEY, b"")
    assert (fetch(bucket.uri("p"), tmp_path) / "a.csv").read_bytes() == b""
    assert not ranges(proxy)


def test_an_object_replaced_midway_is_begun_anew(bill, proxy, tmp_path):
    fresh = BYTES[::-1]

    def spoil(request):
        if not is_download(request):
            return None
        if request.range is None and len(ranges(proxy)) == 1:
            return ("cut", 100_000)
        if request.range:
            bill.put(KEY, fresh)
        return None

    proxy.spoil = spoil
    got = fetch(bill.uri("p"), tmp_path)
    assert (got / "a.csv").read_bytes() == fresh
    assert ranges(proxy) == [None, "bytes=100000-", None]


# Refusals


def test_throttling_is_waited_out(bill, proxy, tmp_path):
    left = [("status", 503, "SlowDown")] * 5
    proxy.spoil = lambda _: left.pop() if left else None
    assert (fetch(bill.uri("p"), tmp_path) / "a.csv").read_bytes() == BYTES


REFUSALS = [
    (403, "AccessDenied", "lack s3:{action} for bucket {bucket}"),
    (400, "ExpiredToken", "have expired. Sign in again"),
    (403, "InvalidAccessKeyId", "does not accept the credentials"),
    (403, "SignatureDoesNotMatch", "does not accept the credentials"),
    (403, "RequestTimeTooSkewed", "this computer's clock"),
    (503, "SlowDown", "turned requests away after many attempts"),
    (403, "InvalidObjectState", "is archived"),
    (400, "AuthorizationHeaderMalformed", "lies in another region or at another endpoint"),
    (418, "Teapot\x1b!", "S3 answered Teapot "),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal[1][:6])
@pytest.mark.parametrize("of", ["list", "read", "single"])
def test_refusals_become_sentences(bill, proxy, tmp_path, of, refusal):
    status, code, sentence = refusal
    action = ("status", status, code.replace("\x1b", "&#155;"))
    proxy.spoil = lambda r: action if of == "list" or r.key == KEY else None
    with pytest.raises(StoreUnreachable) as caught:
        fetch(bill.uri(KEY if of == "single" else "p"), tmp_path)
    message = str(caught.value)
    lacking = "ListBucket" if of == "list" else "GetObject"
    assert sentence.format(action=lacking, bucket=bill.name) in message
    for secret in ("AKIAEXAMPLE", "hush-hush", "secret"):
        assert secret not in message
    assert message.endswith(".")


def test_the_bucket_region_is_named(bill, proxy, tmp_path):
    proxy.spoil = lambda _: ("status", 301, "PermanentRedirect", "eu-central-1")
    with pytest.raises(StoreUnreachable, match=r"lies in region eu-central-1\. Set AWS_REGION"):
        fetch(bill.uri("p"), tmp_path)


def test_a_missing_key_permission_is_named(bill, proxy, tmp_path):
    action = ("status", 403, "AccessDenied", "", "not authorized to perform: kms:Decrypt")
    proxy.spoil = lambda r: action if r.key == KEY else None
    with pytest.raises(StoreUnreachable, match="lack kms:Decrypt"):
        fetch(bill.uri("p"), tmp_path)


def test_what_was_fetched_before_a_refusal_is_kept(bill, proxy, tmp_path):
    actions = [("status", 400, "ExpiredToken"), ("cut", 100_000)]
    proxy.spoil = lambda r: actions.pop() if is_download(r) and actions else None
    with pytest.raises(StoreUnreachable, match="expired"):
        fetch(bill.uri("p"), tmp_path)
    fetch(bill.uri("p"), tmp_path)
    assert ranges(proxy)[-1] == "bytes=100000-"


def test_without_credentials(bill, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreUnreachable, match=r"No usable AWS credentials .* AWS_PROFILE"):
        fetch(bill.uri("p"), tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreUnreachable, match=r"ProfileNotFound"):
        fetch(bill.uri("p"), tmp_path)


def test_a_credential_helper_that_fails_is_not_quoted(bill, tmp_path, monkeypatch):
    config = tmp_path / "config"
    helper = "sh -c 'echo TOP-SECRET >&2; exit 1'"
    config.write_text(f"[default]\ncredential_process = {helper}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(StoreUnreachable, match="could not be renewed") as caught:
        fetch(bill.uri("p"), tmp_path / "cache")
    assert "TOP-SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [("http://127.0.0.1:1", "cannot be reached"), ("nonsense", "is not S3")],
)
def test_an_endpoint_that_is_not_there(bill, tmp_path, monkeypatch, endpoint, sentence):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(StoreUnreachable, match=sentence):
        fetch(bill.uri("p"), tmp_path)


@pytest.mark.parametrize(
    "action", [("body", b"<html><p>Sign in"), ("body", b""), ("status", 301, "Moved")]
)
def test_something_else_than_s3_answers(bill, proxy, tmp_path, action):
    proxy.spoil = lambda _: action
    for key in ("p", KEY):
        with pytest.raises((StoreUnreachable, BillNotFound), match=r"is not S3|Nothing lies|(500)"):
            fetch(bill.uri(key), tmp_path)


def test_the_first_refusal_ends_the_others(bucket, proxy, tmp_path):
    for number in range(40):
        bucket.put(f"p/{number:02}.csv", BYTES)
    proxy.spoil = lambda r: ("status", 403, "AccessDenied") if r.key == "p/03.csv" else None
    proxy.slow = 0.05
    with pytest.raises(StoreUnreachable, match=r"p/03\.csv"):
        fetch(bucket.uri("p"), tmp_path)
    assert len(proxy.downloads()) < 20


# The disk


def test_too_little_room_is_said_before_anything_comes(bill, proxy, tmp_path, monkeypatch):
    usage = SimpleNamespace(free=1000)
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CureconError, match=r"needs 699,904 bytes more, .* only 1,000 left"):
        fetch(bill.uri("p"), tmp_path)
    assert not ranges(proxy)


def test_a_disk_that_fills_up(bill, proxy, tmp_path, monkeypatch):
    def full(self, count):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer._Tally, "add", full)
    with pytest.raises(CureconError, match=r"is full\. Free some space"):
        fetch(bill.uri("p"), tmp_path)
    assert not list((tmp_path / "snapshots").iterdir())


def test_a_manifest_and_its_files_appear_together(bill, tmp_path, monkeypatch):
    manifest = "p/metadata/BILLING_PERIOD=2026-05/e-Manifest.json"
    bill.put(manifest, json.dumps({"dataFiles": [bill.uri(KEY)]}))

    def fail(self, home, objects):
        raise OSError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "_build", fail)
        with pytest.raises(CureconError, match="Permission denied"):
            fetch(bill.uri("p"), tmp_path)
    assert not list((tmp_path / "snapshots").iterdir())
    assert len(list(fetch(bill.uri("p"), tmp_path).rglob("*.*"))) == 2


def test_of_several_bills_the_refused_one_is_named_and_nothing_is_audited(
    bill, proxy, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bill.put("q/secret.csv", BYTES)
    denied = ("status", 403, "AccessDenied")
    proxy.spoil = lambda r: denied if r.key == "q/secret.csv" else None
    assert cli.run(["audit", bill.uri("p"), bill.uri("q")]) == cli.FAILED
    said = capsys.readouterr().err
    assert f"lack s3:GetObject for bucket {bill.name}" in said
    assert "q/secret.csv" in said
    assert not (tmp_path / "curecon.duckdb").exists()
