"""What becomes of the requests that were offered: each gets one answer, and warms the tasks.

All is an array [minutes, placements]; a field of `Load` may be whatever numpy broadcasts to that shape.
The same seed and minute answer the same, however many minutes are served at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.latency import slower
from simulator.noise import binomial, draws

if TYPE_CHECKING:
    from simulator.noise import Draws

Figures: TypeAlias = NDArray[np.float64] | float
Counts: TypeAlias = NDArray[np.int64]

STREAM = 2
#: What fails at the best of times: a twentieth of what 99.99 % allows.
BACKGROUND_ERROR_RATIO = 5e-6
REDIRECT_RATIO = 0.01
CLIENT_ERROR_RATIO = 0.004
#: The client hung up before the answer (HTTP 460): a target was chosen, no target code is counted.
ABANDONED_RATIO = 2e-6
#: From this share of its capacity on a task queues; at all of it, it is this many times slower.
BUSY_RATIO = 0.85
SLOWDOWN_AT_CAPACITY = 5.0
#: An idle task's CPU, what a fully used one adds, and how far the busiest sample lies above the average.
IDLE_CPU_PERCENT = 3.0
BUSY_CPU_PERCENT = 95.0
PEAK_CPU_FACTOR = 1.15
IDLE_MEMORY_PERCENT = 34.0
BUSY_MEMORY_PERCENT = 18.0

(_DARK, _ABRUPT, _FAILED, _CLIENT, _REDIRECTED, _ABANDONED, _SLOW, _WARMTH) = range(8)
_KINDS = 8


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Load:
    """What meets the services in each minute.

    `offered`: requests, int64 [minutes, placements]. `healthy`: healthy tasks, averaged over the minute.
    `task_capacity`: requests per minute that one task answers. `dark_ratio`: the part of the minute without
    any healthy task (1 wherever `healthy` is 0). `error_ratio`: what the revisions fail, weighted by their
    tasks. `dependency_error_ratio`: what fails because of others. `abrupt_ratio`: requests cut off by a dying
    task. `messages` keep tasks as busy as requests would. `median_s`, `sigma`: response times at rest,
    stretched by `latency_factor`; longer than `slow_s` is slow for the service. `memory_ratio` of the tasks'
    memory was filled by a leak.
    """

    offered: Counts
    healthy: Figures
    task_capacity: Figures
    dark_ratio: Figures = 0.0
    error_ratio: Figures = 0.0
    dependency_error_ratio: Figures = 0.0
    abrupt_ratio: Figures = 0.0
    messages: Figures = 0.0
    latency_factor: Figures = 1.0
    memory_ratio: Figures = 0.0
    median_s: Figures = 0.06
    sigma: Figures = 0.4
    slow_s: Figures = 0.3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """What every request of a minute got, as the load balancer counts it.

    `requests` is RequestCount: a target was chosen. `elb_503` had no target and is not in it; `elb_502`,
    `elb_504` and `elb_4xx` (460, the client hung up) are. `unconnected` are those that met a full target: it
    refused (502) or did not answer (504). Hence offered = requests + elb_503
    = target_2xx + target_3xx + target_4xx + target_5xx + elb_4xx + elb_502 + elb_503 + elb_504.
    `slow` are the answers of targets that took longer than `slow_s`. Percentages are per task.
    """

    requests: Counts
    target_2xx: Counts
    target_3xx: Counts
    target_4xx: Counts
    target_5xx: Counts
    elb_4xx: Counts
    elb_502: Counts
    elb_503: Counts
    elb_504: Counts
    unconnected: Counts
    slow: Counts
    slow_s: NDArray[np.float64]
    median_s: NDArray[np.float64]
    sigma: NDArray[np.float64]
    cpu_average: NDArray[np.float64]
    cpu_maximum: NDArray[np.float64]
    memory_average: NDArray[np.float64]

    @property
    def elb_5xx(self) -> Counts:
        """All that the load balancer itself failed."""
        return self.elb_502 + self.elb_503 + self.elb_504

    @property
    def answered(self) -> Counts:
        """Requests that a target answered, by any code: the samples of TargetResponseTime."""
        return self.target_2xx + self.target_3xx + self.target_4xx + self.target_5xx

    @property
    def bad(self) -> Counts:
        """Requests that failed on our side."""
        return self.target_5xx + self.elb_5xx

    @property
    def total(self) -> Counts:
        """Requests that count for availability: all but those whose client hung up."""
        return self.answered + self.elb_5xx


def serve(load: Load, seed: int, start: int) -> Outcome:
    """Answer the requests of the minutes from `start` on (minutes since 1970)."""
    minutes, columns = load.offered.shape
    chance = draws(seed, STREAM, range(start, start + minutes), _KINDS, columns)
    dark = np.where(_wide(load, load.healthy) > 0, load.dark_ratio, 1.0)
    unserved = _some(load.offered, dark, chance, _DARK)
    chosen = load.offered - unserved
    room = _wide(load, load.healthy) * load.task_capacity
    excess = np.maximum(chosen - np.floor(room), 0).astype(np.int64) * (chosen > 0)
    cut_off = _some(chosen - excess, _wide(load, load.abrupt_ratio), chance, _ABRUPT)
    abandoned = _some(chosen - excess - cut_off, _wide(load, ABANDONED_RATIO), chance, _ABANDONED)
    answered = chosen - excess - cut_off - abandoned
    failed = _some(answered, _failing(load), chance, _FAILED)
    refused = _some(answered - failed, _wide(load, CLIENT_ERROR_RATIO), chance, _CLIENT)
    redirected = _some(answered - failed - refused, _wide(load, REDIRECT_RATIO), chance, _REDIRECTED)
    used = (chosen + _wide(load, load.messages)) / np.maximum(room, 1.0)
    median = _wide(load, load.median_s) * load.latency_factor * slowdown(used)
    sigma, slow_s = _wide(load, load.sigma), _wide(load, load.slow_s)
    cpu = cpu_percent(used) * (1.0 + 0.01 * chance.normal[_WARMTH])
    return Outcome(
        requests=chosen,
        target_2xx=answered - failed - refused - redirected,
        target_3xx=redirected,
        target_4xx=refused,
        target_5xx=failed,
        elb_4xx=abandoned,
        elb_502=cut_off + excess // 2,
        elb_503=unserved,
        elb_504=excess - excess // 2,
        unconnected=excess,
        slow=_some(answered, slower(slow_s, median, sigma), chance, _SLOW),
        slow_s=slow_s,
        median_s=median,
        sigma=sigma,
        cpu_average=np.clip(cpu, 0.0, 100.0),
        cpu_maximum=np.clip(cpu * PEAK_CPU_FACTOR, 0.0, 100.0),
        memory_average=_memory(used, _wide(load, load.memory_ratio)),
    )


def slowdown(used: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many times slower a task answers when this share of its capacity is asked for."""
    queueing = np.clip((used - BUSY_RATIO) / (1.0 - BUSY_RATIO), 0.0, 2.0)
    factor: NDArray[np.float64] = 1.0 + (SLOWDOWN_AT_CAPACITY - 1.0) * queueing
    return factor


def cpu_percent(used: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average CPU of a task when this share of its capacity is asked for."""
    percent: NDArray[np.float64] = IDLE_CPU_PERCENT + BUSY_CPU_PERCENT * np.minimum(used, 1.0)
    return percent


def _memory(used: NDArray[np.float64], leaked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average memory of a task in percent; a leak takes what is left."""
    usual = IDLE_MEMORY_PERCENT + BUSY_MEMORY_PERCENT * np.minimum(used, 1.0)
    percent: NDArray[np.float64] = usual + (100.0 - usual) * leaked
    return percent


def _failing(load: Load) -> NDArray[np.float64]:
    """Return the probability that an answer is a server error: independent causes, any of them enough."""
    kept = (1.0 - _wide(load, load.error_ratio)) * (1.0 - _wide(load, load.dependency_error_ratio))
    return 1.0 - kept * (1.0 - BACKGROUND_ERROR_RATIO)


def _some(trials: Counts, ratio: NDArray[np.float64], chance: Draws, kind: int) -> Counts:
    return binomial(trials, ratio, chance.normal[kind], chance.uniform[kind])


def _wide(load: Load, figures: Figures) -> NDArray[np.float64]:
    return np.broadcast_to(np.asarray(figures, dtype=np.float64), load.offered.shape)
