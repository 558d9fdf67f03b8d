"""Periods of a calendar: so many days, weeks, months, quarters or years from a local time on, DST and all."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from slo.cells import minute_of
from slo.months import Stretch, zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping

_YEAR_MONTHS = 12


class Unit(StrEnum):
    """What a calendar counts in, as OpenSLO abbreviates it."""

    DAY = "d"
    WEEK = "w"
    MONTH = "M"
    QUARTER = "Q"
    YEAR = "Y"


_DAYS: Mapping[Unit, int] = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS: Mapping[Unit, int] = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}

#: The longest period of each unit within the 15 months that cells are kept; the shortest have 455 days.
COUNT_MAX: Mapping[Unit, int] = {
    Unit.DAY: 455, Unit.WEEK: 65, Unit.MONTH: 15, Unit.QUARTER: 5, Unit.YEAR: 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of `count` units that follow one another from `start` on, a local time of the zone.

    Where a month has no such day it is its last; a time that clocks skip is as much later as they skip.
    """

    count: int
    unit: Unit
    start: datetime
    zone: str

    def __post_init__(self) -> None:
        zone_named(self.zone)
        if not 0 < self.count <= COUNT_MAX[self.unit]:
            most = COUNT_MAX[self.unit]
            raise ValueError(
                f"cells are kept for 15 months, so at most {most}{self.unit}, got {self.count}{self.unit}"
            )
        if self.start.tzinfo is not None or self.start.second or self.start.microsecond:
            raise ValueError(f"a period starts at a whole local minute, got {self.start.isoformat()}")

    @property
    def longest(self) -> int:
        """How many minutes the period has at most, and an hour that clocks go back."""
        return self.count * (_DAYS.get(self.unit) or _MONTHS[self.unit] * 31) * 1440 + 60

    def stretch(self, now: datetime) -> Stretch:
        """Return all minutes of the period that `now` falls in."""
        return _period(self, minute_of(now))


@lru_cache(maxsize=256)
def _period(calendar: Calendar, minute: int) -> Stretch:
    number = _roughly(calendar, minute)
    while _begins(calendar, number) > minute:
        number -= 1
    while _begins(calendar, number + 1) <= minute:
        number += 1
    return Stretch(_begins(calendar, number), _begins(calendar, number + 1))


def _roughly(calendar: Calendar, minute: int) -> int:
    """Return the number of the period, or of one nearby."""
    passed = minute - _minute(calendar.start, calendar.zone)
    length = calendar.count * (_DAYS.get(calendar.unit) or _MONTHS[calendar.unit] * 30)
    return passed // (length * 1440)


def _begins(calendar: Calendar, number: int) -> int:
    """Return a period's first minute, counted from the start: so a short month leaves no trace."""
    units = number * calendar.count
    if calendar.unit in _DAYS:
        return _minute(calendar.start + timedelta(days=units * _DAYS[calendar.unit]), calendar.zone)
    start = calendar.start
    year, month = divmod(start.year * _YEAR_MONTHS + start.month - 1 + units * _MONTHS[calendar.unit], 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return _minute(start.replace(year=year, month=month + 1, day=day), calendar.zone)


def _minute(local: datetime, zone: str) -> int:
    return minute_of(local.replace(tzinfo=zone_named(zone)))
