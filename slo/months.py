"""Half-open stretches of minutes: rolling windows, and calendar months and days of a zone at real length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from slo.cells import MINUTE_S, minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Stretch:
    """The minutes `[start, end)`, counted from 1970 in UTC."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a stretch ends after it starts, got [{self.start}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.start

    def until(self, end: int) -> Stretch:
        """Return the part before `end`."""
        return Stretch(self.start, min(max(self.start, end), self.end))

    @property
    def starts_at(self) -> datetime:
        """The first moment, in UTC."""
        return moment_of(self.start)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it, in UTC."""
        return moment_of(self.end)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; how many minutes it has depends on the zone."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= _DECEMBER:
            raise ValueError(f"a month is 1 to {_DECEMBER}, got {self.number}")

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2026-10`."""
        found = _MONTH.fullmatch(text)
        if not found:
            raise ValueError(f"a month is YYYY-MM, for example 2026-10, got {text!r}")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> Month:
        """Return the month that a clock in the zone shows."""
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def following(self) -> Month:
        """The month after it."""
        return Month(self.year + 1, 1) if self.number == _DECEMBER else Month(self.year, self.number + 1)

    @property
    def previous(self) -> Month:
        """The month before it."""
        return Month(self.year - 1, _DECEMBER) if self.number == 1 else Month(self.year, self.number - 1)

    def stretch(self, zone: ZoneInfo) -> Stretch:
        """Return its minutes in the zone: a month with a clock change is longer or shorter."""
        after = self.following
        return Stretch(
            _midnight(date(self.year, self.number, 1), zone),
            _midnight(date(after.year, after.number, 1), zone),
        )


def days_of(stretch: Stretch, zone: ZoneInfo) -> Iterator[tuple[date, Stretch]]:
    """Yield each day of the zone that the minutes touch, with those of it; clocks may change in one."""
    day, last = (moment_of(minute).astimezone(zone).date() for minute in (stretch.start, stretch.end - 1))
    while day <= last:
        after = day + timedelta(days=1)
        yield day, Stretch(max(stretch.start, _midnight(day, zone)), min(stretch.end, _midnight(after, zone)))
        day = after


def rolling(end: int, window: timedelta) -> Stretch:
    """Return the window that ends before minute `end`."""
    return Stretch(end - int(window.total_seconds()) // MINUTE_S, end)


def zone_named(name: str) -> ZoneInfo:
    """Return an IANA zone, or raise ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # a folder of the zone database answers with OSError
        raise ValueError(f"expected an IANA time zone such as Europe/Berlin, got {name!r}") from error


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the day's first minute; where clocks skip midnight, the minute in which they do."""
    return minute_of(datetime(day.year, day.month, day.day, tzinfo=zone))
