"""What CloudWatch says instead of an answer, series by series: a clean answer to one clears no other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.source import Lasting

if TYPE_CHECKING:
    from datetime import datetime

    from collector.bundle import Area
    from collector.source import Gap, Query, Readings

#: What was not asked for so long is asked no more: its owner is gone.
FORGOTTEN_AFTER = timedelta(hours=1)


class Gaps:
    """The series of each region that were not answered when they were last asked, and since when."""

    def __init__(self) -> None:
        self._open: dict[Area, dict[Query, tuple[Lasting, datetime]]] = defaultdict(dict)

    def heard(self, area: Area, readings: Readings, now: datetime) -> None:
        """Take in the answer to a call."""
        here = self._open[area]
        if here:
            for row, query in enumerate(readings.batch.queries):
                if row not in readings.gaps:
                    here.pop(query, None)
        for row, gap in readings.gaps.items():
            self._said(area, readings.batch.queries[row], gap, now)
        for query in [query for query, (_, told) in here.items() if now - told > FORGOTTEN_AFTER]:
            del here[query]

    def _said(self, area: Area, query: Query, gap: Gap, now: datetime) -> None:
        """Note what was said of one series."""
        before, _ = self._open[area].get(query, (Lasting(gap, now), now))
        self._open[area][query] = replace(before, gap=gap), now

    def oldest(self, area: Area) -> Lasting | None:
        """Return what a region has lacked longest; None when all was answered."""
        lasting = (one for one, _ in self._open.get(area, {}).copy().values())
        return min(lasting, key=lambda one: one.since, default=None)
