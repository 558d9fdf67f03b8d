"""What is aimed for: objectives, valid by construction, each over all placements of a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from slo.calendars import Calendar
from slo.cells import Indicator, Placement, Sli, minute_of, moment_of
from slo.conditions import Condition
from slo.ledger import RING_MINUTES
from slo.months import Month, Stretch, rolling, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY_SERVICE = "*"

#: Shorter windows hold too few requests to speak of an objective; cells are kept for 15 months, of which the
#: shortest have 455 days.
ROLLING_MIN, ROLLING_MAX = timedelta(hours=1), timedelta(days=455)

#: Slices part a day without rest, so that days can be added up.
DAY_MINUTES = 1440


class Budgeting(StrEnum):
    """What is counted against the budget."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"
    RATIO_TIMESLICES = "RatioTimeslices"


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last so many minutes, up to the newest."""

    duration: timedelta

    def __post_init__(self) -> None:
        if not ROLLING_MIN <= self.duration <= ROLLING_MAX or self.duration % timedelta(minutes=1):
            raise ValueError(f"a rolling window is 1 h to 455 d in whole minutes, got {self.duration}")

    @property
    def longest(self) -> int:
        """How many minutes it has."""
        return self.duration // timedelta(minutes=1)

    def stretch(self, now: datetime) -> Stretch:
        """Return the minutes that have ended by `now`."""
        return rolling(minute_of(now), self.duration)


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """The calendar month of a zone."""

    zone: str

    def __post_init__(self) -> None:
        zone_named(self.zone)

    @property
    def longest(self) -> int:
        """How many minutes the longest month has, and the hour that clocks go back."""
        return RING_MINUTES

    def stretch(self, now: datetime) -> Stretch:
        """Return all minutes of the month that `now` falls in."""
        return _month(self.zone, minute_of(now))


@lru_cache(maxsize=256)
def _month(name: str, minute: int) -> Stretch:
    zone = zone_named(name)
    return Month.of(moment_of(minute), zone).stretch(zone)


Window = Rolling | CalendarMonth | Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A target for one indicator of a service (`*`: of every service), kept at each of its placements.

    `regions` empty means all.  `threshold_s` belongs to latency: slower is bad.  `time_slice_target` belongs
    to timeslices: a slice of `slice_minutes` is good if at least this ratio of its requests is.  Of ratio
    timeslices the ratios are averaged.  `conditions` alert beside our own tiers.
    """

    name: str
    display_name: str
    service: str
    indicator: Indicator
    target: Decimal
    window: Window
    budgeting: Budgeting = Budgeting.OCCURRENCES
    time_slice_target: Decimal | None = None
    slice_minutes: int = 1
    threshold_s: Decimal | None = None
    regions: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise ValueError(f"a target is a ratio between 0 and 1, exclusive, got {self.target}")
        if (self.threshold_s is not None) != (self.indicator is Indicator.LATENCY):
            raise ValueError("threshold_s belongs to latency, and latency needs it")
        if self.threshold_s is not None and self.threshold_s <= 0:
            raise ValueError(f"threshold_s is above 0, got {self.threshold_s}")
        if (self.time_slice_target is not None) != (self.budgeting is Budgeting.TIMESLICES):
            raise ValueError("a time slice target belongs to Timeslices, and Timeslices needs it")
        if self.time_slice_target is not None and not 0 <= self.time_slice_target <= 1:
            raise ValueError(f"a time slice target is 0 to 1, got {self.time_slice_target}")
        if self.slice_minutes < 1 or DAY_MINUTES % self.slice_minutes:
            raise ValueError(f"slices part a day without rest, got {self.slice_minutes} minutes")
        if self.slice_minutes > 1 and not self.in_slices:
            raise ValueError("occurrences have no slices")
        if any(one.lookback % self.slice_minutes for one in self.conditions):
            raise ValueError("a condition looks back whole slices")

    @property
    def in_slices(self) -> bool:
        """Whether slices of time are budgeted, rather than requests."""
        return self.budgeting is not Budgeting.OCCURRENCES

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


def slow_after(objectives: Iterable[Objective], service: str, default: Decimal) -> Decimal:
    """Return from how many seconds on a response of a service is slow: by its own objective, or that for all.

    What CloudWatch counts it counts once for each service, so that of several limits the shortest holds.
    """
    limits = [(one.service, one.threshold_s) for one in objectives if one.threshold_s is not None]
    own = [limit for name, limit in limits if name == service]
    return min(own or [limit for name, limit in limits if name == EVERY_SERVICE], default=default)
