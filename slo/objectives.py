"""What is aimed for: objectives, valid by construction, each over all placements of a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from slo.cells import Indicator, Placement, Sli, minute_of
from slo.months import Month, Stretch, rolling, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY_SERVICE = "*"

#: What the ledger's ring can hold; shorter windows hold too few requests to speak of an objective.
ROLLING_MIN, ROLLING_MAX = timedelta(hours=1), timedelta(days=31)


class Budgeting(StrEnum):
    """What is counted against the budget."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last so many minutes, up to the newest."""

    duration: timedelta

    def __post_init__(self) -> None:
        if not ROLLING_MIN <= self.duration <= ROLLING_MAX or self.duration % timedelta(minutes=1):
            raise ValueError(f"a rolling window is 1 h to 31 d in whole minutes, got {self.duration}")

    def stretch(self, now: datetime) -> Stretch:
        """Return the minutes that have ended by `now`."""
        return rolling(minute_of(now), self.duration)


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """The calendar month of a zone."""

    zone: str

    def __post_init__(self) -> None:
        zone_named(self.zone)

    def stretch(self, now: datetime) -> Stretch:
        """Return all minutes of the month that `now` falls in."""
        zone = zone_named(self.zone)
        return Month.of(now, zone).stretch(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A target for one indicator of a service (`*`: of every service), kept at each of its placements.

    `regions` empty means all.  `threshold_s` belongs to latency: slower is bad.  `time_slice_target` belongs
    to timeslices: a minute is good if at least this ratio of its requests is.
    """

    name: str
    display_name: str
    service: str
    indicator: Indicator
    target: Decimal
    window: Rolling | CalendarMonth
    budgeting: Budgeting = Budgeting.OCCURRENCES
    time_slice_target: Decimal | None = None
    threshold_s: Decimal | None = None
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise ValueError(f"a target is a ratio between 0 and 1, exclusive, got {self.target}")
        if (self.threshold_s is not None) != (self.indicator is Indicator.LATENCY):
            raise ValueError("threshold_s belongs to latency, and latency needs it")
        if self.threshold_s is not None and self.threshold_s <= 0:
            raise ValueError(f"threshold_s is above 0, got {self.threshold_s}")
        if (self.time_slice_target is not None) != (self.budgeting is Budgeting.TIMESLICES):
            raise ValueError("a time slice target belongs to Timeslices, and Timeslices needs it")
        if self.time_slice_target is not None and not 0 < self.time_slice_target <= 1:
            raise ValueError(f"a time slice target is above 0 and at most 1, got {self.time_slice_target}")

    @property
    def budget(self) -> Fraction:
        """The ratio that may be bad."""
        return 1 - Fraction(self.target)

    def covers(self, placement: Placement) -> bool:
        """Whether the objective speaks of this placement."""
        return self.service in (EVERY_SERVICE, placement.service) and (
            not self.regions or placement.region in self.regions
        )

    def slis(self, known: Iterable[Sli]) -> tuple[Sli, ...]:
        """Return those of the known SLIs that the objective speaks of."""
        return tuple(sli for sli in known if sli.indicator is self.indicator and self.covers(sli.placement))
