"""Every metric that is read: one table.

AWS facts are from the CloudWatch metric pages of Elastic Load Balancing, Amazon ECS, Container Insights,
Amazon SQS and AWS Fargate's quotas.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from collector import families
from collector.metric import (
    ALB,
    BY_DISCOVERY,
    BY_LOAD_BALANCER,
    BY_NODE,
    BY_QUEUE,
    BY_SERVICE,
    BY_TARGET_DISCOVERY,
    BY_TARGET_GROUP,
    BY_ZONE,
    ECS,
    FARGATE_VCPUS,
    INSIGHTS,
    SQS,
    THRESHOLD,
    USAGE,
    Absent,
    Dimensions,
    Metric,
    Needs,
    Origin,
    Tier,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.metrics import Family


def _alb(name: str, stat: str = "Sum", *, unit: str = "Count", absent: Absent = Absent.ZERO) -> Metric:
    """Return a counted row of a load balancer's target group."""
    return Metric(
        origin=ALB, name=name, stat=stat, unit=unit, needs=Needs.LOAD_BALANCER, dimensions=BY_TARGET_GROUP,
        tier=Tier.SLI, absent=absent,
    )  # fmt: skip


def _mesh(
    name: str, stat: str = "Sum", *, unit: str = "Count", by: Dimensions = BY_TARGET_DISCOVERY
) -> Metric:
    """Return a counted row of Service Connect's proxy."""
    return Metric(
        origin=ECS, name=name, stat=stat, unit=unit, needs=Needs.SERVICE_CONNECT, dimensions=by,
        tier=Tier.SLI, absent=Absent.ZERO,
    )  # fmt: skip


def _task(  # noqa: PLR0913 - a row of a table
    origin: Origin, name: str, unit: str, exported: Family, *, stat: str = "Average", factor: float = 1.0,
    needs: Needs = Needs.TASKS, tier: Tier = Tier.SLOW,
) -> Metric:  # fmt: skip
    """Return an explaining row of a service; one without tasks has no points at all, not zeros."""
    return Metric(
        origin=origin, name=name, stat=stat, unit=unit, needs=needs, dimensions=BY_SERVICE, tier=tier,
        absent=Absent.UNKNOWN, exported=exported, factor=factor,
    )  # fmt: skip


def _explains(  # noqa: PLR0913 - a row of a table
    name: str, exported: Family, *, stat: str = "Sum", unit: str = "Count", by: Dimensions = BY_TARGET_GROUP,
    tier: Tier = Tier.SLOW, absent: Absent = Absent.ZERO,
) -> Metric:  # fmt: skip
    """Return an explaining row of a load balancer."""
    return Metric(
        origin=ALB, name=name, stat=stat, unit=unit, needs=Needs.LOAD_BALANCER, dimensions=by, tier=tier,
        absent=absent, exported=exported,
    )  # fmt: skip


#: Counts requests for which a target was chosen; absent without traffic.  Only its Sum means anything.
REQUESTS = _alb("RequestCount", absent=Absent.QUIET)
#: Each absent in a minute in which no response had such a code.
TARGET_2XX = _alb("HTTPCode_Target_2XX_Count")
TARGET_3XX = _alb("HTTPCode_Target_3XX_Count")
TARGET_4XX = _alb("HTTPCode_Target_4XX_Count")
TARGET_5XX = _alb("HTTPCode_Target_5XX_Count")
#: Told when nonzero, and by the load balancer only: it names no target group.
ELB_5XX = Metric(
    origin=ALB, name="HTTPCode_ELB_5XX_Count", stat="Sum", unit="Count", needs=Needs.LOAD_BALANCER,
    dimensions=BY_LOAD_BALANCER, tier=Tier.SLI, absent=Absent.ZERO,
)  # fmt: skip
#: Never its Sum: every load balancer node reports the same hosts.  Asked only where requests were silent, to
#: tell quiet minutes from unknown ones.
HEALTHY_HOSTS = _alb("HealthyHostCount", "Average", absent=Absent.UNKNOWN)
#: Absent without traffic.
RESPONSES = _alb("TargetResponseTime", "SampleCount", unit="Seconds")
#: Interpolated by CloudWatch, so it may be a fraction.
FAST_RESPONSES = _alb("TargetResponseTime", f"TC(:{THRESHOLD})", unit="Seconds")
#: The same as a percentage, where trimmed counts are not to be had.
FAST_SHARE = _alb("TargetResponseTime", f"PR(:{THRESHOLD})", unit="Seconds")
#: And as percentiles: how many were fast is then known only from below.
PERCENTILES = {
    share: _alb("TargetResponseTime", f"p{share}", unit="Seconds")
    for share in ("50", "90", "99", "99.9", "99.99")
}

MESH_REQUESTS = _mesh("RequestCount", by=BY_DISCOVERY)
MESH_2XX = _mesh("HTTPCode_Target_2XX_Count")
MESH_3XX = _mesh("HTTPCode_Target_3XX_Count")
MESH_4XX = _mesh("HTTPCode_Target_4XX_Count")
MESH_5XX = _mesh("HTTPCode_Target_5XX_Count")
#: Milliseconds, where a load balancer tells seconds.
MESH_RESPONSES = _mesh("TargetResponseTime", "SampleCount", unit="Milliseconds")
MESH_FAST = _mesh("TargetResponseTime", f"TC(:{THRESHOLD})", unit="Milliseconds")

#: Tells a quiet minute from an unknown one, as HealthyHostCount does: it speaks of tasks that run.
MESH_ALIVE = Metric(
    origin=ECS, name="CPUUtilization", stat="SampleCount", unit="Percent", needs=Needs.SERVICE_CONNECT,
    dimensions=BY_SERVICE, tier=Tier.SLI, absent=Absent.UNKNOWN,
)  # fmt: skip

#: A queue that was idle for six hours tells nothing at all.
OLDEST_MESSAGE = Metric(
    origin=SQS, name="ApproximateAgeOfOldestMessage", stat="Maximum", unit="Seconds", needs=Needs.QUEUE,
    dimensions=BY_QUEUE, tier=Tier.SLI, absent=Absent.UNKNOWN, exported=families.QUEUE_AGE_SECONDS,
)  # fmt: skip
WAITING_MESSAGES = Metric(
    origin=SQS, name="ApproximateNumberOfMessagesVisible", stat="Maximum", unit="Count", needs=Needs.QUEUE,
    dimensions=BY_QUEUE, tier=Tier.SLOW, absent=Absent.UNKNOWN, exported=families.QUEUE_DEPTH,
)  # fmt: skip

RESPONSE_TIME = _explains(
    "TargetResponseTime", families.RESPONSE_SECONDS, stat="Average", unit="Seconds", absent=Absent.QUIET
)
RESPONSE_P99 = _explains(
    "TargetResponseTime", families.RESPONSE_P99_SECONDS, stat="p99", unit="Seconds", absent=Absent.QUIET
)
UNHEALTHY_HOSTS = _explains(
    "UnHealthyHostCount", families.UNHEALTHY_TARGETS, stat="Minimum", absent=Absent.UNKNOWN
)
ELB_502 = _explains("HTTPCode_ELB_502_Count", families.BAD_GATEWAYS, by=BY_LOAD_BALANCER)
ELB_503 = _explains("HTTPCode_ELB_503_Count", families.UNAVAILABLES, by=BY_LOAD_BALANCER)
CONNECTIONS_FAILED = _explains("TargetConnectionErrorCount", families.CONNECTION_ERRORS)
ZONES = (
    _explains("RequestCount", families.ZONE_REQUESTS, by=BY_ZONE, tier=Tier.HOT, absent=Absent.QUIET),
    _explains("HTTPCode_Target_5XX_Count", families.ZONE_FAILURES, by=BY_ZONE, tier=Tier.HOT),
    _explains("HTTPCode_ELB_5XX_Count", families.ZONE_REFUSALS, by=BY_NODE, tier=Tier.HOT),
    _explains(
        "HealthyHostCount",
        families.ZONE_HEALTHY,
        stat="Average",
        by=BY_ZONE,
        tier=Tier.HOT,
        absent=Absent.UNKNOWN,
    ),
)

CPU = _task(ECS, "CPUUtilization", "Percent", families.CPU_RATIO, factor=0.01)
CPU_MAX = _task(ECS, "CPUUtilization", "Percent", families.CPU_MAX_RATIO, stat="Maximum", factor=0.01)
MEMORY = _task(ECS, "MemoryUtilization", "Percent", families.MEMORY_RATIO, factor=0.01)
MEMORY_MAX = _task(
    ECS, "MemoryUtilization", "Percent", families.MEMORY_MAX_RATIO, stat="Maximum", factor=0.01
)
TASK_CPU = _task(
    INSIGHTS, "TaskCpuUtilization", "Percent", families.TASK_CPU_RATIO, stat="Maximum", factor=0.01,
    needs=Needs.ENHANCED_INSIGHTS,
)  # fmt: skip
TASK_MEMORY = _task(
    INSIGHTS, "TaskMemoryUtilization", "Percent", families.TASK_MEMORY_RATIO, stat="Maximum", factor=0.01,
    needs=Needs.ENHANCED_INSIGHTS,
)  # fmt: skip

#: How many vCPUs Fargate gives us, of a quota that refuses tasks when it is spent.
VCPUS = tuple(
    Metric(
        origin=USAGE, name="ResourceCount", stat="Maximum", unit="None", needs=Needs.REGION,
        dimensions=(*FARGATE_VCPUS, ("Class", f"Standard/{kind}")), tier=Tier.SLOW, absent=Absent.UNKNOWN,
        exported=families.FARGATE_VCPU, label=kind,
    )
    for kind in ("OnDemand", "Spot")
)  # fmt: skip

#: Never bought: ECS tells the same for nothing, as counts, or as what a task reserves, of which we know the
#: share that it uses.  They are here for pages that ask CloudWatch.
RUNNING = Metric(
    origin=INSIGHTS, name="RunningTaskCount", stat="Average", unit="Count", needs=Needs.INSIGHTS,
    dimensions=BY_SERVICE, tier=Tier.SLOW, absent=Absent.UNKNOWN, exported=families.RUNNING_TASKS,
)  # fmt: skip
DESIRED = replace(RUNNING, name="DesiredTaskCount", exported=families.DESIRED_TASKS)
PENDING = replace(RUNNING, name="PendingTaskCount", exported=families.PENDING_TASKS)
DEPLOYMENTS = replace(RUNNING, name="DeploymentCount", exported=None)
CPU_USED = replace(RUNNING, name="CpuUtilized", unit="None", exported=families.CPU_UNITS)
MEMORY_USED = replace(RUNNING, name="MemoryUtilized", unit="Megabytes", exported=families.MEMORY_MEGABYTES)
TOLD_FOR_NOTHING = (RUNNING, DESIRED, PENDING, DEPLOYMENTS, CPU_USED, MEMORY_USED)

TARGET_CODES = (TARGET_2XX, TARGET_3XX, TARGET_4XX, TARGET_5XX)
MESH_CODES = (MESH_2XX, MESH_3XX, MESH_4XX, MESH_5XX)

#: What is bought, unless the latency is read another way.
METRICS = (
    REQUESTS,
    *TARGET_CODES,
    ELB_5XX,
    HEALTHY_HOSTS,
    RESPONSES,
    FAST_RESPONSES,
    MESH_REQUESTS,
    *MESH_CODES,
    MESH_RESPONSES,
    MESH_FAST,
    MESH_ALIVE,
    OLDEST_MESSAGE,
    WAITING_MESSAGES,
    RESPONSE_TIME,
    RESPONSE_P99,
    UNHEALTHY_HOSTS,
    ELB_502,
    ELB_503,
    CONNECTIONS_FAILED,
    *ZONES,
    CPU,
    CPU_MAX,
    MEMORY,
    MEMORY_MAX,
    TASK_CPU,
    TASK_MEMORY,
    *VCPUS,
)


class LatencyBy(StrEnum):
    """How fast responses are counted, the most exact first.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html; how near
    CloudWatch's interpolation comes was not measured on a real account.
    """

    COUNT = "count"
    SHARE = "share"
    PERCENTILES = "percentiles"


def metrics(latency_by: LatencyBy = LatencyBy.COUNT, extra: tuple[Metric, ...] = ()) -> tuple[Metric, ...]:
    """Return every row that is bought; `extra` are the user's own."""
    fast: Mapping[LatencyBy, tuple[Metric, ...]] = {
        LatencyBy.COUNT: (FAST_RESPONSES,),
        LatencyBy.SHARE: (FAST_SHARE,),
        LatencyBy.PERCENTILES: tuple(PERCENTILES.values()),
    }
    where = METRICS.index(FAST_RESPONSES)
    return (*METRICS[:where], *fast[latency_by], *METRICS[where + 1 :], *extra)


#: What the metrics read show, and what is told about reading them.
FAMILIES = (
    *dict.fromkeys(m.exported for m in (*METRICS, *TOLD_FOR_NOTHING) if m.exported),
    *families.READING,
)
