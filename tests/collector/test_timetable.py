"""When scheduled tasks are due: on days that clocks change, at the ends of months, and over midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.timetable import Calendar, Every, rule_problem, zone_problem
from slo.cells import minute_of, moment_of

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NIGHTLY = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"


def due(timetable: Every | Calendar, first: str, last: str) -> list[str]:
    """Return when it is due from one day to the next, in UTC."""
    start, end = (minute_of(datetime.fromisoformat(day).replace(tzinfo=UTC)) for day in (first, last))
    return [f"{moment_of(minute):%m-%d %H:%M}" for minute in timetable.due(range(start, end))]


def test_a_steady_pace_is_counted_from_midnight_in_utc() -> None:
    assert due(Every(8 * HOUR), "2026-11-23", "2026-11-24") == ["11-23 00:00", "11-23 08:00", "11-23 16:00"]
    assert due(Every(12 * HOUR, 20 * MINUTE), "2026-11-23", "2026-11-24") == ["11-23 00:20", "11-23 12:20"]


def test_a_calendar_reads_the_clocks_of_its_zone() -> None:
    assert due(Calendar(NIGHTLY), "2026-11-23", "2026-11-25") == ["11-23 02:30", "11-24 02:30"]
    assert due(Calendar(NIGHTLY, "Asia/Kolkata"), "2026-11-23", "2026-11-25") == [
        "11-23 21:00",
        "11-24 21:00",
    ]


def test_a_time_that_clocks_leap_over_is_skipped() -> None:
    nightly = Calendar(NIGHTLY, "Europe/Berlin")
    assert due(nightly, "2026-03-28", "2026-03-31") == ["03-28 01:30", "03-30 00:30"]


def test_a_time_that_clocks_show_twice_is_due_once() -> None:
    nightly = Calendar(NIGHTLY, "Europe/Berlin")
    assert due(nightly, "2026-10-24", "2026-10-27") == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=23", ["01-31 23:00", "02-28 23:00", "03-31 23:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["01-31 00:00", "03-31 00:00"]),
        ("FREQ=MONTHLY", ["02-01 00:00", "03-01 00:00"]),
        ("FREQ=MONTHLY;BYDAY=2TU;BYHOUR=6", ["02-10 06:00", "03-10 06:00"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28", ["02-28 00:00"]),
        ("FREQ=WEEKLY;UNTIL=20260209", ["02-02 00:00", "02-09 00:00"]),
    ],
)
def test_what_a_rule_does_not_name_is_the_first_and_midnight(rule: str, expected: list[str]) -> None:
    assert due(Calendar(rule), "2026-01-30", "2026-04-01") == expected


def test_weekdays_are_those_of_the_zone() -> None:
    mondays = Calendar("FREQ=WEEKLY;BYDAY=MO;BYHOUR=8", "Pacific/Auckland")
    assert due(mondays, "2026-11-20", "2026-12-01") == ["11-22 19:00", "11-29 19:00"]


@given(
    st.sampled_from(
        [Every(7 * MINUTE, 3 * MINUTE), Calendar(NIGHTLY, "Europe/Berlin"), Calendar("FREQ=HOURLY")]
    ),
    st.integers(29_500_000, 29_900_000),
    st.integers(0, 3000),
    st.integers(0, 3000),
)
def test_a_span_owes_what_its_parts_owe(
    timetable: Every | Calendar, start: int, first: int, second: int
) -> None:
    middle, end = start + first, start + first + second
    parts = timetable.due(range(start, middle)) + timetable.due(range(middle, end))
    assert timetable.due(range(start, end)) == parts


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (NIGHTLY, ""),
        ("nightly", "expected an RRULE"),
        (f"DTSTART:20260101T000000\nRRULE:{NIGHTLY}", "expected an RRULE"),
        ("FREQ=SECONDLY", "expected an RRULE"),
        ("FREQ=DAILY;BYHOUR=25", "hour must be in 0..23"),
        ("FREQ=DAILY;BYTEATIME=1", "BYTEATIME"),
        ("FREQ=WEEKLY;INTERVAL=2", "without INTERVAL"),
        ("FREQ=DAILY;COUNT=3", "without COUNT"),
        ("FREQ=DAILY;BYSECOND=30", "without BYSECOND"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "ever due"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rule: str, problem: str) -> None:
    assert problem.casefold() in rule_problem(rule).casefold()
    assert bool(problem) == bool(rule_problem(rule))


def test_a_timetable_that_makes_no_sense_does_not_exist() -> None:
    assert zone_problem("Europe/Berlin") == ""
    for made in (
        lambda: Calendar(NIGHTLY, "Europe/Atlantis"),
        lambda: Calendar("daily"),
        lambda: Every(timedelta(seconds=30)),
        lambda: Every(90 * timedelta(seconds=1)),
        lambda: Every(HOUR, HOUR),
    ):
        with pytest.raises(ValueError, match=r"expected|every so many|shorter"):
            made()
