"""The doctor against the simulated AWS and Slack, with some things broken: what it finds and leaves."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
import pytest

from collector.checkup import BucketLook
from collector.plan import Cadence
from collector.scheme import Scheme
from fournines.doctor import judge
from fournines.doctor.finding import Finding, Mark
from fournines.store.books import Books
from fournines.store.dispatches import Dispatch
from fournines.template import READS, alarm, alarm_name
from simulator.aws.stand import Stand
from simulator.slack.server import SlackServer
from simulator.slack.workspace import Workspace
from tests.living import ACCOUNT, NOON, REGIONS, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tests.cli.conftest import Command
    from tests.conftest import Golden

GOLDEN = Path(__file__).with_name("golden")
HOME, AWAY = REGIONS
SECRET = "xoxb-of-the-test"


class Guarded:
    """The simulated AWS behind an IAM that forbids some actions in some regions."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app, self.forbidden, self.heard = app, set[tuple[str, str]](), set[str]()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        region = environ.get("HTTP_AUTHORIZATION", "").split("/")[2:3]
        action = _action(environ)
        self.heard.add(action)
        if (action, *region) not in self.forbidden:
            return self._app(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}).encode()
        start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
        return [body]


def _action(environ: WSGIEnvironment) -> str:
    """Return what is asked for: JSON protocols say it in a header, ELBv2 in a form."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    body: bytes = environ["wsgi.input"].read()
    environ["wsgi.input"] = BytesIO(body)
    return parse_qs(body.decode("latin-1")).get("Action", [""])[0]


class Site:
    """An installation: simulated AWS and Slack, documents in a folder, and what an operator made."""

    def __init__(self, folder: Path, serve: Callable[[WSGIApplication], str]) -> None:
        self.at, self.folder = NOON, folder
        self.stand = Stand(small(), speed=60, epoch=NOON, read_wall=lambda: self.at)
        self.iam, self.workspace = Guarded(self.stand.app), Workspace(["incidents"])
        self.aws = serve(self.iam)
        self.slack = f"{serve(SlackServer(self.workspace))}/api/"
        self.queues = {region: self._queue(region) for region in REGIONS}
        self.write()

    def client(self, service: str, region: str = HOME) -> Any:  # noqa: ANN401 - any service
        session = boto3.Session("operator", "any", region_name=region)
        return session.client(service, endpoint_url=self.aws)  # type: ignore[call-overload]

    def write(self, **more: Any) -> None:  # noqa: ANN401 - a document
        (self.folder / "slack-token").write_text(SECRET, encoding="utf-8")
        (self.folder / "aws-secret").write_text("another-secret", encoding="utf-8")
        document = {
            "store": "books.db",
            "clock": {"kind": "fast", "start": "2026-11-23T12:45:00Z", "epoch": "2020-01-01T00:00:00Z",
                      "speed": 1e-10},
            "aws": {
                "endpoint_url": self.aws,
                "credentials": {"access_key_id": "fournines", "secret_access_key": {"file": "aws-secret"}},
                "regions": list(REGIONS),
                "accounts": [{"id": ACCOUNT}],
                "queues": [{"region": region, "url": url} for region, url in self.queues.items()],
            },
            "objectives": ["objectives.yaml"],
            "slack": {"channel": "incidents", "token": {"file": "slack-token"}, "base_url": self.slack},
            "web": {"port": 0},
            **more,
        }  # fmt: skip
        (self.folder / "fournines.yaml").write_text(json.dumps(document), encoding="utf-8")

    def alarm(self, region: str) -> None:
        """Make the alarm of the template, and let it hear a heartbeat for some minutes."""
        topic = self.client("sns", region).create_topic(Name="Silence")["TopicArn"]
        metrics = self.client("cloudwatch", region)
        metrics.put_metric_alarm(AlarmName=alarm_name("fournines"), **alarm("fournines", topic))

    def live(self, minutes: int, *beating: str) -> None:
        for _ in range(minutes):
            for region in beating:
                datum = {"MetricName": "Heartbeat", "Value": 1.0}
                datum |= {"Dimensions": [{"Name": "Instance", "Value": "fournines"}]}
                self.client("cloudwatch", region).put_metric_data(Namespace="fournines", MetricData=[datum])
            self.at += timedelta(seconds=1)
            self.stand.stage.step()

    def dead_letter(self, region: str) -> None:
        letters = self.client("sqs", region).get_queue_url(QueueName="letters")["QueueUrl"]
        self.client("sqs", region).send_message(QueueUrl=letters, MessageBody="nobody could keep this")

    def shown(self, text: str) -> str:
        """Return an output without what differs from run to run."""
        return text.replace(self.aws, "http://aws").replace(str(self.folder), "FOLDER")

    def _queue(self, region: str) -> str:
        sqs = self.client("sqs", region)
        sqs.create_queue(QueueName="letters")
        dead = {"deadLetterTargetArn": f"arn:aws:sqs:{region}:{ACCOUNT}:letters", "maxReceiveCount": "20"}
        made: str = sqs.create_queue(QueueName="events", Attributes={"RedrivePolicy": json.dumps(dead)})[
            "QueueUrl"
        ]
        return made


@pytest.fixture
def site(kept: Path, serve: Callable[[WSGIApplication], str]) -> Site:
    return Site(kept, serve)


def areas(out: str, mark: str) -> set[str]:
    return {one["area"] for one in json.loads(out)["findings"] if one["mark"] == mark}


def test_what_is_broken_is_named_with_what_mends_it(site: Site, fournines: Command, golden: Golden) -> None:
    site.iam.forbidden |= {("ListServiceDeployments", AWAY), ("DescribeScalableTargets", AWAY)}
    site.dead_letter(HOME)
    site.alarm(HOME)
    site.live(8, HOME)
    site.workspace.channels.clear()
    said = fournines("doctor")
    assert said.code == 1
    assert (SECRET in said.out, "another-secret" in said.out) == (False, False)
    golden(GOLDEN / "doctor.txt", site.shown(said.out))


def test_a_sound_installation_is_well_and_is_left_as_it_was(site: Site, fournines: Command) -> None:
    for region in REGIONS:
        site.alarm(region)
    site.live(8, *REGIONS)
    before = site.stand.stage.calls()
    said = fournines("doctor", "--json")
    assert areas(said.out, "wrong") == set()
    assert areas(said.out, "warn") == {f"minutes {ACCOUNT}/{region}" for region in REGIONS}
    assert said.code == 0
    assert json.loads(said.out)["ok"] is True
    assert site.workspace.messages == {}, "the test message is gone"
    assert len(site.workspace.accepted) == 2, "it was posted and edited"
    assert site.stand.stage.calls() == before, "nothing was changed"


def test_it_runs_beside_the_service_that_owns_the_store(site: Site, fournines: Command) -> None:
    with Books.open(str(site.folder / "books.db")):
        said = fournines("doctor", "--json", "--no-slack")
    assert [one for one in json.loads(said.out)["findings"] if one["area"] == "store"] == [
        {"area": "store", "mark": "ok", "what": "at least 1 GiB is free", "fix": ""},
        {
            "area": "store",
            "mark": "ok",
            "what": "it can be read and written, and its journal is as it was written",
            "fix": "",
        },
    ]
    assert site.workspace.accepted == [], "Slack was asked nothing"


def test_every_read_of_services_their_parts_and_load_balancers_is_tried(
    site: Site, fournines: Command
) -> None:
    fournines("doctor", "--no-slack")
    reads = {
        one
        for one in READS
        if one.startswith(("ecr:", "ecs:", "elasticloadbalancing:", "secretsmanager:", "ssm:"))
    }
    assert {one.partition(":")[2] for one in reads} - site.iam.heard == set()


def test_a_heartbeat_that_stopped_is_wrong(site: Site, fournines: Command) -> None:
    site.alarm(HOME)
    site.live(8, HOME)
    site.live(8)
    said = fournines("doctor", "--json", "--no-slack")
    (found,) = [one for one in json.loads(said.out)["findings"] if one["area"] == f"heartbeat {HOME}"]
    assert found["mark"] == "wrong"
    assert found["what"].startswith("fournines-heartbeat-fournines rings: Threshold Crossed: ")


def test_nobody_at_the_address_is_said_for_each_thing_and_soon_over(site: Site, fournines: Command) -> None:
    site.aws = "http://127.0.0.1:9"
    site.write()
    said = fournines("doctor", "--json", "--no-slack")
    assert said.code == 1
    assert areas(said.out, "wrong") == {
        f"credentials {ACCOUNT}",
        *(f"permissions {ACCOUNT}/{region}" for region in REGIONS),
        *(f"queue {region}" for region in REGIONS),
        *(f"heartbeat {region}" for region in REGIONS),
    }


def test_a_heartbeat_that_is_off_and_a_missing_secret_are_said(site: Site, fournines: Command) -> None:
    site.write(heartbeat={"regions": []})
    (site.folder / "slack-token").write_text("", encoding="utf-8")
    findings = json.loads(fournines("doctor", "--json").out)["findings"]
    said = {(one["mark"], one["what"]) for one in findings if one["area"] == "documents"}
    assert ("warn", "the heartbeat is off: no alarm tells that fournines itself is silent") in said
    assert [what for mark, what in said if mark == "wrong" and "slack-token is empty" in what]
    assert [one["what"] for one in findings if one["area"] == "slack"] == [
        "auth.test was answered: not_authed"
    ]


def test_the_running_service_is_asked_how_it_is(
    site: Site, fournines: Command, serve: Callable[[WSGIApplication], str]
) -> None:
    def healthz(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps({"ok": False, "trouble": ["the heartbeat is held back: not_collecting"]}).encode()]

    site.write(web={"port": int(serve(healthz).rpartition(":")[2])})
    said = fournines("doctor", "--json", "--no-slack")
    (found,) = [one for one in json.loads(said.out)["findings"] if one["area"] == "service"]
    assert (found["mark"], found["what"]) == ("wrong", "the heartbeat is held back: not_collecting")
    site.write(web={"port": 9})
    assert "service" in areas(fournines("doctor", "--json", "--no-slack").out, "warn")


def test_a_store_that_is_not_there_yet_or_in_memory_is_said(site: Site, fournines: Command) -> None:
    site.write(store="new.db")
    assert "store" in areas(fournines("doctor", "--json", "--no-slack").out, "warn")
    assert not (site.folder / "new.db").exists()
    site.write(store="no/folder/new.db")
    assert "store" in areas(fournines("doctor", "--json", "--no-slack").out, "wrong")
    site.write(store="sqlite://")
    assert "store" in areas(fournines("doctor", "--json", "--no-slack").out, "warn")


def test_a_folder_that_takes_no_store_is_wrong() -> None:
    assert judge.unborn("/proc/new.db", may_write=False).mark is Mark.WRONG


def test_a_journal_that_was_changed_is_wrong() -> None:
    assert judge.journal(7).mark is Mark.WRONG


@pytest.mark.parametrize(
    ("skew", "said"),
    [(31, "31 s behind AWS's"), (-31, "31 s ahead of AWS's"), (30, "agree to within 30 s")],
)
def test_a_clock_that_is_off_says_which_way(skew: int, said: str) -> None:
    assert said in judge.clock(timedelta(seconds=skew)).what


def test_a_minute_is_old_after_a_quarter_of_an_hour() -> None:
    newest = NOON - judge.LAG_MAX
    lag_max = judge.lag_max(Scheme())
    assert judge.lag(ACCOUNT, HOME, newest, NOON, lag_max).mark is Mark.OK
    late = judge.lag(ACCOUNT, HOME, newest, NOON + timedelta(hours=49), lag_max)
    assert (late.mark, late.what) == (Mark.WRONG, "the newest minute ended 2 d ago, at 2026-11-23 11:45 UTC")


@pytest.mark.parametrize(("every", "budget_usd", "minutes"), [(5, None, 15), (15, None, 22), (15, 40, 37)])
def test_where_minutes_are_read_seldom_they_may_be_older(
    every: int, budget_usd: int | None, minutes: int
) -> None:
    budget = None if budget_usd is None else Decimal(budget_usd)
    scheme = Scheme(cadence=Cadence(sli_every=every), budget_usd=budget)
    assert judge.lag_max(scheme) == timedelta(minutes=minutes)


def test_little_room_and_few_scopes_are_said() -> None:
    assert judge.disk(2**20, "/var").what == "1 MiB are free in /var"
    found = list(judge.scopes(frozenset({"chat:write"})))
    assert [(one.mark, "channels:history" in one.fix) for one in found] == [(Mark.WARN, True)]


def test_what_is_not_well_names_what_mends_it() -> None:
    with pytest.raises(ValueError, match="needs a fix"):
        Finding("store", Mark.WRONG, "it is full")


def test_the_bucket_and_the_folder_of_statements_are_looked_at(site: Site, fournines: Command) -> None:
    (site.folder / "blocked").write_text("no folder", encoding="utf-8")
    s3 = {"bucket": "acme-sla", "region": HOME}
    site.write(statements={"folder": "blocked/here", "s3": s3})
    found = findings(fournines("doctor", "--json", "--no-slack").out, "statements")
    assert [(one["area"], one["mark"]) for one in found] == [
        ("statements s3", "wrong"),
        ("statements folder", "wrong"),
    ]
    assert found[0]["what"] == "acme-sla: there is no such bucket"
    site.client("s3").create_bucket(Bucket="acme-sla", CreateBucketConfiguration={"LocationConstraint": HOME})
    site.write(statements={"folder": "out", "s3": s3})
    found = findings(fournines("doctor", "--json", "--no-slack").out, "statements")
    assert [one["what"] for one in found] == ["acme-sla is there", "out can be written"]


def test_a_statement_that_could_not_be_laid_up_is_named(site: Site, fournines: Command) -> None:
    with Books.open(str(site.folder / "books.db")) as books:
        late = Dispatch(
            contract="acme", month="2026-10", revision=1, place="s3", at=NOON, why="s3:PutObject is denied"
        )
        books.statements.note(late)
    (found,) = findings(fournines("doctor", "--json", "--no-slack").out, "statements")
    assert (found["area"], found["mark"]) == ("statements s3", "warn")
    assert "the statement of acme for 2026-10 could not be laid up: s3:PutObject is denied" in found["what"]


def test_a_bucket_that_may_not_be_looked_at_is_no_proof_that_it_may_not_be_written() -> None:
    found = judge.bucket("acme-sla", BucketLook(None, "s3:ListBucket is denied"))
    assert found.mark is Mark.WARN
    assert "whether it may be written is not known" in found.what


def findings(out: str, area: str) -> list[dict[str, str]]:
    return [one for one in json.loads(out)["findings"] if one["area"].startswith(area)]
