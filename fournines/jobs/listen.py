"""Events: kept as they came, deleted then, and only then made something of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fournines.desk import Desk
from fournines.known import Known
from fournines.store.books import Books
from remediation.events.event import AlarmChanged, DeploymentChanged, Mailbox, ServiceAction
from remediation.events.order import dated, in_order, overtaken
from remediation.events.parse import parse
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remediation.events.event import Event

#: A new service is discovered within so long: until then its events wait.
DISCOVERED_WITHIN = timedelta(minutes=10)
#: What waits is looked at again so often, and at once when the estate was discovered anew.
LOOK_AGAIN = timedelta(seconds=10)


@dataclass(slots=True)
class Listen:
    """Takes events off the queues, and folds what is new into incidents.

    `stale` is told each service that is being deployed: what was kept of it may be so no more.  `stirred` is
    called when an incident has changed: somebody should look into it at once.
    """

    mailbox: Mailbox
    books: Books
    known: Known
    desk: Desk
    stale: Callable[[Placement], None]
    stirred: Callable[[], None] = lambda: None
    _looked_at: datetime | None = field(default=None, init=False)
    _estate: object = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Keep what has arrived, and fold what is new and speaks of us."""
        events = [self._placed(event) for event in self._pending(self._kept(now), now)]
        for event in events:
            if isinstance(event, DeploymentChanged) and event.placement:
                self.stale(event.placement)
        settled = [event for event in events if self._ours(event) or self._foreign(event, now)]
        if settled:
            told = [event for event in in_order(settled) if self._ours(event)]
            if self.desk.fold(self._latest(told), now, settled):
                self.stirred()

    def _kept(self, now: datetime) -> tuple[Event, ...]:
        """Keep what has arrived, and delete it then; return what was never here before."""
        letters = self.mailbox.receive()
        if not letters:
            return ()
        arrived = [(letter.body, dated(parse(letter.body), now)) for letter in letters]
        new = self.books.keep_events(arrived, now)
        self.mailbox.delete(letters)
        return new

    def _pending(self, new: tuple[Event, ...], now: datetime) -> tuple[Event, ...]:
        """Return what is new, now and then with what was left over: by a crash, or for discovery."""
        estate = self.known.services
        again = self._looked_at is None or abs(now - self._looked_at) >= LOOK_AGAIN
        if not again and (new or estate is self._estate):
            return new
        self._looked_at, self._estate = now, estate
        return self.books.unfolded_events()

    def _placed(self, event: Event) -> Event:
        """Say which placement an event speaks of that does not name it, as far as is discovered by now."""
        if isinstance(event, AlarmChanged):
            return replace(event, placement=self.known.placement_behind(event.dimensions))
        if isinstance(event, DeploymentChanged | ServiceAction) and event.placement is None:
            return replace(event, placement=self.known.placement_named(event.service_arn))
        return event

    def _latest(self, events: Sequence[Event]) -> list[Event]:
        """Leave out what an alarm told before what is known of it already: it came too late."""
        alarms = [event for event in events if isinstance(event, AlarmChanged)]
        times = [event.told_at for event in alarms if event.told_at is not None]
        if not times:
            return list(events)
        regions = frozenset(event.origin.region for event in alarms)
        known = self.books.recent_events(min(times), regions={alarms[0].kind: regions})
        here = {event.origin.id for event in events}
        later = [one for one in known if isinstance(one, AlarmChanged) and one.origin.id not in here]
        return [one for one in events if not (isinstance(one, AlarmChanged) and overtaken(one, later))]

    def _ours(self, event: Event) -> bool:
        """Whether the event speaks of a placement that we know: one of another estate acts on nothing."""
        return getattr(event, "placement", None) in self.known.services

    def _foreign(self, event: Event, now: datetime) -> bool:
        """Whether the event is nobody's of ours, and not just of a service that discovery has yet to find."""
        young = event.origin.at is None or now - event.origin.at < DISCOVERED_WITHIN
        placed = isinstance(event, AlarmChanged) or bool(
            getattr(event, "placement", None) or getattr(event, "service_arn", "")
        )
        return not (placed and young)
