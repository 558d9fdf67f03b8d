"""What is kept of every placement and minute, and the samples that CloudWatch makes of it.

A `Parts` gives the sample set of a minute in pieces that add up over longer periods; NaN means no sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.latency import exceeded, mean, slower

Array: TypeAlias = NDArray[np.float64]

#: RequestCount also gets a zero sample of every node, so that its Average and SampleCount mean nothing.
BALANCER_NODES = 2
_TINY = np.finfo(np.float64).tiny


class Measure(IntEnum):
    """One number per placement and minute."""

    REQUESTS = 0
    TARGET_2XX = auto()
    TARGET_3XX = auto()
    TARGET_4XX = auto()
    TARGET_5XX = auto()
    ELB_4XX = auto()
    ELB_5XX = auto()
    ELB_502 = auto()
    ELB_503 = auto()
    ELB_504 = auto()
    UNCONNECTED = auto()
    ANSWERED = auto()
    SLOW = auto()
    SLOW_S = auto()
    MEDIAN_S = auto()
    SIGMA = auto()
    HEALTHY = auto()
    HEALTHY_MINIMUM = auto()
    HEALTHY_MAXIMUM = auto()
    UNHEALTHY = auto()
    CPU = auto()
    CPU_MINIMUM = auto()
    CPU_MAXIMUM = auto()
    MEMORY = auto()
    TASKS = auto()
    RUNNING = auto()
    PENDING = auto()
    DESIRED = auto()
    DEPLOYMENTS = auto()
    CPU_UTILIZED = auto()
    CPU_RESERVED = auto()
    MEMORY_UTILIZED = auto()
    MEMORY_RESERVED = auto()
    QUEUE_SENT = auto()
    QUEUE_RECEIVED = auto()
    QUEUE_DELETED = auto()
    QUEUE_VISIBLE = auto()
    QUEUE_AGE_S = auto()
    VCPU_ON_DEMAND = auto()
    VCPU_SPOT = auto()


#: Counts of requests: while a minute is provisional, not all of them have been counted yet.
COUNTED = frozenset(range(Measure.REQUESTS, Measure.SLOW + 1))
#: Counts that a revision corrects: those of requests, and of messages.
REVISED = COUNTED | {Measure.QUEUE_SENT, Measure.QUEUE_RECEIVED, Measure.QUEUE_DELETED}
TARGET_CODES = frozenset(range(Measure.TARGET_2XX, Measure.TARGET_5XX + 1))

#: Reads a measure as float64 [rows, minutes].
Read: TypeAlias = Callable[[Measure], Array]


class Parts(Protocol):
    """A sample set in pieces, each float64 [rows, minutes]."""

    def total(self) -> Array:
        """Return the sum of the samples."""
        ...

    def count(self) -> Array:
        """Return how many samples there are."""
        ...

    def least(self) -> Array:
        """Return the smallest sample."""
        ...

    def most(self) -> Array:
        """Return the largest sample."""
        ...


@dataclass(frozen=True, slots=True)
class Events:
    """A sample of 1 for every event; a reported zero is one sample of 0."""

    read: Read
    measure: Measure

    def total(self) -> Array:
        """Return the number of events."""
        return self.read(self.measure)

    def count(self) -> Array:
        """Return the number of events, at least the one zero that was reported."""
        return np.maximum(self.total(), 1.0)

    def least(self) -> Array:
        """Return 1, or 0 where a zero was reported."""
        return np.minimum(self.total(), 1.0)

    def most(self) -> Array:
        """Return 1, or 0 where a zero was reported."""
        return self.least()


@dataclass(frozen=True, slots=True)
class Flow:
    """RequestCount: a 1 per request, and zeros of the load balancer's nodes; only its sum means much."""

    read: Read

    def total(self) -> Array:
        """Return the number of requests."""
        return self.read(Measure.REQUESTS)

    def count(self) -> Array:
        """Return the number of requests and zeros."""
        return self.total() + BALANCER_NODES

    def least(self) -> Array:
        """Return 0: some node always reports it."""
        return self.total() * 0.0

    def most(self) -> Array:
        """Return 1 where there was a request."""
        return np.minimum(self.total(), 1.0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all requests bring with them, `each` as much, told by the load balancer's nodes in equal parts."""

    read: Read
    each: float

    def total(self) -> Array:
        """Return the whole number that comes of the requests, also of those that found no target."""
        kinds = (self.read(measure) for measure in (Measure.REQUESTS, Measure.ELB_503))
        offered = sum(np.nan_to_num(counts) for counts in kinds)
        return np.where(offered > 0, np.ceil(offered * self.each), np.nan)

    def count(self) -> Array:
        """Return the number of nodes."""
        return self.total() * 0.0 + BALANCER_NODES

    def least(self) -> Array:
        """Return what one node tells."""
        return self.total() / BALANCER_NODES

    def most(self) -> Array:
        """Return what one node tells."""
        return self.least()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A level: its average, how far it went, and how many samples it is made of (one, or one per task)."""

    read: Read
    average: Measure
    minimum: Measure
    maximum: Measure
    samples: Measure | None = None

    def total(self) -> Array:
        """Return the sum of the samples."""
        return self.read(self.average) * self.count()

    def count(self) -> Array:
        """Return one, or the tasks that reported."""
        return self.read(self.samples) if self.samples is not None else self.read(self.average) * 0.0 + 1.0

    def least(self) -> Array:
        """Return the lowest level."""
        return self.read(self.minimum)

    def most(self) -> Array:
        """Return the highest level."""
        return self.read(self.maximum)


@dataclass(frozen=True, slots=True)
class Latency:
    """Response times: one sample per answer, spread lognormally around those that were counted as slow."""

    read: Read

    def total(self) -> Array:
        """Return the sum of the response times."""
        return self.count() * mean(self.read(Measure.MEDIAN_S), self.read(Measure.SIGMA))

    def count(self) -> Array:
        """Return the number of answers."""
        return self.read(Measure.ANSWERED)

    def least(self) -> Array:
        """Return the fastest answer, half a sample from the quick end."""
        return self.quantile(0.5 / np.maximum(self.count(), 1.0))

    def most(self) -> Array:
        """Return the slowest answer, half a sample from the slow end."""
        return self.quantile(1.0 - 0.5 / np.maximum(self.count(), 1.0))

    def within(self, bound: Array | float) -> Array:
        """Return the answers up to the bound: exact at the service's own threshold, else estimated."""
        median, sigma = self.read(Measure.MEDIAN_S), self.read(Measure.SIGMA)
        slow, count, limit = self.read(Measure.SLOW), self.read(Measure.ANSWERED), self.read(Measure.SLOW_S)
        beyond, expected = slower(bound, median, sigma), slower(limit, median, sigma)
        rest = slow * beyond / np.maximum(expected, _TINY)
        quick = (count - slow) * (1.0 - beyond) / np.maximum(1.0 - expected, _TINY)
        inside: Array = np.where(bound >= limit, count - rest, quick)
        return np.clip(inside, 0.0, count)

    def quantile(self, share: Array | float) -> Array:
        """Return the response time that this share of the answers does not exceed: `within` turned round."""
        median, sigma = self.read(Measure.MEDIAN_S), self.read(Measure.SIGMA)
        slow, count, limit = self.read(Measure.SLOW), self.read(Measure.ANSWERED), self.read(Measure.SLOW_S)
        expected = slower(limit, median, sigma)
        wanted, quick = share * count, count - slow
        among_quick = 1.0 - wanted * (1.0 - expected) / np.maximum(quick, 1.0)
        among_slow = (count - wanted) * expected / np.maximum(slow, 1.0)
        return exceeded(np.where(wanted <= quick, among_quick, among_slow), median, sigma)


@dataclass(frozen=True, slots=True)
class Milliseconds(Latency):
    """Response times as Service Connect tells them: in thousandths of what load balancers do."""

    def total(self) -> Array:
        """Return the sum of the response times."""
        return 1000.0 * Latency.total(self)

    def within(self, bound: Array | float) -> Array:
        """Return the answers up to the bound."""
        return Latency.within(self, bound / 1000.0)

    def quantile(self, share: Array | float) -> Array:
        """Return the response time that this share of the answers does not exceed."""
        return 1000.0 * Latency.quantile(self, share)
