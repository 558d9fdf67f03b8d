"""What the ring has let go of long periods, read from the store once and kept until something changes."""

from __future__ import annotations

import threading
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from slo.budget import NOTHING, Part, counted
from slo.objectives import DAY_MINUTES, ROLLING_MAX

if TYPE_CHECKING:
    from fournines.store.books import Books
    from slo.cells import Sli
    from slo.objectives import Objective
    from slo.tally import History

#: A window that rolls begins within a day, whose minutes are kept meanwhile: of so many objectives.
EDGES_MAX = 8
#: Days that are older than the longest window are forgotten.
DAYS_KEPT_MINUTES = ROLLING_MAX // timedelta(minutes=1)

#: A day of an SLI that was not known yet when the day was read.
_UNSEEN = Part(Fraction(0), Fraction(0), DAY_MINUTES, DAY_MINUTES, 0)


class Past:
    """Adds up whole days of long objectives, and the minutes of the day that a window begins in."""

    def __init__(self, books: Books) -> None:
        self._books, self._lock = books, threading.Lock()
        self._changes = books.changes
        self._days: dict[tuple[Objective, int], dict[Sli, Part]] = {}
        self._edges: dict[tuple[Objective, int], History] = {}

    def part(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes `[start, end)` came to; whole days are counted back from `end`."""
        with self._lock:
            self._forget_what_changed()
            whole = NOTHING
            first = end - (end - start) // DAY_MINUTES * DAY_MINUTES
            for begin in range(first, end, DAY_MINUTES):
                whole += self._day(objective, begin).get(sli, _UNSEEN)
            return whole if start == first else whole + self._edge(objective, sli, start, first)

    def _forget_what_changed(self) -> None:
        """Read anew what was corrected, imported or filled in meanwhile; that is rare, so all of it."""
        if self._changes != self._books.changes:
            self._changes = self._books.changes
            self._days.clear()
            self._edges.clear()

    def _day(self, objective: Objective, begin: int) -> dict[Sli, Part]:
        """Return what a day came to for every SLI of an objective: they are read together."""
        key = (objective, begin)
        if key not in self._days:
            for old in [one for one in self._days if one[1] < begin - DAYS_KEPT_MINUTES]:
                del self._days[old]
            slis, end = objective.slis(self._books.slis()), begin + DAY_MINUTES
            history = self._books.history(slis, begin, end)
            self._days[key] = {sli: counted(objective, *history.minutes(sli, begin, end)) for sli in slis}
        return self._days[key]

    def _edge(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes before the first whole day came to."""
        key = (objective, end)
        if key not in self._edges:
            while len(self._edges) >= EDGES_MAX:
                self._edges.pop(next(iter(self._edges)))
            slis = objective.slis(self._books.slis())
            self._edges[key] = self._books.history(slis, end - DAY_MINUTES, end)
        return counted(objective, *self._edges[key].minutes(sli, start, end))
