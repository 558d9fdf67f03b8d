"""Which deployment may be to blame for trouble at a placement, and which certainly is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.vocabulary import ActionName
from slo.cells import minute_of, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from collector.estate import Deployment
    from remediation.diagnosis.situation import Situation
    from slo.cells import Placement

#: Trouble that begins longer than this after a deployment has finished is not laid at its door.
BLAMED_FOR = timedelta(minutes=30)

#: A deployment that appears so soon after a rollback of ours is that rollback.
OURS_WITHIN = timedelta(minutes=5)


def suspect(situation: Situation, placement: Placement, onset: int) -> Deployment | None:
    """Return the deployment that was put in place last before the trouble, if it may be to blame for it.

    What has been replaced since serves nobody, and a rollback of our own is not taken back.
    """
    view = situation.views.get(placement)
    before = [d for d in (view.deployments if view else ()) if minute_of(d.created_at) <= onset]
    last = max(before, key=lambda deployment: deployment.created_at, default=None)
    if last is None or ours(situation, placement, last.created_at):
        return None
    return last if moment_of(onset) - (last.finished_at or situation.at) <= BLAMED_FOR else None


def ours(situation: Situation, placement: Placement, created_at: datetime) -> bool:
    """Whether a deployment that was created then is a rollback of ours."""
    return any(
        past.placement == placement
        and past.action is ActionName.ROLLBACK
        and past.acted_at is not None
        and timedelta(0) <= created_at - past.acted_at + timedelta(seconds=1) <= OURS_WITHIN
        for past in situation.history
    )


def newest(situation: Situation) -> Deployment | None:
    """Return the newest deployment of the focus."""
    deployments = situation.view.deployments if situation.view else ()
    return max(deployments, key=lambda deployment: deployment.created_at, default=None)
