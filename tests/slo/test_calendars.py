"""Calendar periods of any length: as long as they are where they are counted, and each after the other."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.calendars import Calendar, Unit
from slo.cells import minute_of
from slo.objectives import CalendarMonth

NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - a local time


def minutes(count: int, unit: str, zone: str, now: datetime, start: datetime = NEW_YEAR) -> int:
    return len(Calendar(count, Unit(unit), start, zone).stretch(now))


@pytest.mark.parametrize(
    ("count", "unit", "zone", "now", "expected"),
    [
        (1, "M", "UTC", datetime(2026, 2, 10, tzinfo=UTC), 28 * 1440),
        (1, "M", "UTC", datetime(2028, 2, 29, tzinfo=UTC), 29 * 1440),
        (1, "M", "America/New_York", datetime(2026, 3, 10, tzinfo=UTC), 44_580),
        (1, "M", "America/New_York", datetime(2026, 11, 10, tzinfo=UTC), 43_260),
        (1, "M", "Australia/Lord_Howe", datetime(2026, 4, 10, tzinfo=UTC), 43_230),
        (1, "M", "Asia/Kolkata", datetime(2026, 10, 10, tzinfo=UTC), 44_640),
        (1, "d", "America/New_York", datetime(2026, 3, 8, 12, tzinfo=UTC), 23 * 60),
        (1, "d", "America/New_York", datetime(2026, 11, 1, 12, tzinfo=UTC), 25 * 60),
        (1, "w", "America/New_York", datetime(2026, 3, 8, 12, tzinfo=UTC), 7 * 1440 - 60),
        (1, "Q", "UTC", datetime(2026, 2, 1, tzinfo=UTC), 90 * 1440),
        (1, "Q", "Europe/Berlin", datetime(2026, 2, 1, tzinfo=UTC), 90 * 1440 - 60),
        (1, "Y", "Europe/Berlin", datetime(2026, 7, 1, tzinfo=UTC), 365 * 1440),
        (1, "Y", "UTC", datetime(2028, 7, 1, tzinfo=UTC), 366 * 1440),
    ],
)
def test_a_period_has_its_real_length(count: int, unit: str, zone: str, now: datetime, expected: int) -> None:
    assert minutes(count, unit, zone, now) == expected


def test_a_month_of_a_calendar_is_the_calendar_month() -> None:
    now = datetime(2026, 11, 15, tzinfo=UTC)
    month = Calendar(1, Unit.MONTH, NEW_YEAR, "America/New_York")
    assert month.stretch(now) == CalendarMonth("America/New_York").stretch(now)
    assert len(month.stretch(now)) <= month.longest


def test_a_period_begins_when_its_start_says_in_local_time() -> None:
    noon = Calendar(1, Unit.WEEK, datetime(2026, 1, 5, 12, 30), "Asia/Kolkata")  # noqa: DTZ001
    assert noon.stretch(datetime(2026, 10, 12, 6, 59, tzinfo=UTC)).ends_at == datetime(
        2026, 10, 12, 7, tzinfo=UTC
    )


def test_a_month_from_the_31st_on_begins_with_the_last_day_of_shorter_ones() -> None:
    last = Calendar(1, Unit.MONTH, datetime(2026, 1, 31), "UTC")  # noqa: DTZ001
    begins = [last.stretch(datetime(2026, month, 20, tzinfo=UTC)).ends_at.day for month in (2, 3, 4, 5)]
    assert begins == [28, 31, 30, 31]


def test_a_time_that_clocks_skip_is_as_much_later() -> None:
    skipped = Calendar(1, Unit.DAY, datetime(2026, 1, 1, 2, 30), "America/New_York")  # noqa: DTZ001
    found = skipped.stretch(datetime(2026, 3, 8, 12, tzinfo=UTC))
    assert found.starts_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


@given(
    unit=st.sampled_from(Unit),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
    at=st.integers(0, 20 * 365 * 1440),
    zone=st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_every_minute_lies_in_one_period_and_the_next_begins_where_it_ends(
    unit: Unit, start: datetime, at: int, zone: str
) -> None:
    calendar = Calendar(1, unit, start.replace(second=0, microsecond=0), zone)
    now = datetime(2020, 1, 1, tzinfo=UTC).timestamp() // 60 + at
    here = calendar.stretch(datetime.fromtimestamp(now * 60, UTC))
    following = calendar.stretch(here.ends_at)
    assert here.start <= minute_of(datetime.fromtimestamp(now * 60, UTC)) < here.end
    assert all(a.end == b.start for a, b in pairwise([here, following]))


@pytest.mark.parametrize(("count", "unit"), [(0, "d"), (456, "d"), (66, "w"), (16, "M"), (6, "Q"), (2, "Y")])
def test_cells_are_kept_for_fifteen_months_so_longer_periods_are_refused(count: int, unit: str) -> None:
    with pytest.raises(ValueError, match="15 months"):
        Calendar(count, Unit(unit), NEW_YEAR, "UTC")


def test_a_period_starts_with_a_whole_local_minute() -> None:
    for wrong in (NEW_YEAR.replace(second=1), NEW_YEAR.replace(tzinfo=UTC)):
        with pytest.raises(ValueError, match="whole local minute"):
            Calendar(1, Unit.DAY, wrong, "UTC")
