"""Which deployment may be to blame for trouble at a placement, and which certainly is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.diagnosis.situation import EVENTS_SINCE
from remediation.events.event import TaskChanged
from slo.cells import minute_of, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from collector.estate import Deployment
    from remediation.diagnosis.situation import Situation
    from remediation.history import PastAction
    from slo.cells import Placement

#: Trouble that begins longer than this after a deployment has finished is not laid at its door.
BLAMED_FOR = timedelta(minutes=30)

#: Where no event tells when its first task ran, a deployment serves nobody sooner than this.
FIRST_TASK_AFTER = timedelta(minutes=1)

#: A deployment that appears so soon after a rollback of ours is that rollback.
OURS_WITHIN = timedelta(minutes=5)


def suspect(situation: Situation, placement: Placement, onset: int) -> Deployment | None:
    """Return the deployment that was put in place last before the trouble, if it may be to blame for it.

    What has been replaced since serves nobody, nor does what waits beside it for its first requests; and a
    rollback of our own is not taken back.
    """
    view = situation.views.get(placement)
    deployments = [d for d in (view.deployments if view else ()) if not d.idle]
    before = [d for d in deployments if minute_of(serves_from(situation, placement, d)) <= onset]
    last = max(before, key=lambda deployment: deployment.created_at, default=None)
    if last is None or ours(situation, placement, last):
        return None
    return last if moment_of(onset) - (last.finished_at or situation.at) <= BLAMED_FOR else None


def serves_from(situation: Situation, placement: Placement, deployment: Deployment) -> datetime:
    """Return when the first task of a deployment ran, or without events could have run at the earliest."""
    earliest = deployment.created_at + FIRST_TASK_AFTER
    if situation.at - deployment.created_at > EVENTS_SINCE:
        return earliest
    ran = (
        event.origin.at
        for event in situation.events
        if isinstance(event, TaskChanged)
        and event.placement == placement
        and event.last_status == "RUNNING"
        and event.task_definition == deployment.target.task_definition
        and event.origin.at is not None
        and event.origin.at >= deployment.created_at
    )
    return min(ran, default=earliest)


def ours(situation: Situation, placement: Placement, deployment: Deployment) -> bool:
    """Whether a deployment is a rollback of ours: by what it deploys, and by when we were at it."""
    return any(
        past.placement == placement
        and past.target == deployment.target.task_definition
        and past.carried_out
        and past.started_at - timedelta(seconds=1) <= deployment.created_at <= _until(past, situation.at)
        for past in situation.history
    )


def _until(past: PastAction, at: datetime) -> datetime:
    """Return until when what a rollback of ours did may have appeared."""
    return (past.acted_at or past.ended_at or at) + OURS_WITHIN


def newest(situation: Situation) -> Deployment | None:
    """Return the newest deployment of the focus."""
    deployments = situation.view.deployments if situation.view else ()
    return max(deployments, key=lambda deployment: deployment.created_at, default=None)
