"""What an answer of GetMetricData leaves out: drawn anew for every call, so that a retry may succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from simulator import fate
from simulator.cloudwatch.measures import Array

if TYPE_CHECKING:
    from simulator.cloudwatch.reading import Series


class Status(StrEnum):
    """How a series of an answer is told: whole, the first half of its points, or not at all."""

    COMPLETE = "Complete"
    PARTIAL = "PartialData"
    INTERNAL = "InternalError"


#: What a status says beside itself.  AWS documents neither codes nor words.
MESSAGES = {
    Status.PARTIAL: "Some data points of this metric were not returned.",
    Status.INTERNAL: "This metric could not be read.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """An answer: `values` float64 [series, minutes], NaN where nothing was told; `amiss` rows, and how."""

    values: Array
    amiss: Mapping[int, Status]


@dataclass(slots=True, eq=False)
class Amiss:
    """Draws what is left out: `shares` of the series, by region."""

    seed: int
    shares: dict[str, float] = field(default_factory=dict)
    answers: int = 0

    def draw(self, series: Sequence[Series]) -> dict[int, Status]:
        """Return which rows of the next answer are left out, and how."""
        if not any(self.shares.values()):
            return {}
        self.answers += 1
        drawn = ((row, self._status(one)) for row, one in enumerate(series))
        return {row: status for row, status in drawn if status is not Status.COMPLETE}

    def _status(self, one: Series) -> Status:
        share = self.shares.get(one.region, 0.0)
        drawn = fate.fraction(self.seed, "amiss", self.answers, one)
        if drawn >= share:
            return Status.COMPLETE
        return Status.PARTIAL if drawn < share / 2 else Status.INTERNAL


def left(points: Array, status: Status) -> Array:
    """Return what a status leaves of a series whose points are in the order in which they are told."""
    if status is Status.COMPLETE:
        return points
    present = np.flatnonzero(~np.isnan(points))
    kept = len(present) // 2 if status is Status.PARTIAL else 0
    rest = points.copy()
    rest[present[kept:]] = np.nan
    return rest
