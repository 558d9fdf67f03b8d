"""Minutes by the slots of a calendar: each is in one of them, by the clock of a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from slo.cells import minute_of
from slo.months import Stretch, days_of
from slo.slots import by_day, by_hour
from slo.tally import Minutes

OCTOBER = minute_of(datetime(2026, 10, 1, tzinfo=UTC))
DAY = 1440
UTC_ZONE, BERLIN, KOLKATA = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")


def minutes(count: int, down: range = range(0)) -> Minutes:
    """So many minutes with ten requests each, of which three fail where it is down."""
    flags = np.zeros(count, np.bool_)
    failed = flags.copy()
    failed[list(down)] = True
    bad, total = np.where(failed, 3, 0).astype(np.int64), np.full(count, 10, np.int64)
    return Minutes(bad, total, failed, flags, flags, flags, flags)


def test_each_minute_is_in_one_slot_of_the_map_and_of_the_strip() -> None:
    told, october = minutes(2 * DAY, range(700, 715)), Stretch(OCTOBER, OCTOBER + 31 * DAY)
    rows = by_hour(told, october, UTC_ZONE, 1)
    strip = by_day("eu-west-1", told, october, UTC_ZONE, 1)
    assert (len(rows), len(strip.elapsed)) == (31, 31)
    assert [sum(sum(row.down) for row in rows), sum(strip.down)] == [15, 15]
    assert [sum(sum(row.bad) for row in rows), sum(strip.bad)] == [45, 45]
    assert sum(strip.elapsed) == 2 * DAY
    assert rows[0].down[11] == 15


def test_a_day_is_that_of_the_zone_also_where_it_is_half_an_hour_off() -> None:
    told = minutes(DAY, range(1110, 1111))
    first, second = by_hour(told, Stretch(OCTOBER, OCTOBER + DAY), KOLKATA, 1)
    assert (first.label, second.label) == ("Thu 1 Oct", "Fri 2 Oct")
    assert (sum(first.elapsed), sum(second.elapsed)) == (1110, 330)
    assert second.down[0] == 1


def test_a_period_that_begins_within_an_hour_keeps_the_hours_of_the_clock() -> None:
    """A window that rolls begins at any minute."""
    (row,) = by_hour(minutes(120), Stretch(OCTOBER + 607, OCTOBER + 727), UTC_ZONE, 1)
    assert row.elapsed[10:13] == (53, 60, 7)


def test_an_hour_that_clocks_go_back_to_holds_both_and_a_skipped_one_none() -> None:
    back = minute_of(datetime(2026, 10, 24, 22, tzinfo=UTC))
    autumn_day = Stretch(back, back + 25 * 60)
    (autumn,) = by_hour(minutes(25 * 60), autumn_day, BERLIN, 1)
    ahead = minute_of(datetime(2026, 3, 28, 23, tzinfo=UTC))
    (spring,) = by_hour(minutes(23 * 60), Stretch(ahead, ahead + 23 * 60), BERLIN, 1)
    assert (autumn.elapsed[2], spring.elapsed[2]) == (120, 0)
    assert list(days_of(autumn_day, BERLIN)) == [(datetime(2026, 10, 25, tzinfo=UTC).date(), autumn_day)]


def test_counts_are_requests_cut_off_and_failed_ones_rounded_up_once_for_a_slot() -> None:
    """Not minute by minute: a thousandth of a request in each would read as a request in each."""
    strip = by_day("eu-west-1", minutes(DAY, range(100)), Stretch(OCTOBER, OCTOBER + DAY), UTC_ZONE, 1000)
    assert (strip.bad, strip.total) == ((1,), (14,))
