"""How a placement has been serving, minute by minute: enough to say when trouble began, and where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Self

from slo.cells import Indicator, Placement, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


#: A minute is in trouble at the slower pace that pages [https://sre.google/workbook/alerting-on-slos/] ...
SICK_BURN = Fraction(6)
#: ... with at least so many bad requests, or one retry on a quiet night would count ...
SICK_BAD_MIN = 3
#: ... and whatever the objective allows, half of all requests bad is trouble.
SICK_RATIO_MAX = Fraction(1, 2)

#: So many healthy minutes in a row part one stretch of trouble from the one before.
PARTED_BY = 3
#: Minutes that are too young to tell what is usual, and how many older ones it takes.
USUAL_BEFORE = 15
USUAL_MINUTES_MIN = 10
RECENT_MINUTES = 5
#: The newest minutes may still be incomplete, so demand is the busiest of these.
DEMAND_MINUTES = 3


def sick_from(allowed: Fraction) -> Fraction:
    """Return the ratio of bad requests from which a minute is in trouble, by what the objective allows."""
    return min(SICK_BURN * allowed, SICK_RATIO_MAX)


@dataclass(frozen=True)
class Series:
    """Minutes of one indicator from `start` on: (bad, total) in its scale, None where nothing is known.

    `allowed` is the ratio that the objective lets fail.
    """

    start: int
    cells: tuple[tuple[int, int] | None, ...]
    allowed: Fraction
    scale: int = 1

    @classmethod
    def of(
        cls,
        indicator: Indicator,
        target: object,
        start: int,
        minutes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]],
    ) -> Self:
        """Take bad, total and state as the ledger hands them out; excluded minutes tell nothing either."""
        known = {int(State.OBSERVED), int(State.NO_TRAFFIC)}
        rows = zip(*(column.tolist() for column in minutes), strict=True)
        cells = tuple((bad, total) if state in known else None for bad, total, state in rows)
        return cls(start, cells, 1 - Fraction(str(target)), indicator.scale)

    def at(self, minute: int) -> tuple[int, int] | None:
        """Return (bad, total) of a minute, or None."""
        position = minute - self.start
        return self.cells[position] if 0 <= position < len(self.cells) else None

    @property
    def newest(self) -> int | None:
        """The newest minute that is known."""
        return next(
            (self.start + i for i in range(len(self.cells) - 1, -1, -1) if self.cells[i] is not None), None
        )

    def sick(self, *minutes: int) -> bool | None:
        """Whether these minutes together are in trouble; None when none of them is known."""
        if len(minutes) == 1:
            position = minutes[0] - self.start
            return self._each[position] if 0 <= position < len(self.cells) else None
        cells = [cell for minute in minutes if (cell := self.at(minute)) is not None]
        if not cells:
            return None
        return self._sick(sum(cell[0] for cell in cells), sum(cell[1] for cell in cells))

    def _sick(self, bad: int, total: int) -> bool:
        limit = self._limit
        return bad >= SICK_BAD_MIN * self.scale and bad * limit.denominator >= limit.numerator * total

    @cached_property
    def _each(self) -> tuple[bool | None, ...]:
        """Whether each minute by itself is in trouble."""
        return tuple(None if cell is None else self._sick(*cell) for cell in self.cells)

    @property
    def limit(self) -> Fraction:
        """The ratio of bad requests from which anything is in trouble."""
        return self._limit

    @cached_property
    def _limit(self) -> Fraction:
        """The ratio of bad requests from which a minute is in trouble."""
        return sick_from(self.allowed)

    def ratio(self, minutes: Iterable[int]) -> Fraction | None:
        """Return what failed of all requests in the known ones of these minutes; None without any."""
        cells = [cell for minute in minutes if (cell := self.at(minute))]
        total = sum(cell[1] for cell in cells)
        return Fraction(sum(cell[0] for cell in cells), total) if total else None


@dataclass(frozen=True, slots=True)
class InZone:
    """What a zone's newest minute told: requests, how many of them targets failed, and healthy targets.

    `healthy` is None where nobody told it; in the same minute they may be told later than requests.
    """

    minute: int
    requests: float
    failed: float
    healthy: float | None = None


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a placement serves: its last hour, its demand, and its CPU in percent, None where not known.

    `cpu_minute` is the minute that the CPU was measured in, None when that is not known.  `usual_per_minute`
    is what arrives at this time of day; None leaves it to the earlier part of the hour.  `zones` are the
    newest counts by the name of the zone, bought only while the service is hot.
    """

    placement: Placement
    availability: Series
    latency: Series | None = None
    usual_per_minute: float | None = None
    cpu: float | None = None
    cpu_minute: int | None = None
    zones: Mapping[str, InZone] = field(default_factory=dict)

    def sick(self, *minutes: int) -> bool | None:
        """Whether any indicator is in trouble in these minutes; None when availability is not known."""
        slow = self.latency.sick(*minutes) if self.latency else None
        return True if slow else self.availability.sick(*minutes)

    @property
    def newest(self) -> int | None:
        """The newest minute whose availability is known."""
        return self.availability.newest

    @cached_property
    def known(self) -> tuple[int, ...]:
        """The known minutes, newest first."""
        series = self.availability
        return tuple(
            series.start + i for i in range(len(series.cells) - 1, -1, -1) if series.cells[i] is not None
        )

    @cached_property
    def failing(self) -> bool | None:
        """Whether the newest known minutes are in trouble; None when nothing is known.

        On a quiet night no minute has enough requests to prove it, but five together may.
        """
        recent = self.known[:RECENT_MINUTES]
        if not recent:
            return None
        calm = not any(self.sick(minute) for minute in recent)
        return any(self.sick(minute) for minute in recent[:2]) or (calm and bool(self.sick(*recent)))

    @cached_property
    def onset(self) -> int | None:
        """The first minute of the present stretch of trouble; None when there is none."""
        if not self.failing:
            return None
        first, calm = None, 0
        for minute in self.known:
            if self.sick(minute):
                first, calm = minute, 0
            else:
                calm += 1
            if calm >= PARTED_BY:
                break
        return first if first is not None else self.known[:RECENT_MINUTES][-1]

    @property
    def calm(self) -> bool:
        """Whether enough healthy minutes have passed for what comes next to be trouble anew."""
        newest = self.known[:PARTED_BY]
        return len(newest) == PARTED_BY and not self.failing and not any(map(self.sick, newest))

    @property
    def bad_ratio(self) -> Fraction | None:
        """What fails of all requests in the newest known minutes."""
        return self.availability.ratio(self.known[:RECENT_MINUTES])

    @property
    def burn(self) -> Fraction | None:
        """How many budgets the newest known minutes would spend at their pace, by the worse indicator."""
        series = [s for s in (self.availability, self.latency) if s]
        ratios = [(s.ratio(self.known[:RECENT_MINUTES]), s.allowed) for s in series]
        return max((ratio / allowed for ratio, allowed in ratios if ratio is not None), default=None)

    @property
    def per_minute(self) -> float | None:
        """Requests per minute now."""
        newest = [cell[1] for minute in self.known[:DEMAND_MINUTES] if (cell := self.availability.at(minute))]
        return max(newest) / self.availability.scale if newest else None

    @cached_property
    def usual(self) -> float | None:
        """Requests per minute as usual: as handed in, else the median of the earlier part of the hour."""
        if self.usual_per_minute is not None:
            return self.usual_per_minute
        older = [m for m in self.known if m <= (self.newest or 0) - USUAL_BEFORE]
        totals = [cell[1] for minute in older if (cell := self.availability.at(minute))]
        return median(totals) / self.availability.scale if len(totals) >= USUAL_MINUTES_MIN else None

    @property
    def demand(self) -> float | None:
        """How many times the usual arrives; None when either is not known."""
        now, usual = self.per_minute, self.usual
        return now / usual if now is not None and usual else None
