"""Services as ECS, ELBv2 and Application Auto Scaling describe them, joined by their target groups.

Services are described with every look; what changes rarely beside them is kept in a memory, and read anew
when it is old or the service was deployed.  The tagging API is no way to discover: it never tells what was
never tagged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from collector.estate import RegionEstate, ScalingRange, ServiceView, TagKeys
from collector.source import CollectError, DeniedError, UnreachableError
from collector.wire import balancers, tasks, views
from collector.wire.failures import translated
from collector.wire.memory import Memory, refresh
from collector.wire.said import said
from collector.wire.session import Sessions
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_arc_zonal_shift import ARCZonalShiftClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

    from collector.estate import Entrance, LaunchType
    from collector.wire.memory import Kept

Item = TypeVar("Item")

#: Limits of the calls [ECS API reference].
LIST_SERVICES_MAX = 100
DESCRIBE_SERVICES_MAX = 10
DESCRIBE_CLUSTERS_MAX = 100
#: How many are read anew in one look, so that a large estate stays under the buckets of ECS (50 of a kind at
#: once) and of ELBv2 (40 at once, and a balancer takes a call and one for each listener); the rest follows
#: with the next looks.
DEFINITIONS_PER_LOOK_MAX = 40
BALANCERS_PER_LOOK_MAX = 10
#: A service that ECS still describes for a while after it was deleted.
DELETED = "INACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One account and region at the moment of a look, and what is remembered of it."""

    account: str
    region: str
    sessions: Sessions
    memory: Memory
    tags: TagKeys
    now: datetime
    patient: bool = False

    @property
    def ecs(self) -> ECSClient:
        """Who tells of services."""
        return self.sessions.ecs(self.account, self.region, patient=self.patient)

    @property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """Who tells of load balancers."""
        return self.sessions.elbv2(self.account, self.region, patient=self.patient)

    @property
    def arc(self) -> ARCZonalShiftClient:
        """Who tells of zonal shifts."""
        return self.sessions.arc(self.account, self.region)

    @property
    def ec2(self) -> Any:  # noqa: ANN401 - no types of it are at hand
        """Who tells of zones."""
        return self.sessions.ec2(self.account, self.region)

    @property
    def scaling(self) -> ApplicationAutoScalingClient:
        """Who tells of scaling ranges."""
        return self.sessions.scaling(self.account, self.region, patient=self.patient)


def discover(site: Site) -> RegionEstate:
    """Return every service of a region.  Raises CollectError when services or their routes are not told."""
    with translated("ecs"):
        services = [service for service in _services(site.ecs) if service["status"] != DELETED]
    _doubt_stale(site, services)
    ranges, unranged = _ranges_told(site) if services else ({}, ())
    _route(site, services)
    untold = [*unranged, *_details(site, services)]
    running = _running(site, services, untold)
    _forget_others(site.memory, services)
    found = (
        replace(
            _view(site, service, _placement(site, service), ranges),
            running_on=running.get((service["clusterArn"], service["serviceName"]), {}),
        )
        for service in services
    )
    ordered = tuple(sorted(found, key=lambda view: view.placement))
    return RegionEstate(site.account, site.region, site.now, ordered, tuple(untold))


def describe(site: Site, placement: Placement) -> tuple[ServiceView, list[str]]:
    """Return one service, without its deployments, and which revisions run.  Raises CollectError."""
    with translated("ecs"):
        answer = site.ecs.describe_services(
            cluster=placement.cluster, services=[placement.service], include=["TAGS"]
        )
    if not answer["services"]:
        raise UnreachableError(f"ecs:DescribeServices does not know {placement}")
    ranges = _ranges(site.scaling, _resource(placement))
    _route(site, answer["services"])
    _details(site, answer["services"])
    (told,) = answer["services"]
    running = [revision["arn"] for revision in told.get("currentServiceRevisions", ()) if "arn" in revision]
    return _view(site, told, placement, ranges), running


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut into parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


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


def _placement(site: Site, service: ServiceTypeDef) -> Placement:
    """Return where the service is.  Its ARN may be of the old form, which names no cluster."""
    cluster = service["clusterArn"].rsplit("/", 1)[-1]
    return Placement(site.account, site.region, cluster, service["serviceName"])


def _resource(placement: Placement) -> str:
    return f"service/{placement.cluster}/{placement.service}"


def _groups_of(services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for service in services for group in views.groups(service)))


def _doubt_stale(site: Site, services: Iterable[ServiceTypeDef]) -> None:
    """Have all that is kept of deployed services asked for again."""
    memory = site.memory
    stale = frozenset(memory.stale)
    if not stale:
        return
    deployed = [service for service in services if _placement(site, service) in stale]
    groups = _groups_of(deployed)
    memory.entrances.doubt([balancer for group in groups if (balancer := memory.balancers[group])])
    memory.balancers.doubt(groups)
    memory.clusters.doubt([service["clusterArn"] for service in deployed])
    memory.stale.difference_update(stale)


def _route(site: Site, services: Iterable[ServiceTypeDef]) -> None:
    """Find the load balancer of each target group; one that has none yet is looked for with every look."""
    memory, wanted = site.memory.balancers, _groups_of(services)
    if memory.due(wanted, site.now):
        memory.keep(balancers.balancers(site.elbv2, frozenset(wanted)), site.now)


def _details(site: Site, services: Sequence[ServiceTypeDef]) -> tuple[str, ...]:
    """Read what only explains, as far as one look goes; return what could not be read."""
    memory = site.memory
    definitions = memory.definitions.due(_definitions_of(services), site.now)
    entrances = memory.entrances.due(_balancers_of(memory, services), site.now)
    return (
        *_read_clusters(site, services),
        *refresh(
            memory.definitions,
            definitions[:DEFINITIONS_PER_LOOK_MAX],
            partial(views.definition, site.ecs),
            site.now,
        ),
        *refresh(
            memory.entrances,
            entrances[:BALANCERS_PER_LOOK_MAX],
            partial(balancers.entrances, site.elbv2),
            site.now,
        ),
        *_read_zones(site, services),
    )


def _running(
    site: Site, services: Sequence[ServiceTypeDef], untold: list[str]
) -> dict[tuple[str, str], Mapping[LaunchType, int]]:
    """Return on what the tasks of each service run; why that of a cluster cannot be read is added."""
    found: dict[tuple[str, str], Mapping[LaunchType, int]] = {}
    for cluster in _clusters_of(services):
        here = [service for service in services if service["clusterArn"] == cluster]
        try:
            told = tasks.running_on(site.ecs, cluster, here)
        except CollectError as problem:
            untold.append(str(problem))
            continue
        found |= {(cluster, name): counts for name, counts in told.items()}
    return found


def _read_clusters(site: Site, services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    clusters = site.memory.clusters
    try:
        for part in chunks(clusters.due(_clusters_of(services), site.now), DESCRIBE_CLUSTERS_MAX):
            clusters.keep(views.insights(site.ecs, part), site.now)
    except CollectError as problem:
        return (str(problem),)
    return ()


def _read_zones(site: Site, services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    memory = site.memory
    try:
        if due := memory.zones.due(_balancers_of(memory, services), site.now):
            memory.zones.keep(balancers.zones(site.elbv2, due), site.now)
    except CollectError as problem:
        return (str(problem),)
    return ()


def _clusters_of(services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(service["clusterArn"] for service in services))


def _definitions_of(services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arn for service in services if (arn := service.get("taskDefinition"))))


def _balancers_of(memory: Memory, services: Iterable[ServiceTypeDef]) -> tuple[str, ...]:
    found = (memory.balancers[group] for group in _groups_of(services))
    return tuple(
        dict.fromkeys(balancer for balancer in found if balancer and balancers.speaks_http(balancer))
    )


def _forget_others(memory: Memory, services: Sequence[ServiceTypeDef]) -> None:
    memory.entrances.retain(_balancers_of(memory, services))
    memory.zones.retain(_balancers_of(memory, services))
    memory.balancers.retain(_groups_of(services))
    memory.definitions.retain(_definitions_of(services))
    memory.clusters.retain(_clusters_of(services))


def _ranges_told(site: Site) -> tuple[dict[str, ScalingRange], tuple[str, ...]]:
    """Return the scaling ranges of a region, or why they are refused: what acts on one asks anew.

    Raises CollectError for what passes, so that what was known of the region stays.
    """
    try:
        return _ranges(site.scaling), ()
    except DeniedError as problem:
        return {}, (str(problem),)


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


def _view(
    site: Site, service: ServiceTypeDef, placement: Placement, ranges: Mapping[str, ScalingRange]
) -> ServiceView:
    memory, tags = site.memory, {tag["key"]: tag["value"] for tag in service.get("tags", ())}
    behind = {group: memory.balancers[group] for group in dict.fromkeys(views.groups(service))}
    routes = {
        group: balancer for group, balancer in behind.items() if balancer and balancers.speaks_http(balancer)
    }
    task_definition = service.get("taskDefinition", "")
    definition = memory.definitions[task_definition]
    return ServiceView(
        placement=placement,
        seen_at=site.now,
        status=service["status"],
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service["pendingCount"],
        task_definition=task_definition,
        controller=views.controller(service),
        strategy=views.strategy_of(service.get("capacityProviderStrategy", ())),
        scaling=ranges.get(_resource(placement)),
        target_groups=tuple(map(balancers.dimension, routes)),
        load_balancers=tuple(map(balancers.dimension, routes.values())),
        tags=tags,
        belonging=site.tags.belonging(tags),
        launch_types=views.launch_types(service, definition),
        definition=definition,
        discovery_names=views.discovery_names(service),
        insights=memory.clusters[service["clusterArn"]],
        entrances=_entrances(memory.entrances, routes),
        zones=tuple(sorted({zone for arn in routes.values() for zone in memory.zones[arn] or ()})),
        deployed_at=views.deployed_at(service),
        minimum_healthy_percent=service.get("deploymentConfiguration", {}).get("minimumHealthyPercent", 100),
        said=said(service, site.now),
    )


def _entrances(kept: Kept[tuple[Entrance, ...]], routes: Mapping[str, str]) -> tuple[Entrance, ...]:
    """Return by what the target groups are reached, of all that their load balancers have."""
    groups = frozenset(map(balancers.dimension, routes))
    return tuple(
        entrance
        for balancer in dict.fromkeys(routes.values())
        for entrance in kept[balancer] or ()
        if entrance.target_group in groups
    )
