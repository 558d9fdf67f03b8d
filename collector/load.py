"""How busy an owner is: what explains its counts but is never counted itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from collector.bundle import Owner
from collector.catalog import CPU
from collector.metric import Absent, Metric, Tier

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from collector.watermarks import Window

#: For how many minutes a point is shown: what is read seldom, or is idle, comes hourly; what is read while a
#: service is hot, every minute.
SHOWN_MINUTES: Mapping[Tier, int] = {Tier.SLI: 120, Tier.SLOW: 120, Tier.HOT: 15}


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

    def shown(self, now: int) -> Mapping[Shown, Latest]:
        """Return what is still news at a minute: a point that stands there for ever tells of nothing."""
        return {
            which: point
            for which, point in self.latest.items()
            if now - point.minute <= SHOWN_MINUTES[which[0].tier]
        }

    def updated(self, newer: Load) -> Load:
        """Return this load with what a later reading tells."""
        return Load(self.owner, {**self.latest, **newer.latest})


def loads(window: Window, now: datetime, settle_s: int) -> tuple[Load, ...]:
    """Return the load of each owner of a window of explaining readings that told anything."""
    found: dict[int, dict[Shown, Latest]] = {}
    owners, queries = window.asked.owners, window.asked.queries
    minutes, settled, spoke = np.arange(window.width), window.settled(now, settle_s), _spoke(window)
    for metric, where in window.asked.rows.items():
        if metric.exported is None:
            continue
        values = window.values[where.rows]
        if metric.absent is Absent.ZERO:
            silent = np.isnan(values) & spoke[metric.namespace][where.owners]
            values = np.where(silent & ~window.gap[where.rows, np.newaxis], 0.0, values)
        if metric.stat == "Sum":  # until all is counted it looks as if there were less
            values = np.where(settled, values, np.nan)
        newest = np.where(np.isnan(values), -1, minutes).max(axis=1, initial=-1)
        for row in np.flatnonzero(newest >= 0):
            point = Latest(float(values[row, newest[row]]) * metric.factor, window.start + int(newest[row]))
            label = metric.label or dict(queries[where.rows[row]].dimensions).get("AvailabilityZone", "")
            latest = found.setdefault(int(where.owners[row]), {})
            latest[metric, label] = _joined(metric, latest.get((metric, label)), point)
    return tuple(Load(owners[owner], latest) for owner, latest in sorted(found.items()))


def _joined(metric: Metric, before: Latest | None, point: Latest) -> Latest:
    """Join what two target groups of a service tell: counts add up, of levels the newest is told."""
    if before is None or point.minute > before.minute:
        return point
    if metric.stat == "Sum" and point.minute == before.minute:
        return Latest(before.value + point.value, point.minute)
    return before


def _spoke(window: Window) -> Mapping[str, NDArray[np.bool_]]:
    """Return by namespace the owners and minutes of which anything was told: what is absent there is zero."""
    found: dict[str, NDArray[np.bool_]] = {}
    for metric, where in window.asked.rows.items():
        told = found.setdefault(metric.namespace, np.zeros((len(window.asked.owners), window.width), bool))
        np.logical_or.at(told, where.owners, ~np.isnan(window.values[where.rows]))
    return found
