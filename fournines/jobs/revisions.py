"""Keeps who served and how well, and puts what was turned back into quarantine; tells CI of it.

ECS forgets after 90 days, or with the service.  A service is looked at when something was deployed to it, and
once a day; its minutes are counted from cells, without asking anybody.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from collector.estate import ROLLING_BACK, UNDER_WAY, Controller, ServiceView
from collector.source import CollectError, Source
from fournines.clock import real_now
from fournines.desk import Desk
from fournines.jobs.deployments import ASKED_EVERY, ASKED_PER_TURN_MAX, stirred
from fournines.known import Known
from fournines.quarantining import convicted, redeployments, turned_back
from fournines.served import judge
from fournines.store.books import Books
from remediation.incidents import Symptom
from remediation.journal import Entry, EntryKind
from remediation.notice import Hook
from remediation.tenure import Tenure, observed
from slo.burn import Severity
from slo.cells import Placement
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remediation.quarantine import Quarantined
    from remediation.workflow.run import Run

_log = logging.getLogger(__name__)

#: Minutes of those who serve are counted so often: a way back needs many of them, so none is urgent.
COUNTED_EVERY = timedelta(minutes=5)
#: A rollback of so long ago is not looked at again for what it left.
RUNS_SINCE = timedelta(days=2)
#: What CI does not take is sent again ever later, up to so late.
RETRY_WAIT, RETRY_WAIT_MAX = timedelta(seconds=5), timedelta(minutes=5)

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Revisions:
    """Looks at what was deployed, counts who served, and convicts what was turned back."""

    source: Source
    known: Known
    books: Books
    desk: Desk
    objectives: Sequence[Objective]
    _views: dict[Placement, ServiceView] = field(default_factory=dict, init=False)
    _counted: dict[Placement, datetime] = field(default_factory=dict, init=False)
    _unread: set[Placement] = field(default_factory=set, init=False)
    _done: set[str] = field(default_factory=set, init=False)

    def run(self, now: datetime) -> None:
        """Take in what is new, and draw what follows."""
        looked = [view for place in self._due(now) if (view := self._look(place, now)) is not None]
        new = {view.placement for view in looked}
        old = [replace(one, seen_at=now) for one in self._views.values() if self._uncounted(one, now)]
        self._count([*looked, *(view for view in old if view.placement not in new)])
        for view in looked:
            self._take(view, now)
        for run in self.books.runs.lately(now - RUNS_SINCE, ""):
            self._convict(run, now)

    def _due(self, now: datetime) -> Iterator[Placement]:
        """Yield whom to look at: those in which something moved, then who was looked at longest ago."""
        moved, rest, moments = list[Placement](), list[Placement](), stirred(self.known, self.books, now)
        for view in tuple(self.known.services.values()):
            if view.controller is not Controller.ECS:
                continue
            seen = self._views.get(view.placement)
            if seen is not None and (_open(seen) or moments.get(view.placement, seen.seen_at) > seen.seen_at):
                moved.append(view.placement)
            elif seen is None or now - seen.seen_at >= ASKED_EVERY:
                rest.append(view.placement)
        turn = Counter[tuple[str, str]]()
        for placement in (*moved, *rest):
            turn[placement.account, placement.region] += 1
            if turn[placement.account, placement.region] <= ASKED_PER_TURN_MAX:
                yield placement

    def _look(self, placement: Placement, now: datetime) -> ServiceView | None:
        try:
            view = self.source.service(placement)
        except CollectError as problem:
            if placement not in self._unread:
                _log.warning("the revisions of %s cannot be read: %s", placement, problem)
            self._unread.add(placement)
            return None
        self._unread.discard(placement)
        self._views[placement] = replace(view, seen_at=now)
        return self._views[placement]

    def _take(self, view: ServiceView, now: datetime) -> None:
        known = self.books.revisions.quarantined()
        runs = self.books.runs.lately(now - RUNS_SINCE, "", [view.placement])
        events = (
            self.books.recent_events(now - RUNS_SINCE, placements={"service_action": [view.placement]})
            if any(deployment.triggered for deployment in view.deployments)
            else ()
        )
        for one in turned_back(view, self._served(), [run.past for run in runs], events, now):
            if not any(each.id == one.id or each.same(one) for each in known):
                self._quarantine(one)
        for deployment, one in redeployments(view, known, now):
            self._alert(deployment, one, view.placement, now)

    def _uncounted(self, view: ServiceView, now: datetime) -> bool:
        return now - self._counted.get(view.placement, _NEVER) >= COUNTED_EVERY

    def _count(self, views: Sequence[ServiceView]) -> None:
        """Bring up to date who served these placements, and keep at once what is new."""
        if not views:
            return
        kept, changed = defaultdict[Placement, list[Tenure]](list), dict[Placement, Sequence[Tenure]]()
        for tenure in self._served():
            kept[tenure.placement].append(tenure)
        for view in views:
            before = tuple(kept[view.placement])
            found = observed(before, view, judge(self.books, self.objectives, view.placement))
            self._counted[view.placement] = view.seen_at
            if found != before:
                changed[view.placement] = found
        if changed:
            self.books.revisions.save_tenures(changed)

    def _served(self) -> tuple[Tenure, ...]:
        return self.books.revisions.tenures()

    def _convict(self, run: Run, now: datetime) -> None:
        """Put into quarantine what a rollback of ours left."""
        if run.id in self._done or run.acted_at is None or run.suspect is None:
            return
        view = self._views.get(run.placement)
        if view is None or view.seen_at < run.acted_at:
            view = self._look(run.placement, now) or view
        if view is not None and view.seen_at >= run.acted_at:
            self._quarantine(convicted(run, view, self._served()))
            self._done.add(run.id)

    def _quarantine(self, one: Quarantined) -> None:
        incident = one.incident or next(
            (i.id for i in self.books.open_incidents() if one.placement in i.placements), None
        )
        one = replace(one, incident=incident)
        about = {"task_definition": one.task_definition, "digests": list(one.digests), "released": False}
        told = Entry(
            EntryKind.QUARANTINED,
            one.at,
            f"{one.sentence} The gate refuses it until a person releases it.",
            incident=incident,
            placement=str(one.placement),
            actor=one.who,
            data=about,
        )
        self.books.revisions.quarantine(one, [told])

    def _alert(self, deployment: str, one: Quarantined, where: Placement, now: datetime) -> None:
        """Call people for what is deployed out of quarantine; once for each deployment."""
        told = f"{one.sentence} It is being deployed again to {where.service} in {where.region}."
        symptom = Symptom(
            placement=where,
            name=f"redeployed/{one.short}",
            severity=Severity.PAGE,
            sentence=told,
            first_seen=now,
            last_seen=now,
        )
        if not self.books.revisions.told(deployment):
            self.desk.fold([symptom], now)
            self.books.revisions.redeployed(deployment, one, now)


def _open(view: ServiceView) -> bool:
    return any(deployment.status in UNDER_WAY | ROLLING_BACK for deployment in view.deployments)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Tells CI what it has not taken yet, on real time; it holds up nobody else."""

    books: Books
    hook: Hook
    wall: Callable[[], datetime] = real_now

    def run(self, now: datetime) -> None:
        """Send what is due; what is not taken is tried again without end."""
        del now
        for notice in self.books.revisions.due(self.wall()):
            handed = self.hook.hand(notice.id, notice.body)
            if handed.taken:
                self.books.revisions.taken(notice, self.wall())
                continue
            wait = min(RETRY_WAIT * 2 ** min(notice.attempts, 10), RETRY_WAIT_MAX)
            _log.warning("CI does not take notice %s: %s", notice.id, handed.why)
            self.books.revisions.again(notice, self.wall() + wait, handed.why)
