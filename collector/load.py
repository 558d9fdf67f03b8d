"""How busy an owner is: what explains its counts but is never counted itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from collector.bundle import Owner
from collector.catalog import CPU

if TYPE_CHECKING:
    from collector.metric import Metric
    from collector.watermarks import Window


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest point of a metric, in the unit of its family, and its minute."""

    value: float
    minute: int


#: A metric, and the value of its family's last label where that is no name of the owner.
Shown: TypeAlias = "tuple[Metric, str]"


@dataclass(frozen=True, slots=True)
class Load:
    """The newest point of each metric of an owner that told any."""

    owner: Owner
    latest: Mapping[Shown, Latest]

    @property
    def cpu_ratio(self) -> Latest | None:
        """CPU used of what the tasks reserve; above 1 where a task may burst."""
        return self.latest.get((CPU, ""))

    def updated(self, newer: Load) -> Load:
        """Return this load with what a later reading tells."""
        return Load(self.owner, {**self.latest, **newer.latest})


def loads(window: Window) -> tuple[Load, ...]:
    """Return the load of each owner of a window of explaining readings that told anything."""
    found: dict[int, dict[Shown, Latest]] = {}
    owners, queries = window.asked.owners, window.asked.queries
    minutes = np.arange(window.values.shape[1])
    for metric, where in window.asked.rows.items():
        if metric.exported is None:
            continue
        values = window.values[where.rows]
        newest = np.where(np.isnan(values), -1, minutes).max(axis=1, initial=-1)
        for row in np.flatnonzero(newest >= 0):
            point = Latest(float(values[row, newest[row]]) * metric.factor, window.start + int(newest[row]))
            label = metric.label or dict(queries[where.rows[row]].dimensions).get("AvailabilityZone", "")
            found.setdefault(int(where.owners[row]), {})[metric, label] = point
    return tuple(Load(owners[owner], latest) for owner, latest in sorted(found.items()))
