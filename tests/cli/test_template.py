"""What `aws template` prints is sound CloudFormation; what it makes says so when fournines falls silent."""

from __future__ import annotations

import ast
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore import xform_name
from cfnlint.api import lint

from collector.wire.beacon import AwsBeacon
from collector.wire.session import Access, Sessions
from fournines.cli.aws import GRANTS
from fournines.template import READS, Archived, alarm, alarm_name, permissions, template
from simulator.aws.stand import Stand
from slo.cells import Placement
from tests.living import ACCOUNT, NOON, REGIONS, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

HOME = REGIONS[0]
ROOT = Path(__file__).parents[2]


def test_the_template_is_sound_in_the_regions_that_it_is_made_for() -> None:
    faults = lint(json.dumps(template()), regions=["eu-west-1", "us-east-1", "ap-southeast-1"])
    assert [str(fault) for fault in faults] == []


def test_without_being_asked_for_the_alarm_and_its_topic_are_not_made() -> None:
    made = template()
    silent = {name for name, one in made["Resources"].items() if one.get("Condition")}
    assert silent == {"Silence", "SilenceMail", "HeartbeatAlarm"}
    assert made["Parameters"]["WatchHeartbeat"]["Default"] == "no"


#: Which IAM actions the operations of a client are called by.
IAM = {
    "application-autoscaling": "application-autoscaling",
    "arc-zonal-shift": "arc-zonal-shift",
    "cloudwatch": "cloudwatch",
    "ec2": "ec2",  # before ecr: both have images, and ours are of ecr
    "ecr": "ecr",
    "ecs": "ecs",
    "elbv2": "elasticloadbalancing",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
}
LOOKS = ("Describe", "Get", "List")


def looked_for() -> set[str]:
    """Return the reads that the wires ask for: methods of clients, and the names that paginators take."""
    models = {service: botocore.session.get_session().get_service_model(service) for service in IAM}
    reads = {
        xform_name(operation): f"{IAM[service]}:{operation}"
        for service, model in models.items()
        for operation in model.operation_names
        if operation.startswith(LOOKS)
    }
    words = set[str]()
    for source in (
        path for room in ("collector", "remediation") for path in (ROOT / room / "wire").glob("*.py")
    ):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                words.add(node.attr)
            elif isinstance(node, ast.Constant):
                words.add(str(node.value))
    return {reads[word] for word in words & reads.keys()}


def test_what_is_allowed_to_read_is_what_the_wires_ask_for_and_no_more() -> None:
    assert set(READS) == looked_for()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_every_resource_lies_in_the_partition_of_its_region(region: str, partition: str) -> None:
    placement = Placement(ACCOUNT, region, "*", "web")
    granted = permissions([], {placement: [action for actions in GRANTS.values() for action in actions]})
    changes = [one for one in granted["Statement"] if one["Sid"].startswith("Change")]
    resources = [resource for change in changes for resource in change["Resource"]]
    assert len(changes) > 1
    assert {resource.split(":")[1] for resource in resources} == {partition}


class Night:
    """The simulated AWS with the topic, its subscriber and the alarm, and a clock that is turned by hand."""

    def __init__(self, serve: Callable[[WSGIApplication], str]) -> None:
        self._at = NOON
        self._stand = Stand(small(), speed=60, epoch=NOON, read_wall=lambda: self._at)
        self._url = serve(self._stand.app)
        access = Access(endpoint_url=self._url, access_key_id="fournines", secret_access_key="any")
        self.sessions = Sessions(access)
        self.beacon = AwsBeacon(self.sessions, ACCOUNT)
        self.topic = self._client("sns").create_topic(Name="Silence")["TopicArn"]
        self._pager = self._client("sqs").create_queue(QueueName="pager")["QueueUrl"]
        self._client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HOME}:{ACCOUNT}:pager"
        )
        self._client("cloudwatch").put_metric_alarm(
            AlarmName=alarm_name("fournines"), **alarm("fournines", self.topic)
        )

    def _client(self, service: str) -> Any:  # noqa: ANN401 - any service
        session = boto3.Session("operator", "any", region_name=HOME)
        return session.client(service, endpoint_url=self._url)  # type: ignore[call-overload]

    def live(self, minutes: int, *, beating: bool) -> None:
        for _ in range(minutes):
            if beating:
                self.beacon.beat(HOME, "fournines")
            self._at += timedelta(seconds=1)
            self._stand.stage.step()

    def state(self) -> str:
        (found,) = self._client("cloudwatch").describe_alarms(AlarmNames=[alarm_name("fournines")])[
            "MetricAlarms"
        ]
        said: str = found["StateValue"]
        return said

    def told(self) -> list[dict[str, Any]]:
        """Take what the topic has told since the last time."""
        answer = self._client("sqs").receive_message(QueueUrl=self._pager, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            self._client("sqs").delete_message(QueueUrl=self._pager, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def night(serve: Callable[[WSGIApplication], str]) -> Iterator[Night]:
    made = Night(serve)
    yield made
    made.sessions.close()


def test_when_the_beat_stops_the_alarm_rings_and_the_topic_tells_and_when_it_comes_again_too(
    night: Night,
) -> None:
    night.live(8, beating=True)
    assert night.state() == "OK"
    night.told()
    night.live(2, beating=False)
    assert (night.state(), night.told()) == ("OK", []), "one late beat wakes nobody"
    night.live(4, beating=False)
    assert night.state() == "ALARM"
    (rung,) = night.told()
    assert rung["Subject"] == 'ALARM: "fournines-heartbeat-fournines" in eu-west-1'
    said = json.loads(rung["Message"])
    assert (said["NewStateValue"], said["OldStateValue"]) == ("ALARM", "OK")
    assert said["Trigger"]["TreatMissingData"] == "breaching"
    assert "fournines-silent" in said["AlarmDescription"]
    night.live(6, beating=True)
    (over,) = night.told()
    assert json.loads(over["Message"])["NewStateValue"] == "OK"
    assert datetime.fromisoformat(said["StateChangeTime"]) > NOON


def test_a_topic_that_is_gone_hears_nothing_and_the_world_goes_on(night: Night) -> None:
    night.live(2, beating=True)
    night.told()
    night._client("sns").delete_topic(TopicArn=night.topic)  # noqa: SLF001 - as an operator would
    night.live(8, beating=False)
    assert night.state() == "ALARM"
    assert night.told() == []


def test_statements_may_be_put_below_their_prefix_and_nowhere_else() -> None:
    archive = Archived("arn:aws:s3:::acme-sla", "sla/", "arn:aws:kms:eu-west-1:1:key/a")
    granted = {one["Sid"]: one for one in permissions([], {}, archive=archive)["Statement"]}
    assert (granted["PutStatements"]["Action"], granted["PutStatements"]["Resource"]) == (
        "s3:PutObject",
        "arn:aws:s3:::acme-sla/sla/*",
    )
    assert granted["FindBucket"]["Resource"] == "arn:aws:s3:::acme-sla"
    assert granted["EncryptStatements"]["Resource"] == "arn:aws:kms:eu-west-1:1:key/a"


def test_without_a_queue_nothing_is_granted_on_queues() -> None:
    sids = [statement["Sid"] for statement in permissions([], {})["Statement"]]
    assert sids == ["Read", "Beat"]
