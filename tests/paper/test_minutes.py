"""The heat map, the strips and the course: they say what they draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from fournines.paper.course import Point, burn_down
from fournines.paper.minutes import heat_map, region_strips
from fournines.paper.palette import PRINT
from slo.slots import Slots

ALLOWED = Fraction("4.464")


def words(svg: str) -> list[str]:
    """Return what is said of the boxes of a chart that is well-formed."""
    boxes = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")  # noqa: S314 - our own drawing
    return [box[0].text or "" for box in boxes if len(box)]


def test_the_map_says_in_words_and_numbers_what_it_shows_in_colours() -> None:
    hours, none = (60,) * 24, (0,) * 24
    down, bad = (0,) * 11 + (15,) + (0,) * 12, (0,) * 11 + (45,) + (0,) * 12
    first = Slots(
        label="Thu 1 Oct", elapsed=hours, down=down, unknown=none, excluded=none, bad=bad, total=(600,) * 24
    )
    second = replace(first, label="Fri 2 Oct", down=none, bad=none)
    third = replace(second, label="Sat 3 Oct", elapsed=none, total=none)
    svg = heat_map([first, second, third], ALLOWED, PRINT)
    said = words(svg)
    assert "Thu 1 Oct, 11 h: 15 of 60 minutes down, 45 of 600 bad" in said
    assert "Thu 1 Oct, 00 h to 10 h: 0 of 660 minutes down" in said
    assert ">15</text>" in svg
    assert not [one for one in said if "3 Oct" in one], "what has not begun shows nothing"


def row(**columns: int) -> Slots:
    """One slot of 1440 minutes."""
    names = ("elapsed", "down", "unknown", "excluded", "bad", "total")
    given = {"elapsed": 1440} | columns
    return Slots(label="eu-west-1", **{name: (given.get(name, 0),) for name in names})


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
def test_each_state_has_its_look_and_what_is_over_the_allowance_stands_out(made: Slots, looks: str) -> None:
    days = [date(2026, 10, 1)]
    assert looks in region_strips([made], days, ALLOWED, PRINT)
    assert looks not in region_strips([row()], days, ALLOWED, PRINT).replace("<pattern", "")


def test_a_period_that_begins_this_minute_has_no_days_and_is_drawn_all_the_same() -> None:
    nothing = Slots(label="eu-west-1", elapsed=(), down=(), unknown=(), excluded=(), bad=(), total=())
    svg = region_strips([nothing], [], ALLOWED, PRINT)
    assert (words(svg), ">eu-west-1</text>" in svg) == ([], True)


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
    assert ">-3,000 %<" in svg
    assert "Nothing is known yet." in burn_down([], ["1"], PRINT)
