"""The recipes of deploy/: each is linted, and the job that all of them run is run."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bills
from curecon import cli, ledger_s3
from curecon.errors import LedgerLocked, LedgerUnreadable, OptionInvalid, StoreUnreachable

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
KEY = "s3://ledgers/curecon.duckdb"


# --- templates

# The policy asks for versions; pinning to hashes is up to whoever copies the workflow.
ZIZMOR = """
rules:
  unpinned-uses:
    config:
      policies:
        "*": ref-pin
"""
LINTS = {
    "cfn-lint": ["aws/curecon.yaml"],
    "actionlint": ["-config-file", "{none}", "-shellcheck", "{bin}/shellcheck",
                   "github/curecon.yml"],
    "zizmor": ["--offline", "--quiet", "--config", "{config}", "github/curecon.yml"],
    "kubernetes-validate": ["--strict", "--quiet", "kubernetes/cronjob.yaml"],
    "shellcheck": ["job.sh"],
}  # fmt: skip


@pytest.fixture
def lint(tmp_path):
    """Run a linter of the development environment on what lies in a folder, without a network."""
    (tmp_path / "zizmor.yml").write_text(ZIZMOR)
    (tmp_path / "none.yml").write_text("{}")
    tools = Path(sys.executable).parent
    said = {"bin": tools, "config": tmp_path / "zizmor.yml", "none": tmp_path / "none.yml"}

    def run(name, folder):
        if not (tools / name).exists():
            pytest.skip(f"{name} is not here; `make setup` brings it")
        words = [str(tools / name), *(word.format(**said) for word in LINTS[name])]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("name", LINTS)
def test_the_recipes_are_linted(lint, name):
    done = lint(name, DEPLOY)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "file", "change"),
    [
        ("cfn-lint", "aws/curecon.yaml", ('Mode: "OFF"', "Mode: SOMETIMES")),
        (
            "actionlint",
            "github/curecon.yml",
            ("${{ vars.CURECON_BILL }}", "${{ var.CURECON_BILL }}"),
        ),
        (
            "zizmor",
            "github/curecon.yml",
            ("sh curecon-source/deploy/job.sh", "echo '${{ github.event.head_commit.message }}'"),
        ),
        ("kubernetes-validate", "kubernetes/cronjob.yaml", ("runAsUser: 10001", "runAsUser: me")),
        ("kubernetes-validate", "kubernetes/cronjob.yaml", ("backoffLimit", "backofLimit")),
        ("shellcheck", "job.sh", ('--ledger "$LEDGER" "$@"', "--ledger $LEDGER $@")),
    ],
)
def test_a_linter_sees_what_is_wrong(lint, tmp_path, name, file, change):
    right, wrong = change
    copied = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copied)
    text = (copied / file).read_text("utf-8")
    assert right in text
    (copied / file).write_text(text.replace(right, wrong))
    assert lint(name, copied).returncode != 0


class Tagged(yaml.SafeLoader):
    """YAML with the tags of CloudFormation."""


Tagged.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)


def test_the_role_of_the_task_reads_the_bill_and_writes_its_ledger_alone():
    stack = yaml.load((DEPLOY / "aws" / "curecon.yaml").read_text("utf-8"), Tagged)  # noqa: S506
    role = stack["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    may = {}
    for one in role["Statement"]:
        assert one["Effect"] == "Allow"
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        for action in actions:
            assert "*" not in action
            may.setdefault(action, []).append(str(one["Resource"]))
    assert may["s3:PutObject"] == ["${LedgerBucket.Arn}/curecon.duckdb"]
    assert may["sns:Publish"] == ["Alerts"]
    assert not [name for name in may if re.search(r"Delete|Create|Update", name)]


def test_the_cron_job_never_overlaps_and_never_runs_as_root():
    account, job = yaml.safe_load_all((DEPLOY / "kubernetes/cronjob.yaml").read_text("utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    work = job["spec"]["jobTemplate"]["spec"]
    assert work["backoffLimit"] == 0
    pod = work["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert {one["name"] for one in container["volumeMounts"]} == {
        one["name"] for one in pod["volumes"]
    }


def test_the_workflow_runs_the_job_and_holds_no_secret():
    text = (DEPLOY / "github" / "curecon.yml").read_text("utf-8")
    flow = yaml.safe_load(text)
    assert flow[True]["schedule"]  # `on` is a truth value in YAML 1.1
    assert flow["permissions"] == {"contents": "read", "id-token": "write"}
    steps = flow["jobs"]["audit"]["steps"]
    assert any("deploy/job.sh" in one.get("run", "") for one in steps)
    assert all("@v" in one["uses"] for one in steps if "uses" in one)
    assert "${{" not in "".join(one.get("run", "") for one in steps)
    locks = re.findall(r"curecon-source/(\S+\.lock)", text)
    assert locks == ["deploy/build.lock", "deploy/runtime.lock"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_units(tmp_path):
    for path in (DEPLOY / "systemd").iterdir():
        # The programs they start are not installed here.
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", path.read_text("utf-8"))
        (tmp_path / path.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "curecon" in line]
    assert ours == []


def copied(docker):
    """What the Dockerfile takes from the checkout."""
    return {
        name
        for line in re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+)", docker, re.MULTILINE)
        for name in line.split()[:-1]
    }


def test_the_image_has_all_that_the_wheel_is_built_of():
    docker = (DEPLOY / "Dockerfile").read_text("utf-8")
    taken = copied(docker)
    assert all((ROOT / name).exists() for name in taken)
    assert {"src", "sql", "rates", "pyproject.toml", "README.md", "LICENSE"} <= taken
    assert re.search(r"^USER 10001$", docker, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == taken


def locked(path):
    """The rows of a lock: what is pinned, for which machines, to which hashes."""
    joined = path.read_text("utf-8").replace("\\\n", " ")
    rows = [line.split() for line in joined.splitlines() if re.match(r"[a-z]", line)]
    return {re.split("[=[]", row[0])[0]: (row[0], frozenset(row[1:])) for row in rows}


def needed(names):
    """The packages installed here that those of the names need, themselves included."""
    todo, found = list(names), set()
    while todo:
        wanted = Requirement(todo.pop())
        name = canonicalize_name(wanted.name)
        if name in found or not (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        todo += metadata.requires(name) or []
        for extra in wanted.extras:
            todo += [
                one.split(";")[0] for one in metadata.requires(name) or []
                if f"extra == '{extra}'" in one.replace('"', "'")
            ]  # fmt: skip
    return found


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_a_deployed_copy_has_the_packages_of_the_lock_and_no_others(name):
    """What `make lock` pins for developers holds for the image too, byte for byte."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = {"runtime": project["project"]["dependencies"],
             "build": project["build-system"]["requires"]}[name]  # fmt: skip
    pinned, every = locked(DEPLOY / f"{name}.lock"), locked(ROOT / "requirements.lock")
    for package, (version, files) in pinned.items():
        told, known = every[package]
        assert (version, {one for one in files if one.startswith("--hash")}) == (
            told, {one for one in known if one.startswith("--hash")},
        )  # fmt: skip
    assert needed(asked) <= set(pinned)
    assert set(pinned) - needed(asked) <= {"pywin32", "tzdata", "colorama", "exceptiongroup"}


def test_every_file_of_the_folder_is_in_its_page():
    page = (DEPLOY / "README.md").read_text("utf-8")
    for path in set(DEPLOY.iterdir()) - {DEPLOY / "README.md"}:
        assert path.name in page


# --- the job


@pytest.fixture(scope="module")
def aws():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture
def cloud(aws, monkeypatch, tmp_path):
    """An empty cloud: a bucket of bills, one for the ledger, and a topic with a queue behind it."""
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    s3, sns, sqs = boto3.client("s3"), boto3.client("sns"), boto3.client("sqs")
    for name in ("bills", "ledgers"):
        s3.create_bucket(Bucket=name)
    topic = sns.create_topic(Name="curecon")["TopicArn"]
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:seen"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def seen():
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"])["Subject"] for one in found]

    yield s3, topic, seen
    for name in ("bills", "ledgers"):
        for one in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=one["Key"])
    sqs.delete_queue(QueueUrl=queue)
    sns.delete_topic(TopicArn=topic)


def deliver(s3, tmp_path, lines):
    file = bills.write_csv(tmp_path / "bill.csv", bills.with_ids(lines))
    s3.put_object(Bucket="bills", Key="cur/2026-10/bill.csv", Body=file.read_bytes())


def job(tmp_path, topic, **more):
    """Run the job on a machine of its own, as a container does."""
    machine = tmp_path / f"machine{len(list(tmp_path.iterdir()))}"
    machine.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(machine / "cache"),
        "BILL": "s3://bills/cur/",
        "LEDGER_S3": KEY,
        "CURECON_ALERT_TO": f"topic={topic}",
        "CURECON_ALERT_MIN_DIFFERENCE": "0.5",
        **more,
    }
    return subprocess.run(
        ["sh", str(DEPLOY / "job.sh")],
        cwd=machine, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def strange(name, dollars="9"):
    """A charge that nobody can judge."""
    return bills.line(line_item_usage_type=name, quantity="1", rate=dollars)


def test_the_job_tells_once_what_is_new_over_machines_that_come_and_go(cloud, tmp_path):
    s3, topic, seen = cloud
    deliver(s3, tmp_path, [strange("USE1-A"), strange("USE1-Small", "0.4")])
    first = job(tmp_path, topic)
    assert first.returncode == 0, first.stderr
    assert seen() == ["curecon: 1 new: 9.00 USD could not be priced"]
    again = job(tmp_path, topic)
    assert again.returncode == 0, again.stderr
    assert seen() == []
    deliver(s3, tmp_path, [strange("USE1-A"), strange("USE1-B", "7")])
    assert job(tmp_path, topic).returncode == 0
    assert seen() == ["curecon: 1 new: 7.00 USD could not be priced"]


def allowed(topic):
    """The statements of the task's role, for the buckets and the topic of these tests."""
    stack = yaml.load((DEPLOY / "aws" / "curecon.yaml").read_text("utf-8"), Tagged)  # noqa: S506
    role = stack["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    values = {
        "AWS::Partition": "aws", "BillBucket": "bills", "BillPrefix": "cur", "Alerts": topic,
        "LedgerBucket.Arn": "arn:aws:s3:::ledgers",
    }  # fmt: skip

    def filled(written):
        return re.sub(r"\$\{(.+?)\}", lambda one: values[one[1]], values.get(written, written))

    for one in role["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        prefixes = one.get("Condition", {}).get("StringLike", {}).get("s3:prefix", ["*"])
        yield actions, filled(one["Resource"]), [filled(prefix) for prefix in prefixes]


def asked_of(call):
    """The action of IAM, its resource and the prefix that a recorded call asks for."""
    where = urlsplit(call["url"])
    if "/sns/" in call["headers"]["Authorization"]:
        body = parse_qs(base64.b64decode(call["body"]).decode() if call["body_encoded"]
                        else call["body"])  # fmt: skip
        return f"sns:{body['Action'][0]}", body["TopicArn"][0], ""
    bucket, _, key = where.path.strip("/").partition("/")
    prefix = parse_qs(where.query).get("prefix", [""])[0]
    if key:
        verb = "GetObject" if call["method"] in ("GET", "HEAD") else "PutObject"
        return f"s3:{verb}", f"arn:aws:s3:::{bucket}/{key}", ""
    assert call["method"] == "GET"
    return "s3:ListBucket", f"arn:aws:s3:::{bucket}", prefix


def test_the_role_of_the_task_allows_every_call_that_the_job_makes(aws, cloud, tmp_path):
    s3, topic, seen = cloud
    deliver(s3, tmp_path, [strange("USE1-A")])
    recorder = f"{aws['AWS_ENDPOINT_URL']}/moto-api/recorder"
    requests.post(f"{recorder}/start-recording", timeout=10)
    for _ in ("the first time", "with a ledger"):
        assert job(tmp_path, topic).returncode == 0
    requests.post(f"{recorder}/stop-recording", timeout=10)
    assert len(seen()) == 1
    recorded = requests.get(f"{recorder}/download-recording", timeout=10).text
    calls = [json.loads(line) for line in recorded.splitlines()]
    asked = {asked_of(call) for call in calls if "Authorization" in call["headers"]}
    assert {action for action, _, _ in asked} == {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "sns:Publish",
    }  # fmt: skip
    statements = list(allowed(topic))
    refused = [
        one
        for one in asked
        if not any(
            one[0] in actions
            and fnmatchcase(one[1], resource)
            and any(fnmatchcase(one[2], prefix) for prefix in prefixes)
            for actions, resource, prefixes in statements
        )
    ]
    assert refused == []


def words_of(name):
    """What a recipe runs, in its own words, and what it sets beside the environment asked for."""
    if name == "cron":
        line = (DEPLOY / "crontab").read_text("utf-8").splitlines()[2]
        return line.split("* * *")[1].strip()
    if name == "systemd":
        unit = (DEPLOY / "systemd" / "curecon.service").read_text("utf-8")
        return re.search(r"^ExecStart=/usr/local/bin/(.+)$", unit, re.MULTILINE)[1]
    if name == "GitHub":
        flow = yaml.safe_load((DEPLOY / "github" / "curecon.yml").read_text("utf-8"))
        return flow["jobs"]["audit"]["steps"][-2]["run"]
    return json.loads(re.search(r"^ENTRYPOINT (.+)$", (DEPLOY / "Dockerfile").read_text("utf-8"),
                                re.MULTILINE)[1])[0]  # fmt: skip


def given(name):
    """The names of the variables that a recipe gives its job."""
    if name == "GitHub":
        flow = yaml.safe_load((DEPLOY / "github" / "curecon.yml").read_text("utf-8"))
        return set(flow["jobs"]["audit"]["env"])
    if name == "Kubernetes":
        _, job = yaml.safe_load_all((DEPLOY / "kubernetes/cronjob.yaml").read_text("utf-8"))
        (one,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert "CURECON_ALERT_TO" in (DEPLOY / "kubernetes/cronjob.yaml").read_text("utf-8")
        return {row["name"] for row in one["env"]} | {"CURECON_ALERT_TO"}
    if name == "AWS":
        text = (DEPLOY / "aws" / "curecon.yaml").read_text("utf-8")
        stack = yaml.load(text, Tagged)  # noqa: S506
        (one,) = stack["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
        return {row["Name"] for row in one["Environment"]}
    page = (DEPLOY / "README.md").read_text("utf-8")
    return set(re.findall(r"^([A-Z_]+)=", page, re.MULTILINE))


@pytest.mark.parametrize("name", ["cron", "systemd", "GitHub", "Kubernetes", "AWS"])
def test_each_recipe_runs_the_job_in_its_own_words(cloud, tmp_path, name):
    s3, topic, seen = cloud
    deliver(s3, tmp_path, [strange("USE1-A")])
    home, programs = tmp_path / "home", tmp_path / "programs"
    (home / "curecon").mkdir(parents=True)
    (home / "curecon" / "curecon-source").symlink_to(ROOT)
    programs.mkdir()
    (programs / "curecon-job").write_text(f'#!/bin/sh\nexec sh "{DEPLOY / "job.sh"}"\n')
    (programs / "curecon-job").chmod(0o755)
    values = {
        "BILL": "s3://bills/cur/", "LEDGER_S3": KEY, "CURECON_ALERT_TO": f"topic={topic}",
        "OUT": "out", "CURECON_ALERT_MIN_DIFFERENCE": "0.5",
    }  # fmt: skip
    environment = {**os.environ, "HOME": str(home)} | {one: values[one] for one in given(name)}
    environment["PATH"] = os.pathsep.join(
        [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    words = words_of(name)
    if name == "cron":
        settings = tmp_path / "environment"
        settings.write_text("".join(f"{one}='{environment.pop(one)}'\n" for one in given(name)))
        words = words.replace("/etc/curecon/environment", str(settings))
    done = subprocess.run(
        ["sh", "-c", words], cwd=home / "curecon", env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert seen() == ["curecon: 1 new: 9.00 USD could not be priced"]
    kept = [one["Key"] for one in s3.list_objects_v2(Bucket="ledgers").get("Contents", [])]
    assert kept == (["curecon.duckdb"] if "LEDGER_S3" in given(name) else [])
    assert (home / "curecon" / "curecon.duckdb").is_file()
    assert (home / "curecon" / "out" / "report.html").is_file() == ("OUT" in given(name))


@pytest.mark.parametrize(
    ("status", "result", "told"),
    [
        ("killed", "signal", ["curecon: 1 run failed or missed"]),
        ("", "", ["curecon: 1 run failed or missed"]),  # a systemd that does not say
        ("2", "exit-code", []),  # the job has told it itself
    ],
)
def test_systemd_tells_of_a_job_that_died_without_a_word(cloud, tmp_path, status, result, told):
    _, topic, seen = cloud
    unit = (DEPLOY / "systemd" / "curecon-failed.service").read_text("utf-8").replace("\\\n", " ")
    words = re.search(r"^ExecStart=/bin/sh -c '(.+)'$", unit, re.MULTILINE)[1]
    words = words.replace("$$", "$").replace("/usr/local/bin/", f"{Path(sys.executable).parent}/")
    said = {"MONITOR_EXIT_STATUS": status, "MONITOR_SERVICE_RESULT": result}
    environment = {**os.environ, "CURECON_ALERT_TO": f"topic={topic}"}
    environment |= {name: value for name, value in said.items() if value}
    done = subprocess.run(
        ["sh", "-c", words], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert seen() == told


def test_a_job_that_fails_says_so_and_ends_with_2(cloud, tmp_path):
    _, topic, seen = cloud
    failed = job(tmp_path, topic, BILL="s3://bills/nowhere/")
    assert failed.returncode == 2
    assert seen() == ["curecon: 1 run failed or missed"]


def test_a_job_without_a_bill_says_what_it_needs(cloud, tmp_path):
    _, topic, _ = cloud
    failed = job(tmp_path, topic, BILL="")
    assert failed.returncode != 0
    assert "name a bill" in failed.stderr


# --- the ledger in S3


def make_ledger(path, name="USE1-A"):
    file = bills.write_csv(path.with_suffix(".csv"), [strange(name)])
    assert cli.run(["ingest", str(file), "--ledger", str(path)]) == 0


def test_two_runs_cannot_overwrite_each_other(cloud, tmp_path):
    s3, _, _ = cloud
    mine, yours = tmp_path / "mine.duckdb", tmp_path / "yours.duckdb"
    for path in (mine, yours):
        assert ledger_s3.pull(KEY, path).etag is None
        make_ledger(path)
    ledger_s3.push(KEY, mine)
    with pytest.raises(LedgerLocked, match="another run changed this ledger"):
        ledger_s3.push(KEY, yours)
    kept = s3.get_object(Bucket="ledgers", Key="curecon.duckdb")["Body"].read()
    assert kept == mine.read_bytes()
    later = tmp_path / "later.duckdb"
    ledger_s3.pull(KEY, later)
    make_ledger(mine, "USE1-B")
    ledger_s3.push(KEY, mine)
    make_ledger(later, "USE1-C")
    with pytest.raises(LedgerLocked):
        ledger_s3.push(KEY, later)
    s3.delete_object(Bucket="ledgers", Key="curecon.duckdb")
    with pytest.raises(LedgerLocked):
        ledger_s3.push(KEY, mine)


def test_what_was_not_pushed_is_not_replaced(cloud, tmp_path):
    path = tmp_path / "ledger.duckdb"
    ledger_s3.pull(KEY, path)
    make_ledger(path)
    with pytest.raises(LedgerUnreadable, match="was not pushed"):
        ledger_s3.pull(KEY, path)
    assert cli.run(["ledger", "push", KEY, "--ledger", str(path)]) == 0
    before = path.read_bytes()
    assert cli.run(["ledger", "pull", KEY, "--ledger", str(path)]) == 0
    assert path.read_bytes() == before
    with pytest.raises(LedgerUnreadable, match="pulled from"):
        ledger_s3.push("s3://ledgers/other.duckdb", path)


@pytest.mark.parametrize("verb", ["pull", "push"])
def test_a_run_killed_before_it_noted_that_it_was_done_can_be_repeated(
    cloud, tmp_path, monkeypatch, verb
):
    path = tmp_path / "ledger.duckdb"
    ledger_s3.pull(KEY, path)
    make_ledger(path)
    if verb == "pull":
        ledger_s3.push(KEY, path)
        whole = path.read_bytes()
        path.unlink()
        (tmp_path / ".ledger.duckdb.s3").unlink()
    else:
        whole = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger_s3, "_remember", killed)
        with pytest.raises(KeyboardInterrupt):
            getattr(ledger_s3, verb)(KEY, path)
    getattr(ledger_s3, verb)(KEY, path)
    ledger_s3.pull(KEY, path)
    assert path.read_bytes() == whole
    make_ledger(path, "USE1-B")
    ledger_s3.push(KEY, path)
    assert not list(tmp_path.glob(".*.pulled"))


def test_what_is_no_ledger_is_not_pulled(cloud, tmp_path):
    s3, _, _ = cloud
    s3.put_object(Bucket="ledgers", Key="curecon.duckdb", Body=b"no ledger")
    path = tmp_path / "ledger.duckdb"
    with pytest.raises(LedgerUnreadable):
        ledger_s3.pull(KEY, path)
    assert [one.name for one in tmp_path.iterdir()] == []
    with pytest.raises(OptionInvalid, match="name a file"):
        ledger_s3.pull("s3://ledgers/", path)


def test_a_bucket_that_may_not_be_written_is_said(cloud, tmp_path, monkeypatch):
    path = tmp_path / "ledger.duckdb"
    ledger_s3.pull(KEY, path)
    make_ledger(path)
    with monkeypatch.context() as denied:
        denied.setattr(
            "moto.s3.responses.S3Response._key_response_put",
            lambda *_: (403, {}, "<Error><Code>AccessDenied</Code></Error>"),
            raising=False,
        )
        denied.setattr(
            "moto.s3.responses.S3Response.put_object",
            lambda *_: (403, {}, "<Error><Code>AccessDenied</Code></Error>"),
        )
        with pytest.raises(StoreUnreachable, match="s3:PutObject"):
            ledger_s3.push(KEY, path)
    ledger_s3.push(KEY, path)
