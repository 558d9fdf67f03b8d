"""Puts together all that is known of a service in trouble, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.source import CollectError, Source
from fournines.clock import Clock
from fournines.known import Known
from fournines.store.books import Books
from remediation.diagnosis.health import Health, Series
from remediation.diagnosis.situation import Situation
from remediation.history import PastAction
from remediation.workflow.run import Run, RunState
from slo.cells import Indicator, Placement, Sli, minute_of
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from collector.estate import ServiceView
    from remediation.incidents import Incident
    from slo.ledger import Ledger

#: How far back a diagnosis looks: long enough to know what is usual.
HEALTH_MINUTES = 90
EVENTS_SINCE = timedelta(minutes=30)
WORKERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Looks at AWS, at the ledger and at the past."""

    source: Source
    books: Books
    known: Known
    objectives: Sequence[Objective]
    clock: Clock
    workers: int = WORKERS

    def situations(
        self, incident: Incident, placements: Iterable[Placement], now: datetime
    ) -> dict[Placement, Situation]:
        """Return the situation of each placement from one look; what cannot be read is missing from it."""
        siblings = tuple(sorted({*self.known.siblings(incident.service), *placements}))
        views = self._views(siblings)
        health = self._health(siblings, now)
        regions = {placement.region for placement in siblings}
        events = self.books.recent_events(now - EVENTS_SINCE, placements=siblings, regions=regions)
        history = tuple(past(run) for run in self.books.runs.every())
        return {
            placement: Situation(
                incident=incident,
                placement=placement,
                at=now,
                views=views,
                health=health,
                events=events,
                history=history,
                estate_placements=max(1, len(self.known.services)),
                siblings=siblings,
            )
            for placement in placements
        }

    def at_run(self, run: Run) -> Situation:
        """Return the situation that a run is in now.  Raises CollectError when nothing is known of it."""
        incident = self.books.incident(run.incident)
        if incident is None:
            raise CollectError(f"run {run.id} belongs to incident {run.incident}, which is not known")
        return self.situations(incident, [run.placement], self.clock.now())[run.placement]

    def _views(self, placements: Sequence[Placement]) -> Mapping[Placement, ServiceView]:
        if self.workers == 1:
            found = [self._view(placement) for placement in placements]
        else:
            with ThreadPoolExecutor(self.workers, thread_name_prefix="look") as pool:
                found = list(pool.map(self._view, placements))
        return {view.placement: view for view in found if view is not None}

    def _view(self, placement: Placement) -> ServiceView | None:
        try:
            return self.source.service(placement)
        except CollectError:
            return None

    def _health(self, placements: Sequence[Placement], now: datetime) -> Mapping[Placement, Health]:
        with self.books.ledger() as ledger:
            found = {placement: self._served(ledger, placement, now) for placement in placements}
        return {placement: health for placement, health in found.items() if health is not None}

    def _served(self, ledger: Ledger, placement: Placement, now: datetime) -> Health | None:
        availability = self._series(ledger, placement, Indicator.AVAILABILITY, now)
        if availability is None:
            return None
        load = self.known.loads.get(placement)
        cpu = load.cpu_ratio if load else None
        return Health(
            placement=placement,
            availability=availability,
            latency=self._series(ledger, placement, Indicator.LATENCY, now),
            cpu=cpu.value * 100 if cpu else None,
        )

    def _series(
        self, ledger: Ledger, placement: Placement, indicator: Indicator, now: datetime
    ) -> Series | None:
        """Return the last minutes of an indicator that an objective speaks of, by its strictest target."""
        targets = [o.target for o in self.objectives if o.indicator is indicator and o.covers(placement)]
        sli = Sli(placement, indicator)
        if not targets or sli not in ledger:
            return None
        end = minute_of(now)
        start = end - HEALTH_MINUTES
        return Series.of(indicator, max(targets), start, ledger.minutes(sli, start, end))


def past(run: Run) -> PastAction:
    """Return a run as guards and diagnosis know it."""
    return PastAction(
        run=run.id,
        incident=run.incident,
        placement=run.placement,
        action=run.action,
        started_at=run.created_at,
        undo=run.undo,
        waiting=run.undo and run.state is RunState.QUEUED,
        acted_at=run.acted_at,
        ended_at=run.ended_at,
        outcome=run.outcome,
        suspect=run.suspect,
    )
