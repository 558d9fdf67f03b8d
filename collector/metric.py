"""What a row of the catalogue says: who tells a metric, where it exists, and what its silence means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from slo.metrics import Family

MINUTE_S = 60


class Tier(StrEnum):
    """How often a metric is read: what is counted, what only explains, and what explains while it burns."""

    SLI = "sli"
    SLOW = "slow"
    HOT = "hot"


class Absent(StrEnum):
    """What it means that a minute of an answered series has no point."""

    ZERO = "zero"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Price(StrEnum):
    """What having the metric costs besides reading it: nothing, or the price of a custom metric."""

    VENDED = "vended"
    CUSTOM = "custom"


class Needs(StrEnum):
    """What must stand there for the metric to exist."""

    LOAD_BALANCER = "load_balancer"
    SERVICE_CONNECT = "service_connect"
    QUEUE = "queue"
    TASKS = "tasks"
    INSIGHTS = "insights"
    ENHANCED_INSIGHTS = "enhanced_insights"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who tells a metric: `lag_s` is how long after a minute's end its points are complete.

    AWS names no lags; these are what readers of CloudWatch report, and what is waited for before a minute is
    judged.
    """

    namespace: str
    lag_s: int
    price: Price = Price.VENDED


ALB = Origin("AWS/ApplicationELB", 120)
ECS = Origin("AWS/ECS", 120)
INSIGHTS = Origin("ECS/ContainerInsights", 180, Price.CUSTOM)
SQS = Origin("AWS/SQS", 120)
USAGE = Origin("AWS/Usage", 300)

Dimensions = tuple[tuple[str, str], ...]

#: Dimension sets, with what stands in for a service's own values.  They must be exactly those that AWS
#: publishes a metric with: another set is another metric, or none.
BY_TARGET_GROUP: Dimensions = (("TargetGroup", "{target_group}"), ("LoadBalancer", "{load_balancer}"))
BY_LOAD_BALANCER: Dimensions = (("LoadBalancer", "{load_balancer}"),)
BY_ZONE: Dimensions = (
    ("TargetGroup", "{target_group}"), ("LoadBalancer", "{load_balancer}"), ("AvailabilityZone", "{zone}"),
)  # fmt: skip
BY_NODE: Dimensions = (*BY_LOAD_BALANCER, ("AvailabilityZone", "{zone}"))
BY_SERVICE: Dimensions = (("ClusterName", "{cluster}"), ("ServiceName", "{service}"))
BY_DISCOVERY: Dimensions = (("DiscoveryName", "{discovery}"), *BY_SERVICE)
#: Only the name: beside it AWS puts the cluster and service of the client, not of the target [unverified].
BY_TARGET_DISCOVERY: Dimensions = (("TargetDiscoveryName", "{discovery}"),)
BY_QUEUE: Dimensions = (("QueueName", "{queue}"),)
FARGATE_VCPUS: Dimensions = (("Service", "Fargate"), ("Resource", "vCPU"), ("Type", "Resource"))

#: What may stand between braces in a dimension.
FACTS = frozenset(
    {"account", "region", "cluster", "service", "target_group", "load_balancer", "zone", "discovery", "queue"}
)

#: Stands in a statistic for the service's latency threshold, in the unit of the metric.
THRESHOLD = "{threshold}"

_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One statistic of one CloudWatch metric.

    `needs` says where it exists, `dimensions` under which names, `absent` what an answered minute without a
    point means; `exported` is the family that shows it, and `factor` turns CloudWatch's unit into the
    family's.  `label` is the value of the family's last label where that is no name of the placement.
    """

    origin: Origin
    name: str
    stat: str
    unit: str
    needs: Needs
    dimensions: Dimensions
    tier: Tier
    absent: Absent
    period_s: int = MINUTE_S
    exported: Family | None = None
    factor: float = 1.0
    label: str = ""
    services: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        strangers = {fact for _, value in self.dimensions for fact in _BRACES.findall(value)} - FACTS
        if strangers:
            raise ValueError(
                f"{self.name}: a dimension is made of {', '.join(sorted(FACTS))}, got {strangers}"
            )

    @property
    def namespace(self) -> str:
        """The namespace, as CloudWatch spells it."""
        return self.origin.namespace

    def stat_for(self, threshold_s: float) -> str:
        """Return the statistic as CloudWatch spells it for a latency threshold: `TC(:0.3)`."""
        threshold = threshold_s * 1000 if self.unit == "Milliseconds" else threshold_s
        return self.stat.replace(THRESHOLD, f"{threshold:g}")
