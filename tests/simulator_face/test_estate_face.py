"""An estate as large companies have it, over real boto3: what each account can see of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from simulator.aws.stand import Stand
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

HOME, OTHER, REGION, CLUSTER = "123456789012", "210987654321", "eu-west-1", "mylearning"
EPOCH = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"})
SCENARIO = Scenario.model_validate(
    {
        "name": "estate",
        "start": EPOCH,
        "duration": "6h",
        "estate": {
            "accounts": [HOME, OTHER],
            "regions": [REGION],
            "schedules": [{"name": "reports", "family": "nightly-reports", "every": "5m", "lasts": "1m"}],
            "services": [
                {"name": "web-app", "load_balancer": "public"},
                {"name": "payment", "load_balancer": "public"},
                {"name": "pricing", "front": "service_connect"},
                {"name": "grader", "front": "none", "queue": {"name": "grades"}},
            ],
        },
    }
)


class Aws:
    """A served world, its clock, and clients to it in either account."""

    def __init__(self, serve: Callable[[WSGIApplication], str]) -> None:
        self.at = EPOCH
        self.stand = Stand(SCENARIO, speed=60, epoch=EPOCH, read_wall=lambda: self.at)
        self.url = serve(self.stand.app)

    def client(self, service: str, account: str = HOME) -> Any:  # noqa: ANN401 - any service
        session = boto3.Session("fournines", "anything", region_name=REGION)
        if account != HOME:
            role = f"arn:aws:iam::{account}:role/reader"
            sts = session.client("sts", endpoint_url=self.url, config=ONCE)
            keys = sts.assume_role(RoleArn=role, RoleSessionName="reading")["Credentials"]
            session = boto3.Session(
                keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
            )
        return session.client(service, endpoint_url=self.url, config=ONCE)  # type: ignore[call-overload]

    def live(self, **span: float) -> None:
        """Let simulated time pass."""
        self.at += timedelta(**span) / 60
        self.stand.stage.step()


@pytest.fixture(scope="module")
def aws(serve: Callable[[WSGIApplication], str]) -> Aws:
    return Aws(serve)


@pytest.mark.parametrize("account", [HOME, OTHER])
def test_a_role_sees_its_own_account_alone(aws: Aws, account: str) -> None:
    mine = f"arn:aws:ecs:{REGION}:{account}:"
    ecs = aws.client("ecs", account)
    assert ecs.list_clusters()["clusterArns"] == [f"{mine}cluster/{CLUSTER}"]
    assert all(arn.startswith(mine) for arn in ecs.list_services(cluster=CLUSTER)["serviceArns"])
    balancers = aws.client("elbv2", account).describe_load_balancers()["LoadBalancers"]
    assert {each["LoadBalancerArn"].split(":")[4] for each in balancers} == {account}
    names = {each["LoadBalancerArn"].partition("loadbalancer/")[2] for each in balancers}
    metrics = aws.client("cloudwatch", account).list_metrics(
        Namespace="AWS/ApplicationELB", MetricName="HealthyHostCount"
    )["Metrics"]
    told = {one["Value"] for each in metrics for one in each["Dimensions"] if one["Name"] == "LoadBalancer"}
    assert told == names


def test_a_queue_is_in_one_account_and_hears_of_others_by_their_own_rules(aws: Aws) -> None:
    url = aws.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    for account in (HOME, OTHER):
        events = aws.client("events", account)
        events.put_rule(Name="ecs", EventPattern='{"source": ["aws.ecs"]}')
        arn = f"arn:aws:sqs:{REGION}:{HOME}:events"
        events.put_targets(Rule="ecs", Targets=[{"Id": "queue", "Arn": arn}])
    ecs = aws.client("ecs", OTHER)
    ecs.update_service(cluster=CLUSTER, service="payment", forceNewDeployment=True)
    aws.live(minutes=3)
    told = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert {HOME, OTHER} == {json.loads(message["Body"])["account"] for message in told}
    call = aws.stand.stage.calls()[-1]
    assert (call.account, call.caller) == (OTHER, "reading")


def test_a_shared_load_balancer_leads_to_its_target_groups_by_host(aws: Aws) -> None:
    balancing = aws.client("elbv2")
    (balancer,) = balancing.describe_load_balancers(Names=["public"])["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    (listener,) = balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    rules = balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    by_host = {
        rule["Actions"][0]["TargetGroupArn"]: rule["Conditions"][0]["HostHeaderConfig"]["Values"]
        for rule in rules
        if not rule["IsDefault"]
    }
    groups = balancing.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert by_host.keys() == {group["TargetGroupArn"] for group in groups}
    assert sorted(by_host.values()) == [["payment.mylearning.example"], ["web-app.mylearning.example"]]


def test_what_elbv2_tells_is_the_same_with_and_without_a_wire(aws: Aws) -> None:
    def seen(ask: Callable[..., Any]) -> list[object]:
        groups = ask("describe_target_groups")["TargetGroups"]
        (arn,) = {arn for group in groups for arn in group["LoadBalancerArns"]}
        (listener,) = ask("describe_listeners", LoadBalancerArn=arn)["Listeners"]
        rules = ask("describe_rules", ListenerArn=listener["ListenerArn"])["Rules"]
        reached = [(rule["Priority"], rule["Conditions"], rule["Actions"]) for rule in rules[:2]]
        names = sorted(group["TargetGroupArn"] for group in groups)
        return [names, arn, listener["ListenerArn"], listener["Protocol"], reached]

    client, world = aws.client("elbv2"), aws.stand.world.balancing

    def inside(method: str, **params: object) -> Any:  # noqa: ANN401 - an answer
        operation = "".join(part.capitalize() for part in method.split("_"))
        return world.call(operation, params, region=REGION, account=HOME, caller="test")

    assert seen(inside) == seen(lambda method, **params: getattr(client, method)(**params))


def test_a_connected_service_says_so_over_the_wire(aws: Aws) -> None:
    (service,) = aws.client("ecs").describe_services(cluster=CLUSTER, services=["pricing"])["services"]
    (deployment,) = service["deployments"]
    assert deployment["serviceConnectConfiguration"]["services"][0]["discoveryName"] == "pricing"
    metrics = aws.client("cloudwatch").list_metrics(Namespace="AWS/ECS", MetricName="RequestCount")["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in metrics) == [1, 3]


@pytest.mark.parametrize("account", [HOME, OTHER])
def test_the_queue_of_a_worker_is_there_and_cloudwatch_tells_its_age(aws: Aws, account: str) -> None:
    url = aws.client("sqs", account).get_queue_url(QueueName="grades")["QueueUrl"]
    assert url.endswith(f"/{account}/grades")
    stat = {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": "grades"}],
        },
        "Period": 60,
        "Stat": "Maximum",
    }
    now = aws.stand.stage.now
    (result,) = aws.client("cloudwatch", account).get_metric_data(
        MetricDataQueries=[{"Id": "age", "MetricStat": stat}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now,
    )["MetricDataResults"]
    assert set(result["Values"]) == {0.0}


@pytest.mark.parametrize("account", [HOME, OTHER])
def test_a_scheduled_task_and_its_exit_code_are_told_over_the_wire(aws: Aws, account: str) -> None:
    aws.live(minutes=10)
    ecs = aws.client("ecs", account)
    stopped = ecs.list_tasks(cluster=CLUSTER, family="nightly-reports", desiredStatus="STOPPED")["taskArns"]
    task = ecs.describe_tasks(cluster=CLUSTER, tasks=stopped[:1])["tasks"][0]
    assert (task["startedBy"], task["containers"][0]["exitCode"]) == ("events-rule/reports", 0)
    assert task["stoppedAt"] > task["startedAt"] > task["createdAt"]


def test_users_knock_at_a_service_without_a_signature(aws: Aws) -> None:
    for account in (HOME, OTHER):
        url = f"{aws.url}/_door/{account}/{REGION}/web-app"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server on loopback
            assert answer.status == 200


@pytest.mark.parametrize("path", [f"{HOME}/{REGION}/grader", f"{HOME}/sa-east-1/web-app", "web-app"])
def test_nobody_opens_where_nobody_lives(aws: Aws, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{aws.url}/_door/{path}", timeout=5)  # noqa: S310 - our own server on loopback
    with caught.value as answer:
        assert answer.code == 404
