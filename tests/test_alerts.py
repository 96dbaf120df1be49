"""Alerts: sent once, grouped, to channels that may fail; nothing is lost and nothing told twice."""

import json
import logging
import re
import threading
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from moto import mock_aws

import bills
import curecon
from curecon import cli, ledger
from curecon.alerts import Alert, channels
from curecon.alerts.due import Thresholds
from curecon.alerts.story import is_quiet
from curecon.errors import LedgerLocked, LedgerUnreadable, OptionInvalid
from curecon.reconcile import Options, audit

RIGHT, WRONG = "0.00006", "0.00012"  # the listed price, and twice that
NEW_YEAR = datetime.fromisoformat("2026-01-01")
SECRET = "verysecretword"  # noqa: S105 - it is looked for where it must not be
HOSTILE = (
    "<!everyone> @channel @here <https://evil.example|click> [a](https://evil.example) `x` *y*\n"
    "next line \x1b[2J \u202e"
)


class Server:
    """A chat server of this machine: keeps what is posted, and fails on demand."""

    def __init__(self):
        self.taken, self.asked, self.fails = [], 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                if outer.fails:
                    outer.fails -= 1
                    self.send_error(503)
                    return
                outer.taken.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"json://user:{SECRET}@127.0.0.1:{self.http.server_port}/hook"
        self.chat = f"mmost://127.0.0.1:{self.http.server_port}/{SECRET}"


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setattr(channels, "WAIT_SECONDS", 0)
    both = [Server(), Server()]
    yield both
    for one in both:
        one.http.shutdown()
        one.http.server_close()


@pytest.fixture
def server(servers):
    return servers[0]


@pytest.fixture
def book(tmp_path):
    """A ledger, audited with the listed price; `book(lines)` audits one more delivery."""
    prices = tmp_path / "prices.jsonl"
    items = [
        bills.price_item(name, RIGHT, published="2026-07-15T00:00:00Z")
        for name in (bills.USAGE_TYPE, "USW2-NovaLite-input-tokens")
    ]
    prices.write_text("\n".join(items))
    numbers = iter(range(1000))

    def book(lines):
        file = bills.write_csv(tmp_path / f"bill{next(numbers)}.csv", lines)
        return audit([file], Options(ledger=book.path, price_lists=[prices]))

    def tell(*to, now="2026-11-05T12:00:00", **given):
        limits = {
            name: given.pop(name)
            for name in ("min_difference", "severity", "worse_by", "max_age")
            if name in given
        }
        options = Alert(
            ledger=book.path, thresholds=Thresholds(**limits), now=datetime.fromisoformat(now),
            **given,
        )  # fmt: skip
        return [one.outcome for one in curecon.alert(to, options)]

    book.path, book.tell = tmp_path / "ledger.duckdb", tell
    return book


def month(period="2026-10", rate=WRONG, days=2, **given):
    """Each day is billed 0.06 too much at the wrong rate."""
    return [
        bills.line(
            period=period, start=f"{period}-{day:02d}T10:00:00", rate=rate,
            identity_line_item_id=f"{period}-{day}-{rate}-{given.get('line_item_usage_type')}",
            **given,
        )
        for day in range(1, days + 1)
    ]  # fmt: skip


def ack(book, finding, **given):
    said = {"reason": "agreed", "owner": "jane", "ledger_path": book.path} | given
    return curecon.acknowledge(finding.id, **said)


# --- once


def test_how_final_the_bill_is_is_told_with_it(book, server):
    book(month(bill_invoicing_entity="<!channel>"))
    book.tell(server.url)
    said = server.taken[0]["message"]
    assert re.search(r"^Invoices of 2026-10: .!channel.: not final, no line is", said, re.MULTILINE)
    assert "<!channel>" not in said
    lines = month(days=4)
    book([{**one, "bill_invoice_id": "I-1"} for one in lines])
    book.tell(server.url)
    assert (
        "Invoices of 2026-10: final, 100 % of 4 lines and 100 % of USD invoiced."
        in server.taken[1]["message"]
    )


def test_what_is_new_is_told_once(book, server):
    (finding,) = book(month()).findings
    assert book.tell(server.url) == ["sent"]
    (told,) = server.taken
    assert told["title"] == "curecon: 1 new: AWS billed 0.12 USD too much"
    assert f"ERROR new +0.12 USD\n{bills.USAGE_TYPE} · 2026-10" in told["message"]
    assert finding.reason in told["message"]
    assert f"curecon findings show {finding.id}" in told["message"]
    assert book.tell(server.url) == ["nothing"]
    assert server.asked == 1


def test_a_series_goes_on_in_the_next_month(book, server):
    book(month())
    book.tell(server.url)
    book(month("2026-11"))
    assert book.tell(server.url) == ["nothing"]


def test_what_grew_is_told_with_the_dollars_that_were_told(book, server):
    book(month(days=20))
    book.tell(server.url)
    book(month(days=22))  # just a tenth more
    assert book.tell(server.url) == ["nothing"]
    book(month(days=23))
    assert book.tell(server.url) == ["sent"]
    assert "ERROR worse +1.38 USD (told at +1.20)" in server.taken[1]["message"]
    assert book.tell(server.url) == ["nothing"]


def test_what_grows_slowly_is_told_in_the_end(book, server):
    """Each step is small; they are measured against what was told, not against yesterday."""
    told = []
    for days in range(20, 28):
        book(month(days=days))
        told += book.tell(server.url)
    assert told == ["sent", "nothing", "nothing", "sent", "nothing", "nothing", "sent", "nothing"]


def test_what_is_still_not_settled_is_told_once_more(book, server):
    book(month())
    book.tell(server.url, now="2026-11-05T12:00:00")
    assert book.tell(server.url, now="2026-12-05T11:59:59") == ["nothing"]
    assert book.tell(server.url, now="2026-12-05T12:00:00") == ["sent"]
    assert "1 overdue" in server.taken[1]["title"]
    assert book.tell(server.url, now="2027-03-05T12:00:00") == ["nothing"]
    assert book.tell(server.url, now="2027-03-05T12:00:00", max_age=1) == ["nothing"]


def test_what_is_accepted_is_not_told_until_it_outgrows_that(book, server):
    (finding,) = book(month()).findings
    ack(book, finding)
    assert book.tell(server.url) == ["nothing"]
    book(month(days=3))
    assert book.tell(server.url) == ["sent"]


def test_what_was_disputed_before_anybody_was_told_is_told_once_as_disputed(book, server, tmp_path):
    (finding,) = book(month(days=20)).findings
    said = {"owner": "jane", "ledger_path": book.path, "as_of": date(2026, 11, 4)}
    curecon.dispute([finding.id], tmp_path / "dispute", **said)
    assert book.tell(server.url) == ["sent"]
    (told,) = server.taken
    assert told["title"] == "curecon: 1 disputed: AWS billed 1.20 USD too much"
    assert "ERROR disputed +1.20 USD" in told["message"]
    assert book.tell(server.url) == ["nothing"]
    book(month(days=23))  # more than was disputed, so it is reopened
    assert book.tell(server.url) == ["sent"]
    assert "1 worse" in server.taken[1]["title"]


def test_what_was_told_and_is_disputed_is_not_told_again_until_it_is_overdue(
    book, server, tmp_path
):
    (finding,) = book(month()).findings
    book.tell(server.url)
    said = {"owner": "jane", "ledger_path": book.path, "as_of": date(2026, 11, 6)}
    curecon.dispute([finding.id], tmp_path / "dispute", **said)
    assert book.tell(server.url, now="2026-11-20T12:00:00") == ["nothing"]
    assert book.tell(server.url, now="2026-12-05T12:00:00") == ["sent"]
    assert "1 overdue" in server.taken[1]["title"]


def test_what_was_told_and_accepted_is_told_when_that_has_expired(book, server):
    (finding,) = book(month()).findings
    book.tell(server.url)
    ack(book, finding, until=date(2026, 12, 1), as_of=date(2026, 11, 6))
    assert book.tell(server.url, now="2026-12-01T12:00:00") == ["nothing"]
    assert book.tell(server.url, now="2026-12-02T12:00:00") == ["sent"]
    assert "1 back" in server.taken[1]["title"]
    assert book.tell(server.url, now="2026-12-03T12:00:00") == ["nothing"]


def test_what_is_gone_is_not_told_and_is_back_when_it_returns(book, server):
    book(month())
    book.tell(server.url)
    book(month(rate=RIGHT))
    assert book.tell(server.url, now="2027-01-01T00:00:00") == ["nothing"]
    book(month(days=3))
    assert book.tell(server.url) == ["sent"]
    assert "1 back" in server.taken[1]["title"]


# --- channels that fail


def test_a_channel_that_failed_is_told_next_time_and_the_others_once(book, servers):
    one, other = servers
    book(month())
    one.fails = 99
    assert book.tell(one.url, other.url) == ["failed", "sent"]
    assert one.asked == channels.RETRIES + 1
    one.fails = 0
    assert book.tell(one.url, other.url) == ["sent", "nothing"]
    assert one.taken == other.taken
    assert book.tell(one.url, other.url) == ["nothing", "nothing"]


def test_a_passing_fault_is_tried_again(book, server):
    book(month())
    server.fails = channels.RETRIES
    assert book.tell(server.url) == ["sent"]


def test_what_a_channel_missed_is_told_at_its_present_dollars(book, server):
    book(month())
    server.fails = 99
    book.tell(server.url)
    server.fails = 0
    book(month(days=5))
    assert book.tell(server.url) == ["sent"]
    assert "ERROR new +0.30 USD" in server.taken[0]["message"]


def test_a_named_channel_keeps_what_it_was_told_when_its_address_changes(book, servers):
    book(month())
    assert book.tell(f"team={servers[0].url}") == ["sent"]
    assert book.tell(f"team={servers[1].url}") == ["nothing"]
    assert book.tell(servers[1].url) == ["sent"]


def test_killed_after_sending_the_message_is_sent_again(book, server, monkeypatch):
    """Between sending and the one rename that notes it nothing can help; it is not lost."""
    book(month())
    with monkeypatch.context() as killed:
        killed.setattr(ledger.Stage, "publish", lambda _: (_ for _ in ()).throw(SystemError))
        with pytest.raises(SystemError):
            book.tell(server.url)
    assert book.tell(server.url) == ["sent"]
    assert server.taken[0] == server.taken[1]


def test_two_alerts_at_once_do_not_tell_the_same(book, server):
    book(month())
    with ledger.staged(book.path), pytest.raises(LedgerLocked):
        book.tell(server.url)
    assert server.asked == 0


def test_an_address_is_never_shown(book, server, capsys, caplog, monkeypatch):
    book(month())
    monkeypatch.setattr(curecon.alerts.story, "Alert", Alert)
    caplog.set_level(logging.DEBUG)
    server.fails = 99
    monkeypatch.setenv("HOOK", server.url)
    asked = ["alert", "--ledger", str(book.path), "--to", "${HOOK}", "--as-of", "2026-11-05"]
    assert cli.run(asked) == 2
    written = capsys.readouterr()
    assert "channel 1 (JSON): not sent: HTTP status 503" in written.err
    assert cli.run(["alert", "--ledger", str(book.path), "--to", f"nowhere://{SECRET}"]) == 2
    assert "--to 1: not an address" in capsys.readouterr().err
    server.fails = 0
    assert cli.run(asked) == 0
    everything = written.out + written.err + capsys.readouterr().err
    assert SECRET not in everything
    assert SECRET not in book.path.read_bytes().decode("latin-1")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("apprise")]
    assert not any(SECRET in one for one in ours)
    assert SECRET not in repr(channels.read([server.url]))


# --- thresholds, quiet hours, dry run


def test_a_discount_that_is_missing_has_dollars_to_weigh_though_no_line(book, server, tmp_path):
    contract = tmp_path / "contract.toml"
    contract.write_text('[[discount]]\nname = "EDP"\npercent = 10\nstarts = 2026-01-01\n')
    file = bills.write_csv(tmp_path / "undiscounted.csv", month(rate=RIGHT))
    prices = [tmp_path / "prices.jsonl"]
    result = audit([file], Options(ledger=book.path, price_lists=prices, contract=contract))
    (missing,) = result.findings
    assert (missing.check, missing.lines, missing.difference) == (
        "discount_differs", 0, Decimal("0.012"),
    )  # fmt: skip
    assert book.tell(server.url, min_difference=Decimal("0.0121")) == ["nothing"]
    assert book.tell(server.url, min_difference=Decimal("0.012")) == ["sent"]
    (told,) = server.taken
    assert "0.01 promised on charges of 0.12, 0.00 arrived, 0.01 missing." in told["message"]


def test_thresholds_hold_back_what_is_small_or_slight(book, server):
    strange = month(days=1, line_item_usage_type="USE1-Unheard-of", rate="9")
    book(month() + strange)  # 0.12 too much, and 9000 that nobody can judge
    assert book.tell(server.url, severity="error", min_difference=Decimal("0.13")) == ["nothing"]
    assert book.tell(server.url, severity="error", min_difference=Decimal("0.12")) == ["sent"]
    assert "Unheard" not in server.taken[0]["message"]
    assert book.tell(server.url, min_difference=Decimal(10)) == ["sent"]
    assert "USE1-Unheard-of" in server.taken[1]["message"]
    assert book.tell(server.url) == ["nothing"]


def test_spend_that_rose_is_told_although_it_is_no_fault(book, server):
    steady = [
        one
        for day in range(1, 21)
        for one in month(
            days=1, rate=RIGHT, quantity="4000000" if day == 20 else "1000000",
            line_item_usage_start_date=f"2026-10-{day:02d}T10:00:00Z",
            line_item_usage_end_date=f"2026-10-{day:02d}T11:00:00Z",
        )
    ]  # fmt: skip
    book(bills.with_ids([{**one, "identity_line_item_id": ""} for one in steady]))
    assert book.tell(server.url, severity="error") == ["nothing"]
    assert book.tell(server.url) == ["sent"]
    assert "INFO new +180.00 USD" in server.taken[0]["message"]
    assert "2026-10-20 this usage type (Nova Lite) cost 240.00 USD" in server.taken[0]["message"]


def test_in_quiet_hours_nothing_is_sent_and_nothing_lost(book, server):
    book(month())
    night = {"quiet_hours": "22:00-07:00", "time_zone": "Europe/Berlin"}
    assert book.tell(server.url, now="2026-11-05T23:30:00", **night) == ["quiet"]
    assert book.tell(server.url, failed="disk full", now="2026-11-06T05:59:00", **night) == [
        "quiet"
    ]
    assert server.asked == 0
    assert book.tell(server.url, now="2026-11-06T06:00:00", **night) == ["sent"]
    assert "disk full" in server.taken[0]["message"]


@pytest.mark.parametrize(
    ("now", "hours", "zone", "quiet"),
    [
        ("2026-07-01T04:59", "22:00-07:00", "Europe/Berlin", True),  # 06:59 in summer
        ("2026-07-01T05:00", "22:00-07:00", "Europe/Berlin", False),
        ("2026-07-01T19:59", "22:00-07:00", "Europe/Berlin", False),
        ("2026-07-01T20:00", "22:00-07:00", "Europe/Berlin", True),
        ("2026-07-01T12:30", "12:00-13:00", "UTC", True),
        ("2026-07-01T13:00", "12:00-13:00", "UTC", False),
        ("2026-07-01T13:00", None, "UTC", False),
    ],
)
def test_quiet_hours_are_those_of_a_place(now, hours, zone, quiet):
    assert is_quiet(datetime.fromisoformat(now), hours, zone) is quiet


@pytest.mark.parametrize("hours", ["22-7", "24:00-07:00", "07:00-07:00", "night"])
def test_quiet_hours_that_are_none_are_refused(hours):
    with pytest.raises(OptionInvalid, match="22:00-07:00"):
        is_quiet(NEW_YEAR, hours, "UTC")
    with pytest.raises(OptionInvalid, match="Europe/Berlin"):
        is_quiet(NEW_YEAR, None, f"../{hours}")


def test_a_dry_run_shows_everything_and_sends_and_notes_nothing(book, server, capsys):
    book(month())
    before = book.path.read_bytes()
    told = ["alert", "--ledger", str(book.path), "--to", server.url, "--dry-run"]
    assert cli.run(told) == 0
    shown = capsys.readouterr().out
    assert "curecon: 1 new: AWS billed 0.12 USD too much" in shown
    assert SECRET not in shown
    assert (server.asked, book.path.read_bytes()) == (0, before)


# --- runs that fail or are missed


def test_a_run_that_failed_is_told_even_without_a_ledger(book, server, tmp_path):
    """It is kept until it was told."""
    server.fails = 99
    assert book.tell(server.url, failed="exit status 2") == ["failed"]
    server.fails = 0
    assert book.tell(server.url, now="2026-11-06T12:00:00") == ["sent"]
    assert server.taken[0]["title"] == "curecon: 1 run failed or missed"
    assert "2026-11-05 12:00 UTC: The audit failed: exit status 2" in server.taken[0]["message"]
    assert book.tell(server.url, now="2026-11-06T12:00:00") == ["nothing"]
    assert book.tell(server.url, now="2026-11-07T12:00:00", failed="exit status 2") == ["sent"]


def test_a_run_that_failed_by_its_ledger_is_told(book, server):
    book.path.write_text("no ledger")
    assert book.tell(server.url, failed="the ledger is broken") == ["sent"]
    assert "the ledger is broken" in server.taken[0]["message"]
    with pytest.raises(LedgerUnreadable):
        book.tell(server.url)


def test_a_failure_that_nothing_can_keep_is_not_promised_for_next_time(book, server, capsys):
    server.fails = 99
    asked = ["alert", "--to", server.url, "--ledger", str(book.path), "--failed", "no bill"]
    assert cli.run(asked) == cli.FAILED
    assert "it will be sent next time" in capsys.readouterr().err
    book.path.write_text("no ledger")
    assert cli.run(asked) == cli.FAILED
    said = capsys.readouterr().err
    assert "it will not be sent again" in said
    assert "next time" not in said


def test_an_address_that_is_written_out_is_warned_of_and_never_repeated(
    book, server, capsys, monkeypatch
):
    book(month(rate=RIGHT))
    monkeypatch.setenv("HOOK", server.url)
    ledger_of = ["--ledger", str(book.path), "--dry-run"]
    for given, warned in (
        (server.url, "--to 1:"),
        (f"team={server.url}", "--to team:"),
        ("team=${HOOK}", None),
        ("arn:aws:sns:us-east-1:111111111111:billing", None),
    ):
        assert cli.run(["alert", "--to", given, *ledger_of]) == cli.FINE
        said = capsys.readouterr().err
        assert ("the address is a secret" in said, SECRET in said) == (bool(warned), False)
        assert (warned or "") in said


def test_a_missed_run_is_told_once_a_silence(book, server):
    book(month(rate=RIGHT))
    with ledger.reading(book.path) as con:
        ((started,),) = con.execute("SELECT started FROM runs").fetchall()
    year = started.year + 1
    assert book.tell(server.url, now=f"{started:%Y-%m-%dT%H:%M:%S}", expect_run_within=26) == [
        "nothing"
    ]
    for outcome in ("sent", "nothing"):
        assert book.tell(server.url, now=f"{year}-03-01T00:00:00", expect_run_within=26) == [
            outcome
        ]
    assert "expected every 26 hours" in server.taken[0]["message"]
    book(month("2026-11", rate=RIGHT))
    assert book.tell(server.url, now=f"{year}-03-02T00:00:00", expect_run_within=26) == ["sent"]


# --- hostile text


@pytest.mark.parametrize("kind", ["url", "chat"])
def test_text_of_a_bill_commands_no_channel(book, server, kind):
    name = HOSTILE + "x" * 100_000
    book(month(days=1, line_item_usage_type=name))
    assert book.tell(getattr(server, kind)) == ["sent"]
    told = json.dumps(server.taken[0], ensure_ascii=False)
    for command in ("<!", "@channel", "@here", "<http", "https://evil", "](", "`x`", "*y*"):
        assert command not in told, command
    for hidden in ("\\u001b", "\u202e", "\x1b"):
        assert hidden not in told
    assert "!everyone\u203a \uff20channel" in told
    assert "␊next line" in told
    assert len(told) < 3000


def test_many_findings_are_one_message_that_names_the_dearest(book, server):
    lines = []
    for number in range(30):
        lines += month(
            days=1, line_item_usage_account_id=f"{number:012d}", quantity=str(1000 + number)
        )
    book(bills.with_ids([{**one, "identity_line_item_id": ""} for one in lines]))
    assert book.tell(server.url, report="https://reports.example/october") == ["sent"]
    (told,) = server.taken
    assert told["title"].startswith("curecon: 30 new: ")
    assert told["message"].count("ERROR new") == 10
    assert "account 000000000029" in told["message"]
    assert "account 000000000019" not in told["message"]
    assert "And 20 more findings" in told["message"]
    assert told["message"].endswith("Report: https://reports.example/october")
    assert book.tell(server.url) == ["nothing"]


# --- AWS


@pytest.fixture
def aws(monkeypatch):
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def queue():
    """A queue that keeps what a topic or a bus sends."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]

    def seen():
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"]) for one in found]

    return arn, seen


def test_sns_takes_text_subject_and_severity(book, aws):
    book(month())
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="bills")["TopicArn"]
    arn, seen = queue()
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert book.tell(topic) == ["sent"]
    (told,) = seen()
    assert told["Subject"] == "curecon: 1 new: AWS billed 0.12 USD too much"
    assert "ERROR new +0.12 USD" in told["Message"]
    assert told["MessageAttributes"]["severity"]["Value"] == "error"
    assert book.tell(topic) == ["nothing"]


def test_eventbridge_takes_the_findings_as_data(book, aws):
    (finding,) = book(month()).findings
    events = boto3.client("events")
    bus = events.create_event_bus(Name="money")["EventBusArn"]
    arn, seen = queue()
    events.put_rule(Name="all", EventBusName="money", EventPattern='{"source": ["curecon"]}')
    events.put_targets(Rule="all", EventBusName="money", Targets=[{"Id": "1", "Arn": arn}])
    assert book.tell(bus) == ["sent"]
    (told,) = seen()
    assert told["detail-type"] == "curecon alert"
    (one,) = told["detail"]["findings"]
    assert (one["id"], one["difference"], one["kind"]) == (finding.id, "0.12", "new")
    assert book.tell(bus) == ["nothing"]


def test_a_topic_that_is_not_there_is_told_when_it_is(book, aws):
    book(month())
    topic = "arn:aws:sns:us-east-1:123456789012:later"
    (told,) = curecon.alert([topic], Alert(ledger=book.path))
    assert told.error == "AWS answered NotFound to sns:publish"
    assert boto3.client("sns").create_topic(Name="later")["TopicArn"] == topic
    assert book.tell(topic) == ["sent"]


def test_an_event_that_the_bus_refused_is_not_told(book, aws, monkeypatch):
    """PutEvents answers 200 also when it took nothing."""
    book(month())
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    with monkeypatch.context() as busy:
        busy.setattr("botocore.client.BaseClient._make_api_call", lambda *_: refused)
        (told,) = curecon.alert([bus], Alert(ledger=book.path))
    assert told.error == "EventBridge did not take the event (ThrottlingException)"
    assert book.tell(bus) == ["sent"]


# --- how channels are named


def test_channels_are_read_from_files_and_variables(tmp_path, monkeypatch, server):
    monkeypatch.setenv("WORD", "a/b@c")
    file = tmp_path / "channels"
    file.write_text(f"# ours\n\nteam={server.url}\njson://user:${{WORD}}@example.com/x\n")
    team, quoted = channels.read([f"@{file}"])
    assert (team.key, team.label, team.address) == ("team", "team", server.url)
    assert quoted.address == "json://user:a%2Fb%40c@example.com/x"
    assert quoted.label == "2 (JSON)"
    assert len(quoted.key) == 16


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ([], "name a channel"),
        (["${NOT_THERE}"], "NOT_THERE is not set"),
        (["@nowhere"], "cannot be read"),
        (["arn:aws:sqs:us-east-1:123456789012:q"], "not an address"),
        (["a=json://x/y", "a=json://x/z"], "given twice"),
        (["json://x/y", "json://x/y"], "given twice"),
    ],
)
def test_channels_that_are_none_are_refused_before_anything_is_sent(to, words, book):
    with pytest.raises(OptionInvalid, match=words):
        book.tell(*to)


def test_without_a_ledger_there_is_nothing_to_tell(book, server):
    with pytest.raises(LedgerUnreadable, match="no such ledger"):
        book.tell(server.url)
