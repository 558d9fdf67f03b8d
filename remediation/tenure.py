"""Who served, and how well: the record by which a way back is proven, longer than ECS keeps its own.

A tenure is the time in which a revision served a placement alone.  Its minutes are known from cells, not from
our having looked: what a deployment of last week did is counted when we first see it, as far as cells reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.estate import DeploymentStatus, Revision
from remediation.diagnosis.health import SICK_BAD_MIN
from slo import figures
from slo.cells import Placement, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collector.estate import Deployment, ServiceView

#: So many known minutes in a row inside the objective prove a revision; unknown ones prove nothing.
PROVEN_MINUTES = 30
#: The newest minutes may still grow: they are counted once they are older than this.
SETTLED_MINUTES = 3
#: What was still unknown of a tenure so long after its end stays so.
AWAITED_FOR = timedelta(days=1)
#: More tenures of a placement are not kept: the oldest go.
TENURES_MAX = 40


@dataclass(frozen=True, slots=True)
class Tally:
    """Minutes that were judged: well, in trouble, and those that were well since the last one in trouble.

    `end` is the first minute that was not judged.
    """

    good: int
    bad: int
    streak: int
    end: int


#: Judges the minutes `[start, end)` of a placement, as far as any is known.
Judge = Callable[[int, int], Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A revision's time in service; `until` is when what came next began, None while it serves.

    `good`, `bad` and `streak` are of the minutes before `counted_until`.
    """

    placement: Placement
    revision: Revision
    since: datetime
    until: datetime | None = None
    last_seen: datetime
    counted_until: int
    good: int = 0
    bad: int = 0
    streak: int = 0

    def counted(self, judge: Judge) -> Tenure:
        """Return it with the minutes that have become known since."""
        end = minute_of(self.until or self.last_seen)
        over = self.until is not None and self.last_seen - self.until > AWAITED_FOR
        if end <= self.counted_until or (over and self.good):
            return self
        told = judge(self.counted_until, end)
        return replace(
            self,
            counted_until=told.end,
            good=self.good + told.good,
            bad=self.bad + told.bad,
            streak=told.streak if told.bad else self.streak + told.streak,
        )


def observed(kept: Sequence[Tenure], view: ServiceView, judge: Judge) -> tuple[Tenure, ...]:
    """Return every tenure of a placement, oldest first: those kept, and what ECS tells now."""
    by_since = {one.since: one for one in kept}
    for revision, since, until in _told(kept, view):
        before = by_since.get(since)
        by_since[since] = (
            replace(before, revision=revision, until=until, last_seen=view.seen_at)
            if before and before.revision.arn == revision.arn
            else Tenure(
                placement=view.placement,
                revision=revision,
                since=since,
                until=until,
                last_seen=view.seen_at,
                counted_until=minute_of(since) + 1,
            )
        )
    ordered = sorted(_ended(by_since.values(), view.deployments), key=lambda one: one.since)
    return tuple(one.counted(judge) for one in ordered[-TENURES_MAX:])


@dataclass(frozen=True, eq=False)
class Minutes:
    """Minutes of one indicator as the ledger hands them out, and the ratio from which one is in trouble."""

    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    state: NDArray[np.uint8]
    limit: Fraction
    scale: int

    @property
    def sick(self) -> NDArray[np.bool_]:
        """Which minutes are in trouble."""
        enough = self.bad >= SICK_BAD_MIN * self.scale
        return enough & (self.bad * self.limit.denominator >= self.limit.numerator * self.total)


def tally(start: int, end: int, availability: Minutes, latency: Minutes | None) -> Tally:
    """Judge the minutes `[start, end)`; those that came after only say what has settled.

    A minute without requests is neither well nor in trouble, and so is one that nothing is known of.
    """
    known = np.flatnonzero(np.isin(availability.state, (State.OBSERVED, State.NO_TRAFFIC)))
    settled = start + int(known[-1]) + 1 - SETTLED_MINUTES if len(known) else start
    stop = max(start, min(end, settled))
    part = slice(0, stop - start)
    sick = availability.sick | (latency.sick if latency else False)
    asked = (availability.state == State.OBSERVED) & (availability.total > 0)
    bad = np.flatnonzero((asked & sick)[part])
    good = np.flatnonzero((asked & ~sick)[part])
    streak = int((good > bad[-1]).sum()) if len(bad) else len(good)
    return Tally(len(good), len(bad), streak, stop)


def left_in_place(deployment: Deployment) -> Revision | None:
    """Return what a deployment left behind that alone serves: its target, or what it was turned back to."""
    if deployment.status is DeploymentStatus.SUCCESSFUL:
        return deployment.target
    if deployment.status is DeploymentStatus.ROLLBACK_SUCCESSFUL:
        return deployment.rolled_back_to
    return None


def _told(kept: Sequence[Tenure], view: ServiceView) -> Iterator[tuple[Revision, datetime, datetime | None]]:
    """Yield each revision that served alone, from when until when."""
    ordered = sorted(view.deployments, key=lambda deployment: deployment.created_at)
    for one, following in pairwise([*ordered, None]):
        revision, until = left_in_place(one) if one else None, following.created_at if following else None
        if one and revision and one.finished_at and (until is None or one.finished_at < until):
            yield revision, one.finished_at, until
    if view.standing is not None and not ordered:
        known = (t.since for t in kept if t.until is None and t.revision.arn == view.standing.arn)
        yield view.standing, next(known, view.seen_at), None


def _ended(tenures: Iterable[Tenure], deployments: Sequence[Deployment]) -> Iterator[Tenure]:
    """Yield each tenure, those that ECS tells of no more ended by the first thing that came after them."""
    ordered = sorted(tenures, key=lambda one: one.since)
    begun = sorted(deployment.created_at for deployment in deployments)
    for one, following in pairwise([*ordered, None]):
        if one is None:
            continue
        after = [at for at in begun if at > one.since]
        ends = ([following.since] if following else []) + after[:1]
        yield replace(one, until=min(ends)) if one.until is None and ends else one


@dataclass(frozen=True, slots=True)
class Proof:
    """All that is known of how one content served, whatever ECS called it each time."""

    revision: Revision
    since: datetime
    until: datetime | None
    good: int
    bad: int
    streak: int

    @property
    def proven(self) -> bool:
        """Whether enough known minutes in a row were well at its end."""
        return self.streak >= PROVEN_MINUTES

    @property
    def sentence(self) -> str:
        """How it served, with the numbers."""
        known = f"{figures.several(self.good + self.bad, 'known minute')}, {self.bad} of them in trouble"
        return f"served {known}, the last {self.streak:,} in a row within its objective"


def proofs(tenures: Sequence[Tenure]) -> tuple[Proof, ...]:
    """Return what is proven of each content, that which served last first."""
    groups: list[list[Tenure]] = []
    for tenure in sorted(tenures, key=lambda one: one.since, reverse=True):
        alike = (group for group in groups if group[0].revision.alike(tenure.revision))
        group = next(alike, None)
        if group is None:
            groups.append([tenure])
        else:
            group.append(tenure)
    return tuple(_proof(group) for group in groups)


def _proof(newest_first: Sequence[Tenure]) -> Proof:
    streak = 0
    for tenure in newest_first:
        streak += tenure.streak
        if tenure.bad:
            break
    newest = newest_first[0]
    return Proof(
        revision=newest.revision,
        since=newest.since,
        until=newest.until,
        good=sum(one.good for one in newest_first),
        bad=sum(one.bad for one in newest_first),
        streak=streak,
    )
