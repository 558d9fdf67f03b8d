"""How an estate is read: what is bought, how often, and for how much a month."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from collector.catalog import LatencyBy, metrics
from collector.layout import line
from collector.metric import Absent, Metric, Needs, Origin, Price, Tier
from collector.plan import Cadence
from slo.metrics import PLACEMENT, Family, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.bundle import Line
    from collector.estate import ServiceView
    from slo.cells import Placement

#: Custom metrics are told within two minutes, as most are; AWS names no lag.
OWN_LAG_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The SQS queue that a service works off, and how long a message may wait in it.

    `region`, `account` and `cluster` narrow which placements of the service it belongs to.
    """

    service: str
    name: str
    fresh_s: float = 300.0
    region: str = "*"
    account: str = "*"
    cluster: str = "*"

    def serves(self, placement: Placement) -> bool:
        """Whether it is the queue of a placement."""
        pairs = (
            (placement.service, self.service),
            (placement.region, self.region),
            (placement.account, self.account),
            (placement.cluster, self.cluster),
        )
        return all(fnmatchcase(name, glob) for name, glob in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What is read, and how.

    `extra` are metrics of the user's own; `budget_usd` is what reading may cost in a calendar month, at list
    price and read the dearer way.
    """

    cadence: Cadence = field(default_factory=Cadence)
    settle_s: int = 120
    latency_by: LatencyBy = LatencyBy.COUNT
    extra: tuple[Metric, ...] = ()
    queues: tuple[Queue, ...] = ()
    budget_usd: Decimal | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return every row that is bought."""
        return metrics(self.latency_by, self.extra)

    def line(self, view: ServiceView, threshold_s: float) -> Line:
        """Return what of a service decides what is asked for it."""
        queue = next((one for one in self.queues if one.serves(view.placement)), None)
        if queue is None:
            return line(view, threshold_s)
        return line(view, threshold_s, queue.name, queue.fresh_s)


_FACT = re.compile(r"\{(\w+)\}")

#: What a dimension made of these presumes to be there; the first that is named decides.
_PRESUMES: Mapping[str, Needs] = {
    "target_group": Needs.LOAD_BALANCER,
    "load_balancer": Needs.LOAD_BALANCER,
    "zone": Needs.LOAD_BALANCER,
    "discovery": Needs.SERVICE_CONNECT,
    "queue": Needs.QUEUE,
    "service": Needs.TASKS,
    "cluster": Needs.TASKS,
}


def own(  # noqa: PLR0913 - a row of a table
    *,
    namespace: str,
    name: str,
    statistic: str,
    unit: str,
    dimensions: Mapping[str, str],
    exported: str,
    help_text: str,
    factor: float = 1.0,
    services: tuple[str, ...] = (),
) -> Metric:
    """Return a row of the user's own: it explains, is shown under the exported name, and counts nothing.

    Raises ValueError for a name that Prometheus would not take and for a dimension made of what is not known.
    """
    facts = {fact for value in dimensions.values() for fact in _FACT.findall(value)}
    needs = next((need for fact, need in _PRESUMES.items() if fact in facts), Needs.REGION)
    labels = ("account", "region") if needs is Needs.REGION else PLACEMENT
    return Metric(
        origin=Origin(namespace, OWN_LAG_S, Price.CUSTOM),
        name=name,
        stat=statistic,
        unit=unit,
        needs=needs,
        dimensions=tuple(dimensions.items()),
        tier=Tier.SLOW,
        absent=Absent.UNKNOWN,
        exported=Family(exported, Kind.GAUGE, "", labels, help_text),
        factor=factor,
        services=services,
    )
