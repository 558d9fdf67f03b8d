"""Clients against moto's server: roles, numeric timestamps, endpoints; who sends how often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

from collector.source import DeniedError, UnreachableError
from collector.wire.session import CONFIGS, Access, Sessions, seconds
from collector.wire.source import AwsSource
from simulator.aws.neighbours import forget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from mypy_boto3_cloudwatch import CloudWatchClient

    from tests.conftest import Serve

ACCOUNT, OTHER, REGION = "123456789012", "210987654321", "eu-west-1"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    forget()  # moto is one for all of the process, and others have used it
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sessions(moto: str) -> Iterator[Sessions]:
    roles = {OTHER: f"arn:aws:iam::{OTHER}:role/fournines"}
    made = Sessions(Access(endpoint_url=moto, access_key_id="a", secret_access_key="b", roles=roles))
    yield made
    made.close()


def put(metrics: CloudWatchClient, name: str) -> datetime:
    stamp = datetime.now(UTC).replace(second=0, microsecond=0)
    metrics.put_metric_data(
        Namespace="test", MetricData=[{"MetricName": name, "Timestamp": stamp, "Value": 1.0}]
    )
    return stamp


def test_metrics_come_with_seconds_and_no_other_client_minds(sessions: Sessions) -> None:
    metrics = sessions.cloudwatch(ACCOUNT, REGION)
    stamp = put(metrics, "x")
    told = metrics.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "q0",
                "MetricStat": {
                    "Metric": {"Namespace": "test", "MetricName": "x"},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=stamp - timedelta(minutes=5),
        EndTime=stamp + timedelta(minutes=5),
    )
    assert told["MetricDataResults"][0]["Timestamps"] == [stamp.timestamp()]
    assert sessions.elbv2(ACCOUNT, REGION).describe_load_balancers()["LoadBalancers"] == []


def test_another_account_is_reached_through_its_role(sessions: Sessions) -> None:
    sessions.ecs(OTHER, REGION).create_cluster(clusterName="theirs")
    theirs = f"arn:aws:ecs:{REGION}:{OTHER}:cluster/theirs"
    assert sessions.ecs(OTHER, REGION).list_clusters()["clusterArns"] == [theirs]
    assert sessions.ecs(ACCOUNT, REGION).list_clusters()["clusterArns"] == []


def test_seconds_do_not_keep_the_metrics_client_from_assuming_a_role(sessions: Sessions) -> None:
    put(sessions.cloudwatch(OTHER, REGION), "theirs")
    assert [m["MetricName"] for m in sessions.cloudwatch(OTHER, REGION).list_metrics()["Metrics"]] == [
        "theirs"
    ]
    assert "theirs" not in str(sessions.cloudwatch(ACCOUNT, REGION).list_metrics()["Metrics"])


REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"""


@pytest.mark.parametrize(
    ("code", "failure", "said"),
    [
        ("AccessDenied", DeniedError, "role/fournines: sts:AssumeRole answered AccessDenied: no"),
        ("RegionDisabledException", UnreachableError, "sts:AssumeRole answered RegionDisabledException: no"),
    ],
)
def test_a_role_that_cannot_be_assumed_is_named_with_what_failed_and_hides_nothing_else(
    serve: Serve, code: str, failure: type[Exception], said: str
) -> None:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        """Refuse to hand out the role; whoever needs none has no cluster."""
        if "/sts/" in environ["HTTP_AUTHORIZATION"]:
            start("403 Forbidden", [("Content-Type", "text/xml")])
            return [REFUSED.format(code=code).encode()]
        start("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [b'{"clusterArns": []}']

    roles = {OTHER: f"arn:aws:iam::{OTHER}:role/fournines"}
    access = Access(endpoint_url=serve(answer), access_key_id="a", secret_access_key="b", roles=roles)
    source = AwsSource(Sessions(access), lambda: NOON)
    with pytest.raises(failure, match=said):
        source.estate(OTHER, REGION)
    assert source.estate(ACCOUNT, REGION).services == ()


def test_a_client_is_made_once_whoever_asks(sessions: Sessions) -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(sessions.sqs(ACCOUNT, REGION))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1
    assert sessions.acting_ecs(ACCOUNT, REGION) is not sessions.ecs(ACCOUNT, REGION)


@pytest.mark.parametrize("stamp", [NOON.timestamp(), int(NOON.timestamp()), "2026-10-05T12:00:00Z"])
def test_a_timestamp_is_seconds_whatever_the_protocol_writes(stamp: float | str) -> None:
    assert seconds(stamp) == NOON.timestamp()


def test_how_often_each_use_is_sent() -> None:
    attempts = {use: config.retries["total_max_attempts"] for use, config in CONFIGS.items()}  # type: ignore[attr-defined]
    assert attempts == {
        "metrics": 3, "read": 3, "discover": 10, "poll": 1, "act": 1, "beat": 2, "look": 1,
    }  # fmt: skip


def test_a_key_without_its_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="come together"):
        Access(access_key_id="a")


def test_secrets_are_not_shown() -> None:
    shown = repr(Access(access_key_id="a", secret_access_key="hush", session_token="hush"))
    assert "hush" not in shown
