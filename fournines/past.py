"""What the ring has let go of long periods, read from the store once and kept until something changes.

To read it takes long: that is done before the ledger is held still, so that no new minute waits for it.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from slo.budget import NOTHING, Part, Period, by_minute, by_request, counted
from slo.cells import Indicator
from slo.objectives import DAY_MINUTES, ROLLING_MAX, Budgeting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from fournines.store.books import Books
    from slo.cells import Sli
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: A window that rolls begins within a day, whose minutes are kept meanwhile: of so many such days.
EDGES_MAX = 8
#: Days that are older than the longest window are forgotten.
DAYS_KEPT_MINUTES = ROLLING_MAX // timedelta(minutes=1)
#: A window's whole days are the same for a day: of so many windows their sum is kept.
WHOLES_MAX = 32

#: What tells apart how objectives count an indicator; those that count alike share what was added up.
_Measure = tuple[Indicator, Budgeting, Decimal | None, int]


class _History(Protocol):
    """A day's minutes, as the store tells them."""

    def minutes(
        self, sli: Sli, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]: ...


class Past:
    """What long objectives need of the past: read ahead by whoever is about to hold the ledger still."""

    def __init__(self, books: Books) -> None:
        self._books, self._reading = books, threading.Lock()
        self._kept = _Kept(books)

    def prepare(self, objectives: Iterable[Objective], ledger: Ledger, now: datetime) -> Callable[[], None]:
        """Return what reads all that these will ask for, to be called when the ledger is held no more.

        What was corrected, imported or filled in meanwhile is read anew; that is rare, so all of it.
        """
        periods = [(one, Period.of(one, ledger, now, self)) for each in objectives for one in _sides(each)]
        wanted = [(one, period) for one, period in periods if period.start < period.split]

        def read() -> None:
            with self._reading:
                kept = self._kept if self._kept.current else _Kept(self._books)
                for one, period in wanted:
                    kept.read(one, period.start, period.split)
                self._kept = kept

        return read

    def part(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes `[start, end)` came to; whole days are counted back from `end`."""
        return self._kept.part(objective, sli, start, end)


class _Kept:
    """Adds up whole days for long objectives, and the minutes of the day that a window begins in."""

    def __init__(self, books: Books) -> None:
        self._books, self._changes = books, books.changes
        self._wholes: dict[tuple[_Measure, int, int], dict[Sli, Part]] = {}
        self._days: dict[tuple[_Measure, int], dict[Sli, Part]] = {}
        self._edges: dict[tuple[Indicator, int], _History] = {}

    @property
    def current(self) -> bool:
        """Whether nothing old has changed since this was begun."""
        return self._changes == self._books.changes

    def read(self, objective: Objective, start: int, end: int) -> None:
        """Read what parts of these minutes are made of."""
        first = _first(start, end)
        self._whole(objective, first, end)
        if start < first:
            self._edge_of(objective.indicator, first)

    def part(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes `[start, end)` came to."""
        first = _first(start, end)
        whole = self._whole(objective, first, end).get(sli, _unseen(end - first))
        return whole if start == first else whole + self._edge(objective, sli, start, first)

    def _whole(self, objective: Objective, first: int, end: int) -> dict[Sli, Part]:
        """Return what whole days came to for every SLI of an indicator."""
        key = (_measure(objective), first, end)
        whole = self._wholes.get(key)
        if whole is None:
            while len(self._wholes) >= WHOLES_MAX:
                self._wholes.pop(next(iter(self._wholes)))
            add_up = self._in_slices if objective.in_slices else self._in_requests
            whole = self._wholes[key] = add_up(objective, first, end)
        return whole

    def _in_requests(self, objective: Objective, first: int, end: int) -> dict[Sli, Part]:
        """Add up by the sums of days that the store keeps."""
        past, indicator = self._books.past(first, end), objective.indicator
        return {
            sli: Part.of(past.sums, column, indicator.scale, end - first)
            for column, sli in enumerate(past.slis)
            if sli.indicator is indicator
        }

    def _in_slices(self, objective: Objective, first: int, end: int) -> dict[Sli, Part]:
        """Add up by the cells of each day: which slice was bad no sum tells."""
        days = [self._day(objective, begin) for begin in range(first, end, DAY_MINUTES)]
        slis = dict.fromkeys(sli for day in days for sli in day)
        unseen = _unseen(DAY_MINUTES)
        return {sli: sum((day.get(sli, unseen) for day in days), NOTHING) for sli in slis}

    def _day(self, objective: Objective, begin: int) -> dict[Sli, Part]:
        """Return what a day came to for every SLI of an indicator: they are read together."""
        key = (_measure(objective), begin)
        day = self._days.get(key)
        if day is None:
            for old in [one for one in self._days if one[1] < begin - DAYS_KEPT_MINUTES]:
                del self._days[old]
            slis, end = self._slis(objective.indicator), begin + DAY_MINUTES
            history = self._books.history(slis, begin, end, raw=False)
            day = {sli: counted(objective, *history.minutes(sli, begin, end)) for sli in slis}
            self._days[key] = day
        return day

    def _edge(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes before the first whole day came to."""
        return counted(objective, *self._edge_of(objective.indicator, end).minutes(sli, start, end))

    def _edge_of(self, indicator: Indicator, end: int) -> _History:
        """Return the minutes of the day before the first whole one."""
        edge = self._edges.get((indicator, end))
        if edge is None:
            while len(self._edges) >= EDGES_MAX:
                self._edges.pop(next(iter(self._edges)))
            edge = self._books.history(self._slis(indicator), end - DAY_MINUTES, end, raw=False)
            self._edges[indicator, end] = edge
        return edge

    def _slis(self, indicator: Indicator) -> tuple[Sli, ...]:
        return tuple(sli for sli in self._books.slis() if sli.indicator is indicator)


def _first(start: int, end: int) -> int:
    """Return where the whole days before `end` begin."""
    return end - (end - start) // DAY_MINUTES * DAY_MINUTES


def _sides(objective: Objective) -> tuple[Objective, ...]:
    """Return an objective by requests and by minutes, as budgets are shown."""
    return (by_request(objective), by_minute(objective))


def _unseen(minutes: int) -> Part:
    """Return what is known of an SLI that was not there yet when days were read."""
    return Part(Fraction(0), Fraction(0), minutes, minutes, 0)


def _measure(objective: Objective) -> _Measure:
    return objective.indicator, objective.budgeting, objective.time_slice_target, objective.slice_minutes
