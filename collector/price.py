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
    """Return the metrics of 30 days if everything in the catalogue were asked for every minute."""
    asked = {
        query
        for bundle in layout.bundles
        for metric in layout.metrics
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
