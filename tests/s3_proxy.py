"""An S3 on the loopback interface, and a proxy before it that notes requests and spoils answers."""

import json
import os
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import SimpleNamespace
from urllib.parse import unquote

import boto3
import pytest
from botocore.loaders import Loader
from moto.server import ThreadedMotoServer

_numbers = count()
_loader = Loader()


@dataclass
class Request:
    method: str
    key: str
    query: str
    range: str | None


@dataclass
class Proxy:
    """Stands between curecon and the S3 of the tests, notes requests and spoils answers.

    `spoil` gets a request and returns what to do to it: None, ("status", code, error code) with a
    region or a message after it, ("body", bytes), ("cut", bytes) to close after so many, ("flip",)
    to change a byte, ("whole",) to ignore ranges.
    """

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    spoil: object = staticmethod(lambda _: None)
    slow: float = 0.0

    def downloads(self):
        """How often each key's bytes were asked for."""
        return Counter(r.key for r in self.requests if r.method == "GET" and not r.query and r.key)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    behind: tuple[str, int]

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        key = unquote(path).removeprefix("/").partition("/")[2]
        headers = dict(self.headers)
        request = Request(self.command, key, query, headers.get("Range"))
        self.proxy.requests.append(request)
        action = self.proxy.spoil(request)
        if action and action[0] == "status":
            self._answer_error(*action[1:])
            return
        if action and action[0] == "body":
            self._answer(200, action[1])
            return
        if action and action[0] == "whole":
            headers.pop("Range", None)
        client_left = suppress(BrokenPipeError, ConnectionResetError)
        with client_left, closing(HTTPConnection(*self.behind)) as connection:
            connection.request(self.command, self.path, headers=headers)
            self._pass_on(connection.getresponse(), action or ("",))

    do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

    def _answer_error(self, status, code, region="", message="secret"):
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self._answer(status, body.encode(), {"x-amz-bucket-region": region} if region else {})

    def _answer(self, status, body, headers=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pass_on(self, answer, action):
        body = answer.read()
        if action[0] == "flip":
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(answer.status)
        hop = {"transfer-encoding", "connection", "date", "server"}
        for name, value in answer.getheaders():
            if name.lower() not in hop:
                self.send_header(name, value)
        self.end_headers()
        if action[0] == "cut":
            self.wfile.write(body[: action[1]])
            self.wfile.flush()
            self.close_connection = True
            return
        for start in range(0, len(body), 65536):
            self.wfile.write(body[start : start + 65536])
            time.sleep(self.proxy.slow)


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - any word will do
        region_name="us-east-1",
    )
    yield SimpleNamespace(behind=(host, port), client=client)
    server.stop()


@pytest.fixture
def proxy(moto, monkeypatch):
    state = Proxy()
    handler = type("BoundHandler", (Handler,), {"proxy": state, "behind": moto.behind})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.port = server.server_port
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{state.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    # botocore waits between its tries; the tests need not.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    # Each fetch makes a session, which would parse botocore's models anew.
    monkeypatch.setattr("botocore.session.create_loader", lambda *_: _loader)
    yield state
    server.shutdown()
    server.server_close()


class Bucket:
    """A bucket of the tests, written to behind the proxy's back."""

    def __init__(self, moto, name):
        self.name = name
        self.client = moto.client
        self.client.create_bucket(Bucket=name)

    def put(self, key, body=b"bytes", **options):
        body = body.encode() if isinstance(body, str) else body
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **options)

    def delete(self, key):
        self.client.delete_object(Bucket=self.name, Key=key)

    def put_legacy(self, manifest, files, **extra):
        self.put(manifest, json.dumps({"bucket": self.name, "reportKeys": files} | extra))

    def put_exports(self, manifest, files):
        uris = [f"s3://{self.name}/{key}" for key in files]
        self.put(manifest, json.dumps({"executionId": "e", "dataFiles": uris}))

    def uri(self, key=""):
        return f"s3://{self.name}/{key}"


@pytest.fixture
def bucket(moto, proxy):
    return Bucket(moto, f"bills-{next(_numbers)}")
