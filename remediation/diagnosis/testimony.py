"""What is known of how tasks ended and what was refused: told by events, testified by ECS when it is asked.

What only an event tells of a task's end counts for nothing once ECS was asked; what no event told is found.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeGuard

from collector.estate import Plight
from remediation.diagnosis.situation import EVENTS_SINCE
from remediation.events.event import (
    DeploymentChanged,
    DeploymentPhase,
    Origin,
    ServiceAction,
    TaskChanged,
    TaskEnd,
)
from remediation.receive import TELLING_ENDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.estate import Said, ServiceView
    from remediation.events.event import Event
    from remediation.events.witness import Ends
    from slo.cells import Placement

#: An event and the line that ECS keeps of the same are no further apart.
SAME_WITHIN = timedelta(minutes=2)
#: Fargate says so of both of its providers [ECS guide, service events].
NO_ROOM = "RESOURCE:FARGATE"
SPOT = "FARGATE_SPOT"


def worth_asking(view: ServiceView, told: Iterable[Event]) -> bool:
    """Whether tasks are missing, or may have ended: ECS is then asked which."""
    short = view.running < view.desired or view.pending > 0 or bool(view.said)
    return short or any(_ends(event, view.placement) and event.end in TELLING_ENDS for event in told)


def proven(told: Iterable[Event], placement: Placement, ends: Ends, now: datetime) -> tuple[Event, ...]:
    """Return events with how tasks of the placement ended by ECS's own word."""
    kept = (event for event in told if not ends.whole or not _ends(event, placement))
    recent = (
        task for task in ends.tasks if task.origin.at is not None and now - task.origin.at <= EVENTS_SINCE
    )
    return (*kept, *recent)


def said(view: ServiceView, told: Iterable[Event]) -> tuple[Event, ...]:
    """Return the plights of a service that ECS tells of and no event told."""
    known = [(_plight(event), event.origin.at) for event in told if _about(event) == view.placement]
    return tuple(
        _event(one, view)
        for one in view.said
        if not any(plight == one.plight and at and abs(at - one.at) <= SAME_WITHIN for plight, at in known)
    )


def _ends(event: Event, placement: Placement) -> TypeGuard[TaskChanged]:
    return (
        isinstance(event, TaskChanged) and event.placement == placement and event.end is not TaskEnd.RUNNING
    )


def _about(event: Event) -> Placement | None:
    return event.placement if isinstance(event, ServiceAction | DeploymentChanged) else None


def _plight(event: Event) -> str:
    if isinstance(event, DeploymentChanged):
        return Plight.NOT_DEPLOYED if event.phase is DeploymentPhase.FAILED else ""
    return event.name if isinstance(event, ServiceAction) else ""


def _event(one: Said, view: ServiceView) -> Event:
    where = view.placement
    origin = Origin(id=f"said/{one.id}", account=where.account, region=where.region, at=one.at)
    if one.plight is Plight.NOT_DEPLOYED:
        return DeploymentChanged(
            origin=origin,
            placement=where,
            deployment_id=one.about,
            phase=DeploymentPhase.FAILED,
            reason=one.text,
        )
    return ServiceAction(
        origin=origin,
        placement=where,
        name=str(one.plight),
        level="ERROR" if one.plight is Plight.UNPLACED else "WARN",
        reason=NO_ROOM if one.capacity else one.text,
        providers=_without_room(view) if one.capacity else (),
    )


def _without_room(view: ServiceView) -> tuple[str, ...]:
    """Return who had no room, which ECS does not say: known where only one provider is used."""
    used = tuple(share.provider for share in view.strategy if share.used)
    return used if len(used) == 1 else ()
