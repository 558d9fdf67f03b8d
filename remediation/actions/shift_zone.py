"""A load balancer turns away from a zone for a while: ARC's zonal shift, which expires by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.actions.action import (
    Look,
    Plan,
    Recovery,
    Refusal,
    failing_still,
    not_worse,
    served_again,
)
from remediation.actions.effects import OURS, EndShift, StartShift
from remediation.diagnosis.evidence import RECENTLY
from remediation.diagnosis.zones import LOST, sick_alone
from remediation.events.event import TaskChanged
from remediation.vocabulary import ActionName, Reason

if TYPE_CHECKING:
    from collector.estate import Balancer, ServiceView
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

KEEP_FOR = timedelta(minutes=60)
#: The shift ends by itself after so long, whatever becomes of us; ARC takes 72 h at most.
EXPIRES_MINUTES = 180
#: Clients keep names and connections: until then more may fail than before, for no new reason.
FOLLOWED_AFTER = timedelta(minutes=8)
#: [ARC StartZonalShift `comment`]
COMMENT_MAX = 128


class ShiftZone:
    """Turn the service's load balancer away from the zone that fails, and back later."""

    name = ActionName.SHIFT_ZONE

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:
        """Return the shift, if ARC may carry it out and tasks run in other zones."""
        view, zone = situation.view, diagnosis.zone
        if view is None or zone is None:
            return Refusal(Reason.NOT_APPLICABLE, "No zone is known that could be left.")
        zone_id = view.zone_ids.get(zone)
        if zone_id is None:
            return Refusal(Reason.NOT_APPLICABLE, f"AWS did not tell the id of {zone}.")
        balancer = _balancer(view, zone_id)
        if isinstance(balancer, Refusal):
            return balancer
        keeps = _left(view, zone)
        if not keeps:
            told = "It is not known whether" if keeps is None else "No"
            return Refusal(Reason.NO_HEADROOM, f"{told} healthy tasks run outside of {zone}.")
        comment = f"{OURS} {situation.incident.id}: fails in {zone} alone"[:COMMENT_MAX]
        return Plan(
            StartShift(
                placement=view.placement,
                balancer_arn=balancer.arn,
                zone_id=zone_id,
                minutes=EXPIRES_MINUTES,
                comment=comment,
            ),
            f"Turn the load balancer away from {zone} ({zone_id}): {keeps:.0%} of the tasks serve elsewhere.",
            inverse=EndShift(placement=view.placement, balancer_arn=balancer.arn, zone_id=zone_id),
            keep_for=KEEP_FOR,
            keeps=keeps,
            shared=True,
        )

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the objective: three healthy minutes after the action; no worse before clients follow."""
        look = served_again(before, situation, Recovery.RECOVERED)
        early = situation.at - before.acted_at < FOLLOWED_AFTER
        return not_worse(look) if early else look

    def must_stay(self, situation: Situation) -> str | None:
        """Return why the zone may not be used again yet: tasks die or others fail there, or we fail."""
        zone = _left_zone(situation)
        if zone is None:
            return failing_still(situation)
        lost = sum(
            isinstance(event, TaskChanged)
            and event.zone == zone
            and event.end in LOST
            and event.origin.at is not None
            and situation.at - event.origin.at <= RECENTLY
            for event in situation.events
        )
        tasks = (situation.view.tasks or ()) if situation.view else ()
        sick = sum(task.sick and task.zone == zone for task in tasks)
        if lost or sick:
            return f"In {zone} {lost} tasks ended lately and {sick} are sick."
        failing = [p.service for p, health in situation.neighbours.items() if sick_alone(health) == zone]
        return f"{', '.join(sorted(failing))} fails in {zone} still." if failing else failing_still(situation)


def _balancer(view: ServiceView, zone_id: str) -> Balancer | Refusal:
    """Return the one load balancer of the service, if ARC may shift it."""
    if len(view.balancers) != 1:
        told = f"It stands behind {len(view.balancers)} load balancers; one is what can be shifted."
        return Refusal(Reason.NOT_APPLICABLE, told)
    balancer = view.balancers[0]
    if balancer.is_shiftable is None:
        return Refusal(
            Reason.NOT_APPLICABLE, "ARC could not be asked whether the load balancer may be shifted."
        )
    if not balancer.is_shiftable:
        return Refusal(Reason.NOT_APPLICABLE, "Zonal shift is not enabled on its load balancer.")
    other = next((shift for shift in balancer.shifts if shift.zone_id != zone_id), None)
    if other is not None:
        told = f"The load balancer is shifted away from {other.zone_id} already: {other.comment}"
        return Refusal(Reason.NOT_APPLICABLE, told)
    return balancer


def _left(view: ServiceView, zone: str) -> float | None:
    """Return what part of the tasks that serve is in other zones."""
    if view.tasks is None:
        return None
    serving = [task for task in view.tasks if task.runs and not task.sick]
    return sum(task.zone != zone for task in serving) / max(1, len(serving))


def _left_zone(situation: Situation) -> str | None:
    """Return the name of the zone that a shift of ours turned away from."""
    view = situation.view
    names = {identity: name for name, identity in view.zone_ids.items()} if view else {}
    shifts = [shift for balancer in (view.balancers if view else ()) for shift in balancer.shifts]
    return next((names.get(s.zone_id) for s in shifts if s.comment.startswith(OURS)), None)
