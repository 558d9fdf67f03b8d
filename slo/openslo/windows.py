"""Time windows and durations as OpenSLO writes them: `30d` that rolls, or `1Q` of a calendar in a zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slo.calendars import Calendar, Unit
from slo.months import zone_named
from slo.objectives import CalendarMonth, Rolling

if TYPE_CHECKING:
    from slo.objectives import Window
    from slo.openslo.register import Register
    from slo.problem import Section

#: [OpenSLO README, duration-shorthand], case-sensitive: `m` are minutes, `M` months.
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhdwMQY])")
_FIXED = {"m": 1, "h": 60, "d": 1440, "w": 10_080}

#: `2020-01-21 12:30:00`; readers of YAML make it a datetime, some with a zone that nobody wrote.
_START = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::00)?(?:Z|\+00:00)?)?")


def minutes(text: object) -> int | None:
    """Return a duration of fixed length in minutes; None for months, quarters, years and anything else."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return int(found[1]) * _FIXED[found[2]] if found and found[2] in _FIXED else None


def window(register: Register, spec: Section) -> Window | None:
    """Read the one window of an SLO."""
    windows = list(spec.sections("timeWindow", "a list of one window"))
    if len(windows) != 1:
        if spec.data.get("timeWindow") is not None:
            spec.refuse("timeWindow", f"expected exactly one window, got {len(windows)}")
        return None
    (one,) = windows
    calendar = one.section("calendar", "startTime and timeZone", needed=False)
    duration = one.text("duration", "for example 30d")
    is_rolling = one.value("isRolling", "true or false", needed=False)
    register.leave(one)
    if is_rolling not in (True, False, None):
        one.refuse("isRolling", f"expected true or false, got {is_rolling!r}")
    if duration is None:
        return None
    if calendar is not None:
        return _calendar(register, one, calendar, duration)
    if is_rolling is not True:
        one.refuse("isRolling", "expected true, or a calendar")
        return None
    return _rolling(one, duration)


def _rolling(window: Section, duration: str) -> Rolling | None:
    length = minutes(duration)
    if length is None:
        window.refuse(
            "duration",
            "expected a number with m, h, d or w, for example 30d; what rolls has one length, and months, "
            f"quarters and years have none but in a calendar; got {duration!r}",
        )
        return None
    try:
        return Rolling(timedelta(minutes=length))
    except ValueError as error:
        window.refuse("duration", str(error))
        return None


def _calendar(register: Register, window: Section, calendar: Section, duration: str) -> Window | None:
    start = _start(calendar)
    zone = calendar.text("timeZone", "an IANA time zone such as Europe/Berlin")
    register.leave(calendar)
    found = _DURATION.fullmatch(duration)
    if window.data.get("isRolling") is True:
        window.refuse("isRolling", "expected false beside a calendar")
    if found is None or found[2] not in set(Unit):
        window.refuse(
            "duration", f"expected a number with d, w, M, Q or Y beside a calendar, got {duration!r}"
        )
        return None
    if start is None or zone is None or window.data.get("isRolling") is True:
        return None
    try:
        zone_named(zone)
    except ValueError as error:
        calendar.refuse("timeZone", str(error))
        return None
    return _period(window, Unit(found[2]), int(found[1]), (start, zone))


def _period(window: Section, unit: Unit, count: int, since: tuple[datetime, str]) -> Window | None:
    start, zone = since
    if (count, unit, start.day, start.hour, start.minute) == (1, Unit.MONTH, 1, 0, 0):
        return CalendarMonth(zone)
    try:
        return Calendar(count, unit, start, zone)
    except ValueError as error:
        window.refuse("duration", str(error))
        return None


def _start(calendar: Section) -> datetime | None:
    """Read the local time at which the first period starts."""
    expected = "a local time in whole minutes such as 2026-01-01 00:00:00"
    written = calendar.value("startTime", expected)
    found = _START.fullmatch(str(written))
    try:
        start = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}") if found else None
    except ValueError:
        start = None
    if start is None and written is not None:
        calendar.refuse("startTime", f"expected {expected}, got {str(written)!r}")
    return start
