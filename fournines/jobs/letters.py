"""Events that could not be delivered or kept: counted where they lie, and told; a person takes them away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from collector.bundle import Area
from collector.checkup import QueueLook
from fournines.jobs.watch import OURSELVES, about_us
from fournines.known import Known
from fournines.store.books import Books
from remediation.incidents import Change, Incident, Phase, Symptom
from remediation.journal import Entry, EntryKind
from slo.burn import Severity
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

#: What the tickets are filed under, in the place of a cluster.
DEAD_LETTERS = "dead-letters"

#: Returns what each queue holds; one that cannot be looked at is missing.
Look = Callable[[], Mapping[Area, QueueLook]]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Opens a ticket for each region that has dead letters, and closes it when they are gone."""

    look: Look
    known: Known
    books: Books

    def run(self, now: datetime) -> None:
        """Count, and compare with the tickets that are open."""
        self.known.queues = found = self.look()
        self.books.save(tuple(self._changes(found, now)))

    def _changes(self, found: Mapping[Area, QueueLook], now: datetime) -> Iterator[Change]:
        told = {i.placement: i for i in self.books.open_incidents() if about_us(i)}
        for area, look in sorted(found.items(), key=lambda one: str(one[0])):
            place = Placement(area.account, area.region, DEAD_LETTERS, OURSELVES)
            if look.dead and place not in told:
                yield _opened(place, look.dead, now)
            elif not look.dead and place in told:
                yield _closed(told[place], now)


def _opened(place: Placement, dead: int, now: datetime) -> Change:
    sentence = (
        f"{dead} events lie among the dead letters of {place.region}: they could not be delivered to our "
        "queue, or not be kept. What they told is found by asking, if at all; `fournines doctor` says how to "
        "read them."
    )
    symptom = Symptom(
        placement=place,
        name=DEAD_LETTERS,
        severity=Severity.TICKET,
        sentence=sentence,
        first_seen=now,
        last_seen=now,
    )
    incident = Incident(
        id=f"{OURSELVES}-{DEAD_LETTERS}-{place.region}-{now:%Y%m%d-%H%M}",
        service=OURSELVES,
        opened_at=now,
        phase=Phase.ESCALATED,
        symptoms=(symptom,),
        placement=place,
        sentence=sentence,
    )
    entry = Entry(EntryKind.ESCALATED, now, sentence, incident=incident.id, placement=str(place))
    return Change(incident, (entry,))


def _closed(incident: Incident, now: datetime) -> Change:
    sentence = "The dead letters are gone."
    over = replace(incident, phase=Phase.RESOLVED, resolved_at=now, sentence=sentence)
    return Change(over, (Entry(EntryKind.RESOLVED, now, sentence, incident=incident.id),))
