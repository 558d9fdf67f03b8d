"""What `aws template` prints is sound CloudFormation; what it makes says so when fournines falls silent."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cfnlint.api import lint

from collector.wire.beacon import AwsBeacon
from collector.wire.session import Access, Sessions
from fournines.template import alarm, alarm_name, permissions, template
from simulator.aws.stand import Stand
from tests.living import ACCOUNT, NOON, REGIONS, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

HOME = REGIONS[0]


def test_the_template_is_sound_in_the_regions_that_it_is_made_for() -> None:
    faults = lint(json.dumps(template()), regions=["eu-west-1", "us-east-1", "ap-southeast-1"])
    assert [str(fault) for fault in faults] == []


def test_without_being_asked_for_the_alarm_and_its_topic_are_not_made() -> None:
    made = template()
    silent = {name for name, one in made["Resources"].items() if one.get("Condition")}
    assert silent == {"Silence", "SilenceMail", "HeartbeatAlarm"}
    assert made["Parameters"]["WatchHeartbeat"]["Default"] == "no"


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


def test_without_a_queue_nothing_is_granted_on_queues() -> None:
    sids = [statement["Sid"] for statement in permissions([], {})["Statement"]]
    assert sids == ["Read", "Beat"]
