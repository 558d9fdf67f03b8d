"""What is due to be read at a moment, and over which minutes.

CloudWatch bills per metric asked, not per point: so windows are wide, and calls few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.catalog import Tier
from collector.layout import Track
from collector.source import POINTS_PER_CALL_MAX, Batch
from slo.cells import minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from collector.layout import Asked, Layout
    from collector.watermarks import Mark

#: CloudWatch keeps 1-minute points for 15 days [GetMetricData]; one hour of them is left to finish reading.
RETENTION_MINUTES = 15 * 24 * 60 - 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often, how far back and how patiently is read; all in minutes.

    `overlap` is re-read each time, since minutes are revised.  `first_look` is read of a track that was never
    read.  Minutes that did not arrive are asked for again for `late_max`.  After an outage `catch_up_max`
    further windows go out beside the newest one.
    """

    sli_every: int = 1
    slow_every: int = 5
    overlap: int = 5
    first_look: int = 60
    late_max: int = 180
    catch_up_max: int = 8

    def __post_init__(self) -> None:
        for name in ("sli_every", "slow_every", "overlap", "first_look", "late_max", "catch_up_max"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")

    def every(self, tier: Tier) -> int:
        """Return how many minutes lie between two readings of a tier."""
        return self.sli_every if tier is Tier.SLI else self.slow_every


@dataclass(frozen=True, slots=True)
class Poll:
    """One GetMetricData call to be made: a batch over the minutes `[start, end)`."""

    track: Track
    batch: Batch
    start: int
    end: int


def due(
    layout: Layout, watermarks: Mapping[Track, Mark], now: datetime, cadence: Cadence
) -> tuple[Poll, ...]:
    """Return the calls that are due, a track's newest minutes first."""
    end = minute_of(now)
    return tuple(
        Poll(asked.track, batch, *window)
        for asked in layout
        for window in _windows(asked, watermarks.get(asked.track), end, cadence)
        for batch in asked.batches
    )


def _windows(asked: Asked, mark: Mark | None, end: int, cadence: Cadence) -> Iterator[tuple[int, int]]:
    """Yield the windows of a track: what fits one call, ending now; after an outage, the oldest missing ones.

    What happens now is never kept waiting by what is made up for.
    """
    if mark and end - mark.asked < cadence.every(asked.track.tier):
        return
    start = mark.arrived - cadence.overlap if mark else end - cadence.first_look
    start = max(start, end - RETENTION_MINUTES)
    width = min(POINTS_PER_CALL_MAX // len(batch.queries) for batch in asked.batches)
    newest = max(start, end - width)
    yield newest, end
    for _ in range(cadence.catch_up_max):
        if start >= newest:
            return
        yield start, min(start + width, newest)
        start += width
