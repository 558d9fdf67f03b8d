"""Every metric that is read, and every one that is told about the reading: one table each.

AWS facts are from the CloudWatch metric pages of Elastic Load Balancing, Amazon ECS and Container Insights.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slo.metrics import PLACEMENT, Family, Kind


class Scope(StrEnum):
    """Which dimensions a metric is asked with."""

    TARGET_GROUP = "target_group"
    LOAD_BALANCER = "load_balancer"
    SERVICE = "service"


class Tier(StrEnum):
    """How often a metric is read: what is counted by the minute, what only explains more rarely."""

    SLI = "sli"
    SLOW = "slow"


#: Stands in a statistic for the service's latency threshold in seconds.
THRESHOLD = "{threshold}"

_ALB = "AWS/ApplicationELB"
_ECS = "AWS/ECS"
_INSIGHTS = "ECS/ContainerInsights"

CPU_RATIO = Family(
    "ecs_service_cpu_ratio", Kind.GAUGE, "ratio", PLACEMENT, "CPU used of what the tasks reserve."
)
MEMORY_RATIO = Family(
    "ecs_service_memory_ratio", Kind.GAUGE, "ratio", PLACEMENT, "Memory used of what the tasks reserve."
)
RESPONSE_SECONDS = Family(
    "alb_target_response_time_seconds", Kind.GAUGE, "seconds", PLACEMENT,
    "Average time until a target began to answer; averages cannot be pooled.",
)  # fmt: skip
RUNNING_TASKS = Family("ecs_service_running_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that run.")
DESIRED_TASKS = Family("ecs_service_desired_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that should run.")
PENDING_TASKS = Family(
    "ecs_service_pending_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that are starting."
)
CPU_UNITS = Family(
    "ecs_service_cpu_utilized_units", Kind.GAUGE, "units", PLACEMENT, "CPU units used; 1024 are one vCPU."
)
MEMORY_MEGABYTES = Family(
    "ecs_service_memory_utilized_megabytes", Kind.GAUGE, "megabytes", PLACEMENT, "Memory used."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One statistic of one CloudWatch metric.

    `exported` is the family that shows it, `factor` turns CloudWatch's unit into the family's.  What a minute
    without a point means is said in `collector.indicators`; never that all was good.
    """

    namespace: str
    name: str
    stat: str
    scope: Scope
    tier: Tier
    exported: Family | None = None
    factor: float = 1.0

    def stat_for(self, threshold_s: float) -> str:
        """Return the statistic as CloudWatch spells it for a latency threshold: `TC(:0.3)`."""
        return self.stat.replace(THRESHOLD, f"{threshold_s:g}")


def _alb(name: str, stat: str = "Sum", scope: Scope = Scope.TARGET_GROUP) -> Metric:
    """Return an SLI row."""
    return Metric(namespace=_ALB, name=name, stat=stat, scope=scope, tier=Tier.SLI)


def _task(name: str, exported: Family, factor: float = 1.0, namespace: str = _INSIGHTS) -> Metric:
    """Return a slow row of a service; a service without tasks has no points at all, not zeros."""
    return Metric(
        namespace=namespace, name=name, stat="Average", scope=Scope.SERVICE, tier=Tier.SLOW,
        exported=exported, factor=factor,
    )  # fmt: skip


#: Counts requests for which a target was chosen; absent without traffic.  Only its Sum means anything.
REQUESTS = _alb("RequestCount")
#: Each absent in a minute in which no response had such a code.
TARGET_2XX = _alb("HTTPCode_Target_2XX_Count")
TARGET_3XX = _alb("HTTPCode_Target_3XX_Count")
TARGET_4XX = _alb("HTTPCode_Target_4XX_Count")
TARGET_5XX = _alb("HTTPCode_Target_5XX_Count")
#: Told when nonzero, and by the load balancer only: it names no target group.
ELB_5XX = _alb("HTTPCode_ELB_5XX_Count", scope=Scope.LOAD_BALANCER)
#: Never its Sum: every load balancer node reports the same hosts.
HEALTHY_HOSTS = _alb("HealthyHostCount", stat="Average")
#: Absent without traffic.
RESPONSES = _alb("TargetResponseTime", stat="SampleCount")
#: Interpolated by CloudWatch, so it may be a fraction.
FAST_RESPONSES = _alb("TargetResponseTime", stat=f"TC(:{THRESHOLD})")

RESPONSE_TIME = Metric(
    namespace=_ALB, name="TargetResponseTime", stat="Average", scope=Scope.TARGET_GROUP, tier=Tier.SLOW,
    exported=RESPONSE_SECONDS,
)  # fmt: skip
CPU = _task("CPUUtilization", CPU_RATIO, factor=0.01, namespace=_ECS)
MEMORY = _task("MemoryUtilization", MEMORY_RATIO, factor=0.01, namespace=_ECS)
RUNNING = _task("RunningTaskCount", RUNNING_TASKS)
DESIRED = _task("DesiredTaskCount", DESIRED_TASKS)
PENDING = _task("PendingTaskCount", PENDING_TASKS)
CPU_USED = _task("CpuUtilized", CPU_UNITS)
MEMORY_USED = _task("MemoryUtilized", MEMORY_MEGABYTES)

TARGET_CODES = (TARGET_2XX, TARGET_3XX, TARGET_4XX, TARGET_5XX)

METRICS = (
    REQUESTS,
    *TARGET_CODES,
    ELB_5XX,
    HEALTHY_HOSTS,
    RESPONSES,
    FAST_RESPONSES,
    RESPONSE_TIME,
    CPU,
    MEMORY,
    RUNNING,
    DESIRED,
    PENDING,
    CPU_USED,
    MEMORY_USED,
)

_TRACK = ("account", "region", "tier")

CALLS = Family("collector_calls_total", Kind.COUNTER, "calls", _TRACK, "Calls of GetMetricData.")
METRICS_REQUESTED = Family(
    "collector_metrics_requested_total", Kind.COUNTER, "metrics", _TRACK,
    "Statistics asked of GetMetricData: what CloudWatch bills if it bills each one.",
)  # fmt: skip
GAPS = Family(
    "collector_gaps_total",
    Kind.COUNTER,
    "series",
    (*_TRACK, "reason"),
    "Series that were not answered, by reason.",
)
WATERMARK = Family(
    "collector_watermark_timestamp_seconds", Kind.GAUGE, "seconds", _TRACK,
    "Until when everything has been read, as Unix time.",
)  # fmt: skip
DOUBTS = Family(
    "collector_doubts_total", Kind.COUNTER, "readings", (*PLACEMENT, "doubt"),
    "Readings whose counts contradict one another.",
)  # fmt: skip
PLACEMENTS = Family(
    "collector_placements", Kind.GAUGE, "placements", ("account", "region"), "Services found by discovery."
)

#: What the metrics read show, and what is told about reading them.
FAMILIES = (
    *(metric.exported for metric in METRICS if metric.exported),
    CALLS,
    METRICS_REQUESTED,
    GAPS,
    WATERMARK,
    DOUBTS,
    PLACEMENTS,
)
