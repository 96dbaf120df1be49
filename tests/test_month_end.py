"""Three months as they come: deliveries, restatements, credits, decisions, a channel that fails.

Everything goes through the command line, on a bucket as Data Exports fills it. Which message must
come when is worked out by hand and stands beside each day.
"""

import json
import re
from pathlib import Path

import pytest

import bills
from curecon import cli
from curecon.alerts import channels
from test_alerts import Server

RIGHT, WRONG = "0.00006", "0.00012"  # the listed price, and twice that: 0.06 too much a line
EAST, WEST, NOBODY = bills.USAGE_TYPE, "USW2-NovaLite-input-tokens", "USE1-Nobody-Knows"
EXPORT = "billing/curecon"


class Company:
    """A bucket, a ledger and two channels; each method is what a person or a job would type."""

    def __init__(self, place: Path, mail: Server, chat: Server) -> None:
        self.place, self.bucket, self.ledger = place, place / "bucket", place / "ledger.duckdb"
        self.prices = place / "prices.jsonl"
        items = [
            bills.price_item(name, RIGHT, published="2026-07-15T00:00:00Z", region=region)
            for name, region in ((EAST, "us-east-1"), (WEST, "us-west-2"))
        ]
        self.prices.write_text("\n".join(items), "utf-8")
        self.servers = {"mail": mail, "chat": chat}
        self.deliveries, self.ids = 0, {}

    def deliver(self, period, lines):
        """AWS adds an execution of a period, and says that it is the current one."""
        self.deliveries += 1
        month, run = f"BILLING_PERIOD={period}", f"run-{self.deliveries:02}"
        key = f"{EXPORT}/data/{month}/{run}/curecon-00001.csv"
        bills.write_csv(self.bucket / key, lines)
        said = {"dataFiles": [f"s3://bucket/{key}"]}
        for folder in (f"{month}/{run}", month):
            path = self.bucket / EXPORT / "metadata" / folder / "curecon-Manifest.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(said), "utf-8")

    def run(self, *words):
        return cli.run([*words, "--ledger", str(self.ledger)])

    def audit(self, day):
        return self.run(
            "audit", str(self.bucket), "--price-list", str(self.prices), "--as-of", day,
            "--out", str(self.place / "out"),
        )  # fmt: skip

    def alert(self, day):
        """Tell both channels; return the exit status and what each of them took."""
        before = {name: len(server.taken) for name, server in self.servers.items()}
        to = [f"--to={name}={server.url}" for name, server in self.servers.items()]
        status = self.run("alert", *to, "--as-of", day, "--max-age", "365")
        return status, *(
            [one for post in server.taken[before[name] :] for one in told(post["message"])]
            for name, server in self.servers.items()
        )

    def keeps_ids(self):
        """No finding changes its id, and a meter's are of one series in every month."""
        series = {}
        for grain, one in self.findings().items():
            assert self.ids.setdefault(grain, one["id"]) == one["id"]
            assert series.setdefault((grain[0], grain[2]), one["series_id"]) == one["series_id"]

    def findings(self):
        """Everything that was ever found, as it is listed: (check, period, meter) -> row."""
        rows = json.loads((self.place / "out" / "findings.json").read_text("utf-8"))["findings"]
        return {(one["check"], one["period"], one["usage_type"]): one for one in rows}


def told(message):
    """Read kind and meter of every finding in a message."""
    return re.findall(r"^(?:ERROR|WARNING) (\w+)[^\n]*\n(\S+) ·", message, re.MULTILINE)


def used(meter, period, days, rate=WRONG, **given):
    return [
        bills.line(
            period=period, start=f"{period}-{day:02}T10:00:00", rate=rate,
            line_item_usage_type=meter, identity_line_item_id=f"{meter}-{period}-{day}", **given,
        )
        for day in days
    ]  # fmt: skip


def credit(period, dollars):
    return bills.line(
        period=period, start=f"{period}-01T00:00:00", line_item_line_item_type="Credit",
        line_item_unblended_cost=f"-{dollars}", rate="", quantity="", pricing_unit="",
        line_item_usage_type=EAST, identity_line_item_id=f"credit-{period}",
        bill_invoice_id="I-10", line_item_line_item_description="Correction of token rates",
    )  # fmt: skip


@pytest.fixture
def company(tmp_path, monkeypatch):
    monkeypatch.setattr(channels, "WAIT_SECONDS", 0)
    mail, chat = Server(), Server()
    yield Company(tmp_path, mail, chat)
    for one in (mail, chat):
        one.http.shutdown()
        one.http.server_close()


def october(company, chat):
    # October so far: 10 lines of one meter and 2 of another are billed at twice their rate.
    lines = used(EAST, "2026-10", range(1, 11)) + used(WEST, "2026-10", (1, 2))
    company.deliver("2026-10", lines)
    assert company.audit("2026-10-15") == cli.FOUND
    assert company.alert("2026-10-15") == (
        0,
        [("new", EAST), ("new", WEST)],
        [("new", EAST), ("new", WEST)],
    )
    company.keeps_ids()

    # The job runs again on the same delivery.
    assert company.audit("2026-10-15") == cli.FOUND
    assert company.alert("2026-10-15") == (0, [], [])

    # All of October: the first meter has doubled, AWS has corrected the second. The chat is down.
    whole = used(EAST, "2026-10", range(1, 21)) + used(WEST, "2026-10", (1, 2), rate=RIGHT)
    company.deliver("2026-10", whole)
    assert company.audit("2026-11-02") == cli.FOUND
    chat.fails = 99
    assert company.alert("2026-11-02") == (2, [("worse", EAST)], [])
    company.keeps_ids()
    return whole


def november(company, chat, whole):
    # November begins, with a meter that nobody knows. The chat is still down.
    company.deliver(
        "2026-11",
        used(EAST, "2026-11", (1, 2, 3)) + used(NOBODY, "2026-11", (2,), pricing_unit="Things"),
    )
    assert company.audit("2026-11-05") == cli.FOUND
    assert company.alert("2026-11-05") == (2, [("new", NOBODY)], [])
    company.keeps_ids()

    # October is final, and brings a credit of what was too much. The chat is back, and is told
    # in one message what it missed.
    final = [{**one, "bill_invoice_id": "I-10"} for one in whole]
    company.deliver("2026-10", [*final, credit("2026-10", "1.20")])
    assert company.audit("2026-11-08") == cli.FOUND
    chat.fails, posts = 0, len(chat.taken)
    assert company.alert("2026-11-08") == (0, [], [("worse", EAST), ("new", NOBODY)])
    assert len(chat.taken) == posts + 1
    company.keeps_ids()


def decisions(company, capsys):
    assert company.run("diff", "2026-10", "1", "2") == cli.FINE
    assert EAST in capsys.readouterr().out

    # The credit settles October, and what nobody knows is acknowledged.
    disputed = company.findings()["rate_differs", "2026-10", EAST]["id"]
    out = ["--out", str(company.place / "claim"), "--owner", "jane"]
    assert company.run("findings", "dispute", disputed, *out) == cli.FINE
    settle = ["--credit", "credit-2026-10", "--owner", "jane"]
    assert company.run("findings", "settle", disputed, *settle) == cli.FINE
    unknown = company.findings()["unknown_usage_type", "2026-11", NOBODY]["id"]
    for one in (unknown, company.findings()["unpriced_charge", "2026-11", NOBODY]["id"]):
        said = ["--reason", "a preview", "--owner", "jane", "--until", "2027-06-30"]
        assert company.run("findings", "ack", one, *said) == cli.FINE
    capsys.readouterr()
    assert company.run("findings", "list", "--recovered") == cli.FINE
    assert "1.20" in capsys.readouterr().out

    # November is final; nothing of it is news.
    lines = used(EAST, "2026-11", (1, 2, 3), bill_invoice_id="I-11")
    lines += used(NOBODY, "2026-11", (2,), pricing_unit="Things", bill_invoice_id="I-11")
    company.deliver("2026-11", lines)
    assert company.audit("2026-12-05") == cli.FOUND
    assert company.alert("2026-12-05") == (0, [], [])
    company.keeps_ids()


def december(company):
    # December: the meter that was corrected is wrong again, and is told as that; the first one
    # goes on with fewer dollars than were told.
    lines = used(EAST, "2026-12", (1, 2)) + used(WEST, "2026-12", (1, 2, 3))
    company.deliver("2026-12", lines)
    assert company.audit("2026-12-10") == cli.FOUND
    assert company.alert("2026-12-10") == (0, [("back", WEST)], [("back", WEST)])
    company.keeps_ids()

    # December is final, and a run that fails is told once to each.
    company.deliver("2026-12", [{**one, "bill_invoice_id": "I-12"} for one in lines])
    assert company.audit("2027-01-06") == cli.FOUND
    assert company.alert("2027-01-06") == (0, [], [])
    for name, server in company.servers.items():
        to = f"{name}-{name}={server.url}"  # a channel that has been told nothing yet
        assert company.run("alert", "--to", to, "--failed", "no bill") == cli.FINE
        assert "The audit failed: no bill" in server.taken[-1]["message"]

    assert {key[1] for key in company.ids} == {"2026-10", "2026-11", "2026-12"}
    assert len(set(company.ids.values())) == len(company.ids)


def test_three_months_are_replayed(company, capsys):
    chat = company.servers["chat"]
    whole = october(company, chat)
    november(company, chat, whole)
    decisions(company, capsys)
    december(company)
