"""What no event told and ECS tells when services are discovered: kept like an event, only later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fournines.known import Known
from fournines.store.books import Books
from remediation.diagnosis.testimony import SAME_WITHIN, said
from remediation.events.describe import describe

if TYPE_CHECKING:
    from datetime import datetime

#: The kinds of events that tell a service's plight.
KINDS = ("service_action", "deployment_changed")


@dataclass(slots=True)
class Missed:
    """Looks through what the last discovery told of services that are not well."""

    known: Known
    books: Books
    _seen: object = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Keep every plight of which no event has come; the same one is kept once."""
        services = self.known.services
        if services is self._seen:
            return
        views = [view for view in services.values() if view.said]
        if views:
            oldest = min(one.at for view in views for one in view.said)
            places = [view.placement for view in views]
            told = self.books.recent_events(oldest - SAME_WITHIN, placements=dict.fromkeys(KINDS, places))
            missed = [event for view in views for event in said(view, told)]
            self.books.keep_events([(describe(event), event) for event in missed], now)
        self._seen = services
