"""The one place where incidents change: one hand at a time, so that two signals never open two incidents."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from collector.bundle import Area
from collector.heat import Heat
from remediation.incidents import Change
from remediation.receive import receive
from remediation.stir import alarming, stirred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from fournines.store.books import Books
    from remediation.events.event import Event
    from remediation.incidents import Incident, Symptom
    from slo.burn import Alert


class Desk:
    """Folds signals into incidents and keeps the result."""

    def __init__(self, books: Books, heat: Heat | None = None) -> None:
        self._books = books
        self._heat = heat or Heat()
        self._hand = threading.RLock()

    def fold(
        self, signals: Iterable[Alert | Event | Symptom], now: datetime, events: Sequence[Event] = ()
    ) -> bool:
        """Fold signals in their order, and note `events` as folded in the same transaction.

        Returns whether an incident has changed.
        """
        with self._hand:
            known = {incident.id: incident for incident in self._books.open_incidents()}
            changes: dict[str, Change] = {}
            for signal in signals:
                if (placement := stirred(signal)) is not None:
                    self._heat.sign(placement.service, now)
                    if alarming(signal):
                        self._heat.alarm(Area(placement.account, placement.region), now)
                change = receive(known.values(), signal, now)
                if change is not None:
                    name = change.incident.id
                    known[name] = change.incident
                    told = changes[name].entries if name in changes else ()
                    changes[name] = Change(change.incident, (*told, *change.entries))
            self._books.save(tuple(changes.values()), events)
            return bool(changes)

    def keep_hot(self, now: datetime) -> None:
        """Have every service read closely that is in trouble by an open incident."""
        for incident in self._books.open_incidents():
            if incident.felt:
                self._heat.sign(incident.service, now)

    def change(self, seen: Incident, decide: Callable[[Incident], Change | None]) -> None:
        """Change one incident as it is now, if it was to be as it was just seen; not when it is over."""
        if decide(seen) is None:
            return
        with self._hand:
            incident = self._books.incident(seen.id)
            if incident is None or incident.resolved_at is not None:
                return
            change = decide(incident)
            if change is not None:
                self._books.save([change])
