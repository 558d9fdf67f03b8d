"""When a budget will be spent, and what that assumes: a pace of the past, and traffic as even as so far."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from slo import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.budget import Budget


class Pace(StrEnum):
    """Whose pace goes on, by the window of its burn rate."""

    LAST_HOUR = "1h"
    LAST_DAY = "1d"

    @property
    def words(self) -> str:
        """How people call it."""
        return {"1h": "the last hour", "1d": "the last day"}[self]


@dataclass(frozen=True, slots=True)
class Forecast:
    """In how many minutes the budget is spent if a pace goes on; None where it outlasts its period."""

    pace: Pace
    burn: Fraction | None
    minutes: Fraction | None

    @property
    def sentence(self) -> str:
        """Say it with what it assumes."""
        if self.minutes == 0:
            return "The budget is spent already."
        assumed = f"At the pace of {self.pace.words} and with even traffic the budget"
        if self.burn is None:
            return f"Nothing is known of {self.pace.words}, so that nothing can be forecast by it."
        if self.minutes is None:
            return f"{assumed} outlasts its period."
        return f"{assumed} is spent in {figures.allowance(self.minutes)}."


def forecasts(budget: Budget, burns: Mapping[str, Fraction | None]) -> tuple[Forecast, ...]:
    """Return a forecast by each pace, from the burn rates of its windows."""
    return tuple(_forecast(budget, pace, burns.get(pace)) for pace in Pace)


def _forecast(budget: Budget, pace: Pace, burn: Fraction | None) -> Forecast:
    minutes = budget.exhausted_in(burn)
    return Forecast(pace, burn, None if minutes is None or minutes > budget.rest else minutes)
