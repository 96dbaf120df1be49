"""Where an alert goes: an ARN of SNS or EventBridge through boto3, any other address by apprise.

An address is a secret: whoever has it can write to the channel. It is never logged, printed or
kept; a channel is called by its name, or by its place among the options and its service.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from curecon.alerts.message import Message
from curecon.errors import OptionInvalid

RETRIES, WAIT_SECONDS = 2, 2
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)=(.+)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ARN = re.compile(r"arn:aws[a-z-]*:(sns|events):([a-z0-9-]+):\d{12}:[\w./*-]+")
_SUBJECT_MAX = 99


class NotSent(Exception):  # it is a situation to handle, and never reaches the user
    """A channel did not take the message; the text holds nothing of its address."""


@dataclass(frozen=True)
class Channel:
    """One channel; `key` is what the ledger knows it by, `label` what people do."""

    key: str
    label: str
    address: str

    def __repr__(self) -> str:
        """Leave out the address."""
        return f"Channel({self.label})"

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotSent: the channel did not take it, also when asked again.
        """
        arn = _ARN.fullmatch(self.address)
        if arn is None:
            _by_apprise(self.address, message)
        elif arn[1] == "sns":
            _by_sns(self.address, arn[2], message)
        else:
            _by_eventbridge(self.address, arn[2], message)


def read(given: Sequence[str]) -> list[Channel]:
    """Read the channels that `--to` names: [NAME=]ADDRESS with ${VARIABLE} filled in, or @FILE.

    Raises:
        OptionInvalid: an address is none, or is given twice, or what it refers to is missing.
    """
    channels: list[Channel] = []
    for number, written in enumerate(_unfolded(given), start=1):
        named = _NAMED.fullmatch(written)
        name, address = (named[1], named[2]) if named else (None, written)
        place = f"--to {name or number}"
        address = _filled(address, place)
        service = _service(address, place)
        label = name or f"{number} ({service})"
        channels.append(Channel(name or _key(address), label, address))
    keys = [one.key for one in channels]
    for one in channels:
        if keys.count(one.key) > 1:
            raise OptionInvalid(f"--to {one.label}: given twice; each channel is told once")
    if not channels:
        raise OptionInvalid(
            "name a channel, e.g. `curecon alert --to '${SLACK_URL}'`; see `curecon alert --help`"
        )
    return channels


def in_the_clear(given: Sequence[str]) -> list[str]:
    """Name the channels whose address is written out, and no ARN, which is no secret.

    What the environment holds as a whole (CURECON_ALERT_TO) stands on no command line.
    """
    found = []
    held = os.environ.get("CURECON_ALERT_TO", "")
    for number, written in enumerate(given, start=1):
        named = _NAMED.fullmatch(written)
        name, address = (named[1], named[2]) if named else (str(number), written)
        secret = not (address.startswith("@") or _VARIABLE.search(address))
        if secret and not _ARN.fullmatch(address) and written not in held:
            found.append(name)
    return found


def _unfolded(given: Sequence[str]) -> list[str]:
    """Put the lines of files in the place of their names."""
    every = []
    for written in given:
        if not written.startswith("@"):
            every.append(written)
            continue
        path = Path(written[1:])
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise OptionInvalid(f"--to @{path}: cannot be read as a list of channels") from error
        every += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return every


def _filled(address: str, place: str) -> str:
    """Fill in variables of the environment; a part of an address is quoted, a whole one is not."""
    whole = _VARIABLE.fullmatch(address)

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], "")
        if not found:
            raise OptionInvalid(f"{place}: the variable {match[1]} is not set")
        return found.strip() if whole else quote(found, safe="")

    return _VARIABLE.sub(value, address)


def _service(address: str, place: str) -> str:
    """Return the name of the service behind an address, or refuse it without repeating it."""
    arn = _ARN.fullmatch(address)
    if arn is not None:
        return "SNS" if arn[1] == "sns" else "EventBridge"
    server = _server(address)
    if server is None:
        raise OptionInvalid(
            f"{place}: not an address that can be written to; give one such as "
            "slack://..., mailto://..., json://host/path (https://github.com/caronc/apprise), or "
            "the ARN of an SNS topic or an EventBridge bus"
        )
    return str(server.service_name)


def _key(address: str) -> str:
    """Name a channel in the ledger by a hash that is slow, so nobody guesses a password by it."""
    slow = hashlib.scrypt(address.encode(), salt=b"curecon channel", n=2**14, r=8, p=1, dklen=8)
    return slow.hex()


def _server(address: str) -> Any:  # noqa: ANN401  # apprise has no types
    import apprise  # noqa: PLC0415  # slow to load, and not needed by ARNs

    asset = apprise.AppriseAsset(
        app_id="curecon",
        app_desc="curecon",
        app_url="",
        async_mode=False,
        default_service_retry=RETRIES,
        default_service_wait=WAIT_SECONDS,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    with _Overheard():
        return apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)


class _Overheard(logging.Handler):
    """What apprise logs, which may hold an address: only the status of HTTP is taken from it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.status: str | None = None
        self._logger = logging.getLogger("apprise")

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"\berror=(\d{3})\b", record.getMessage())
        self.status = found[1] if found else self.status

    def __enter__(self) -> Self:
        self._before = (self._logger.handlers[:], self._logger.propagate)
        self._logger.handlers[:], self._logger.propagate = [self], False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.handlers[:], self._logger.propagate = self._before


def _by_apprise(address: str, message: Message) -> None:
    import apprise  # noqa: PLC0415

    server = _server(address)
    sender = apprise.Apprise(asset=server.asset)
    sender.add(server)
    kind = {"error": "failure", "warning": "warning", "info": "info"}[message.severity]
    with _Overheard() as overheard:
        taken = sender.notify(
            title=message.title,
            body=message.text,
            notify_type=apprise.NotifyType(kind),
            body_format=apprise.NotifyFormat.TEXT,
        )
    if not taken:
        why = f"HTTP status {overheard.status}" if overheard.status else "no answer, or a refusal"
        raise NotSent(f"{why}, after {RETRIES + 1} attempts")


def _by_sns(arn: str, region: str, message: Message) -> None:
    subject = message.title.encode("ascii", "replace").decode()[:_SUBJECT_MAX]
    attributes = {
        "severity": {"DataType": "String", "StringValue": message.severity},
        "findings": {"DataType": "Number", "StringValue": str(len(message.items))},
    }
    once = {}
    if arn.endswith(".fifo"):
        digest = hashlib.sha256(message.text.encode()).hexdigest()
        once = {"MessageGroupId": "curecon", "MessageDeduplicationId": digest}
    _asked(
        "sns", region, "publish", TopicArn=arn, Subject=subject, Message=message.text,
        MessageAttributes=attributes, **once,
    )  # fmt: skip


def _by_eventbridge(arn: str, region: str, message: Message) -> None:
    entry = {
        "Source": "curecon",
        "DetailType": "curecon alert",
        "Detail": json.dumps(message.detail()),
        "EventBusName": arn,
    }
    answer = _asked("events", region, "put_events", Entries=[entry])
    if answer.get("FailedEntryCount"):
        code = re.sub(r"\W", "", str(answer["Entries"][0].get("ErrorCode", "")))
        raise NotSent(f"EventBridge did not take the event ({code or 'no code'})")


def _asked(service: str, region: str, verb: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Call AWS; botocore asks again where that may help."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    settings = Config(
        retries={"mode": "standard", "total_max_attempts": RETRIES + 1},
        connect_timeout=10,
        read_timeout=20,
    )
    try:
        client: Any = boto3.session.Session().client(
            service,  # type: ignore[call-overload]  # the stubs know S3 alone
            region_name=region,
            config=settings,
        )
        answer: dict[str, Any] = getattr(client, verb)(**request)
    except ClientError as error:
        code = re.sub(r"\W", "", str(error.response.get("Error", {}).get("Code", "")))
        raise NotSent(f"AWS answered {code or 'no code'} to {service}:{verb}") from None
    except BotoCoreError as error:
        raise NotSent(f"AWS could not be asked ({type(error).__name__})") from None
    return answer
