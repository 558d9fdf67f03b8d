"""What may have spent a budget: incidents while they were open, and deployments until they had settled."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from remediation.diagnosis.deployments import BLAMED_FOR
from remediation.events.event import DeploymentChanged, DeploymentPhase
from slo.attribution import Kind, Spender
from slo.cells import minute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remediation.events.event import Event
    from remediation.incidents import Incident
    from slo.cells import Placement

#: What failed so shortly before an incident was opened is laid to it: the quickest tier looks at 5 minutes,
#: and minutes arrive late.
NOTICED_WITHIN = timedelta(minutes=10)

#: A deployment whose end nobody told is believed to be under way for so long: events may be lost.
LASTS_MAX = timedelta(hours=3)

_ENDS = (DeploymentPhase.COMPLETED, DeploymentPhase.FAILED)


def spenders(incidents: Iterable[Incident], events: Iterable[Event], now: datetime) -> tuple[Spender, ...]:
    """Return all that may have spent a budget until now, as incidents and events tell it."""
    changes: dict[tuple[Placement, str], list[DeploymentChanged]] = defaultdict(list)
    for event in events:
        if isinstance(event, DeploymentChanged) and event.placement and event.origin.at:
            changes[event.placement, event.deployment_id].append(event)
    return (
        *(_incident(incident, now) for incident in incidents),
        *(_deployment(placement, name, told, now) for (placement, name), told in changes.items()),
    )


def _incident(incident: Incident, now: datetime) -> Spender:
    cause = f" ({incident.cause.replace('_', ' ')})" if incident.cause else ""
    return Spender(
        kind=Kind.INCIDENT,
        name=incident.id,
        sentence=f"incident {incident.id}{cause}",
        placements=incident.placements,
        start=minute_of(incident.opened_at - NOTICED_WITHIN),
        end=minute_of(incident.resolved_at or now) + 1,
    )


def _deployment(
    placement: Placement, name: str, changes: Sequence[DeploymentChanged], now: datetime
) -> Spender:
    """Return a deployment from the first that was told of it until a while after its end."""
    began = min(_moments(changes))
    ends = _moments([one for one in changes if one.phase in _ENDS])
    until = max(ends) + BLAMED_FOR if ends else min(now, began + LASTS_MAX)
    return Spender(
        kind=Kind.DEPLOYMENT,
        name=name,
        sentence=f"deployment {name} in {placement.region}, {began:%Y-%m-%d %H:%M} UTC",
        placements=(placement,),
        start=minute_of(began),
        end=max(minute_of(began), minute_of(until)) + 1,
    )


def _moments(changes: Sequence[DeploymentChanged]) -> list[datetime]:
    return [one.origin.at for one in changes if one.origin.at is not None]
