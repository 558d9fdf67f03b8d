"""Reading the past anew: a day of a region at a time, as fine as CloudWatch still keeps it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from collector.metric import MINUTE_S, Tier
from collector.plan import DAY, WIDE_QUERIES_MAX, Poll
from collector.source import RETENTION_MINUTES
from slo.cells import State, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from collector.bundle import Area
    from collector.layout import Layout
    from collector.source import Readings
    from slo.cells import Block

    Counts = NDArray[np.int64]

#: CloudWatch keeps 5-minute points for 63 days [GetMetricData]; an hour of them is left to finish reading.
COARSE_RETENTION = timedelta(days=63) - timedelta(hours=1)
COARSE_MINUTES = 5
COARSE_S = COARSE_MINUTES * MINUTE_S

#: Statistics that add up over minutes; the others are the same in each.
ADDING = ("Sum", "SampleCount", "TC(")


class Grain(StrEnum):
    """How fine a past minute can still be read."""

    MINUTES = "minutes"
    FIVE_MINUTES = "five_minutes"


@dataclass(frozen=True, slots=True)
class Step:
    """The minutes `[start, end)` of a region, to be read at once."""

    start: int
    end: int
    grain: Grain


def next_step(position: int, end: int, now: datetime) -> Step | None:
    """Return what is to be read from `position` on; None when nothing is left.

    What CloudWatch no longer keeps is passed over.
    """
    oldest = minute_of(now - COARSE_RETENTION) // COARSE_MINUTES * COARSE_MINUTES + COARSE_MINUTES
    start = max(position, oldest)
    fine = -(-(minute_of(now) - RETENTION_MINUTES) // COARSE_MINUTES) * COARSE_MINUTES
    if start >= end:
        return None
    if start >= fine:
        return Step(start, min(end, start + DAY), Grain.MINUTES)
    start = start // COARSE_MINUTES * COARSE_MINUTES
    return Step(start, min(-(-end // COARSE_MINUTES) * COARSE_MINUTES, start + DAY, fine), Grain.FIVE_MINUTES)


def polls(layout: Layout, area: Area, step: Step) -> Iterator[Poll]:
    """Yield the calls of a step: everything that counts in its region, front by front."""
    fronts: dict[object, list[int]] = {}
    for place, bundle in enumerate(layout.bundles):
        if bundle.front.tier is Tier.SLI and bundle.area == area:
            fronts.setdefault(bundle.front, []).append(place)
    for places in fronts.values():
        asked = layout.asked(places, [frozenset()] * len(places), WIDE_QUERIES_MAX)
        if step.grain is Grain.FIVE_MINUTES:
            batches = tuple(replace(batch, period_s=COARSE_S) for batch in asked.batches)
            asked = replace(asked, batches=batches)
        yield from (Poll(asked, batch, step.start, step.end) for batch in asked.batches)


def spread(readings: Readings) -> Readings:
    """Return 5-minute readings as minutes: sums divided evenly in whole requests, levels repeated.

    The first minutes get what does not divide, so that no part ever exceeds its whole.
    """
    rows = np.array([query.stat.startswith(ADDING) for query in readings.batch.queries])[:, None]
    sums = readings.values[:, ::COARSE_MINUTES]
    whole = np.floor(sums)
    shares = [
        (whole + COARSE_MINUTES - 1 - place) // COARSE_MINUTES + (sums - whole) / COARSE_MINUTES
        for place in range(COARSE_MINUTES)
    ]
    minutes = np.stack([np.where(rows, share, sums) for share in shares], axis=2)
    return replace(readings, values=minutes.reshape(len(sums), -1)[:, : readings.values.shape[1]])


def remaining(block: Block, bad: Counts, total: Counts, measured: NDArray[np.bool_]) -> Block:
    """Return 5-minute shares without what was `measured` of the same minutes: nothing counts twice.

    `bad`, `total` and `measured` are of the block's shape, which is whole fives of minutes; what is left of a
    sum is divided evenly over the minutes that were not measured.
    """
    rest = _rest(block.total, total, measured)
    bad = np.minimum(_rest(block.bad, bad, measured), rest)
    nothing = (rest == 0) & (block.state == State.OBSERVED)
    return replace(
        block, bad=bad, total=rest, state=np.where(nothing, State.NO_TRAFFIC, block.state).astype(np.uint8)
    )


def _rest(shares: Counts, finer: Counts, measured: NDArray[np.bool_]) -> Counts:
    """Divide what is left of each five minutes; fives of which nothing was measured stay as they are."""
    fives = (-1, COARSE_MINUTES, shares.shape[1])
    coarse, free = shares.reshape(fives), ~measured.reshape(fives)
    taken = np.where(measured, finer, 0).reshape(fives)
    left = np.maximum(coarse.sum(axis=1) - taken.sum(axis=1), 0)[:, None]
    over = np.maximum(free.sum(axis=1), 1)[:, None]
    turn = np.cumsum(free, axis=1) - 1
    divided = np.where(free, left // over + (turn < left % over), 0)
    return np.where(free.all(axis=1, keepdims=True), coarse, divided).reshape(shares.shape)
