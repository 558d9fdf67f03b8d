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
from collector.bundle import Front
from collector.catalog import (
    ELB_5XX,
    FAST_RESPONSES,
    FAST_SHARE,
    HEALTHY_HOSTS,
    MESH_5XX,
    MESH_ALIVE,
    MESH_CODES,
    MESH_FAST,
    MESH_REQUESTS,
    MESH_RESPONSES,
    OLDEST_MESSAGE,
    PERCENTILES,
    REQUESTS,
    RESPONSES,
    TARGET_5XX,
    TARGET_CODES,
)
from collector.layout import Rows
from collector.metric import Metric
from slo.cells import Block, Indicator, Placement, Sli, State, moment_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

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
    FAST_TOO_MANY = "fast_too_many"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Over the minutes `[start, end)` what was counted of a placement does not add up to its requests.

    `counted` are its codes, or its fast responses, of which there are more than responses.
    """

    name: DoubtName
    placement: Placement
    start: int
    end: int
    requests: int
    counted: int

    @property
    def sentence(self) -> str:
        """Say what contradicts what."""
        counted = "fast ones" if self.name is DoubtName.FAST_TOO_MANY else "response codes"
        return (
            f"{self.placement.service} in {self.placement.region}: its numbers do not add up, "
            f"{self.counted:,} {counted} of {self.requests:,} requests from {moment_of(self.start):%H:%M} "
            f"to {moment_of(self.end):%H:%M} UTC"
        )


@dataclass(frozen=True, slots=True)
class Counters:
    """The series that count requests before a service; `alive` speaks where there are none.

    `refused` are requests that failed before a target was chosen, where somebody counts them.
    """

    requests: Metric
    codes: tuple[Metric, ...]
    failed: Metric
    alive: Metric
    responses: Metric
    fast: Metric
    refused: Metric | None = None


COUNTERS: Mapping[Front, Counters] = {
    Front.LOAD_BALANCER: Counters(
        REQUESTS, TARGET_CODES, TARGET_5XX, HEALTHY_HOSTS, RESPONSES, FAST_RESPONSES, ELB_5XX
    ),
    Front.SERVICE_CONNECT: Counters(
        MESH_REQUESTS, MESH_CODES, MESH_5XX, MESH_ALIVE, MESH_RESPONSES, MESH_FAST
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """One metric by minute and placement: counts (zero where absent), whether told, whether not answered."""

    counts: NDArray[np.float64]
    told: Flags
    gap: Flags


#: What is counted of every service; the others only where somebody asks for them.
ALWAYS = frozenset({Indicator.AVAILABILITY, Indicator.LATENCY, Indicator.FRESHNESS})


def cells(
    window: Window, now: datetime, settle_s: int, wanted: Collection[Indicator] = ALWAYS
) -> tuple[Block, tuple[Doubt, ...]]:
    """Judge a window of readings that count; `now` and `settle_s` tell which minutes are still arriving.

    A minute is judged when it ended `settle_s` ago: until then what is missing may be on its way.  One that
    already shows failures is told at once, since failures only grow; it is rewritten as the rest arrives.
    """
    settled = window.settled(now, settle_s)[:, np.newaxis]
    if window.asked.front is Front.QUEUE:
        return _block(window, {Indicator.FRESHNESS: _freshness(window, settled)}), ()
    counts = _count(window, COUNTERS[window.asked.front], settled)
    responses = _sums(window, counts.of.responses)
    fast = _fast(window, counts.of, responses)
    columns = {
        Indicator.AVAILABILITY: counts.everything(),
        Indicator.LATENCY: _latency(counts, responses, fast),
        Indicator.TARGET_AVAILABILITY: counts.by_targets(),
    }
    block = _block(window, {name: column for name, column in columns.items() if name in wanted})
    return block, (*_doubts(window, counts, settled), *_too_fast(window, responses, fast, settled))


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One indicator by minute and placement."""

    bad: Counts
    total: Counts
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Count:
    """Requests by minute and placement: those that targets failed, those refused before, and all of them.

    `refused` are a placement's share of `refused_around`, which also holds those of who shares with it.
    """

    of: Counters
    requests: _Sums
    refused: _Sums
    refused_around: _Sums
    failed: Counts
    total: Counts
    state: NDArray[np.uint8]

    def unanswered(self, responses: Counts) -> Counts:
        """Return the requests that failed without an answer of the service.

        Where there is no load balancer its clients' proxies answer them: failures without a response time.
        """
        if self.of.refused is not None:
            return _integers(self.refused.counts)
        return np.asarray(np.minimum(self.failed, np.maximum(self.total - responses, 0)))

    def everything(self) -> _Column:
        """Return what users saw."""
        return _Column(self.failed + _integers(self.refused.counts), self.total, self.state)

    def by_targets(self) -> _Column:
        """Return what the service itself answered; where it was not asked there was no traffic for it."""
        total = self.total - _integers(self.refused.counts)
        unasked = (self.state == State.OBSERVED) & (total == 0)
        return _Column(self.failed, total, np.where(unasked, State.NO_TRAFFIC, self.state).astype(np.uint8))


def _count(window: Window, of: Counters, settled: Flags) -> _Count:
    requests, alive = _sums(window, of.requests), _sums(window, of.alive)
    codes = [_sums(window, metric) for metric in of.codes]
    around = _refused_around(window, of)
    refused = _refused(window, of, around)
    before = _integers(refused.counts)
    failed = _integers(_sums(window, of.failed).counts)
    total = sum((_integers(code.counts) for code in codes), before)
    gap = requests.gap | refused.gap | np.logical_or.reduce([code.gap for code in codes])
    state = _states(total, requests, alive, gap)
    state[~settled & (failed + before == 0)] = State.UNKNOWN
    # Until all codes have arrived, those of failures must not stand for all: requests say how many there are.
    total = np.where(settled, total, np.maximum(total, _integers(requests.counts) + before))
    return _Count(of, requests, refused, around, failed, total, state)


def _block(window: Window, columns: Mapping[Indicator, _Column]) -> Block:
    told = [(column, column.state == State.OBSERVED) for column in columns.values()]
    return Block(
        slis=tuple(Sli(placement, name) for name in columns for placement in _placements(window)),
        start=window.start,
        bad=np.hstack([np.where(observed, column.bad, 0) for column, observed in told]),
        total=np.hstack([np.where(observed, column.total, 0) for column, observed in told]),
        state=np.hstack([column.state for column in columns.values()]),
    )


def _placements(window: Window) -> tuple[Placement, ...]:
    return tuple(owner for owner in window.asked.owners if isinstance(owner, Placement))


def _freshness(window: Window, settled: Flags) -> _Column:
    """Count each minute once: bad where the oldest message waited longer than its service allows.

    An idle queue tells nothing after six hours: its minutes are unknown then.
    """
    age = _sums(window, OLDEST_MESSAGE)
    limit = np.array([line.fresh_s for line in window.asked.lines])
    state = np.where(age.told & ~age.gap & settled, State.OBSERVED, State.UNKNOWN).astype(np.uint8)
    return _Column((age.counts > limit).astype(np.int64), np.ones(age.counts.shape, np.int64), state)


def _sums(window: Window, metric: Metric) -> _Sums:
    """Sum a metric over the target groups of each placement; shapes are [minutes, placements].

    What was not asked for told nothing, and is no gap.
    """
    return _summed(window, window.asked.rows.get(metric))


def _summed(window: Window, where: Rows | None) -> _Sums:
    shape = (len(window.asked.owners), window.width)
    if where is None:
        nothing = np.zeros(shape[::-1], dtype=bool)
        return _Sums(np.zeros(shape[::-1]), nothing, nothing)
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


def _refused_around(window: Window, of: Counters) -> _Sums:
    """Return the failures before a target was chosen; each who shares a load balancer has all of it."""
    return _summed(window, None if of.refused is None else window.asked.rows.get(of.refused))


def _refused(window: Window, of: Counters, around: _Sums) -> _Sums:
    """Return the same, with what a shared load balancer failed divided, once."""
    where = None if of.refused is None else window.asked.rows[of.refused]
    if where is None or where.one_each:
        return around
    rows, users = np.unique(where.rows, return_counts=True)
    counts, queries = around.counts.copy(), window.asked.queries
    for row in rows[users > 1]:
        (balancer,) = (value for _, value in queries[row].dimensions)
        owners = where.owners[where.rows == row]
        failures = _integers(np.nan_to_num(window.values[row]))
        counts[:, owners] += _shares(window, of, balancer, owners, failures) - failures[:, np.newaxis]
    return _Sums(counts, around.told, around.gap)


def _shares(
    window: Window, of: Counters, balancer: str, owners: NDArray[np.intp], failures: Counts
) -> Counts:
    """Divide what a load balancer failed by what came through it, over those who stood behind it."""
    requests, hosts = (_through(window, metric, balancer) for metric in (of.requests, of.alive))
    lines, minutes = window.asked.lines, np.arange(window.start, window.end)[:, np.newaxis]
    serving = (hosts.counts > 0) | (requests.counts > 0)
    since, gone = np.array([line.since for line in lines]), np.array([line.until for line in lines])
    there = ((minutes >= since) & (minutes < gone)) | requests.told | hosts.told
    until = np.array([lines[owner].stands_until(balancer) for owner in owners])
    return share_failures(
        failures, requests.counts[:, owners], serving[:, owners], there[:, owners] & (minutes < until)
    )


def _through(window: Window, metric: Metric, balancer: str) -> _Sums:
    """Sum what a metric tells of one load balancer."""
    where, queries = window.asked.rows.get(metric), window.asked.queries
    if where is None:
        return _summed(window, None)
    here = np.array([("LoadBalancer", balancer) in queries[row].dimensions for row in where.rows])
    return _summed(window, Rows(where.rows[here], where.owners[here], one_each=False))


def _states(total: Counts, requests: _Sums, alive: _Sums, gap: Flags) -> NDArray[np.uint8]:
    """Return the state of each minute: the table is in the tests.

    Requests without any code are unknown, not quiet; no requests is quiet only while something else reports.
    """
    quiet = np.where(requests.told, requests.counts == 0, alive.told & ~alive.gap)
    state = np.where(total > 0, State.OBSERVED, np.where(quiet, State.NO_TRAFFIC, State.UNKNOWN))
    return np.where(gap, State.UNKNOWN, state).astype(np.uint8)


def _latency(counts: _Count, responses: _Sums, fast: _Sums) -> _Column:
    """Return slow of all responses, in thousandths of a request.

    A request that never reached the service has no response time and counts as slow.  Responses without an
    estimate of the fast ones are unknown: they are neither all slow nor all fast.
    """
    failures = counts.unanswered(_integers(responses.counts)) * _SCALE
    answered = _integers(responses.counts) * _SCALE
    quick = np.minimum(np.floor(fast.counts * _SCALE).astype(np.int64), answered)
    unseen = (answered > 0) & ~fast.told
    missing = (counts.requests.counts > 0) & ~responses.told & (failures == 0)
    unknown = unseen | missing | responses.gap | fast.gap
    state = np.where(unknown, State.UNKNOWN, counts.state).astype(np.uint8)
    total = failures + answered
    state[(state == State.OBSERVED) & (total == 0)] = State.UNKNOWN
    return _Column(total - quick, total, state)


def _fast(window: Window, of: Counters, responses: _Sums) -> _Sums:
    """Return the fast responses, counted in the way in which they were read [collector.catalog.LatencyBy]."""
    rows = window.asked.rows
    if of.fast in rows or of.fast is not FAST_RESPONSES:
        return _sums(window, of.fast)
    if FAST_SHARE in rows:
        share = _sums(window, FAST_SHARE)
        return _Sums(share.counts / 100 * responses.counts, share.told, share.gap)
    steps = [(float(name) / 100, _sums(window, metric)) for name, metric in PERCENTILES.items()]
    limit = np.array([line.threshold_s for line in window.asked.lines])
    ratio = np.zeros_like(responses.counts)
    for step, value in steps:
        ratio = np.where(value.told & (value.counts <= limit), step, ratio)
    told = np.logical_and.reduce([value.told for _, value in steps])
    gap = np.logical_or.reduce([value.gap for _, value in steps])
    return _Sums(ratio * responses.counts, told, gap)


def _integers(counts: NDArray[np.float64]) -> Counts:
    return np.rint(counts).astype(np.int64)


def _doubts(window: Window, counts: _Count, settled: Flags) -> tuple[Doubt, ...]:
    """Compare codes with requests where counted: `those of targets <= RequestCount <= those + the refused`.

    Whose failures those of a shared load balancer were is not known, so that any may be the service's own;
    among the failures that proxies of Service Connect tell are those that reached nobody.
    """
    counted = settled & (counts.state == State.OBSERVED)
    in_mesh = counts.of.refused is None
    own, around = (
        counts.failed if in_mesh else part.counts for part in (counts.refused, counts.refused_around)
    )
    asked, told, before, any_before = (
        _integers(np.where(counted, number, 0).sum(axis=0))
        for number in (counts.requests.counts, counts.total, own, around)
    )
    answered, slack = told - before, np.ceil(asked * MISMATCH_RATIO_MAX)
    placements = _placements(window)
    found = [
        (name, column)
        for name, wrong in (
            (DoubtName.COUNTED_TOO_FEW, answered + any_before < asked - slack),
            (DoubtName.COUNTED_TOO_MANY, answered > asked + slack),
        )
        for column in np.flatnonzero(wrong)
    ]
    return tuple(
        Doubt(name, placements[i], window.start, window.end, int(asked[i]), int(told[i])) for name, i in found
    )


def _too_fast(window: Window, responses: _Sums, fast: _Sums, settled: Flags) -> tuple[Doubt, ...]:
    """Doubt estimates of more fast responses than there are; what is too many counts for nothing."""
    counted = settled & responses.told & fast.told
    asked, told = (_integers(np.where(counted, part.counts, 0).sum(axis=0)) for part in (responses, fast))
    placements = _placements(window)
    return tuple(
        Doubt(DoubtName.FAST_TOO_MANY, placements[i], window.start, window.end, int(asked[i]), int(told[i]))
        for i in np.flatnonzero(told > asked + np.ceil(asked * MISMATCH_RATIO_MAX))
    )
