"""How busy a placement is: what explains its counts but is never counted itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.catalog import CPU, Metric
from slo.cells import Placement

if TYPE_CHECKING:
    from collector.watermarks import Window


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
