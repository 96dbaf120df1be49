"""Bring one bulk file here: resumed where it broke off, unpacked, from AWS's addresses only."""

import gzip
import ipaddress
import json
import re
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from curecon.errors import CureconError, RatesInvalid
from curecon.price_list.files import PRICE_LIST_BYTES_MAX
from curecon.sync.model import KEPT, PricesUnreachable, printable
from curecon.sync.shelf import replace

Get = Callable[[str, Mapping[str, str]], AWSResponse]

_HOSTS = (".amazonaws.com", ".amazonaws.com.cn")
_CHUNK = 256 * 1024
# A connection that carried this much before it broke was a working one.
_ENOUGH = 1024 * 1024
_BROKEN_READS = 5
# What parsers of addresses might read in two ways is no address.
_PLAIN_URL = re.compile(r"[!-\[\]-~]+")
_GZIP = b"\x1f\x8b"
_HTTP_OK, _HTTP_PARTIAL, _HTTP_RANGE_WRONG, _HTTP_BUSY = 200, 206, 416, 429
_HTTP_REDIRECT, _HTTP_REFUSED, _HTTP_FAILED = 300, 400, 500


class Broken(Exception):
    """The connection ended before the file did; the download is resumed."""


def get(verify: bool | str, url: str, headers: Mapping[str, str]) -> AWSResponse:
    """Begin to download, with the proxies and certificates that boto3 uses; follow no redirect.

    Raises:
        BotoCoreError: there was no answer.
    """
    proxies = {} if _is_loopback(urlsplit(url)) else get_environ_proxies(url)
    # The stubs know neither a path of certificates nor a request without a body.
    network: dict[str, Any] = {"verify": verify, "proxies": proxies, "timeout": 60}
    asked: dict[str, Any] = {"headers": HeadersDict(headers), "body": None, "stream_output": True}
    return URLLib3Session(**network).send(AWSPreparedRequest("GET", url, **asked))


def _allowed(url: str, what: str) -> str:
    """Return a URL that AWS named, if it is one of AWS's, without showing what is signed in it."""
    try:
        parts = urlsplit(url)
        plain = _PLAIN_URL.fullmatch(url) and parts.username is None and parts.password is None
        aws = (
            parts.scheme == "https"
            and (parts.hostname or "").endswith(_HOSTS)
            and parts.port in {None, 443}
        )
        if plain and (aws or (parts.scheme in {"http", "https"} and _is_loopback(parts))):
            return url
        shown = f"{parts.scheme}://{parts.hostname}"
    except ValueError:
        shown = "no address"
    raise PricesUnreachable(
        f"The address of {what} is not one of AWS's ({printable(shown)}), so it is not fetched. "
        "Check the proxy and AWS_ENDPOINT_URL_PRICING."
    )


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Download:
    """One file on its way into a part, which a later run can go on with."""

    def __init__(self, get: Get, part: Path, what: str, tell: Callable[[int], None]) -> None:
        """Name the part and, for messages, the price list."""
        self._get = get
        self._part = part
        self._notes_path = part.with_suffix(".notes")
        self._what = what
        self._tell = tell

    def run(self, url: str) -> None:
        """Fetch until all of it is here.

        Raises:
            PricesUnreachable: it is refused, too large, or the connection keeps breaking.
        """
        _allowed(url, self._what)
        failures = 0
        while not self._whole():
            here = self._here()
            try:
                self._pour(url, here)
            except Broken as broken:
                failures = 0 if self._here() - here >= _ENOUGH else failures + 1
                if failures == _BROKEN_READS:
                    raise PricesUnreachable(
                        f"The download of {self._what} kept breaking off ({broken}). Check the "
                        f"network and the proxy, and run it again. {KEPT}"
                    ) from None
                _pause(min(500 * 2**failures, 8_000))

    def discard(self) -> None:
        """Forget what has arrived."""
        for path in (self._part, self._notes_path, _plain_part(self._part)):
            path.unlink(missing_ok=True)

    def _pour(self, url: str, here: int) -> None:
        """Read from byte `here` to the end, or until the connection breaks."""
        notes = self._notes()
        headers = {"Accept-Encoding": "gzip"}
        if here and notes.get("resumable"):
            headers["Range"] = f"bytes={here}-"
            if notes.get("validator"):
                headers["If-Range"] = notes["validator"]
        try:
            answer = self._get(url, headers)
        except BotoCoreError as error:
            raise Broken(type(error).__name__) from None  # its text holds the signed address
        with closing(answer.raw) as body:
            mode = self._mode(answer, here)
            length = answer.headers.get("Content-Length", "")
            rest = int(length) if length.isdecimal() else None
            self._check_room(rest)
            total = None if rest is None else rest + (here if mode == "ab" else 0)
            if mode == "wb":
                self._note(answer, total)
            with self._part.open(mode) as file:
                for chunk in _chunks(body):
                    file.write(chunk)
                    self._check_size(file.tell())
                    self._tell(file.tell())
        if total is not None and self._here() < total:
            raise Broken("the file ended too early")
        if total is not None and self._here() > total:
            self.discard()
            raise Broken("the file is longer than announced")
        replace(self._notes_path, json.dumps({**self._notes(), "size": self._here()}))

    def _mode(self, answer: AWSResponse, here: int) -> Literal["wb", "ab"]:
        """Say whether an answer begins a file or goes on with it; refuse any other."""
        status = answer.status_code
        if status == _HTTP_OK:
            return "wb"
        begins = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if status == _HTTP_PARTIAL and here and begins:
            size = self._notes().get("size")
            if int(begins[1]) == here and begins[2] in {"*", str(size)}:
                return "ab"
        if status in {_HTTP_PARTIAL, _HTTP_RANGE_WRONG}:
            self.discard()
            raise Broken("the server sent another part than was asked for")
        if status == _HTTP_BUSY or status >= _HTTP_FAILED:
            raise Broken(f"status {status}")
        kind = "elsewhere" if _HTTP_REDIRECT <= status < _HTTP_REFUSED else "away"
        raise PricesUnreachable(
            f"The download of {self._what} was sent {kind} (status {status}). Check the proxy, "
            f"and run it again. {KEPT}"
        )

    def _note(self, answer: AWSResponse, total: int | None) -> None:
        """Write down what a later run needs to go on with exactly these bytes.

        The ARN names one edition for ever, so a file without validator can be continued, unless a
        server packed it on the way.
        """
        etag = answer.headers.get("ETag", "")
        packed = bool(answer.headers.get("Content-Encoding"))
        validator = etag if etag.startswith('"') else ""
        if not validator and not packed:
            validator = answer.headers.get("Last-Modified", "")
        notes = {
            "size": total,
            "validator": validator,
            "resumable": total is not None and (bool(validator) or not packed),
        }
        self._part.unlink(missing_ok=True)  # notes must never stand beside the bytes of another
        replace(self._notes_path, json.dumps(notes))

    def _notes(self) -> dict[str, Any]:
        try:
            notes = json.loads(self._notes_path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def _whole(self) -> bool:
        return self._part.exists() and self._notes().get("size") == self._here()

    def _here(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _check_size(self, size: int) -> None:
        if size > PRICE_LIST_BYTES_MAX:
            self.discard()
            raise PricesUnreachable(
                f"{self._what} is larger than {PRICE_LIST_BYTES_MAX:,} bytes, which no "
                "price list is"
            )

    def _check_room(self, needed: int | None) -> None:
        self._check_size(needed or 0)
        free = shutil.disk_usage(self._part.parent).free
        if needed is not None and needed > free:
            raise CureconError(
                f"{self._what} needs {needed:,} bytes, but the disk has only {free:,} left. "
                "Free some space, or fetch fewer regions."
            )


def _chunks(body: Any) -> Iterator[bytes]:  # noqa: ANN401  # urllib3 hides its type from botocore
    while True:
        try:
            chunk = body.read(_CHUNK)
        except (HTTPError, OSError) as error:
            raise Broken(type(error).__name__) from None
        if not chunk:
            return
        yield chunk


def _pause(milliseconds: int) -> None:
    time.sleep(milliseconds / 1_000)


def _plain_part(part: Path) -> Path:
    return part.with_suffix(".plain")


def unpacked(part: Path, what: str) -> Path:
    """Return the file itself where a server sent it as gzip.

    Raises:
        RatesInvalid: it is damaged, or unpacks to more than a price list has.
    """
    with part.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            return part
    plain, size = _plain_part(part), 0
    plain.unlink(missing_ok=True)
    try:
        with gzip.open(part) as packed, plain.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                size += file.write(chunk)
                if size > PRICE_LIST_BYTES_MAX:
                    raise RatesInvalid(f"{what} unpacks to more than a price list has. {KEPT}")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RatesInvalid(f"{what} is a damaged gzip file ({error}). {KEPT}") from error
    return plain
