"""What an objective allows to go wrong, what did, and how long the rest lasts at the present pace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from slo.cells import Indicator, Placement, Sli, State, minute_of
from slo.objectives import Budgeting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from slo.ledger import Ledger, Sums
    from slo.months import Stretch
    from slo.objectives import Objective

#: A minute is bad where more than 5 % of its requests are, unless the objective says otherwise.
SLICE_TARGET = Fraction(95, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An objective's budget over its period, for one placement or a pool of several.

    `bad` and `total` count `unit`.  `period` is the whole period in minutes; `elapsed`, `unknown` and
    `excluded` are minutes of it so far, summed over the placements.
    """

    objective: str
    indicator: Indicator
    placements: tuple[Placement, ...]
    target: Fraction
    unit: Literal["requests", "minutes", "runs", "checks"]
    period: int
    bad: Fraction
    total: Fraction
    elapsed: int
    unknown: int
    excluded: int

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise ValueError(f"a target is a ratio between 0 and 1, exclusive, got {self.target}")
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"bad lies between 0 and total, got {self.bad} of {self.total}")
        if not 0 <= self.unknown + self.excluded <= self.elapsed:
            raise ValueError(
                f"unknown {self.unknown} and excluded {self.excluded} are part of {self.elapsed}"
            )

    @property
    def allowed_ratio(self) -> Fraction:
        """The ratio that may be bad."""
        return 1 - self.target

    @property
    def ratio(self) -> Fraction | None:
        """Good of all; None where nothing was counted."""
        return 1 - self.bad / self.total if self.total else None

    @property
    def met(self) -> bool:
        """Whether the objective is kept so far; exactly at the target counts."""
        return self.bad <= self.total * self.allowed_ratio

    @property
    def spent_ratio(self) -> Fraction:
        """The part of the budget that is gone; above 1 when overspent.  It falls as good traffic arrives."""
        return self.bad / (self.total * self.allowed_ratio) if self.total else Fraction(0)

    @property
    def left_ratio(self) -> Fraction:
        """The part of the budget that is left; negative once it is overspent."""
        return 1 - self.spent_ratio

    @property
    def left(self) -> Fraction:
        """How many more of the unit may go bad at what has been counted so far."""
        return self.total * self.allowed_ratio - self.bad

    @property
    def left_minutes(self) -> Fraction:
        """What is left as minutes of total failure at even traffic: at 99.99 %, up to 4.32 of 30 days."""
        return self.left_ratio * self.allowed_ratio * self.period

    @property
    def coverage(self) -> Fraction | None:
        """Known minutes of those that should be; None where all are excluded, or none has passed."""
        due = self.elapsed - self.excluded
        return Fraction(due - self.unknown, due) if due else None

    @property
    def sufficient(self) -> bool:
        """Whether the budget affords a single failure at the volume that the period brings at this pace."""
        known = self.elapsed - self.excluded - self.unknown
        if not known:
            return False
        whole = self.period * len(self.placements)
        return self.total * whole * self.allowed_ratio >= known

    def exhausted_in(self, burn: Fraction | None) -> Fraction | None:
        """Return the minutes until a burn rate has spent the budget: 0 if it is spent, None if never."""
        if self.left_ratio <= 0:
            return Fraction(0)
        return self.left_ratio * self.period / burn if burn else None


def budgets(objectives: Iterable[Objective], ledger: Ledger, now: datetime) -> Iterator[Budget]:
    """Yield the budget of each objective at each placement, in the objective's own budgeting."""
    for objective in objectives:
        stretch, end = _so_far(objective, now)
        if objective.budgeting is Budgeting.TIMESLICES:
            yield from (in_minutes(objective, (sli,), ledger, now) for sli in objective.slis(ledger.slis))
            continue
        sums = ledger.over(stretch.start, end)
        for sli in objective.slis(ledger.slis):
            yield _in_requests(objective, sli, sums, ledger.column(sli), (stretch, end))


def in_minutes(objective: Objective, slis: Sequence[Sli], ledger: Ledger, now: datetime) -> Budget:
    """Return the budget in minutes, beside that in requests: each minute of each placement is good or bad."""
    stretch, end = _so_far(objective, now)
    return pooled([_minutes_of(objective, sli, ledger, (stretch, end)) for sli in slis])


def pooled(parts: Sequence[Budget]) -> Budget:
    """Return the budget of several placements together: sums, never a mean of ratios."""
    if len({(part.objective, part.unit, part.target, part.period) for part in parts}) != 1:
        raise ValueError("a pool holds budgets of one objective, in one unit and period, and at least one")
    return replace(
        parts[0],
        placements=tuple(placement for part in parts for placement in part.placements),
        bad=sum((part.bad for part in parts), Fraction(0)),
        total=sum((part.total for part in parts), Fraction(0)),
        elapsed=sum(part.elapsed for part in parts),
        unknown=sum(part.unknown for part in parts),
        excluded=sum(part.excluded for part in parts),
    )


def bad_minutes(
    bad: NDArray[np.int64], total: NDArray[np.int64], slice_target: Fraction
) -> NDArray[np.bool_]:
    """Return which minutes had too few good requests for the slice target, compared in integers."""
    may_be_bad = 1 - slice_target
    return bad * may_be_bad.denominator > total * may_be_bad.numerator


def _so_far(objective: Objective, now: datetime) -> tuple[Stretch, int]:
    """Return the period, and the minute before which it has passed."""
    stretch = objective.window.stretch(now)
    return stretch, stretch.until(minute_of(now)).end


def _in_requests(
    objective: Objective, sli: Sli, sums: Sums, column: int, period: tuple[Stretch, int]
) -> Budget:
    stretch, end = period
    return Budget(
        objective=objective.name,
        indicator=objective.indicator,
        placements=(sli.placement,),
        target=Fraction(objective.target),
        unit=objective.indicator.counted,
        period=len(stretch),
        bad=Fraction(int(sums.bad[column]), sli.indicator.scale),
        total=Fraction(int(sums.total[column]), sli.indicator.scale),
        elapsed=end - stretch.start,
        unknown=int(sums.unknown[column]),
        excluded=int(sums.excluded[column]),
    )


def _minutes_of(objective: Objective, sli: Sli, ledger: Ledger, period: tuple[Stretch, int]) -> Budget:
    stretch, end = period
    bad, total, state = ledger.minutes(sli, stretch.start, end)
    unknown, excluded = int((state == State.UNKNOWN).sum()), int((state == State.EXCLUDED).sum())
    slice_target = objective.time_slice_target
    failed = bad_minutes(bad, total, SLICE_TARGET if slice_target is None else Fraction(slice_target))
    return Budget(
        objective=objective.name,
        indicator=objective.indicator,
        placements=(sli.placement,),
        target=Fraction(objective.target),
        unit="minutes",
        period=len(stretch),
        bad=Fraction(int(failed.sum())),
        total=Fraction(end - stretch.start - unknown - excluded),
        elapsed=end - stretch.start,
        unknown=unknown,
        excluded=excluded,
    )
