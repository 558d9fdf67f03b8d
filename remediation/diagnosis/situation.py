"""All that is known of a placement in trouble at one moment, and how old each part is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.estate import ServiceView
from collector.remains import Remains
from remediation.diagnosis.health import Health
from remediation.events.event import Event
from remediation.floor import Floor
from remediation.history import PastAction
from remediation.incidents import Incident
from remediation.quarantine import Quarantined
from remediation.tenure import Tenure
from slo.cells import Placement, moment_of

#: How far back the events of a situation reach.
EVENTS_SINCE = timedelta(minutes=30)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known at `at` of a placement (the focus), of its service elsewhere, and of what runs beside it.

    `siblings` are all placements of the service; `views` and `health` hold those that could be read.
    `neighbours` are the other services of the focus' account and region, as far as they are measured.
    `tenures` are those of the focus, `remains` what is left of the revisions that it may return to, by task
    definition; `quarantine` is of the whole estate, and `floors` are those declared for the focus.
    `events` are those of `EVENTS_SINCE` in the regions of the service; `history` is of the whole estate
    and the last day, of this incident and of the focus from its start.  `sharing` are those of the neighbours
    that stand behind the same load balancer.  `testified` is False when events tell of tasks that ended and
    ECS could not be asked about them.
    """

    incident: Incident
    placement: Placement
    at: datetime
    views: Mapping[Placement, ServiceView]
    health: Mapping[Placement, Health]
    neighbours: Mapping[Placement, Health] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    history: tuple[PastAction, ...] = ()
    estate_placements: int = 1
    siblings: tuple[Placement, ...] = ()
    sharing: tuple[Placement, ...] = ()
    testified: bool = True
    tenures: tuple[Tenure, ...] = ()
    remains: Mapping[str, Remains] = field(default_factory=dict)
    quarantine: tuple[Quarantined, ...] = ()
    floors: tuple[Floor, ...] = ()

    @property
    def view(self) -> ServiceView | None:
        """The focus as AWS describes it."""
        return self.views.get(self.placement)

    @property
    def here(self) -> Health | None:
        """How the focus serves."""
        return self.health.get(self.placement)

    @property
    def elsewhere(self) -> tuple[Placement, ...]:
        """The same service's other placements, known or not."""
        return tuple(sorted({*self.siblings, *self.health, *self.views} - {self.placement}))

    @property
    def data_age(self) -> timedelta | None:
        """How long ago the newest known minute of the focus ended; None when no minute is known."""
        newest = self.here.newest if self.here else None
        return None if newest is None else max(self.at - moment_of(newest) - _MINUTE, timedelta(0))

    @property
    def view_age(self) -> timedelta | None:
        """How long ago AWS was asked about the focus; None when it could not be."""
        return max(self.at - self.view.seen_at, timedelta(0)) if self.view else None
