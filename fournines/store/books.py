"""The one door to what fournines remembers: the store, and the ledger in memory that follows it.

The service opens the books as their owner, alone on a file; a database of PostgreSQL has as many owners as
there are replicas.  A command visits them beside a running service: it reads, answers and sets switches, but
records nothing.
"""

from __future__ import annotations

import os
import socket
import uuid
from typing import IO, TYPE_CHECKING, Self

from fournines.store import (
    backfills,
    collected,
    inbox,
    incidents,
    journal,
    overrides,
    running,
)
from fournines.store.cellbooks import CellBooks
from fournines.store.database import Database, open_database
from fournines.store.desks import Outbox, StatementShelf
from fournines.store.leading import Lead, Role
from fournines.store.place import IN_MEMORY, StoreError, file_of, on_server, own
from fournines.store.revisions import Revisions
from fournines.store.runs import OBSERVE_ONLY, PAUSED, SqlRuns
from remediation.decision.guards import Switches
from slo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from collector.bundle import Area, Key
    from collector.estate import Deployed, RegionEstate
    from collector.presence import Sighting
    from collector.watermarks import Mark
    from fournines.store.backfills import Backfill
    from fournines.store.journal import Kept
    from remediation.events.event import Event
    from remediation.incidents import Change, Incident
    from remediation.journal import Entry, EntryKind
    from slo.cells import Placement
    from slo.gate import Override
    from slo.usage import Usage


class Books(CellBooks):
    """All that is kept, safe to share among threads; every method is one transaction.

    `runs` keeps the workflows: it is the Runs of the engine.  `outbox` holds what people must be told, and
    `statements` those that were issued, `revisions` who served and what was turned back.  `leads` are the
    roles that this process may lead, where it shares the store with others.
    """

    def __init__(
        self, database: Database, lock: IO[str] | None, *, owner: bool, make: Callable[[], Ledger] = Ledger
    ) -> None:
        super().__init__(database, owner=owner, make=make)
        self._lock = lock
        self._name = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        self.leads: Mapping[Role, Lead] | None = None
        self.runs = SqlRuns(database, self._name)
        self.outbox, self.statements = Outbox(database), StatementShelf(database)
        self.revisions = Revisions(database)

    @classmethod
    def open(cls, url: str, make: Callable[[], Ledger] = Ledger) -> Self:
        """Open the books of a file (or of `sqlite://`, in memory) as their only owner.  Raises StoreError.

        Whoever owned them before is dead: what it had claimed is free at once.  On a server others may live.
        """
        lock = None if url == IN_MEMORY or on_server(url) else own(file_of(url))
        try:
            books = cls(open_database(url), lock, owner=True, make=make)
        except StoreError:
            if lock:
                lock.close()
            raise
        books.runs.free_leases(parked_only=on_server(url))
        return books

    @classmethod
    def visit(cls, url: str) -> Self:
        """Open books beside their owner, to read, to answer and to set switches.  Raises StoreError."""
        if url != IN_MEMORY and not on_server(url) and not file_of(url).exists():
            raise StoreError(
                f"there is no store at {file_of(url)}: start `fournines serve` with the same config first"
            )
        return cls(open_database(url), None, owner=False, make=Ledger)

    def share(self, roles: Collection[Role]) -> None:
        """Serve the store beside other replicas: what belongs to a role is written by who leads it alone.

        A file has one owner, who leads everything.
        """
        if not self._database.shared:
            return
        leads = {role: Lead(self._database, role, self._name) for role in Role}
        self.leads = {role: leads[role] for role in roles}
        work, tell = (self._database.fenced(leads[role].fence) for role in Role)
        self.outbox = Outbox(tell)
        self._database = work
        self._live.fenced(leads[Role.WORK].fence)
        self.runs, self.statements = SqlRuns(work, self._name), StatementShelf(work)
        self.revisions = Revisions(work)

    def leads_work(self) -> bool:
        """Whether this process does the work: always, unless it shares the store."""
        if self.leads is None:
            return True
        work = self.leads.get(Role.WORK)
        return work is not None and work.held

    def close(self) -> None:
        """Close the store and give it free."""
        self._database.close()
        if self._lock:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what was collected

    def marks(self) -> dict[Key, Mark]:
        """Return how far each bundle was read."""
        with self._database.read() as connection:
            return collected.marks(connection)

    def spend(self, now: datetime, metrics: int) -> None:
        """Add what was asked of CloudWatch to its calendar month in UTC."""
        with self._database.write() as connection:
            collected.spend(connection, _month(now), metrics)

    def spent(self, now: datetime) -> int:
        """Return how many metrics were asked of CloudWatch in this month."""
        with self._database.read() as connection:
            return collected.spent(connection, _month(now))

    def save_estate(self, seen: RegionEstate, sightings: Sequence[Sighting] = ()) -> None:
        """Keep a region as it was just discovered, and when its placements were seen."""
        with self._database.write() as connection:
            collected.save_estate(connection, seen)
            collected.save_sightings(connection, sightings)

    def estates(self) -> tuple[RegionEstate, ...]:
        """Return every region as it was last seen."""
        with self._database.read() as connection:
            return collected.estates(connection)

    def ask_backfill(self, areas: Sequence[Area], start: int, end: int, at: datetime) -> tuple[int, ...]:
        """Ask for minutes of regions to be read anew; whoever owns the store does it.  Return the numbers."""
        with self._database.write() as connection:
            return backfills.ask(connection, areas, start, end, at)

    def backfills(self) -> tuple[Backfill, ...]:
        """Return what was asked to be read anew, oldest first."""
        with self._database.read() as connection:
            return backfills.every(connection)

    def backfilled(self, number: int, position: int) -> None:
        """Note until when a region was read anew."""
        with self._database.write() as connection:
            backfills.moved(connection, number, position)

    def sightings(self) -> tuple[Sighting, ...]:
        """Return when each placement that ever was there was seen."""
        with self._database.read() as connection:
            return collected.sightings(connection)

    # -- what ran

    def record_usage(self, covered: range, rows: Mapping[Placement, tuple[int, ...]]) -> None:
        """Keep what a look told of what runs, for the slots that it stands for."""
        with self._database.write() as connection:
            running.record(connection, covered, rows)

    def usage(self, placement: Placement, within: range) -> Usage:
        """Return what is kept of what ran of a placement."""
        with self._database.read() as connection:
            return running.history(connection, placement, within)

    def save_deployed(self, told: Sequence[Deployed]) -> None:
        """Keep deployments as they stand now."""
        with self._database.write() as connection:
            running.save_deployed(connection, told)

    def deployed(self, start: datetime, end: datetime) -> tuple[Deployed, ...]:
        """Return the deployments that were made in `[start, end)`, oldest first."""
        with self._database.read() as connection:
            return running.deployed(connection, start, end)

    def forget_running(self, before: datetime) -> None:
        """Forget what ran and what was deployed before the moment."""
        with self._database.write() as connection:
            running.forget(connection, before)

    # -- what happened

    def keep_events(self, arrived: Sequence[tuple[str, Event]], now: datetime) -> tuple[Event, ...]:
        """Keep raw bodies with what they mean, and return the events that were not here before."""
        with self._database.write() as connection:
            return inbox.keep(connection, arrived, now)

    def unfolded_events(self) -> tuple[Event, ...]:
        """Return the events that nothing has been made of yet, in the order of arrival."""
        with self._database.read() as connection:
            return inbox.unfolded(connection)

    def recent_events(
        self,
        since: datetime,
        *,
        placements: Mapping[str, Collection[Placement]] | None = None,
        regions: Mapping[str, Collection[str]] | None = None,
    ) -> tuple[Event, ...]:
        """Return the events since the moment, by kind those of the placements and regions, or all."""
        with self._database.read() as connection:
            return inbox.recent(connection, since, placements=placements, regions=regions)

    def events_of(self, kind: str, since: datetime) -> tuple[Event, ...]:
        """Return every event of a kind since the moment, oldest first."""
        with self._database.read() as connection:
            return inbox.of_kind(connection, kind, since)

    def forget_events(self, before: datetime, long_before: datetime) -> int:
        """Drop the oldest events that were received before the moments, deployments by the second.

        Returns how many; 0 when none is left.
        """
        self._must_own()
        with self._database.write() as connection:
            return inbox.forget(connection, before, long_before)

    def event_counts(self) -> Mapping[str, int]:
        """Return how many events of each kind were ever kept."""
        with self._database.read() as connection:
            return inbox.counts(connection)

    def save(self, changes: Sequence[Change], events: Sequence[Event] = ()) -> None:
        """Keep incidents as they are now, journal how they came to be so, and note the events as folded."""
        if changes or events:
            with self._database.write() as connection:
                for change in changes:
                    incidents.save(connection, change)
                inbox.folded(connection, events)

    def open_incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that are not over, oldest first."""
        with self._database.read() as connection:
            return incidents.unresolved(connection)

    def incident(self, name: str) -> Incident | None:
        """Return an incident by its id."""
        with self._database.read() as connection:
            return incidents.get(connection, name)

    def incidents_since(self, moment: datetime) -> tuple[Incident, ...]:
        """Return the incidents that were open at any time since the moment, oldest first."""
        with self._database.read() as connection:
            return incidents.since(connection, moment)

    def switches(self) -> Switches:
        """Return what people have switched."""
        on = self.runs.switches()
        return Switches(paused=on.get(PAUSED, False), observe_only=on.get(OBSERVE_ONLY, False))

    def pause(self, *, on: bool, actor: str, at: datetime) -> bool:
        """Pull the kill switch or release it; False, and nothing journaled, when it stood so already."""
        return self._switch(PAUSED, on=on, actor=actor, at=at)

    def observe_only(self, *, on: bool, actor: str, at: datetime) -> bool:
        """Have nothing done and all decisions recorded, or end that; False when it stood so already."""
        return self._switch(OBSERVE_ONLY, on=on, actor=actor, at=at)

    def _switch(self, name: str, *, on: bool, actor: str, at: datetime) -> bool:
        if self.runs.switched(name) is on:
            return False
        self.runs.set_switch(name, on=on, actor=actor, at=at)
        return True

    # -- the gate for deployments

    def override(self, override: Override, entries: Sequence[Entry]) -> None:
        """Keep an override, and journal it."""
        with self._database.write() as connection:
            overrides.keep(connection, override)
            journal.append(connection, entries)

    def revoke(self, held: Sequence[Override], entries: Sequence[Entry]) -> None:
        """End overrides before their time, and journal it."""
        with self._database.write() as connection:
            for override in held:
                overrides.revoke(connection, override)
            journal.append(connection, entries)

    def overrides(self, now: datetime) -> tuple[Override, ...]:
        """Return the overrides that hold, the one that lasts longest first."""
        with self._database.read() as connection:
            return overrides.holding(connection, now)

    # -- the journal

    def append(self, entries: Sequence[Entry]) -> None:
        """Journal what changed nothing else, and tell it."""
        with self._database.write() as connection:
            journal.append(connection, entries)

    def entries(self, incident: str | None = None, after: int = 0) -> tuple[Kept, ...]:
        """Return journal entries in order, of one incident or all."""
        with self._database.read() as connection:
            return tuple(journal.read(connection, incident, after))

    def entries_of(self, kind: EntryKind, since: datetime) -> tuple[Entry, ...]:
        """Return the journal entries of a kind since the moment, in order."""
        with self._database.read() as connection:
            return tuple(journal.of_kind(connection, kind, since))

    def entry(self, n: int) -> Kept:
        """Return the journal entry with this number."""
        with self._database.read() as connection:
            return journal.one(connection, n)

    def export_journal(self, path: Path) -> int:
        """Write the journal as JSON lines, whole or not at all, and return how many."""
        kept = self.entries()
        beside = path.with_name(path.name + ".part")
        beside.write_text("".join(f"{one.line()}\n" for one in kept), encoding="utf-8")
        beside.replace(path)
        return len(kept)

    def verify_journal(self) -> int | None:
        """Return the number of the first entry that was tampered with, or None."""
        with self._database.read() as connection:
            return journal.verify(connection)


def _month(now: datetime) -> str:
    return f"{now:%Y-%m}"
