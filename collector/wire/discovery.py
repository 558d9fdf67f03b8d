"""Services as ECS, ELBv2 and Application Auto Scaling describe them, joined by their target groups.

The tagging API is no way to discover: it never tells what was never tagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from collector.estate import Controller, ProviderShare, RegionEstate, ScalingRange, ServiceView
from collector.source import UnreachableError
from collector.wire.failures import translated
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import CapacityProviderStrategyItemTypeDef, ServiceTypeDef
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

    from collector.wire.session import Sessions

Item = TypeVar("Item")

#: Limits of the calls [ECS and ELBv2 API reference].
LIST_SERVICES_MAX = 100
DESCRIBE_SERVICES_MAX = 10


@dataclass(frozen=True, slots=True)
class _Beside:
    """What others than ECS know: load balancers by target group ARN, bounds by `service/CLUSTER/SERVICE`."""

    balancers: Mapping[str, str]
    ranges: Mapping[str, ScalingRange]


def discover(sessions: Sessions, account: str, region: str, now: datetime) -> RegionEstate:
    """Return every service of a region.  Raises CollectError."""
    ecs = sessions.ecs(account, region)
    with translated("ecs"):
        services = list(_services(ecs))
    beside = _beside(sessions, account, region, services)
    views = (_view(service, _placement(service, account, region), beside, now) for service in services)
    return RegionEstate(account, region, now, tuple(sorted(views, key=lambda view: view.placement)))


def describe(sessions: Sessions, placement: Placement, now: datetime) -> ServiceView:
    """Return one service, without its deployments.  Raises CollectError."""
    account, region = placement.account, placement.region
    with translated("ecs"):
        answer = sessions.ecs(account, region).describe_services(
            cluster=placement.cluster, services=[placement.service], include=["TAGS"]
        )
    if not answer["services"]:
        raise UnreachableError(f"ecs:DescribeServices does not know {placement}")
    resource = f"service/{placement.cluster}/{placement.service}"
    return _view(
        answer["services"][0],
        placement,
        _beside(sessions, account, region, answer["services"], resource),
        now,
    )


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut into parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def strategy_of(shares: Iterable[CapacityProviderStrategyItemTypeDef]) -> tuple[ProviderShare, ...]:
    """Return a capacity provider strategy; the API leaves out what is 0."""
    return tuple(
        ProviderShare(share["capacityProvider"], share.get("weight", 0), share.get("base", 0))
        for share in shares
    )


def _services(ecs: ECSClient) -> Iterator[ServiceTypeDef]:
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in page["clusterArns"]:
            listed = ecs.get_paginator("list_services").paginate(
                cluster=cluster, PaginationConfig={"PageSize": LIST_SERVICES_MAX}
            )
            arns = [arn for services in listed for arn in services["serviceArns"]]
            for part in chunks(arns, DESCRIBE_SERVICES_MAX):
                answer = ecs.describe_services(cluster=cluster, services=part, include=["TAGS"])
                yield from answer["services"]


def _beside(
    sessions: Sessions, account: str, region: str, services: Sequence[ServiceTypeDef], *resources: str
) -> _Beside:
    groups = _groups_of(services)
    return _Beside(
        _balancers(sessions.elbv2(account, region), groups) if groups else {},
        _ranges(sessions.scaling(account, region), *resources) if services else {},
    )


def _placement(service: ServiceTypeDef, account: str, region: str) -> Placement:
    """Return where the service is.  Its ARN may be of the old form, which names no cluster."""
    return Placement(account, region, service["clusterArn"].rsplit("/", 1)[-1], service["serviceName"])


def _groups_of(services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for service in services for group in _groups(service)))


def _groups(service: ServiceTypeDef) -> Iterator[str]:
    """Yield every target group of the service: in a deployment its traffic moves between them."""
    attached = [*service.get("loadBalancers", ())]
    for task_set in service.get("taskSets", ()):
        attached += task_set.get("loadBalancers", ())
    for one in attached:
        for arn in (
            one.get("targetGroupArn"),
            one.get("advancedConfiguration", {}).get("alternateTargetGroupArn"),
        ):
            if arn:
                yield arn


def _balancers(elbv2: ElasticLoadBalancingv2Client, groups: Sequence[str]) -> dict[str, str]:
    """Return the load balancer of each target group.

    Network load balancers have no HTTP metrics and are left out.  All target groups of the region are listed:
    asking by ARN fails as a whole when one is gone.
    """
    wanted = frozenset(groups)
    with translated("elasticloadbalancing"):
        return {
            group["TargetGroupArn"]: balancer
            for page in elbv2.get_paginator("describe_target_groups").paginate()
            for group in page["TargetGroups"]
            for balancer in group.get("LoadBalancerArns", ())
            if group["TargetGroupArn"] in wanted and "/app/" in balancer
        }


def _ranges(scaling: ApplicationAutoScalingClient, *resources: str) -> dict[str, ScalingRange]:
    """Return the scaling ranges of the given resources, or of all."""
    with translated("application-autoscaling"):
        ask = partial(scaling.get_paginator("describe_scalable_targets").paginate, ServiceNamespace="ecs")
        pages = ask(ResourceIds=list(resources)) if resources else ask()
        return {
            target["ResourceId"]: ScalingRange(target["MinCapacity"], target["MaxCapacity"])
            for page in pages
            for target in page["ScalableTargets"]
        }


def _view(service: ServiceTypeDef, placement: Placement, beside: _Beside, now: datetime) -> ServiceView:
    routed = [group for group in dict.fromkeys(_groups(service)) if group in beside.balancers]
    return ServiceView(
        placement=placement,
        seen_at=now,
        status=service["status"],
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service["pendingCount"],
        task_definition=service.get("taskDefinition", ""),
        controller=_controller(service),
        strategy=strategy_of(service.get("capacityProviderStrategy", ())),
        scaling=beside.ranges.get(f"service/{placement.cluster}/{placement.service}"),
        target_groups=tuple(group.rsplit(":", 1)[-1] for group in routed),
        load_balancers=tuple(beside.balancers[group].split(":loadbalancer/")[-1] for group in routed),
        tags={tag["key"]: tag["value"] for tag in service.get("tags", ())},
    )


def _controller(service: ServiceTypeDef) -> Controller:
    """Return who deploys the service; whom we do not know is somebody else."""
    kind = service.get("deploymentController", {}).get("type", "ECS")
    return Controller(kind) if kind in set(Controller) else Controller.EXTERNAL
