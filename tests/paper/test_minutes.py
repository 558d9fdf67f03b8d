"""The heat map and the strips: they add minutes up by the clock of a zone, and say what they draw."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fournines.paper.course import Point, burn_down
from fournines.paper.minutes import Minutes, Row, by_day, by_hour, days_of, heat_map, region_strips
from fournines.paper.palette import PRINT
from slo.cells import minute_of

OCTOBER = minute_of(datetime(2026, 10, 1, tzinfo=UTC))
DAY = 1440
ALLOWED = Fraction("4.464")
UTC_ZONE, BERLIN, KOLKATA = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")


def minutes(count: int = 2 * DAY, *, start: int = OCTOBER, down: range = range(0)) -> Minutes:
    """So many minutes with ten requests each, of which three fail where it is down."""
    flags = np.zeros(count, np.bool_)
    failed = flags.copy()
    failed[list(down)] = True
    return Minutes(
        start, failed, flags, flags, np.where(failed, 3, 0).astype(np.int64), np.full(count, 10, np.int64)
    )


def words(svg: str) -> list[str]:
    """Return what is said of the boxes of a chart that is well-formed."""
    boxes = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")  # noqa: S314 - our own drawing
    return [box[0].text or "" for box in boxes if len(box)]


def test_each_minute_is_in_one_slot_of_the_map_and_of_the_strip() -> None:
    told = minutes(down=range(700, 715))
    rows = by_hour(told, OCTOBER + 31 * DAY, UTC_ZONE)
    strip = by_day("eu-west-1", told, OCTOBER + 31 * DAY, UTC_ZONE)
    assert (len(rows), len(strip.elapsed)) == (31, 31)
    assert [sum(int(row.down.sum()) for row in rows), int(strip.down.sum())] == [15, 15]
    assert [sum(int(row.bad.sum()) for row in rows), int(strip.bad.sum())] == [45, 45]
    assert int(strip.elapsed.sum()) == 2 * DAY
    assert rows[0].down[11] == 15


def test_a_day_is_that_of_the_zone_also_where_it_is_half_an_hour_off() -> None:
    told = minutes(DAY, down=range(1110, 1111))
    (first, second) = by_hour(told, OCTOBER + DAY, KOLKATA)
    assert (first.label, second.label) == ("Thu 1 Oct", "Fri 2 Oct")
    assert (int(first.elapsed.sum()), int(second.elapsed.sum())) == (1110, 330)
    assert second.down[0] == 1


def test_an_hour_that_clocks_go_back_to_holds_both_and_a_skipped_one_none() -> None:
    back = minute_of(datetime(2026, 10, 24, 22, tzinfo=UTC))
    (autumn,) = by_hour(minutes(25 * 60, start=back), back + 25 * 60, BERLIN)
    ahead = minute_of(datetime(2026, 3, 28, 23, tzinfo=UTC))
    (spring,) = by_hour(minutes(23 * 60, start=ahead), ahead + 23 * 60, BERLIN)
    assert (autumn.elapsed[2], spring.elapsed[2]) == (120, 0)
    assert days_of(back, back + 25 * 60, BERLIN) == (datetime(2026, 10, 25, tzinfo=UTC).date(),)


def test_columns_of_different_lengths_are_refused() -> None:
    one, two = np.zeros(1, np.bool_), np.zeros(2, np.bool_)
    counts = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="same minutes"):
        Minutes(0, one, two, one, counts, counts)


def test_the_map_says_in_words_and_numbers_what_it_shows_in_colours() -> None:
    svg = heat_map(by_hour(minutes(down=range(700, 715)), OCTOBER + 3 * DAY, UTC_ZONE), ALLOWED, PRINT)
    said = words(svg)
    assert "Thu 1 Oct, 11 h: 15 of 60 minutes down, 45 of 600 bad" in said
    assert "Thu 1 Oct, 00 h to 10 h: 0 of 660 minutes down" in said
    assert ">15</text>" in svg
    assert not [one for one in said if "3 Oct" in one], "what has not begun shows nothing"


def row(**columns: int) -> Row:
    """One slot of 1440 minutes."""
    names = ("elapsed", "down", "unknown", "excluded", "bad", "total")
    given = {"elapsed": DAY} | columns
    return Row("eu-west-1", *(np.array([given.get(name, 0)]) for name in names))


@pytest.mark.parametrize(
    ("made", "looks"),
    [
        (row(down=4), PRINT.warn),
        (row(down=5), PRINT.bad),
        (row(unknown=1), "url(#regions-hatching)"),
        (row(excluded=60), "stroke-dasharray:2 2"),
    ],
    ids=["down", "more than the month allows", "unknown", "excluded"],
)
def test_each_state_has_its_look_and_what_is_over_the_allowance_stands_out(made: Row, looks: str) -> None:
    days = days_of(OCTOBER, OCTOBER + DAY, UTC_ZONE)
    assert looks in region_strips([made], days, ALLOWED, PRINT)
    assert looks not in region_strips([row()], days, ALLOWED, PRINT).replace("<pattern", "")


def test_a_course_is_drawn_against_an_even_pace_and_says_where_it_stands() -> None:
    points = [Point(Fraction(0), Fraction(1)), Point(Fraction(1, 3), Fraction("0.8999"))]
    svg = burn_down(points, ["1", "2", "3"], PRINT)
    ET.fromstring(svg)  # noqa: S314 - our own drawing
    assert "Now 89.9 % is left." in svg
    assert "stroke-dasharray" in svg
    assert "-100 %" not in svg


def test_what_is_overspent_many_times_stays_inside_the_drawing() -> None:
    svg = burn_down([Point(Fraction(1, 2), Fraction(-30))], ["1"], PRINT)
    assert "-100 %" in svg
    assert ">-3,000.0 %<" in svg
    assert "Nothing is known yet." in burn_down([], ["1"], PRINT)
