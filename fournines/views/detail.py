"""One objective of one service, looked at closely: its budget, its regions, how it went, and who spent it."""

from __future__ import annotations

from dataclasses import dataclass

from fournines.paper.course import burn_down
from fournines.paper.minutes import heat_map, region_strips
from fournines.paper.palette import SCREEN
from fournines.views.budget import BudgetRow
from fournines.views.course import Course
from fournines.views.spent import SpentView
from slo import figures


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page of one budget shows."""

    row: BudgetRow
    parts: tuple[BudgetRow, ...]
    spent: SpentView
    course: Course

    @property
    def promise(self) -> str:
        """What is aimed for, over which period."""
        return f"{figures.target(self.row.budget.target)} of {self.row.budget.unit} good"

    @property
    def burn_down(self) -> str:
        """How the budget went, as a drawing."""
        return burn_down(self.course.points, [f"{day.day} {day:%b}" for day in self.course.days], SCREEN)

    @property
    def heat_map(self) -> str:
        """Days and hours, as a drawing."""
        return heat_map(self.course.hours, self.course.allowed, SCREEN)

    @property
    def strips(self) -> str:
        """Regions and days, as a drawing."""
        return region_strips(self.course.strips, self.course.days, self.course.allowed, SCREEN)
