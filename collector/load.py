"""How busy a placement is: what explains its counts but is never counted itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.catalog import CPU, DESIRED, MEMORY, PENDING, RUNNING, Metric
from slo.cells import Placement, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.watermarks import Window

#: The request rate of the last minutes is compared with the usual one over the hour before them.
RECENT_MINUTES = 3
USUAL_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest point of a metric, in the unit of its family, and its minute."""

    value: float
    minute: int


@dataclass(frozen=True, slots=True)
class Load:
    """The newest point of each metric of a placement that told any."""

    placement: Placement
    latest: Mapping[Metric, Latest]

    @property
    def cpu_ratio(self) -> Latest | None:
        """CPU used of what the tasks reserve; above 1 where a task may burst."""
        return self.latest.get(CPU)

    @property
    def memory_ratio(self) -> Latest | None:
        """Memory used of what the tasks reserve."""
        return self.latest.get(MEMORY)

    @property
    def running(self) -> Latest | None:
        """Tasks that run."""
        return self.latest.get(RUNNING)

    @property
    def desired(self) -> Latest | None:
        """Tasks that should run."""
        return self.latest.get(DESIRED)

    @property
    def pending(self) -> Latest | None:
        """Tasks that are starting."""
        return self.latest.get(PENDING)

    def updated(self, newer: Load) -> Load:
        """Return this load with what a later reading tells."""
        return Load(self.placement, {**self.latest, **newer.latest})


def loads(window: Window) -> tuple[Load, ...]:
    """Return the load of each placement of a window of slow readings that told anything."""
    found: dict[int, dict[Metric, Latest]] = {}
    minutes = np.arange(window.values.shape[1])
    for metric, where in window.asked.rows.items():
        values = window.values[where.rows]
        newest = np.where(np.isnan(values), -1, minutes).max(axis=1, initial=-1)
        for row in np.flatnonzero(newest >= 0):
            point = Latest(float(values[row, newest[row]]) * metric.factor, window.start + int(newest[row]))
            found.setdefault(int(where.owners[row]), {})[metric] = point
    return tuple(Load(window.asked.placements[owner], latest) for owner, latest in sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests a minute: now and usually; None where too little is known."""

    now: float | None
    usual: float | None

    @property
    def ratio(self) -> float | None:
        """How many times the usual arrives now."""
        return self.now / self.usual if self.now is not None and self.usual else None


def pace(total: NDArray[np.int64], state: NDArray[np.uint8]) -> Pace:
    """Compare the last minutes of an availability series with the median of those before.

    Both columns end with the newest minute that is known; unknown minutes are left out.
    """
    known = (state == State.OBSERVED) | (state == State.NO_TRAFFIC)
    recent = total[-RECENT_MINUTES:][known[-RECENT_MINUTES:]]
    before = slice(-RECENT_MINUTES - USUAL_MINUTES, -RECENT_MINUTES)
    usual = total[before][known[before]]
    return Pace(
        float(recent.mean()) if len(recent) else None,
        float(np.median(usual)) if len(usual) * 2 >= USUAL_MINUTES else None,
    )
