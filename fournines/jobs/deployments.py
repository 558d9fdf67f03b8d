"""What was deployed, kept for the months' statements: ECS tells it for 90 days, if it is asked."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from collector.estate import ROLLING_BACK, UNDER_WAY, Controller, DeploymentStatus
from collector.source import CollectError, Source
from fournines.known import Known
from fournines.store.books import Books
from remediation.events.event import DeploymentChanged
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_log = logging.getLogger(__name__)

#: [ECS ListServiceDeployments: service deployments of the last 90 days]
TOLD_FOR = timedelta(days=90)
#: Every service is asked about at least so often: an event may be lost, and a rollback leaves no trace.
ASKED_EVERY = timedelta(days=1)
#: Of a region no more are asked about in one turn, so that the others who read services are not throttled.
ASKED_PER_TURN_MAX = 40
#: What is asked for again beyond the last answer: ECS may list a deployment a little late.
OVERLAP = timedelta(hours=1)
#: An event that is older than this at its arrival waits for the daily question.
EVENTS_SINCE = timedelta(hours=1)
#: Nothing more becomes of a deployment, but for these.
OPEN = UNDER_WAY | ROLLING_BACK | {DeploymentStatus.STOP_REQUESTED, DeploymentStatus.UNRECOGNISED}

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Deployments:
    """Asks for the deployments of whatever was deployed since it was asked about last."""

    source: Source
    known: Known
    books: Books
    _asked: dict[Placement, datetime] = field(default_factory=dict, init=False)
    _unread: set[Placement] = field(default_factory=set, init=False)

    def run(self, now: datetime) -> None:
        """Keep what is new, and how what was open went on."""
        unfinished = self._unfinished(now)
        for placement in self._due(unfinished, now):
            asked = self._asked.get(placement)
            since = (
                now - TOLD_FOR if asked is None else min(asked - OVERLAP, unfinished.get(placement, asked))
            )
            self._ask(placement, since, now)

    def _ask(self, placement: Placement, since: datetime, now: datetime) -> None:
        try:
            told = self.source.deployed(placement, since)
        except CollectError as problem:
            if placement not in self._unread:
                _log.warning("the deployments of %s cannot be read: %s", placement, problem)
            self._unread.add(placement)
            return
        self.books.save_deployed(told)
        self._unread.discard(placement)
        self._asked[placement] = now

    def _due(self, unfinished: Collection[Placement], now: datetime) -> Iterator[Placement]:
        """Yield whom to ask about: first those in which something moved, then who waits longest."""
        moments = stirred(self.known, self.books, now)
        here = [view for view in self.known.services.values() if view.controller is Controller.ECS]
        moved, rest = list[Placement](), list[Placement]()
        for view in here:
            asked, where = self._asked.get(view.placement), view.placement
            if asked is not None and (where in unfinished or moments.get(where, asked) > asked):
                moved.append(where)
            elif asked is None or now - asked >= ASKED_EVERY:
                rest.append(where)
        turn = Counter[tuple[str, str]]()
        for placement in (*moved, *sorted(rest, key=lambda one: self._asked.get(one, _NEVER))):
            turn[placement.account, placement.region] += 1
            if turn[placement.account, placement.region] <= ASKED_PER_TURN_MAX:
                yield placement

    def _unfinished(self, now: datetime) -> dict[Placement, datetime]:
        """Return since when a deployment of each placement is open."""
        kept = self.books.deployed(now - TOLD_FOR, now)
        return {one.placement: one.created_at for one in reversed(kept) if one.status in OPEN}


def stirred(known: Known, books: Books, now: datetime) -> dict[Placement, datetime]:
    """Return when something was deployed last, by the last look and by what events tell."""
    told = [
        (view.placement, view.deployed_at) for view in known.services.values() if view.deployed_at is not None
    ]
    wanted = {"deployment_changed": list(known.services)}
    told += [
        (event.placement, event.origin.at)
        for event in books.recent_events(now - EVENTS_SINCE, placements=wanted)
        if isinstance(event, DeploymentChanged) and event.placement and event.origin.at
    ]
    newest: dict[Placement, datetime] = {}
    for placement, moment in told:
        newest[placement] = max(moment, newest.get(placement, moment))
    return newest
