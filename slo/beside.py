"""Requests and minutes side by side, at every placement at once: from the same cells, never converted."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from slo.budget import (
    SLICE_TARGET,
    Budget,
    Period,
    Sides,
    bad_minutes,
    budgets,
    by_minute,
    by_request,
    in_minutes,
    pooled,
)
from slo.cells import Sli

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from slo.budget import Past
    from slo.ledger import Ledger
    from slo.objectives import Objective


def beside(
    objectives: Iterable[Objective], ledger: Ledger, now: datetime, past: Past | None = None
) -> Iterator[Sides]:
    """Yield both budgets of each objective at each placement; what the ring holds is looked through once."""
    asked = [(one, by_request(one)) for one in objectives]
    periods = [Period.of(counted, ledger, now, past) for _, counted in asked]
    down = _Down(ledger, sorted({period.split for period in periods}))
    for (objective, counted), period in zip(asked, periods, strict=True):
        if objective.in_slices:
            yield from _one_by_one(objective, counted, ledger, now, past)
            continue
        yield from _at_once(counted, down.over(period.split, period.end, slice_target(counted)), period, now)


def together(parts: Sequence[Sides]) -> Sides:
    """Return the budgets of several placements together: sums, never a mean of ratios."""
    requests, minutes = ([getattr(part, side) for part in parts] for side in ("requests", "minutes"))
    return Sides(requests=pooled(requests), minutes=pooled(minutes))


def slice_target(objective: Objective) -> Fraction:
    """Return the least ratio of good requests of a good minute."""
    target = objective.time_slice_target
    return Fraction(SLICE_TARGET if target is None else target)


class _Down:
    """How many minutes were bad, by column; what periods that begin at `starts` share is counted once."""

    def __init__(self, ledger: Ledger, starts: Sequence[int]) -> None:
        self._ledger, self._starts = ledger, starts
        self._between = cache(self._counted)

    def over(self, start: int, end: int, target: Fraction) -> NDArray[np.int64]:
        """Return it for a period."""
        cuts = [start, *(one for one in self._starts if start < one < end), end]
        nothing = np.zeros(len(self._ledger.slis), np.int64)
        return sum((self._between(*pair, target) for pair in pairwise(cuts)), nothing)

    def _counted(self, start: int, end: int, target: Fraction) -> NDArray[np.int64]:
        found = (
            one.per_sli(bad_minutes(one.bad, one.total, target)) for one in self._ledger.failing(start, end)
        )
        return sum(found, np.zeros(len(self._ledger.slis), np.int64))


def _at_once(counted: Objective, down: NDArray[np.int64], period: Period, now: datetime) -> Iterator[Sides]:
    """Yield both of each SLI: `down` are the minutes that the ring holds, the past tells of the others."""
    minutes, ledger = by_minute(counted), period.ledger
    for budget in budgets([counted], ledger, now, period.past):
        sli = Sli(budget.placements[0], budget.indicator)
        gone = period.before(minutes, sli).bad
        yield Sides(requests=budget, minutes=_in_minutes(budget, gone + int(down[ledger.column(sli)])))


def _in_minutes(budget: Budget, down: Fraction) -> Budget:
    known = budget.elapsed - budget.unknown - budget.excluded
    return replace(budget, unit="minutes", bad=down, total=Fraction(known))


def _one_by_one(
    objective: Objective, counted: Objective, ledger: Ledger, now: datetime, past: Past | None
) -> Iterator[Sides]:
    """Yield the same of slices."""
    for budget in budgets([counted], ledger, now, past):
        sli = Sli(budget.placements[0], budget.indicator)
        yield Sides(requests=budget, minutes=in_minutes(objective, [sli], ledger, now, past))
