"""Composites: several objectives that are judged as one, by what each of them spends; no ratio is averaged.

OpenSLO leaves open which target a composite in slices has: it is the strictest of its members.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from slo.budget import Budget, Period, budgets, pooled, weighed
from slo.cells import State
from slo.objectives import Budgeting, Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from slo.budget import Past
    from slo.cells import Sli
    from slo.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Member:
    """An objective of a composite; `weight` multiplies what it spends."""

    objective: Objective
    weight: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(f"a weight is above 0, got {self.weight}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """Objectives of one window and one way of budgeting, judged as one in each region."""

    name: str
    display_name: str
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a composite has members")
        kinds = {(one.objective.window, one.objective.budgeting) for one in self.members}
        if len(kinds) > 1 or len({one.objective.slice_minutes for one in self.members}) > 1:
            raise ValueError("the members of a composite have one window, one way of budgeting and one slice")

    @property
    def budgeting(self) -> Budgeting:
        """How all its members are budgeted."""
        return self.members[0].objective.budgeting

    @property
    def target(self) -> Fraction:
        """The strictest target of its members."""
        return max(Fraction(one.objective.target) for one in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeBudget:
    """What is left of a composite in a region: the budgets of its members there, and what they come to.

    `ratio` is good of all slices; None where nothing was counted, and of requests, which share none.
    """

    composite: str
    region: str
    members: tuple[Budget, ...]
    spent_ratio: Fraction
    ratio: Fraction | None

    @property
    def left_ratio(self) -> Fraction:
        """The part of the budget that is left; negative once it is overspent."""
        return 1 - self.spent_ratio

    @property
    def met(self) -> bool:
        """Whether it is kept so far; a budget that is just spent counts."""
        return self.spent_ratio <= 1

    @property
    def coverage(self) -> Fraction | None:
        """How much is known of the member of which least is; None where nothing is due."""
        return min((one.coverage for one in self.members if one.coverage is not None), default=None)


def composite_budgets(
    composites: Sequence[Composite], ledger: Ledger, now: datetime, past: Past | None = None
) -> Iterator[CompositeBudget]:
    """Yield the budget of each composite in each region where any of its members is."""
    for composite in composites:
        found = [tuple(budgets([one.objective], ledger, now, past)) for one in composite.members]
        regions = {budget.placements[0].region for parts in found for budget in parts}
        for region in sorted(regions):
            here = [[one for one in parts if one.placements[0].region == region] for parts in found]
            yield _judged(
                composite, region, [pooled(parts) if parts else None for parts in here], (ledger, now)
            )


def _judged(
    composite: Composite, region: str, parts: Sequence[Budget | None], at: tuple[Ledger, datetime]
) -> CompositeBudget:
    """Judge the pooled budgets of the members in a region; one that is not there spends nothing."""
    weighted = [
        (Fraction(member.weight), part)
        for member, part in zip(composite.members, parts, strict=True)
        if part is not None and part.total
    ]
    ratio = None
    match composite.budgeting:
        case Budgeting.OCCURRENCES:
            spent = sum((weight * part.spent_ratio for weight, part in weighted), Fraction(0))
        case Budgeting.RATIO_TIMESLICES:
            short = sum((weight * part.bad / part.total for weight, part in weighted), Fraction(0))
            spent, ratio = short / (1 - composite.target), 1 - short if weighted else None
        case Budgeting.TIMESLICES:
            ratio = _good_slices(composite, region, *at)
            spent = Fraction(0) if ratio is None else (1 - ratio) / (1 - composite.target)
    return CompositeBudget(
        composite=composite.name,
        region=region,
        members=tuple(part for part in parts if part is not None),
        spent_ratio=spent,
        ratio=ratio,
    )


def _good_slices(composite: Composite, region: str, ledger: Ledger, now: datetime) -> Fraction | None:
    """Return the slices in which every member was good, of those that are known: any bad one makes it bad."""
    columns = [_slices(member.objective, region, ledger, now) for member in composite.members]
    found = [column for column in columns if column is not None]
    failed = np.any([bad > 0 for bad, _, _ in found], axis=0)
    blind = np.any([unknown for _, unknown, _ in found], axis=0) & ~failed
    out = np.all([excluded for _, _, excluded in found], axis=0)
    known = int((~blind & ~out).sum())
    return 1 - Fraction(int(failed.sum()), known) if known else None


def _slices(
    objective: Objective, region: str, ledger: Ledger, now: datetime
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return what each slice of a member spends in a region, which are unknown, and which excluded."""
    slis = [sli for sli in objective.slis(ledger.slis) if sli.placement.region == region]
    if not slis:
        return None
    period = Period.of(objective, ledger, now, None)
    bad, _, unknown, excluded = weighed(objective, *_pool(slis, ledger, period.start, period.end))
    return bad, unknown, excluded


def _pool(
    slis: Sequence[Sli], ledger: Ledger, start: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Add up the minutes of several SLIs; one that is unknown anywhere is unknown."""
    bad, total, state = (
        np.array(column) for column in zip(*(ledger.minutes(sli, start, end) for sli in slis), strict=True)
    )
    observed = np.where((state == State.EXCLUDED).all(axis=0), State.EXCLUDED, State.OBSERVED)
    pooled_state = np.where((state == State.UNKNOWN).any(axis=0), State.UNKNOWN, observed)
    return bad.sum(axis=0), total.sum(axis=0), pooled_state.astype(np.uint8)
