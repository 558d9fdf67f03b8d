"""Puts together all that is known of a service in trouble, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.catalog import ZONES
from collector.estate import ServiceView
from collector.load import Load
from collector.source import CollectError, Source
from fournines.clock import Clock
from fournines.known import Known
from fournines.served import judge, strictest
from fournines.store.books import Books
from remediation.actions.action import Refusal
from remediation.actions.known_good import target
from remediation.decision.policy import Policies
from remediation.diagnosis.deployments import newest
from remediation.diagnosis.health import Health, InZone, Series
from remediation.diagnosis.situation import EVENTS_SINCE, Situation
from remediation.diagnosis.testimony import proven, said, worth_asking
from remediation.events.witness import Witness
from remediation.tenure import observed
from slo.cells import Indicator, Placement, Sli, minute_of
from slo.ledger import Ledger
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.load import Latest
    from collector.remains import Remains
    from remediation.events.event import Event
    from remediation.incidents import Incident
    from remediation.workflow.run import Run

#: How far back a diagnosis looks: long enough to know what is usual.
HEALTH_MINUTES = 90
#: What is asked of events: how tasks began and ended, here and in the service's other regions, and what
#: was deployed and what the scheduler refused to anybody in them [remediation.diagnosis.evidence].
OF_PLACEMENTS = ("task_changed", "service_action")
OF_REGIONS = ("service_action", "deployment_changed")
#: Limits are counted over a day; an action may have ended a while after its last wake.
HISTORY_SINCE = timedelta(days=2)
#: What was deployed longer ago is not blamed any more [remediation.diagnosis.deployments].
SUSPECTED_FOR = timedelta(hours=2)
#: How long the view of a sibling serves for comparison.  What is acted on is always looked at anew.
SIBLING_KEPT = timedelta(seconds=20)
WORKERS = 5


@dataclass(slots=True)
class Healths:
    """How placements served when they were last looked at, as long as that is still so.

    Beside each stands the load that it was made with.
    """

    of: dict[Placement, tuple[Load | None, Health | None]] = field(default_factory=dict)
    _made_of: tuple[Ledger | None, int, int] = (None, 0, 0)

    def refer(self, ledger: Ledger, minute: int) -> None:
        """Forget all if the ledger has changed since, or the minute that is looked back from."""
        now = (ledger, ledger.changes, minute)
        if now != self._made_of:
            self.of.clear()
            self._made_of = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Looks at AWS, at the ledger and at the past."""

    source: Source
    witness: Witness
    books: Books
    known: Known
    objectives: Sequence[Objective]
    clock: Clock
    policies: Policies = field(default_factory=Policies)
    workers: int = WORKERS
    _seen: dict[Placement, ServiceView] = field(default_factory=dict, init=False)
    _healths: Healths = field(default_factory=Healths, init=False)

    def situations(
        self, incident: Incident, placements: Iterable[Placement], now: datetime
    ) -> dict[Placement, Situation]:
        """Return the situation of each placement from one look; what cannot be read is missing from it."""
        focus = tuple(placements)
        siblings = tuple(sorted({*self.known.siblings(incident.service), *focus}))
        views = self._views(siblings, focus)
        health = self._health(siblings, now)
        events = self.books.recent_events(
            now - EVENTS_SINCE,
            placements=dict.fromkeys(OF_PLACEMENTS, siblings),
            regions=dict.fromkeys(OF_REGIONS, frozenset(placement.region for placement in siblings)),
        )
        heard = {placement: self._heard(views.get(placement), events, now) for placement in focus}
        history = tuple(run.past for run in self.books.runs.lately(now - HISTORY_SINCE, incident.id, focus))
        quarantine = self.books.revisions.quarantined()
        return {
            placement: self._with_the_way_back(
                Situation(
                    incident=incident,
                    placement=placement,
                    at=now,
                    views=views,
                    health=health,
                    neighbours=self._neighbours(placement, now),
                    events=heard[placement][0],
                    testified=heard[placement][1],
                    history=history,
                    estate_placements=max(1, len(self.known.services)),
                    siblings=siblings,
                    sharing=self.known.sharing(placement),
                    quarantine=quarantine,
                    floors=self.policies.floors_of(placement),
                )
            )
            for placement in focus
        }

    def _with_the_way_back(self, situation: Situation) -> Situation:
        """Add who served, and what is left of the revision that the newest deployment would be left for."""
        view, placement, now = situation.view, situation.placement, situation.at
        if view is None:
            return situation
        kept = self.books.revisions.tenures(placement)
        tenures = observed(kept, view, judge(self.books, self.objectives, placement))
        suspect = newest(situation)
        remains: dict[str, Remains] = {}
        if suspect is not None and now - (suspect.finished_at or now) <= SUSPECTED_FOR:
            found = target(view, suspect, tenures, situation.quarantine, situation.history)
            if not isinstance(found, Refusal):
                remains[found.revision.task_definition] = self.source.remains(placement, found.revision)
        return replace(situation, tenures=tenures, remains=remains)

    def at_run(self, run: Run) -> Situation:
        """Return the situation that a run is in now.  Raises CollectError when nothing is known of it."""
        incident = self.books.incident(run.incident)
        if incident is None:
            raise CollectError(f"run {run.id} belongs to incident {run.incident}, which is not known")
        return self.situations(incident, [run.placement], self.clock.now())[run.placement]

    def _heard(
        self, view: ServiceView | None, told: tuple[Event, ...], now: datetime
    ) -> tuple[tuple[Event, ...], bool]:
        """Return what is known of ends and refusals at a placement, and whether ECS itself was asked."""
        if view is None:
            return told, False
        events = (*told, *said(view, told))
        if not worth_asking(view, told):
            return events, True
        try:
            ends = self.witness.ends(view.placement)
        except CollectError:
            return events, False
        return proven(events, view.placement, ends, now), True

    def _views(
        self, siblings: Sequence[Placement], focus: Sequence[Placement]
    ) -> Mapping[Placement, ServiceView]:
        """Look at the focus anew, and at siblings unless that was done just now."""
        now = self.clock.now()
        kept = {
            placement: view
            for placement in siblings
            if placement not in focus
            and (view := self._seen.get(placement)) is not None
            and now - view.seen_at <= SIBLING_KEPT
        }
        found = self._look([placement for placement in siblings if placement not in kept])
        self._seen.update(found)
        return kept | found

    def _look(self, placements: Sequence[Placement]) -> dict[Placement, ServiceView]:
        if self.workers == 1:
            seen = [self._view(placement) for placement in placements]
        else:
            with ThreadPoolExecutor(self.workers, thread_name_prefix="look") as pool:
                seen = list(pool.map(self._view, placements))
        return {view.placement: view for view in seen if view is not None}

    def _view(self, placement: Placement) -> ServiceView | None:
        try:
            return self.source.service(placement)
        except CollectError:
            return None

    def _health(self, placements: Sequence[Placement], now: datetime) -> Mapping[Placement, Health]:
        with self.books.ledger() as ledger:
            self._healths.refer(ledger, minute_of(now))
            found = {placement: self._served(ledger, placement, now) for placement in placements}
        return {placement: health for placement, health in found.items() if health is not None}

    def _neighbours(self, placement: Placement, now: datetime) -> Mapping[Placement, Health]:
        """Return how the services beside it serve."""
        region = self.known.of_region(placement.account, placement.region)
        return self._health([beside for beside in region if beside.service != placement.service], now)

    def _served(self, ledger: Ledger, placement: Placement, now: datetime) -> Health | None:
        """Return how a placement serves; as long as nothing new is known, it is what it was."""
        load = self.known.loads.get(placement)
        cpu = load.cpu_ratio if load else None
        kept = self._healths.of.get(placement)
        if kept is not None and kept[0] is load:
            return kept[1]
        availability = self._series(ledger, placement, Indicator.AVAILABILITY, now)
        health = None
        if availability is not None:
            health = Health(
                placement=placement,
                availability=availability,
                latency=self._series(ledger, placement, Indicator.LATENCY, now),
                cpu=cpu.value * 100 if cpu else None,
                cpu_minute=cpu.minute if cpu else None,
                zones=_zones(load) if load else {},
            )
        self._healths.of[placement] = load, health
        return health

    def _series(
        self, ledger: Ledger, placement: Placement, indicator: Indicator, now: datetime
    ) -> Series | None:
        """Return the last minutes of an indicator that an objective speaks of, by its strictest target."""
        aimed, sli = strictest(self.objectives, placement, indicator), Sli(placement, indicator)
        if aimed is None or sli not in ledger:
            return None
        end = minute_of(now)
        start = end - HEALTH_MINUTES
        return Series.of(indicator, aimed, start, ledger.minutes(sli, start, end))


def _zones(load: Load) -> dict[str, InZone]:
    """Return the newest counts of each zone of which requests and failures are told for the same minute.

    What the load balancer itself fails is told late or not at all where it fails nothing.
    """
    requests, failed, refused, healthy = (
        {zone: point for (m, zone), point in load.latest.items() if m == metric} for metric in ZONES
    )
    return {
        zone: InZone(
            minute=asked.minute,
            requests=asked.value,
            failed=sum(
                each[zone].value for each in (failed, refused) if _of_minute(each, zone, asked.minute)
            ),
            healthy=healthy[zone].value if zone in healthy else None,
        )
        for zone, asked in requests.items()
        if _of_minute(failed, zone, asked.minute)
    }


def _of_minute(told: Mapping[str, Latest], zone: str, minute: int) -> bool:
    return zone in told and told[zone].minute == minute
