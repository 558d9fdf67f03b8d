"""Who spent a budget: each bad request, or minute, is laid at exactly one door, and the rest is named.

An incident that was open then, else a deployment that was under way or had just ended there, else nobody
that we know of.  Where several were, it is the incident that was first, and the deployment that was last.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from slo.budget import Budget, Period, scale_of, weighed
from slo.cells import Placement
from slo.contracts import Measure, Scope
from slo.failures import Failures
from slo.tally import failed, in_a_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from slo.cells import Sli
    from slo.ledger import Ledger
    from slo.objectives import Objective
    from slo.promised import Promised


_Key = TypeVar("_Key")


class Kind(StrEnum):
    """What may have spent a budget."""

    INCIDENT = "incident"
    DEPLOYMENT = "deployment"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """An incident or a deployment, at its placements over the minutes `[start, end)`."""

    kind: Kind
    name: str
    sentence: str
    placements: tuple[Placement, ...]
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a spender ends after it starts, got [{self.start}, {self.end})")


#: Whom everything is laid to that no incident and no deployment explains.
NOBODY = Spender(
    kind=Kind.NOBODY, name="nobody", sentence="nobody that we know of", placements=(), start=0, end=0
)


#: Whom the minutes are laid to that a contract counts as down because nothing is known of them.
UNSEEN = Spender(kind=Kind.NOBODY, name="unknown", sentence="nothing is known", placements=(), start=0, end=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one spender spent in a region: bad counts, over so many minutes of placements."""

    spender: Spender
    region: str
    bad: Fraction
    minutes: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one spender, or one region, spent: bad counts, their part of the budget, minutes of placements."""

    bad: Fraction
    of_budget: Fraction | None
    minutes: int


@dataclass(frozen=True, slots=True)
class Spending:
    """A budget and who spent it; the shares are all of it, whether by spender or by region."""

    budget: Budget
    shares: tuple[Share, ...]

    def __post_init__(self) -> None:
        whole = sum((share.bad for share in self.shares), Fraction(0))
        if whole != self.budget.bad:
            raise ValueError(f"the shares are the whole: {self.budget.bad} was spent, {whole} is explained")

    def by_spender(self) -> Mapping[Spender, Part]:
        """Return what each spender spent in all regions, most first."""
        return self._parted(lambda share: share.spender)

    def by_region(self) -> Mapping[str, Part]:
        """Return what was spent in each region, most first."""
        return self._parted(lambda share: share.region)

    def _parted(self, key: Callable[[Share], _Key]) -> dict[_Key, Part]:
        """Add the shares up by a key."""
        together: dict[_Key, list[Share]] = defaultdict(list)
        for share in self.shares:
            together[key(share)].append(share)
        parts = {name: self._part(shares) for name, shares in together.items()}
        return dict(sorted(parts.items(), key=lambda part: -part[1].bad))

    def _part(self, shares: Sequence[Share]) -> Part:
        bad = sum((share.bad for share in shares), Fraction(0))
        allowed = self.budget.total * self.budget.allowed_ratio
        return Part(bad, bad / allowed if allowed else None, sum(share.minutes for share in shares))


def spending(objective: Objective, budget: Budget, spends: Failures, spenders: Iterable[Spender]) -> Spending:
    """Return who spent the budget of an objective by what each minute or slice of it spent."""
    return Spending(budget, tuple(shares(spends, spends.bad, spenders, scale_of(objective))))


def slices(objective: Objective, slis: Sequence[Sli], ledger: Ledger, now: datetime) -> Failures:
    """Return what each slice of an objective in slices spent, at the first minute in it that was bad."""
    period = Period.of(objective, ledger, now, None)
    found = [
        _slices(objective, n, ledger.minutes(sli, period.split, period.end)) for n, sli in enumerate(slis)
    ]
    rows = np.concatenate([np.zeros((4, 0), np.int64), *found], axis=1)
    minute, sli, bad, total = rows[:, np.argsort(rows[0], kind="stable")]
    return Failures(tuple(slis), minute + period.split, sli, bad, total)


def _slices(
    objective: Objective,
    place: int,
    told: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]],
) -> NDArray[np.int64]:
    spent, weight, _, _ = weighed(objective, *told)
    at, length = np.flatnonzero(spent), objective.slice_minutes
    first = (told[0].reshape(-1, length) > 0).argmax(axis=1)[at]
    return np.stack([at * length + first, np.full(len(at), place), spent[at], weight[at]])


def promised_spending(promise: Promised, failures: Failures, spenders: Iterable[Spender]) -> Spending:
    """Return who spent what a contract allows: requests, or minutes, of which each is bad once in a pool."""
    contract = promise.contract
    if contract.measure is Measure.REQUESTS:
        counts, scale = failures.bad, contract.indicator.scale
        return Spending(promise.budget, tuple(shares(failures, counts, spenders, scale)))
    down = _together(failures, failed(contract, failures.bad, failures.total), contract.bad_minutes_in_a_row)
    once = contract.scope is not Scope.WORST
    known = shares(failures, down.astype(np.int64), spenders, once=once)
    return Spending(promise.budget, (*known, *_unseen(promise.unseen)))


def _unseen(minutes: Mapping[str, int]) -> Iterator[Share]:
    for region, count in minutes.items():
        if count:
            yield Share(spender=UNSEEN, region=region, bad=Fraction(count), minutes=count)


def _together(failures: Failures, down: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Return which of the cells that are down have enough others of their SLI beside them."""
    kept = np.zeros(len(failures), np.bool_)
    for place in np.unique(failures.sli[down]):
        own = down & (failures.sli == place)
        at = failures.minute[own] - failures.minute[0]
        minutes = np.zeros(at[-1] + 1, np.bool_)
        minutes[at] = True
        kept[own] = in_a_row(minutes, least)[at]
    return kept


def shares(
    failures: Failures,
    counts: NDArray[np.int64],
    spenders: Iterable[Spender],
    scale: int = 1,
    *,
    once: bool = False,
) -> Iterator[Share]:
    """Yield what each spender spent in each region of `counts`, a number for each of the failures.

    Where each minute counts once, it is laid to the first of those who are to blame for it anywhere.
    """
    ordered = (*_in_order(spenders), NOBODY)
    owners = _owners(failures, ordered)
    if once:
        counts = np.where(_first(failures.minute, owners, counts > 0), counts, 0)
    regions = sorted({sli.placement.region for sli in failures.slis})
    region = np.array([regions.index(sli.placement.region) for sli in failures.slis], np.int64)[failures.sli]
    sums, minutes = (np.zeros((len(ordered), len(regions)), np.int64) for _ in range(2))
    cell = owners * len(regions) + region
    np.add.at(sums.reshape(-1), cell, counts)
    np.add.at(minutes.reshape(-1), cell, (counts > 0).astype(np.int64))
    for owner, where in np.argwhere(sums > 0).tolist():
        bad = Fraction(int(sums[owner, where]), scale)
        yield Share(
            spender=ordered[owner], region=regions[where], bad=bad, minutes=int(minutes[owner, where])
        )


def _in_order(spenders: Iterable[Spender]) -> list[Spender]:
    """Return incidents, the first to begin first, and then deployments, the last to begin first."""
    given = sorted(spenders, key=lambda one: (one.start, one.name, one.end, one.placements))
    incidents = [one for one in given if one.kind is Kind.INCIDENT]
    return incidents + [one for one in reversed(given) if one.kind is Kind.DEPLOYMENT]


def _owners(failures: Failures, ordered: Sequence[Spender]) -> NDArray[np.int64]:
    """Return the place of the first spender that was there in each cell's minute; the last is nobody."""
    owners = np.full(len(failures), len(ordered) - 1, np.int64)
    for place in reversed(range(len(ordered) - 1)):
        one = ordered[place]
        here = np.array([sli.placement in one.placements for sli in failures.slis], np.bool_)
        first, last = np.searchsorted(failures.minute, (one.start, one.end))
        then = slice(int(first), int(last))
        owners[then][here[failures.sli[then]]] = place
    return owners


def _first(
    minute: NDArray[np.int64], owners: NDArray[np.int64], counted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which cell of each minute stands for it: of those that are counted, the one laid first."""
    first = np.zeros(len(minute), np.bool_)
    order = np.lexsort((owners, minute))
    order = order[counted[order]]
    _, places = np.unique(minute[order], return_index=True)
    first[order[places]] = True
    return first
