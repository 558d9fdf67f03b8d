"""How a service's budget went, minute by minute over all of its regions: what its page draws."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from fournines.paper.course import Point
from slo.beside import slice_target
from slo.budget import bad_minutes, scale_of
from slo.cells import Sli, State, minute_of
from slo.months import Stretch, days_of
from slo.slots import Slots, by_day, by_hour
from slo.tally import Minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from slo.budget import Budget
    from slo.failures import Failures
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: A line of more points shows no more on a screen.
POINTS_MAX = 120


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What was left as the period went on, and its minutes: by hour over all regions, and by day of each.

    What was left is of the whole period's budget, were the rest of it as busy as it has been so far.
    `allowed` is how many minutes of the clock may be down in the period.
    """

    period: Stretch
    zone: ZoneInfo
    allowed: Fraction
    points: tuple[Point, ...]
    hours: tuple[Slots, ...]
    strips: tuple[Slots, ...]

    @property
    def days(self) -> list[date]:
        """The days that the period touches."""
        return [day for day, _ in days_of(self.period, self.zone)]


def course(  # noqa: PLR0913, PLR0917 - minutes are drawn by what was spent in them
    objective: Objective, slis: Sequence[Sli], ledger: Ledger, now: datetime, whole: Budget, spends: Failures
) -> Course:
    """Return how the whole budget of some placements went, by what each minute of them spent.

    Of a period that is longer than the ring the newest minutes are shown, and no line.
    """
    period = objective.window.stretch(now)
    so_far = period.until(minute_of(now))
    held = len(period) <= ledger.ring
    shown = so_far if held else Stretch(max(so_far.start, so_far.end - ledger.ring), so_far.end)
    regions = {
        region: _minutes(objective, [sli for sli in slis if sli.placement.region == region], ledger, shown)
        for region in sorted({sli.placement.region for sli in slis})
    }
    drawn, zone = period if held else shown, ZoneInfo(getattr(objective.window, "zone", "UTC"))
    scale = objective.indicator.scale
    return Course(
        period=drawn,
        zone=zone,
        allowed=len(period) * objective.budget,
        points=_points(whole, spends, period, so_far, scale_of(objective)) if held else (),
        hours=by_hour(_joined(tuple(regions.values())), drawn, zone, scale),
        strips=tuple(by_day(name, minutes, drawn, zone, scale) for name, minutes in regions.items()),
    )


def _minutes(objective: Objective, slis: Sequence[Sli], ledger: Ledger, within: Stretch) -> Minutes:
    """Return the minutes of several placements as one: down where any was, else unknown where any was."""
    return _joined(tuple(_one(objective, sli, ledger, within) for sli in slis))


def _one(objective: Objective, sli: Sli, ledger: Ledger, within: Stretch) -> Minutes:
    bad, total, state = ledger.minutes(sli, within.start, within.end)
    down = bad_minutes(bad, total, slice_target(objective))
    unknown, excluded, no_traffic = (
        state == one for one in (State.UNKNOWN, State.EXCLUDED, State.NO_TRAFFIC)
    )
    return Minutes(bad, total, down, unknown, excluded, no_traffic, np.zeros_like(down))


def _joined(parts: Sequence[Minutes]) -> Minutes:
    down = np.logical_or.reduce([part.down for part in parts])
    unknown = np.logical_or.reduce([part.unknown for part in parts]) & ~down
    excluded, no_traffic = (
        np.logical_and.reduce([getattr(part, name) for part in parts]) for name in ("excluded", "no_traffic")
    )
    bad, total = (np.sum([getattr(part, name) for part in parts], axis=0) for name in ("bad", "total"))
    return Minutes(bad, total, down, unknown, excluded, no_traffic, np.zeros_like(down))


def _points(
    whole: Budget, spends: Failures, period: Stretch, so_far: Stretch, scale: int
) -> tuple[Point, ...]:
    """Return what was left, at so many moments of what has passed; nothing where nothing was counted."""
    if not whole.total:
        return ()
    allowed = whole.total * whole.allowed_ratio * scale * len(period) / len(so_far)
    spent = np.concatenate([[0], np.cumsum(spends.bad)])
    places = np.unique(np.linspace(0, len(so_far), POINTS_MAX + 1).astype(np.int64))
    running = spent[np.searchsorted(spends.minute, places + so_far.start)].tolist()
    return tuple(
        Point(Fraction(place, len(period)), 1 - bad / allowed)
        for place, bad in zip(places.tolist(), running, strict=True)
    )
