"""What a look at a region tells of what runs, as it is kept for the month: a row for each placement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo.usage import CAPACITIES, NONE, SLOT_MINUTES, Capacity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from collector.estate import RegionEstate, ServiceView
    from slo.cells import Placement

_SLOT_S = SLOT_MINUTES * 60


def slot_of(moment: datetime) -> int:
    """Return the five minutes that hold the moment, counted from 1970."""
    return int(moment.timestamp()) // _SLOT_S


def covered(seen_at: datetime, every: timedelta) -> range:
    """Return the slots that a look stands for: its own, and those since the look before."""
    return range(slot_of(seen_at - every), slot_of(seen_at) + 1)


def rows(estate: RegionEstate) -> Mapping[Placement, tuple[int, ...]]:
    """Return what was told of each placement just now; what a look lacked is in none."""
    return {view.placement: _row(view) for view in estate.services if view.seen_at == estate.seen_at}


def _row(view: ServiceView) -> tuple[int, ...]:
    """Return the columns of slo.usage; tasks of which nothing is told are so many unknown ones."""
    told = {str(kind): count for kind, count in view.running_on.items()}
    told[Capacity.UNKNOWN] = max(0, view.running - sum(told.values()))
    bounds = (view.scaling.minimum, view.scaling.maximum) if view.scaling else (NONE, NONE)
    made = view.definition
    size = (made.cpu_units or 0, made.memory_mib or 0) if made else (0, 0)
    return (*(told.get(capacity, 0) for capacity in CAPACITIES), *bounds, *size)
