"""The minutes that CloudWatch keeps: columns per placement, and when each minute could first be read.

A ring of `retention` minutes. NaN is absent: many series tell nothing rather than zero. A minute arrives some
time after its end, later while metrics are delayed, never if they were lost; a load balancer's newest minute
is told before all of it has been counted, and once more when it has.  A revision is told wrongly at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.cloudwatch.catalogue import ALB, ECS, INSIGHTS, SQS, USAGE
from simulator.cloudwatch.measures import COUNTED, REVISED, Array, Measure
from simulator.estate import ZONES
from simulator.spread import InZone, even

if TYPE_CHECKING:
    from simulator.estate import Place
    from simulator.queues import Backlog
    from simulator.serving import Outcome

MINUTE_S = 60
TASK_CPU_UNITS = 1024.0
UNITS_PER_VCPU = 1024.0
TASK_MEMORY_MB = 2048.0
#: What is counted of a load balancer's minute when it is first told.
PROVISIONAL_SHARE = 0.8
#: Seconds from a minute's end until it is told.  No AWS figures: what readers of CloudWatch report.
LAGS_S = {ALB: 60.0, ECS: 60.0, INSIGHTS: 120.0, SQS: 60.0, USAGE: 60.0}
SETTLING_S = 60.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tasks:
    """The tasks of each placement in a minute, as float64 [minutes, placements] or what broadcasts to it.

    `healthy` (averaged, with its extremes) and `unhealthy` are targets of the load balancer; `running`,
    `pending`, `desired` and `deployments` are ECS's counts at the end of the minute; `on_demand` and `spot`
    of the running are Fargate's. `spread` says where the targets are: whole numbers
    [minutes, InZone, zones, placements], or what broadcasts to it.
    """

    healthy: Array
    healthy_minimum: Array
    healthy_maximum: Array
    unhealthy: Array
    running: Array
    pending: Array
    desired: Array
    deployments: Array
    spread: NDArray[np.int64]
    on_demand: Array | float = 0.0
    spot: Array | float = 0.0

    @classmethod
    def steady(cls, count: Array) -> Tasks:
        """Return tasks that all run and are healthy, as many as desired, in one deployment."""
        none = np.zeros_like(count)
        return cls(
            healthy=count,
            healthy_minimum=count,
            healthy_maximum=count,
            unhealthy=none,
            running=count,
            pending=none,
            desired=count,
            deployments=none + 1.0,
            spread=even(count, MINUTE_S),
        )


#: Slots of the ring, their rows, and what is kept of all minutes.
Before: TypeAlias = tuple[
    NDArray[np.int64],
    tuple[NDArray[Any], ...],
    tuple[NDArray[np.int64], NDArray[np.int64], dict[int, tuple[Array, Array]], int],
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Arrival:
    """How minutes reach CloudWatch, each placement for itself.

    `delay_s` comes on top of the usual lag; what is `lost` can never be read; `first_share` of the counts is
    told at first, the right ones `corrected_s` later.
    """

    delay_s: Array | float = 0.0
    lost: NDArray[np.bool_] | bool = False
    first_share: Array | float = 1.0
    corrected_s: Array | float = 0.0


PUNCTUAL = Arrival()


@dataclass(frozen=True, slots=True)
class Telling:
    """How this CloudWatch tells what it measured.

    `lags_s`: seconds from a minute's end, by namespace. `reports_zeros`: a code that nobody got is told as 0
    while targets are registered (AWS's newer text), or not at all (its older text). `clock_aligned`: periods
    longer than a minute follow the clock, or the StartTime that was asked for; AWS documents neither.
    `zones_of_balancers`: the zone of a count is that of the load balancer's node, or of the target.
    """

    lags_s: Mapping[str, float] = field(default_factory=dict)
    reports_zeros: bool = False
    clock_aligned: bool = False
    zones_of_balancers: bool = False

    def lag_s(self, namespace: str) -> float:
        """Return the usual delay of a namespace; custom metrics can be read at once."""
        return self.lags_s.get(namespace, LAGS_S.get(namespace, 0.0))


class Store:
    """The ring of minutes."""

    def __init__(self, places: Sequence[Place], retention: int, telling: Telling) -> None:
        columns, self._meshed = len(places), np.array([place.meshed for place in places])
        self._queued = np.array([place.spec.queue is not None for place in places])
        self.retention = retention
        self.telling = telling
        self.newest = -1
        # Minute by minute, so that only what was lived through takes memory; `_minutes` says what is there.
        self._values = np.empty((retention, len(Measure), columns))
        self._late = np.empty((retention, columns))
        self._spread = np.empty((retention, len(InZone), len(ZONES), columns), dtype=np.uint16)
        self._minutes = np.full(retention, -1, dtype=np.int64)
        self._revised: dict[int, tuple[Array, Array]] = {}
        self._first = np.full((len(Measure), columns), -1, dtype=np.int64)
        self._last = np.full((len(Measure), columns), -1, dtype=np.int64)

    @property
    def oldest(self) -> int:
        """The first minute that is still kept."""
        return self.newest - self.retention + 1

    def record(
        self,
        start: int,
        outcome: Outcome,
        tasks: Tasks,
        arrival: Arrival,
        backlog: Backlog | None,
    ) -> None:
        """Keep the minutes from `start` on; of more than the ring holds, the newest."""
        values = measured(outcome, tasks, self._meshed, reports_zeros=self.telling.reports_zeros)
        for measure, messages in ({} if backlog is None else _queue(backlog)).items():
            values[measure] = np.where(self._queued, messages, np.nan)
        count = values.shape[1]
        minutes = np.arange(start, start + count)[-self.retention :]
        slots = minutes % self.retention
        kept = slice(count - len(minutes), count)
        self._values[slots] = values[:, kept].transpose(1, 0, 2)
        self._minutes[slots] = minutes
        shape = outcome.requests.shape
        delay_s = np.where(arrival.lost, np.inf, np.broadcast_to(arrival.delay_s, shape))
        late = delay_s[kept] + (minutes[:, None] + 1) * MINUTE_S
        self._late[slots] = late
        spread = np.minimum(tasks.spread, np.iinfo(np.uint16).max)
        self._spread[slots] = np.broadcast_to(spread, (count, *self._spread.shape[1:]))[kept]
        self.newest = max(self.newest, start + count - 1)
        self._revise(minutes, late, arrival)
        self._note(values, start, np.broadcast_to(arrival.lost, shape))

    @property
    def _rings(self) -> tuple[NDArray[Any], ...]:
        return self._values, self._late, self._spread, self._minutes

    @property
    def revising(self) -> bool:
        """Whether anything is told that will be corrected."""
        return bool(self._revised)

    def before(self, start: int, count: int) -> Before:
        """Remember what so many minutes from `start` on will take the place of."""
        slots = np.arange(start, start + count)[-self.retention :] % self.retention
        rows = tuple(array[slots] for array in self._rings)
        return slots, rows, (self._first, self._last, dict(self._revised), self.newest)

    def restore(self, before: Before) -> None:
        """Have all as it was before those minutes."""
        slots, rows, (self._first, self._last, self._revised, self.newest) = before
        for ring, row in zip(self._rings, rows, strict=True):
            ring[slots] = row

    def window(
        self, namespace: str, measure: Measure, columns: NDArray[np.int64], minutes: range, now: float
    ) -> Array:
        """Return [columns, minutes] of what can be read at `now`; NaN where nothing is known or was told."""
        slots = np.arange(minutes.start, minutes.stop) % self.retention
        told, lag_s = self.told(namespace, columns, minutes, now), self.telling.lag_s(namespace)
        values: Array = np.where(told, self._values[slots, measure, columns[:, None]], np.nan)
        if measure in COUNTED:
            late = self._late[slots, columns[:, None]]
            early = told & (late + lag_s + SETTLING_S > now)
            if early.any():
                values[early] = np.ceil(values[early] * PROVISIONAL_SHARE)
        if measure in REVISED and self._revised:
            self._misstate(values, columns, minutes, now - lag_s)
        return values

    def told(
        self, namespace: str, columns: NDArray[np.int64], minutes: range, now: float
    ) -> NDArray[np.bool_]:
        """Return [columns, minutes]: whether a minute can be read at `now`, whatever it says."""
        wanted = np.arange(minutes.start, minutes.stop)
        slots = wanted % self.retention
        arrived = self._late[slots, columns[:, None]] + self.telling.lag_s(namespace) <= now
        kept: NDArray[np.bool_] = arrived & (self._minutes[slots] == wanted)
        return kept

    def _revise(self, minutes: NDArray[np.int64], late: Array, arrival: Arrival) -> None:
        """Remember how, and until when, each minute is told wrongly; forget what the ring forgets."""
        share = np.array(np.broadcast_to(arrival.first_share, late.shape[1]))
        if (share != 1.0).any():
            corrected = late + arrival.corrected_s
            self._revised |= {m: (share, at) for m, at in zip(minutes.tolist(), corrected, strict=True)}
        for minute in [minute for minute in self._revised if minute < self.oldest]:
            del self._revised[minute]

    def _misstate(self, values: Array, columns: NDArray[np.int64], minutes: range, upto: float) -> None:
        """Tell wrongly what is still to be corrected, as far as corrections have come."""
        for place, minute in enumerate(minutes):
            if minute in self._revised:
                share, corrected = self._revised[minute]
                told = np.where(corrected[columns] > upto, share[columns], 1.0)
                values[:, place] = np.ceil(values[:, place] * told)

    def spread(self, columns: NDArray[np.int64], minutes: range) -> Array:
        """Return where targets were, [InZone, zones, columns, minutes]: up to 1,092 in a zone can be told."""
        slots = np.arange(minutes.start, minutes.stop) % self.retention
        found: Array = self._spread[slots[None, :], :, :, columns[:, None]].astype(np.float64)
        return found.transpose(2, 3, 0, 1)

    def seen(self, measure: Measure, column: int) -> tuple[int, int]:
        """Return the first and the last minute that told of a measure, -1 if none did."""
        return int(self._first[measure, column]), int(self._last[measure, column])

    def _note(self, values: Array, start: int, lost: NDArray[np.bool_]) -> None:
        """Remember when each series was first and last seen."""
        seen = ~np.isnan(values) & ~lost
        any_, newest = seen.any(axis=1), seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        self._first = np.where(any_ & (self._first < 0), start + seen.argmax(axis=1), self._first)
        self._last = np.where(any_, start + newest, self._last)


def measured(outcome: Outcome, tasks: Tasks, meshed: NDArray[np.bool_], *, reports_zeros: bool) -> Array:
    """Return float64 [measures, minutes, placements], NaN where CloudWatch would tell nothing.

    Where there is no load balancer, the proxies of Service Connect's clients answer what no task could.
    """
    shape = outcome.requests.shape
    values = np.full((len(Measure), *shape), np.nan)
    registered = (np.asarray(tasks.healthy_maximum) + tasks.unhealthy) > 0
    sparse = registered if reports_zeros else False
    for measure, counts in _codes(outcome, meshed).items():
        values[measure] = np.where((counts > 0) | sparse, counts, np.nan)
    for measure, counts in _balancer_errors(outcome).items():
        values[measure] = np.where((counts > 0) & ~meshed, counts, np.nan)
    values[Measure.REQUESTS] = np.where(registered | (outcome.requests > 0), outcome.requests, np.nan)
    answered = outcome.answered > 0
    for measure, figures in _latencies(outcome).items():
        values[measure] = np.where(answered, figures, np.nan)
    for measure, figures in _targets(tasks).items():
        values[measure] = np.where(registered, figures, np.nan)
    running = np.broadcast_to(tasks.running, shape) > 0
    for measure, figures in _warmth(outcome, tasks).items():
        values[measure] = np.where(running, figures, np.nan)
    for measure, level in _service(tasks).items():
        values[measure] = level
    return values


def _codes(outcome: Outcome, meshed: NDArray[np.bool_]) -> dict[Measure, NDArray[np.int64]]:
    return {
        Measure.TARGET_2XX: outcome.target_2xx,
        Measure.TARGET_3XX: outcome.target_3xx,
        Measure.TARGET_4XX: outcome.target_4xx,
        Measure.TARGET_5XX: np.where(meshed, outcome.bad, outcome.target_5xx),
    }


def _balancer_errors(outcome: Outcome) -> dict[Measure, NDArray[np.int64]]:
    return {
        Measure.ELB_4XX: outcome.elb_4xx,
        Measure.ELB_5XX: outcome.elb_5xx,
        Measure.ELB_502: outcome.elb_502,
        Measure.ELB_503: outcome.elb_503,
        Measure.ELB_504: outcome.elb_504,
        Measure.UNCONNECTED: outcome.unconnected,
    }


def _latencies(outcome: Outcome) -> dict[Measure, NDArray[np.int64] | Array]:
    return {
        Measure.ANSWERED: outcome.answered,
        Measure.SLOW: outcome.slow,
        Measure.SLOW_S: outcome.slow_s,
        Measure.MEDIAN_S: outcome.median_s,
        Measure.SIGMA: outcome.sigma,
    }


def _targets(tasks: Tasks) -> dict[Measure, Array]:
    return {
        Measure.HEALTHY: tasks.healthy,
        Measure.HEALTHY_MINIMUM: tasks.healthy_minimum,
        Measure.HEALTHY_MAXIMUM: tasks.healthy_maximum,
        Measure.UNHEALTHY: tasks.unhealthy,
    }


def _warmth(outcome: Outcome, tasks: Tasks) -> dict[Measure, Array]:
    """Return what only running tasks tell, per task."""
    full = np.ones_like(outcome.cpu_average)
    return {
        Measure.CPU: outcome.cpu_average,
        Measure.CPU_MINIMUM: np.maximum(2.0 * outcome.cpu_average - outcome.cpu_maximum, 0.0),
        Measure.CPU_MAXIMUM: outcome.cpu_maximum,
        Measure.MEMORY: outcome.memory_average,
        Measure.TASKS: tasks.running,
        Measure.CPU_UTILIZED: outcome.cpu_average * TASK_CPU_UNITS / 100.0,
        Measure.CPU_RESERVED: full * TASK_CPU_UNITS,
        Measure.MEMORY_UTILIZED: outcome.memory_average * TASK_MEMORY_MB / 100.0,
        Measure.MEMORY_RESERVED: full * TASK_MEMORY_MB,
    }


def _queue(backlog: Backlog) -> dict[Measure, NDArray[np.int64]]:
    """Return what SQS tells of a queue, also when it is empty."""
    return {
        Measure.QUEUE_SENT: backlog.sent,
        Measure.QUEUE_RECEIVED: backlog.received,
        Measure.QUEUE_DELETED: backlog.deleted,
        Measure.QUEUE_VISIBLE: backlog.visible,
        Measure.QUEUE_AGE_S: backlog.age_s,
    }


def _service(tasks: Tasks) -> dict[Measure, Array | float]:
    """Return what ECS tells of a service even when none of its tasks runs."""
    return {
        Measure.RUNNING: tasks.running,
        Measure.PENDING: tasks.pending,
        Measure.DESIRED: tasks.desired,
        Measure.DEPLOYMENTS: tasks.deployments,
        Measure.VCPU_ON_DEMAND: tasks.on_demand * TASK_CPU_UNITS / UNITS_PER_VCPU,
        Measure.VCPU_SPOT: tasks.spot * TASK_CPU_UNITS / UNITS_PER_VCPU,
    }
