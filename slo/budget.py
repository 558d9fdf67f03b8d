"""What an objective allows to go wrong, what did, and how long the rest lasts at the present pace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from slo.cells import Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger
from slo.months import Stretch
from slo.objectives import DAY_MINUTES, Budgeting, Rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from slo.objectives import Objective
    from slo.sums import Sums

#: A minute is bad where more than 5 % of its requests are, unless the objective says otherwise.
SLICE_TARGET = Decimal("0.95")

#: Ratios of slices are added in so many parts of one, each rounded up: so sums stay exact, and short.
SHARES = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An objective's budget over its period, for one placement or a pool of several.

    `bad` and `total` count `unit`.  `period` is the whole period in minutes, of which `rest` are to come: of
    one that rolls all, since it never ends.  `elapsed`, `unknown` and `excluded` are minutes of it so far,
    summed over the placements, and over the places of a contract that nobody measures.
    """

    objective: str
    indicator: Indicator
    placements: tuple[Placement, ...]
    target: Fraction
    unit: Literal["requests", "minutes", "runs", "checks"]
    period: int
    rest: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The same cells budgeted by requests and by minutes."""

    requests: Budget
    minutes: Budget


@dataclass(frozen=True, slots=True)
class Part:
    """What some minutes of one SLI came to, in an objective's own budgeting; parts add up to the whole."""

    bad: Fraction
    total: Fraction
    elapsed: int
    unknown: int
    excluded: int

    @classmethod
    def of(cls, sums: Sums, column: int, scale: int, elapsed: int) -> Part:
        """Return a column of sums in requests."""
        return cls(
            bad=Fraction(int(sums.bad[column]), scale),
            total=Fraction(int(sums.total[column]), scale),
            elapsed=elapsed,
            unknown=int(sums.unknown[column]),
            excluded=int(sums.excluded[column]),
        )

    def __add__(self, other: Part) -> Part:
        return Part(
            self.bad + other.bad,
            self.total + other.total,
            self.elapsed + other.elapsed,
            self.unknown + other.unknown,
            self.excluded + other.excluded,
        )


NOTHING = Part(Fraction(0), Fraction(0), 0, 0, 0)


class Past(Protocol):
    """What is kept of minutes that the ring has let go."""

    def part(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        """Return what the minutes `[start, end)` came to; whole days are counted back from `end`."""
        ...


def budgets(
    objectives: Iterable[Objective], ledger: Ledger, now: datetime, past: Past | None = None
) -> Iterator[Budget]:
    """Yield the budget of each objective at each placement, in the objective's own budgeting.

    What the ring has let go of longer periods is told by the `past`, and unknown without one.
    """
    over = cache(ledger.over)
    for objective in objectives:
        period = Period.of(objective, ledger, now, past)
        if objective.in_slices:
            parts = _in_slices(objective, period)
        else:
            parts = _in_requests(objective, period, over(period.split, period.end))
        for sli, part in parts:
            yield _budget(objective, sli, period, part)


def in_minutes(
    objective: Objective, slis: Sequence[Sli], ledger: Ledger, now: datetime, past: Past | None = None
) -> Budget:
    """Return the budget in minutes, beside that in requests: each minute of each placement is good or bad."""
    objective = by_minute(objective)
    period = Period.of(objective, ledger, now, past)
    return pooled([_budget(objective, sli, period, period.part(objective, sli)) for sli in slis])


def by_request(objective: Objective) -> Objective:
    """Return the objective as it counts requests."""
    return replace(objective, budgeting=Budgeting.OCCURRENCES, time_slice_target=None, slice_minutes=1)


def by_minute(objective: Objective) -> Objective:
    """Return the objective as it counts minutes: in its own slices where it has any."""
    if objective.in_slices:
        return objective
    return replace(objective, budgeting=Budgeting.TIMESLICES, time_slice_target=SLICE_TARGET)


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


def counted(
    objective: Objective, bad: NDArray[np.int64], total: NDArray[np.int64], state: NDArray[np.uint8]
) -> Part:
    """Count consecutive minutes in the objective's own budgeting; those of slices are whole slices."""
    bad, total, unknown, excluded = weighed(objective, bad, total, state)
    length, scale = objective.slice_minutes, scale_of(objective)
    return Part(
        bad=Fraction(int(bad.sum()), scale),
        total=Fraction(int(total.sum()), scale),
        elapsed=len(state),
        unknown=int(unknown.sum()) * length,
        excluded=int(excluded.sum()) * length,
    )


def weighed(
    objective: Objective, bad: NDArray[np.int64], total: NDArray[np.int64], state: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what each slice spends and weighs in the objective's scale, which is unknown, which excluded.

    One unknown minute makes its slice unknown, since nobody knows what it would have weighed.  Excluded ones
    are left out of theirs; a slice of nothing else is excluded.  A slice without traffic is good.
    """
    unknown, excluded = state == State.UNKNOWN, state == State.EXCLUDED
    if not objective.in_slices:
        return bad, total, unknown, excluded
    length = objective.slice_minutes
    bad, total = (counts.reshape(-1, length).sum(axis=1) for counts in (bad, total))
    out = excluded.reshape(-1, length).all(axis=1)
    blind = unknown.reshape(-1, length).any(axis=1)
    known = ~blind & ~out
    weight = length * scale_of(objective)
    return np.where(known, _failed(objective, bad, total) * length, 0), known * weight, blind, out


def scale_of(objective: Objective) -> int:
    """Return how many counts stand for one request or minute."""
    if objective.budgeting is Budgeting.RATIO_TIMESLICES:
        return SHARES
    return 1 if objective.in_slices else objective.indicator.scale


def _failed(objective: Objective, bad: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which slices failed; of ratio timeslices, which share of each did."""
    if objective.time_slice_target is not None:
        return bad_minutes(bad, total, Fraction(objective.time_slice_target)).astype(np.int64)
    shares, at = np.zeros(len(bad), np.int64), np.flatnonzero(bad)
    pairs = zip(bad[at].tolist(), total[at].tolist(), strict=True)
    shares[at] = [-(-part * SHARES // whole) for part, whole in pairs]
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """An objective's period so far: what the past tells of it, up to `split`, and what the ring does."""

    stretch: Stretch
    rest: int
    start: int
    split: int
    end: int
    ledger: Ledger
    past: Past | None

    @classmethod
    def of(cls, objective: Objective, ledger: Ledger, now: datetime, past: Past | None) -> Period:
        """Return the whole slices of the period; the past tells whole days, and what comes before them."""
        stretch = objective.window.stretch(now)
        end = stretch.until(minute_of(now)).end
        rest = len(stretch) if isinstance(objective.window, Rolling) else stretch.end - end
        grid, length = _grid(objective, stretch), objective.slice_minutes
        start = min(end, stretch.start + (grid - stretch.start) % length)
        end -= (end - grid) % length
        split = start = min(start, end)
        if past is not None and ledger.oldest is not None and start < ledger.oldest:
            split = min(end, ledger.oldest + (grid - ledger.oldest) % DAY_MINUTES)
        return cls(stretch, rest, start, split, end, ledger, past)

    def part(self, objective: Objective, sli: Sli) -> Part:
        """Return what the period came to so far."""
        here = counted(objective, *self.ledger.minutes(sli, self.split, self.end))
        return self.before(objective, sli) + here

    def before(self, objective: Objective, sli: Sli) -> Part:
        """Return what the past tells."""
        if self.past is None or self.start == self.split:
            return NOTHING
        return self.past.part(objective, sli, self.start, self.split)


def _grid(objective: Objective, stretch: Stretch) -> int:
    """Return where slices and days are counted from: the start of a calendar period, else midnight in UTC."""
    return 0 if isinstance(objective.window, Rolling) else stretch.start


def _in_slices(objective: Objective, period: Period) -> Iterator[tuple[Sli, Part]]:
    """Yield what each SLI came to, from its minutes."""
    for sli in objective.slis(period.ledger.slis):
        yield sli, period.part(objective, sli)


def _in_requests(objective: Objective, period: Period, sums: Sums) -> Iterator[tuple[Sli, Part]]:
    """Yield what each SLI came to, from the sums over what the ring holds of the period."""
    ledger = period.ledger
    for sli in objective.slis(ledger.slis):
        here = Part.of(sums, ledger.column(sli), sli.indicator.scale, period.end - period.split)
        yield sli, period.before(objective, sli) + here


def _budget(objective: Objective, sli: Sli, period: Period, part: Part) -> Budget:
    return Budget(
        objective=objective.name,
        indicator=objective.indicator,
        placements=(sli.placement,),
        target=Fraction(objective.target),
        unit="minutes" if objective.in_slices else objective.indicator.counted,
        period=len(period.stretch),
        rest=period.rest,
        bad=part.bad,
        total=part.total,
        elapsed=part.elapsed,
        unknown=part.unknown,
        excluded=part.excluded,
    )
