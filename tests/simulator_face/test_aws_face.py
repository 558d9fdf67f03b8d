"""Plain boto3 with nothing but an endpoint URL, against a small world whose clock the tests turn by hand."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.aws.stand import Stand
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

ACCOUNT, HOME, CLUSTER = "123456789012", "eu-west-1", "mylearning"
EPOCH = datetime(2026, 11, 23, 12, tzinfo=UTC)
SCENARIO = Scenario.model_validate(
    {
        "name": "face",
        "start": EPOCH,
        "duration": "6h",
        "estate": {
            "regions": [HOME, "us-east-1"],
            "services": [{"name": "web-app"}, {"name": "user-auth"}, {"name": "payment"}],
        },
    }
)


class Aws:
    """A served world, its clock, and clients to it."""

    def __init__(self, serve: Callable[[WSGIApplication], str]) -> None:
        self.at = EPOCH
        stand = Stand(SCENARIO, speed=60, epoch=EPOCH, read_wall=lambda: self.at)
        self.stage = stand.stage
        self.url = serve(stand.app)

    def client(self, service: str, region: str = HOME, key: str = "fournines") -> Any:  # noqa: ANN401 - any service
        retries = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        session = boto3.Session(key, "anything", region_name=region)
        return session.client(service, endpoint_url=self.url, config=retries)  # type: ignore[call-overload]

    def live(self, **span: float) -> None:
        """Let simulated time pass."""
        self.at += timedelta(**span) / 60
        self.stage.step()

    def get(self, path: str) -> str:
        return self._fetch(path, None)

    def post(self, path: str, document: object) -> str:
        return self._fetch(path, json.dumps(document).encode())

    def _fetch(self, path: str, body: bytes | None) -> str:
        with urllib.request.urlopen(self.url + path, body, timeout=5) as answer:  # noqa: S310 - our own server on loopback
            text: str = answer.read().decode()
            return text


@pytest.fixture(scope="module")
def aws(serve: Callable[[WSGIApplication], str]) -> Aws:
    return Aws(serve)


def refused(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call()
    error: dict[str, Any] = caught.value.response["Error"]  # type: ignore[assignment]  # a TypedDict of botocore
    return error


def described(aws: Aws, service: str, region: str = HOME) -> dict[str, Any]:
    (found,) = aws.client("ecs", region).describe_services(cluster=CLUSTER, services=[service])["services"]
    shape: dict[str, Any] = found
    return shape


def test_an_estate_is_discovered_from_clusters_to_load_balancers(aws: Aws) -> None:
    ecs, balancing = aws.client("ecs"), aws.client("elbv2")
    assert ecs.list_clusters()["clusterArns"] == [f"arn:aws:ecs:{HOME}:{ACCOUNT}:cluster/{CLUSTER}"]
    arns = ecs.list_services(cluster=CLUSTER, maxResults=100)["serviceArns"]
    assert [arn.rpartition("/")[2] for arn in arns] == ["web-app", "user-auth", "payment"]
    service = ecs.describe_services(cluster=CLUSTER, services=arns, include=["TAGS"])["services"][0]
    assert service["status"] == "ACTIVE"
    assert service["runningCount"] == service["desiredCount"] > 0
    group_arn = service["loadBalancers"][0]["targetGroupArn"]
    (group,) = balancing.describe_target_groups(TargetGroupArns=[group_arn])["TargetGroups"]
    (balancer,) = balancing.describe_load_balancers(LoadBalancerArns=group["LoadBalancerArns"])[
        "LoadBalancers"
    ]
    assert balancer["Type"] == "application"


def test_the_health_of_targets_is_that_of_the_tasks(aws: Aws) -> None:
    service = described(aws, "web-app")
    asked = {"TargetGroupArn": service["loadBalancers"][0]["targetGroupArn"]}
    found = aws.client("elbv2").describe_target_health(**asked)["TargetHealthDescriptions"]
    assert [each["TargetHealth"]["State"] for each in found] == ["healthy"] * service["runningCount"]
    unknown = asked["TargetGroupArn"].replace("web-app", "nobody")
    assert refused(lambda: aws.client("elbv2").describe_target_health(TargetGroupArn=unknown))["Code"] == (
        "TargetGroupNotFound"
    )


def test_regions_share_a_port_and_keep_apart(aws: Aws) -> None:
    assert described(aws, "web-app", "us-east-1")["serviceArn"].startswith("arn:aws:ecs:us-east-1:")
    assert aws.client("ecs", "sa-east-1").list_clusters()["clusterArns"] == []


def test_a_deployment_with_a_new_task_definition_runs_to_success(aws: Aws) -> None:
    ecs = aws.client("ecs")
    before = described(aws, "payment")
    containers = [{"name": "payment", "image": "example.com/payment:2", "memory": 512}]
    made = ecs.register_task_definition(family="payment", containerDefinitions=containers)["taskDefinition"]
    assert made["taskDefinitionArn"] != before["taskDefinition"]
    ecs.update_service(cluster=CLUSTER, service="payment", taskDefinition=made["taskDefinitionArn"])
    aws.live(minutes=15)
    assert described(aws, "payment")["taskDefinition"] == made["taskDefinitionArn"]
    listed = ecs.list_service_deployments(cluster=CLUSTER, service="payment")["serviceDeployments"]
    newest = max(listed, key=lambda deployment: deployment["createdAt"])
    assert newest["status"] == "SUCCESSFUL"
    assert newest["createdAt"].tzinfo is not None


def test_metrics_are_there_under_the_names_of_the_load_balancer(aws: Aws) -> None:
    group = described(aws, "web-app")["loadBalancers"][0]["targetGroupArn"].rpartition(":")[2]
    metrics = aws.client("cloudwatch").list_metrics(Namespace="AWS/ApplicationELB", MetricName="RequestCount")
    dimensions = next(
        metric["Dimensions"]
        for metric in metrics["Metrics"]
        if {"Name": "TargetGroup", "Value": group} in metric["Dimensions"] and len(metric["Dimensions"]) == 2
    )
    stat = {
        "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": dimensions},
        "Period": 60,
        "Stat": "Sum",
    }
    now = aws.stage.now
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "requests", "MetricStat": stat}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now,
    )
    (result,) = answer["MetricDataResults"]
    assert result["StatusCode"] == "Complete"
    assert len(result["Values"]) > 20
    assert all(value > 0 for value in result["Values"])
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)


def test_percentiles_and_metric_math_are_told_over_the_wire(aws: Aws) -> None:
    balancer = next(place for place in aws.stage.world.estate.places if place.region == HOME).load_balancer
    dimensions = [{"Name": "LoadBalancer", "Value": balancer}]

    def asked(name: str, metric: str, stat: str) -> dict[str, Any]:
        measured = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
        return {"Id": name, "MetricStat": {"Metric": measured, "Period": 60, "Stat": stat}}

    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            asked("p99", "TargetResponseTime", "p99"),
            asked("total", "RequestCount", "Sum"),
            asked("errors", "HTTPCode_ELB_5XX_Count", "Sum"),
            {"Id": "good", "Expression": "total - FILL(errors, 0)"},
        ],
        StartTime=aws.stage.now - timedelta(minutes=30),
        EndTime=aws.stage.now - timedelta(minutes=10),
    )
    told = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    assert len(told["p99"]) == len(told["good"]) == 20
    assert all(0 < good <= total for good, total in zip(told["good"], told["total"], strict=True))


def test_an_alarm_is_kept_and_evaluated(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="silence",
        Namespace="fournines",
        MetricName="Heartbeat",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    aws.live(minutes=6)
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["silence"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"


def test_a_rule_s_queue_hears_of_tasks_and_deployments(aws: Aws) -> None:
    queues, events = aws.client("sqs"), aws.client("events")
    url = queues.create_queue(QueueName="ecs-events")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ecs", EventPattern=json.dumps({"source": ["aws.ecs"]}))
    events.put_targets(Rule="ecs", Targets=[{"Id": "queue", "Arn": arn}])
    aws.client("ecs").update_service(cluster=CLUSTER, service="user-auth", forceNewDeployment=True)
    aws.live(minutes=10)
    heard: set[str] = set()
    while batch := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        bodies = [json.loads(message["Body"]) for message in batch]
        assert {(body["account"], body["region"]) for body in bodies} == {(ACCOUNT, HOME)}
        heard |= {body["detail-type"] for body in bodies}
        for message in batch:
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert {"ECS Task State Change", "ECS Deployment State Change"} <= heard


def test_raising_the_minimum_moves_the_desired_count(aws: Aws) -> None:
    scaling = aws.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{CLUSTER}/web-app",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    (before,) = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[target["ResourceId"]])[
        "ScalableTargets"
    ]
    wanted = described(aws, "web-app")["desiredCount"] + 3
    scaling.register_scalable_target(**target, MinCapacity=wanted)
    aws.live(minutes=5)
    assert described(aws, "web-app")["desiredCount"] == wanted
    assert described(aws, "web-app")["runningCount"] == wanted
    scaling.register_scalable_target(**target, MinCapacity=before["MinCapacity"])


def test_every_change_is_recorded_with_its_caller(aws: Aws) -> None:
    person = aws.client("ecs", "us-east-1", key="AKIAPERSON")
    task = person.list_tasks(cluster=CLUSTER, serviceName="payment")["taskArns"][0]
    person.stop_task(cluster=CLUSTER, task=task, reason="a game day")
    person.describe_services(cluster=CLUSTER, services=["payment"])
    mine = recorded(aws, "AKIAPERSON")
    assert [(call["region"], call["operation"], call["outcome"]) for call in mine] == [
        ("us-east-1", "StopTask", "accepted")
    ]


def recorded(aws: Aws, caller: str) -> list[dict[str, Any]]:
    calls = [json.loads(line) for line in aws.get("/_world/calls").splitlines()]
    return [call for call in calls if call["caller"] == caller]


def test_a_change_of_alarms_queues_topics_and_rules_is_recorded_too(aws: Aws) -> None:
    me = "AKIAPLUMBER"
    alarms, queues = aws.client("cloudwatch", key=me), aws.client("sqs", key=me)
    guard = aws.stage.world.estate.places[0].alarm
    alarms.set_alarm_state(AlarmName=guard, StateValue="ALARM", StateReason="a game day")
    alarms.put_metric_data(Namespace="mine", MetricData=[{"MetricName": "Told", "Value": 1}])
    url = queues.create_queue(QueueName="mine")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="only passes through")
    topic = aws.client("sns", key=me).create_topic(Name="mine")["TopicArn"]
    refused(
        lambda: aws.client("events", key=me).put_targets(Rule="none", Targets=[{"Id": "1", "Arn": topic}])
    )
    calls = recorded(aws, me)
    assert {(call["account"], call["region"]) for call in calls} == {(ACCOUNT, HOME)}
    assert [(call["service"], call["operation"], call["outcome"]) for call in calls] == [
        ("cloudwatch", "SetAlarmState", "accepted"),
        ("sqs", "CreateQueue", "accepted"),
        ("sns", "CreateTopic", "accepted"),
        ("events", "PutTargets", "ResourceNotFoundException"),
    ]
    assert calls[0]["params"]["AlarmName"] == guard


def test_what_the_world_would_not_follow_is_refused_and_recorded(aws: Aws) -> None:
    balancing = aws.client("elbv2", key="AKIAWRECKER")
    group = described(aws, "web-app")["loadBalancers"][0]["targetGroupArn"]
    found = refused(
        lambda: balancing.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1", "Port": 80}])
    )
    assert found["Code"] == "UnknownOperationException"
    assert found["Message"] == "the simulator does not serve DeregisterTargets of elasticloadbalancing"
    (call,) = recorded(aws, "AKIAWRECKER")
    assert (call["operation"], call["outcome"]) == ("DeregisterTargets", "UnknownOperationException")
    assert call["params"] == {"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.1", "Port": 80}]}


def test_tags_are_found_by_the_tagging_api_page_by_page(aws: Aws) -> None:
    tags = aws.client("resourcegroupstaggingapi")
    pages = tags.get_paginator("get_resources").paginate(
        ResourceTypeFilters=["ecs:service"], PaginationConfig={"PageSize": 2}
    )
    found = {one["ResourceARN"]: one["Tags"] for page in pages for one in page["ResourceTagMappingList"]}
    services = aws.client("ecs").list_services(cluster=CLUSTER)["serviceArns"]
    assert sorted(found) == sorted(services)
    wanted = [{"Key": "service", "Values": ["payment"]}, {"Key": "group"}]
    told = tags.get_resources(TagFilters=wanted)["ResourceTagMappingList"]
    assert {one["ResourceARN"].split(":")[2] for one in told} == {"ecs", "elasticloadbalancing"}
    assert {tag["Value"] for one in told for tag in one["Tags"] if tag["Key"] == "service"} == {"payment"}
    assert tags.get_resources(TagFilters=[{"Key": "absent"}])["ResourceTagMappingList"] == []


def test_an_assumed_role_calls_under_its_session_s_name(aws: Aws) -> None:
    role = aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/actor", RoleSessionName="inc-7"
    )
    keys = role["Credentials"]
    ecs = boto3.client(
        "ecs",
        region_name=HOME,
        endpoint_url=aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    ecs.update_service(cluster=CLUSTER, service="user-auth", desiredCount=3)
    assert json.loads(aws.get("/_world/calls").splitlines()[-1])["caller"] == "inc-7"


def test_what_aws_refuses_is_a_client_error_with_its_code(aws: Aws) -> None:
    ecs = aws.client("ecs")
    gone = refused(lambda: ecs.update_service(cluster=CLUSTER, service="gone", desiredCount=1))
    assert gone["Code"] == "ServiceNotFoundException"
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.update_service(cluster=CLUSTER, service="gone", desiredCount=1)
    cloudwatch = aws.client("cloudwatch")
    query = {"Id": "m", "Expression": "SEARCH('{AWS/ECS}', 'Sum')"}
    expression = refused(
        lambda: cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=EPOCH, EndTime=aws.stage.now)
    )
    assert expression["Code"] == "ValidationError"
    assert "not simulated yet" in expression["Message"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("codedeploy", "list_applications"), ("dynamodb", "list_tables"), ("ecs", "list_attributes")],
)
def test_what_is_not_simulated_says_so(aws: Aws, service: str, operation: str) -> None:
    extra = {"targetType": "container-instance"} if operation == "list_attributes" else {}
    assert (
        refused(lambda: getattr(aws.client(service), operation)(**extra))["Code"]
        == "UnknownOperationException"
    )


def test_parameters_that_no_sdk_would_send_are_refused_in_form(aws: Aws) -> None:
    target = "AmazonEC2ContainerServiceV20141113.UpdateService"
    scope = (
        f"AWS4-HMAC-SHA256 Credential=me/20261123/{HOME}/ecs/aws4_request, SignedHeaders=host, Signature=0"
    )
    headers = {"X-Amz-Target": target, "Authorization": scope}
    request = urllib.request.Request(aws.url, b'{"desiredCount": "many"}', headers)  # noqa: S310 - loopback
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)  # noqa: S310 - loopback
    with caught.value as answer:
        assert answer.code == 400
        assert answer.headers["x-amzn-RequestId"]
        assert json.load(answer) == {
            "__type": "InvalidParameterException",
            "message": "service is missing; desiredCount must be an integer, got 'many'",
        }


def test_a_request_without_a_signature_is_told_to_sign(aws: Aws) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        aws.get("/")
    with caught.value as answer:
        assert answer.code == 403


def test_the_watcher_s_door_tells_the_clock_and_what_happened(aws: Aws) -> None:
    status = json.loads(aws.get("/_world/status"))
    assert (status["scenario"], status["speed"], status["failure"]) == ("face", 60, None)
    assert datetime.fromisoformat(status["now"]) == aws.stage.now
    assert status["events"]["sent"] > 0


def test_the_judge_is_asked_through_the_door(aws: Aws) -> None:
    verdict = json.loads(aws.post("/_world/score", {"operator": "fournines", "without": False}))
    assert (verdict["scenario"], verdict["faults"]) == ("face", [])
    assert verdict["metrics_billed"] >= 1
    with pytest.raises(urllib.error.HTTPError) as caught:
        aws.post("/_world/score", {"messages": [{"text": "when?"}]})
    with caught.value as answer:
        assert "posted_at (ISO 8601)" in json.load(answer)["error"]


def test_the_world_stands_still_when_its_scenario_is_over(aws: Aws) -> None:
    aws.live(days=3)
    assert aws.stage.now == SCENARIO.end
    assert json.loads(aws.get("/_world/status"))["ended"]
    aws.live(hours=1)
    assert described(aws, "web-app")["status"] == "ACTIVE"
