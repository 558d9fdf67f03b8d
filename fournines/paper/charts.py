"""A statement's charts: its own numbers, placed.  None is made here."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fournines.paper import course, minutes

if TYPE_CHECKING:
    from fournines.paper.palette import Palette
    from slo.statement import Statement


def burn_down(statement: Statement, palette: Palette) -> str:
    """Draw what was left of the budget at the end of each day, beside an even pace."""
    days = statement.days
    points = [
        course.Point(Fraction(place, len(days)), Fraction(day.budget_left.exact))
        for place, day in enumerate(days, start=1)
        if day.budget_left.exact is not None
    ]
    start = course.Point(Fraction(0), Fraction(1))
    return course.burn_down([start, *points], [day.date[-2:].lstrip("0") for day in days], palette)


def heat_map(statement: Statement, palette: Palette) -> str:
    """Draw each hour of the month by how much of it was down."""
    return minutes.heat_map(statement.hours, _allowed(statement), palette)


def region_strips(statement: Statement, palette: Palette) -> str:
    """Draw each day of each region by how much of it was down."""
    days = [statement.start.date().fromisoformat(day.date) for day in statement.days]
    return minutes.region_strips(statement.strips, days, _allowed(statement), palette)


def _allowed(statement: Statement) -> Fraction:
    return Fraction(statement.allowed.exact or 0)
