"""Months are as long as they are where the contract lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from slo.cells import minute_of
from slo.months import Month, Stretch, days_of, rolling, zone_named
from slo.objectives import CalendarMonth, Rolling


@pytest.mark.parametrize(
    ("month", "zone", "minutes"),
    [
        ("2026-02", "UTC", 28 * 1440),
        ("2028-02", "UTC", 29 * 1440),
        ("2026-03", "America/New_York", 44_580),
        ("2026-11", "America/New_York", 43_260),
        ("2026-10", "Europe/Berlin", 44_700),
        ("2026-10", "Asia/Kolkata", 44_640),
        ("2026-04", "Australia/Lord_Howe", 43_230),
    ],
)
def test_a_month_has_its_real_length(month: str, zone: str, minutes: int) -> None:
    stretch = Month.parse(month).stretch(zone_named(zone))
    assert len(stretch) == minutes
    days = list(days_of(stretch, zone_named(zone)))
    assert sum(len(day) for _, day in days) == minutes
    assert (days[0][1].start, days[-1][1].end) == (stretch.start, stretch.end)


def test_a_month_in_kolkata_starts_at_half_past_six_in_utc() -> None:
    stretch = Month.parse("2026-10").stretch(ZoneInfo("Asia/Kolkata"))
    assert stretch.starts_at == datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
    assert stretch.ends_at == datetime(2026, 10, 31, 18, 30, tzinfo=UTC)


def test_the_month_is_the_one_that_the_zone_s_clock_shows() -> None:
    moment = datetime(2026, 12, 31, 20, tzinfo=UTC)
    assert Month.of(moment, ZoneInfo("UTC")) == Month(2026, 12)
    assert Month.of(moment, ZoneInfo("Asia/Kolkata")) == Month(2026, 12).following == Month(2027, 1)


def test_a_midnight_that_clocks_skip_is_the_minute_in_which_they_do() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    (day,) = [d for name, d in days_of(Month(2018, 11).stretch(zone), zone) if name.day == 4]
    assert day.starts_at == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert len(day) == 23 * 60


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "October", "2026-10-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        Month.parse(text)


@pytest.mark.parametrize("name", ["Mars", "", "../etc", "Europe"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        zone_named(name)


def test_a_rolling_window_ends_with_the_last_whole_minute() -> None:
    now = datetime(2026, 10, 1, 12, 0, 59, tzinfo=UTC)
    stretch = Rolling(timedelta(hours=1)).stretch(now)
    assert stretch == rolling(minute_of(now), timedelta(hours=1))
    assert (stretch.start, stretch.end) == (minute_of(now) - 60, minute_of(now))


def test_a_calendar_window_is_the_whole_month() -> None:
    now = datetime(2026, 10, 15, tzinfo=UTC)
    whole = CalendarMonth("UTC").stretch(now)
    assert (len(whole), len(whole.until(minute_of(now))), len(whole.until(0))) == (44_640, 14 * 1440, 0)


def test_a_stretch_never_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends after"):
        Stretch(2, 1)
