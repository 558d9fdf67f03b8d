"""When a scheduled task is due: at a steady pace, or by a calendar in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from slo.cells import minute_of, moment_of

MINUTE = timedelta(minutes=1)

#: FREQ first, then what it is narrowed by [RFC 5545, 3.3.10].
_RULE = re.compile(r"FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY|MINUTELY)((?:;[A-Z]+=[A-Z0-9,+-]+)*)")
#: What counts from a first run, which a rule by itself does not have, and what is finer than a cell.
_REFUSED = ("INTERVAL", "COUNT", "BYSECOND")
#: A Monday, the first of a month and of a year: where a rule is tried.
_TRIED_FROM = date(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, counted from midnight 1970 in UTC, `offset` later."""

    period: timedelta
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.period < MINUTE or self.period % MINUTE or self.offset % MINUTE:
            raise ValueError(
                f"a task is due every so many whole minutes, got {self.period} and {self.offset}"
            )
        if not timedelta(0) <= self.offset < self.period:
            raise ValueError(f"an offset is shorter than {self.period}, got {self.offset}")

    def due(self, span: range) -> list[int]:
        """Return the minutes of the span at which it is due."""
        period, phase = self.period // MINUTE, self.offset // MINUTE
        return list(range(span.start + (phase - span.start) % period, span.stop, period))


@dataclass(frozen=True, slots=True)
class Calendar:
    """An RRULE, read on the clocks of a zone.

    A time that the clocks leap over is skipped, and one that they show twice is due once, the first time
    [Amazon EventBridge Scheduler, daylight saving time; which of the two it is does not stand there].
    """

    rule: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        problem = rule_problem(self.rule) or zone_problem(self.zone)
        if problem:
            raise ValueError(problem)

    def due(self, span: range) -> list[int]:
        """Return the minutes of the span at which it is due."""
        zone = ZoneInfo(self.zone)
        start, end = (moment_of(m).astimezone(zone).replace(tzinfo=None) for m in (span.start, span.stop))
        day = timedelta(days=1)  # clocks go back by less
        shown = _parsed(self.rule, start.date() - day).between(start - day, end + day, inc=True)
        minutes = {minute_of(told) for local in shown if (told := _told(local, zone)) is not None}
        return sorted(minute for minute in minutes if minute in span)


def rule_problem(rule: str) -> str:
    """Return what is wrong with a rule, or nothing."""
    found = _RULE.fullmatch(rule)
    if not found:
        return "expected an RRULE such as FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
    parts = {part.partition("=")[0] for part in found[2].split(";")}
    if refused := [name for name in _REFUSED if name in parts]:
        return f"expected a rule without {refused[0]}: what is counted from a first run is due `every`"
    try:
        first = next(iter(_parsed(rule, _TRIED_FROM)), None)
    except ValueError as error:
        return f"expected an RRULE such as FREQ=DAILY;BYHOUR=2;BYMINUTE=30: {error}"
    return "" if first else "expected a rule that is ever due"


def zone_problem(zone: str) -> str:
    """Return what is wrong with a time zone, or nothing."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "expected a time zone such as Europe/Berlin"
    return ""


@lru_cache(maxsize=1024)
def _parsed(rule: str, day: date) -> rrule:
    """Return the rule from where it begins anew: what it does not name is midnight, Monday, the first."""
    begin = day
    if rule.startswith("FREQ=WEEKLY"):
        begin = day - timedelta(days=day.weekday())
    elif rule.startswith(("FREQ=MONTHLY", "FREQ=YEARLY")):
        begin = date(day.year, 1, 1)
    made = rrulestr(rule, dtstart=datetime.combine(begin, time()))
    assert isinstance(made, rrule), "one line makes no set of rules"
    return made


def _told(local: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when clocks show this; None where they leap over it."""
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None
