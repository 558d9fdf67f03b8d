"""Which metrics exist, under which dimensions [guides of ALB, ECS, Container Insights and SQS].

Those of a load balancer exist for each zone too.  RejectedConnectionCount never tells anything: no load
balancer of the world runs out of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from simulator.cloudwatch.measures import (
    Events,
    Flow,
    Gauge,
    Latency,
    Measure,
    Milliseconds,
    Parts,
    Read,
    Traffic,
)

if TYPE_CHECKING:
    from simulator.estate import Place

ALB = "AWS/ApplicationELB"
ECS = "AWS/ECS"
INSIGHTS = "ECS/ContainerInsights"
SQS = "AWS/SQS"
USAGE = "AWS/Usage"

ZONE = "AvailabilityZone"

#: Connections are kept open for several requests, one to the load balancer and one to the target, and carry
#: some kilobytes each.  No AWS figures: round numbers.
NEW_CONNECTIONS, ACTIVE_CONNECTIONS, BYTES = 0.05, 0.1, 8_000.0

Dimensions: TypeAlias = tuple[tuple[str, str], ...]


class Scope(StrEnum):
    """What a series is about."""

    TARGET_GROUP = "target group"
    LOAD_BALANCER = "load balancer"
    SERVICE = "service"
    DISCOVERED = "service, by its discovery name"
    DISCOVERY = "discovery name"
    TARGET_DISCOVERY = "discovery name, as a target"
    INSIGHTS = "service, as Container Insights sees it"
    ENHANCED = "service, as Container Insights sees it when enhanced"
    QUEUE = "queue"
    ON_DEMAND = "Fargate on demand"
    SPOT = "Fargate Spot"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `samples` makes its sample set, `shown_by` is absent whenever the metric is.

    A series that several placements share is told of all of their samples together, or, if it is `summed`,
    of one sample that is their sum.
    """

    namespace: str
    name: str
    unit: str
    scopes: tuple[Scope, ...]
    samples: Callable[[Read], Parts]
    shown_by: Measure
    summed: bool = False


#: What is told of a service, by what stands before it.
SCOPES: Mapping[str, tuple[Scope, ...]] = {
    "alb": (Scope.TARGET_GROUP, Scope.LOAD_BALANCER),
    "service_connect": (Scope.DISCOVERED, Scope.DISCOVERY, Scope.TARGET_DISCOVERY),
    "none": (),
}
#: What Container Insights tells, by the cluster's setting.
SEEN: Mapping[str, tuple[Scope, ...]] = {
    "disabled": (),
    "enabled": (Scope.INSIGHTS,),
    "enhanced": (Scope.INSIGHTS, Scope.ENHANCED),
}


def scopes(place: Place) -> tuple[Scope, ...]:
    """Return what series there are of a placement."""
    queue = (Scope.QUEUE,) if place.spec.queue else ()
    usage = (Scope.ON_DEMAND, Scope.SPOT) if place.on_fargate else ()
    return (Scope.SERVICE, *SCOPES[place.spec.front], *SEEN[place.insights], *queue, *usage)


def _service(place: Place) -> Dimensions:
    return (("ClusterName", place.cluster), ("ServiceName", place.service))


def _discovered(place: Place) -> Dimensions:
    cluster, service = _service(place)
    return (cluster, ("DiscoveryName", place.service), service)


def _queue(place: Place) -> Dimensions:
    return (("QueueName", place.spec.queue.name),) if place.spec.queue else ()


def _usage(kind: str, _: Place) -> Dimensions:
    """Return how the guide of ECS names what an account uses of Fargate in a region."""
    return (("Class", kind), ("Resource", "vCPU"), ("Service", "Fargate"), ("Type", "Resource"))


#: The dimensions of each scope, sorted by name.  A service's discovery name is its own name.
DIMENSIONS: Mapping[Scope, Callable[[Place], Dimensions]] = {
    Scope.TARGET_GROUP: lambda p: (("LoadBalancer", p.load_balancer), ("TargetGroup", p.target_group)),
    Scope.LOAD_BALANCER: lambda p: (("LoadBalancer", p.load_balancer),),
    Scope.SERVICE: _service,
    Scope.INSIGHTS: _service,
    Scope.ENHANCED: _service,
    Scope.DISCOVERED: _discovered,
    Scope.DISCOVERY: lambda p: (("DiscoveryName", p.service),),
    Scope.TARGET_DISCOVERY: lambda p: (("TargetDiscoveryName", p.service),),
    Scope.QUEUE: _queue,
    Scope.ON_DEMAND: partial(_usage, "Standard/OnDemand"),
    Scope.SPOT: partial(_usage, "Standard/Spot"),
}


def dimensions(place: Place, scope: Scope) -> Dimensions:
    """Return the dimensions of a placement's series."""
    return DIMENSIONS[scope](place)


def in_zone(whole: Dimensions, zone: str) -> Dimensions:
    """Return the dimensions of a zone's part of a load balancer's series, sorted by name."""
    return ((ZONE, zone), *whole)


def whole(dimensions: Dimensions) -> tuple[Dimensions, str | None]:
    """Return the dimensions without the zone, and the zone if there is one."""
    named = dict(dimensions)
    return tuple(pair for pair in dimensions if pair[0] != ZONE), named.get(ZONE)


_BOTH = (Scope.LOAD_BALANCER, Scope.TARGET_GROUP)
_BALANCER = (Scope.LOAD_BALANCER,)
_GROUP = (Scope.TARGET_GROUP,)
_SERVICE = (Scope.SERVICE,)
_QUEUE = (Scope.QUEUE,)
#: What the levels of a namespace are about.
LEVELS = {ECS: _SERVICE, INSIGHTS: (Scope.INSIGHTS,), SQS: _QUEUE}
_INBOUND = (Scope.DISCOVERED, Scope.DISCOVERY)
#: AWS also tells these with ServiceName and ClusterName: of the client's service, it seems (unverified), and
#: the world has no such clients.
_OUTBOUND = (Scope.TARGET_DISCOVERY,)


def _events(name: str, measure: Measure, scopes: tuple[Scope, ...], namespace: str = ALB) -> Metric:
    return Metric(namespace, name, "Count", scopes, partial(Events, measure=measure), measure)


def _traffic(name: str, unit: str, each: float) -> Metric:
    samples = partial(Traffic, each=each)
    return Metric(ALB, name, unit, _BALANCER, samples, Measure.REQUESTS, summed=True)


def _level(namespace: str, name: str, unit: str, measure: Measure, samples: Measure | None = None) -> Metric:
    gauge = partial(Gauge, average=measure, minimum=measure, maximum=measure, samples=samples)
    return Metric(namespace, name, unit, LEVELS[namespace], gauge, measure)


def _used(scope: Scope, measure: Measure) -> Metric:
    gauge = partial(Gauge, average=measure, minimum=measure, maximum=measure)
    return Metric(USAGE, "ResourceCount", "None", (scope,), gauge, measure, summed=True)


METRICS = (
    Metric(ALB, "RequestCount", "Count", _BOTH, Flow, Measure.REQUESTS),
    _events("HTTPCode_Target_2XX_Count", Measure.TARGET_2XX, _BOTH),
    _events("HTTPCode_Target_3XX_Count", Measure.TARGET_3XX, _BOTH),
    _events("HTTPCode_Target_4XX_Count", Measure.TARGET_4XX, _BOTH),
    _events("HTTPCode_Target_5XX_Count", Measure.TARGET_5XX, _BOTH),
    _events("HTTPCode_ELB_4XX_Count", Measure.ELB_4XX, _BALANCER),
    _events("HTTPCode_ELB_5XX_Count", Measure.ELB_5XX, _BALANCER),
    _events("HTTPCode_ELB_502_Count", Measure.ELB_502, _BALANCER),
    _events("HTTPCode_ELB_503_Count", Measure.ELB_503, _BALANCER),
    _events("HTTPCode_ELB_504_Count", Measure.ELB_504, _BALANCER),
    _events("TargetConnectionErrorCount", Measure.UNCONNECTED, _BOTH),
    _traffic("NewConnectionCount", "Count", NEW_CONNECTIONS),
    _traffic("ActiveConnectionCount", "Count", ACTIVE_CONNECTIONS),
    _traffic("ProcessedBytes", "Bytes", BYTES),
    Metric(ALB, "TargetResponseTime", "Seconds", _BOTH, Latency, Measure.ANSWERED),
    Metric(
        ALB,
        "HealthyHostCount",
        "Count",
        _GROUP,
        partial(
            Gauge,
            average=Measure.HEALTHY,
            minimum=Measure.HEALTHY_MINIMUM,
            maximum=Measure.HEALTHY_MAXIMUM,
        ),
        Measure.HEALTHY,
    ),
    Metric(
        ALB,
        "UnHealthyHostCount",
        "Count",
        _GROUP,
        partial(Gauge, average=Measure.UNHEALTHY, minimum=Measure.UNHEALTHY, maximum=Measure.UNHEALTHY),
        Measure.UNHEALTHY,
    ),
    Metric(
        ECS,
        "CPUUtilization",
        "Percent",
        _SERVICE,
        partial(
            Gauge,
            average=Measure.CPU,
            minimum=Measure.CPU_MINIMUM,
            maximum=Measure.CPU_MAXIMUM,
            samples=Measure.TASKS,
        ),
        Measure.CPU,
    ),
    _level(ECS, "MemoryUtilization", "Percent", Measure.MEMORY, Measure.TASKS),
    _events("RequestCount", Measure.REQUESTS, _INBOUND, ECS),
    _events("HTTPCode_Target_2XX_Count", Measure.TARGET_2XX, _OUTBOUND, ECS),
    _events("HTTPCode_Target_3XX_Count", Measure.TARGET_3XX, _OUTBOUND, ECS),
    _events("HTTPCode_Target_4XX_Count", Measure.TARGET_4XX, _OUTBOUND, ECS),
    _events("HTTPCode_Target_5XX_Count", Measure.TARGET_5XX, _OUTBOUND, ECS),
    Metric(ECS, "TargetResponseTime", "Milliseconds", _OUTBOUND, Milliseconds, Measure.ANSWERED),
    _level(INSIGHTS, "RunningTaskCount", "Count", Measure.RUNNING),
    _level(INSIGHTS, "PendingTaskCount", "Count", Measure.PENDING),
    _level(INSIGHTS, "DesiredTaskCount", "Count", Measure.DESIRED),
    _level(INSIGHTS, "DeploymentCount", "Count", Measure.DEPLOYMENTS),
    _level(INSIGHTS, "CpuUtilized", "None", Measure.CPU_UTILIZED, Measure.TASKS),
    _level(INSIGHTS, "CpuReserved", "None", Measure.CPU_RESERVED, Measure.TASKS),
    _level(INSIGHTS, "MemoryUtilized", "Megabytes", Measure.MEMORY_UTILIZED, Measure.TASKS),
    _level(INSIGHTS, "MemoryReserved", "Megabytes", Measure.MEMORY_RESERVED, Measure.TASKS),
    replace(
        _level(INSIGHTS, "TaskCpuUtilization", "Percent", Measure.CPU, Measure.TASKS),
        scopes=(Scope.ENHANCED,),
    ),
    replace(
        _level(INSIGHTS, "TaskMemoryUtilization", "Percent", Measure.MEMORY, Measure.TASKS),
        scopes=(Scope.ENHANCED,),
    ),
    _level(SQS, "ApproximateAgeOfOldestMessage", "Seconds", Measure.QUEUE_AGE_S),
    _level(SQS, "ApproximateNumberOfMessagesVisible", "Count", Measure.QUEUE_VISIBLE),
    _events("NumberOfMessagesSent", Measure.QUEUE_SENT, _QUEUE, SQS),
    _events("NumberOfMessagesReceived", Measure.QUEUE_RECEIVED, _QUEUE, SQS),
    _events("NumberOfMessagesDeleted", Measure.QUEUE_DELETED, _QUEUE, SQS),
    _used(Scope.ON_DEMAND, Measure.VCPU_ON_DEMAND),
    _used(Scope.SPOT, Measure.VCPU_SPOT),
)
#: Every metric by namespace, name and scope, and those of each scope.
BY_NAME = {(metric.namespace, metric.name, scope): metric for metric in METRICS for scope in metric.scopes}
OF_SCOPE = {scope: tuple(metric for metric in METRICS if scope in metric.scopes) for scope in Scope}
