"""Discovery and deployments: the answers of AWS, checked against its own model, become views."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from collector.estate import (
    Belonging,
    Controller,
    Deployed,
    Deployment,
    DeploymentStatus,
    Entrance,
    Insights,
    LaunchType,
    ProviderShare,
    RegionEstate,
    Revision,
    ScalingRange,
    ServiceView,
    TagKeys,
    TaskDefinition,
)
from collector.running import rows
from collector.source import DeniedError, ThrottledError, UnreachableError
from collector.wire.memory import BALANCERS_KEPT, Kept
from collector.wire.session import Access, Sessions
from collector.wire.source import AwsSource
from collector.wire.views import discovery_names, launch_types
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ACCOUNT, REGION = "123456789012", "eu-west-1"
SHOP = Placement(ACCOUNT, REGION, "main", "shop")
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"


class Alike(Sessions):
    """One client for all who read, so that one script meets them."""

    def ecs(self, account: str, region: str, *, patient: bool = False) -> ECSClient:  # noqa: ARG002 - alike
        return super().ecs(account, region)

    def elbv2(self, account: str, region: str, *, patient: bool = False) -> ElasticLoadBalancingv2Client:  # noqa: ARG002
        return super().elbv2(account, region)

    def scaling(
        self,
        account: str,
        region: str,
        *,
        patient: bool = False,  # noqa: ARG002 - alike
    ) -> ApplicationAutoScalingClient:
        return super().scaling(account, region)


class Scripted:
    """AWS with a script: each call must be the next one expected."""

    def __init__(self) -> None:
        sessions = Alike(Access(access_key_id="a", secret_access_key="b"))
        self.ecs = Stubber(sessions.ecs(ACCOUNT, REGION))
        self.elbv2 = Stubber(sessions.elbv2(ACCOUNT, REGION))
        self.scaling = Stubber(sessions.scaling(ACCOUNT, REGION))
        self.now = NOON
        self.source = AwsSource(sessions, lambda: self.now)

    @property
    def stubs(self) -> tuple[Stubber, ...]:
        return (self.ecs, self.elbv2, self.scaling)

    def beside(self, *resources: str) -> None:
        """Script what ELBv2 and Application Auto Scaling tell of `shop`."""
        groups = [
            {
                "TargetGroupArn": f"{ELB}:targetgroup/shop/1",
                "LoadBalancerArns": [f"{ELB}:loadbalancer/app/shop/9"],
            },
            {
                "TargetGroupArn": f"{ELB}:targetgroup/shop/2",
                "LoadBalancerArns": [f"{ELB}:loadbalancer/app/shop/9"],
            },
            {
                "TargetGroupArn": f"{ELB}:targetgroup/tcp/1",
                "LoadBalancerArns": [f"{ELB}:loadbalancer/net/tcp/9"],
            },
            {"TargetGroupArn": f"{ELB}:targetgroup/idle/1", "LoadBalancerArns": []},
            {
                "TargetGroupArn": f"{ELB}:targetgroup/alien/1",
                "LoadBalancerArns": [f"{ELB}:loadbalancer/app/alien/9"],
            },
        ]
        self.elbv2.add_response("describe_target_groups", {"TargetGroups": groups}, {})
        self.ranges(*resources)
        self.entered()

    def behind(self, *pairs: tuple[str, str]) -> None:
        """Script which target group is behind which load balancer."""
        groups = [
            {
                "TargetGroupArn": f"{ELB}:targetgroup/{group}",
                "LoadBalancerArns": [f"{ELB}:loadbalancer/{behind}"],
            }
            for group, behind in pairs
        ]
        self.elbv2.add_response("describe_target_groups", {"TargetGroups": groups}, {})

    def ranges(self, *resources: str) -> None:
        """Script the scaling range of `shop`."""
        asked: dict[str, Any] = {"ServiceNamespace": "ecs"} | (
            {"ResourceIds": list(resources)} if resources else {}
        )
        target = {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/main/shop",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 4,
            "MaxCapacity": 20,
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/scaling",
            "CreationTime": NOON,
        }
        self.scaling.add_response("describe_scalable_targets", {"ScalableTargets": [target]}, asked)

    def zoned(self, *balancers: str) -> None:
        """Script in which zones load balancers are, so that it is asked last."""
        zones = [{"ZoneName": "eu-west-1b"}, {"ZoneName": "eu-west-1a"}]
        told = [{"LoadBalancerArn": f"{ELB}:loadbalancer/{b}", "AvailabilityZones": zones} for b in balancers]
        self.elbv2.add_response("describe_load_balancers", {"LoadBalancers": told}, {})

    def entered(self) -> None:
        """Script by what `shop` is reached."""
        balancer = {"LoadBalancerArn": f"{ELB}:loadbalancer/app/shop/9"}
        listener = f"{ELB}:listener/app/shop/9/1"
        secure = {"ListenerArn": listener, "Protocol": "HTTPS", "Port": 443}
        self.elbv2.add_response("describe_listeners", {"Listeners": [secure]}, balancer)
        both = {"TargetGroups": [{"TargetGroupArn": f"{ELB}:targetgroup/shop/{n}"} for n in (1, 2)]}
        rules = [
            {
                "Conditions": [
                    {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com"]}},
                    {"Field": "path-pattern", "Values": ["/cart/*"]},
                    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
                ],
                "Actions": [{"Type": "authenticate-oidc"}, {"Type": "forward", "ForwardConfig": both}],
            },
            {"Actions": [{"Type": "forward", "TargetGroupArn": f"{ELB}:targetgroup/alien/1"}]},
        ]
        self.elbv2.add_response("describe_rules", {"Rules": rules}, {"ListenerArn": listener})
        self.zoned("app/shop/9")

    def explained(self, *families: str, cluster: str = "main", insights: str | None = "enhanced") -> None:
        """Script what ECS tells of the cluster and of task definitions."""
        arn = f"{ECS}:cluster/{cluster}"
        told = [{"name": "containerInsights", "value": insights}] if insights else []
        self.ecs.add_response(
            "describe_clusters",
            {"clusters": [{"clusterArn": arn, "settings": told}]},
            {"clusters": [arn], "include": ["SETTINGS"]},
        )
        for family in families:
            self.defined(family)

    def running(self, *providers: str, service: str = "shop") -> None:
        """Script the tasks of a service, and one beside them that belongs to none."""
        tasks = [
            {"group": f"service:{service}", "capacityProviderName": provider, "launchType": "FARGATE",
             "lastStatus": "RUNNING"}
            for provider in providers
        ]  # fmt: skip
        other = {"group": "family:batch", "launchType": "FARGATE", "lastStatus": "RUNNING"}
        starting = {**tasks[0], "lastStatus": "PENDING"}
        arns = [f"{ECS}:task/main/{n}" for n in range(len(tasks) + 2)]
        cluster = f"{ECS}:cluster/main"
        asked = {"cluster": cluster, "desiredStatus": "RUNNING", "maxResults": 100}
        self.ecs.add_response("list_tasks", {"taskArns": arns}, asked)
        self.ecs.add_response(
            "describe_tasks", {"tasks": [*tasks, other, starting]}, {"cluster": cluster, "tasks": arns}
        )

    def defined(self, family: str, revision: int = 7) -> None:
        """Script a task definition."""
        arn = f"{ECS}:task-definition/{family}:{revision}"
        made = {
            "family": family,
            "revision": revision,
            "containerDefinitions": [{"name": "app", "image": f"{family}:1.2"}],
            "cpu": "1024",
            "memory": "2048",
            "requiresCompatibilities": ["FARGATE"],
            "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        }
        self.ecs.add_response("describe_task_definition", {"taskDefinition": made}, {"taskDefinition": arn})


@pytest.fixture
def aws() -> Iterator[Scripted]:
    scripted = Scripted()
    for stub in scripted.stubs:
        stub.activate()
    yield scripted
    for stub in scripted.stubs:
        stub.assert_no_pending_responses()


def service(name: str = "shop", **more: object) -> dict[str, Any]:
    return {
        "serviceArn": f"{ECS}:service/{name}",
        "serviceName": name,
        "clusterArn": f"{ECS}:cluster/main",
        "status": "ACTIVE",
        "desiredCount": 4,
        "runningCount": 3,
        "pendingCount": 1,
        "taskDefinition": f"{ECS}:task-definition/{name}:7",
        **more,
    }


def attached(*groups: str) -> list[dict[str, Any]]:
    return [{"targetGroupArn": f"{ELB}:targetgroup/{group}"} for group in groups]


CONNECT = {
    "enabled": True,
    "services": [{"portName": "http", "discoveryName": "shop-api"}, {"portName": "grpc"}],
}


def listing(aws: Scripted, services: list[dict[str, Any]], cluster: str = "") -> None:
    """Script the services of a cluster, which is the only one unless it is named."""
    if not cluster:
        cluster = f"{ECS}:cluster/main"
        aws.ecs.add_response("list_clusters", {"clusterArns": [cluster]}, {})
    arns = [one["serviceArn"] for one in services]
    aws.ecs.add_response("list_services", {"serviceArns": arns}, {"cluster": cluster, "maxResults": 100})
    for start in range(0, len(arns), 10):
        aws.ecs.add_response(
            "describe_services",
            {"services": services[start : start + 10]},
            {"cluster": cluster, "services": arns[start : start + 10], "include": ["TAGS"]},
        )


def test_a_service_is_joined_with_its_load_balancers_and_its_scaling_range(aws: Scripted) -> None:
    listing(
        aws,
        [
            service(
                capacityProviderStrategy=[
                    {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                    {"capacityProvider": "FARGATE_SPOT", "weight": 3},
                    {"capacityProvider": "SPARE"},
                ],
                loadBalancers=[
                    {
                        "targetGroupArn": f"{ELB}:targetgroup/shop/1",
                        "advancedConfiguration": {"alternateTargetGroupArn": f"{ELB}:targetgroup/shop/2"},
                    },
                    *attached("tcp/1", "idle/1"),
                ],
                tags=[{"key": "tenant", "value": "acme"}, {"key": "owner", "value": ""}],
                deployments=[
                    {"status": "PRIMARY", "createdAt": NOON, "serviceConnectConfiguration": CONNECT}
                ],
            )
        ],
    )
    aws.beside()
    aws.explained("shop")
    aws.running("FARGATE", "FARGATE_SPOT", "our-hosts")
    assert aws.source.estate(ACCOUNT, REGION).services == (
        ServiceView(
            placement=SHOP, seen_at=NOON, status="ACTIVE", desired=4, running=3, pending=1,
            task_definition=f"{ECS}:task-definition/shop:7", controller=Controller.ECS,
            strategy=(
                ProviderShare("FARGATE", 1, 1), ProviderShare("FARGATE_SPOT", 3), ProviderShare("SPARE"),
            ),
            scaling=ScalingRange(4, 20),
            target_groups=("targetgroup/shop/1", "targetgroup/shop/2"),
            load_balancers=("app/shop/9", "app/shop/9"),
            tags={"tenant": "acme", "owner": ""},
            belonging=Belonging(tenant="acme"),
            launch_types=(LaunchType.FARGATE, LaunchType.FARGATE_SPOT),
            definition=TaskDefinition(
                family="shop", revision=7, images=("shop:1.2",), cpu_units=1024, memory_mib=2048,
                compatibilities=(LaunchType.FARGATE,), architecture="ARM64", system="LINUX",
            ),
            discovery_names=("shop-api", "grpc"),
            insights=Insights.ENHANCED,
            entrances=tuple(
                Entrance(f"targetgroup/shop/{n}", "HTTPS", 443, ("shop.example.com",), ("/cart/*",))
                for n in (1, 2)
            ),
            zones=("eu-west-1a", "eu-west-1b"),
            running_on={LaunchType.FARGATE: 1, LaunchType.FARGATE_SPOT: 1, LaunchType.EC2: 1},
            deployed_at=NOON,
        ),
    )  # fmt: skip


def test_task_sets_have_target_groups_too(aws: Scripted) -> None:
    controller = {"type": "CODE_DEPLOY"}
    sets = [
        {"id": "blue", "loadBalancers": attached("shop/1")},
        {"id": "green", "loadBalancers": attached("shop/2")},
    ]
    listing(aws, [service(deploymentController=controller, taskSets=sets)])
    aws.beside()
    aws.explained("shop")
    (view,) = aws.source.estate(ACCOUNT, REGION).services
    assert view.target_groups == ("targetgroup/shop/1", "targetgroup/shop/2")
    assert view.controller is Controller.CODE_DEPLOY


def test_a_service_with_a_launch_type_runs_on_that_and_its_tasks_are_not_asked_for(aws: Scripted) -> None:
    listing(aws, [service(launchType="EC2"), service("edge", launchType="EXTERNAL")])
    aws.scaling.add_response(
        "describe_scalable_targets", {"ScalableTargets": []}, {"ServiceNamespace": "ecs"}
    )
    aws.explained("shop", "edge")
    views = aws.source.estate(ACCOUNT, REGION).services
    assert [dict(view.running_on) for view in views] == [{LaunchType.EXTERNAL: 3}, {LaunchType.EC2: 3}]


def test_tasks_that_may_not_be_read_hide_no_service_and_are_said(aws: Scripted) -> None:
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    listing(aws, [service(capacityProviderStrategy=strategy)])
    aws.scaling.add_response(
        "describe_scalable_targets", {"ScalableTargets": []}, {"ServiceNamespace": "ecs"}
    )
    aws.explained("shop")
    aws.ecs.add_client_error("list_tasks", "AccessDeniedException", "no")
    estate = aws.source.estate(ACCOUNT, REGION)
    assert rows(estate)[SHOP] == (0, 0, 0, 0, 3, -1, -1, 1024, 2048)
    refused = "ecs:ListTasks answered AccessDeniedException: no"
    assert estate.untold == (f"{refused} - the role needs ecs:ListTasks",)


def test_what_a_look_lacked_runs_on_nothing_that_we_know() -> None:
    gone = ServiceView(SHOP, NOON - timedelta(minutes=5), "ACTIVE", 3, 3, 0, "shop:7")
    estate = RegionEstate(ACCOUNT, REGION, NOON, (gone,))
    assert rows(estate) == {}
    assert set(rows(replace(estate, seen_at=gone.seen_at))) == {SHOP}


def test_only_deployments_since_a_moment_are_asked_for(aws: Scripted) -> None:
    brief = {"serviceDeploymentArn": "arn:1", "status": "SUCCESSFUL", "createdAt": NOON}
    aws.ecs.add_response(
        "list_service_deployments",
        {"serviceDeployments": [brief]},
        {"cluster": "main", "service": "shop", "maxResults": 100, "createdAt": {"after": NOON}},
    )
    assert aws.source.deployed(SHOP, NOON) == (Deployed(SHOP, "arn:1", DeploymentStatus.SUCCESSFUL, NOON),)


def test_services_are_described_ten_at_a_time(aws: Scripted) -> None:
    listing(aws, [service(f"s{i:02}") for i in range(23)])
    aws.scaling.add_response(
        "describe_scalable_targets", {"ScalableTargets": []}, {"ServiceNamespace": "ecs"}
    )
    aws.explained(*(f"s{i:02}" for i in range(23)))
    views = aws.source.estate(ACCOUNT, REGION).services
    assert [view.placement.service for view in views] == [f"s{i:02}" for i in range(23)]


def test_an_empty_region_is_an_empty_estate(aws: Scripted) -> None:
    aws.ecs.add_response("list_clusters", {"clusterArns": []}, {})
    assert aws.source.estate(ACCOUNT, REGION).services == ()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", DeniedError),
        ("ThrottlingException", ThrottledError),
        ("ServerException", UnreachableError),
    ],
)
def test_a_failure_of_discovery_says_what_to_do(aws: Scripted, code: str, error: type[Exception]) -> None:
    aws.ecs.add_client_error("list_clusters", code, "no")
    with pytest.raises(error, match="ecs:ListClusters answered"):
        aws.source.estate(ACCOUNT, REGION)


def revision(number: int) -> str:
    return f"{ECS}:service-revision/main/shop/{number}"


def deployment(number: int, status: str = "SUCCESSFUL", **more: object) -> dict[str, Any]:
    return {
        "serviceDeploymentArn": f"{ECS}:service-deployment/main/shop/{number}",
        "status": status,
        "createdAt": NOON + timedelta(minutes=number),
        "targetServiceRevision": {"arn": revision(number)},
        "sourceServiceRevisions": [{"arn": revision(number - 1)}],
        **more,
    }


def told(number: int) -> Revision:
    return Revision(revision(number), f"{ECS}:task-definition/shop:{number}")


def history(
    aws: Scripted,
    deployments: list[dict[str, Any]],
    gone: frozenset[str] = frozenset(),
    parts: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """Script a look at `shop`: deployments in the given order; the revisions in `gone` are not told."""
    asked = {"cluster": "main", "services": ["shop"], "include": ["TAGS"]}
    aws.ecs.add_response(
        "describe_services", {"services": [service(loadBalancers=attached("shop/1"))]}, asked
    )
    aws.beside("service/main/shop")
    aws.explained("shop")
    briefs = [{k: d[k] for k in ("serviceDeploymentArn", "createdAt")} for d in deployments]
    page = {"cluster": "main", "service": "shop", "maxResults": 100}
    half = len(briefs) // 2
    aws.ecs.add_response(
        "list_service_deployments", {"serviceDeployments": briefs[:half], "nextToken": "n"}, page
    )
    aws.ecs.add_response(
        "list_service_deployments", {"serviceDeployments": briefs[half:]}, page | {"nextToken": "n"}
    )
    newest = sorted(deployments, key=lambda d: d["createdAt"], reverse=True)[:10]
    aws.ecs.add_response(
        "describe_service_deployments",
        {"serviceDeployments": newest[::-1]},
        {"serviceDeploymentArns": [d["serviceDeploymentArn"] for d in newest]},
    )
    arns = {
        arn
        for d in newest
        for arn in (
            d["targetServiceRevision"]["arn"],
            *(source["arn"] for source in d["sourceServiceRevisions"]),
            d.get("rollback", {}).get("serviceRevisionArn"),
        )
        if arn
    }
    revisions = [
        {"serviceRevisionArn": arn, "taskDefinition": f"{ECS}:task-definition/shop:{arn.rsplit('/', 1)[-1]}"}
        | (parts or {}).get(arn, {})
        for arn in arns - gone
    ]
    aws.ecs.add_response(
        "describe_service_revisions", {"serviceRevisions": revisions}, {"serviceRevisionArns": sorted(arns)}
    )


def test_deployments_come_newest_first_whatever_order_ecs_lists_them_in(aws: Scripted) -> None:
    history(aws, [deployment(n) for n in (3, 12, 1, 7, 5, 2, 9, 4, 8, 6, 11, 10)])
    view = aws.source.service(SHOP)
    assert [d.created_at for d in view.deployments] == [NOON + timedelta(minutes=n) for n in range(12, 2, -1)]
    assert view.scaling == ScalingRange(4, 20)


def test_a_rolled_back_deployment_names_where_it_went_back_to(aws: Scripted) -> None:
    back = {"reason": "breaker", "startedAt": NOON, "serviceRevisionArn": revision(1)}
    turned = deployment(
        3, "ROLLBACK_SUCCESSFUL", rollback=back, finishedAt=NOON, statusReason="breaker tripped"
    )
    history(aws, [turned, deployment(2)])
    assert aws.source.service(SHOP).deployments[0] == Deployment(
        arn=turned["serviceDeploymentArn"],
        status=DeploymentStatus.ROLLBACK_SUCCESSFUL,
        created_at=NOON + timedelta(minutes=3),
        target=told(3),
        sources=(told(2),),
        finished_at=NOON,
        rolled_back_to=told(1),
        reason="breaker tripped",
    )


def test_an_unknown_status_is_kept_as_unrecognised(aws: Scripted) -> None:
    history(aws, [deployment(3, "SOMETHING_NEW"), deployment(2)])
    assert aws.source.service(SHOP).deployments[0].status is DeploymentStatus.UNRECOGNISED


def test_a_deployment_whose_revision_is_gone_is_nothing_to_return_to(aws: Scripted) -> None:
    history(aws, [deployment(3), deployment(1)], gone=frozenset({revision(1)}))
    assert [d.target for d in aws.source.service(SHOP).deployments] == [told(3)]


def test_a_service_that_is_gone_is_an_error_with_its_name(aws: Scripted) -> None:
    asked = {"cluster": "main", "services": ["shop"], "include": ["TAGS"]}
    aws.ecs.add_response("describe_services", {"services": [], "failures": [{"reason": "MISSING"}]}, asked)
    with pytest.raises(UnreachableError, match="main/shop"):
        aws.source.service(SHOP)


def seen(aws: Scripted, services: list[dict[str, Any]]) -> tuple[ServiceView, ...]:
    """Look once more, when nothing beside the services is due."""
    listing(aws, services)
    aws.ranges()
    return aws.source.estate(ACCOUNT, REGION).services


def first_look(aws: Scripted) -> list[dict[str, Any]]:
    """Look at `shop` for the first time, when everything is asked for."""
    services = [service(loadBalancers=attached("shop/1"))]
    listing(aws, services)
    aws.beside()
    aws.explained("shop")
    aws.source.estate(ACCOUNT, REGION)
    return services


def test_what_changes_rarely_is_not_asked_for_with_every_look(aws: Scripted) -> None:
    services = first_look(aws)
    aws.now += BALANCERS_KEPT - timedelta(seconds=1)
    (view,) = seen(aws, services)
    assert (view.seen_at, view.load_balancers) == (aws.now, ("app/shop/9",))
    assert view.definition is not None
    assert view.entrances != ()


def test_a_new_revision_is_read_once_and_the_old_one_forgotten(aws: Scripted) -> None:
    first_look(aws)
    newer = [service(loadBalancers=attached("shop/1"), taskDefinition=f"{ECS}:task-definition/shop:8")]
    listing(aws, newer)
    aws.defined("shop", 8)
    aws.ranges()
    (view,) = aws.source.estate(ACCOUNT, REGION).services
    assert view.definition is not None
    assert view.definition.revision == 8
    assert seen(aws, newer)[0].definition == view.definition


def test_a_balancer_replaced_under_a_service_is_followed_when_it_is_deployed(aws: Scripted) -> None:
    services = first_look(aws)
    assert seen(aws, services)[0].load_balancers == ("app/shop/9",), "nobody said that it moved"
    aws.source.stale(SHOP)
    listing(aws, services)
    aws.ranges()
    aws.behind(("shop/1", "app/new/8"))
    aws.elbv2.add_response(
        "describe_listeners", {"Listeners": []}, {"LoadBalancerArn": f"{ELB}:loadbalancer/app/new/8"}
    )
    aws.zoned("app/new/8")
    aws.explained()
    (view,) = aws.source.estate(ACCOUNT, REGION).services
    assert (view.target_groups, view.load_balancers) == (("targetgroup/shop/1",), ("app/new/8",))
    assert view.entrances == ()


def test_a_target_group_that_is_attached_later_is_looked_for_with_every_look(aws: Scripted) -> None:
    services = [service(loadBalancers=attached("idle/1"))]
    listing(aws, services)
    aws.behind(("shop/1", "app/shop/9"))
    aws.ranges()
    aws.explained("shop")
    assert aws.source.estate(ACCOUNT, REGION).services[0].target_groups == ()
    listing(aws, services)
    aws.behind(("idle/1", "app/shop/9"))
    aws.entered()
    aws.ranges()
    assert aws.source.estate(ACCOUNT, REGION).services[0].target_groups == ("targetgroup/idle/1",)


def test_what_only_explains_hides_no_service_when_it_is_denied(aws: Scripted) -> None:
    listing(aws, [service(loadBalancers=attached("shop/1"))])
    aws.behind(("shop/1", "app/shop/9"))
    aws.scaling.add_client_error("describe_scalable_targets", "AccessDeniedException", "no")
    aws.ecs.add_client_error("describe_clusters", "AccessDeniedException", "no")
    aws.ecs.add_client_error("describe_task_definition", "AccessDeniedException", "no")
    aws.elbv2.add_client_error("describe_listeners", "AccessDenied", "no")
    aws.elbv2.add_client_error("describe_load_balancers", "AccessDenied", "no")
    estate = aws.source.estate(ACCOUNT, REGION)
    (view,) = estate.services
    assert (view.insights, view.definition, view.entrances, view.scaling) == (None, None, (), None)
    assert view.target_groups == ("targetgroup/shop/1",)
    needed = [why.rsplit(" needs ", 1)[-1] for why in estate.untold]
    assert needed == [
        "application-autoscaling:DescribeScalableTargets",
        "ecs:DescribeClusters",
        "ecs:DescribeTaskDefinition",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
    ]


def test_what_is_gone_between_two_calls_is_missing_and_no_failure(aws: Scripted) -> None:
    listing(aws, [service(loadBalancers=attached("shop/1")), service("old", status="INACTIVE")])
    aws.behind(("shop/1", "app/shop/9"))
    aws.ranges()
    aws.explained(insights=None)
    aws.ecs.add_client_error("describe_task_definition", "ClientException", "unable to describe")
    aws.elbv2.add_client_error("describe_listeners", "LoadBalancerNotFound", "gone")
    aws.zoned()
    estate = aws.source.estate(ACCOUNT, REGION)
    assert [view.placement for view in estate.services] == [SHOP]
    assert estate.services[0].insights is None
    assert estate.untold == ()


def test_one_name_in_two_clusters_is_two_services(aws: Scripted) -> None:
    names = ("main", "spare")
    clusters = [f"{ECS}:cluster/{name}" for name in names]
    aws.ecs.add_response("list_clusters", {"clusterArns": clusters}, {})
    for number, cluster in enumerate(clusters, 1):
        listing(aws, [service(clusterArn=cluster, loadBalancers=attached(f"shop/{number}"))], cluster=cluster)
    aws.behind(("shop/1", "app/one/1"), ("shop/2", "app/two/2"))
    aws.ranges()
    settings = [
        {"clusterArn": c, "settings": [{"name": "containerInsights", "value": "enabled"}]} for c in clusters
    ]
    aws.ecs.add_response(
        "describe_clusters", {"clusters": settings[:1]}, {"clusters": clusters, "include": ["SETTINGS"]}
    )
    aws.defined("shop")
    for balancer in ("one/1", "two/2"):
        arn = f"{ELB}:loadbalancer/app/{balancer}"
        aws.elbv2.add_response("describe_listeners", {"Listeners": []}, {"LoadBalancerArn": arn})
    aws.zoned("app/one/1", "app/two/2")
    views = aws.source.estate(ACCOUNT, REGION).services
    assert [view.placement.cluster for view in views] == ["main", "spare"]
    assert [view.load_balancers for view in views] == [("app/one/1",), ("app/two/2",)]
    assert [view.insights for view in views] == [Insights.ENABLED, None]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"launchType": "EXTERNAL"}, (LaunchType.EXTERNAL,)),
        ({"launchType": "MANAGED_INSTANCES"}, (LaunchType.EC2,)),
        ({"launchType": "MOON"}, ()),
        ({"capacityProviderStrategy": [{"capacityProvider": "ours", "weight": 1}]}, (LaunchType.EC2,)),
        (
            {
                "launchType": "EC2",
                "capacityProviderStrategy": [
                    {"capacityProvider": "FARGATE_SPOT", "weight": 1},
                    {"capacityProvider": "FARGATE"},
                ],
            },
            (LaunchType.FARGATE_SPOT,),
        ),
        ({}, (LaunchType.FARGATE,)),
    ],
)
def test_the_launch_type_is_that_of_the_strategy_else_the_named_one_else_what_the_definition_fits(
    told: ServiceTypeDef, found: tuple[LaunchType, ...]
) -> None:
    definition = TaskDefinition("shop", 7, ("shop:1",), compatibilities=(LaunchType.FARGATE,))
    assert launch_types(told, definition) == found


def test_without_service_connect_a_service_has_no_discovery_name() -> None:
    off: Any = service(deployments=[{"status": "PRIMARY", "serviceConnectConfiguration": {"enabled": False}}])
    assert discovery_names(off) == ()
    resolved = [{"discoveryName": "shop"}, {"discoveryName": "shop"}]
    on: Any = service(
        deployments=[
            {"status": "ACTIVE"},
            {
                "status": "PRIMARY",
                "serviceConnectConfiguration": CONNECT,
                "serviceConnectResources": resolved,
            },
        ]
    )
    assert discovery_names(on) == ("shop",)


def test_a_large_estate_is_explained_over_several_looks() -> None:
    kept: Kept[int] = Kept(BALANCERS_KEPT)
    kept.keep({"b": 1}, NOON - BALANCERS_KEPT)
    kept.keep({"c": 1}, NOON - 2 * BALANCERS_KEPT)
    kept.keep({"d": 1}, NOON)
    assert kept.due(["a", "b", "c", "d"], NOON) == ["a", "c", "b"], "first what nobody asked, then the oldest"
    assert kept["b"] == 1, "what is old serves until it is read again"


def test_tags_say_whose_a_service_is_under_the_keys_that_are_configured() -> None:
    keys = TagKeys(tenant="customer")
    tags = {"customer": "acme", "tenant": "x", "tier": ""}
    assert keys.belonging(tags) == Belonging(tenant="acme", tier=None, owner=None)
    with pytest.raises(ValueError, match="not empty"):
        Belonging(tier="")


def test_revisions_count_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        TaskDefinition("shop", 0, ())


def test_what_else_a_deployment_changed_shows_whatever_order_its_lists_come_in(aws: Scripted) -> None:
    def within(*subnets: str) -> dict[str, Any]:
        return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": list(subnets)}}}

    parts = {revision(2): within("a", "b"), revision(3): within("b", "a"), revision(4): within("a")}
    history(aws, [deployment(4), deployment(3), deployment(2)], parts=parts)
    fourth, third, second = (deployment.target.rest for deployment in aws.source.service(SHOP).deployments)
    assert [name for name, _ in second] == ["networkConfiguration"]
    assert (third == second, fourth == second) == (True, False)
