"""What was read becomes minute cells: bad and total as integers, or a state that says why there are none.

    bad   = Target_5XX + ELB_5XX
    total = Target_2XX + Target_3XX + Target_4XX + Target_5XX + ELB_5XX

RequestCount holds only requests for which a target was chosen, so it tells whether there was traffic and
checks the sums, but is no total: a service without targets fails every request and counts none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.blame import share_failures
from collector.catalog import (
    ELB_5XX,
    FAST_RESPONSES,
    HEALTHY_HOSTS,
    REQUESTS,
    RESPONSES,
    TARGET_5XX,
    TARGET_CODES,
)
from slo.cells import MINUTE_S, Block, Indicator, Placement, State

if TYPE_CHECKING:
    from datetime import datetime

    from collector.catalog import Metric
    from collector.watermarks import Window

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: How far the sum of the response codes may stray from RequestCount over a window before it is doubted.
#: Requests that the client gave up (460) or that were upgraded (101) are in no code that we count; slow ones
#: may be counted a minute apart.
MISMATCH_RATIO_MAX = 0.02

_SCALE = Indicator.LATENCY.scale


class DoubtName(StrEnum):
    """How readings contradict one another."""

    COUNTED_TOO_FEW = "counted_too_few"
    COUNTED_TOO_MANY = "counted_too_many"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Over the minutes `[start, end)` the codes of a placement do not add up to its requests."""

    name: DoubtName
    placement: Placement
    start: int
    end: int
    requests: int
    counted: int


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """One metric by minute and placement: counts (zero where absent), whether told, whether not answered."""

    counts: NDArray[np.float64]
    told: Flags
    gap: Flags


def cells(window: Window, now: datetime, settle_s: int) -> tuple[Block, tuple[Doubt, ...]]:
    """Judge a window of SLI readings; `now` and `settle_s` tell which minutes are still arriving.

    A minute is judged when it ended `settle_s` ago: until then what is missing may be on its way.  One that
    already shows failures is told at once, since failures only grow; it is rewritten as the rest arrives.
    """
    settled = _settled(window, now, settle_s)
    requests = _sums(window, REQUESTS)
    hosts = _sums(window, HEALTHY_HOSTS)
    codes = [_sums(window, metric) for metric in TARGET_CODES]
    elb = _failures_of_balancers(window, requests, hosts)
    target_bad = _integers(_sums(window, TARGET_5XX).counts)
    bad = target_bad + _integers(elb.counts)
    total = sum((_integers(code.counts) for code in codes), _integers(elb.counts))
    gap = requests.gap | elb.gap | np.logical_or.reduce([code.gap for code in codes])

    state = _states(total, requests, hosts, gap)
    state[~settled & (bad == 0)] = State.UNKNOWN
    slow, responses, slow_state = _latency(window, elb, requests, state)
    block = Block(
        slis=window.asked.slis,
        start=window.start,
        bad=np.hstack([_only_observed(bad, state), _only_observed(slow, slow_state)]),
        total=np.hstack([_only_observed(total, state), _only_observed(responses, slow_state)]),
        state=np.hstack([state, slow_state]),
    )
    return block, _doubts(window, requests, total, elb, settled & (state == State.OBSERVED))


def _settled(window: Window, now: datetime, settle_s: int) -> Flags:
    """Return, as a column, which minutes ended at least `settle_s` ago."""
    ends = (np.arange(window.start, window.end) + 1) * MINUTE_S
    return np.asarray(ends + settle_s <= now.timestamp())[:, np.newaxis]


def _sums(window: Window, metric: Metric) -> _Sums:
    """Sum a metric over the target groups of each placement; shapes are [minutes, placements]."""
    where = window.asked.rows[metric]
    shape = (len(window.asked.placements), window.values.shape[1])
    values = window.values[where.rows]
    told = ~np.isnan(values)
    if where.one_each:
        unanswered = np.broadcast_to(window.gap[where.rows], shape[::-1])
        return _Sums(np.where(told, values, 0.0).T, told.T, unanswered)
    counts, speaks = np.zeros(shape), np.zeros(shape, dtype=bool)
    np.add.at(counts, where.owners, np.where(told, values, 0.0))
    np.logical_or.at(speaks, where.owners, told)
    gap = np.zeros(shape[0], dtype=bool)
    np.logical_or.at(gap, where.owners, window.gap[where.rows])
    return _Sums(counts.T, speaks.T, np.broadcast_to(gap, counts.T.shape))


def _failures_of_balancers(window: Window, requests: _Sums, hosts: _Sums) -> _Sums:
    """Return ELB_5XX by placement; what a shared load balancer failed is divided, and counted once."""
    sums = _sums(window, ELB_5XX)
    where = window.asked.rows[ELB_5XX]
    if where.one_each:
        return sums
    rows, users = np.unique(where.rows, return_counts=True)
    counts = sums.counts.copy()
    for row in rows[users > 1]:
        owners = where.owners[where.rows == row]
        failures = _integers(np.nan_to_num(window.values[row]))
        counts[:, owners] -= failures[:, np.newaxis]
        counts[:, owners] += share_failures(failures, requests.counts[:, owners], hosts.counts[:, owners] > 0)
    return _Sums(counts, sums.told, sums.gap)


def _states(total: Counts, requests: _Sums, hosts: _Sums, gap: Flags) -> NDArray[np.uint8]:
    """Return the state of each minute: the table is in the tests.

    Requests without any code are unknown, not quiet; no requests is quiet only while hosts report.
    """
    quiet = np.where(requests.told, requests.counts == 0, hosts.told & ~hosts.gap)
    state = np.where(total > 0, State.OBSERVED, np.where(quiet, State.NO_TRAFFIC, State.UNKNOWN))
    return np.where(gap, State.UNKNOWN, state).astype(np.uint8)


def _latency(
    window: Window, elb: _Sums, requests: _Sums, availability: NDArray[np.uint8]
) -> tuple[Counts, Counts, NDArray[np.uint8]]:
    """Return slow, all and state of the latency cells, in thousandths of a request.

    A request that the load balancer failed has no response time and counts as slow.  Responses without an
    estimate of the fast ones are unknown: they are neither all slow nor all fast.
    """
    responses, fast = _sums(window, RESPONSES), _sums(window, FAST_RESPONSES)
    failures = _integers(elb.counts) * _SCALE
    answered = _integers(responses.counts) * _SCALE
    quick = np.minimum(np.floor(fast.counts * _SCALE).astype(np.int64), answered)
    unseen = (answered > 0) & ~fast.told
    missing = (requests.counts > 0) & ~responses.told & (failures == 0)
    state = np.where(unseen | missing | responses.gap | fast.gap, State.UNKNOWN, availability).astype(
        np.uint8
    )
    total = failures + answered
    state[(state == State.OBSERVED) & (total == 0)] = State.UNKNOWN
    return total - quick, total, state


def _integers(counts: NDArray[np.float64]) -> Counts:
    return np.rint(counts).astype(np.int64)


def _only_observed(counts: Counts, state: NDArray[np.uint8]) -> Counts:
    return np.where(state == State.OBSERVED, counts, 0)


def _doubts(window: Window, requests: _Sums, total: Counts, elb: _Sums, counted: Flags) -> tuple[Doubt, ...]:
    """Compare codes with requests where counted: `RequestCount <= total <= RequestCount + ELB_5XX`."""
    asked = _integers(np.where(counted, requests.counts, 0).sum(axis=0))
    told = np.where(counted, total, 0).sum(axis=0)
    failures = _integers(np.where(counted, elb.counts, 0).sum(axis=0))
    slack = np.ceil(asked * MISMATCH_RATIO_MAX)
    found = [
        (name, column)
        for name, wrong in (
            (DoubtName.COUNTED_TOO_FEW, told < asked - slack),
            (DoubtName.COUNTED_TOO_MANY, told > asked + failures + slack),
        )
        for column in np.flatnonzero(wrong)
    ]
    return tuple(
        Doubt(name, window.asked.placements[i], window.start, window.end, int(asked[i]), int(told[i]))
        for name, i in found
    )
