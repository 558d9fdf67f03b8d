"""What reading costs, before it is spent and while it is: by AWS's list prices, read the dearer way.

Whether AWS bills up to five statistics of one metric in a call as one is told both ways; both are shown, and
budgets are kept by the dearer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from collector.catalog import TOLD_FOR_NOTHING
from collector.layout import fits
from collector.metric import Tier
from collector.plan import DAY, HOUR, Cadence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from collector.bundle import Bundle
    from collector.layout import Layout
    from collector.metric import Metric
    from collector.source import Query

#: https://aws.amazon.com/cloudwatch/pricing/ (us-east-1, beyond the free tier): GetMetricData per metric
#: asked for, other requests each, alarms and custom metrics a month.
METRIC_USD = Decimal("0.01") / 1000
REQUEST_USD = Decimal("0.01") / 1000
ALARM_USD = Decimal("0.10")
CUSTOM_METRIC_USD = Decimal("0.30")

#: CloudWatch may bill up to five statistics of a metric in one call as one; the documents conflict.
STATISTICS_PER_METRIC = 5

MONTH_MINUTES = 30 * DAY


def grouped(queries: Iterable[Query]) -> int:
    """Return the metrics that a call asks for if up to five statistics of one metric count once."""
    statistics = Counter((query.namespace, query.metric, query.dimensions) for query in queries)
    return sum(-(-count // STATISTICS_PER_METRIC) for count in statistics.values())


@dataclass(frozen=True, slots=True)
class Share:
    """What a tier of a service asks for in 30 days: if each statistic is billed, and if five count once."""

    tier: Tier
    service: str
    metrics: int
    grouped: int

    @property
    def usd(self) -> Decimal:
        """The price, read the dearer way."""
        return self.metrics * METRIC_USD

    @property
    def usd_grouped(self) -> Decimal:
        """The price, read the kinder way."""
        return self.grouped * METRIC_USD


def shares(layout: Layout, cadence: Cadence) -> tuple[Share, ...]:
    """Return what an estate costs to read in 30 quiet days, by tier and service, dearest first.

    Nothing is hot, nothing idle, nothing caught up with; witnesses of silence are counted as if always asked.
    """
    found: dict[tuple[Tier, str], tuple[int, int]] = {}
    for bundle in layout.bundles:
        every = cadence.every(bundle.front.tier, hot=False)
        if every is None:
            continue
        polls = MONTH_MINUTES // every
        for service, queries in _queries(bundle, layout.metrics):
            metrics, few = found.get((bundle.front.tier, service), (0, 0))
            key = (bundle.front.tier, service)
            found[key] = (metrics + polls * len(queries), few + polls * grouped(queries))
    made = (Share(tier, service, *counts) for (tier, service), counts in found.items())
    return tuple(sorted(made, key=lambda share: (-share.metrics, share.tier, share.service)))


def naive(layout: Layout) -> int:
    """Return the metrics of 30 days if everything were asked for every minute, even what ECS tells."""
    asked = {
        (bundle.track, query)
        for bundle in layout.bundles
        for metric in (*layout.metrics, *TOLD_FOR_NOTHING)
        if fits(metric, bundle.front) and metric.tier is not Tier.HOT
        for line in bundle.lines
        for query in line.queries(metric)
    }
    return MONTH_MINUTES * len(asked)


def _queries(bundle: Bundle, metrics: Sequence[Metric]) -> Iterator[tuple[str, tuple[Query, ...]]]:
    """Yield what is asked about each service of a bundle; what several share is asked for the first."""
    told: set[Query] = set()
    for line in bundle.lines:
        wanted = (q for metric in metrics if fits(metric, bundle.front) for q in line.queries(metric))
        fresh = tuple(query for query in dict.fromkeys(wanted) if query not in told)
        told.update(fresh)
        yield line.service or f"{line.owner}", fresh


class Thrift(IntEnum):
    """How much is saved because a month's budget comes near: what explains first, what counts last."""

    NONE = 0
    SLOW_RARELY = 1
    SLOW_HOURLY = 2
    SLI_RARELY = 3

    @property
    def sentence(self) -> str:
        """What is done, for people."""
        return _SAVINGS[self]


_SAVINGS = {
    Thrift.NONE: "Everything is read as configured.",
    Thrift.SLOW_RARELY: "What only explains is read half as often, to keep to the month's budget.",
    Thrift.SLOW_HOURLY: "What only explains is read once an hour, to keep to the month's budget.",
    Thrift.SLI_RARELY: "What only explains is read once an hour, and what counts half as often, to keep to "
    "the month's budget.",
}

#: From which share of the budget's pace something is saved.  What burns is read closely all the same.
SAVE_FROM = (
    (Decimal("1.30"), Thrift.SLI_RARELY),
    (Decimal("1.15"), Thrift.SLOW_HOURLY),
    (Decimal(1), Thrift.SLOW_RARELY),
)


def thrift(spent_usd: Decimal, budget_usd: Decimal | None, gone: Decimal) -> Thrift:
    """Return what must be saved when so much of the month's budget is spent and so much of the month gone.

    Early in a month there is no pace yet: a tenth of the budget may always be spent.
    """
    if budget_usd is None or spent_usd <= budget_usd / 10:
        return Thrift.NONE
    pace = spent_usd / (budget_usd * max(gone, Decimal("0.001")))
    if spent_usd >= budget_usd:
        return Thrift.SLI_RARELY
    return next((saving for share, saving in SAVE_FROM if pace > share), Thrift.NONE)


def month_gone(now: datetime) -> Decimal:
    """Return how much of the calendar month in UTC is over: AWS bills by those."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    return Decimal((now - start) / (end - start)).quantize(Decimal("0.000001"))


def saving(cadence: Cadence, level: Thrift) -> Cadence:
    """Return the cadence that saves so much."""
    if level is Thrift.NONE:
        return cadence
    slow = 2 * cadence.slow_every if level is Thrift.SLOW_RARELY else max(HOUR, cadence.slow_every)
    sli = 2 * cadence.sli_every if level is Thrift.SLI_RARELY else cadence.sli_every
    return replace(cadence, slow_every=slow, sli_every=sli)


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that is paid for a month, whatever is read: `how` says by which price."""

    name: str
    how: str
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What 30 days of reading an estate cost: by tier and service, what stands there, and the naive way."""

    shares: tuple[Share, ...]
    standing: tuple[Standing, ...]
    naive_metrics: int

    @property
    def usd(self) -> Decimal:
        """The whole, if each statistic is billed."""
        return sum((share.usd for share in self.shares), self._standing_usd)

    @property
    def usd_grouped(self) -> Decimal:
        """The whole, if up to five statistics of a metric in a call are billed as one."""
        return sum((share.usd_grouped for share in self.shares), self._standing_usd)

    @property
    def naive_usd(self) -> Decimal:
        """Reading everything every minute, what ECS tells for nothing included; nothing else."""
        return self.naive_metrics * METRIC_USD

    @property
    def _standing_usd(self) -> Decimal:
        return sum((one.usd for one in self.standing), Decimal(0))

    def of_tier(self, tier: Tier) -> tuple[int, Decimal, Decimal]:
        """Return the metrics asked for in a tier, and both prices."""
        of = [share for share in self.shares if share.tier is tier]
        return (
            sum(share.metrics for share in of),
            sum((share.usd for share in of), Decimal(0)),
            sum((share.usd_grouped for share in of), Decimal(0)),
        )


def bill(layout: Layout, cadence: Cadence, *, heartbeat_regions: int, probes: int) -> Bill:
    """Return what an estate costs to read in 30 quiet days, with all that it needs besides."""
    beats = MONTH_MINUTES * heartbeat_regions
    standing = (
        Standing("heartbeat, written", f"{beats:,} requests", beats * REQUEST_USD),
        Standing(
            "heartbeat, kept", f"{heartbeat_regions} custom metrics", heartbeat_regions * CUSTOM_METRIC_USD
        ),
        Standing("heartbeat, alarms", f"{heartbeat_regions} alarms", heartbeat_regions * ALARM_USD),
        Standing("ListMetrics", "never asked: discovery knows what exists", Decimal(0)),
        Standing("probes", f"{probes} of our own, which AWS does not bill", Decimal(0)),
    )
    return Bill(shares=shares(layout, cadence), standing=standing, naive_metrics=naive(layout))


def hot_hour_usd(layout: Layout, service: str, cadence: Cadence) -> Decimal:
    """Return what an hour costs in which a service is hot, in all its regions, zones included.

    Its alarms ring too: what counts of everybody in those regions is then read as often.
    """
    areas = {bundle.area for bundle in layout.bundles if service in bundle.services}
    asked = sum(
        len(queries)
        for bundle in layout.bundles
        if service in bundle.services or (bundle.front.tier is Tier.SLI and bundle.area in areas)
        for _, queries in _queries(bundle, layout.metrics)
    )
    return asked * HOUR // cadence.hot_every * METRIC_USD
