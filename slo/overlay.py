"""Which cells of a ledger exclusions cover, looked up a day at a time and then remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slo.cells import DAY_MINUTES
from slo.exclusions import Exclusions
from slo.months import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from slo.cells import Placement, Sli
    from slo.exclusions import Exclusion


class Overlay:
    """Exclusions, and the columns of the SLIs that each is about.

    Exclusions remember what they were asked for, so they are always asked for whole UTC days.
    """

    def __init__(
        self, exclusions: Exclusions | None = None, columns: Mapping[Sli, int] | None = None
    ) -> None:
        each, given = exclusions or Exclusions(), columns or {}
        self._columns = {
            one: np.array([column for sli, column in given.items() if one.covers(sli.placement)], np.intp)
            for one in each.each
        }

    def __bool__(self) -> bool:
        """Whether anything is left out at all."""
        return bool(self._columns)

    def add(self, placement: Placement, column: int) -> None:
        """Note the column of a new SLI."""
        for exclusion, columns in self._columns.items():
            if exclusion.covers(placement):
                self._columns[exclusion] = np.append(columns, column)

    def over(self, start: int, end: int) -> Iterator[tuple[Stretch, NDArray[np.intp]]]:
        """Yield minutes of `[start, end)` with the columns in which they are left out; they may overlap."""
        for exclusion, columns in self._columns.items():
            if columns.size:
                yield from ((minutes, columns) for minutes in _covered(exclusion, start, end))

    def of(self, placement: Placement, start: int, end: int) -> Iterator[Stretch]:
        """Yield the minutes of `[start, end)` that are left out at a placement; they may overlap."""
        for exclusion in self._columns:
            if exclusion.covers(placement):
                yield from _covered(exclusion, start, end)

    def minutes(self, start: int, end: int) -> Iterator[Stretch]:
        """Yield the minutes of `[start, end)` that are left out anywhere, each once."""
        done = start
        for minutes, _ in sorted(self.over(start, end), key=lambda found: found[0].start):
            if minutes.end > done:
                yield Stretch(max(done, minutes.start), minutes.end)
                done = minutes.end


def _covered(exclusion: Exclusion, start: int, end: int) -> Iterator[Stretch]:
    for day in range(start // DAY_MINUTES * DAY_MINUTES, end, DAY_MINUTES):
        for stretch in exclusion.stretches(Stretch(day, day + DAY_MINUTES)):
            first, last = max(stretch.start, day, start), min(stretch.end, day + DAY_MINUTES, end)
            if first < last:
                yield Stretch(first, last)
