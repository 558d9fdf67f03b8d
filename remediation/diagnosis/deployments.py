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
    """Return the newest deployment that began shortly before the trouble and is no rollback of ours."""
    view = situation.views.get(placement)
    began = moment_of(onset)
    candidates = [
        deployment
        for deployment in (view.deployments if view else ())
        if minute_of(deployment.created_at) <= onset
        and began - (deployment.finished_at or situation.at) <= BLAMED_FOR
        and not ours(situation, placement, deployment.created_at)
    ]
    return max(candidates, key=lambda deployment: deployment.created_at, default=None)


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
