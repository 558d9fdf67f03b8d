"""Discovery and deployments: the answers of AWS, checked against its own model, become views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from collector.estate import (
    Controller,
    Deployment,
    DeploymentStatus,
    ProviderShare,
    Revision,
    ScalingRange,
    ServiceView,
)
from collector.source import DeniedError, ThrottledError, UnreachableError
from collector.wire.session import Access, Sessions
from collector.wire.source import AwsSource
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ACCOUNT, REGION = "123456789012", "eu-west-1"
SHOP = Placement(ACCOUNT, REGION, "main", "shop")
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"


class Scripted:
    """AWS with a script: each call must be the next one expected."""

    def __init__(self) -> None:
        sessions = Sessions(Access(access_key_id="a", secret_access_key="b"))
        self.ecs = Stubber(sessions.ecs(ACCOUNT, REGION))
        self.elbv2 = Stubber(sessions.elbv2(ACCOUNT, REGION))
        self.scaling = Stubber(sessions.scaling(ACCOUNT, REGION))
        self.source = AwsSource(sessions, lambda: NOON)

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


def listing(aws: Scripted, services: list[dict[str, Any]]) -> None:
    arns = [one["serviceArn"] for one in services]
    aws.ecs.add_response("list_clusters", {"clusterArns": [f"{ECS}:cluster/main"]}, {})
    aws.ecs.add_response(
        "list_services", {"serviceArns": arns}, {"cluster": f"{ECS}:cluster/main", "maxResults": 100}
    )
    for start in range(0, len(arns), 10):
        aws.ecs.add_response(
            "describe_services",
            {"services": services[start : start + 10]},
            {"cluster": f"{ECS}:cluster/main", "services": arns[start : start + 10], "include": ["TAGS"]},
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
                tags=[{"key": "team", "value": "shop"}],
            )
        ],
    )
    aws.beside()
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
            tags={"team": "shop"},
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
    (view,) = aws.source.estate(ACCOUNT, REGION).services
    assert view.target_groups == ("targetgroup/shop/1", "targetgroup/shop/2")
    assert view.controller is Controller.CODE_DEPLOY


def test_services_are_described_ten_at_a_time(aws: Scripted) -> None:
    listing(aws, [service(f"s{i:02}") for i in range(23)])
    aws.scaling.add_response(
        "describe_scalable_targets", {"ScalableTargets": []}, {"ServiceNamespace": "ecs"}
    )
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


def history(aws: Scripted, deployments: list[dict[str, Any]], gone: frozenset[str] = frozenset()) -> None:
    """Script a look at `shop`: deployments in the given order; the revisions in `gone` are not told."""
    asked = {"cluster": "main", "services": ["shop"], "include": ["TAGS"]}
    aws.ecs.add_response(
        "describe_services", {"services": [service(loadBalancers=attached("shop/1"))]}, asked
    )
    aws.beside("service/main/shop")
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
