"""What there is to see at this moment: where pages, Slack and commands get their values."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from collector.price import Thrift
from fournines.gating import Gate
from fournines.issuing import placements_of
from fournines.past import Past
from fournines.views.automation import permission
from fournines.views.budget import BudgetRow, rows
from fournines.views.collecting import RegionRow, regions
from fournines.views.composite import composite_rows
from fournines.views.course import course
from fournines.views.detail import Detail
from fournines.views.estate import PlacementRow, placements
from fournines.views.gate import GateView
from fournines.views.impact import impacts
from fournines.views.incident import IncidentView
from fournines.views.overview import Overview, overview
from fournines.views.spent import Drawn, SpentView, drawn, spent
from fournines.vitals import Pulse
from remediation.diagnosis.deployments import BLAMED_FOR
from remediation.spenders import LASTS_MAX, spenders
from remediation.vocabulary import Mode
from slo import figures, gate
from slo.burn import firing
from slo.cells import MINUTE_S, Sli, minute_of
from slo.excerpt import excerpt
from slo.exclusions import Exclusions
from slo.ledger import RING_MINUTES
from slo.objectives import EVERY_SERVICE
from slo.promised import Promised, promised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from fournines.clock import Clock, Health, Record
    from fournines.known import Known
    from fournines.store.books import Books
    from fournines.views.impact import Impact
    from remediation.decision.policy import Policies
    from remediation.incidents import Incident
    from runbooks.shelf import Shelf
    from slo.budget_policies import BudgetPolicy
    from slo.composites import Composite
    from slo.contracts import Contract
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: How long ago an incident may have ended and still be listed.
LISTED_FOR = timedelta(days=30)
#: A job that has not succeeded for so many of its periods, or so long, is in trouble.
LATE_PERIODS = 5
LATE_MIN = timedelta(minutes=5)
JOURNAL_MAX = 1_000
#: What a contract's month reaches back at most.
RING = timedelta(minutes=RING_MINUTES)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that is seen first."""

    label: str
    value: str
    note: str
    tone: str = ""


_Value = TypeVar("_Value")


class _OnceAMinute(Generic[_Value]):
    """Keeps what takes long to add up until the minute, or the newest that is known, has moved on."""

    def __init__(self) -> None:
        self._kept: tuple[object, _Value] | None = None
        self._making = threading.Lock()

    def of(self, moment: object, made: Callable[[], _Value]) -> _Value:
        """Return what was made in this moment, or make it: once, however many ask."""
        with self._making:
            if self._kept is None or self._kept[0] != moment:
                self._kept = moment, made()
            return self._kept[1]


class Board:
    """Reads, and never changes anything."""

    def __init__(  # noqa: PLR0913 - what is shown comes from all over the house
        self,
        *,
        clock: Clock,
        books: Books,
        known: Known,
        objectives: Sequence[Objective],
        policies: Policies,
        shelf: Shelf,
        record: Record,
        periods: Mapping[str, timedelta],
        budget_policies: Sequence[BudgetPolicy] = (),
        contracts: Sequence[Contract] = (),
        exclusions: Exclusions | None = None,
        composites: Sequence[Composite] = (),
        unheard: Callable[[], Mapping[str, str]] = dict,
        pulse: Pulse | None = None,
        base_url: str = "",
        dashboards_url: str = "",
    ) -> None:
        self._clock, self._books, self._known = clock, books, known
        self._objectives, self._policies, self._shelf = tuple(objectives), policies, shelf
        self._budget_policies = tuple(budget_policies)
        self._contracts, self._exclusions = tuple(contracts), exclusions or Exclusions()
        self._composites = tuple(composites)
        self._promised: _OnceAMinute[tuple[Promised, ...]] = _OnceAMinute()
        self._spent: _OnceAMinute[tuple[SpentView, ...]] = _OnceAMinute()
        self._record, self._periods, self._unheard = record, periods, unheard
        self.pulse, self.past = pulse or Pulse(), Past(books)
        self._base_url, self._dashboards_url = base_url, dashboards_url

    def now(self) -> datetime:
        """Return the time that fournines decides by."""
        return self._clock.now()

    # -- budgets

    def overview(self) -> Overview:
        """Return every budget by requests and by minutes: of contracts, services, and placements."""
        now = self.prepare()
        promises = self.promises(now)
        with self._books.ledger() as ledger:
            return self.overview_of(ledger, now, promises)

    def prepare(self) -> datetime:
        """Read what budgets need of the past, before the ledger is held still, and return the time.

        That may take half a minute, and no new minute is to wait for it.
        """
        now, members = self._clock.now(), (one for each in self._composites for one in each.members)
        asked = (*self._objectives, *(member.objective for member in members))
        with self._books.ledger() as ledger:
            read = self.past.prepare(asked, ledger, now)
        read()
        return now

    def overview_of(self, ledger: Ledger, now: datetime, promises: Sequence[Promised]) -> Overview:
        """Return the same of a ledger of another moment."""
        return overview(
            self._objectives,
            ledger,
            firing(self._objectives, ledger, now),
            now,
            past=self.past,
            promises=promises,
            composites=composite_rows(self._composites, ledger, now, self.past),
            doubted=[one.doubt.placement for one in self._known.doubtful(now)],
        )

    def promises(self, now: datetime) -> tuple[Promised, ...]:
        """Return the budgets of contracts, as far as anything of them is measured.

        The store alone tells them: that takes seconds for each, so it is asked before the ledger is held.
        """

        def told() -> tuple[Promised, ...]:
            counted = set(self._books.slis())
            found = list[Promised | None]()
            for one in self._contracts:
                slis = [Sli(place, one.indicator) for place in placements_of(self._books, one)]
                if not counted.isdisjoint(slis):
                    found.append(promised(one, self._exclusions, slis, self._books, now))
            return tuple(filter(None, found))

        return self._promised.of((self._books.extent(), minute_of(now)), told) if self._contracts else ()

    def spent(self) -> tuple[SpentView, ...]:
        """Return who spent the budgets of contracts and services, the most spent first."""
        now = self._clock.now()
        return self.spent_at(now, self.promises(now))

    def spent_at(self, now: datetime, promises: Sequence[Promised]) -> tuple[SpentView, ...]:
        """Return the same beside promises of the moment.  Not to be asked by who holds the ledger."""

        def told() -> tuple[SpentView, ...]:
            with self._books.ledger() as ledger:
                services = drawn(self._objectives, ledger, now)
            return self._spent_by(services, now, promises)

        return self._spent.of((self._books.extent(), minute_of(now)), told)

    def spent_of(self, ledger: Ledger, now: datetime, promises: Sequence[Promised]) -> tuple[SpentView, ...]:
        """Return the same of a ledger of another moment."""
        return self._spent_by(drawn(self._objectives, ledger, now), now, promises)

    def _spent_by(
        self, services: Sequence[Drawn], now: datetime, promises: Sequence[Promised] = ()
    ) -> tuple[SpentView, ...]:
        since = min([now - RING, *(one.objective.window.stretch(now).starts_at for one in services)])
        told = self._books.events_of("deployment_changed", since - LASTS_MAX - BLAMED_FOR)
        happened = [i for i in self._books.incidents_since(since) if i.opened_at <= now]
        return spent(services, spenders(happened, told, now), promises)

    def detail(self, name: str, service: str) -> Detail | None:
        """Return one objective of one service with how it went; None where there is no such."""
        aimed = next((o for o in self._objectives if o.name == name), None)
        if aimed is None or aimed.service not in (EVERY_SERVICE, service):
            return None
        own, now = replace(aimed, service=service), self.prepare()
        with self._books.ledger() as ledger:
            slis = own.slis(ledger.slis)
            if not slis:
                return None
            few = excerpt(ledger, slis, self._exclusions)
        doubted = [one.doubt.placement for one in self._known.doubtful(now)]
        seen = overview([own], few, firing([own], few, now), now, past=self.past, doubted=doubted)
        (view,) = self._spent_by(drawn([own], few, now), now)
        went = course(own, slis, few, now, view.budget, view.spends)
        return Detail(seen.services[0], seen.placements, view, went)

    def tiles(self, shown: Sequence[BudgetRow]) -> tuple[Tile, ...]:
        """Return what is seen first, of budgets and all else."""
        open_incidents = self._books.open_incidents()
        burning = [row for row in shown if row.state in ("page", "ticket")]
        worst = min(
            (row for row in shown if row.budget.total), key=lambda r: r.budget.left_ratio, default=None
        )
        return (
            Tile("Incidents", str(len(open_incidents)), "open now", "bad" if open_incidents else "good"),
            Tile("Burning", str(len(burning)), f"of {len(shown)} objectives", "bad" if burning else "good"),
            _least(worst),
            self._placements(),
            self._automated(),
        )

    def _placements(self) -> Tile:
        """Say how many placements there are, and how many have vanished, which is no outage."""
        gone = sum(map(self._known.vanished, self._known.sightings))
        note = f"services times regions, {gone} vanished" if gone else "services times regions"
        return Tile("Placements", str(len(self._known.services)), note)

    def placements(self) -> tuple[PlacementRow, ...]:
        """Return every placement that is or ever was there."""
        return placements(self._known.sightings, self._known.services)

    def collecting(self) -> tuple[RegionRow, ...]:
        """Return how reading each region goes."""
        return regions(self._known)

    def _automated(self) -> Tile:
        """Say in a word whether anything may be done without a person."""
        allowed = sum(policy.mode is not Mode.OBSERVE for policy in self._policies.policies)
        if self._books.runs.paused():
            return Tile("Automation", "paused", "by the kill switch", "warn")
        if self._books.switches().observe_only:
            return Tile("Automation", "observes", "it was switched to observing only", "warn")
        return Tile("Automation", "on" if allowed else "observes", f"{allowed} policies may act")

    def automation(self) -> tuple[str, ...]:
        """Say what may be done without a person, in words."""
        allowed = [policy for policy in self._policies.policies if policy.mode is not Mode.OBSERVE]
        if not allowed:
            return ("Observe only: everything that would have been done is recorded, nothing is changed.",)
        return (*map(permission, allowed), "Everything else is only observed.")

    # -- the gate for deployments

    def gate(self, service: str, region: str | None = None, names: frozenset[str] = frozenset()) -> GateView:
        """Return whether a service may be deployed now, and just this of it where it is named.

        Raises Trouble where there is no such service.
        """
        return GateView(self._gate().ask(service, region, names), tuple(sorted(names)))

    def gates(self) -> tuple[GateView, ...]:
        """Return whether each service may be deployed now, region by region."""
        return tuple(map(GateView, self._gate().everywhere()))

    def gates_by_service(self) -> dict[str, GateView]:
        """Return whether each service that is there may be deployed now, in all of its regions."""
        return {verdict.service: GateView(verdict) for verdict in self._gate().services()}

    def _gate(self) -> Gate:
        now = self.prepare()
        with self._books.ledger() as ledger:
            measured = {sli.placement for sli in ledger.slis}
            standings = gate.standings(self._objectives, self._budget_policies, ledger, now, self.past)
            alerts = firing(self._objectives, ledger, now)
        there = measured | self._known.services.keys()
        return Gate(
            placements=frozenset(place for place in there if not self._known.vanished(place)),
            standings=standings,
            alerts=alerts,
            incidents=self._books.open_incidents(),
            freezes=self._policies.freezes,
            overrides=self._books.overrides(now),
            quarantine=self._books.revisions.quarantined(),
            now=now,
        )

    # -- incidents

    def incidents(
        self, *, only_open: bool = False, since: datetime | None = None
    ) -> tuple[IncidentView, ...]:
        """Return incidents, newest first: the open ones, or those open since the moment (30 days ago)."""
        found = (
            self._books.open_incidents()
            if only_open
            else self._books.incidents_since(since or self.now() - LISTED_FOR)
        )
        return tuple(self._view(incident) for incident in reversed(found))

    def incident(self, name: str) -> IncidentView | None:
        """Return one incident with its journal."""
        incident = self._books.incident(name)
        return None if incident is None else self._view(incident)

    def _view(self, incident: Incident) -> IncidentView:
        books = [self._shelf.for_cause(incident.cause)] if incident.cause else []
        books += [self._shelf.for_action(incident.action)] if incident.action else []
        ids = tuple(dict.fromkeys(book.id for book in books if book is not None))
        links = {f"Runbook: {name}": f"{self._base_url}/runbooks/{name}" for name in ids}
        links["Incident"] = f"{self._base_url}/incidents/{incident.id}"
        if self._dashboards_url:
            links["Dashboard"] = f"{self._dashboards_url}/d/fournines-service?var-service={incident.service}"
        entries = tuple(kept.entry for kept in self._books.entries(incident.id))
        return IncidentView(
            incident=incident,
            entries=entries,
            runbooks=ids,
            links=links,
            impacts=() if incident.resolved_at else self._impacts(incident),
        )

    def _impacts(self, incident: Incident) -> tuple[Impact, ...]:
        """Return what the users of each placement feel now."""
        own = [replace(o, service=incident.service) for o in self._objectives if _concerns(o, incident)]
        now = self.prepare()
        with self._books.ledger() as ledger:
            found = rows(own, ledger, (), now, self.past)
            here = (row for row in found if row.budget.placements[0] in incident.placements)
            return impacts(here, ledger, _rung(own, incident))

    def journal(self) -> tuple[dict[str, Any], ...]:
        """Return the newest journal entries as plain data, oldest first."""
        return tuple(json.loads(kept.line()) for kept in self._books.entries()[-JOURNAL_MAX:])

    # -- runbooks

    def runbooks(self) -> tuple[tuple[str, str], ...]:
        """Return id and title of every runbook."""
        return tuple((book.id, book.title) for book in self._shelf.runbooks.values())

    def runbook(self, name: str) -> str | None:
        """Return a runbook's text."""
        return self._shelf[name].markdown if name in self._shelf else None

    # -- health

    def trouble(self) -> list[str]:
        """Return what keeps fournines from doing its work, in sentences; empty while it is well."""
        late = self._deaf_or_late() + self.pulse.troubles()
        late += [
            f"{region} of account {account} cannot be read: {why}"
            for (account, region), why in tuple(self._known.unreadable.items())
        ]
        late += [
            f"the runs of {where} cannot be read: {why}"
            for where, why in sorted(self._known.unwatched.copy().items())
        ]
        backlog = self._books.outbox.backlog()
        late += [
            f"the statement of {one.contract} for {one.month} is not in {one.place} yet: {one.why}"
            for one in self._books.statements.failing()
        ]
        untaken, why = self._books.revisions.untaken()
        if untaken:
            late.append(f"CI has not taken {untaken} notices of the quarantine, which are sent again: {why}")
        if backlog.stuck:
            late.append(f"Slack has not taken {backlog.stuck} messages, which are tried again: {backlog.why}")
        return late

    def failing(self) -> list[str]:
        """Return what keeps our own jobs from their work, or the heartbeat from being heard anywhere."""
        return self._deaf_or_late() + self.pulse.stopped()

    def _deaf_or_late(self) -> list[str]:
        """Return the queues that cannot be heard, and the jobs that have not succeeded for too long."""
        now, health = self._clock.now(), self._record.health()
        deaf = [f"queue {queue} cannot be heard: {why}" for queue, why in self._unheard().items()]
        return deaf + [
            f"{name} has not succeeded since {_said(health.get(name))}"
            for name, period in self._periods.items()
            if _late(health.get(name), max(LATE_MIN, LATE_PERIODS * period), now)
        ]

    def footer(self) -> str:
        """Say how fresh all of this is."""
        with self._books.ledger() as ledger:
            newest = ledger.newest
        if newest is None:
            return "No minute is known yet."
        age = max(0.0, self._clock.now().timestamp() - (newest + 1) * MINUTE_S)
        saving = "" if self._known.thrift is Thrift.NONE else f" {self._known.thrift.sentence}"
        fresh = f"The newest known minute ended {age:.0f} s ago."
        return f"{fresh} Unknown minutes are neither good nor bad.{saving}"


def _least(worst: BudgetRow | None) -> Tile:
    if worst is None:
        return Tile("Least budget left", figures.NOTHING, "nothing is known yet", "quiet")
    where = f"{worst.service}, {worst.where}"
    if worst.budget.left_ratio <= 0:
        return Tile("Least budget left", "none", f"{where}: {worst.left}", worst.tone)
    return Tile("Least budget left", worst.left, where, worst.tone)


def _concerns(objective: Objective, incident: Incident) -> bool:
    return objective.service in (EVERY_SERVICE, incident.service)


def _rung(objectives: Sequence[Objective], incident: Incident) -> set[str]:
    """Return the objectives whose alerts the incident is about."""
    signs = {symptom.name.rpartition("/")[0] for symptom in incident.symptoms}
    return signs & {objective.name for objective in objectives}


def _late(health: Health | None, patience: timedelta, now: datetime) -> bool:
    if health is None or health.last_success is None:
        return health is not None and health.failures > 0
    return now - health.last_success > patience


def _said(health: Health | None) -> str:
    when = "the start" if health is None or health.last_success is None else f"{health.last_success:%H:%M:%S}"
    return f"{when}: {health.last_error}" if health and health.last_error else when
